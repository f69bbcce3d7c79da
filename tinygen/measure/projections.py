"""Large gradients: random projections first, then bisection to the wrong entries."""

import math
from dataclasses import dataclass

import numpy as np

from tinygen.measure.noise import along, scales
from tinygen.measure.richardson import LEVELS, ladder

LOOKS = 6  # random projections of the whole gradient
FOUND = 24  # at most so many wrong entries are searched for
TESTS = 600  # projections spent on the search


@dataclass(frozen=True)
class Projection:
    """got . v against the measured derivative along v: its `miss` beyond the one-sided derivatives, and the `bar`."""

    miss: float
    bar: float
    kink: bool

    @property
    def outside(self):
        """Whether got is wrong in this direction (nan counts as wrong)."""
        return not self.miss <= self.bar


def project(meter, got, slack, indices, weights=1.0, **options):
    """Compare `got` with the derivative along a random direction within `indices`: normal, in the scales times weights.

    options: of Meter.along.
    """
    v = np.zeros(got.shape)
    v[indices] = meter.scale[indices] * weights * meter.rng.standard_normal(len(indices))
    return held_against(meter, got, slack, v, **options)


def held_against(meter, got, slack, v, slope=None, goal=0.0, **options):
    """The Projection of `got` on `v`; `slope`: what was measured along it already; else options of Meter.along."""
    moving = v != 0
    claimed = math.fsum(got[moving] * v[moving])
    rounding = float(np.linalg.norm(slack[moving] * v[moving])) * 4
    if not meter.complex_refused:
        value, jitter = meter.complex_along(v)
        size = float(np.linalg.norm(got[moving] * v[moving]))
        return Projection(abs(claimed - value), 8 * jitter + 64 * meter.noise.eps * size + rounding, False)
    slope = slope or meter.along(v, goal=max(goal, 0.5 * rounding), **options)
    low, high = slope.interval
    return Projection(max(low - claimed, claimed - high, 0.0), slope.bar + rounding, slope.kink)


def glance(f, x, got, indices, rng):
    """How far `got` is off along one random direction within `indices`, relative to the slope; 0 within its bar.

    One ladder of steps and no noise measured: enough to tell whether a gross error is still there.
    """
    v = np.zeros(x.shape)
    v[indices] = scales(x)[indices] * rng.choice([-1, 1], len(indices)) * rng.uniform(0.5, 1, len(indices))
    value = f(x)
    eps = float(np.finfo(np.asarray(value).dtype).eps)
    found = ladder(along(f, x, v), value, 0.25, eps * abs(float(value)), eps, np.zeros(LEVELS + 1))
    claimed = float(got[indices] @ v[indices])
    low, high = found.interval
    miss = max(low - claimed, claimed - high, 0.0)
    return miss / max(abs(found.value), abs(claimed), 1e-300) if miss > 4 * found.bar else 0.0


def visible(projections, chance=1e-6):
    """The size of error that all these projections would miss with probability `chance`, as a norm in the scales of x.

    An error e (times the scales) shows as N(0, |e|^2) in each projection, so it is missed with the product of
    erf(bar / (sqrt(2) |e|)).
    """
    bars = np.array([p.bar for p in projections])
    if not np.all(np.isfinite(bars)):
        return math.inf
    log_missed = lambda size: sum(math.log(max(math.erf(bar / size / math.sqrt(2)), 1e-300)) for bar in bars)
    low, high = float(bars.max()) * 1e-3 + 1e-300, float(bars.max()) * 1e9 + 1e-290
    for _ in range(100):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if log_missed(middle) > math.log(chance) else (low, middle)
    return high


def bisect(meter, got, slack, indices, tests=TESTS):
    """Wrong entries among `indices`, found by halving the sets whose random projection is wrong: flat indices.

    Where one half is right, it is the other that is wrong. At most so many `tests` are made.
    """
    found, queue = [], [indices]
    while queue and len(found) < FOUND and tests > 0:
        part = queue.pop()
        if len(part) == 1:
            found.append(int(part[0]))
            continue
        halves = part[: len(part) // 2], part[len(part) // 2 :]
        outside = [project(meter, got, slack, halves[0]).outside]
        outside.append(not outside[0] or project(meter, got, slack, halves[1]).outside)
        tests -= 1 + outside[0]
        queue += [half for half, wrong in zip(halves, outside) if wrong]
    return np.array(sorted(found), dtype=int)


def sample(leaf, around, most):
    """Up to `most` entries of a Leaf, as flat indices of the vector: a block of neighbours with entry `around` in it.

    Axes of one length get one and the same range, so that a transposed gradient shows.
    """
    if not leaf.shape:
        return np.array([leaf.start])
    lengths = np.minimum(leaf.shape, 2)
    while np.any(lengths < leaf.shape):
        longer = np.where(lengths < leaf.shape, np.minimum(2 * lengths, leaf.shape), lengths)
        grown = np.where(lengths == lengths[lengths < leaf.shape].min(), longer, lengths)
        if np.prod(grown.astype(float)) > most:
            break
        lengths = grown
    place = np.unravel_index(around - leaf.start, leaf.shape)
    start = {}
    for axis, (n, m) in enumerate(zip(leaf.shape, lengths)):
        start.setdefault((n, m), int(np.clip(place[axis] - m // 2, 0, n - m)))
    axes = [start[n, m] + np.arange(m) for n, m in zip(leaf.shape, lengths)]
    return leaf.start + np.ravel_multi_index(np.meshgrid(*axes, indexing="ij"), leaf.shape).ravel()
