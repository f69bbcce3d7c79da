"""Wrong answers to lesson 5: each is rejected, and the report holds these words."""

import numpy as np


def log_sum(a, axis):
    top = a.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(a - top).sum(axis=axis))


def careless(a, step):
    with np.errstate(all="ignore"):
        return np.log(np.exp(a).sum(-1) * step)


def moments(weight, z):
    mean = weight @ z
    return mean, weight @ z**2 - mean**2


def log_normal(x, mean, var):
    return -0.5 * (np.log(2 * np.pi * var) + (x - mean) ** 2 / var)


def weights(eps, m, s, x, w, s2, prior=1, q=1):
    z = m + s * eps
    return log_normal(x, w * z, s2) + prior * log_normal(z, 0, 1) - q * log_normal(z, m, s**2)


def ignoring(f):
    def quiet(*args):
        with np.errstate(all="ignore"):
            return f(*args)

    return quiet


WRONG = {
    "log_evidence": [
        ("not finite", careless),
        ("step of the grid, log of it, is missing", lambda a, step: log_sum(a, -1)),
        ("step of the grid, log of it, has the wrong sign", lambda a, step: log_sum(a, -1) - np.log(step)),
    ],
    "posterior_moments": [
        ("not finite", ignoring(lambda a, z: moments(np.exp(a) / np.exp(a).sum(-1, keepdims=True), z))),
    ],
    "log_mean": [
        ("not finite", ignoring(lambda a: np.log(np.exp(a).mean(0)))),
        ("log n, taken off, is missing", lambda a: log_sum(a, 0)),
    ],
    "log_weights": [
        ("prior log Pr(z) is missing", lambda *a: weights(*a, prior=0)),
        ("density log q(z), taken off, is missing", lambda *a: weights(*a, q=0)),
        ("density log q(z), taken off, has the wrong sign", lambda *a: weights(*a, q=-1)),
        ("", lambda eps, m, s, x, w, s2: weights(eps, m, s**2, x, w, s2)),
    ],
    "repaired_estimate": [
        ("not finite", ignoring(lambda a: np.log(np.exp(a).mean(0)))),
        ("log n, taken off, is missing", lambda a: log_sum(a, 0)),
    ],
}
