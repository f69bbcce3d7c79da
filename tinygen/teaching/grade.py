"""Grade a class: every file judged once, marks by lesson and exercise, what was read and what was not."""

import contextlib
import csv
import dataclasses
import functools
import hashlib
import io
import json
import os
import re
import tempfile
from pathlib import Path

import tinygen
from tinygen.course import lesson
from tinygen.course.pages import write as write_whole
from tinygen.teaching import hunt, work
from tinygen.teaching.collect import collect
from tinygen.teaching.judge import Limits, Verdict, judge

FORMULA = re.compile(r"^[=+\-@\t\r]")  # how a spreadsheet's formulas begin


@dataclasses.dataclass
class Marked:
    """A student's file, its verdict, and its mark between 0 and 1, lateness counted."""

    submission: object
    verdict: Verdict
    factor: float = 1.0

    @property
    def passed(self):
        """How many exercises passed."""
        return sum(found["ok"] for found in self.verdict.exercises)

    @property
    def mark(self):
        """The share of exercises that passed, times the factor for being late: between 0 and 1."""
        return self.factor * self.passed / max(1, len(self.verdict.exercises))


@dataclasses.dataclass
class Graded:
    """A class: the Marked files by (student, number of the lesson), and what was collected."""

    course: object
    marked: dict
    collected: object
    hunts: dict = dataclasses.field(default_factory=dict)  # {student: Hunted}
    alike: list = dataclasses.field(default_factory=list)  # pairs of students, see similarity.alike

    @property
    def students(self):
        """The names of all students of whom anything came, sorted."""
        return sorted({student for student, _ in self.marked} | set(self.hunts))

    def total(self, student):
        """The mean of the student's marks by their weights; a lesson or hunt that is missing counts 0."""
        lessons = self.course.lessons
        found = {one.number: self.marked.get((student, one.number)) for one in lessons}
        marks = sum(one.weight * found[one.number].mark for one in lessons if found[one.number])
        if self.course.hunt and student in self.hunts:
            marks += self.course.hunt.weight * self.hunts[student].counted
        return marks / max(self.course.weight, 1e-12)


def grade(course, place, out, *, isolate=True, **how):
    """Judge everything in the folder or archive `place`; returns Graded, and keeps each verdict in `out`.

    A file that was judged before, by the same lesson, package, limits and hidden number, is not judged again.
    how: executor, workers or dask, as in `work.outcomes`.
    """
    out = Path(out)
    collected = collect(place, [one.path for one in course.lessons], out / "files")
    limits = Limits(cell=course.seconds, exercise=course.seconds, memory=course.memory)
    keys = {one: _key(one, limits, course.hidden, isolate) for one in collected.submissions}
    keep, verdicts, jobs = out / "verdicts", {}, {}
    keep.mkdir(parents=True, exist_ok=True)
    # What is judged by the same lesson goes together: a process solves a lesson once.
    for one, key in sorted(keys.items(), key=lambda pair: str(pair[0].original)):
        if key not in verdicts:
            with contextlib.suppress(OSError, ValueError, TypeError):
                verdicts[key] = Verdict(**json.loads((keep / f"{key}.json").read_text(encoding="utf-8")))
        if key not in verdicts:
            jobs[key] = (one.path.name, one.path.read_bytes(), _named(one.original), limits, isolate, course.hidden)
    for key, verdict, error in work.outcomes(judged, jobs, what="grading", unit="file", **how):
        if error is None:
            write_whole(keep / f"{key}.json", json.dumps(dataclasses.asdict(verdict)))
        else:  # one file must not cost the class its marks
            verdict = Verdict(Path(jobs[key][2]).stem, [], [f"could not be judged: {error}"])
        verdicts[key] = verdict
    numbers = {one.path: one for one in course.lessons}
    marked = {}
    for one, key in keys.items():
        assigned = numbers[one.original]
        marked[one.student, assigned.number] = Marked(one, verdicts[key], course.factor(assigned, one.time))
    return Graded(course, marked, collected, hunt.mark(course, collected.hunts))


