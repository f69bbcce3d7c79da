"""The page of the notes: every equation in its order, each with its check that passes and that check's numbers."""

import re

import pytest

from tinygen.course import derivation, notes

INTRO, EQUATIONS = notes.equations()
# What each equation of the notes is about, in the order of the notes; "!" marks those that need a correction, "?" those
# that are right as they are meant and can be misread.
ORDER = r"""two ways | ?mean under | ?another normal | !The loss | behind | brought in | Jensen | sum | two terms |
closed form | !fixed sample | source of randomness | !noise alone | !spit out | !resembles | !add $\beta$ |
!true negative | step by step | !sum-of-squares | ?product runs | ?one letter | !unit normal back |
!as if that were normal | evidence again | brought in | Jensen | !products over the steps | !sum of divergences |
express literally | !one-step noise | !its weights | !just grab | !add a label"""


@pytest.fixture(scope="module")
def reports():
    return {name: derivation(name).report for one in EQUATIONS for name in (one.claim, *one.more)}


def test_all_equations_are_there_in_the_order_of_the_notes():
    about = [words.strip() for words in ORDER.split("|")]
    assert len(about) == len(EQUATIONS)
    for words, one in zip(about, EQUATIONS):
        assert words.lstrip("!?") in one.says and (words[0] in "!?") == (one.right is not None), one.says
        assert (words[0] == "?") == bool(one.meant), one.says
    assert len(re.findall("^###", (notes.pages.HERE / "notes.md").read_text(encoding="utf-8"), re.M)) == len(EQUATIONS)


def test_every_equation_has_its_check_which_passes_and_a_right_line_where_it_is_wrong(reports):
    for one in EQUATIONS:
        assert all(reports[name].verdict == "PASS" for name in (one.claim, *one.more))
        lines = reports[one.claim].details["lines"]
        assert bool(lines[one.stands]["wrong"]) == (one.right is not None), one.says
        assert one.right is None or not lines[one.right]["wrong"]
        kind = "pass" if one.right is None else "undecided" if one.meant else "fail"
        assert notes.verdict(one, reports[one.claim])[0] == kind


def test_the_page_says_the_numbers_of_the_checks(reports, monkeypatch):
    monkeypatch.setattr(notes, "derivation", lambda name: derivation_of(reports[name]))
    text = notes.page()
    assert text.count('class="equation"') == len(EQUATIONS)
    for number, one in enumerate(EQUATIONS, 1):
        part = text.split(f'id="equation-{number}"')[1].split("</section>")[0]
        value = notes.shown_number(reports[one.claim].details["lines"][one.stands]["value"])
        assert value in re.search('class="number">(.*?)</p>', part)[1]
        assert ("In its place" in part or "Meant is" in part) == (one.right is not None)
        assert ("Read so, it is wrong" in part) == bool(one.meant)
        assert re.search(f'(#|id=")derivation-{one.claim.replace("/", "-")}"', part)


def derivation_of(report):
    from tinygen.course.derivation import Shown

    return Shown(report)


def test_a_check_that_stops_passing_is_said(reports):
    one = EQUATIONS[0]
    report = type("R", (), {"verdict": "FAIL", "details": reports[one.claim].details})
    assert notes.verdict(one, report) == ("undecided", "its check does not pass")
