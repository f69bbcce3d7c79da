"""Exercises: a function that the reader writes, a check that judges it, and words for what is wrong with it."""

import contextlib
import inspect
import sys
import traceback
from pathlib import Path

import numpy as np

from tinygen.check import form
from tinygen.check.report import FAIL, PASS, Entry, Report
from tinygen.course import lesson
from tinygen.course.solved import solution
from tinygen.course.watch import SECONDS, OutOfTime, Watched, time_limit


def exercise(function, check):
    """Judge `function` by ``check(function)``, a Report or several, print the verdict, and return a test.

    The test is a function without arguments that raises AssertionError unless the verdict is PASS, so that pytest sees
    ``test_kl = exercise(kl, check)``. Its `.report` is the Report, its `.check` the check, its `.function` what was
    judged. Nothing that `function` does wrong is raised here: see `judged`.
    """
    report = _judges[-1](function, check)
    print(said(report))

    def test():
        if not report.ok:
            raise AssertionError(said(report))

    test.__doc__ = f"The exercise `{function.__name__}` is solved."
    test.report, test.check, test.function = report, check, function
    return test


def judged(function, check, right=None, others=None, seconds=SECONDS):
    """What ``check(function)``, a Report or several, finds, in one Report.

    Beside the numbers it holds what is asked of every answer: the form of the right one, the caller's arrays as they
    were, an end after so many seconds, and the same at other random numbers. An exception is reported with the line of
    `function`'s own file.

    right: the right function, with which forms are compared; default: the course's own, from the lesson in whose
    module `function` stands. others: {name: right function} that stand in the module of `function`, while it is judged,
    for those of other exercises that are wrong; default: the course's own for those that were judged and failed.
    """
    name, names = function.__name__, getattr(function, "__globals__", {})
    known = solution(name, names)
    others = _others(name, names) if others is None else others
    form_of = (known.parts, known.listed) if known else ()
    watched, called, unusable = Watched(function, *form_of), set(), False
    with _standing_in(names, others, called):
        if right is None and known:
            right = known.function(names)
        try:
            with time_limit(seconds, function.__code__.co_filename if hasattr(function, "__code__") else ""):
                report = _together(name, check(watched))
                if report.ok and right is not None:
                    report = _once_more(name, check, watched) or report
        except OutOfTime as error:
            report = _failed(name, str(error))
        except (Exception, SystemExit) as error:
            if not watched.results:
                raise  # the check itself is broken: that is not the reader's fault
            unusable = error is not watched.results[-1]
            report = _failed(name, _unusable(watched.results[-1], error) if unusable else _said(error, function))
        # A function that raises at once is shown with its line. (Later a check may try it where it need not work.)
        if watched.results and isinstance(watched.results[0], BaseException):
            report = _failed(name, _said(watched.results[0], function))
        elif right is not None:
            faults = watched.faults(right, known.used if known else "directly")
            report.details["lists"] = watched.lists
            faults = faults or [what for what in [watched.part_shapes(right)] if what and unusable]
            if faults:
                got = lambda entry: entry.note.rpartition(", got ")[2]
                said_already = lambda entry: entry.note and any(got(entry) in what for what in faults)
                entries = [] if unusable else [e for e in report.entries if e.verdict != PASS and not said_already(e)]
                report = Report(name, [*(Entry("form", FAIL, note=what) for what in faults), *entries],
                                report.mistakes, report.notes)  # fmt: skip
    if called:
        own = " and ".join(sorted(called))
        report.notes.append(f"judged with the course's own {own}, since yours is not right yet")
    return report


_judges = [judged]  # the last one judges: a file that is judged from outside brings its own


@contextlib.contextmanager
def judging_by(judge):
    """Inside the block ``exercise(function, check)`` takes the Report of ``judge(function, check)``."""
    _judges.append(judge)
    try:
        yield
    finally:
        _judges.pop()


def _in_single_precision(report):
    """The report without what check_grad says of a dtype: float32 is another form of a right answer, and its numbers
    are judged to its precision."""
    said = {m.sentence for m in report.mistakes if m.kind == "dtype" and "has dtype float32" in m.sentence}
    if said:
        report.entries = [entry for entry in report.entries if entry.note not in said]
        report.mistakes = [mistake for mistake in report.mistakes if mistake.sentence not in said]
        report.notes.append("judged to the precision of float32, in which it was computed")
    return report


def _failed(name, note):
    return Report(name, [Entry(name, FAIL, note=note)])


def _unusable(result, error):
    if result is None:
        return "nothing came back: is there a `return`?"
    return f"what came back, {form.described(result)}, cannot be used: {error}"


def _others(name, names):
    """{name: the course's own function} for the exercises of this module that were judged and are wrong."""
    failed = [v.report.name for k, v in names.items()
              if k.startswith("test_") and hasattr(v, "report") and not v.report.ok and v.report.name != name]
    found = {other: solution(other, names) for other in failed if other in names}
    return {other: one.function(names) for other, one in found.items() if one}


