"""Rules for functions that go by order: extremes, quantiles, sorting. Ties share equally."""

import math

import numpy as np

from tinygen.autodiff.rules.elementwise import constant, define, full, refused, stands_for
from tinygen.autodiff.rules.indexing import getitem, put
from tinygen.autodiff.rules.reductions import count, last, spread

# ---- extremes and quantiles ----


def shared(g, a, value, axis, keepdims):
    """The cotangent of `a` if `value`, one of its elements along the axes, was picked."""
    hit = (a == spread(value, a, axis, keepdims)).astype(g.dtype)
    return hit * (spread(g, a, axis, keepdims) / np.sum(hit, axis=axis, keepdims=True))


def _extreme_of_some(g, y, a, axis=None, *, keepdims=False, initial=math.nan, where=True):
    """As `shared`, where `initial` is one more candidate."""
    value = spread(y, a, axis, keepdims)
    hit = ((a == value) & where).astype(g.dtype)
    n = np.sum(hit, axis=axis, keepdims=True) + (value == initial)
    return hit * (spread(g, a, axis, keepdims) / np.maximum(n, 1))


for _extreme in (np.max, np.min, np.amax, np.amin):
    define(_extreme, lambda g, y, a, axis=None, *, keepdims=False: shared(g, a, y, axis, keepdims))
    full(_extreme, _extreme_of_some)
for _extreme in (np.nanmax, np.nanmin):
    define(_extreme, lambda g, y, a, axis=None, *, keepdims=False: shared(g, a, y, axis, keepdims))
stands_for(
    np.ptp,
    lambda a, axis=None, *, keepdims=False: np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims),
)


def _quantile(g, y, a, q, axis=None, *, keepdims=False):
    """The quantile lies between two elements in order, at q (n - 1) counted from 0."""
    if a.size == 0:
        return 0 * a
    if np.ndim(q):
        return sum((_quantile(g[i], None, a, part, axis) for i, part in enumerate(q)), 0 * a)
    ordered, at = np.sort(last(a, axis), axis=-1), float(q) * (count(a, axis) - 1)
    low, high = ordered[..., math.floor(at)], ordered[..., math.ceil(at)]
    g, part = np.reshape(g, low.shape), at - math.floor(at)  # with or without keepdims
    return shared((1 - part) * g, a, low, axis, False) + shared(part * g, a, high, axis, False)


_no_q = refused("quantiles can be differentiated with respect to the data, not to q.", _quantile)
define(np.quantile, _quantile, _no_q)
define(
    np.percentile,
    lambda g, y, a, q, axis=None, *, keepdims=False: _quantile(g, y, a, np.divide(q, 100), axis),
    _no_q,
)
define(np.median, lambda g, y, a, axis=None, *, keepdims=False: _quantile(g, y, a, 0.5, axis))
constant(np.argmax, np.argmin, keywords="axis keepdims")

# ---- order ----


def _sorted(g, y, a, axis=-1, *, kind=None):
    """`y` holds the elements of `a` in another order: match both through a full sort."""
    if axis is None:
        return np.reshape(_sorted(g, y, np.reshape(a, -1), 0), a.shape)
    from_a, from_y = np.argsort(a, axis, kind="stable"), np.argsort(y, axis, kind="stable")
    back = np.take_along_axis(from_y, np.argsort(from_a, axis), axis)
    return np.take_along_axis(g, back, axis)


define(np.sort, _sorted)
define(np.partition, lambda g, y, a, kth, axis=-1: _sorted(g, y, a, axis))
constant(np.argsort, keywords="axis kind")
constant(np.argpartition, keywords="axis kind")
constant(np.searchsorted, keywords="side")
constant(np.digitize, keywords="right")

# ---- a line through points ----


def _piece(x, xp):
    """Where x lies: the number of the point that ends its piece, the piece's length, and how far along it x is."""
    i = np.clip(np.searchsorted(xp, x, side="right"), 1, len(xp) - 1)
    start = getitem(xp, i - 1)
    length = getitem(xp, i) - start
    return i, length, np.clip((x - start) / length, 0, 1)


def _interp_x(g, y, x, xp, fp):
    i, length, _ = _piece(x, xp)
    return np.where((xp[0] < x) & (x < xp[-1]), g * (getitem(fp, i) - getitem(fp, i - 1)) / length, 0)


def _interp_fp(g, y, x, xp, fp):
    i, _, along = _piece(x, xp)
    return put(g * along, np.shape(fp), i) + put(g * (1 - along), np.shape(fp), i - 1)


define(
    np.interp,
    _interp_x,
    lambda g, y, x, xp, fp: -_interp_fp(_interp_x(g, y, x, xp, fp), y, x, xp, fp),
    _interp_fp,
)
