"""A function recorded by tinygen with the piece of source of each operation, to try what a wrong local derivative does.

Reverse mode is linear in each local derivative. So the effect of a wrong one on the gradient is what a changed
cotangent gives when it is walked back from that place on.
"""

import ast
import re
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tinygen.autodiff.arraylike import bare, frame_outside, source
from tinygen.autodiff.tape import Tape, Var

_PACKAGE = Path(__file__).parent.parent
MOST_WORK = 3e7  # array entries in one search: about a second
_SCALED = ("multiply", "divide", "mean")  # terms are seen through them
# frames of these modules are not the student's
_MACHINERY = ("tinygen.autodiff", "tinygen.measure", "tinygen.mistakes", "tinygen.check", "numpy")


@dataclass(frozen=True)
class Place:
    """A piece of source: file, line, column and its text."""

    file: str
    line: int
    column: int
    text: str  # of whatever length

    def __str__(self):
        return f"{self.at}: `{self.short}`" if self.text else self.at

    @property
    def at(self):
        """Its line; with the file, where that is one of tinygen's."""
        ours = Path(self.file).is_relative_to(_PACKAGE)
        return f"{Path(self.file).name}, line {self.line}" if ours else f"line {self.line}"

    @property
    def short(self):
        """The text, its middle left out where it is long."""
        return _short(self.text)

    @property
    def where(self):
        """file:line, without the folders."""
        return f"{Path(self.file).name}:{self.line}"

    @cached_property
    def operands(self):
        """The text of each operand of the expression, as far as it can be read; a method's object comes first."""
        try:
            statement = ast.parse(f"({self.text}\n)").body[0].value
        except SyntaxError:
            try:
                statement = ast.parse(self.text.strip()).body[0]
            except (SyntaxError, IndexError):
                return ()
        parts = _operands(statement)
        source = f"({self.text}\n)" if not isinstance(statement, ast.stmt) else self.text.strip()
        return tuple(" ".join((ast.get_source_segment(source, part) or "").split()) for part in parts)


def _operands(node):
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.AugAssign):
        return [node.target, node.value]
    if isinstance(node, ast.Subscript):
        return [node.value]
    if isinstance(node, ast.Call):
        function = node.func
        root = function
        while isinstance(root, ast.Attribute):
            root = root.value
        module = root is function or getattr(root, "id", "") in ("np", "numpy", "math", "scipy", "linalg", "special")
        return list(node.args) if module else [function.value, *node.args]
    return []


@dataclass(frozen=True)
class Edge:
    """One local derivative: of operation number `step` by its argument `i`, which came from slot `parent`.

    g: the cotangents of the operation's outputs. k: the cotangent that it hands back to its argument.
    """

    step: int
    i: int
    parent: int
    g: list
    k: np.ndarray


def _sums_up(f, args):
    """Whether a primitive makes one number of arrays, as a loss does: mistakes are made inside of it."""
    values = [bare(value) for value in args]
    return any(np.ndim(value) for value in values) and np.ndim(f(*values)) == 0


def _place():
    """The expression that is being evaluated in the first frame outside the engine and NumPy."""
    frame = frame_outside(*_MACHINERY)
    return Place(*source(frame.f_code, frame.f_lasti, whole=True))


def _short(text):
    text = " ".join(text.split())
    return text if len(text) <= 70 else f"{text[:40]} ... {text[-25:]}"


