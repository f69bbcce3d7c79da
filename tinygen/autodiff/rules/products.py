"""Rules for products of arrays: matmul, einsum and their kin."""

import operator
import string

import numpy as np

from tinygen.autodiff.rules.elementwise import define, stands_for
from tinygen.autodiff.rules.indexing import put
from tinygen.autodiff.table import TABLE, Every, Row
from tinygen.autodiff.tape import Var, apply


def t(x):
    """The transpose of each matrix."""
    return np.swapaxes(x, -1, -2)


# ---- matrices and vectors ----


def _matmul_a(g, y, a, b):
    if a.ndim == 1:  # (n,) @ (..., n, m)
        return g * b if b.ndim == 1 else np.matmul(b, g[..., None])[..., 0]
    return g[..., None] * b if b.ndim == 1 else np.matmul(g, t(b))


def _matmul_b(g, y, a, b):
    if b.ndim == 1:  # (..., m, n) @ (n,)
        return g * a if a.ndim == 1 else np.matmul(t(a), g[..., None])[..., 0]
    return a[:, None] * g[..., None, :] if a.ndim == 1 else np.matmul(t(a), g)


define(np.matmul, _matmul_a, _matmul_b, complex=True, symbol="@")
if hasattr(np, "matvec"):  # from NumPy 2.2
    define(np.matvec, lambda g, y, a, b: g[..., None] * b[..., None, :], lambda g, y, a, b: np.matvec(t(a), g))
    define(np.vecmat, lambda g, y, a, b: np.matvec(b, g), lambda g, y, a, b: a[..., None] * g[..., None, :])
define(np.vecdot, lambda g, y, a, b: g[..., None] * b, lambda g, y, a, b: g[..., None] * a)
define(np.vdot, lambda g, y, a, b: g * np.reshape(b, a.shape), lambda g, y, a, b: g * np.reshape(a, b.shape))


def _contraction(axes, a, b):
    """The axes summed over in np.tensordot, as two lists of non-negative ints."""
    if isinstance(axes, int):
        return list(range(a.ndim - axes, a.ndim)), list(range(axes))
    left, right = ([x] if isinstance(x, int) else list(x) for x in axes)
    return [i % a.ndim for i in left], [i % b.ndim for i in right]


def _tensordot_a(g, y, a, b, axes=2):
    left, right = _contraction(axes, a, b)
    free_a, free_b = [i for i in range(a.ndim) if i not in left], [i for i in range(b.ndim) if i not in right]
    out = np.tensordot(g, b, (list(range(len(free_a), g.ndim)), free_b))  # the free axes of a, then b's summed ones
    order = free_a + [left[right.index(i)] for i in sorted(right)]
    return np.transpose(out, np.argsort(order).tolist())


def _tensordot_b(g, y, a, b, axes=2):
    left, right = _contraction(axes, a, b)
    free_a, free_b = [i for i in range(a.ndim) if i not in left], [i for i in range(b.ndim) if i not in right]
    out = np.tensordot(a, g, (free_a, list(range(len(free_a)))))  # a's summed axes, then the free ones of b
    order = [right[left.index(i)] for i in sorted(left)] + free_b
    return np.transpose(out, np.argsort(order).tolist())


define(np.tensordot, _tensordot_a, _tensordot_b, complex=True)


def _dot_axes(a, b):
    return ([a.ndim - 1], [max(b.ndim - 2, 0)])


def _scalar(a, b):
    return np.ndim(a) == 0 or np.ndim(b) == 0


define(
    np.dot,
    lambda g, y, a, b: g * b if _scalar(a, b) else _tensordot_a(g, y, a, b, _dot_axes(a, b)),
    lambda g, y, a, b: g * a if _scalar(a, b) else _tensordot_b(g, y, a, b, _dot_axes(a, b)),
    complex=True,
)
define(
    np.inner,
    lambda g, y, a, b: g * b if _scalar(a, b) else _tensordot_a(g, y, a, b, ([-1], [-1])),
    lambda g, y, a, b: g * a if _scalar(a, b) else _tensordot_b(g, y, a, b, ([-1], [-1])),
)
for _outer in (np.outer, np.linalg.outer):
    define(
        _outer,
        lambda g, y, a, b: np.reshape(g @ np.reshape(b, -1), a.shape),
        lambda g, y, a, b: np.reshape(np.reshape(a, -1) @ g, b.shape),
        complex=True,
    )


def _kron_parts(g, a, b):
    n = max(a.ndim, b.ndim)
    a, b = (np.reshape(x, (1,) * (n - x.ndim) + x.shape) for x in (a, b))
    pairs = [k for pair in zip(a.shape, b.shape) for k in pair]
    wide = [k for n in a.shape for k in (n, 1)], [k for n in b.shape for k in (1, n)]
    return np.reshape(g, pairs), np.reshape(a, wide[0]), np.reshape(b, wide[1]), n


def _kron_a(g, y, a, b):
    g, _, b, n = _kron_parts(g, a, b)
    return np.reshape(np.sum(g * b, axis=tuple(range(1, 2 * n, 2))), a.shape)


