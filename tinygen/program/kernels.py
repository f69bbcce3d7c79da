"""How a replayed operation writes into a buffer that is already there: for each NumPy function, calls with out=.

A kernel is `kernel(args, out, **kw) -> a list of calls without arguments`, bound to its arrays once. It gives the bits
that the function itself gives; the few chosen for speed (FAST) say by how many units in the last place they may differ.
"""

import operator
from functools import partial

import numpy as np

from tinygen.autodiff.rules import shaping
from tinygen.program.program import ADD_AT, at_a_slice

UFUNC_OF = {  # Python's operators on arrays
    operator.add: np.add,
    operator.sub: np.subtract,
    operator.mul: np.multiply,
    operator.truediv: np.divide,
    operator.floordiv: np.floor_divide,
    operator.mod: np.remainder,
    operator.neg: np.negative,
    operator.pos: np.positive,
    abs: np.absolute,
    operator.and_: np.bitwise_and,
    operator.or_: np.bitwise_or,
    operator.xor: np.bitwise_xor,
    operator.invert: np.invert,
    operator.eq: np.equal,
    operator.ne: np.not_equal,
    operator.lt: np.less,
    operator.le: np.less_equal,
    operator.gt: np.greater,
    operator.ge: np.greater_equal,
}
POWERS = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal, 1: np.positive}  # what x**2 is; np.power(x, 2) is not


def ufunc_of(op):
    """The ufunc that computes this operation, and its arguments; (None, ...) if it is not element by element."""
    function, args = op.row.function, op.args
    if function is operator.pow:
        fast = POWERS.get(args[1]) if isinstance(args[1], (int, float)) else None
        if fast is not None and args[0].dtype.kind == "f" and _same(fast(args[0]), op.y):
            return fast, 1
        return np.power, 2
    ufunc = UFUNC_OF.get(function, function)
    elementwise = isinstance(ufunc, np.ufunc) and ufunc.signature is None and ufunc.nout == 1
    return (ufunc, ufunc.nin) if elementwise else (None, 0)


def _same(a, b):
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)


def _reduce(ufunc):
    def kernel(args, out, axis=None, keepdims=False):
        axis = args[1] if len(args) > 1 else axis
        return [partial(ufunc.reduce, args[0], axis, None, out, keepdims)]

    return kernel


