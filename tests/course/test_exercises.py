"""An exercise reports instead of raising, its test raises, and a wrong value is told which mistake it is."""

import numpy as np
import pytest

from tinygen.check.report import FAIL, PASS, Entry, Report
from tinygen.course import check_value, exercise, finish, yours
from tinygen.course.answers import kl as answers
from tinygen.course.answers.base import Answer, convicts, is_infinite

RNG = np.random.default_rng(11)
MEAN, LOGVAR, EPS = RNG.normal(size=(3, 7, 5))


def double(x):
    return 2 * x


def verdict_of(function, good):
    return Report("inner", [Entry("x", PASS if good else FAIL, 1.0, 2.0, 0.1)])


def test_a_passing_exercise_prints_and_its_test_is_silent(capsys):
    test = exercise(double, lambda f: verdict_of(f, f(2) == 4))
    assert capsys.readouterr().out == "double: PASS\n"
    assert test() is None and test.report.ok and test.report.name == "double"


def test_a_failing_exercise_does_not_raise_but_its_test_does(capsys):
    test = exercise(double, lambda f: verdict_of(f, f(2) == 5))
    assert capsys.readouterr().out == "double: FAIL\n  x: got 1, expected 2 +- 0.1\n"
    with pytest.raises(AssertionError, match="double: FAIL"):
        test()


def test_several_reports_are_one_verdict(capsys):
    test = exercise(double, lambda f: [verdict_of(f, True), verdict_of(f, False)])
    assert not test.report.ok and len(test.report.entries) == 2
    assert exercise(double, lambda f: (verdict_of(f, True), verdict_of(f, True))).report.ok
    assert "double: PASS, 2 comparisons agree" in capsys.readouterr().out


def test_what_is_not_written_says_so(capsys):
    def empty(x):
        raise NotImplementedError("empty is not written yet")

    test = exercise(empty, lambda f: f(1))
    assert capsys.readouterr().out == "empty: FAIL\n  empty is not written yet\n"
    assert not test.report.ok


def test_an_exception_is_shown_with_the_readers_own_line(capsys):
    def broken(x):
        return np.ones(3) @ np.ones(2)

    exercise(broken, lambda f: f(1))
    said = capsys.readouterr().out
    assert "return np.ones(3) @ np.ones(2)" in said and "ValueError" in said and "Traceback" not in said


def test_an_exception_that_the_check_turns_into_a_report_is_still_shown(capsys):
    def broken(x):
        return {}["mean"]

    def check(f):
        try:
            f(1)
        except KeyError:
            return Report("inner", [Entry("x", FAIL, note="the gradient raised")])

    exercise(broken, check)
    assert "KeyError: 'mean'" in capsys.readouterr().out


def test_what_the_check_cannot_use_is_the_readers_to_know(capsys):
    exercise(lambda x: None, lambda f: f(1).get("x"))
    exercise(lambda x: [1], lambda f: f(1) / 2)
    assert "is there a `return`?" in capsys.readouterr().out.split("<lambda>")[1]


def test_a_broken_check_is_not_blamed_on_the_reader():
    with pytest.raises(ZeroDivisionError):
        exercise(double, lambda f: 1 / 0)


def test_yours_falls_back_to_the_package(capsys):
    good, bad = (exercise(double, lambda f, ok=ok: verdict_of(f, ok)) for ok in (True, False))
    assert yours(good, double, abs) is double and yours(bad, double, abs) is abs
    assert "does not pass yet: using the package's" in capsys.readouterr().out


@pytest.mark.parametrize("good", [True, False])
def test_finish_counts(good, capsys):
    names = {"__name__": "not main", "test_double": exercise(double, lambda f: verdict_of(f, good)), "test_other": 3}
    finish(names)
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == ("1 of 1 exercises pass" if good else "0 of 1 exercises pass: left are double")


# ---- values ----------------------------------------------------------------------------------------------------------


def right_kl(mean, logvar):
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, axis=-1)


def judge_kl(function):
    return check_value(function, answers.kl_standard, MEAN, LOGVAR, names=("mean", "logvar"))


def test_the_right_value_passes_written_in_any_way():
    for same in (right_kl, lambda m, l: (np.expm1(l) - l + m * m).sum(1) / 2,
                 lambda m, l: sum(0.5 * (np.exp(l[:, j]) + m[:, j] ** 2 - 1 - l[:, j]) for j in range(m.shape[1]))):
        report = judge_kl(same)
        assert report.ok and len(report.entries) == len(MEAN), str(report)


@pytest.mark.parametrize("relative", [1e-9, 1e-6, 1e-2])
def test_a_small_error_in_one_entry_is_seen(relative):
    def nearly(mean, logvar):
        out = right_kl(mean, logvar)
        out[3] *= 1 + relative
        return out

    report = judge_kl(nearly)
    assert [e.verdict for e in report.entries].count(FAIL) == 1 and report.mistakes == []


