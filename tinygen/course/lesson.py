"""A lesson: one percent-format file, read into cells and run cell by cell; script, notebook and page are this file."""

import ast
import contextlib
import io
import re
import sys
import time
import traceback
import types
from dataclasses import dataclass, field
from pathlib import Path

from tinygen.course.watch import OutOfTime, time_limit

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
NAME = re.compile(r"\d\d_\w+$")  # of a lesson's file, without .py
FACTS = ("In the notes", "In the book", "Before this", "Reading", "Running")


class LessonError(Exception):
    """Something about a lesson that its reader can put right: what, where, and what to do."""


@dataclass
class Cell:
    """One cell: `kind` is 'markdown' or 'code'; `line` is where its source starts in the file, counted from 1."""

    kind: str
    source: str
    line: int
    tags: tuple = ()


@dataclass
class Lesson:
    """A file as it was read: title, the facts of its header (a dict), and its cells."""

    path: Path
    text: str
    title: str
    facts: dict
    cells: list

    @property
    def name(self):
        """The name of its file without the suffix, such as "04_kl"."""
        return self.path.stem

    @property
    def number(self):
        """The number that the file's name begins with, or None."""
        digits = re.match(r"\d+", self.name)
        return int(digits[0]) if digits else None

    @property
    def count(self):
        """How many exercises the lesson has."""
        return len({function for _, _, function in solutions(self.text)})


@dataclass
class Ran:
    """What one cell did: printed text, `shown` HTML, figures as SVG, exercises' tests, the error's text, seconds."""

    cell: Cell
    printed: str = ""
    shown: str = ""
    figures: list = field(default_factory=list)
    exercises: list = field(default_factory=list)
    error: str = ""
    seconds: float = 0.0


def folder():
    """The folder that holds the lessons: installed as tinygen.lessons, or lessons/ beside the package in a checkout."""
    try:
        import tinygen.lessons as installed

        return Path(installed.__file__).parent
    except ImportError:
        beside = Path(__file__).parents[2] / "lessons"
        if beside.is_dir():
            return beside
        raise LessonError("no lessons found: neither the package tinygen.lessons nor a folder lessons/ beside tinygen; "
                          "install tinygen again") from None


def catalogue(where=None):
    """The paths of all lessons in the folder `where` (default: the package's own), in order of their numbers."""
    return sorted(p for p in Path(where or folder()).glob("*.py") if NAME.match(p.stem))


def find(number, where=None):
    """The path of lesson `number`. Raises LessonError, naming those that there are."""
    paths = {int(p.name[:2]): p for p in catalogue(where)}
    if number not in paths:
        there = ", ".join(map(str, paths)) or "none"
        raise LessonError(f"there is no lesson {number}; there are: {there} (`tinygen learn` lists them)")
    return paths[number]


def named(word, where=None):
    """The path of the lesson that a reader means by its number or by its name, or a part of it: "8", "08_vae", "vae".

    Raises LessonError if none or several match.
    """
    if word.isdecimal():
        return find(int(word), where)
    paths = catalogue(where)
    exact = [p for p in paths if word in (p.stem, p.stem[3:])]
    found = exact or [p for p in paths if word.lower() in p.stem]
    if len(found) == 1:
        return found[0]
    what = f"may be {', '.join(p.stem for p in found)}" if found else "is no lesson"
    raise LessonError(f"{word} {what}; `tinygen learn` lists the lessons")


def original(read, where=None):
    """The path of the package's lesson that the file `read` was made from, whatever it is called now: by its exercises.

    Raises LessonError if there is none.
    """
    exercises = lambda text: set(re.findall(r"^\w+ = exercise\((\w+),", text, re.MULTILINE))
    mine, best, most = exercises(read.text), None, 0.0
    for path in catalogue(where):
        theirs = exercises(path.read_text(encoding="utf-8"))
        shared = len(mine & theirs) / max(len(mine | theirs), 1) + 0.01 * (path.stem == read.name)
        if shared > most:
            best, most = path, shared
    if most >= 0.5 or (best and best.stem == read.name):
        return best
    raise LessonError(f"{read.path} is none of the package's lessons: neither its name nor its exercises are theirs. "
                      "Judge it by the checks of a lesson of your own: --lesson FILE")


def read(path):
    """Read the percent-format file `path`. Raises LessonError if there is no such file or it has no cells."""
    import jupytext  # here: half a second, and only pages and checks need it

    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise LessonError(f"cannot read the lesson {path}: {why}; `tinygen learn` lists those that there are") from None
    if path.suffix == ".ipynb":
        raise LessonError(f"{path} is a notebook; the lesson is its .py file: jupytext --to py:percent {path}")
    if not re.search(r"^# %%", text, re.MULTILINE):
        raise LessonError(f"{path} is not a lesson: it has no line that begins with '# %%', which opens a cell")
    solutions(text, str(path))
    notebook = jupytext.reads(text, fmt="py:percent")
    marks = [m.end() for m in re.finditer(r"^# %%.*$", text, re.MULTILINE)]
    marks = [0] * (len(notebook.cells) - len(marks)) + marks  # what stands before the first mark is a cell too
    cells = []
    for cell, mark in zip(notebook.cells, marks):
        source = cell.source.lstrip("\n")
        line = text.count("\n", 0, text.index(source.split("\n", 1)[0], mark + 1 if mark else 0)) + 1
        cells.append(Cell("code" if cell.cell_type == "code" else "markdown", source, line,
                          tuple(cell.metadata.get("tags", ()))))
    prose = "\n".join(c.source for c in cells if c.kind == "markdown")
    title = re.search(r"^# (.+)$", prose, re.MULTILINE)
    facts = {k: v for k, v in re.findall(r"^\| *([^|]+?) *\| *([^|]+?) *\|$", prose, re.MULTILINE) if k in FACTS}
    return Lesson(path, text, title[1] if title else path.stem, facts, cells)


