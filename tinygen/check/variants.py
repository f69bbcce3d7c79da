"""Is it the right gradient of a slightly different function? The recorded function is replayed with one operand changed."""

from collections import defaultdict

import numpy as np

from tinygen.autodiff import grad
from tinygen.check.evidence import Guess

MOST = 300  # replays in one diagnosis


def variant_mistakes(case, recording, numbers):
    """Guesses: got = the gradient of f with one operand replaced, of another sign, or left out."""
    changes = list(_changes(recording))
    cost = 7 + np.log2(len(changes) + 1)
    x = recording.values[recording.input]
    slack = case.tolerance + 1e-13 * np.max(abs(case.expected[case.known]))
    for steps, j, words, function in changes[:MOST]:

        def change(step, args, env, steps=steps, j=j, function=function):
            return [*args[:j], function(args[j], env), *args[j + 1 :]] if step in steps else args

        try:
            with np.errstate(all="ignore"):
                gradient = grad(recording.replay(change))(x)
        except (TypeError, ValueError, ArithmeticError, np.linalg.LinAlgError, KeyError):
            continue  # an altered operand need not fit
        place = recording.places[steps[0]]
        yield Guess(
            "other-point",
            cost,
            gradient,
            f"dL/d{case.name} is the right gradient of another function: with {words} in {place}.",
            where=place.where,
            slack=slack,
        )


def _changes(recording):
    """(steps, operand, words, (operand, environment) -> what stands in its place)."""
    groups = defaultdict(list)
    for step in range(len(recording.all)):
        groups[recording.group(step)].append(step)
    for steps in groups.values():
        slot, row, raw, _, _, parents = recording.all[steps[0]]
        if row.name in ("sum", "mean", "getitem", "reshape"):
            continue
        sources = dict(parents)
        for j, operand in enumerate(raw):
            if not isinstance(operand, (np.ndarray, np.generic, float, int)) or isinstance(operand, bool):
                continue
            text = (
                f"`{recording.source(sources[j])}`"
                if j in sources
                else f"{operand:g}"
                if np.ndim(operand) == 0
                else "it"
            )
            yield from _replaced(recording, steps, j, text, operand, sources.get(j), slot)


def _replaced(recording, steps, j, text, operand, own, before):
    shape = np.shape(operand)
    yield steps, j, f"-{text} in place of {text}", lambda v, env: -v
    yield steps, j, f"{text} left out (0)", lambda v, env: v * 0
    if shape or own is not None:
        yield steps, j, f"{text} left out (1)", lambda v, env: v * 0 + 1
        yield steps, j, f"{text} squared", lambda v, env: v * v
    else:
        for factor in (2, 0.5):
            yield steps, j, f"{factor * operand:g} in place of {text}", lambda v, env, c=factor: c * v
        yield steps, j, f"1 in place of {text}", lambda v, env: v * 0 + 1
    if len(shape) == 2 and shape[0] == shape[1]:
        yield steps, j, f"{text} transposed", lambda v, env: np.transpose(v)
    if shape and shape[0] > 2:
        for step in (1, -1):
            yield steps, j, f"{text} shifted by one place ({step:+d})", lambda v, env, s=step: np.roll(v, s, 0)
    for rival, value in recording.values.items():
        if (
            shape
            and rival != own
            and rival < before
            and np.shape(value) == shape
            and not np.array_equal(value, operand)
        ):
            yield (steps, j, f"`{recording.source(rival)}` in place of {text}", lambda v, env, r=rival: env[r])