class Recording:
    """The operations between one argument and the loss, in the order in which they ran, with their cotangents."""

    def __init__(self, f, args, names, argnum):
        self.places = []
        self.tape = Tape(watch=lambda entry: self.places.append(_place()), opens=_sums_up)
        args = [_double(value) for value in args]
        numbers = [i for i, v in enumerate(args) if isinstance(v, (np.ndarray, np.generic)) and v.dtype.kind == "f"]
        variables = {i: self.tape.input(args[i]) for i in numbers}
        out = f(*(variables.get(i, value) for i, value in enumerate(args)))
        if type(out) is not Var or out.tape is not self.tape:
            raise TypeError("the loss does not depend on its arguments")
        self.input, self.out = variables[argnum].slot, out
        self.inputs = {v.slot: names[i] for i, v in variables.items()}
        self.values = {v.slot: v.value for v in variables.values()}
        self.all = list(self.tape.entries)
        self.maker = {}
        depends = {self.input}
        for step, (slot, _, _, _, y, parents) in enumerate(self.all):
            outputs = range(slot, slot + (len(y) if type(y) is tuple else 1))
            self.maker |= dict.fromkeys(outputs, step)
            self.values |= dict(zip(outputs, y if type(y) is tuple else (y,)))
            if any(parent in depends for _, parent in parents):
                depends.update(outputs)
        self.tape.entries = [
            (slot, row, raw, kw, y, [(i, p) for i, p in parents if p in depends])
            for slot, row, raw, kw, y, parents in self.all
            if slot in depends
        ]
        self.depends = depends
        self._walk([(out.slot, np.ones_like(out.value))])

    def _walk(self, seeds):
        """Collect the edges, and the cotangent of each slot, from cotangents of some slots on."""
        self.edges, self.cotangents = [], {}
        arrived = self.tape.backward(seeds, self._visit)
        self.cotangents |= {slot: arrived[slot] for slot in self.inputs if arrived[slot] is not None}

    def _visit(self, slot, g, pulled):
        g = list(g) if type(self.all[self.maker[slot]][4]) is tuple else [g]
        self.cotangents.update(enumerate(g, slot))
        for i, parent, k in pulled:
            self.edges.append(Edge(self.maker[slot], i, parent, g, k))

    def _local(self, step, i, parent, g, y=None, args=None):
        slot, row, old_args, kw, old_y, _ = self.all[step]
        alone = Tape()
        alone.size = self.tape.size
        alone.entries = [(slot, row, old_args if args is None else args, kw, old_y if y is None else y, [(i, parent)])]
        return alone.backward([(slot + j, part) for j, part in enumerate(g) if part is not None])[parent]

    def local(self, edge, *, y=None, args=None):
        """The cotangent that `edge` would hand back if the operation remembered another output or other arguments."""
        return self._local(edge.step, edge.i, edge.parent, edge.g, y, args)

    def terms(self):
        """[(edge, the recording of that term alone)]: the terms of the loss, where sums are split from the end on."""
        found = []
        ends = [edge for edge in self.edges if edge.parent in self.depends]
        from_step = {}
        for edge in ends:
            from_step.setdefault(edge.step, []).append(edge)
        queue = [self.maker.get(self.out.slot)]
        while queue:
            for edge in from_step.get(queue.pop(), ()):
                maker = self.maker.get(edge.parent)
                many = self.row(edge).name in ("add", "subtract")
                if many:
                    term = copy(self)
                    term._walk([(edge.parent, edge.k)])
                    found.append((edge, term))
                if maker is not None and (self.all[maker][1].linear or self.all[maker][1].name in _SCALED):
                    queue.append(maker)
        return found

    def between(self, early, late, cotangent):
        """What a cotangent of slot `late` does to slot `early`, an array of its shape."""
        first, last = self.maker.get(early, -1), self.maker[late]
        alone = Tape()
        alone.size = self.tape.size
        alone.entries = [
            (slot, row, raw, kw, y, [(i, p) for i, p in parents if p in self.depends])
            for slot, row, raw, kw, y, parents in self.all[first + 1 : last + 1]
        ]
        out = alone.backward([(late, cotangent)])[early]
        return np.zeros(np.shape(self.values[early])) if out is None else out

    def pull(self, slot, cotangent):
        """What a cotangent at `slot` does to the gradient."""
        out = self.tape.backward([(slot, cotangent)])[self.input]
        return np.zeros(np.shape(self.values[self.input])) if out is None else out

    def backward_with(self, values):
        """The gradient if the way back used other operands than f did: `values` {(step, j): value}."""
        alone, numbers = Tape(), {self.all[step][0]: step for step, _ in values}
        alone.size = self.tape.size
        for slot, row, raw, kw, y, parents in self.tape.entries:
            raw = [values.get((numbers.get(slot), j), v) for j, v in enumerate(raw)]
            alone.entries.append((slot, row, raw, kw, y, parents))
        return alone.backward([(self.out.slot, np.ones_like(self.out.value))])[self.input]

    def backward_without(self, edges):
        """The gradient if nothing came back through these `edges` {(step, argument)}: what is held constant."""
        alone, cut = Tape(), {(self.all[step][0], i) for step, i in edges}
        alone.size = self.tape.size
        for slot, row, raw, kw, y, parents in self.tape.entries:
            parents = [(i, parent) for i, parent in parents if (slot, i) not in cut]
            alone.entries.append((slot, row, raw, kw, y, parents))
        out = alone.backward([(self.out.slot, np.ones_like(self.out.value))])[self.input]
        return np.zeros(np.shape(self.values[self.input])) if out is None else out

    def replay(self, change, options=()):
        """The loss as a function of the checked argument; `change(step, args, values)` may alter a step's arguments.

        options: {step: its keywords that are others}.
        """
        options = dict(options)

        def f(x):
            env = {**{slot: self.values[slot] for slot in self.inputs}, self.input: x}
            for step, (slot, row, raw, kw, y, parents) in enumerate(self.all):
                args = list(raw)
                for i, parent in parents:
                    args[i] = env[parent]
                out = row.function(*change(step, args, env), **{**kw, **options.get(step, {})})
                env.update(zip(range(slot, slot + len(y)), out) if type(y) is tuple else ((slot, out),))
            return env[self.out.slot]

        return f

    @property
    def affordable(self):
        """How many walks through it, each over all its values, a search may take."""
        return int(MOST_WORK / (sum(np.size(value) for value in self.values.values()) + 100 * len(self.all)))

    def args(self, edge):
        """The arguments of an edge's operation."""
        return self.all[edge.step][2]

    def y(self, edge):
        """The output of an edge's operation."""
        return self.all[edge.step][4]

    def row(self, edge):
        """What an edge's operation is: its row in the table of rules."""
        return self.all[edge.step][1]

    def source(self, slot):
        """The text of the expression in `slot`."""
        return self.inputs.get(slot) or self.places[self.maker[slot]].short

    def line(self, slot):
        """Where it stands: "line 12", or "an argument"."""
        return self.places[self.maker[slot]].at if slot in self.maker else "an argument"

    def operand(self, step, j):
        """The text of operand `j` of an operation as it stands in the source, else its value."""
        parents = dict(self.all[step][5])
        if j in parents and (parents[j] in self.inputs or not self.places[step].operands):
            return self.source(parents[j])
        texts = self.places[step].operands
        if re.match(r"np\.diff\(", self.places[step].text) and self.all[step][1].symbol == "-":
            return f"{texts[0]}[{'1:' if j == 0 else ':-1'}]"  # the difference of these
        if j < len(texts) and texts[j]:
            return _short(texts[j])
        value = self.all[step][2][j]
        return f"{value:g}" if np.ndim(value) == 0 else "the constant array"

    def group(self, step):
        """What makes two operations the same place in the source: the turns of a loop."""
        return (self.places[step], self.all[step][1].name)


def _double(value):
    value = np.asarray(value) if isinstance(value, float) else value
    return (
        value.astype(np.float64) if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f" else value
    )
