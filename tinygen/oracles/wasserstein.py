"""Wasserstein distances in closed form, and what critics that are clipped or penalised make of them.

W1 = sup E_p f - E_q f over all f of slope at most 1; on the line int |F - G|, with F and G the distribution functions
of p and q. Arrays in, arrays out, float64, in units of the data.

Sources: Villani 2003, chapter 2; Peyre and Cuturi 2019, chapter 2 (the line, Gaussians); Gulrajani et al.
2017 (the penalty); its optimum on the line is derived here.
"""

from typing import NamedTuple

import numpy as np


class Penalised(NamedTuple):
    """The optimum of WGAN-GP: the critic's `slope` (n,), its `estimate` E_p f - E_q f, its `objective` with penalty."""

    slope: np.ndarray
    estimate: float
    objective: float


def w1_rows(x, y):
    """W1 of two sets of numbers (n,) and (m,): int |F - G|, for n = m the mean |sorted x - sorted y|.

    Raises ValueError unless both are one-dimensional and have a number.

    >>> round(w1_rows([0.2, 1.7, -0.4, 3.1, 0.9], [1, -0.6, 2.2, 0.3, 0.5]), 10)
    0.46
    """
    x, y = np.sort(np.asarray(x, float)), np.sort(np.asarray(y, float))
    if x.ndim != 1 or y.ndim != 1 or not x.size or not y.size:
        raise ValueError(f"w1_rows needs numbers (n,) and (m,), at least one each, got {x.shape} and {y.shape}")
    ends = np.sort(np.concatenate([x, y]))
    F, G = (np.searchsorted(a, ends[:-1], side="right") / len(a) for a in (x, y))
    return float(np.abs(F - G) @ np.diff(ends))


def w1_gaussian(mean_p, sd_p, mean_q, sd_q):
    """W1 of two Gaussians on the line: E |d + s z|, since F^-1 - G^-1 = d + s Phi^-1 (and s may be negative).

    d = mean_p - mean_q, s = |sd_p - sd_q|: s sqrt(2/pi) e^(-d^2/2s^2) + d (1 - 2 Phi(-d/s)).

    >>> round(w1_gaussian(0.5, 0.8, 0.0, 1.0), 10)
    0.5008016549
    """
    return folded_mean(mean_p - mean_q, abs(sd_p - sd_q))


def folded_mean(d, s):
    """E |N(d, s^2)|, the mean of a folded normal; s = 0 gives |d|."""
    from scipy.special import ndtr

    if s == 0:
        return abs(float(d))
    return float(s * np.sqrt(2 / np.pi) * np.exp(-0.5 * (d / s) ** 2) + d * (1 - 2 * ndtr(-d / s)))


def w2_squared_gaussian(m0, S0, m1, S1):
    """W2^2 = |m0 - m1|^2 + tr(S0 + S1 - 2 (S0^1/2 S1 S0^1/2)^1/2) (the FID's formula). m: (D,). S: (D, D).

    The roots do not commute: sqrt(S0) sqrt(S1) in place of the root of the product is another, larger number.
    """
    m0, S0, m1, S1 = (np.asarray(a, float) for a in (m0, S0, m1, S1))
    root = _root(S0)
    return float(np.sum((m0 - m1) ** 2) + np.trace(S0 + S1 - 2 * _root(root @ S1 @ root)))


def _root(S):
    var, U = np.linalg.eigh(S)
    return (U * np.sqrt(np.maximum(var, 0))) @ U.T


def linear_critic(shift, *, clip=None):
    """The best linear critic x.w between distributions that differ by a shift (D,), and its estimate.

    Of slope at most 1: w = shift/|shift|, estimate |shift| = W1. Clipped to |w_i| <= clip: w = clip sign(shift),
    estimate clip |shift|_1, which is no distance of the data's scale. Returns (w, estimate).
    """
    shift = np.asarray(shift, float)
    w = shift / np.linalg.norm(shift) if clip is None else clip * np.sign(shift)
    return w, float(w @ shift)


def penalised_critic(weights, F, G, r, *, lam=10.0):
    """The optimum of E_p f - E_q f - lam E_r (|f'| - 1)^2 on the line, over all f.

    E_p f - E_q f = int f' (G - F), so each point decides for itself: f' = sign(G - F) + (G - F)/(2 lam r), with
    estimate int (G-F) f' = W1 + int (G-F)^2/(2 lam r) and objective W1 + int (G-F)^2/(4 lam r): WGAN-GP's number is
    not W1, it is more.

    weights: (n,) of a quadrature. F, G: distribution functions at its nodes. r: the density of the interpolates there.
    """
    gap = np.asarray(G) - np.asarray(F)
    push = np.divide(gap, 2 * lam * np.asarray(r), out=np.zeros_like(gap), where=np.asarray(r) > 0)
    slope = np.sign(gap) + push
    return Penalised(slope, float(weights @ (gap * slope)), float(weights @ (gap * (np.sign(gap) + push / 2))))


def interpolate_density(x, mean_p, sd_p, mean_q, sd_q, *, nodes=60):
    """The density of u a + (1 - u) b at x (n,), a ~ N(mean_p, sd_p^2), b ~ N(mean_q, sd_q^2), u uniform on [0, 1].

    nodes: of the quadrature over u. Returns (n,).
    """
    u, weight = np.polynomial.legendre.leggauss(nodes)
    u = (u + 1) / 2
    mean, var = u * mean_p + (1 - u) * mean_q, (u * sd_p) ** 2 + ((1 - u) * sd_q) ** 2
    bells = np.exp(-0.5 * (np.asarray(x)[:, None] - mean) ** 2 / var) / np.sqrt(2 * np.pi * var)  # (n, nodes)
    return bells @ weight / 2


def lipschitz_bound(weights):
    """The product of the spectral norms of a net's matrices: its slope is at most that, if its activations' is 1.

    weights: list of matrices (n_in, n_out).
    """
    return float(np.prod([np.linalg.norm(W, 2) for W in weights]))
