"""Derivatives from function values alone, each with an error bar: entry by entry, or along a direction."""

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from tinygen.measure.complex_step import Refused, complex_step
from tinygen.measure.noise import OutOfTime, along, line_noise, measure_noise, scales
from tinygen.measure.richardson import SIGMAS, Slope, slope
from tinygen.measure.scatter import scatter

GOOD = 1e-8  # a bar this small, relative to the value, needs no better steps
LOOKED = 1e-11  # the same along the random directions
FAIR = 1e-7  # a bar this small is not worth measuring the noise of the entry itself
FIRST = 0.35  # the largest step of the first ladder, relative to the scale
LEAST = 200.0  # no ladder starts below so many roundings of x: x + h has to differ from x in all its steps
SMALL = 1e-4  # entries below this part of the largest one are measured to that part's accuracy
UNSEEN = 10.0  # a change of f by so many standard deviations of its rounding is seen
UNKNOWN = Slope(math.nan, math.inf, math.inf, 0.0, 1.0)
EXACT = 1e-9  # a slope as exact as this, of a function that looks smooth on short lengths, is probed no further
PROBES = (2.0**-10, 2.0**-20, 2.0**-30)  # shorter steps, relative to those taken, at which f may be something else
LOOKS = 3  # random directions in which the ways to measure have to agree


@dataclass
class Measured:
    """Derivatives of f at x: `value` +- `bar`, and `low` and `high`, which differ at a kink: the one-sided derivatives.

    `rise` is how steeply f changes over the steps taken, which is more than the derivative where that vanishes.
    One number for each entry of x (flat); nan where an entry was not measured.
    """

    value: np.ndarray
    bar: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rise: np.ndarray

    @classmethod
    def nothing(cls, size):
        """Nothing measured yet."""
        return cls(*(np.full(size, np.nan) for _ in range(5)))

    def slope(self, i):
        """What was measured of entry `i`, as a Slope."""
        jump = self.high[i] - self.low[i]
        return Slope(self.value[i], self.bar[i], self.bar[i], 0.0, 1.0, jump, 0.0, rise=self.rise[i])

    def put(self, i, slope):
        """File the Slope of entry `i`."""
        self.value[i], self.bar[i], (self.low[i], self.high[i]) = slope.value, slope.bar, slope.interval
        self.rise[i] = slope.rise


