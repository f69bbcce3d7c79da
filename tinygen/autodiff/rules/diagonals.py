"""Rules for diagonals and triangles of matrices."""

import numpy as np

from tinygen.autodiff.rules.elementwise import define, stands_for
from tinygen.autodiff.rules.indexing import put


def _diagonal_index(shape, offset, axis1, axis2):
    rows, columns = shape[axis1], shape[axis2]
    i = np.arange(max(0, min(rows + min(offset, 0), columns - max(offset, 0))))
    return i + max(-offset, 0), i + max(offset, 0)


def _diagonal(g, y, a, offset=0, axis1=0, axis2=1):
    moved = np.moveaxis(np.empty(a.shape, bool), (axis1, axis2), (-2, -1)).shape
    back = put(g, moved, Ellipsis, *_diagonal_index(moved, offset, -2, -1))
    return np.moveaxis(back, (-2, -1), (axis1, axis2))


def _trace(g, y, a, offset=0, axis1=0, axis2=1):
    n = len(_diagonal_index(a.shape, offset, axis1, axis2)[0])
    return _diagonal(np.broadcast_to(np.expand_dims(g, -1), (*g.shape, n)), y, a, offset, axis1, axis2)


def _diag(g, y, v, k=0):
    return np.diagonal(g, k) if v.ndim == 1 else _diagonal(g, y, v, k)


define(np.diagonal, _diagonal, complex=True)
define(np.trace, _trace, complex=True)
define(np.diag, _diag, complex=True)
stands_for(np.diagflat, lambda v, k=0: np.diag(np.ravel(v), k))
stands_for(np.linalg.diagonal, lambda x, *, offset=0: np.diagonal(x, offset, -2, -1))
stands_for(np.linalg.trace, lambda x, *, offset=0: np.trace(x, offset, -2, -1))
define(np.tril, lambda g, y, m, k=0: np.tril(g, k), complex=True)
define(np.triu, lambda g, y, m, k=0: np.triu(g, k), complex=True)
