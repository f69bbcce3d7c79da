"""Bug hunts: what is planted is wrong by the numbers, each student has one alone, and the mark is what was said."""

import importlib
import itertools
import zipfile

import numpy as np
import pytest

from tinygen.check import check_grad
from tinygen.course import lesson
from tinygen.teaching import assign, collect, course, grade, hunt, pages, planting
from tinygen.teaching.judge import judge
from tinygen.teaching.seeds import reseeded

CLASS = [f"student {n}" for n in range(37)]
FEW = ("log_density", "kl", "sample", "planar_log_det", "least_squares_discriminator")


@pytest.fixture
def written(tmp_path):
    """A course of lesson 4 with a hunt for a class of 37."""
    folder = tmp_path / "course"
    text = course.new(folder, [4]).read_text().replace("# students", "students").replace("# [hunt]", "[hunt]")
    text = text.replace("# weight = 1.0", "weight = 1.0").replace("# none = 0.125", "none = 0.5")
    (folder / "course.toml").write_text(text)
    (folder / "students.txt").write_text("\n".join(CLASS))
    return course.read(folder)


@pytest.fixture
def few(monkeypatch):
    """Only some functions to hunt in."""
    known = tuple(group for group in planting.groups() if group.name in FEW)
    monkeypatch.setattr(hunt, "groups", lambda: known)
    return known


def run(code):
    scope = {}
    exec(code, scope)
    return scope


def test_every_listing_runs_as_it_is_handed_out_and_is_the_packages_own():
    groups = planting.groups()
    assert len(groups) > 20
    for group in groups:
        scope = run(hunt.listing(group, group.text))
        own = importlib.import_module(group.module)
        args = {k: v for k, v in group.example(np.random.default_rng(11)).items()}
        assert np.array_equal(scope[group.name](**args), getattr(own, group.name)(**args)), group.name


@pytest.mark.parametrize("name", FEW)
def test_what_is_planted_shows_at_other_points_and_in_one_line(name):
    group = next(group for group in planting.groups() if group.name == name)
    right, found = run(hunt.listing(group, group.text)), planting.planted(group)
    assert len(found) >= 8
    for alike in found:
        for one in alike:
            assert one.kind in planting.KINDS and one.right and one.why
            lines = one.text.split("\n")
            assert [n for n, pair in enumerate(zip(group.lines, lines), 1) if pair[0] != pair[1]] == [one.line]
        wrong = run(hunt.listing(group, alike[0].text))
        args = group.example(np.random.default_rng(12))
        off = 0
        for function in group.names:
            g = np.random.default_rng(14).normal(size=np.shape(right[group.name](**args)))
            given = {"g": g, **args} if "_vjp_" in function else args
            new, old = wrong[function](**given), right[function](**given)
            off = max(off, float(np.max(abs(new - old)) / np.max(abs(old))))
        assert off > 1e-3, alike[0]


def test_check_grad_convicts_what_is_planted_in_a_gradient():
    group = next(group for group in planting.groups() if group.name == "kl_standard")
    for alike in planting.planted(group):
        scope = run(hunt.listing(group, alike[0].text))
        mean, logvar = group.example(np.random.default_rng(13)).values()
        grads = [scope["kl_standard_grad_mean"], scope["kl_standard_grad_logvar"]]
        report = check_grad(lambda m, l, f=scope["kl_standard"]: np.sum(f(m, l)), grads, mean, logvar)
        assert report.verdict == "FAIL", alike[0].text


def test_each_hunts_alone_and_neighbours_in_other_functions(written, few):
    key = hunt.deal(written)
    assert list(key) == CLASS
    texts = [entry["text"] for entry in key.values() if entry["answers"] != [[0, "none"]]]
    assert len(set(texts)) == len(texts) and 0 < len(texts) < len(CLASS)  # false with probability 2^-36
    groups = [entry["group"] for entry in key.values()]
    assert not [pair for pair in itertools.pairwise(groups) if pair[0] == pair[1]]
    # Who comes later gets one of the rest, and nobody else's changes.
    (written.folder / "students.txt").write_text("\n".join(["a new one", *CLASS]))
    again = hunt.deal(course.read(written.folder))
    assert {student: again[student]["text"] for student in CLASS} == {s: e["text"] for s, e in key.items()}
    assert again["a new one"]["text"] not in texts


