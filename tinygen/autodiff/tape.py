"""Reverse mode: a Var stands in for an array while a function runs, a Tape notes what is done, and walks it backwards.

NumPy itself tells a Var about every call (its protocols `__array_ufunc__` and `__array_function__`), so the function is
written in plain NumPy. This file knows no operation: each is a row of the table (table.py, rules/).
"""

import functools
import itertools
import operator

import numpy as np

from tinygen.autodiff.arraylike import ArrayLike, bare
from tinygen.autodiff.constants import Held
from tinygen.autodiff.table import MAKES, Row, find

_tags = itertools.count()
_tag = operator.attrgetter("tag")


_COMPLEX = {complex, np.complex64, np.complex128}


class Tape:
    """The operations of one differentiation in the order in which they ran, which is a topological order.

    A later tape has a larger tag: of nested differentiations the innermost has the largest, whatever thread it is in.
    An entry is (slot of the first output, row, raw arguments, keywords, y, [(argument position, slot), ...]).
    `watch(entry)` is called after each operation. `opens(f, args)` says whether a primitive's own operations are noted
    in place of its rules. complex: whether there are complex numbers among the values.
    """

    __slots__ = ("complex", "entries", "held", "opens", "recording", "size", "tag")

    def __init__(self, recording=False, watch=None, opens=None):
        self.tag = next(_tags)
        self.entries = _Watched(watch) if watch else []
        self.held = Held()
        self.size, self.complex = 0, False
        self.opens = opens
        self.recording = recording  # a recording for replay must not look at values: bool(v) and the like raise

    def input(self, value):
        """A new Var that stands for `value`."""
        self.size += 1
        return Var(value, self, self.size - 1)

    def close(self):
        """From now on a Var of this tape that escaped raises when it is used."""
        self.entries = _Closed(self.entries)

    def backward(self, seeds, visit=None):
        """Walk the tape from its end; `seeds` are (slot, cotangent) pairs. Return each slot's cotangent, or None.

        `visit(slot, g, pulled)` is called for each operation on the way: the slot of its first output, the cotangent of
        its value, and [(argument position, slot, cotangent that its rule gave), ...].
        """
        if self.complex:
            self._check_complex()
        cotangents = [None] * self.size
        for slot, g in seeds:
            cotangents[slot] = g if cotangents[slot] is None else cotangents[slot] + g
        for slot, row, args, kw, y, parents in reversed(self.entries):
            if type(y) is tuple:
                g = cotangents[slot : slot + len(y)]
                if all(part is None for part in g):
                    continue
                g = tuple(np.zeros(np.shape(v), v.dtype) if part is None else part for part, v in zip(g, y))
            else:
                g = cotangents[slot]
                if g is None:
                    continue
                cotangents[slot] = None  # nobody reads it again
            pulled = visit and []
            for i, parent in parents:
                rule = row.rules[i]
                if rule is not None:
                    x, new = args[i], rule(g, y, *args, **kw)
                    try:
                        if new.shape != x.shape or new.dtype != x.dtype:
                            new = undo_broadcasting(new, x, y, row, i)
                    except AttributeError:
                        new = undo_broadcasting(new, x, y, row, i)
                    if new is not None:
                        old = cotangents[parent]
                        cotangents[parent] = new if old is None else old + new
                        if visit:
                            pulled.append((i, parent, new))
            if visit:
                visit(slot, g, pulled)
        return cotangents

    def _check_complex(self):
        for _, row, args, _, y, parents in self.entries:
            met = [args[i] for i, _ in parents] + (list(y) if type(y) is tuple else [y])
            if not row.complex and any(np.iscomplexobj(bare(v)) for v in met):
                raise TypeError(
                    f"{row.name} met complex numbers, and its derivative rule is for real ones: take np.real(z), "
                    "np.imag(z) or np.abs(z) before."
                )


class _Watched(list):
    def __init__(self, watch):
        super().__init__()
        self.watch = watch

    def append(self, entry):
        super().append(entry)
        self.watch(entry)


class _Closed(tuple):
    def append(self, _):
        raise RuntimeError(
            "this Var belongs to a differentiation that has ended: a function kept it, in a list, an attribute or a "
            "global. Return it instead (has_aux=True), or keep v.value."
        )


def apply(row, args, kw):
    """Call `row.function`; if a Var is among `args`, note the call on the innermost tape and return a Var."""
    tape = None
    for a in args:
        if type(a) is Var and (tape is None or a.tape.tag > tape.tag):
            tape = a.tape
    if tape is None:
        return row.function(*args, **kw)
    raw, parents = [], []
    for a in args:
        if type(a) is Var:
            if a.tape is tape:
                parents.append((len(raw), a.slot))
                a = a.value
        elif type(a) is np.ndarray:
            if id(a) not in tape.held and (row.reads or tape.recording):
                tape.held.hold(a)
            if a.dtype.kind == "c":
                tape.complex = True
        elif type(a) in _COMPLEX:
            tape.complex = True
        elif type(a) is list and row.rules[len(raw)] is not None:
            a = stacked(a)  # an operand written as a list; the rules expect arrays
            if type(a) is Var:
                return apply(row, (*args[: len(raw)], a, *args[len(raw) + 1 :]), kw)
        elif type(a) is list:
            a = copied(a)
        raw.append(a)
    for key, a in kw.items():
        if type(a) is list:
            kw = {**kw, key: copied(a)}
        elif type(a) is np.ndarray and id(a) not in tape.held:
            tape.held.hold(a)
    y = row.function(*raw, **kw)
    slot = tape.size
    if isinstance(y, (tuple, list)):
        tape.entries.append((slot, row, raw, kw, tuple(y), parents))
        tape.size += len(y)
        return getattr(type(y), "_make", type(y))([Var(part, tape, slot + i) for i, part in enumerate(y)])
    tape.entries.append((slot, row, raw, kw, y, parents))
    tape.size = slot + 1
    if tape.complex and type(y) is complex:
        return Var(y, tape, slot).astype(np.complex128)  # 1j * np.float64(2) is one of Python's, which has no dtype
    return Var(y, tape, slot)


