"""A course as a lecturer writes it down: one file, course.toml, which is read and checked here."""

import datetime
from dataclasses import dataclass, field
from pathlib import Path

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

from tinygen.course import lesson


class CourseError(Exception):
    """Something in a course or among what was handed in that the lecturer can put right: what, where, the remedy."""


TEMPLATE = """\
# A course, in one file. `tinygen teach assign` and `tinygen teach grade` read it; nothing else has to be edited.
title = "Generative models"

# Where the notebooks can be opened from, for links to Colab: "owner/repository/blob/main/folder". Empty: no links.
address = ""

# What pip installs tinygen from, in the notebooks and on Gradescope: the address of your copy, as students can reach
# it, such as "tinygen[teach] @ git+https://github.com/OWNER/tinygen".
install = "tinygen[teach]"

# The class, one name a line, in the order in which they sit or know each other: for variants and for bug hunts.
# students = "students.txt"

# So many variants of the lessons' random numbers, dealt out in turn (0: everybody gets the lesson's own).
variants = 0

# Hidden checks: the same exercises at other random points, by a number that you keep to yourself. 0: the lesson's own.
hidden = 0

[late]
# What is handed in after a lesson's deadline loses `per_day` of its mark for each day that has begun, after
# `grace_minutes`, and at most `most` of it.
grace_minutes = 30
per_day = 0.1
most = 0.5

# A bug hunt for each student: a function with its derivatives, in which one line is wrong (or none, in this share of
# the hunts). Right is the line (half the mark) and the kind of mistake (the other half).
# [hunt]
# weight = 1.0
# none = 0.125
# deadline = {first}T23:59:00

# What a student's file may take.
[limits]
seconds = 20        # for each cell and each exercise
memory_mb = 2048

# The lessons in their order. `weight` is the lesson's share of the final mark; a deadline is local time.
{lessons}"""
LESSON = """
[[lessons]]
number = {number}     # {title}
weight = 1.0
# deadline = {deadline}T23:59:00
"""
README = """\
# {title}

`course.toml` is the only file to edit. Then:

    tinygen teach simulate {folder} TRY                # a made-up class, to try all this with
    tinygen teach assign {folder}                      # writes {folder}/assignments.zip: hand this out
    tinygen teach grade {folder} SUBMISSIONS           # a folder or zip as your LMS exports it -> {folder}/marks/

`marks/marks.csv` has one row a student; `marks/index.html` shows the class, and a page for each student. Grading again
judges only what is new. With bug hunts or variants `assign` writes a zip for each student into {folder}/assignments/,
and hunts.json is the key, for you alone. `tinygen teach --help` says the rest.
"""


@dataclass(frozen=True)
class Assigned:
    """A lesson of a course: its number, its path in the package, its weight, its deadline (or None)."""

    number: int
    path: Path
    weight: float = 1.0
    deadline: datetime.datetime | None = None


@dataclass(frozen=True)
class Hunt:
    """The bug hunt of a course: its weight beside the lessons', its deadline, the share in which nothing is wrong."""

    weight: float = 1.0
    deadline: datetime.datetime | None = None
    none: float = 0.125


