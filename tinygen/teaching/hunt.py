"""A bug hunt for each student: who hunts what, the file that is handed out, and the mark for what came back.

What comes back is read, never run. The key, hunts.json in the course's folder, is for the lecturer alone.
"""

import hashlib
import json
import random
import re
import secrets
from dataclasses import dataclass

from tinygen.course.pages import write
from tinygen.teaching.course import CourseError
from tinygen.teaching.planting import KINDS, groups, planted

TOKEN = re.compile(r"^# hunt ([0-9a-f]{16})$", re.MULTILINE)
FILE = '''\
# A bug hunt for {student}
# hunt {token}
#
# Below stand a function and the derivatives that were derived for it by hand. What the docstrings say is right. In one
# line of the code there may be one mistake; in some hunts there is none. Which line (the number at its end), and what
# kind? The line is half of the mark, the kind the other half. A pencil helps, and so does check_grad.
#
{kinds}

line = 0  # the number at the end of the line; 0: nothing is wrong
kind = ""
why = ""  # in your own words: what stands there, and what should


{code}'''


@dataclass(frozen=True)
class Hunted:
    """What a student has said: its mark between 0 and 1 before lateness, what was said, and what was there."""

    submission: object
    mark: float
    said: str
    why: str
    factor: float = 1.0

    @property
    def counted(self):
        """The mark, lateness counted."""
        return self.factor * self.mark


def deal(course):
    """The key of the course's hunts, {student: entry}, written to hunts.json; hunts that were dealt before stay.

    An entry has `token`, `group`, `text`, `answers` (pairs of line and kind; several if they give the same numbers)
    and `why`. No two students get the same listing while there are others, and no two neighbours the same function.
    """
    path = course.folder / "hunts.json"
    key = _key(path) or {"secret": secrets.token_hex(16), "hunts": {}}
    hunts, secret = key["hunts"], key["secret"]
    order = list(groups())
    random.Random(secret).shuffle(order)
    for student in course.students:
        if student not in hunts:
            rng = random.Random(f"{secret} {student}")
            last = next(reversed(hunts.values()))["group"] if hunts else ""
            taken = {entry["text"] for entry in hunts.values()}
            start = len(hunts) % len(order)
            turn = [group for group in order[start:] + order[:start] if group.name != last]
            token = hashlib.sha256(f"{secret} {student}".encode()).hexdigest()[:16]
            hunts[student] = {"token": token, **_chosen(turn, taken, rng, course.hunt.none)}
    write(path, json.dumps(key, indent=1))
    return {student: hunts[student] for student in course.students}


def _key(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise CourseError(f"{path} cannot be read ({error}); without it no hunt can be marked") from None


def _chosen(turn, taken, rng, none):
    """The next hunt: of the first group that has one left, or of any if none has."""
    if rng.random() < none:
        group = turn[0]
        return {"group": group.name, "text": listing(group, group.text), "answers": [[0, "none"]], "why": KINDS["none"]}
    for group in [*turn, None]:
        source = group or rng.choice(turn)
        options = [(alike, one) for alike in planted(source) for one in alike]
        rng.shuffle(options)
        for alike, one in options:
            text = listing(source, one.text)
            if text not in taken or group is None:
                answers = sorted({(other.line, other.kind) for other in alike})
                return {"group": source.name, "text": text, "answers": answers, "why": one.why}
    raise CourseError("there is nothing to hunt")


def listing(group, text):
    """A listing as it is handed out: what it imports, and the number at the end of each line that can be wrong."""
    import ast

    code = set()
    for function in ast.parse(text).body:
        first = function.body[1:] if ast.get_docstring(function) else function.body
        code |= {n for part in first for n in range(part.lineno, part.end_lineno + 1)}
    lines = [f"{line}  # {n}" if n in code and line.strip() else line for n, line in enumerate(text.split("\n"), 1)]
    return f"{group.imports}\n\n" + "\n".join(lines).replace("\n\ndef", "\n\n\ndef") + "\n"


def file(student, entry):
    """The text of a student's hunt."""
    kinds = "\n".join(f'# "{kind}": {what}' for kind, what in KINDS.items())
    return FILE.format(student=" ".join(student.split()), token=entry["token"], kinds=kinds, code=entry["text"])


def mark(course, submissions):
    """{student: Hunted} for the hunts that came back. Raises CourseError if there is no key."""
    key = _key(course.folder / "hunts.json") if submissions else {"hunts": {}}
    if key is None:
        raise CourseError(f"hunts came back, but there is no {course.folder / 'hunts.json'}, the key that was written "
                          "when they were handed out")  # fmt: skip
    owners = {entry["token"]: (student, entry) for student, entry in key["hunts"].items()}
    found = {}
    for one in submissions:
        text = one.path.read_text(encoding="utf-8", errors="replace")
        owner, entry = owners.get(TOKEN.search(text)[1], ("", None))
        if entry is None:
            found[one.student] = Hunted(one, 0.0, "", "This hunt was not dealt in this course.")
            continue
        line, kind = answer(text)
        right = (line, kind) in {tuple(pair) for pair in entry["answers"]}
        half = line in {pair[0] for pair in entry["answers"]} and kind != "none"
        why = entry["why"] + (f" (The file is the one that was handed to {owner}.)" if owner != one.student else "")
        factor = course.factor(course.hunt, one.time) if course.hunt else 1.0
        said = f"line {line}: {KINDS.get(kind, kind or 'no kind')}"
        found[one.student] = Hunted(one, 1.0 if right else 0.5 if half and line else 0.0, said, why, factor)
    return found


def answer(text):
    """The line and the kind that a student has written down, read without running anything.

    >>> answer('line = 12  # here\\nkind = "Sign"'), answer("line = twelve")
    ((12, 'sign'), (0, ''))
    """
    line = re.search(r"^line *= *(\d{1,4})\b", text, re.MULTILINE)
    kind = re.search(r"""^kind *= *["'](\w*)["']""", text, re.MULTILINE)
    return int(line[1]) if line else 0, kind[1].lower() if kind else ""
