"""A plan as Python source: one function that binds arrays, and in it one that does the work, line by line."""

import builtins
import keyword
import math
import re
import sys
from typing import Any, NamedTuple

import numpy as np

from tinygen.autodiff import tree
from tinygen.autodiff.rules import shaping

NUMPY = ("array", "copyto", "empty", "ndarray")  # what every source may use
MANY = 4096  # names: a function with more variables from outside takes Python long to compile
ALIGNED = '''def aligned(nbytes):
    """Memory that begins at a multiple of 64 bytes."""
    raw = empty(nbytes + 64, uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + nbytes]'''


class Line(NamedTuple):
    """A statement; what it computes, in the words of `f`; the bytes that it writes."""

    text: str
    comment: Any  # a function that says it
    nbytes: int


class Operand(NamedTuple):
    """A value of the program in the source: its name there, and its Layout."""

    text: str
    layout: Any

    __str__ = lambda self: self.text
    __format__ = lambda self, spec: self.text


class Source:
    """Collects imports, what is bound once, and the lines of a step. Its `text()` is the program.

    `given` are the arguments of `bind`, name -> array: first the inputs, then what cannot be written as text.
    """

    def __init__(self):
        self.taken = {*keyword.kwlist, *dir(builtins), *NUMPY, "aligned", "bind", "step", "uint8", "clock", "ticks"}
        self.counts = {}
        self.imported, self.imports = {}, {}  # id of a function -> its name; module -> its names
        self.given, self.numbers = {}, []
        self.head, self.bound, self.lines = [], {}, []
        self.result, self.fast = "None", False  # fast: are there kernels that change the last bits?
        self.known = {}  # id of an array -> its name in f's surroundings

    def name(self, hint):
        """A new name like `hint`, which may be a place in a tree: params['W'] is params_W; b# is b0, b1, ..."""
        base = hint if hint.isidentifier() else re.sub(r"[^\w#]+", "_", hint).strip("_") or "v#"
        base = f"v{base}" if base[0].isdigit() else base
        stem = base.removesuffix("#") if base.endswith("#") else f"{base}_" if base[-1].isdigit() else base
        name, k = stem + "0" if base.endswith("#") else base, self.counts.get(stem, 0)
        while name in self.taken:
            k += 1
            name = f"{stem}{k}"
        self.counts[stem] = k
        self.taken.add(name)
        return name

    def bind(self, hint, text):
        """The name of what `text` gives, computed once when arrays are bound."""
        if text not in self.bound:
            self.bound[text] = self.define(hint, text)
        return self.bound[text]

    def define(self, hint, text):
        """A name of its own for what `text` gives."""
        name = self.name(hint)
        self.head.append(f"{name} = {text}")
        return name

    def give(self, hint, value):
        """The name of an object that is an argument of `bind`."""
        for name, there in self.given.items():
            if there is value:
                return name
        name = self.name(self.known.get(id(value), hint))
        self.given[name] = value
        return name

    def dtype(self, dtype):
        """The source text of a dtype."""
        if dtype.isnative and dtype.kind in "fiubc":
            return self._import("numpy", dtype.name if dtype.kind != "b" else "bool_", dtype)
        return f"{self._import('numpy', 'dtype', np.dtype)}({dtype.str!r})"

    def constant(self, number, dtype):
        """The name of a number as a 0-d array, which NumPy takes faster than a number."""
        return self.bind("c#", f"array({self.value(number)}, {self.dtype(dtype)})")

    def value(self, a):
        """A constant as text: written out where that is short, else by a name."""
        if a is Ellipsis:
            return "..."
        if a is None or type(a) in (bool, int, str):
            return repr(a)
        if isinstance(a, float) and not isinstance(a, np.generic):
            if math.isfinite(a):
                return repr(a)
            name = self._import("numpy", "nan" if math.isnan(a) else "inf", "nan" if math.isnan(a) else "inf")
            return f"-{name}" if a < 0 else name
        if isinstance(a, slice):
            return f"slice({self.value(a.start)}, {self.value(a.stop)}, {self.value(a.step)})"
        if type(a) is tuple:
            return f"({', '.join(map(self.value, a))}{',' * (len(a) == 1)})"
        if type(a) is list:
            return f"[{', '.join(map(self.value, a))}]"
        if isinstance(a, Operand):
            return a.text
        if isinstance(a, np.dtype):
            return self.dtype(a)
        if isinstance(a, np.generic) and a.dtype.kind in "fiub" and a.dtype.isnative:
            return f"{self.dtype(a.dtype)}({self.value(a.item())})"
        if isinstance(a, np.ndarray):
            return self._array(a)
        return self.function(a) if callable(a) else self.give("object#", a)

    def _array(self, a):
        if a.size and a.dtype.kind in "fiub" and a.dtype.isnative and id(a) not in self.known:
            first = a[(0,) * a.ndim]
            if a.ndim and not any(a.strides):
                broadcast_to = self._import("numpy", "broadcast_to", np.broadcast_to)
                return self.bind("array#", f"{broadcast_to}({self.constant(first.item(), a.dtype)}, {a.shape})")
            if a.flags.c_contiguous and a.ndim and (a.tobytes() == first.tobytes() * a.size):
                full = self._import("numpy", "full", np.full)
                return self.bind("array#", f"{full}({a.shape}, {self.value(first.item())}, {self.dtype(a.dtype)})")
            if a.flags.c_contiguous and a.size <= 16:
                return self.bind("array#", f"array({self.value(a.tolist())}, {self.dtype(a.dtype)})")
        return self.give("array#", a)

    def function(self, f):
        """The name under which a function is imported; an argument of `bind` if it has no place to import it from."""
        if id(f) in self.imported:
            return self.imported[id(f)]
        name = getattr(f, "__name__", "")
        module = "numpy" if isinstance(f, np.ufunc) and getattr(np, name, None) is f else getattr(f, "__module__", None)
        if isinstance(f, np.ufunc) and module != "numpy":
            module = "scipy.special"
        found = getattr(sys.modules.get(module or ""), name, None) if name.isidentifier() else None
        return self._import(module, name, f) if found is f else self.give(name if name.isidentifier() else "f", f)

    def _import(self, module, name, thing):
        key = id(thing) if not isinstance(thing, str) else thing
        if key not in self.imported:
            shown = name if module == "numpy" and name in NUMPY else self._own(name, module)
            self.imported[key] = shown
            self.imports.setdefault(module, []).append(name if shown == name else f"{name} as {shown}")
        return self.imported[key]

    def _own(self, name, module):
        """NumPy's own names hide Python's (sum, abs): the source uses none of those."""
        if module == "numpy" and hasattr(builtins, name) and name not in self.imported.values():
            return name
        return self.name(name)

    def call(self, op, args):
        """The operation as Python writes it, on these arguments (Operands and constants)."""
        texts = [self.value(a) for a in args]
        row = op.row
        if getattr(row.function, "__module__", "") in ("_operator", "builtins") and row.symbol and not op.kw:
            texts = [f"({text})" if text.startswith("-") else text for text in texts]
            return f"{texts[0]} {row.symbol} {texts[1]}" if len(texts) == 2 else f"{row.symbol}{texts[0]}"
        if row.symbol == "[]":
            index = ", ".join(map(self.index, args[1:])) + "," * (len(args) == 2 and type(args[1]) is tuple)
            return f"{texts[0]}[{index}]"
        if row.name == "iterate":
            return texts[0]
        if row.latex and row.latex[0].endswith("^\\top") and _is_transpose(op.layouts[0], args[0].layout):
            return f"{texts[0]}.T"
        if row is shaping.ASTYPE:
            return f"{texts[0]}.astype({texts[1]})" if not args[0].layout.is_weak else f"{texts[1]}({texts[0]})"
        kw = [f"{key}={self.value(a)}" for key, a in op.kw.items()]
        if row in (shaping.CONCATENATE, shaping.STACK):
            function = np.concatenate if row is shaping.CONCATENATE else np.stack
            return f"{self.function(function)}(({', '.join(texts)},), {', '.join(kw)})"
        return f"{self.function(row.function)}({', '.join([*texts, *kw])})"

    def index(self, part):
        """The source text of one part of an index."""
        if isinstance(part, slice):
            ends = [part.start, part.stop] + [part.step] * (part.step is not None)
            return ":".join("" if end is None else self.value(end) for end in ends)
        return self.value(part)

    def tree(self, structure, leaves):
        """The expression that builds a tree from the texts of its leaves."""
        kind = structure.kind
        if kind is None:
            return next(leaves)
        parts = [self.tree(child, leaves) for child in structure.children]
        if kind is type(None):
            return "None"
        if kind is list:
            return f"[{', '.join(parts)}]"
        if kind is tuple:
            return f"({', '.join(parts)}{',' * (len(parts) == 1)})"
        if kind is dict:
            return f"{{{', '.join(f'{self.value(key)}: {part}' for key, part in zip(structure.keys, parts))}}}"
        if not issubclass(kind, dict) and hasattr(kind, "_fields"):
            return f"{self.function(kind)}({', '.join(parts)})"
        keys = self.value(list(structure.keys))
        return f"{self.function(tree.rebuild)}({self.function(kind)}, {keys}, [{', '.join(parts)}])"

    def text(self, title, commented=False, timed=False):
        """The whole program. `timed`: with a look at the clock after each line, for explain()."""
        names = [name for name in NUMPY if any(f"{name}(" in line for line in self._all())]
        memory = any("aligned(" in line for line in self.head)
        names += ["empty", "uint8"] if memory else []
        imports = {"numpy": sorted({*names, *self.imports.get("numpy", [])})}
        imports |= {module: sorted(set(found)) for module, found in self.imports.items() if module != "numpy"}
        out = [f'"""{title}"""', ""]
        out += [_folded(f"from {module} import ", found) for module, found in imports.items() if found]
        out += ["", "", ALIGNED] if memory else []
        out += ["", "", f"def bind({', '.join(self.given)}{', ' * bool(timed and self.given)}{'clock' * timed}):"]
        if len(self.head) > MANY:
            out.append(f"    global {', '.join(line.split(' = ')[0] for line in self.head)}")
        out += [f"    {line}" for line in self.head]
        out += ["", f"    def step({', '.join(self.numbers)}):"]
        out += ["        ticks = [clock()]"] if timed else []
        width = min(max((len(line.text) for line in self.lines), default=0), 60)
        for line in self.lines:
            if timed:
                out += [f"        {line.text}", "        ticks.append(clock())"]
            else:
                comment = line.comment() if commented else ""
                out.append(f"        {line.text:{width}}  # {comment}" if comment else f"        {line.text}")
        out += [f"        return {'ticks' if timed else self.result}", "", "    return step", ""]
        return "\n".join(out)

    def _all(self):
        return [*self.head, *(line.text for line in self.lines)]


def _is_transpose(y, x):
    return y.ndim == 2 and (y.shape, y.strides) == (x.shape[::-1], x.strides[::-1])


def _folded(start, names):
    """An import, in parentheses if it is long."""
    line = start + ", ".join(names)
    return line if len(line) <= 100 else f"{start}(\n" + "".join(f"    {name},\n" for name in names) + ")"
