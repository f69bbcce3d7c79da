"""Rules for functions that reduce or accumulate along axes: sums, moments, products, log-sum-exp."""

import math

import numpy as np

from tinygen.autodiff.arraylike import bare
from tinygen.autodiff.rules.elementwise import constant, define, full, stands_for
from tinygen.autodiff.rules.kinks import again, tip
from tinygen.autodiff.tape import primitive

# ---- axes ----


def axes_of(axis, ndim):
    """The axes as a tuple of non-negative ints; None means all."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in (axis if isinstance(axis, tuple) else (axis,)))


def spread(v, x, axis, keepdims=False):
    """Put the reduced axes back, with length 1: what was reduced from `x` then broadcasts against `x`."""
    if keepdims:
        return v
    return np.reshape(v, tuple(1 if a in axes_of(axis, x.ndim) else n for a, n in enumerate(x.shape)))


def count(x, axis):
    """How many elements of `x` go into each reduced one."""
    return math.prod(x.shape[a] for a in axes_of(axis, x.ndim))


# ---- sums and moments ----


def _share(x, axis, ddof):
    """1 / (n - ddof), what each of n elements counts for; nan where NumPy divides by 0."""
    n = count(x, axis) - ddof
    return 1 / n if n > 0 else math.nan


def _over(g, n):
    return g / n if n < 60000 else g * (1 / n)  # float16 ends at 65504


define(
    np.sum,
    lambda g, y, a, axis=None, *, keepdims=False: np.broadcast_to(spread(g, a, axis, keepdims), a.shape),
    linear=True,
    latex=(r"\sum{below} {0:OPEN}", "OPEN"),
)
define(
    np.mean,
    lambda g, y, a, axis=None, *, keepdims=False: np.broadcast_to(
        spread(_over(g, max(count(a, axis), 1)), a, axis, keepdims), a.shape
    ),
    linear=True,
    latex=(r"\frac{{1}}{{{n}}} \sum{below} {0:OPEN}", "OPEN"),
)
define(
    np.var,
    lambda g, y, a, axis=None, *, ddof=0, keepdims=False: (
        spread(g * (2 * _share(a, axis, ddof)), a, axis, keepdims) * (a - np.mean(a, axis=axis, keepdims=True))
    ),
)


def _std(g, y, a, axis=None, *, ddof=0, keepdims=False):
    like_a = lambda v: spread(v, a, axis, keepdims)
    mean, share = np.mean(a, axis=axis, keepdims=True), _share(a, axis, ddof)
    if count(a, axis) == 1 and ddof == 0:
        return 0 * a  # one number does not scatter
    constant = y <= 4 * np.finfo(a.dtype).eps * np.reshape(abs(mean), y.shape)  # equal up to rounding: derivative 0
    out = like_a(np.where(constant, 0, g * share / np.where(constant, 1, y))) * (a - mean)
    return tip(out, g, y, a - mean, of=a, zero=constant, spread=like_a, axes=axes_of(axis, a.ndim), scale=share)


define(np.std, _std)


def _average(a, axis=None, weights=None, *, keepdims=False):
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    if np.shape(a) != np.shape(weights):
        if axis is None or np.ndim(weights) != 1 or isinstance(axis, tuple):
            raise TypeError("average: weights need the shape of a, or one axis and as many numbers as it is long.")
        weights = np.swapaxes(np.broadcast_to(weights, (1,) * (np.ndim(a) - 1) + np.shape(weights)), -1, axis)
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    if np.any(bare(total) == 0):
        raise ZeroDivisionError("average: the weights sum to 0.")
    return np.sum(np.multiply(a, weights), axis=axis, keepdims=keepdims) / total


stands_for(np.average, _average)


def _trapezoid(y, x=None, dx=1.0, axis=-1):
    axis, widths = axis % np.ndim(y), dx
    if x is not None:
        widths = np.diff(x, axis=0 if np.ndim(x) == 1 else axis)
        widths = np.reshape(widths, (-1,) + (1,) * (np.ndim(y) - 1 - axis)) if np.ndim(x) == 1 else widths
    later, earlier = ((slice(None),) * axis + (part,) for part in (slice(1, None), slice(None, -1)))
    return np.sum(widths * (y[later] + y[earlier]) / 2.0, axis)


stands_for(np.trapezoid, _trapezoid)

# ---- products ----


def _scan(g, x, axis):
    """sum over j >= i of g_j prod_{i<k<=j} x_k for each i: a recurrence from the end, exact where x has zeros."""
    g, x = np.moveaxis(g, axis, 0), np.moveaxis(x, axis, 0)
    total, parts = None, []
    for i in reversed(range(len(x))):
        total = g[i] if total is None else g[i] + x[i + 1] * total
        parts.append(total)
    return np.moveaxis(np.stack(parts[::-1]), 0, axis)


def _cumprod(g, y, a, axis=None):
    if a.size == 0:
        return 0 * a
    flat, axis = (np.reshape(a, -1), 0) if axis is None else (a, axis % a.ndim)
    first, most = ((slice(None),) * axis + (part,) for part in (slice(1), slice(-1)))
    before = np.concatenate([np.ones_like(flat[first]), np.cumprod(flat[most], axis)], axis)
    return np.reshape(before * _scan(g, flat, axis), a.shape)


define(np.cumprod, _cumprod)
define(np.cumsum, lambda g, y, a, axis=None: _cumsum(g, a, axis), linear=True)


def _cumsum(g, a, axis):
    axis = 0 if axis is None else axis
    return np.reshape(np.flip(np.cumsum(np.flip(g, axis), axis), axis), a.shape)


def last(x, axis):
    """`x` with the reduced axes moved to the end and joined to one."""
    axes = axes_of(axis, x.ndim)
    kept = [a for a in range(x.ndim) if a not in axes]
    return np.reshape(np.transpose(x, (*kept, *axes)), (*(x.shape[a] for a in kept), count(x, axis)))


def _prod(g, y, a, axis=None, *, keepdims=False):
    axes = axes_of(axis, a.ndim)
    if a.size == 0:
        return 0 * a
    rows = last(a, axis)  # (..., n)
    one = np.ones_like(rows[..., :1])
    before = np.concatenate([one, np.cumprod(rows[..., :-1], -1)], -1)
    after = np.flip(np.concatenate([one, np.cumprod(np.flip(rows[..., 1:], -1), -1)], -1), -1)
    kept = [i for i in range(a.ndim) if i not in axes]
    others = before * after
    if not again(a):  # 0 times what overflows is 0; its derivative would not be
        zero, finite = rows == 0, np.all(np.isfinite(rows), axis=-1, keepdims=True)
        of_others = np.sum(zero, axis=-1, keepdims=True) > zero
        others = np.where(of_others & finite & np.isnan(others), 0, others)
    others = np.reshape(others, [a.shape[i] for i in (*kept, *axes)])
    return spread(g, a, axis, keepdims) * np.transpose(others, np.argsort([*kept, *axes]).tolist())


define(np.prod, _prod)

# ---- the same with where=, initial=, dtype= ----


def _sum_of_some(g, y, a, axis=None, *, dtype=None, keepdims=False, initial=0, where=True):
    return np.where(where, np.broadcast_to(spread(g, a, axis, keepdims), a.shape), 0)


def _mean_of_some(g, y, a, axis=None, *, dtype=None, keepdims=False, where=True):
    n = np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=True).astype(g.dtype)
    return np.where(where, np.broadcast_to(spread(g, a, axis, keepdims) / n, a.shape), 0)


def _prod_of_some(g, y, a, axis=None, *, dtype=None, keepdims=False, initial=1, where=True):
    return np.where(where, _prod(g * initial, y, np.where(where, a, 1), axis, keepdims=keepdims), 0)


def _centred(a, axis, ddof, where):
    """The differences from the mean of those that count, that mean, and 1 / (n - ddof)."""
    n = np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=True).astype(a.dtype)
    filled = np.where(where, a, 0)
    mean = np.sum(filled, axis=axis, keepdims=True) / n
    return np.where(where, filled - mean, 0), mean, 1 / (n - ddof)


def _var_of_some(g, y, a, axis=None, *, dtype=None, ddof=0, keepdims=False, where=True):
    centred, _, share = _centred(a, axis, ddof, where)
    return spread(g, a, axis, keepdims).astype(a.dtype) * (2 * share) * centred


def _std_of_some(g, y, a, axis=None, *, dtype=None, ddof=0, keepdims=False, where=True):
    centred, mean, share = _centred(a, axis, ddof, where)
    like_a = lambda v: spread(v, a, axis, keepdims).astype(a.dtype)
    constant = like_a(y) <= 4 * np.finfo(a.dtype).eps * abs(mean)
    out = np.where(constant, 0, like_a(g) * share / np.where(constant, 1, like_a(y))) * centred
    zero, axes = np.reshape(constant, y.shape), axes_of(axis, a.ndim)
    return tip(out, g, y, centred, of=a, zero=zero, spread=like_a, axes=axes, scale=share)


full(np.sum, _sum_of_some, linear=True)
full(np.mean, _mean_of_some, linear=True)
full(np.prod, _prod_of_some)
full(np.var, _var_of_some)
full(np.std, _std_of_some)
full(np.cumsum, lambda g, y, a, axis=None, *, dtype=None: _cumsum(g, a, axis), linear=True)
full(np.cumprod, lambda g, y, a, axis=None, *, dtype=None: _cumprod(g, y, a.astype(g.dtype), axis))

constant(np.any, np.all, keywords="axis keepdims where")
constant(np.count_nonzero, keywords="axis keepdims")

# ---- without the missing numbers ----


define(
    np.nansum,
    lambda g, y, a, axis=None, *, keepdims=False: _sum_of_some(g, y, a, axis, keepdims=keepdims, where=~np.isnan(a)),
)
define(
    np.nanmean,
    lambda g, y, a, axis=None, *, keepdims=False: _mean_of_some(g, y, a, axis, keepdims=keepdims, where=~np.isnan(a)),
)
define(
    np.nanvar,
    lambda g, y, a, axis=None, *, ddof=0, keepdims=False: _var_of_some(
        g, y, a, axis, ddof=ddof, keepdims=keepdims, where=~np.isnan(a)
    ),
)
define(
    np.nanstd,
    lambda g, y, a, axis=None, *, ddof=0, keepdims=False: _std_of_some(
        g, y, a, axis, ddof=ddof, keepdims=keepdims, where=~np.isnan(a)
    ),
)
define(
    np.nanprod,
    lambda g, y, a, axis=None, *, keepdims=False: _prod_of_some(g, y, a, axis, keepdims=keepdims, where=~np.isnan(a)),
)

# ---- log-sum-exp and its kin: SciPy's do not dispatch, so the package has its own ----


def logsumexp(x, axis=None, keepdims=False):
    """log sum exp(x) along `axis` (None: all), without overflow: max + log sum exp(x - max). Exact for -inf.

    Derivative: g softmax(x); 0 where all of x is -inf, nan where x is inf. Shapes as np.sum. Use it in place of
    scipy.special.logsumexp, which does not dispatch. x: floats of any shape. keepdims: leave the reduced axes in, with
    length 1.

    >>> logsumexp(np.array([1000.0, 1000.0]))
    np.float64(1000.6931471805599)
    """
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=keepdims))
    return total + (top if keepdims else np.reshape(top, total.shape))


def _logsumexp_rule(g, y, x, axis=None, keepdims=False):
    y = spread(y, x, axis, keepdims)
    return spread(g, x, axis, keepdims) * np.exp(x - np.where(y == -math.inf, 0, y))


def softmax(x, axis=-1):
    """exp(x) / sum exp(x) along `axis`, without overflow. Derivative: y (g - sum g y).

    x: floats of any shape, which the result has too.

    >>> softmax(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x, axis=-1):
    """x - logsumexp(x) along `axis`. Derivative: g - softmax(x) sum g.

    >>> log_softmax(np.array([0.0, 0.0]))
    array([-0.69314718, -0.69314718])
    """
    return x - logsumexp(x, axis, keepdims=True)


logsumexp = primitive(logsumexp, _logsumexp_rule)
softmax = primitive(softmax, lambda g, y, x, axis=-1: y * (g - np.sum(g * y, axis=axis, keepdims=True)))
log_softmax = primitive(log_softmax, lambda g, y, x, axis=-1: g - np.exp(y) * np.sum(g, axis=axis, keepdims=True))