def broken(read):
    """Why the file cannot run at all, with the line: a syntax error; "" if it is Python."""
    try:
        ast.parse(read.text)
    except SyntaxError as error:
        line = f"\n    {error.text.strip()}" if error.text else ""
        return f"line {error.lineno}: SyntaxError: {error.msg}, so nothing of the file can run{line}"
    return ""


# ---- solutions -------------------------------------------------------------------------------------------------------


def solutions(text, where="the lesson"):
    """The regions between the solution marks: a list of (first line, last line, name of the function), counted from 0.

    Raises LessonError if a mark has no partner, or if a region lies in no function.
    """
    found, begun = [], None
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if line.strip() == BEGIN:
            if begun is not None:
                raise LessonError(f"{where}, line {i + 1}: {BEGIN} inside a solution that began in line {begun + 1}")
            begun = i
        elif line.strip() == END:
            if begun is None:
                raise LessonError(f"{where}, line {i + 1}: {END} without {BEGIN} before it")
            indent = len(line) - len(line.lstrip())
            above = (re.match(rf"( {{0,{max(indent - 1, 0)}}})def (\w+)", lines[j]) for j in range(begun, -1, -1))
            function = next((m[2] for m in above if m), None)
            if function is None or not indent:
                raise LessonError(f"{where}, line {begun + 1}: a solution has to be the body of a function")
            found.append((begun, i, function))
            begun = None
    if begun is not None:
        raise LessonError(f"{where}, line {begun + 1}: {BEGIN} without {END} after it")
    return found


def student(text):
    """The student build of a lesson's text: each solution replaced by a line that says that it is not written yet."""
    lines = text.split("\n")
    for first, last, function in reversed(solutions(text)):
        indent = lines[last][: len(lines[last]) - len(lines[last].lstrip())]
        lines[first:last + 1] = [f"{indent}# Your lines go here, in place of the next one.",
                                 f'{indent}raise NotImplementedError("{function} is not written yet")']
    return "\n".join(lines)


# ---- running ---------------------------------------------------------------------------------------------------------


def run(lesson, wanted=lambda cell: True, names=None, seconds=None):
    """Run the lesson's cells in one fresh module, in order; yield one `Ran` a cell.

    A cell that raises is reported and the next one runs. What cells print is captured; progress bars, on stderr, are
    seen. Figures that a cell leaves open are drawn to SVG. wanted: called before each code cell; if it says no, the
    cell is left out. names: a dict that is filled with what the lesson defines. seconds: that a cell may take.
    """
    import matplotlib.pyplot as plt

    from tinygen.course.drawing import pictures

    module = types.ModuleType("lesson_" + lesson.name)
    module.__file__ = str(lesson.path)
    before, backend = sys.modules.get(module.__name__), plt.get_backend()
    plt.switch_backend("agg")
    plt.close("all")
    sys.modules[module.__name__] = module  # dataclasses and pickle look a class's module up
    try:
        with plt.rc_context(pictures.style()):
            for number, cell in enumerate(lesson.cells):
                ran = Ran(cell)
                if cell.kind == "code" and wanted(cell):
                    started = time.perf_counter()
                    known = {id(v) for v in vars(module).values()}
                    _run_cell(lesson, ran, vars(module), seconds)
                    ran.exercises = [t for t in tests(vars(module)).values() if id(t) not in known]
                    ran.figures = [pictures.svg(plt.figure(n), f"f{number}-{n}") for n in plt.get_fignums()]
                    plt.close("all")
                    ran.seconds = time.perf_counter() - started
                if names is not None:
                    names.update(vars(module))
                yield ran
    finally:
        plt.close("all")
        plt.switch_backend(backend)
        sys.modules.pop(module.__name__, None)
        if before is not None:
            sys.modules[module.__name__] = before


def for_exercises(cell):
    """Is this cell one that exercises may need? Those tagged `look` (training, pictures) are not."""
    return "look" not in cell.tags


def tests(names):
    """The tests that `exercise` made among the `names` of a lesson: {name of the exercise: test}."""
    return {v.report.name: v for k, v in names.items() if k.startswith("test_") and hasattr(v, "report")}


def _run_cell(lesson, ran, names, seconds):
    """Run one code cell in the namespace `names`; a last line that is an expression is shown, as in a notebook."""
    out = io.StringIO()
    limit = time_limit(seconds, str(lesson.path)) if seconds else contextlib.nullcontext()
    with contextlib.redirect_stdout(out):
        try:
            # The empty lines make a traceback name the line of the file.
            tree = ast.parse("\n" * (ran.cell.line - 1) + ran.cell.source, str(lesson.path))
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            with limit:
                exec(compile(tree, str(lesson.path), "exec"), names)
                if last is not None:
                    value = eval(compile(ast.Expression(last.value), str(lesson.path), "eval"), names)
                    if hasattr(value, "_repr_html_"):
                        ran.shown = value._repr_html_() or ""  # None: it has no HTML
        except OutOfTime as error:
            ran.error = str(error)
        except (Exception, SystemExit) as error:
            ran.error = explain(error, lesson.path)
    ran.printed = out.getvalue()


def explain(error, path):
    """An error of the reader's own code as text: their lines of `path` only, then what was raised."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return "".join(traceback.format_exception_only(error)).rstrip()
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    where = "".join(f"line {f.lineno}, in {f.name}\n    {f.line}\n" for f in frames)
    return where + "".join(traceback.format_exception_only(error)).rstrip()
