"""What was handed in: lessons are found by what is in the files, students by the names that learning systems write.

Nothing of an archive is unpacked under a name of its own: its files are copied one by one, under numbers.
"""

import datetime
import hashlib
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from tinygen.course import lesson
from tinygen.teaching.course import CourseError
from tinygen.teaching.hunt import TOKEN

FILE, TOTAL, MEMBERS = 4 << 20, 256 << 20, 5000  # bytes of a file and of an archive's files, their number
SYSTEMS = (  # how a name begins that a learning system has written: the student's name, then numbers
    re.compile(r"(?P<student>[^_/]+)_\d+_assignsubmission_[^/]*"),  # Moodle, a folder or a file
    re.compile(r"(?P<student>[^_/]+?)(?:_LATE)?_\d+_\d+_"),  # Canvas
    re.compile(r"(?P<student>name_\d+)_|(?P<other>[^_/]+)_(?:attempt_)?\d{4,}[-_]"),  # others
)


@dataclass(frozen=True)
class Submission:
    """One file: whose it is, for which lesson (its path in the package; None: a bug hunt), when it came, where it lies.
    """

    student: str
    original: Path | None
    path: Path
    named: str
    time: datetime.datetime | None

    @property
    def digest(self):
        """The hash of what the file holds."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


@dataclass
class Collected:
    """What was found: the submissions that count, those that a later one replaces, and files that are no lesson."""

    submissions: list
    replaced: list
    unknown: list  # pairs (name, why)
    hunts: list = field(default_factory=list)  # submissions of bug hunts, which are not run


def collect(place, lessons, work):
    """Everything in the folder or archive `place`, for these lessons (paths); copies are written into `work`.

    Raises CourseError if there is no such place.
    """
    place, work = Path(place), Path(work)
    if not place.exists():
        raise CourseError(f"there is no folder or archive {place}")
    work.mkdir(parents=True, exist_ok=True)
    found, unknown = [], []
    for name, data, when in _files(place, unknown):
        digest = hashlib.sha256(data).hexdigest()
        path = work / f"{digest[:24]}{Path(name).suffix.lower()}"
        path.write_bytes(data)
        if TOKEN.search(data.decode("utf-8", "replace").replace("\r\n", "\n")):
            found.append(Submission(student_of(name), None, path, name, when))
            continue
        try:
            path, original = _lesson_of(path, lessons)
        except lesson.LessonError as error:
            unknown.append((name, str(error).replace(str(path), Path(name).name)))
            continue
        found.append(Submission(student_of(name), original, path, name, when))
    latest, replaced = {}, []
    for one in sorted(found, key=lambda s: (s.time or datetime.datetime.min, s.named)):
        key = (one.student, one.original)
        if key in latest:
            replaced.append(latest[key])
        latest[key] = one
    counted = sorted(latest.values(), key=lambda s: (s.student, s.original or Path()))
    hunts = [one for one in counted if one.original is None]
    return Collected([one for one in counted if one.original], replaced, unknown, hunts)


def student_of(name):
    """Whose file it is, by its name from the top of what was handed in.

    >>> student_of("Ada Lovelace_12345_assignsubmission_file/04_kl.py"), student_of("hopper_314_2718_04_kl-1.py")
    ('Ada Lovelace', 'hopper')
    >>> student_of("noether/week 3/04_kl (1).py"), student_of("noether.zip/04_kl.py"), student_of("noether_04_kl.py")
    ('noether', 'noether', 'noether')
    """
    first, _, rest = name.partition("/")
    for system in SYSTEMS:
        match = system.match(first)
        if match:
            return next(filter(None, match.groupdict().values())).strip()
    if rest:
        return first.removesuffix(".zip").strip()
    stem = Path(first).stem
    before = re.sub(r"[ _-]*\d\d_\w+.*$", "", stem)
    return (before or stem).strip(" _-")


def _files(place, unknown):
    """(name below `place`, bytes, time) of each file that may be a lesson, those in archives too."""
    if place.is_file():
        yield from (_inside(place, "", unknown) if zipfile.is_zipfile(place) else _one(place, place.name, unknown))
        return
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_symlink() or not path.is_file() or _hidden(name):
            continue
        if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
            yield from _inside(path, f"{name}/", unknown)
        else:
            yield from _one(path, name, unknown)


def _hidden(name):
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _one(path, name, unknown):
    if path.suffix.lower() not in (".py", ".ipynb"):
        unknown.append((name, "neither .py nor .ipynb"))
    elif path.stat().st_size > FILE:
        unknown.append((name, f"has {path.stat().st_size} bytes; at most {FILE} are read"))
    else:
        yield name, path.read_bytes(), datetime.datetime.fromtimestamp(path.stat().st_mtime)


def _inside(path, prefix, unknown):
    """The files of an archive, read with limits whatever its headers say."""
    try:
        with zipfile.ZipFile(path) as archive:
            total = 0
            for member in archive.infolist()[:MEMBERS]:
                name = prefix + re.sub(r"^[/\\.]+|\.\.[/\\]", "", member.filename.replace("\\", "/"))
                if member.is_dir() or _hidden(name.removeprefix(prefix)):
                    continue
                if Path(name).suffix.lower() not in (".py", ".ipynb"):
                    unknown.append((name, "neither .py nor .ipynb"))
                    continue
                with archive.open(member) as file:
                    data = file.read(FILE + 1)
                total += len(data)
                if len(data) > FILE or total > TOTAL:
                    unknown.append((name, f"is more than {FILE} bytes of a file or {TOTAL} of an archive"))
                    continue
                when = datetime.datetime(*member.date_time) if member.date_time[0] > 1980 else None
                yield name, data, when
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        unknown.append((prefix.rstrip("/") or path.name, f"cannot be read as a zip: {error}"))


def _lesson_of(path, lessons):
    """The file as a lesson in .py form, and the lesson of the course that it was made from."""
    if path.suffix == ".ipynb":
        path = _from_notebook(path)
    original = lesson.original(lesson.read(path))
    if original not in lessons:
        raise lesson.LessonError(f"{path} is {original.stem}, which is not part of this course")
    return path, original


def _from_notebook(path):
    import jupytext

    target = path.with_suffix(".py")
    try:
        book = jupytext.reads(path.read_text(encoding="utf-8", errors="replace"), fmt="ipynb")
        target.write_text(jupytext.writes(book, fmt="py:percent"), encoding="utf-8")
    except Exception as error:  # a student's file may be anything
        raise lesson.LessonError(f"{path} cannot be read as a notebook: {type(error).__name__}") from None
    return target
