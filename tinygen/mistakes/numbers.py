"""The one table of numbers that get lost in derivations: 2, 1/2, pi, ln 2, and the lengths and scalars of the case.

Every check asks here what a number is called: `numbers_for` lists what could have been forgotten, each with its cost in
bits, and `named_number` takes the cheapest in an interval that is narrow enough to tell it from chance.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from tinygen.mistakes.words import say, times

FEW = 3  # lines of numbers that have to agree before they show anything
CLOSE = 1e-2  # relative: an approximation rather than a mistake?
MOST_BITS = 40.0  # no number is known more sharply
CONSTANTS = {
    "ln 2": np.log(2),
    "ln 10": np.log(10),
    "e": np.e,
    "pi": np.pi,
    "(pi/180)": np.pi / 180,
    "(2 pi)": 2 * np.pi,
    "sqrt 2": np.sqrt(2),
    "sqrt(pi)": np.sqrt(np.pi),
    "sqrt(2 pi)": np.sqrt(2 * np.pi),
}
OFFSETS = {  # what is added or left out in a logarithm
    "ln 2": np.log(2),
    "ln pi": np.log(np.pi),
    "ln(2 pi)": np.log(2 * np.pi),
    "1/2 ln(2 pi)": 0.5 * np.log(2 * np.pi),
    "1/2 ln(2 pi e)": 0.5 * (np.log(2 * np.pi) + 1),
    "1/2 ln 2": 0.5 * np.log(2),
    "1/2 ln pi": 0.5 * np.log(np.pi),
}
_POWERS = {1: "{}", -1: "1/{}", 2: "{}^2", -2: "1/{}^2", 0.5: "sqrt({})", -0.5: "1/sqrt({})"}


@dataclass(frozen=True)
class Number:
    """A number that a student could have forgotten: its value, its cost in bits, its words, and what it is."""

    value: float
    cost: float
    words: str
    of: str = ""  # "7 is the length of axis 0 of x", "s is 0.8"

    @property
    def fixed(self):
        """The value, if it is the same at every point; None if it is that of a scalar argument."""
        return None if self.of and " is the " not in self.of else self.value

    def __str__(self):
        return f"{self.words} ({self.of})" if self.of else self.words


def numbers_for(arrays=(), scalars=(), norm=0.0):
    """All Numbers worth trying, each with its cost in bits: the more of a kind there are, the more each costs.

    arrays: {name: array} whose lengths count, the likeliest first. scalars: {name: number} that the formula uses. norm:
    the length of the right vector, if it may have been divided out.
    """
    table = {1.0: (0, "1", ""), 2.0: (2, "2", ""), 0.5: (2, "1/2", "")}

    def add(value, cost, words, of=""):
        if np.isfinite(value) and value not in (0.0, 1.0) and (value not in table or table[value][0] > cost):
            table[float(value)] = (cost, words, of)

    for words, value in CONSTANTS.items():
        add(value, 6, words.strip("()") if words == "(2 pi)" else words)
        add(1 / value, 6, "180/pi" if words == "(pi/180)" else f"1/{words}")
    for top, bottom in product(range(1, 11), range(1, 11)):
        simple = top == 1 or bottom == 1
        add(top / bottom, 4 if simple else 6, f"{top}" if bottom == 1 else f"{top}/{bottom}")
    for length, place in _lengths(dict(arrays)):
        of = f"{length} is {place}"
        for power, words in _POWERS.items():
            add(length**power, 3 if abs(power) == 1 else 6, words.format(length), of)
        less = length - 1
        for top, bottom in ((less, 1), (1, less), (length, less), (less, length)) if length > 2 else ():
            add(top / bottom, 5, f"{top}" if bottom == 1 else f"{top}/{bottom}", of)
    for name, value in dict(scalars).items():
        for power, words in _POWERS.items():
            if value > 0 or (value and power == int(power)):
                add(
                    float(value) ** power,
                    3 if isinstance(value, int) and abs(power) == 1 else 4,
                    words.format(name),
                    f"{name} is {value:g}",
                )
            if value < 1:
                add((1 - value) ** power, 6, words.format(f"(1 - {name})"), f"{name} is {value:g}")
    if norm > 0:
        add(1 / norm, 7, "one over the gradient's own length")
    plain = [Number(value, *told) for value, told in table.items()]
    double = [
        Number(n.value * k, n.cost + 3, f"{words} x {n.words}", n.of)
        for n, (k, words) in product(plain, ((2.0, "2"), (0.5, "1/2")))
        if n.value * k not in table and n.value not in (1.0, 2.0, 0.5)
    ]
    signed = [Number(-n.value, n.cost + 1, f"-{n.words}", n.of) for n in (*plain, *double)]
    return [Number(0.0, 0.5, "0"), *plain, *double, *signed]


def _lengths(arrays):
    """(length, words for it): the axes of the checked argument first, then those of the others, then sizes."""
    seen = {}
    for name, value in arrays.items():
        for axis, length in enumerate(np.shape(value)):
            seen.setdefault(length, f"the length of axis {axis} of {name}")
    for name, value in arrays.items():
        seen.setdefault(np.size(value), f"the number of entries of {name}")
    return [(length, words) for length, words in seen.items() if length > 1]


def scale_range(target, direction, tolerance):
    """The interval of all c with |target - c * direction| <= tolerance in every entry; None if it is empty."""
    target, direction, tolerance = (np.ravel(part) for part in (target, direction, tolerance))
    moving = abs(direction) > 0
    if not moving.any() or np.any(abs(target[~moving]) > tolerance[~moving]):
        return None
    with np.errstate(all="ignore"):
        middle, half = target[moving] / direction[moving], tolerance[moving] / abs(direction[moving])
    low, high = np.max(middle - half), np.min(middle + half)
    return (float(low), float(high)) if low <= high else None


def named_number(low, high, numbers, *, free=True):
    """The cheapest of `numbers` in [low, high] that is worth its cost, else the bare number (if `free`), else None."""
    size = max(abs(low), abs(high))
    sharp = np.log2(size / max(high - low, 1e-15 * size)) if size else MOST_BITS
    inside = [n for n in numbers if low <= n.value <= high and (n.value == 0 or sharp >= n.cost + 3)]
    if inside:
        return min(inside, key=lambda n: n.cost)
    middle = (low + high) / 2
    return Number(middle, float(np.clip(sharp, 8, MOST_BITS)) + 8, f"{middle:.7g}") if free else None


def named_offset(value, bar):
    """What a number that was added or left out is called: "0.918939 = 1/2 ln(2 pi)", or the number alone.

    >>> named_offset(0.9189385332, 1e-9)
    '0.918939, that is 1/2 ln(2 pi)'
    """
    for words, constant in OFFSETS.items():
        if bar <= 1e-4 * constant and abs(abs(value) - constant) <= bar:
            return f"{abs(value):.6g}, that is {words}"
    return f"{abs(value):.6g}"


def slips(a, b, bar, relation="="):
    """At most one sentence about a false line of a derivation, in a list: what all points bear out within their bars.

    a, b: the numbers of the line before and of this one, flat, over all points; bar: how far they may differ.
    """
    if not np.isfinite(np.stack([a, b, bar])).all():
        return []
    if relation != "=":
        turned = np.all(a - b <= bar) if relation == ">=" else np.all(b - a <= bar)
        return [f"at every point it is {'<=' if relation == '>=' else '>='}"] if turned and len(a) >= FEW else []
    off = float(np.max(abs(a - b) / np.maximum(np.maximum(abs(a), abs(b)), 1e-300)))
    c = None if off <= 1e-6 else _constant(b - a, bar)
    if c is not None:
        size = named_offset(c, np.max(bar) + 1e-9 * abs(c))
        return [say("offset line", way="large" if c > 0 else "small", size=size)]
    if np.all(a != 0) and off > 1e-6:
        bars = bar * (1 + abs(b / a)) / abs(a)
        c = _constant(b / a, bars)
        if c is not None and abs(c - 1) > CLOSE:
            half = np.max(bars) + 1e-10 * abs(c)
            return [say("line", times=times(named_number(c - half, c + half, numbers_for())).rstrip(".?"))]
    if off <= CLOSE:
        return [say("nearly", off=off)]
    return []


def _constant(numbers, bars):
    """The number that all are within their bars, or None; bars so wide that anything would do show nothing."""
    if len(numbers) < FEW or np.ptp(numbers) > 2 * np.max(bars) or np.max(bars) > 1e-6 * abs(numbers[0]):
        return None
    return float(np.mean(numbers))
