"""The derivative of a function of one number from its values alone: central differences extrapolated to step 0."""

import math
from dataclasses import dataclass, replace

import numpy as np

LEVELS = 6  # steps in one ladder, each half of the one before
SIGMAS = 6.0  # rounding errors are covered to this many standard deviations
LADDERS = 10  # at most so many ladders, each from another largest step


@dataclass(frozen=True)
class Slope:
    """A derivative `value` with its error `bar`, made of `truncation` and `rounding`, from steps `step` downwards.

    `jump` +- `jump_bar` is the derivative from the right minus the one from the left: 0 within its bar where f is
    smooth. `sided` says that f has values on one side only ("left" or "right"), and `value` is that side's derivative.
    `rise` is how steeply f changes over the first steps tried, which is not 0 where just the derivative at 0 is.
    """

    value: float
    bar: float
    truncation: float
    rounding: float
    step: float
    jump: float = 0.0
    jump_bar: float = math.inf
    sided: str = ""
    rise: float = 0.0

    @property
    def kink(self):
        """Whether the two one-sided derivatives differ by more than the error bars allow."""
        return abs(self.jump) > self.jump_bar

    @property
    def interval(self):
        """The one-sided derivatives, smaller first; twice the value where there is no kink."""
        half = abs(self.jump) / 2 if self.kink else 0.0
        return self.value - half, self.value + half


def _windows(power):
    """All runs of neighbouring steps of a ladder, as weights that extrapolate a quotient from them to step 0.

    The error of the quotient is a series in h**power, h**(2 power), ...; a run of m steps removes its first m - 1
    terms (Richardson; the weights are those of Lagrange's polynomial at 0). Returns the weights (runs, LEVELS) of all
    runs, and for the runs of two steps and more: their first steps, their rows, and the rows of the runs without the
    largest and without the smallest step.
    """
    runs = [(a, m) for m in range(1, LEVELS + 1) for a in range(LEVELS - m + 1)]
    rows = {run: row for row, run in enumerate(runs)}
    weights = np.zeros((len(runs), LEVELS), dtype=np.longdouble)
    for (a, m), row in rows.items():
        u = np.longdouble(0.5) ** (power * np.arange(m))
        for j in range(m):
            others = np.delete(u, j)
            weights[row, a + j] = np.prod(others / (others - u[j]))
    table = [(a, rows[a, m], rows[a + 1, m - 1], rows[a, m - 1]) for a, m in runs if m > 1]
    return weights, *np.array(table).T


_SMOOTH = _windows(2)  # (f(x+h) - f(x-h)) / 2h where f is smooth: even powers of h
_SIDED = _windows(1)  # one side of a kink: all powers of h


def _extrapolate(quotients, noise, table):
    """The best run of one ladder: its value, error bar, and the truncation and rounding parts of the bar.

    Truncation is how far the run's result moves when its largest, and (a tenth of that, which exaggerates) its
    smallest step is left out. A run down to the smallest step that contradicts the best one widens the bar.
    """
    weights, first, rows, without_largest, without_smallest = table
    good = np.isfinite(quotients)
    weights = weights.astype(quotients.dtype)
    every = weights @ np.where(good, quotients, 0)
    rounding = SIGMAS * np.sqrt(weights[rows] ** 2 @ np.where(good, noise, 0) ** 2)
    values = every[rows]
    truncation = 2 * abs(values - every[without_largest]) + 0.1 * abs(values - every[without_smallest])
    bars = truncation + rounding
    bars[((weights[rows] != 0) @ ~good) | ~np.isfinite(bars)] = np.inf
    best = int(np.argmin(bars))
    if not np.isfinite(bars[best]):
        return math.nan, math.inf, math.inf, 0.0
    finer = np.isfinite(bars) & (first >= first[best]) & (weights[rows, -1] != 0)
    contradiction = np.max(abs(values[finer] - values[best]) - bars[finer], initial=0)
    bar = max(bars[best], contradiction)
    return values[best], bar, bar - rounding[best], rounding[best]


