"""The course notes, equation by equation: each in our words, with its verdict, the number that shows it, and, where it
needs one, the correction. All of this is read from the derivation that checks the equation, when the page is built.

notes.md has the equations in order. Above each stands what checks it: "### elbo/chain 1 -> 2, lesson 6, also elbo/loss"
says that line 1 of the derivation elbo/chain is the equation, that line 2 is right in its place, in which lesson it is
treated, and what further derivations are about it. Lines count from 0. "a reading" after the lesson: the equation is
right as it is meant, line 1 is what its words can be misread as, and "Meant:" below it says what is meant.
"""

import html
import re
from dataclasses import dataclass

from tinygen.course import pages
from tinygen.course.derivation import SIGN, derivation
from tinygen.course.derivation import number as shown_number
from tinygen.course.drawing import render

TITLE = "The notes, equation by equation"
ENTRY = re.compile(r"^### (\S+) (\d+)(?: -> (\d+))?, lesson (\d+)(?:, a reading)?(?:, also ([^\n]+))?\n\n"
                   r"(.+?)\n\n\$\$(.+?)\$\$(?:\n\nMeant: ([^\n]+))?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Equation:
    """An equation of the notes: the `place` where it stands, the `latex`, what it `says` (Markdown), the derivation
    that checks it (`claim`) with the line that `stands` for it and the one that is `right` in its place (None: it is
    right itself), the `lesson` that treats it, `more` derivations about it, and what is `meant` (Markdown), if it is
    a reading of words that can be misread; else ""."""

    place: str
    latex: str
    says: str
    claim: str
    stands: int
    right: int | None
    lesson: int
    more: tuple
    meant: str


def equations():
    """(the introduction, [Equation]), as they stand in notes.md."""
    intro, *places = re.split(r"^## ", (pages.HERE / "notes.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = []
    for text in places:
        place = text.split("\n", 1)[0]
        for claim, stands, right, lesson, more, says, latex, meant in ENTRY.findall(text):
            right = int(right) if right else None
            more = tuple(more.split())
            found.append(Equation(place, latex, says, claim, int(stands), right, int(lesson), more, meant))
    return intro, found


def page(lessons=(), stamp=""):
    """The page as HTML text. lessons: those of the course that this copy has pages of, which are linked to.

    Runs every derivation that it shows, some 20 seconds.
    """
    there, reports = {one.number: one for one in lessons}, {}
    words, them = equations()
    for one in them:
        for name in (one.claim, *one.more):
            if name not in reports:
                reports[name] = derivation(name)
    prose, body, rows, shown, place = render.Prose(), [], [], set(), ""
    intro = prose(words)
    for number, one in enumerate(them, 1):
        if one.place != place:
            place = one.place
            body.append(prose(f"## {place}"))
        kind, word = verdict(one, reports[one.claim].report)
        rows.append(f'<tr><td><a href="#equation-{number}">{number}</a></td><td>{prose(one.says).strip()}</td>'
                    f'<td class="{kind}">{word}</td></tr>')
        body.append(_equation(number, one, reports, prose, there, shown))
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("", "Equation", "Verdict"))
    table = (f'<details class="check"><summary>All {len(them)} in a table</summary>'
             f'<table><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></details>')
    return pages.beside("notes", TITLE, intro + table + "".join(body), prose.headings, stamp)


def verdict(one, report):
    """What is to be said of an equation: (class, word), from the line of the derivation that stands for it."""
    line = report.details["lines"][one.stands]
    if report.verdict != "PASS":
        return "undecided", "its check does not pass"
    if one.meant:
        return "undecided", "can be misread"
    return ("fail", "needs a correction") if line["wrong"] else ("pass", "holds")


def numbers(one, report):
    """What shows the verdict, in words: the value of the equation's line beside that of the right line before it (or,
    of the first line, after it)."""
    lines = report.details["lines"]
    line = lines[one.stands]
    other = next(found for found in (*lines[:one.stands][::-1], *lines[one.stands + 1:]) if not found["wrong"])
    mine, beside = shown_number(line["value"]), shown_number(other["value"])
    if line["wrong"]:
        return f"{mine}, against {beside}" if line["relation"] == "=" else f"{beside} before it, and this is {mine}"
    if line["relation"] in (">=", "<="):
        return f"{mine}, not {'above' if line['relation'] == '>=' else 'below'} {beside}"
    return f"{mine} on both sides"


def _equation(number, one, reports, prose, there, shown):
    report = reports[one.claim].report
    lines, (kind, word) = report.details["lines"], verdict(one, report)
    wrong = lines[one.stands]["wrong"]
    parts = [f'<p class="what"><a href="#equation-{number}">{number}</a> · <span class="{kind}">{word}</span></p>',
             prose(one.says), render.math(one.latex, True),
             f'<p class="number">At {html.escape(report.details["shown"])}: {numbers(one, report)}.</p>']
    why = html.escape(wrong[:1].upper() + wrong[1:] if wrong[1:2].isalpha() else wrong)
    if one.meant:
        parts.append(f'<p class="why">Read so, it is wrong: {html.escape(wrong)}.</p>{prose("Meant is " + one.meant)}')
    elif wrong:
        right = lines[one.right]
        instead = f"{SIGN[right['relation']]} {right['latex']}"
        value = shown_number(right["value"])
        parts.append(f'<p class="why">{why}. In its place, {value}:</p>{render.math(instead, True)}')
    lesson = there.get(one.lesson)
    anchored = lesson and f"(derivation:{one.claim})" in lesson.text
    where = (f'<a href="{lesson.name}.html{"#" + render.anchor(one.claim) if anchored else ""}">lesson {one.lesson}</a>'
             if lesson else f"lesson {one.lesson}")
    parts.append(f'<p class="where">Treated in {where}.</p>')
    for name in (one.claim, *one.more):
        title = html.escape(reports[name].report.details["title"] or name)
        if name in shown:
            parts.append(f'<p class="where">Derivation: <a href="#{render.anchor(name)}">{title}</a></p>')
        else:
            shown.add(name)
            table = reports[name]._repr_html_()
            parts.append(f'<details class="check" id="{render.anchor(name)}"><summary>Derivation: {title}</summary>'
                         f"{table}</details>")
    return f'<section class="equation" id="equation-{number}">{"".join(parts)}</section>'
