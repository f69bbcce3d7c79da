"""Which operation made the NaN? A step of training is run once more under a tape that looks at every value."""

import linecache
import os

import numpy as np

from tinygen.autodiff import tree
from tinygen.autodiff.arraylike import frame_outside
from tinygen.autodiff.tape import Tape, Var

# Not lines of the user's program: this file, the engine, what joins functions to their derivatives, and NumPy.
INSIDE = (__name__, "tinygen.autodiff", "tinygen.program", "tinygen.byhand", "numpy")


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
    operations = []
    tape = Tape(watch=lambda entry: operations.append(_Operation(*entry, frame_outside(*INSIDE))))
    variables = tree.map(tape.input, params)
    with np.errstate(all="ignore"):
        result = f(variables, *rest)
        if not isinstance(result, Var):
            return "the loss does not depend on the parameters"
        if not _finite(result.value):
            return _forward(operations, result)
        return _backward(tape, operations, result)


class _Operation:
    """An entry of the tape, and the line of the user's program from which it came."""

    def __init__(self, slot, row, args, kw, y, parents, frame):
        self.slot, self.name, self.args, self.parents = slot, row.name, args, [parent for _, parent in parents]
        self.outputs = y if type(y) is tuple else (y,)
        self.file, self.line = frame.f_code.co_filename, frame.f_lineno


def _place(operations, i):
    """Number, file, line and source text of operation `i`."""
    op = operations[i]
    text = linecache.getline(op.file, op.line).strip()
    line = f", {os.path.basename(op.file)}:{op.line}: `{text}`" if text else ""
    return f"{op.name} (operation {i + 1} of {len(operations)}{line})"


def _forward(operations, result):
    """The first operations on the trail of `result` that made an inf and a NaN."""
    trail, first = {result.slot}, {}
    for i, op in reversed(list(enumerate(operations))):
        bad = [part for slot, part in enumerate(op.outputs, op.slot) if slot in trail and not _finite(part)]
        if bad:
            trail.update(op.parents)
            first[_bad(bad[0])] = i, bad[0]
    sentences = []
    for kind in ("NaN", "inf"):
        if kind in first and (kind == "NaN" or first[kind][0] < first.get("NaN", (len(operations),))[0]):
            i, value = first[kind]
            floats = [a for a in operations[i].args if isinstance(a, (float, np.floating, np.ndarray)) and np.size(a)]
            ranges = " and ".join(f"between {np.min(a):.6g} and {np.max(a):.6g}" for a in floats)
            source = f"{'an argument' if len(floats) == 1 else 'arguments'} {ranges}"
            sentences.append(f"the first {kind} came out of {_place(operations, i)}: {_counted(value)}, from {source}")
    return "; before it, ".join(sentences)


def _backward(tape, operations, result):
    """The first derivative rule that makes something else than finite numbers of finite numbers."""
    found, number = [], {op.slot: i for i, op in enumerate(operations)}

    def visit(slot, g, pulled):
        if all(_finite(part) for part in (g if type(g) is tuple else (g,))):
            found.extend((number[slot], argument, new) for argument, _, new in pulled if not _finite(new))

    tape.backward([(result.slot, result.dtype.type(1))], visit)
    if not found:
        return "the value is finite; its gradient overflowed while contributions were added up"
    i, argument, g = found[0]
    masked = not all(map(_finite, operations[i].outputs))
    hint = ". np.where throws the value away, but 0 times its derivative is NaN: mask the argument" if masked else ""
    return (
        f"the value is finite; the first {_bad(g)} of the gradient came out of the derivative of "
        f"{_place(operations, i)} by its argument {argument}: {_counted(g)}{hint}"
    )


def _finite(value):
    return value is None or not hasattr(value, "dtype") or value.dtype.kind != "f" or bool(np.isfinite(value).all())


def _bad(value):
    return "NaN" if np.isnan(value).any() else "inf"


def _counted(value):
    return f"{np.size(value) - np.count_nonzero(np.isfinite(value))} of {np.size(value)} values"
