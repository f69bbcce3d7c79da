"""Bind a program to memory: which buffer each operation writes, when a buffer is free again, what is only a view."""

import math
import operator
from functools import partial

import numpy as np

from tinygen.autodiff import tree
from tinygen.program.kernels import fast_kernel_of, kernel_of, ufunc_of
from tinygen.program.program import ADD_AT, Outline, compact

BY_KEYWORD = (np.maximum, np.minimum)  # NumPy takes their out= by keyword only; by position is faster


class Linked:
    """The steps (calls without arguments), how to hand out results, and a table for people: label, steps, outputs."""

    def __init__(self):
        self.steps, self.table, self.scalars, self.nbytes, self.result = [], [], [], 0, None


def link(program, inputs, targets, *, exact):
    """Lay `program` out in memory. `inputs`: the array that each input is read from (None: a number).

    `targets`: number of an output -> the array it is written to. `exact`: no kernels that change the last bits.
    """
    return _Linker(program, targets, exact).build(inputs)


class _Linker:
    def __init__(self, program, targets, exact):
        self.program, self.targets, self.exact = program, targets, exact
        self.value = dict(program.inputs)  # slot -> recorded value
        for op in program.operations:
            self.value.update(zip(op.outputs, op.values()))
        self.weak = {slot for slot, v in self.value.items() if type(v) in (float, int, bool)}
        if program.source is None:
            program.source = {}
            for op in program.operations:
                op.ufunc = ufunc_of(op)
                program.source |= {slot: _source(op, slot, y) for slot, y in zip(op.outputs, op.values())}
        self.source = program.source
        self.free = {}  # bytes -> buffers nobody reads any more
        self.last_read = {}
        for k, op in enumerate(program.operations):
            for _, slot in op.parents:
                self.last_read[self._root(slot)] = k
        for slot, _ in program.outputs:
            if slot is not None:
                self.last_read[self._root(slot)] = math.inf

    def _root(self, slot):
        while self.source.get(slot, slot) != slot:
            slot = self.source[slot]
        return slot

    def build(self, inputs):
        out = self.out = Linked()
        place, self.root_buffer, self.fresh = {}, {}, set()  # fresh: slots that are NumPy scalars in the eager call
        self.place = place
        for (slot, value), array in zip(self.program.inputs, inputs):
            place[slot] = np.empty((), getattr(value, "dtype", np.float64)) if array is None else array
            out.scalars.append(place[slot] if array is None else None)
            if isinstance(value, np.generic):
                self.fresh.add(slot)
        self._place_targets()
        for k, op in enumerate(self.program.operations):
            self._bind(k, op)
        results = []  # (array or constant, how to hand it out)
        for k, (slot, constant) in enumerate(self.program.outputs):
            value, give = (constant, None) if slot is None else (place[slot], self._giving(slot))
            if k in self.targets and value is not self.targets[k]:
                step = partial(np.copyto, self.targets[k], value)
                out.steps.append(step)
                out.table.append(("copy to out", [step], [self.targets[k]]))
                value = self.targets[k]
            results.append((value, give))
        out.result = _handing_out(self.program.structure, iter(results))
        return out

    def _giving(self, slot):
        """NumPy scalars and Python numbers come out as what they are in the eager call, not as 0-d arrays."""
        if slot in self.fresh:
            return operator.itemgetter(())
        return np.ndarray.item if slot in self.weak else None

    def _place_targets(self):
        """Results that can be written straight into the caller's arrays; the others are copied at the end."""
        self.direct = {}
        for k, array in self.targets.items():
            slot, _ = self.program.outputs[k]
            if self.source.get(slot) == slot and array.strides == getattr(self.value[slot], "strides", None):
                self.direct.setdefault(slot, array)

    def _bind(self, k, op):
        out, place = self.out, self.place
        args = list(op.args)
        for i, slot in op.parents:
            args[i] = place[slot]
        if all(self.source[slot] != slot for slot in op.outputs):  # views are bound once
            i = next(i for i, slot in op.parents if slot == self.source[op.outputs[0]])
            ys = args[i] if _unchanged(op, i, op.args[i], op.values()[0]) else op.row.function(*args, **op.kw)
            place.update(zip(op.outputs, ys if isinstance(ys, (tuple, list)) else (ys,)))
            return
        steps = []
        ufunc, nin = op.ufunc
        if ufunc is not None:
            args = [self._operand(op, i, a, steps) for i, a in enumerate(args[:nin])]
        operands = args if ufunc is not None else args[:1] if op.row is ADD_AT else ()
        arrays = [self._output(k, op, slot, y, operands) for slot, y in zip(op.outputs, op.values())]
        calls, note = None, ""
        read = [args[i] for i, _ in op.parents if i < len(args)]
        filled = len(arrays) == 1 and all(np.size(a) for a in (*arrays, *read))
        fast, bound = fast_kernel_of(op.row) if filled and not self.exact else (None, None)
        if fast is not None:
            calls = fast(args, arrays[0], **op.kw)
            note = f"  [for speed: within {bound}]" if calls else ""
        if calls is None and ufunc is not None:
            if ufunc in BY_KEYWORD:
                calls = [partial(ufunc, *(_full(a, arrays[0]) for a in args), out=arrays[0])]
            else:
                calls = [partial(ufunc, *args, arrays[0])]
        elif calls is None and filled:
            kernel = kernel_of(op.row)
            calls = kernel(args, arrays[0], **op.kw) if kernel else None
        if calls is None:
            numbers = [i for i, slot in op.parents if slot in self.weak or slot in self.fresh]
            calls = [partial(_call, op.row.function, args, op.kw, arrays, numbers)]
        steps += calls
        out.steps += steps
        shapes = ", ".join(_shape(a) for a in args)
        out.table.append((f"{op.row.name}({shapes}) -> {', '.join(map(_shape, arrays))}{note}", steps, arrays))
        self._release(k, op)

    def _operand(self, op, i, a, steps):
        """The operand of a ufunc: numbers become 0-d arrays of the dtype in which the operation is done."""
        slot = dict(op.parents).get(i)
        if slot in self.weak or (slot is None and isinstance(a, (int, float)) and not isinstance(a, np.generic)):
            raw = [getattr(x, "dtype", x) for x in op.args if isinstance(x, (int, float)) or hasattr(x, "dtype")]
            dtype = np.result_type(*raw)
            if slot is None:
                return _constant(a, dtype)
            if a.dtype != dtype:
                cast = np.empty((), dtype)
                steps.append(partial(np.copyto, cast, a, "unsafe"))
                return cast
            return a
        if slot is None and isinstance(a, np.ndarray) and a.size > 1 and not any(a.strides):
            return _constant(a.flat[0], a.dtype)
        return np.asarray(a)

    def _output(self, k, op, slot, y, operands):
        """The array that an output is written to: the caller's, a dying operand, or a buffer."""
        if isinstance(y, np.generic):
            self.fresh.add(slot)
        if slot in self.direct:
            array = self.direct[slot]
        else:
            array = self._dying(k, op, slot, y, operands)
            if array is None:
                array = self._buffer(y if isinstance(y, Outline) else np.asarray(y), slot)
        self.place[slot] = array
        return array

    def _dying(self, k, op, slot, y, operands):
        """An operand of the same layout that nobody reads afterwards: element by element, it may be overwritten."""
        if not operands or not isinstance(y, (np.ndarray, Outline)):
            return None
        for i, parent in op.parents:
            root = self._root(parent)
            if i >= len(operands) or self.last_read[root] != k or root not in self.root_buffer:
                continue
            a = operands[i]
            whole = self.place[root]
            fits = a is whole and a.shape == y.shape and a.dtype == y.dtype and a.strides == y.strides
            same_root = [operands[j] for j, other in op.parents if self._root(other) == root and j < len(operands)]
            if fits and all(other is a for other in same_root):
                self.root_buffer[slot] = self.root_buffer.pop(root)
                return a
        return None

    def _buffer(self, y, slot):
        nbytes = max(y.nbytes, 1)
        stack = self.free.setdefault(nbytes, [])
        if stack:
            raw = stack.pop()
        else:
            raw = _aligned(nbytes)
            self.out.nbytes += nbytes
        self.root_buffer[slot] = raw
        return np.ndarray(y.shape, y.dtype, raw, strides=y.compact if isinstance(y, Outline) else compact(y))

    def _release(self, k, op):
        """Buffers whose last reader was this operation go back to the pool; so do results that nobody reads."""
        for root in {self._root(slot) for _, slot in op.parents} | {s for s in op.outputs if s not in self.last_read}:
            if self.last_read.get(root, k) == k and root in self.root_buffer:
                raw = self.root_buffer.pop(root)
                self.free.setdefault(raw.nbytes, []).append(raw)


