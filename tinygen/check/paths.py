"""Where in the function went the derivative wrong? Each step of the chain rule is spoiled in turn, and the results compared.

The function is recorded once by tinygen. Reverse mode is linear in each local derivative, so what a wrong one would do to
the gradient costs one walk back from there. A recording knows the piece of source of each operation, so the student reads
which expression was differentiated wrongly. Only used where automatic and numeric gradient agree.
"""

import itertools
import linecache
import sys
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from tinygen.autodiff.tape import Tape, Var
from tinygen.check.evidence import Guess, scaled

MOST_STEPS = 400  # longer recordings are not searched
MOST_WORK = 3e7  # array entries times spoiled steps


class _Placed(list):
    """The entries of a tape, and the source of each."""

    def __init__(self):
        super().__init__()
        self.places = []

    def append(self, entry):
        super().append(entry)
        self.places.append(_place())


@dataclass(frozen=True)
class Place:
    """A piece of source: file, line, column and its text."""

    file: str
    line: int
    column: int
    text: str


def _place():
    """The expression that is being evaluated in the first frame outside the engine and NumPy."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(("tinygen.autodiff", "numpy")):
        frame = frame.f_back
    code, file = frame.f_code, frame.f_code.co_filename
    if hasattr(code, "co_positions"):  # Python 3.11
        line, end, column, stop = next(itertools.islice(code.co_positions(), frame.f_lasti // 2, None))
        if None not in (line, end, column, stop):
            lines = [linecache.getline(file, n).encode() for n in range(line, end + 1)]
            lines[-1] = lines[-1][:stop]
            lines[0] = lines[0][column:]
            return Place(file, line, column, " ".join(b" ".join(lines).decode(errors="replace").split()))
    return Place(file, frame.f_lineno, 0, linecache.getline(file, frame.f_lineno).strip())


@dataclass(frozen=True)
class Edge:
    """One local derivative: entry number `step`, its argument `i`, which came from slot `parent`; `g` in, `k` out."""

    step: int
    i: int
    parent: int
    g: object
    k: np.ndarray


class Recording:
    """The function's operations on the checked argument, in the order in which they ran."""

    def __init__(self, case):
        self.tape = Tape()
        self.tape.entries = _Placed()
        args = [_double(value) for value in case.args]
        variable = self.tape.input(args[case.argnum])
        args[case.argnum] = variable
        out = case.total(*args)
        if type(out) is not Var or out.tape is not self.tape:
            raise TypeError("the loss does not depend on the argument")
        self.entries, self.places = list(self.tape.entries), self.tape.entries.places
        self.name, self.out = case.name, out
        self.maker = {entry[0] + j: n for n, entry in enumerate(self.entries)
                      for j in range(len(entry[4]) if type(entry[4]) is tuple else 1)}  # fmt: skip

    def edges(self):
        """All local derivatives with the cotangents that go in and out."""
        cotangents, found = {self.out.slot: np.ones_like(self.out.value)}, []
        for step in range(len(self.entries) - 1, -1, -1):
            slot, _, _, _, y, parents = self.entries[step]
            width = len(y) if type(y) is tuple else 1
            g = [cotangents.get(slot + j) for j in range(width)]
            if all(part is None for part in g):
                continue
            for i, parent in parents:
                k = self.local(step, i, parent, g)
                if k is not None:
                    found.append(Edge(step, i, parent, g, k))
                    cotangents[parent] = cotangents[parent] + k if parent in cotangents else k
        return found

    def local(self, step, i, parent, g, *, y=None, args=None):
        """The cotangent that the operation hands to its argument `i`; `y` and `args` replace what it remembers."""
        slot, row, old_args, kw, old_y, _ = self.entries[step]
        alone = Tape()
        alone.size = self.tape.size
        alone.entries = [(slot, row, old_args if args is None else args, kw, old_y if y is None else y, [(i, parent)])]
        return alone.backward([(slot + j, part) for j, part in enumerate(g) if part is not None])[parent]

    def pull(self, slot, cotangent):
        """What a cotangent at `slot` does to the gradient."""
        out = self.tape.backward([(slot, cotangent)])[0]
        return np.zeros(()) if out is None else out

    def source(self, slot):
        """The text of the expression in `slot`."""
        return self.name if slot not in self.maker else self.places[self.maker[slot]].text

    def group(self, edge):
        """What makes two edges the same place in the source."""
        place = self.places[edge.step]
        return (place.file, place.line, place.column, place.text, self.entries[edge.step][1].name, edge.i)


