"""The answers about the evidence lower bound (lesson 6)."""

import numpy as np

from tinygen.course.answers.base import Answer
from tinygen.gaussian import LN_2PI

jensen_gap = Answer(
    lambda v, p: {"log of the mean": np.log(np.sum(p * v)), "mean of the log, taken off,": -np.sum(p * np.log(v))},
    {
        "the probabilities are left out": lambda v, p: np.log(np.mean(v)) - np.mean(np.log(v)),
        "the probabilities are inside the logarithm": lambda v, p: np.log(np.sum(p * v)) - np.sum(np.log(p * v)),
    },
)


def _elbo(mean, logvar, x, w, s2, spread=1.0):
    """The bound of the linear model in parts; `spread` scales w^2 s^2, the variance inside the first term."""
    var = np.exp(logvar)
    fit = -0.5 * np.log(2 * np.pi * s2) - ((x - w * mean) ** 2 + spread * w**2 * var) / (2 * s2)
    return {"first term": fit, "divergence": -0.5 * (var + mean**2 - 1 - logvar)}


elbo = Answer(
    _elbo,
    {
        "in the first term, w^2 s^2 is missing: z varies, so w z does": (
            lambda *args: sum(_elbo(*args, spread=0.0).values())
        ),
        "in the first term, w^2 s^2 has the wrong sign": lambda *args: sum(_elbo(*args, spread=-1.0).values()),
        "in the first term, w is not squared beside s^2": (
            lambda mean, logvar, x, w, s2: sum(_elbo(mean, logvar, x, w, s2, spread=1 / w).values())
        ),
        "the constant -1/2 log(2 pi sigma^2) is missing": (
            lambda mean, logvar, x, w, s2: sum(_elbo(mean, logvar, x, w, s2).values()) + 0.5 * np.log(2 * np.pi * s2)
        ),
    },
)

posterior = Answer(
    lambda x, w, s2: np.stack([w * x / (w**2 + s2), s2 / (w**2 + s2)]),
    {
        "the second is the precision: its inverse was asked for": (
            lambda x, w, s2: np.stack([w * x / (w**2 + s2), (w**2 + s2) / s2])
        ),
        "the second is the standard deviation: the variance was asked for": (
            lambda x, w, s2: np.stack([w * x / (w**2 + s2), np.sqrt(s2 / (w**2 + s2))])
        ),
        "the prior is left out: its precision 1 adds to w^2 / s2": lambda x, w, s2: np.stack([x / w, s2 / w**2]),
        "the mean lacks the factor w": lambda x, w, s2: np.stack([x / (w**2 + s2), s2 / (w**2 + s2)]),
    },
)

diagonal_gap = Answer(
    lambda precision: {
        "sum of the logs of the diagonal": 0.5 * np.sum(np.log(np.diag(precision))),
        "log-determinant, taken off,": -0.5 * np.linalg.slogdet(precision)[1],
    },
    {
        "the diagonal of the covariance is used: that q has a larger gap": (
            lambda precision: 0.5 * (
                np.sum(np.log(np.diag(np.linalg.inv(precision)))) + np.linalg.slogdet(precision)[1]
            )
        ),
        "slogdet returns two things: the logarithm is the second": (
            lambda precision: 0.5 * (np.sum(np.log(np.diag(precision))) - np.linalg.slogdet(precision)[0])
        ),
    },
)


def _draws(mean, logvar, eps, x=1.0, w=1.3, s2=0.4):
    z = mean + np.exp(logvar / 2) * eps
    return {
        "likelihood": -0.5 * (np.log(2 * np.pi * s2) + (x - w * z) ** 2 / s2),
        "prior": -0.5 * (LN_2PI + z**2),
        "density of q, taken off,": 0.5 * (LN_2PI + logvar + eps**2),
    }


bound_draws = Answer(
    _draws,
    {
        "log q has the logarithm of the variance twice: it is logvar / 2": (
            lambda mean, logvar, eps: sum(_draws(mean, logvar, eps).values()) + 0.5 * logvar
        ),
        "log q is taken at eps under N(0, 1): z has the variance s^2, add logvar / 2": (
            lambda mean, logvar, eps: sum(_draws(mean, logvar, eps).values()) - 0.5 * logvar
        ),
    },
)


_POINTS = np.array([0.3, -0.8]), np.array([-0.5, 0.4])  # means and log variances at which many draws are averaged

drawing = (  # how `either` draws many estimates of the bound, and their mean
    lambda bound, rng: bound(*(np.broadcast_to(a, (2000, 2)) for a in _POINTS), rng.standard_normal((2000, 2))),
    elbo.alone(*_POINTS, 1.0, 1.3, 0.4),
)
