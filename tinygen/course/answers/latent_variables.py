"""The answers about latent variables (lesson 5)."""

import numpy as np
from scipy.integrate import simpson

from tinygen.course.answers.base import Answer
from tinygen.gaussian import LN_2PI


def _log_sum(a, axis):
    top = a.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(a - top).sum(axis=axis))


def _by(rule, log_joint, step):
    top = log_joint.max(axis=-1)
    return top + np.log(rule(np.exp(log_joint - top[:, None]), dx=step, axis=-1))


log_evidence = Answer(
    lambda log_joint, step: {"sum over the grid": _log_sum(log_joint, -1), "step of the grid, log of it,": (
        np.log(step) * np.ones(log_joint.shape[:-1]))},
    {
        "the step multiplies the sum: its logarithm is added, not the step": (
            lambda log_joint, step: _log_sum(log_joint, -1) + step
        ),
        "divided by the number of points: this is a mean over the grid, not an integral": (
            lambda log_joint, step: _log_sum(log_joint, -1) - np.log(log_joint.shape[-1])
        ),
        "the sum is of the logarithms: put them into exp first": (
            lambda log_joint, step: np.log(np.abs(log_joint.sum(-1) * step))
        ),
        "the largest has been taken out and not put back": (
            lambda log_joint, step: _log_sum(log_joint, -1) - log_joint.max(-1) + np.log(step)
        ),
    },
    {
        "by the trapezoid rule": lambda log_joint, step: _by(np.trapezoid, log_joint, step),
        "by Simpson's rule": lambda log_joint, step: _by(simpson, log_joint, step),
    },
)


def _moments(weight, z, second=lambda mean, square: square - mean**2):
    """Two rows, (2, B): the mean of z under the weights, and `second` of it and of the mean of z^2."""
    mean = weight @ z
    return np.stack([mean, second(mean, weight @ z**2)])


def _normalised(log_joint):
    weight = np.exp(log_joint - log_joint.max(-1, keepdims=True))
    return weight / weight.sum(-1, keepdims=True)


def _by_rule(rule, log_joint, z):
    """The moments, with integrals by a rule in the place of sums."""
    weight = np.exp(log_joint - log_joint.max(-1, keepdims=True))
    weight = weight / rule(weight, z, axis=-1)[:, None]
    mean = rule(weight * z, z, axis=-1)
    return np.stack([mean, rule(weight * z**2, z, axis=-1) - mean**2])


posterior_moments = Answer(
    lambda log_joint, z: _moments(_normalised(log_joint), z),
    {
        "the second is the mean of z^2: take off the square of the mean": (
            lambda log_joint, z: _moments(_normalised(log_joint), z, lambda mean, square: square)
        ),
        "the second is the standard deviation: the variance was asked for": (
            lambda log_joint, z: _moments(_normalised(log_joint), z, lambda mean, square: np.sqrt(square - mean**2))
        ),
        "the weights do not sum to 1": lambda log_joint, z: _moments(np.exp(log_joint), z),
        "the weights are the logarithms: put them into exp first": (
            lambda log_joint, z: _moments(log_joint / log_joint.sum(-1, keepdims=True), z)
        ),
    },
    {
        "by the trapezoid rule": lambda log_joint, z: _by_rule(np.trapezoid, log_joint, z),
        "by Simpson's rule": lambda log_joint, z: _by_rule(simpson, log_joint, z),
    },
)

log_mean = Answer(
    lambda a: {"log of the sum": _log_sum(a, 0), "log n, taken off,": -np.log(len(a)) * np.ones(a.shape[1:])},
    {
        "this is the mean of the logarithms: the logarithm comes last": lambda a: a.mean(0),
        "this is the mean weight: its logarithm was asked for": lambda a: np.exp(a).mean(0),
        "the mean is over the wrong axis": lambda a: _log_sum(a, 1) - np.log(a.shape[1]),
    },
)


def _log_weights(eps, m, s, x, w, s2):
    """The parts of log Pr(x, z) - log q(z) at z = m + s eps for the linear model with one latent."""
    z = m + s * eps
    return {
        "likelihood log Pr(x|z)": -0.5 * (np.log(2 * np.pi * s2) + (x - w * z) ** 2 / s2),
        "prior log Pr(z)": -0.5 * (LN_2PI + z**2),
        "density log q(z), taken off,": 0.5 * (LN_2PI + 2 * np.log(s) + eps**2),
    }


log_weights = Answer(_log_weights)
