"""The answers about the variational autoencoder (lesson 8); the divergence and the densities stand in lesson 4."""

import numpy as np

from tinygen.course.answers.base import Answer, total
from tinygen.course.answers.kl import kl_standard, log_density, sample

__all__ = ["drawing", "kl_standard", "linear_bound", "log_density", "sample"]
X, W, S2 = 1.0, 1.3, 0.4  # the linear model of the lesson: z ~ N(0, 1), x ~ N(w z, s2)


def _bound(mean, logvar, eps, spread=lambda logvar: np.exp(logvar / 2), price=1.0):
    """The parts of one draw of the bound, by rows of one latent; the divergence is exact."""
    z = mean + spread(logvar) * eps
    fit = -0.5 * ((X - W * z) ** 2 / S2 + np.log(2 * np.pi * S2)).sum(-1)
    return {"first term, log Pr(x|z),": fit, "divergence": -price * total(kl_standard(mean, logvar))}


linear_bound = Answer(
    _bound,
    {
        "logvar was taken for log sigma: it is log sigma^2": lambda *args: total(_bound(*args, spread=np.exp)),
    },
)

_POINTS = np.array([[0.3], [-0.8]]), np.array([[-0.5], [0.4]])  # rows at which many draws are averaged

drawing = (  # how `either` draws many estimates of the bound, and their mean
    lambda bound, rng: np.stack(
        [bound(np.full((2000, 1), m), np.full((2000, 1), l), rng.standard_normal((2000, 1)))
         for m, l in zip(*(a[:, 0] for a in _POINTS))], axis=-1),
    -0.5 * (((X - W * _POINTS[0]) ** 2 + W**2 * np.exp(_POINTS[1])) / S2 + np.log(2 * np.pi * S2))[:, 0]
    - total(kl_standard(*_POINTS)),
)  # fmt: skip
