"""The bars of `measure` cover the true error, and not by far more than it; those of `integrate` too."""

import math

import numpy as np
import pytest

import tinygen as tg
from tinygen.measure.rounding import approximate, integrate, measure

LONG = np.finfo(np.longdouble).eps < 1e-18  # not so on every platform
SMOOTH = {
    "cancelling": lambda x, y: (1 + x) - 1,
    "difference of squares": lambda x, y: x**2 - y**2,
    "log of a sum": lambda x, y: np.log(np.exp(100 * x) + np.exp(100 * y)),
    "variance by moments": lambda x, y: np.mean((x + Z) ** 2) - np.mean(x + Z) ** 2,
    "kl": lambda x, y: 0.5 * (np.exp(x) + y**2 - 1 - x),
    "product": lambda x, y: np.sum((A @ (x * Z + y)) * np.cos(Z)),
    "steep": lambda x, y: np.exp(30 * np.sin(x)) / (1 + y**2),
}
Z = np.linspace(-1, 2, 7).astype(np.longdouble)
A = np.cos(np.arange(49.0)).reshape(7, 7).astype(np.longdouble)


@pytest.mark.skipif(not LONG, reason="no wider float to compare with on this platform")
@pytest.mark.parametrize("name", SMOOTH)
def test_the_bar_covers_the_rounding_and_is_not_far_wider(name, monkeypatch):
    f, rng, ratios = SMOOTH[name], np.random.default_rng(3), []
    for _ in range(60):
        x, y = rng.normal() * 10.0 ** rng.uniform(-9, 0), rng.normal()
        exact = f(np.longdouble(x), np.longdouble(y))
        with monkeypatch.context() as patch:
            patch.setitem(globals(), "Z", Z.astype(float))
            patch.setitem(globals(), "A", A.astype(float))
            found = measure(f, dict(x=x, y=y))
        assert found.followed
        error = abs(np.longdouble(found.value) - exact)
        assert error <= found.bar
        ratios.append(float(error / found.bar))
    assert max(ratios) > 1e-3  # at the worst point the bar is within a factor 1000 of the error


def test_every_entry_of_an_array_has_its_bar():
    found = measure(lambda x: np.stack([x - 1, 1e8 * x]), dict(x=1.0 + 1e-9))
    assert found.bar.shape == (2,)
    assert 1e-17 < found.bar[0] < 1e-14 < 1e-9 < found.bar[1] < 1e-6


def test_a_function_that_leaves_numpy_is_measured():
    found = measure(lambda x: math.exp(30 * math.sin(x)), dict(x=1.1))
    assert not found.followed
    assert 1e-16 < found.bar / found.value < 1e-11


def test_pairs_are_taken_as_they_stand_and_arguments_stay_what_they_are():
    found = measure(lambda x, n, word: (x**n, 0.25), dict(x=3.0, n=2, word="kept"))
    assert (found.value, found.bar) == (9.0, 0.25)
    with pytest.raises(ValueError, match="expected a number"):
        measure(lambda x: "nothing", dict(x=1.0))
    with pytest.raises(ZeroDivisionError):
        measure(lambda x: 1 // 0, dict(x=1.0))


def test_what_is_said_of_an_intermediate_value_arrives_by_the_chain_rule():
    found = measure(lambda x: np.log(approximate(5 * x, 1e-3)), dict(x=2.0))
    assert found.bar == pytest.approx(1e-4, rel=1e-9)


def test_the_integral_is_within_its_bar_and_the_bar_sees_a_coarse_grid():
    bump = lambda a: lambda z: np.exp(-0.5 * (z - a) ** 2)
    fine = measure(lambda a: integrate(bump(a), a, 1.0), dict(a=0.7))
    coarse = measure(lambda a: integrate(bump(a), a, 1.0, points=13), dict(a=0.7))
    cut = measure(lambda a: integrate(bump(a), a, 1.0, width=3.0), dict(a=0.7))
    truth = np.sqrt(2 * np.pi)
    assert abs(fine.value - truth) <= fine.bar < 1e-13
    assert coarse.bar > 1e-2 and abs(coarse.value - truth) <= coarse.bar
    assert 1e-3 < abs(cut.value - truth) <= cut.bar


def test_the_bar_of_an_integral_goes_through_nonlinear_functions_and_derivatives():
    f = lambda a: np.log(integrate(lambda z: np.exp(-0.5 * a * z**2), 0.0, 1.0, points=21))
    found = measure(f, dict(a=1.0))
    assert 1e-9 < found.bar < 1e-1 and abs(found.value - 0.5 * np.log(2 * np.pi)) <= found.bar
    slope = measure(lambda a: tg.grad(lambda a: np.log(integrate(lambda z: np.exp(-0.5 * a * z**2))))(a), dict(a=2.0))
    assert slope.followed and slope.value == pytest.approx(-0.25, abs=1e-12)


def test_integrals_over_several_axes_and_bad_grids():
    found = measure(
        lambda s: integrate(lambda x, y: np.exp(-0.5 * (x**2 + (y / s - 1) ** 2)), [0.0, s], [1.0, s]), dict(s=3.0)
    )
    assert abs(found.value - 2 * np.pi * 3) <= found.bar < 1e-10
    with pytest.raises(ValueError, match="odd"):
        integrate(np.exp, points=10)
    with pytest.raises(ValueError, match="keep its axes"):
        integrate(lambda z: np.sum(z))


@pytest.mark.skipif(not LONG, reason="no wider float to compare with on this platform")
def test_the_measured_bar_covers_the_rounding_too():
    rng = np.random.default_rng(0)
    for _ in range(60):
        x, y = rng.normal(size=2)
        steep = lambda x, y: math.exp(30 * math.sin(float(x))) / (1 + float(y) ** 2)
        found = measure(steep, dict(x=float(x), y=float(y)))
        exact = np.exp(30 * np.sin(np.longdouble(x))) / (1 + np.longdouble(y) ** 2)
        assert not found.followed and abs(found.value - exact) <= found.bar < 1e-11 * abs(found.value)
