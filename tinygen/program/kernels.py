"""How a replayed operation writes into an array that is already there: for each NumPy function, lines of source.

A kernel is `kernel(write, args, out, **kw) -> lines`, or None where it does not apply; args are Operands and constants,
`out` is an Operand, or None where the value is a number: then the last line is the expression that gives it. The lines
give the bits that the function itself gives; the few chosen for speed (FAST) say by how many units in the last place
they may differ.
"""

import functools
import operator

import numpy as np

from tinygen.autodiff.rules import indexing, shaping
from tinygen.program.passes import ADD_AT, at_a_slice
from tinygen.program.source import Operand

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
    """The ufunc that computes this operation on arrays, or None if it is not element by element."""
    function, args = op.row.function, op.args
    if function is operator.pow:
        number = args[1]
        if isinstance(args[0], tuple) and isinstance(number, tuple) and number.size > 1:
            return np.power  # array ** array
        if not isinstance(number, (int, float)) or isinstance(number, np.generic) or args[0].dtype.kind != "f":
            return None  # NumPy looks at the number: the operator itself is called
        fast = POWERS.get(number)
        return fast if fast and _is_that_power(fast, number, args[0].dtype) else np.power
    ufunc = UFUNC_OF.get(function, function)
    elementwise = isinstance(ufunc, np.ufunc) and ufunc.signature is None and ufunc.nout == 1
    return ufunc if elementwise else None


@functools.cache
def _is_that_power(ufunc, number, dtype):
    """Whether this NumPy computes x**number so."""
    x = np.linspace(0.1, 3, 997, dtype=dtype)
    return np.array_equal(ufunc(x), x**number)


def _reduce(ufunc):
    def kernel(write, args, out, axis=None, keepdims=False):
        axis = args[1] if len(args) > 1 else axis
        reduce = f"{write.source.function(ufunc)}.reduce"
        if out is None:
            return [f"{reduce}({args[0]}, {write.source.value(axis)})"]
        kept = ", True" if keepdims else ""
        return [f"{reduce}({args[0]}, {write.source.value(axis)}, None, {out}{kept})"]

    return kernel


def _mean(write, args, out, axis=None, keepdims=False):
    if args[0].layout.dtype.kind != "f" or args[0].layout.dtype.itemsize < 4:
        return None  # NumPy sums float16 in float32
    lines = _reduce(np.add)(write, args, out, axis, keepdims)
    return _over(write, lines, args[0], out)


def _over(write, lines, x, out):
    """A sum divided by the number of its terms."""
    number = x.layout.size // max(out.layout.size if out else 1, 1)
    if out is None:
        return [*lines[:-1], f"{lines[-1]} / {number}"]
    divide = write.source.function(np.divide)
    return [*lines, f"{divide}({out}, {write.source.constant(number, out.layout.dtype)}, {out})"]


def _matmul(write, args, out):
    """np.dot gives the same bits for two matrices, and has half the overhead."""
    a, b = (write.array(a) for a in args)
    if out is None or a is None or b is None:
        return None
    same = a.layout.dtype == b.layout.dtype == out.layout.dtype
    dot = a.layout.ndim == b.layout.ndim == 2 and out.layout.is_contiguous and same
    return [f"{write.source.function(np.dot if dot else np.matmul)}({a}, {b}, {out})"]


def _where(write, args, out):
    condition, x, z = args
    if out is None or not isinstance(condition, Operand) or condition.layout.dtype != np.bool_:
        return None
    x, z = (write.operand(a, out.layout.dtype) for a in (x, z))
    fill = [] if z == out.text else [f"copyto({out}, {z})"]
    return [*fill, f"copyto({out}, {x}, where={condition})"]


def _put(write, args, out):
    g, _, *index = args
    if out is None:
        return None
    if at_a_slice(index) and g.layout.is_array:
        return [f"{out}.fill(0)", f"copyto({_view(write, out, index)}, {g})"]
    if at_a_slice(index):
        return [f"{out}.fill(0)", f"{_view(write, out, index)}[...] = {g}"]
    parts = ", ".join(map(write.source.value, index)) + "," * (len(index) == 1)
    return [f"{out}.fill(0)", f"{write.source.function(np.add)}.at({out}, ({parts}), {write.source.value(g)})"]


def _view(write, out, index):
    """The name of out[index] as a view, also where the index names a single entry."""
    whole = [*index, *([] if any(part is Ellipsis for part in index) else [...])]
    return write.source.bind(f"{out}_part", f"{out}[{', '.join(map(write.source.index, whole))}]")


def _add_at(write, args, out):
    if out is None:
        return None
    x, g, _, *index = args
    there = _view(write, out, index)
    copy = [] if x.text == out.text else [f"copyto({out}, {x})"]
    g = g if g.layout.is_array else write.operand(g, out.layout.dtype)
    return [*copy, f"{write.source.function(np.add)}({there}, {g}, {there})"]


def _with_out(function):
    def kernel(write, args, out, **kw):
        if out is None:
            return None
        texts = [write.source.value(a) for a in args] + [f"{key}={write.source.value(a)}" for key, a in kw.items()]
        return [f"{write.source.function(function)}({', '.join([*texts, f'out={out}'])})"]

    return kernel


def _copy(write, args, out, order="K"):
    return out and [f"copyto({out}, {args[0]})"]


def _astype(write, args, out):
    return out and args[0].layout.is_array and [f"copyto({out}, {args[0]}, 'unsafe')"]


