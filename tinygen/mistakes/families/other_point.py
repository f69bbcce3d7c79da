"""The right gradient of another question: of f at other arguments, exchanged, off by one, or of a part of the batch."""

import re
from dataclasses import dataclass, field

import numpy as np

from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.family import family
from tinygen.mistakes.scales import role_of
from tinygen.mistakes.words import say

MOST = 60  # gradients at altered arguments in one diagnosis
SWAPPED = "are the labels swapped?"
UNLIKELY = -9  # bits: many other causes make a gradient look like this, and each is plainer


@dataclass(frozen=True)
class Alteration:
    """f at other arguments: `changes` {position: value}; `words` what they are.

    worth: bits by which it is likelier than the others. back: brings the gradient there back to the checked argument.
    factor: whether a forgotten number may come on top.
    """

    kind: str
    worth: float
    words: str
    changes: dict
    back: object = field(default=lambda g: g)
    factor: bool = False


@family("searched")
def another_point(case):
    """got = c * the gradient of f at altered arguments."""
    simple = [n for n in case.numbers if n.cost <= 3 and n.value]
    one = [n for n in simple if n.value == 1]
    alterations = sorted(_alterations(case), key=lambda alteration: -alteration.worth)
    cost = 3 + np.log2(1 + len(alterations))
    for alteration in alterations[:MOST]:
        args = tuple(alteration.changes.get(i, value) for i, value in enumerate(case.args))
        found = case.gradient(args=args)
        if found is None:
            continue
        gradient, bar = (np.asarray(alteration.back(part)) for part in found)
        if gradient.shape != case.got.shape or not np.all(np.isfinite(gradient)):
            continue
        slack = np.maximum(case.tolerance, abs(bar))
        base = np.zeros(case.got.shape)
        c = scaled(case, base, gradient, simple if alteration.factor else one, slack=slack, free=False)
        if c is not None:
            also = "" if c.value == 1 else f" (times {c})"
            sentence = say("at", d=f"dL/d{case.name}", where=alteration.words + also)
            predicted = c.value * gradient
            yield Guess(alteration.kind, cost - alteration.worth + c.cost, predicted, sentence, slack=slack)


def _alterations(case):
    yield from _exchanges(case)
    for i, name, array in case.others():
        if array.dtype.kind in "iu":
            yield from _counted(i, name, array, case.args[i])
        elif array.dtype.kind == "f":
            yield from _other(i, name, array)
    yield from _own(case)
    yield from _batch_parts(case)


def _counted(i, name, array, value):
    """An index or a count that is off by one; labels that are swapped."""
    for labels, words, other in ((0, 1), "1 - ", 1 - array), ((-1, 1), "-", -array):
        if array.ndim and array.dtype.kind == "i" and set(np.unique(array)) == set(labels):
            yield Alteration("other-point", 5, f"for {words}{name} in place of {name}: {SWAPPED}", {i: other})
    for step in (-1, 1):
        moved = array + np.array(step, array.dtype) if array.ndim or not isinstance(value, int) else int(array) + step
        if array.size and np.min(moved) >= 0:
            sign = "-" if step < 0 else "+"
            words = f"for {name} {sign} 1 in place of {name}: {name} is off by one."
            yield Alteration("other-point", 4, words, {i: moved})


def _other(i, name, array):
    """Another argument of floats, altered."""

    def alter(kind, worth, words, value, **options):
        value = np.asarray(value).astype(array.dtype)
        return Alteration(kind, worth, words, {i: value if array.ndim else float(value)}, **options)

    if not np.all(array == 1):
        yield alter(
            "chain-factor", 1, f"if {name} were 1 everywhere: the factor {name} is left out.", np.ones_like(array)
        )
    yield alter("path", -2, f"if {name} were 0: the part that comes through {name} is left out.", 0 * array)
    yield alter("other-point", 1, f"for -{name} in place of {name}: the sign of {name}.", -array)
    if np.all((array > 0) & (array < 1)):
        yield alter("other-point", 1, f"for 1 - {name} in place of {name}.", 1 - array)
    if set(np.unique(array)) == {0, 1}:
        yield alter("other-point", 4, f"for 1 - {name} in place of {name}: {SWAPPED}", 1 - array)
    if set(np.unique(array)) == {-1, 1}:
        yield alter("other-point", 4, f"for -{name} in place of {name}: {SWAPPED}", -array)
    if array.ndim and array.shape[0] > 1:
        mean = np.broadcast_to(array.mean(0, keepdims=True), array.shape)
        words = f"if every {name} were their mean: (B, 1) against (B,) was broadcast to (B, B)?"
        yield alter("broadcast", 2, words, mean, factor=True)
        yield alter("order", 1, f"for {name} reversed: {name} is flipped, or should have been.", array[::-1])
    if array.ndim == 2 and array.shape[0] == array.shape[1]:
        yield alter(
            "transpose", 2, f"for {name}.T in place of {name}: a transpose is missing, or one too many.", array.T
        )
    blown = "in f itself, (B,) and (B, 1) are broadcast to (B, B)."
    if array.ndim == 1:
        yield alter("broadcast", 1, f"for {name} of shape (B, 1): {blown}", array[:, None])
    if array.ndim == 2 and array.shape[1] == 1:
        yield alter("broadcast", 1, f"for {name} of shape (B,): {blown}", array[:, 0])
    if array.ndim == 0 or role_of(name):
        for form, value in (
            ("{}**2", array**2),
            ("sqrt({})", np.sqrt(abs(array))),
            ("{} - 1", array - 1),
            ("{} + 1", array + 1),
        ):
            yield alter("other-point", 0, f"for {form.format(name)} in place of {name}.", value)
        for form, value in (
            ("2 * {}", 2 * array),
            ("{} / 2", array / 2),
        ):  # the path through it, by a factor, says more
            yield alter("other-point", -3, f"for {form.format(name)} in place of {name}.", value)


