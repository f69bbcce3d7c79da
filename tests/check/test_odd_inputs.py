"""check_grad on what nobody plans for: huge and missing numbers, functions that raise, jump or return integers."""

import warnings

import numpy as np
import pytest

from tinygen.check.gradient import check_grad


def flat(report):
    return " ".join(str(report).split())


def test_huge_numbers_are_measured_not_passed():
    x = np.array([1e150, 2e150])
    assert check_grad(lambda x: np.sum(x**2), lambda x: 2 * x, x).verdict == "PASS"
    report = check_grad(lambda x: np.sum(x**2), lambda x: 3 * x, x)
    assert report.verdict == "FAIL" and report.mistakes[0].kind == "factor"


def test_what_cannot_be_measured_is_undecided():
    x = np.array([709.0, 1.0])  # one step further exp is infinite, and so is the derivative times the scale of x
    assert check_grad(lambda x: np.sum(np.exp(x)), lambda x: 1.1 * np.exp(x), x).verdict == "UNDECIDED"


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan])
def test_a_point_that_is_not_finite_is_told(odd):
    report = check_grad(lambda x: np.nansum(np.tanh(x)), lambda x: 1 - np.tanh(x) ** 2, np.array([1.0, odd, 2.0]))
    assert report.verdict == "UNDECIDED" and report.entries[0].where == "x[1]" and "finite" in flat(report)


@pytest.mark.parametrize("error", [RuntimeError, AssertionError, KeyError, IndexError, TypeError])
def test_f_may_raise_anything_close_by(error):
    def f(x):
        if np.any(x < 1):
            raise error("below 1")
        return np.sum(np.sqrt(x))

    assert check_grad(f, lambda x: 0.5 / np.sqrt(x), np.array([1.0, 2.0])).verdict == "PASS"
    assert check_grad(f, lambda x: 0.6 / np.sqrt(x), np.array([1.0, 2.0])).verdict == "FAIL"


def test_a_jump_at_the_point_is_told():
    for f, x in ((np.floor, [1.0, 2.5]), (lambda x: 1.0 * (x > 0), [0.0, 1.0]), (np.sign, [3.0, 0.0])):
        report = check_grad(lambda x, f=f: float(np.sum(f(x))), lambda x: 0 * x, np.array(x))
        assert report.verdict == "UNDECIDED" and "f jumps by 1 at this very point" in flat(report)
    smooth = check_grad(lambda x: 1e12 + np.sum(np.sin(x)), lambda x: 1.001 * np.cos(x) + 1e-9, np.array([1.0, 2.0]))
    assert "jumps" not in flat(smooth)


def test_functions_that_return_integers_or_booleans_are_told():
    x = np.array([1.0, 2.0, 3.0])
    report = check_grad(lambda x: int(100 * np.sum(x) ** 2), lambda x: 200 * np.sum(x) * np.ones(3), x)
    assert report.verdict == "UNDECIDED" and "return a float" in flat(report)
    assert check_grad(lambda x: bool(np.sum(x) > 0), lambda x: 0 * x, x).verdict == "PASS"
    assert check_grad(lambda x: np.uint8(np.sum(x) > 9), lambda x: 0 * x, x).verdict == "PASS"
    with pytest.raises(TypeError, match="got tuple"):
        check_grad(lambda x: (np.sum(x), x), lambda x: x, x)


@pytest.mark.parametrize("x", [np.ones(3, object), np.arange(3), "three"])
def test_no_float_to_differentiate_by(x):
    with pytest.raises(TypeError, match="no float among the arguments"):
        check_grad(lambda x: 1.0, lambda x: x, x)


def test_half_precision(rng):
    x = rng.normal(size=5).astype(np.float16)
    assert check_grad(lambda x: np.sum(x**2), lambda x: 2 * x, x).verdict != "FAIL"
    assert check_grad(lambda x: np.sum(x**2), lambda x: -x, x).verdict == "FAIL"


def test_noise_is_not_taken_for_a_vanishing_gradient():
    draw = np.random.default_rng(5)
    report = check_grad(lambda x: np.sum(x**2) + draw.normal(), lambda x: 2 * x, np.ones(2))
    assert report.verdict == "UNDECIDED" and "draws its own noise" in flat(report)
    assert not any("is 0 here" in note for note in report.notes)


def test_none_in_a_tuple_is_not_checked(rng):
    x, y = rng.normal(size=(2, 5))
    report = check_grad(lambda x, y: x @ y, lambda x, y: (y, None), x, y)
    assert report.verdict == "PASS" and set(report.arrays) == {"x"} and "Not checked" in flat(report)
    assert check_grad(lambda x, y: x @ y, lambda x, y: (y + 1, None), x, y).verdict == "FAIL"
    assert check_grad(lambda x, y: x @ y, lambda x, y: (None, None), x, y).verdict == "FAIL"
    short = check_grad(lambda x, y, z: x @ y + z, lambda x, y, z: (y, x), x, y, 1.0)
    assert short.verdict == "FAIL" and "None for those that are not to be checked" in flat(short)


def test_warnings_of_shrunk_examples_do_not_reach_the_reader(rng):
    u = rng.normal(size=(7, 3))

    def f(x):
        return np.sum(u[: len(x), : x.shape[1]] * x / x.std(0, ddof=1))

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")  # cut to one row, the standard deviation warns
        report = check_grad(f, lambda x: 1.1 * x, rng.normal(size=(7, 3)))
    assert report.verdict == "FAIL" and report.example and not seen


def test_entries_with_only_a_note_print_no_nan():
    from tinygen.check.report import Entry, Report

    for verdict in ("PASS", "FAIL", "UNDECIDED"):
        entries = [Entry("a", verdict, note="said"), Entry("b", verdict, got=1.5, note="no truth"),
                   Entry("c", verdict, got=1.5, expected=2.5)]  # fmt: skip
        for some in (entries, entries[:1], entries[1:2], entries[2:]):
            assert "nan" not in str(Report("f", entries=list(some)))
    assert "got nan, expected 2" in str(Report("f", entries=[Entry("a", "FAIL", expected=2.0, bar=1e-9)]))
