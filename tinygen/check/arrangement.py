"""Right numbers in the wrong place: transposed, reversed, shifted, permuted, summed over the wrong axis, clipped, rounded."""

import numpy as np

from tinygen.check.evidence import Guess, scaled


def arrangement_guesses(case, numbers):
    """got = c * (expected, moved about)."""
    simple = [n for n in numbers if n.cost <= 4]
    for kind, cost, sentence, formula, move in _moves(case.expected.shape):
        moved, slack = move(case.expected), move(case.bar)
        c = scaled(case, np.zeros(case.got.shape), moved, simple, slack=slack, free=False)
        if c is None or c.value == 0:
            continue
        factor = "" if c.value == 1 else f" It also has a factor {c.words}." if c.value != -1 else " It also has the wrong sign."
        yield Guess(kind if c.value == 1 else "two", cost + 2 * c.cost, c.value * moved, sentence.format(case.name) + factor,
                    formula and formula.format(case.name), slack=slack)  # fmt: skip


def _moves(shape):
    """(kind, cost, sentence, formula, what it does to the right gradient)."""
    ndim = len(shape)
    if ndim == 2 and shape[0] == shape[1]:
        yield "transpose", 1, "dL/d{0} is transposed.", "dL/d{0} = (yours).T", np.transpose
        yield ("transpose", 3, "dL/d{0} is made symmetric: the average with its transpose.", None,
               lambda e: (e + e.T) / 2)  # fmt: skip
        yield "transpose", 3, "dL/d{0} is made symmetric: the sum with its transpose.", None, lambda e: e + e.T
        yield ("transpose", 4, "dL/d{0} is the sum with its transpose, the diagonal counted once.", None,
               lambda e: e + e.T - np.diag(np.diag(e)))  # fmt: skip
    if ndim > 1:
        yield ("order", 3, "dL/d{0} has its entries in another order: reshaped to {0}'s shape where it should be transposed?",
               None, lambda e: e.reshape(e.shape, order="F") if False else e.T.reshape(e.shape))  # fmt: skip
        yield ("order", 3, "dL/d{0} has its entries in another order: read column by column (order='F')?", None,
               lambda e: e.ravel().reshape(e.shape, order="F"))  # fmt: skip
    for axis in range(ndim):
        place = f"axis {axis}" if ndim > 1 else "the axis"
        if shape[axis] > 1:
            yield ("order", 2, f"dL/d{{0}} runs backwards along {place}: reversed, or not flipped.",
                   f"dL/d{{0}} = np.flip(yours, {axis})", lambda e, a=axis: np.flip(e, a))  # fmt: skip
            yield ("order", 4, f"dL/d{{0}} has been summed cumulatively in the wrong direction along {place}: forward instead of "
                   "from the end, or the reverse.", None, lambda e, a=axis: _other_direction(e, a))  # fmt: skip
            for what, step in (("already", np.sum), ("already", np.mean)):
                verb = "sum" if step is np.sum else "mean"
                yield ("batch", 3, f"Every entry of dL/d{{0}} is the {verb} of the right ones along {place}: {verb}med {what}, "
                       "where each entry has its own gradient.".replace("meanmed", "averaged"), None,
                       lambda e, a=axis, s=step: np.broadcast_to(s(abs(e) if np.all(e >= 0) else e, a, keepdims=True), e.shape))
        for k in (-1, 1) if shape[axis] > 2 else ():
            rows = "rows" if axis == 0 else f"entries along {place}"
            where = "late" if k == 1 else "early"
            yield ("shift", 2.5, f"dL/d{{0}} has its {rows} one place too {where}: an index off by one (t {'-' if k == 1 else '+'} 1 "
                   "in place of t)?", f"dL/d{{0}} = np.roll(yours, {-k}, axis={axis})",
                   lambda e, a=axis, k=k: np.roll(e, k, a))  # fmt: skip
            yield ("shift", 3, f"dL/d{{0}} has its {rows} one place too {where}, with zeros filled in: an index off by one "
                   f"(t {'-' if k == 1 else '+'} 1 in place of t)?", None, lambda e, a=axis, k=k: _pushed(e, k, a))  # fmt: skip


def _other_direction(e, axis):
    """The cumulative sum of the same numbers from the other end: e is the sum from i to the end of its own differences."""
    last = np.take(e, [-1], axis)
    parts = np.concatenate([-np.diff(e, axis=axis), last], axis)
    return np.cumsum(parts, axis)


def _pushed(e, k, axis):
    out = np.roll(e, k, axis)
    edge = [slice(None)] * e.ndim
    edge[axis] = 0 if k == 1 else -1
    out[tuple(edge)] = 0
    return out


def value_guesses(case):
    """The right numbers, but cut: clipped, made positive, rounded to a coarser format; or the same numbers permuted."""
    got, expected, known = case.got, case.expected, case.known
    limit = float(np.max(abs(got[known]), initial=0))
    clipped = np.clip(expected, -limit, limit)
    if np.sum(known & (abs(expected) > limit + case.tolerance)) > 1:
        yield Guess("clipped", 12, clipped, f"dL/d{case.name} is cut off at +-{limit:.6g}: clipped?")
    for sign, cut, words in ((1, np.maximum(expected, 0), "negative"), (-1, np.minimum(expected, 0), "positive")):
        if np.any(known & (sign * expected < -case.tolerance)):
            yield Guess("clipped", 9, cut, f"dL/d{case.name} has zeros where it should be {words}: a ReLU or a maximum too many?")
    yield Guess("sign", 4, abs(expected), f"dL/d{case.name} has lost its signs: it is the absolute value.")
    yield Guess("sign", 5, -abs(expected), f"dL/d{case.name} has lost its signs: it is minus the absolute value.")
    if known.all() and got.size > 2:
        order, wanted = np.argsort(got, axis=None), np.argsort(expected, axis=None)
        same = np.empty(got.size)
        same[order] = expected.ravel()[wanted]
        free = float(np.sum(np.log2(np.arange(1, got.size + 1))))
        yield Guess("order", 4 + min(free, 10.0 * got.size), same.reshape(got.shape),
                    f"dL/d{case.name} has the right numbers in the wrong order.")  # fmt: skip


def precision_mistake(case):
    """(sentence, residual) if the error looks like the rounding of a coarser number format, else None.

    Rounding cannot be predicted, so this is no Guess: it needs an error of the right size in most entries, of both signs.
    """
    known = case.known
    error, size = ((case.got - case.expected) * np.sign(case.expected))[known], abs(case.expected)[known]
    if known.sum() < 4:
        return None
    for dtype in (np.float32, np.float16):
        eps = float(np.finfo(dtype).eps)
        stored = np.array_equal(case.got[known], case.got[known].astype(dtype).astype(np.float64))
        limit = (0.51 if stored else 8) * eps * (size if stored else size.max()) + case.tolerance[known]
        typical = np.median(abs(error)) > 0.01 * eps * np.median(size)
        if np.all(abs(error) <= limit) and (stored or (typical and np.any(error > 0) and np.any(error < 0))):
            return (f"dL/d{case.name} is right to the precision of {np.dtype(dtype).name} only: a computation or a conversion "
                    f"in {np.dtype(dtype).name}?", float(np.linalg.norm(error) / np.linalg.norm(size)))  # fmt: skip
    return None
