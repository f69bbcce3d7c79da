"""The verdict on every entry of a gradient: measured, and measured again where it looks wrong or the bar is wide."""

import math
from functools import cached_property

import numpy as np

from tinygen.measure.numeric import GOOD, SMALL, Measured
from tinygen.measure.scatter import scatter
from tinygen.mistakes.recordable import recordable

RESOLUTION = 1e-6  # a relative error of this size in an entry has to be visible, else UNDECIDED
COARSE = 1e-3  # the same for gradients of less than double precision, and
COARSE_SMALL = 0.1  # entries below this part of the largest count as that
GROSS = 1e4  # an error of so many bars needs no better second measurement than the first
BLURRED = 4  # entries of the given gradient whose scatter is looked at
AGAIN = 200  # at most so many suspicious entries are measured again


class Judge:
    """Compares what is `claimed` (a rounding.Claimed) with what `meter` measures.

    After `entries(indices)`: `found` (Measured), and the masks `wrong`, `undecided` and `vanishing`, one for each entry
    of the vector of `arguments`.
    """

    def __init__(self, meter, claimed, arguments, own=lambda f: None, again=None, rtol=0.0):
        self._own, self._f, self.again, self.blur, self.adopted = own, arguments.f, again, 0.0, False
        self.meter, self.got, self.slack, self.coarse = meter, claimed.got, claimed.slack, claimed.coarse
        self.resolution = max(RESOLUTION, 4 * rtol)
        if rtol:
            size = np.nan_to_num(abs(self.got), posinf=0, neginf=0)
            self.slack = self.slack + rtol * np.maximum(size, SMALL * np.max(size, initial=0))
        self.leaves, self.argnums = arguments.leaves, np.zeros(self.got.shape, dtype=int)
        for leaf in self.leaves:
            self.argnums[leaf.start : leaf.stop] = leaf.argnum
        self.found = Measured.nothing(self.got.size)
        self.wrong, self.undecided, self.vanishing = (np.zeros(self.got.shape, dtype=bool) for _ in range(3))

    def entries(self, indices):
        """Measure and judge the entries `indices`."""
        self._measure(indices, self.meter.measure)
        by_complex = not self.meter.complex_refused
        if not self._confirm(indices, by_complex):
            self._measure(indices, self.meter.real)
            self._confirm(indices, False)
        wide = self._wide(indices)
        if len(wide) and by_complex:
            self._measure(wide, self.meter.real, better=True)
            wide = self._wide(indices)
        far = wide[self.meter.small[wide]]
        if len(far) and not by_complex:
            self._measure(far, lambda part: self.meter.real(part, far=True), better=True)
            wide = self._wide(indices)
        if len(wide) and (meter := self.meter.wider()):
            self._measure(wide, meter.real, better=True)
            self._confirm(wide, False)
        self._infinite(indices)
        self._doubt(indices)
        self.undecided[self._wide(indices)] = True

    def take(self, indices, value, bar):
        """File what is known of the entries without measuring them one by one."""
        found = self.found
        for part in (found.value, found.low, found.high):
            part[indices] = value
        found.rise[indices], found.bar[indices] = abs(value), bar
        self.wrong[indices] = self._outside(indices)

    def confirm(self, indices):
        """Measure the worst two of the entries that look wrong."""
        miss, allowed = self._miss(indices)
        for i in indices[np.argsort(miss / np.maximum(allowed, 1e-300))[-2:]]:
            measured = self.meter.entry(i)
            if self._contradicts(i, measured):
                self.found.put(i, measured)

    def leaf(self, i):
        """The Leaf of entry `i`."""
        return next(leaf for leaf in self.leaves if leaf.start <= i < leaf.stop)

    def needed(self, indices, claim=None):
        """The error that has to be visible in each entry, by the size of the claim."""
        size = np.nan_to_num(abs(self.got if claim is None else claim), posinf=0, neginf=0)
        need = np.zeros(len(indices))
        for argnum in np.unique(self.argnums[indices]):
            at = self.argnums[indices] == argnum
            part = indices[at]
            scaled = np.max(size[part] * self.meter.scale[part], initial=0) / self.meter.scale[part]
            least = np.where(self.coarse[part], COARSE_SMALL, SMALL) * np.minimum(np.max(size[part]), scaled)
            resolution = np.where(self.coarse[part], max(COARSE, self.resolution), self.resolution)
            need[at] = resolution * np.maximum(size[part], least)
        return need

    def leave_open(self, indices):
        """Time ran out: what was not measured, or is not off by far, is UNDECIDED."""
        miss, allowed = self._miss(indices)
        known = np.isfinite(self.found.value[indices])
        self.wrong[indices] &= known & (miss > 100 * allowed) | ~np.isfinite(self.got[indices])
        self.undecided[indices] |= ~known & ~self.wrong[indices]
        self.undecided[self._wide(indices)] = True

    @property
    def measured(self):
        """Which entries were measured."""
        return np.isfinite(self.found.value)

    def _measure(self, indices, measure, better=False):
        """File new measurements; with `better`, only those with a narrower bar (but of f's rise in any case)."""
        new = measure(indices)
        take = np.isfinite(new.value)
        if better:
            self.found.rise[take] = new.rise[take]
            with np.errstate(invalid="ignore"):
                take &= ~(new.bar >= self.found.bar)
        for name in ("value", "bar", "low", "high") + (() if better else ("rise",)):
            getattr(self.found, name)[take] = getattr(new, name)[take]
        lost = np.setdiff1d(indices, np.flatnonzero(np.isfinite(self.found.value)))
        self.found.bar[lost] = np.inf
        self.wrong[indices] = self._outside(indices)

    def _outside(self, indices):
        """Which entries are outside bar and slack (an infinite bar hides anything but nan)."""
        miss, allowed = self._miss(indices)
        return (miss > allowed) | ~np.isfinite(self.got[indices])

    def _miss(self, i):
        found = self.found
        with np.errstate(invalid="ignore"):
            miss = np.maximum(np.maximum(found.low[i] - self.got[i], self.got[i] - found.high[i]), 0)
        return np.nan_to_num(miss, nan=0.0), found.bar[i] + self.slack[i]

    def _confirm(self, indices, by_complex):
        """Measure the wrong entries again with other steps. Returns False if the complex step turns out not to hold."""
        wrong = indices[self.wrong[indices] & np.isfinite(self.got[indices])]
        miss, allowed = self._miss(wrong)
        order = np.argsort(miss / np.maximum(allowed, 1e-300))  # the doubtful ones, and the worst
        doubtful = order[: np.count_nonzero(miss < 100 * allowed)][:AGAIN]
        for k in np.union1d(doubtful, order[-2:]):
            i, gross = wrong[k], miss[k] > GROSS * allowed[k]
            second = self.meter.entry(i, again=True, relative=GOOD if gross else 0.0)
            if not math.isfinite(second.bar) or self._contradicts(i, second):
                continue
            if by_complex and abs(second.value - self.found.value[i]) > second.bar + self.found.bar[i]:
                return False
            if by_complex:  # real steps cannot see the difference
                wider = self.meter.wider()
                third = wider.entry(i) if wider else second
                if self._contradicts(i, third) or (third.bar > 0.1 * second.bar and self.found.value[i] != 0):
                    continue
                second = third
            self.found.put(i, second)
            self.wrong[i] = False
        return True

    def _infinite(self, indices):
        """Entries given as inf or -inf are right where f is that steep."""
        for i in indices[np.isinf(self.got[indices])][:AGAIN]:
            with np.errstate(all="ignore"):
                steep = self.meter.infinite(i)
            if steep == self.got[i]:
                self.found.value[i] = self.found.low[i] = self.found.high[i] = steep
                self.found.bar[i] = self.slack[i] = 0.0
                self.wrong[i] = False

    def _doubt(self, indices):
        """Is it f that is inaccurate, where the gradient seems wrong? Then longer steps, over which that is little."""
        wrong = indices[self.wrong[indices] & np.isfinite(self.got[indices])]
        if not len(wrong) or self._own_agrees(wrong) or not self.inaccurate(wrong):
            return
        for i in wrong[:AGAIN]:
            found = self.meter.entry(i) if self.meter.accuracy else self.found.slope(i)
            if not self._contradicts(i, found):
                self.found.put(i, found)
                self.wrong[i] = False

    def inaccurate(self, wrong):
        """Whether f or the gradient have an accuracy of their own, beside rounding: from now on it is in the bars."""
        if self.meter.accuracy or not self.meter.complex_refused:
            return False
        v = np.zeros(self.got.shape)
        v[wrong] = (self.meter.scale * self.meter.rng.choice([-1.0, 1.0], self.got.shape))[wrong]
        self.meter.accuracy = self.meter.scatter(v)
        self._blur(wrong, v)
        return bool(self.meter.accuracy or self.blur)

    def _blur(self, wrong, v):
        """The scatter of the given gradient itself (it may come from a solver, too) goes into its slack."""
        points = {}

        def at(t, i):
            if t not in points:
                points[t] = self.again(self.meter.x + t * v) if self.again else None
            return math.nan if points[t] is None else points[t][i]

        miss, _ = self._miss(wrong)
        for i in wrong[np.argsort(-miss)][:BLURRED]:
            with np.errstate(all="ignore"):
                blur = scatter(lambda t, i=i: at(t, i), self.meter.noise.eps)
            if math.isfinite(blur):  # a gradient that jumps is that of a kink
                self.blur = max(self.blur, blur)
        self.slack[wrong] += self.blur

    @cached_property
    def own(self):
        """tinygen's own gradient as a vector, None where it cannot be had."""
        return self._own(self._f)

    @cached_property
    def recorded(self):
        """The same through a copy of f in which what cannot be recorded, such as float(), is replaced."""
        copy = recordable(self._f) if self.own is None else self._f
        return self.own if copy is self._f else self._own(copy)

    def _own_agrees(self, indices):
        """Whether tinygen's own derivative of f is what was measured: then f is as accurate as its rounding."""
        if self.own is None:
            return False
        with np.errstate(invalid="ignore"):
            off = abs(self.own - self.found.value)[indices]
            return bool(np.all(off <= self.found.bar[indices] + self.slack[indices]))

    def _contradicts(self, i, slope):
        low, high = slope.interval
        return max(low - self.got[i], self.got[i] - high) > slope.bar + self.slack[i]

    def _wide(self, indices):
        """The entries among `indices` whose bar could hide an error, wrong ones and such as vanish on purpose apart."""
        wide = []
        for argnum in np.unique(self.argnums[indices]):
            part = indices[self.argnums[indices] == argnum]
            rest = (self.argnums == argnum) & ~self.measured & np.isfinite(self.got)
            size = np.fmax(abs(self.found.value[part]), abs(self.got[part]))
            size[np.isinf(size)] = 0
            rise = self.found.rise[part]
            bar = self.found.bar[part] + self.slack[part]
            known = np.isfinite(bar)
            largest = max(np.max(size[known], initial=0), np.max(abs(self.got[rest]), initial=0))
            with np.errstate(over="ignore"):
                moved = np.max((size * self.meter.scale[part])[known], initial=0)
                moved = max(moved, np.max(abs(self.got * self.meter.scale)[rest], initial=0))
                scaled = moved / self.meter.scale[part]
            coarse = self.coarse[part]
            resolution = np.where(coarse, max(COARSE, self.resolution), self.resolution)
            small = np.where(coarse, COARSE_SMALL, SMALL)
            need = resolution * np.maximum(size, small * np.minimum(largest, scaled))
            steepest = np.max(rise[known], initial=0)
            vanishing = known.any() and (largest <= 1e-7 * steepest or steepest == 0)
            self.vanishing[part] = vanishing and np.all(size <= bar)
            if vanishing:
                need = np.maximum(need, resolution * steepest if steepest else bar)
            wide.append(part[~(known & (bar <= need)) & ~self.wrong[part]])
        return np.concatenate(wide) if wide else indices[:0]
