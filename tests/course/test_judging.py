"""What an answer is asked for beside its numbers at one point: real numbers, others too, other calls, other forms."""

import types

import numpy as np
import pytest

from tinygen.check import check_grad
from tinygen.course import check_value
from tinygen.course.answers.base import Answer
from tinygen.course.exercises import _together, judged, said

X = np.random.default_rng(5).normal(size=7)


def told(report):
    assert not report.ok
    return said(report)


def product(x, h):
    return x * h


def test_a_number_in_the_place_of_an_argument_is_named():
    assert check_value(product, product, X, 0.3, names="xh").ok
    fixed = told(check_value(lambda x, h: 0.3 * x, product, X, 0.3, names="xh"))
    assert "right where h is 0.3, and only there" in fixed
    both = told(check_value(lambda x, a, b: x * 0.06, lambda x, a, b: x * a * b, X, 0.3, 0.2, names="xab"))
    assert "does a number stand in place of an argument" in both
    assert check_value(lambda x, n: x * 3, lambda x, n: x * n, X, 3).ok  # whole numbers are sizes: they stay


@pytest.mark.parametrize(("wrong", "words"), [
    (lambda x: x + 1e-9j, "an array of complex numbers"),
    (lambda x: x.astype(object), "an array of Python objects"),
    (lambda x: np.array([str(a) for a in x]), "an array of text"),
])  # fmt: skip
def test_what_is_no_real_number_is_refused(wrong, words):
    assert words in told(check_value(wrong, lambda x: x, X))


def test_text_and_complex_numbers_are_no_number():
    assert "got text" in told(check_value(lambda x: str(x.sum()), np.sum, X))
    assert "a complex number" in told(check_value(lambda x: x.sum() + 0j, np.sum, X))


def test_a_missing_sum_or_mean_is_named():
    assert "not yet summed" in told(check_value(lambda x: x, np.sum, X))
    assert "their mean is not yet taken" in told(check_value(lambda x: x, np.mean, X))
    table = np.outer(X, X[:5])
    assert "not yet summed over axis 0" in told(check_value(lambda x: x, lambda x: x.sum(0), table))


def pair(x):
    return x, x[:3].copy()


def test_the_parts_of_a_pair_of_different_shapes_are_called_by_name():
    wanted = dict(parts=("the point", "the log det"))
    assert check_value(pair, pair, X, **wanted).ok and check_value(lambda x: list(pair(x)), pair, X, **wanted).ok
    assert "the log det has the wrong sign" in told(check_value(lambda x: (x, -x[:3]), pair, X, **wanted))
    assert "the log det[2]: got" in told(check_value(lambda x: (x, x[:3] + np.array([0, 0, 0.1])), pair, X, **wanted))
    shape = told(check_value(lambda x: (x, x[:3, None]), pair, X, **wanted))
    assert "the log det: expected an array of shape (3,), got an array of shape (3, 1)" in shape
    assert "expected a pair" in told(check_value(lambda x: x, pair, X, **wanted))
    known = Answer(pair, {"this is known": lambda x: (2 * x, x[:3])})
    assert check_value(lambda x: (2 * x, x[:3]), known, X).mistakes[0].sentence == "this is known"


def test_parts_that_have_changed_places_are_called_by_name():
    one, two = X[:3], X[3:6]
    report = check_value(lambda x: (two, one), lambda x: np.stack([one, two]), X, parts=("dF/dm", "dF/ds"))
    assert "dF/dm and dF/ds have changed places" in told(report)


def test_an_offset_is_named_by_what_is_lost_in_logarithms():
    report = check_value(lambda x: x + 1.5 * np.log(2 * np.pi), lambda x: x, X)
    assert "3 times 1/2 ln(2 pi)" in told(report)
    assert "which is" not in told(check_value(lambda x: x + 2.7, lambda x: x, X))


def test_of_several_checks_only_what_explains_each_is_named():
    answer = Answer(np.sin, {"this is x": lambda x: x, "this is 0": lambda x: 0 * x})
    both = _together("f", [check_value(lambda x: x, answer, X), check_value(lambda x: x, answer, np.zeros(2) + 0.5)])
    assert [mistake.sentence for mistake in both.mistakes] == ["this is x"]
    different = _together("f", [check_value(lambda x: 7 * x, np.positive, X[:7], names="x"),
                                check_value(lambda x: 7 * x, np.positive, X[:2], names="x")])  # fmt: skip
    assert len({mistake.kind for mistake in different.mistakes}) == len(different.mistakes)


def lesson_with(check_source, source):
    """The functions `f` and `check` of a module with a generator `rng`."""
    names = vars(types.ModuleType("a_lesson")) | {"np": np, "check_value": check_value,
                                                   "check_grad": check_grad, "rng": np.random.default_rng(3)}
    exec(source + "\n" + check_source, names)
    return names


CHECK = "def check(f):\n    return check_value(f, lambda x: x**2, rng.normal(size=5))"


def test_an_answer_that_keeps_something_from_call_to_call_is_refused():
    names = lesson_with(CHECK, "kept = []\ndef f(x):\n    kept.append(x**2)\n    return kept[0]")
    report = judged(names["f"], names["check"], right=lambda x: x**2, others={})
    assert "right the first time, and wrong at other numbers" in told(report)


def test_judging_once_more_leaves_the_lessons_random_numbers_alone():
    names, once = (lesson_with(CHECK, "def f(x):\n    return x * x") for _ in range(2))
    assert judged(names["f"], names["check"], right=lambda x: x**2, others={}).ok
    once["rng"].normal(size=5)
    assert names["rng"].normal() == once["rng"].normal()


def test_what_nearly_agrees_is_no_other_estimate():
    from tinygen.course.answers.base import either

    draw = lambda f, rng: f(np.ones((2000, 1)), rng.standard_normal((2000, 1)))
    of = lambda mean, eps: (mean + eps)[:, 0]
    args = np.ones((7, 1)), np.random.default_rng(0).normal(size=(7, 1))
    assert either(lambda mean, eps: (mean - eps)[:, 0], of, draw, 1.0, *args).ok
    for wrong in (lambda *a: of(*a)[::-1].copy(), lambda *a: np.roll(of(*a), 1), lambda *a: of(*a) * (1 + 1e-6),
                  lambda *a: of(*a) + 1e-3, lambda *a: of(*a) * 1.05):
        assert not either(wrong, of, draw, 1.0, *args).ok


def test_an_argument_that_is_changed_is_called_as_the_right_function_calls_it():
    def theirs(*args, **kw):  # as a function in another process is called
        args[0][:] = 0
        return args[0].copy()

    check = lambda f: check_value(f, lambda logvar: 0 * logvar, np.ones(3), names=("logvar",))
    assert "it changes its argument logvar in place" in told(judged(theirs, check, lambda logvar: 0 * logvar, {}))


def test_what_did_not_come_back_is_said_once():
    names = lesson_with(CHECK, "def f(x):\n    x**2")
    report = judged(names["f"], names["check"], right=lambda x: x**2, others={})
    assert told(report).count("nothing came back") == 1


def test_float32_in_several_checks_is_judged_to_its_precision():
    names = lesson_with("def check(f):\n    return [check_grad(lambda x: np.sum(x**3), f, rng.normal(size=n)) for n in "
                        "(3, 5)]", "def f(x):\n    return np.float32(3 * x**2)")  # fmt: skip
    assert judged(names["f"], names["check"], right=lambda x: 3 * x**2, others={}).ok
