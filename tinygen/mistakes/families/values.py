"""The right numbers, but cut, made positive, rounded or permuted."""

import numpy as np

from tinygen.mistakes.case import Guess
from tinygen.mistakes.family import family
from tinygen.mistakes.words import say


@family("structured")
def spoiled_values(case):
    """The right numbers, but clipped, made positive or cut at zero; or the same numbers permuted."""
    got, expected, known, d = case.got, case.expected, case.known, f"dL/d{case.name}"
    limit = float(np.max(abs(got[known]), initial=0))
    beyond = known & (abs(expected) > limit + case.tolerance)
    if beyond.sum() > 1 and np.sum(known & ~beyond & (abs(expected) > case.tolerance)) > 1:
        sentence = say("clipped", d=d, limit=limit)
        yield Guess("clipped", 12, np.clip(expected, -limit, limit), sentence, key="clipped")
    for sign, cut, words in ((1, np.maximum(expected, 0), "negative"), (-1, np.minimum(expected, 0), "positive")):
        if np.any(known & (sign * expected < -case.tolerance)):
            yield Guess("clipped", 9, cut, say("cut", d=d, kind=words))
    yield Guess("sign", 4, abs(expected), say("abs", d=d))
    yield Guess("sign", 5, -abs(expected), say("minus abs", d=d))
    if known.all() and got.size > 2:
        order, wanted = np.argsort(got, axis=None), np.argsort(expected, axis=None)
        same, slack = np.empty(got.size), np.empty(got.size)
        same[order], slack[order] = expected.ravel()[wanted], case.tolerance.ravel()[wanted]
        cost = 4 + min(np.sum(np.log2(np.arange(1, got.size + 1))), 10.0 * got.size)
        same, slack = same.reshape(got.shape), slack.reshape(got.shape)
        yield Guess("order", cost, same, say("order", d=d), slack=slack)


def precision_mistake(case):
    """(sentence, residual) if the error looks like the rounding of a coarser number format, else None.

    Rounding cannot be predicted, so this is no Guess: the numbers are stored in that format, or (float32) the errors
    are of the right size, now up, now down, and of many sizes.
    """
    known = case.known
    error, size = ((case.got - case.expected) * np.sign(case.expected))[known], abs(case.expected)[known]
    if not known.any():
        return None
    for dtype in (np.float32, np.float16):
        eps, name = float(np.finfo(dtype).eps), np.dtype(dtype).name
        stored = np.array_equal(case.got[known], case.got[known].astype(dtype).astype(np.float64))
        limit = (0.51 if stored else 8) * eps * (size if stored else size.max()) + case.tolerance[known]
        low, middle, high = np.quantile(abs(error), (0.1, 0.5, 0.9))
        random = error.min() < 0 < error.max() and high > 3 * low and middle > 0.01 * eps * np.median(size)
        random &= known.sum() >= 4
        if np.all(abs(error) <= limit) and (stored or (random and dtype is np.float32)):
            off = float(np.linalg.norm(error) / np.linalg.norm(size))
            return say("precision", d=f"dL/d{case.name}", dtype=name, error=off), off
    return None
