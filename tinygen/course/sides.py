"""The pages beside the lessons, from Markdown that ships with this file: index, glossary, notation, for lecturers.

Their Markdown may link to a lesson, ``[words](lesson:6)`` (without words: its title), and hold marks that are filled
from what the lessons say of themselves, so that it cannot go stale: ``<!-- lessons -->`` is a card for each lesson,
``<!-- weeks: 1 4 | 5 6 -->`` a syllabus with these lessons in its weeks, ``<!-- notation -->`` the Schedule's table,
``<!-- reference -->`` a link to the reference where one was built.
"""

import html
import re
from pathlib import Path

from tinygen.course import cover, pages
from tinygen.course.drawing import render
from tinygen.course.reference import FIRST

HERE = Path(__file__).parent
SIDES = {name: title for name, title in pages.SIDES.items() if name != "notes"}  # which has a module of its own
ENTRY = re.compile(r"^- \*\*(.+?)\*\*.*?\(lesson:(\d+)\)", re.MULTILINE)  # of the glossary: its term and its lesson
CARDS = "The lessons, one card each."  # stands in the Markdown for their HTML
WEEKS = re.compile(r"<!-- weeks: (.+?) -->")


def source(name):
    """The Markdown of a side page, as it stands in its file."""
    return (HERE / f"{name}.md").read_text(encoding="utf-8")


def page(name, lessons, *, covers=None, reference=False):
    """The side page `name` of a course with these lessons, as HTML text; a lesson that is not there gets no link.

    covers: {lesson's name: its picture, an <svg>}, for the index. reference: whether the reference of the package
    stands beside the course, and is linked.
    """
    there, missing = {one.number: one for one in lessons}, set()

    def link(match):
        words, number = match[1], int(match[2])
        if number in there:
            return f"[{words or there[number].title}]({there[number].name}.html{match[3] or ''})"
        missing.add(number)
        return words or f"lesson {number}"

    text = source(name).replace("<!-- lessons -->", CARDS)
    text = text.replace("<!-- reference -->", f"All functions and classes: the [reference]({FIRST})." * reference)
    text = WEEKS.sub(lambda match: _weeks(weeks(match[1]), there), text)
    if "<!-- notation -->" in text:
        text = text.replace("<!-- notation -->", notation())
    if name == "glossary":
        text = _with_sections(text, there)
    text = re.sub(r"\[([^\]]*)\]\(lesson:(\d+)(#[\w-]+)?\)", link, text)
    if missing:
        text += f"\n\nWithout a link, since this copy of the course does not have it: {_listed(missing)}.\n"
    prose = render.Prose()
    body = prose(text)
    title = re.search(r"^# (.+)$", text, re.MULTILINE)[1]
    body = body.replace(f"<p>{CARDS}</p>", _cards(lessons, covers or {}, prose))
    return pages.beside(name, title, body, prose.headings)


def weeks(words):
    """The lessons' numbers week by week: "1 4 | 5 6" is [[1, 4], [5, 6]]."""
    return [[int(number) for number in week.split()] for week in words.split("|")]


def notation():
    """The table of letters, which has one source: the docstring of the schedule."""
    from tinygen.models.diffusion import schedule

    return "\n".join(line for line in schedule.__doc__.splitlines() if line.startswith("|"))


def minutes(one):
    """The minutes that the header of a lesson gives for reading it; 0 if it gives none."""
    return int(re.match(r"\d*", one.facts.get("Reading", ""))[0] or 0)


# ---- the glossary: where a term stands first -------------------------------------------------------------------------


def entries():
    """The glossary's terms and the lesson that each names: a list of (term, number), in the order of the page."""
    return [(term, int(number)) for term, number in ENTRY.findall(source("glossary"))]


def paragraphs(one):
    """The prose of a lesson: a list of (id of the section on its page, Markdown of one paragraph)."""
    prose, here, found = render.Prose(), "", []
    for cell in one.cells:
        for token in prose.parse(cell.source) if cell.kind == "markdown" else ():
            here = token.attrGet("id") if token.type == "heading_open" and token.tag == "h2" else here
            if token.type == "inline":
                found.append((here, re.sub(r"\s+", " ", token.content)))
    return found


def first_use(term, prose):
    """The id of the section that introduces `term` (in bold, or else first) in these `paragraphs`; None: in none."""
    spelled = re.escape(term)
    for pattern in (rf"\*\*{spelled}", rf"\b{spelled}"):
        found = [here for here, text in prose if re.search(pattern, text, re.IGNORECASE)]
        if found:
            return next(filter(None, found), "")
    return None


def _with_sections(text, there):
    """The glossary's text, each link to a lesson leading to the section in which the term stands first."""
    prose = {number: paragraphs(one) for number, one in there.items()}

    def lead(match):
        section = first_use(match[1], prose.get(int(match[2]), ()))
        return f"{match[0][:-1]}#{section})" if section else match[0]

    return ENTRY.sub(lead, text)


# ---- tables of lessons -----------------------------------------------------------------------------------------------


def sentence(one):
    """What a lesson is about, in the words of its first paragraph: its first sentence, or two if that is short."""
    prose = one.cells[0].source.split("\n\n")
    text = " ".join(next((part for part in prose[1:] if not part.startswith(("#", "|"))), "").split())
    first, *rest = re.split(r"(?<=[.?])\s+(?=[A-Z])", text)
    return f"{first} {rest[0]}" if rest and len(first) < 75 else first


def _cards(lessons, covers, prose):
    """The lessons in order: picture, title, what it is about, what comes before, how long it takes."""
    cards = []
    for one in lessons:
        title = prose.markdown.renderInline(one.title)
        before = one.facts.get("Before this", "")
        facts = [f"after {before}" if re.match(r"\d", before) else before, one.facts.get("Reading", ""),
                 f"{one.count} exercise{'s' * (one.count != 1)}"]
        picture = covers.get(one.name, "")
        picture = f'<a class="cover" href="{one.name}.html" tabindex="-1" aria-hidden="true">{picture}</a>'
        cards.append(f'<li>{picture}<div><h2><a href="{one.name}.html">{title}</a></h2>{prose(sentence(one))}'
                     f'<p class="facts">{html.escape(" · ".join(filter(None, facts)))}</p></div></li>')
    total = f"{sum(map(minutes, lessons)) / 60:.1f} hours and {sum(one.count for one in lessons)} exercises together."
    return f'{cover.way(lessons) if lessons else ""}<ol class="cards">{"".join(cards)}</ol><p class="facts">{total}</p>'


def _weeks(plan, there):
    rows = []
    for i, numbers in enumerate(plan):
        known = [there[number] for number in numbers if number in there]
        rows.append((i + 1, ", ".join(f"[](lesson:{number})" for number in numbers),
                     f"{sum(map(minutes, known))}\N{NO-BREAK SPACE}min" if known else "",
                     sum(one.count for one in known) if known else ""))
    return _table(("Week", "Lessons", "Reading", "Exercises"), rows)


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _listed(numbers):
    *first, last = (f"lesson {number}" for number in sorted(numbers))
    return f"{', '.join(first)} and {last}" if first else last
