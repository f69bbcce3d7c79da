"""`tinygen learn` and its options, on a small course, as a reader would use them."""

import argparse
import json
import os
import pathlib
import re
import sys
import webbrowser

import pytest

from tinygen.commands import learn as command
from tinygen.course import excerpt, lesson, sides, site
from tinygen.teaching import home


@pytest.fixture
def course(tmp_path, lesson_file, monkeypatch):
    """A course of two lessons, and an empty current folder."""
    home = tmp_path / "course"
    lesson_file(folder=home)
    lesson_file(lesson_file.text.replace("1 · Squares", "2 · More"), name="02_more.py", folder=home)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(lesson, "folder", lambda: home)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    return home


def learn(*words):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


def test_listing(course, capsys):
    assert learn() == 0
    said = capsys.readouterr().out
    assert "1 · Squares\n    after nothing · 3 minutes to read · 1 exercise\n2 · More" in said


def test_a_lesson_runs_with_a_bar_and_its_page_is_named(course, capsys):
    assert learn("1") == 0
    said = capsys.readouterr()
    page = re.search(r"The page is (.*)\n", said.out)[1]
    assert page == os.path.abspath("tinygen-pages/01_squares.html") and "no display" in said.out
    assert "01_squares" in said.err and "cell" in said.err  # the bar
    assert "square: PASS" in open(page, encoding="utf-8").read()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays are told by DISPLAY on Linux only")
def test_the_page_is_opened_where_there_is_a_display(course, capsys, monkeypatch):
    opened = []
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert learn("1", "--out", "pages") == 0
    assert len(opened) == 1 and opened[0].startswith("file:///") and opened[0].endswith("pages/01_squares.html")
    assert learn("1", "--no-open") == 0 and len(opened) == 1


@pytest.mark.parametrize(("words", "said"), [
    (["7"], "there is no lesson 7; there are: 1, 2"),
    (["nowhere.py"], "cannot read the lesson nowhere.py"),
    (["1", "2"], "one lesson at a time"),
    (["1", "--all"], "either lesson 1 or --all"),
    (["--step"], "--step needs a lesson"),
    (["1", "--step", "--notebook"], "--step and --notebook are different things"),
    (["check", "--all"], "check takes files"),
    (["check", "nowhere"], "there is no file or folder nowhere"),
    (["check"], "holds no lesson"),
    (["1", "--out", "/dev/null/x"], "name another folder with --out DIR"),
])  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line(course, capsys, words, said):
    assert learn(*words) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1 and os.listdir(".") == []


