"""LaTeX in a terminal."""

import pytest

from tinygen.check.wording import at_point, fit, indent, words


@pytest.mark.parametrize(("latex", "text"), [
    (r"\tfrac12\left[\ln\frac{v_1}{v_0}-1\right]", "(1/2) [ln v_1/v_0-1]"),
    (r"\frac{z_t-\frac{\beta_t}{\sqrt{1-\alpha_t}}\epsilon}{c}", "(z_t- beta_t/sqrt(1-alpha_t) epsilon)/c"),
    (r"\mathbb E_{q(z\mid x)}\log\Pr(x\mid z)", "E_(q(z|x)) log Pr(x|z)"),
    (r"D_{KL}\left[q_{\phi}\parallel p\right]\quad z_{t-1}^2", "D_KL[q_phi||p] z_(t-1)^2"),
    (r"\sum_{i\in\mathrm{batch}}\ell_{it}", "sum_(i in batch) ell_it"),
    ("a + b", "a + b"),
])  # fmt: skip
def test_words(latex, text):
    assert words(latex) == text


def test_lines_fit():
    assert fit("abcdef", 4) == "abc…" and fit("abcd", 4) == "abcd"
    assert max(map(len, indent("word " * 60, 10))) <= 100
    assert at_point({"a": 1.5, "n": 2, "s": "x"}) == "a=1.5, n=2, s=..."
