"""Quadrature against the linear-Gaussian answer, and against itself where the grid is too coarse."""

import numpy as np
import pytest
from scipy import stats

from tinygen.oracles import quadrature
from tinygen.oracles.linear_gaussian import LinearGaussian


def linear(k, seed=0):
    rng = np.random.default_rng(seed)
    model = LinearGaussian(rng.standard_normal((3, k)), rng.standard_normal(3), 0.4)
    x = 1.5 * rng.standard_normal((7, 3))
    log_likelihood = lambda z: stats.norm(z @ model.W.T + model.b, np.sqrt(model.s2)).logpdf(x[:, None]).sum(-1)
    return model, x, log_likelihood


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("chunk", [97, 10**6])
def test_evidence_and_posterior_of_a_linear_decoder(k, chunk):
    model, x, log_likelihood = linear(k)
    found = quadrature.evidence(log_likelihood, k, points=121, chunk=chunk)
    mean, cov = model.posterior(x)
    np.testing.assert_allclose(found.log_evidence, model.log_evidence(x), atol=1e-10)
    np.testing.assert_allclose(found.mean, mean, atol=1e-10)
    np.testing.assert_allclose(found.cov, np.broadcast_to(cov, (7, k, k)), atol=1e-10)
    assert found.error.max() < 1e-10


def test_the_error_is_seen_where_the_grid_is_coarser_than_the_posterior():
    model, x, log_likelihood = linear(1)
    for points in (7, 11, 15, 31):
        found = quadrature.evidence(log_likelihood, 1, points=points)
        wrong = np.abs(found.log_evidence - model.log_evidence(x))
        assert wrong.max() < (found.error.max() ** 2 if found.error.max() < 0.1 else found.error.max()) + 1e-12
    assert quadrature.evidence(log_likelihood, 1, points=7).error.max() > 0.1


def test_a_likelihood_that_underflows_everywhere_else_is_no_trouble():
    found = quadrature.evidence(lambda z: -5000 - 2000.0 * (z.T - 0.3) ** 2, 1, points=4001)
    expected = -5000 + 0.5 * np.log(2 * np.pi / 4001) - 0.5 * np.log(2 * np.pi) - 0.5 * 0.09 * 4000 / 4001
    np.testing.assert_allclose(found.log_evidence, expected, rtol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_gauss_hermite_is_exact_for_polynomials(k):
    eps, weights = quadrature.gauss_hermite(k, 4)
    moments = [weights.sum(), *(weights @ eps), *(weights @ eps**2)]
    np.testing.assert_allclose(moments, [1] + [0] * k + [1] * k, atol=1e-14)
    np.testing.assert_allclose(weights @ (eps[:, 0] ** 4 * eps[:, -1] ** 2), 3 if k > 1 else 15, rtol=1e-12)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(k=3), "1 or 2 latents"),
        (dict(k=1, points=400), "must be odd"),
        (dict(k=2, points=5), r"must return \(n, m\)"),
    ],
)
def test_misuse_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        quadrature.evidence(lambda z: np.zeros((7, 3)), **arguments)