def test_a_missing_extra_is_said_with_its_command(course, capsys, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ziamath" else real(name))
    assert learn("1") == 2
    assert re.search(r'need ziamath, .* -m pip install "tinygen\[course\]"', capsys.readouterr().err)


def test_a_lesson_that_fails_still_has_its_page(course, capsys, lesson_file):
    text = lesson_file.text.replace("secret = x * x", "secret = -x * x") + "\n# %%\n1 / 0\n"
    path = lesson_file(text, name="mine.py")
    assert learn(str(path)) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err and "exercise square: FAIL" in err and "Traceback" not in err
    assert os.path.exists("tinygen-pages/mine.html")


def test_student_build_is_handed_out_filled_in_and_checked(course, capsys):
    assert learn("--student", "mine") == 0
    assert sorted(os.listdir("mine")) == ["01_squares.py", "02_more.py"]
    assert "secret" not in open("mine/01_squares.py").read()
    assert learn("check", "mine/01_squares.py") == 1
    said = capsys.readouterr().out
    assert "0 of 1 exercises pass: left are square\n  square: FAIL\n    square is not written yet" in said
    stub = 'raise NotImplementedError("square is not written yet")'
    text = open("mine/01_squares.py").read().replace(stub, "return 2*x*x")
    open("mine/01_squares.py", "w").write(text)
    assert learn("check", "mine/01_squares.py") == 1
    assert "twice what it should be" in capsys.readouterr().out
    open("mine/01_squares.py", "w").write(text.replace("2*x*x", "x*x"))
    assert learn("check", "mine/01_squares.py") == 0
    assert learn("check", "mine") == 1  # the other is not written
    assert learn("1", "--student", "mine") == 0
    assert "is there already: left as it is" in capsys.readouterr().out
    assert "x*x" in open("mine/01_squares.py").read()


def test_listing_tells_what_is_done_from_the_files_alone(course, capsys, lesson_file, tmp_path):
    lesson_file(folder=tmp_path / "here")
    learn()
    said = capsys.readouterr().out
    assert re.search(r"1 · Squares\n(.*\n)+    your 01_squares.py: 1 of 1 exercises pass\n2 · More", said)


def test_step_runs_skips_and_ends(course, capsys, monkeypatch):
    answers = iter(["", "s", "q"])
    asked = []
    monkeypatch.setattr("builtins.input", lambda prompt: asked.append(prompt) or next(answers))
    from tinygen.course import step

    ran = step.step(lesson.read(course / "01_squares.py"), ask=lambda p: asked.append(p) or next(answers))
    said = capsys.readouterr().out
    assert "[cell 1 of 5: Enter runs it" in asked[0] and len(asked) == 3
    assert [r.printed for r in ran if r.cell.kind == "code"] == ["first True\n", ""]
    assert "  | first True" in said and "PASS" not in said and "The square of x" in said
    assert "def square" in said and "secret" not in said and "has its solution" in said
    assert said.endswith("\nno exercise was reached\n")


def test_step_says_how_many_exercises_were_not_reached(capsys):
    from tinygen.course import step

    keys = iter(["", ""])
    step.step(lesson.read(lesson.find(4)), ask=lambda p: next(keys, "q"))
    assert capsys.readouterr().out.endswith("\n1 of 1 exercises pass; 5 more in this lesson\n")


def test_step_explains_its_keys_says_formulas_in_unicode_and_ends_with_the_tally(course, capsys):
    from tinygen.course import step

    answers = iter(["?", "help", *[""] * 9])
    step.step(lesson.read(course / "01_squares.py"), ask=lambda p: next(answers))
    said = capsys.readouterr().out
    assert said.count("skip it: later cells may need") == 2
    assert "The square of x, written x², grows." in said and "\n    y = x²\n    ≥ 0\n" in said and "$" not in said
    assert said.endswith("1 of 1 exercises pass\n")


def test_no_formula_of_the_course_is_left_as_latex():
    from tinygen.course import step

    for path in lesson.catalogue():
        for cell in lesson.read(path).cells:
            if cell.kind == "markdown":
                left = re.search(r"\\[a-zA-Z]+|\$", re.sub(r"`[^`]*`", "", step.plain(cell.source)))
                assert not left, f"{path.stem}, line {cell.line}: {left}"


@pytest.mark.parametrize(("latex", "text"), [
    (r"$\frac{f(x + h) - f(x - h)}{2h}$", "(f(x + h) - f(x - h))/(2h)"), (r"$\tfrac12 \sigma^2$", "1/2 σ²"),
    (r"$e^{a_i - A}$", "e^(aᵢ - A)"), (r"$z_{t-1}$", "zₜ₋₁"), (r"$D_{KL}(P \,\|\, Q)$", "D_(KL)(P ‖ Q)"),
    (r"$\lambda + x_{KL}^{-1}$", "λ + x_(KL)⁻¹"),
    (r"$\bar\alpha_t \geq 0$ at 5 %", "α̅ₜ ≥ 0 at 5 %"), (r"[words](lesson:6) and [x](https://e.org)",
                                                        "words and [x](https://e.org)"),
])  # fmt: skip
def test_formulas_in_unicode(latex, text):
    from tinygen.course import step

    assert step.plain(latex) == text


def test_step_writes_the_page_of_what_ran(course, capsys, monkeypatch):
    def end(prompt):
        raise EOFError

    monkeypatch.setattr(command, "_display", lambda: False)
    from tinygen.course import step

    monkeypatch.setattr(step.step, "__defaults__", (end, print))
    assert learn("1") == 0
    whole = open("tinygen-pages/01_squares.html", encoding="utf-8").read()
    assert learn("1", "--step") == 0
    assert os.path.exists("tinygen-pages/01_squares.step.html")
    assert open("tinygen-pages/01_squares.html", encoding="utf-8").read() == whole


def test_notebook_is_one_that_jupyter_reads_and_work_is_not_overwritten(course, capsys):
    import nbformat

    assert learn("1", "--notebook", "--no-open") == 0
    book = nbformat.read("01_squares.ipynb", as_version=4)
    nbformat.validate(book)
    assert [c.cell_type for c in book.cells][:3] == ["markdown", "code", "code"]
    assert "pip" in book.cells[1].source and book.metadata.kernelspec.name == "python3"
    assert "SOLUTION" not in json.dumps(book.cells) and "square is not written yet" in json.dumps(book.cells)
    assert learn("1", "--notebook", "--no-open") == 2
    assert "is there already" in capsys.readouterr().err
    assert learn("1", "--notebook", "--student", "mine", "--no-open") == 0
    assert open("mine/01_squares.ipynb").read() == open("01_squares.ipynb").read()
    os.remove("01_squares.ipynb")
    assert learn("1", "--notebook", "--solutions", "--no-open") == 0
    assert "secret" in open("01_squares.ipynb").read()


@pytest.mark.slow
@pytest.mark.parametrize("path", lesson.catalogue(), ids=lambda p: p.stem)
@pytest.mark.parametrize("solved", [True, False])
def test_every_notebook_runs(path, solved, tmp_path):
    import nbformat
    from nbclient import NotebookClient

    command.notebooks([path], tmp_path, solved=solved, show=False)
    book = nbformat.read(tmp_path / f"{path.stem}.ipynb", as_version=4)
    NotebookClient(book, timeout=300, allow_errors=not solved).execute()
    outputs = [out for cell in book.cells for out in cell.get("outputs", ())]
    errors = [out.evalue for out in outputs if out.output_type == "error"]
    assert all("is not written yet" in error for error in errors), errors
    text = "".join(out.get("text", "") for out in outputs)
    for name in excerpt.excerpts(path):
        assert f"{name}: PASS" in text if solved else f"{name} is not written yet" in text


def test_a_lesson_by_its_name_and_a_check_by_its_number(course, capsys, lesson_file, tmp_path):
    assert learn("squares", "--no-open") == 0 and learn("02_more", "--no-open") == 0
    assert learn("check", "1") == 2
    assert "01_squares.py is not in this folder; to write it here" in capsys.readouterr().err
    lesson_file(folder=tmp_path / "here")
    assert learn("check", "1") == 0 and learn("check", "squares") == 0
    os.rename("01_squares.py", "mine.py")
    assert learn("check", "1") == 0
    assert "mine.py: 1 of 1 exercises pass" in capsys.readouterr().out
    assert learn("nothing") == 2
    assert "nothing is no lesson; `tinygen learn` lists the lessons" in capsys.readouterr().err


def test_a_lesson_of_ones_own_is_judged_by_its_own_checks_only_if_asked(course, capsys, lesson_file, tmp_path):
    own = lesson_file.text.replace("def square(", "def cube(").replace("exercise(square, check_square)",
                                                                       "exercise(cube, check_square)")
    lesson_file(own, name="mine.py", folder=tmp_path / "here")
    assert learn("check", "mine.py") == 1
    assert "none of the package's lessons" in capsys.readouterr().out
    assert learn("check", "mine.py", "--lesson", "mine.py") == 0


def test_a_verdict_is_remembered_until_the_file_changes(course, capsys, lesson_file, tmp_path, monkeypatch):
    path = lesson_file(folder=tmp_path / "here")
    asked, found = [], {"error": "", "exercises": [{"name": "square", "ok": True, "said": ""}]}
    monkeypatch.setattr(home, "judge", lambda path, asked_=None: asked.append(path) or found)
    learn(), learn()
    assert len(asked) == 1 and capsys.readouterr().out.count("your 01_squares.py: 1 of 1") == 2
    path.write_text(path.read_text() + "\n# %%\n1\n")
    learn()
    assert len(asked) == 2


def test_a_terminal_without_these_letters_shows_question_marks(course, monkeypatch):
    import io

    from tinygen import commands

    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert commands.main(["learn"]) == 0
    stream.flush()
    assert b"1 ? Squares" in stream.buffer.getvalue()


def test_bare_and_version(capsys):
    from tinygen import commands

    assert commands.main([]) == 0 and "verify" in capsys.readouterr().out
    assert commands.main(["--version"]) == 0
    assert re.match(r"tinygen \S+, NumPy \d", capsys.readouterr().out)
    with pytest.raises(SystemExit):
        commands.main(["nonsense"])


@pytest.mark.parametrize(("argv", "on_path", "name"), [
    ("/me/.venv/bin/tinygen", None, "/me/.venv/bin/tinygen"), (".venv/bin/tinygen", None, ".venv/bin/tinygen"),
    ("/usr/bin/tinygen", "/usr/bin/tinygen", "tinygen"), ("tinygen", None, "tinygen"), ("/x/pytest", None, "tinygen"),
    ("/lib/tinygen/__main__.py", None, "python -m tinygen"),
])  # fmt: skip
def test_hints_name_the_command_as_it_was_called(monkeypatch, argv, on_path, name):
    import shutil

    monkeypatch.setattr(sys, "argv", [argv, "learn"])
    monkeypatch.setattr(shutil, "which", lambda name: on_path)
    assert command.called() == name


def test_a_lesson_of_the_package_as_a_script_says_that_it_is_solved(lesson_file):
    import subprocess

    for path, said in ((lesson.find(1), "This is lesson 1 with its solutions. To write them yourself: "
                                        "tinygen learn 1 --student .\n"), (lesson_file(), "")):  # fmt: skip
        code = f"import sys; sys.modules['__main__'].__file__ = {str(path)!r}; import tinygen.course"
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120).stdout == said


