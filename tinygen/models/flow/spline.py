"""Monotone rational-quadratic splines, entry by entry: the map, its inverse, and the logarithm of its slope.

Between two knots (x0, y0) and (x1, y1), with slopes d0 and d1 there, the rising curve through both is a quotient of two
quadratic functions. With v = (x - x0)/(x1 - x0) in [0, 1], m = (y1 - y0)/(x1 - x0), u = v (1 - v):

y = y0 (1 - p) + y1 p,  p = (m v^2 + d0 u)/D,  D = m + (d0 + d1 - 2 m) u
y' = m^2 M/D^2,         M = d1 v^2 + 2 m u + d0 (1 - v)^2

All arguments are arrays that broadcast, one knot interval for each entry of x; `interval` finds it among the knots of
an entry. Beyond the last knots `curve` is the identity. Source: Gregory and Delbourgo 1982; Durkan et al. 2019.
"""

from typing import NamedTuple

import numpy as np

from tinygen import byhand
from tinygen.autodiff import softmax
from tinygen.nn.layers import softplus

LEAST = 1e-3  # a slope, and the share of the whole width or height that an interval has at least


class Bin(NamedTuple):
    """An interval between two knots: where it begins and ends, and the slopes there."""

    x0: np.ndarray
    x1: np.ndarray
    y0: np.ndarray
    y1: np.ndarray
    d0: np.ndarray
    d1: np.ndarray


def _at(v, x0, x1, y0, y1, d0, d1):
    """What all formulas share: m, u, D, p, M at v."""
    m = (y1 - y0) / (x1 - x0)
    u = v * (1 - v)
    D = m + (d0 + d1 - 2 * m) * u
    p = (m * v**2 + d0 * u) / D
    return m, u, D, p, d1 * v**2 + 2 * m * u + d0 * (1 - v) ** 2


def _share(x, x0, x1):
    return (x - x0) / (x1 - x0)


# The value ----------------------------------------------------------------------------------------------------------


def spline(x, x0, x1, y0, y1, d0, d1):
    """The spline's value.

    y depends on v, m, d0, d1 and the ends y0, y1; dv = (dx - (1 - v) dx0 - v dx1)/(x1 - x0),
    dm = (dy1 - dy0 + m dx0 - m dx1)/(x1 - x0), and p has the derivatives y'/m by v, e = (v^2 - p (1 - 2 u))/D by m,
    u (1 - p)/D by d0, -u p/D by d1. So for a cotangent g of y, with h = y1 - y0, g times

    x: y'      x0: -(1 - v) y' + m^2 e     x1: -v y' - m^2 e     y0: 1 - p - m e     y1: p + m e
    d0: h u (1 - p)/D                      d1: -h u p/D

    Returns what the arguments broadcast to.

    >>> float(spline(*np.array([0.0, -1.0, 0.5, -2.0, 1.0, 0.5, 2.0])).round(9))
    -0.2
    """
    p = _at(_share(x, x0, x1), x0, x1, y0, y1, d0, d1)[3]
    return y0 * (1 - p) + y1 * p


def _slopes_of_spline(x, *knots):
    """The derivatives of the value by x and by each of the knots' numbers."""
    x0, x1, y0, y1, _, _ = knots
    v = _share(x, x0, x1)
    m, u, D, p, M = _at(v, *knots)
    slope, e, h = m**2 * M / D**2, (v**2 - p * (1 - 2 * u)) / D, y1 - y0
    bend = m**2 * e
    return (slope, (v - 1) * slope + bend, -v * slope - bend, 1 - p - m * e, p + m * e, h * u * (1 - p) / D,
            -h * u * p / D)  # fmt: skip


# The logarithm of the slope -----------------------------------------------------------------------------------------


