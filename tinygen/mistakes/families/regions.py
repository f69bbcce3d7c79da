"""Only some entries are wrong: which ones, and is there a mistake that explains just those?"""

import numpy as np

from tinygen.mistakes.case import Guess
from tinygen.mistakes.families.factors import factors
from tinygen.mistakes.family import family
from tinygen.mistakes.words import say

_LINES = {0: "row", 1: "column"}


@family("structured")
def some_entries(case):
    """got = expected but in a region; there it is often expected times a number."""
    wrong, n = case.wrong, int(case.known.sum())
    count, live = int(wrong.sum()), case.known & (abs(case.expected) > case.tolerance)
    if n == 1 or not count or (count > 1 and np.all(wrong[live])):
        return
    words, bits = _described(case, wrong)
    if words is None and count > max(2, n // 3):
        return
    if words is None:
        words, bits = _listed(case, wrong), 12 + np.log2(n + 1)
    kept, d = np.where(wrong, case.got, case.expected), f"dL/d{case.name}"
    yield Guess("entries", bits + 12, kept, say("entries", d=d, region=words), where=words, certain=True)
    for guess in factors(case.only(wrong), [number for number in case.numbers if number.cost <= 5]):
        if guess.cost < 7:  # a named number: a free one explains any single entry
            told = "it is zero: left out?" if guess.kind == "zero" else guess.sentence.replace(d, "it", 1)
            said = say("region", d=d, region=words, told=told)
            kind = "sign" if guess.kind == "sign" else "entries"
            predicted = np.where(wrong, guess.predicted, case.expected)
            key = f"{kind} {guess.number}"  # at another point, other entries may be the ones
            yield Guess(kind, bits + guess.cost, predicted, said, where=words, slack=guess.slack, key=key)


@family("structured")
def two_mistakes(case):
    """Two mistakes: one named factor for most entries, and something else in the few that remain."""
    known = case.known
    simple = [n for n in case.numbers if n.cost <= 3]
    for number in simple if known.sum() >= 4 else ():
        fits = known & (abs(case.got - number.value * case.expected) <= case.tolerance * max(1, abs(number.value)))
        rest = known & ~fits
        if not rest.any() or np.any(rest & ~case.wrong):
            continue
        if fits.sum() < 0.6 * known.sum() or np.mean(case.wrong[fits]) < 0.5:
            continue
        corrected = case.alike(got=np.where(fits, case.expected, case.got))
        words, bits = _described(corrected, rest)
        if words is None:
            words, bits = _listed(case, rest), 20
        for main in factors(case.only(fits), simple):
            sentence = say("two", main=main.sentence.rstrip("."), region=words)
            predicted = np.where(fits, main.predicted, case.got)
            yield Guess("two", main.cost + bits + 14, predicted, sentence, slack=main.slack, key=main.sentence)


def _listed(case, wrong):
    places = np.argwhere(wrong)
    first = ", ".join(_index(case.name, place) for place in places[:3])
    more = ", ..." if len(places) > 3 else ""
    return f"{len(places)} of {int(case.known.sum())} entries are wrong ({first}{more})"


def _index(name, place):
    return f"{name}[{', '.join(map(str, place))}]" if len(place) else name


def _described(case, wrong):
    """Words and cost of a region with a simple shape: a row, the diagonal, where x < 0; (None, 0) if it has none."""
    live = case.known & ((abs(case.expected) > case.tolerance) | wrong)
    for axis in range(wrong.ndim):
        if found := _lines(wrong, live, axis):
            return found
    shape = wrong.shape
    if len(shape) == 2 and min(shape) > 1:
        eye, ones = np.eye(*shape, dtype=bool), np.ones(shape, bool)
        for words, mask in (
            ("the diagonal is", eye),
            ("what is off the diagonal is", ~eye),
            ("the upper triangle is", np.triu(ones, 1)),
            ("the lower triangle is", np.tril(ones, -1)),
        ):
            if np.array_equal(mask & live, wrong):
                return f"{words} wrong", 4
    for name, value in [(case.name, case.x), *((name, a) for _, name, a in case.others() if a.shape == shape)]:
        if found := _by_value(wrong, live, name, value):
            return found
    return None, 0


def _lines(wrong, live, axis):
    """Whole rows (columns, ...), or all but some."""
    other = tuple(a for a in range(wrong.ndim) if a != axis)
    lines = wrong.any(axis=other)
    at, right = np.flatnonzero(lines), np.flatnonzero(~lines)
    if wrong.ndim == 1 and 2 < len(at) == at[-1] - at[0] + 1 < len(lines) and live.all():
        return f"entries {at[0]} to {at[-1]} are wrong", 8
    box = np.broadcast_to(np.expand_dims(lines, other), wrong.shape)
    if not len(right) or not np.array_equal(box & live, wrong) or (wrong.ndim == 1 and len(at) > 1):
        return None
    what = _LINES.get(axis, f"slice along axis {axis}") if wrong.ndim > 1 else "entry"
    if len(at) > max(1, len(lines) // 2):
        return f"{what} {_numbers(right)} is right, all others are wrong", 6 + 3 * len(right)
    if len(at) > 1:
        return f"{what}s {_numbers(at)} are wrong", 2 + 3 * len(at)
    end = {len(lines) - 1: " (the last)", 0: " (the first)"}.get(int(at[0]), "")
    return f"{what} {at[0]}{end} is wrong", 5


def _numbers(places):
    return ", ".join(map(str, places[:4])) + (", ..." if len(places) > 4 else "")


def _by_value(wrong, live, name, value):
    """Where an argument is negative, positive, large or small."""
    for words, mask in ((f"where {name} is negative", value < 0), (f"where {name} is positive", value > 0)):
        if np.array_equal(mask & live, wrong):
            return f"the entries {words} are wrong", 5
    inside, outside = abs(value)[live & ~wrong], abs(value)[wrong]
    if inside.size > 3 and outside.size > 1 and outside.min() > inside.max():
        return f"the entries with |{name}| above {inside.max():.3g} are wrong", 9
    if inside.size > 3 and outside.size > 1 and outside.max() < inside.min():
        return f"the entries with |{name}| below {inside.min():.3g} are wrong", 9
    return None
