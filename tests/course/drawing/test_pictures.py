"""Figures become SVG that follows the page's theme and is the same, byte for byte, each time."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tinygen.course import Slider
from tinygen.course.drawing import pictures


@pytest.fixture
def figure():
    with plt.rc_context(pictures.style()):
        figure, ax = plt.subplots()
        ax.plot([0, 1], [1, 0], label="falling")
        ax.plot([0, 1], [0, 1], "k", label="rising")
        ax.fill_between([0, 1], [0, 0.5], alpha=0.3)
        ax.imshow(np.eye(3), extent=(0, 0.2, 0, 0.2), interpolation="none")
        ax.set(xlabel="x & y", ylabel="nats", title="Two lines")
        ax.legend()
        ax.text(0.5, 0.5, "here", bbox={"facecolor": "white"}, in_layout=False)
        yield figure
        plt.close(figure)


def test_svg_is_reproducible_and_carries_no_date_or_maker(figure):
    first, second = (pictures.svg(figure, "a") for _ in range(2))
    assert first == second
    assert not re.search(r"metadata|Matplotlib|20\d\d-\d\d", first)


def test_svg_takes_the_pages_colours(figure):
    text = pictures.svg(figure, "a")
    assert "var(--c0, #2563b0)" in text and "stroke:currentColor" in text and 'fill="currentColor"' in text
    assert "fill:var(--page, #ffffff)" in text and not re.search(r":#(000000|ffffff|2563b0)", text)


def test_svg_says_what_it_shows_and_stands_alone(figure):
    text = pictures.svg(figure, "a")
    label = re.search('aria-label="([^"]*)"', text)[1]
    assert label == ("Figure: Two lines: nats (0 to 1) by x &amp; y (0 to 1); the curve falling falls from 1 to 0; "
                     "the curve rising rises from 0 to 1; an image of 3 by 3 pixels; marked: here.")
    assert set(re.findall(r'(?:href|src)="([^"#]{0,10})', text)) <= {"", "data:image"}
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    assert all(i.startswith(("a-", "DejaVu")) for i in ids)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', text))
    assert used and used <= ids


def test_two_figures_share_letters_only(figure):
    ids = [set(re.findall(r'\bid="([^"]+)"', pictures.svg(figure, name))) for name in "ab"]
    assert all(i.startswith("DejaVu") for i in ids[0] & ids[1])


def test_slider_draws_lazily_and_closes_what_it_draws():
    drawn = []

    def draw(v):
        drawn.append(v)
        return plt.subplots()[0]

    slider = Slider(draw, (0.5, 1.5), label="t = {:.1f}", play=True)
    assert drawn == []
    before = plt.get_fignums()
    out = slider._repr_html_()
    assert drawn == [0.5, 1.5] and plt.get_fignums() == before
    assert out.count('class="frame scrolls"') == 2 and len(re.findall('class="frame[^>]* hidden', out)) == 1
    assert 'aria-valuetext="t = 0.5"' in out
    assert 'max="1"' in out and "t = 1.5" in out and ">Play</button>" in out
    assert "Play</button>" not in Slider(draw, (0.5,))._repr_html_()


def test_the_axes_of_a_slider_stay_in_place():
    figures = []

    def draw(v):
        figure, ax = plt.subplots(layout="constrained")
        ax.plot([0, 1], [0, v])  # labels of another width would move the axes
        figures.append(figure)
        return figure

    Slider(draw, (1, 123456))._repr_html_()
    first, second = (figure.axes[0].get_position().bounds for figure in figures)
    assert first == second


@pytest.mark.parametrize("n", [0, 41])
def test_slider_has_one_to_forty_frames(n):
    with pytest.raises(ValueError, match=f"{n} values; a page takes 1 to 40"):
        Slider(None, range(n))


def test_the_palette_is_readable_on_both_pages():
    def luminance(colour):
        c = np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)]) / 255
        return np.dot(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4), [0.2126, 0.7152, 0.0722])

    def contrast(a, b):
        high, low = sorted((luminance(a), luminance(b)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    for light, dark in pictures.PALETTE:  # WCAG asks 3 of graphics
        assert contrast(light, "#fdfdfc") > 3.5 and contrast(dark, "#14171a") > 3.5
    assert contrast(pictures.PALE[0], "#fdfdfc") > 1.8 and contrast(pictures.PALE[1], "#14171a") > 3


def test_marks_that_look_the_same_are_the_corners_of_one_path():
    figure, ax = plt.subplots()
    rng = np.random.default_rng(0)
    ax.scatter(*rng.normal(size=(2, 101)), s=9, alpha=0.5, linewidths=0, color="#2563b0")
    text = pictures.svg(figure, "a")
    plt.close(figure)
    corners = re.search(r'<path d="M([^"]*)" style="fill:none;stroke:none;marker:url\(#([^)]+)\)"', text)
    assert len(re.findall(r"-?(?:\d+\.?\d*|\.\d+)", corners[1])) == 2 * 101
    assert re.search(rf'<marker id="{corners[2]}"[^>]*><path [^>]*fill:var\(--c0, #2563b0\);fill-opacity:0.5', text)


def test_ticks_bars_and_arrows_of_one_look_are_one_path_each_and_a_legend_can_be_found():
    figure, ax = plt.subplots()
    ax.bar(range(7), range(1, 8), color="#1a7f37", label="bars")
    ax.quiver(*np.random.default_rng(0).normal(size=(4, 11)), color="#c0264a")
    ax.legend()
    text = pictures.svg(figure, "a")
    plt.close(figure)
    marks = re.findall(r'<path d="([^"]*)" style="stroke:currentColor;stroke-width:8"', text)
    assert len(marks) == 2 and all(d.count("v") + d.count("h") >= 5 for d in marks), "the ticks of two axes"
    for colour, n in (("c2", 8), ("c3", 11)):  # seven bars, and the legend's
        drawn = [d for d, look in re.findall(r'<path d="([^"]*)"([^>]*)', text) if f"var(--{colour}" in look]
        assert sum(d.lower().count("m") for d in drawn) == n and len(drawn) <= 3
    assert text.count('class="key"') == 1
