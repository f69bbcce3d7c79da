"""Marks and graders in the forms that learning systems take."""

import contextlib
import csv
import io
import json
import zipfile
from pathlib import Path

from tinygen.course import lesson
from tinygen.course.pages import write
from tinygen.files import replacing
from tinygen.teaching.assign import files as handed_out
from tinygen.teaching.course import CourseError
from tinygen.teaching.grade import plain
from tinygen.teaching.judge import Limits, judge

SETUP = """\
#!/usr/bin/env bash
set -e
apt-get update
apt-get install -y python3 python3-venv bubblewrap
python3 -m venv /autograder/env
/autograder/env/bin/pip install '{install}'
"""
RUN = """\
#!/usr/bin/env bash
cd /autograder
/autograder/env/bin/python -m tinygen.teaching.exports source/course submission results/results.json
"""
WORKFLOW = """\
# Written by `tinygen teach classroom`: each exercise is a test of its own, with its own point.
name: Autograding Tests
on: [push, repository_dispatch]
permissions:
  checks: write
  actions: read
  contents: read
jobs:
  run-autograding-tests:
    runs-on: ubuntu-latest
    if: github.actor != 'github-classroom[bot]'
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install '{install}'
{steps}
      - name: Autograding Reporter
        uses: classroom-resources/autograding-grading-reporter@v1
        env:
{results}
        with:
          runners: {runners}
"""
STEP = """\
      - name: "{test}"
        id: {id}
        uses: classroom-resources/autograding-command-grader@v1
        with:
          test-name: "{test}"
          command: python -m tinygen.teaching.exports {file} {exercise}
          timeout: 10
          max-score: {score}"""


def moodle(marks):
    """Write moodle.csv beside marks.json in the folder `marks`: a row a student with the percentage; returns its path.

    Moodle's grade import maps the first column to the user and the others to grade items.
    """
    path = Path(marks) / "marks.json"
    try:
        students = json.loads(path.read_text(encoding="utf-8"))["students"]
    except FileNotFoundError:
        raise CourseError(f"there is no {path}: grade first") from None
    lessons = sorted({number for found in students.values() for number in found["lessons"]}, key=int)
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["Identifier", "Total", *(f"Lesson {number}" for number in lessons)])
    for student, found in students.items():
        each = [found["lessons"].get(number) for number in lessons]
        row = [f"{100 * one['mark']:.2f}" if one else "" for one in each]
        writer.writerow([plain(student), f"{100 * found['total']:.2f}", *row])
    target = path.with_name("moodle.csv")
    write(target, file.getvalue())
    return target


def gradescope(course, out):
    """Write the archive for Gradescope's autograder: setup.sh, run_autograder, and the course; returns its path."""
    files = {"setup.sh": SETUP.format(install=course.install), "run_autograder": RUN}
    for path in (course.folder / "course.toml", *course.class_list):
        files[f"course/{path.name}"] = path.read_text(encoding="utf-8")
    with replacing(out) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            member.external_attr = 0o755 << 16
            archive.writestr(member, content)
    return out


def results(course, folder, work):
    """What Gradescope's results.json holds for the one submission in `folder`: a test for each exercise."""
    from tinygen.teaching.collect import collect

    found = collect(folder, [one.path for one in course.lessons], work)
    weights = {one.path: one.weight for one in course.lessons}
    limits = Limits(cell=course.seconds, exercise=course.seconds, memory=course.memory)
    tests, notes = [], [f"Not judged: {name}: {why}" for name, why in found.unknown]
    for one in found.submissions:
        with contextlib.redirect_stdout(io.StringIO()):
            verdict = judge(one.path, one.original, limits=limits, hidden=course.hidden)
        notes += verdict.errors
        if not verdict.isolated:
            notes.append(f"{one.named} was judged without isolation.")
        share = 100 * weights[one.original] / max(1, len(verdict.exercises)) / sum(weights.values())
        tests += [
            {
                "name": f"{one.original.stem}: {each['name']}",
                "score": share if each["ok"] else 0.0,
                "max_score": share,
                "status": "passed" if each["ok"] else "failed",
                "output": each["said"],
                "output_format": "text",
            }
            for each in verdict.exercises
        ]
    return {
        "score": sum(each["score"] for each in tests),
        "output": "\n".join(notes),
        "output_format": "text",
        "tests": tests,
        "visibility": "visible",
    }


def classroom(course, folder):
    """Write a starter repository for a GitHub Classroom into `folder`: the lessons without solutions, and a workflow in
    which each exercise is a test with its points; returns the path of the workflow.

    What is judged there is judged as `tinygen learn check` does, with the checks that everybody can read.
    """
    steps, ids = [], []
    for one in course.lessons:
        for name in dict.fromkeys(name for _, _, name in lesson.solutions(one.path.read_text(encoding="utf-8"))):
            ids.append(f"l{one.number:02d}-{name.replace('_', '-')}")
            parts = dict(test=f"{one.number:02d} {name}", id=ids[-1], file=one.path.name, exercise=name)
            steps.append(STEP.format(score=max(1, round(one.weight)), **parts))
    results = [f'          {each.upper()}_RESULTS: "${{{{steps.{each}.outputs.result}}}}"' for each in ids]
    text = WORKFLOW.format(
        install=course.install, steps="\n".join(steps), results="\n".join(results), runners=",".join(ids)
    )
    folder = Path(folder)
    for name, content in handed_out(course).items():
        write(folder / name, content)
    write(folder / ".github" / "workflows" / "classroom.yml", text)
    return folder / ".github" / "workflows" / "classroom.yml"


def passes(file, exercise):
    """Does an exercise of the student's file pass? Prints what is wrong. The file is judged once for all its exercises.

    A file that is missing, or an exercise that it does not have, does not pass.
    """
    from tinygen.teaching import home

    if not Path(file).is_file():
        print(f"there is no file {file}")
        return False
    verdict = home.remembered(file) or home.judge(file)
    home.remember(file, verdict)
    found = next((each for each in verdict["exercises"] if each["name"] == exercise), None)
    print(found["said"] if found else verdict["error"] or f"{file} has no exercise {exercise}")
    return bool(found and found["ok"])


def main(course, folder, out):
    """Judge the submission in `folder` by the course in the folder `course`; write results.json to `out`."""
    import tempfile

    from tinygen.teaching.course import read

    try:
        with tempfile.TemporaryDirectory() as work:
            content = results(read(course), Path(folder), work)
    except Exception as error:  # Gradescope shows what stands in the file, and nothing else
        content = {"score": 0.0, "output": f"The file could not be judged: {error}", "tests": []}
    write(Path(out), json.dumps(content, indent=1))


if __name__ == "__main__":
    import sys

    if len(sys.argv) == 3:
        sys.exit(not passes(*sys.argv[1:]))
    main(*sys.argv[1:])
