"""The answers about scores, flows and exact likelihoods (lesson 16)."""

import numpy as np

from tinygen.course.answers.base import Answer
from tinygen.gaussian import LN_2PI


def _tweedie(z, eps, alpha, score=None):
    """Score and denoised, stacked; `score` another guess of it to denoise with."""
    right = -eps / np.sqrt(1 - alpha)
    score = right if score is None else score
    return np.stack([score, (z + (1 - alpha) * score) / np.sqrt(alpha)])


tweedie = Answer(
    _tweedie,
    {
        "the score has the wrong sign: it points away from the noise": (
            lambda z, eps, alpha: _tweedie(z, eps, alpha, eps / np.sqrt(1 - alpha))
        ),
        "the score is divided by the variance 1 - alpha: the standard deviation belongs there": (
            lambda z, eps, alpha: _tweedie(z, eps, alpha, -eps / (1 - alpha))
        ),
        "the noise is not yet divided by its standard deviation": (
            lambda z, eps, alpha: _tweedie(z, eps, alpha, -eps)
        ),
        "the score is multiplied by the standard deviation: divide by it": (
            lambda z, eps, alpha: np.stack(
                [-eps * np.sqrt(1 - alpha), (z - np.sqrt(1 - alpha) * eps) / np.sqrt(alpha)]
            )
        ),
        "both are right, in the wrong order: the score comes first": lambda *args: _tweedie(*args)[::-1],
        "only the score came back: E[x|z] is missing": lambda *args: _tweedie(*args)[0],
        "only E[x|z] came back: the score is missing": lambda *args: _tweedie(*args)[1],
        "the score is right; in the denoiser the division by sqrt(alpha) is missing": (
            lambda z, eps, alpha: _tweedie(z, eps, alpha) * np.reshape([1, np.sqrt(alpha)], (2, 1, 1))
        ),
        "the score is right; the denoiser walks by the standard deviation: by the variance 1 - alpha is right": (
            lambda z, eps, alpha: np.stack([-eps / np.sqrt(1 - alpha), (z - eps) / np.sqrt(alpha)])
        ),
    },
)


def _ddim(z, eps, noise, alpha, before, var, kept=None, back=None, fresh=None):
    """The three terms; `kept` the weight of eps, `back` what x is divided by, `fresh` the weight of the noise."""
    x = (z - np.sqrt(1 - alpha) * eps) / (np.sqrt(alpha) if back is None else back)
    return {
        "guess of the data": np.sqrt(before) * x,
        "guess of the noise": (np.sqrt(1 - before - var) if kept is None else kept) * eps,
        "fresh noise": (np.sqrt(var) if fresh is None else fresh) * noise,
    }


def _ddim_wrong(**changes):
    """A step with one of its weights changed, each a function of alpha, before and var."""
    return lambda z, eps, noise, *abv: sum(
        _ddim(z, eps, noise, *abv, **{name: f(*abv) for name, f in changes.items()}).values()
    )


ddim_step = Answer(
    _ddim,
    {
        "the kept noise is too large: the fresh noise's variance has to be taken off under its root": (
            _ddim_wrong(kept=lambda alpha, before, var: np.sqrt(1 - before))
        ),
        "the kept noise is that of step t: z is put together for step t - 1": (
            _ddim_wrong(kept=lambda alpha, before, var: np.sqrt(1 - alpha - var))
        ),
        "a root of a difference is no difference of roots: both variances belong under one root": (
            _ddim_wrong(kept=lambda alpha, before, var: np.sqrt(1 - before) - np.sqrt(var))
        ),
        "in the guess of the data, eps is weighted by the variance 1 - alpha: by its square root is right": (
            lambda z, eps, noise, alpha, before, var: sum(
                _ddim(z - (1 - alpha - np.sqrt(1 - alpha)) * eps, eps, noise, alpha, before, var).values()
            )
        ),
        "the roots of alpha_t and alpha_{t-1} are missing": (
            lambda z, eps, noise, alpha, before, var: sum(
                _ddim(z, eps, noise, alpha, before, var, back=alpha / np.sqrt(before)).values()
            )
        ),
        "the guess of the data is not divided by sqrt(alpha)": _ddim_wrong(back=lambda alpha, before, var: 1.0),
        "the fresh noise is multiplied by its variance: by the square root is right": (
            _ddim_wrong(fresh=lambda alpha, before, var: var)
        ),
    },
)


def _heun(v, y, s, after):
    slope = v(y, s)
    return y + (after - s) * 0.5 * (slope + v(y + (after - s) * slope, after))


