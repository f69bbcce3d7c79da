"""Exercises: a function that the reader writes, a check that judges it, and words for what is wrong with it."""

import functools
import sys
import traceback

import numpy as np

from tinygen.check.report import FAIL, PASS, Entry, Report


def exercise(function, check):
    """Judge `function` by ``check(function)``, a Report or several, print the verdict, and return a test.

    The test is a function without arguments that raises AssertionError unless the verdict is PASS, so that pytest sees
    ``test_kl = exercise(kl, check)``. Its `.report` is the Report, its `.check` the check. Nothing that `function` does
    wrong is raised here: an exception is reported with the line of `function`'s own file.
    """
    name, results = function.__name__, []  # what the first call and the last one returned, or raised

    @functools.wraps(function)
    def watched(*args, **kw):
        try:
            results[1:] = [function(*args, **kw)]
        except (Exception, SystemExit) as error:
            results[1:] = [error]
            raise
        return results[-1]

    try:
        report = _together(name, check(watched))
    except (Exception, SystemExit) as error:
        if not results:
            raise  # the check itself is broken: that is not the reader's fault
        what = f"what came back, {type(results[-1]).__name__}, cannot be used: {error}"
        if results[-1] is None:
            what = "nothing came back: is there a `return`?"
        report = Report(name, [Entry(name, FAIL, note=_said(error, function) if error is results[-1] else what)])
    # A function that raises at once is shown with its line. (Later a check may try it where it need not work.)
    if results and isinstance(results[0], BaseException):
        report = Report(name, [Entry(name, FAIL, note=_said(results[0], function))])
    print(said(report))

    def test():
        if not report.ok:
            raise AssertionError(said(report))

    test.__doc__ = f"The exercise `{name}` is solved."
    test.report, test.check = report, check
    return test


def _together(name, found):
    """One Report under this name, from one or several."""
    if isinstance(found, Report):
        found.name = name
        return found
    parts = [[item for report in found for item in getattr(report, part)] for part in ("entries", "mistakes", "notes")]
    return Report(name, *parts)


def said(report):
    """A report in words: the verdict, then where it fails and which mistake would explain it."""
    head = f"{report.name}: {report.verdict}"
    if report.ok:
        head += f", {len(report.entries)} comparisons agree" if len(report.entries) > 1 else ""
        return head + "".join(f"\n  note: {note}" for note in report.notes)
    lines = [head]
    for entry in [e for e in report.entries if e.verdict != PASS][:3]:
        if not np.isnan(entry.got):
            lines.append(f"  {entry.where}: got {entry.got:.6g}, expected {entry.expected:.6g} +- {entry.bar:.1g}")
        lines += [f"  {line}" for line in entry.note.split("\n") if line]
    lines += [f"  - {sentence}" for sentence in dict.fromkeys(mistake.sentence for mistake in report.mistakes)]
    return "\n".join(lines + [f"  note: {note}" for note in report.notes])


def _said(error, function):
    """What the reader's function raised, with the line of its own file."""
    if isinstance(error, NotImplementedError):
        return str(error) or f"{function.__name__} is not written yet"
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == function.__code__.co_filename]
    where = f"line {own[-1].lineno}: {own[-1].line}\n" if own else ""
    return f"{where}{type(error).__name__}: {error}"


def finish(names):
    """The last line of a lesson: print how many exercises of the lesson's ``globals()`` pass; a script exits with 1
    unless all do. (In a notebook and under pytest nothing exits.)"""
    reports = [v.report for k, v in names.items() if k.startswith("test_") and hasattr(v, "report")]
    print(tally([{"name": r.name, "ok": r.ok} for r in reports]))
    script = names["__name__"] == "__main__" and hasattr(sys.modules["__main__"], "__file__")
    if script and not all(r.ok for r in reports):
        sys.exit(1)


def tally(exercises):
    """How many exercises pass, and which do not, in one line; each is a dict with `name` and `ok`.

    >>> tally([{"name": "kl", "ok": True}, {"name": "sample", "ok": False}])
    '1 of 2 exercises pass: left are sample'
    >>> tally([])
    'no exercise found'
    """
    if not exercises:
        return "no exercise found"
    left = [e["name"] for e in exercises if not e["ok"]]
    rest = f": left are {', '.join(left)}" if left else ""
    return f"{len(exercises) - len(left)} of {len(exercises)} exercises pass{rest}"


def yours(test, function, instead):
    """`function` if its exercise `test` passed, else the package's `instead`; prints which. So a lesson goes on."""
    if test.report.ok:
        print(f"using your {function.__name__}")
        return function
    print(f"{function.__name__} does not pass yet: using the package's for now")
    return instead
