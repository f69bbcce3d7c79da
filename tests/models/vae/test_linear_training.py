"""A linear VAE that the package trains by itself ends at the optimum that is known exactly."""

import numpy as np
import pytest
from scipy.optimize import brentq

from tinygen.models.vae import one_page
from tinygen.models.vae.decoders import Gaussian
from tinygen.models.vae.estimator import VAE
from tinygen.oracles import linear_gaussian
from tinygen.oracles.linear_gaussian import LinearGaussian


def data(seed=0):
    """200 rows of four columns; the 1/n covariance has the eigenvalues 3.74, 1.29, .26, .10."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    return rng.standard_normal((200, 4)) * [2, 1.2, 0.5, 0.3] @ Q.T + rng.standard_normal(4)


def trained(X, k, s2, **options):
    model = VAE(k, hidden=(), decoder=Gaussian(s2), cosine_decay=True, validation_fraction=0, ema=0,
                batch_size=len(X), learning_rate=2e-2, dtype="float64",
                random_state=0, progress=False, **options).fit(X)  # fmt: skip
    layer = model.params_["decoder"][0]
    mean, logvar = one_page.encode(model.params_, X)
    terms = LinearGaussian(layer["W"].T, layer["b"], s2).elbo_terms(X, mean, np.exp(logvar)[..., None] * np.eye(k))
    return model, mean, *(term.mean() for term in terms)


def test_it_ends_within_a_thousandth_of_a_nat_of_the_optimum_and_uses_the_latents_that_the_eigenvalues_predict():
    X, s2 = data(), 0.4
    _, mean, reconstruction, kl = trained(X, 3, s2, objective="stl", epochs=3000)
    best = LinearGaussian.optimum(X, 3, s2=s2).log_evidence(X).mean()
    assert 0 <= best - (reconstruction - kl) < 1e-3
    eigenvalues = linear_gaussian.principal(X)[0][:3]
    used = np.sort(mean.var(0))[::-1]
    np.testing.assert_allclose(used, linear_gaussian.latent_variance(eigenvalues, s2), atol=0.01)
    np.testing.assert_array_equal(used > 0.01, linear_gaussian.active(eigenvalues, s2))


@pytest.mark.parametrize("beta", [3.0, 10.0])
def test_a_beta_vae_lies_on_the_gaussian_rate_distortion_curve(beta):
    X, s2 = data(), 0.1
    _, _, reconstruction, rate = trained(X, 4, s2, beta=beta, draws=4, epochs=1500)
    distortion = -2 * s2 * (reconstruction + 0.5 * 4 * np.log(2 * np.pi * s2))
    eigenvalues = linear_gaussian.principal(X)[0]
    curve = lambda level: linear_gaussian.rate_distortion(eigenvalues, level)
    level = brentq(lambda level: curve(level)[0] - rate, 1e-4, eigenvalues[0])
    np.testing.assert_allclose(distortion, curve(level)[1], rtol=0.01)  # least distortion at that rate
    np.testing.assert_allclose(rate, curve(beta * s2)[0], rtol=0.02)  # and the rate is the one that beta asks for
