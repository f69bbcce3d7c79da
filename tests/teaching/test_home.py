"""Each exercise of a file costs only itself: what hangs, dies, takes all memory or is wrong leaves the others."""

import os
import re
import sys
import time

import pytest

from tinygen.course import lesson
from tinygen.teaching import home

TWO = '''# %% [markdown]
# # 1 · Two

# %%
import numpy as np

from tinygen.course import check_value, exercise

# %%
def square(x):
    """The square."""
    ### BEGIN SOLUTION
    return x * x
    ### END SOLUTION


def check_square(square):
    return check_value(square, lambda x: x**2, np.arange(5.0), names=("x",))


test_square = exercise(square, check_square)

# %%
def fourth(x):
    """The fourth power; it may use square."""
    ### BEGIN SOLUTION
    return square(square(x))
    ### END SOLUTION


def check_fourth(fourth):
    return check_value(fourth, lambda x: x**4, np.arange(5.0), names=("x",))


test_fourth = exercise(fourth, check_fourth)

# %%
print(square(np.arange(3.0)) + 1)
'''


@pytest.fixture
def asked(lesson_file):
    return lesson_file(TWO, name="asked.py")


def solved(lesson_file, asked, change, how="judge", **options):
    path = lesson_file(TWO.replace(*change), name="01_two.py")
    verdict = getattr(home, how)(path, asked=asked, **options)
    return verdict["error"], {e["name"]: e["ok"] for e in verdict["exercises"]}, {
        e["name"]: e["said"] for e in verdict["exercises"]}  # fmt: skip


SQUARE = "    return x * x\n"
ENDLESS = "    while True:\n        x = x + 0\n"
STUBBORN = "    while True:\n        try:\n            x = x + 0\n        except: pass\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="timers and limits of the system")
@pytest.mark.parametrize(("body", "words"), [
    (ENDLESS, r"line 1\d: .*\n.*not finished after 1 s: is there a loop that never ends"),
    pytest.param(STUBBORN, "not finished", marks=pytest.mark.slow),
    ("    import os\n    os.kill(os.getpid(), 9)\n", "it ended Python itself, by signal SIGKILL"),
    pytest.param("    return np.zeros(10**10) + x[0]\n", "MemoryError", marks=pytest.mark.slow),
    pytest.param("    many = []\n    while True:\n        many.append(np.ones(10**8))\n", "MemoryError",
                 marks=pytest.mark.slow),
])  # fmt: skip
def test_an_exercise_that_does_not_end_costs_itself(lesson_file, asked, body, words):
    error, ok, said = solved(lesson_file, asked, (SQUARE, body), "judge", seconds=9 if "Memory" in words else 1)
    assert ok == {"square": False, "fourth": True} and error == "", (error, said)
    assert re.search(words, said["square"]), said["square"]
    assert "the course's own square" in said["fourth"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="timers of the system")
def test_a_cell_that_does_not_end_is_named_by_its_line(lesson_file, asked):
    error, ok, _ = solved(lesson_file, asked, ("print(square", "while True: pass\nprint(square"), "judge", seconds=1)
    assert ok == {"square": True, "fourth": True}
    assert re.search(r"line \d+: while True: pass\nnot finished after 1 s", error)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork of the system")
def test_what_leaves_the_group_and_holds_the_pipe_is_not_waited_for(lesson_file, asked):
    daemon = "import os, time\nif os.fork() == 0: os.setsid(); time.sleep(20); os._exit(0)\nprint(square"
    started = time.monotonic()
    error, ok, _ = solved(lesson_file, asked, ("print(square", daemon), "judge")
    assert ok == {"square": True, "fourth": True} and error == "" and time.monotonic() - started < 19


def test_output_in_any_encoding_and_below_python_costs_nothing(lesson_file, asked):
    loud = 'import os, sys; os.write(1, b"\\xff\\xfe\\n"); os.write(2, b"\\xff"); sys.stderr.write("ü")\nprint(square'
    error, ok, _ = solved(lesson_file, asked, ("print(square", loud), "judge")
    assert ok == {"square": True, "fourth": True} and error == ""


@pytest.mark.parametrize("body", ["    return x + x\n", "    raise ValueError\n", "    return None\n"])
def test_each_is_judged_with_the_others_right(lesson_file, asked, body):
    error, ok, said = solved(lesson_file, asked, (SQUARE, body))
    assert ok == {"square": False, "fourth": True} and error == ""  # the last cell has the right function, too
    assert "judged with the course's own square, since yours is not right yet" in said["fourth"]
    assert "own" not in said["square"]


def test_one_that_does_not_use_the_wrong_one_is_not_told_of_it(lesson_file, asked):
    text = TWO.replace(SQUARE, "    return x + x\n").replace("return square(square(x))", "return x**4")
    verdict = home.judge(lesson_file(text, name="01_two.py"), asked=asked)
    assert verdict["exercises"][1]["said"] == "fourth: PASS, 5 comparisons agree"


def test_a_wrong_one_is_not_excused_by_the_right_other(lesson_file, asked):
    text = TWO.replace(SQUARE, "    return x + x\n").replace("square(square(x))", "square(x)")
    verdict = home.judge(lesson_file(text, name="01_two.py"), asked=asked)
    assert [e["ok"] for e in verdict["exercises"]] == [False, False]


def test_in_their_own_file_too_each_is_judged_with_the_others_right(lesson_file, monkeypatch, tmp_path):
    lesson_file(TWO, name="01_two.py", folder=tmp_path / "course")
    monkeypatch.setattr(lesson, "folder", lambda: tmp_path / "course")
    path = lesson_file(TWO.replace(SQUARE, "    return x + x\n"), name="01_two.py")
    ran = list(lesson.run(lesson.read(path)))
    assert "square: FAIL" in ran[2].printed
    assert "fourth: PASS, 5 comparisons agree\n  note: judged with the course's own square" in ran[3].printed
    assert ran[4].printed == "[1. 3. 5.]\n"  # their own file goes on with their own function


def test_what_does_not_parse_is_one_message_with_its_line(lesson_file, asked):
    error, ok, _ = solved(lesson_file, asked, ("return x * x", "return x * * x"))
    assert error == "line 13: SyntaxError: invalid syntax, so nothing of the file can run\n    return x * * x"
    assert ok == {}


def test_of_cells_that_stop_the_first_is_shown(lesson_file, asked):
    text = TWO.replace("import numpy as np", "import nampy as np") + "\n# %%\nprint(np.pi)\n"
    error = home.judge(lesson_file(text, name="01_two.py"), asked=asked)["error"]
    assert "No module named 'nampy'" in error and error.count("Error") == 1 and "4 later cells stopped too" in error


def test_a_renamed_lesson_is_recognised_by_its_exercises_and_another_file_refused(tmp_path):
    text = lesson.find(4).read_text(encoding="utf-8")
    for name in ("my_answers.py", "08_vae.py"):  # whatever it is called
        (tmp_path / name).write_text(lesson.student(text), encoding="utf-8")
        assert lesson.original(lesson.read(tmp_path / name)) == lesson.find(4)
    (tmp_path / "other.py").write_text("# %%\ntest = exercise(square, check)\n")
    with pytest.raises(lesson.LessonError, match=r"none of the package's lessons.*--lesson FILE"):
        lesson.original(lesson.read(tmp_path / "other.py"))
    verdict = home.judge(tmp_path / "other.py")
    assert "none of the package's lessons" in verdict["error"] and verdict["exercises"] == []
