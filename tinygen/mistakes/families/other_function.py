"""Is it the right gradient of a slightly different function? The recording is replayed with one operand changed."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import combinations, islice

import numpy as np

from tinygen.autodiff import grad, softmax
from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.family import family
from tinygen.mistakes.spoiling import ODD
from tinygen.mistakes.words import say
from tinygen.nn.layers import sigmoid

_PROBABILITIES = {"sigmoid": sigmoid, "softmax": softmax}
_DIVIDED = {"mean": (1, 1), "var": (0.5, 1), "std": (0.5, 0.5)}  # powers in which n scales the input, and the value


@family("far")
def another_function(case):
    """got = the gradient of f with one operand replaced, of another sign or size, or left out."""
    if case.recording:
        yield from islice(_variants(case, case.recording), case.recording.affordable)


def _variants(case, recording):
    changes = [*_labels(recording), *_forgotten(recording), *_applied_first(recording), *_losses_beside(recording)]
    changes += _changes(case, recording)
    x = recording.values[recording.input]
    slack = case.tolerance + 1e-13 * np.max(abs(case.expected[case.known]))
    numbers = [n for n in case.numbers if n.cost <= 6 and n.value not in (0, 1, -1)]

    def gradient(change):
        def altered(step, args, env):
            if step in change.values:
                return [change.values[step].get(j, v) for j, v in enumerate(args)]
            changed = change.uses.get(step, (change.j,)) if step in change.steps else ()
            return [change.make(v, env) if j in changed else v for j, v in enumerate(args)]

        try:
            return grad(recording.replay(altered, change.options))(x)
        except (*ODD, KeyError):
            return None  # an altered operand need not fit

    def guess(words, cost, predicted, step):
        place = recording.places[step]
        sentence = say("variant", d=f"dL/d{case.name}", words=words, place=place)
        return Guess("other-point", cost, predicted, sentence, where=place.where, slack=slack)

    for change in changes:
        found, step = gradient(change), change.steps[0]
        if found is None or not np.all(np.isfinite(found)):
            continue
        if change.beside:
            own = sum(recording.pull(edge.parent, edge.k) for edge in recording.edges if edge.step in change.steps)
            sentence = say("left in", d=f"dL/d{case.name}", words=change.words, place=recording.places[step])
            cost, where = change.cost + np.log2(len(changes) + 1), recording.places[step].where
            yield Guess("other-point", cost, found + own, sentence, where=where, slack=slack)
            continue
        yield guess(change.words, change.cost + np.log2(len(changes) + 1), found, step)
        if change.zero and (c := scaled(case, found, case.expected - found, numbers, slack=slack, free=False)):
            times = Change(change.steps, change.j, "", lambda v, env, c=c.value: c * v)
            found = gradient(times)  # it may not be linear in that operand
            if found is not None:
                words = f"{c.words} x {change.zero} in place of {change.zero}{f' ({c.of})' if c.of else ''}"
                yield guess(words, 5 + c.cost + np.log2(len(changes) + 1), found, step)


@dataclass(frozen=True)
class Change:
    """Operand `j` of the operations `steps` becomes make(operand, environment). zero: its text, where it becomes 0.

    values: {step: {j: value}} of operands that become these. uses: {step: operands that become make(operand, ...)},
    where it is not j alone. options: {step: keywords that the operation gets}. beside: the changed operations do not
    stand in place of the right ones: their gradient is added.
    """

    steps: list
    j: int
    words: str
    make: object
    cost: float = 7
    zero: str = ""
    values: dict = field(default_factory=dict)
    uses: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    beside: bool = False


def _changes(case, recording):
    """All Changes that are tried."""
    groups = defaultdict(list)
    for step in range(len(recording.all)):
        groups[recording.group(step)].append(step)
    matrices = {f"`np.linalg.inv({name})`": _inverse(v) for name, v in zip(case.names, case.args) if _square(v)}
    for steps in groups.values():
        slot, row, raw, kw, y, parents = recording.all[steps[0]]
        sources = dict(parents)
        if row.name in _DIVIDED:
            yield from _other_ddof(recording, slot, steps, raw[0], kw.get("ddof", 0), y, row.name)
        moves = row.linear and row.symbol in (None, "[]") and len(sources) == 1  # no other number of the formula
        yield from _other_axes(steps, row, raw, kw)
        for j, operand in enumerate(() if moves else raw):
            number = (
                isinstance(operand, (np.ndarray, np.generic, float, int)) and np.asarray(operand).dtype.kind in "fi"
            )
            text = f"`{recording.operand(steps[0], j)}`"
            if j in sources:
                yield from _replaced(steps, j, text, np.shape(operand), _sign_cost(recording, row, sources[j]))
                yield from _exchanged(recording, steps, j, text, sources[j])
                if row.symbol == "*" and any(np.ndim(v) == 0 and v == 2 for v in raw):
                    other = next(k for k, v in enumerate(raw) if np.ndim(v) == 0 and v == 2)
                    words = f"{text} squared instead of doubled"
                    yield Change(steps, other, words, lambda v, env, s=sources[j]: env[s])
            elif row.names[j : j + 1] == ("axis",):
                continue
            elif number and np.ndim(operand) == 0:
                yield from _other_numbers(steps, j, operand, text.strip("`"))
            elif number:
                yield from _replaced(steps, j, text, np.shape(operand), _sign_cost(recording, row, None))
                for name, value in matrices.items():
                    if value is not None and value.shape == np.shape(operand):
                        yield Change(steps, j, f"{name} in place of {text}", lambda v, env, m=value: m)
                yield from _exchanged(recording, steps, j, text, None)


def _forgotten(recording):
    """A function of one number that is left out wherever it stands: its argument becomes what it is the inverse of."""
    inverse = {"sqrt": np.square, "log": np.exp, "exp": np.log}
    for name, undo in inverse.items():
        steps = [step for step, entry in enumerate(recording.all) if entry[1].name == name]
        if len({recording.group(step) for step in steps}) > 1:
            yield Change(steps, 0, f"`np.{name}` left out, wherever it stands", lambda v, env, u=undo: u(v), 4)


def _applied_first(recording):
    """A value goes through a sigmoid or a softmax first, wherever it is used: a second time, where f wants logits."""
    made = defaultdict(list)  # by the place in the source: all turns of a loop, all calls of a function
    for slot in recording.depends - {recording.input}:
        made[recording.group(recording.maker[slot])].append(slot)
    shape = np.shape(recording.values[recording.input])
    inputs = [slot for slot in recording.inputs if np.shape(recording.values[slot]) == shape]
    for slots in [[recording.input], *([inputs] if len(inputs) > 1 else []), *made.values()]:
        uses = defaultdict(list)
        for step, (_, _, _, _, _, parents) in enumerate(recording.all):
            for j, parent in parents:
                if parent in slots:
                    uses[step].append(j)
        text = " and ".join(dict.fromkeys(f"`{recording.source(slot)}`" for slot in slots))
        for name, function in _PROBABILITIES.items() if uses and np.ndim(recording.values[slots[0]]) else ():
            words = f"a {name} of {text} in place of {text}: is it applied twice?"
            cost = 7 if slots is inputs else 4  # the argument alone is plainer
            yield Change(list(uses), 0, words, lambda v, env, f=function: f(v), cost, uses=uses)


def _losses_beside(recording):
    """Of a sum or mean of losses, what the other player of a game minimises, or the other label's loss."""
    for step, (slot, row, raw, _, _, parents) in enumerate(recording.all):
        if slot not in recording.depends or not _equal(recording.cotangents.get(slot)):
            continue
        (j, source), *others = parents
        text, whole = recording.operand(step, j), recording.source(slot)
        change = lambda words, make, step=step, j=j, **more: Change([step], j, words, make, 3, beside=True, **more)
        if row.name == "log":
            yield change(f"np.log(1 - ({text}))", lambda v, env: 1 - v)
        elif row.name == "maximum" and not others:
            yield change(f"-({text})", lambda v, env, s=source: -env[s], uses={step: (0, 1)})
        elif row.symbol == "**" and not others and np.ndim(raw[1]) == 0 and raw[1] == 2:
            for shift in (-2, -1, 1, 2):  # of labels 0 and 1, or -1 and 1
                yield change(f"({text} {shift:+d})**2", lambda v, env, d=shift: v + d)
        elif not row.linear and row.symbol is None and len(raw) == 1 == len(parents):
            yield change(f"{whole} at -({text})", lambda v, env: -v)


