r"""From noise to data: generators that yield z_t on the way, t = T, ..., 0. Given their noise they are deterministic.

Every sampler takes a Schedule (respaced to few steps if you like), a net `predict(z, t)` with the `kind` of what it
predicts (parameterization.py), and starts from z_T. `last(sampler)` is where it ends.
"""

import collections

import numpy as np

from tinygen.models.diffusion.bound import reverse_of
from tinygen.models.diffusion.parameterization import convert
from tinygen.models.diffusion.process import at, noisy


def last(steps):
    """The last thing that a generator yields: the sample."""
    (z,) = collections.deque(steps, maxlen=1)
    return z


def ancestral(schedule, predict, kind, z, noise, *, variance="posterior"):
    r"""z_{t-1} = mean(z_t) + sqrt(var_t) noise, from p(z_{t-1}|z_t); yields z_T, ..., z_0 = x, each (B, D).

    noise (T, B, D), noise[t - 1] is used at step t; or a Generator. variance: see `bound.reverse_of`; at t = 1 the mean
    alone is taken unless the variance is an array, which is then meant. Source: the notes, chapter 18; Prince 18.4.
    """
    reverse = reverse_of(schedule, predict, kind, variance)
    quiet = isinstance(variance, str)
    draw = _draws(noise, schedule, z)
    yield z
    for t in range(schedule.T, 0, -1):
        mean, var = reverse(z, t)
        z = mean if t == 1 and quiet else mean + np.sqrt(var) * draw(t)
        yield z


def ddim(schedule, predict, kind, z, noise=None, *, eta=0.0):
    r"""z_{t-1} = sqrt(alpha_bar_{t-1}) x + sqrt(sigma_{t-1}^2 - s_t^2) eps + s_t noise, with s_t = eta
    sqrt(posterior_var_t).

    eta = 0: deterministic, the first-order step of the probability-flow ODE; eta = 1: ancestral with the posterior
    variance; others in between. noise: as in `ancestral`, for eta > 0. Source: Song, Meng, Ermon 2021, eq. 12.
    """
    if not isinstance(eta, (int, float, np.number)) or not 0 <= eta <= 1:
        raise ValueError(f"ddim: got eta = {eta!r}; expected a number from 0 (no noise) to 1 (ancestral).")
    draw = _draws(noise, schedule, z) if eta else None
    yield z
    for t in range(schedule.T, 0, -1):
        value = predict(z, t)
        x = convert(schedule, value, z, t, kind, "x")
        eps = convert(schedule, value, z, t, kind, "eps")
        var = eta**2 * schedule.posterior_var[t]
        keep = np.sqrt(max(schedule.sigma2[t - 1] - var, 0.0))  # rounding alone can make it negative
        z = at(np.sqrt(schedule.alpha_bar), t - 1, z) * x + z.dtype.type(keep) * eps
        if var:
            z = z + z.dtype.type(np.sqrt(var)) * draw(t)
        yield z


def heun(schedule, predict, kind, z):
    r"""The probability-flow ODE by Heun's method, second order; two calls of the net a step, one in the last.

    In y = z / sqrt(alpha_bar) and s = sigma / sqrt(alpha_bar) the ODE is dy/ds = eps(z): Euler's step in these is DDIM
    with eta = 0, and Heun's goes back with the mean of the slopes at both ends. Source: Karras et al. 2022,
    algorithm 1.
    """
    a = np.sqrt(schedule.alpha_bar)
    s = schedule.sigma / a
    yield z
    for t in range(schedule.T, 0, -1):
        slope = convert(schedule, predict(z, t), z, t, kind, "eps")
        y, h = z / z.dtype.type(a[t]), z.dtype.type(s[t - 1] - s[t])
        ahead = y + h * slope
        if t > 1:
            there = z.dtype.type(a[t - 1]) * ahead
            ahead = y + h * 0.5 * (slope + convert(schedule, predict(there, t - 1), there, t - 1, kind, "eps"))
        z = z.dtype.type(a[t - 1]) * ahead
        yield z


def invert(schedule, predict, kind, x):
    r"""The probability-flow ODE the other way, by Heun's method: yields x = z_0, z_1, ..., z_T, each (B, D).

    `heun` from z_T leads back to x, up to both solvers' errors; so z_T is the noise that x is made of. The slope at
    t = 0, where nothing of eps is to be seen, is taken at t = 1. Source: Song, Meng, Ermon 2021, section 4.3.
    """
    a = np.sqrt(schedule.alpha_bar)
    s = schedule.sigma / a
    z_of = lambda y, t: y.dtype.type(a[t]) * y

    def slope_at(y, t):
        z = z_of(y, t)
        return convert(schedule, predict(z, t), z, t, kind, "eps")

    y = x
    yield x
    for t in range(1, schedule.T + 1):
        h, slope = x.dtype.type(s[t] - s[t - 1]), slope_at(y, max(t - 1, 1))
        y = y + h * x.dtype.type(0.5) * (slope + slope_at(y + h * slope, t))
        yield z_of(y, t)


def inpaint(schedule, predict, kind, z, x, known, noise):
    r"""Ancestral sampling of the unknown entries: before each step the known ones are replaced by noised data.

    The simple way (Song et al. 2021, appendix I.2). It is biased, with an exact net too: at step t the known entries
    are drawn anew from q(z_t|x), without regard to the unknown ones, so that these are never drawn from their law given
    x. Yields z_T, ..., z_0 (B, D); known: bool, (D,) or (B, D); noise: a Generator.
    """
    reverse = reverse_of(schedule, predict, kind, "posterior")
    for t in range(schedule.T, 0, -1):
        z = np.where(known, noisy(schedule, x, t, noise.standard_normal(x.shape, x.dtype)), z)
        yield z
        mean, var = reverse(z, t)
        z = mean if t == 1 else mean + np.sqrt(var) * noise.standard_normal(z.shape, z.dtype)
    yield np.where(known, x, z)


def _draws(noise, schedule, z):
    """The noise of step t as a function of t: from the array that was given, or drawn."""
    if isinstance(noise, np.random.Generator):
        return lambda t: noise.standard_normal(z.shape, z.dtype)
    expected = (schedule.T, *z.shape)
    if np.shape(noise) != expected:
        got = "None" if noise is None else f"{type(noise).__name__} of shape {np.shape(noise)}"
        raise ValueError(
            f"this sampler draws noise at each step: give noise, an array (T, B, D) = {expected} or a "
            f"numpy.random.Generator; got {got}."
        )
    return lambda t: noise[t - 1]
