"""Guidance with exact classifiers and exact scores."""

import numpy as np
import pytest

from tinygen.models.diffusion.guidance import classifier, classifier_free
from tinygen.models.diffusion.one_page import last
from tinygen.models.diffusion.samplers import heun
from tinygen.models.diffusion.schedule import Schedule
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion
from tinygen.oracles.mixture_diffusion import MixtureDiffusion


def test_the_exact_classifier_gives_the_conditional_score(ideal, rng):
    s = Schedule.cosine(10)
    both = MixtureDiffusion([0.4, 0.6], [[-1.0, 0.0], [1.0, 0.5]], [0.3, 0.2])
    one = MixtureDiffusion([1.0], [[1.0, 0.5]], [0.2])

    def gradient(z, t):  # of log p(c = 1|z) = log w + log q(z|c) - log q(z), by the component's own Gaussian
        a = s.alpha_bar[t]
        return -(z - np.sqrt(a) * np.array([1.0, 0.5])) / (a * 0.2 + 1 - a) - both.score(z, a)

    z = rng.standard_normal((5, 2))
    for kind in ("x", "eps", "v"):
        guided = classifier(s, ideal(s, both, kind), kind, gradient)
        for t in (1, 5, 10):
            np.testing.assert_allclose(guided(z, t), ideal(s, one, kind)(z, t), atol=1e-9)


def test_classifier_free_guidance_does_not_sample_the_tilted_density(ideal):
    """Classes N(+-1, .7^2), target +1, w = 3: the deterministic map of a standard normal's quantiles."""
    s = Schedule.log_linear(400, 9.0, float(np.log(1e-4 / (1 - 1e-4))))
    target = GaussianDiffusion(1.0, 0.49)
    both = MixtureDiffusion([0.5, 0.5], [[-1.0], [1.0]], [0.49, 0.49])
    guided = classifier_free(ideal(s, target, "eps"), ideal(s, both, "eps"), 3.0)
    z = np.linspace(-6, 6, 2401)
    weight = np.exp(-(z**2) / 2)
    weight /= weight.sum()
    x = last(heun(s, guided, "eps", z[:, None]))[:, 0]
    mean = weight @ x
    assert abs(mean - 1.937) < 2e-3 and abs(np.sqrt(weight @ (x - mean) ** 2) - 0.405) < 2e-3
    u = np.linspace(-4, 6, 10001)
    tilted = np.exp(both.log_prob(u[:, None])) * both.responsibilities(u[:, None], 1.0)[:, 1] ** 4
    tilted /= tilted.sum()
    mean = tilted @ u
    assert abs(mean - 1.223) < 1e-3 and abs(np.sqrt(tilted @ (u - mean) ** 2) - 0.569) < 1e-3
    plain = classifier_free(ideal(s, target, "eps"), ideal(s, both, "eps"), 0.0)
    np.testing.assert_array_equal(plain(z[:, None], 7), ideal(s, target, "eps")(z[:, None], 7))


@pytest.mark.parametrize("w", ["3", -1, np.inf])
def test_a_weight_that_is_none(w):
    with pytest.raises(ValueError, match="guidance must be a number"):
        classifier_free(lambda z, t: z, lambda z, t: z, w)