def judged(name, content, original, limits, isolate=True, hidden=0):
    """`judge` for a worker process, which may run on another machine: the file comes as its name and content.

    original: a lesson of the package by its name, or a path. What the lesson prints while it is solved is not shown.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        path = Path(folder, name)
        path.write_bytes(content)
        where = Path(original) if os.sep in original else lesson.named(original)
        return judge(path, where, limits=limits, isolate=isolate, hidden=hidden)


def _named(original):
    """What a lesson is called in a worker: the package's own by their names, which are the same on each machine."""
    return original.stem if original.parent == lesson.folder() else str(original.resolve())


def _key(one, limits, hidden, isolate):
    parts = (one.digest, _package(), one.original.read_bytes(), repr(limits), hidden, isolate)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:40]


@functools.cache
def _package():
    home = Path(tinygen.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


# ---- what is written ----


def plain(text):
    """Text for a cell of a spreadsheet and a line of a terminal: no formulas, no control characters.

    >>> plain('=1+1'), plain('a\\x1b[2J b')
    ("'=1+1", 'a[2J b')
    """
    text = "".join(c for c in str(text) if c.isprintable() or c == " ").strip()
    return f"'{text}" if FORMULA.match(text) else text


def marks_csv(graded):
    """The marks as CSV text: a row a student; for each lesson its mark, and each exercise as 1, 0 or what is wrong."""
    file = io.StringIO()
    names = {}
    for one in graded.course.lessons:
        found = [m for (_, number), m in graded.marked.items() if number == one.number]
        names[one.number] = [e["name"] for e in found[0].verdict.exercises] if found else []
    head = ["student", "total"]
    for number, exercises in names.items():
        head += [f"{number:02d}", f"{number:02d} late", *(f"{number:02d} {name}" for name in exercises)]
    head += ["hunt", "hunt said"] if graded.course.hunt else []
    writer = csv.writer(file)
    writer.writerow(head)
    for student in graded.students:
        row = [plain(student), f"{graded.total(student):.4f}"]
        for number, exercises in names.items():
            marked = graded.marked.get((student, number))
            if marked is None:
                row += ["", "", *("" for _ in exercises)]
                continue
            found = {e["name"]: e for e in marked.verdict.exercises}
            row += [f"{marked.mark:.4f}", f"{1 - marked.factor:.2f}" if marked.factor < 1 else ""]
            row += [_cell(found.get(name)) for name in exercises]
        if graded.course.hunt:
            hunted = graded.hunts.get(student)
            row += [f"{hunted.counted:.4f}", plain(hunted.said)] if hunted else ["", ""]
        writer.writerow(row)
    return file.getvalue()


def _cell(found):
    if found is None:
        return ""
    return "1" if found["ok"] else plain(f"0: {found['mistake'] or found['said'].splitlines()[-1].strip()}")[:300]


def marks_json(graded):
    """The marks and all verdicts as JSON values."""
    return {
        "course": graded.course.title,
        "students": {
            student: {
                "total": graded.total(student),
                "lessons": {
                    str(number): {
                        "mark": m.mark, "factor": m.factor, "file": m.submission.named,
                        "time": m.submission.time and m.submission.time.isoformat(),
                        **dataclasses.asdict(m.verdict),
                    }
                    for (who, number), m in sorted(graded.marked.items()) if who == student
                },
                **({"hunt": {"mark": h.counted, "said": h.said, "why": h.why, "file": h.submission.named}}
                   if (h := graded.hunts.get(student)) else {}),
            }
            for student in graded.students
        },
        "replaced": [[one.student, one.named] for one in graded.collected.replaced],
        "unknown": [list(pair) for pair in graded.collected.unknown],
    }  # fmt: skip


def write(graded, out):
    """Write marks.csv, marks.json and the pages into the folder `out`, each of them whole."""
    from tinygen.teaching import pages

    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "marks.csv", "\ufeff" + marks_csv(graded))
    write_whole(out / "marks.json", json.dumps(marks_json(graded), indent=1))
    for name, text in pages.all_pages(graded).items():
        write_whole(out / name, text)
