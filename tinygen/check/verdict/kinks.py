"""At a kink every entry may lie between its one-sided derivatives, and the vector still be no (sub)gradient."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

PAIRS = 8  # of entries at a kink, whose sum and difference are tried
RANDOM = 3  # directions among the entries at a kink
NEIGHBOURS = 32  # points close by, at which f has a derivative
CLOSE = 1e-5  # how far away they are, relative to the scale


@dataclass(frozen=True)
class Astray:
    """A direction in words along which the gradient says `got`, outside [low, high] +- bar, the slopes of f there.

    `clarke`: it is still among the slopes that f has along it close by, as a rule such as relu'(0) = 0 gives.
    """

    words: str
    got: float
    low: float
    high: float
    bar: float
    clarke: bool


def astray(judge, indices, name):
    """The first direction along which the gradient is not between the one-sided slopes of f: an Astray, or None.

    A convex f has f'(x; v) >= g.v >= -f'(x; -v) for all v if and only if g is a subgradient. name: flat index -> words.
    """
    meter, found, got = judge.meter, judge.found, judge.got
    right = indices[np.isfinite(got[indices]) & ~judge.wrong[indices] & ~judge.undecided[indices]]
    kinks = right[found.high[right] > found.low[right]]
    if not len(kinks):
        return None
    rng, candidates = meter.rng, []
    pairs = list(combinations(kinks[: PAIRS + 1], 2))
    chosen = [pairs[k] for k in sorted(rng.choice(len(pairs), min(PAIRS, len(pairs)), replace=False))] if pairs else []
    for i, j in chosen:
        for sign, between in ((1, "+"), (-1, "-")):
            v = np.zeros(got.shape)
            v[i], v[j] = 1, sign
            candidates.append((f"{name(i)} {between} {name(j)}", v))
    for part, words in ((kinks, "the entries at the kink"), (right, "all entries")):
        for _ in range(RANDOM):
            v = np.zeros(got.shape)
            v[part] = meter.scale[part] * rng.choice([-1, 1], len(part)) * rng.uniform(0.3, 1, len(part))
            candidates.append((f"a random direction among {words}", v))
    for words, v in candidates:
        claimed, rounding = float(got[right] @ v[right]), float(judge.slack[right] @ abs(v[right]))
        slope = meter.along(v)
        (low, high), bar = slope.interval, slope.bar + 4 * rounding
        if max(low - claimed, claimed - high) > bar and not _again(meter, v, claimed, bar):
            return Astray(words, claimed, float(low), float(high), float(bar), _clarke(meter, v, claimed, bar))
    return None


def _again(meter, v, claimed, rounding):
    """Whether other steps leave it in doubt."""
    slope = meter.along(v * 0.73, relative=0.0)
    low, high = slope.interval
    return max(low - 0.73 * claimed, 0.73 * claimed - high) <= slope.bar + rounding


def _clarke(meter, v, claimed, bar):
    """Whether `claimed` is among the slopes along v at points close by, as those of Clarke's generalised gradient.

    For a convex (or concave) f those are the one-sided slopes themselves.
    """
    scale = float(np.min(meter.scale[v != 0] / abs(v[v != 0])))
    h, slopes = 1e-3 * CLOSE * scale, []
    for _ in range(NEIGHBOURS):
        near = meter.x + CLOSE * meter.scale * meter.rng.standard_normal(meter.x.shape)
        ends = [meter.f((near + side * h * v).astype(meter.x.dtype)) for side in (1, -1)]
        slopes.append((float(ends[0]) - float(ends[1])) / (2 * h))
    blur = bar + 4 * meter.sigma / h + 1e-3 * np.ptp(slopes)
    return bool(min(slopes) - blur <= claimed <= max(slopes) + blur)
