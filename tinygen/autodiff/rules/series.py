"""Rules for functions of series and samples: differences, polynomials, correlations, parts picked by a condition."""

import numpy as np

from tinygen.autodiff.arraylike import bare, recorded
from tinygen.autodiff.rules.elementwise import constant, define, stands_for
from tinygen.autodiff.rules.indexing import getitem
from tinygen.autodiff.rules.products import convolved
from tinygen.autodiff.tape import stacked

# ---- differences ----


def _gradient(f, *varargs, axis=None):
    axes = range(np.ndim(f)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    steps = varargs if len(varargs) == len(axes) else (varargs or (1.0,)) * len(axes)
    if any(np.ndim(step) for step in steps):
        raise TypeError("gradient has a derivative rule for even spacing, one number for each axis.")
    found = []
    for a, step in zip(axes, steps):
        f = np.moveaxis(f, a, 0)
        if len(f) < 2:
            raise ValueError("gradient needs at least 2 numbers along each axis.")
        ends = (f[1:2] - f[:1]) / step, (f[-1:] - f[-2:-1]) / step
        slopes = np.concatenate([ends[0], (f[2:] - f[:-2]) / (2.0 * step), ends[1]])
        f, slopes = np.moveaxis(f, 0, a), np.moveaxis(slopes, 0, a)
        found.append(slopes)
    return found[0] if len(found) == 1 else tuple(found)


stands_for(np.gradient, _gradient)
stands_for(np.ediff1d, lambda ary: np.diff(np.reshape(ary, -1)))

# ---- polynomials ----


def _polyval(p, x):
    p, y = stacked(p) if isinstance(p, (list, tuple)) else p, np.zeros_like(x)
    for coefficient in p:
        y = y * x + coefficient
    return y


def _vander(x, N=None, increasing=False):
    n, x = len(x) if N is None else N, x.astype(np.promote_types(x.dtype, int))  # as NumPy: float64
    first = np.ones_like(np.reshape(x, (-1, 1)))
    columns = np.broadcast_to(np.reshape(x, (-1, 1)), (len(x), max(n - 1, 0)))
    powers = np.cumprod(np.concatenate([first, columns], axis=1), axis=1)[:, :n]
    return powers if increasing else powers[:, ::-1]


stands_for(np.polyval, _polyval)
stands_for(np.vander, _vander)

# ---- samples ----


def _cov(m, y=None, rowvar=True, bias=False, ddof=None):
    wide = np.result_type(m, np.float64)
    x = np.atleast_2d(m).astype(wide)
    x = x.T if not rowvar and np.ndim(m) != 1 else x
    if y is not None:
        other = np.atleast_2d(y).astype(wide)
        x = np.concatenate([x, other.T if not rowvar and np.ndim(y) != 1 else other], axis=0)
    x = x - np.mean(x, axis=1)[:, None]
    n = x.shape[1] - ((0 if bias else 1) if ddof is None else ddof)
    return np.squeeze(np.dot(x, x.T) * np.true_divide(1, n))


def _corrcoef(x, y=None, rowvar=True):
    c = np.cov(x, y, rowvar)
    if np.ndim(c) == 0:
        return c / c
    d = np.sqrt(np.diagonal(c))
    return np.clip(c / d[:, None] / d[None, :], -1, 1)


stands_for(np.cov, _cov)
stands_for(np.corrcoef, _corrcoef)
define(
    np.bincount, None, lambda g, y, x, weights=None, minlength=0: getitem(g, np.array(x) if isinstance(x, list) else x)
)


def _correlate(by):
    """np.correlate(a, v) is the convolution of a with v turned round."""

    def rule(g, y, a, v, mode="valid"):
        if len(a) >= len(v):
            out = convolved(by, g, a, v[::-1], mode)
        else:  # NumPy exchanges them, and turns the result round
            out = convolved(1 - by, g[::-1], v, a[::-1], mode)
            return out if by else out[::-1]
        return out[::-1] if by else out

    return rule


define(np.correlate, _correlate(0), _correlate(1))

# ---- parts that a condition or a list of places picks ----


def _by_data(function):
    """A function whose result has a shape that depends on data: plain indices, which no recording may freeze."""

    def look(a):
        if recorded(a):
            raise TypeError(
                f"{function.__name__} has a result whose shape depends on data; a recorded program can't have one. "
                "Use np.where(mask, v, 0)."
            )
        return function(bare(a))

    return look


for _function in (np.nonzero, np.flatnonzero, np.argwhere):
    stands_for(_function, _by_data(_function))
constant(np.isin, keywords="assume_unique invert kind")
constant(np.isposinf, np.isneginf)


def _compress(condition, a, axis=None):
    (places,) = np.nonzero(condition)
    return np.take(a, places, axis)


stands_for(np.compress, _compress)
stands_for(np.extract, lambda condition, arr: np.compress(np.ravel(condition), np.ravel(arr)))


def _delete(arr, obj, axis=None):
    arr, axis = (np.reshape(arr, -1), 0) if axis is None else (arr, axis)
    return np.take(arr, np.delete(np.arange(np.shape(arr)[axis]), obj), axis)


def _insert(arr, obj, values, axis=None):
    arr, axis = (np.reshape(arr, -1), 0) if axis is None else (arr, axis % np.ndim(arr))
    if isinstance(obj, (int, np.integer)) and not -np.shape(arr)[axis] <= obj <= np.shape(arr)[axis]:
        raise IndexError(f"insert: place {obj} is out of bounds for an axis of length {np.shape(arr)[axis]}.")
    if not isinstance(obj, (int, np.integer)):
        raise TypeError("insert has a derivative rule for one place, an int: use np.concatenate for several.")
    before, after = (slice(None),) * axis + (slice(None, obj),), (slice(None),) * axis + (slice(obj, None),)
    others = tuple(n for i, n in enumerate(np.shape(arr)) if i != axis)
    values = np.expand_dims(np.broadcast_to(values, others), axis) if others else np.reshape(values, -1)
    return np.concatenate([arr[before], values.astype(arr.dtype), arr[after]], axis)


stands_for(np.delete, _delete)
stands_for(np.insert, _insert)
