"""Whole values as real ones: noise fills the bins, a logit takes the ends to infinity, and the bound counts both.

For values i in 0, ..., L - 1 and u uniform on [0, 1), v = (i + u)/L is uniform on the bin of i, one L-th wide, and a
density p(v) gives the value the probability P(i) = L^-D E_u p(v), and by Jensen's inequality

ln P(i) >= E_u ln p((i + u)/L) - D ln L,

with a gap of KL(u || p(u|i)). The mean over K draws inside the logarithm comes closer as K grows. Theis et al. 2016.
The logit of v, drawn in by alpha from both ends, is y = ln a/(1 - a),  a = alpha + (1 - 2 alpha) v, and
ln dy/dv = ln(1 - 2 alpha) - ln a - ln(1 - a). Dinh et al. 2017, section 4.1.
"""

import numpy as np


def fill(i, u, levels):
    """v = (i + u)/levels, in [0, 1): whole values i >= 0 (..., D) and noise u in [0, 1).

    >>> fill(np.array([0.0, 3.0]), np.array([0.5, 0.2]), 4)
    array([0.125, 0.8  ])
    """
    return (i + u) / levels


def empty(v, levels):
    """The whole value in whose bin v lies; what is outside is given the nearest.

    levels: L, how many values there are.

    >>> empty(np.array([0.125, 0.8, 1.0, -3.0]), 4)
    array([0., 3., 3., 0.])
    """
    return np.clip(np.floor(v * levels), 0, levels - 1)


def logit(v, alpha=0.05):
    """(y, ln dy/dv), both of v's shape.

    alpha: how far v is drawn in from both ends.

    >>> y, log_slope = logit(np.array([3.4 / 17]))
    >>> y.round(8), log_slope.round(8)
    (array([-1.20831121]), array([1.62568022]))
    """
    a = alpha + (1 - 2 * alpha) * v
    rest = 1 - a
    return np.log(a) - np.log(rest), float(np.log(1 - 2 * alpha)) - np.log(a) - np.log(rest)


def logit_inverse(y, alpha=0.05):
    """The v whose logit is y; below 0 or above 1 for a y beyond the ends.

    alpha: as in `logit`.

    >>> logit_inverse(logit(np.array([0.0, 0.3, 1.0]))[0]).round(12)
    array([0. , 0.3, 1. ])
    """
    return (0.5 * (1 + np.tanh(0.5 * y)) - alpha) / (1 - 2 * alpha)
