"""Rules for functions that take pieces of an array: the cotangent goes back to where they came from."""

import numpy as np

from tinygen.autodiff.rules.elementwise import define, stands_for
from tinygen.autodiff.table import Row
from tinygen.autodiff.tape import Var, apply


def is_basic(index):
    """Whether an index names no element twice: slices, integers, None, Ellipsis and masks."""
    plain = (slice, int, np.integer, type(None), type(Ellipsis))
    return all(isinstance(part, plain) or _is_mask(part) for part in index)


def _is_mask(part):
    return isinstance(part, (bool, np.bool_)) or getattr(part, "dtype", None) == np.bool_


def _pick(x, *index):
    if any(type(part) is Var for part in index):  # of a differentiation further out
        return getitem(x, index)
    return x[index]


def _scatter(g, shape, *index):
    if type(g) is Var or any(type(part) is Var for part in index):
        return put(g, shape, *index)
    out = np.zeros(shape, g.dtype)
    if is_basic(index):
        out[index] = g
    else:
        np.add.at(out, index, g)
    return out


_getitem = Row(
    _pick,
    lambda g, y, x, *index: put(g, x.shape, *index),
    name="getitem",
    linear=True,
    symbol="[]",
    latex=("{0:ATOM}_{{{rest}}}", "ATOM"),
)
PUT = Row(  # zeros, and at the index the argument
    _scatter,
    lambda g, y, v, shape, *index: getitem(g, index),
    name="put",
    linear=True,
    latex=(r"\operatorname{{put}}_{{{rest}}} \left({0}\right)", "ATOM"),
)


def put(g, shape, *index):
    """Zeros of `shape` with `g` added at `index`: the transpose of x[index]."""
    return apply(PUT, (g, shape, *index), {})


def getitem(x, index):
    """x[index], where the index may hold integer Vars."""
    index = index if isinstance(index, tuple) else (index,)
    for part in index:
        if type(part) is Var and part.dtype.kind not in "iub":
            raise IndexError(f"an index has dtype {part.dtype}, expected integers or a mask.")
        if type(part) is Var and part.tape.recording and _is_mask(part):
            raise TypeError(
                "v[mask] has a shape that depends on data; a recorded program can't have one. Use np.where(mask, v, 0)."
            )
        if isinstance(part, list) and any(type(p) is Var for p in part):
            raise TypeError("v[[i, j]] with Vars in the list: use np.stack([i, j]) as the index.")
    index = tuple(np.asarray(part, None if part else np.intp) if isinstance(part, list) else part for part in index)
    return apply(_getitem, (x, *index), {})


def taken(g, a, indices, axis):
    """The cotangent of `a` from that of np.take(a, indices, axis)."""
    if axis is None:
        return np.reshape(put(g, (a.size,), indices), a.shape)
    return put(g, a.shape, *(slice(None),) * (axis % a.ndim), indices)


def _take(g, y, a, indices, axis=None):
    return taken(g, a, np.asarray(indices), axis)


_take_row = Row(np.take, _take, None, complex=True)


def _take_through(a, indices, axis=None):
    if type(indices) is not Var:
        indices = np.array(indices) if isinstance(indices, list) else indices
        return apply(_take_row, (a, indices, axis), {})
    if axis is None:
        return getitem(np.reshape(a, -1), indices)
    taken = getitem(a, (*(slice(None),) * (axis % np.ndim(a)), indices))
    return np.copy(taken, order="C")  # as np.take lays it out, which decides the order of later sums


stands_for(np.take, _take_through)


def along(indices, shape, axis):
    """The index that np.take_along_axis stands for."""
    axis = axis % len(shape)
    grids = [np.arange(n).reshape((-1,) + (1,) * (len(shape) - 1 - i)) for i, n in enumerate(shape)]
    return tuple(indices if i == axis else grid for i, grid in enumerate(grids))


def _take_along_axis(g, y, arr, indices, axis=-1):
    if axis is None:
        return np.reshape(put(g, (arr.size,), indices), arr.shape)
    return put(g, arr.shape, *along(indices, arr.shape, axis))


define(np.take_along_axis, _take_along_axis, None, complex=True)
_unstack = Row(lambda x: tuple(x), lambda g, y, x: np.stack(g), name="iterate", linear=True)


def _split(g, y, ary, indices_or_sections, axis=0):
    return np.concatenate(g, axis)


for _function in (np.split, np.array_split):
    define(_function, _split, linear=True)
if hasattr(np, "unstack"):  # from NumPy 2.1
    define(np.unstack, lambda g, y, x, *, axis=0: np.stack(g, axis))
for _function, _axis in ((np.vsplit, 0), (np.dsplit, 2)):
    stands_for(_function, lambda ary, indices_or_sections, _axis=_axis: np.split(ary, indices_or_sections, _axis))
stands_for(np.hsplit, lambda ary, indices_or_sections: np.split(ary, indices_or_sections, min(1, np.ndim(ary) - 1)))
stands_for(np.diff, lambda a, n=1, axis=-1: _diff(a, n, axis))


def _diff(a, n, axis):
    axis = axis % np.ndim(a)
    later, earlier = ((slice(None),) * axis + (part,) for part in (slice(1, None), slice(None, -1)))
    for _ in range(n):
        a = a[later] - a[earlier]
    return a


# ---- how a Var shows these ----


def _var_iter(self):
    if self.ndim == 0:
        raise TypeError("iteration over a 0-d Var")
    return iter(apply(_unstack, (self,), {}))


def _var_item(self, *index):
    """The one element as a 0-d Var: a Python float would cut the derivative."""
    return self[index] if index else np.reshape(self, ())


Var.__getitem__, Var.__iter__, Var.item = getitem, _var_iter, _var_item
