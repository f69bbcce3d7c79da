"""The whole course as a folder of pages, with an index and links between them; only what changed is built again."""

import functools
import hashlib
import html
import os
import re
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from tinygen.course import cover, lesson, notes, pages, reference
from tinygen.course.sides import SIDES
from tinygen.course.sides import page as side_page

# Packages whose next version may draw or say the same lesson otherwise.
DRAWN_BY = ("numpy", "scipy", "matplotlib", "pillow", "jupytext", "markdown-it-py", "mdit-py-plugins", "pygments",
            "ziamath", "latex2mathml", "pylatexenc")


def build(out, where=None, address=""):
    """Build the site in the folder `out`, two lessons at a time, and the reference beside it if pdoc is installed.

    A page that was made from the same lesson and the same package stays as it is. where: the folder of the lessons.
    address: "owner/repository/blob/main/folder", where the notebooks can be opened from.
    Returns {lesson's name: (what went wrong or "", processor seconds or 0 if it was not run)}.
    Raises LessonError if the folder cannot be written to.
    """
    from tqdm import tqdm

    out = Path(out)
    pages.writable(out)
    read = [lesson.read(p) for p in lesson.catalogue(where)]
    package = package_stamp()
    work = []
    for i, one in enumerate(read):
        links = {name: (f"{name}.html", pages.SIDES[name]) for name in ("index", "notes", "glossary")}
        if i:
            links["previous"] = (f"{read[i - 1].name}.html", read[i - 1].title)
        if i + 1 < len(read):
            links["next"] = (f"{read[i + 1].name}.html", read[i + 1].title)
        stamp = hashlib.sha256(repr((package, one.text, links, address)).encode()).hexdigest()[:32]
        if _made_from(out / f"{one.name}.html") != stamp:
            work.append((one.path, out / f"{one.name}.html", links, stamp, address))
    built = {one.name: ("", 0.0) for one in read}
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=get_context("spawn")) as pool, \
            tqdm(total=len(read), initial=len(read) - len(work), desc="course", unit="page", file=sys.stderr) as bar:
        jobs = {pool.submit(make, *item): item for item in work}
        beside = out / "reference"
        beside = [pool.submit(reference.build, beside, package)] if reference.outdated(beside, package) else []
        stamp = hashlib.sha256(repr((package, notes.equations(), [one.text for one in read])).encode()).hexdigest()[:32]
        if _made_from(out / "notes.html") != stamp:
            beside.append(pool.submit(make_notes, [one.path for one in read], out / "notes.html", stamp))
        for job in as_completed(jobs):
            built[jobs[job][0].stem] = job.result()
            bar.update()
        for job in beside:
            job.result()
    for name in SIDES:
        covers = {one.name: _text(_cover(out, one.name)) for one in read}
        text = side_page(name, read, covers=covers, reference=(out / reference.FIRST).is_file())
        if not (out / f"{name}.html").is_file() or (out / f"{name}.html").read_text(encoding="utf-8") != text:
            pages.write(out / f"{name}.html", text)
    return built


def make(path, target, links, stamp, address=""):
    """Run one lesson, write its page and its picture; return (what went wrong or "", processor seconds of the run).

    A page of a failing lesson gets no stamp, so that it is built again.
    """
    read, started = lesson.read(path), time.process_time()
    ran = list(lesson.run(read))
    seconds = time.process_time() - started
    wrong = [r.error for r in ran if r.error]
    wrong += [f"exercise {t.report.name}: {t.report.verdict}" for r in ran for t in r.exercises if not t.report.ok]
    pages.write(_cover(target.parent, read.name), cover.cover(ran))
    pages.write(target, pages.page(read, ran, links, "" if wrong else stamp, address))
    return "\n".join(wrong), seconds


def make_notes(paths, target, stamp):
    """Write the page of the notes, of a course with these lessons."""
    pages.write(target, notes.page([lesson.read(path) for path in paths], stamp))


def _cover(out, name):
    return out / "covers" / f"{name}.svg"


def _text(path):
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _made_from(page):
    """The stamp in the head of a page that exists, else None."""
    try:
        head = page.read_text(encoding="utf-8").split("<style>", 1)[0]
    except (OSError, UnicodeDecodeError):
        return None
    found = re.search(r'name="made-from" content="([^"]+)"', head)
    return html.unescape(found[1]) if found else None


@functools.cache
def package_stamp():
    """A digest of everything in the package that a page can depend on, and of what draws it."""
    from importlib.metadata import version

    digest = hashlib.sha256(sys.version.encode())
    for name in DRAWN_BY:
        digest.update(f"{name} {version(name)}".encode())
    home = Path(__file__).parents[1]
    for path in sorted(p for p in home.rglob("*") if p.suffix in (".py", ".md", ".css", ".js", ".npz", ".csv")):
        digest.update(str(path.relative_to(home)).encode() + path.read_bytes())
    return digest.hexdigest()
