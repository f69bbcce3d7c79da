"""Derivations: right lines pass, the first wrong one is named, expected failures must fail."""

import json

import numpy as np
import pytest

from tinygen.check.derivation import Derivation, Line

POINTS = [dict(a=1.0, b=2.0), dict(a=-3.0, b=0.5)]


def square(*lines, **options):
    return Derivation("square", Line("(a+b)^2", lambda a, b: (a + b) ** 2), *lines, **({"points": POINTS} | options))


RIGHT = Line("a^2+2ab+b^2", lambda a, b: a**2 + 2 * a * b + b**2)
WRONG = Line("a^2+b^2", lambda a, b: a**2 + b**2)


def test_a_right_chain_passes():
    report = square(RIGHT, Line("4ab", lambda a, b: 4 * a * b, ">=", gap=lambda a, b: (a - b) ** 2)).check()
    assert report.ok and [entry.verdict for entry in report.entries] == ["PASS"] * 3
    assert report.details["lines"][2]["difference"] == pytest.approx(1.0)  # (1 - 2)^2 at the point that is shown
    assert "gap 1" in str(report)


@pytest.mark.parametrize("error", [1e-1, 1e-6, 1e-12])
def test_a_line_that_is_off_fails_and_is_named(error):
    off = Line("almost", lambda a, b: (a + b) ** 2 * (1 + error))
    report = square(RIGHT, off, off).check()
    assert [entry.verdict for entry in report.entries] == ["PASS", "PASS", "FAIL", "PASS"]
    assert "first false line is line 3" in str(report) and "almost" in str(report)


def test_only_the_false_line_is_false():
    report = square(WRONG, RIGHT, Line("(b+a)^2", lambda a, b: (b + a) ** 2)).check()
    assert [entry.verdict for entry in report.entries] == ["PASS", "FAIL", "PASS", "PASS"]
    assert "line 2" in report.notes[0] and "agrees with line 1" in report.entries[2].note
    report = square(WRONG, WRONG, RIGHT, WRONG).check()  # the mistake is carried on, mended, and made again
    assert [entry.verdict for entry in report.entries] == ["PASS", "FAIL", "PASS", "PASS", "FAIL"]
    assert "as false" in report.entries[2].note and "agrees with line 1" in report.entries[3].note
    bound = square(WRONG, Line("4ab", lambda a, b: 4 * a * b, ">=")).check()  # true of line 2 as well
    assert [entry.verdict for entry in bound.entries] == ["PASS", "FAIL", "PASS"]


@pytest.mark.parametrize("error", [1e-9, 1e-7])
def test_numbers_that_nearly_agree_look_different_and_are_no_factor(error):
    off = Line("almost", lambda a, b: (a + b) ** 2 * (1 + error))
    said = str(square(off, points=POINTS + [dict(a=0.3, b=k / 7) for k in range(4)]).check())
    got, expected = said.split("not equal: ")[1].split(" +-")[0].split(" against ")
    assert got != expected and "times the line before" not in said


def test_without_points_nothing_is_false():
    report = square(WRONG, points=[]).check()
    assert report.verdict == "UNDECIDED" and "points=[dict(a=1.5, b=1.5)]" in str(report).replace("\n", " ")
    assert "false" not in str(report)
    assert Derivation("numbers", Line("1", lambda: 1.0), Line("2/2", lambda: 2 / 2)).check().ok


def test_an_expected_failure_passes_and_is_left_out_of_the_chain():
    report = square(Line("a^2+b^2", WRONG.value, wrong="2ab is missing"), RIGHT).check()
    assert report.ok
    line = report.details["lines"][1]
    assert line["difference"] == pytest.approx(4.0) and line["value"] == 5.0
    assert "false, as expected: 2ab is missing" in str(report)


def test_an_expected_failure_that_holds_fails():
    report = square(Line("right", RIGHT.value, wrong="said to be wrong")).check()
    assert report.verdict == "FAIL" and "it holds" in str(report)


def test_a_line_wrong_at_one_point_only_is_wrong():
    only = Line("|a+b|^2 of a > 0", lambda a, b: np.where(a > 0, (a + b) ** 2, 0 * a))
    assert square(only).check().verdict == "FAIL"
    assert square(only, points=POINTS[:1]).check().verdict == "PASS"


@pytest.mark.parametrize(
    ("relation", "value", "verdict"),
    [
        (">=", lambda a, b: 4 * a * b, "PASS"),
        (">=", lambda a, b: (a + b) ** 2 + 1e-9, "FAIL"),
        ("<=", lambda a, b: (a + b) ** 2 + 1.0, "PASS"),
        ("<=", lambda a, b: (a + b) ** 2 - 1e-9, "FAIL"),
    ],
)
def test_inequalities_have_a_direction(relation, value, verdict):
    assert square(Line("other", value, relation)).check().verdict == verdict


