"""What a function reads that is not an argument: globals, variables of enclosing functions, attributes, generators.

Found by walking from the function over the code that it can reach, before it runs. A recording freezes what it read;
so a plan remembers it, and a later call that finds it changed records again.
"""

import collections
import dis
import functools
import os
import sys
import types

import numpy as np

from tinygen.autodiff import tree

STANDARD = os.path.dirname(os.__file__)
ENGINE = __name__.split(".")[0]
MOST = 400  # things looked at: a walk over somebody's whole program would find changes that do not matter
LONG = 100  # a longer list is not looked at
WHOLE, SAMPLE = 1024, 64  # an array of up to so many entries is looked at whole, of a larger one about so many entries
MISSING = object()
PLAIN = (int, float, str, bool, bytes, type(None))
CONTAINERS = (dict, list, tuple, set, frozenset, collections.deque)


class Outside:
    """What `f` can reach. `arguments` are the arrays that it is given: those may change."""

    def __init__(self, f, arguments):
        self.arguments = arguments
        self.seen, self.names = {}, {}  # id of an array -> what it is called
        self.generators = [(np.random.mtrand._rand, "np.random"), (_random()._inst, "random")]
        self.variables = []  # (namespace or cell, name, what it says)
        self.containers, self.arrays = [], []
        self._visit(f, getattr(f, "__name__", "f"))
        self.seen = {}
        self.states = [_state(generator) for generator, _ in self.generators]
        self.remember()

    def drawn(self):
        """The names of the generators that were drawn from since they were found."""
        return [name for (generator, name), state in zip(self.generators, self.states) if _state(generator) != state]

    def remember(self):
        """What is there now is what a recording has read."""
        self.variables = [(where, name, _read(where, name)) for where, name, _ in self.variables]
        self.containers = [(x, _ids(x), list(_parts(x)), name) for x, *_, name in self.containers]
        self.arrays = [(sample, sample.tobytes(), name) for sample, _, name in self.arrays]

    def changed(self):
        """The name of something that is no longer what was remembered, or None."""
        for where, name, value in self.variables:
            now = _read(where, name)
            if now is not value and not (type(now) is type(value) and isinstance(now, PLAIN) and now == value):
                return name or "a variable of an enclosing function"
        for x, ids, _, name in self.containers:
            if _ids(x) != ids:
                return name
        return next((name for sample, content, name in self.arrays if sample.tobytes() != content), None)

    # ---- the walk ----

    def _visit(self, x, name):
        if isinstance(x, types.MethodType):
            self._function(x.__func__, x.__self__)
        elif isinstance(x, types.FunctionType):
            self._function(x)
        elif isinstance(x, PLAIN) or id(x) in self.seen or len(self.seen) >= MOST:
            return
        self.seen[id(x)] = x
        if isinstance(x, functools.partial):
            for part in (x.func, *x.args, *x.keywords.values()):
                self._visit(part, name)
        elif isinstance(x, np.ndarray):
            self._array(x, name)
        elif isinstance(x, (np.random.Generator, np.random.RandomState, np.random.BitGenerator, _random().Random)):
            self.generators.append((x, name))
        elif isinstance(x, CONTAINERS):
            if len(x) <= LONG:
                self.containers.append((x, None, None, name))
                for key, part in tree.entries(x) or enumerate(x):
                    self._visit(part, f"{name}[{key!r}]")
        elif callable(x) and not isinstance(x, type):
            inner = vars(x).get("f") if _of_a_library(type(x)) and hasattr(x, "__dict__") else None  # a compiled one
            call = type(x).__call__
            if inner is not None:
                self._visit(inner, name)
            elif isinstance(call, types.FunctionType) and not _of_a_library(call):
                self._function(call, x)

    def _array(self, x, name):
        self.names[id(x)] = name
        looked_at = x.dtype.kind in "fiubc" and x.size
        if looked_at and not any(np.may_share_memory(x, a) for a in self.arguments):
            self.arrays.append((_sample(x), None, name))

    def _function(self, f, bound=MISSING):
        """The variables of enclosing functions, the globals and, if it is bound, the attributes that `f` reads."""
        if (id(f), id(bound)) in self.seen or len(self.seen) >= MOST:
            return
        self.seen[id(f), id(bound)] = f, bound
        library = _of_a_library(f)
        cells = dict(zip(f.__code__.co_freevars, f.__closure__ or ()))
        for name, cell in cells.items():
            self._note(cell, name, library)
        if library:
            return
        parameters = f.__code__.co_varnames[: f.__code__.co_argcount]
        defaults = {**dict(zip(reversed(parameters), reversed(f.__defaults__ or ()))), **(f.__kwdefaults__ or {})}
        for name, value in defaults.items():
            self._visit(value, name)
        self._visit(bound, "self")
        local = {**defaults, **dict.fromkeys(parameters[:1] if bound is not MISSING else (), bound)}
        codes = [f.__code__]
        for code in codes:
            value = MISSING
            for step in dis.get_instructions(code):
                value = self._follow(step, f.__globals__, cells, local if code is f.__code__ else {}, value)
            codes += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]

    def _follow(self, step, namespace, cells, local, value):
        """One instruction: what it puts on the stack if that is a global, a cell, `self` or an attribute of `value`."""
        name = step.argval
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            return self._note(namespace, name)
        if step.opname == "LOAD_DEREF":
            return _read(cells[name], name) if name in cells else MISSING
        if step.opname.startswith("LOAD_FAST"):
            return local.get(name, MISSING)
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD") and value is not MISSING:
            return self._attribute(value, name)
        return MISSING

    def _attribute(self, x, name):
        if isinstance(x, types.ModuleType):
            return MISSING if _of_a_library(x) else self._note(vars(x), name)
        kind = x if isinstance(x, type) else type(x)
        for namespace in [getattr(x, "__dict__", {}), *map(vars, kind.__mro__)]:
            if name in namespace:
                value = namespace[name]
                value = value.fget if isinstance(value, property) else value
                if isinstance(value, (classmethod, staticmethod)):
                    self._function(value.__func__, kind if isinstance(value, classmethod) else MISSING)
                    return MISSING
                if not isinstance(value, types.FunctionType) or namespace is getattr(x, "__dict__", None):
                    return self._note(namespace, name)
                if not _of_a_library(value):
                    self._function(value, x)
                return MISSING
        return MISSING

    def _note(self, where, name, library=False):
        value = _read(where, name)
        if value is MISSING or isinstance(value, types.ModuleType):
            return value
        if not library and (id(where), name) not in self.seen:
            self.seen[id(where), name] = where
            self.variables.append((where, name, value))
        self._visit(value, name)
        return value