class Meter:
    """Measures derivatives of the scalar-valued `f` at the float array `x`; what it learns about f, it keeps.

    Directions and entries count x as flat, whatever its shape.

    rng: a numpy Generator, for the random directions. eps: spacing of the numbers f really computes with, if x is
    stored in a wider format. accuracy: how far the values of f may be off beside their rounding (an inner solver, a
    mean of samples): steps are then so large that this does little.
    """

    def __init__(self, f, x, rng, *, eps=0.0, accuracy=0.0):
        shape = x.shape
        self.f, self.x, self.rng = (lambda v: f(v.reshape(shape))), x.ravel(), rng
        self.calls, counted = 0, self.f

        def counting(v):
            self.calls += 1
            return counted(v)

        self.f = counting
        begin, busy = time.perf_counter(), time.process_time()
        with np.errstate(all="ignore"):
            self.noise = measure_noise(self.f, self.x, rng, eps=eps)
        passed, busy = time.perf_counter() - begin, time.process_time() - busy
        self.seconds_a_call = (busy if busy > 0.1 * passed else passed) / self.calls  # a busy machine is no slow f
        self.scale = scales(self.x)
        self._typical = float(np.exp(np.mean(np.log(self.scale)))) if x.size else 1.0
        self._ratio = {}  # decade of the scale -> the step that was best there, relative to the scale
        self._probed = math.inf  # beyond this length, relative to the scale, f was seen to be something else
        self._looks = self._complex = self._wider = None
        self._probes = 0
        self.accuracy, self.stop = accuracy, lambda: False  # asked before each entry, whether that is all

    @property
    def sigma(self):
        """Standard deviation of the errors of f's values."""
        return max(self.noise.sigma, self.accuracy)

    def scatter(self, v):
        """How far values of f close to x, along `v`, may be off: 0 if by rounding alone, inf if nothing is known."""
        moving = v != 0
        scale = float(np.min(self.scale[moving] / abs(v[moving])))
        with np.errstate(all="ignore"):
            return scatter(self.line(v * scale), self.noise.eps)

    @property
    def calls_an_entry(self):
        """About how many calls of f it takes to measure one entry."""
        return 14 if self.complex_refused else 2

    @property
    def seconds_an_entry(self):
        """About how long it takes to measure one entry."""
        return self.seconds_a_call * (30 if self.complex_refused else 8)

    def line(self, v):
        """The function t -> f(x + t v); nan where f cannot be evaluated."""
        return along(self.f, self.x, v)

    def along(self, v, *, goal=0.0, relative=GOOD, probe=True):
        """The derivative along `v` by Richardson: a Slope.

        With `probe`, what f does on lengths much shorter than the steps is looked at, too; if that is something else,
        all later measurements keep to shorter steps.
        """
        moving = v != 0
        if not np.any(moving):
            return Slope(0.0, 0.0, 0.0, 0.0, 1.0)
        if math.isinf(self.accuracy):
            return UNKNOWN
        scale = float(np.min(self.scale[moving] / abs(v[moving])))
        phi, noise = self.line(v * scale), self.noise
        smooth = math.inf if self.accuracy else noise.smooth
        with np.errstate(all="ignore"):
            step, limits = min(FIRST, smooth), dict(least=LEAST * noise.eps, most=smooth)
            goals = dict(absolute=goal * scale, relative=relative)
            best = slope(phi, noise.value, step, self.sigma, noise.eps, **goals, **limits)
            plain = best.bar <= EXACT * abs(best.value) and not best.bent and math.isinf(noise.smooth)
            probes = PROBES[:1] if plain and not self._probes else PROBES * (not plain)
            for part in () if self.accuracy or not probe else probes:
                self._probes += 1
                h = best.step * part
                if h < LEAST * noise.eps:
                    break
                quotients = [(phi(s) - phi(-s)) / (2 * s) for s in (h, h / 2, h / 4)]
                odd = (quotients[0] - 6 * quotients[1] + 8 * quotients[2]) / 3  # all powers of h: a bend does not count
                slack = 8 * SIGMAS * noise.sigma / h
                if abs(odd - best.value) > best.bar + slack + abs(best.jump):
                    finer = slope(phi, noise.value, h, noise.sigma, noise.eps, **limits)
                    if finer.bar < abs(odd - best.value):
                        best, self._probed = finer, min(self._probed, h)
        return _unseen(best, self.sigma, 1.0).over(scale)

    @property
    def small(self):
        """Which entries of x are so small against the others that steps of their size may drown in rounding."""
        return self.scale < 0.1 * self._typical

    def entry(self, i, *, goal=0.0, again=False, relative=GOOD, far=False):
        """The derivative by entry `i` of x by Richardson: a Slope. `again` takes other steps than the first time.

        far: steps of the size of the other entries of x.
        """
        scale, noise = float(self.scale[i]), self.noise
        unit = np.zeros(self.x.shape, dtype=self.x.dtype)
        unit[i] = scale
        phi, decade = self.line(unit), round(math.log10(scale))
        first = FIRST * self._typical / scale if far else self._ratio.get(decade, FIRST)
        grain = noise.eps * abs(float(self.x[i])) / scale
        options = dict(relative=relative, least=LEAST * noise.eps, grain=grain, binary=not again)
        other, goal = (0.29 if again else 1.0), goal * scale
        if math.isinf(self.accuracy):
            return UNKNOWN
        if self.accuracy:
            with np.errstate(all="ignore"):
                best = slope(phi, noise.value, FIRST * other, self.sigma, noise.eps, absolute=goal, **options)
            return _unseen(best, self.sigma, 1.0).over(scale)
        best, sigma, shorter = None, noise.sigma, 0.7 if again else 1.0
        with np.errstate(all="ignore"):
            if math.isinf(noise.smooth):
                most = shorter * self._probed
                step = first * other
                best = slope(phi, noise.value, step, noise.sigma, noise.eps, absolute=goal, most=most, **options)
            if best is None or not best.bar <= max(goal, FAIR * abs(best.value)):
                sigma, smooth = line_noise(phi, noise.value, noise.eps)  # of this entry alone: often less than of all
                sigma = min(sigma, noise.sigma) if noise.repeatable else noise.sigma
                if math.isfinite(smooth) and math.isinf(noise.smooth):  # all directions together would show it, too
                    sigma, smooth = noise.sigma, math.inf
                if best is None or sigma < 0.5 * noise.sigma or math.isfinite(smooth) or first != FIRST:
                    most = shorter * min(smooth, noise.smooth, self._probed)
                    step = FIRST * other
                    finer = slope(phi, noise.value, step, sigma, noise.eps, absolute=goal, most=most, **options)
                    best = best if best is not None and math.isinf(most) and best.bar < finer.bar else finer
        if math.isfinite(best.bar) and not again:
            self._ratio[decade] = best.step
        return _unseen(best, sigma, max(1.0, self._typical / scale)).over(scale)

    @property
    def looks(self):
        """Some random directions, in which every entry moves by a similar part of its scale, each with its Slope."""
        if self._looks is None and not self.x.size:
            self._looks = []
        elif self._looks is None:
            shape = (min(LOOKS, 1 + self.x.size), self.x.size)
            sign, size = self.rng.choice([-1.0, 1.0], shape), self.rng.uniform(0.5, 1, shape)
            self._looks = [(v, self.along(v, relative=LOOKED)) for v in self.scale * sign * size]
        return self._looks

    def jump(self):
        """By how much f jumps at x itself; 0 where it does not."""
        for v, _ in self.looks:
            phi, value = self.line(v), self.noise.value
            for side in (1, -1):
                steps = [abs(float(phi(side * self.noise.eps**power)) - float(value)) for power in (0.85, 0.6, 0.4)]
                if min(steps) > max(0.5 * max(steps), 1e4 * self.noise.eps * abs(float(value))):
                    return max(steps)
        return 0.0

    def infinite(self, i):
        """inf or -inf if f rises or falls infinitely steeply with entry `i` of x, as sqrt at 0 does; else nan."""
        unit, value, sides = np.zeros(self.x.shape), float(self.noise.value), []
        unit[i] = self.scale[i]
        phi = self.line(unit)
        for side in (1, -1):
            quotients = np.array([(float(phi(side * h)) - value) / (side * h) for h in 2.0 ** -np.arange(8, 41, 4)])
            if np.isfinite(quotients).all():  # f ~ |h|^p with p < 0.9 rises by 2^0.4 over each step
                grows = np.all(abs(quotients[1:]) > 1.3 * abs(quotients[:-1]))
                sides.append(math.copysign(math.inf, quotients[-1]) if grows else math.nan)
        return sides[0] if sides and len(set(sides)) == 1 else math.nan

    def complex_along(self, v, steps=2):
        """The derivative along `v` by complex step, and its rounding. Raises Refused."""
        slack = 1e3 * self.noise.sigma + 1e-9 * abs(float(self.noise.value))
        with np.errstate(all="ignore"):
            return complex_step(self.f, self.x, v, self.noise.value, slack, self.rng, steps)

    @property
    def complex_refused(self):
        """Why the complex step does not hold for f, or "" if it agrees with Richardson in random directions."""
        if self._complex is None:
            self._complex = self._try_complex() if self.x.size else "there is nothing to measure"
        return self._complex

    def _try_complex(self):
        if self.accuracy:
            return "the values of f carry an error"
        if self.x.dtype != np.float64 or not self.noise.repeatable:
            return "f is not computed in float64" if self.noise.repeatable else "f is not deterministic"
        size = max(abs(real.value) for _, real in self.looks)
        if size == 0:
            return "f stands still"
        for v, real in self.looks:
            try:
                value, jitter = self.complex_along(v)
            except Refused as reason:
                return str(reason)
            if real.kink or real.bent:
                return "f has a kink here or close by"
            if not real.bar <= 1e-7 * size:
                return "it could not be compared with real steps"
            if abs(value - real.value) > real.bar + SIGMAS * jitter:
                return "it disagrees with real steps, so f is not analytic (abs, norm, var, slogdet, ...)"
        return ""

    def measure(self, indices=None):
        """All entries, or those of the flat `indices`, by complex step if it holds, else by Richardson: a Measured."""
        indices = np.arange(self.x.size) if indices is None else np.asarray(indices, dtype=int)
        found = None if self.complex_refused else self._complex_entries(indices)
        return self.real(indices) if found is None else found

    def real(self, indices, far=False):
        """The entries of the flat `indices` by Richardson: a Measured; `far` as in `entry`."""
        seen = max([abs(slope.value) for _, slope in self.looks if math.isfinite(slope.value)], default=0.0)
        usual = (
            seen / math.sqrt(max(1, self.x.size)) / np.maximum(self.scale, self._typical)
        )  # an entry that stands still needs no better bar
        out, largest = Measured.nothing(self.x.size), 0.0
        for flat in indices:
            try:
                found = self.entry(flat, goal=GOOD * SMALL * max(largest, float(usual[flat])), far=far)
            except OutOfTime:
                break
            out.put(flat, found)
            if math.isfinite(found.bar):
                largest = max(largest, abs(found.value))
        return out

    def _complex_entries(self, indices):
        out, jitters = Measured.nothing(self.x.size), np.zeros(len(indices))
        try:
            for row, i in enumerate(indices):
                unit = np.zeros(self.x.size)
                unit[i] = self.scale[i]
                value, jitters[row] = self.complex_along(unit, 5 if len(indices) < 16 else 2)
                out.value[i] = value / self.scale[i]
        except OutOfTime:
            pass
        except Refused:
            return None
        if np.isfinite(out.value).any():
            value, scale = out.value[indices], self.scale[indices]
            # of an entry of its scale
            typical = lambda size: np.minimum(np.nanmax(size), np.nanmax(size * scale) / scale)
            jitter = np.maximum(jitters / scale, typical(jitters / scale))
            out.bar[indices] = self.noise.eps * (16 * abs(value) + 8 * typical(abs(value))) + SIGMAS * jitter
            out.low[indices] = out.high[indices] = value
            out.rise[indices] = abs(value)
        return out

    def wider(self):
        """A Meter that computes in np.longdouble, if this platform has a wider one and f keeps to it; else None."""
        if self._wider is None:
            self._wider = self._try_wider() or False
        return self._wider or None

    def _try_wider(self):
        if self.accuracy:
            return None
        if np.finfo(np.longdouble).eps >= self.noise.eps or self.x.dtype == np.longdouble or not self.noise.repeatable:
            return None
        try:
            meter = Meter(self.f, self.x.astype(np.longdouble), self.rng)
        except Exception:  # f is anybody's code; that it takes no longdouble is no fault
            return None
        same = abs(meter.noise.value - self.noise.value) <= 1e3 * self.noise.sigma
        return meter if same and meter.noise.sigma < 0.01 * self.noise.sigma else None