def spline_log_slope(x, x0, x1, y0, y1, d0, d1):
    """ln y', the spline's part of ln |det|.

    2 ln m + ln M - 2 ln D, whose derivatives are, with s = d0 + d1 - 2 m,

    by v: a = 2 (d1 v + m (1 - 2 v) - d0 (1 - v))/M - 2 s (1 - 2 v)/D        by m: b = 2/m + 2 u/M - 2 (1 - 2 u)/D

    So for a cotangent g of ln y', g times (the first six divided by x1 - x0)

    x: a     x0: -(1 - v) a + m b     x1: -v a - m b     y0: -b     y1: b     d0: (1 - v)^2/M - 2 u/D
    d1: v^2/M - 2 u/D

    Returns what the arguments broadcast to, nats.

    >>> float(np.exp(spline_log_slope(*np.array([0.0, -1.0, 0.5, -2.0, 1.0, 0.5, 2.0]))).round(9))
    2.64
    """
    m, _, D, _, M = _at(_share(x, x0, x1), x0, x1, y0, y1, d0, d1)
    return np.log(m**2 * M / D**2)


def _slopes_of_log_slope(x, *knots):
    """The derivatives of ln y' by x and by each of the knots' numbers."""
    x0, x1, _, _, d0, d1 = knots
    v, width = _share(x, x0, x1), x1 - x0
    m, u, D, _, M = _at(v, *knots)
    a = 2 * (d1 * v + m * (1 - 2 * v) - d0 * (1 - v)) / M - 2 * (d0 + d1 - 2 * m) * (1 - 2 * v) / D
    b = (2 / m + 2 * u / M - 2 * (1 - 2 * u) / D) / width
    a = a / width
    return (a, (v - 1) * a + m * b, -v * a - m * b, -b, b, (1 - v) ** 2 / M - 2 * u / D, v**2 / M - 2 * u / D)


# The inverse --------------------------------------------------------------------------------------------------------


def spline_inverse(y, x0, x1, y0, y1, d0, d1):
    """The x at which the spline has the value y.

    With t = y - y0 and s = d0 + d1 - 2 m, v is a root of A v^2 + B v - m t = 0, A = h (m - d0) + t s, B = h d0 - t s.
    Of its two forms the one is taken that subtracts nothing: 2 m t/(B + r) where B >= 0, and (r - B)/(2 A) where
    B < 0, so that A > h m; r = sqrt(B^2 + 4 A m t). For a cotangent g of x, since dy = y' dx + (what the knots
    change): y: g/y', and each of the knots' numbers -g/y' times its slope in `spline`.

    Returns what the arguments broadcast to. x0, x1, y1: of the knots, as above.

    >>> float(spline_inverse(*np.array([0.0, -1.0, 0.5, -2.0, 1.0, 0.5, 2.0])).round(10))
    0.0760336739
    """
    m, h, t = (y1 - y0) / (x1 - x0), y1 - y0, y - y0
    bent = t * (d0 + d1 - 2 * m)
    A, B = h * (m - d0) + bent, h * d0 - bent
    r = np.sqrt(np.maximum(B**2 + 4 * A * m * t, 0))  # rounding can make a square a little less than 0
    up = B >= 0
    v = np.minimum(np.where(up, 2 * m * t, r - B) / np.where(up, B + r, 2 * A), 1)
    return x0 * (1 - v) + x1 * v


def _slopes_of_inverse(y, *knots):
    slope, *others = _slopes_of_spline(spline_inverse.__wrapped__(y, *knots), *knots)
    return (1 / slope, *(-other / slope for other in others))


def _joined(f, slopes, at):
    """f with its gradients; `at` is the place of the argument, between the knots, in an example."""

    def example(rng):
        x0, y0 = rng.normal(size=(2, 3, 5))
        width, height, d0, d1 = rng.uniform(0.3, 3.0, size=(4, 3, 5))
        v = rng.uniform(0.1, 0.9, size=(3, 5))
        inside = {"x": x0 + v * width, "y": y0 + v * height}[at]
        return {at: inside, "x0": x0, "x1": x0 + width, "y0": y0, "y1": y0 + height, "d0": d0, "d1": d1}

    rules = [lambda g, y, *args, i=i: g * slopes(*args)[i] for i in range(7)]
    return byhand.with_rules(f, *rules, example=example)


spline = _joined(spline, _slopes_of_spline, "x")
spline_log_slope = _joined(spline_log_slope, _slopes_of_log_slope, "x")
spline_inverse = _joined(spline_inverse, _slopes_of_inverse, "y")


# A whole curve ------------------------------------------------------------------------------------------------------


