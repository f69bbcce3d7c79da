"""What a false line has in common at all points: turned round, off by a constant or a factor, or merely approximate."""

import math

import numpy as np

LN_2PI = math.log(2 * math.pi)
CONSTANTS = {
    "1/2": 0.5,
    "ln 2": math.log(2),
    "1/2 ln 2": 0.5 * math.log(2),
    "pi": math.pi,
    "ln 2 pi": LN_2PI,
    "1/2 ln 2 pi": 0.5 * LN_2PI,
    "1/2 ln 2 pi e": 0.5 * (LN_2PI + 1),
    "sqrt(2 pi)": math.sqrt(2 * math.pi),
    "1/sqrt(2 pi)": 1 / math.sqrt(2 * math.pi),
}
FEW = 3  # numbers that have to agree before they show anything
CLOSE = 1e-2  # relative: an approximation rather than a mistake?


def slips(before, values, relation):
    """At most one sentence about a false line, in a list: what all points bear out within their bars.

    before, values: the Numbers of the line before and of this one, one a point.
    """
    a, b = (np.concatenate([np.ravel(number.value) for number in numbers]) for numbers in (before, values))
    bar = np.concatenate([np.ravel(m.bar + n.bar) for m, n in zip(before, values)])
    if not np.isfinite(np.stack([a, b, bar])).all():
        return []
    if relation != "=":
        turned = np.all(a - b <= bar) if relation == ">=" else np.all(b - a <= bar)
        return [f"at every point it is {'<=' if relation == '>=' else '>='}"] if turned and len(a) >= FEW else []
    c = _constant(b - a, bar)
    if c is not None:
        return [f"too {'large' if c > 0 else 'small'} by {_named(abs(c))} at every point"]
    if np.all(a != 0):
        c = _constant(b / a, bar * (1 + abs(b / a)) / abs(a))
        if c is not None and abs(c - 1) > CLOSE:
            return [f"{_named(c)} times the line before at every point"]
    off = float(np.max(abs(a - b) / np.maximum(np.maximum(abs(a), abs(b)), 1e-300)))
    if off <= CLOSE:
        return [f"they agree to {off:.0e}: if a line is a Monte Carlo mean or an integral by quad, return (value, bar)"]
    return []


def _constant(numbers, bars):
    """The number that all are within their bars, or None; bars so wide that anything would do show nothing."""
    if len(numbers) < FEW or np.ptp(numbers) > 2 * np.max(bars) or np.max(bars) > 1e-6 * abs(numbers[0]):
        return None
    return float(np.mean(numbers))


def _named(c):
    name = next((name for name, value in CONSTANTS.items() if abs(abs(c) - value) <= 1e-9 * value), None)
    return f"{c:.6g}" + (f" = {'-' if c < 0 else ''}{name}" if name else "")