@pytest.mark.lessons
def test_a_lesson_of_the_package_under_pytest_says_that_it_is_solved():
    import subprocess

    path = lesson.find(1)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=path.parents[1]).stdout
    assert told.startswith("This is lesson 1 with its solutions. To write them yourself: tinygen learn 1 --student .")


def test_site_builds_all_links_them_and_rebuilds_what_changed(course, capsys, lesson_file, monkeypatch):
    monkeypatch.setattr(site, "package_stamp", lambda: "the package as it is")
    monkeypatch.setattr(site.reference, "outdated", lambda *_: False)  # which tests/course/test_reference.py builds
    monkeypatch.setattr(site, "make_notes", print)  # in a process of its own; the notes have tests of their own
    there = lambda: {n for n in os.listdir("site") if n.endswith(".html")}
    assert learn("--all", "--out", "site") == 0
    assert there() == {f"{n}.html" for n in ("01_squares", "02_more", *sides.SIDES)}
    first, second, index = (open(f"site/{n}.html", encoding="utf-8").read() for n in ("01_squares", "02_more", "index"))
    assert all('href="glossary.html"' in page for page in (first, second, index))
    assert 'class="next" href="02_more.html"' in first and 'class="previous" href="01_squares.html"' in second
    assert 'href="01_squares.html">1 · Squares' in index and re.search(r"\b3.min", index)
    before = {n: os.stat(f"site/{n}").st_mtime_ns for n in there()}
    lesson_file(lesson_file.text.replace("1 · Squares", "2 · More").replace("first", "changed"), name="02_more.py",
                folder=course)
    assert learn("--all", "--out", "site") == 0
    changed = {n for n in before if os.stat(f"site/{n}").st_mtime_ns != before[n]}
    assert changed == {"02_more.html"}
    assert "changed True" in open("site/02_more.html", encoding="utf-8").read()
    assert learn("--all", "--out", "site") == 0 and before.keys() == there()
    lesson_file("# %% [markdown]\n# # 3 · Broken\n\n# %%\n1 / 0\n", name="03_broken.py", folder=course)
    assert learn("--all", "--out", "site") == 1
    assert "03_broken:\nline 5, in <module>\n    1 / 0\nZeroDivisionError" in capsys.readouterr().err
    assert "3 · Broken" in open("site/index.html", encoding="utf-8").read()
    assert site._made_from(pathlib.Path("site/03_broken.html")) is None  # so it is built again next time


