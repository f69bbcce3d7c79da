"""What the second derivative is where the first one is a convention: at the tip of a norm, and at equal eigenvalues.

The gradient of F(y) with y = |x| is F'(y) x / y. At x = 0 the rules say 0. The derivative of *that* is r = lim F'(y)/y,
which exists if F'(0) = 0, and then is F''(0) (l'Hopital): 2 for y^2, so that the Hessian of |x|^2 is 2 I at 0 too. It
is read off the recorded operations from y to F'(y). Where no limit is known, the second derivative is nan. A replay
can't read its own operations: it stops where it meets such a point, and the function is called as it stands.

Ties and corners are another matter: what max, clip and abs say there is the choice of one of their pieces, or the mean
of several, and their second derivative is that of this choice.
"""

import functools
import math

import numpy as np

from tinygen.autodiff.arraylike import bare, recorded
from tinygen.autodiff.table import Row
from tinygen.autodiff.tape import Tape, Var, apply


def again(x):
    """Whether the cotangent of `x` that a rule is about to compute will itself be differentiated."""
    return type(x) is Var and not x.tape.recording


def bend(x, back, *data):
    """Zeros, whose derivative by x is said to be a linear map: `back(h, *data)` is the cotangent of x for one, h."""
    return apply(_BEND, (x, back, *data), {})


_BEND = Row(
    lambda x, back, *data: np.zeros(np.shape(x), x.dtype),
    lambda h, y, x, back, *data: back(h, *data),
    name="second derivative",
    complex=True,
)


def scaled(h, r, axes=()):
    """h r, linear in h, but 0 where h is 0 (all of it along `axes`): a derivative by others is 0, not nan."""
    return apply(_SCALED, (h, r, axes), {})


def _scaled(h, r, axes):
    if type(h) is Var or type(r) is Var:
        return scaled(h, r, axes)
    return np.where(np.any(h != 0, axis=axes, keepdims=True) if axes else h != 0, h * r, 0)


_SCALED = Row(
    _scaled, lambda c, y, h, r, axes: scaled(c, r, axes), lambda c, y, h, r, axes: c * h, name="scaled", complex=True
)  # fmt: skip


def no_limit(out, x, flat):
    """`out`, whose derivative by x is nan where `flat`: a convention of the first derivative has none of its own."""
    if not again(x) or not (recorded(x) or np.any(bare(flat))):
        return out
    return out + bend(x, scaled, np.where(flat, np.asarray(math.nan, x.dtype), np.zeros((), x.dtype)))


def only_eager(points):
    """Where any of `points` holds, a replay can't find the limit: a plan then calls the function itself."""
    apply(ONLY_EAGER, (np.any(points),), {})


ONLY_EAGER = Row(lambda here: apply(ONLY_EAGER, (here,), {}) if type(here) is Var else here, name="only eager")


def reads(g, x):
    """Whether `g` was made of x."""
    while type(g) is Var and g.tape is not x.tape:
        g = g.value
    if type(g) is not Var:
        return False
    needed = {g.slot}
    for slot, _, _, _, y, parents in reversed(g.tape.entries):
        if not needed.isdisjoint(range(slot, slot + (len(y) if type(y) is tuple else 1))):
            needed.update(parent for _, parent in parents)
    return x.slot in needed


def pulled(g, y, x, seed):
    """The derivative of seed . g by y, which was made of x, along the operations that made g of y.

    nan if g also changes with x in another way, or comes from another value that is at its own tip.
    """
    while type(g) is Var and g.tape is not y.tape:
        g = g.value
    if type(g) is not Var:
        return np.zeros_like(bare(y))
    rest, found = Tape(), {}
    rest.size, rest.entries = g.tape.size, [entry for entry in g.tape.entries if entry[0] != y.slot]
    arrived = rest.backward([(g.slot, seed)], lambda slot, cotangent, _: found.setdefault(slot, cotangent))
    other = found.get(x.slot, arrived[x.slot])
    tips = (e for e in rest.entries if e[0] in found and e[1].name in _WITH_TIPS)
    if (other is not None and np.any(bare(other) != 0)) or any(np.any(bare(e[4]) == 0) for e in tips):
        return np.full(np.shape(y), math.nan, y.dtype)
    slope = arrived[y.slot]
    return np.zeros_like(bare(y)) if slope is None else slope


