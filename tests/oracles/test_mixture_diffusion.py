"""The mixture oracle against numeric derivatives, Gaussian special cases, and figures worked out apart."""

import numpy as np
import pytest

from tinygen.measure import numeric
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion
from tinygen.oracles.mixture_diffusion import MixtureDiffusion


@pytest.fixture
def mixture():
    S = np.array([[[0.3, 0.1], [0.1, 0.2]], [[0.15, -0.05], [-0.05, 0.4]], [[0.5, 0.0], [0.0, 0.1]]])
    return MixtureDiffusion([0.2, 0.5, 0.3], [[-1.0, 0.5], [1.0, 0.0], [0.0, -1.2]], S)


@pytest.mark.parametrize("alpha_bar", [0.95, 0.5, 0.05])
def test_score_and_jacobian_are_the_derivatives_of_log_prob(mixture, alpha_bar, rng):
    z = rng.standard_normal((3, 2))
    got, bar = numeric.derivative(lambda z: mixture.log_prob(z, alpha_bar).sum(), z)
    assert np.all(np.abs(mixture.score(z, alpha_bar) - got) <= bar + 1e-12) and bar.max() < 1e-7
    for i in range(2):
        got, bar = numeric.derivative(lambda z, i=i: mixture.score(z, alpha_bar)[:, i].sum(), z)
        assert np.all(np.abs(mixture.score_jacobian(z, alpha_bar)[:, i] - got) <= bar + 1e-12) and bar.max() < 1e-7
        got, bar = numeric.derivative(lambda z, i=i: mixture.denoised(z, alpha_bar)[:, i].sum(), z)
        assert np.all(np.abs(mixture.denoised_jacobian(z, alpha_bar)[:, i] - got) <= bar + 1e-12)


def test_tweedie(mixture, rng):
    """E[x|z] = (z + (1 - a) score)/sqrt(a), and with the noise z is put together again."""
    z, a = rng.standard_normal((5, 2)), 0.6
    np.testing.assert_allclose(mixture.denoised(z, a), (z + (1 - a) * mixture.score(z, a)) / np.sqrt(a), rtol=1e-12)
    again = np.sqrt(a) * mixture.denoised(z, a) + np.sqrt(1 - a) * mixture.noise(z, a)
    np.testing.assert_allclose(again, z, rtol=1e-12)


def test_one_component_is_the_gaussian_oracle(rng):
    one = MixtureDiffusion([1.0], [[0.5, -1.0]], np.diag([0.3, 2.0])[None])
    gaussian = GaussianDiffusion(np.array([0.5, -1.0]), np.array([0.3, 2.0]))
    z = rng.standard_normal((5, 2))
    for a in (0.9, 0.1):
        np.testing.assert_allclose(one.denoised(z, a), gaussian.denoised(z, a), rtol=1e-12)
        np.testing.assert_allclose(one.score(z, a), gaussian.score(z, a), rtol=1e-12)
    np.testing.assert_allclose(one.log_prob(z), gaussian.log_prob(z).sum(1), rtol=1e-12)


def test_the_ideal_denoiser_of_a_data_set_memorises(rng):
    """A softmax over the rows, derived apart; at little noise it gives back the nearest row, with a Jacobian of 0."""
    x, z, a = rng.standard_normal((7, 3)), rng.standard_normal((5, 3)), 0.5
    oracle = MixtureDiffusion.of_data(x)
    weight = np.exp(-np.sum((z[:, None] - np.sqrt(a) * x) ** 2, axis=2) / (2 * (1 - a)))
    np.testing.assert_allclose(oracle.denoised(z, a), weight @ x / weight.sum(1, keepdims=True), rtol=1e-10)
    near = x + 0.01 * rng.standard_normal(x.shape)
    np.testing.assert_allclose(oracle.denoised(near, 0.9999), x, atol=1e-6)
    np.testing.assert_allclose(oracle.denoised_jacobian(near, 0.9999), 0, atol=1e-3)


def test_samples_have_the_mixtures_moments(mixture):
    n = 40000
    x, k = mixture.sample(n, 0)
    assert x.shape == (n, 2) and k.shape == (n,)
    mean = mixture.weights @ mixture.means
    V = mixture.eigenvectors
    second = np.einsum("k,kde,ke,kfe->df", mixture.weights, V, mixture.eigenvalues, V)
    cov = second + np.einsum("k,kd,ke->de", mixture.weights, mixture.means - mean, mixture.means - mean)
    # 5.2 standard errors: a false alarm once in a million for these five numbers
    assert np.all(np.abs(x.mean(0) - mean) < 5.2 * np.sqrt(np.diag(cov) / n))
    assert np.all(np.abs(np.bincount(k) / n - mixture.weights) < 5.2 * np.sqrt(0.25 / n))


@pytest.mark.parametrize("alpha_bar", [0.9, 0.4])
def test_denoising_and_explicit_score_matching_differ_by_a_constant(alpha_bar):
    """E|m - grad log q(z|x)|^2 - E|m - grad log q(z)|^2 = E|grad log q(z|x)|^2 - E|grad log q(z)|^2 for any model m.

    Data of three points, z by quadrature.
    """
    x, weights, sigma2 = np.array([-1.0, 0.3, 1.2]), np.array([0.2, 0.5, 0.3]), 1 - alpha_bar
    z = np.linspace(-9, 9, 3601)
    oracle = MixtureDiffusion(weights, x[:, None], np.zeros(3))
    of_x = -(z - np.sqrt(alpha_bar) * x[:, None]) / sigma2  # (3, n), grad log q(z|x)
    joint = weights[:, None] * np.exp(-0.5 * sigma2 * of_x**2) / np.sqrt(2 * np.pi * sigma2) * (z[1] - z[0])
    score = oracle.score(z[:, None], alpha_bar)[:, 0]
    np.testing.assert_allclose(joint.sum(0), np.exp(oracle.log_prob(z[:, None], alpha_bar)) * (z[1] - z[0]), atol=1e-14)
    constant = np.sum(joint * (of_x**2 - score**2))
    assert constant > 0.1  # the variance of the target that no model can explain
    for model in (0 * z, np.sin(3 * z), 5 - z**2):
        denoising, explicit = np.sum(joint * (model - of_x) ** 2), np.sum(joint * (model - score) ** 2)
        np.testing.assert_allclose(denoising - explicit, constant, rtol=1e-10)


def test_figures_of_the_reverse_kernel():
    """Deltas at +-1, z_t = 0: the excess kurtosis of q(z_{t-1}|z_t), which is a mixture, by quadrature."""
    u = np.linspace(-8, 8, 16001)
    for beta, before, expected in ((0.5, 0.6, -0.535), (0.02, 0.6, -0.009), (0.02, 0.98, -1.848)):
        q = np.exp(MixtureDiffusion([0.5, 0.5], [[-1.0], [1.0]], [0.0, 0.0]).log_prob(u[:, None], before))
        q = q * np.exp(-0.5 * (1 - beta) * u**2 / beta)
        q /= q.sum()
        assert round(float(q @ u**4 / (q @ u**2) ** 2 - 3), 3) == expected


@pytest.mark.parametrize(
    "args, words",
    [
        (([0.5, 0.6], [[0.0], [1.0]], [0.1, 0.1]), "sum to 1"),
        (([1.0], [[0.0], [1.0]], [0.1, 0.1]), "expected"),
        (([1.0], [[0.0]], [-0.1]), "negative eigenvalue"),
    ],
)
def test_errors(args, words):
    with pytest.raises(ValueError, match=words):
        MixtureDiffusion(*args)
