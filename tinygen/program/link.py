"""Lay a program out: which array each operation writes, by which lines, and what is only a view.

The result is the plan as source: `bind(arrays)` makes buffers and views, `step(numbers)` does the work.
"""

import functools
import inspect
import itertools

import numpy as np

from tinygen.program.kernels import fast_kernel_of, kernel_of, ufunc_of
from tinygen.program.memory import Memory
from tinygen.program.names import written
from tinygen.program.passes import ADD_AT, changes_nothing
from tinygen.program.program import layout_of
from tinygen.program.source import Line, Operand, Source

BY_KEYWORD = (np.maximum, np.minimum)  # NumPy takes their out= by keyword only; by position is faster


def link(program, sources, apart, names, targets, *, exact):
    """Lay `program` out: returns its Source, the number of bytes of its buffers, and pairs of inputs that meet in a
    product, which may not be the same array later if they are not so now.

    sources, apart: of passes. names: slot -> what it is called, then id of an array -> name.
    targets: number of an output -> the array it is written to. exact: no kernels that change the last bits.
    """
    linker = _Linker(program, sources, apart, names, targets, exact)
    linker.build()
    return linker.source, linker.memory.nbytes, linker.pairs


class _Linker:
    def __init__(self, program, sources, apart, names, targets, exact):
        self.program, self.sources, self.targets, self.exact = program, sources, targets, exact
        self.apart, self.pairs = apart, set()
        self.names, known = dict(names[0]), names[1]
        self.source = Source()
        self.source.known = known
        self.memory = Memory(program, sources, self.source)
        self.layout = dict(program.inputs)
        self.inputs = set(self.layout)
        for op in program.operations:
            self.layout.update(zip(op.outputs, op.layouts))
        self.place, self.cells, self.lines = {}, {}, []  # slot -> Operand; (slot, dtype) -> name; of one operation

    def build(self):
        source = self.source
        for slot, layout in self.program.inputs:
            if layout.is_array:
                source.given[source.name(self.names[slot])] = None  # the array is known when it is bound
                self.place[slot] = Operand(list(source.given)[-1], layout)
            else:
                source.numbers.append(source.name(self.names[slot]))
                self.place[slot] = Operand(source.numbers[-1], layout)
        self._place_targets()
        for k, op in enumerate(self.program.operations):
            self._operation(k, op)
        results = iter([self._result(k, slot, constant) for k, (slot, constant) in enumerate(self.program.outputs)])
        source.result = source.tree(self.program.structure, results)
        if self.program.limits:
            limits = " or ".join(self.place[slot].text for slot in self.program.limits)
            source.result = f"{source.result} if not ({limits}) else NotImplemented"

    def _place_targets(self):
        """Results that can be written straight into the caller's arrays; the others are copied at the end."""
        self.direct, self.target = {}, {k: self.source.give(f"out{k}", array) for k, array in self.targets.items()}
        for k, array in self.targets.items():
            slot, _ = self.program.outputs[k]
            computed = slot is not None and slot not in self.sources and slot not in self.inputs
            if computed and self.layout[slot].is_array and array.strides == self.layout[slot].strides:
                self.direct.setdefault(slot, self.target[k])

    def _result(self, k, slot, constant):
        """The text of an output. What looks at an input is copied: the next call may bring it back as an argument."""
        if slot is None:
            text = self.source.value(constant)
            if k not in self.target:
                return text
            copied = self._copied(Operand(self.target[k], layout_of(self.targets[k])), text)
            self._line(copied, lambda: "result: a constant", self.targets[k].nbytes)
            return self.target[k]
        place = self.place[slot]
        if k in self.target:
            if place.text != self.target[k]:
                self._line(
                    f"copyto({self.target[k]}, {place})", lambda: f"result: {self.names[slot]}", place.layout.nbytes
                )
            return self.target[k]
        if place.layout.is_array and self.memory.root(slot) in self.inputs:
            if (slot, "copy") not in self.cells:
                self.cells[slot, "copy"] = self.memory.array(place.layout, None, "r#")
                copied = f"copyto({self.cells[slot, 'copy']}, {place})"
                self._line(copied, lambda: f"result: {self.names[slot]}", place.layout.nbytes)
            return self.cells[slot, "copy"]
        return place.text

    # ---- operations ----

    def _operation(self, k, op):
        args = list(op.args)
        for i, slot in op.parents:
            args[i] = self.place[slot]
        if op.outputs[0] in self.sources:
            self._view(op, args)
            return
        self.lines, self.note = [], ""
        if op.outputs[0] in self.apart:
            self._kept_apart(op, args)
        if all(not layout.is_array for layout in op.layouts):
            self._numbers(op, args)
        else:
            self._arrays(k, op, args)
        comment, nbytes = functools.partial(self._comment, op, self.note), sum(layout.nbytes for layout in op.layouts)
        for text in self.lines:
            self._line(text, comment, nbytes)
            comment = str
        self.memory.release(k, op)

    def _comment(self, op, note):
        names = ", ".join(self.names[slot] for slot in op.outputs)
        return f"{names} = {written(op, self.names)}  {', '.join(map(str, op.layouts))}{note}"

    def _line(self, text, comment, nbytes):
        self.source.lines.append(Line(text, comment, nbytes))

    def _view(self, op, args):
        """Views are made once, when arrays are bound."""
        i = next(i for i, slot in op.parents if slot == self.sources[op.outputs[0]])
        if changes_nothing(op, i):
            self.place[op.outputs[0]] = args[i]
            return
        text = self.source.call(op, args)
        if text == f"{args[0]}.T" and len(op.outputs) == 1:
            self.names[op.outputs[0]] = f"{self.names[op.parents[0][1]]}.T"
        names = [self.source.name(self.names[slot]) for slot in op.outputs]
        left = f"{names[0]}," if len(names) == 1 and op.row.name == "iterate" else ", ".join(names)
        self.source.head.append(f"{left} = {text}")
        for name, slot, layout in zip(names, op.outputs, op.layouts):
            self.place[slot] = Operand(name, layout)

    def _kept_apart(self, op, args):
        """Arguments that lay in different memory when they were recorded still do."""
        roots = {}
        for i, slot in op.parents:
            root, a = self.memory.root(slot), args[i]
            if a.layout.is_array and root in roots:
                args[i] = Operand(self.scratch(a.layout), a.layout)
                self.lines.append(f"copyto({args[i]}, {a})")
            roots[root] = i
        self.pairs |= set(itertools.combinations(sorted(self.inputs & roots.keys()), 2))

    def _numbers(self, op, args):
        """Numbers are Python's and NumPy's own, computed as in the eager call: no arrays."""
        kernel = kernel_of(op.row) if ufunc_of(op) is None else None
        lines = self._fast(op, args, None) or (kernel and self._try(kernel, args, None, op.kw))
        lines = lines or [self.source.call(op, args)]
        names = [self.source.name(self.names[slot]) for slot in op.outputs]
        self.lines += [*lines[:-1], f"{', '.join(names)} = {lines[-1]}"]
        for name, slot, layout in zip(names, op.outputs, op.layouts):
            self.place[slot] = Operand(name, layout)

    def _arrays(self, k, op, args):
        ufunc = ufunc_of(op) if op.layouts[0].is_array and len(op.outputs) == 1 else None
        if ufunc is not None:
            args = args[: ufunc.nin]
            overwritable = args
        else:
            overwritable = {ADD_AT: args[:1], np.where: [None, None, *args[2:]]}.get(
                op.row if op.row is ADD_AT else op.row.function, []
            )
        if len(op.outputs) == 1:
            out = self.place[op.outputs[0]] = self._output(k, op, overwritable)
            lines = self._fast(op, args, out)
            if not lines and ufunc is not None:
                lines = self._elementwise(op, ufunc, args, out)
            elif not lines and all(a.layout.size for a in (out, *args) if isinstance(a, Operand)):
                kernel = kernel_of(op.row)
                lines = kernel and self._try(kernel, args, out, op.kw)
            self.lines += lines or [self._copied(out, self.source.call(op, args))]
            return
        fresh = [self.source.name(self.names[slot]) for slot in op.outputs]  # as the function returns them
        self.lines.append(f"{', '.join(fresh)} = {self.source.call(op, args)}")
        for name, slot, layout in zip(fresh, op.outputs, op.layouts):
            if not layout.is_array:
                self.place[slot] = Operand(name, layout)
            elif self.memory.is_read(slot):
                self.place[slot] = Operand(self.direct.get(slot) or self.memory.array(layout, slot), layout)
                self.lines.append(self._copied(self.place[slot], name))

    def _copied(self, out, text):
        """The operation as it stands, its value copied into the array: for what has no kernel."""
        return f"copyto({out}, {text})" if out.layout.ndim else f"{out}[...] = {text}"

    def _try(self, kernel, args, out, kw):
        """The lines of a kernel, unless it does not know a keyword."""
        return kernel(self, args, out, **kw) if _knows(kernel, tuple(kw)) else None

    def _fast(self, op, args, out):
        """The lines of a kernel chosen for speed, if there is one for these arguments."""
        kernel, bound = fast_kernel_of(op.row) if not self.exact else (None, None)
        if not kernel or not all(isinstance(a, Operand) and a.layout.size for a in args[:1]):
            return None
        lines = self._try(kernel, args, out, op.kw)
        if lines:
            self.source.fast = True
            self.note = f"  [for speed: within {bound}]"
        return lines

    def _elementwise(self, op, ufunc, args, out):
        raw = [_sample(a) for a in args]
        dtype = np.result_type(*raw) if all(x is not None for x in raw) else None
        one_type = dtype is not None and any(t.startswith(dtype.char * ufunc.nin + "->") for t in ufunc.types)
        texts = [self.operand(a, dtype if one_type else None) for a in args]
        name = self.source.function(ufunc)
        if ufunc in BY_KEYWORD:
            texts = [self._full(a, text, out) for a, text in zip(args, texts)]
            return [f"{name}({', '.join(texts)}, out={out})"]
        return [f"{name}({', '.join([*texts, out.text])})"]

    # ---- what kernels ask for ----

    def array(self, a):
        """An array, also a constant one, as an Operand; None for all else."""
        if isinstance(a, np.ndarray):
            return Operand(self.source.value(a), layout_of(a))
        return a if isinstance(a, Operand) and a.layout.is_array else None

    def operand(self, a, dtype):
        """An operand of a ufunc: numbers become 0-d arrays, of the dtype in which the operation is done."""
        if isinstance(a, Operand):
            if a.layout.is_array:
                return a.text
            to = a.layout.dtype if not a.layout.is_weak else dtype
            return a.text if to is None else self._cell_of(a, to)
        if isinstance(a, np.generic):
            return self.source.constant(a.item(), a.dtype) if a.dtype.kind in "fiub" else self.source.value(a)
        if isinstance(a, np.ndarray) and a.size and a.dtype.kind in "fiub" and _is_one_number(a):
            return self.source.constant(a.flat[0].item(), a.dtype)
        if type(a) in (int, float) and dtype is not None and dtype.kind == "f":
            return self.source.constant(a, dtype)
        return self.source.value(a)

    def _cell_of(self, a, dtype):
        """A number of this call in a 0-d array, which NumPy takes faster."""
        if (a.text, dtype) not in self.cells:
            self.cells[a.text, dtype] = name = self.source.define(f"{a}_0d", f"empty((), {self.source.dtype(dtype)})")
            self.lines.append(f"{name}[()] = {a}")
        return self.cells[a.text, dtype]

    def ones(self, n, dtype):
        return self.source.bind(f"ones_{n}", f"{self.source.function(np.ones)}({n}, {self.source.dtype(dtype)})")

    def scratch(self, layout):
        """An array for the lines of one operation."""
        return self.memory.scratch(layout)

    def _full(self, a, text, out):
        """A constant operand of maximum or minimum as a whole array: only that runs wide."""
        if isinstance(a, Operand) or out.layout.size < 256 or np.ndim(a):
            return text
        return self.source.bind(f"full_{text}", f"{self.source.function(np.full_like)}({out}, {text})")

    # ---- where an output is written ----

    def _output(self, k, op, operands):
        """Where the output is written: the caller's array, an operand that is not read again, or a buffer."""
        slot, layout = op.outputs[0], op.layouts[0]
        name = self.direct.get(slot) or self._overwritten(k, op, operands)
        return Operand(name or self.memory.array(layout, slot), layout)

    def _overwritten(self, k, op, operands):
        """An operand of the same layout that nobody reads afterwards: element by element, it may be overwritten."""
        slot, y = op.outputs[0], op.layouts[0]
        for i, parent in op.parents:
            root = self.memory.root(parent)
            if i >= len(operands) or operands[i] is None or not self.memory.ends(root, k):
                continue
            a = operands[i]
            fits = a.text == self.place[root].text and a.layout[:3] + a.layout[4:] == y[:3] + y[4:]
            others = (other for _, other in op.parents if self.memory.root(other) == root)
            if fits and all(self.place[other].text == a.text for other in others):
                self.memory.take_over(root, slot)
                return a.text
        return None


def _is_one_number(a):
    return a.tobytes() == a.flat[0].tobytes() * a.size if any(a.strides) else True


@functools.cache
def _knows(kernel, keywords):
    parameters = inspect.signature(kernel).parameters
    return any(p.kind is p.VAR_KEYWORD for p in parameters.values()) or parameters.keys() >= set(keywords)


def _sample(a):
    """What stands for an operand when NumPy is asked for the dtype of a result."""
    if isinstance(a, Operand):
        return a.layout.kind(1) if a.layout.is_weak else a.layout.dtype
    return a.dtype if hasattr(a, "dtype") else a if isinstance(a, (int, float)) else None