def _call(function, args, kw, arrays, numbers):
    """The operation as it stands, its value copied into the buffer: for what has no kernel."""
    args = [a[()].item() if i in numbers else a for i, a in enumerate(args)]
    ys = function(*args, **kw)
    for array, y in zip(arrays, ys if isinstance(ys, (tuple, list)) else (ys,)):
        array[...] = y


def _handing_out(structure, results):
    """A call that gives the output tree after a replay, its containers made anew."""
    if structure.kind is None:
        value, give = next(results)
        return partial(give, value) if give else lambda: value
    leaves = [
        next(results) if child.kind is None else (None, _handing_out(child, results)) for child in structure.children
    ]
    changing = [(i, give if value is None else partial(give, value)) for i, (value, give) in enumerate(leaves) if give]
    fixed, kind, keys = [value for value, _ in leaves], structure.kind, structure.keys

    def hand_out():
        parts = fixed.copy()
        for i, give in changing:
            parts[i] = give()
        if kind is list:
            return parts
        if kind is dict:
            return dict(zip(keys, parts))
        return tuple(parts) if kind is tuple else tree.rebuild(kind, keys, parts)

    return hand_out


def _constant(number, dtype):
    array = np.array(number, dtype)
    array.flags.writeable = False
    return array


def _full(a, out):
    """A constant 0-d operand of maximum or minimum as a whole array: only that runs wide."""
    constant = isinstance(a, np.ndarray) and a.ndim == 0 and a.base is None and not a.flags.writeable
    return np.full_like(out, a) if constant and out.size >= 256 else a


