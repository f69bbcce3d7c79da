"""The derivative of a function of one number from its values alone: central differences extrapolated to step 0."""

import math
from dataclasses import dataclass, replace

import numpy as np

LEVELS = 6  # steps in one ladder, each half of the one before
SIGMAS = 6.0  # rounding errors are covered to this many standard deviations
LADDERS = 10  # at most so many ladders, each from another largest step
PROBE = 1.37  # one more step, between the two smallest
SHIFT = 3.0  # times how far a result moves without its smallest step: covers any error from order h**.5 on
EXPLAINED = 4.0  # rounding alone makes truncation look like so many times its own part of the bar
DOUBT = 5.0  # truncation that is not small against the value is no estimate yet


@dataclass(frozen=True)
class Slope:
    """A derivative `value` with its error `bar`, made of `truncation` and `rounding`, from steps `step` downwards.

    `jump` +- `jump_bar` is the derivative from the right minus the one from the left: 0 within its bar where f is
    smooth. `bent`: a jump was seen that is too small or too doubtful to be called a kink, and is in the bar. `sided`
    says that f has values on one side only ("left" or "right"), and `value` is that side's derivative. `rise` is how
    steeply f changes over the first steps tried, which is not 0 where just the derivative at 0 is.
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
    bent: bool = False

    @property
    def kink(self):
        """Whether the two one-sided derivatives differ by more than the error bars allow."""
        return abs(self.jump) > self.jump_bar

    @property
    def interval(self):
        """The one-sided derivatives, smaller first; twice the value where there is no kink."""
        half = abs(self.jump) / 2 if self.kink else 0.0
        return self.value - half, self.value + half

    def smoothed(self):
        """The same with a bar that covers the jump."""
        half = (abs(self.jump) + self.jump_bar) / 2
        return replace(self, bar=self.bar + half, truncation=self.truncation + half, jump=0.0, bent=True)

    def over(self, scale):
        """The same for a line on which 1 is the length `scale`."""
        names = ("value", "bar", "truncation", "rounding", "jump", "jump_bar", "rise")
        return replace(self, step=self.step * scale, **{name: getattr(self, name) / scale for name in names})


def _lagrange(u, at):
    """Weights that evaluate at `at` the polynomial through values at the points u."""
    weights = np.empty(len(u), dtype=np.longdouble)
    for j in range(len(u)):
        others = np.delete(u, j)
        weights[j] = np.prod((others - at) / (others - u[j]))
    return weights


def _runs(power):
    """All runs of at least two neighbouring steps of a ladder, as weights on the quotients at these steps.

    The error of a quotient is a series in h**power, h**(2 power), ...; a run of m steps removes its first m - 1 terms
    (Richardson: the polynomial in h**power through the run, at h = 0). Returns arrays of one row a run: the weights of
    its result, of the results without its largest and without its smallest step, and of its polynomial at the probe;
    in both precisions.
    """
    u = np.longdouble(0.5) ** (power * np.arange(LEVELS))
    probe = (PROBE * u[-1] ** (1 / np.longdouble(power))) ** power
    rows = [[], [], [], []]
    for m in range(2, LEVELS + 1):
        for a in range(LEVELS - m + 1):
            parts = (a, a + m, 0.0), (a + 1, a + m, 0.0), (a, a + m - 1, 0.0), (a, a + m, probe)
            for table, (start, stop, at) in zip(rows, parts):
                weights = np.zeros(LEVELS, dtype=np.longdouble)
                weights[start:stop] = _lagrange(u[start:stop], at)
                table.append(weights)
    exact = tuple(np.array(table) for table in rows)
    return {np.dtype(np.longdouble): exact, np.dtype(np.float64): tuple(table.astype(np.float64) for table in exact)}


_SMOOTH = _runs(2)  # (f(x+h) - f(x-h)) / 2h where f is smooth: even powers of h
_SIDED = _runs(1)  # one side of a kink: all powers of h


def _extrapolate(quotients, noise, runs):
    """The best run of one ladder: its value, error bar, and the truncation and rounding parts of the bar.

    quotients, noise: at the steps, and last at the probe. Truncation is how far the run's result moves when its largest
    or its smallest step is left out. Only the latter sees an error of a power of h that the runs do not remove (a bend
    at the point itself); leaving out the largest step changes such an error by next to nothing. A run down to the
    smallest step that contradicts the best one widens the bar, and so does the probe, if it is not on the best run's
    polynomial.
    """
    runs = runs[quotients.dtype]
    good = np.isfinite(quotients)
    used = runs[0] != 0
    clean, errors = np.where(good, quotients, 0), np.where(good, noise, 0)
    values, without_largest, without_smallest, at_probe = (weights @ clean[:-1] for weights in runs)
    unit = np.max(errors[:-1]) or 1.0  # squares of huge or tiny numbers are none
    rounding = SIGMAS * unit * np.sqrt(runs[0] ** 2 @ (errors[:-1] / unit) ** 2)
    truncation = 2 * abs(values - without_largest) + SHIFT * abs(values - without_smallest)
    truncation = np.where(truncation > 0.05 * np.max(abs(clean)), DOUBT * truncation, truncation)
    bars = truncation + rounding
    bars[(used @ ~good[:-1]) | ~np.isfinite(bars)] = np.inf
    best = int(np.argmin(bars))
    if not np.isfinite(bars[best]):
        return math.nan, math.inf, math.inf, 0.0
    finer = np.isfinite(bars) & used[:, -1] & (np.argmax(used, axis=1) >= np.argmax(used[best]))
    contradiction = np.max(abs(values[finer] - values[best]) - bars[finer], initial=0)
    off = abs(at_probe[best] - clean[-1]) - SIGMAS * errors[-1] - rounding[best] if good[-1] else 0
    bar = max(bars[best], contradiction, off if off > truncation[best] else 0)
    return values[best], bar, bar - rounding[best], rounding[best]


_FOUR = np.array([-1.0, 14.0, -56.0, 64.0]) / 21  # the run of the four smallest steps, all powers; of the last three:
_THREE = np.array([0.0, 1.0, -6.0, 8.0]) / 3


def _quick(even, noise):
    """Half the jump of the slope and its bar from one run: most functions have none, and then this is enough."""
    last = even[LEVELS - 4 : LEVELS]
    half = float(_FOUR @ last)
    return half, abs(half - float(_THREE @ last)) + SIGMAS * 4 * float(noise[LEVELS - 1])


def _widened(found, more_truncation, more_rounding):
    value, bar, truncation, rounding = found
    return value, bar + more_truncation + more_rounding, truncation + more_truncation, rounding + more_rounding


def ladder(phi, centre, step, sigma, eps, grains, careful=False):
    """The derivative of `phi` at 0 from one ladder of steps: a Slope.

    `centre` is phi(0), `sigma` the standard deviation of the rounding errors of phi, which are at least `eps` times
    its values in any case; `grains` are the roundings of the argument at each step. Beside the steps there is a probe
    at no simple ratio to them: a wave that has the same phase at all steps looks smooth without it.

    Where truncation or a jump says that phi may be smooth on each side only, or with `careful`, all powers of h are
    removed if that gives a narrower bar, and what the one-sided derivatives differ by counts as truncation.
    """
    h = step * np.append(0.5 ** np.arange(LEVELS), PROBE * 0.5 ** (LEVELS - 1))
    right, left = np.array([[phi(s), phi(-s)] for s in h]).T
    with np.errstate(all="ignore"):
        rounding = 0.3 * np.fmax(abs(right), abs(left)) + np.fmax(abs(right - centre), abs(left - centre))
        odd, even = (right - left) / (2 * h), (right + left - 2 * centre) / (2 * h)
        steepest = np.max(np.fmax(abs(odd), abs(even)), where=np.isfinite(odd), initial=0)
        noise = np.maximum(np.maximum(sigma, eps * rounding), grains * steepest) / h
        if not np.isfinite(odd).any() and (np.isfinite(right).any() or np.isfinite(left).any()):
            sided = "right" if np.isfinite(right).any() else "left"
            quotients = (right - centre) / h if sided == "right" else (centre - left) / h
            found = _extrapolate(quotients, 1.5 * noise, _SIDED)
            return Slope(*found, step, sided=sided, rise=float(np.nanmax(abs(quotients))))
        found = _extrapolate(odd, noise / math.sqrt(2), _SMOOTH)
        half, half_bar = _quick(even, noise)
        if careful or not abs(half) <= half_bar or not found[2] <= EXPLAINED * found[3]:
            half, half_bar, *parts = _extrapolate(even, noise * math.sqrt(1.5), _SIDED)
            options = [_widened(_extrapolate(odd, noise / math.sqrt(2), _SIDED), *parts)]
            options += [_widened(found, abs(half), 0.0)] if abs(half) <= half_bar else []  # a kink is not smooth
            found = min(options, key=lambda found: found[1])
    return Slope(*found, step, 2 * half, 2 * half_bar, rise=float(steepest))


def slope(
    phi, centre, step, sigma, eps, *, absolute=0.0, relative=0.0, least=0.0, most=math.inf, grain=0.0, binary=True
):
    """The derivative of `phi` at 0 with its error bar, from the best of several ladders: a Slope.

    The first ladder starts at `step`; the next ones at larger steps where rounding limits the result, at smaller ones
    where truncation does or where phi is nan, until the bar is good enough (at most `absolute`, or `relative` times the
    value) or gets no better. The first steps of all ladders are kept between `least` and `most`. `binary` makes steps
    powers of 2, so that the argument is exact but at the probe; else it is rounded by `grain`.
    """
    step = min(step, most)
    step = 2.0 ** math.floor(math.log2(step)) if binary else step
    grains = np.append(np.zeros(LEVELS) if binary else np.full(LEVELS, grain), grain)
    tried = []
    for _ in range(LADDERS):
        now = ladder(phi, centre, step, sigma, eps, grains)
        narrowest = min((s.bar for s in tried), default=math.inf)
        stuck = now.rounding >= now.truncation and not now.bar < 0.5 * narrowest
        tried.append(now)
        best = _best(tried)
        if best.bar <= max(absolute, relative * abs(best.value)) or stuck:
            break
        step = min(_next_step(now) if math.isfinite(now.bar) else step / 32, most)
        if step in {s.step for s in tried} or not max(least, 1e-290) < step < 1e290:
            break
    best = _best(tried)
    if best.kink:
        at = lambda h: ladder(phi, centre, h, sigma, eps, grains)
        shortest = max(least, 2.0**13 * max(sigma, eps * abs(float(centre))) / abs(best.jump))
        best = _confirmed(best, at, shortest, max(absolute, eps**0.4 * max(map(abs, best.interval))))
    elif any(slope.kink for slope in tried):  # there is one close by: what is left of its jump may be in the value
        half = abs(ladder(phi, centre, best.step, sigma, eps, grains, careful=True).jump) / 2
        best = replace(best, bar=best.bar + half)
    return replace(best, rise=tried[0].rise)


def _confirmed(kink, at, shortest, enough):
    """The Slope `kink` if the jump is there at all steps down to where rounding hides it, else one of shorter steps.

    A bend close by looks like a kink to longer steps: if the second derivative jumps, the first one seems to jump by
    that times the distance. Steps shorter than the distance do better, unless rounding makes their bar wider than
    `enough`: then the point is at the kink for all that can be known. A jump below `enough` just widens the bar.
    """
    settled = kink.smoothed() if abs(kink.jump) <= enough else kink
    far, near = kink.step, shortest
    step = near
    while step < far / 8:
        now = at(2.0 ** math.floor(math.log2(step)))
        if abs(now.jump - kink.jump) <= now.jump_bar + kink.jump_bar:
            far = now.step
        else:
            near, now = now.step, now.smoothed() if now.kink else now
            if now.bar <= enough and (settled.kink or now.bar < settled.bar):
                settled = now
        step = math.sqrt(far * near)
    return settled


def curvature(phi, centre, sigma, eps):
    """The second derivative of `phi` at 0, where it has the value `centre`, and its error bar; 1 is phi's length."""
    tried = []
    for step in 0.5 * 4.0 ** -np.arange(6):
        h = step * np.append(0.5 ** np.arange(LEVELS), PROBE * 0.5 ** (LEVELS - 1))
        right, left = np.array([[phi(s), phi(-s)] for s in h]).T
        noise = math.sqrt(6) * np.maximum(sigma, 0.3 * eps * np.fmax(abs(right), abs(left))) / h**2
        tried.append(Slope(*_extrapolate((right + left - 2 * centre) / h**2, noise, _SMOOTH), step))
    best = _best(tried)
    return float(best.value), float(best.bar)


def _best(tried):
    """The Slope with the narrowest bar, after every bar is widened by what ladders of smaller steps have against it.

    They speak against it by another value, and by a truncation of their own that rounding does not explain: what is not
    smooth on a small length is not known from a large one.
    """
    widened = []
    for slope in tried:
        finer = [s for s in tried if s.step < slope.step and math.isfinite(s.bar)]
        against = [max(abs(s.value - slope.value) - s.bar, s.truncation - EXPLAINED * s.rounding) for s in finer]
        widened.append(replace(slope, bar=max([slope.bar, *against])))
    return min(widened, key=lambda slope: slope.bar)


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
