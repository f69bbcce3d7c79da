"""A student's file, judged: run in a process of its own, with the checks of the lesson that it was made from.

Each cell and each exercise has its own time and memory. What does not end, or ends the process, is named, and the file
is run once more without it, so that it costs nothing but itself.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from tinygen.check.report import FAIL, PASS, Entry, Report
from tinygen.course import lesson
from tinygen.course.exercises import judged, judging_by, said
from tinygen.course.watch import SECONDS, time_limit

MEMORY = 4 << 30  # bytes that a student's file may take beyond what the judge needs itself
START = 60  # seconds that the judge itself may take to start, and to stop what is too slow


def files(places):
    """The lessons among files and folders, in order. Raises LessonError for a place that is not there or holds none."""
    found = []
    for place in map(Path, places):
        if place.is_dir():
            inside = sorted(p for p in place.rglob("*.py") if lesson.NAME.match(p.stem) and not p.name.startswith("."))
            if not inside:
                raise lesson.LessonError(f"the folder {place} holds no lesson (files such as 08_vae.py)")
            found += inside
        elif place.is_file():
            found.append(place)
        else:
            raise lesson.LessonError(f"there is no file or folder {place}")
    return found


def judge(path, seconds=SECONDS, asked=None):
    """The verdict on one student's file: {"error": text or "", "exercises": [{"name", "ok", "said"}, ...]}.

    The file runs in a process of its own and may do what it likes there: raise, exit, print, loop for ever. seconds:
    for each exercise and each cell. asked: the path of the lesson whose checks count, if it is none of the package's.
    """
    state = {"seconds": seconds, "skip": [], "errors": [], "known": {}, "asked": str(asked) if asked else None}
    while True:
        verdict, place, why = _run(path, state)
        if verdict is not None:
            return verdict
        kind, what = place or ("", "")
        if kind == "exercise":
            state["known"][what] = _entry(Report(what, [Entry(what, FAIL, note=why)]))
        elif kind == "cell" and what not in state["skip"]:
            state["skip"].append(what)
            state["errors"].append(f"the cell in line {what}: {why}")
        else:
            return {"error": why, "exercises": list(state["known"].values())}


# ---- verdicts of files that have not changed -------------------------------------------------------------------------


def _memory(path):
    """Where the verdict on a file of this content is kept, if this very package gave it."""
    import hashlib

    from tinygen.course import site

    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinygen" / "verdicts"
    stamp = hashlib.sha256(site.package_stamp().encode() + Path(path).name.encode() + Path(path).read_bytes())
    return home / f"{stamp.hexdigest()[:32]}.json"


def remembered(path):
    """The verdict that `judge` gave on a file of this name and content; None if there is none."""
    try:
        verdict = json.loads(_memory(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return verdict if isinstance(verdict, dict) and {"error", "exercises"} <= verdict.keys() else None


def remember(path, verdict):
    """Keep a verdict, where the reader's system keeps such things; where it cannot be kept, it is found again."""
    from tinygen.course import pages

    with contextlib.suppress(OSError, lesson.LessonError):
        place = _memory(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        pages.write(place, json.dumps(verdict))


def _run(path, state):
    """Run the file once: (verdict or None, the place that it was at, why it ended there)."""
    command, place = [sys.executable, "-m", "tinygen.course.judge", str(path)], None
    group = {"start_new_session": True} if os.name == "posix" else {}
    with tempfile.TemporaryFile() as complaints, tempfile.TemporaryFile() as told:
        told.write(json.dumps(state).encode())
        told.seek(0)
        process = subprocess.Popen(command, stdin=told, stdout=subprocess.PIPE, stderr=complaints, **group)
        lines = queue.SimpleQueue()
        reader = threading.Thread(target=_pass_on, args=(process.stdout, lines), daemon=True)
        reader.start()
        try:
            while line := lines.get(timeout=state["seconds"] + START):
                kind, what = json.loads(line)
                if kind == "end":
                    return what, place, ""
                if kind == "verdict":
                    state["known"][what["name"]] = what
                place = (kind, what) if kind in ("cell", "exercise") else None
            process.wait(START)
        except (queue.Empty, subprocess.TimeoutExpired):
            return None, place, f"not finished after {state['seconds']:g} s: is there a loop that never ends?"
        finally:
            _end(process)
            reader.join(1)
            if not reader.is_alive():  # what has left the group may hold the pipe open: its end is not waited for
                process.stdout.close()
        complaints.seek(0)
        last = (complaints.read()[-2000:].decode(errors="replace").strip().split("\n") or [""])[-1]
        status = process.returncode
        how = f"by signal {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"
        return None, place, f"it ended Python itself, {how}. {last}".strip()


def _pass_on(stream, lines):
    """Put each line of a stream into a queue, and b"" at its end."""
    for line in stream:
        lines.put(line)
    lines.put(b"")


def _end(process):
    """Kill a process and what it has started."""
    try:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        pass
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)


