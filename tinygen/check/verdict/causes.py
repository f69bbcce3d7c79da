"""Why is a gradient wrong? The mistakes that explain the numbers, and the smallest example that still fails."""

import contextlib
import math

import numpy as np

from tinygen.check.report import FAIL, PASS, Entry
from tinygen.check.verdict.arguments import Arguments, indices_of
from tinygen.check.verdict.cost import usual_calls
from tinygen.check.verdict.given import Given
from tinygen.check.verdict.shrink import reproduce, shrink
from tinygen.measure.noise import OutOfTime
from tinygen.measure.projections import glance
from tinygen.mistakes.diagnose import Mistake, diagnose, unsteady
from tinygen.mistakes.recordable import recordable

STEADY = 1e-3  # of its largest entry: by more, a gradient is another one when it is called again
DIAGNOSED = 4  # leaves whose mistakes are looked for


def find_causes(report, arguments, given):
    """Ask which mistake explains each wrong leaf: they are added to the report."""
    judge = report.judge
    if judge is None or judge.meter.stop():
        return
    if report.verdict == PASS:
        return _call_again(report, arguments, given)
    f, values, names, places = arguments.flat()
    if judge.recorded is None or arguments.cost.budget is not None:
        f = _Limited(recordable(f), usual_calls(judge) if judge.recorded is None else math.inf, judge.meter.stop)

    def vector(values):
        new = arguments.vector.copy()
        for leaf, place in places.items():
            new[leaf.start : leaf.stop] = np.ravel(values[place])
        return new

    wrong = [leaf for leaf in given.misshapen] + [
        leaf for leaf in given.arrays if judge.wrong[leaf.start : leaf.stop].any()
    ]
    for leaf in sorted(wrong, key=lambda leaf: leaf.start)[:DIAGNOSED]:
        got, expected, bar = report.arrays[leaf.name]
        if judge.adopted:  # these are as exact as their rounding, however closely the directions could look
            own, slack = (v[leaf.start : leaf.stop].reshape(leaf.shape) for v in (judge.recorded, judge.slack))
            bar = np.where(expected == own, np.minimum(bar, slack), bar)
        if leaf in given.misshapen and (said := _of_another(leaf, given, report)):
            report.mistakes.append(Mistake("other-argument", said, where=leaf.name))
            continue
        with contextlib.suppress(_Spent):
            report.mistakes += diagnose(
                f, tuple(values), places[leaf], given.misshapen.get(leaf, got), expected, bar,
                name=leaf.name, names=names,
                gradient=(lambda values, leaf=leaf: given.again(leaf, vector(values))) if given.callable else None,
                limit=3 if len(wrong) == 1 else 1,
            )  # fmt: skip


def _call_again(report, arguments, given):
    """What is right at the first call has to be so at the next: a gradient that adds to what was there is a FAIL."""
    for leaf in given.arrays if given.gradient is not None else ():
        first, expected, _ = report.arrays[leaf.name]
        one = given.again(leaf, arguments.vector)
        if one is None or _alike(one, first):
            continue
        mistake = unsteady(one.copy(), given.again(leaf, arguments.vector), expected, leaf.name)
        report.entries.append(Entry(leaf.name, FAIL, note="it differs from call to call, at the same arguments"))
        report.mistakes.append(mistake)


def _alike(one, other):
    """Whether two calls gave the same, up to STEADY of the largest entry."""
    told = np.isfinite(other)
    if one.shape != other.shape or not np.array_equal(one[~told], other[~told], equal_nan=True):
        return False
    return bool(np.all(abs(one - other)[told] <= STEADY * np.max(abs(other[told]), initial=0)))


class _Spent(Exception):
    """The search for causes has called f as often as it may."""


class _Limited:
    """f, which raises _Spent after so many calls, or when time is up: a search leaves out what it cannot compute."""

    def __init__(self, f, calls, stop):
        self.f, self.left, self.stop, self.__wrapped__ = f, calls, stop, f

    def __call__(self, *args):
        self.left -= 1
        if self.left < 0 or self.stop():
            raise _Spent
        return self.f(*args)


def _of_another(leaf, given, report):
    """What is said of a misshapen gradient that belongs to another leaf, by its numbers or by their shapes; else ""."""
    got = given.misshapen[leaf]
    for other in (*given.misshapen, *given.arrays):
        _, expected, bar = report.arrays[other.name]
        measured = np.isfinite(expected)
        if other is leaf or other.shape != got.shape or not measured.any():
            continue
        asked = "are the gradients in the wrong order?"
        if got.dtype.kind == "f" and np.all(abs(got - expected)[measured] <= bar[measured]):
            return f"What is given as dL/d{leaf.name} is the gradient with respect to {other.name}: {asked}"
        if other in given.misshapen and given.misshapen[other].shape == leaf.shape != other.shape:
            return f"dL/d{leaf.name} has the shape of {other.name}, and dL/d{other.name} that of {leaf.name}: {asked}"
    return ""


def smallest_example(f, gradient, args, names, report, cost):
    """Lines that reproduce the failure on the smallest arguments that still show it."""
    wanted = {entry.where.split("[")[0] for entry in report.entries if entry.verdict == FAIL}
    formal = {e.where.split("[")[0] for e in report.entries if e.verdict == FAIL and math.isnan(e.got)}
    judge = report.judge
    off = [abs(e.got / e.expected - 1) for e in report.entries if e.verdict == FAIL and e.expected]
    least = 0.1 * min(off, default=1.0)
    calls = [usual_calls(judge) / 2]

    def fails(new):
        arguments = Arguments(f, new, names, cost)
        given = Given(gradient, arguments)
        if formal:
            faulty = {leaf.name for leaf in given.misshapen} | {fault.name for fault in given.faults}
            return bool(faulty & formal)
        leaves = [leaf for leaf in given.arrays if leaf.name in wanted]
        if not leaves or calls[0] < 15:
            return False
        calls[0] -= 15
        got, indices, off = given.vector(), indices_of(leaves), 0.0
        with contextlib.suppress(OutOfTime):
            off = glance(arguments.total, arguments.vector, got, indices, np.random.default_rng(0))
        return off > min(least, 0.1)

    return reproduce(f, gradient, shrink(args, fails), names)
