"""Lessons are read, stripped of their solutions, and run cell by cell; every complaint names a line of the file."""

import subprocess
import sys

import matplotlib.pyplot as plt
import pytest

from tinygen.course import lesson


def test_read_finds_title_facts_cells_and_lines(lesson_file):
    path = lesson_file()
    read = lesson.read(path)
    assert (read.title, read.number, read.name) == ("1 · Squares", 1, "01_squares")
    assert read.facts == {"Before this": "nothing", "Reading": "3 minutes"}
    assert [c.kind for c in read.cells] == ["markdown", "code", "markdown", "code", "code", "code", "code"]
    lines = path.read_text().split("\n")
    for cell in read.cells:
        first = cell.source.split("\n")[0]
        assert lines[cell.line - 1] in (first, "# " + first)
    assert [c.tags for c in read.cells][4] == ("look",)


def test_read_refuses_what_is_no_lesson(tmp_path):
    with pytest.raises(lesson.LessonError, match=r"cannot read the lesson .*nowhere"):
        lesson.read(tmp_path / "nowhere.py")
    (tmp_path / "plain.py").write_text("x = 1\n")
    with pytest.raises(lesson.LessonError, match="begins with '# %%'"):
        lesson.read(tmp_path / "plain.py")
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(lesson.LessonError, match="cannot read"):
        lesson.read(tmp_path / "binary.py")


@pytest.mark.parametrize(("text", "said"), [
    ("def f():\n    ### BEGIN SOLUTION\n    return 1\n", "line 2: ### BEGIN SOLUTION without"),
    ("def f():\n    return 1\n    ### END SOLUTION\n", "line 3: ### END SOLUTION without"),
    ("def f():\n    ### BEGIN SOLUTION\n    ### BEGIN SOLUTION\n", "line 3: .* inside a solution that began in line 2"),
    ("### BEGIN SOLUTION\nx = 1\n### END SOLUTION\n", "has to be the body of a function"),
])  # fmt: skip
def test_solution_marks_have_to_match(text, said):
    with pytest.raises(lesson.LessonError, match=said):
        lesson.solutions(text)


def test_student_build_has_stubs_in_place_of_solutions(lesson_file):
    text = lesson.student(lesson_file.text)
    assert "secret" not in text and "SOLUTION" not in text
    assert '    raise NotImplementedError("square is not written yet")' in text
    assert lesson.student(text) == text
    nested = ("class A:\n    def f(self):\n        ### BEGIN SOLUTION\n        return 1\n        ### END SOLUTION\n"
              "    x = 2\n")
    assert lesson.student(nested).split("\n")[3] == '        raise NotImplementedError("f is not written yet")'
    assert lesson.student(nested).endswith("    x = 2\n")


def test_run_collects_what_each_cell_did(lesson_file):
    ran = list(lesson.run(lesson.read(lesson_file())))
    assert [r.error for r in ran] == [""] * 7
    assert ran[1].printed == "first True\n"
    (test,) = ran[3].exercises
    assert test.report.ok and test.report.name == "square"
    assert "square: PASS" in ran[3].printed
    assert len(ran[4].figures) == 1 and ran[4].figures[0].startswith("<svg")
    assert ran[5].shown.count('class="frame ') == 3
    assert ran[6].printed == ""  # finish speaks in scripts only
    assert not plt.get_fignums()


def test_run_can_leave_out_tagged_cells(lesson_file):
    ran = list(lesson.run(lesson.read(lesson_file()), wanted=lesson.for_exercises))
    assert ran[4].figures == [] and ran[3].exercises


def test_a_failing_cell_names_its_line_and_the_next_cells_run(lesson_file):
    path = lesson_file("# %%\nx = 1\n\n# %%\n\ndef f():\n    return 1 / 0\n\nf()\n\n"
                       "# %%\ny = (1,\n\n# %%\nprint(x)\n")
    first, second, third, fourth = lesson.run(lesson.read(path))
    assert not first.error
    assert "line 9, in <module>\n    f()" in second.error and "line 7, in f\n    return 1 / 0" in second.error
    assert second.error.endswith("ZeroDivisionError: division by zero")
    assert "importlib" not in second.error and "lesson.py" not in second.error
    assert "line 12" in third.error and "SyntaxError" in third.error
    assert fourth.printed == "1\n"


def test_exit_inside_a_cell_does_not_end_the_run(lesson_file):
    ran = list(lesson.run(lesson.read(lesson_file("# %%\nimport sys\nsys.exit(3)\n\n# %%\nprint(2)\n"))))
    assert "SystemExit: 3" in ran[0].error and ran[1].printed == "2\n"


def test_dataclasses_and_pickle_find_the_module_while_it_runs(lesson_file):
    path = lesson_file("# %%\nfrom dataclasses import dataclass\nimport pickle\n\n\n@dataclass\nclass A:\n    x: int\n"
                       "\n\nprint(pickle.loads(pickle.dumps(A(3))).x)\n")
    (ran,) = lesson.run(lesson.read(path))
    assert (ran.printed, ran.error) == ("3\n", "")
    assert "lesson_01_squares" not in sys.modules


def test_catalogue_is_in_order_and_find_names_what_there_is(tmp_path, lesson_file):
    for name in ("10_b.py", "02_a.py", "notes.py", "__init__.py"):
        lesson_file(name=name)
    assert [p.name for p in lesson.catalogue(tmp_path)] == ["02_a.py", "10_b.py"]
    assert lesson.find(10, tmp_path).name == "10_b.py"
    with pytest.raises(lesson.LessonError, match="no lesson 7; there are: 2, 10"):
        lesson.find(7, tmp_path)


def test_the_package_finds_its_own_lessons():
    assert lesson.catalogue() and all(p.is_file() for p in lesson.catalogue())


@pytest.mark.parametrize(("answer", "status"), [("secret = x * x", 0), ("secret = x + x", 1)])
def test_as_a_script_a_lesson_exits_with_its_verdict(lesson_file, answer, status):
    path = lesson_file(lesson_file.text.replace("secret = x * x", answer))
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, env={"MPLBACKEND": "agg"},
                          timeout=120)
    assert done.returncode == status, done.stderr
    assert ("1 of 1 exercises pass" if not status else "0 of 1 exercises pass: left are square") in done.stdout


def test_pytest_sees_each_exercise_of_a_lesson(lesson_file):
    path = lesson_file(lesson_file.text.replace("secret = x * x", "secret = 2 * x * x"))
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib",
                           "--rootdir", str(path.parent), str(path)], capture_output=True, text=True, timeout=120)
    assert "1 failed" in done.stdout and "twice what it should be" in done.stdout, done.stdout
