"""A function as data: the operations it ran, and how their values lie in memory."""

import math
from typing import Any, NamedTuple

import numpy as np

from tinygen.autodiff import tree
from tinygen.autodiff.rules.kinks import ONLY_EAGER
from tinygen.autodiff.tape import Tape, Var
from tinygen.autodiff.transforms import gc_paused
from tinygen.program import passes


class Layout(NamedTuple):
    """What a program keeps of a recorded value: its type and, of an array, how it lies in memory."""

    kind: type  # np.ndarray, the type of a NumPy scalar, float, int, bool or complex
    shape: tuple
    dtype: Any
    strides: tuple  # they decide the order of later sums
    compact: tuple  # those of a new array that stands for it

    is_array = property(lambda self: self.kind is np.ndarray)
    is_weak = property(lambda self: self.kind in (float, int, bool, complex))  # adapts to the arrays it meets
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))
    nbytes = property(lambda self: self.size * self.dtype.itemsize)
    is_contiguous = property(lambda self: _row_by_row(self.shape, self.strides, self.dtype.itemsize))
    is_compact = property(lambda self: _row_by_row(self.shape, self.compact, self.dtype.itemsize))
    __str__ = lambda self: f"{self.shape} {self.kind.__name__ if self.is_weak else self.dtype}"


def layout_of(value):
    """The Layout of an array or a number."""
    if not isinstance(value, np.ndarray):
        kind = type(value)
        return Layout(kind, (), getattr(value, "dtype", np.dtype(kind)), (), ())
    strides = value.strides
    usual = value.flags.c_contiguous or all(step > 0 for step in strides)
    return Layout(np.ndarray, value.shape, value.dtype, strides, strides if usual else np.empty_like(value).strides)


def _row_by_row(shape, strides, step):
    if 0 in shape:
        return True
    for n, stride in zip(reversed(shape), reversed(strides)):
        if n != 1:
            if stride != step:
                return False
            step *= n
    return True


class Operation:
    """`outputs = row.function(*args, **kw)`, the outputs laid out as `layouts`.

    `parents` are pairs (i, slot): argument i is the value in that slot, and args[i] its Layout. All others are
    constants.
    """

    __slots__ = ("args", "kw", "layouts", "outputs", "parents", "row")

    def __init__(self, row, args, kw, parents, outputs, layouts):
        self.row, self.args, self.kw = row, args, kw
        self.parents, self.outputs, self.layouts = parents, outputs, layouts

    def constants(self):
        """The arguments, by position and by keyword, that are no slots."""
        read = {i for i, _ in self.parents}
        return [*(a for i, a in enumerate(self.args) if i not in read), *self.kw.values()]


class Program(NamedTuple):
    """What `f` did: inputs (slot, Layout), operations, outputs (slot, None) or (None, constant), f's output tree.

    limits: slots of what must be False; where it is not, a derivative is a limit that only the eager call finds.
    """

    inputs: list
    operations: list
    outputs: list
    structure: tree.Structure
    limits: list

    def frozen(self):
        """The arrays that `f` took from elsewhere than its arguments: their contents are part of the program."""
        found = {}
        for a in (a for op in self.operations for a in op.constants()):
            if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.size and np.any(a != a.flat[0]):
                found[id(a)] = a
        return list(found.values())


def is_input(leaf):
    """Whether an argument is an input of the program; all others are constants."""
    return isinstance(leaf, (float, np.ndarray, np.generic))


def record(f, args, kw=None):
    """Run `f` once on stand-ins for the arrays and floats in `args` (a tuple of trees) and `kw` (a dict of trees).

    Returns its Program, without what nobody reads and what was there already, and the recorded values, slot -> value.
    Derivatives inside `f` are recorded too, since the rules are plain NumPy. Everything else in `args` (int, str, bool,
    None) is a constant of the program. TypeError where `f` looks at a value (`if v > 0`, masks, int(v)).
    """
    tape, values = Tape(recording=True), {}

    def stand_in(leaf):
        if not is_input(leaf):
            return leaf
        var = tape.input(leaf)
        values[var.slot] = leaf
        return var

    args, kw = tree.map(stand_in, (args, kw or {}))
    inputs = [(slot, layout_of(value)) for slot, value in values.items()]
    with gc_paused():
        out = f(*args, **kw)
    tape.held.check(getattr(f, "__name__", "f"))
    leaves, structure = tree.flatten(out)
    outputs = [(leaf.slot, None) if type(leaf) is Var and leaf.tape is tape else (None, leaf) for leaf in leaves]
    layouts, operations, limits = dict(inputs), [], []
    for slot, row, args, kw, y, parents in tape.entries:
        ys = y if type(y) is tuple else (y,)
        slots = tuple(range(slot, slot + len(ys)))
        values.update(zip(slots, ys))
        layouts.update(zip(slots, map(layout_of, ys)))
        args = list(args)
        for i, parent in parents:
            args[i] = layouts[parent]
        if row.function is np.where and len(args) == 1:
            raise TypeError(
                "np.where(mask) has a result whose shape depends on data; a recorded program can't have one. Use "
                "np.where(mask, v, 0)."
            )
        if row is ONLY_EAGER and parents:
            limits.append((parents[0][1], None))
        operations.append(Operation(row, args, kw, parents, slots, tuple(layouts[k] for k in slots)))
    tape.close()
    operations, results = passes.merged(operations, outputs + limits)
    outputs, limits = results[: len(outputs)], sorted({slot for slot, _ in results[len(outputs) :]})
    return Program(inputs, passes.pruned(operations, results), outputs, structure, limits), values
