r"""The density of what a sampler puts out, in one dimension, without sampling: push a density on a grid through each
step.

$p(u) = \int N(u; m(z), v)\, p(z)\, dz$ for a step that draws, $p(u) = p(z) / |m'(z)|$ at u = m(z) for one that does
not.
"""

import numpy as np


def pushed(grid, density, mean, var):
    """The density of u on the same grid, if z has `density` and u | z ~ N(mean(z), var).

    grid (n,): evenly spaced, wide enough and finer than sqrt(var). density (n,): of z. mean (n,): at the grid's points.
    var: a number or (n,), above 0. Trapezoid rule, whose error vanishes faster than any power of the spacing here.
    Raises ValueError if the grid is too coarse for var: the spacing must be at most sqrt(var). Derived here.

    >>> grid = np.linspace(-9, 9, 401)
    >>> bell = np.exp(-grid**2 / 2) / np.sqrt(2 * np.pi)
    >>> twice = pushed(grid, bell, 0.6 * grid, 0.64)  # 0.36 + 0.64 = 1
    >>> bool(np.abs(twice - bell).max() < 1e-12)
    True
    """
    h = grid[1] - grid[0]
    var = np.broadcast_to(var, grid.shape)
    if not np.all(var > 0) or h > np.sqrt(var.min()):
        raise ValueError(f"pushed: a grid of spacing {h:g} is too coarse for a kernel of sd {np.sqrt(var.min()):g}.")
    kernel = np.exp(-0.5 * (grid[:, None] - mean) ** 2 / var) / np.sqrt(2 * np.pi * var)  # (u, z)
    return h * kernel @ density


def transported(grid, density, mean):
    """The density of u = mean(z), a rising function given at the grid's points, on the same grid.

    Probability below each point is carried along and differentiated again: cubic splines, error O(spacing^3). Raises
    ValueError unless mean rises.

    >>> grid = np.linspace(-9, 9, 2001)
    >>> bell = np.exp(-grid**2 / 2) / np.sqrt(2 * np.pi)
    >>> half = transported(grid, bell, grid / 2)
    >>> bool(np.abs(half - 2 * np.exp(-2 * grid**2) / np.sqrt(2 * np.pi)).max() < 1e-6)
    True
    """
    from scipy.interpolate import CubicSpline

    if not np.all(np.diff(mean) > 0):
        raise ValueError("transported: the map does not rise, so its output has no such density.")
    below = CubicSpline(grid, density).antiderivative()(grid)
    carried = CubicSpline(mean, below)
    inside = (grid >= mean[0]) & (grid <= mean[-1])
    return np.where(inside, carried(np.clip(grid, mean[0], mean[-1]), 1), 0.0)
