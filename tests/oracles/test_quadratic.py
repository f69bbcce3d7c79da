"""The moments of the two gradient estimators against quadrature over the noise, each draw by automatic derivative."""

import numpy as np
import pytest

import tinygen as tg
from tinygen import gaussian
from tinygen.oracles import quadratic
from tinygen.oracles.quadrature import gauss_hermite


def draws(surrogate, m, s):
    """The estimate of the gradient by (m, s) at each of 9 nodes, exact for the 8th powers in its variance."""
    eps, weights = gauss_hermite(1, 9)
    return np.array([tg.grad(surrogate, argnums=(0, 1))(m, s, e) for e in eps]), weights


def check(moments, estimates, weights):
    mean = weights @ estimates
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(moments.var, weights @ (estimates - mean) ** 2, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("m, s, c", [(2.0, 0.5, 1.0), (0.3, 1.7, 0.3), (-1.1, 0.9, 0.4)])
def test_reparameterised(m, s, c):
    check(quadratic.reparameterised(m, s, c), *draws(lambda m, s, e: np.sum((m + s * e - c) ** 2), m, s))


@pytest.mark.parametrize("m, s, c", [(2.0, 0.5, 1.0), (0.3, 1.7, 0.3), (-1.1, 0.9, 0.4)])
@pytest.mark.parametrize("baseline", [0.0, 1.3])
def test_score_function(m, s, c, baseline):
    def surrogate(mean, std, e):
        z = m + s * e  # no path
        log_q = gaussian.log_density(z, mean, 2 * np.log(std))
        return np.sum((z - c) ** 2 - baseline) * log_q

    check(quadratic.score_function(m, s, c, baseline=baseline), *draws(surrogate, m, s))


@pytest.mark.parametrize("m, s, c, L", [(2.0, 0.5, 1.0, 3.0), (0.3, 1.7, 0.3, 0.4), (0.4, 0.5, 0.4, 4.0)])
def test_sticking_the_landing(m, s, c, L):
    def path(mean, std, e):
        z = mean + std * e
        return np.sum(-0.5 * L * (z - c) ** 2) - gaussian.log_density(z, np.array([m]), np.array([2 * np.log(s)]))

    check(quadratic.sticking_the_landing(m, s, c, L), *draws(path, m, s))


def test_the_plain_gradient_of_the_bound_has_the_mean_of_the_path_and_its_own_variance():
    m, s, c, L = 2.0, 0.5, 1.0, 3.0
    plain = quadratic.Moments(
        quadratic.sticking_the_landing(m, s, c, L).mean, 0.25 * L**2 * quadratic.reparameterised(m, s, c).var
    )
    check(plain, *draws(lambda m, s, e: np.sum(-0.5 * L * (m + s * e - c) ** 2) + np.log(s), m, s))


def test_the_lowest_variance_is_at_the_baselines_that_the_page_names():
    m, s, c = -1.1, 0.9, 0.4
    d2 = (m - c) ** 2
    var = lambda b: quadratic.score_function(m, s, c, baseline=b).var
    for i, best in enumerate((d2 + 3 * s**2, d2 + 5 * s**2)):
        assert var(best)[i] < min(var(best - 0.1)[i], var(best + 0.1)[i])
