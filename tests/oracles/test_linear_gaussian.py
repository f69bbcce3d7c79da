"""The linear-Gaussian oracle against SciPy's densities, conditioning of the joint Gaussian, quadrature and search."""

import numpy as np
import pytest
from scipy import stats

from tinygen import gaussian
from tinygen.data import digits
from tinygen.oracles import linear_gaussian
from tinygen.oracles.linear_gaussian import LinearGaussian

SHAPES = [(5, 2), (3, 3), (2, 3), (1, 1)]  # (D, k): fewer latents than pixels, as many, more, one


def model_and_data(D, k, n=7, seed=0):
    rng = np.random.default_rng(seed)
    model = LinearGaussian(rng.standard_normal((D, k)), rng.standard_normal(D), rng.uniform(0.1, 0.9))
    return model, 2 * rng.standard_normal((n, D)), rng


def any_q(k, n, rng):
    L = rng.standard_normal((n, k, k)) * 0.5 + np.eye(k)
    return rng.standard_normal((n, k)), L @ np.swapaxes(L, 1, 2)


@pytest.mark.parametrize("D, k", SHAPES)
def test_evidence_is_the_density_of_a_gaussian(D, k):
    model, x, _ = model_and_data(D, k)
    expected = stats.multivariate_normal(model.b, model.W @ model.W.T + model.s2 * np.eye(D)).logpdf(x)
    np.testing.assert_allclose(model.log_evidence(x), expected, rtol=1e-11, atol=1e-11)


def test_evidence_does_not_cancel_at_a_tiny_variance():
    model, x, _ = model_and_data(4, 2)
    model.s2 = 1e-13
    z = x[:, :2]
    on_plane = z @ model.W.T + model.b
    M = model.W.T @ model.W + model.s2 * np.eye(2)
    square = np.einsum("ni,ij,nj->n", z, model.W.T @ model.W @ np.linalg.inv(M), z)  # |x-b|^2 weighted, by hand
    expected = -0.5 * (4 * np.log(2 * np.pi) + 2 * np.log(1e-13) + np.linalg.slogdet(M)[1] + square)
    np.testing.assert_allclose(model.log_evidence(on_plane), expected, rtol=1e-9)


@pytest.mark.parametrize("D, k", SHAPES)
def test_posterior_is_the_joint_gaussian_conditioned(D, k):
    model, x, _ = model_and_data(D, k)
    joint = np.block([[np.eye(k), model.W.T], [model.W, model.W @ model.W.T + model.s2 * np.eye(D)]])
    gain = joint[:k, k:] @ np.linalg.inv(joint[k:, k:])
    mean, cov = model.posterior(x)
    np.testing.assert_allclose(mean, (x - model.b) @ gain.T, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(cov, joint[:k, :k] - gain @ joint[k:, :k], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("D, k", SHAPES)
def test_bound_misses_the_evidence_by_the_kl_to_the_posterior(D, k):
    model, x, rng = model_and_data(D, k)
    mean, cov = any_q(k, len(x), rng)
    posterior_mean, posterior_cov = model.posterior(x)
    gap = gaussian.kl_cholesky(mean, np.linalg.cholesky(cov), posterior_mean, np.linalg.cholesky(posterior_cov))
    np.testing.assert_allclose(model.log_evidence(x) - model.elbo(x, mean, cov), gap, rtol=1e-9, atol=1e-9)
    assert (gap > 1e-3).all()
    np.testing.assert_allclose(model.elbo(x, posterior_mean, posterior_cov), model.log_evidence(x), atol=1e-10)


def test_bound_is_the_expectation_that_it_stands_for():
    model, x, rng = model_and_data(5, 2)
    mean, cov = any_q(2, len(x), rng)
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)  # exact: what is integrated is quadratic in z
    eps = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2)
    weights = np.outer(weights, weights).ravel() / weights.sum() ** 2
    for i in range(len(x)):
        z = mean[i] + eps @ np.linalg.cholesky(cov[i]).T
        log_ratio = (
            stats.norm(z @ model.W.T + model.b, np.sqrt(model.s2)).logpdf(x[i]).sum(-1)
            + stats.norm.logpdf(z).sum(-1)
            - stats.multivariate_normal(mean[i], cov[i]).logpdf(z)
        )
        np.testing.assert_allclose(model.elbo(x, mean, cov)[i], weights @ log_ratio, rtol=1e-10)


