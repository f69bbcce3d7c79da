"""List the lessons, run one and open its page, build the course, judge a student's file."""

import argparse
import os
import sys
from pathlib import Path

EXAMPLES = """examples:
  {me} learn                      list the lessons, and which of yours are done
  {me} learn 8                    run lesson 8 and open its page (or by name: {me} learn vae)
  {me} learn 8 --step             go through it in the terminal, cell by cell
  {me} learn 8 --student .        write it here without its solutions, for you to fill in
  {me} learn check 8              is your file 08_vae.py right, and if not, which mistake is it? (or the file itself)
  {me} learn 08_vae.py            run your own file and open its page
  {me} learn 8 --notebook         write it as a notebook to fill in, and open Jupyter if it is there
  {me} learn notes                the course notes, equation by equation: what holds, what needs a correction
  {me} learn --all --out site     the whole course as a folder of pages (course.toml here: with its links to Colab)
"""


def called():
    """The command as it was called: what hints name."""
    name = Path(sys.argv[0]).name
    if name == "__main__.py":
        return "python -m tinygen"
    return sys.argv[0] if name in ("tinygen", "tinygen.exe") and os.sep in sys.argv[0] and not _on_path() else "tinygen"


def _on_path():
    import shutil

    found = shutil.which("tinygen")
    return found is not None and os.path.realpath(found) == os.path.realpath(sys.argv[0])


def add_arguments(parser):
    """The options of `tinygen learn`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES.format(me=called())
    parser.add_argument("what", nargs="*", metavar="LESSON | FILE | notes | check FILE...",
                        help="a lesson's number or name, or its file; `notes`; or `check` and files of a student")
    parser.add_argument("--all", action="store_true", help="every lesson (with --out, --student or --notebook)")
    parser.add_argument("--step", action="store_true", help="go through the lesson in the terminal, cell by cell")
    parser.add_argument("--notebook", action="store_true", help="write the lesson as .ipynb, without its solutions")
    parser.add_argument("--solutions", action="store_true", help="with --notebook: leave the solutions in")
    parser.add_argument("--lesson", metavar="FILE", help="with check: judge by the checks of this lesson of your own")
    parser.add_argument("--student", metavar="DIR", help="write the lesson, or all of them, without solutions into DIR")
    parser.add_argument("--out", metavar="DIR", default="tinygen-pages", help="folder for pages (default: %(default)s)")
    parser.add_argument("--no-open", action="store_true", help="write, but open no browser and no Jupyter")


def run(arguments):
    """Run the subcommand; return its exit status (1: something did not pass, 2: it could not be done)."""
    from tinygen.course.lesson import LessonError

    try:
        _require_extra()
        return _dispatch(arguments)
    except LessonError as error:
        print(f"tinygen learn: {error}", file=sys.stderr)
        return 2


def _dispatch(a):
    from tinygen.course import lesson

    first, rest = (a.what[0] if a.what else None), a.what[1:]
    ways = [name for name, on in (("--step", a.step), ("--notebook", a.notebook), ("--student", a.student)) if on]
    if a.solutions and (not a.notebook or a.student):
        raise lesson.LessonError("--solutions goes with --notebook, and not with --student")
    if a.lesson and first != "check":
        raise lesson.LessonError("--lesson goes with check: tinygen learn check FILE --lesson LESSON")
    if len(ways) > 1 and a.step:
        raise lesson.LessonError(f"{' and '.join(ways)} are different things: choose one")
    if first == "check":
        if a.all or ways:
            raise lesson.LessonError("check takes files and folders, and no other option")
        return check([_own(word) for word in rest] or ["."], a.lesson)
    if rest:
        raise lesson.LessonError(f"one lesson at a time, please: got {' '.join(a.what)}")
    if a.all and first:
        raise lesson.LessonError(f"either lesson {first} or --all")
    if a.step and not first:
        raise lesson.LessonError("--step needs a lesson: tinygen learn NUMBER --step")
    if first == "notes" and not Path(first).exists():
        if ways or a.all:
            raise lesson.LessonError("notes is a page: it goes with --out and --no-open only")
        return notes(a.out, show=not a.no_open)
    if not first and not (a.all or a.student or a.notebook):
        return listing()
    paths = [_path(first)] if first else lesson.catalogue()
    if a.notebook:
        return notebooks(paths, Path(a.student or "."), solved=a.solutions, show=not a.no_open)
    if a.student:
        return student(paths, a.student)
    if a.all:
        return everything(a.out, show=not a.no_open)
    return learn(paths[0], a.out, stepping=a.step, show=not a.no_open)


def _path(what):
    """The lesson that the reader means: a number or name of the package's, or a file of their own."""
    from tinygen.course import lesson

    if not what.isdecimal() and (Path(what).exists() or Path(what).suffix or os.sep in what):
        return Path(what)
    path = lesson.named(what)
    own = Path(path.name)
    if own.is_file():
        print(f"(this is the package's lesson; to run your own: {called()} learn {own})", file=sys.stderr)
    return path


