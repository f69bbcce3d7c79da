"""Wrong answers to lesson 10: each is rejected, and the report holds these words."""

import numpy as np


def log(value):
    """The logarithm as it is, minus infinity of 0 included."""
    with np.errstate(divide="ignore"):
        return np.log(value)


def kl(m0, v0, m1, v1):
    return 0.5 * ((v0 + (m0 - m1) ** 2) / v1 - 1 - np.log(v0 / v1))


def bound(x, labels, mean, logvar, w, s2, shift, prior_mean, prior_logvar, *, price=kl, noise=1.0, constant=1.0):
    var = np.exp(logvar)
    off = x - w * mean - shift[labels]
    first = -0.5 * (constant * np.log(2 * np.pi * s2) + (off**2 + noise * w**2 * var) / s2)
    return first - price(mean, var, prior_mean[labels], np.exp(prior_logvar[labels]))


def groups(log_weight, K):
    return log_weight.reshape(-1, K, log_weight.shape[1])


def second(d, q, v, power=2, half=1.0):
    return q / np.sqrt(v * (2 * q - v)) * np.exp(half * d**power / (2 * q - v))


WRONG = {
    "conditional_bound": [
        ("all the numbers are off by the same", lambda *a: bound(*a, constant=0.0)),
        ("the divergence is missing", lambda *a: bound(*a, price=lambda *_: 0.0)),
        ("the divergence has the wrong sign", lambda *a: bound(*a, price=lambda *b: -kl(*b))),
        ("logvar was taken for", lambda x, labels, mean, logvar, *a: bound(x, labels, mean, 2 * logvar, *a)),
    ],
    "without_label": [
        ("not finite", lambda bounds, frequencies: log(np.exp(bounds) @ frequencies)),
    ],
    "iwae": [
        ("not finite", lambda log_weight, K: log(np.exp(groups(log_weight, K)).mean(1)).mean(0)),
    ],
    "weight_variance": [
        ("expected inf", lambda d, q, v: second(d, q, v) - 1),
    ],
    "repaired_score": [
        ("not finite", lambda log_weight: log(np.exp(log_weight).mean(0)).mean()),
    ],
}
