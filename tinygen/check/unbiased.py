"""Is this estimate unbiased? A stochastic gradient against its true mean, with a stated chance of a false alarm."""

import numpy as np

from tinygen.autodiff import tree
from tinygen.check.report import FAIL, PASS, UNDECIDED, Entry, Report
from tinygen.measure.means import Sequential
from tinygen.measure.noise import scales
from tinygen.measure.numeric import derivative
from tinygen.measure.scatter import left_of_change
from tinygen.mistakes.diagnose import Mistake
from tinygen.mistakes.numbers import Number, named_number, numbers_for
from tinygen.mistakes.words import say, times

STEP = 1e-5  # of differences that are averaged, relative to the size of x
WIDE = 0.4  # of differences of a value that jumps, whose expectation is what is differentiated
LOOKED_AT = 256  # random numbers for which the value is looked at for jumps
HALVINGS = 12  # of the way on which it changes most: a jump is still there then
PAIRED = 8  # draws that are compared one by one, with common random numbers, before they are averaged


def check_unbiased(
    draw, truth, *, at=None, variance=None, bar=0.0, rng=0, draws=None, resolution=0.1, false_alarm=1e-6, power=0.999
):
    """Test that the mean of a random estimate is what it should be: a Report.

    draw: draw(rng) -> one estimate, a number, array or tree shaped like `truth`, or a stack of independent ones (one
        axis more, in front: faster). rng is a Generator.
    truth: the true mean; or, with `at`, a function truth(at, rng) -> number, whose expectation's gradient at the array
        `at` is estimated. Then each estimate is held against the numeric derivative of truth(., rng) with the same
        random numbers: a gradient along the path agrees with it draw by draw, any other one only on average. Where
        truth jumps with `at` (1[u < p]), differences over steps of the size of `at` stand for the expectation's.
    variance: of one estimate, entry by entry, in closed form: tested too. bar: error of `truth`.
    draws: how many at most (a suspicion is followed up with as many again): 100,000, with `at` 10,000. resolution: the
        bias that must not be missed, as a part of the largest |truth| (of the spread of one draw where truth is 0); the
        report says which bias would have been seen.
    false_alarm: the chance that a right estimate FAILs. power: that such a bias is found.

    FAIL: outside what chance explains, twice. UNDECIDED: a bias of `resolution` could still hide; the report says how
    many draws it would take. Raises what draw raises, ValueError where its shape is not that of truth.

    >>> estimate = lambda rng: 2 * (1.0 + 0.5 * rng.standard_normal(1000))  # of d/dm E x^2 at m = 1
    >>> check_unbiased(estimate, 2.0, variance=1.0).verdict
    'PASS'
    """
    rng = np.random.default_rng(rng)
    given = f"false_alarm={false_alarm}, power={power}, resolution={resolution}, draws={draws}"
    if not (0 < false_alarm < 1 and 0 < power < 1 and resolution > 0 and (draws is None or draws >= 2)):
        raise ValueError(f"need false_alarm and power between 0 and 1, resolution > 0, draws >= 2, got {given}")
    most, draws = draws, draws or (100_000 if at is None else 10_000)
    if callable(truth):
        if at is None or variance is not None:
            raise ValueError("a truth that is a function needs the point `at`, and has no variance to compare with")
        return _paired(draw, truth, at, rng, most, resolution, false_alarm, power)
    expected = Estimate(truth, "truth")
    source = _Source(draw, expected, rng)
    target, places = expected.flat, expected.places
    if variance is not None:
        spread = Estimate(variance, "variance").flat
        if spread.shape != target.shape or not np.all(spread >= 0):
            raise ValueError(f"variance must be numbers >= 0 in the shape of truth, got {np.shape(variance)}")
        target, places = np.concatenate([target, spread]), places + [f"variance of {place}" for place in places]
    bars = np.zeros(len(target))
    bars[: expected.flat.size] = Estimate(bar, "bar").flat if np.ndim(bar) else bar
    bars += 64 * np.finfo(float).eps * abs(target)

    def rows(n):
        X = source(n) - expected.flat
        return X if variance is None else np.concatenate([X, X**2 - spread], axis=1)

    size = expected.flat.size

    def goal(tally):
        scale = np.full(len(target), np.max(abs(expected.flat), initial=0.0))
        scale[size:] = target[size:]
        return resolution * np.where(scale > 0, scale, tally.std)

    test = Sequential(rows, len(target), bar=bars, goal=goal, most=draws, false_alarm=false_alarm, power=power).run()
    report = _report(draw, test, target, places, goal(test.tally), resolution, false_alarm, power)
    _diagnose(report, test, target, expected, variance is not None)
    return report