def _entry(report):
    return {"name": report.name, "ok": report.ok, "said": said(report)}


class Course:
    """The package's own lesson, run as far as the student's file has come: its checks and its functions."""

    def __init__(self, path):
        self.names = {}
        self._cells = lesson.run(lesson.read(path), lesson.for_exercises, self.names)

    def test(self, name):
        """The lesson's own test of this exercise (its `.check`, its `.function`), or None if it has none."""
        with judging_by(lambda function, check: Report(function.__name__, [Entry("", PASS)])):
            while name not in (tests := lesson.tests(self.names)) and next(self._cells, None):
                pass
        return tests.get(name)

    def all(self):
        """All tests of the lesson: {name: test}."""
        self.test(None)
        return lesson.tests(self.names)


def examine(path, tell=lambda *event: None, seconds=SECONDS, skip=(), errors=(), known=(), asked=None):
    """Run the student's file here, and check its functions: what `judge` returns.

    The checks are those of the package's lesson that the file was made from, or of the lesson `asked`, whatever the
    file's own say. A function that is wrong is replaced by the lesson's for the cells after it.

    tell: called with ("cell", line), ("exercise", name) and ("verdict", entry) as they come. skip: lines of cells that
    are left out. errors, known: what an earlier run has found, `known` as {name: entry}.
    """
    theirs, errors, found = {}, list(errors), dict(known)
    try:
        read = lesson.read(path)
        course = Course(Path(asked) if asked else lesson.original(read))
    except lesson.LessonError as error:
        return {"error": str(error), "exercises": []}
    if why := lesson.broken(read):
        return {"error": why, "exercises": []}

    def official(function, check):
        name = function.__name__
        with time_limit(START):  # on the judge's account, not on that of their cell
            test = course.test(name)
        if test is None:  # an exercise of their own
            return judged(function, check, seconds=seconds)
        if name not in found:
            wrong = [other for other, entry in found.items() if not entry["ok"]]
            others = {other: own.function for other in wrong if (own := course.test(other))}
            tell("exercise", name)
            found[name] = _entry(judged(function, test.check, test.function, others, seconds))
            tell("verdict", found[name])
        if not found[name]["ok"]:
            function.__globals__[name] = test.function
        return Report(name, [Entry(name, PASS if found[name]["ok"] else FAIL, note=found[name]["said"])])

    def wanted(cell):
        tell("cell", cell.line)
        return lesson.for_exercises(cell) and cell.line not in skip

    with judging_by(official):
        for ran in lesson.run(read, wanted, theirs, seconds):
            if ran.error and "is not written yet" not in ran.error:
                errors.append(ran.error)
        tests = course.all()
        for name in tests:
            if name not in found and callable(theirs.get(name)):
                official(theirs[name], None)
    for name in tests:
        if name not in found:
            why = "its cell stopped before this function was there" if errors else "there is no function of this name"
            found[name] = _entry(Report(name, [Entry(name, FAIL, note=why)]))
    more = len(errors) - 1
    rest = f"\n({more} later cell{'s' if more > 1 else ''} stopped too, perhaps for this reason.)" if more > 0 else ""
    return {"error": errors[0] + rest if errors else "", "exercises": [found[name] for name in tests]}


def _limit_memory():
    try:
        import resource
    except ImportError:  # not on Windows
        return
    pages = Path("/proc/self/statm")
    used = int(pages.read_text().split()[0]) * resource.getpagesize() if pages.exists() else 0
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def main(path):
    """Judge one file as a process of its own: events as lines of JSON on what was the standard output."""
    state = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w", encoding="ascii") as out:
        os.dup2(2, 1)  # what the file prints, below Python too, is not taken for an event

        def tell(*event):
            out.write(json.dumps(event) + "\n")
            out.flush()

        import matplotlib.pyplot  # noqa: F401  (what the judge needs itself is in memory before the limit is set)

        _limit_memory()
        tell("end", examine(path, tell, **state))


if __name__ == "__main__":
    main(sys.argv[1])
