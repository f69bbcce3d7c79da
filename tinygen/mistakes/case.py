"""Does a hypothesis explain a wrong gradient? The case, and how much must be explained.

A hypothesis predicts the wrong gradient from the right one. It is kept only if every prediction lies within the error
bars of what was given. Bars alone would let a long list of hypotheses fit anything by chance; so each has a cost in
bits (how many others of its kind are tried, how many numbers in it are free), and it must explain more bits than it
costs: an entry that is off by 1000 bars, and is predicted, explains log2(1000) bits.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from tinygen.autodiff import grad
from tinygen.mistakes.dispatching import dispatching

MARGIN = 8.0  # bits that a hypothesis must explain beyond its cost: one in 256 by chance
MOST_BITS = 40.0  # no entry counts for more
LOOKS = 64  # entries of each kind, wrong and right, that are looked at first
SMALL = 300  # numeric gradients at other points are measured up to this many entries


@dataclass(frozen=True)
class Guess:
    """A hypothesis: what `got` would be under it (NaN: it does not say), its cost, and the words for the student."""

    kind: str
    cost: float
    predicted: np.ndarray
    sentence: str
    formula: str | None = None
    where: str = ""
    slack: np.ndarray | None = None  # the bar of the prediction, where it is not the bar of the numeric gradient
    certain: bool = False  # it only says where the wrong entries are: nothing that could fit by chance


@dataclass
class Case:
    """A wrong gradient: the function and its arguments, the gradient given, and the numeric one with its bar."""

    f: object
    args: tuple
    argnum: int
    got: np.ndarray
    expected: np.ndarray
    bar: np.ndarray
    name: str
    names: tuple
    gradients: dict = field(default_factory=dict)  # measured gradients, by argument

    @cached_property
    def x(self):
        """The argument that the gradient is of."""
        return np.asarray(self.args[self.argnum], dtype=np.float64)

    @cached_property
    def tolerance(self):
        """The error bar, never below the rounding of a float64."""
        size = np.nan_to_num(abs(self.expected))
        return np.maximum(np.nan_to_num(self.bar), 4e-16 * np.maximum(size, size.max(initial=0) * 1e-3)) + 1e-300

    @cached_property
    def known(self):
        """Where the numeric gradient was measured."""
        return np.isfinite(self.expected) & np.isfinite(self.bar)

    @cached_property
    def wrong(self):
        """Where the given gradient is outside the bar."""
        with np.errstate(invalid="ignore"):
            return self.known & ~(abs(self.got - self.expected) <= self.tolerance)

    @cached_property
    def looked_at(self):
        """Some measured entries, the wrong ones first: a hypothesis that fails there need not be looked at further."""
        return np.concatenate([np.flatnonzero(self.wrong)[:LOOKS], np.flatnonzero(self.known & ~self.wrong)[:LOOKS]])

    def only(self, region):
        """The same case with nothing known outside `region`."""
        return replace(self, expected=np.where(region, self.expected, np.nan))

    def __post_init__(self):
        self.f = dispatching(self.f)

    def total(self, *args):
        """The loss as one number, the sum of its terms if `f` names them."""
        value = self.f(*args)
        return sum(value.values()) if isinstance(value, dict) else value

    def others(self):
        """(position, name, array) of all other arguments that are numbers or arrays of numbers."""
        for i, (name, value) in enumerate(zip(self.names, self.args)):
            if (
                i != self.argnum
                and isinstance(value, (np.ndarray, np.generic, float, int))
                and not isinstance(value, bool)
            ):
                array = np.asarray(value)
                if array.dtype.kind in "fiu":
                    yield i, name, array

    def gradient(self, f=None, args=None, argnum=None):
        """Gradient and bar of `f` (the loss) by argument `argnum` at `args`, or None if it cannot be had cheaply.

        Automatic where automatic differentiation agrees with the numeric gradient of this very case, else numeric.
        """
        argnum = self.argnum if argnum is None else argnum
        at_hand = f is None and args is None
        if at_hand and argnum in self.gradients:
            return self.gradients[argnum]
        measured = _gradient(
            self.total if f is None else f, self.args if args is None else args, argnum, self.automatic
        )
        if at_hand:
            self.gradients[argnum] = measured
        return measured

    @property
    def automatic(self):
        """Whether tinygen differentiates the loss, and agrees with the numeric gradient."""
        if "automatic" not in self.gradients:
            measured = _automatic(self.total, self.args, self.argnum)
            agrees = measured is not None and measured.shape == self.expected.shape
            if agrees:
                off = abs(measured - self.expected)[self.known]
                agrees = bool(np.all(off <= 2 * self.tolerance[self.known]))
            self.gradients["automatic"] = agrees
        return self.gradients["automatic"]


def _automatic(f, args, argnum):
    """tinygen's own gradient as float64, or None if `f` is not for it."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(grad(f, argnum)(*args), dtype=np.float64)
    except Exception:  # f is anybody's code, and another way remains
        return None