def _equal(cotangent):
    return cotangent is not None and bool(np.all(cotangent == np.ravel(cotangent)[:1]))


def _labels(recording):
    """Labels (0 and 1, or -1 and 1) that f reads, swapped wherever they or 1 - y stand."""
    found = []  # (labels, text, {step: {j: the other label}})
    for step, (_, _, raw, _, _, parents) in enumerate(recording.all):
        for j, v in enumerate(raw):
            array = np.asarray(v) if isinstance(v, np.ndarray) and v.dtype.kind in "fi" else np.zeros(1)
            if dict(parents).get(j) in recording.depends or set(np.unique(array)) not in ({0, 1}, {-1, 1}):
                continue
            swapped = 1 - array if array.min() == 0 else -array
            text = recording.operand(step, j)
            for k, (own, name, steps) in enumerate(found):
                if np.array_equal(own, array) or np.array_equal(own, swapped):
                    steps.setdefault(step, {})[j] = swapped
                    found[k] = (own, min(name, text, key=len), steps)
                    break
            else:
                found.append((array, text, {step: {j: swapped}}))
    for array, text, values in found:
        other = f"1 - {text}" if array.min() == 0 else f"-{text}".removeprefix("--")
        words = f"`{other}` in place of `{text}`, that is with swapped labels"
        yield Change(list(values), 0, words, None, 2, values=values)


