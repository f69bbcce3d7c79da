"""What a Var shows of itself, and what it refuses: each silent trap is an error that says what to write instead."""

import contextlib
import dis
import itertools
import linecache
import math
import operator
import sys

import numpy as np

from tinygen.autodiff.remedies import IN_PLACE, REMEDIES, remedy, stack_first


def frame_outside(*modules):
    """The innermost frame of the call stack whose module is not of these packages: the line that a user wrote."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(modules):
        frame = frame.f_back
    return frame


def source(code, instruction, *, whole=False):
    """Where an instruction of a code object stands: file, line, column, and the text of its expression (3.11 on).

    A long text has its middle left out, unless it is wanted `whole`.
    """
    short = (lambda text: text) if whole else _short
    file, at = code.co_filename, instruction // 2
    if hasattr(code, "co_positions"):
        line, end, column, stop = next(itertools.islice(code.co_positions(), at, None))
        if None not in (line, end, column, stop):
            lines = [linecache.getline(file, n).encode() for n in range(line, end + 1)]
            lines[-1] = lines[-1][:stop]
            lines[0] = lines[0][column:]
            return file, line, column, short(b" ".join(lines).decode(errors="replace"))
    line = max((n for start, _, n in code.co_lines() if start <= instruction and n), default=code.co_firstlineno)
    return file, line, 0, short(linecache.getline(file, line))


def _short(text):
    text = " ".join(text.split())
    return text if len(text) <= 70 else f"{text[:40]} ... {text[-25:]}"


_DTYPES = {float: np.dtype(np.float64), complex: np.dtype(np.complex128), int: np.dtype(int), bool: np.dtype(bool)}


class ArrayLike:
    """The look of an array around `self.value`. Whatever would cut the derivative without a word raises TypeError."""

    __slots__ = ()
    __hash__ = None

    shape = property(lambda self: getattr(self.value, "shape", ()))  # a recorded Python float has none
    dtype = property(lambda self: self.value.dtype if hasattr(self.value, "dtype") else _DTYPES[type(self.value)])
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))
    __len__ = lambda self: len(self.value)
    __repr__ = lambda self: f"Var({self.value!r})"
    __format__ = lambda self, spec: format(self.value, spec)

    def __array__(self, dtype=None, copy=None):
        name, written = _who_wants_an_array()
        found = remedy(name) if name else _by_text(written)
        who = (
            name.replace("numpy.", "np.")
            if name
            else f"`{written}`"
            if written
            else "np.array([v]), array[v] or a.dot(v)"
        )
        if not found and name.startswith("numpy."):
            found = stack_first(who)
        elif not found and name:
            found = f"write it in NumPy, or give it its rule: tinygen.primitive({name}, rule)"
        found = found or (
            "write np.stack([v, w]) for np.array([v, w]), v for np.asarray(v), W @ v for W.dot(v), np.where or "
            "np.concatenate for A[i] = v; look table[v] up outside of the function"
        )
        raise TypeError(f"{who} would turn a Var into a plain array and cut its derivative: {found}.")

    def __setitem__(self, index, value):
        raise TypeError(
            "v[i] = w would write into a Var. Build the result instead: np.where, np.concatenate, np.stack."
        )

    def __getattr__(self, name):
        if name in IN_PLACE:
            raise AttributeError(f"v.{name}(...) would write into a Var. Write {IN_PLACE[name]}.")
        raise AttributeError(f"a Var (it stands for an array while f is differentiated) has no .{name}; v.value has.")

    def __copy__(self):
        return np.copy(self)

    def __deepcopy__(self, memo):
        memo[id(self)] = np.copy(self)
        return memo[id(self)]

    def __reduce__(self):
        raise TypeError(
            "pickle would store a Var as a plain value and cut its derivative. Pickle the arguments outside of the "
            "function that is differentiated, or v.value; for a copy inside it write v.copy() or copy.deepcopy(v)."
        )

    def _cut(self, convert, name):
        """float(v) and the like: an integer has no derivative to cut."""
        if self.dtype.kind == "f":
            raise TypeError(
                f"{name}(v) would cut the derivative. Keep v as it is; instead of math.exp(v) write np.exp(v); to "
                "print v, use f'{v}'."
            )
        return self._look(convert, name)

    def _look(self, convert, name):
        if self.tape.recording:
            raise TypeError(
                f"{name}(v) looks at a value while a program is recorded, and would freeze it. Use np.where to choose; "
                "pass what selects (an index, a flag, a mask) as an argument that is not an array."
            )
        return convert(self.value)

    real = property(lambda self: np.real(self))
    imag = property(lambda self: np.imag(self))
    conj = conjugate = lambda self: np.conjugate(self)
    flat = property(lambda self: np.ravel(self))
    nbytes = property(lambda self: self.size * self.dtype.itemsize)
    itemsize = property(lambda self: self.dtype.itemsize)
    view = lambda self: self.copy()
    __round__ = lambda self, digits=0: np.round(self, digits or 0)
    __float__ = lambda self: self._cut(float, "float")
    __int__ = lambda self: self._cut(int, "int")
    __index__ = lambda self: self._cut(operator.index, "index")
    __bool__ = lambda self: self._look(bool, "bool")


def recorded(v):
    """Whether what is computed with `v` is also recorded for a replay: then nothing may depend on its value."""
    while isinstance(v, ArrayLike):
        if v.tape.recording:
            return True
        v = v.value
    return False


def bare(v):
    """The array under any number of Vars."""
    while isinstance(v, ArrayLike):
        v = v.value
    return v


def _who_wants_an_array():
    """The function of NumPy or SciPy that was called with a Var ("" if it is written in C), and the user's source."""
    frame, names = sys._getframe(2), []
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in ("numpy", "scipy"):
        home = frame.f_globals["__name__"].split(".")
        function, owner = frame.f_code.co_name, frame.f_locals.get("self")
        if function == "wrapper":  # scipy.linalg's decorator
            wrapped = frame.f_locals.get("f")
            function, home = getattr(wrapped, "__name__", function), getattr(wrapped, "__module__", "scipy").split(".")
        kind = getattr(getattr(owner, "dist", owner), "name", None)
        kind = kind or type(owner).__name__.removesuffix("_gen").removesuffix("_frozen")
        middle = [kind] if owner is not None and home[1:2] == ["stats"] else []
        room = home[:2] if len(home) > 1 and (home[0] == "scipy" or home[1] == "linalg") else home[:1]
        if owner is not None and home[0] == "numpy":
            function = {"RClass": "r_", "CClass": "c_"}.get(type(owner).__name__, type(owner).__name__)
        names.append(".".join([*room, *middle, function]))
        frame = frame.f_back
    text = source(frame.f_code, frame.f_lasti)[3]
    written_to = dis.opname[frame.f_code.co_code[frame.f_lasti]] == "STORE_SUBSCR"
    return names[-1] if names else "", f"{text} = v" if written_to and text else text


