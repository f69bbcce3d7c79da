"""tinygen teach: from nothing to marks, and what it says when something is wrong."""

from tinygen import commands
from tinygen.course import lesson


def test_from_nothing_to_marks(tmp_path, capsys):
    place = str(tmp_path / "course")
    assert commands.main(["teach", "new", place, "--lessons", "4"]) == 0
    assert commands.main(["teach", "assign", place]) == 0
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ada.py").write_text(lesson.find(4).read_text(encoding="utf-8"), encoding="utf-8")
    assert commands.main(["teach", "grade", place, str(tmp_path / "in"), "--workers", "1"]) == 0
    assert commands.main(["teach", "moodle", place]) == 0
    out = capsys.readouterr().out
    assert "ada" in out and "100.0 %" in out and "assignments.zip" in out
    assert (tmp_path / "course" / "marks" / "marks.csv").is_file()


def test_what_is_wrong_is_said_in_a_line(tmp_path, capsys):
    assert commands.main(["teach", "grade", str(tmp_path), str(tmp_path)]) == 2
    assert "tinygen teach new" in capsys.readouterr().err
    assert commands.main(["teach", "new", str(tmp_path)]) == 0
    assert commands.main(["teach", "grade", str(tmp_path), str(tmp_path / "nowhere")]) == 2
    assert commands.main(["teach", "moodle", str(tmp_path)]) == 2
    assert "grade first" in capsys.readouterr().err
