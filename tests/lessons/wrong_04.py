"""Wrong answers to lesson 4: each is rejected, and the report holds these words."""

import numpy as np


def kl(mean0, logvar0, mean1, logvar1):
    ratio = np.exp(logvar0 - logvar1)
    square = (mean0 - mean1) ** 2 * np.exp(-logvar1)
    return 0.5 * np.sum(ratio + square - 1 - (logvar0 - logvar1), axis=-1)


def gradients(mean0, logvar0, mean1, logvar1):
    ratio = np.exp(logvar0 - logvar1)
    by_mean0 = (mean0 - mean1) * np.exp(-logvar1)
    by_logvar1 = 0.5 * (1 - ratio - (mean0 - mean1) ** 2 * np.exp(-logvar1))
    return by_mean0, 0.5 * (ratio - 1), -by_mean0, by_logvar1


def log_normal(x, mean, logvar):
    return -0.5 * np.sum((x - mean) ** 2 * np.exp(-logvar) + logvar + np.log(2 * np.pi), axis=-1)


def ratios(x, mean0, logvar0, mean1, logvar1):
    return log_normal(x, mean0, logvar0) - log_normal(x, mean1, logvar1)


def careless(p, q):
    with np.errstate(all="ignore"):
        return np.sum(p * np.log(p / q))


def full(mean, L, logs):
    return 0.5 * (np.sum(L**2) + mean @ mean - len(mean)) - logs


WRONG = {
    "kl_discrete": [
        ("not finite", careless),
        ("expected inf", lambda p, q: np.sum((p * np.log(np.maximum(p, 1e-300) / np.maximum(q, 1e-300)))[p > 0])),
    ],
    "kl": [
        ("have changed places", lambda m0, l0, m1, l1: kl(m1, l0, m0, l1) * 0 + kl(m0, l1, m1, l0)),
        ("constant -1/2 for each dimension is missing", lambda m0, l0, m1, l1: kl(m0, l0, m1, l1) + 1.5),
        ("difference of the logvars has the wrong sign",
         lambda m0, l0, m1, l1: kl(m0, l0, m1, l1) + np.sum(l0 - l1, axis=-1)),
        ("square of the means' difference is missing", lambda m0, l0, m1, l1: kl(m0 * 0, l0, m0 * 0, l1)),
        ("a factor 2 is missing", lambda m0, l0, m1, l1: kl(m0, l0, m1, l1) / 2),
    ],
    "kl_gradients": [
        ("to log sigma instead of log sigma^2",
         lambda *a: (gradients(*a)[0], 2 * gradients(*a)[1], *gradients(*a)[2:])),
        ("dL/dmean1 has the wrong sign", lambda *a: (*gradients(*a)[:2], gradients(*a)[0], gradients(*a)[3])),
        ("dL/dmean0 has the wrong sign",
         lambda *a: (gradients(*a)[2], gradients(*a)[1], gradients(*a)[0], gradients(*a)[3])),
        ("mean0 in place of mean1",
         lambda m0, l0, m1, l1: (*gradients(m0, l0, m1, l1)[:3], 0.5 * (1 - np.exp(l0 - l1)))),
    ],
    "kl_full": [
        ("log-determinant, the logs of the diagonal, counts half", lambda mean, L: full(
            mean, L, 0.5 * np.sum(np.log(np.diag(L))))),
        ("log-determinant, the logs of the diagonal, has the wrong sign", lambda mean, L: full(
            mean, L, -np.sum(np.log(np.diag(L))))),
        ("constant -D/2 is missing", lambda mean, L: full(mean, L, np.sum(np.log(np.diag(L)))) + len(mean) / 2),
    ],
    "repaired_ratios": [
        ("the result has the wrong sign", lambda m0, l0, m1, l1, eps: -ratios(
            m0 + np.exp(l0 / 2) * eps, m0, l0, m1, l1)),
    ],
}
