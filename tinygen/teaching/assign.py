"""What students get: the lessons without their solutions, as scripts and as notebooks, in one zip, or in one for each
student where the course has variants or a bug hunt."""

import io
import zipfile

from tinygen.course import lesson
from tinygen.files import replacing
from tinygen.teaching import hunt, judge
from tinygen.teaching.pages import page_names
from tinygen.teaching.seeds import reseeded

INSTALL = "# The package that this lesson uses, where it is missing.\n%pip install -q \"{source}\""
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
        return _packed(_files(course), out)
    out = out or course.folder / "assignments"
    out.mkdir(parents=True, exist_ok=True)
    hunts = hunt.deal(course) if course.hunt else {}
    seeds = {one.path: judge.variants(one.path, course.variants) for one in course.lessons}
    for place, (student, name) in enumerate(page_names(course.students).items()):
        numbers = {path: found[place % len(found)] for path, found in seeds.items() if found}
        more = {"hunt.py": hunt.file(student, hunts[student])} if hunts else {}
        _packed(_files(course, numbers) | more, out / f"{name.removesuffix('.html')}.zip")
    return out


def _files(course, numbers=()):
    """{name: text} of what is handed out; numbers: {path of a lesson: its variant}."""
    rows = []
    files = {}
    for one in course.lessons:
        read = lesson.read(one.path)
        text = reseeded(lesson.student(read.text), dict(numbers).get(one.path, 0))
        files[one.path.name] = text
        files[f"{one.path.stem}.ipynb"] = notebook(text, one.path.stem, course.address, course.install)
        rows.append(f"| {read.title} | {one.deadline or ''} |")
    if course.hunt:
        rows.append(HUNT.format(course.hunt.deadline or ""))
    files["README.md"] = README.format(title=course.title, install=course.install, rows="\n".join(rows))
    return files


def _packed(files, out):
    with replacing(out) as file, io.BytesIO() as packed:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(files):
                member = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
                member.external_attr = 0o644 << 16
                archive.writestr(member, files[name], zipfile.ZIP_DEFLATED)
        file.write(packed.getvalue())
    return out


def notebook(text, stem, address="", source="tinygen[teach]"):
    """A lesson's text as a notebook: its kernel named, a first cell that installs the package, a link to Colab.

    address: "owner/repository/blob/main/folder", where the notebook will lie; "" for no link. source: what pip
    installs the package from.
    """
    import jupytext
    from nbformat.v4 import new_code_cell, new_markdown_cell

    book = jupytext.reads(text, fmt="py:percent")
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    first = [new_code_cell(INSTALL.format(source=source), id="install")]
    if address:
        link = f"https://colab.research.google.com/github/{address.strip('/')}/{stem}.ipynb"
        first.insert(0, new_markdown_cell(f"[Open in Colab]({link})", id="colab"))
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"
    book.cells[:0] = first
    return jupytext.writes(book, fmt="ipynb")
