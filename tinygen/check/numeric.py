"""Derivatives from function values alone, each with an error bar."""

import math
from dataclasses import dataclass

import numpy as np

LEVELS = 6  # steps in one ladder, each half of the one before
SIGMAS = 6.0  # rounding errors are covered to this many standard deviations
POINTS = 9  # function values in one measurement of noise


def _windows(levels, powers):
    """All runs of neighbouring steps, as rows of extrapolation weights to step 0.

    The error of a difference quotient is a series in `h**powers[0], h**powers[1], ...`; a run of m steps removes the
    first m - 1 of them. Returns the weights (runs, levels), and for each run the rows of the two runs that are one
    step shorter (without its largest step, without its smallest).
    """
    runs = [(a, m) for m in range(1, levels + 1) for a in range(levels - m + 1)]
    weights = np.zeros((len(runs), levels))
    for row, (a, m) in enumerate(runs):
        h = 0.5 ** np.arange(m)
        system = np.stack([np.ones(m)] + [h**p for p in powers[: m - 1]])
        weights[row, a : a + m] = np.linalg.solve(system, np.eye(m)[0])
    rows = {run: row for row, run in enumerate(runs)}
    usable = [run for run in runs if run[1] >= 2]
    return (
        weights,
        np.array([rows[run] for run in usable]),
        np.array([rows[a + 1, m - 1] for a, m in usable]),
        np.array([rows[a, m - 1] for a, m in usable]),
    )


_CENTRAL = _windows(LEVELS, [2, 4, 6, 8, 10])  # (f(x+h) - f(x-h)) / 2h, f smooth: even powers
_ONESIDED = _windows(LEVELS, [1, 2, 3, 4, 5])  # where the two sides differ: all powers


@dataclass(frozen=True)
class Slope:
    """A derivative along a line: `value`, its error `bar`, the `step` it comes from, and what limits it.

    `jump` is the derivative from the right minus the one from the left (with `jump_bar`): 0 within its bar where f
    is smooth, and at a kink `left` and `right` are the one-sided derivatives.
    """

    value: float
    bar: float
    step: float
    truncation: float
    rounding: float
    jump: float
    jump_bar: float
    side_bar: float

    @property
    def kink(self):
        return self.jump_bar < abs(self.jump)

    @property
    def left(self):
        return self.value - self.jump / 2

    @property
    def right(self):
        return self.value + self.jump / 2


def _extrapolate(quotients, noise, table):
    """The best run of one ladder: its value, truncation error and rounding error."""
    weights, this, shorter, other = table
    with np.errstate(all="ignore"):
        values = weights @ np.where(np.isfinite(quotients), quotients, 0)
        touched = (weights != 0) @ ~np.isfinite(quotients)
        rounding = np.sqrt(weights**2 @ np.where(np.isfinite(quotients), noise, 0) ** 2)
        truncation = np.maximum(abs(values[this] - values[shorter]), 0.1 * abs(values[this] - values[other]))
        bars = truncation + SIGMAS * rounding[this]
    bars = np.where(touched[this] | ~np.isfinite(bars), np.inf, bars)
    best = int(np.argmin(bars))
    return float(values[this[best]]), float(truncation[best]), float(rounding[this[best]]), float(bars[best])


def _ladder(phi, centre, step, noise):
    """Central and one-sided derivatives of `phi` at 0 from steps `step`, `step/2`, ... Returns a Slope."""
    h = step * 0.5 ** np.arange(LEVELS)
    values = np.array([[phi(s), phi(-s)] for s in h])
    with np.errstate(all="ignore"):
        sigma = np.maximum(noise.sigma, 0.3 * noise.eps * abs(values).max(axis=1))
        odd = (values[:, 0] - values[:, 1]) / (2 * h)
        even = (values[:, 0] + values[:, 1] - 2 * centre) / (2 * h)
    value, truncation, rounding, bar = _extrapolate(odd, sigma / h / math.sqrt(2), _CENTRAL)
    half, _, _, half_bar = _extrapolate(even, sigma / h * math.sqrt(1.5), _ONESIDED)
    _, _, _, side_bar = _extrapolate(odd, sigma / h / math.sqrt(2), _ONESIDED)
    return Slope(value, bar, step, truncation, SIGMAS * rounding, 2 * half, 2 * half_bar, side_bar + half_bar)


def slope(phi, centre, scale, noise, goal=0.0, ladders=8):
    """The derivative of `phi` at 0 with its error bar; `scale` is the first guess at the length on which it varies.

    Ladders of steps are tried, larger where rounding limits the result, smaller where truncation does, until the
    bar is below `goal` or gets no better.
    """
    step = 2.0 ** math.floor(math.log2(scale / 2))
    best, tried = None, set()
    for _ in range(ladders):
        tried.add(step)
        now = _ladder(phi, centre, step, noise)
        better = best is None or now.bar < best.bar
        worse = best is not None and not now.bar < 0.5 * best.bar
        best = now if better else best
        if best.bar <= goal or (worse and math.isfinite(best.bar)):
            break
        if not math.isfinite(now.bar):
            step /= 64
        elif now.rounding >= now.truncation:
            step *= 8
        else:
            step /= 8
        if step in tried:
            break
    return best