def test_a_wrong_gap_fails_and_a_tight_bound_is_said():
    wrong = square(Line("4ab", lambda a, b: 4 * a * b, ">=", gap=lambda a, b: (a - b) ** 2 * (1 + 1e-6))).check()
    assert wrong.verdict == "FAIL" and "gap is not its closed form" in str(wrong)
    tight = square(Line("itself", RIGHT.value, ">=")).check()
    assert tight.ok and "tight at every point" in str(tight)


def test_a_bar_that_is_too_wide_is_undecided_not_passed():
    blurred = Line("blurred", lambda a, b: ((a + b) ** 2, 1.0))
    assert square(blurred).check().verdict == "UNDECIDED"
    cancelling = Line("cancelling", lambda a, b: ((a + b) ** 2 + 1e16) - 1e16)
    report = square(cancelling).check()
    assert report.verdict == "UNDECIDED" and "too wide" in str(report)


def test_rounding_alone_never_fails():
    chain = Derivation(
        "variance",
        Line("moments", lambda x: np.mean(x**2) - np.mean(x) ** 2),
        Line("centred", lambda x: np.mean((x - np.mean(x)) ** 2)),
        draw=lambda rng: dict(x=10.0 ** rng.integers(0, 6) + rng.normal(size=11)),
        draws=100,
    )
    assert chain.check(5).verdict != "FAIL"


def test_infinities_shapes_and_nan():
    infinite = Line("inf", lambda a, b: np.inf)
    assert Derivation("inf", infinite, infinite, points=POINTS).check().ok
    shape = square(Line("row", lambda a, b: np.stack([(a + b) ** 2])), points=POINTS[:1]).check()
    assert shape.verdict == "FAIL" and "shape is (1,)" in str(shape)
    undefined = square(Line("nan", lambda a, b: np.log(a) - np.log(a))).check()
    assert undefined.verdict == "FAIL" and "nan at a=-3" in str(undefined)


def test_a_line_that_raises_or_asks_for_what_is_not_there_is_told_with_its_line():
    report = square(Line("x", lambda a: [][int(a)]), RIGHT, Line("y", lambda c: c)).check()
    lines = report.details["lines"]
    assert [line["raised"] for line in lines] == [False, True, False, True]
    assert "IndexError" in str(report) and "test_derivation.py, line" in str(report)
    assert "it needs c, but the points have a, b" in str(report)
    assert lines[2]["verdict"] == "PASS"  # joined to the last line that could be computed


def test_arrays_are_compared_entry_by_entry():
    f = lambda x: np.cumsum(x)
    g = lambda x: np.stack([x[0], x[0] + x[1], x[0] + x[1] + x[2] * (1 + 1e-7)])
    lines = lambda other: [Line("cumsum", f), Line("by hand", other)]
    chain = lambda other: Derivation("sums", *lines(other), draw=lambda rng: dict(x=rng.random(3)))
    assert chain(g).check().verdict == "FAIL"
    assert chain(lambda x: np.stack([x[0], x[0] + x[1], x[0] + x[1] + x[2]])).check().ok


def test_random_points_follow_the_seed_and_the_report_is_json():
    seen = []
    chain = square(
        Line("seen", lambda a, b: seen.append(a) or (a + b) ** 2),
        points=[],
        draw=lambda rng: dict(a=rng.normal(), b=rng.normal()),
    )
    chain.check(7), chain.check(8)
    assert len({s for s in seen if isinstance(s, float)}) == 10
    content = json.loads(json.dumps(chain.check(7).to_dict(), allow_nan=False))
    assert content["details"]["lines"][1]["latex"] == "seen" and content["verdict"] == "PASS"


def test_what_is_no_derivation_is_refused():
    with pytest.raises(TypeError, match="at least two lines"):
        Derivation("short", RIGHT)
    with pytest.raises(ValueError, match="relation must be one of"):
        Line("x", lambda: 1.0, "~")
    with pytest.raises(ValueError, match="gap"):
        Line("x", lambda: 1.0, gap=lambda: 0.0)
    with pytest.raises(TypeError, match="value must be a function"):
        Line("x", 1.0)
    with pytest.raises(ValueError, match="first line"):
        Derivation("x", Line("x", lambda: 1.0, wrong="x"), Line("x", lambda: 1.0))