def _own(word):
    """The student's own file that `word` means: a place, or the number or name of a lesson that stands here."""
    from tinygen.course import lesson

    if Path(word).exists() or Path(word).suffix or os.sep in word:
        return word
    try:
        path = lesson.named(word)
    except lesson.LessonError:
        return word  # which is then said not to be there
    here = [p for p in sorted(Path(".").glob("*.py")) if p.name == path.name or _made_from(p, path)]
    if not here:
        raise lesson.LessonError(f"{path.name} is not in this folder; to write it here, without its solutions: "
                                 f"{called()} learn {int(path.name[:2])} --student .")
    return str(here[0])


def _made_from(file, path):
    from tinygen.course import lesson

    try:
        return lesson.original(lesson.read(file)) == path
    except lesson.LessonError:
        return False


def _require_extra():
    """Raise LessonError, with the command that helps, if a package of the extra `course` is missing."""
    from importlib.util import find_spec

    from tinygen.course.lesson import LessonError

    needed = {"jupytext": "jupytext", "pygments": "pygments", "markdown_it": "markdown-it-py",
              "mdit_py_plugins": "mdit-py-plugins", "ziamath": "ziamath", "latex2mathml": "latex2mathml",
              "pylatexenc": "pylatexenc"}
    missing = [package for module, package in needed.items() if find_spec(module) is None]
    if missing:
        raise LessonError(f"the lessons need {', '.join(missing)}, which a plain install leaves out; "
                          f'install with: {sys.executable} -m pip install "tinygen[course]"')


def listing():
    """Print the lessons: title, what comes before, minutes to read, seconds to run; and how far your own files are."""
    from tinygen.course import lesson
    from tinygen.course.exercises import tally
    from tinygen.teaching import home

    for path in lesson.catalogue():
        read, own = lesson.read(path), Path(path.name)
        print(read.title)
        facts = (("after {}", "Before this"), ("{} to read", "Reading"), ("{} to run", "Running"))
        said = [words.format(read.facts[key]) for words, key in facts if key in read.facts]
        print("    " + " · ".join([*said, f"{read.count} exercise{'s' if read.count > 1 else ''}"]))
        if own.is_file() and own.resolve() != path.resolve():
            verdict = home.remembered(own) or home.judge(own)
            home.remember(own, verdict)
            print(f"    your {own}: {tally(verdict['exercises'])}")
    print(f"\nRun one with `{called()} learn NUMBER`; `{called()} learn --help` says what else there is.")
    return 0


def learn(path, out, *, stepping=False, show=True):
    """Run the lesson in the file `path`, write its page into the folder `out`, and open it (`show`)."""
    from tinygen.course import lesson, pages
    from tinygen.course.step import step

    read = lesson.read(path)
    target = Path(out) / f"{read.name}{'.step' if stepping else ''}.html"  # a part does not replace the whole
    pages.writable(target.parent)  # said before the work, not after it
    ran = step(read) if stepping else run_with_bar(read)
    pages.write(target, pages.page(read, ran))
    failed = [r for r in ran if r.error]
    left = [t.report for r in ran for t in r.exercises if not t.report.ok]
    if not stepping:
        for r in failed:
            print(f"a cell of {path} stopped:\n{r.error}\n", file=sys.stderr)
        for report in left:
            print(f"exercise {report.name}: {report.verdict}", file=sys.stderr)
    _shown(target, "The page", show)
    return 1 if failed or left else 0


