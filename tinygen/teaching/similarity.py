"""Files of a lesson that are much alike: a list to look at, never a verdict. By copydetect (extra `similarity`)."""

import io
import itertools
import re

from tinygen.course import lesson

GRAM, WINDOW = 15, 8  # copydetect's: tokens that count as the same passage, and how densely passages are taken
SHARE = 0.8  # of the shorter one's own lines that has to be in the other, to be listed
LEAST = 200  # characters of own lines that are compared: short answers are alike by themselves


def alike(graded):
    """Pairs of students whose own lines are alike: (share, lesson's number, one, other), the most alike first.

    Lines that the lesson itself has, its solutions too, are left aside. Raises ImportError if copydetect is missing.
    """
    from copydetect import CodeFingerprint, compare_files

    found = []
    for assigned in graded.course.lessons:
        given = {_bare(line) for text in _texts(assigned.path) for line in text.split("\n")}
        prints = {}
        for (student, number), marked in sorted(graded.marked.items()):
            if number == assigned.number:
                text = marked.submission.path.read_text(encoding="utf-8", errors="replace")
                own = "\n".join(line for line in text.split("\n") if _bare(line) and _bare(line) not in given)
                if len(own) >= LEAST:
                    prints[student] = CodeFingerprint("own.py", GRAM, WINDOW, fp=io.StringIO(own))
        for (one, first), (other, second) in itertools.combinations(prints.items(), 2):
            share = max(compare_files(first, second)[1])
            found += [(float(share), assigned.number, one, other)] if share >= SHARE else []
    return sorted(found, reverse=True)


def _texts(path):
    text = path.read_text(encoding="utf-8")
    return text, lesson.student(text)


def _bare(line):
    """A line without its comment and spaces."""
    return re.sub(r"\s|#.*", "", line)
