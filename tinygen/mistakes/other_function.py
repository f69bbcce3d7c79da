"""Is it the right gradient of a slightly different function? The recording is replayed with one operand changed."""

from collections import defaultdict

import numpy as np

from tinygen.autodiff import grad
from tinygen.mistakes.case import Guess

_DIVIDED = {"mean": (1, 1), "var": (0.5, 1), "std": (0.5, 0.5)}  # powers in which n scales the input, and the value


def variant_mistakes(case, recording):
    """Guesses: got = the gradient of f with one operand replaced, of another sign, or left out."""
    changes = list(_changes(recording))
    cost = 7 + np.log2(len(changes) + 1)
    x = recording.values[recording.input]
    slack = case.tolerance + 1e-13 * np.max(abs(case.expected[case.known]))
    for steps, j, words, function in changes:

        def change(step, args, env, steps=steps, j=j, function=function):
            return [*args[:j], function(args[j], env), *args[j + 1 :]] if step in steps else args

        try:
            gradient = grad(recording.replay(change))(x)
        except (TypeError, ValueError, ArithmeticError, np.linalg.LinAlgError, KeyError):
            continue  # an altered operand need not fit
        place = recording.places[steps[0]]
        sentence = f"dL/d{case.name} is the right gradient of another function: with {words} in {place}."
        yield Guess("other-point", cost, gradient, sentence, where=place.where, slack=slack)


def _changes(recording):
    """(steps, operand, words, (operand, environment) -> what stands in its place)."""
    groups = defaultdict(list)
    for step in range(len(recording.all)):
        groups[recording.group(step)].append(step)
    for steps in groups.values():
        slot, row, raw, kw, y, parents = recording.all[steps[0]]
        sources = dict(parents)
        if row.name in _DIVIDED:
            yield from _other_ddof(recording, slot, steps, raw[0], kw.get("ddof", 0), y, row.name)
        moves = row.linear and row.symbol in (None, "[]") and len(sources) == 1  # no other number of the formula
        for j, operand in enumerate(() if moves else raw):
            number = (
                isinstance(operand, (np.ndarray, np.generic, float, int)) and np.asarray(operand).dtype.kind in "fi"
            )
            if j in sources:
                text = f"`{recording.source(sources[j])}`"
                yield from _replaced(steps, j, text, np.shape(operand))
                yield from _exchanged(recording, steps, j, text, sources[j])
            elif isinstance(operand, int) and row.names[j : j + 1] == ("axis",):
                yield from _other_axes(steps, j, operand)
            elif number and np.ndim(operand) == 0:
                yield from _other_numbers(steps, j, operand)
            elif number:
                yield from _replaced(steps, j, "the constant array", np.shape(operand))


def _replaced(steps, j, text, shape):
    yield steps, j, f"-{text} in place of {text}", lambda v, env: -v
    yield steps, j, f"{text} left out (0)", lambda v, env: v * 0
    yield steps, j, f"{text} left out (1)", lambda v, env: v * 0 + 1
    yield steps, j, f"{text} squared", lambda v, env: v * v
    if len(shape) == 2 and shape[0] == shape[1]:
        yield steps, j, f"{text} transposed", lambda v, env: np.transpose(v)
    for step in (1, -1) if shape and shape[0] > 2 else ():
        yield steps, j, f"{text} shifted by one place ({step:+d})", lambda v, env, s=step: np.roll(v, s, 0)


def _other_axes(steps, j, axis):
    for other in {0, 1, -1} - {axis}:
        yield steps, j, f"axis {other} in place of axis {axis}", lambda v, env, a=other: a


def _other_numbers(steps, j, number):
    yield steps, j, f"{-number:g} in place of {number:g}", lambda v, env: -v
    yield steps, j, f"{number:g} left out (0)", lambda v, env: 0 * v
    for other in {1, 2 * number, number / 2, number + 1, number - 1} - {number, 0}:
        yield steps, j, f"{other:g} in place of {number:g}", lambda v, env, c=other: c


def _other_ddof(recording, slot, steps, x, ddof, y, name):
    """A mean or variance over n - 1 in place of n, or the reverse: all of it, or its value but not its derivative."""
    n, other = np.size(x) // max(np.size(y), 1), 1 - ddof
    if ddof not in (0, 1) or n < 2:
        return
    ratio, (of_input, of_value) = (n - ddof) / (n - other), _DIVIDED[name]
    words = f"{n - other} in place of {n - ddof} to divide by ({'n - 1, not n' if other else 'n, not n - 1'}: ddof)"
    yield steps, 0, words, lambda v, env: v * ratio**of_input
    for step, (_, _, _, _, _, parents) in enumerate(recording.all):
        for j in (j for j, parent in parents if parent == slot):
            said = f"{words} in the value of `{recording.source(slot)}`, though not in its derivative,"
            yield [step], j, said, lambda v, env: v + y * (ratio**of_value - 1)


def _exchanged(recording, steps, j, text, own):
    """Another value of the same shape that is known by then in its place."""
    value, before = recording.values[own], recording.all[steps[0]][0]
    for rival, other in recording.values.items() if np.ndim(value) else ():
        if rival != own and rival < before and np.shape(other) == np.shape(value) and not np.array_equal(other, value):
            yield steps, j, f"`{recording.source(rival)}` in place of {text}", lambda v, env, r=rival: env[r]
