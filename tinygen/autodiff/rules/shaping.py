"""Rules for functions that move elements without changing them: each rule moves the cotangent back."""

import numpy as np

from tinygen.autodiff.arraylike import bare
from tinygen.autodiff.rules.elementwise import define, stands_for
from tinygen.autodiff.rules.indexing import put, taken
from tinygen.autodiff.table import Every, Row
from tinygen.autodiff.tape import Var, apply

TRANSPOSED = (r"{0:ATOM}^\top", "POWER")

# ---- the same elements in another shape or order ----


def _order(order, a):
    """C or F, where NumPy's order "A" goes by the memory layout of `a`."""
    if order == "K":
        raise TypeError('ravel(order="K") has no derivative rule: it follows the layout. Write order="C" or "F".')
    return order if order != "A" else "F" if np.isfortran(bare(a)) else "C"


def _after(axis, start, ndim):
    """Where rollaxis(a, axis, start) puts the axis: before the one that stands at `start`."""
    start, axis = start + ndim * (start < 0), axis + ndim * (axis < 0)
    if not 0 <= start <= ndim:
        raise np.exceptions.AxisError(f"rollaxis: start is {start}, and must be between 0 and the {ndim} axes.")
    return start - (start > axis)


def _shifted(x, axes, by):
    axes = tuple(range(np.ndim(x))) if axes is None else axes if isinstance(axes, (tuple, list)) else (axes,)
    return np.roll(x, tuple(by(np.shape(x)[axis]) for axis in axes), tuple(axes))


def moves(function, rule, **what):
    """A row whose function moves, repeats or leaves out entries of its one array."""
    define(function, rule, linear=True, **what)


moves(np.reshape, lambda g, y, a, shape, *, order="C": np.reshape(g, a.shape, order=_order(order, a)), latex="")
moves(np.ravel, lambda g, y, a, order="C": np.reshape(g, a.shape, order=_order(order, a)), latex="")
for _function in (np.squeeze, np.expand_dims):
    moves(_function, lambda g, y, a, axis=None: np.reshape(g, a.shape), latex="")
for _function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):

    def _each(i, g, y, *arys):
        return np.reshape(g if len(arys) == 1 else g[i], arys[i].shape)

    define(_function, Every(_each), linear=True, latex="")
moves(
    np.transpose,
    lambda g, y, a, axes=None: np.transpose(g, None if axes is None else _inverse(axes, a.ndim)),
    latex=TRANSPOSED,
)
for _function in (np.matrix_transpose, np.linalg.matrix_transpose):
    moves(_function, lambda g, y, x: np.matrix_transpose(g), latex=TRANSPOSED)