def _kron_b(g, y, a, b):
    g, a, _, n = _kron_parts(g, a, b)
    return np.reshape(np.sum(g * a, axis=tuple(range(0, 2 * n, 2))), b.shape)


define(np.kron, _kron_a, _kron_b)


def _three(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if np.shape(a)[-1:] != (3,) or np.shape(b)[-1:] != (3,):
        got = f"{np.shape(a)} and {np.shape(b)}"
        raise ValueError(f"cross has a derivative rule for vectors of length 3, got {got}.")
    return np.moveaxis(apply(_cross, (a, b), {}), -1, axisc)


_cross = Row(np.cross, lambda g, y, a, b: np.cross(b, g), lambda g, y, a, b: np.cross(g, a), name="cross")
stands_for(np.cross, _three)
stands_for(np.linalg.cross, lambda x1, x2, *, axis=-1: _three(x1, x2, axis=axis))
stands_for(np.linalg.matmul, lambda x1, x2: np.matmul(x1, x2))
stands_for(np.linalg.vecdot, lambda x1, x2: np.vecdot(x1, x2))
stands_for(np.linalg.tensordot, lambda x1, x2, *, axes=2: np.tensordot(x1, x2, axes))


def _full(g, a, v, mode):
    """The cotangent of the full convolution, of which `mode` keeps a part."""
    shorter = min(len(a), len(v))
    start = {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}[mode]
    return put(g, (len(a) + len(v) - 1,), slice(start, start + len(g)))


def convolved(i, g, a, v, mode):
    """The cotangent of argument `i` of np.convolve(a, v, mode)."""
    return np.convolve(_full(g, a, v, mode), (a if i else v)[::-1], "valid")


define(
    np.convolve,
    lambda g, y, a, v, mode="full": convolved(0, g, a, v, mode),
    lambda g, y, a, v, mode="full": convolved(1, g, a, v, mode),
    complex=True,
)


# ---- einsum: its derivative is an einsum with the target and the output exchanged ----


def _letters(subscripts, operands):
    """The operands' and the output's subscripts with the ellipsis spelled out in capital letters."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    inputs = inputs.split(",")
    free = [c for c in string.ascii_uppercase if c not in subscripts]
    longest = 0
    for k, (term, x) in enumerate(zip(inputs, operands)):
        if "..." in term:
            extra = np.ndim(x) - len(term.replace("...", ""))
            longest = max(longest, extra)
            inputs[k] = term.replace("...", "".join(free[:extra][::-1]))
    dots = "".join(free[:longest][::-1])
    if arrow:
        return inputs, output.replace("...", dots), free[longest:]
    joined = "".join(inputs)
    return inputs, dots + "".join(sorted(c for c in set(joined) - set(dots) if joined.count(c) == 1)), free[longest:]


def _einsum(i, g, y, subscripts, *operands, optimize=False):
    inputs, output, spare = _letters(subscripts, operands)
    i -= 1  # argument 0 is the subscripts
    target, x = "", operands[i]
    terms = [(output, g), *((s, o) for k, (s, o) in enumerate(zip(inputs, operands)) if k != i)]
    seen = {}
    for s, o in terms:
        seen.update({letter: max(n, seen.get(letter, 0)) for letter, n in zip(s, np.shape(o))})
    for letter, n in zip(inputs[i], x.shape):
        if letter in target:  # a diagonal: its cotangent lies on the diagonal
            fresh = spare.pop()
            terms.append((letter + fresh, np.eye(n, dtype=g.dtype)))
            target += fresh
            continue
        if seen.get(letter, -1) < n:  # summed over in this operand alone, or against a 1: the cotangent is repeated
            terms.append((letter, np.ones(n, g.dtype)))
        target += letter
    return np.einsum(",".join(s for s, _ in terms) + "->" + target, *(o for _, o in terms), optimize=bool(optimize))


def _as_text(*pairs):
    """(subscripts, operands) of einsum(a, [0, 1], b, [1, 2], [0, 2]), in which whole numbers stand for letters."""
    letters = string.ascii_uppercase + string.ascii_lowercase  # in this order NumPy sorts them
    write = lambda places: "".join("..." if place is Ellipsis else letters[operator.index(place)] for place in places)
    n = len(pairs) // 2 * 2
    output = "->" + write(pairs[-1]) if len(pairs) > n else ""
    return ",".join(map(write, pairs[1:n:2])) + output, pairs[:n:2]


def _einsum_through(subscripts, *operands, optimize=False):
    if not isinstance(subscripts, str):
        subscripts, operands = _as_text(subscripts, *operands)
    return apply(_einsum_row, (subscripts, *operands), {"optimize": optimize})


_einsum_row = Row(np.einsum, Every(_einsum), name="einsum", complex=True)
stands_for(np.einsum, _einsum_through)

# ---- the operator @ ----

_matmul = TABLE[np.matmul]
Var.__matmul__ = lambda a, b: apply(_matmul, (a, b), {})
Var.__rmatmul__ = lambda a, b: apply(_matmul, (b, a), {})
