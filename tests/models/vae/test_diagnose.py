"""The diagnosis against the linear-Gaussian oracle, and its sentences where they belong."""

import numpy as np
import pytest
from scipy import stats

from tinygen.models.vae import one_page
from tinygen.models.vae.conditional import ConditionalVAE
from tinygen.models.vae.decoders import Gaussian
from tinygen.models.vae.diagnose import diagnose
from tinygen.models.vae.estimator import VAE
from tinygen.models.vae.posteriors import Cholesky, Diagonal
from tinygen.oracles.linear_gaussian import LinearGaussian

S2 = 0.4
QUICK = dict(hidden=(16,), epochs=3, validation_fraction=0, ema=0, random_state=0, progress=False)


def linear(k=2, D=3, n=40, seed=0, family=None):
    """An oracle whose posterior is correlated, and a VAE with its decoder and an encoder that is off by some noise."""
    rng = np.random.default_rng(seed)
    model = LinearGaussian(rng.standard_normal((D, k)), rng.standard_normal(D), S2)
    x = model.sample(n, rng)[0]
    family = family or Diagonal()
    params = one_page.init(rng, D, k, hidden=(), decoder=Gaussian(S2), posterior=family, dtype=np.float64)
    gain = np.linalg.solve(model.precision(), model.W.T / S2)
    layer = params["encoder"][0]
    layer["W"] *= 0.1
    layer["W"][:, :k] += gain.T
    layer["b"] = np.concatenate([-gain @ model.b, np.full(layer["b"].size - k, -0.5)])
    params["decoder"][0] = {"W": model.W.T.copy(), "b": model.b}
    return model, params, x


@pytest.mark.parametrize("k", [1, 2])
def test_gaps_are_the_oracles(k):
    model, params, x = linear(k)
    found = diagnose(params, x, decoder=Gaussian(S2), posterior=Diagonal(), gap_rows=40)
    mean, logvar = one_page.encode(params, x)
    best = model.log_evidence(x) - model.diagonal_gap()
    amortisation = best - model.elbo_diagonal(x, mean, logvar)
    np.testing.assert_allclose(found.approximation_gap[0], model.diagonal_gap(), atol=1e-5)
    np.testing.assert_allclose(found.amortisation_gap[0], amortisation.mean(), atol=1e-5)
    np.testing.assert_allclose(found.amortisation_gap[1], amortisation.std() / np.sqrt(40), atol=1e-5)


def test_a_full_covariance_has_no_approximation_gap():
    model, params, x = linear(2, family=Cholesky())
    found = diagnose(params, x, decoder=Gaussian(S2), posterior=Cholesky())
    assert model.diagonal_gap() > 0.01
    assert abs(found.approximation_gap[0]) < 1e-5 and found.latent_kl is None


def test_rate_distortion_and_squared_error_are_the_oracles():
    model, params, x = linear(2)
    found = diagnose(params, x, decoder=Gaussian(S2), posterior=Diagonal(), draws=2000, gap_rows=0)
    mean, logvar = one_page.encode(params, x)
    reconstruction, kl = model.elbo_terms(x, mean, np.exp(logvar)[..., None] * np.eye(2))
    np.testing.assert_allclose(found.rate, kl.mean(), rtol=1e-12)
    np.testing.assert_allclose(found.latent_kl.sum(), kl.mean(), rtol=1e-12)
    error = (-reconstruction - 1.5 * np.log(2 * np.pi * S2)) * 2 * S2
    # 80,000 squared errors, each with a standard deviation below its mean: 2 % is more than five error bars.
    np.testing.assert_allclose(found.squared_error, error.mean(), rtol=0.02)
    np.testing.assert_allclose(found.distortion + reconstruction.mean(), 0, atol=0.02 * error.mean() / (2 * S2))
    assert found.approximation_gap is None


def test_the_parts_of_the_rate_for_codes_in_two_narrow_heaps():
    """q(z|x) = N(+-3, .1^2), half of the rows each: the rows share ln 2 nats with z, the rest is the marginal's KL."""
    x = np.repeat([[1.0], [-1.0]], 100, axis=0)
    params = one_page.init(0, 1, 1, hidden=(), decoder="gaussian", dtype=np.float64)
    params["encoder"] = [{"W": np.array([[3.0, 0.0]]), "b": np.array([0.0, 2 * np.log(0.1)])}]
    found = diagnose(params, x, decoder=Gaussian(S2), posterior=Diagonal(), draws=50, gap_rows=0)
    error = np.sqrt((0.5 + 0.3**2) / 10_000)  # of the mean over the draws of log q(z|x) - log p(z), z = +-3 + .1 e
    assert abs(found.mutual_information - np.log(2)) < stats.norm.isf(1e-6 / 2) * error  # false alarm: 1e-6
    np.testing.assert_allclose(found.mutual_information + found.marginal_kl, found.rate, rtol=1e-12)
    assert any("do not fill the prior" in sentence for sentence in found.warnings)


def test_collapsed_latents_are_counted_and_explained_by_the_eigenvalues():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 4)) * [2.0, 1.2, 0.5, 0.3]
    model = VAE(4, hidden=(), decoder=Gaussian(0.4), objective="stl", cosine_decay=True, validation_fraction=0, ema=0,
                epochs=400, learning_rate=3e-2,
                random_state=0, progress=False).fit(X)  # fmt: skip
    found = model.diagnose(X)
    assert found.active.sum() == 2
    sentence = "2 of 4 latents have collapsed: their eigenvalues are below beta * sigma^2 = 0.4 (only 2 are above)"
    assert found.warnings == (sentence,) and sentence in str(found)


def test_other_sentences():
    _, params, x = linear(2)
    params["encoder"][0]["W"][:] = 0
    params["encoder"][0]["b"][:] = 0
    found = diagnose(params, x, decoder=Gaussian(S2), posterior=Diagonal(), beta=0.5)
    text = str(found)
    for part in ("2 of 2 latents have collapsed, though", "q is the prior whatever x is", "nats from the best q of its",
                 "beta = 0.5 < 1"):  # fmt: skip
        assert part in text, text
    assert found.rate == 0 and abs(found.mutual_information) < 0.1
    _, params, x = linear(3, D=7)
    params["encoder"][0]["b"][3:] = -12
    found = diagnose(params, x, decoder=Gaussian(S2), posterior=Diagonal())
    assert any("is near ln n = 3.69" in sentence for sentence in found.warnings)
    assert found.approximation_gap is None


def test_models_diagnose_themselves():
    rng = np.random.default_rng(0)
    X, y = rng.random((60, 5)), np.arange(60) % 3
    found = VAE(2, posterior="planar", **QUICK).fit(X).diagnose(X[:9])
    assert found.latent_kl is None and "ELBO" in str(found)
    assert found.mutual_information + found.marginal_kl == pytest.approx(found.rate)
    model = ConditionalVAE(2, **QUICK).fit(X, y)
    found = model.diagnose(X[:9], y[:9])
    assert found.approximation_gap[0] > -1e-3
    assert str(model.diagnose(X[:9], y[:9])) == str(found)
    found = ConditionalVAE(2, learned_prior=2, **QUICK).fit(X, y).diagnose(X, y)
    assert found.approximation_gap is None and found.marginal_kl is None