def _double(value):
    value = np.asarray(value) if isinstance(value, float) else value
    return value.astype(np.float64) if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f" else value


def path_mistakes(case, numbers):
    """Guesses: one local derivative of the chain rule is missing, scaled, of the wrong sign, or taken wrongly."""
    if not case.automatic:
        return
    try:
        with np.errstate(all="ignore"):
            recording = Recording(case)
            if len(recording.entries) > MOST_STEPS:
                return
            groups = defaultdict(list)
            for edge in recording.edges():
                groups[recording.group(edge)].append(edge)
            if case.x.size * len(groups) * 12 > MOST_WORK:
                return
            yield from _spoiled(case, recording, groups, numbers)
    except Exception:  # f is anybody's code: where it cannot be recorded, nothing is said
        return


def _spoiled(case, recording, groups, numbers):
    cost = 4 + np.log2(len(groups))
    some = [n for n in numbers if n.cost <= 6 and n.value != 1]
    slack = case.tolerance + 1e-13 * np.max(abs(case.expected[case.known]))
    for edges in groups.values():
        through = [recording.pull(edge.parent, edge.k) for edge in edges]
        whole = np.broadcast_to(sum(through), case.got.shape)
        if not np.any(whole):
            continue
        yield from _scaled_path(case, recording, edges, whole, some, slack, cost)
        if len(edges) > 1:
            for words, kept in (("last", through[0]), ("first", through[-1])):
                yield Guess("batch", cost + 1, case.expected - whole + kept, f"In dL/d{case.name} only the {words} turn of the "
                            f"loop counts at {_at(recording, edges[0])}: = in place of +=?", slack=slack)  # fmt: skip
        for kind, extra, words, change in _changes(recording, edges[0]):
            try:
                other = sum(recording.pull(edge.parent, change(edge)) for edge in edges)
            except Exception:  # noqa: S112 - an altered operand need not fit
                continue
            if np.shape(other) == case.got.shape and np.all(np.isfinite(other)):
                yield Guess(kind, cost + extra, case.expected - whole + other, f"dL/d{case.name} is what comes out if, in "
                            f"{_at(recording, edges[0])}, {words}.", where=_where(recording, edges[0]), slack=slack)  # fmt: skip


def _scaled_path(case, recording, edges, whole, numbers, slack, cost):
    """got = expected + (c - 1) * the path's part."""
    shifted = [type(n)(n.value - 1, n.cost, n.words) for n in numbers]
    c = scaled(case, case.expected, whole, shifted, slack=slack)
    if c is None or np.all(abs(case.expected - whole) <= slack):
        return
    edge, value = edges[0], round(c.value + 1, 12)
    term = recording.entries[edge.step][1].name in ("add", "subtract")
    part = f"`{recording.source(edge.parent)}`" if term else f"`{recording.source(edge.parent)}` in {_at(recording, edge)}"
    what = {0: "is missing: its derivative was taken for 0", -1: "has the wrong sign", 2: "counts twice", 0.5: "counts half"}
    words = what.get(value, f"counts {c.words if c.cost < 8 else f'{value:.6g}'} times")
    line = f" (line {recording.places[edge.step].line})" if term else ""
    yield Guess("term" if term else "path", cost + c.cost, case.expected + c.value * whole,
                f"In dL/d{case.name} what comes through {part}{line} {words}.", where=_where(recording, edge), slack=slack)  # fmt: skip


def _at(recording, edge):
    place = recording.places[edge.step]
    return f"`{place.text}` (line {place.line})"


def _where(recording, edge):
    place = recording.places[edge.step]
    return f"{place.file}:{place.line}"


