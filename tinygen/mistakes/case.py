"""Does a hypothesis explain a wrong gradient? The case, and how much must be explained.

A hypothesis predicts the wrong gradient from the right one. It is kept only if every prediction lies within the error
bars of what was given. Bars alone would let a long list of hypotheses fit anything by chance; so each has a cost in
bits (how many others of its kind are tried, how many numbers in it are free), and it must explain more bits than it
costs: an entry that is off by 1000 bars, and is predicted, explains log2(1000) bits.
"""

import re
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from tinygen.autodiff import grad
from tinygen.mistakes.numbers import named_number, numbers_for, scale_range
from tinygen.mistakes.recordable import recordable, scalars_of
from tinygen.mistakes.recording import Recording

MARGIN = 8.0  # bits that a hypothesis must explain beyond its cost: one in 256 by chance
MOST_BITS = 40.0  # no entry counts for more
LOOKS = 64  # entries of each kind, wrong and right, that are looked at first
CALLS = 200  # of f in one diagnosis, to look at what tinygen cannot differentiate
MOST_CALLS = 800  # and to measure it
AN_ENTRY = 20  # calls that the numeric derivative by one entry takes, roughly


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
    number: float | None = None  # the factor that it names: the same at every point
    key: str = ""  # what has to be the same at every point, where it is not the sentence

    @property
    def same(self):
        """What two guesses of one cause share at two points: the words, without numbers that are no names."""
        return self.kind, self.key or re.sub(r"\d*\.?\d+(e[-+]?\d+)?", "#", self.sentence)


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
    again: object = None  # called with all arguments, it gives `got` there (None: it cannot)
    known_from: dict = field(default_factory=dict, repr=False)  # what was found out already, to be found out once

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
        return self.alike(expected=np.where(region, self.expected, np.nan))

    def __post_init__(self):
        self.f = recordable(self.f)

    @property
    def numbers(self):
        """All Numbers worth trying."""
        return self._once("numbers", self._numbers)

    def _numbers(self):
        norm = float(np.linalg.norm(self.expected[self.known])) if self.known.sum() > 1 else 0.0
        known = {name: (self.args[i] if np.ndim(self.args[i]) == 0 else array) for i, name, array in self.others()}
        arrays = {self.name: self.x} | {name: v for name, v in zip(self.names, self.args) if isinstance(v, np.ndarray)}
        scalars = {name: float(v) for name, v in known.items() if np.ndim(v) == 0} | scalars_of(self.f)
        return numbers_for(arrays, scalars, norm)

    @property
    def recording(self):
        """The function's recording, or None if it cannot be had."""
        return self._once("recording", self._recording)

    def _recording(self):
        try:
            with np.errstate(all="ignore"):
                return Recording(self.total, self.args, self.names, self.argnum) if self.automatic else None
        except Exception:  # f is anybody's code: where it cannot be recorded, nothing is said
            return None

    def asked(self, family):
        """The guesses of a family, each made once however often they are asked for."""
        made, rest = self._once(("family", family), lambda: ([], iter(family.guesses(self))))
        yield from made
        for guess in rest:
            made.append(guess)
            yield guess

    def measured(self, args):
        """(gradient, bar) at other arguments, measured; (None, None) if that takes too many calls of f."""
        return self._gradient(self.total, args, self.argnum) or (None, None)

    def _once(self, key, find):
        if key not in self.known_from:
            self.known_from[key] = find()
        return self.known_from[key]

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

    def gradient(self, f=None, args=None, argnum=None, *, at_once=False):
        """Gradient and bar of `f` (the loss) by argument `argnum` at `args`, or None if it cannot be had cheaply.

        Automatic where automatic differentiation agrees with the numeric gradient of this very case, else numeric; that
        only if a glance at two entries shows that it may be a multiple of `got`, or if it is wanted `at_once`.
        """
        argnum = self.argnum if argnum is None else argnum
        if not self.automatic and not at_once and not self._plausible(f or self.total, args or self.args, argnum):
            return None
        find = lambda: self._gradient(self.total if f is None else f, self.args if args is None else args, argnum)
        return self._once(("gradient", argnum), find) if f is None and args is None else find()

    def _plausible(self, f, args, argnum):
        """Whether central differences at the two largest entries of `got` are in the same ratio to it."""
        x, got = np.asarray(args[argnum], dtype=np.float64), np.ravel(self.got)
        if x.shape != self.got.shape or self.known_from.get("calls", 0) > CALLS:
            return False
        ratios = []
        for i in np.argsort(-abs(got))[:2]:
            step = np.zeros(x.size)
            step[i] = 1e-5 * max(1.0, abs(x.flat[i]))
            values = []
            for sign in (1, -1):
                moved = (x + sign * step.reshape(x.shape)).astype(np.asarray(args[argnum]).dtype)
                moved = float(moved) if isinstance(args[argnum], float) else moved
                try:
                    with np.errstate(all="ignore"):
                        values.append(float(f(*args[:argnum], moved, *args[argnum + 1 :])))
                except Exception:  # the altered arguments may be outside what f accepts
                    return False
            self.known_from["calls"] = self.known_from.get("calls", 0) + 2
            ratios.append((values[0] - values[1]) / (2 * step[i] * got[i]) if got[i] else np.nan)
        return len(ratios) < 2 or bool(abs(ratios[0] - ratios[1]) <= 1e-4 * abs(ratios[0]))

    def _gradient(self, f, args, argnum):
        if self.automatic and (measured := automatic_gradient(f, args, argnum)) is not None:
            eps = float(np.finfo(np.asarray(args[argnum]).dtype).eps)
            return measured, 64 * eps * np.maximum(abs(measured), abs(measured).max(initial=0))
        x = np.asarray(args[argnum])
        spent = self.known_from.get("calls", 0) + AN_ENTRY * x.size
        if spent > MOST_CALLS or x.dtype.kind != "f":
            return None
        self.known_from["calls"] = spent
        from tinygen.measure.numeric import derivative

        try:
            with np.errstate(all="ignore"):
                return derivative(lambda v: f(*args[:argnum], v, *args[argnum + 1 :]), x)
        except Exception:  # the altered arguments may be outside what f accepts
            return None

    @property
    def automatic(self):
        """Whether tinygen differentiates the loss, and agrees with the numeric gradient."""
        return self._once("automatic", self._automatic)

    def _automatic(self):
        measured = automatic_gradient(self.total, self.args, self.argnum)
        if measured is None or measured.shape != self.expected.shape:
            return False
        off = abs(measured - self.expected)[self.known]
        return bool(np.all(off <= 2 * self.tolerance[self.known]))

    def alike(self, **changes):
        """The same case with other numbers given or expected: what is known of f stays known."""
        kept = {k: v for k, v in self.known_from.items() if k != "numbers" and k[0] != "family"}
        return replace(self, **changes, known_from=kept)


def automatic_gradient(f, args, argnum):
    """tinygen's own gradient as float64, or None if `f` is not for it."""
    try:
        with np.errstate(all="ignore"):
            return np.asarray(grad(f, argnum)(*args), dtype=np.float64)
    except Exception:  # f is anybody's code, and another way remains
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