@pytest.mark.parametrize("D, k", SHAPES)
def test_best_diagonal_posterior(D, k):
    model, x, rng = model_and_data(D, k)
    mean, logvar = model.best_diagonal(x)
    best = model.elbo_diagonal(x, mean, logvar)
    np.testing.assert_allclose(model.log_evidence(x) - best, model.diagonal_gap(), rtol=1e-9, atol=1e-10)
    for size in (1e-3, 1e-1, 1.0):
        for _ in range(10):
            other = model.elbo_diagonal(
                x, mean + size * rng.standard_normal(mean.shape), logvar + size * rng.standard_normal(mean.shape)
            )
            assert (other < best).all()


@pytest.mark.parametrize("learned", [False, True])
def test_optimum_is_stationary_and_nothing_near_or_far_is_better(learned):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((101, 5)) * [2.0, 1.5, 1.0, 0.5, 0.3] + 1
    model = LinearGaussian.optimum(X, 2, s2=None if learned else 0.7)
    best = model.log_evidence(X).mean()
    for size in (1e-4, 1e-2, 1.0):
        for _ in range(20):
            dW, db, ds = rng.standard_normal(model.W.shape), rng.standard_normal(5), rng.standard_normal() * learned

            def moved(step, dW=dW, db=db, ds=ds):
                W, b, s2 = model.W + step * dW, model.b + step * db, model.s2 * np.exp(step * ds)
                return LinearGaussian(W, b, s2).log_evidence(X).mean()

            assert moved(size) <= best + 1e-13
        assert abs(moved(1e-5) - moved(-1e-5)) / 2e-5 < 1e-8


def test_optimum_leaves_out_directions_below_the_noise():
    X = np.random.default_rng(2).standard_normal((101, 3)) * [2.0, 1.0, 0.1]
    model = LinearGaussian.optimum(X, 3, s2=0.5)
    np.testing.assert_array_equal(np.abs(model.W).sum(0) > 0, [True, True, False])
    np.testing.assert_array_equal(linear_gaussian.active(linear_gaussian.principal(X)[0], 0.5), [True, True, False])


def test_a_rotation_costs_nothing_for_a_full_q_and_something_for_a_diagonal_one():
    X = np.random.default_rng(3).standard_normal((101, 4)) * [2.0, 1.2, 0.5, 0.2]
    model = LinearGaussian.optimum(X, 2, s2=0.3)
    c, s = np.cos(0.4), np.sin(0.4)
    rotated = LinearGaussian(model.W @ [[c, -s], [s, c]], model.b, model.s2)
    np.testing.assert_allclose(rotated.log_evidence(X), model.log_evidence(X), rtol=1e-12)
    assert model.diagonal_gap() < 1e-12 and rotated.diagonal_gap() > 1e-2


def test_learned_variance_is_the_mean_squared_residual_under_q():
    X = np.random.default_rng(4).standard_normal((101, 5)) * [2.0, 1.5, 1.0, 0.5, 0.3]
    model = LinearGaussian.optimum(X, 2)
    mean, cov = model.posterior(X)
    residual = ((X - model.b - mean @ model.W.T) ** 2).sum(-1) + np.trace(model.W @ cov @ model.W.T)
    np.testing.assert_allclose(residual.mean() / 5, model.s2, rtol=1e-12)


