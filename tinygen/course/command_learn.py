"""Learn: list the lessons, or run one and open its page."""

import sys
from pathlib import Path


def add_arguments(parser):
    """The options of `tinygen learn`."""
    parser.add_argument("number", nargs="?", type=int, help="the lesson to run; without it, the lessons are listed")
    parser.add_argument("--out", metavar="DIR", default="tinygen-pages", help="folder for pages (default: %(default)s)")
    parser.add_argument("--no-open", action="store_true", help="write the page and name it, but open no browser")


def run(arguments):
    """Run the subcommand; return its exit status (1: a lesson failed, 2: it could not be run)."""
    from tinygen.course.lesson import LessonError

    try:
        _require_extra()
        if arguments.number is None:
            return listing()
        return learn(arguments.number, arguments.out, show=not arguments.no_open)
    except LessonError as error:
        print(f"tinygen learn: {error}", file=sys.stderr)
        return 2


def _require_extra():
    """Raise LessonError, with the command that helps, if a package of the extra `course` is missing."""
    from importlib.util import find_spec

    from tinygen.course.lesson import LessonError

    needed = {"jupytext": "jupytext", "pygments": "pygments", "markdown_it": "markdown-it-py",
              "mdit_py_plugins": "mdit-py-plugins", "ziamath": "ziamath"}
    missing = [package for module, package in needed.items() if find_spec(module) is None]
    if missing:
        raise LessonError(f"the lessons need {', '.join(missing)}, which a plain install leaves out; "
                          f'install with: {sys.executable} -m pip install "tinygen[course]"')


def listing():
    """Print the lessons: number, title, what comes before, minutes to read, seconds to run."""
    from tinygen.course import lesson

    for path in lesson.catalogue():
        read = lesson.read(path)
        print(f"{read.number:3}  {read.title}")
        facts = (("after", "Before this"), ("read", "Reading"), ("run", "Running"))
        print("     " + "; ".join(f"{word} {read.facts[key]}" for word, key in facts if key in read.facts))
    print("\nRun one with `tinygen learn NUMBER`.")
    return 0


def learn(number, out, show=True):
    """Run lesson `number` with a progress bar, write its page into the folder `out`, and open it (`show`)."""
    from tinygen.course import lesson, pages

    what = lesson.read(lesson.find(number))
    target = Path(out) / f"{what.name}.html"
    pages.writable(target.parent)  # said before the work, not after it
    ran = run_with_bar(what)
    pages.write(target, pages.page(what, ran))
    failed = [r for r in ran if r.error]
    for r in failed:
        print(f"a cell of {what.path} stopped:\n{r.error}\n", file=sys.stderr)
    left = [t.report for r in ran for t in r.exercises if not t.report.ok]
    for report in left:
        print(f"exercise {report.name}: {report.verdict}", file=sys.stderr)
    print(f"The page of lesson {number}: {target.resolve()}")
    if show and not _open(target):
        print("There is no display here; open that file in any browser.")
    return 1 if failed or left else 0


def run_with_bar(what):
    """Run a lesson; one tick for each code cell. Returns the list of Ran."""
    from tqdm import tqdm

    from tinygen.course import lesson

    ran = []
    cells = sum(c.kind == "code" for c in what.cells)
    with tqdm(total=cells, desc=what.name, unit="cell", file=sys.stderr, leave=False) as bar:
        for r in lesson.run(what):
            ran.append(r)
            bar.update(r.cell.kind == "code")
    return ran


def _open(path):
    """Open a page in the reader's browser; False where there is no display."""
    import os
    import webbrowser

    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False  # webbrowser would start a browser in the terminal, or wait for one
    return webbrowser.open(path.resolve().as_uri())