def _mean(args, out, axis=None, keepdims=False):
    return [*_reduce(np.add)(args, out, axis, keepdims), _over(args[0].size // max(out.size, 1), out)]


def _over(number, out):
    return partial(np.divide, out, np.asarray(number, out.dtype), out)


def _matmul(args, out):
    """np.dot gives the same bits for two matrices, and has half the overhead."""
    dot = args[0].ndim == args[1].ndim == 2 and out.flags.c_contiguous and args[0].dtype == args[1].dtype == out.dtype
    return [partial(np.dot if dot else np.matmul, *args, out)]


def _where(args, out):
    condition, x, z = args
    fill = [] if z is out else [partial(np.copyto, out, z)]
    return [*fill, partial(np.copyto, out, x, where=condition)]


def _put(args, out):
    g, _, *index = args
    index = tuple(index)
    if at_a_slice(index):
        return [partial(out.fill, 0), partial(np.copyto, _view(out, index), g)]
    return [partial(out.fill, 0), partial(np.add.at, out, index, g)]


def _view(out, index):
    """out[index] as a view, also where the index names a single entry."""
    return out[(*index, *([] if any(part is Ellipsis for part in index) else [...]))]


def _add_at(args, out):
    x, g, _, *index = args
    there = _view(out, index)
    return [*([] if x is out else [partial(np.copyto, out, x)]), partial(np.add, there, g, there)]


def _with_out(function):
    return lambda args, out, **kw: [partial(function, *args, out=out, **kw)]


KERNELS = {
    np.matmul: _matmul,
    np.vecdot: lambda args, out: [partial(np.vecdot, *args, out)],
    np.sum: _reduce(np.add),
    np.prod: _reduce(np.multiply),
    np.max: _reduce(np.maximum),
    np.min: _reduce(np.minimum),
    np.mean: _mean,
    np.var: _with_out(np.var),
    np.std: _with_out(np.std),
    np.cumsum: _with_out(np.cumsum),
    np.cumprod: _with_out(np.cumprod),
    np.take: lambda args, out, axis=None: [partial(np.take, *args[:2], args[2] if len(args) > 2 else axis, out)],
    np.where: _where,
    np.copy: lambda args, out, **kw: [partial(np.copyto, out, args[0])],
    shaping.ASTYPE: lambda args, out: [partial(np.copyto, out, args[0], "unsafe")],
    shaping.PUT: _put,
    ADD_AT: _add_at,
    shaping.CONCATENATE: lambda args, out, axis=0: [partial(np.concatenate, args, axis, out)],
    shaping.STACK: lambda args, out, axis=0: [partial(np.stack, args, axis, out)],
}


def kernel_of(row):
    """The kernel for a row, or None: then the function is called and its value copied."""
    return KERNELS.get(row) or KERNELS.get(row.function)


# ---- chosen for speed: NumPy's exp and log and BLAS run wide; SciPy's expit and np.logaddexp take one at a time ----


def _expit(args, out):
    """1 / (1 + exp(-x)): exp overflows to inf where the value is below the smallest number, and gives 0."""
    one = np.ones((), out.dtype)
    return [
        partial(np.negative, args[0], out),
        partial(np.exp, out, out),
        partial(np.add, out, one, out),
        partial(np.reciprocal, out, out),
    ]


def _logaddexp(args, out):
    """max(a, b) + log(u), u = 1 + e, e = exp(-|a - b|). Rounding 1 + e lost e - (u - 1); over u, it is put back."""
    a, b = args
    e, u, lost = (np.empty_like(out) for _ in range(3))
    one, low = np.ones((), out.dtype), np.full((), -np.inf, out.dtype)
    return [
        partial(np.subtract, a, b, e),
        partial(np.maximum, a, b, out=out),
        partial(np.absolute, e, e),
        partial(np.negative, e, e),
        partial(np.fmax, e, low, e),  # equal infinities: their difference is nan, and log(u) adds nothing to them
        partial(np.exp, e, e),
        partial(np.add, e, one, u),
        partial(np.subtract, u, one, lost),
        partial(np.subtract, e, lost, e),
        partial(np.divide, e, u, e),
        partial(np.log, u, u),
        partial(np.add, out, u, out),
        partial(np.add, out, e, out),
    ]


def _sum_by_ones(args, out, axis=None, keepdims=False):
    """The sum over the rows, the columns, or all entries of a matrix or vector as a product with ones."""
    x, axis = args[0], args[1] if len(args) > 1 else axis
    axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    if x.ndim not in (1, 2) or x.size < 64 or not x.flags.c_contiguous or x.dtype != out.dtype:
        return None
    if axis is None or x.ndim == 1:
        return [partial(np.dot, x.reshape(-1), np.ones(x.size, x.dtype), out.reshape(()))]
    if axis not in (0, 1, -1):
        return None
    ones = np.ones(x.shape[axis], x.dtype)
    return [partial(np.dot, ones, x, out.reshape(-1)) if axis == 0 else partial(np.dot, x, ones, out.reshape(-1))]


def _mean_by_ones(args, out, axis=None, keepdims=False):
    total = _sum_by_ones(args, out, axis, keepdims)
    return total and [*total, _over(args[0].size // max(out.size, 1), out)]


FAST = {  # function -> kernel, and how far it may be from the exact value in units in the last place (tested)
    np.logaddexp: (_logaddexp, "6 ulp of the value or of max(a, b), the larger"),
    np.sum: (_sum_by_ones, "n/2 ulp of the sum of n magnitudes"),
    np.mean: (_mean_by_ones, "n/2 + 1 ulp of the mean of n magnitudes"),
}


def fast_kernel_of(row):
    """The faster kernel and its bound, or (None, None). SciPy's functions are known only once SciPy is loaded."""
    function = row.function
    if isinstance(function, np.ufunc) and function.__name__ == "expit":
        return _expit, "4 ulp"
    return FAST.get(function, (None, None))
