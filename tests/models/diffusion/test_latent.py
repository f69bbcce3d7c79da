"""The score of a latent diffusion, where all of it is linear and Gaussian and so in closed form."""

import numpy as np
import pytest

from tinygen.models import VAE, Diffusion, LatentDiffusion
from tinygen.models.vae.decoders import Gaussian
from tinygen.models.vae.one_page import encode

S2 = 0.3
pytestmark = pytest.mark.filterwarnings("ignore::tinygen.nn.train.TrainingWarning")


def gaussian_log_density(x, mean, cov):
    d = x - mean
    return -0.5 * (np.sum(d @ np.linalg.inv(cov) * d, axis=1) + np.linalg.slogdet(2 * np.pi * cov)[1])


@pytest.fixture(scope="module", params=["normal", "flow"])
def linear(request):
    """A linear VAE, whose codes are not N(0, I), and a diffusion that says N(m, C) of them: its untrained one."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((150, 2)) @ rng.standard_normal((2, 3)) + 0.5 * rng.standard_normal((150, 3)) + 1
    still = dict(progress=False, validation_fraction=0, dtype="float64")
    vae = VAE(2, hidden=(), decoder=Gaussian(S2), prior=request.param, max_steps=60, beta=0.3, **still)
    diffusion = Diffusion(width=3, blocks=1, max_steps=1, learning_rate=1e-12, score_steps=16, **still)
    return X, LatentDiffusion(vae, diffusion, score_draws=16, random_state=0).fit(X)


def test_the_score_is_reconstruction_plus_the_diffusions_density_plus_entropy(linear):
    X, model = linear
    params, scaling = model.vae_.params_, model.diffusion_.scaling_
    W, b = params["decoder"][0]["W"], params["decoder"][0]["b"]  # (k, D), (D,)
    mean, logvar = encode(params, X)
    var = np.exp(logvar)
    m, C = scaling.mean, np.diag(scaling.scale) @ scaling.rotate_back.T @ scaling.rotate_back @ np.diag(scaling.scale)
    D = X.shape[1]
    squares = np.sum((X - mean @ W - b) ** 2, axis=1) + var @ np.sum(W**2, axis=1)
    reconstruction = -0.5 * (squares / S2 + D * np.log(2 * np.pi * S2))
    prior = gaussian_log_density(mean, m, C) - 0.5 * var @ np.diag(np.linalg.inv(C))
    entropy = 0.5 * np.sum(np.log(2 * np.pi * np.e * var), axis=1)
    bound = reconstruction + prior + entropy
    nats, error = model.score_samples(X, return_error=True)
    off = (nats - bound) / error
    assert abs(off.mean()) < 5 / np.sqrt(len(X)) and 0.7 < off.std() < 1.5  # errors are what they say
    evidence = gaussian_log_density(X, m @ W + b, W.T @ C @ W + S2 * np.eye(D))
    assert np.all(bound < evidence + 1e-9)


def test_its_samples_have_the_law_that_is_scored(linear):
    _, model = linear
    scaling = model.diffusion_.scaling_
    W, b = model.vae_.params_["decoder"][0]["W"], model.vae_.params_["decoder"][0]["b"]
    C = np.diag(scaling.scale) @ scaling.rotate_back.T @ scaling.rotate_back @ np.diag(scaling.scale)
    drawn, expected = model.sample(4000), W.T @ C @ W + S2 * np.eye(3)
    error = np.sqrt(np.diag(expected) / 4000)
    assert np.all(np.abs(drawn.mean(axis=0) - scaling.mean @ W - b) < 5 * error)
    assert np.all(np.abs(drawn.var(axis=0) / np.diag(expected) - 1) < 5 * np.sqrt(2 / 4000))
