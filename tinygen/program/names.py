"""What the values of a recorded program are called: by their variables in `f`, where those can be seen."""

import inspect
import sys

import numpy as np

from tinygen.autodiff import tree
from tinygen.autodiff.tape import Var
from tinygen.program.outside import is_library_file
from tinygen.program.program import is_input

ENGINE = ("tinygen.autodiff", "tinygen.program", "tinygen.byhand")


class Locals:
    """While it is entered, notes at each return which local variables hold a value of the recording.

    `code`: look at this function's variables only. `drew`: whether somebody asked the system for entropy, as an
    unseeded random generator does.
    """

    def __init__(self, code=None):
        self.code, self.found, self.drew = code, [], False
        self.skipped = {}  # code -> whether it is the engine's
        self.trees = {}  # (code, variable, id) -> the tree that was looked at there: once is enough
        import random  # here, since it takes a while to load

        self.entropy = random.SystemRandom.getrandbits.__code__

    def __enter__(self):
        self.before = sys.getprofile()
        self.active = self.before is None or inspect.isfunction(self.before)  # another profiler keeps its place
        if self.active:
            sys.setprofile(self._event)
        return self

    def __exit__(self, *_):
        if self.active:
            sys.setprofile(self.before)

    def _event(self, frame, event, _):
        if event == "return":  # most events are calls of functions in C: nothing else may cost anything
            code = frame.f_code
            if code is self.code if self.code else not self._skip(frame, code):
                self._look(code, frame.f_locals)
        elif event == "call" and frame.f_code is self.entropy:
            self.drew = True

    def _look(self, code, variables):
        for name, value in variables.items():
            if not name.isidentifier():
                continue  # the hidden variable of a comprehension
            if type(value) is Var:
                self.found.append((_slot(value), name, ""))
            elif self.trees.get((code, name, id(value))) is not value and tree.entries(value):
                self.trees[code, name, id(value)] = value
                leaves = zip(tree.paths(value), tree.flatten(value)[0])
                self.found += [(_slot(leaf), name, path) for path, leaf in leaves if type(leaf) is Var]

    def _skip(self, frame, code):
        skip = self.skipped.get(code)
        if skip is None:
            module = frame.f_globals.get("__name__") or ""
            skip = self.skipped[code] = module.startswith(ENGINE) or is_library_file(code.co_filename)
        return skip


def _slot(leaf):
    """The slot of a Var of the recording, also under the Vars of derivatives taken inside."""
    while type(leaf) is Var and type(leaf.value) is Var:
        leaf = leaf.value
    return leaf.slot if type(leaf) is Var and leaf.tape.recording else None


def code_of(f):
    """The code that a function was written as, or None."""
    return getattr(inspect.unwrap(f), "__code__", None)


def input_names(f, args, kw=None):
    """What the inputs are called: the parameter's name, and the place in its tree."""
    try:
        names = list(inspect.signature(inspect.unwrap(f)).parameters)
    except (TypeError, ValueError):
        names = []
    names = [*names[: len(args)], *(f"arg{i}" for i in range(len(names), len(args))), *(kw or {})]
    found = []
    for name, arg in zip(names, [*args, *(kw or {}).values()]):
        leaves, _ = tree.flatten(arg)
        found += [name + path for path, leaf in zip(tree.paths(arg), leaves) if is_input(leaf)]
    return found


def names_of(program, inputs, local):
    """slot -> name for all values, and the set of slots that carry a name of f's; others are v1, v2, ..."""
    names, own = dict(zip((slot for slot, _ in program.inputs), inputs)), set()
    produced = {slot for op in program.operations for slot in op.outputs}
    for slot, name, path in local:
        if slot in produced and slot not in own:
            taken = name + path in inputs  # `m = 0.9 * m + ...`: the new m is m'
            names[slot] = f"{name}{path}'" if taken else name + path
            own.add(slot)
    fresh = 0
    for op in program.operations:
        for slot in op.outputs:
            if slot not in names:
                fresh += 1
                names[slot] = f"v{fresh}"
    return names, own


def operands(op, names):
    """The operation's arguments: names for slots, short texts for constants."""
    known = dict(op.parents)
    return [names[known[i]] if i in known else _constant(a) for i, a in enumerate(op.args)]


def written(op, names):
    """The operation as somebody would write it."""
    args = [str(a) for a in operands(op, names)]
    symbol = op.row.symbol
    if symbol == "[]":
        return f"{args[0]}[{', '.join(args[1:])}]"
    if symbol:
        return f"{args[0]} {symbol} {args[1]}" if len(args) == 2 else f"{symbol}{args[0]}"
    return f"{op.row.name}({', '.join([*args, *(f'{k}={_constant(v)}' for k, v in op.kw.items())])})"


def _constant(a):
    if isinstance(a, (np.ndarray, np.generic)) and np.size(a) and np.all(a == np.ravel(a)[0]):
        return f"{np.ravel(a)[0]:.6g}" if a.dtype.kind in "fiu" else str(np.ravel(a)[0])
    if isinstance(a, np.ndarray):
        return f"<{a.dtype} {a.shape}>"
    return index_text(a) if isinstance(a, slice) or a is Ellipsis else str(a)


def index_text(a):
    """A slice or Ellipsis as it is written between brackets."""
    if a is Ellipsis:
        return "..."
    parts = (a.start, a.stop) if a.step is None else (a.start, a.stop, a.step)
    return ":".join("" if part is None else str(part) for part in parts)