def _exchanges(case):
    """Two arguments of one shape in each other's place: KL the other way round, prediction and target, q and p."""
    args, names = case.args, case.names
    arrays = [i for i, v in enumerate(args) if isinstance(v, np.ndarray) and v.dtype.kind == "f"]
    pairs = [(i, j) for n, i in enumerate(arrays) for j in arrays[n + 1 :] if args[i].shape == args[j].shape]
    numbered = [(i, j) for i, j in pairs if re.sub(r"\d", "", names[i]) == re.sub(r"\d", "", names[j])]
    groups = [*([numbered] if len(numbered) > 1 else []), *([pair] for pair in pairs[:12])]
    for group in groups:
        swapped = {a: args[b] for i, j in group for a, b in ((i, j), (j, i))}
        words = " and ".join(f"{names[i]} and {names[j]}" for i, j in group)
        order = ": a divergence the other way round?" if group is numbered else "."
        alike = sum(np.shape(args[i]) == case.x.shape for i in arrays)  # of two alone, each may be taken for the other
        worth = 2 if group is numbered or alike == 2 or case.argnum not in group[0] else -2
        yield Alteration("other-point", worth, f"for f with {words} exchanged{order}", swapped)
    for i, j in pairs[:12]:
        if case.argnum not in (i, j) and np.any(args[i] != args[j]):
            yield Alteration("other-point", 1, f"with {names[i]} in place of {names[j]}.", {j: args[i]})
            yield Alteration("other-point", 1, f"with {names[j]} in place of {names[i]}.", {i: args[j]})


def _own(case):
    """The checked argument itself, altered: twice the log variance, the other axis."""
    x, k, name = np.asarray(case.args[case.argnum]), case.argnum, case.name
    hints = {2: "exp(logvar) used as standard deviation?", 0.5: "exp(logvar / 2) used as variance?"}
    for factor in (2, 0.5):
        end = f": {hints[factor]}" if role_of(name) == "logvar" else "."
        for inner in (1, factor):
            words = f"at {factor:g} * {name} in place of {name}{end}"
            worth = 1 if role_of(name) == "logvar" else UNLIKELY
            yield Alteration("other-point", worth, words, {k: (factor * x).astype(x.dtype)}, lambda g, c=inner: c * g)
    for inner in (1, -1):
        words = f"at -{name} in place of {name}."
        yield Alteration("other-point", UNLIKELY, words, {k: -x}, lambda g, c=inner: c * g)
    if x.ndim == 2:
        turned = {i: v.T.copy() for i, v in enumerate(case.args) if isinstance(v, np.ndarray) and v.shape == x.shape}
        words = f"for {name} transposed: the wrong axis (axis 0 for axis 1)."
        yield Alteration("order", 2, words, turned, np.transpose)
    if x.ndim == 1 and x.size > 1:
        yield Alteration("order", 1, f"for {name} reversed.", {k: x[::-1].copy()}, lambda g: g[::-1])


def _batch_parts(case):
    """Only the first or the last example of the batch, the batch being the leading axis that other arguments share."""
    arrays = [(i, v) for i, v in enumerate(case.args) if isinstance(v, np.ndarray) and v.ndim and i != case.argnum]
    for length in sorted({v.shape[0] for _, v in arrays if v.shape[0] > 1}):
        if case.got.ndim and case.got.shape[0] == length:
            continue
        for words, part in (("last", slice(-1, None)), ("first", slice(0, 1))):
            cut = {i: v[part] for i, v in arrays if v.shape[0] == length}
            words = f"for the {words} example alone: not summed over the batch (= instead of +=)?"
            yield Alteration("batch", 2, words, cut, factor=True)
