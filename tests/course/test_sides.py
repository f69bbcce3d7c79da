"""The pages beside the lessons: every link leads somewhere, and what they say of a lesson is what the lesson says."""

import re
import shlex
from html.parser import HTMLParser

import numpy as np
import pytest

from tinygen import commands
from tinygen.course import cover, lesson, sides

LESSONS = {one.number: one for one in map(lesson.read, lesson.catalogue())}
PROSE = {number: sides.paragraphs(one) for number, one in LESSONS.items()}
LAST = 16  # of the course as it is planned


class Links(HTMLParser):
    """The addresses, ids and table cells of a page."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.ids = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.addresses += [attrs["href"]] if tag == "a" else []


@pytest.fixture(scope="module")
def built():
    return {name: sides.page(name, list(LESSONS.values())) for name in sides.SIDES}


def test_every_link_leads_to_a_page_and_a_section_that_exist(built):
    seen = {name: Links(text) for name, text in built.items()}
    ids = {f"{name}.html": set(page.ids) for name, page in seen.items()} | {"notes.html": set()}
    ids |= {f"{one.name}.html": {here for here, _ in PROSE[number]} for number, one in LESSONS.items()}
    for name, page in seen.items():
        assert len(page.ids) == len(set(page.ids))
        for address in page.addresses:
            target, _, section = address.partition("#")
            assert target in ids or not target, address
            assert not section or section in ids[target or f"{name}.html"], address


def test_a_section_that_a_link_names_is_one_of_the_lessons_page(lesson_file):
    from tinygen.course import pages

    text = lesson_file.text.replace("## Your turn", "## Your turn\n#\n# A **parabola** is $x^2$.\n#\n# ## Your turn")
    one = lesson.read(lesson_file(text))
    section = sides.first_use("parabola", sides.paragraphs(one))
    assert section == "your-turn" and f'id="{section}"' in pages.page(one, list(lesson.run(one)))
    assert sides.first_use("hyperbola", sides.paragraphs(one)) is None


def test_the_glossary_is_sorted_and_each_line_is_an_entry():
    text = sides.source("glossary")
    terms = [term for term, _ in sides.entries()]
    assert len(terms) > 80 and terms == sorted(set(terms), key=str.lower)
    assert len(re.findall("^- ", text, re.MULTILINE)) == len(terms)
    for letter, body in re.findall(r"^## (\w)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        assert all(term[0].upper() == letter for term, _ in sides.ENTRY.findall(body)), letter
    for line in re.findall(r"^- .*$", text, re.MULTILINE):
        assert re.search(r"\(lesson:\d+\)\)\. .*\.$", line), line


@pytest.mark.parametrize(("term", "number"), sides.entries())
def test_a_term_stands_in_the_lesson_that_it_names_and_is_bold_in_none_before(term, number):
    assert 1 <= number <= LAST
    if number not in LESSONS:
        pytest.skip(f"lesson {number} is not there")
    assert sides.first_use(term, PROSE[number]) is not None
    bold = re.compile(rf"\*\*{re.escape(term)}\*\*", re.IGNORECASE)
    assert not [n for n in PROSE if n < number and any(bold.search(text) for _, text in PROSE[n])]


# Words of the glossary that stand for something else in an earlier lesson, explained there or plain English.
ELSEWHERE = {"divergence", "order", "flow", "precision", "rate", "score", "beta", "autoencoder", "discriminator",
             "generator"}


@pytest.mark.parametrize(("term", "number"), sides.entries())
def test_a_term_is_explained_before_it_is_used(term, number):
    used = re.compile(rf"(?<![\w-]){re.escape(term)}(?![\w-])", re.IGNORECASE)
    if term not in ELSEWHERE:
        before = {n: text for n in PROSE if n < number for _, text in PROSE[n] if used.search(text)}
        assert not before
    own = [text for _, text in PROSE.get(number, ()) if used.search(text)]
    bold = [i for i, text in enumerate(own) if re.search(rf"\*\*{re.escape(term)}", text, re.IGNORECASE)]
    assert not bold or bold[0] <= 1, f"used before it is explained: {own[0]}"  # a title and a quotation may be first


def test_the_words_for_a_divergence_have_one_direction():
    """Of the first relative to the second; "from" and "to" are used both ways elsewhere, so only in quotations."""
    wrong = re.compile(r"(divergence|\bKL) (\S+ ){0,3}from\b(?! lesson| function)|from \$?q\$? to (the|\$?P)", re.I)
    for number, prose in PROSE.items():
        for _, text in prose:
            assert not wrong.search(re.sub(r'"[^"]*"', "", text)), f"lesson {number}: {text}"


def test_a_lesson_that_is_not_there_gets_no_link_and_is_named():
    text = sides.page("lecturers", [LESSONS[1], LESSONS[4]])
    assert f'href="{LESSONS[4].name}.html"' in text and LESSONS[5].name not in text
    assert "lesson 5, lesson 6</td>" in text and re.search(r"does not have it: lesson 2, .* and lesson 16", text)
    assert "does not have it" not in sides.page("index", [LESSONS[1]])


def test_the_index_has_a_card_for_each_lesson_and_the_tables_say_what_the_lessons_say(built):
    cards = re.findall(r'<li><a class="cover".*?</li>', built["index"], re.DOTALL)
    assert len(cards) == len(LESSONS)
    for card, (number, one) in zip(cards, LESSONS.items()):
        assert card.count(f'href="{one.name}.html"') == 2 and f"{one.count} exercises" in card, number
        words = re.sub("<[^>]*>", "", card)
        assert one.facts["Reading"] in words and len(sides.sentence(one)) < 250 and sides.sentence(one)[-1] in ".?"
    assert f"{sum(one.count for one in LESSONS.values())} exercises together" in built["index"]
    week = re.search(r"<tr>\s*<td[^>]*>1</td>.*?</tr>", built["lecturers"], re.DOTALL)[0]
    assert f"{sides.minutes(LESSONS[1]) + sides.minutes(LESSONS[4])}\N{NO-BREAK SPACE}min" in week


def test_the_way_joins_each_lesson_to_what_it_asks_for_directly():
    assert cover.direct(8, {4: set(), 5: {4}, 6: {4, 5}, 7: {4, 6}, 8: {4, 5, 6, 7}}) == {7}
    drawn = cover.way(list(LESSONS.values()))
    assert drawn.count("<circle") == len(LESSONS) and "6 after 5;" in drawn
    places = re.findall('cx="(\\d+)" cy="(\\d+)"', drawn)
    assert len(set(places)) == len(places)
    dots = {(int(x), int(y)) for x, y in places}
    for line in re.findall('d="M(\\d+) (\\d+)L(\\d+) (\\d+)"', drawn):
        ax, ay, bx, by = map(int, line)
        for x, y in dots - {(ax, ay), (bx, by)}:  # the distance of a dot of radius 15 from the line
            along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2), 0, 1)
            assert np.hypot(ax + along * (bx - ax) - x, ay + along * (by - ay) - y) > 15.5, (line, x, y)


def test_each_syllabus_has_its_weeks_and_keeps_the_order_that_the_lessons_ask_for():
    plans = [sides.weeks(words) for words in sides.WEEKS.findall(sides.source("lecturers"))]
    assert [len(plan) for plan in plans] == [4, 8, 12]
    for plan, known in zip(plans, ({1, 2, 3}, set(), set())):  # the page says what the first takes as known
        done = set(known)
        for number in [number for week in plan for number in week]:
            assert number not in done and 1 <= number <= LAST
            if number in LESSONS:
                needs = {int(n) for n in re.findall(r"\d+", LESSONS[number].facts["Before this"])}
                assert needs <= done, f"lesson {number} comes before what it needs"
            done.add(number)
    assert {n for week in plans[2] for n in week} == set(range(1, LAST + 1))


def test_the_page_for_lecturers_gives_commands_that_exist_and_a_lesson_that_works(tmp_path):
    text = sides.source("lecturers")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    calls = re.findall(r"^tinygen (.*)$", "".join(blocks), re.MULTILINE)
    assert len(calls) == 10
    for command in calls:
        commands.parser(["learn", "teach"]).parse_args(shlex.split(command))
    code = re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]
    path = tmp_path / "mine.py"
    path.write_text(f"# %%\n{code}", encoding="utf-8")
    (ran,) = lesson.run(lesson.read(path))
    assert not ran.error and ran.exercises[0].report.ok and lesson.read(path).count == 1


def test_the_notation_is_the_schedules(built):
    assert "<mover><mi>α</mi>" in built["notation"] and "posterior_var[t]" in built["notation"]
    assert sides.notation().count("\n") > 8
