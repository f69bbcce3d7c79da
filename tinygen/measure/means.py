"""A sequential test of means: is the mean of these random numbers 0? With a stated chance of a false alarm."""

import math

import numpy as np

FIRST = 256  # draws before the first look
SKEWED = 3.0  # a look waits for more draws while skewness changes a tail probability by more than this factor
DOUBT = 2.0  # the skewness of a heavy tail shows late: what is seen of it is taken times this
STILL = 4096  # draws before a column that never varies is believed to be constant
STANDSTILL = 1e-12  # a range below this part of the size of the numbers is rounding: they do not vary


class Tally:
    """Count, sums, sums of squares and of cubes, and range of the rows of W, of shape (n, d)."""

    def __init__(self, d):
        self.n, self.sums = 0, np.zeros((3, d))
        self.low, self.high = np.full(d, np.inf), np.full(d, -np.inf)

    def add(self, W):
        """Take in more rows."""
        self.n += len(W)
        self.sums += np.stack([W.sum(0), (W**2).sum(0), (W**3).sum(0)])
        self.low, self.high = np.minimum(self.low, W.min(0)), np.maximum(self.high, W.max(0))

    def merge(self, other):
        """Take in another tally."""
        self.n += other.n
        self.sums += other.sums
        self.low, self.high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)

    @property
    def mean(self):
        """The mean of the draws so far, entry by entry."""
        return self.sums[0] / self.n

    @property
    def std(self):
        """Their standard deviation, with n - 1 below."""
        return np.sqrt(np.maximum(self.sums[1] / self.n - self.mean**2, 0) * self.n / max(self.n - 1, 1))

    @property
    def skewness(self):
        """Their skewness; 0 where all draws are equal."""
        m, std = self.mean, self.std
        third = self.sums[2] / self.n - 3 * m * self.sums[1] / self.n + 2 * m**3
        return np.divide(third, std**3, out=np.zeros_like(m), where=~self.still & (std > 0))

    @property
    def still(self):
        """Columns that do not vary at all."""
        return self.high - self.low <= STANDSTILL * np.maximum(abs(self.low), abs(self.high))


class Tail:
    """How many standard errors a mean is off with probability p on one side, whatever the side.

    The tail of a studentised mean is that of a normal plus |g| (2 z^2 + 1) phi(z) / (6 sqrt n), with g the skewness
    (Hall 1987).
    """

    def __init__(self, p):
        from scipy.special import ndtr, ndtri

        self.p, self.z = p, np.linspace(0, 2, 101) - ndtri(p)
        self.normal = ndtr(-self.z)
        self.extra = (2 * self.z**2 + 1) * np.exp(-0.5 * self.z**2) / math.sqrt(2 * math.pi) / 6

    def limits(self, tally):
        """A z-score for each column; inf where skewness changes the tail so much that n is too small to say."""
        weight = DOUBT * abs(tally.skewness) / math.sqrt(tally.n)
        first = np.argmax(self.normal + weight[:, None] * self.extra <= self.p, axis=1)
        return np.where(weight * self.extra[0] > SKEWED * self.p, np.inf, self.z[first])


class Sequential:
    """The test of `draw(n) -> W` (n rows of independent draws, d columns): is every column's mean 0?

    After 256, 512, 1024, ... draws each mean is held against its standard error. One that is too far off is looked at
    again in as many fresh draws, and must be off there in the same direction; only then it is `wrong`. Each of the two
    thresholds is passed by chance with probability p, and `looks d p^2 = false_alarm`, so that a right column is
    called wrong at most so often. (Two moderate thresholds rather than one extreme: there the normal law of means holds
    sooner.) A column that does not vary at all is judged after STILL draws, and again as many: an event rarer than one
    in 600 could hide from it. It ends when something is wrong, when all biases of `goal` would have been found with
    chance `power`, or after `most` draws.

    bar: (d,) how far each mean may be off without being wrong. goal: function of the tally, returns (d,).
    """

    def __init__(self, draw, d, *, bar, goal, most, false_alarm, power):
        self.looks = math.ceil(math.log2(max(most, FIRST) / FIRST)) + 2
        p = math.sqrt(false_alarm / (self.looks * d))
        self.draw, self.bar, self.goal, self.most = draw, bar, goal, most
        self.first, self.second = Tail(p / 2), Tail(p)
        self.miss = Tail((1 - power) / 2)  # two thresholds to pass, each missed with half the chance
        self.tally, self.wrong = Tally(d), np.zeros(d, bool)

    def run(self):
        """Draw until it is decided. Returns self."""
        n = min(FIRST, self.most)
        for _ in range(self.looks):
            if n > self.tally.n:
                self.tally.add(self.draw(n - self.tally.n))
            suspects = self._far(self.tally, self.first)
            if suspects.any():
                fresh = Tally(len(suspects))
                fresh.add(self.draw(self.tally.n))
                same = np.sign(fresh.mean) == np.sign(self.tally.mean)
                self.wrong = self._far(fresh, self.second) & suspects & same
                self.tally.merge(fresh)  # and if it was nothing, all of it is looked at once more
                n = self.tally.n
                if self.wrong.any():
                    break
            elif self.tally.n >= self.most or np.all(self.found <= self.goal(self.tally)):
                break
            else:
                n = min(2 * self.tally.n, self.most)
        return self

    def _far(self, tally, tail):
        off = np.maximum(abs(tally.mean) - self.bar, 0)
        limit = tail.limits(tally) * tally.std / math.sqrt(tally.n)
        return np.where(tally.still, (off > 0) & (tally.n >= min(STILL, self.most)), off > limit)

    @property
    def found(self):
        """The bias of each column that would have been found by now with chance `power`; inf where n is too small."""
        tally = self.tally
        found = self.bar + (self.first.limits(tally) + self.miss.limits(tally)) * tally.std / math.sqrt(tally.n)
        return np.where(tally.still, self.bar if tally.n >= min(STILL, self.most) else np.inf, found)
