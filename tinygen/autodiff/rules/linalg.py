"""Rules for matrix functions and norms, all batched: the last two axes are the matrix."""

import math

import numpy as np

from tinygen.autodiff.arraylike import bare, recorded
from tinygen.autodiff.rules.elementwise import define, refused, spelled, stands_for
from tinygen.autodiff.rules.kinks import again, bend, close, divided_differences, no_limit, only_eager, reads, tip
from tinygen.autodiff.rules.ordering import shared
from tinygen.autodiff.rules.products import t
from tinygen.autodiff.rules.reductions import axes_of, spread
from tinygen.autodiff.table import Every, Row
from tinygen.autodiff.tape import Var, apply

# ---- matrix functions ----


def _matrix(v):
    """Numbers as matrices of one entry."""
    return np.expand_dims(v, (-2, -1))


define(np.linalg.inv, lambda g, y, a: -t(y) @ g @ t(y))


def _solve_b(g, y, a, b):  # a vector b stands for one column, whatever the batch of a
    return np.linalg.solve(t(a), g[..., None])[..., 0] if b.ndim == 1 else np.linalg.solve(t(a), g)


def _solve_a(g, y, a, b):
    gb = _solve_b(g, y, a, b)
    return -gb[..., :, None] * y[..., None, :] if b.ndim == 1 else -gb @ t(y)


define(np.linalg.solve, _solve_a, _solve_b)
define(np.linalg.slogdet, lambda g, y, a: _matrix(g[1]) * t(np.linalg.inv(a)))


def _cofactors(a):
    """The derivative of det, a matrix that exists also where the inverse does not: minors with alternating signs."""
    n = a.shape[-1]
    rows = [a[..., i, :] for i in range(n)]
    if n == 2:
        return np.stack([np.flip(rows[1], -1), np.flip(rows[0], -1)], axis=-2) * np.array([[1, -1], [-1, 1]], a.dtype)
    if n == 3:
        return np.stack([np.cross(rows[i - 2], rows[i - 1]) for i in range(3)], axis=-2)
    rest = [[j for j in range(n) if j != i] for i in range(n)]
    minors = [[np.linalg.det(a[..., rest[i], :][..., rest[j]]) for j in range(n)] for i in range(n)]
    signs = ((-1.0) ** np.add.outer(np.arange(n), np.arange(n))).astype(a.dtype)
    return np.stack([np.stack(row, axis=-1) for row in minors], axis=-2) * signs


def _det(g, y, a):
    if a.shape[-1] in (2, 3):
        return _matrix(g) * _cofactors(a)
    if a.shape[-1] > 3 and a.size and not recorded(a):
        rows = np.prod(np.linalg.norm(bare(a), axis=-1), axis=-1)  # Hadamard: |det| is at most that
        if np.any(abs(bare(y)) <= 1e3 * np.finfo(a.dtype).eps * rows):
            return _matrix(g) * _cofactors(a)
    return _matrix(g * y) * t(np.linalg.inv(a)) if a.shape[-1] != 1 else _matrix(g) * np.ones_like(a)


define(np.linalg.det, _det, latex=spelled("det"))

# ---- products of several matrices, least squares, QR ----


def _multi_dot(i, g, y, *arrays):
    first, last = np.ndim(arrays[0]) == 1, np.ndim(arrays[-1]) == 1
    parts = [a[None, :] if first and k == 0 else a for k, a in enumerate(arrays)]
    parts[-1] = arrays[-1][:, None] if last else parts[-1]
    out = np.reshape(g, (parts[0].shape[0], parts[-1].shape[1]))
    for a in parts[:i]:
        out = t(a) @ out
    for a in parts[:i:-1]:
        out = out @ t(a)
    return np.reshape(out, arrays[i].shape)


_MULTI_DOT = Row(lambda *arrays: np.linalg.multi_dot(arrays), Every(_multi_dot), name="multi_dot")
stands_for(np.linalg.multi_dot, lambda arrays: apply(_MULTI_DOT, tuple(arrays), {}))


def _matrix_power(a, n):
    if n <= 0:
        return (
            a @ np.zeros_like(a) + np.eye(a.shape[-1], dtype=a.dtype) if n == 0 else _matrix_power(np.linalg.inv(a), -n)
        )
    if n == 3:
        return (a @ a) @ a
    power, out = a, None
    while True:  # NumPy's order of the products
        n, odd = divmod(n, 2)
        out = (power if out is None else out @ power) if odd else out
        if not n:
            return +out if out is a else out
        power = power @ power


stands_for(np.linalg.matrix_power, _matrix_power)