def _read(where, name):
    if isinstance(where, types.CellType):
        try:
            return where.cell_contents
        except ValueError:
            return MISSING
    return where.get(name, MISSING)


def _parts(x):
    return x.values() if isinstance(x, dict) else x


def _ids(x):
    return [*map(id, _parts(x))]


def _sample(x):
    """A view of some entries, spread over the array."""
    if x.size <= WHOLE:
        return x
    each = max(1, round(SAMPLE ** (1 / x.ndim)))
    return x[tuple(slice(None, None, max(1, n // each)) for n in x.shape)]


def _random():
    import random  # here, since it is needed when something is compiled, and takes a while to load

    return random


def _state(generator):
    if isinstance(generator, np.random.Generator):
        generator = generator.bit_generator
    if isinstance(generator, _random().Random):
        return generator.getstate()
    state = generator.state if hasattr(generator, "state") else generator.get_state(legacy=False)
    return repr(state)


def _of_a_library(x):
    """Whether somebody else wrote this function, class or module: Python, an installed package, or the engine."""
    name = x.__name__ if isinstance(x, types.ModuleType) else getattr(x, "__module__", None)
    if isinstance(x, types.FunctionType):
        name = x.__globals__.get("__name__")  # a derivative says that it is of its function's module
    if not name or name == "__main__":
        return False
    file = getattr(sys.modules.get(name), "__file__", None)
    known = name.split(".")[0]
    return known == ENGINE or known in sys.builtin_module_names or is_library_file(file or "")


def is_library_file(file):
    """Whether a file of Python code belongs to Python or to an installed package."""
    return file.startswith((STANDARD, "<frozen")) or "site-packages" in file or "dist-packages" in file