@pytest.mark.parametrize(("wrong", "named"), [
    (lambda m, l: -right_kl(m, l), "the result has the wrong sign"),
    (lambda m, l: 2 * right_kl(m, l), "the result is twice what it should be"),
    (lambda m, l: right_kl(m, l) / 2, "a factor 2 is missing"),
    (lambda m, l: right_kl(m, l) / np.log(2), "bits"),
    (lambda m, l: right_kl(m, l) / 5, "1/5 (5 is the length of axis 1 of mean) times"),
    (lambda m, l: 0.5 * np.sum(np.exp(l) + m**2 - l, axis=-1), "constant -1/2 for each dimension is missing"),
    (lambda m, l: 0.5 * np.sum(np.exp(l) - 1 - l, axis=-1), "term 1/2 mean^2 is missing"),
    (lambda m, l: 0.5 * np.sum(np.exp(l) + m**2 - 1 + l, axis=-1), "-1/2 log sigma^2 has the wrong sign"),
    (lambda m, l: 0.5 * np.sum(np.exp(l) + 2 * m**2 - 1 - l, axis=-1), "mean^2 counts twice"),
    (lambda m, l: 0.5 * np.sum(np.exp(l) + m**2 - 1 - l / 2, axis=-1), "log sigma^2 counts half"),
    (lambda m, l: right_kl(m, 2 * l), "logvar was taken for log sigma"),
    (lambda m, l: 0.5 * np.sum(np.exp(2 * l) + m**2 - 1 - l, axis=-1), "in the term 1/2 sigma^2, logvar was taken"),
    (lambda m, l: right_kl(l, m), "mean and logvar have changed places"),
    (lambda m, l: right_kl(m, l).sum(), "sum over the whole batch"),
    (lambda m, l: right_kl(m, l).mean(), "mean over the batch"),
    (lambda m, l: right_kl(m, l)[:, None], "only the shape is not"),
    (lambda m, l: 0.5 * (np.exp(l) + m**2 - 1 - l), "not yet summed over the last axis"),
    (lambda m, l: 0.5 * np.sum(np.exp(l) + m**2, axis=-1)[:, None] - 0.5 * np.sum(1 + l, axis=-1),
     "(7, 1) was combined with one of"),
    (lambda m, l: right_kl(m, l) + 3.25, "off by the same 3.25"),
    (lambda m, l: right_kl(m, l) * np.nan, "not finite"),
    (lambda m, l: "a word", "expected numbers, got text"),
    (lambda m, l: None, "nothing came back"),
])  # fmt: skip
def test_wrong_values_are_named(wrong, named):
    report = judge_kl(wrong)
    assert report.verdict == FAIL
    assert named in "\n".join([*(m.sentence for m in report.mistakes[:1]), *report.notes,
                               *(e.note for e in report.entries)]), str(report)


def test_an_answer_that_changes_its_arguments_cannot_fool_the_check():
    def greedy(mean, logvar):
        mean *= 0
        logvar *= 0
        return np.zeros(len(mean))

    assert judge_kl(greedy).verdict == FAIL


def test_a_known_mistake_is_named_before_all_others_and_also_in_another_shape():
    answer = Answer(lambda x: x**2, {"this is the root": np.sqrt, "this is the sum": lambda x: np.sum(x**2)})
    x = 1.5 + RNG.random(5)
    assert check_value(lambda x: x * x, answer, x).ok
    assert check_value(np.sqrt, answer, x).mistakes[0].sentence == "this is the root"
    assert check_value(lambda x: np.dot(x, x), answer, x).mistakes[0].sentence == "this is the sum"
    assert check_value(lambda x: x**3, answer, x).mistakes == []


def test_a_sum_of_the_right_terms_with_other_factors_is_named_and_nothing_else():
    x, y = RNG.normal(size=(2, 7))
    parts = lambda x, y: {"first part": 3 * x, "second part": np.sin(y)}
    said = [m.sentence for m in check_value(lambda x, y: 3 * x + 0.7 * np.sin(y), parts, x, y).mistakes]
    assert said == ["the second part counts 0.7 times"]
    said = [m.sentence for m in check_value(lambda x, y: 2 * x - 5 * np.sin(y), parts, x, y).mistakes]
    assert said == ["the first part counts 0.6666667 times", "the second part counts -5 times"]
    assert check_value(lambda x, y: 3 * x + np.sin(y) + 1e-6 * y, parts, x, y).mistakes == []
    few = lambda x, y: {name: part[:2] for name, part in parts(x, y).items()}
    assert check_value(lambda x, y: 2 * x[:2], few, x, y).mistakes == []  # two numbers always fit two factors


def test_infinity_is_not_nan_and_not_large():
    verdicts = [is_infinite(lambda x, got=got: got, np.ones(2)).ok for got in (np.inf, -np.inf, np.nan, 1e308)]
    assert verdicts == [True, False, False, False]


def test_only_a_function_on_which_a_gradient_is_wrong_convicts_it():
    wrong_below_zero = lambda x: 2 * abs(x)
    assert convicts(lambda x: x**2, wrong_below_zero, -1.5).ok
    assert not convicts(lambda x: x**2, wrong_below_zero, 1.5).ok


def test_the_parts_of_the_formulas_add_up_to_the_package():
    from tinygen import gaussian

    rng = np.random.default_rng(2)
    x, mean, logvar = rng.normal(size=(3, 4, 6))
    for parts, whole in ((answers.kl_standard(mean, logvar), gaussian.kl_standard(mean, logvar)),
                         (answers.sample(mean, logvar, x), gaussian.sample(mean, logvar, x)),
                         (answers.log_density(x, mean, logvar), gaussian.log_density(x, mean, logvar))):
        np.testing.assert_allclose(sum(parts.values()), whole, rtol=1e-13, atol=1e-13)
