"""The judge of one submission: it holds the references, asks the student's process for values, and decides.

It never imports what was handed in. Each exercise is judged by itself: it has its own time, and where it uses another
exercise's function that is wrong, the reference takes that one's place.
"""

import ast
import contextlib
import functools
import io
import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path

from tinygen.check.report import FAIL, PASS, Entry, Report
from tinygen.course import lesson
from tinygen.course.exercises import judged, said
from tinygen.teaching.process import stripped
from tinygen.teaching.process.sandbox import Process
from tinygen.teaching.process.thinned import thinned
from tinygen.teaching.process.wire import Late, Raised, WireError
from tinygen.teaching.seeds import reseeded

SIZE = 2 << 20  # bytes of a file that is judged
TRIED = 5  # numbers from a hidden one on
UNSHOWN = ("is not written yet", stripped.ABSENT)  # of errors that are no mistake of the file
LAST = 2.0  # seconds that an ending process may take to have ended
START = 60.0  # seconds that a process may take to start


def patience(seconds):
    """Seconds by the clock after which a process that was given so many of processor time is not waited for."""
    return 5 + 3 * seconds


def endless(seconds):
    """What is said of code that does not come to an end."""
    return f"not finished after {seconds:g} s: is there a loop that never ends?"


@dataclass(frozen=True)
class Limits:
    """What a student's file may take: seconds of processor time a cell, an exercise, and all together, bytes of memory
    and of files, processes; None: no limit."""

    cell: float = 20.0
    exercise: float = 20.0
    cpu: int | None = 180
    memory: int = 2 << 30
    processes: int | None = 64
    file_size: int | None = 64 << 20


@dataclass(frozen=True)
class Solved:
    """A lesson of the package, run with its solutions: its checks and its functions, by the name of the exercise; the
    number with which its seeds were made anew, whether all its exercises pass so, and the code of each solution."""

    name: str
    number: int
    right: bool
    checks: dict
    references: dict
    texts: dict


def solved(path, hidden=0):
    """The Solved lesson at `path`; run once in a process.

    hidden: a number from which all seeds of the lesson are made anew, so that its exercises are tried at other points;
    0: its own seeds. Numbers at which one of its own solutions does not pass are passed over.
    """
    for number in range(hidden, hidden + TRIED) if hidden else ():
        found = _solved(path, number)
        if found.right:
            return found
    return _solved(path, 0)


def variants(path, count):
    """The first `count` numbers from 1 on at which the lesson's own solutions pass: variants of its random numbers."""
    numbers = (number for number in range(1, TRIED * count + 1) if _solved(path, number).right)
    return list(itertools.islice(numbers, count))


@functools.cache
def _solved(path, number):
    read, names = thinned(lesson.read(path)), {}
    for cell in read.cells:
        cell.source = reseeded(cell.source, number)
    with contextlib.redirect_stdout(io.StringIO()):
        for _ in lesson.run(read, lesson.for_exercises, names):
            pass
    tests = lesson.tests(names)
    right = bool(tests) and all(test.report.ok for test in tests.values())
    checks = {name: test.check for name, test in tests.items()}
    return Solved(Path(path).stem, number, right, checks, names, functions(read))


def functions(read):
    """{name: its code, whatever its comments, docstring and spaces are} of the functions that a lesson defines once."""
    found, twice = {}, set()
    for cell in read.cells:
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            for node in ast.parse(cell.source).body if cell.kind == "code" else ():
                if isinstance(node, ast.FunctionDef):
                    twice |= {node.name} & found.keys()
                    body = node.body[1:] if ast.get_docstring(node) else node.body
                    found[node.name] = ast.dump(ast.Tuple([node.args, *node.decorator_list, *body]))
    return {name: code for name, code in found.items() if name not in twice}


@dataclass
class Verdict:
    """What became of a file: the exercises' verdicts, what its cells raised, how it was kept apart, what it tried."""

    lesson: str
    exercises: list = field(default_factory=list)  # dicts: name, ok, verdict, said, mistake, seconds
    errors: list = field(default_factory=list)
    isolated: bool = False
    attempts: list = field(default_factory=list)
    seconds: float = 0.0


