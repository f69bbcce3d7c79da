"""What is asked of every answer, whatever its numbers: its form, the caller's arrays, an end."""

import contextlib
import signal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygen.check import form
from tinygen.check.report import PASS, Entry, Report
from tinygen.course.exercises import exercise, judged, said, yours
from tinygen.course.watch import OutOfTime, Watched, difference, time_limit

X = np.arange(6.0).reshape(2, 3)


def passing(*args):
    return lambda f: [f(*args), Report("inner", [Entry("x", PASS)])][1]


def judged_against(right, function, *args):
    return judged(function, passing(*args), right=right)


@pytest.mark.parametrize(("got", "words"), [
    (lambda x: x.sum(0), "expected a pair (an array of shape (3,), an array of shape (2,)), got an array"),
    (lambda x: (x.sum(0), None), "the second of the pair is None"),
    (lambda x: (x.sum(0), x.sum(1), x), "got a triple"),
    (lambda x: (x.sum(0), x.sum(1).tolist()), "the second of the pair: expected an array of shape (2,)"),
    (lambda x: None, "nothing came back: is there a `return`?"),
    (lambda x: {"a": x}, "a dict with the keys 'a'"),
])  # fmt: skip
def test_the_form_of_a_pair(got, words):
    report = judged_against(lambda x: (x.sum(0), x.sum(1)), got, X)
    assert not report.ok and words in said(report)


@pytest.mark.parametrize("same", [
    lambda x: [x.sum(0), x.sum(0)], lambda x: np.stack([x.sum(0), x.sum(0)]),
    lambda x: (x.sum(0).astype(np.float32), x.sum(0)),
])  # fmt: skip
def test_what_unpacks_like_a_pair_is_one(same):
    assert judged_against(lambda x: (x.sum(0), x.sum(0)), same, X).ok


def test_a_flat_list_is_no_array_and_a_number_may_be_any_number():
    report = judged_against(lambda x: x.sum(0), lambda x: x.sum(0).tolist(), X)
    assert "got a list of 3 numbers: return np.array(...)" in said(report)
    for number in (lambda x: x.sum().item(), lambda x: np.array(x.sum()), lambda x: int(x.sum())):
        assert judged_against(lambda x: x.sum(), number, X).ok


def test_a_list_of_rows_is_handed_on_as_an_array(capsys):
    test = exercise(lambda: None, passing())
    test.report.details["lists"] = True
    assert yours(test, lambda x: list(x), None)(X).shape == (2, 3)


@pytest.mark.parametrize("change", [
    lambda x: x.fill(0), lambda x: x.sort(axis=0) or np.negative(x, out=x), lambda x: x.__isub__(1e-9),
    lambda x: np.put(x, 3, np.nan), lambda x: x.resize((3, 2), refcheck=False),
])  # fmt: skip
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [{"W": x}], lambda x: (0, x)])
def test_the_callers_arrays_stay_as_they_were(change, wrap):
    def greedy(params):
        x = params
        while not isinstance(x, np.ndarray):
            x = x[1] if isinstance(x, tuple) else x[0]["W"]
        change(x)
        return 0.0

    mine = wrap(X + 0.5)
    report = judged_against(lambda params: 0.0, greedy, mine)
    assert "it changes its argument params in place" in said(report)
    assert difference(mine, wrap(X + 0.5)) == ""  # and the check's own arrays have not noticed


def test_a_change_in_place_that_the_exercise_asks_for_is_none():
    def move(x):
        x += 1.0

    report = judged_against(move, lambda x: x.__iadd__(1.0) is None or None, X.copy())
    assert report.ok
    same = lambda x: (x[np.isnan(x)], x + 1)[1]
    assert judged_against(same, same, np.array([np.nan, 1.0])).ok


@given(st.integers(0, 2**32 - 1))
def test_a_difference_is_seen_wherever_it_is(seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=rng.integers(1, 4, size=rng.integers(0, 3))) for _ in range(3)]
    other = [a.copy() for a in arrays]
    assert difference(arrays, other) == ""
    i = rng.integers(3)
    index = tuple(rng.integers(n) for n in other[i].shape)
    other[i][index] = np.nextafter(other[i][index], 9)
    assert "was" in difference(arrays, other)


def test_a_generator_that_is_handed_in_is_not_used_up_by_the_comparison():
    draw = lambda rng: rng.normal(size=3)
    rng = np.random.default_rng(3)
    check = lambda f: [f(rng), Report("inner", [Entry("x", PASS)])][1]
    assert judged(draw, check, right=draw).ok
    assert rng.normal() == np.random.default_rng(3).normal(size=4)[3]


def test_functions_and_objects_are_passed_on_as_they_are():
    seen = []
    watched = Watched(lambda f, o: seen.append((f, o)))
    watched(min, watched)
    assert seen == [(min, watched)] and watched.__name__ == "<lambda>"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
def test_time_is_up_and_limits_nest():
    def endless():
        while True:
            try:
                sum(range(999))
            except Exception:  # takes nothing that ends it
                pass

    report = judged(endless, lambda f: f(), seconds=0.2)
    assert "not finished after 0.2 s" in said(report) and "line" in said(report)
    with contextlib.suppress(OutOfTime), time_limit(0.3):
        assert "not finished" in said(judged(endless, lambda f: f(), seconds=0.1))
        endless()
        raise AssertionError
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_numbers_that_differ_never_look_equal():
    for off in (1e-3, 1e-7, 1e-10, 1e-15):
        one, other = form.distinct(1.0, 1.0 + off)
        assert one != other