@contextlib.contextmanager
def _standing_in(names, others, called):
    """Put `others` in the place of the functions of those names; `called` collects those that were used."""

    def noting(name, function):
        def stand_in(*args, **kw):
            called.add(name)
            return function(*args, **kw)

        return stand_in

    before = {name: names[name] for name in others if name in names}
    names.update({name: noting(name, others[name]) for name in before})
    try:
        yield
    finally:
        names.update(before)


def _together(name, found):
    """One Report under this name, from one or several. Of several that fail, only what explains each of them is named;
    if nothing does, the first explanation of each, one of a kind."""
    if isinstance(found, Report):
        found.name = name
        return _in_single_precision(found)
    found = list(map(_in_single_precision, found))
    entries = [entry for report in found for entry in report.entries]
    failed = [report for report in found if not report.ok]
    said = [[mistake.sentence for mistake in report.mistakes] for report in failed]
    shared = [m for m in failed[0].mistakes if all(m.sentence in one for one in said)] if failed else []
    first = {report.mistakes[0].kind: report.mistakes[0] for report in reversed(failed) if report.mistakes}
    mistakes = shared or list(first.values())[::-1]
    notes = [note for report in (*failed[:1], *(r for r in found if r.ok)) for note in report.notes]
    return Report(name, entries, mistakes, list(dict.fromkeys(notes)))


def _once_more(name, check, watched):
    """The Report of another ``check(watched)``, at other random numbers, if it fails; else None. The generators of the
    lesson are then as they were, so that the numbers of later cells stay the same."""
    seen = [*getattr(check, "__globals__", {}).values(), *(inspect.getclosurevars(check).nonlocals.values()
                                                           if inspect.isfunction(check) else ())]  # fmt: skip
    generators = [value for value in seen if isinstance(value, np.random.Generator)]
    states = [generator.bit_generator.state for generator in generators]
    try:
        report = _together(name, check(watched))
    finally:
        for generator, state in zip(generators, states):
            generator.bit_generator.state = state
    if report.ok:
        return None
    report.notes.append("right the first time, and wrong at other numbers: does it keep something from call to call?")
    return report


def said(report):
    """A report in words: the verdict, then where it fails and which mistake would explain it."""
    head = f"{report.name}: {report.verdict}"
    if report.ok:
        head += f", {len(report.entries)} comparisons agree" if len(report.entries) > 1 else ""
        return head + "".join(f"\n  note: {note}" for note in report.notes)
    lines = [head]
    for entry in [e for e in report.entries if e.verdict != PASS][:3]:
        if not np.isnan(entry.got):
            got, expected = form.distinct(entry.got, entry.expected)
            lines.append(f"  {entry.where}: got {got}, expected {expected} +- {entry.bar:.1g}")
        lines += [f"  {line}" for line in entry.note.split("\n") if line]
    lines += [f"  - {sentence}" for sentence in dict.fromkeys(mistake.sentence for mistake in report.mistakes)]
    return "\n".join(lines + [f"  note: {note}" for note in report.notes])


def _said(error, function):
    """What the reader's function raised, with the line of its own file."""
    if hasattr(error, "text"):  # it was raised in another process, which said the line
        return error.text
    if isinstance(error, NotImplementedError):
        return str(error) or f"{function.__name__} is not written yet"
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == function.__code__.co_filename]
    where = f"line {own[-1].lineno}: {own[-1].line}\n" if own else ""
    return f"{where}{type(error).__name__}: {error}"


def announce():
    """Say, before anything else is printed, that a script is one of the course's own lessons, with its solutions."""
    running = getattr(sys.modules.get("__main__"), "__file__", None)
    if running and (words := with_solutions(running)):
        print(words)


def with_solutions(path):
    """What is said of a file that is one of the course's own lessons, with its solutions; "" of any other."""
    with contextlib.suppress(lesson.LessonError, OSError):
        if Path(path).resolve() in [own.resolve() for own in lesson.catalogue()]:
            number = int(Path(path).name[:2])
            return (f"This is lesson {number} with its solutions. To write them yourself: "
                    f"tinygen learn {number} --student .")  # fmt: skip
    return ""


def finish(names):
    """The last line of a lesson: print how many exercises of the lesson's ``globals()`` pass; a script exits with 1
    unless all do. (In a notebook and under pytest nothing exits.)

    names: the lesson's ``globals()``.
    """
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
    """`function` if its exercise `test` passed, else the package's `instead`; prints which. So a lesson goes on.

    A function that returns a list of rows is handed on so that it returns an array.
    """
    if test.report.ok:
        print(f"using your {function.__name__}")
        return (lambda *args, **kw: np.array(function(*args, **kw))) if test.report.details.get("lists") else function
    print(f"{function.__name__} does not pass yet: using the package's for now")
    return instead