def interval(x, knots, by):
    """The Bin of each entry of x (...), that begins at the last edge that is not above x.

    knots: (3, K + 1, ...), as of `knots`. by: which of their axes x is on, 0 or 1. The last interval holds its right
    end too, and an x beyond the ends is given the nearest interval.
    """
    beyond = (x >= knots[by, 1:-1]).astype(x.dtype)  # (K - 1, ...), 1 for each edge that is passed
    one = np.ones_like(x)[None]
    here = np.concatenate([one, beyond]) - np.concatenate([beyond, 0 * one])  # (K, ...), one 1
    left, right = np.sum(here * knots[:, :-1], axis=1), np.sum(here * knots[:, 1:], axis=1)  # (3, ...)
    return Bin(left[0], right[0], left[1], right[1], left[2], right[2])


def curve(x, knots):
    """The whole spline, the identity beyond its knots: (y, ln y'), both of x's shape.

    knots: (3, K + 1, ...): their xs, ys and slopes, the same at both ends (xs[0] = ys[0], xs[-1] = ys[-1], slopes 1
    there).

    >>> at = np.array([[-3, -1, 0.5, 3], [-3, -2, 1, 3], [1, 0.5, 2, 1]])[:, :, None]
    >>> y, log_slope = curve(np.array([-3.0, 0.0, 3.0, 7.0]), at)
    >>> y.round(9), np.exp(log_slope).round(9)
    (array([-3. , -0.2,  3. ,  7. ]), array([1.  , 2.64, 1.  , 1.  ]))
    """
    inside, within = _inside(x, knots)
    here = interval(within, knots, by=0)
    return np.where(inside, spline(within, *here), x), np.where(inside, spline_log_slope(within, *here), 0)


def curve_inverse(y, knots):
    """Where `curve` has the value y, and the logarithm of the inverse's slope there: (x, -ln y').

    knots: (3, K + 1, ...), as of `knots`.

    >>> at = np.array([[-3, -1, 0.5, 3], [-3, -2, 1, 3], [1, 0.5, 2, 1]])[:, :, None]
    >>> curve_inverse(np.array([0.0, -5.0]), at)[0].round(6)
    array([ 0.076034, -5.      ])
    """
    inside, within = _inside(y, knots)
    here = interval(within, knots, by=1)
    x = spline_inverse(within, *here)
    return np.where(inside, x, y), np.where(inside, -spline_log_slope(x, *here), 0)


def _inside(x, knots):
    """Which entries lie between the ends, the same on both axes, and x with the first end for all others."""
    low, high = knots[0, 0], knots[0, -1]
    inside = (x >= low) & (x < high)
    return inside, np.where(inside, x, low)


def knots(raw, limit):
    """Knots of a curve over [-limit, limit] from any numbers raw (..., 3 K - 1); zeros make the identity.

    Widths and heights are softmaxes of K numbers each, slopes are softplus of K - 1, all with a floor of LEAST; the
    slope at both ends is 1, so that the curve goes on as the identity. Returns (3, K + 1, ...): xs, ys and slopes, the
    knots before the entries, since NumPy adds long rows several times faster than it adds along short ones.

    >>> knots(np.zeros(5), 3.0).round(9).tolist()
    [[-3.0, 0.0, 3.0], [-3.0, 0.0, 3.0], [1.0, 1.0, 1.0]]
    """
    K, entries = (raw.shape[-1] + 1) // 3, raw.shape[:-1]
    raw = np.copy(np.moveaxis(raw, -1, 0), order="C")  # (3 K - 1, ...)
    share = LEAST + (1 - K * LEAST) * softmax(raw[: 2 * K].reshape(2, K, -1), axis=1)
    up_to = np.tril(np.full((K - 1, K), 2 * limit, raw.dtype))  # a sum of the first, the first two, ..., K - 1 shares
    inner = (up_to @ share - limit).reshape(2, K - 1, *entries)
    slopes = LEAST + softplus(raw[2 * K :] + np.log(np.expm1(1 - LEAST)).astype(raw.dtype))
    end = np.full((1, 1, *entries), limit, raw.dtype)
    first, last = (np.concatenate([e, e, np.ones_like(e)]) for e in (-end, end))  # exact, slope 1
    return np.concatenate([first, np.concatenate([inner, slopes[None]]), last], axis=1)