@pytest.mark.parametrize("beta", [0.3, 1.0, 2.5])
def test_beta_rescales_the_decoders_variance(beta):
    rng = np.random.default_rng(5)
    X, s2 = rng.standard_normal((101, 4)) * [2.0, 1.2, 0.8, 0.3], 0.4
    model = LinearGaussian.optimum(X, 4, s2=s2, beta=beta)
    eigenvalues = linear_gaussian.principal(X)[0]
    mean, logvar = model.best_diagonal(X, beta=beta)
    best = model.elbo_diagonal(X, mean, logvar, beta=beta).mean()
    for size in (1e-3, 1e-1, 1.0):  # neither another q nor another decoder is better
        for _ in range(10):
            moved = LinearGaussian(model.W + size * rng.standard_normal((4, 4)), model.b, s2)
            assert moved.elbo(X, *moved.posterior(X, beta=beta), beta=beta).mean() < best
            assert model.elbo_diagonal(X, mean, logvar + size * rng.standard_normal(4), beta=beta).mean() < best

    kl = gaussian.kl_standard(mean[..., None], np.broadcast_to(logvar, mean.shape)[..., None])  # (n, k), by latent
    np.testing.assert_allclose(kl.mean(0), linear_gaussian.latent_kl(eigenvalues, s2, beta=beta), atol=1e-12)
    np.testing.assert_allclose(mean.var(0), linear_gaussian.latent_variance(eigenvalues, s2, beta=beta), atol=1e-12)
    np.testing.assert_array_equal(mean.var(0) > 1e-12, linear_gaussian.active(eigenvalues, s2, beta=beta))

    reconstruction, total = model.elbo_terms(X, mean, np.diag(np.exp(logvar)))
    rate, distortion = linear_gaussian.rate_distortion(eigenvalues, beta * s2)
    np.testing.assert_allclose(total.mean(), rate, rtol=1e-10)
    error = -2 * s2 * (reconstruction.mean() + 0.5 * 4 * np.log(2 * np.pi * s2))  # E |x - b - W z|^2
    np.testing.assert_allclose(error, distortion, rtol=1e-10)


def test_beta_below_one_is_no_bound():
    model, x = LinearGaussian([[1.3]], [0.0], 0.4), np.array([[1.0]])
    assert model.elbo(x, *model.posterior(x, beta=0.25), beta=0.25).round(3) == -0.891
    assert model.log_evidence(x).round(3) == -1.527


def test_q_equal_to_the_prior_is_not_the_evidence():
    model, x = LinearGaussian([[2.0]], [0.0], 0.1), np.array([[1.0]])
    assert model.elbo(x, np.zeros((1, 1)), np.eye(1)).round(3) == -24.768
    assert model.log_evidence(x).round(3) == -1.746


def test_collapse_on_digits_as_the_eigenvalues_say():
    eigenvalues = linear_gaussian.principal(digits.load()[0] / 16)[0]
    assert round(eigenvalues[0], 3) == 0.699
    counts = [int(linear_gaussian.active(eigenvalues, s2).sum()) for s2 in (1.0, 0.1, 0.05, 0.01)]
    assert counts == [0, 12, 18, 39]


def test_samples_have_the_moments_of_the_model():
    model, _, rng = model_and_data(3, 2)
    n = 20_000
    x, z = model.sample(n, rng)
    cov = model.W @ model.W.T + model.s2 * np.eye(3)
    assert x.shape == (n, 3) and z.shape == (n, 2)
    zscores = (x.mean(0) - model.b) / np.sqrt(np.diag(cov) / n)
    assert np.abs(zscores).max() < stats.norm.isf(1e-6 / 6)  # false alarm: 1e-6 over three two-sided tests
    error = np.cov(x.T, bias=True) - cov
    bar = np.sqrt((cov**2 + np.outer(np.diag(cov), np.diag(cov))) / n)
    assert np.abs(error / bar).max() < stats.norm.isf(1e-6 / 18) + 0.5  # the half: these are not quite normal


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: LinearGaussian(np.ones(3), np.ones(3), 1), r"W must be \(D, k\)"),
        (lambda: LinearGaussian(np.ones((3, 2)), np.ones(2), 1), r"W must be \(D, k\)"),
        (lambda: LinearGaussian(np.ones((3, 2)), np.ones(3), 0), "above 0"),
        (lambda: LinearGaussian(np.ones((3, 2)), np.ones(3), 1).log_evidence(np.ones((4, 2))), r"\(n, 3\)"),
        (lambda: LinearGaussian.optimum(np.ones((0, 2)), 1), "n > 0"),
        (lambda: LinearGaussian.optimum(np.eye(2), 3), "between 1 and the 2 columns"),
        (lambda: LinearGaussian.optimum(np.eye(2), 2), "nothing is left"),
        (lambda: LinearGaussian.optimum(np.eye(2), 1, beta=2), "give s2"),
    ],
)
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
