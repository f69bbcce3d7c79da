"""Markdown, mathematics and code become HTML that needs nothing from outside."""

import re
from xml.etree import ElementTree

import pytest

from tinygen.course.drawing import render
from tinygen.course.lesson import LessonError

FORMULAS = [
    r"x^2",
    r"\mathbf{x} \sim \mathcal{N}(\boldsymbol{\mu}, \sigma^2 I)",
    r"f(x) = \begin{cases} x & x > 0 \\ 0 & \text{else, always} \end{cases}",
    r"\begin{align*} D_{KL}(P \parallel Q) &= \int P \log \frac{P}{Q}\, dx && (1) \\ &\geq 0 && (2) \end{align*}",
    r"\underbrace{\mathbb{E}_q \big[\log x\big]}_{\text{fit}} - \tfrac12 \sum_{j=1}^{k} \left(e^{\ell_j} - 1\right)",
    r"\operatorname{tr}(W^\top W), \quad \lVert x \rVert^2, \quad \nabla_\theta \hat{x}, \quad \sqrt{\bar\alpha_t}",
]  # fmt: skip


@pytest.mark.parametrize("latex", FORMULAS)
@pytest.mark.parametrize("display", [True, False])
def test_formulas_are_drawn_in_the_text_colour_and_said_in_mathml(latex, display):
    out = render.math(latex, display)
    drawn = "".join(re.findall("<svg.*?</svg>", out, re.DOTALL))
    assert "black" not in out and "<text" not in out and "font-family" not in out and 'fill="' not in out
    assert drawn.count('aria-hidden="true"') == drawn.count("<svg") >= 1 == out.count("<math")
    assert ElementTree.fromstring(re.search("<math.*?</math>", out)[0]).tag == "math"
    assert re.search(r"width:[\d.]+em;vertical-align", out)


def test_no_letter_is_lost():
    for latex, letters in ((r"\text{prior term}(x_i)", 13), (r"\frac{z_t + \beta}{2}", 5), (r"\log x", 4)):
        assert len(re.findall("<use ", render.formula(latex, True))) == letters


def test_a_displayed_line_may_be_broken_at_its_relations_and_signs():
    assert render.math("a + b", True).count("<svg") == 1
    assert render.math(r"\log Pr(x \mid z) = \int q \log p\, dz - D_{KL}(q \,\|\, p)", True).count("<svg") == 3
    rows = render.math(r"\begin{align*} a &= b && (1) \\ &\geq c + d && (2) \end{align*}", True)
    assert rows.count('class="left"') == rows.count('class="tag"') == 2 and '<span class="left"></span>' in rows


def test_what_stays_wider_than_a_phone_is_broken_inside_brackets():
    inner = " + ".join(r"\log Pr(x \mid z)" for _ in range(6))
    widths = re.findall(r"width:([\d.]+)em", render.math(rf"\mathbb{{E}} \big[ {inner} \big]", True))
    assert len(widths) > 3 and all(float(width) < render.WIDE for width in widths)


@pytest.mark.parametrize("latex", [r"\left(-\sum_i p_i\log p_i\right)", r"\mathbb E\left[\sum_{i\in B} x_i\right]"])
def test_brackets_around_a_sum_have_a_size(latex):
    assert float(re.search(r'viewBox="\S+ \S+ \S+ (\d+)"', render.math(latex, True))[1]) < 4 * render.EM


@pytest.mark.parametrize(("loose", "tight"), [(r"\mathbb E x", r"\mathbb{E} x"), (r"\mathbf z", r"\mathbf{z}")])
def test_letters_need_no_braces(loose, tight):
    shapes = [re.findall(r'<use href="#([^"]+)"', render.math(latex, True)) for latex in (loose, tight)]
    assert shapes[0] == shapes[1]


def test_a_formula_that_cannot_be_drawn_is_named():
    with pytest.raises(LessonError, match=r"cannot typeset the formula '\\\\begin\{nonsense"):
        render.math(r"\begin{nonsense} \frac{", True)


def test_inline_formulas_sit_on_the_line():
    below = {f: float(re.search(r"vertical-align:(-?[\d.]+)em", render.math(f, False))[1]) for f in ("x", "y", "x_j^2")}
    assert abs(below["x"]) < 0.03 and below["y"] < -0.15 and below["x_j^2"] < -0.2


def test_prose_has_headings_with_unique_ids_tables_code_and_no_html_of_its_own():
    prose = render.Prose()
    first = prose("# One $x^2$\n\n## Two\n\ntext `code` **bold** <script>alert(1)</script>\n\n"
                  "| a | b |\n|---|---|\n| 1 | 2 |\n")
    second = prose("## Two\n\n```python\nx = 1\n```\n")
    assert [(level, name) for level, name, _ in prose.headings] == [(1, "one"), (2, "two"), (2, "two-2")]
    assert '<h2 id="two-2">' in second and 'class="table scrolls"' in first and "<strong>bold</strong>" in first
    assert "<script>" not in first and "&lt;script&gt;" in first
    assert 'class="copy"' in second


def test_a_comma_stays_with_its_formula():
    out = render.Prose()("Let $x$, ($y$) and $z$-plane, then $w$ alone.")
    assert out.count('class="nobr"') == 3
    assert re.search(r'<span class="nobr">\(<span class="im">.*?</svg></span>\)</span>', out)


def test_quotes_are_curly_and_code_is_not():
    out = render.Prose()('He said "yes" to `x = "y"`.')
    assert "“yes”" in out and "x = &quot;y&quot;" in out


def test_code_is_escaped_and_highlighted():
    out = render.code('x = "<b>"  # note')
    assert "<b>" not in out and "&lt;b&gt;" in out and re.search("<b class=.># note</b>", out)


def test_both_themes_colour_the_same_words_differently():
    light, dark = render.code_css()
    assert light != dark and "background:" not in light + dark
    assert set(re.findall(r"\.\w\{", light)) <= set(re.findall(r"\.\w\{", dark)), "a light colour on the dark page"
    assert all(re.search(r"\.code \.\w\{color:#", rules) for rules in (light, dark))