def _changes(recording, edge):
    """(kind, cost, words, edge -> the wrong cotangent) of one operation's local derivative."""
    _, row, args, kw, y, _ = recording.entries[edge.step]
    if type(y) is tuple:
        return
    p = np.shape(args[edge.i])
    plain = row.name in ("add", "subtract", "sum", "reshape", "ravel", "positive", "negative", "broadcast_to", "getitem")
    if not plain and np.broadcast_shapes(np.shape(y), p) == np.shape(y):
        yield "chain-factor", 1, "the derivative is left out of the chain rule", lambda e: _summed(e.g[0], p)
    if np.shape(y) == p and not plain:
        again = lambda e: e.k * e.k / np.where(e.g[0] == 0, 1, e.g[0])
        yield "chain-factor", 3, "the derivative is multiplied in twice", again
        mixed = "the derivative is taken of the {}: its formula wants the {}"
        yield ("chain-factor", 3, mixed.format("input", "output"),
               lambda e: recording.local(e.step, e.i, e.parent, e.g, y=_args(recording, e)[e.i]))  # fmt: skip
        yield "chain-factor", 3, mixed.format("output", "input"), lambda e: _with(recording, e, e.i, lambda v: _y(recording, e))
        for words, function in _PHI.items():
            yield ("chain-factor", 5, f"the derivative is taken to be {words} (x the input, y the output)",
                   lambda e, f=function: e.g[0] * f(_args(recording, e)[e.i], _y(recording, e)))  # fmt: skip
            yield ("chain-factor", 6, f"the derivative has a factor {words} too many (x the input, y the output)",
                   lambda e, f=function: e.k * f(_args(recording, e)[e.i], _y(recording, e)))  # fmt: skip
    if len(p) == 2 and p[0] == p[1]:
        yield "transpose", 2, "what goes back is transposed", lambda e: e.k.T
    for j, other in enumerate(args):
        if j != edge.i and isinstance(other, (np.ndarray, np.generic, float)) and np.asarray(other).dtype.kind == "f":
            if np.ndim(other) == 2 and np.shape(other)[0] == np.shape(other)[1]:
                yield ("transpose", 1, "the other factor is not transposed on the way back (or is, and should not be)",
                       lambda e, j=j: _with(recording, e, j, np.transpose))  # fmt: skip
            for words, function in _OPERAND.items():
                yield ("chain-factor", 5, f"the other operand v goes in as {words}",
                       lambda e, j=j, f=function: _with(recording, e, j, f))  # fmt: skip
    del kw


_PHI = {
    "x": lambda x, y: x, "y": lambda x, y: y, "x^2": lambda x, y: x**2, "1/x": lambda x, y: 1 / x, "1/y": lambda x, y: 1 / y,
    "1 - x": lambda x, y: 1 - x, "1 - y": lambda x, y: 1 - y, "1 + y": lambda x, y: 1 + y, "y^2": lambda x, y: y**2,
    "1/x^2": lambda x, y: 1 / x**2, "y (1 - y)": lambda x, y: y * (1 - y), "x (1 - x)": lambda x, y: x * (1 - x),
    "x y": lambda x, y: x * y, "sqrt x": lambda x, y: np.sqrt(x), "1 where x > 0": lambda x, y: 1.0 * (x > 0),
    "1 - y^2": lambda x, y: 1 - y**2, "exp x": lambda x, y: np.exp(x), "2 x": lambda x, y: 2 * x,
}  # fmt: skip
_OPERAND = {
    "1": np.ones_like, "v^2": np.square, "sqrt v": np.sqrt, "1/v": np.reciprocal, "exp v": np.exp, "log v": np.log,
    "arctanh v (the value before the tanh)": np.arctanh, "tanh v": np.tanh, "max(v, 0)": lambda v: np.maximum(v, 0),
    "exp(v / 2)": lambda v: np.exp(v / 2), "1 - v": lambda v: 1 - v,
}  # fmt: skip


def _args(recording, edge):
    return recording.entries[edge.step][2]


def _y(recording, edge):
    return recording.entries[edge.step][4]


def _with(recording, edge, j, function):
    """The local derivative with argument `j` replaced by `function` of it."""
    args = list(_args(recording, edge))
    args[j] = function(np.asarray(args[j]))
    return recording.local(edge.step, edge.i, edge.parent, edge.g, args=args)


def _summed(g, shape):
    """`g` summed over the axes along which `shape` was broadcast."""
    g = g.sum(tuple(range(g.ndim - len(shape))))
    return g.sum(tuple(a for a, n in enumerate(shape) if n == 1 and g.shape[a] != 1), keepdims=True)
