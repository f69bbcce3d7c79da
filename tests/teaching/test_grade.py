"""A class from what was handed in to the marks: no file takes another one's place, and every mark is right."""

import concurrent.futures
import csv
import datetime
import importlib
import io
import json
import shutil
import subprocess
import sys
import zipfile

import pytest

from tinygen.course import lesson
from tinygen.course.notebook import notebook
from tinygen.teaching import assign, collect, course, exports, grade, pages
from tinygen.teaching.judge import Verdict
from tinygen.teaching.process.sandbox import bubblewrap

KL = lesson.find(4)
TEXT = KL.read_text(encoding="utf-8")
NAMES = [name for _, _, name in lesson.solutions(TEXT)]


@pytest.fixture
def written(tmp_path):
    """A course of lesson 4, with a deadline."""
    path = course.new(tmp_path / "course", [4])
    head, lessons, rest = path.read_text().partition("[[lessons]]")
    path.write_text(head + lessons + rest.replace("# deadline", "deadline"))
    return course.read(path.parent)


# ---- course.toml ----


def test_a_new_course_can_be_read_and_is_not_overwritten(tmp_path):
    path = course.new(tmp_path / "course")
    read = course.read(tmp_path / "course")
    assert [one.number for one in read.lessons] == [lesson.read(p).number for p in lesson.catalogue()]
    path.write_text("mine")
    with pytest.raises(course.CourseError, match="there already"):
        course.new(tmp_path / "course")
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "text, said",
    [
        ("title = 3", "title = 3; expected str"), ("colour = 1", "colour is not known; expected title"),
        ("[[lessons]]\nnumber = 99", "there is no lesson 99"), ("[[lessons]]\nweight = 1.0", "without number"),
        ("[[lessons]]\nnumber = 4\n[[lessons]]\nnumber = 4", "twice"), ("x = ", "course.toml"), ("", "names no lesson"),
        ("[late]\nper_day = true", "per_day = True"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_course_is_said(tmp_path, text, said):
    (tmp_path / "course.toml").write_text(text)
    with pytest.raises(course.CourseError, match=said.replace("[", r"\[")):
        course.read(tmp_path)


def test_late_days(written):
    (one,) = written.lessons
    after = lambda **time: written.factor(one, one.deadline + datetime.timedelta(**time))
    assert after(minutes=29) == 1 and after(minutes=31) == 0.9 and after(days=1, minutes=31) == pytest.approx(0.8)
    assert after(days=60) == 0.5 and written.factor(one, None) == 1


# ---- assign ----


def test_no_solution_is_handed_out(written):
    first = assign.assign(written).read_bytes()
    assert assign.assign(written).read_bytes() == first
    lines = TEXT.split("\n")
    outside, inside = list(lines), []
    for begin, end, _ in reversed(lesson.solutions(TEXT)):
        inside += [line.strip() for line in lines[begin + 1 : end]]
        del outside[begin:end]
    own = {line for line in inside if len(line) > 10} - {line.strip() for line in outside}
    assert len(own) >= len(NAMES)
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert sorted(archive.namelist()) == ["04_kl.ipynb", "04_kl.py", "README.md"]
        for name in archive.namelist():
            text = archive.read(name).decode()
            assert not [line for line in own if line in text or json.dumps(line)[1:-1] in text], name
        book = json.loads(archive.read("04_kl.ipynb"))
    assert book["metadata"]["kernelspec"]["name"] == "python3" and "tinygen[teach]" in str(book["cells"][1]["source"])


# ---- collect ----


def handed_in(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def packed(files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_files_are_found_by_what_is_in_them(tmp_path):
    place = handed_in(tmp_path / "in", {
        "Ada Lovelace_12345_assignsubmission_file/04_kl.py": TEXT,
        "hopper_314_2718_04_kl (1).py": TEXT,
        "noether/week 3/homework.py": TEXT,
        "gauss.zip": packed({"../../04_kl.py": TEXT, "/etc/passwd": "x", "__MACOSX/._04_kl.py": "x"}),
        "curie/04_kl.ipynb": notebook(TEXT),
        "euler/05_latent_variables.py": lesson.find(5).read_text(encoding="utf-8"),
        "bohr/notes.py": "print(1)",
        "fermi/04_kl.ipynb": "{}",
        "dirac.zip": b"PK\x05\x06 broken",
    })  # fmt: skip
    found = collect.collect(place, [KL], tmp_path / "work")
    assert [one.student for one in found.submissions] == ["Ada Lovelace", "curie", "gauss", "hopper", "noether"]
    unknown = dict(found.unknown)
    assert "not part of this course" in unknown["euler/05_latent_variables.py"] and "bohr/notes.py" in unknown
    assert {"fermi/04_kl.ipynb", "dirac.zip", "gauss.zip/etc/passwd"} <= set(unknown)
    assert all(one.path.parent == tmp_path / "work" for one in found.submissions)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "work"]


def test_of_several_the_last_counts(tmp_path):
    import os

    place = handed_in(tmp_path / "in", {"a/04_kl.py": TEXT, "a/04_kl (1).py": TEXT + "# new\n"})
    os.utime(place / "a/04_kl.py", (1e9, 1e9))
    found = collect.collect(place, [KL], tmp_path / "work")
    assert [one.named for one in found.submissions] == ["a/04_kl (1).py"]
    assert [one.named for one in found.replaced] == ["a/04_kl.py"]


def test_a_bomb_and_a_link_are_not_read(tmp_path):
    place = handed_in(tmp_path / "in", {"bomb.zip": packed({"04_kl.py": b"#" * (collect.FILE + 1)})})
    (tmp_path / "secret.py").write_text(TEXT)
    (place / "link.py").symlink_to(tmp_path / "secret.py")
    found = collect.collect(place, [KL], tmp_path / "work")
    assert not found.submissions and "more than" in dict(found.unknown)["bomb.zip/04_kl.py"]


# ---- grade ----


def wrong(name, line):
    """The lesson with one solution replaced."""
    lines = TEXT.split("\n")
    begin, end, _ = next(found for found in lesson.solutions(TEXT) if found[2] == name)
    return "\n".join([*lines[:begin], f"    {line}", *lines[end + 1 :]])


CLASS = {
    "ada/04_kl.py": TEXT,
    "bea/04_kl.py": wrong("kl_discrete", "return np.sum(p * np.log(q / p))"),
    "cem/04_kl.py": wrong("kl", "return None"),
    "dan/04_kl.py": lesson.student(TEXT),
    "eve/04_kl.py": TEXT,
    "=fay/04_kl.py": wrong("kl", "raise ValueError('=1+1 <script>alert(1)</script>')"),
}
EXPECTED = {"ada": [], "bea": ["kl_discrete"], "cem": ["kl"], "dan": NAMES, "eve": [], "=fay": ["kl"]}


def test_a_class(written, tmp_path):
    place = handed_in(tmp_path / "in", CLASS)
    out = tmp_path / "marks"
    graded = grade.grade(written, place, out, workers=2)
    for student, failed in EXPECTED.items():
        verdict = graded.marked[student, 4].verdict
        assert [found["name"] for found in verdict.exercises if not found["ok"]] == failed, student
        assert verdict.isolated == bool(bubblewrap())
    grade.write(graded, out)
    rows = list(csv.reader(io.StringIO((out / "marks.csv").read_text(encoding="utf-8-sig"))))
    marks = {row[0]: float(row[1]) for row in rows[1:]}
    assert marks["ada"] == 1 and marks["dan"] == 0 and marks["'=fay"] == pytest.approx(1 - 1 / len(NAMES), abs=1e-4)
    assert not [cell for row in rows for cell in row if cell[:1] in "=+@" and cell]
    for path in out.rglob("*.html"):
        assert "<script" not in path.read_text(encoding="utf-8")
    assert "sign" in (out / "students/bea.html").read_text(encoding="utf-8")
    assert set(json.loads((out / "marks.json").read_text())["students"]) == set(EXPECTED)
    assert exports.moodle(out).read_text().count("\n") == len(EXPECTED) + 1
    # Again: nothing is judged twice, and a new file is.
    handed_in(place, {"gil/04_kl.py": wrong("kl", "return 1.0")})
    graded = grade.grade(written, place, out, executor=Counting())
    assert Counting.count == 1
    assert [found["name"] for found in graded.marked["gil", 4].verdict.exercises if not found["ok"]] == ["kl"]


class Counting(concurrent.futures.Executor):
    """Judges at once, and counts."""

    count = 0

    def submit(self, function, *args, **kw):
        Counting.count += 1
        future = concurrent.futures.Future()
        future.set_result(function(*args, **kw))
        return future


def test_a_judge_that_fails_costs_its_own_file_only(written, tmp_path):
    class Broken(Counting):
        def submit(self, function, *args, **kw):
            future = concurrent.futures.Future()
            future.set_exception(OSError("the worker has died"))
            return future

    place = handed_in(tmp_path / "in", {"ada/04_kl.py": TEXT})
    graded = grade.grade(written, place, tmp_path / "marks", executor=Broken())
    assert "worker has died" in graded.marked["ada", 4].verdict.errors[0] and graded.total("ada") == 0
    assert not list((tmp_path / "marks" / "verdicts").iterdir())  # the next time it is tried again
    grade.write(graded, tmp_path / "marks")


def test_hidden_checks_try_other_points():
    from tinygen.teaching.judge import solved

    shown, hidden = solved(KL), solved(KL, 5)
    assert set(shown.checks) == set(hidden.checks)
    seen = {}
    for which, found in (("shown", shown), ("hidden", hidden)):
        def spy(*args, which=which, f=found.references["kl"]):
            seen[which] = args
            return f(*args)

        found.checks["kl"](spy)
    assert not any((a == b).all() for a, b in zip(seen["shown"], seen["hidden"]))


def test_the_class_page_counts_mistakes(written):
    def one(student, sentence):
        said = f"kl: FAIL\n  {sentence}"
        found = {"name": "kl", "ok": not sentence, "verdict": "", "said": said, "mistake": sentence}
        verdict = Verdict("04_kl", [found], isolated=True)
        return grade.Marked(collect.Submission(student, KL, KL, "x.py", None), verdict)

    marked = {(s, 4): one(s, what) for s, what in zip("abcd", ["", "The sign is wrong.", "The sign is wrong.", "<b>"])}
    graded = grade.Graded(written, marked, collect.Collected([], [], [("x", "y")]))
    text = pages.all_pages(graded)["index.html"]
    assert "2 × The sign is wrong." in text and "1 of 4" in text and "<b>" not in text


# ---- learning systems ----


@pytest.mark.skipif(not shutil.which("bash"), reason="Gradescope's script is for bash")
def test_gradescope_in_folders_laid_out_like_theirs(written, tmp_path):
    """/autograder with source, submission, results and run_autograder, which is run without arguments."""
    (written.folder / "students.txt").write_text("bea\n")
    toml = written.folder / "course.toml"
    toml.write_text(toml.read_text().replace("# students", "students"))
    archive = exports.gradescope(course.read(written.folder), tmp_path / "autograder.zip")
    top = tmp_path / "autograder"
    with zipfile.ZipFile(archive) as file:
        assert set(file.namelist()) == {"setup.sh", "run_autograder", "course/course.toml", "course/students.txt"}
        assert all(member.external_attr >> 16 == 0o755 for member in file.infolist())
        file.extractall(top / "source")
    handed_in(top / "submission", {"04_kl.py": CLASS["bea/04_kl.py"]})
    (top / "submission_metadata.json").write_text("{}")
    (top / "results").mkdir()
    (top / "env" / "bin").mkdir(parents=True)
    (top / "env" / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (top / "env" / "bin" / "python").chmod(0o755)
    script = (top / "source" / "run_autograder").read_text().replace("/autograder", str(top))
    (top / "run_autograder").write_text(script)
    done = subprocess.run(["bash", str(top / "run_autograder")], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=200, cwd="/")  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads((top / "results" / "results.json").read_text())
    assert results["score"] == pytest.approx(100 * (1 - 1 / len(NAMES)))
    assert [t["name"] for t in results["tests"] if t["status"] == "failed"] == ["04_kl: kl_discrete"]
    assert {"score", "max_score", "name", "status", "output", "output_format"} == set(results["tests"][0])
    subprocess.run(["bash", "-n", str(top / "source" / "setup.sh")], check=True, timeout=20)


def test_a_classroom_has_a_test_for_each_exercise(written, tmp_path):
    yaml = pytest.importorskip("yaml")
    path = exports.classroom(written, tmp_path / "starter")
    assert path == tmp_path / "starter" / ".github" / "workflows" / "classroom.yml"
    names = sorted(p.name for p in (tmp_path / "starter").iterdir())
    assert names == [".github", "04_kl.ipynb", "04_kl.py", "README.md"]
    (job,) = yaml.safe_load(path.read_text())["jobs"].values()
    graders = [step for step in job["steps"] if "command-grader" in step.get("uses", "")]
    assert [step["with"]["test-name"] for step in graders] == [f"04 {name}" for name in NAMES]
    ids = [step["id"] for step in graders]
    reporter = job["steps"][-1]
    assert reporter["with"]["runners"].split(",") == ids and len(set(ids)) == len(ids)
    assert reporter["env"] == {f"{each.upper()}_RESULTS": f"${{{{steps.{each}.outputs.result}}}}" for each in ids}
    assert all(step["with"]["command"].startswith("python -m tinygen.teaching.exports 04_kl.py ") for step in graders)


def test_an_exercise_of_a_classroom_passes_or_not(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = handed_in(tmp_path, {"04_kl.py": CLASS["bea/04_kl.py"]})
    verdicts = {name: exports.passes(place / "04_kl.py", name) for name in NAMES}
    assert verdicts == {name: name != "kl_discrete" for name in NAMES}
    assert "kl_discrete: FAIL" in capsys.readouterr().out
    assert not exports.passes(place / "04_kl.py", "none") and not exports.passes(place / "nowhere.py", "kl")


def test_files_that_are_much_alike_are_listed(written, tmp_path):
    similarity = pytest.importorskip("copydetect") and importlib.import_module("tinygen.teaching.similarity")
    own = """
def mine(values, weights):
    total = 0.0
    for index, value in enumerate(values):
        if weights[index] > 0 and value != 0:
            total += weights[index] * (value - 3.5) ** 2
        else:
            total -= 0.25 * weights[index] / (1 + abs(value))
    return total / len(values)
"""
    other = """
def other(n):
    found = [1, 1]
    while len(found) < n:
        found.append(found[-1] + found[-2])
    names = {k: str(v).zfill(3) for k, v in enumerate(found)}
    return sorted(names.items())[::-1]
"""
    renamed = own.replace("total", "s").replace("value", "v").replace("index", "k")
    files = {"ada": own, "bea": other, "cem": renamed, "dan": "", "eve": "x = 1\n"}
    place = handed_in(tmp_path / "in", {f"{who}/04_kl.py": TEXT + "\n# %%\n" + code for who, code in files.items()})
    found = collect.collect(place, [KL], tmp_path / "work")
    marked = {(one.student, 4): grade.Marked(one, Verdict("04_kl", [])) for one in found.submissions}
    graded = grade.Graded(written, marked, found)
    graded.alike = similarity.alike(graded)
    assert [pair[1:] for pair in graded.alike] == [(4, "ada", "cem")]
    assert "Much alike" in pages.all_pages(graded)["index.html"]
