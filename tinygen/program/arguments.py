"""The arguments of a compiled function: what a plan depends on, and who brings them to where the plan reads them."""

import numpy as np

from tinygen.autodiff import tree
from tinygen.autodiff.tape import Var

MISS = NotImplemented  # what a caller returns if the arguments do not fit it, or at a point that no replay can compute


def scan(x, leaves, key):
    """Collect the inputs in `x`, and all that a plan depends on."""
    kind = type(x)
    if kind is np.ndarray:
        leaves.append(x)
        key.append(x.shape)
        key.append(x.dtype)
        if not x.flags.c_contiguous:
            key.append(x.strides)
    elif kind is float:
        leaves.append(x)
        key.append(...)  # not float, nor "float": np.dtype(np.float64) equals both
    elif kind is tuple or kind is list:
        key.append(len(x))
        key.append(kind)
        for part in x:
            scan(part, leaves, key)
    elif kind is dict:
        key.append(tuple(x))
        for part in x.values():
            scan(part, leaves, key)
    elif kind is Var:
        key.append(Var)
    elif x is None or kind in (int, str, bool):
        key.append((kind, x))
    elif isinstance(x, np.ndarray):
        raise TypeError(f"a compiled function takes plain arrays, got a {kind.__name__}: use np.asarray.")
    elif isinstance(x, np.generic):
        leaves.append(x)
        key.append(x.dtype)
    elif tree.entries(x) is not None:
        pairs = tree.entries(x)
        key.append((kind, *(k for k, _ in pairs)))
        for _, part in pairs:
            scan(part, leaves, key)
    else:
        remedy = ": draw outside and pass the noise as an array." if isinstance(x, np.random.Generator) else "."
        raise TypeError(f"a compiled function takes arrays, numbers, str, bool and None, got a {kind.__name__}{remedy}")


def place_like(x):
    """A new array of the same shape, dtype and strides, which decide the order of later sums."""
    if x.flags.c_contiguous:
        return np.empty(x.shape, x.dtype)
    spans = [(n - 1) * step for n, step in zip(x.shape, x.strides)]
    before = -sum(span for span in spans if span < 0)
    raw = np.empty(before + sum(span for span in spans if span > 0) + x.itemsize, np.uint8)
    return np.ndarray(x.shape, x.dtype, raw, before, x.strides)


def caller(args, kw, places, pairs, step, outside):
    """A function `call(args, kw)` that looks whether its arguments are like `args` and `kw`, copies and runs `step`.

    places: for each input, the array that it is copied to; None: it has to be the same object, or is a number.
    pairs: numbers of inputs that have to be different arrays.
    It returns MISS if something does not fit, or if something in `outside` is no longer what was remembered.
    Written out as Python and compiled, since it runs at each call.
    """
    return _Caller(places, pairs, step).build(args, kw, outside)


class _Caller:
    def __init__(self, places, pairs, step):
        self.places, self.pairs, self.lines, self.numbers = iter(places), pairs, [], []
        self.arrays, self.filled = [], {}  # for each input its name; id of a place -> who is copied there
        self.names = {"MISS": MISS, "copyto": np.copyto, "ndarray": np.ndarray, "step": step}
        self.count = 0

    def build(self, args, kw, outside):
        for cell_or_space, name, value in outside.variables:
            where = self.keep(cell_or_space)
            read = f"{where}.get({name!r})" if hasattr(cell_or_space, "get") else f"{where}.cell_contents"
            self.miss(f"{read} is not {self.keep(value)}")
        for x, ids, _, _ in outside.containers:
            values = self.keep(x) + ".values()" * isinstance(x, dict)
            self.miss(f"[*map(id, {values})] != {self.keep(ids)}")
        for sample, content, _ in outside.arrays:
            self.miss(f"{self.keep(sample)}.tobytes() != {self.keep(content)}")
        self.node(args, "args")
        self.node(kw, "kw") if kw else self.miss("kw")
        for i, j in self.pairs:
            if self.arrays[i] != self.filled.get(self.arrays[j]):
                self.miss(f"{self.arrays[i]} is {self.arrays[j]}")
        lines = [*self.lines, f"return step({', '.join(self.numbers)})"]
        exec("def call(args, kw):\n" + "".join(f"    {line}\n" for line in lines), self.names)
        return self.names["call"]

    def keep(self, value):
        """A name for an object."""
        if value is None:
            return "None"
        self.count += 1
        self.names[f"k{self.count}"] = value
        return f"k{self.count}"

    def miss(self, condition):
        self.lines.append(f"if {condition}: return MISS")

    def node(self, x, name):
        kind = type(x)
        if kind is np.ndarray:
            self.arrays.append(name)
            self.array(x, name, next(self.places))
        elif isinstance(x, (float, np.generic)):
            next(self.places)
            self.arrays.append(name)
            self.miss(f"type({name}) is not {self.keep(kind)}")
            self.numbers.append(name)
        elif x is None:
            self.miss(f"{name} is not None")
        elif tree.entries(x) is None:  # int, str, bool
            self.miss(f"type({name}) is not {self.keep(kind)} or {name} != {x!r}")
        else:
            self.container(x, name, kind)

    def array(self, x, name, place):
        if place is None:
            self.miss(f"{name} is not {self.keep(x)}")
            return
        if id(place) in self.filled:
            self.miss(f"{name} is not {self.filled[id(place)]}")
            self.filled[name] = self.filled[id(place)]
            return
        self.filled[id(place)] = name
        layout = f"{name}.strides != {x.strides}" if not x.flags.c_contiguous else f"not {name}.flags.c_contiguous"
        same = f"type({name}) is not ndarray or {name}.shape != {x.shape} or {name}.dtype != {self.keep(x.dtype)}"
        self.miss(f"{same} or {layout}")
        self.lines.append(f"copyto({self.keep(place)}, {name})")

    def container(self, x, name, kind):
        pairs = tree.entries(x)
        parts = [f"p{len(self.lines)}_{i}" for i in range(len(pairs))]
        if isinstance(x, dict):
            self.miss(f"type({name}) is not {self.keep(kind)} or [*{name}] != {self.keep(list(x))}")
            whole = f"{name}.values()"
        elif isinstance(x, (list, tuple)):
            self.miss(f"type({name}) is not {self.keep(kind)} or len({name}) != {len(pairs)}")
            whole = name
        else:
            self.miss(f"type({name}) is not {self.keep(kind)}")
            whole = f"({', '.join(f'{name}.{key}' for key, _ in pairs)},)"
        if parts:
            self.lines.append(f"{', '.join(parts)}, = {whole}")
        for part, (_, value) in zip(parts, pairs):
            self.node(value, part)
