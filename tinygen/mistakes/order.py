"""Right numbers in the wrong place: transposed, reversed, shifted, permuted, summed; or cut and rounded."""

from dataclasses import dataclass

import numpy as np

from tinygen.mistakes.case import Guess, scaled


@dataclass(frozen=True)
class Move:
    """What was done to the right gradient (`do`), its cost in bits, its words, and the formula that undoes it."""

    kind: str
    cost: float
    words: str
    do: object
    formula: str | None = None


def arrangement_guesses(case, numbers):
    """got = c * (expected, moved about)."""
    simple, base, d = [n for n in numbers if n.cost <= 4], np.zeros(case.got.shape), f"dL/d{case.name}"
    for move in _moves(case.expected.shape):
        moved, slack = move.do(case.expected), move.do(case.bar)
        c = scaled(case, base, moved, simple, slack=slack, free=False)
        if c is not None and c.value:
            factor = {1: "", -1: " It also has the wrong sign."}.get(c.value, f" It also has a factor {c.words}.")
            kind, formula = ("two", None) if factor else (move.kind, move.formula and f"{d} = {move.formula}")
            yield Guess(
                kind, move.cost + 2 * c.cost, c.value * moved, f"{d} {move.words}{factor}", formula, slack=slack
            )


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


def value_guesses(case):
    """The right numbers, but clipped, made positive or cut at zero; or the same numbers permuted."""
    got, expected, known, d = case.got, case.expected, case.known, f"dL/d{case.name}"
    limit = float(np.max(abs(got[known]), initial=0))
    if np.sum(known & (abs(expected) > limit + case.tolerance)) > 1:
        yield Guess("clipped", 12, np.clip(expected, -limit, limit), f"{d} is cut off at +-{limit:.6g}: clipped?")
    for sign, cut, words in ((1, np.maximum(expected, 0), "negative"), (-1, np.minimum(expected, 0), "positive")):
        if np.any(known & (sign * expected < -case.tolerance)):
            yield Guess("clipped", 9, cut, f"{d} has zeros where it should be {words}: a ReLU or a maximum too many?")
    yield Guess("sign", 4, abs(expected), f"{d} has lost its signs: it is the absolute value.")
    yield Guess("sign", 5, -abs(expected), f"{d} has lost its signs: it is minus the absolute value.")
    if known.all() and got.size > 2:
        order, wanted = np.argsort(got, axis=None), np.argsort(expected, axis=None)
        same, slack = np.empty(got.size), np.empty(got.size)
        same[order], slack[order] = expected.ravel()[wanted], case.tolerance.ravel()[wanted]
        cost = 4 + min(np.sum(np.log2(np.arange(1, got.size + 1))), 10.0 * got.size)
        same, slack = same.reshape(got.shape), slack.reshape(got.shape)
        yield Guess("order", cost, same, f"{d} has the right numbers in the wrong order.", slack=slack)


def precision_mistake(case):
    """(sentence, residual) if the error looks like the rounding of a coarser number format, else None.

    Rounding cannot be predicted, so this is no Guess: the numbers are stored in that format, or (float32) the errors
    are of the right size, now up, now down, and of many sizes.
    """
    known = case.known
    error, size = ((case.got - case.expected) * np.sign(case.expected))[known], abs(case.expected)[known]
    if known.sum() < 4:
        return None
    for dtype in (np.float32, np.float16):
        eps, name = float(np.finfo(dtype).eps), np.dtype(dtype).name
        stored = np.array_equal(case.got[known], case.got[known].astype(dtype).astype(np.float64))
        limit = (0.51 if stored else 8) * eps * (size if stored else size.max()) + case.tolerance[known]
        low, middle, high = np.quantile(abs(error), (0.1, 0.5, 0.9))
        random = error.min() < 0 < error.max() and high > 3 * low and middle > 0.01 * eps * np.median(size)
        if np.all(abs(error) <= limit) and (stored or (random and dtype is np.float32)):
            sentence = (
                f"dL/d{case.name} is right to the precision of {name} only: a computation or a conversion in {name}?"
            )
            return sentence, float(np.linalg.norm(error) / np.linalg.norm(size))
    return None
