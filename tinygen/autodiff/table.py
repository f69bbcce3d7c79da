"""The table of operations: for each function of NumPy and SciPy a Row, with its derivative rules and what it is.

This file knows no operation either: the folder rules/ fills the table.
"""

import functools
import inspect

import numpy as np

from tinygen.autodiff.arraylike import ArrayLike, bare, recorded
from tinygen.autodiff.remedies import remedy

TABLE = {}  # NumPy or SciPy function -> Row
on_missing = []  # called with a function that has no row; may add rows (SciPy's are loaded this way)
MAKES = "makes"


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
        last = max(
            (self.names.index(k) for k, v in kw.items() if isinstance(v, ArrayLike) and k in self.names), default=-1
        )
        if last >= len(args):
            between = self.names[len(args) : last + 1]
            args = (*args, *(kw.get(name) for name in between))
            kw = {key: value for key, value in kw.items() if key not in between}
        if not self.through and any(isinstance(value, ArrayLike) for value in kw.values()):
            kw = {key: _option(self.name, key, value) for key, value in kw.items()}
        return args, kw


_IN_PLACE = " A Var is never written in place: instead of `A += v` or out=A write `A = A + v`."


def _option(name, key, value):
    """A keyword that has no derivative: the plain value of a mask or an integer."""
    if isinstance(value, ArrayLike) and (value.dtype.kind == "f" or recorded(value)):
        what = "differentiated" if value.dtype.kind == "f" else "recorded"
        raise TypeError(f"{name}({key}=v) cannot be {what} by {key}: make it its own operation, or write np.where.")
    return bare(value)


class Every:
    """One rule for any number of arguments: `rule(i, g, y, *args, **kw)` is the cotangent of argument `i`."""

    def __init__(self, rule):
        self.rule = rule

    def __getitem__(self, i):
        return functools.partial(self.rule, i)


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
