"""A student's own file at home: judged by what the lecturer judges by, in a process of its own that keeps nothing out.

The references are in the installed package, and nothing is isolated: it is practice, for files that one trusts.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from tinygen.course import lesson, pages, site
from tinygen.course.watch import SECONDS
from tinygen.teaching.judge import Limits, Sitting, solved
from tinygen.teaching.process.thinned import thinned

MEMORY = 4 << 30  # bytes that a file may take
SAID = "Judged in a process of its own, without isolation and with the references at hand: practice, not a mark."


def files(places):
    """The lessons among files and folders, in order. Raises LessonError for a place that is not there or holds none."""
    found = []
    for place in map(Path, places):
        if place.is_dir():
            inside = sorted(p for p in place.rglob("*.py") if lesson.NAME.match(p.stem) and not p.name.startswith("."))
            if not inside:
                raise lesson.LessonError(f"the folder {place} holds no lesson (files such as 08_vae.py)")
            found += inside
        elif place.is_file():
            found.append(place)
        else:
            raise lesson.LessonError(f"there is no file or folder {place}")
    return found


def judge(path, seconds=SECONDS, asked=None):
    """The verdict on one student's file: {"error": text or "", "exercises": [{"name", "ok", "said"}, ...]}.

    The file runs in a process of its own and may do what it likes there: raise, exit, print, loop for ever. seconds:
    for each exercise and each cell. asked: the path of the lesson whose checks count, if it is none of the package's.
    """
    try:
        read = lesson.read(path)
        original = Path(asked) if asked else lesson.original(read)
        right = solved(original)
    except lesson.LessonError as error:
        return {"error": str(error), "exercises": []}
    if why := lesson.broken(read):
        return {"error": why, "exercises": []}
    limits = Limits(cell=seconds, exercise=seconds, cpu=None, memory=MEMORY, processes=None, file_size=None)
    sitting = Sitting(thinned(read), right, limits, isolate=False, home=Path(path).absolute().parent)
    sitting.run()
    errors = [sitting.errors[number] for number in sorted(sitting.errors)]
    more = len(errors) - 1
    rest = f"\n({more} later cell{'s' if more > 1 else ''} stopped too, perhaps for this reason.)" if more > 0 else ""
    found = [{key: sitting.verdicts[name][key] for key in ("name", "ok", "said")} for name in right.checks]
    return {"error": errors[0] + rest if errors else "", "exercises": found}


# ---- verdicts of files that have not changed ----


def _memory(path):
    """Where the verdict on a file of this content is kept, if this very package gave it."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinygen" / "verdicts"
    stamp = hashlib.sha256(site.package_stamp().encode() + Path(path).name.encode() + Path(path).read_bytes())
    return home / f"{stamp.hexdigest()[:32]}.json"


def remembered(path):
    """The verdict that `judge` gave on a file of this name and content; None if there is none."""
    try:
        verdict = json.loads(_memory(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return verdict if isinstance(verdict, dict) and {"error", "exercises"} <= verdict.keys() else None


def remember(path, verdict):
    """Keep a verdict, where the reader's system keeps such things; where it cannot be kept, it is found again."""
    with contextlib.suppress(OSError, lesson.LessonError):
        place = _memory(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        pages.write(place, json.dumps(verdict))
