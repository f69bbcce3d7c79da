"""A drawing that was made short shows the same: rounded once, and what is drawn once is all there."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygen.course.drawing import share, slim

NUMBERS = st.floats(-2000, 2000).map(lambda v: round(v, 4))
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=19)


def absolute(d):
    """The end points of short path data, in order: a reader of SVG independent of the writer."""
    found, here = [], (0.0, 0.0)
    for command, rest in re.findall(r"([MmlhvqcLQC])([^MmlhvqczLQCZ]*)", d):
        numbers = [float(v) for v in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", rest)]
        if command in "hv":
            numbers = [v for one in numbers for v in ((one, 0.0) if command == "h" else (0.0, one))]
        pairs = list(zip(numbers[::2], numbers[1::2]))
        step = {"q": 2, "c": 3}.get(command, 1)
        for i in range(0, len(pairs), step):
            x, y = pairs[i + step - 1]
            here = (here[0] + x, here[1] + y) if command.islower() else (x, y)
            found.append(here)
    return found


@given(POINTS, st.sampled_from([0.1, 1.0, 8.3]), st.integers(0, 2))
def test_a_short_path_goes_through_the_same_points(points, scale, digits):
    long = "M " + " L ".join(f"{x} {y}" for x, y in points)
    got = absolute(slim.path(long, scale, digits))
    rounded = [tuple(round(v * scale, 12) for v in point) for point in points]
    bound = 0.5 * 10.0**-digits + 1e-6  # however long the path: roundings must not add up
    at = 0
    for want in rounded:  # points that fell together may be left out
        while at < len(got) - 1 and max(abs(got[at][k] - want[k]) for k in (0, 1)) > bound:
            at += 1
        assert max(abs(got[at][k] - want[k]) for k in (0, 1)) <= bound


@pytest.mark.parametrize("d", ["M 0 0 A 1 1 0 0 1 2 2", "m 1 1 h 3"])
def test_other_commands_are_left_alone(d):
    assert slim.path(d) == d


def test_a_dot_stays():
    assert slim.path("M 3 4 L 3 4") == "M3 4h0"


@given(POINTS, st.integers(0, 2))
def test_dots_and_marks_may_come_in_another_order_but_none_is_lost(points, digits):
    places = {tuple(round(v, digits) for v in point) for point in points}
    dots = slim.path(" ".join(f"M {x} {y} L {x} {y}" for x, y in points), digits=digits)
    marks = slim.path("M " + " L ".join(f"{x} {y}" for x, y in points), digits=digits, marks=True)
    for got in (absolute(dots), absolute(marks)):
        near = [min(max(abs(a - x), abs(b - y)) for x, y in got) for a, b in places]
        there = {(round(x, digits), round(y, digits)) for x, y in got}  # sums of steps differ in the last bit
        assert max(near) <= 0.6 * 10.0**-digits and len(there) <= len(points)


def inked(page):
    """What the drawings of a page show: of each drawing its leaves, (tag, attributes, x, y), every reference and class
    followed: a reader independent of the writer."""
    roots = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]
    known = {one.get("id"): one for root in roots for one in root.iter() if "id" in one.attrib}
    rules = dict(re.findall(r"\.(_\w+)\{(.*?)\}", page))

    def leaves(one, x, y, said):
        x, y = (at + int(one.get(key, 0)) * (one.tag == "use") for at, key in ((x, "x"), (y, "y")))
        looks = [rules.get(word, word) for word in one.get("class", "").split()] + [one.get("style", "")]
        said += tuple((k, v) for k, v in one.attrib.items() if k not in ("id", "href", "class", "style", "x", "y"))
        said += tuple(filter(None, looks))
        inside = [known[one.get("href")[1:]]] if one.tag == "use" else list(one)
        return [leaf for child in inside for leaf in leaves(child, x, y, said)] or [(one.tag, x, y, said)]

    return [leaves(root, 0, 0, ()) for root in roots if "shapes" not in root.get("class", "")]


def shown(body):
    sprite, shared = share.share(body)
    page = sprite + shared
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) and set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    return sprite, shared


def test_what_stands_twice_is_drawn_once_and_nothing_is_lost():
    curve = '<path d="M0 0l1 1 2 2 3 3 4 4 5 5" style="fill:none;stroke:currentColor;stroke-width:1"/>'
    other = '<path d="M1 2l1 1 2 2 3 3 4 4 7 7" style="fill:none;stroke:currentColor;stroke-width:2"/>'
    first = f'<svg viewBox="0 0 1 1"><g class="k">{curve}{other}</g></svg>'
    body = f'<p>a</p>{first}<svg viewBox="0 0 2 2">{other}</svg>' * 2
    sprite, shared = shown(body)
    assert len(shared) < len(body) / 3
    assert inked(sprite + shared) == inked(body)


WORDS = st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=12), max_size=12)


@given(WORDS)
def test_letters_that_stand_together_are_one_shape_and_stay_in_their_places(words):
    shapes = "".join(f'<path id="letter{i}" d="M{i} 0l1 1 2 2"/>' for i in range(4))
    body = ""
    for word in words:
        places = np.cumsum([gap + 1 for _, gap in word]).tolist()
        letters = "".join(f'<use href="#letter{i}" x="{x}"/>' for (i, _), x in zip(word, places))
        body += f'<svg viewBox="0 0 9 9"><defs>{shapes}</defs>{letters}</svg>'
    expected = inked(re.sub("<defs>.*?</defs>", "", body) + f'<svg class="shapes">{shapes}</svg>')
    assert inked("".join(shown(body))) == expected


def test_a_word_that_is_said_often_is_one_reference():
    letters = "".join(f'<use href="#l{i}" x="{7 * i}"/>' for i in range(1, 6))
    shapes = "".join(f'<path id="l{i}" d="M{i} 0l1 1 2 2"/>' for i in range(1, 6))
    one = '<svg viewBox="0 0 9 9"><defs>{}</defs>{}<path d="M{} 0h9"/></svg>'
    sprite, shared = shown("".join(one.format(shapes, letters, i) for i in range(9)))
    assert shared.count("<use") == 9 and sprite.count("<use") == 5


def test_definitions_of_several_drawings_with_one_name_are_kept_apart():
    one = '<svg viewBox="0 0 1 1"><defs><path id="a" d="M0 0l1 {}"/></defs><use href="#a" x="1"/></svg>'
    sprite, shared = share.share(one.format(1) + one.format(2) + one.format(1))
    first, second, third = re.findall('href="#([^"]+)"', shared)
    assert first == third != second and sprite.count("<path") == 2