moves(np.swapaxes, lambda g, y, a, axis1, axis2: np.swapaxes(g, axis1, axis2), latex=TRANSPOSED)
moves(np.moveaxis, lambda g, y, a, source, destination: np.moveaxis(g, destination, source))
stands_for(np.rollaxis, lambda a, axis, start=0: np.moveaxis(a, axis, _after(axis, start, np.ndim(a))))
moves(np.flip, lambda g, y, m, axis=None: np.flip(g, axis))
moves(np.fliplr, lambda g, y, m: np.fliplr(g))
moves(np.flipud, lambda g, y, m: np.flipud(g))
moves(np.rot90, lambda g, y, m, k=1, axes=(0, 1): np.rot90(g, -k, axes))
moves(np.roll, lambda g, y, a, shift, axis=None: np.roll(g, _negative(shift), axis))
stands_for(np.fft.fftshift, lambda x, axes=None: _shifted(x, axes, lambda n: n // 2))
stands_for(np.fft.ifftshift, lambda x, axes=None: _shifted(x, axes, lambda n: -(n // 2)))
moves(np.copy, lambda g, y, a, order="K": g, copies=True, latex="")
ASTYPE = Row(
    lambda x, dtype: x.astype(dtype) if hasattr(x, "astype") else dtype.type(x),
    lambda g, y, x, dtype: np.real(g).astype(x.dtype) if getattr(x, "dtype", g.dtype).kind == "f" else g,
    name="astype",
    linear=True,
    copies=True,
    latex="",
)


def _inverse(axes, ndim):
    """The permutation that undoes `axes`."""
    return np.argsort(np.atleast_1d(axes) % ndim).tolist()


def _negative(shift):
    return tuple(-s for s in shift) if isinstance(shift, (tuple, list)) else -shift


# ---- repeated elements: their cotangents add ----

moves(np.broadcast_to, lambda g, y, array, shape: g, latex="")  # the tape undoes broadcasting


def _full_like(a, fill_value):
    if type(fill_value) is Var:
        return np.broadcast_to(fill_value.astype(a.dtype), a.shape)
    return np.full_like(bare(a), fill_value)


stands_for(np.full_like, _full_like)


def _broadcast_arrays(*args):
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(a, shape) for a in args)


def _meshgrid(*xi, sparse=False, indexing="xy"):
    places = list(range(len(xi)))
    places[:2] = places[:2][:: -1 if indexing == "xy" else 1]
    grids = tuple(np.reshape(x, [-1 if i == place else 1 for i in range(len(xi))]) for place, x in zip(places, xi))
    return grids if sparse else _broadcast_arrays(*grids)


stands_for(np.broadcast_arrays, _broadcast_arrays)
stands_for(np.meshgrid, _meshgrid)


def _weights(g, num, endpoint):
    """How far along each point of np.linspace lies, from 0 to 1."""
    return np.reshape(np.linspace(0, 1, num, endpoint, dtype=g.dtype), (-1,) + (1,) * (g.ndim - 1))


define(
    np.linspace,
    lambda g, y, start, stop, num=50, endpoint=True: np.sum(g * (1 - _weights(g, num, endpoint)), axis=0),
    lambda g, y, start, stop, num=50, endpoint=True: np.sum(g * _weights(g, num, endpoint), axis=0),
)


def _tile(g, y, A, reps):
    reps = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    n = max(A.ndim, len(reps))
    reps, shape = (1,) * (n - len(reps)) + reps, (1,) * (n - A.ndim) + A.shape
    pairs = [k for pair in zip(reps, shape) for k in pair]
    return np.reshape(np.sum(np.reshape(g, pairs), axis=tuple(range(0, 2 * n, 2))), A.shape)


moves(np.tile, _tile)


def _repeat(g, y, a, repeats, axis=None):
    return taken(g, a, np.repeat(np.arange(a.size if axis is None else a.shape[axis]), repeats), axis)


moves(np.repeat, _repeat)

# ---- pieces put together ----


def _concatenate(i, g, y, *arrays, axis=0):
    if axis is None:
        start = sum(np.size(a) for a in arrays[:i])
        return np.reshape(g[start : start + arrays[i].size], arrays[i].shape)
    axis = axis % g.ndim
    start = sum(np.shape(a)[axis] for a in arrays[:i])
    return g[(slice(None),) * axis + (slice(start, start + arrays[i].shape[axis]),)]


CONCATENATE = Row(
    lambda *arrays, axis=0: np.concatenate(arrays, axis), Every(_concatenate), name="concatenate", linear=True
)
STACK = Row(
    lambda *arrays, axis=0: np.stack(arrays, axis),
    Every(lambda i, g, y, *arrays, axis=0: np.take(g, i, axis)),
    name="stack",
    linear=True,
)


def _joined(row):
    def through(arrays, axis=0, *, dtype=None, casting="same_kind"):
        y = apply(row, tuple(arrays), {"axis": axis})
        if dtype is not None and not np.can_cast(y.dtype, dtype, casting):
            raise TypeError(f"{row.name}: {y.dtype} can't be cast to {np.dtype(dtype)} by casting={casting!r}.")
        return y if dtype is None else y.astype(dtype)

    return through


stands_for(np.concatenate, _joined(CONCATENATE))
stands_for(np.stack, _joined(STACK))
stands_for(
    np.vstack,
    lambda tup, *, dtype=None, casting="same_kind": np.concatenate(
        [np.atleast_2d(a) for a in tup], 0, dtype=dtype, casting=casting
    ),
)
stands_for(np.dstack, lambda tup: np.concatenate([np.atleast_3d(a) for a in tup], 2))
stands_for(
    np.column_stack,
    lambda tup: np.concatenate([np.reshape(a, (-1, 1)) if np.ndim(a) < 2 else a for a in tup], 1),
)


def _hstack(tup, *, dtype=None, casting="same_kind"):
    arrays = [np.atleast_1d(a) for a in tup]
    return np.concatenate(arrays, 0 if arrays and np.ndim(arrays[0]) == 1 else 1, dtype=dtype, casting=casting)


stands_for(np.hstack, _hstack)


def _block(arrays):
    def depth(b):
        return 1 + max(map(depth, b)) if isinstance(b, list) else 0

    def most(b):
        return max(map(most, b)) if isinstance(b, list) else np.ndim(b)

    levels = depth(arrays)
    ndim = max(levels, most(arrays))

    def join(b, level):
        if isinstance(b, list):
            return np.concatenate([join(part, level + 1) for part in b], ndim - levels + level)
        return np.reshape(b, (1,) * (ndim - np.ndim(b)) + np.shape(b))

    return join(arrays, 0)


stands_for(np.block, _block)
stands_for(np.append, lambda arr, values, axis=None: np.concatenate([arr, values], axis))

# ---- padding ----


def _pad(g, y, array, pad_width, mode="constant", *, constant_values=0):
    if mode == "constant":
        widths = np.broadcast_to(pad_width, (array.ndim, 2)).tolist()
        return g[tuple(slice(before, before + n) for (before, _), n in zip(widths, array.shape))]
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise TypeError(f"pad(mode={mode!r}) has no derivative rule: use constant, edge, reflect, symmetric or wrap.")
    source = np.pad(np.arange(array.size).reshape(array.shape), pad_width, mode)
    return np.reshape(put(g, (array.size,), source), array.shape)


moves(np.pad, _pad)

# ---- how a Var shows these ----

Var.T = property(lambda self: np.transpose(self))
Var.mT = property(lambda self: np.matrix_transpose(self))


def _var_astype(self, dtype):
    out = apply(ASTYPE, (self, np.dtype(dtype)), {})
    out.tape.complex |= out.dtype.kind == "c"
    return out


Var.astype = _var_astype
Var.flatten = Var.ravel
Var.tolist = lambda self: self._cut(lambda value: value.tolist(), "tolist")


def _var_reshape(self, *shape, order="C"):
    return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)


def _var_transpose(self, *axes):
    return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)


Var.reshape, Var.transpose = _var_reshape, _var_transpose
