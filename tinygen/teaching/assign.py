"""What students get: the lessons without their solutions, as scripts and as notebooks, in one zip, or in one for each
student where the course has variants or a bug hunt."""

import io
import zipfile

from tinygen.course import lesson
from tinygen.course.notebook import notebook
from tinygen.files import replacing
from tinygen.teaching import hunt, judge
from tinygen.teaching.pages import page_names
from tinygen.teaching.seeds import reseeded

README = """\
# {title}

Each lesson is here twice, `.py` and `.ipynb`: work in one of them, and hand that file in under its own name.
Replace each `raise NotImplementedError` by your lines; nothing else has to be changed.

    pip install '{install}'
    tinygen learn check 04_kl.py        # what you have so far, and which mistake it is where it is wrong

| lesson | deadline |
|---|---|
{rows}
"""
HUNT = "| a bug hunt, `hunt.py`: read it, write the line and the kind at its top, hand it in | {} |"


def assign(course, out=None):
    """Write the zip of a Course to `out` (default: assignments.zip in its folder); returns its path.

    Where the course has variants or a hunt: a zip for each student, into the folder `out` (default: assignments).
    They are the same bytes each time. Raises OSError if one cannot be written; an old one then stays whole.
    """
    if not (course.variants or course.hunt):
        out = out or course.folder / "assignments.zip"
        return _packed(files(course), out)
    out = out or course.folder / "assignments"
    out.mkdir(parents=True, exist_ok=True)
    hunts = hunt.deal(course) if course.hunt else {}
    seeds = {one.path: judge.variants(one.path, course.variants) for one in course.lessons}
    for place, (student, name) in enumerate(page_names(course.students).items()):
        numbers = {path: found[place % len(found)] for path, found in seeds.items() if found}
        more = {"hunt.py": hunt.file(student, hunts[student])} if hunts else {}
        _packed(files(course, numbers) | more, out / f"{name.removesuffix('.html')}.zip")
    return out


def files(course, numbers=()):
    """{name: text} of what is handed out; numbers: {path of a lesson: its variant}."""
    rows = []
    found = {}
    for one in course.lessons:
        read = lesson.read(one.path)
        text = reseeded(lesson.student(read.text), dict(numbers).get(one.path, 0))
        found[one.path.name] = text
        name = f"{one.path.stem}.ipynb"
        colab = f"{course.address.strip('/')}/{name}" if course.address else ""
        found[name] = notebook(text, source=course.install, colab=colab)
        rows.append(f"| {read.title} | {one.deadline or ''} |")
    if course.hunt:
        rows.append(HUNT.format(course.hunt.deadline or ""))
    found["README.md"] = README.format(title=course.title, install=course.install, rows="\n".join(rows))
    return found


def _packed(files, out):
    with replacing(out) as file, io.BytesIO() as packed:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(files):
                member = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
                member.external_attr = 0o644 << 16
                archive.writestr(member, files[name], zipfile.ZIP_DEFLATED)
        file.write(packed.getvalue())
    return out
