"""Where in the function went the derivative wrong? Each step of the chain rule is spoiled in turn, and the results compared.

Only where tinygen differentiates the function and agrees with the numeric gradient: then a recording knows the piece of
source of each operation, and the student reads which expression was differentiated wrongly.
"""

from collections import defaultdict

import numpy as np

from tinygen.check.evidence import Guess, scaled
from tinygen.check.fields import OWN

_LINEAR = {"add", "subtract", "negative", "positive", "sum", "reshape", "ravel", "broadcast_to", "getitem", "transpose", "stack"}
_LOCAL = {  # wrong local derivatives of an operation y = op(x)
    "x": lambda x, y: x, "y": lambda x, y: y, "x^2": lambda x, y: x**2, "1/x": lambda x, y: 1 / x, "1/y": lambda x, y: 1 / y,
    "1 - x": lambda x, y: 1 - x, "1 - y": lambda x, y: 1 - y, "1 + y": lambda x, y: 1 + y, "y^2": lambda x, y: y**2,
    "1/x^2": lambda x, y: 1 / x**2, "y (1 - y)": lambda x, y: y * (1 - y), "x (1 - x)": lambda x, y: x * (1 - x),
    "x y": lambda x, y: x * y, "sqrt(x)": lambda x, y: np.sqrt(x), "1 where x > 0": lambda x, y: 1.0 * (x > 0),
    "1 - y^2": lambda x, y: 1 - y**2, "1 - x^2": lambda x, y: 1 - x**2, "exp(x)": lambda x, y: np.exp(x),
    "2 x": lambda x, y: 2 * x, "2 y": lambda x, y: 2 * y, "-1/x": lambda x, y: -1 / x, "cos(x)": lambda x, y: np.cos(x),
}  # fmt: skip
_OPERAND = {  # wrong forms in which the other operand of an operation is used on the way back
    "v^2": np.square, "sqrt(v)": np.sqrt, "1/v": np.reciprocal, "exp(v)": np.exp, "log(v)": np.log, "tanh(v)": np.tanh,
    "arctanh(v), the value before the tanh": np.arctanh, "max(v, 0)": lambda v: np.maximum(v, 0),
    "exp(v / 2)": lambda v: np.exp(v / 2), "1 - v": lambda v: 1 - v, "v minus its mean": lambda v: v - v.mean(0),
}  # fmt: skip


def path_mistakes(case, recording, numbers):
    """Guesses: one local derivative of the chain rule is missing, scaled, of the wrong sign, or taken wrongly."""
    groups = defaultdict(list)
    for edge in recording.edges:
        groups[(*recording.group(edge.step), edge.i)].append(edge)
    cost = 3 + np.log2(len(groups) + 1)
    slack = case.tolerance + 1e-13 * np.max(abs(case.expected[case.known]))
    some = [n for n in numbers if n.cost <= 6 and n.value != 1]
    for edges in groups.values():
        whole = _sum(case, (recording.pull(edge.parent, edge.k) for edge in edges))
        if not np.any(whole):
            continue
        yield from _scaled_path(case, recording, edges, whole, some, slack, cost)
        if len(edges) > 1:
            for words, kept in (("last", edges[0]), ("first", edges[-1])):
                yield _guess(case, recording, edges[0], "batch", cost + 1, recording.pull(kept.parent, kept.k) - whole, slack,
                             f"only the {words} turn of the loop counts: = in place of +=?")  # fmt: skip
        for kind, extra, words, change in _changes(recording, edges[0]):
            try:
                other = _sum(case, (recording.pull(edge.parent, change(edge)) for edge in edges))
            except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError):
                continue  # an altered operand need not fit
            yield _guess(case, recording, edges[0], kind, cost + extra, other - whole, slack, words)
    yield from _spoiled_values(case, recording, slack, cost)


def _sum(case, parts):
    return np.broadcast_to(sum(parts), case.got.shape)


def _guess(case, recording, edge, kind, cost, change, slack, words):
    place = recording.places[edge.step]
    return Guess(kind, cost, case.expected + change, f"dL/d{case.name} comes out like this if, at {place}, {words}.",
                 where=f"{place.file}:{place.line}", slack=slack)  # fmt: skip


def _scaled_path(case, recording, edges, whole, numbers, slack, cost):
    """got = expected + (c - 1) * the path's part."""
    rest = case.expected - whole
    c = scaled(case, rest, whole, numbers, slack=slack)
    if c is None or np.all(abs(rest) <= slack):
        return  # all of the gradient comes this way: a factor of the whole
    edge = edges[0]
    term = recording.row(edge) in ("add", "subtract")
    place, source = recording.places[edge.step], recording.source(edge.parent)
    part = f"`{source}` (line {place.line})" if term else f"`{source}` in {place}"
    what = {0: "is missing: its derivative was taken for 0", -1: "has the wrong sign", 2: "counts twice", 0.5: "counts half"}
    words = what.get(c.value, f"counts {c.words} times")
    yield Guess("term" if term else "path", cost + c.cost - 0.5 * term, rest + c.value * whole,
                f"In dL/d{case.name} what comes through {part} {words}.", where=f"{place.file}:{place.line}", slack=slack)  # fmt: skip


