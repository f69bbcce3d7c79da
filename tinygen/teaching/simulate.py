"""A simulated class: files that students might hand in, of which it is known what is wrong in them.

Wrong answers are the known mistakes of the course's own answers, as code; right ones are the lesson's solutions, some
of them written in another form.
"""

import ast
import functools
import json
import random
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tinygen.course import excerpt, lesson
from tinygen.files import replacing
from tinygen.teaching.course import CourseError

TRUTH = ".truth.json"  # beside the students' folders
SHARES = {"right": 0.35, "rewritten": 0.25, "known": 0.25, "negative": 0.05, "nothing": 0.05, "unwritten": 0.05}
NAMED = ("known",)  # kinds of answers whose mistake has a sentence


@dataclass(frozen=True)
class Answered:
    """An answer as code: the body of the function, and the sentence of its mistake."""

    kind: str
    body: str
    sentence: str = ""


def simulate(course, out, students, seed=0):
    """Write a class of so many students into the folder `out`, with the truth about it in a file .truth.json.

    Raises CourseError if `out` is there and not empty.
    """
    out = Path(out)
    if out.exists() and any(out.iterdir()):
        raise CourseError(f"{out} is not empty; name a folder that is not there yet")
    truth = {}
    for n in range(students):
        name, rng = f"student{n + 1:04d}", random.Random(f"{seed} {n}")
        truth[name] = {}
        for one in course.lessons:
            text, facts = answered(one.path, rng)
            path = out / name / one.path.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            truth[name][str(one.number)] = facts
    with replacing(out / TRUTH) as file:
        file.write(json.dumps(truth, indent=1).encode())
    return out


def answered(path, rng):
    """A lesson as one student answers it: (text, {exercise: [kind, sentence of its mistake]})."""
    text, facts = path.read_text(encoding="utf-8"), {}
    lines = text.split("\n")
    for first, last, name in reversed(lesson.solutions(text)):
        choices = answers(path)[name]
        kinds = [kind for kind in SHARES if kind in choices]
        kind = rng.choices(kinds, [SHARES[k] for k in kinds])[0]
        answer = rng.choice(choices[kind])
        facts[name] = [kind, answer.sentence]
        lines[first : last + 1] = textwrap.indent(answer.body, "    ").split("\n")
    return "\n".join(lines), facts


@functools.cache
def answers(path):
    """{exercise: {kind: [Answered]}} for a lesson; an exercise with several places to fill in is right or unwritten."""
    text = path.read_text(encoding="utf-8")
    lines, found = text.split("\n"), {}
    counts = [name for _, _, name in lesson.solutions(text)]
    tree = ast.parse(text)
    for first, last, name in lesson.solutions(text):
        body = textwrap.dedent("\n".join(lines[first + 1 : last]))
        unwritten = Answered("unwritten", f'raise NotImplementedError("{name} is not written yet")')
        found[name] = {"right": [Answered("right", body)], "unwritten": [unwritten]}
        function = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
        whole = len(function.body) - bool(ast.get_docstring(function)) == _statements(body)
        if counts.count(name) > 1 or not whole:
            continue
        parameters = ast.unparse(function.args)
        called = ", ".join(a.arg for a in function.args.args)
        inner = f"def inner({parameters}):\n{textwrap.indent(body, '    ')}\n\n"
        found[name] |= {
            "rewritten": [Answered("rewritten", f"{inner}answer = inner({called})\nreturn answer")],
            "nothing": [Answered("nothing", f"{inner}inner({called})")],
        }
        if known := _known(path, name, parameters, called):
            found[name]["known"] = known
        if _single(function):
            found[name]["negative"] = [Answered("negative", f"{inner}return -inner({called})")]
    return found


def _statements(body):
    return len(ast.parse(f"def f():\n{textwrap.indent(body, '    ')}").body[0].body)


def _single(function):
    """Does it return one value, which can be negated?"""
    values = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    return bool(values) and not any(isinstance(v, ast.Tuple | ast.Dict | ast.List) or v is None for v in values)


def _known(path, name, parameters, called):
    """The known mistakes of an exercise as code: those that need nothing but NumPy and what stands in their file."""
    one = excerpt.excerpts(path)[name]
    module = Path(excerpt.__file__).parent / "answers" / f"{path.stem[3:]}.py"
    if not one.answer or not module.exists():
        return []
    nodes = ast.parse(module.read_text(encoding="utf-8")).body
    assigned = [n for n in nodes if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == one.answer]
    call = assigned[-1].value if assigned else None
    if not (isinstance(call, ast.Call) and len(call.args) > 1 and isinstance(call.args[1], ast.Dict)):
        return []
    found = []
    for key, function in zip(call.args[1].keys, call.args[1].values):
        helpers = excerpt.needed(nodes, excerpt.names_read(compile(ast.unparse(function), "", "eval")))
        imports = [ast.unparse(node) for node in helpers if isinstance(node, ast.Import | ast.ImportFrom)]
        if any("tinygen.course" in line for line in imports):
            continue  # answers of other lessons are not where students are
        if isinstance(key, ast.Constant):
            body = "\n".join([*map(ast.unparse, helpers), f"return ({ast.unparse(function)})({called})"])
            found.append(Answered("known", body, key.value))
    return found


def agreement(graded, submissions):
    """How the marks agree with the truth beside `submissions`: counts, and what is wrong; None if it is no such class.

    marks: of all answers. right, accused: right answers, and those of them that did not pass. named: answers with a
    known mistake for which a mistake was named; planted: those for which it was that one.
    """
    try:
        truth = json.loads((Path(submissions) / TRUTH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    counts = dict(answers=0, marks=0, right=0, accused=0, named=0, planted=0)
    wrong = []
    for student, lessons in truth.items():
        for number, facts in lessons.items():
            marked = graded.marked.get((student, int(number)))
            found = {each["name"]: each for each in marked.verdict.exercises} if marked else {}
            for name, (kind, sentence) in facts.items():
                verdict = found.get(name, {"ok": None, "said": "it was not judged", "mistake": ""})
                right = kind in ("right", "rewritten")
                counts["answers"] += 1
                counts["marks"] += verdict["ok"] == right
                counts["right"] += right
                counts["accused"] += right and not verdict["ok"]
                if kind in NAMED and not verdict["ok"] and verdict["mistake"]:
                    counts["named"] += 1
                    counts["planted"] += sentence in verdict["said"]
                if verdict["ok"] != right:
                    wrong.append(f"{student}, {number}, {name}: {kind} {sentence}\n{verdict['said']}")
    return counts, wrong