def _lstsq(by):
    def rule(g, y, a, b, rcond=None):
        if a.shape[0] < a.shape[1] or bare(y[2]) < a.shape[1]:
            raise TypeError("lstsq has a derivative rule for matrices of full column rank; else use np.linalg.pinv.")
        gx, gr = g[0], g[1]
        x, gx, b = (v[:, None] if v.ndim == 1 else v for v in (y[0], gx, b))
        q = np.linalg.solve(t(a) @ a, gx)
        residual = b - a @ x
        gb = a @ q + (2 * residual * gr if np.size(gr) else 0)
        return gb if by else residual @ t(q) - gb @ t(x)

    return lambda g, y, a, b, rcond=None: np.reshape(rule(g, y, a, b), (b if by else a).shape)


define(np.linalg.lstsq, _lstsq(0), _lstsq(1))


def _qr(g, y, a, mode="reduced"):
    if mode != "reduced" or a.shape[-2] < a.shape[-1]:
        raise TypeError('qr has a derivative rule for mode="reduced" and matrices with no more columns than rows.')
    (gq, gr), (q, r) = g, y
    m = r @ t(gr) - t(gq) @ q
    return t(np.linalg.solve(r, t(gq + q @ (np.tril(m) + t(np.tril(m, -1))))))


define(np.linalg.qr, _qr)

# ---- matrices that are symmetric: NumPy reads one triangle, and the derivative is by its entries ----

TRIANGLE = "by the triangle that NumPy reads; the symmetric gradient is (G + G')/2"


def _by_triangle(s, lower=True):
    """The derivative by the entries of one triangle, each of which stands for two: from the symmetric one."""
    return np.tril(s) + np.tril(s, -1) if lower else np.triu(s) + np.triu(s, 1)


def _symmetric(x):
    return 0.5 * (x + t(x))


def _half(x):
    """The lower triangle with half its diagonal."""
    return np.tril(x) - 0.5 * x * np.eye(x.shape[-1], dtype=x.dtype)


def _cholesky(g, y, a, *, upper=False):
    y, g = (t(y), t(g)) if upper else (y, g)
    inverse = np.linalg.inv(y)
    return _by_triangle(_symmetric(t(inverse) @ _half(t(y) @ g) @ inverse), not upper)


define(np.linalg.cholesky, _cholesky, note=TRIANGLE)


def _over_gaps(x, w, unknown):
    """x_ij / (w_j - w_i), where i != j. Where two w are equal: 0 if x_ij is 0, else `unknown`."""
    equal, gap = close(w), w[..., None, :] - w[..., :, None]
    parts = np.where(equal, 0, x / np.where(equal | (gap == 0), 1, gap) * ~np.eye(w.shape[-1], dtype=bool))
    if not unknown:
        return parts
    some = abs(x) > 1e-10 * np.sum(abs(x), axis=(-1, -2), keepdims=True)
    return no_limit(np.where(equal & some, np.asarray(unknown, x.dtype), parts), x, equal)


def _diagonal_matrix(v):
    return v[..., None] * np.eye(v.shape[-1], dtype=v.dtype)


def _eigh(g, y, a, UPLO="L"):
    if again(a) and type(g[1]) is not Var and not np.any(g[1]):  # of the eigenvalues alone: they have limits
        return _eigvalsh(g[0], y[0], a, UPLO)
    return _eigen(g, y, a, UPLO, math.nan)  # of several equal eigenvalues none has a vector of its own


def _eigen(g, y, a, UPLO, unknown):
    (gw, gv), (w, v) = g, y
    core = _diagonal_matrix(gw) + _over_gaps(t(v) @ gv, w, unknown)
    return _by_triangle(_symmetric(v @ core @ t(v)), UPLO in "Ll")


_EIGH = Row(np.linalg.eigh, lambda g, y, a, UPLO: _eigen(g, y, a, UPLO, 0), name="eigh")  # for invariant functions


def _eigvalsh(g, y, a, UPLO="L"):
    w, v = apply(_EIGH, (a, UPLO), {})
    out = _by_triangle((v * g[..., None, :]) @ t(v), UPLO in "Ll")
    if again(a) and recorded(a):
        only_eager(close(w))
    elif again(a) and np.any(close(w)):
        r = divided_differences(g, y, a)

        def back(h, r, v):
            return _by_triangle(v @ (r * (t(v) @ _symmetric_part(h, UPLO) @ v)) @ t(v), UPLO in "Ll")

        out = out + bend(a, back, r, v)
    return out


def _symmetric_part(h, UPLO):
    """What a direction in one triangle is as a symmetric matrix, transposed."""
    return _symmetric(np.tril(h) + np.tril(h, -1) if UPLO in "Ll" else np.triu(h) + np.triu(h, 1))


define(np.linalg.eigh, _eigh, note=TRIANGLE)
define(np.linalg.eigvalsh, _eigvalsh, note=TRIANGLE)