def _joined(function):
    def kernel(write, args, out, axis=0):
        args = [write.array(a) for a in args]
        if out is None or None in args:
            return None
        parts = ", ".join(map(str, args))
        return [f"{write.source.function(function)}(({parts},), {write.source.value(axis)}, {out})"]

    return kernel


def _spread(write, args, out, *_, **__):
    """A number in an array of one or more equal entries."""
    number = out is not None and isinstance(args[0], Operand) and not args[0].layout.is_array
    return [f"{out}[...] = {args[0]}"] if number else None


def _take(write, args, out, axis=None):
    axis = args[2] if len(args) > 2 else axis
    texts = ", ".join(map(write.source.value, (*args[:2], axis)))
    return out and [f"{write.source.function(np.take)}({texts}, {out})"]


KERNELS = {
    np.matmul: _matmul,
    np.vecdot: _with_out(np.vecdot),
    np.sum: _reduce(np.add),
    np.prod: _reduce(np.multiply),
    np.max: _reduce(np.maximum),
    np.min: _reduce(np.minimum),
    np.mean: _mean,
    np.var: _with_out(np.var),
    np.std: _with_out(np.std),
    np.cumsum: _with_out(np.cumsum),
    np.cumprod: _with_out(np.cumprod),
    np.take: _take,
    **dict.fromkeys((np.reshape, np.broadcast_to, np.expand_dims), _spread),
    **dict.fromkeys((np.atleast_1d, np.atleast_2d, np.atleast_3d), _spread),
    np.where: _where,
    np.copy: _copy,
    shaping.ASTYPE: _astype,
    indexing.PUT: _put,
    ADD_AT: _add_at,
    shaping.CONCATENATE: _joined(np.concatenate),
    shaping.STACK: _joined(np.stack),
}


def kernel_of(row):
    """The kernel for a row, or None: then the function is called and its value copied."""
    return KERNELS.get(row) or KERNELS.get(row.function)


# ---- chosen for speed: NumPy's exp and log and BLAS run wide; SciPy's expit and np.logaddexp take one at a time ----


def _expit(write, args, out):
    """1 / (1 + exp(-x)): exp overflows to inf where the value is below the smallest number, and gives 0."""
    if out is None:
        return None
    negative, exp, add, reciprocal = map(write.source.function, (np.negative, np.exp, np.add, np.reciprocal))
    one = write.source.constant(1.0, out.layout.dtype)
    return [
        f"{negative}({args[0]}, {out})",
        f"{exp}({out}, {out})",
        f"{add}({out}, {one}, {out})",
        f"{reciprocal}({out}, {out})",
    ]


def _logaddexp(write, args, out):
    """max(a, b) + log(u), u = 1 + e, e = exp(-|a - b|). Rounding 1 + e lost e - (u - 1); over u, it is put back."""
    if out is None:
        return None
    dtype = out.layout.dtype
    a, b = (write.operand(x, dtype) for x in args)
    e, u, lost = (write.scratch(out.layout) for _ in range(3))
    one, low = (write.source.constant(number, dtype) for number in (1.0, -np.inf))
    names = (np.subtract, np.maximum, np.absolute, np.negative, np.fmax, np.exp, np.add, np.divide, np.log)
    subtract, maximum, absolute, negative, fmax, exp, add, divide, log = map(write.source.function, names)
    return [
        f"{subtract}({a}, {b}, {e})",
        f"{maximum}({a}, {b}, out={out})",
        f"{absolute}({e}, {e})",
        f"{negative}({e}, {e})",
        f"{fmax}({e}, {low}, {e})",  # equal infinities: their difference is nan, and log(u) adds nothing to them
        f"{exp}({e}, {e})",
        f"{add}({e}, {one}, {u})",
        f"{subtract}({u}, {one}, {lost})",
        f"{subtract}({e}, {lost}, {e})",
        f"{divide}({e}, {u}, {e})",
        f"{log}({u}, {u})",
        f"{add}({out}, {u}, {out})",
        f"{add}({out}, {e}, {out})",
    ]


def _sum_by_ones(write, args, out, axis=None, keepdims=False):
    """The sum over the rows, the columns, or all entries of a matrix or vector as a product with ones."""
    x, axis = args[0], args[1] if len(args) > 1 else axis
    axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    shape, dtype = x.layout.shape, x.layout.dtype
    fits = len(shape) in (1, 2) and x.layout.size >= 64 and x.layout.is_contiguous
    if not fits or dtype not in (np.float32, np.float64):
        return None
    dot, flat = write.source.function(np.dot), lambda a: write.source.bind(f"{a}_flat", f"{a}.reshape(-1)")
    if axis is None or len(shape) == 1:
        total = f"{dot}({flat(x) if len(shape) == 2 else x}, {write.ones(x.layout.size, dtype)})"
        return [total] if out is None else [f"{out}[...] = {total}"]
    if axis not in (0, 1, -1) or out is None:
        return None
    row = flat(out) if len(out.layout.shape) == 2 else out
    ones = write.ones(shape[axis], dtype)
    return [f"{dot}({ones}, {x}, {row})" if axis == 0 else f"{dot}({x}, {ones}, {row})"]


def _mean_by_ones(write, args, out, axis=None, keepdims=False):
    total = _sum_by_ones(write, args, out, axis, keepdims)
    return total and _over(write, total, args[0], out)


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
