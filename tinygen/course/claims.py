"""Every exercise of the course is a claim: the course's own answer passes its check, and the mistakes that its file of
answers knows are rejected, by name. No lesson is run for it, only the exercise itself (see excerpt.py).
"""

import functools

import numpy as np

from tinygen.check.registry import claim
from tinygen.check.report import FAIL, PASS, Entry, Report
from tinygen.course import excerpt, lesson
from tinygen.course.answers.base import Answer
from tinygen.course.exercises import judged, said


def check(one, rng):
    """The Report on one Excerpt: an entry for the answer, and one for each known mistake; rng draws the points."""
    names = one.run(rng)
    own = judged(names[one.name], names[one.check])
    report = Report(one.name, [Entry("the answer", PASS if own.ok else FAIL, note="" if own.ok else said(own))])
    for sentence, wrong in mistakes(one, names).items():
        with np.errstate(all="ignore"):
            found = judged(excerpt.written(names, one.name, wrong), names[one.check])
        note = ""
        if found.ok:
            note = f"a mistake is accepted: {sentence}"
        elif sentence and sentence not in said(found):
            note = f"a mistake is not named: {sentence}\n{said(found)}"
        report.entries.append(Entry(f"mistake {len(report.entries)}", FAIL if note else PASS, note=note))
    report.notes.append(f"{len(report.entries) - 1} mistakes are rejected")
    return report


def mistakes(one, names):
    """{sentence: function} that the exercise is known to meet; without a list, the answer with the other sign."""
    answer = getattr(names.get("answers"), one.answer, None) if one.answer else None
    if isinstance(answer, Answer) and answer.known:
        return answer.known
    return {"": lambda *args: _negative(names[one.name](*args))}


def _negative(value):
    if isinstance(value, tuple | list):
        return type(value)(map(_negative, value))
    if isinstance(value, dict):
        return {key: _negative(part) for key, part in value.items()}
    return -value if isinstance(value, np.ndarray | float) else value * 0  # a number that remembers how it was made


try:
    for _one in excerpt.catalogue():
        _number = int(_one.path.stem[:2])
        claim(f"exercise/{_one.path.stem[3:]}/{_one.name}", kind="exercise", source=f"lesson {_number}")(
            functools.partial(check, _one))
except lesson.LessonError:  # installed without its lessons
    pass
