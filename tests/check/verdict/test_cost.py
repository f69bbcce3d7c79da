"""What a check costs, counted in calls of f; budgets and progress."""

import time

import numpy as np
import pytest

from tinygen.check.gradient import check_grad


def slope(x):
    return np.sin(x) + x * np.cos(x)


def counted(opaque):
    calls = [0]

    def f(x):
        calls[0] += 1
        value = np.sum(x * np.sin(x))
        return float(value) if opaque else value

    return f, calls


@pytest.mark.parametrize("n", [1, 2, 5, 16, 20, 100])
@pytest.mark.parametrize("opaque", [False, True])
def test_calls_of_f(n, opaque):
    x = np.random.default_rng(n).normal(size=n)
    usual = 60 + 20 * min(n, 16)
    f, calls = counted(opaque)
    assert check_grad(f, slope, x).ok and calls[0] <= usual
    if n <= 20 or not opaque:
        f, calls = counted(opaque)
        report = check_grad(f, lambda x: np.sin(x) - x * np.cos(x), x)
        assert report.verdict == "FAIL" and calls[0] <= 3 * usual
        assert report.details["calls"] <= calls[0]


def test_one_wrong_entry_among_many_is_seen_and_named():
    x = np.random.default_rng(0).normal(size=1000)

    def gradient(x):
        g = slope(x)
        g[637] *= 1 + 1e-5
        return g

    report = check_grad(lambda x: np.sum(x * np.sin(x)), gradient, x)
    assert [e.where for e in report.entries if e.verdict == "FAIL"] == ["x[637]"]


def test_a_budget_gives_a_partial_report(capsys):
    def slow(x):
        time.sleep(0.02)
        return float(np.sum(x * np.sin(x)))

    report = check_grad(slow, slope, np.linspace(1, 2, 20), budget=2.5)
    assert report.verdict == "UNDECIDED" and "budget" in str(report)
    assert report.details["seconds"] < 10
    assert "calls of f" in capsys.readouterr().err  # the progress bar