def _svd(g, y, a, full_matrices=True, compute_uv=True):
    if not compute_uv:
        return _svdvals(g, y, a)
    if full_matrices and a.shape[-1] != a.shape[-2]:
        raise TypeError("svd of a matrix that is not square has a derivative rule with full_matrices=False only.")
    return _singular(g, y, a, math.nan)


def _singular(g, y, a, unknown):
    (gu, gs, gvt), (u, s, vt) = g, y
    left, right = t(u) @ gu, vt @ t(gvt)
    left, right = (left - t(left)) * s[..., None, :], s[..., :, None] * (right - t(right))
    core = _diagonal_matrix(gs) + _over_gaps(left, s * s, unknown) + _over_gaps(right, s * s, unknown)
    out = u @ core @ vt
    rows, columns = a.shape[-2:]
    if rows > columns:  # the part of gu outside the span of u
        over = gu / s[..., None, :]
        out = out + (over - u @ (t(u) @ over)) @ vt
    if rows < columns:
        over = t(gvt) / s[..., None, :]
        out = out + u @ t(over - t(vt) @ (vt @ over))
    return out


_SVD = Row(lambda a: np.linalg.svd(a, full_matrices=False), lambda g, y, a: _singular(g, y, a, 0), name="svd")


def _svdvals(g, y, x):
    u, s, vt = apply(_SVD, (x,), {})
    out = (u * g[..., None, :]) @ vt
    if again(x) and recorded(x):
        only_eager(close(s))
    elif again(x) and np.any(close(s)):
        r = divided_differences(g, y, x)
        turned = (g[..., None, :] + g[..., :, None]) / np.where(close(s), s[..., None, :] + s[..., :, None], 1)

        def back(h, r, turned, u, s, vt):
            m = t(u) @ h @ t(vt)
            return u @ np.where(close(s), r * _symmetric(m) + turned * 0.5 * (m - t(m)), 0) @ vt

        out = out + bend(x, back, r, turned, u, s, vt)
    return out


define(np.linalg.svd, _svd)
define(np.linalg.svdvals, _svdvals)


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
    like_x = lambda v: spread(v, x, axis, keepdims)
    size = like_x(y)
    if ord == 2:
        return tip(x * (like_x(g) / np.where(size == 0, 1, size)), g, y, x, spread=like_x, axes=axes_of(axis, x.ndim))
    g, y = like_x(g), size
    if ord in (math.inf, -math.inf):
        return _cornered(np.sign(x) * shared(g, np.abs(x), y, axis, True), g, x, abs(x) == y)
    if ord == 0:
        return 0 * x
    part = np.abs(x) / np.where(y == 0, 1, y)
    out = g * np.sign(x) * np.where(part == 0, 0, np.where(part == 0, 1, part) ** (ord - 1))
    if ord == 1:
        return _cornered(out, g, x, True)
    return no_limit(out, x, y == 0 if ord > 2 else x == 0)  # the tip has no limit; nor has an entry 0 where ord < 2


def _cornered(out, g, x, picked):
    """`out`, made with sign(x), which is 0 at 0: that hides a slope of `g` by what was picked of |x|."""
    return no_limit(out, x, picked & (x == 0)) if again(x) and reads(g, x) else out


def _matrix_norm(g, y, x, ord, axes):
    if x.size == 0:
        return 0 * x
    if ord in (1, -1, math.inf, -math.inf):  # the largest or smallest column or row sum
        inner = axes[0] if abs(ord) == 1 else axes[1]
        sums = np.sum(np.abs(x), axis=inner, keepdims=True)
        return _cornered(np.sign(x) * shared(g, sums, y, axes, True), g, x, sums == y)
    m, g = np.moveaxis(x, axes, (-2, -1)), np.moveaxis(g, axes, (-2, -1))
    s = np.linalg.svdvals(m)
    if ord == "nuc":
        return np.moveaxis(_svdvals(g[..., 0] * np.ones_like(s), s, m), (-2, -1), axes)
    # 2 and -2: the largest or smallest singular value
    picked = np.max(s, axis=-1, keepdims=True) if ord == 2 else np.min(s, axis=-1, keepdims=True)
    out = _svdvals(g[..., 0] * shared(np.ones_like(picked), s, picked, -1, True), s, m)
    several = np.sum(np.isclose(s, picked, rtol=8 * np.finfo(s.dtype).eps, atol=0), axis=-1, keepdims=True) > 1
    return np.moveaxis(no_limit(out, m, several[..., None]), (-2, -1), axes)


define(np.linalg.norm, _norm, refused("norm can be differentiated with respect to x, not to ord.", _norm))
define(
    np.linalg.vector_norm,
    lambda g, y, x, *, axis=None, keepdims=False, ord=2: _vector_norm(g, y, x, ord, axis, keepdims),
)
define(np.linalg.matrix_norm, lambda g, y, x, *, keepdims=False, ord="fro": _norm(g, y, x, ord, (-2, -1), keepdims))
