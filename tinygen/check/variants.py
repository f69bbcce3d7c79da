"""Is it the right gradient of a slightly different function? The recording is replayed with one operand changed."""

from collections import defaultdict

import numpy as np

from tinygen.autodiff import grad
from tinygen.check.evidence import Guess

_PLAIN = ("sum", "mean", "getitem", "reshape")  # their other operands are no numbers of the formula
_ALONG = ("logsumexp", "softmax", "log_softmax", "max", "min", "cumsum", "sort")  # an integer of theirs is an axis


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
        _, row, raw, _, _, parents = recording.all[steps[0]]
        sources = dict(parents)
        for j, operand in enumerate(raw if row.name not in _PLAIN else ()):
            number = (
                isinstance(operand, (np.ndarray, np.generic, float, int)) and np.asarray(operand).dtype.kind in "fi"
            )
            if j in sources:
                text = f"`{recording.source(sources[j])}`"
                yield from _replaced(steps, j, text, np.shape(operand))
                yield from _exchanged(recording, steps, j, text, sources[j])
            elif isinstance(operand, int) and row.name in _ALONG:
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


def _exchanged(recording, steps, j, text, own):
    """Another value of the same shape that is known by then in its place."""
    value, before = recording.values[own], recording.all[steps[0]][0]
    for rival, other in recording.values.items() if np.ndim(value) else ():
        if rival != own and rival < before and np.shape(other) == np.shape(value) and not np.array_equal(other, value):
            yield steps, j, f"`{recording.source(rival)}` in place of {text}", lambda v, env, r=rival: env[r]