def _gradient(f, args, argnum, automatic):
    if automatic and (measured := _automatic(f, args, argnum)) is not None:
        eps = float(np.finfo(np.asarray(args[argnum]).dtype).eps)
        return measured, 64 * eps * np.maximum(abs(measured), abs(measured).max(initial=0))
    x = np.asarray(args[argnum])
    if x.size > SMALL or x.dtype.kind != "f":
        return None
    from tinygen.measure.numeric import derivative

    try:
        with np.errstate(all="ignore"):
            return derivative(lambda v: f(*args[:argnum], v, *args[argnum + 1 :]), x)
    except Exception:  # the altered arguments may be outside what f accepts
        return None


def explains(case, guess):
    """Whether `guess` fits within the bars, and explains more than it costs."""
    slack = case.tolerance if guess.slack is None else np.maximum(guess.slack, case.tolerance)
    with np.errstate(all="ignore"):
        look = case.looked_at
        if np.any(abs(np.take(case.got, look) - np.take(guess.predicted, look)) > np.take(slack, look)):
            return False
        told = case.known & np.isfinite(guess.predicted)
        if not told.any() or np.any(case.wrong & ~told) or np.any(abs(case.got - guess.predicted)[told] > slack[told]):
            return False
        bits = np.log2(abs(case.got - case.expected)[told & case.wrong] / slack[told & case.wrong])
    return guess.certain or bool(np.sum(np.clip(bits, 0, MOST_BITS)) >= guess.cost + MARGIN)


def residual(case, guess):
    """What is left after correcting, relative to the size of the gradient."""
    told = case.known & np.isfinite(guess.predicted)
    with np.errstate(all="ignore"):
        largest = max(np.max(abs(case.got[told])), np.max(abs(case.expected[told])), 1e-300)
        size = max(np.linalg.norm(case.got[told] / largest), np.linalg.norm(case.expected[told] / largest))
        return float(np.linalg.norm((case.got - guess.predicted)[told] / largest) / size)


# ---- one unknown number ----


@dataclass(frozen=True)
class Number:
    """A number that a student could have forgotten: its value, its cost in bits, its words."""

    value: float
    cost: float
    words: str


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


def scaled(case, base, direction, numbers, *, slack=None, free=True):
    """The Number c for which base + c * direction predicts `got` within the bars; None if there is none."""
    direction = np.broadcast_to(direction, case.got.shape)
    with np.errstate(all="ignore"):
        told = case.known & np.isfinite(direction) & np.isfinite(base)
        if np.any(case.wrong & ~told) or not np.any(told & (direction != 0)):
            return None
        tolerance, target = case.tolerance if slack is None else np.maximum(slack, case.tolerance), case.got - base
        look = case.looked_at[np.take(told, case.looked_at)]
        if scale_range(np.take(target, look), np.take(direction, look), np.take(tolerance, look)) is None:
            return None
        found = scale_range(target[told], direction[told], tolerance[told])
    return found and named_number(*found, numbers, free=free)
