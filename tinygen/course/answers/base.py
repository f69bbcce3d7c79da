"""What exercises are checked against: each answer in parts that have names, and the mistakes that are often made.

A lesson calls them by name only, so that no solution stands in it. The parts let a check say which one is missing or
has the wrong sign; the known mistakes let it say what the reader probably did.
"""

from dataclasses import dataclass, field

import numpy as np

from tinygen.check import check_grad
from tinygen.check.report import FAIL, PASS, Entry, Report


@dataclass(frozen=True)
class Answer:
    """The right function, `value`, returning an array or {name of a part: array} whose sum is the answer; and `known`,
    {sentence: a function that makes this mistake}."""

    value: object
    known: dict = field(default_factory=dict)

    def __call__(self, *args):
        return self.value(*args)

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
    """Does the function `f` show that `gradient` is wrong at `args`? PASS if its check fails there. -> Report."""
    inner = check_grad(f, gradient, *args)
    report = Report("counterexample")
    if inner.verdict == FAIL:
        worst = next(e for e in inner.entries if e.verdict == FAIL)
        report.entries = [Entry(worst.where, PASS, worst.got, worst.expected, worst.bar)]
        report.notes = [f"convicted: it says {worst.got:.6g}, right is {worst.expected:.6g}"]
    else:
        why = "here the gradient is right: this function convicts nobody"
        if inner.verdict != PASS:
            why = "the numeric derivative of this function is too uncertain to convict anybody"
        report.entries = [Entry("gradient", FAIL, note=why)]
    return report
