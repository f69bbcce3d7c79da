"""Which operation made the NaN? A step of training is run once more under a tape that looks at every value."""

import linecache
import os
import sys
from types import SimpleNamespace

import numpy as np

from tinygen.autodiff import tree
from tinygen.autodiff.tape import Tape, Var

# Not lines of the user's program: this file, the engine, what joins functions to their derivatives, and NumPy.
TINYGEN = os.path.dirname(os.path.dirname(__file__))
INSIDE = (__file__, f"{TINYGEN}/autodiff", f"{TINYGEN}/program", f"{TINYGEN}/byhand", os.path.dirname(np.__file__))


def explain(f, params, *rest):
    """A sentence on where the scalar f(params, batch, noise), or its gradient by `params`, first stops being finite.

    Forward, the trail leads from the result back over the operations whose value is not finite to the first of them,
    so that a NaN that is masked out is not blamed. In the gradient, it is the first rule that made one of finite ones.

    >>> def f(p, x):
    ...     return np.sum(np.log(p - x))
    >>> print(explain(f, np.array([1.0, 2.0]), 1.5))  # doctest: +ELLIPSIS
    the first NaN came out of log (operation 2 of 3, ...): 1 of 2 values, from an argument between -0.5 and 0.5
    """
    for name, values in zip(("parameters", "batch", "noise"), (params, *rest)):
        for path, leaf in zip(tree.paths(values), tree.flatten(values)[0]):
            if not _finite(leaf):
                return f"the {name}{path} held {_bad(leaf)} before the step: {_counted(leaf)}"
    tape = Tape()
    tape.entries = operations = _Watched()
    variables = tree.map(tape.input, params)
    with np.errstate(all="ignore"):
        result = f(variables, *rest)
        if not isinstance(result, Var):
            return "the loss does not depend on the parameters"
        if not _finite(result.value):
            return _forward(operations, result)
        return _backward(tape, operations, result)


class _Watched(list):
    """The entries of a tape, and the line of the user's program from which each came."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def append(self, entry):
        super().append(entry)
        frame = sys._getframe(1)
        while frame.f_back and frame.f_code.co_filename.startswith(INSIDE):
            frame = frame.f_back
        self.lines.append((frame.f_code.co_filename, frame.f_lineno))

    def place(self, i):
        """Number, file, line and source text of operation `i`."""
        file, number = self.lines[i]
        text = linecache.getline(file, number).strip()
        line = f", {os.path.basename(file)}:{number}: `{text}`" if text else ""
        return f"{self[i][1].name} (operation {i + 1} of {len(self)}{line})"


def _forward(operations, result):
    """The first operations on the trail of `result` that made an inf and a NaN."""
    trail, first = {result.slot}, {}
    for i in reversed(range(len(operations))):
        slot, _, args, _, y, parents = operations[i]
        outputs = y if type(y) is tuple else (y,)
        bad = [part for j, part in enumerate(outputs) if slot + j in trail and not _finite(part)]
        if bad:
            trail.update(parent for _, parent in parents)
            first[_bad(bad[0])] = i, bad[0], args
    sentences = []
    for kind in ("NaN", "inf"):
        if kind in first and (kind == "NaN" or first[kind][0] < first.get("NaN", (len(operations),))[0]):
            i, value, args = first[kind]
            floats = [a for a in args if isinstance(a, (float, np.floating, np.ndarray)) and np.size(a)]
            ranges = " and ".join(f"between {np.min(a):.6g} and {np.max(a):.6g}" for a in floats)
            source = f"{'an argument' if len(floats) == 1 else 'arguments'} {ranges}"
            sentences.append(f"the first {kind} came out of {operations.place(i)}: {_counted(value)}, from {source}")
    return "; before it, ".join(sentences)


def _backward(tape, operations, result):
    """The first derivative rule that makes something else than finite numbers of finite numbers."""
    found = []
    tape.entries = [(slot, _watching(row, i, found), *entry) for i, (slot, row, *entry) in enumerate(operations)]
    tape.backward([(result.slot, result.dtype.type(1))])
    if not found:
        return "the value is finite; its gradient overflowed while contributions were added up"
    i, argument, g = found[0]
    values = operations[i][4]
    masked = any(not _finite(part) for part in (values if type(values) is tuple else (values,)))
    hint = ". np.where throws the value away, but 0 times its derivative is NaN: mask the argument" if masked else ""
    return (
        f"the value is finite; the first {_bad(g)} of the gradient came out of the derivative of {operations.place(i)} "
        f"by its argument {argument}: {_counted(g)}{hint}"
    )


def _watching(row, i, found):
    """The row, its rules noting in `found` where they lose finiteness."""

    class Rules:
        def __getitem__(self, argument):
            rule = row.rules[argument]

            def watched(g, y, *args, **kw):
                new = rule(g, y, *args, **kw)
                if not _finite(new) and all(_finite(part) for part in (g if type(g) is tuple else (g,))):
                    found.append((i, argument, new))
                return new

            return rule and watched

    return SimpleNamespace(name=row.name, rules=Rules())


def _finite(value):
    return value is None or not hasattr(value, "dtype") or value.dtype.kind != "f" or bool(np.isfinite(value).all())


def _bad(value):
    return "NaN" if np.isnan(value).any() else "inf"


def _counted(value):
    return f"{np.size(value) - np.count_nonzero(np.isfinite(value))} of {np.size(value)} values"
