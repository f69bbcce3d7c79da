"""Right numbers in the wrong place: transposed, reversed, shifted, summed along an axis."""

from dataclasses import dataclass

import numpy as np

from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.family import family
from tinygen.mistakes.words import say


@dataclass(frozen=True)
class Move:
    """What was done to the right gradient (`do`), its cost in bits, its words, and the formula that undoes it."""

    kind: str
    cost: float
    words: str
    do: object
    formula: str | None = None


@family("simple", inside=True)
def arrangements(case):
    """got = c * (expected, moved about)."""
    numbers = case.numbers
    simple, base, d = [n for n in numbers if n.cost <= 4], np.zeros(case.got.shape), f"dL/d{case.name}"
    for move in _moves(case.expected.shape):
        moved, slack = move.do(case.expected), move.do(case.bar)
        c = scaled(case, base, moved, simple, slack=slack, free=False)
        if c is not None and c.value == 0.5 and "the sum with" in move.words:  # the average
            continue
        half = triangle(case.expected) if "the average with" in move.words else ""
        if c is not None and c.value == 1 and half:
            told = say("triangle", d=d, half=half, name=case.name)
            yield Guess(move.kind, move.cost, moved, told, "np.tril(2 * G) - np.diag(np.diag(G))", slack=slack)
        elif c is not None and c.value:
            factor = {1: "", -1: " It also has the wrong sign."}.get(c.value, f" It also has a factor {c}.")
            kind, formula = ("two", None) if factor else (move.kind, move.formula and f"{d} = {move.formula}")
            yield Guess(
                kind, move.cost + 2 * c.cost, c.value * moved, say("moved", d=d, move=move.words + factor), formula,
                slack=slack,
            )  # fmt: skip


def triangle(gradient):
    """Which triangle a square gradient is of, "" if it is of both."""
    lower, upper = np.any(np.tril(gradient, -1)), np.any(np.triu(gradient, 1))
    return "" if lower == upper else "lower" if lower else "upper"


def _moves(shape):
    if len(shape) == 2 and shape[0] == shape[1]:
        yield Move("transpose", 1, "is transposed.", np.transpose, "(yours).T")
        yield Move("transpose", 3, "is made symmetric: the average with its transpose.", lambda e: (e + e.T) / 2)
        yield Move("transpose", 3, "is made symmetric: the sum with its transpose.", lambda e: e + e.T)
        words = "is the sum with its transpose, the diagonal counted once."
        yield Move("transpose", 4, words, lambda e: e + e.T - np.diag(np.diag(e)))
    if len(shape) > 1:
        words = "has its entries in another order: reshaped where it should be transposed?"
        yield Move("order", 3, words, lambda e: e.T.reshape(e.shape))
        words = "has its entries in another order: read column by column (order='F')?"
        yield Move("order", 3, words, lambda e: e.ravel().reshape(e.shape, order="F"))
    for axis, length in enumerate(shape):
        if length > 1:
            yield from _along(axis, f"axis {axis}" if len(shape) > 1 else "the axis", length)


def _along(axis, place, length):
    backwards = f"runs backwards along {place}: reversed, or not flipped."
    yield Move("order", 2, backwards, lambda e: np.flip(e, axis), f"np.flip(yours, {axis})")
    words = (
        f"is summed cumulatively in the wrong direction along {place}: forward instead of from the end, or the reverse."
    )
    yield Move("order", 4, words, lambda e: _summed_forward(e, axis))
    for verb, step in (("summed", np.sum), ("averaged", np.mean)):
        words = f"is {verb} along {place}, where each entry has its own gradient."
        yield Move("batch", 3, words, lambda e, s=step: np.broadcast_to(s(e, axis, keepdims=True), e.shape))
    for k in (-1, 1) if length > 2 else ():
        words = (
            f"has its {'rows' if axis == 0 else f'entries along {place}'} one place too {'late' if k == 1 else 'early'}"
        )
        t = f"an index off by one (t {'-' if k == 1 else '+'} 1 in place of t)?"
        yield Move(
            "shift", 2.5, f"{words}: {t}", lambda e, k=k: np.roll(e, k, axis), f"np.roll(yours, {-k}, axis={axis})"
        )
        yield Move("shift", 3, f"{words}, with zeros filled in: {t}", lambda e, k=k: _pushed(e, k, axis))


def _summed_forward(e, axis):
    """e[i] is the sum of u from i to the end: the sum of the same u from the start to i."""
    last = np.take(e, [-1], axis)
    return np.cumsum(np.concatenate([-np.diff(e, axis=axis), last], axis), axis)


def _pushed(e, k, axis):
    """`e` shifted by k = 1 or -1 along an axis, a zero in the free place."""
    out = np.moveaxis(np.roll(e, k, axis), axis, 0).copy()
    out[0 if k == 1 else -1] = 0
    return np.moveaxis(out, 0, axis)
