"""A copy of the package without the answers, for the process that runs a student's file."""

import functools
import shutil
import tempfile
from pathlib import Path

import tinygen

LEFT_OUT = ("course/answers", "claims", "commands", "lessons")  # answers, and what is made of them
ABSENT = "the references are not here"
INERT = f'''"""The references of the exercises are with the judge: here stands only what a lesson's cells mention."""


class Absent:
    """Stands for a reference, which is not here: its attributes are absent too."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent()

    def __call__(self, *args, **options):
        raise NotImplementedError("{ABSENT}")


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return Absent()
'''


@functools.cache
def package():
    """The folder that holds the copy; made once in a process, and removed with it.

    Matplotlib's list of fonts lies beside it, which takes seconds to make anew.
    """
    import matplotlib
    import matplotlib.font_manager

    keep = tempfile.TemporaryDirectory(prefix="tinygen-without-answers-")
    _kept.append(keep)
    root = Path(keep.name)
    home = Path(tinygen.__file__).parent

    def ignored(folder, names):
        inside = Path(folder).relative_to(home).as_posix()
        return {n for n in names if n == "__pycache__" or (n if inside == "." else f"{inside}/{n}") in LEFT_OUT}

    shutil.copytree(home, root / "tinygen", ignore=ignored)
    answers = root / "tinygen" / "course" / "answers"
    answers.mkdir()
    for path in (home / "course" / "answers").glob("*.py"):
        (answers / path.name).write_text(INERT, encoding="utf-8")
    (root / "fonts").mkdir()
    for path in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
        shutil.copy(path, root / "fonts")
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    import compileall

    compileall.compile_dir(root, quiet=2)
    return root


_kept = []