@dataclass(frozen=True)
class Course:
    """What course.toml says."""

    folder: Path
    title: str
    lessons: tuple
    address: str = ""
    install: str = "tinygen[teach]"
    hidden: int = 0
    late: dict = field(default_factory=dict)
    seconds: float = 20.0
    memory: int = 2 << 30
    students: tuple = ()
    listed: str = ""
    variants: int = 0
    hunt: Hunt | None = None

    @property
    def weight(self):
        """The weights of all lessons and of the hunt."""
        return sum(one.weight for one in self.lessons) + (self.hunt.weight if self.hunt else 0)

    @property
    def class_list(self):
        """The path of the file with the class, in a list; empty if course.toml names none."""
        return [self.folder / self.listed] if self.listed else []

    def factor(self, assigned, handed_in):
        """What is left of a mark that was handed in then: 1, less for each day too late (see course.toml)."""
        if assigned.deadline is None or handed_in is None:
            return 1.0
        late = (handed_in - assigned.deadline).total_seconds() / 60 - self.late["grace_minutes"]
        if late <= 0:
            return 1.0
        days = -(-late // (24 * 60))
        return 1.0 - min(self.late["most"], days * self.late["per_day"])


def new(folder, numbers=None):
    """Write a course into `folder` (course.toml and a README); returns the path of course.toml.

    Raises CourseError if there is one already.
    """
    folder = Path(folder)
    path = folder / "course.toml"
    if path.exists():
        raise CourseError(f"{path} is there already; edit it, or name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    first = datetime.date.today() + datetime.timedelta(weeks=1)
    parts = []
    for one in map(lesson.read, lesson.catalogue()):
        if one.count and (numbers is None or one.number in numbers):
            deadline = first + datetime.timedelta(weeks=len(parts))
            parts.append(LESSON.format(number=one.number, title=one.title.partition("· ")[2], deadline=deadline))
    path.write_text(TEMPLATE.format(lessons="".join(parts), first=first), encoding="utf-8")
    readme = README.format(title="Generative models", folder=folder.name)
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return path


KNOWN = {
    "": {"title": str, "address": str, "install": str, "hidden": int, "students": str, "variants": int, "late": dict,
         "limits": dict, "hunt": dict, "lessons": list},
    "hunt": {"weight": (int, float), "deadline": datetime.datetime, "none": (int, float)},
    "late": {"grace_minutes": (int, float), "per_day": (int, float), "most": (int, float)},
    "limits": {"seconds": (int, float), "memory_mb": int},
    "lessons": {"number": int, "weight": (int, float), "deadline": datetime.datetime},
}


def read(folder):
    """The Course in `folder`. Raises CourseError, naming the key, what was found and what is expected."""
    path = Path(folder)
    path = path if path.suffix == ".toml" else path / "course.toml"
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"there is no {path}; `tinygen teach new {path.parent}` writes one") from None
    except (OSError, ValueError) as error:
        raise CourseError(f"{path}: {error}") from None
    _check(path, "", found)
    for part in ("late", "limits", "hunt"):
        _check(path, part, found.get(part, {}))
    lessons = []
    for entry in found.get("lessons", []):
        _check(path, "lessons", entry)
        if "number" not in entry:
            raise CourseError(f"{path}: an entry of [[lessons]] without number")
        try:
            where = lesson.find(entry["number"])
        except lesson.LessonError as error:
            raise CourseError(f"{path}: {error}") from None
        lessons.append(Assigned(entry["number"], where, float(entry.get("weight", 1.0)), entry.get("deadline")))
    if not lessons:
        raise CourseError(f"{path} names no lesson: add [[lessons]] with number = 4, say")
    twice = {one.number for one in lessons if sum(other.number == one.number for other in lessons) > 1}
    if twice:
        raise CourseError(f"{path} names lesson {min(twice)} twice")
    students = _students(path, found)
    late = {"grace_minutes": 0, "per_day": 0.0, "most": 0.0} | found.get("late", {})
    limits = {"seconds": 20.0, "memory_mb": 2048} | found.get("limits", {})
    return Course(
        folder=path.parent,
        title=found.get("title", "Course"),
        lessons=tuple(lessons),
        address=found.get("address", ""),
        install=found.get("install", "tinygen[teach]"),
        hidden=found.get("hidden", 0),
        late=late,
        seconds=float(limits["seconds"]),
        memory=int(limits["memory_mb"]) << 20,
        students=students,
        listed=found.get("students", ""),
        variants=found.get("variants", 0),
        hunt=Hunt(**found["hunt"]) if "hunt" in found else None,
    )


def _students(path, found):
    """The names in the file that course.toml names. Raises CourseError if they are needed, and it is not there."""
    if not found.get("students"):
        if found.get("variants") or "hunt" in found:
            raise CourseError(f'{path}: variants and [hunt] need the class: students = "students.txt"')
        return ()
    try:
        text = (path.parent / found["students"]).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CourseError(f"{path}: students = {found['students']!r}: {error.strerror}") from None
    names = [line.strip() for line in text.splitlines() if line.strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CourseError(f"{path.parent / found['students']} names {twice[0]} twice")
    return tuple(names)


def _check(path, part, entry):
    known = KNOWN[part]
    name = f"[{part}] " if part else ""
    for key, value in entry.items():
        if key not in known:
            raise CourseError(f"{path}: {name}{key} is not known; expected {', '.join(known)}")
        if not isinstance(value, known[key]) or isinstance(value, bool):
            kinds = known[key] if isinstance(known[key], tuple) else (known[key],)
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise CourseError(f"{path}: {name}{key} = {value!r}; expected {wanted}")