@dataclass(frozen=True)
class Noise:
    """Rounding noise of f near a point: standard deviation `sigma`, and the spacing `eps` of its number format."""

    sigma: float
    eps: float
    value: float
    deterministic: bool


def _phi(f, x, v):
    """t -> f(x + t v), nan where f cannot be evaluated."""

    def phi(t):
        try:
            with np.errstate(all="ignore"):
                return float(f((x + t * v).astype(x.dtype, copy=False)))
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            return math.nan

    return phi


def scales(x):
    """A length for each entry of x, first guess of the step: |x|, where x is 0 the typical |x| of the array, else 1."""
    size = abs(np.asarray(x, dtype=np.float64))
    some = size[size > 0]
    return np.where(size > 0, size, np.exp(np.mean(np.log(some))) if some.size else 1.0)


def measure_noise(f, x, rng):
    """Measure the rounding noise of scalar-valued `f` at `x` from high differences of closely spaced values.

    A k-th difference of a smooth function at spacing d is of order d**k, while that of independent errors of standard
    deviation sigma has variance binomial(2k, k) sigma**2 (Hamming 1971; More & Wild 2011). Returns a Noise.
    """
    x = np.asarray(x)
    first, again = _value(f, x), _value(f, x)
    result = np.asarray(first)
    eps = float(np.finfo(result.dtype if result.dtype.kind == "f" else np.float64).eps)
    eps = max(eps, float(np.finfo(x.dtype).eps))
    sigmas = []
    for _ in range(2):
        phi = _phi(f, x, scales(x) * rng.uniform(0.5, 1, x.shape) * rng.choice([-1, 1], x.shape))
        worst = 0.0
        for power in (0.7, 0.6, 0.4):
            difference = np.array([phi(j * eps**power) for j in range(POINTS)])
            levels = []
            for k in range(1, 7):
                difference = np.diff(difference)
                if k >= 4:
                    levels.append(math.sqrt(np.mean(difference**2) / math.comb(2 * k, k)))
            level = float(np.median(levels))
            worst = max(worst, level) if math.isfinite(level) else worst
        sigmas.append(worst)
    sigma = max(min(sigmas), 0.3 * eps * abs(float(first)), abs(float(again) - float(first)))
    return Noise(sigma, eps, float(first), bool(first == again))


def _value(f, x):
    """f(x) as a NumPy scalar, or a clear error."""
    value = np.asarray(f(x.copy()))
    if value.size != 1 or value.dtype.kind not in "fiub":
        raise ValueError(f"f must return one real number, got {value.dtype} of shape {value.shape}")
    value = value.reshape(())[()]
    if not np.isfinite(value):
        raise ValueError(f"f is {value} at the point itself: there is no derivative to measure")
    return value


def _float_array(x, name):
    x = np.asarray(x)
    if x.dtype.kind != "f":
        raise TypeError(f"{name} must be a float array, got dtype {x.dtype}: integers have no derivative")
    return x


def directional(f, x, v, *, rng=0):
    """Derivative of scalar-valued `f` at `x` along `v` from function values alone, with an error bar.

        d/dt f(x + t v) at t = 0

    x, v: float arrays of one shape. Returns (number, bar).

    >>> value, bar = directional(lambda x: np.sum(x**3), np.array([1.0, 2.0]), np.array([1.0, -1.0]))
    >>> bool(abs(value - (3 - 12)) <= bar < 1e-9)
    True
    """
    x, v = _float_array(x, "x"), np.asarray(v)
    if v.shape != x.shape:
        raise ValueError(f"v must have the shape of x, {x.shape}, got {v.shape}")
    if not np.any(v):
        return 0.0, 0.0
    noise = measure_noise(f, x, np.random.default_rng(rng))
    moving = v != 0
    scale = float(np.min(scales(x)[moving] / abs(v[moving])))
    result = slope(_phi(f, x, v), noise.value, scale, noise)
    return result.value, result.bar


def derivative(f, x, *, rng=0):
    """Gradient of scalar-valued `f` at `x`, entry by entry, from function values alone, with an error bar for each.

    Central differences at a ladder of steps, extrapolated to step 0 (Richardson). The bar is truncation (how much the
    extrapolation still moves) plus rounding (the measured noise of f, not an assumed one).

    x: float array of any shape. Returns (gradient, bar), float64 arrays of the shape of x.

    >>> gradient, bar = derivative(lambda x: np.sum(np.sin(x)), np.array([0.3, 2.0]))
    >>> bool(np.all(abs(gradient - np.cos([0.3, 2.0])) <= bar) and np.all(bar < 1e-10))
    True
    """
    x = _float_array(x, "x")
    noise = measure_noise(f, x, np.random.default_rng(rng))
    gradient, bar = np.zeros(x.shape), np.zeros(x.shape)
    scale = scales(x)
    for i in np.ndindex(x.shape):
        unit = np.zeros(x.shape, dtype=x.dtype)
        unit[i] = 1
        result = slope(_phi(f, x, unit), noise.value, float(scale[i]), noise, goal=1e-11 * abs(gradient).max())
        gradient[i], bar[i] = result.value, result.bar
    return gradient, bar
