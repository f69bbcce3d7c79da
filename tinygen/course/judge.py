"""A student's file, judged: run in a process of its own, with the checks of the lesson that it was made from."""

import json
import subprocess
import sys
from pathlib import Path

from tinygen.check.report import FAIL, Entry, Report
from tinygen.course import lesson
from tinygen.course.exercises import exercise, said

MINUTES = 2  # what a student's file may take, its pictures and training left out


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


def judge(path, minutes=MINUTES):
    """The verdict on one student's file: {"error": text or "", "exercises": [{"name", "ok", "said"}, ...]}.

    The file runs in a process of its own and may do what it likes there: raise, exit, print, loop for ever.
    """
    command = [sys.executable, "-m", "tinygen.course.judge", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 * minutes)
    except subprocess.TimeoutExpired:
        return {"error": f"not finished after {minutes} minutes: is there a loop that never ends?", "exercises": []}
    try:
        return json.loads(done.stdout.rsplit(MARK, 1)[1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().split("\n") or [""])[-1]
        return {"error": f"the file ended Python before it was judged (exit status {done.returncode}). {last}",
                "exercises": []}


MARK = "\n=== tinygen verdict ===\n"


def examine(path):
    """Run the student's file here, and check its functions: what `judge` returns.

    A file with the name of one of the package's lessons is judged by that lesson's checks, whatever its own say.
    """
    theirs, errors = {}, []
    try:
        read = lesson.read(path)
    except lesson.LessonError as error:
        return {"error": str(error), "exercises": []}
    for ran in lesson.run(read, lesson.for_exercises, theirs):
        if ran.error and "is not written yet" not in ran.error:
            errors.append(ran.error)
    checks = {name: test.check for name, test in lesson.tests(theirs).items()}
    original = [p for p in lesson.catalogue() if p.stem == read.name]
    if original:
        ours = {}
        for _ in lesson.run(lesson.read(original[0]), lesson.for_exercises, ours):
            pass
        checks = {name: test.check for name, test in lesson.tests(ours).items()}
    reports = []
    for name, check in checks.items():
        if callable(theirs.get(name)):
            reports.append(exercise(theirs[name], check).report)
        else:
            why = "its cell stopped before this function was there" if errors else "there is no function of this name"
            reports.append(Report(name, [Entry(name, FAIL, note=why)]))
    found = [{"name": r.name, "ok": r.ok, "said": said(r)} for r in reports]
    return {"error": "\n".join(errors), "exercises": found}


if __name__ == "__main__":
    print(MARK + json.dumps(examine(sys.argv[1])))
