"""The gradients of the loss's terms by what the net says, three ways: derived on paper, by the engine, numeric."""

import numpy as np
import pytest

import tinygen as tg
from tinygen.measure import numeric
from tinygen.models.diffusion import bound, net, one_page
from tinygen.models.diffusion.bound import grid_decoder
from tinygen.models.diffusion.one_page import reverse_of
from tinygen.models.diffusion.parameterization import error_scale, truth
from tinygen.models.diffusion.process import grid_scores
from tinygen.models.diffusion.schedule import Schedule

S, B, D = Schedule.cosine(11), 5, 3
VALUES = np.array([-1.0, -0.25, 0.5, 1.5])


def three_ways(f, said, byhand):
    automatic = tg.grad(f)(said)
    expected, bar = numeric.derivative(f, said)
    np.testing.assert_allclose(byhand, automatic, rtol=1e-10, atol=1e-12 * np.abs(automatic).max())
    assert np.all(np.abs(byhand - expected) <= bar + 1e-10 * np.abs(byhand).max())
    assert bar.max() < 1e-5 * np.abs(byhand).max()


@pytest.fixture
def draws(rng):
    x, z, said = rng.standard_normal((3, B, D))
    return x, z, said, rng.standard_normal(B)


@pytest.mark.parametrize("kind", ["x", "eps", "v", "score", "velocity"])
@pytest.mark.parametrize("t", [2, 7, 11])
def test_the_kl_of_a_step(kind, t, draws):
    """KL = (SNR_{t-1} - SNR_t)/2 |x - x_hat|^2, and an error in `kind` is that of x, scaled."""
    x, z, said, g = draws
    f = lambda said: np.sum(g * bound.kl_term(S, reverse_of(S, lambda z, t: said, kind), x, z, t))
    weight = (S.snr[t - 1] - S.snr[t]) / error_scale(S, kind)[t]
    three_ways(f, said, g[:, None] * weight * (said - truth(S, x, z, t, kind)))


def test_the_decoder_of_a_density(draws):
    """log N(x; x_hat, var_1): (x - x_hat)/var_1."""
    x, z, said, g = draws
    f = lambda said: np.sum(g * bound.density_decoder(reverse_of(S, lambda z, t: said, "x"))(x, z))
    three_ways(f, said, g[:, None] * (x - said) / S.posterior_var[2])


def test_the_decoder_of_grey_values(draws, rng):
    """log softmax: 1 at the value that is there, minus the probability of each."""
    _, z, _, g = draws
    index, logits = rng.integers(4, size=(B, D)), rng.standard_normal((B, D, 4))
    f = lambda logits: np.sum(g * grid_decoder(S, VALUES, lambda z: logits)(VALUES[index], z))
    scores = logits + grid_scores(z[..., None], VALUES, np.sqrt(S.alpha_bar[1]), S.sigma[1])
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    three_ways(f, logits, g[:, None, None] * (np.eye(4)[index] - p))


@pytest.mark.parametrize("grey", [False, True])
def test_the_training_loss(grey, rng):
    """Mean of weight (said - target)^2: 2 weight (said - target)/(B D), into the last layer's bias; of grey values
    times the covariance of value and indicator, p_v (v - x_hat)."""
    x, eps, weight = VALUES[rng.integers(4, size=(B, D))], rng.standard_normal((B, D)), rng.random((B, 1))
    params = net.init(0, D, width=7, blocks=1, outputs=4 * D if grey else D, dtype=np.float64)
    signal, sigma = np.full((B, 1), 0.8), np.full((B, 1), 0.6)
    told = net.conditioning(rng.standard_normal(B), dtype=np.float64)
    noise = {"eps": eps, "conditioning": told, "signal": signal, "sigma": sigma, "weight": weight}
    noise |= {"on_x": sigma, "on_z": signal}
    values = VALUES if grey else None
    params["out"]["b"] += rng.standard_normal(params["out"]["b"].shape)
    f = lambda b: one_page.loss({**params, "out": {**params["out"], "b": b}}, x, noise, values)
    z = 0.8 * x + 0.6 * eps
    if grey:
        x_hat = net.grid_x(params, z, told, VALUES, signal, sigma)
        p = net.grid_logits(params, z, told) + grid_scores(z[..., None], VALUES, 0.8, 0.6)
        p = np.exp(p) / np.exp(p).sum(-1, keepdims=True)
        by_x = 2 * weight * (x_hat - x) / (B * D)
        byhand = np.sum(by_x[..., None] * p * (VALUES - x_hat[..., None]), axis=0).ravel()
    else:
        byhand = np.sum(2 * weight * (net.predict(params, z, told) - (0.6 * x + 0.8 * z)) / (B * D), axis=0)
    three_ways(f, params["out"]["b"].copy(), byhand)
