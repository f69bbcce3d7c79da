"""Derivatives from function values alone, each with an error bar: entry by entry, or along a direction."""

import math
import time
from dataclasses import dataclass

import numpy as np

from tinygen.check.complex_step import Refused, complex_step
from tinygen.check.noise import EVALUATIONS, along, measure_noise, scales
from tinygen.check.richardson import SIGMAS, slope

GOOD = 1e-8  # a bar this small, relative to the value, needs no better steps
SMALL = 1e-4  # entries below this part of the largest one are measured to that part's accuracy
LOOKS = 3  # random directions in which the ways to measure have to agree


@dataclass
class Measured:
    """Derivatives of f at x: `value` +- `bar`, and `low` and `high`, which differ at a kink: the one-sided derivatives.

    `rise` is how steeply f changes over the steps taken, which is more than the derivative where that vanishes.
    Arrays in the shape of x; nan where an entry was not measured.
    """

    value: np.ndarray
    bar: np.ndarray
    low: np.ndarray
    high: np.ndarray
    rise: np.ndarray

    @classmethod
    def nothing(cls, shape):
        """Nothing measured yet."""
        return cls(*(np.full(shape, np.nan) for _ in range(5)))

    def put(self, i, slope):
        """File the Slope of entry `i`."""
        self.value[i], self.bar[i], (self.low[i], self.high[i]) = slope.value, slope.bar, slope.interval
        self.rise[i] = slope.rise