def test_the_mark_is_what_was_said(written, few, tmp_path):
    key = hunt.deal(written)
    planted = {student: entry for student, entry in key.items() if list(entry["answers"][0])[1] != "none"}
    nothing = next(student for student in key if student not in planted)
    (right, half, wrong, silent, lazy, other, *_) = planted

    def hand_in(student, line, kind, whose=None):
        text = hunt.file(whose or student, key[whose or student])
        text = text.replace("line = 0", f"line = {line}").replace('kind = ""', f'kind = "{kind}"')
        path = tmp_path / "in" / student / "hunt (1).py"
        path.parent.mkdir(parents=True)
        path.write_text("raise SystemExit('it was run')\n" + text)

    at = {student: list(planted[student]["answers"][0]) for student in planted}
    hand_in(right, *at[right])
    hand_in(half, at[half][0], "no such kind")
    hand_in(wrong, 999, at[wrong][1])
    hand_in(silent, 0, "")
    hand_in(lazy, 0, "none")
    hand_in(other, *at[right], whose=right)
    hand_in(nothing, 0, "none")
    found = collect.collect(tmp_path / "in", [], tmp_path / "work")
    assert not found.submissions and not found.unknown
    marks = hunt.mark(written, found.hunts)
    expected = {right: 1, half: 0.5, wrong: 0, silent: 0, lazy: 0, other: 1, nothing: 1}
    assert {student: hunted.mark for student, hunted in marks.items()} == expected
    assert f"handed to {right}" in marks[other].why
    graded = grade.Graded(written, {}, found, marks)
    assert graded.total(right) == pytest.approx(0.5)  # nothing of the lesson
    assert "hunt said" in grade.marks_csv(graded) and marks[right].why
    made = pages.all_pages(graded)
    assert f"The bug hunt: {50} %" in made[f"students/{pages.page_names(graded.students)[half]}"]
    assert "the bug hunt" in made["index.html"]


def test_a_zip_for_each_student_with_a_variant_of_the_numbers_that_is_judged_the_same(written, few, tmp_path):
    (written.folder / "students.txt").write_text("ada\nbea\n")
    toml = written.folder / "course.toml"
    toml.write_text(toml.read_text().replace("variants = 0", "variants = 2"))
    out = assign.assign(course.read(written.folder))
    texts = {}
    for name in ("ada", "bea"):
        with zipfile.ZipFile(out / f"{name}.zip") as archive:
            assert sorted(archive.namelist()) == ["04_kl.ipynb", "04_kl.py", "README.md", "hunt.py"]
            texts[name] = archive.read("04_kl.py").decode()
            assert f"A bug hunt for {name}" in archive.read("hunt.py").decode()
    plain = lesson.student(lesson.find(4).read_text(encoding="utf-8"))
    assert texts["ada"] != texts["bea"] and reseeded(texts["ada"], 0) == reseeded(texts["bea"], 0) == plain
    assert not list(written.folder.glob("assignments/*.json"))


def test_hidden_points_are_the_same_for_judge_and_student(hand_in):
    """A right answer that reads its lesson's own data, of which the student has a variant."""
    original, path = hand_in()
    for file, number in ((original, 0), (path, 9)):
        text = file.read_text().replace("x * x\n", "x * x + points.sum()\n").replace("x**2,", "x**2 + points.sum(),")
        file.write_text(reseeded(text.replace("x**3,", "x**3 + x * points.sum(),"), number))
    for hidden in (0, 5):
        found = judge(path, original, hidden=hidden).exercises
        assert all(each["ok"] for each in found), found


@pytest.mark.parametrize(("change", "said"), [
    ("variants = 2", "need the class"), ("[hunt]", "need the class"), ('students = "none.txt"', "No such file"),
    ("[hunt]\nwaight = 1", "waight is not known"),
])  # fmt: skip
def test_what_is_wrong_about_the_class_is_said(tmp_path, change, said):
    (tmp_path / "course.toml").write_text(f"{change}\n[[lessons]]\nnumber = 4\n")
    with pytest.raises(course.CourseError, match=said):
        course.read(tmp_path)
