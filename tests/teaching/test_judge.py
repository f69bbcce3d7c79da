"""The judge: right answers pass, wrong ones are named, and nothing that a file does changes that."""

import runpy
import socket
import time
from pathlib import Path

import pytest

from tinygen.course import lesson
from tinygen.teaching.judge import Limits, judge
from tinygen.teaching.process import sandbox, stripped

HOSTILE = runpy.run_path(str(Path(__file__).with_name("hostile.py")))
QUICK = Limits(cell=3, exercise=3, cpu=20, memory=1 << 30)
WRONG = "    return 2 * x\n"
isolated = pytest.mark.skipif(not sandbox.bubblewrap(), reason="bubblewrap is not installed, or may not be used here")


def verdicts(verdict):
    return {found["name"]: found["verdict"] for found in verdict.exercises}


@pytest.fixture(params=[True, False], ids=["bubblewrap", "limits"])
def isolate(request):
    if request.param and not sandbox.bubblewrap():
        pytest.skip("bubblewrap is not installed, or may not be used here")
    return request.param


def test_a_right_file_passes(hand_in, isolate):
    original, path = hand_in()
    found = judge(path, original, limits=QUICK, isolate=isolate)
    assert verdicts(found) == {"square": "PASS", "cube": "PASS"}
    assert not found.errors and not found.attempts and found.isolated == isolate


def test_each_exercise_is_judged_by_itself(hand_in):
    """A right `cube` uses a wrong `square`: the reference takes its place."""
    original, path = hand_in(square=WRONG)
    found = judge(path, original, limits=QUICK)
    assert verdicts(found) == {"square": "FAIL", "cube": "PASS"}
    assert "square: FAIL" in found.exercises[0]["said"]


def test_what_is_missing_is_said(hand_in):
    original, path = hand_in(square='    raise NotImplementedError("square is not written yet")\n')
    found = judge(path, original, limits=QUICK)
    assert verdicts(found) == {"square": "FAIL", "cube": "PASS"} and "not written yet" in found.exercises[0]["said"]
    assert not found.errors
    path.write_text("# %%\nimport numpy as np\n", encoding="utf-8")
    assert "no function of this name" in judge(path, original, limits=QUICK).exercises[0]["said"]


def test_a_loop_costs_its_own_exercise_only(hand_in):
    original, path = hand_in(square="    while True: pass\n")
    started = time.monotonic()
    found = judge(path, original, limits=QUICK)
    assert verdicts(found) == {"square": "FAIL", "cube": "PASS"} and "never ends" in found.exercises[0]["said"]
    assert time.monotonic() - started < 40


def test_a_cell_without_end_is_left_out_and_named(hand_in):
    original, path = hand_in()
    path.write_text(path.read_text().replace("power = yours", "while True: pass\npower = yours"))
    found = judge(path, original, limits=QUICK)
    assert verdicts(found) == {"square": "PASS", "cube": "PASS"}
    assert len(found.errors) == 1 and "never ends" in found.errors[0]


def test_an_error_is_shown_with_the_students_own_line(hand_in):
    original, path = hand_in(square="    return x / 0 * undefined\n")
    (said, _) = (each["said"] for each in judge(path, original, limits=QUICK).exercises)
    assert "return x / 0 * undefined" in said and "NameError" in said and "judge.py" not in said


def test_the_packages_own_lesson_passes():
    path = lesson.find(4)
    found = judge(path, path)
    assert set(verdicts(found).values()) == {"PASS"} and not found.attempts


def attack(hand_in, name, isolate, tmp_path):
    secret, target = tmp_path / "secret", tmp_path / "target"
    secret.write_text("return x * x\n")
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    listening.settimeout(0.01)
    places = dict(secret=secret, target=target, port=listening.getsockname()[1])
    body = HOSTILE["HOSTILE"].get(name, WRONG)
    first = HOSTILE["FIRST"].get(name, "")
    for key, value in places.items():
        body, first = (text.replace("{" + key + "}", str(value)) for text in (body, first))
    original, path = hand_in(square=body, first=first)
    before = sandbox._descendants(1)
    found = judge(path, original, limits=QUICK, isolate=isolate)
    left = {pid for pid in sandbox._descendants(1) - before if _is_students(pid)}
    try:
        reached = bool(listening.accept())
    except TimeoutError:
        reached = False
    listening.close()
    return found, left, dict(target=target.exists(), secret=secret.exists(), reached=reached)


def _is_students(pid):
    try:
        return str(stripped.package()).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


FEW = ["the lesson's file by path", "the reference over the pipe", "a verdict on every descriptor", "always equal",
       "os._exit 0", "a daemon", "a file outside", "a connection", "a loop in a cell"]  # fmt: skip


@isolated
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in FEW else pytest.mark.slow)
     for name in (*HOSTILE["HOSTILE"], *HOSTILE["FIRST"])],
)  # fmt: skip
def test_no_mark_is_stolen_and_nothing_is_harmed(hand_in, name, tmp_path):
    found, left, places = attack(hand_in, name, True, tmp_path)
    assert verdicts(found)["square"] != "PASS", found.exercises[0]
    assert not left and places == dict(target=False, secret=True, reached=False)
    for each in found.exercises:
        assert each["ok"] is (each["verdict"] == "PASS")


BARE = [name for name in HOSTILE["HOSTILE"] if name not in (
    "the lesson's file by path", "a shell", "a file outside", "a link", "removing", "a connection", "kill the parent",
)]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", [*BARE, *HOSTILE["FIRST"]])
def test_what_holds_without_bubblewrap(hand_in, name, tmp_path):
    found, left, _ = attack(hand_in, name, False, tmp_path)
    assert verdicts(found)["square"] != "PASS" and not found.isolated
    assert not left


@pytest.mark.lessons
@pytest.mark.parametrize("path", lesson.catalogue(), ids=lambda p: p.stem)
def test_each_lesson_of_the_package_passes_and_nobody_is_accused(path, monkeypatch):
    monkeypatch.setattr("tinygen.teaching.judge.functions", lambda read: {})  # each answer is asked, not compared
    found = judge(path, path)
    assert set(verdicts(found).values()) == {"PASS"}, [each["said"] for each in found.exercises if not each["ok"]]
    assert not found.errors and not found.attempts