heun_step = Answer(
    _heun,
    {
        "this is Euler's step: the slope at the end is missing": lambda v, y, s, after: y + (after - s) * v(y, s),
        "the second slope is taken at the old y: take it where the first one leads": (
            lambda v, y, s, after: y + (after - s) * 0.5 * (v(y, s) + v(y, after))
        ),
        "the second slope is taken at the old s: it belongs to `after`": (
            lambda v, y, s, after: y + (after - s) * 0.5 * (v(y, s) + v(y + (after - s) * v(y, s), s))
        ),
        "this is the midpoint method, of second order as well: the mean of the slopes at both ends was asked for": (
            lambda v, y, s, after: y + (after - s) * v(y + (after - s) / 2 * v(y, s), (s + after) / 2)
        ),
        "both slopes are added: take their mean": (
            lambda v, y, s, after: y + (after - s) * (v(y, s) + v(y + (after - s) * v(y, s), after))
        ),
        "the step has the wrong sign: it goes from s to `after`": (
            lambda v, y, s, after: y + (s - after) * 0.5 * (v(y, s) + v(y + (s - after) * v(y, s), after))
        ),
        "this is only the slope at the end: the mean of both is wanted": (
            lambda v, y, s, after: y + (after - s) * v(y + (after - s) * v(y, s), after)
        ),
    },
)

log_p = Answer(
    lambda end, divergence, alpha: {
        "density of N(0, I) at the end": -0.5 * np.sum(end**2 + LN_2PI, axis=1),
        "change from z to y, D/2 log alpha,": end.shape[1] / 2 * np.log(alpha) + 0 * divergence,
        "divergence": divergence,
    },
    {
        "the change from z to y is counted once and not for each of the D dimensions": (
            lambda end, divergence, alpha: (
                -0.5 * np.sum(end**2 + LN_2PI, axis=1) + np.log(alpha) / 2 + divergence
            )
        ),
        "log(1 - alpha) stands where log(alpha) belongs: y is z over sqrt(alpha)": (
            lambda end, divergence, alpha: (
                -0.5 * np.sum(end**2 + LN_2PI, axis=1) + end.shape[1] / 2 * np.log(1 - alpha) + divergence
            )
        ),
        "the density of the end is summed over the whole batch: each row has its own": (
            lambda end, divergence, alpha: (
                -0.5 * np.sum(end**2 + LN_2PI) + end.shape[1] / 2 * np.log(alpha) + divergence
            )
        ),
        "the constant -D/2 log(2 pi) is missing": (
            lambda end, divergence, alpha: (
                -0.5 * np.sum(end**2, axis=1) + end.shape[1] / 2 * np.log(alpha) + divergence
            )
        ),
    },
)

hutchinson = Answer(
    lambda pull, probes: np.mean([np.sum(u * pull(u), axis=1) for u in probes], axis=0),
    {
        "the products are not multiplied by the probe again": (
            lambda pull, probes: np.mean([np.sum(pull(u), axis=1) for u in probes], axis=0)
        ),
        "this is the squared length of the products: multiply them by the probe": (
            lambda pull, probes: np.mean([np.sum(pull(u) ** 2, axis=1) for u in probes], axis=0)
        ),
        "only one probe was looked at": lambda pull, probes: np.sum(probes[0] * pull(probes[0]), axis=1),
    },
)


def _flow(z, eps, beta, alpha, pull=0.5):
    return {
        "old z": z,
        "growth, beta/2 z,": 0.5 * beta * z,
        "pull of the score": -pull * beta * eps / np.sqrt(1 - alpha),
    }


flow_step = Answer(
    _flow,
    {
        "this is still the drift of the noisy walk: the flow takes half of the score": (
            lambda *args: sum(_flow(*args, pull=1.0).values())
        ),
        "the guess of the noise is not yet a score: divide it by sqrt(1 - alpha)": (
            lambda z, eps, beta, alpha: z + 0.5 * beta * (z - eps)
        ),
        "the score is right, and z / sqrt(1 - beta) is no mistake: to first order it is z + beta/2 z": (
            lambda z, eps, beta, alpha: z / np.sqrt(1 - beta) - 0.5 * beta * eps / np.sqrt(1 - alpha)
        ),
        "this goes towards the noise: back to the data z grows": (
            lambda z, eps, beta, alpha: z - 0.5 * beta * (z - eps / np.sqrt(1 - alpha))
        ),
        "both parts are halved once more: only the score was twice too large": (
            lambda z, eps, beta, alpha: z + 0.25 * beta * z - 0.5 * beta * eps / np.sqrt(1 - alpha)
        ),
    },
)