def ladder(phi, centre, step, sigma, eps):
    """The derivative of `phi` at 0 from one ladder of steps: a Slope.

    `centre` is phi(0), `sigma` the standard deviation of the rounding errors of phi, which are at least `eps` times
    its values in any case.
    """
    h = step * 0.5 ** np.arange(LEVELS)
    right, left = np.array([[phi(s), phi(-s)] for s in h]).T
    with np.errstate(all="ignore"):
        rounding = 0.3 * np.fmax(abs(right), abs(left)) + np.fmax(abs(right - centre), abs(left - centre))
        noise = np.maximum(sigma, eps * rounding) / h
        odd, even = (right - left) / (2 * h), (right + left - 2 * centre) / (2 * h)
        if not np.isfinite(odd).any() and (np.isfinite(right).any() or np.isfinite(left).any()):
            sided = "right" if np.isfinite(right).any() else "left"
            quotients = (right - centre) / h if sided == "right" else (centre - left) / h
            value, bar, truncation, rounding = _extrapolate(quotients, 1.5 * noise, _SIDED)
            return Slope(value, bar, truncation, rounding, step, sided=sided, rise=float(np.nanmax(abs(quotients))))
        value, bar, truncation, rounding = _extrapolate(odd, noise / math.sqrt(2), _SMOOTH)
        half, half_bar, _, _ = _extrapolate(even, noise * math.sqrt(1.5), _SIDED)
        if abs(half) > half_bar:  # a kink: the average of both sides has odd powers of h, too
            value, bar, truncation, rounding = _extrapolate(odd, noise / math.sqrt(2), _SIDED)
    rise = float(np.nanmax(np.fmax(abs(odd), abs(even)), initial=0))
    return Slope(value, bar, truncation, rounding, step, 2 * half, 2 * half_bar, rise=rise)


def slope(phi, centre, step, sigma, eps, *, absolute=0.0, relative=0.0, binary=True):
    """The derivative of `phi` at 0 with its error bar, from the best of several ladders: a Slope.

    The first ladder starts at `step`; the next ones at larger steps where rounding limits the result, at smaller ones
    where truncation does or where phi is nan, until the bar is good enough (at most `absolute`, or `relative` times the
    value) or gets no better. `binary` makes the steps powers of 2, so that x + h is exact more often.
    """
    step = 2.0 ** round(math.log2(step)) if binary else step
    done, best, rise = set(), None, None
    for _ in range(LADDERS):
        now = ladder(phi, centre, step, sigma, eps)
        done.add(step)
        rise = now.rise if rise is None else rise
        stuck = best is not None and not now.bar < 0.5 * best.bar and now.rounding >= now.truncation
        if best is None or _preferable(now, best):
            best = now
        if best.bar <= max(absolute, relative * abs(best.value)) or stuck:
            break
        step = _next_step(now) if math.isfinite(now.bar) else step / 32
        if step in done or not 1e-290 < step < 1e290:
            break
    return replace(best, rise=rise)


def _preferable(now, best):
    """Whether to believe `now` rather than `best`: the narrower bar, but of two that contradict the smaller steps."""
    if math.isfinite(now.bar) and abs(now.value - best.value) > now.bar + best.bar:
        return now.step < best.step
    return now.bar < best.bar


def _next_step(now):
    """The next largest step to try: larger where rounding limits the result, smaller where truncation does.

    Truncation is of about the 8th order in the step and rounding of order -1, which tells where they balance; while
    truncation is as large as the value itself, it is of no order yet.
    """
    if now.truncation <= now.rounding:
        return 8 * now.step
    if now.truncation > 0.1 * abs(now.value) + now.rounding:
        return now.step / 32
    ratio = (now.rounding / (8 * now.truncation)) ** (1 / 9) if now.rounding else 0.5
    return now.step * 2.0 ** min(-1, round(math.log2(max(ratio, 1 / 64))))