_WITH_TIPS = "norm", "vector_norm", "matrix_norm", "hypot", "std", "absolute", "fabs", "eigvalsh", "svdvals"


@functools.cache
def _probe():
    return np.random.default_rng(0).uniform(1, 2, 1 << 12)


def limit(g, y, x, zero, unknown):
    """The limit of g / y where y is 0, and 0 elsewhere; `unknown` where there is none (g is not 0), nan if in doubt."""
    ones, probe = np.ones_like(bare(y)), np.resize(_probe(), y.shape).astype(y.dtype)
    slope, mixed = pulled(g, y, x, ones), pulled(g, y, x, probe)
    rtol = 1e-9 if y.dtype.itemsize == 8 else 1e-3
    each_alone = np.isclose(bare(mixed), probe * bare(slope), rtol=rtol)
    in_proportion = abs(bare(g) - bare(slope) * bare(y)) <= rtol * abs(bare(g))
    unknown = np.where(bare(g) == 0, np.asarray(math.nan, y.dtype), unknown)
    return np.where(bare(zero), np.where(in_proportion & each_alone, slope, unknown), 0 * ones)


def tip(out, g, y, x, *, of=None, zero=None, spread=lambda v: v, axes=(), scale=1.0, unknown=math.nan):
    """`out`, the cotangent scale g x / y of x in y = |x| sqrt(scale), right at second order where y is 0.

    of: what y was computed from, if that is not x. zero: where the tip is, if that is not y == 0. spread: shapes g, y
    like x. axes: of x, those that y was made along. unknown: the second derivative where there is none.
    """
    if not again(x):
        return out
    of, zero = x if of is None else of, y == 0 if zero is None else zero
    if recorded(y):
        if math.isnan(unknown) or reads(g, of):
            only_eager(zero)
        return out
    if not np.any(bare(zero)):
        return out
    r = spread(limit(g, y, of, zero, unknown)) * scale
    return np.where(spread(zero), 0, out) + bend(x, scaled, r, axes)


def close(w):
    """Which pairs (w_i, w_j), i != j, are equal up to rounding: (..., n, n)."""
    w = w if recorded(w) else bare(w)
    gap, size = abs(w[..., None, :] - w[..., :, None]), np.sum(abs(w), axis=-1, keepdims=True)[..., None]
    return (gap <= 8 * np.finfo(w.dtype).eps * size) & ~np.eye(w.shape[-1], dtype=bool)


def divided_differences(g, y, x):
    """lim (g_i - g_j) / (y_i - y_j) for the close pairs, else 0: of a function of eigenvalues y that takes them alike.

    That is dg_i/dy_i - dg_i/dy_j; nan where g_i and g_j differ, or their derivatives tell i from j. (..., n, n)
    """
    w, values = bare(y), bare(g)
    pairs, n, r = close(w), w.shape[-1], np.full((*w.shape, w.shape[-1]), math.nan, w.dtype)
    if type(y.value) is Var or w.size > 100:  # third derivatives; too much work
        return np.where(pairs, r, 0)
    zeros = np.zeros(w.size, w.dtype)
    rows = [pulled(g, y, x, np.where(np.arange(w.size) == k, 1, zeros).reshape(w.shape)) for k in range(w.size)]
    slopes = np.stack(rows).reshape(w.size // n, n, w.size // n, n)
    for b, index in enumerate(np.ndindex(w.shape[:-1])):
        own = slopes[b, :, b, :]
        if not np.any(np.delete(slopes[b], b, axis=1)):
            same = np.isclose(np.diag(own)[:, None], np.diag(own)) & np.isclose(own, own.T)
            same &= np.isclose(values[index][:, None], values[index])
            r[index] = np.where(same, np.diag(own)[:, None] - own, math.nan)
    return np.where(pairs, r, 0)