def _changes(recording, edge):
    """(kind, cost, words, edge -> the wrong cotangent) for one operation's local derivative."""
    args, y, name = recording.args(edge), recording.y(edge), recording.row(edge)
    if type(y) is tuple:
        return
    p = np.shape(args[edge.i])
    single = sum(isinstance(v, (np.ndarray, np.generic, float)) and np.asarray(v).dtype.kind == "f" for v in args) == 1
    if name in ("where", "maximum", "minimum", "clip"):
        yield "path", 1, "the kink is left out: this branch is taken everywhere", lambda e: _summed(e.g[0], p)
        yield "path", 1, "the kink is left out: this branch is taken nowhere", lambda e: 0 * e.k
    elif name not in _LINEAR and _fits(p, np.shape(y)):
        yield "chain-factor", 1, _left_out(recording, edge, single), lambda e: _summed(e.g[0], p)
    if np.shape(y) == p and name not in _LINEAR and single:
        yield ("chain-factor", 3, "the derivative is multiplied in twice",
               lambda e: e.k * e.k / np.where(e.g[0] == 0, 1, e.g[0]))  # fmt: skip
        mixed = "the derivative is taken of the {}: its formula wants the {}"
        yield ("chain-factor", 3, mixed.format("input", "output"),
               lambda e: recording.local(e, y=recording.args(e)[e.i]))  # fmt: skip
        yield "chain-factor", 3, mixed.format("output", "input"), lambda e: _with(recording, e, e.i, lambda v: recording.y(e))
        for words, function in _LOCAL.items():
            yield ("chain-factor", 5, f"the derivative is taken to be {words} (x the input, y the output)",
                   lambda e, f=function: e.g[0] * f(recording.args(e)[e.i], recording.y(e)))  # fmt: skip
    for j, other in enumerate(args):
        if j != edge.i and isinstance(other, (np.ndarray, np.generic, float)) and np.asarray(other).dtype.kind == "f":
            yield from _operands(recording, edge, j, np.asarray(other))


def _left_out(recording, edge, single):
    """Words for a local derivative of 1 in place of the right one."""
    if single:
        return "the derivative is left out of the chain rule"
    others = [recording.source(parent) for i, parent in recording.all[edge.step][5] if i != edge.i]
    constants = [v for j, v in enumerate(recording.args(edge)) if j != edge.i and isinstance(v, (int, float))]
    what = f" `{others[0]}`" if others else f" {constants[0]:g}" if constants else ""
    return f"the factor{what} is left out"


def _operands(recording, edge, j, other):
    """The other operand, `other`, goes in wrongly on the way back: transposed, its square, or another value in its place."""
    if other.ndim == 2 and other.shape[0] == other.shape[1]:
        yield ("transpose", 1, "the other factor is not transposed on the way back (or is, and should not be)",
               lambda e: _with(recording, e, j, np.transpose))  # fmt: skip
    for words, function in _OPERAND.items():
        yield "chain-factor", 5, f"the other operand v goes in as {words}", lambda e, f=function: _with(recording, e, j, f)
    if len(recording.edges) > 100:
        return
    slot = dict(recording.all[edge.step][5]).get(j)
    for rival, value in recording.values.items():
        if rival != slot and np.shape(value) == other.shape and other.ndim and not np.array_equal(value, other):
            whose = f" `{recording.source(slot)}`" if slot is not None else ""
            yield ("chain-factor", 4, f"`{recording.source(rival)}` is used in place of{whose or ' the other operand'}",
                   lambda e, v=value: _with(recording, e, j, lambda _: v))  # fmt: skip


def _spoiled_values(case, recording, slack, cost):
    """The cotangent of an intermediate value has a factor too many, is transposed, shifted, or averaged over the batch."""
    groups = defaultdict(list)
    for slot in recording.cotangents:
        if slot in recording.maker:
            groups[recording.group(recording.maker[slot])].append(slot)
    for slots in groups.values():
        place = recording.places[recording.maker[slots[0]]]
        for kind, extra, words, change in _value_changes(np.shape(recording.values[slots[0]])):
            with np.errstate(all="ignore"):
                changed = [(slot, change(recording.cotangents[slot], recording.values[slot])) for slot in slots]
            if all(np.all(np.isfinite(g)) for _, g in changed):
                spoiled = _sum(case, (recording.pull(slot, g - recording.cotangents[slot]) for slot, g in changed))
                yield Guess(kind, cost + extra, case.expected + spoiled, f"dL/d{case.name} comes out like this if what goes back "
                            f"through {place} {words}.", where=f"{place.file}:{place.line}", slack=slack)  # fmt: skip


def _value_changes(shape):
    if len(shape) == 2 and shape[0] == shape[1]:
        yield "transpose", 2, "is transposed", lambda g, v: g.T
    if shape and shape[0] > 2:
        for step, words in ((1, "late"), (-1, "early")):
            yield "shift", 3, f"has its rows one place too {words}", lambda g, v, s=step: np.roll(g, s, 0)
        yield ("broadcast", 3, "is summed over the batch for every row: (B, 1) against (B,) blown up to (B, B)?",
               lambda g, v: np.broadcast_to(g.sum(0), g.shape))  # fmt: skip
        yield "broadcast", 4, "is averaged over the batch for every row", lambda g, v: np.broadcast_to(g.mean(0), g.shape)
    for words, (function, _) in OWN.items():
        yield "chain-factor", 5, f"has a factor {words.format('v')} too many, v being that value", lambda g, v, f=function: g * f(v)


def _with(recording, edge, j, function):
    """The local derivative with argument `j` replaced by `function` of it."""
    args = list(recording.args(edge))
    args[j] = function(np.asarray(args[j]))
    return recording.local(edge, args=args)


def _fits(small, large):
    """Whether an array of shape `small` is broadcast to shape `large`."""
    return len(small) <= len(large) and all(n in (1, m) for n, m in zip(small[::-1], large[::-1]))


def _summed(g, shape):
    """`g` summed over the axes along which `shape` was broadcast."""
    g = g.sum(tuple(range(g.ndim - len(shape))))
    return g.sum(tuple(a for a, n in enumerate(shape) if n == 1 and g.shape[a] != 1), keepdims=True)
