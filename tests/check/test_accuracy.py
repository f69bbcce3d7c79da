"""Functions worse than their rounding: solvers, tables, cancellation, chaos. Only gross mistakes FAIL there."""

import numpy as np
import pytest

from tinygen.check.gradient import check_grad
from tinygen.measure.scatter import scatter

A = np.array
TIMES = np.linspace(0, 3, 7)
EPS = np.finfo(float).eps


def decay(k):
    return float(np.sum(-TIMES * np.exp(-k * TIMES)))


def odeint(k):
    from scipy.integrate import odeint

    return float(np.sum(odeint(lambda y, t: -k * y, 1.0, TIMES)))


def solve_ivp(k):
    from scipy.integrate import solve_ivp

    return float(np.sum(solve_ivp(lambda t, y: -k * y, (0, 3), [1.0], t_eval=TIMES).y))


def bisection(a):
    """The root of x + x^3 = a, to 1e-6."""
    low, high = -10.0, 10.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if middle + middle**3 < float(a) else (low, middle)
    return low


def bisected(a):
    return 1 / (1 + 3 * bisection(a) ** 2)


GRID = np.linspace(-4, 4, 4001)
TABLE = {
    "odeint": (odeint, decay),
    "solve_ivp": (solve_ivp, decay),
    "a bisection": (bisection, bisected),
    "a table": (lambda x: float(np.interp(x, GRID, np.sin(GRID))), np.cos),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_solver_or_table_inside(name):
    f, gradient = TABLE[name]
    x = 0.713
    report = check_grad(f, gradient, x)
    assert report.verdict != "FAIL", str(report)
    for factor in (-1.0, 2.0):
        assert check_grad(f, lambda x, c=factor: c * gradient(x), x).verdict == "FAIL"


def test_how_accurate_f_is_is_said():
    report = check_grad(odeint, decay, 0.7)
    assert report.verdict == "UNDECIDED" and "f itself is only accurate to about" in str(report)


def test_a_bar_of_f_itself_and_rtol():
    f = lambda k: (solve_ivp(k), 1e-4)
    assert check_grad(f, decay, 0.7).verdict == "UNDECIDED" and "off by up to" in str(check_grad(f, decay, 0.7))
    assert check_grad(f, lambda k: 2 * decay(k), 0.7).verdict == "FAIL"
    precise = lambda k: (float(np.sum(np.exp(-k * TIMES))), 1e-9)
    report = check_grad(precise, lambda k: 2 * decay(k), 0.7)
    assert report.verdict == "FAIL" and report.mistakes[0].kind == "factor"
    report = check_grad(solve_ivp, decay, 0.7, rtol=1e-2)
    assert report.ok and "rtol" in str(report)
    assert check_grad(solve_ivp, lambda k: 1.05 * decay(k), 0.7, rtol=1e-2).verdict == "FAIL"
    exact = lambda x: (np.sum(x**2), 0.0)
    assert check_grad(exact, lambda x: 2 * x, A([1.0, 2.0])).ok
    with pytest.raises(ValueError, match=r"read as \(value, bar\)"):
        check_grad(lambda x: (np.sum(x), -np.sum(x)), lambda x: x, A([1.0, 2.0]))


def test_a_gradient_that_comes_from_a_solver():
    from scipy.optimize import minimize

    inner = lambda z, a: np.sum((z - a) ** 2) + 0.1 * np.sum(z**4) + z[0] * z[1]
    best = lambda a: minimize(lambda z: inner(z, a), np.zeros(2), method="BFGS").x
    report = check_grad(lambda a: float(inner(best(a), a)), lambda a: -2 * (best(a) - a), A([0.8, -0.4]))
    assert report.verdict != "FAIL", str(report)


def test_cancellation_is_covered_at_every_point():
    f, sigmoid = lambda x: -np.log(1 - 1 / (1 + np.exp(-x))), lambda x: 1 / (1 + np.exp(-x))
    for x in [10.0, 10.5, 11.5, 12.0, 12.5, *np.random.default_rng(3).uniform(3, 36.7, 25)]:
        with np.errstate(all="ignore"):
            assert check_grad(f, sigmoid, float(x)).verdict != "FAIL", x
            assert check_grad(f, lambda x: -sigmoid(x), float(x)).verdict != "PASS"
    report = check_grad(f, sigmoid, 36.0)
    assert report.verdict == "UNDECIDED" and "log1p" in str(report)


def test_saturation():
    softmax = lambda x: np.exp(x) / np.sum(np.exp(x))
    f = lambda x: -np.log(np.exp(x[0]) / np.sum(np.exp(x)))
    x = A([40.0, 0.0, -5.0])
    assert check_grad(f, lambda x: softmax(x) - A([1.0, 0, 0]), x).verdict != "FAIL"
    assert check_grad(f, lambda x: softmax(x) + A([1.0, 0, 0]), x).verdict != "PASS"


def test_infinite_slopes():
    f, x = lambda x: np.sum(np.sqrt(x)), A([0.0, 1.0])
    with np.errstate(all="ignore"):
        report = check_grad(f, lambda x: 0.5 / np.sqrt(x), x)
    assert report.verdict == "PASS", str(report)
    assert check_grad(f, lambda x: A([-np.inf, 0.5]), x).verdict == "FAIL"
    assert check_grad(f, lambda x: A([np.inf, 0.7]), x).verdict == "FAIL"
    assert check_grad(f, lambda x: A([0.0, 0.5]), x).verdict != "PASS"
    assert check_grad(lambda x: np.sum(x**2), lambda x: A([np.inf, 2.0]), A([0.0, 1.0])).verdict == "FAIL"


def logistic(x, steps, r=3.9):
    """The logistic map after some steps, and its derivative."""
    d = 1.0
    for _ in range(steps):
        d, x = d * r * (1 - 2 * x), r * x * (1 - x)
    return x, d


@pytest.mark.parametrize("steps", [10, 30, 50, 60, 200])
def test_chaos_is_undecided(steps):
    f, gradient = (lambda x: logistic(x, steps)[0]), (lambda x: logistic(x, steps)[1])
    report = check_grad(f, gradient, 0.3)
    assert report.verdict in (("PASS", "UNDECIDED") if steps < 40 else ("UNDECIDED",)), str(report)
    if steps == 10:
        assert report.ok and check_grad(f, lambda x: -gradient(x), 0.3).verdict == "FAIL"


def test_scatter_sees_no_inaccuracy_where_there_is_none():
    rng = np.random.default_rng(4)
    clean = [np.sin, np.exp, lambda t: 1 / (1.2 + t), lambda t: np.sin(40 * t), lambda t: t**2 + np.sin(3e3 * t)]
    assert not any(scatter(f, EPS) for f in clean)
    W, X = rng.normal(size=40), rng.normal(size=40)
    assert not scatter(lambda t: np.sum(W * np.maximum(X + t, 0)), EPS)  # kinks that are f's own
    assert not scatter(lambda t: abs(t) + t**3, EPS) and not scatter(lambda t: max(t, np.sin(2 * t)), EPS)
    assert not scatter(lambda t: max(t + 0.05, 0.0), EPS) and not scatter(lambda t: max(t - 0.05, 0.0), EPS)
    assert not scatter(lambda t: np.sin(t) + (t > 0.02), EPS)  # so is a jump
    for size in (1e-12, 1e-9, 1e-6):
        rounded = lambda t, s=size: float(np.round(np.sin(t + 0.3) / s) * s)
        assert size / 10 < scatter(rounded, EPS) < 100 * size
    assert scatter(lambda t: logistic(0.3 + 0.3 * t, 100)[0], EPS) == np.inf


@pytest.mark.parametrize("x", [A([0.0]), A([0.0, 1.0, 2.0]), A([0.0, 0.0, -1.0, 0.5])])
def test_a_kink_of_an_f_that_cannot_be_recorded_is_no_chaos(x):
    class F:
        def __call__(self, x):
            return float(np.sum(abs(x)))

    assert check_grad(F(), np.sign, x).ok
    report = check_grad(F(), lambda x: np.sign(x) + 2.0 * (x == 0), x)
    assert report.verdict == "FAIL" and "not smooth here" not in str(report)
