"""The Gaussian diffusion oracle against quadrature and Bayes' rule: it judges others, so nothing of theirs is used."""

import numpy as np
import pytest

from tinygen.oracles.gaussian_diffusion import GaussianDiffusion
from tinygen.oracles.grid_density import pushed, transported

X = np.linspace(-15, 15, 30001)


def bell(x, mean, var):
    return np.exp(-0.5 * (x - mean) ** 2 / var) / np.sqrt(2 * np.pi * var)


@pytest.mark.parametrize("alpha_bar", [0.99, 0.5, 0.01])
def test_marginal_denoiser_and_score_by_quadrature(alpha_bar):
    oracle, z, h = GaussianDiffusion(0.7, 1.9), 0.4, X[1] - X[0]
    joint = bell(X, 0.7, 1.9) * bell(z, np.sqrt(alpha_bar) * X, 1 - alpha_bar)
    mean, c = oracle.marginal(alpha_bar)
    np.testing.assert_allclose(h * joint.sum(), bell(z, mean, c), rtol=1e-10)
    np.testing.assert_allclose((joint @ X) / joint.sum(), oracle.denoised(z, alpha_bar), rtol=1e-10)
    eps = (z - np.sqrt(alpha_bar) * X) / np.sqrt(1 - alpha_bar)
    np.testing.assert_allclose((joint @ eps) / joint.sum(), oracle.noise(z, alpha_bar), atol=1e-10)
    np.testing.assert_allclose(oracle.score(z, alpha_bar), -(z - mean) / c, rtol=1e-14)
    np.testing.assert_allclose(np.exp(oracle.log_prob(X)), bell(X, 0.7, 1.9), rtol=1e-10)


@pytest.mark.parametrize("var", [0.3, 1.0, 4.0])
def test_the_reverse_kernel_by_quadrature(var):
    oracle, beta, alpha_bar, z, h = GaussianDiffusion(0.7, var), 0.3, 0.4, 0.5, X[1] - X[0]
    before = alpha_bar / (1 - beta)
    joint = bell(X, *oracle.marginal(before)) * bell(z, np.sqrt(1 - beta) * X, beta)
    joint /= h * joint.sum()
    mean, kernel_var = oracle.reverse(z, beta, alpha_bar)
    np.testing.assert_allclose(h * (joint @ X), mean, rtol=1e-10)
    np.testing.assert_allclose(h * (joint @ (X - mean) ** 2), kernel_var, rtol=1e-9)
    assert (kernel_var > beta) == (var > 1)


def test_the_flow_keeps_quantiles():
    oracle = GaussianDiffusion(0.7, 3.0)
    np.testing.assert_allclose(oracle.ode_gain(0.1, 0.9), np.sqrt((0.9 * 3 + 0.1) / (0.1 * 3 + 0.9)), rtol=1e-14)


def test_errors():
    with pytest.raises(ValueError, match="above 0"):
        GaussianDiffusion(0.0, [1.0, 0.0])
    with pytest.raises(ValueError, match="expected one of eps, x, v"):
        GaussianDiffusion(0.0, 1.0).least_error(0.5, "score")
    with pytest.raises(ValueError, match="too coarse"):
        pushed(X, X, X, 1e-9)
    with pytest.raises(ValueError, match="does not rise"):
        transported(X, X, -X)


def test_pushing_a_density_through_a_kernel():
    """A mixture through an affine kernel is the mixture with each part carried."""
    grid = np.linspace(-10, 10, 801)
    start = 0.3 * bell(grid, -1, 0.2) + 0.7 * bell(grid, 1.5, 0.5)
    got = pushed(grid, start, 0.5 * grid + 0.2, 0.3)
    expected = 0.3 * bell(grid, -0.3, 0.35) + 0.7 * bell(grid, 0.95, 0.425)
    np.testing.assert_allclose(got, expected, atol=1e-12)
    carried = transported(grid, start, 0.5 * grid + 0.2)
    expected = 0.3 * bell(grid, -0.3, 0.05) + 0.7 * bell(grid, 0.95, 0.125)
    np.testing.assert_allclose(carried, expected, atol=1e-4)
