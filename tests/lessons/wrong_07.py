"""Wrong answers to lesson 7: each is rejected, and the report holds these words."""

import numpy as np


def path(eps, m, s, k):
    slope = 2 * (m + s * eps - k)
    return slope, slope * eps


def value(eps, m, s, k):
    return (m + s * eps - k) ** 2


def term(eps, m, s, x, w, s2):
    by_z = w * (x - w * (m + s * eps)) / s2
    return by_z, by_z * eps


WRONG = {
    "pathwise": [
        ("by s the chain rule has a factor eps", lambda *a: (path(*a)[0], path(*a)[0])),
        ("the derivative of the square has a factor 2", lambda *a: (path(*a)[0] / 2, path(*a)[1] / 2)),
        ("take it at the draw", lambda eps, m, s, k: (2 * (m - k) + 0 * eps, 2 * (m - k) * eps)),
        ("the factor is eps, not s", lambda eps, m, s, k: (path(eps, m, s, k)[0], path(eps, m, s, k)[0] * s)),
        ("these are the values of f", lambda *a: (value(*a), value(*a) * a[0])),
    ],
    "score_function": [
        ("-log s has the derivative -1/s", lambda eps, m, s, k: (
            value(eps, m, s, k) * eps / s, value(eps, m, s, k) * eps**2 / s)),
        ("is eps / s, not eps", lambda eps, m, s, k: (
            value(eps, m, s, k) * eps, value(eps, m, s, k) * (eps**2 - 1) / s)),
        ("the whole bracket is divided by s", lambda eps, m, s, k: (
            value(eps, m, s, k) * eps / s, value(eps, m, s, k) * (eps**2 - 1))),
        ("not multiplied by f", lambda eps, m, s, k: (eps / s, (eps**2 - 1) / s)),
        ("by f itself", lambda eps, m, s, k: (
            path(eps, m, s, k)[0] * eps / s, path(eps, m, s, k)[0] * (eps**2 - 1) / s)),
        ("", path),
    ],
    "variances": [
        ("second moments", lambda d, s: (4 * d**2 + 12 * s**2, 2 * d**4 / s**2 + 60 * d**2 + 78 * s**2)),
        ("for the derivative by m", lambda d, s: (4 * s**2 + 0 * d, d**4 / s**2 + 14 * d**2 + 15 * s**2)),
        ("not 4 d^2", lambda d, s: (12 * s**2, 2 * d**4 / s**2 + 56 * d**2 + 78 * s**2)),
        ("standard deviations", lambda d, s: (
            np.sqrt(4 * d**2 + 8 * s**2), np.sqrt(2 * d**4 / s**2 + 60 * d**2 + 74 * s**2))),
    ],
    "first_term_gradient": [
        ("the derivative of w z by z is w", lambda eps, m, s, x, w, s2: (
            (x - w * (m + s * eps)) / s2, (x - w * (m + s * eps)) / s2 * eps)),
        ("the variance below the line is missing", lambda eps, m, s, x, w, s2: (
            w * (x - w * (m + s * eps)), w * (x - w * (m + s * eps)) * eps)),
        ("by s the chain rule has a factor eps", lambda *a: (term(*a)[0], term(*a)[0])),
        ("the result has the wrong sign", lambda *a: (-term(*a)[0], -term(*a)[1])),
        ("the 1/2 takes it away", lambda *a: (2 * term(*a)[0], 2 * term(*a)[1])),
    ],
    "repaired_draw": [
        ("all rows share one row of noise", lambda mean, std, noise: mean + std * noise(mean.shape[-1:])),
        ("shared by its entries", lambda mean, std, noise: mean + std * noise((len(mean), 1))),
        ("one single noise for all", lambda mean, std, noise: mean + std * noise(())),
        ("std is squared", lambda mean, std, noise: mean + std**2 * noise(mean.shape)),
    ],
}
