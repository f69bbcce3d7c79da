"""The answers about gradients of expectations (lesson 7)."""

import numpy as np

from tinygen.check.report import PASS, Entry, Report
from tinygen.check.value import check_value
from tinygen.course.answers.base import Answer


def _path(eps, m, s, k):
    slope = 2 * (m + s * eps - k)
    return np.stack([slope, slope * eps])


def _score(eps, m, s, k, by_m=lambda eps, s: eps / s, by_s=lambda eps, s: (eps**2 - 1) / s):
    f = (m + s * eps - k) ** 2
    return np.stack([f * by_m(eps, s), f * by_s(eps, s)])


pathwise = Answer(
    _path,
    {
        "by s the chain rule has a factor eps": lambda eps, m, s, k: np.stack([_path(eps, m, s, k)[0]] * 2),
        "these are the values of f: its derivative is 2 (x - k)": (
            lambda eps, m, s, k: np.stack([(m + s * eps - k) ** 2, (m + s * eps - k) ** 2 * eps])
        ),
        "the derivative of the square has a factor 2": lambda eps, m, s, k: _path(eps, m, s, k) / 2,
        "the derivative is taken at m: take it at the draw m + s eps": (
            lambda eps, m, s, k: np.stack([2 * (m - k) + 0 * eps, 2 * (m - k) * eps])
        ),
        "the draw is m + s eps: here eps has the other sign": lambda eps, m, s, k: _path(-eps, m, s, k),
        "by s the factor is eps, not s": lambda eps, m, s, k: _path(eps, m, s, k)[0] * np.array([[1.0], [s]]),
    },
)

score_function = Answer(
    _score,
    {
        "by s, -log s has the derivative -1/s: it is missing": (
            lambda *a: _score(*a, by_s=lambda eps, s: eps**2 / s)
        ),
        "(x - m) / s^2 is eps / s: one s has gone into eps": lambda *a: _score(*a, by_m=lambda eps, s: eps / s**2),
        "(x - m) / s^2 is eps / s, not eps": lambda *a: _score(*a, by_m=lambda eps, s: eps),
        "by s, the whole bracket is divided by s": lambda *a: _score(*a, by_s=lambda eps, s: eps**2 - 1),
        "the score is multiplied by the derivative of f: by f itself": (
            lambda eps, m, s, k: np.stack([2 * (m + s * eps - k) * eps / s, 2 * (m + s * eps - k) * (eps**2 - 1) / s])
        ),
        "the score is not multiplied by f": (
            lambda eps, m, s, k: np.stack([eps / s, (eps**2 - 1) / s])
        ),
        "a baseline is taken off f: its mean is right, and its variance smaller, but the text is about plain f": (
            lambda eps, m, s, k: _score(eps, m, s, k) - ((m - k) ** 2 + s**2) * np.stack([eps / s, (eps**2 - 1) / s])
        ),
    },
)

variances = Answer(
    lambda d, s: np.stack([4 * d**2 + 8 * s**2, 2 * d**4 / s**2 + 60 * d**2 + 74 * s**2]),
    {
        "these are the second moments: take off the square of the mean, 4 s^2": (
            lambda d, s: np.stack([4 * d**2 + 12 * s**2, 2 * d**4 / s**2 + 60 * d**2 + 78 * s**2])
        ),
        "these are the variances for the derivative by m": (
            lambda d, s: np.stack([4 * s**2 + 0 * d, d**4 / s**2 + 14 * d**2 + 15 * s**2])
        ),
        "these are standard deviations": (
            lambda d, s: np.sqrt(np.stack([4 * d**2 + 8 * s**2, 2 * d**4 / s**2 + 60 * d**2 + 74 * s**2]))
        ),
        "the square of the mean is 4 s^2, not 4 d^2": (
            lambda d, s: np.stack([12 * s**2, 2 * d**4 / s**2 + 56 * d**2 + 78 * s**2])
        ),
    },
)


def _first_term(eps, m, s, x, w, s2, factor=None, spread=None):
    by_z = (w if factor is None else factor) * (x - w * (m + s * eps)) / (s2 if spread is None else spread)
    return np.stack([by_z, by_z * eps])


first_term = Answer(
    _first_term,
    {
        "z is m + s eps: here eps has the other sign": lambda eps, *rest: _first_term(-eps, *rest),
        "the derivative of w z by z is w: it is missing": lambda *a: _first_term(*a, factor=1.0),
        "the variance below the line is missing": lambda *a: _first_term(*a, spread=1.0),
        "by s the chain rule has a factor eps": lambda *a: np.stack([_first_term(*a)[0]] * 2),
        "the derivative of the square has a factor 2, and the 1/2 takes it away": lambda *a: 2 * _first_term(*a),
    },
)

def own_noise(function, answer, mean, std, seed):
    """Does each entry of ``function(mean, std, noise)`` have a noise of its own, in any order of draws and of either
    sign? -> Report.

    noise(shape) draws from a generator that is made from `seed`.
    """
    drawn = []

    def noise_from(rng):
        return lambda shape=(): drawn.append(rng.normal(size=shape)) or drawn[-1]

    fresh = lambda mean, std: function(mean, std, noise_from(np.random.default_rng(seed)))
    right = answer.through(lambda draw: lambda mean, std: draw(mean, std, noise_from(np.random.default_rng(seed))))
    report = check_value(fresh, right, mean, std, names=("mean", "std"))
    if report.ok or report.mistakes:
        return report
    drawn.clear()
    used = np.sort(np.abs((np.asarray(fresh(mean, std)) - mean) / std).ravel())  # either sign is as good
    there = np.sort(np.abs(np.concatenate([np.ravel(part) for part in drawn])))
    found = there[np.clip(np.searchsorted(there, used - 1e-9), 0, len(there) - 1)] if len(there) else used + 1
    if used.shape == (mean.size,) and np.all(abs(found - used) < 1e-9) and np.all(np.diff(used) > 1e-9):
        return Report(report.name, [Entry("result", PASS)], notes=["each entry has a noise of its own"])
    return report


batch_draw = Answer(
    lambda mean, std, noise: mean + std * noise(mean.shape),
    {
        "all rows share one row of noise: draw it in the shape of mean": (
            lambda mean, std, noise: mean + std * noise(mean.shape[-1:])
        ),
        "one noise for each row is shared by its entries: draw it in the shape of mean": (
            lambda mean, std, noise: mean + std * noise((len(mean), 1))
        ),
        "one single noise for all: draw it in the shape of mean": lambda mean, std, noise: mean + std * noise(()),
        "std is squared": lambda mean, std, noise: mean + std**2 * noise(mean.shape),
    },
)
