"""The evidence of a model with one or two latents, whatever its decoder, by a sum over a grid.

p(x) = int N(z; 0, I) p(x|z) dz ~ sum_m h^k N(z_m; 0, I) p(x|z_m)

For a smooth integrand that dies out at both ends this (the trapezoidal rule) converges faster than any power of h, as
soon as h is about the posterior's standard deviation. Whether it was is measured, not hoped for: `error` is how far the
result moves when every other point is left out.

Source: Trefethen and Weideman 2014.
"""

from dataclasses import dataclass

import numpy as np

from tinygen.gaussian import LN_2PI


@dataclass(frozen=True)
class Evidence:
    """What quadrature finds for n rows: `log_evidence` (n,) in nats, its `error` (n,), and the posterior's moments,
    `mean` (n, k) and `cov` (n, k, k)."""

    log_evidence: np.ndarray
    error: np.ndarray
    mean: np.ndarray
    cov: np.ndarray


def evidence(log_likelihood, k, *, points=401, limit=8.0, chunk=4096):
    """Integrate a decoder's likelihood over its standard normal latents.

    log_likelihood: function of latents z (m, k), returns log p(x_i | z_m) for all rows x_i, shape (n, m). k: 1 or 2.
    points, limit: the grid has `points` points on each axis, from -limit to limit; `points` odd. chunk: at most how
    many latents at once. Returns an Evidence. Its `error` is that of the grid of twice the step, and once it is small
    that of the grid itself is about its fourth power; by chance it can be small for a row, so look at its largest value
    over the rows. Mass beyond `limit` is not seen. Raises ValueError for other k and for even points. In nats.

    >>> found = evidence(lambda z: -0.5 * ((1.0 - 1.3 * z.T) ** 2 / 0.4 + np.log(2 * np.pi * 0.4)), 1)
    >>> found.log_evidence.round(6), bool(found.error < 1e-12)  # log N(1; 0, 1.3^2 + .4)
    (array([-1.526755]), True)
    """
    if k not in (1, 2):
        raise ValueError(f"quadrature is for 1 or 2 latents, got {k}: its cost is points**k")
    if points < 3 or points % 2 == 0:
        raise ValueError(f"points must be odd and at least 3, so that every other point is a grid too, got {points}")
    axis = np.linspace(-limit, limit, points)
    z = np.stack(np.meshgrid(*[axis] * k, indexing="ij"), -1).reshape(-1, k)  # (points**k, k)
    even = (np.indices([points] * k) % 2 == 0).all(0).ravel()
    log_prior = -0.5 * np.sum(z**2 + LN_2PI, -1) + k * np.log(axis[1] - axis[0])
    top, moments = -np.inf, 0.0
    for start in range(0, len(z), chunk):
        part = slice(start, start + chunk)
        table = np.asarray(log_likelihood(z[part]))  # (n, m)
        if table.ndim != 2 or table.shape[1] != len(z[part]):
            raise ValueError(f"log_likelihood must return (n, m) for z of shape {z[part].shape}, got {table.shape}")
        log_joint = table + log_prior[part]
        new = np.maximum(top, log_joint.max(1))
        new = np.where(np.isfinite(new), new, 0)
        shrink = np.exp(np.where(top == new, 0, top - new))
        # One product gives the mass, its part on the coarser grid, and the first and second moments.
        squares = (z[part, :, None] * z[part, None, :]).reshape(-1, k * k)
        columns = np.column_stack([np.ones(len(squares)), even[part], z[part], squares])
        moments = shrink[:, None] * moments + np.exp(log_joint - new[:, None]) @ columns
        top = new
    mass, coarse = moments[:, 0], moments[:, 1] * 2**k
    mean = moments[:, 2 : 2 + k] / mass[:, None]
    second = moments[:, 2 + k :].reshape(-1, k, k) / mass[:, None, None]
    cov = second - mean[:, :, None] * mean[:, None, :]
    return Evidence(np.log(mass) + top, np.abs(np.log(coarse / mass)), mean, cov)


def gauss_hermite(k, points):
    """Nodes eps (points**k, k) and weights (points**k,) such that sum w f(eps) = E f(eps), eps ~ N(0, I_k).

    Exact for polynomials of degree 2 points - 1 in each variable. For q = N(m, L L'), E_q f(z) is the sum of
    w f(m + L eps).

    >>> eps, weights = gauss_hermite(1, 3)
    >>> float((weights @ eps**4).round(12)[0])
    3.0
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    weights = weights / weights.sum()
    eps = np.stack(np.meshgrid(*[nodes] * k, indexing="ij"), -1).reshape(-1, k)
    return eps, np.prod(np.stack(np.meshgrid(*[weights] * k, indexing="ij"), -1).reshape(-1, k), -1)