class Estimate:
    """A number, array or tree as one float64 vector: `flat`, the `shapes` of its leaves and the names of `places`."""

    def __init__(self, value, name):
        value = np.asarray(value) if _is_row(value) else value
        leaves = [np.asarray(leaf) for leaf in tree.flatten(value)[0]]
        if not leaves or any(leaf.dtype.kind not in "fiu" for leaf in leaves):
            raise TypeError(f"{name} must be a number, an array or a tree of arrays, got {type(value).__name__}")
        self.shapes = [leaf.shape for leaf in leaves]
        self.flat = np.concatenate([leaf.ravel().astype(np.float64) for leaf in leaves])
        self.places, self.slices, start = [], [], 0
        for path, shape in zip(tree.paths(value), self.shapes):
            indices = [", ".join(map(str, index)) for index in np.ndindex(shape)]
            self.places += [f"{path}[{index}]" if index else path or "the estimate" for index in indices]
            self.slices.append((path, slice(start, start + len(indices))))
            start += len(indices)

    def rows(self, value):
        """What draw returned, as rows shaped like this estimate: (n, size)."""
        leaves = [np.asarray(leaf, dtype=np.float64) for leaf in tree.flatten(value)[0]]
        shapes = [leaf.shape for leaf in leaves]
        if shapes == self.shapes:
            return np.concatenate([leaf.ravel() for leaf in leaves])[None]
        n = shapes[0][:1]
        if n > (0,) and shapes == [n + shape for shape in self.shapes]:
            return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
        raise ValueError(
            f"draw(rng) returned shape {_said(shapes)}, expected that of truth, {_said(self.shapes)}, "
            "or a stack of those with one more axis in front"
        )


def _is_row(value):
    """A plain list of numbers stands for an array, not for a tree of scalars."""
    return isinstance(value, list) and all(isinstance(v, int | float | np.number) for v in value)


def _said(shapes):
    return ", ".join(map(str, shapes))


class _Source:
    """Rows of estimates, a call of draw at a time; what a stack gave too much is kept for the next time."""

    def __init__(self, draw, expected, rng):
        self.draw, self.expected, self.rng = draw, expected, rng
        self.left = np.zeros((0, expected.flat.size))

    def __call__(self, n):
        parts, have = [self.left], len(self.left)
        while have < n:
            parts.append(self.expected.rows(self.draw(self.rng)))
            have += len(parts[-1])
        everything = np.concatenate(parts)
        if not np.isfinite(everything).all():
            raise ValueError("draw(rng) returned nan or inf: the mean of such an estimate is not a number")
        self.left = everything[n:]
        return everything[:n]


def _paired(draw, value, at, rng, draws, resolution, false_alarm, power):
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
    report = _report(draw, test, target, expected.places, goal(test.tally), resolution, false_alarm, power)
    if jumps:
        report.notes.append(
            "truth jumps with `at`, the random numbers held: the derivative along its path is not that of its "
            "expectation. Differences over wide steps were compared, whose own error is in the bar"
        )
    else:
        report.notes.append("compared at common random numbers; draw by draw it is not the path's gradient")
    _diagnose(report, test, target, expected, False)
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
        return Report(_name(draw), [entry], notes=[note], details={"draws": PAIRED, "pathwise": True}), None
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


def _name(draw):
    return getattr(draw, "__name__", type(draw).__name__).replace("<lambda>", "the estimate")


