"""A function recorded by tinygen with the piece of source of each operation, to try what a wrong local derivative does.

Reverse mode is linear in each local derivative. So the effect of a wrong one on the gradient is what a changed
cotangent gives when it is walked back from that place on.
"""

from dataclasses import dataclass

import numpy as np

from tinygen.autodiff.arraylike import frame_outside, source
from tinygen.autodiff.tape import Tape, Var

MOST_WORK = 3e7  # array entries in one search: about a second
# frames of these modules are not the student's
_MACHINERY = ("tinygen.autodiff", "tinygen.measure", "tinygen.mistakes", "tinygen.check", "numpy")


@dataclass(frozen=True)
class Place:
    """A piece of source: file, line, column and its text."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self):
        return f"`{self.text}` (line {self.line})"

    @property
    def where(self):
        """file:line."""
        return f"{self.file}:{self.line}"


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


def _place():
    """The expression that is being evaluated in the first frame outside the engine and NumPy."""
    frame = frame_outside(*_MACHINERY)
    return Place(*source(frame.f_code, frame.f_lasti))


class Recording:
    """The operations between one argument and the loss, in the order in which they ran, with their cotangents."""

    def __init__(self, f, args, names, argnum):
        self.places = []
        self.tape = Tape(watch=lambda entry: self.places.append(_place()))
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
        self.edges, self.cotangents = [], {}
        arrived = self.tape.backward([(out.slot, np.ones_like(out.value))], self._visit)
        self.cotangents |= {slot: arrived[slot] for slot in self.inputs if arrived[slot] is not None}

    def _visit(self, slot, g, pulled):
        """Collect the edges, and the cotangent of each slot."""
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

    def pull(self, slot, cotangent):
        """What a cotangent at `slot` does to the gradient."""
        out = self.tape.backward([(slot, cotangent)])[self.input]
        return np.zeros(np.shape(self.values[self.input])) if out is None else out

    def replay(self, change):
        """The loss as a function of the checked argument; `change(step, args, values)` may alter a step's arguments."""

        def f(x):
            env = {**{slot: self.values[slot] for slot in self.inputs}, self.input: x}
            for step, (slot, row, raw, kw, y, parents) in enumerate(self.all):
                args = list(raw)
                for i, parent in parents:
                    args[i] = env[parent]
                out = row.function(*change(step, args, env), **kw)
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
        return self.inputs.get(slot) or self.places[self.maker[slot]].text

    def group(self, step):
        """What makes two operations the same place in the source: the turns of a loop."""
        return (self.places[step], self.all[step][1].name)


def _double(value):
    value = np.asarray(value) if isinstance(value, float) else value
    return (
        value.astype(np.float64) if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f" else value
    )