class Meter:
    """Measures derivatives of the scalar-valued `f` at the float array `x`; what it learns about f, it keeps.

    rng: a numpy Generator, for the random directions. eps: spacing of the numbers f really computes with, if x is
    stored in a wider format.
    """

    def __init__(self, f, x, rng, *, eps=0.0):
        self.f, self.x, self.rng = f, x, rng
        begin = time.perf_counter()
        with np.errstate(all="ignore"):
            self.noise = measure_noise(f, x, rng, eps=eps)
        self._seconds = (time.perf_counter() - begin) / EVALUATIONS
        self.scale = scales(x)
        self._ratio = {}  # decade of the scale -> the step that was best there, relative to the scale
        self._complex = None
        self._wider = None

    @property
    def seconds_an_entry(self):
        """About how long it takes to measure one entry."""
        return self._seconds * (30 if self.complex_refused else 8)

    def along(self, v, *, goal=0.0):
        """The derivative along `v` by Richardson: a Slope. Features of f much smaller than the step are looked for."""
        moving = v != 0
        scale = float(np.min(self.scale[moving] / abs(v[moving])))
        phi, noise = along(self.f, self.x, v), self.noise
        with np.errstate(all="ignore"):
            best = slope(phi, noise.value, scale / 4, noise.sigma, noise.eps, absolute=goal, relative=GOOD)
            for part in (2.0**-10, 2.0**-20, 2.0**-30):
                h = best.step * part
                odd, slack = (phi(h) - phi(-h)) / (2 * h), SIGMAS * noise.sigma / h
                if abs(odd - best.value) > best.bar + slack + abs(best.jump):
                    finer = slope(phi, noise.value, h, noise.sigma, noise.eps)
                    if finer.bar < abs(odd - best.value):
                        best = finer
        return best

    def entry(self, i, *, goal=0.0, again=False):
        """The derivative by entry `i` of x by Richardson: a Slope. `again` takes other steps than the first time."""
        i = np.unravel_index(i, self.x.shape)
        unit = np.zeros(self.x.shape, dtype=self.x.dtype)
        unit[i] = 1
        scale, noise = float(self.scale[i]), self.noise
        decade = round(math.log10(scale))
        step = scale * self._ratio.get(decade, 0.25) * (0.29 if again else 1)
        phi = along(self.f, self.x, unit)
        with np.errstate(all="ignore"):
            best = slope(
                phi,
                noise.value,
                step,
                noise.sigma,
                noise.eps,
                absolute=goal,
                relative=0 if again else GOOD,
                binary=not again,
            )
        if math.isfinite(best.bar) and not again:
            self._ratio[decade] = best.step / scale
        return best

    def direction(self):
        """A random direction in which every entry moves by a similar part of its own scale."""
        return self.scale * self.rng.uniform(0.5, 1, self.x.shape) * self.rng.choice([-1.0, 1.0], self.x.shape)

    def complex_along(self, v):
        """The derivative along `v` by complex step, and its rounding. Raises Refused."""
        slack = 1e3 * self.noise.sigma + 1e-9 * abs(float(self.noise.value))
        with np.errstate(all="ignore"):
            return complex_step(self.f, self.x, v, self.noise.value, slack)

    @property
    def complex_refused(self):
        """Why the complex step does not hold for f, or "" if it agrees with Richardson in random directions."""
        if self._complex is None:
            self._complex = self._try_complex()
        return self._complex

    def _try_complex(self):
        if self.x.dtype != np.float64 or not self.noise.repeatable:
            return "f is not computed in float64" if self.noise.repeatable else "f is not deterministic"
        pairs = []
        try:
            for _ in range(LOOKS):
                v = self.direction()
                value, jitter = self.complex_along(v)
                pairs.append((value, jitter, self.along(v)))
        except Refused as reason:
            return str(reason)
        size = max(abs(real.value) for _, _, real in pairs)
        for value, jitter, real in pairs:
            if real.kink:
                return "f has a kink here"
            if not real.bar <= 1e-7 * size:
                return "it could not be compared with real steps"
            if abs(value - real.value) > real.bar + SIGMAS * jitter:
                return "it disagrees with real steps, so f is not analytic (abs, norm, var, slogdet, ...)"
        return ""

    def measure(self, indices=None):
        """All entries, or those of the flat `indices`: a Measured. By complex step if that holds, else by Richardson."""
        indices = np.arange(self.x.size) if indices is None else np.asarray(indices, dtype=int)
        found = None if self.complex_refused else self._complex_entries(indices)
        return self.real(indices) if found is None else found

    def real(self, indices):
        """The entries of the flat `indices` by Richardson: a Measured."""
        out, largest = Measured.nothing(self.x.shape), 0.0
        for flat in indices:
            found = self.entry(flat, goal=GOOD * SMALL * largest)
            out.put(np.unravel_index(flat, self.x.shape), found)
            if math.isfinite(found.bar):
                largest = max(largest, abs(found.value))
        return out

    def _complex_entries(self, indices):
        out, jitters = Measured.nothing(self.x.shape), np.zeros(len(indices))
        try:
            for row, flat in enumerate(indices):
                i = np.unravel_index(flat, self.x.shape)
                unit = np.zeros(self.x.shape)
                unit[i] = self.scale[i]
                value, jitters[row] = self.complex_along(unit)
                out.value[i] = value / self.scale[i]
        except Refused:
            return None
        if len(indices):
            at = np.unravel_index(indices, self.x.shape)
            value, scale = out.value[at], self.scale[at]
            floor = np.minimum(np.max(abs(value)), np.max(abs(value * scale)) / scale)
            out.bar[at] = self.noise.eps * (16 * abs(value) + 4 * floor) + SIGMAS * jitters / scale
            out.low[at] = out.high[at] = value
            out.rise[at] = abs(value)
        return out

    def wider(self):
        """A Meter that computes in np.longdouble, if this platform has a wider one and f keeps to it; else None."""
        if self._wider is None:
            self._wider = self._try_wider() or False
        return self._wider or None

    def _try_wider(self):
        if np.finfo(np.longdouble).eps >= self.noise.eps or self.x.dtype == np.longdouble or not self.noise.repeatable:
            return None
        try:
            meter = Meter(self.f, self.x.astype(np.longdouble), self.rng)
        except Exception:  # f is anybody's code; that it takes no longdouble is no fault
            return None
        same = abs(meter.noise.value - self.noise.value) <= 1e3 * self.noise.sigma
        return meter if same and meter.noise.sigma < 0.01 * self.noise.sigma else None


def directional(f, x, v, *, rng=0):
    """Derivative of scalar-valued `f` at `x` along `v` from function values alone, with an error bar.

        d/dt f(x + t v) at t = 0

    x, v: float arrays of one shape. rng: Generator or seed. Returns (number, bar).

    >>> value, bar = directional(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, -1.0]))
    >>> bool(abs(value - (3 - 12)) <= bar < 1e-7)
    True
    """
    x, v = _float_array(x), np.asarray(v)
    if v.shape != x.shape:
        raise ValueError(f"v must have the shape of x, {x.shape}, got {v.shape}")
    if not np.any(v):
        return 0.0, 0.0
    found = Meter(f, x, np.random.default_rng(rng)).along(v)
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
    return found.value, found.bar


def _float_array(x):
    x = np.asarray(x)
    if x.dtype.kind != "f":
        raise TypeError(f"x must be a float array, got dtype {x.dtype}: integers have no derivative")
    return x
