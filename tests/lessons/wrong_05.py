"""Wrong answers to lesson 5: each is rejected, and the report holds these words."""

import numpy as np


def log_sum(a, axis):
    top = a.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis) + np.log(np.exp(a - top).sum(axis=axis))


def careless(a, step):
    with np.errstate(all="ignore"):
        return np.log(np.exp(a).sum(-1) * step)


def normalised(a):
    weight = np.exp(a - a.max(-1, keepdims=True))
    return weight / weight.sum(-1, keepdims=True)


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
        ("its logarithm is added, not the step", lambda a, step: log_sum(a, -1) + step),
        ("step of the grid, log of it is missing", lambda a, step: log_sum(a, -1)),
        ("this is a mean over the grid", lambda a, step: log_sum(a, -1) - np.log(a.shape[-1])),
        ("has been taken out and not put back", lambda a, step: log_sum(a, -1) - a.max(-1) + np.log(step)),
        ("step of the grid, log of it has the wrong sign", lambda a, step: log_sum(a, -1) - np.log(step)),
    ],
    "posterior_moments": [
        ("take off the square of the mean", lambda a, z: (normalised(a) @ z, normalised(a) @ z**2)),
        ("the variance was asked for", lambda a, z: (moments(normalised(a), z)[0],
                                                     np.sqrt(moments(normalised(a), z)[1]))),
        ("not finite", ignoring(lambda a, z: moments(np.exp(a) / np.exp(a).sum(-1, keepdims=True), z))),
        ("the weights do not sum to 1", lambda a, z: moments(np.exp(a), z)),
        ("the weights are the logarithms", lambda a, z: moments(a / a.sum(-1, keepdims=True), z)),
    ],
    "log_mean": [
        ("the logarithm comes last", lambda a: a.mean(0)),
        ("its logarithm was asked for", ignoring(lambda a: np.exp(a).mean(0))),
        ("not finite", ignoring(lambda a: np.log(np.exp(a).mean(0)))),
        ("log n, taken off is missing", lambda a: log_sum(a, 0)),
        ("over the wrong axis", lambda a: log_sum(a.T, 0) - np.log(a.shape[1])),
    ],
    "log_weights": [
        ("prior log Pr(z) is missing", lambda *a: weights(*a, prior=0)),
        ("density log q(z), taken off is missing", lambda *a: weights(*a, q=0)),
        ("density log q(z), taken off has the wrong sign", lambda *a: weights(*a, q=-1)),
        ("", lambda eps, m, s, x, w, s2: weights(eps, m, s**2, x, w, s2)),
    ],
    "repaired_estimate": [
        ("the logarithm comes last", lambda a: a.mean(0)),
        ("not finite", ignoring(lambda a: np.log(np.exp(a).mean(0)))),
        ("log n, taken off is missing", lambda a: log_sum(a, 0)),
    ],
}
