"""Is this estimate unbiased? A stochastic gradient against its true mean, with a stated chance of a false alarm."""

import numpy as np

from tinygen.check.estimate import Estimate, diagnose, report_of
from tinygen.check.paired import check_paired
from tinygen.measure.means import Sequential


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
        return check_paired(draw, truth, at, rng, most, resolution, false_alarm, power)
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
    report = report_of(draw, test, target, places, goal(test.tally), resolution, false_alarm, power)
    diagnose(report, test, target, expected, variance is not None)
    return report


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
