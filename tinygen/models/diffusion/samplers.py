"""Other ways between noise and data than those of one_page.py: the probability-flow ODE, both ways, and inpainting.

As there, each is a generator that yields z_t on the way, takes a Schedule (respaced to few steps if you like), and a
net `predict(z, t)` with the `kind` of what it predicts. `one_page.last(sampler)` is where it ends.

Throughout, schedule: a `Schedule`. predict: a net, as a function of z_t (B, D) and t. kind: what it says, a name of
parameterization.py. z: (B, D), standard normal noise to begin with.
"""

import numpy as np

from tinygen.models.diffusion.one_page import reverse_of
from tinygen.models.diffusion.parameterization import convert
from tinygen.models.diffusion.process import noisy


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
    x. Yields z_T, ..., z_0 (B, D); known: bool, (D,) or (B, D); or, where the known numbers are some coordinates of x
    along other axes, the orthogonal projection on these, (D, D) or (B, D, D); noise: a Generator.
    """
    known = np.asarray(known)
    if known.dtype == bool:
        hold = lambda fixed, z: np.where(known, fixed, z)
    else:
        hold = lambda fixed, z: z + np.matmul((fixed - z)[:, None], known)[:, 0]
    reverse = reverse_of(schedule, predict, kind, "posterior")
    for t in range(schedule.T, 0, -1):
        z = hold(noisy(schedule, x, t, noise.standard_normal(x.shape, x.dtype)), z)
        yield z
        mean, var = reverse(z, t)
        z = mean if t == 1 else mean + np.sqrt(var) * noise.standard_normal(z.shape, z.dtype)
    yield hold(x, z)
