"""Flow matching on Gaussian data, of which path, velocity and output are known."""

import numpy as np
import pytest

import tinygen as tg
from tinygen.measure import numeric
from tinygen.models.diffusion import flow_matching
from tinygen.models.diffusion.flow_matching import between, steps
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion

ORACLE = GaussianDiffusion(0.5, 3.0)


def exact(z, tau):
    """Var z = tau^2 lam + (1 - tau)^2, Cov[x - eps, z] = tau lam - (1 - tau)."""
    gain = (tau * 3.0 - (1 - tau)) / (tau**2 * 3.0 + (1 - tau) ** 2)
    return 0.5 + gain * (z - tau * 0.5)


@pytest.mark.parametrize("tau", [0.2, 0.5, 0.8])
def test_least_error(tau):
    """lam/((1 - tau)^2 + tau^2 lam): the variance of x - eps that z leaves, here and in the oracle's table."""
    lam, var = 3.0, tau**2 * 3.0 + (1 - tau) ** 2
    left = lam + 1 - (tau * lam - (1 - tau)) ** 2 / var
    np.testing.assert_allclose(left, lam / var, rtol=1e-12)
    r2 = tau**2 + (1 - tau) ** 2
    np.testing.assert_allclose(ORACLE.least_error(tau**2 / r2, "velocity"), lam / var, rtol=1e-12)
    np.testing.assert_allclose(flow_matching.logsnr(tau), np.log(tau**2 / (1 - tau) ** 2), rtol=1e-12)


def test_the_loss_of_the_exact_velocity_is_the_least(rng):
    """Averaged by Gauss-Hermite over x and eps, and more for a net that is a little off."""
    from numpy.polynomial.hermite_e import hermegauss

    node, w = hermegauss(3)
    x, eps = (a.reshape(-1, 1) for a in np.meshgrid(0.5 + np.sqrt(3) * node, node))
    weight = np.outer(w, w).reshape(-1) / w.sum() ** 2
    tau = np.full_like(x, 0.3)
    each = lambda f: sum(p * flow_matching.loss(f, x[i : i + 1], eps[i : i + 1], tau[:1]) for i, p in enumerate(weight))
    np.testing.assert_allclose(each(exact), 3.0 / (0.09 * 3 + 0.49), rtol=1e-12)
    np.testing.assert_allclose(each(lambda z, tau: exact(z, tau) + 0.1), 3.0 / (0.09 * 3 + 0.49) + 0.01, rtol=1e-12)


@pytest.mark.parametrize("solver, order", [("euler", 1), ("heun", 2), ("rk4", 4)])
def test_orders_to_the_exact_gain(solver, order):
    """z - tau m is multiplied by sqrt(Var z_1 / Var z_0) = sqrt(lam)."""
    errors = []
    for n in (40, 80, 160):
        *_, x = steps(exact, np.ones((1, 1)), n, solver=solver)
        errors.append(abs(x[0, 0] - 0.5 - np.sqrt(3.0)))
    assert np.all(np.abs(np.log2(np.array(errors[:-1]) / errors[1:]) - order) < 0.15), errors


def test_hand_derived_gradients(rng):
    x, eps, g = rng.standard_normal((3, 5, 2))
    args = (x, eps, rng.random((5, 1)))
    for i in range(3):
        f = lambda a, f=between, i=i: np.sum(g * f(*args[:i], a, *args[i + 1 :]))
        byhand = tg.grad(f)(args[i])
        automatic = tg.grad(lambda a, f=f: f(a, between.__wrapped__))(args[i])
        np.testing.assert_allclose(byhand, automatic, rtol=1e-12, atol=1e-13)
        expected, bar = numeric.derivative(f, args[i])
        assert np.all(np.abs(byhand - expected) <= bar + 1e-12)


def test_errors():
    with pytest.raises(ValueError, match="'euler', 'heun' or 'rk4'"):
        list(steps(exact, np.ones((1, 1)), 5, solver="leapfrog"))
    for n in (0, 2.5):
        with pytest.raises(ValueError, match="n must be a whole number"):
            list(steps(exact, np.ones((1, 1)), n))
