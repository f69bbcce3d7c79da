"""Wrong answers to lesson 6: each is rejected, and the report holds these words."""

import numpy as np

LN_2PI = np.log(2 * np.pi)


def elbo(mean, logvar, x, w, s2, spread=1.0, kl=1.0, constant=1.0):
    var = np.exp(logvar)
    fit = -0.5 * constant * np.log(2 * np.pi * s2) - ((x - w * mean) ** 2 + spread * w**2 * var) / (2 * s2)
    return fit - kl * 0.5 * (var + mean**2 - 1 - logvar)


def by_mean(mean, logvar, x, w, s2):
    return w * (x - w * mean) / s2 - mean


def by_logvar(mean, logvar, x, w, s2):
    return 0.5 * (1 - np.exp(logvar) - w**2 * np.exp(logvar) / s2)


def bound(mean, logvar, eps, log_q):
    z = mean + np.exp(logvar / 2) * eps
    return -0.5 * (np.log(2 * np.pi * 0.4) + (1 - 1.3 * z) ** 2 / 0.4) - 0.5 * (LN_2PI + z**2) - log_q


WRONG = {
    "jensen_gap": [
        ("the result has the wrong sign", lambda v, p: np.sum(p * np.log(v)) - np.log(np.sum(p * v))),
        ("mean of the log, taken off, is missing", lambda v, p: np.log(np.sum(p * v))),
    ],
    "elbo": [
        ("divergence has the wrong sign", lambda *a: elbo(*a, kl=-1.0)),
        ("divergence counts twice", lambda *a: elbo(*a, kl=2.0)),
        ("the result has the wrong sign", lambda *a: -elbo(*a)),
    ],
    "elbo_gradient": [
        ("divergence: in dL/dmean this term is missing", lambda *a: (by_mean(*a) + a[0], by_logvar(*a))),
        ("dL/dlogvar is twice", lambda *a: (by_mean(*a), 2 * by_logvar(*a))),
        ("dL/dmean has the wrong sign", lambda *a: (-by_mean(*a), -by_logvar(*a))),
        ("first term: in dL/dlogvar this term is missing", lambda mean, logvar, x, w, s2: (
            by_mean(mean, logvar, x, w, s2), 0.5 * (1 - np.exp(logvar)))),
    ],
    "diagonal_gap": [
        ("is twice", lambda precision: np.sum(np.log(np.diag(precision))) - np.linalg.slogdet(precision)[1]),
        ("the result has the wrong sign", lambda precision: 0.5 * (
            np.linalg.slogdet(precision)[1] - np.sum(np.log(np.diag(precision))))),
    ],
    "repaired_bound": [
        ("density of q, taken off, is missing", lambda mean, logvar, eps: bound(mean, logvar, eps, 0.0)),
        ("density of q, taken off, has the wrong sign", lambda mean, logvar, eps: bound(
            mean, logvar, eps, 0.5 * (LN_2PI + logvar + eps**2))),
    ],
}