def _unseen(slope, sigma, length):
    """The Slope with a bar not below what rounding hides on `length`, if its steps are longer: they saw no more."""
    hidden = UNSEEN * sigma / length
    return replace(slope, bar=max(slope.bar, hidden)) if slope.step > 4 * length else slope


def directional(f, x, v, *, rng=0):
    """Derivative of scalar-valued `f` at `x` along `v` from function values alone, with an error bar.

        d/dt f(x + t v) at t = 0

    x, v: float arrays of one shape. rng: Generator or seed. Returns (number, bar). Raises ValueError if the shapes
    differ.

    >>> value, bar = directional(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, -1.0]))
    >>> bool(abs(value - (3 - 12)) <= bar < 1e-7)
    True
    """
    x, v = _float_array(x), np.asarray(v)
    if v.shape != x.shape:
        raise ValueError(f"v must have the shape of x, {x.shape}, got {v.shape}")
    if not np.any(v):
        return 0.0, 0.0
    found = Meter(f, x, np.random.default_rng(rng)).along(v.ravel())
    return float(found.value), float(found.bar)


def derivative(f, x, *, rng=0):
    """Gradient of scalar-valued `f` at `x`, entry by entry, from function values alone, with an error bar for each.

    Complex step where it agrees with real steps in random directions; else central differences at a ladder of steps,
    extrapolated to step 0 (Richardson). The bar is truncation (how much the extrapolation still moves) plus rounding
    (the measured noise of f, not an assumed one).

    x: float array of any shape. rng: Generator or seed. Returns (gradient, bar), float64 arrays of the shape of x.

    >>> gradient, bar = derivative(lambda x: np.sum(np.sin(x)), np.array([0.3, 2.0]))
    >>> bool(np.all(abs(gradient - np.cos([0.3, 2.0])) <= bar) and np.all(bar < 1e-10))
    True
    """
    x = _float_array(x)
    found = Meter(f, x, np.random.default_rng(rng)).measure()
    return found.value.reshape(x.shape), found.bar.reshape(x.shape)


def _float_array(x):
    x = np.asarray(x)
    if x.dtype.kind != "f":
        raise TypeError(f"x must be a float array, got dtype {x.dtype}: integers have no derivative")
    return x
