"""Passes over a recorded program: each takes operations and gives fewer, or says where memory is shared."""

import itertools
import math
import operator
from collections import Counter

import numpy as np

from tinygen.autodiff.rules.indexing import PUT, is_basic
from tinygen.autodiff.table import Row


def merged(operations, outputs):
    """Equal operations on equal inputs are done once: later readers read the first."""
    first, same, kept = {}, {}, []
    for op in operations:
        op.parents = [(i, same.get(slot, slot)) for i, slot in op.parents]
        known = dict(op.parents)
        key = (op.row, tuple(("slot", known[i]) if i in known else _key(a) for i, a in enumerate(op.args)), _key(op.kw))
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
        return (type(a), a, math.copysign(1, a)) if a == a else (type(a), "nan")
    if isinstance(a, (int, str, bool, type, np.dtype, type(None), type(Ellipsis))):
        return (type(a), a)
    if isinstance(a, np.ndarray) and a.ndim and not any(a.strides) and a.size:
        return (a.shape, a.dtype.str, a.ravel()[0].tobytes())
    if isinstance(a, np.generic):
        return (type(a), a.tobytes())
    return id(a)


def pruned(operations, outputs):
    """Without the operations that no output depends on."""
    needed, kept = {slot for slot, _ in outputs}, []
    for op in reversed(operations):
        if needed.intersection(op.outputs):
            kept.append(op)
            needed.update(slot for _, slot in op.parents)
    return kept[::-1]


def _add_at(x, g, shape, *index):
    y = x.copy()
    y[index] += g
    return y


ADD_AT = Row(_add_at, name="add_at")


def added_in_place(program):
    """`x + put(g, shape, index)`, with the derivative of a slice, adds `g` where it belongs, and no zeros elsewhere.

    (All bits stay but the sign of a zero: -0.0 + 0.0 is 0.0.)
    """
    readers = Counter(slot for op in program.operations for _, slot in op.parents)
    readers.update(program.limits)
    readers.update(slot for slot, _ in program.outputs)
    puts = {
        op.outputs[0]: op
        for op in program.operations
        if op.row is PUT and [i for i, _ in op.parents] == [0] and at_a_slice(op.args[2:]) and op.args[0].is_array
    }
    taken = set()
    for op in program.operations:
        if op.row.function is not operator.add or len(op.parents) != 2:
            continue
        i = next((i for i, slot in reversed(op.parents) if slot in puts and readers[slot] == 1), None)
        y = op.layouts[0]
        if i is None or not op.args[0].dtype == op.args[1].dtype == y.dtype or op.args[1 - i].shape != y.shape:
            continue
        if not op.args[1 - i].is_array:
            continue
        known = dict(op.parents)
        put = puts.pop(known[i])
        op.row, op.args = ADD_AT, [op.args[1 - i], *put.args]
        op.parents = [(0, known[1 - i]), (1, put.parents[0][1])]
        taken.add(put)
    return program._replace(operations=[op for op in program.operations if op not in taken])


def at_a_slice(index):
    """Whether x[index] is a view of x whose place is known ahead: slices and integers, no masks."""
    return is_basic(index) and not any(isinstance(part, np.ndarray) for part in index)


def sources(program, values):
    """slot -> the slot whose memory it looks at, for the outputs of operations that are views, all of them.

    `values` are the recorded ones. An empty output has no memory, and goes with the others of its operation.
    """
    found = {}
    for op in program.operations:
        parents = [_source(op, values, values[slot]) for slot in op.outputs]
        filled = [parent for parent, slot in zip(parents, op.outputs) if np.size(values[slot])]
        if filled and None not in filled:
            found |= {slot: filled[0] if parent is None else parent for slot, parent in zip(op.outputs, parents)}
    return found


def apart(program, values):
    """The operations, by their first output, whose arguments lay in different memory.

    BLAS computes x @ x.T in another order than x @ y.T with an equal y: merging must not turn one into the other.
    """
    found = set()
    for op in program.operations:
        arrays = [values[slot] for _, slot in op.parents if isinstance(values[slot], np.ndarray)]
        function = op.row.function
        product = len(arrays) > 1 and not (isinstance(function, np.ufunc) and function.signature is None)
        if product and not any(np.may_share_memory(a, b) for a, b in itertools.combinations(arrays, 2)):
            found.add(op.outputs[0])
    return found


def _source(op, values, y):
    """The parent whose memory an output shares (a view, or a copy that changes nothing), or None."""
    if isinstance(y, np.ndarray) and y.size:
        for i, slot in op.parents:
            x = values[slot]
            if isinstance(x, np.ndarray) and (np.may_share_memory(x, y) or changes_nothing(op, i)):
                return slot
    return None


def changes_nothing(op, i):
    """Whether the output is argument `i` again, in the same layout: times ones, a copy, a cast to its dtype."""
    x, y = op.args[i], op.layouts[0]
    if len(op.outputs) > 1 or not x.is_array or (x.shape, x.dtype, x.strides) != (y.shape, y.dtype, y.strides):
        return False
    if op.row.copies:
        return True
    if op.row.symbol == "*":
        other = op.args[1 - i]
        constant = not any(j == 1 - i for j, _ in op.parents)
        if constant and isinstance(other, (np.ndarray, np.generic, float, int)):
            return np.size(other) > 0 and not any(getattr(other, "strides", ())) and np.asarray(other).flat[0] == 1
    return False
