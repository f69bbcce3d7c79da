"""A function as data: the operations it ran, without the ones nobody reads and the ones that were already there."""

import math
import operator
from collections import Counter

import numpy as np

from tinygen.autodiff import tree
from tinygen.autodiff.rules.shaping import PUT, is_basic
from tinygen.autodiff.tape import Row, Tape, Var
from tinygen.autodiff.transforms import gc_paused


class Operation:
    """`outputs = row.function(*args, **kw)`: `parents` says which args are slots; `y` is the recorded value."""

    __slots__ = ("args", "kw", "outputs", "parents", "row", "ufunc", "y")

    def __init__(self, row, args, kw, y, parents, outputs):
        self.row, self.args, self.kw, self.y, self.parents, self.outputs = row, args, kw, y, parents, outputs
        self.ufunc = None  # found by the linker

    def values(self):
        """The recorded outputs as a tuple, also if there is only one."""
        return self.y if type(self.y) is tuple else (self.y,)


class Outline:
    """What is kept of a recorded array: enough to lay out a buffer like it."""

    __slots__ = ("compact", "dtype", "nbytes", "shape", "size", "strides")

    def __init__(self, array):
        self.shape, self.dtype, self.strides = array.shape, array.dtype, array.strides
        self.size, self.nbytes, self.compact = array.size, array.nbytes, compact(array)


def compact(array):
    """The strides of a buffer like `array`: those of the eager result, which decide the order of later sums."""
    return np.empty_like(array).strides if array.size else None


class Program:
    """What `f` did: `inputs` (slot, recorded value), `operations`, `outputs` (slot, or None and a constant)."""

    def __init__(self, inputs, operations, outputs, structure):
        self.inputs, self.operations, self.outputs, self.structure = inputs, operations, outputs, structure
        self.source = None  # slot -> the slot whose memory it looks at; found by the linker

    def forget(self):
        """Drop the recorded values, which only the first linking needs, and keep their outlines."""

        def outline(v):
            return Outline(v) if isinstance(v, np.ndarray) else v

        self.inputs = [(slot, outline(value)) for slot, value in self.inputs]
        for op in self.operations:
            op.y = tuple(map(outline, op.y)) if type(op.y) is tuple else outline(op.y)
            read = {i for i, _ in op.parents}
            op.args = [outline(a) if i in read else a for i, a in enumerate(op.args)]

    def frozen(self):
        """The arrays that `f` took from elsewhere than its arguments: their contents are part of the program."""
        found = {}
        for op in self.operations:
            read = {i for i, _ in op.parents}
            for i, a in enumerate(op.args):
                varies = isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.size and np.any(a != a.flat[0])
                if varies and i not in read:
                    found[id(a)] = a
        return list(found.values())


def record(f, args):
    """Run `f` once on stand-ins for the arrays and floats in `args` (a tuple of trees) and return its Program.

    Derivatives inside `f` are recorded too, since the rules are plain NumPy. Everything else in `args` (int, str, bool,
    None) is a constant of the program. TypeError where `f` looks at a value (`if v > 0`, masks, int(v)).
    """
    tape, inputs = Tape(recording=True), []

    def stand_in(leaf):
        if not isinstance(leaf, (float, np.ndarray, np.generic)):
            return leaf
        var = tape.input(leaf)
        inputs.append((var.slot, leaf))
        return var

    args = tree.map(stand_in, args)
    with gc_paused():
        out = f(*args)
    tape.held.check(getattr(f, "__name__", "f"))
    leaves, structure = tree.flatten(out)
    outputs = [(leaf.slot, None) if type(leaf) is Var and leaf.tape is tape else (None, leaf) for leaf in leaves]
    operations = [
        Operation(row, args, kw, y, parents, tuple(range(slot, slot + (len(y) if type(y) is tuple else 1))))
        for slot, row, args, kw, y, parents in tape.entries
    ]
    tape.close()
    return Program(inputs, *_pruned(*_merged(operations, outputs)), structure)


def _merged(operations, outputs):
    """Equal operations on equal inputs are done once: later readers read the first."""
    first, same, kept = {}, {}, []
    for op in operations:
        op.parents = [(i, same.get(slot, slot)) for i, slot in op.parents]
        known = dict(op.parents)
        key = (op.row, tuple(known[i] if i in known else _key(a) for i, a in enumerate(op.args)), _key(op.kw))
        earlier = first.setdefault(key, op)
        if earlier is op:
            kept.append(op)
        else:
            same.update(zip(op.outputs, earlier.outputs))
    return kept, [(same.get(slot, slot), constant) for slot, constant in outputs]


def _key(a):
    """Equal keys, equal constants: by value for small things, by identity for all others."""
    if isinstance(a, (tuple, list)):
        return (type(a), *map(_key, a))
    if isinstance(a, dict):
        return tuple((k, _key(v)) for k, v in a.items())
    if isinstance(a, slice):
        return (slice, a.start, a.stop, a.step)
    if isinstance(a, float):
        return (type(a), a, math.copysign(1, a))
    if isinstance(a, (int, str, bool, type, np.dtype, type(None), type(Ellipsis))):
        return (type(a), a)
    if isinstance(a, np.ndarray) and not any(a.strides) and a.size:
        return (a.shape, a.dtype.str, a.ravel()[0].tobytes())
    if isinstance(a, np.generic):
        return (type(a), a.tobytes())
    return id(a)


def _pruned(operations, outputs):
    """Without the operations that no output depends on."""
    needed, kept = {slot for slot, _ in outputs}, []
    for op in reversed(operations):
        if needed.intersection(op.outputs):
            kept.append(op)
            needed.update(slot for _, slot in op.parents)
    return kept[::-1], outputs


def _add_at(x, g, shape, *index):
    y = x.copy()
    y[index] += g
    return y


ADD_AT = Row(_add_at, name="add_at")


def add_in_place(program):
    """`x + put(g, shape, index)`, with the derivative of a slice, adds `g` where it belongs, and no zeros elsewhere.

    (All bits stay but the sign of a zero: -0.0 + 0.0 is 0.0.)
    """
    operations = program.operations
    readers = Counter(slot for op in operations for _, slot in op.parents)
    readers.update(slot for slot, _ in program.outputs)
    puts = {
        op.outputs[0]: op
        for op in operations
        if op.row is PUT and [i for i, _ in op.parents] == [0] and at_a_slice(op.args[2:])
    }
    for op in operations:
        if op.row.function is not operator.add or len(op.parents) != 2:
            continue
        i = next((i for i, slot in reversed(op.parents) if slot in puts and readers[slot] == 1), None)
        if i is None or not op.args[0].dtype == op.args[1].dtype == op.y.dtype or op.args[1 - i].shape != op.y.shape:
            continue
        known = dict(op.parents)
        put = puts.pop(known[i])
        op.row, op.args = ADD_AT, [op.args[1 - i], *put.args]
        op.parents = [(0, known[1 - i]), (1, put.parents[0][1])]
        put.outputs = None
    program.operations = [op for op in operations if op.outputs is not None]
    return program


def at_a_slice(index):
    """Whether x[index] is a view of x whose place is known ahead: slices and integers, no masks."""
    return is_basic(index) and not any(isinstance(part, np.ndarray) for part in index)
