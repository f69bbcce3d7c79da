"""Only some entries are wrong: which ones, and is there a mistake that explains just those?"""

from dataclasses import replace

import numpy as np

from tinygen.check.elementwise import factor_guesses
from tinygen.check.evidence import Guess


def region_guesses(case, numbers):
    """got = expected but in a region; there it is often expected times a number."""
    wrong, n = case.wrong, int(case.known.sum())
    count = int(wrong.sum())
    live = case.known & (abs(case.expected) > case.tolerance)
    if not count or (np.all(wrong[live]) and count > 1):
        return
    words, bits = _describe(case, wrong)
    kept = np.where(wrong, case.got, case.expected)
    if words is None and count > max(2, n // 3):
        return
    if words is None:
        places = np.argwhere(wrong)
        first = ", ".join(_index(case.name, place) for place in places[:3])
        words = f"{count} of {n} entries are wrong ({first}{', ...' if count > 3 else ''})"
        bits = 12 + np.log2(n + 1)
    inside = case.only(wrong)
    yield Guess("entries", bits + 12, kept, f"In dL/d{case.name} only {words}; the others are right.",
                where=words, certain=True)  # fmt: skip
    for guess in factor_guesses(inside, [number for number in numbers if number.cost <= 5]):
        if guess.cost < 7:  # a named number: a free one explains any single entry
            said = "it is zero: left out?" if guess.kind == "zero" else guess.sentence.replace(f"dL/d{case.name}", "it", 1)
            yield replace(guess, kind="sign" if guess.kind == "sign" else "entries", cost=bits + guess.cost,
                          predicted=np.where(wrong, guess.predicted, case.expected), formula=None, where=words,
                          sentence=f"In dL/d{case.name} only {words}: there {said}")  # fmt: skip


def _describe(case, wrong):
    """Words and cost of a region with a simple shape: a row, the diagonal, where x is negative; (None, 0) if it has none."""
    live = case.known & ((abs(case.expected) > case.tolerance) | wrong)
    shape, ndim = wrong.shape, wrong.ndim
    for axis in range(ndim):
        other = tuple(a for a in range(ndim) if a != axis)
        lines = wrong.any(axis=other)
        box = np.broadcast_to(np.expand_dims(lines, other), shape)
        if lines.sum() < len(lines) and len(lines) > 1 and np.array_equal(box & live, wrong) and (ndim > 1 or lines.sum() == 1):
            at = np.flatnonzero(lines)
            what = ("row" if axis == 0 else "column" if axis == 1 else f"slice along axis {axis}") if ndim > 1 else "entry"
            place = ", ".join(map(str, at[:4])) + (", ..." if len(at) > 4 else "")
            end = " (the last)" if at[-1] == len(lines) - 1 and len(at) == 1 else " (the first)" if list(at) == [0] else ""
            if len(at) <= max(1, len(lines) // 2):
                plural = "s" if len(at) > 1 else ""
                return f"{what}{plural} {place}{end} {'are' if plural else 'is'} wrong", 2 + 3 * len(at)
            right = ", ".join(map(str, np.flatnonzero(~lines)[:4]))
            return f"{what} {right} is right, all others are wrong", 6 + 3 * int((~lines).sum())
    if ndim == 2 and min(shape) > 1:
        eye = np.eye(*shape, dtype=bool)
        triangles = (("the diagonal is", eye), ("what is off the diagonal is", ~eye),
                     ("the upper triangle is", np.triu(np.ones(shape, bool), 1)),
                     ("the lower triangle is", np.tril(np.ones(shape, bool), -1)))  # fmt: skip
        for words, mask in triangles:
            if np.array_equal(mask & live, wrong):
                return f"{words} wrong", 4
    for name, value in [(case.name, case.x), *((n, a) for _, n, a in case.others() if a.shape == shape)]:
        for words, low in ((f"where {name} is negative", value < 0), (f"where {name} is positive", value > 0)):
            if np.array_equal(low & live, wrong):
                return f"the entries {words} are wrong", 5
        inside, outside = abs(value)[live & ~wrong], abs(value)[wrong]
        if inside.size > 3 and outside.size > 1 and outside.min() > inside.max():
            return f"the entries with |{name}| above {inside.max():.3g} are wrong", 9
        if inside.size > 3 and outside.size > 1 and outside.max() < inside.min():
            return f"the entries with |{name}| below {inside.min():.3g} are wrong", 9
    return None, 0


def _index(name, place):
    return f"{name}[{', '.join(map(str, place))}]" if len(place) else name


def two_guesses(case, numbers):
    """Two mistakes: one named factor for most entries, and something else in the few that remain."""
    known = case.known
    if known.sum() < 4:
        return
    simple = [n for n in numbers if n.cost <= 3]
    for number in simple:
        with np.errstate(all="ignore"):
            fits = known & (abs(case.got - number.value * case.expected) <= case.tolerance * max(1, abs(number.value)))
        rest = known & ~fits
        if fits.sum() >= 0.6 * known.sum() and rest.any() and np.mean(case.wrong[fits]) > 0.5:
            corrected = replace(case, got=np.where(fits, case.expected, case.got), gradients={})
            words, bits = _describe(corrected, rest)
            if words is None:
                places = ", ".join(_index(case.name, place) for place in np.argwhere(rest)[:3])
                words, bits = f"{int(rest.sum())} of {int(known.sum())} entries are wrong ({places})", 20
            main = next(iter(factor_guesses(case.only(fits), simple)), None)
            if main is not None:
                yield Guess("two", main.cost + bits + 14, np.where(fits, main.predicted, case.got),
                            f"Two mistakes: {main.sentence.rstrip('.')} - but {words} in another way.", slack=main.slack)
