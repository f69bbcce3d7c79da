"""Rules for matrix functions and norms, all batched: the last two axes are the matrix."""

import math

import numpy as np

from tinygen.autodiff.rules.elementwise import define, refused, spelled
from tinygen.autodiff.rules.ordering import shared
from tinygen.autodiff.rules.products import t
from tinygen.autodiff.rules.reductions import axes_of, spread

# ---- matrix functions ----

define(np.linalg.inv, lambda g, y, a: -t(y) @ g @ t(y))


def _solve_b(g, y, a, b):  # a vector b stands for one column, whatever the batch of a
    return np.linalg.solve(t(a), g[..., None])[..., 0] if b.ndim == 1 else np.linalg.solve(t(a), g)


def _solve_a(g, y, a, b):
    gb = _solve_b(g, y, a, b)
    return -gb[..., :, None] * y[..., None, :] if b.ndim == 1 else -gb @ t(y)


define(np.linalg.solve, _solve_a, _solve_b)
define(np.linalg.det, lambda g, y, a: (g * y)[..., None, None] * t(np.linalg.inv(a)), latex=spelled("det"))
define(np.linalg.slogdet, lambda g, y, a: g[1][..., None, None] * t(np.linalg.inv(a)))


def _half(x):
    """The lower triangle with half its diagonal."""
    return np.tril(x) - 0.5 * x * np.eye(x.shape[-1], dtype=x.dtype)


def _symmetric(x):
    return 0.5 * (x + t(x))


def _cholesky(g, y, a):
    inverse = np.linalg.inv(y)
    return _symmetric(t(inverse) @ _half(t(y) @ g) @ inverse)


define(np.linalg.cholesky, _cholesky)


def _gaps(w):
    """1 / (w_j - w_i); 0 where they are equal: then only functions that do not tell them apart have a derivative."""
    gap = w[..., None, :] - w[..., :, None]
    return np.where(gap == 0, 0, 1 / np.where(gap == 0, 1, gap))


def _diagonal_matrix(v):
    return v[..., None] * np.eye(v.shape[-1], dtype=v.dtype)


def _eigh(g, y, a, UPLO="L"):
    (gw, gv), (w, v) = g, y
    return _symmetric(v @ (_diagonal_matrix(gw) + _gaps(w) * (t(v) @ gv)) @ t(v))


def _eigvalsh(g, y, a, UPLO="L"):
    _, v = np.linalg.eigh(a, UPLO)
    return (v * g[..., None, :]) @ t(v)


define(np.linalg.eigh, _eigh)
define(np.linalg.eigvalsh, _eigvalsh)


def _svd_values(g, a):
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    return (u * g[..., None, :]) @ vt


def _svd(g, y, a, full_matrices=True, compute_uv=True):
    if not compute_uv:
        return _svd_values(g, a)
    (gu, gs, gvt), (u, s, vt) = g, y
    if full_matrices and a.shape[-1] != a.shape[-2]:
        raise TypeError("svd of a matrix that is not square has a derivative rule with full_matrices=False only.")
    f = _gaps(s * s)  # 1 / (s_j^2 - s_i^2)
    left, right = t(u) @ gu, vt @ t(gvt)
    core = _diagonal_matrix(gs) + f * (left - t(left)) * s[..., None, :] + s[..., :, None] * f * (right - t(right))
    out = u @ core @ vt
    rows, columns = a.shape[-2:]
    if rows > columns:  # the part of gu outside the span of u
        over = gu / s[..., None, :]
        out = out + (over - u @ (t(u) @ over)) @ vt
    if rows < columns:
        over = t(gvt) / s[..., None, :]
        out = out + u @ t(over - t(vt) @ (vt @ over))
    return out


define(np.linalg.svd, _svd)
define(np.linalg.svdvals, lambda g, y, x: _svd_values(g, x))


def _pinv(g, y, a):
    rows, columns = a.shape[-2:]
    outside = np.eye(rows, dtype=a.dtype) - a @ y
    inside = np.eye(columns, dtype=a.dtype) - y @ a
    return -t(y) @ g @ t(y) + outside @ t(g) @ (y @ t(y)) + (t(y) @ y) @ t(g) @ inside


define(np.linalg.pinv, _pinv)

# ---- norms: 0 at 0, where no derivative exists ----


def _norm(g, y, x, ord=None, axis=None, keepdims=False):
    if len(axes_of(axis, x.ndim)) == 2 and ord not in (None, "fro"):
        return _matrix_norm(spread(g, x, axis, keepdims), spread(y, x, axis, keepdims), x, ord, axes_of(axis, x.ndim))
    return _vector_norm(g, y, x, 2 if ord in (None, "fro") else ord, axis, keepdims)


def _vector_norm(g, y, x, ord, axis, keepdims):
    g, y = spread(g, x, axis, keepdims), spread(y, x, axis, keepdims)
    if ord == 2:
        return x * (g / np.where(y == 0, 1, y))
    if ord in (math.inf, -math.inf):
        return np.sign(x) * shared(g, np.abs(x), y, axis, True)
    if ord == 0:
        return 0 * x
    size = np.abs(x) / np.where(y == 0, 1, y)
    return g * np.sign(x) * np.where(size == 0, 0, np.where(size == 0, 1, size) ** (ord - 1))


def _matrix_norm(g, y, x, ord, axes):
    if x.size == 0:
        return 0 * x
    if ord in (1, -1, math.inf, -math.inf):  # the largest or smallest column or row sum
        inner = axes[0] if abs(ord) == 1 else axes[1]
        sums = np.sum(np.abs(x), axis=inner, keepdims=True)
        return np.sign(x) * shared(g, sums, y, axes, True)
    m, g = np.moveaxis(x, axes, (-2, -1)), np.moveaxis(g, axes, (-2, -1))
    u, s, vt = np.linalg.svd(m, full_matrices=False)
    if ord == "nuc":
        weights = np.ones_like(s)
    else:  # 2 and -2: the largest or smallest singular value
        picked = np.max(s, axis=-1, keepdims=True) if ord == 2 else np.min(s, axis=-1, keepdims=True)
        weights = shared(np.ones_like(picked), s, picked, -1, True)
    return np.moveaxis(g * ((u * weights[..., None, :]) @ vt), (-2, -1), axes)


define(np.linalg.norm, _norm, refused("norm has a derivative rule by x, not by ord.", _norm))
define(
    np.linalg.vector_norm,
    lambda g, y, x, *, axis=None, keepdims=False, ord=2: _vector_norm(g, y, x, ord, axis, keepdims),
)
define(np.linalg.matrix_norm, lambda g, y, x, *, keepdims=False, ord="fro": _norm(g, y, x, ord, (-2, -1), keepdims))