def _by_text(text):
    """The remedy for a function in C, which leaves no trace but the line that calls it."""
    for sign, name in (("np.asarray(", "asarray"), ("np.ascontiguousarray(", "ascontiguousarray"),
                       ("np.array(", "array"), ("np.float64(", "float64"), ("np.float32(", "float32"),
                       ("np.int64(", "int64"), ("np.int32(", "int32"),
                       ("np.fromiter(", "fromiter"), ("np.arange(", "arange")):  # fmt: skip
        if text.startswith(sign) and not text.endswith("]"):  # np.arange(5)[v] is an index
            return REMEDIES[f"numpy.{name}"]
    if text.endswith("] = v"):
        return "build A from its parts: for A[i] = v write np.stack, np.concatenate or np.where"
    if ".dot(" in text and not text.endswith("]"):
        return "instead of W.dot(v) write W @ v"
    if text.startswith("np.") and text.endswith(")"):
        return stack_first(text.partition("(")[0])
    if "[" in text:
        return (
            "a Var in an index: write a lookup outside the function, and pass what it finds as an argument; of a mask "
            "that depends on v, write np.where(mask, A, 0)"
        )
    return ""


def _in_place(symbol):
    def refuse(self, other):
        if self.ndim == 0:
            return NotImplemented  # a scalar is not changed: Python goes on with v + other
        raise TypeError(
            f"v {symbol}= w would change an array that other names may share, and a Var can't. Write v = v {symbol} w."
        )

    return refuse


for _name, _symbol in dict(
    add="+", sub="-", mul="*", truediv="/", floordiv="//", mod="%", pow="**", matmul="@"
).items():
    setattr(ArrayLike, f"__i{_name}__", _in_place(_symbol))


def _method(function):
    return lambda self, *args, **kw: function(self, *args, **kw)


for _name in (
    "sum mean std var max min prod any all argmax argmin argsort cumsum cumprod dot clip copy ravel swapaxes squeeze "
    "take round repeat diagonal trace nonzero searchsorted"
).split():
    setattr(ArrayLike, _name, _method(getattr(np, _name)))


def float_array(leaf, where):
    """The floating array that an argument stands for; TypeError that names its place if it has no derivative."""
    if isinstance(leaf, float) and not isinstance(leaf, np.generic):
        return np.float64(leaf)  # the documented exception: a Python float counts as a 0-d float64
    if not isinstance(leaf, (ArrayLike, np.ndarray, np.generic)):
        remedy = f"write {leaf}.0" if type(leaf) is int else "pass an array of floats, or leave it out of argnums"
        raise TypeError(f"{where} is of type {type(leaf).__name__}, expected an array or a float: {remedy}.")
    if leaf.dtype.kind != "f":
        two = "pass its real and imaginary part, and write z = x + 1j * y in the function"
        remedy = two if leaf.dtype.kind == "c" else "use .astype(np.float64)"
        raise TypeError(f"{where} has dtype {leaf.dtype}; a derivative needs a floating one: {remedy}.")
    if isinstance(leaf, np.memmap):
        return np.asarray(leaf)
    if isinstance(leaf, np.ndarray) and type(leaf) is not np.ndarray:
        raise TypeError(f"{where} is a {type(leaf).__name__}; a derivative needs a plain array: use np.asarray.")
    weak = isinstance(leaf, ArrayLike) and not hasattr(leaf.value, "dtype")  # a recorded Python float
    return leaf.astype(np.float64) if weak else leaf


def matching(g, v, name):
    """The cotangent `g` of the output `v` of the function `name`; TypeError if it has another shape or dtype."""
    if not hasattr(g, "dtype"):
        g = v.dtype.type(g)
    if g.shape != v.shape or g.dtype != v.dtype:
        got, expected = f"{g.dtype} {g.shape}", f"{v.dtype} {v.shape}"
        raise TypeError(f"the cotangent is {got}, but {name} returned {expected}: they must agree.")
    return g


@contextlib.contextmanager
def explained(name):
    """NumPy says `A[i] = v` as "setting an array element with a sequence"; say what to do about it."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if "setting an array element" in str(error):
            raise TypeError(
                f"{name} writes a Var into a plain array (A[i] = v), which would cut its derivative. "
                "Build the array from its parts instead: np.stack, np.concatenate, np.where."
            ) from error
        raise