def notes(out, show=True):
    """Check every equation of the course notes, write the page that says so into the folder `out`, and open it."""
    from tinygen.course import lesson, pages
    from tinygen.course import notes as of_the_notes

    target = Path(out) / "notes.html"
    pages.writable(target.parent)
    there = [path for path in lesson.catalogue() if (Path(out) / f"{path.stem}.html").is_file()]
    pages.write(target, of_the_notes.page(map(lesson.read, there)))
    return _shown(target, "The page", show)


def _shown(target, what, show):
    print(f"{what} is {target.resolve()}")
    if show and not _open(target):
        print("There is no display here; open that file in any browser.")
    return 0


def run_with_bar(read):
    """Run a lesson; one tick for each code cell. Returns the list of Ran."""
    from tqdm import tqdm

    from tinygen.course import lesson

    ran = []
    cells = sum(c.kind == "code" for c in read.cells)
    with tqdm(total=cells, desc=read.name, unit="cell", file=sys.stderr, leave=False) as bar:
        for r in lesson.run(read):
            ran.append(r)
            bar.update(r.cell.kind == "code")
    return ran


def everything(out, show=True):
    """Build the whole course as pages in the folder `out`."""
    from tinygen.course import site

    wrong = {name: what for name, (what, _) in site.build(out, address=_address()).items() if what}
    for name, what in wrong.items():
        print(f"{name}:\n{what}\n", file=sys.stderr)
    _shown(Path(out) / "index.html", "The course", show)
    return 1 if wrong else 0


def _address():
    """Where the notebooks can be opened from, if there is a course.toml here that says so; else ""."""
    from tinygen.course.lesson import LessonError
    from tinygen.teaching import course

    try:
        return course.read(".").address if Path("course.toml").is_file() else ""
    except course.CourseError as error:
        raise LessonError(str(error)) from None


def student(paths, out):
    """Write the lessons without their solutions into the folder `out`; files that are there stay as they are."""
    from tinygen.course import lesson, pages

    out = Path(out)
    pages.writable(out)
    for path in paths:
        target = out / path.name
        if target.exists():
            print(f"{target} is there already: left as it is")
            continue
        pages.write(target, lesson.student(lesson.read(path).text))
        print(f"{target}")
    print(f"Fill in what is missing, then: {called()} learn check FILE")
    return 0


def notebooks(paths, out, *, solved=False, show=True):
    """Write the lessons as notebooks into the folder `out`, and open the first in Jupyter if it is installed."""
    import shutil
    import subprocess

    from tinygen.course import lesson, notebook, pages

    pages.writable(out)
    for path in paths:
        target = out / f"{path.stem}.ipynb"
        if target.exists():
            raise lesson.LessonError(f"{target} is there already; move it away, so that your work in it is not lost")
        text = lesson.read(path).text
        pages.write(target, notebook.notebook(text if solved else lesson.student(text)))
        print(f"{target}")
    jupyter = shutil.which("jupyter")
    if show and len(paths) == 1 and jupyter and _display():
        subprocess.Popen([jupyter, "lab" if shutil.which("jupyter-lab") else "notebook", str(target)])
    elif not jupyter:
        print("Jupyter is not installed here; any program that opens notebooks will do.")
    return 0


def check(places, asked=None):
    """Judge students' files: print each exercise's verdict, and what is wrong. asked: the lesson whose checks count."""
    from tqdm import tqdm

    from tinygen.course.exercises import tally
    from tinygen.teaching import home

    found, good = home.files(places), True
    for path in tqdm(found, desc="check", unit="file", file=sys.stderr, leave=False, disable=len(found) < 2):
        verdict = home.judge(path, asked=asked)
        if asked is None:
            home.remember(path, verdict)
        tqdm.write(f"{path}: {tally(verdict['exercises'])}")
        for text in [e["said"] for e in verdict["exercises"]] + [verdict["error"]] * bool(verdict["error"]):
            tqdm.write("\n".join("  " + line for line in text.split("\n")))
        good = good and bool(verdict["exercises"]) and all(e["ok"] for e in verdict["exercises"])
    print(home.SAID)
    return 0 if good else 1


def _display():
    import os

    return not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open(path):
    """Open a page in the reader's browser; False where there is no display."""
    import webbrowser

    # Without a display webbrowser would start a browser in the terminal, or wait for one.
    return _display() and webbrowser.open(path.resolve().as_uri())