def _square(value):
    return isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[0] == value.shape[1]


def _inverse(value):
    try:
        return np.linalg.inv(value)
    except np.linalg.LinAlgError:
        return None


def _sign_cost(recording, row, slot):
    """A term of a sum gets a wrong sign more easily than a factor, and the argument itself hardly ever."""
    return 9 if slot == recording.input else 4 if row.name in ("add", "subtract") else 6


def _replaced(steps, j, text, shape, sign_cost):
    yield Change(steps, j, f"-{text} in place of {text}", lambda v, env: -v, sign_cost)
    yield Change(steps, j, f"0 in place of {text}", lambda v, env: v * 0, 5, text)
    yield Change(steps, j, f"1 in place of {text}", lambda v, env: v * 0 + 1, 4)
    yield Change(steps, j, f"{text} squared", lambda v, env: v * v)
    if len(shape) == 2 and shape[0] == shape[1]:
        yield Change(steps, j, f"{text} transposed", lambda v, env: np.transpose(v), 5)
    for step in (1, -1) if shape and shape[0] > 2 else ():
        words = f"{text} shifted by one place ({step:+d}): an index off by one?"
        yield Change(steps, j, words, lambda v, env, s=step: np.roll(v, s, 0))


def _other_axes(steps, row, raw, kw):
    """A sum, mean or norm over another axis, over fewer axes, or over none: each entry by itself."""
    j = row.names.index("axis") if "axis" in row.names else len(raw)
    axis = raw[j] if j < len(raw) else kw.get("axis")
    if not isinstance(axis, int | tuple) or not np.ndim(raw[0]):
        return
    axes = axis if isinstance(axis, tuple) else (axis,)
    others = combinations(axes, len(axes) - 1) if len(axes) > 1 else [(a,) for a in sorted({0, 1, -1} - {*axes})]
    for other in [*others, *([()] if row.name in ("sum", "mean", "norm") else [])]:
        of_entries = row.name == "norm" and not other  # over an axis of length 1
        new = -1 if of_entries else other[0] if len(other) == 1 else other
        told = f"axis {new}" if other else "no axis (each entry by itself)"
        words = f"{told} in place of {f'axis {axes[0]}' if len(axes) == 1 else f'axes {axes}'}"
        make = lambda v, env, wider=of_entries: v[..., None] if wider else v
        if j < len(raw):
            both = lambda v, env, old=axis, new=new, make=make: new if v is old else make(v, env)
            yield Change(steps, 0, words, both, uses=dict.fromkeys(steps, (0, j)))
        else:
            yield Change(steps, 0, words, make, options={step: {"axis": new} for step in steps})


def _other_numbers(steps, j, number, text):
    yield Change(steps, j, f"-{text} in place of {text}", lambda v, env: -v)
    yield Change(steps, j, f"0 in place of {text}", lambda v, env: 0 * v, 7, text)
    for other in {1, 2 * number, number / 2, number + 1, number - 1} - {number, 0}:
        yield Change(steps, j, f"{other:g} in place of {text}", lambda v, env, c=other: c)


def _other_ddof(recording, slot, steps, x, ddof, y, name):
    """A mean or variance over n - 1 in place of n, or the reverse: all of it, or its value but not its derivative."""
    n, other = np.size(x) // max(np.size(y), 1), 1 - ddof
    if ddof not in (0, 1) or n < 2:
        return
    ratio, (of_input, of_value) = (n - ddof) / (n - other), _DIVIDED[name]
    words = f"{n - other} in place of {n - ddof} to divide by ({'n - 1, not n' if other else 'n, not n - 1'}: ddof)"
    yield Change(steps, 0, words, lambda v, env: v * ratio**of_input)
    for step, (_, _, _, _, _, parents) in enumerate(recording.all):
        for j in (j for j, parent in parents if parent == slot):
            said = f"{words} in the value of `{recording.source(slot)}`, though not in its derivative,"
            yield Change([step], j, said, lambda v, env: v + y * (ratio**of_value - 1))


def _exchanged(recording, steps, j, text, own):
    """Another value of the same shape that is known by then in its place."""
    before = recording.all[steps[0]][0]
    value = recording.all[steps[0]][2][j] if own is None else recording.values[own]
    for rival, other in recording.values.items() if np.ndim(value) else ():
        if rival != own and rival < before and np.shape(other) == np.shape(value) and not np.array_equal(other, value):
            words = f"`{recording.source(rival)}` in place of {text}"
            yield Change(steps, j, words, lambda v, env, r=rival: env[r])
