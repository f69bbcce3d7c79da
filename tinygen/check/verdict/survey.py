"""Many numbers: random directions first, halves of what is wrong then, one by one only where that decides."""

import math

import numpy as np

from tinygen.check.verdict.claimed import allowance
from tinygen.measure.numeric import LOOKED, LOOKS
from tinygen.measure.projections import bisect, held_against, project, sample, visible

ROUNDS = 3  # of LOOKS directions each
FEW = 9  # entries that are measured one by one rather than tried in further directions
SHOWN = 4  # entries that are measured for show, where random directions have decided
HALVES = 26  # random directions spent on the search for wrong entries
AROUND = 16  # neighbours of a wrong entry that are measured with it


class Survey:
    """What random directions say of the entries `indices` of the gradient that `judge` judges.

    usual: calls of f that a right gradient may take. After `passes()`, `seen` is the relative size of error that all
    `looks` directions would miss with a chance of 1e-6.
    """

    def __init__(self, judge, indices, usual):
        self.judge, self.meter, self.indices, self.usual = judge, judge.meter, indices, usual
        self.seen, self.looks, self.against = np.inf, 0, False

    def passes(self, each=True):
        """Whether no entry is off by more than what is asked of it: by directions, a few entries one by one.

        Without `each`, it is the norm of the whole gradient that errors are compared with.
        """
        judge = self.judge
        if not len(self.indices):
            return False
        found = self._borne_out(judge.got, judge.slack, each)
        if not each:
            return found is not None and self.relative() <= judge.resolution
        if found is None:
            return False
        left = np.union1d(found[1], self._suspects())
        if len(left) > 2 * FEW:
            return False
        judge.entries(left)
        shown = sample_of(judge, self.indices, min(SHOWN, max(1, self._affordable())))
        judge.entries(np.setdiff1d(shown, np.flatnonzero(judge.measured)))
        return True

    def relative(self, claim=None):
        """The error that the directions would miss, relative to the norm of the gradient (or of another claim)."""
        claim = self.judge.got if claim is None else claim
        size = float(np.linalg.norm((claim * self.meter.scale)[self.indices]))
        return self.seen / size if size else np.inf

    def adopt(self, each=True):
        """Take tinygen's own derivative for the truth, if directions bear it out; the worst entries are measured.

        each: as in `passes`.
        """
        judge, meter, indices = self.judge, self.meter, self.indices
        own = judge.recorded
        if own is None or not np.isfinite(own[indices]).all():
            return False
        slack = allowance(np.where(np.isfinite(own), abs(own), 0), meter, meter.noise.sigma)
        found = self._borne_out(own, slack, each)
        if found is None or (each and len(found[1]) > FEW) or not self.relative(own) <= judge.resolution:
            return False
        bars, left = found
        judge.take(indices, own[indices], bars)
        judge.adopted = True
        judge.entries(left if each else left[:0])
        judge.confirm(indices)
        return True

    def hunt(self):
        """Measure some of the wrong entries, found by halving, and their neighbours; whether one is wrong indeed.

        What random directions do not object to then counts as right.
        """
        judge, meter, indices = self.judge, self.meter, self.indices
        halves = max(HALVES, 8 + 2 * math.ceil(math.log2(len(indices))))
        wrong = bisect(meter, judge.got, judge.slack, indices, halves)
        around = np.unique([sample_of(judge, indices, AROUND, int(i)) for i in wrong[:1]])
        judge.entries(np.union1d(wrong, around).astype(int))
        if not judge.wrong[indices].any():
            return False
        rest = indices[~judge.measured[indices] & ~judge.wrong[indices]]
        looks = [project(meter, judge.got, judge.slack, rest) for _ in range(LOOKS)] if len(rest) else []
        if looks and not any(look.outside or look.kink for look in looks):
            judge.take(rest, judge.got[rest], visible(looks) / meter.scale[rest])
        return True

    def _suspects(self):
        """The entries that differ most from tinygen's own derivative, by more than rounding."""
        judge, i = self.judge, self.indices
        if judge.recorded is None:
            return i[:0]
        with np.errstate(all="ignore"):
            off = abs(judge.recorded - judge.got)[i] / judge.slack[i]
        return i[np.argsort(-off)[:FEW]][np.sort(-off)[:FEW] < -1]

    def _affordable(self):
        return max(0, self.usual - self.meter.calls) // self.meter.calls_an_entry

    def _borne_out(self, claim, slack, each):
        """(bar of each entry as far as directions show it, the entries that need a better one); None if one objects.

        Large entries would hide what small ones are asked for: after some looks at all of them alike, each entry moves
        the less the larger the error is that it is allowed.
        """
        meter, indices = self.meter, self.indices
        asked = self.judge.needed(indices, claim) * meter.scale[indices]
        least = np.partition(asked, min(FEW, len(asked) - 1))[min(FEW, len(asked) - 1)]
        looks, weights, bars = self._first(claim, slack), np.ones(len(indices)), np.full(len(indices), np.inf)
        self.seen, self.looks = np.inf, 0
        goal = dict(goal=0.1 * least, relative=0.0, probe=False)
        for number in range(1 + ROUNDS if each else 1):
            if number == 1:
                looks, weights = [], np.minimum(1, least / np.maximum(asked, least)) if least else weights
            if number:
                looks += [project(meter, claim, slack, indices, weights, **goal) for _ in range(LOOKS)]
            self.against = self.against or any(look.outside for look in looks)
            if any(look.outside or look.kink for look in looks):
                return None
            seen, self.looks = visible(looks), self.looks + LOOKS
            self.seen = self.seen if number else seen
            bars = np.minimum(bars, seen / weights)
            left = indices[~(bars <= asked)]
            if len(left) <= FEW:
                break
        return bars / meter.scale[indices], left

    def _first(self, claim, slack):
        """The Projections of `claim` on the random directions that were measured anyway."""
        meter = self.meter
        if len(self.indices) < claim.size or meter.accuracy:  # they move what is not checked, too
            return [project(meter, claim, slack, self.indices, relative=LOOKED) for _ in range(LOOKS)]
        return [held_against(meter, claim, slack, v, slope) for v, slope in meter.looks]


def sample_of(judge, indices, most, around=None):
    """Up to `most` neighbours among the entries, in the leaf of entry `around` (else the first)."""
    around = int(indices[0]) if around is None else around
    return sample(judge.leaf(around), around, most)