def _source(op, slot, y):
    """The parent whose memory this output shares (a view, or a copy that changes nothing); itself if it is new."""
    if not isinstance(y, np.ndarray) or not y.size:
        return slot
    for i, parent in op.parents:
        x = op.args[i]
        if isinstance(x, np.ndarray) and (np.may_share_memory(x, y) or _unchanged(op, i, x, y)):
            return parent
    return slot


def _unchanged(op, i, x, y):
    """Whether `y` is argument `i` again, in the same layout: a product with ones, a copy, a cast to the same dtype."""
    if x.shape != y.shape or x.dtype != y.dtype or x.strides != y.strides:
        return False
    if op.row.copies:
        return True
    if op.row.symbol == "*":
        other = op.args[1 - i]
        constant = not any(j == 1 - i for j, _ in op.parents)
        if constant and isinstance(other, (np.ndarray, np.generic, float, int)):
            return np.size(other) > 0 and not any(getattr(other, "strides", ())) and np.asarray(other).flat[0] == 1
    return False


def _aligned(nbytes):
    """A buffer that begins at a multiple of 64 bytes."""
    raw = np.empty(nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + nbytes]


def _shape(a):
    return "x".join(map(str, np.shape(a))) or "()" if isinstance(a, (np.ndarray, np.generic)) else str(a)[:20]
