"""Reverse mode: a Var stands in for an array while a function runs, a Tape notes what is done, and walks it backwards.

NumPy itself tells a Var about every call (its protocols `__array_ufunc__` and `__array_function__`), so the function is
written in plain NumPy. This file knows no operation: each is a row of TABLE, which the folder rules/ fills.
"""

import functools
import inspect
import itertools
import operator

import numpy as np

from tinygen.autodiff.arraylike import ArrayLike
from tinygen.autodiff.constants import Held
from tinygen.autodiff.remedies import remedy

TABLE = {}  # NumPy or SciPy function -> Row
on_missing = []  # called with a function that has no row; may add rows (SciPy's are loaded this way)
_tags = itertools.count()
_tag = operator.attrgetter("tag")


class Row:
    """One operation: the function that computes its value `y`, the rules that pull a cotangent back, and what it is.

    A rule is `rule(g, y, *args, **kw) -> cotangent of its argument`, where `g` is the cotangent of `y`. It is written
    in plain NumPy, and so can itself be differentiated, recorded and compiled. None: no derivative by this argument.

    What it is, for those who read or change a recorded program: names (of the arguments that go by position: an integer
    at `axis` is an axis), linear (it adds, moves or repeats entries: no local derivative to get wrong), copies (the
    same entries at the same places), chooses (each entry comes from one of the arguments), symbol (how Python writes
    it), latex: (template, how strongly the result holds together); a field {0:ATOM} is the first argument, in
    parentheses if it holds together less strongly than an atom. complex: its rules hold for complex numbers too (see
    rules/fourier.py); MAKES: it makes them. note: what `tinygen rules` says of its derivative.
    """

    __slots__ = (
        *("function", "keywords", "most", "name", "names", "rules", "through"),
        *("chooses", "complex", "copies", "full", "latex", "linear", "note", "reads", "symbol"),
    )

    def __init__(
        self, function, *rules, name=None, keywords="", through=None,
        linear=False, copies=False, chooses=False, complex=None, symbol=None, latex=None, note="",
    ):  # fmt: skip
        self.function, self.through = function, through
        self.note, self.full = note, None  # full: the row for calls with keywords that are seldom used
        self.linear, self.copies, self.chooses, self.symbol, self.latex = linear, copies, chooses, symbol, latex
        self.rules = rules[0] if rules and isinstance(rules[0], Every) else rules + (None,) * 8
        self.complex = linear or not any(rules) if complex is None else complex
        self.name = name or getattr(function, "__name__", str(function))
        self.reads = not (linear and (symbol in ("+", "-") or type(self.rules) is Every))  # do rules read arguments?
        self.names, self.keywords, self.most = (), frozenset(keywords.split()), None
        model, skip = (through, 0) if through else (next(filter(None, rules), None), 2)  # a rule begins with g, y
        if model is not None:
            parameters = list(inspect.signature(getattr(model, "rule", model)).parameters.values())
            parameters = parameters[skip + isinstance(model, Every) :]
            self.names = tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)
            self.most = None if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(self.names)
            if not isinstance(function, np.ufunc):
                self.keywords |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}

    def check(self, args, kw):
        """Refuse what the rules do not support; move Vars from keywords to their positions."""
        if not self.keywords.issuperset(kw):
            odd = ", ".join(f"{key}=" for key in kw if key not in self.keywords)
            raise TypeError(
                f"{self.name}({odd}) cannot be differentiated: the rules of {self.name} support "
                f"{', '.join(sorted(self.keywords)) or 'no keyword'}.{_IN_PLACE if 'out' in kw else ''}"
            )
        if self.most is not None and len(args) > self.most:
            raise TypeError(f"{self.name}: only the first {self.most} arguments go by position, got {len(args)}.")
        last = max((self.names.index(k) for k, v in kw.items() if type(v) is Var and k in self.names), default=-1)
        if last >= len(args):
            between = self.names[len(args) : last + 1]
            args = (*args, *(kw.get(name) for name in between))
            kw = {key: value for key, value in kw.items() if key not in between}
        if not self.through and any(type(value) is Var for value in kw.values()):
            kw = {key: _option(self.name, key, value) for key, value in kw.items()}
        return args, kw


MAKES = "makes"
_COMPLEX = {complex, np.complex64, np.complex128}
_IN_PLACE = " A Var is never written in place: instead of `A += v` or out=A write `A = A + v`."


def _option(name, key, value):
    """A keyword that has no derivative: the plain value of a mask or an integer."""
    if type(value) is Var and (value.dtype.kind == "f" or recorded(value)):
        what = "differentiated" if value.dtype.kind == "f" else "recorded"
        raise TypeError(f"{name}({key}=v) cannot be {what} by {key}: make it its own operation, or write np.where.")
    return bare(value)


class Every:
    """One rule for any number of arguments: `rule(i, g, y, *args, **kw)` is the cotangent of argument `i`."""

    def __init__(self, rule):
        self.rule = rule

    def __getitem__(self, i):
        return functools.partial(self.rule, i)


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


def recorded(v):
    """Whether what is computed with `v` is also recorded for a replay: then nothing may depend on its value."""
    while type(v) is Var:
        if v.tape.recording:
            return True
        v = v.value
    return False


def bare(v):
    """The array under any number of Vars."""
    while type(v) is Var:
        v = v.value
    return v


def full_name(function):
    """numpy.linalg.inv, scipy.special.j0: a ufunc knows its name alone."""
    name, module = getattr(function, "__name__", str(function)), getattr(function, "__module__", None)
    if module is None:
        module = "numpy" if getattr(np, name, None) is function else "scipy.special"
    return f"{module.replace('linalg._linalg', 'linalg').replace('fft._pocketfft', 'fft')}.{name}"


def find(function):
    """The row of `function`; TypeError with what to do if it has none."""
    row = TABLE.get(function)
    if row is None:
        for load in on_missing:
            load(function)
        row = TABLE.get(function)
    if row is None:
        name, found = full_name(function), remedy(full_name(function))
        raise TypeError(
            f"{name} has no derivative rule: {found}."
            if found
            else f"{name} has no derivative rule. Write it with functions that have one (see `tinygen rules`), "
            f"or give your own rule: tinygen.primitive({name.rpartition('.')[2]}, rule)."
        )
    return row


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
