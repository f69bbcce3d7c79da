"""What a check costs, counted in calls of f; budgets and progress."""

import time

import numpy as np
import pytest

from tinygen.check.gradient import check_grad


def slope(x):
    return np.sin(x) + x * np.cos(x)


class Counted:
    """f that counts its calls. opaque: it ends in float(), in a form of which no copy can be recorded."""

    def __init__(self, f, opaque):
        self.f, self.opaque, self.calls = f, opaque, 0

    def __call__(self, x):
        self.calls += 1
        return float(self.f(x)) if self.opaque else self.f(x)


def softmax(x):
    return np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x)))


FUNCTIONS = {
    "sum(x sin x)": (lambda x: np.sum(x * np.sin(x)), slope),
    "log-sum-exp": (lambda x: np.log(np.sum(np.exp(x))), softmax),
}
WRONG = {
    "sign": lambda g, x: -g(x),
    "one entry": lambda g, x: g(x) + 0.3 * (np.arange(x.size) == x.size // 2),
    "noise": lambda g, x: g(x) * (1 + 0.3 * np.cos(7.0 * np.arange(x.size) ** 2)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("n", [1, 5, 20, 100, 1000])
@pytest.mark.parametrize("opaque", [False, True])
def test_calls_of_f(n, opaque, name):
    f, gradient = FUNCTIONS[name]
    x = np.random.default_rng(n).normal(size=n)
    usual = 60 + 20 * min(n, 16)
    counted = Counted(f, opaque)
    assert check_grad(counted, gradient, x).ok and counted.calls <= usual
    for wrong, spoil in WRONG.items():
        if name == "log-sum-exp" and n == 1 and wrong == "noise":  # its gradient is 1: any factor is a number
            continue
        counted = Counted(f, opaque)
        report = check_grad(counted, lambda x: spoil(gradient, x), x)  # noqa: B023
        assert report.verdict == "FAIL" and counted.calls <= 3 * usual, wrong
        assert report.details["calls"] <= counted.calls
        if wrong == "sign":
            assert report.mistakes[0].kind == "sign"
        if wrong == "one entry" and n > 1:
            assert [e.where for e in report.entries if e.verdict == "FAIL"] == [f"x[{n // 2}]"]


@pytest.mark.parametrize("opaque", [False, True])
def test_a_plain_def_that_ends_in_float_costs_no_more(opaque):
    calls = [0]

    def f(x):
        calls[0] += 1
        return float(np.sum(x * np.sin(x)))

    x = np.random.default_rng(3).normal(size=1000)
    assert check_grad(f, slope, x).ok and calls[0] <= 380
    calls[0] = 0
    report = check_grad(f, lambda x: 2 * slope(x), x)
    assert report.verdict == "FAIL" and calls[0] <= 1140 and report.mistakes[0].kind == "factor"


@pytest.mark.parametrize("size", [1e-6, -3e-4])
@pytest.mark.parametrize("i", [0, 637, 999])
def test_a_small_error_in_a_small_entry_of_an_opaque_f_is_seen(size, i):
    x = np.random.default_rng(5).normal(size=1000)
    x[i] = 0.01  # an entry of .02 among those of 1
    right = slope(x)
    wrong = right.copy()
    wrong[i] *= 1 + 2 * size
    counted = Counted(lambda x: np.sum(x * np.sin(x)), True)
    assert check_grad(counted, lambda x: right, x).ok
    assert check_grad(counted, lambda x: wrong, x).verdict == "FAIL"


def test_one_wrong_entry_among_many_is_seen_and_named():
    x = np.random.default_rng(0).normal(size=1000)

    def gradient(x):
        g = slope(x)
        g[637] *= 1 + 1e-5
        return g

    report = check_grad(lambda x: np.sum(x * np.sin(x)), gradient, x)
    assert [e.where for e in report.entries if e.verdict == "FAIL"] == ["x[637]"]


RELU = np.random.default_rng(8).normal(size=(20, 1000)) / 30
SCALES = 10.0 ** np.random.default_rng(9).uniform(-4, 4, 1000)
OTHERS = {  # f, its gradient, the calls of a right one
    "a ReLU network": (lambda x: np.sum(np.maximum(RELU @ x, 0)), lambda x: RELU.T @ (RELU @ x > 0), 380),
    "most do not count": (lambda x: np.sum(x[:10] ** 2), lambda x: 2 * x * (np.arange(1000) < 10), 380),
    "of many scales": (lambda x: np.sum(np.sin(x / SCALES)), lambda x: np.cos(x / SCALES) / SCALES, 380),
}


@pytest.mark.parametrize("name", OTHERS)
def test_calls_of_an_opaque_f_of_a_thousand_numbers(name):
    f, gradient, usual = OTHERS[name]
    x = np.random.default_rng(6).normal(size=1000) * (SCALES if name == "of many scales" else 1.0)
    counted = Counted(f, True)
    assert check_grad(counted, gradient, x).ok and counted.calls <= usual
    counted = Counted(f, True)
    assert check_grad(counted, lambda x: 1.1 * gradient(x), x).verdict == "FAIL" and counted.calls <= 3 * usual


def test_a_hopeless_f_is_given_up_after_a_sample():
    x = np.random.default_rng(6).normal(size=1000).astype(np.float32)
    counted = Counted(lambda x: np.float32(np.sum(x * np.sin(x))), False)
    report = check_grad(lambda x: np.float32(counted(x)), slope, x)
    assert report.verdict == "UNDECIDED" and counted.calls < 4000
    assert check_grad(lambda x: np.float32(counted(x)), lambda x: -slope(x), x).verdict == "FAIL"


def test_wrong_at_kinks_is_no_hopeless_case():
    x = np.random.default_rng(6).normal(size=300)
    x[::3] = 0
    counted = Counted(lambda x: np.sum(abs(x)), True)
    assert check_grad(counted, np.sign, x).ok
    assert check_grad(counted, lambda x: np.sign(x) + 2.0 * (x == 0), x).verdict == "FAIL"


def slow(calls, seconds=0.02):
    def f(x):
        calls[0] += 1
        time.sleep(seconds)
        return float(np.sum(x * np.sin(x)))

    return f


@pytest.mark.parametrize("budget", [0.1, 0.6, 1.3, 2.5])
@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_a_budget_gives_a_partial_report(budget, factor, capsys):
    calls = [0]
    begin = time.perf_counter()
    report = check_grad(slow(calls), lambda x: factor * slope(x), np.linspace(1, 2, 20), budget=budget)
    assert time.perf_counter() - begin < budget + 1
    assert report.verdict != "PASS" and (factor == -1 or report.verdict == "UNDECIDED")
    assert "The budget of" in str(report)
    if budget == 2.5:
        assert "calls of f" in capsys.readouterr().err  # the progress bar
        assert factor == 1 or report.verdict == "FAIL"


def test_what_the_first_calls_say_is_said():
    report = check_grad(slow([0], 0.05), lambda x: -slope(x), np.linspace(1, 2, 20), budget=0.5)
    assert report.verdict == "UNDECIDED" and "the gradient says" in str(report) and "first calls of f" in str(report)


def test_the_budget_is_that_of_all_values_together():
    def f(x):
        time.sleep(0.01)
        return np.array([float(np.sum(x**2)), float(x[0]), float(x[1] ** 3)])

    jacobian = lambda x: np.array([3 * x, [1, 0], [0, 3 * x[1] ** 2]])
    begin = time.perf_counter()
    report = check_grad(f, jacobian, np.array([0.5, -0.7]), budget=3)
    assert report.verdict == "FAIL" and time.perf_counter() - begin < 5
