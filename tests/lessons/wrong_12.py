"""Wrong answers to lesson 12: each is rejected, and the report holds these words."""

import numpy as np


def noisy(x, a, eps, on_x=np.sqrt, on_eps=lambda a: np.sqrt(1 - a)):
    return on_x(a) * x + on_eps(a) * eps


def moments(mean, var):
    return lambda m, v, alpha: (mean(m, alpha), var(v, alpha))


def mismatch(x, alpha, square=1.0, less=1.0, log=1.0):
    D = x.shape[-1]
    return 0.5 * (square * alpha * np.sum(x**2, -1) - less * D * alpha - log * D * np.log(1 - alpha))


def posterior(x, z, beta, before, of_x=1.0, of_z=1.0, alpha=None, var=None):
    alpha = (1 - beta) * before if alpha is None else alpha
    mean = of_x * np.sqrt(before) * beta * x + of_z * np.sqrt(1 - beta) * (1 - before) * z
    return mean / (1 - alpha), beta * (1 - before) / (1 - alpha) if var is None else var


def right_mean(m, alpha):
    return np.sqrt(alpha) * m


WRONG = {
    "step": [
        ("the noise has the wrong sign", lambda z, beta, eps: np.sqrt(1 - beta) * z - np.sqrt(beta) * eps),
        ("the noise is missing", lambda z, beta, eps: np.sqrt(1 - beta) * z),
    ],
    "alphas": [
        ("expected an array of shape (8,)", lambda beta: np.prod(1 - beta)),
    ],
    "noisy": [
        ("x and eps have changed places", lambda x, t, alpha, eps: noisy(eps, alpha[t][:, None], x)),
        ("the noise is missing", lambda x, t, alpha, eps: np.sqrt(alpha[t][:, None]) * x),
    ],
    "marginal": [
        ("var was taken for sigma", moments(right_mean, lambda v, a: a * v**2 + 1 - a)),
    ],
    "terminal_mismatch": [
        ("logarithm, -D/2 log(1 - alpha), is missing", lambda x, alpha: mismatch(x, alpha, log=0.0)),
        ("logarithm, -D/2 log(1 - alpha), has the wrong sign", lambda x, alpha: mismatch(x, alpha, log=-1.0)),
        ("-D alpha / 2, is missing", lambda x, alpha: mismatch(x, alpha, less=0.0)),
        ("twice what it should be", lambda x, alpha: 2 * mismatch(x, alpha)),
        ("a mean in place of a sum", lambda x, alpha: mismatch(x, alpha) / x.shape[-1]),
        ("whole batch", lambda x, alpha: mismatch(x, alpha).sum()),
        ("not yet summed", lambda x, alpha: 0.5 * (alpha * x**2 - alpha - np.log(1 - alpha))),
    ],
    "posterior": [
        ("part of x in the mean is missing", lambda x, z, beta, before: posterior(x, z, beta, before, of_x=0.0)),
    ],
}