def _report(draw, test, target, places, goal, resolution, false_alarm, power):
    """Entries, worst first, and what the test could have found."""
    tally, found = test.tally, test.found
    error = np.where(tally.still, test.bar, tally.std / np.sqrt(tally.n))
    report = Report(_name(draw))
    used = np.divide(abs(tally.mean), error, out=np.zeros(len(target)), where=error > 0)
    for i in np.argsort(-used, kind="stable"):
        verdict = FAIL if test.wrong[i] else PASS if found[i] <= goal[i] else UNDECIDED
        note = f"{used[i]:.1f} standard errors off" if verdict == FAIL and not tally.still[i] else ""
        if verdict == UNDECIDED:
            more = (found[i] / goal[i]) ** 2 * tally.n
            need = f"about {more:,.0f} draws would decide" if np.isfinite(more) else "it is too skewed to say how many"
            note = f"a bias of {goal[i]:.2g} could be missed after {tally.n:,} draws: {need} (draws=)"
        limit = found[i] if verdict == UNDECIDED else max(test.bar[i], 3 * error[i])
        report.entries.append(
            Entry(places[i], verdict, float(target[i] + tally.mean[i]), float(target[i]), float(limit), note)
        )
    report.notes.append(f"{tally.n:,} draws; a right estimate would fail with a chance of {false_alarm:g}")
    if report.verdict == PASS:
        part = float(np.max(found / goal)) * resolution
        report.notes.append(
            f"a bias of {part:.2g} of the largest entry would have been found with a chance of {power:g}; "
            "a smaller one may be there (resolution= sets what is looked for)"
        )
    if np.all(tally.still):
        report.notes.append("every draw is the same: is the noise fresh each time?")
    report.details = {"draws": int(tally.n), "false_alarm": false_alarm, "power": power, "found": found}
    return report


def _diagnose(report, test, target, expected, has_variance):
    """Which simple mistake explains the means that are off, leaf by leaf."""
    size, tally = expected.flat.size, test.tally
    error = np.maximum(tally.std / np.sqrt(tally.n), test.bar)
    mean = target + tally.mean
    for path, part in expected.slices:
        if not test.wrong[part].any():
            continue
        where = f"the mean of the estimate{path}"
        if not np.any(target[part]):
            continue
        norm = np.sum(target[part] ** 2)
        c = float(mean[part] @ target[part] / norm)
        half = 5 * float(np.linalg.norm(error[part] * target[part]) / norm)
        left = mean[part] - c * target[part]
        told = np.linalg.norm(left) <= 0.3 * abs(c - 1) * np.sqrt(norm)  # most of what is off
        if told and np.all(abs(left) <= 5 * error[part] * max(1, abs(c))):
            kind, sentence = _named(where, c, half, target[part])
            report.mistakes.append(Mistake(kind, sentence, float(np.linalg.norm(left) / np.sqrt(norm)), None, path))
    if has_variance and test.wrong[size:].any() and not test.wrong[:size].any():
        worst = int(np.argmax(np.where(test.wrong[size:], abs(tally.mean[size:]), -1))) + size
        ratio = mean[worst] / target[worst] if target[worst] else np.inf
        sentence = say("variance", ratio=ratio)
        report.mistakes.append(Mistake("variance", sentence, where=report.entries[0].where))


def _named(where, c, half, target):
    """(kind, sentence) of a mean that is c +- half times what it should be."""
    plain = {-1: "-1", 0: "0", 2: "2", 0.5: "1/2"}
    near = next((value for value in plain if abs(c - value) <= half), None)
    if near == 0:
        return "zero", say("estimate zero", where=where)
    if near is not None and half < 0.4 * abs(near):
        told = times(Number(near, 0, plain[near]))
        return "sign" if near == -1 else "factor", say("estimate", where=where, times=told)
    numbers = numbers_for({"the estimate": target})
    number = named_number(c - half, c + half, numbers, free=False)
    if number is not None and number.value != 1:
        return "factor", say("estimate", where=where, times=times(number))
    if abs(c - 1) < 0.01:
        return "factor", say("estimate slight", where=where, way="large" if c > 1 else "small", off=abs(c - 1))
    inside = [n for n in numbers if abs(n.value - c) <= half and n.cost <= 6]
    guess = f", which may be {min(inside, key=lambda n: n.cost)}" if inside and half < 0.05 * abs(c) else ""
    return "factor", say("estimate about", where=where, c=c, digits=2 if half > 0.01 * abs(c) else 3, guess=guess)
