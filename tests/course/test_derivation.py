"""Derivations on pages: every line typeset, with its number, and what is wrong is marked as wrong."""

import re

import pytest

from tinygen.check.derivation import Derivation, Line
from tinygen.course import derivation, lesson, pages
from tinygen.course.derivation import Shown

SQUARE = Derivation(
    "square",
    Line("(a+b)^2", lambda a, b: (a + b) ** 2, note="To begin with."),
    Line("a^2 + b^2", lambda a, b: a**2 + b**2, wrong="2ab is missing"),
    Line("a^2 + 2ab + b^2", lambda a, b: a**2 + 2 * a * b + b**2),
    Line("4ab", lambda a, b: 4 * a * b, ">=", gap=lambda a, b: (a - b) ** 2, gap_latex="(a-b)^2"),
    points=[dict(a=1.0, b=2.0)], source="paper <1>", title="The square of a sum",
)  # fmt: skip


def test_a_derivation_shows_each_line_with_its_number_and_mark():
    out = Shown(SQUARE.check())._repr_html_()
    assert re.findall(r'<tr class="(\w+)"', out) == ["pass", "wrong", "pass", "pass"]
    marks = re.findall(r'<td>([\d.]+)</td><td><span role="img" aria-label="([\w ]+)">(.)</span></td>', out)
    assert marks == [("9", "holds", "✓"), ("5", "is wrong", "✗"), ("9", "holds", "✓"), ("8", "holds", "✓")]
    assert out.count("<del>") == 1 and "<del>" in out.split('<tr class="wrong">')[1].split("</tr>")[0]
    assert "This line is wrong: 2ab is missing." in out and "The gap, 1, is <" in out
    assert "To begin with." in out and "paper &lt;1&gt;" in out and '<span class="pass">holds</span>' in out


def test_a_false_derivation_says_so():
    false = Derivation("false", Line("a", lambda a: a), Line("2a", lambda a: 2 * a), points=[dict(a=3.0)])
    out = Shown(false.check())._repr_html_()
    assert '<span class="fail">is false</span>' in out and '<tr class="fail">' in out and "✗" in out


def test_the_packages_derivations_are_found_by_name():
    assert str(derivation("elbo/chain")).startswith("PASS  elbo/chain")
    with pytest.raises(lesson.LessonError, match="nothing/here"):
        derivation("nothing/here")
    with pytest.raises(lesson.LessonError, match="not the name of one derivation: elbo/chain, "):
        derivation("elbo")


def test_links_to_derivations_lead_to_their_lines(lesson_file):
    text = ("# %% [markdown]\n# # 1 · T\n#\n"
            "# The chain [holds](derivation:elbo/chain), it [does](derivation:elbo/chain).\n")
    read = lesson.read(lesson_file(text))
    out = pages.page(read, list(lesson.run(read)))
    assert out.count('href="#derivation-elbo-chain"') == 2 and out.count('id="derivation-elbo-chain"') == 1
    assert out.count('class="derived"') == 1 and "Derivations, checked line by line" in out