class Sitting:
    """One file in front of the judge. The student's process is started again where it ended or had to be ended.

    home: the folder in which a student's own file is judged with the installed package, references and all; default:
    None, with the copy that has none.
    """

    def __init__(self, read, solved, limits, isolate, home=None):
        self.read, self.solved, self.limits, self.isolate, self.home = read, solved, limits, isolate, home
        self.verdicts, self.errors, self.skipped, self.attempts = {}, {}, set(), []
        self.process = self.judged = None
        self.used = set()  # references that stood in for wrong functions while another one was judged
        self.texts = {} if home else functions(read)
        self.isolated = False

    def run(self):
        """Run the file cell by cell, and judge each exercise as soon as it is there."""
        for _ in range(len(self.read.cells) + len(self.solved.checks)):  # one cell or exercise may end each process
            try:
                self.start()
                for number, cell in enumerate(self.read.cells):
                    if cell.kind == "code" and lesson.for_exercises(cell) and number not in self.skipped:
                        self.run_cell(number, cell)
                self.ask_what_was_tried()
                break
            except WireError:  # the process has ended, and why is noted: the next one leaves out what ended it
                continue
            finally:
                self.end()
        for name in self.solved.checks:
            if name not in self.verdicts:
                stopped = "its cell stopped before this function was there"
                self.failed(name, stopped if self.errors else "there is no function of this name")

    # ---- the student's process ----

    def start(self):
        """Start the process in which the student's file runs."""
        package = None if self.home else stripped.package()
        self.process = Process(package, isolate=self.isolate, home=self.home)
        self.isolated = self.process.isolated
        wire = self.process.wire
        wire.allowed = self.reference
        wire.classes = {k: v for k, v in self.solved.references.items() if isinstance(v, type)}
        wire.deadline = time.monotonic() + START
        limits = {name: getattr(self.limits, name) for name in ("memory", "processes", "file_size")}
        times = {"cell": self.limits.cell, "exercise": self.limits.exercise}
        right = [name for name, verdict in self.verdicts.items() if verdict["ok"]]
        wire.send("setup", {
            "path": str(self.read.path) if self.home else self.read.path.name,
            "name": self.read.name,
            "text": self.read.text,
            "fonts": str(package / "fonts") if package else "",
            "limits": {**limits, "seconds": self.limits.cpu},
            "times": times,
            "right": right,
        })  # fmt: skip
        self.expect("ready")

    def expect(self, kind):
        """The value of the next message of this kind; calls for references that come before it are answered."""
        wire = self.process.wire
        while True:
            got, value, head, _ = wire.receive()
            if got == "call":
                wire.answer(head, value)
            elif got == kind:
                return value
            else:
                raise WireError(f"a message {got!r} in place of {kind!r}")

    def run_cell(self, number, cell):
        """One cell, and the exercises that it makes. Raises WireError if the process ends, with its reason noted."""
        wire = self.process.wire
        wire.deadline = time.monotonic() + patience(self.limits.cell)
        try:
            source = reseeded(cell.source, self.solved.number)  # their data are those of the judge
            wire.send("cell", {"number": number, "source": source, "line": cell.line})
            told = self.expect("cell")
        except WireError as error:
            what = self.ended(error, self.limits.cell)
            self.errors[number] = f"the cell in line {cell.line}: {what}"
            self.skipped.add(number)
            raise
        if told["error"] and not any(words in str(told["error"]) for words in UNSHOWN):
            self.errors[number] = str(told["error"])
        for name in [each for each in told["exercises"] if each in self.solved.checks]:
            if name not in self.verdicts:
                self.judge(name)
                if self.process is None:
                    raise WireError(f"{name} ended the process")
            elif not self.verdicts[name]["ok"]:
                wire.deadline = time.monotonic() + START
                wire.send("wrong", name)

    def ask_what_was_tried(self):
        """Ask the process what the file tried that a lesson has no reason for."""
        wire = self.process.wire
        wire.deadline = time.monotonic() + START
        wire.send("seen")
        self.attempts = [str(each)[:200] for each in list(self.expect("seen"))[:20]]

    def end(self):
        """End the process."""
        process, self.process = self.process, None
        if process:
            process.end()

    def ended(self, error, seconds):
        """End the process after a WireError; returns why it came, in words."""
        process, self.process = self.process, None
        if process is None:
            return str(error)
        last = process.end(wait=0 if isinstance(error, Late) else LAST)
        if isinstance(error, Late):
            return endless(seconds)
        return f"it ended Python itself, {process.how}. {last}".rstrip(". ") + "."

    # ---- judging ----

    def reference(self, name):
        """The function that a call `reference NAME` means: not the one that is being judged."""
        prefix, _, wanted = name.partition(" ")
        if prefix != "reference" or wanted == self.judged or wanted not in self.solved.checks:
            return None
        if self.judged and not self.verdicts.get(wanted, {"ok": True})["ok"]:
            self.used.add(wanted)
        return self.solved.references.get(wanted)

    def judge(self, name):
        """Judge one exercise by calls of the student's function."""
        started, wire = time.monotonic(), self.process.wire
        if name in self.texts and self.texts[name] == self.solved.texts.get(name):  # it is the lesson's own solution
            self.decide(Report(name, [Entry(name, PASS)]), started)
            wire.deadline = started + START
            wire.send("right", name)
            return
        self.judged, self.used = name, set()
        wire.deadline = started + patience(self.limits.exercise)

        def theirs(*args, **kw):
            try:
                wire.forget()
                return wire.call(name, args, kw)
            except WireError as error:
                raise Raised(self.ended(error, self.limits.exercise)) from None
            except Raised as error:
                if error.unwritten:
                    raise NotImplementedError(f"{name} is not written yet") from None
                raise

        theirs.__name__ = theirs.__qualname__ = name
        with contextlib.redirect_stdout(io.StringIO()):
            right = self.solved.references[name]
            report = judged(theirs, self.solved.checks[name], right, {}, 2 * self.limits.exercise)
        self.judged = None
        if self.used:
            own = " and ".join(sorted(self.used))
            report.notes.append(f"judged with the course's own {own}, since yours is not right yet")
        self.decide(report, started)
        if self.process is not None:
            wire.forget()
            wire.deadline = time.monotonic() + START
            wire.send("right" if report.ok else "wrong", name)

    def failed(self, name, why):
        """Fail the exercise `name`, with the reason `why`."""
        self.decide(Report(name, [Entry(name, FAIL, note=why)]), time.monotonic())

    def decide(self, report, started):
        """Keep the verdict of a report that was `started` at that time."""
        self.verdicts[report.name] = {
            "name": report.name,
            "ok": report.ok,
            "verdict": report.verdict,
            "said": said(report),
            "mistake": report.mistakes[0].sentence if report.mistakes and not report.ok else "",
            "seconds": round(time.monotonic() - started, 3),
        }


def judge(path, original, *, limits=Limits(), isolate=True, hidden=0):
    """The Verdict on the file at `path`, made from the package's lesson at `original`.

    isolate: use bubblewrap where it is installed. hidden: see `solved`. Raises LessonError if the file cannot be read
    as a lesson.
    """
    started = time.monotonic()
    path = Path(path)
    if path.stat().st_size > SIZE:
        raise lesson.LessonError(f"{path} has {path.stat().st_size} bytes; a lesson has at most {SIZE}")
    sitting = Sitting(thinned(lesson.read(path)), solved(Path(original), hidden), limits, isolate)
    sitting.run()
    return Verdict(
        lesson=sitting.solved.name,
        exercises=[sitting.verdicts[name] for name in sitting.solved.checks],
        errors=[sitting.errors[number] for number in sorted(sitting.errors)],
        isolated=sitting.isolated,
        attempts=sitting.attempts,
        seconds=round(time.monotonic() - started, 3),
    )
