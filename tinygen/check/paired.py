"""A gradient estimate beside numeric derivatives at the same random numbers: is it the path's, and is its mean?"""

import numpy as np

from tinygen.check.estimate import Estimate, diagnose, name_of, report_of
from tinygen.check.report import PASS, Entry, Report
from tinygen.measure.means import Sequential
from tinygen.measure.noise import scales
from tinygen.measure.numeric import derivative
from tinygen.measure.scatter import left_of_change

STEP = 1e-5  # of differences that are averaged, relative to the size of x
WIDE = 0.4  # of differences of a value that jumps, whose expectation is what is differentiated
LOOKED_AT = 256  # random numbers for which the value is looked at for jumps
HALVINGS = 12  # of the way on which it changes most: a jump is still there then
PAIRED = 8  # draws that are compared one by one, with common random numbers, before they are averaged


def check_paired(draw, value, at, rng, draws, resolution, false_alarm, power):
    """Each estimate beside the numeric derivative of the value with the same random numbers."""
    at = np.asarray(at, dtype=np.float64)
    expected = Estimate(at, "at")
    seeds = [int(seed) for seed in rng.integers(2**63, size=PAIRED)]
    jumps = _jumps(value, at, rng)
    draws = draws or (100_000 if jumps else 10_000)
    one = lambda seed: _row(draw(np.random.default_rng(seed)), at.shape)
    seeded = lambda seed: lambda x: value(x, np.random.default_rng(seed))
    difference, bar = (_wide, _truncation(seeded, at, rng)) if jumps else (_central, None)
    if not jumps:
        report, bar = _draw_by_draw(draw, one, seeded, seeds, at, expected)
        if report is not None:
            return report
    taken = [np.zeros(at.size), 0]

    def rows(n):
        pairs = []
        for seed in rng.integers(2**63, size=n):
            slope = difference(seeded(int(seed)), at)
            taken[0], taken[1] = taken[0] + slope, taken[1] + 1
            pairs.append(one(int(seed)) - slope)
        return np.stack(pairs)

    def goal(tally):
        scale = np.max(abs(taken[0] / taken[1]), initial=0.0)
        return resolution * np.where(scale > 0, scale, tally.std)

    test = Sequential(rows, at.size, bar=bar, goal=goal, most=draws, false_alarm=false_alarm, power=power).run()
    target = taken[0] / taken[1]
    report = report_of(draw, test, target, expected.places, goal(test.tally), resolution, false_alarm, power)
    if jumps:
        report.notes.append(
            "truth jumps with `at`, the random numbers held: the derivative along its path is not that of its "
            "expectation. Differences over wide steps were compared, whose own error is in the bar"
        )
    else:
        report.notes.append("compared at common random numbers; draw by draw it is not the path's gradient")
    diagnose(report, test, target, expected, False)
    report.details["pathwise"] = False
    return report


def _draw_by_draw(draw, one, seeded, seeds, at, expected):
    """(The Report, None) if each draw is the derivative along the path; else (None, the error of single steps)."""
    measured = [derivative(seeded(seed), at) for seed in seeds]
    slopes, bars = (np.stack([pair[k].ravel() for pair in measured]) for k in range(2))
    bars += 16 * np.finfo(float).eps * abs(slopes)
    off = np.stack([one(seed) for seed in seeds]) - slopes
    if np.all(abs(off) <= bars):
        used = np.divide(abs(off), bars, out=np.zeros_like(off), where=bars > 0)
        i, j = np.unravel_index(np.argmax(used), off.shape)
        place = f"{expected.places[j]}, draw {i}"
        entry = Entry(place, PASS, float(slopes[i, j] + off[i, j]), float(slopes[i, j]), float(bars[i, j]))
        note = f"{PAIRED} draws agree one by one with numeric derivatives at the same random numbers: it is the path's"
        return Report(name_of(draw), [entry], notes=[note], details={"draws": PAIRED, "pathwise": True}), None
    # Not the path's. Averages need no ladder of steps for each draw: one step, whose error is known from the ladders.
    short = np.stack([_central(seeded(seed), at) for seed in seeds])
    return None, 10 * np.max(abs(short - slopes) + bars, axis=0)


def _jumps(value, at, rng):
    """Whether value(., rng) jumps close to `at` for some random numbers: halving the way leaves the change whole."""
    ways = []
    for seed in rng.integers(2**63, size=LOOKED_AT):
        v = scales(at) * rng.choice([-WIDE, WIDE], at.shape)
        phi = lambda t, seed=int(seed), v=v: float(value(at + t * v, np.random.default_rng(seed)))
        ends = [phi(t) for t in (-1.0, 0.0, 1.0)]
        ways.append((abs(ends[0] - 2 * ends[1] + ends[2]), phi))
    for bent, phi in sorted(ways, key=lambda way: -way[0])[:PAIRED]:
        if not bent or not np.isfinite(bent):
            continue
        low, middle, high = phi(-1.0), phi(0.0), phi(1.0)
        change = max(abs(middle - low), abs(high - middle))
        if left_of_change(phi, (-1.0, low), (1.0, high), HALVINGS) > change / 30:
            return True
    return False


def _wide(f, x):
    """Differences over steps that are no longer small, with their first error term removed, flat."""
    one, two = (_central(f, x, step) for step in (WIDE, WIDE / 2))
    return (4 * two - one) / 3


def _truncation(seeded, at, rng):
    """How far the mean of `_wide` may be off: a third of what halving the step still changes, and its own chance."""
    seeds = [int(seed) for seed in rng.integers(2**63, size=4 * LOOKED_AT)]
    moved = np.stack([_central(seeded(s), at, WIDE) - _central(seeded(s), at, WIDE / 2) for s in seeds])
    return (abs(moved.mean(0)) + 3 * moved.std(0) / np.sqrt(len(seeds))) / 3


def _row(value, shape):
    value = np.asarray(value, dtype=np.float64)
    if value.shape != shape:
        raise ValueError(f"draw(rng) returned shape {value.shape}, expected that of `at`, {shape}, one at a time")
    return value.ravel()


def _central(f, x, step=STEP):
    """Central differences of one step, flat."""
    steps, slope = step * scales(x), np.zeros(x.size)
    for i, index in enumerate(np.ndindex(x.shape)):
        h = np.zeros(x.shape)
        h[index] = steps[index]
        slope[i] = (f(x + h) - f(x - h)) / (2 * steps[index])
    return slope
