"""The answers about Gaussians: divergences, samples, densities, bounds (lessons 4, 6, 7 and 8)."""

import numpy as np

from tinygen.course.answers.base import Answer, total
from tinygen.gaussian import LN_2PI


def kl_standard(mean, logvar):
    """The parts of KL(N(mean, e^logvar) || N(0, I)), each summed over the last axis; nats."""
    return {
        "term 1/2 sigma^2": 0.5 * np.exp(logvar).sum(-1),
        "term 1/2 mean^2": 0.5 * (mean**2).sum(-1),
        "constant -1/2 for each dimension": -0.5 * np.ones_like(logvar).sum(-1),
        "term -1/2 log sigma^2": -0.5 * logvar.sum(-1),
    }


def sample(mean, logvar, eps):
    """The parts of a reparameterised draw from N(mean, e^logvar)."""
    return {"mean": mean + 0 * eps, "noise sigma eps": np.exp(logvar / 2) * eps}


def log_density(x, mean, logvar):
    """The parts of log N(x; mean, e^logvar), each summed over the last axis; nats."""
    zero = np.zeros(np.broadcast_shapes(np.shape(x), np.shape(mean), np.shape(logvar)))
    return {
        "squared error over 2 sigma^2": (-0.5 * (x - mean) ** 2 * np.exp(-logvar) + zero).sum(-1),
        "term -1/2 log sigma^2": (-0.5 * logvar + zero).sum(-1),
        "constant -1/2 ln 2 pi for each dimension": (-0.5 * LN_2PI + zero).sum(-1),
    }


def kl(mean0, logvar0, mean1, logvar1):
    """The parts of KL(N(mean0, e^logvar0) || N(mean1, e^logvar1)), each summed over the last axis; nats."""
    return {
        "ratio of the variances": 0.5 * np.exp(logvar0 - logvar1).sum(-1),
        "square of the means' difference": 0.5 * ((mean0 - mean1) ** 2 * np.exp(-logvar1)).sum(-1),
        "constant -1/2 for each dimension": -0.5 * np.ones_like(mean0).sum(-1),
        "difference of the logvars": -0.5 * (logvar0 - logvar1).sum(-1),
    }


def _kl_full(mean, L):
    """The parts of KL(N(mean, L L^T) || N(0, I)); nats."""
    return {
        "trace, the squares of all entries of L,": 0.5 * np.sum(L**2),
        "term 1/2 mean^2": 0.5 * np.sum(mean**2),
        "constant -D/2": -0.5 * len(mean),
        "log-determinant, the logs of the diagonal,": -np.sum(np.log(np.diag(L))),
    }


kl_full = Answer(
    _kl_full,
    {
        "all entries of L count in the trace, not only its diagonal": (
            lambda mean, L: sum(_kl_full(mean, np.diag(np.diag(L))).values())
        ),
        "the trace is that of L L^T: square the entries of L": (
            lambda mean, L: sum(_kl_full(mean, L).values()) - 0.5 * np.sum(L**2) + 0.5 * np.trace(L)
        ),
    },
)

kl_discrete = Answer(
    lambda p, q: np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1) / q), 0)),
    {
        "the mean is taken under q: weigh with the first, p": lambda p, q: np.sum(q * np.log(p / q)),
        "this is the divergence in the other direction": lambda p, q: np.sum(q * np.log(q / p)),
        "this is the cross-entropy: the entropy of p is not taken off": lambda p, q: -np.sum(p * np.log(q)),
        "the logarithm has the base 2: these are bits": lambda p, q: np.sum(p * np.log2(p / q)),
    },
)

estimate = Answer(
    lambda r: np.array([r.mean(), r.std(ddof=1) / np.sqrt(len(r))]),
    {
        "the second is the spread of single values: divide by the root of n": (
            lambda r: np.array([r.mean(), r.std(ddof=1)])
        ),
        "divide by n - 1 in the variance: ddof=1": lambda r: np.array([r.mean(), r.std() / np.sqrt(len(r))]),
        "the second is the variance of the mean: take the root": lambda r: np.array([r.mean(), r.var(ddof=1) / len(r)]),
        "divide by the root of n, not by n": lambda r: np.array([r.mean(), r.std(ddof=1) / len(r)]),
    },
)


def _log_ratio(x, mean0, logvar0, mean1, logvar1):
    return sum(log_density(x, mean0, logvar0).values()) - sum(log_density(x, mean1, logvar1).values())


def _draw(mean, logvar, eps):
    return mean + np.exp(logvar / 2) * eps


log_ratios = Answer(
    lambda m0, l0, m1, l1, eps: _log_ratio(_draw(m0, l0, eps), m0, l0, m1, l1),
    {
        "the draws are from the second: the mean is under the first": (
            lambda m0, l0, m1, l1, eps: _log_ratio(_draw(m1, l1, eps), m0, l0, m1, l1)
        ),
        "this is the divergence in the other direction": (
            lambda m0, l0, m1, l1, eps: -_log_ratio(_draw(m1, l1, eps), m0, l0, m1, l1)
        ),
        "the draws have exp(logvar) as standard deviation": (
            lambda m0, l0, m1, l1, eps: _log_ratio(m0 + np.exp(l0) * eps, m0, l0, m1, l1)
        ),
    },
)


_ARGS = np.array([[0.8, -1.2], [-0.5, 0.4], [-0.7, 0.6], [0.2, 0.1]])  # at which many log ratios are averaged

drawing = (  # how `either` draws many log ratios, and their mean
    lambda ratios, rng: ratios(*(np.broadcast_to(a, (2000, 2)) for a in _ARGS), rng.standard_normal((2000, 2))),
    total(kl(*_ARGS)),
)