# ---- judging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "said"), [
    (("return secret", "return"), "nothing came back"),
    (("secret = x * x", "secret = x @ x @ x"), "secret = x @ x @ x"),
    (("secret = x * x", "import sys; sys.exit(0)"), "SystemExit"),
    (("secret = x * x", "secret = x / 0 if 1 / 0 else 0"), "ZeroDivisionError"),
    (("def square(x)", "def sqare(x)"), "its cell stopped before this function was there"),
    (("def square(x)", "square = 3\n\n\ndef sq(x)"), "'int' object"),
    (("secret = x * x", "secret = = x"), "SyntaxError"),
])  # fmt: skip
def test_whatever_a_student_does_is_reported(course, lesson_file, change, said):
    path = lesson_file(lesson_file.text.replace(*change))
    verdict = home.judge(path)
    text = verdict["error"] + "".join(e["said"] for e in verdict["exercises"])
    assert said in text and "Traceback" not in text and not any(e["ok"] for e in verdict["exercises"]), text


@pytest.mark.parametrize(("name", "text", "said"), [
    ("01_squares.ipynb", '{"cells": []}', "is a notebook; the lesson is its .py file: jupytext --to py:percent"),
    ("plain.py", "print(1)\n", "is not a lesson"),
    ("half.py", "# %%\ndef f():\n    ### BEGIN SOLUTION\n    pass\n", "line 3: ### BEGIN SOLUTION without"),
])  # fmt: skip
def test_a_file_that_is_no_lesson_is_said_to_be_none(course, capsys, name, text, said):
    open(name, "w").write(text)
    assert learn("check", name) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"{name}: no exercise found\n  {name}") and said in out and "Error" not in out


def test_a_file_is_judged_in_a_process_of_its_own(lesson_file):
    asked = lesson_file(name="asked.py")
    assert home.judge(lesson_file(), asked=asked)["exercises"][0]["ok"]
    path = lesson_file(lesson_file.text.replace("secret = x * x", "import os; os._exit(5)"))
    (found,) = home.judge(path, asked=asked)["exercises"]
    assert not found["ok"] and "it ended Python itself, with exit status 5" in found["said"]


def test_a_students_changed_check_does_not_count(lesson_file, tmp_path, monkeypatch):
    lesson_file(folder=tmp_path / "course")
    monkeypatch.setattr(lesson, "folder", lambda: tmp_path / "course")
    cheat = lesson_file.text.replace("secret = x * x", "secret = 2 * x").replace("lambda x: x**2", "lambda x: 2 * x")
    path = lesson_file(cheat, folder=tmp_path / "mine")
    (found,) = home.judge(path)["exercises"]
    assert found["name"] == "square" and not found["ok"]
