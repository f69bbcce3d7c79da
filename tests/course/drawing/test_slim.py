"""A drawing that was made short shows the same: rounded once, and what is drawn once is all there."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygen.course.drawing import share, slim

NUMBERS = st.floats(-2000, 2000).map(lambda v: round(v, 4))
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=19)


def absolute(d):
    """The end points of short path data, in order: a reader of SVG independent of the writer."""
    found, here = [], (0.0, 0.0)
    for command, rest in re.findall(r"([MlqcLQC])([^MlqczLQCZ]*)", d):
        numbers = [float(v) for v in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", rest)]
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
    assert slim.path("M 3 4 L 3 4") == "M3 4l0 0"


def expanded(sprite, body):
    """A page's drawings with every reference to a shape replaced by the shape."""
    shapes = {}
    for name in re.findall(r'<(?:path|g|rect) id="([^"]+)"', sprite):
        one = re.search(rf'<(\w+) id="{name}"([^>]*?)(/>|>.*?</\1>)', sprite)
        shapes[name] = one[3][1:-4] if one[1] == "g" and not one[2] else f"<{one[1]}{one[2]}{one[3]}"
    for _ in range(3):
        body = re.sub(r'<use href="#([^"]+)"/>', lambda m: shapes[m[1]], body)
    return body


def test_what_stands_twice_is_drawn_once_and_nothing_is_lost():
    curve = '<path d="M0 0l1 1 2 2 3 3 4 4 5 5" style="fill:none;stroke:currentColor;stroke-width:1"/>'
    other = '<rect x="1" y="2" width="3" height="4" style="fill:none;stroke:currentColor;stroke-width:2"/>'
    first = f'<svg viewBox="0 0 1 1"><g class="k">{curve}{other}</g></svg>'
    body = f'<p>a</p>{first}<svg viewBox="0 0 2 2">{other}</svg>' * 2
    sprite, shared = share.share(body)
    assert len(shared) < len(body) and sprite.count("<path") == 1
    assert expanded(sprite, shared) == body
    ids = re.findall(r' id="([^"]+)"', sprite + shared)
    assert len(ids) == len(set(ids)) and set(re.findall(r'href="#([^"]+)"', shared)) <= set(ids)


def test_definitions_of_several_drawings_with_one_name_are_kept_apart():
    one = '<svg viewBox="0 0 1 1"><defs><path id="a" d="M0 0l1 {}"/></defs><use href="#a" x="1"/></svg>'
    sprite, shared = share.share(one.format(1) + one.format(2) + one.format(1))
    first, second, third = re.findall('href="#([^"]+)"', shared)
    assert first == third != second and sprite.count("<path") == 2