def stacked(a):
    """A list, and the lists in it, as an array; with Vars in it, as one."""
    inside = [stacked(part) if type(part) is list else part for part in a]
    return np.stack(inside) if any(type(part) is Var for part in inside) else np.asarray(inside)


def copied(a):
    """A list that stays as it is: f may go on with its own."""
    return [copied(part) if type(part) is list else part for part in a]


def operator_of(row):
    """Python's operator of two operands for a Var on its left: what `apply` does, in the commonest cases at once."""
    function = row.function

    def operate(a, b):
        tape, kind = a.tape, type(b)
        if kind is Var and b.tape is tape:
            raw, parents = [a.value, b.value], [(0, a.slot), (1, b.slot)]
        elif kind is float or kind is int:
            raw, parents = [a.value, b], [(0, a.slot)]
        else:
            return apply(row, (a, b), {})
        y, slot = function(*raw), tape.size
        if type(y) is tuple:  # divmod
            return apply(row, (a, b), {})
        tape.entries.append((slot, row, raw, {}, y, parents))
        tape.size = slot + 1
        return Var(y, tape, slot)

    return operate


def undo_broadcasting(g, x, y, row, i):
    """Undo broadcasting: sum the cotangent `g` to the shape of argument `x`: the one place where both are checked."""
    try:
        if g.shape == x.shape and g.dtype == x.dtype:
            return g
    except AttributeError:
        x = np.asarray(x)  # a primitive may return Python numbers
        if not hasattr(g, "dtype") and (g is None or not np.isscalar(g)):
            got = type(g).__name__
            raise TypeError(f"rule {i} of {row.name} returned {got}, expected an array of shape {x.shape}.") from None
        g = g if hasattr(g, "dtype") else x.dtype.type(g)
    if x.dtype.kind not in "fc":
        return None  # an integer or a mask has no derivative
    if g.dtype.kind == "c" and x.dtype.kind == "f":
        g = np.real(g)
    if g.shape != x.shape:
        extra = g.ndim - x.ndim
        if extra < 0 or any(n not in (1, m) for n, m in zip(x.shape, g.shape[extra:])):
            raise ValueError(f"rule {i} of {row.name} returned shape {g.shape}, expected the argument's, {x.shape}.")
        repeated = tuple(extra + j for j, n in enumerate(x.shape) if n != g.shape[extra + j])
        axes = (*range(extra), *repeated)
        g = np.add.reduce(g, axes) if type(g) is np.ndarray else np.sum(g, axis=axes)  # the same, at half its overhead
        g = g.reshape(x.shape) if g.shape != x.shape else g
    if g.dtype != x.dtype:
        dtypes = [part.dtype for part in (y if type(y) is tuple else (y,))]
        if g.dtype not in dtypes + [np.finfo(d).dtype for d in dtypes if d.kind == "c"]:
            raise TypeError(f"rule {i} of {row.name} returned {g.dtype}, expected the argument's dtype {x.dtype}.")
        g = g.astype(x.dtype)
    return g


class Var(ArrayLike):
    """A value under differentiation. NumPy's functions and Python's operators on it are noted on its tape."""

    __slots__ = ("slot", "tape", "value")

    def __init__(self, value, tape, slot):
        self.value, self.tape, self.slot = value, tape, slot

    def __array_ufunc__(self, ufunc, method, *args, **kw):
        if method != "__call__":
            raise TypeError(f"np.{ufunc.__name__}.{method} has no derivative rule: write the NumPy function for it.")
        row = find(ufunc)
        if kw:
            args, kw = row.check(args, kw)
        return apply(row, args, kw)

    def __array_function__(self, function, types, args, kw):
        row = find(function)
        if kw and row.full and not row.keywords.issuperset(kw):
            row = row.full
        args, kw = row.check(args, kw)
        if row.through:
            return row.through(*args, **kw)
        out = apply(row, args, kw)
        if row.complex is MAKES:
            out.tape.complex = True
        return out


def primitive(f, *rules):
    """Give `f` derivatives derived by hand: the result computes as `f` does and is differentiated by `rules`.

    `rules[i](g, y, *args, **kw)` returns the cotangent of argument `i`, where `y = f(*args, **kw)` and `g` is its
    cotangent (tuples both, if `f` returns a tuple); None in place of a rule: no derivative. Broadcasting is undone for
    you. Rules are plain NumPy and are themselves differentiable, so second derivatives need nothing more. Raises
    TypeError if f or a rule is no function.

    >>> cube = primitive(lambda x: x * x * x, lambda g, y, x: g * 3 * x * x)
    >>> cube(2.0)
    8.0
    """
    if not callable(f) or not all(rule is None or callable(rule) for rule in rules):
        raise TypeError("primitive(f, *rules): f and each rule must be callable; None where there is no derivative.")

    def primal(*args, **kw):
        tapes = [a.tape for a in args if type(a) is Var]
        if any(type(a) is Var for a in kw.values()):
            raise TypeError(f"{row.name}: arguments with a derivative are passed by position, not by keyword.")
        tape = max(tapes, key=_tag) if tapes else None
        if tape is None or tape.recording or (tape.opens and tape.opens(f, args)):  # it notes what f does
            return f(*args, **kw)
        return apply(row, args, kw)

    row = Row(primal, *rules, name=getattr(f, "__name__", "f"))
    functools.update_wrapper(primal, f)
    primal.row = row
    return primal
