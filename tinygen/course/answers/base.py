"""What exercises are checked against: each answer in parts that have names, and the mistakes that are often made.

A lesson calls them by name only, so that no solution stands in it. The parts let a check say which one is missing or
has the wrong sign; the known mistakes let it say what the reader probably did.
"""

from dataclasses import dataclass, field

import numpy as np

from tinygen.check import check_grad, check_unbiased
from tinygen.check.report import FAIL, PASS, Entry, Report
from tinygen.check.value import check_value


@dataclass(frozen=True)
class Answer:
    """The right function, `value`, returning an array or {name of a part: array} whose sum is the answer; `known`,
    {sentence: a function that makes this mistake}; and `also`, {what it is: another right function}, where the question
    has several right answers whose numbers differ."""

    value: object
    known: dict = field(default_factory=dict)
    also: dict = field(default_factory=dict)

    def __call__(self, *args):
        return self.value(*args)

    def through(self, use):
        """The Answer whose functions are ``use(function)``: where the check compares something made with the answer."""
        table = lambda functions: {sentence: use(function) for sentence, function in functions.items()}
        return Answer(use(self.value), table(self.known), table(self.also))

    def alone(self, *args):
        """The answer as one array."""
        return total(self.value(*args))


def total(parts):
    """The sum of the parts of an answer, or the array that it is."""
    return sum(parts.values()) if isinstance(parts, dict) else parts


def is_infinite(f, *args):
    """Is ``f(*args)`` plus infinity, without nan? -> Report."""
    with np.errstate(all="ignore"):
        got = float(f(*args))
    where = "at " + ", ".join(str(np.round(a, 3).tolist()) for a in args)
    note = "" if got == np.inf else f"{where}: expected inf, got {got:g}"
    return Report("infinite", [Entry(where, PASS if got == np.inf else FAIL, note=note)])


def convicts(f, gradient, *args):
    """Does the function `f` show that `gradient` is wrong at `args`? PASS if a derivative is wrong there. -> Report.

    That the gradient cannot be computed at all, for a stack that overflows or a number that is not finite, is no wrong
    derivative.
    """
    inner = check_grad(f, gradient, *args)
    wrong = [e for e in inner.entries if e.verdict == FAIL and np.isfinite([e.got, e.expected]).all()]
    report = Report("counterexample")
    if wrong:
        report.entries = [Entry(wrong[0].where, PASS, wrong[0].got, wrong[0].expected, wrong[0].bar)]
        report.notes = [f"convicted: it says {wrong[0].got:.6g}, right is {wrong[0].expected:.6g}"]
        return report
    why = "here the gradient is right: this function does not show the mistake"
    if inner.verdict == FAIL:
        why = (f"no derivative is wrong here; it could not be computed: {inner.entries[0].note}. Asked for is a "
               "function whose derivative comes out, and is wrong")  # fmt: skip
    elif inner.verdict != PASS:
        why = "the numeric derivative of this function is too uncertain to show that the other is wrong"
    report.entries = [Entry("gradient", FAIL, note=why)]
    return report


def either(function, reference, draw, mean, *args, names=None):
    """Is ``function(*args)``, row by row, what `reference` gives, or else another estimate with the right mean?

    -> Report. draw(function, rng) draws estimates, the first axis over draws, whose mean has to be `mean`.
    """
    report = check_value(function, reference, *args, names=names)
    got, expected = (np.array([getattr(entry, of) for entry in report.entries]) for of in ("got", "expected"))
    if report.ok or np.isnan(got).any() or np.all(abs(got - expected) < 0.01 * np.max(abs(expected))):
        return report  # what nearly agrees is no other estimate: a bias so small is not seen in draws
    order = np.random.default_rng(0).permutation(len(args[0]))
    if not np.allclose(function(*(a[order] for a in args)), np.asarray(function(*(a.copy() for a in args)))[order]):
        return report  # each row has to be an estimate from its own arguments
    fair = check_unbiased(lambda rng: draw(function, rng), mean, rng=0, draws=1_000_000, resolution=0.01)
    if fair.ok:
        fair.notes = ["this is another estimate than the course's: single values differ, their mean is right"]
        return fair
    return report
