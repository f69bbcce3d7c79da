"""Equations in place of code: SymPy expressions and LaTeX."""

import inspect
import sys

import numpy as np
import pytest

from tinygen.check import Derivation, Line, check_grad
from tinygen.check.symbolic import function, identifier, read, split

sp = pytest.importorskip("sympy")
pytest.importorskip("antlr4")
X, MU = sp.symbols("x mu")
SIGMA = sp.Symbol("sigma", positive=True)
LOGP = -((X - MU) ** 2) / (2 * SIGMA**2) - sp.log(SIGMA)
LATEX = r"-\frac{(x-\mu)^2}{2\sigma^2} - \ln\sigma"


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\left(a+b\right)^2", lambda p: (p["a"] + p["b"]) ** 2),
        (r"e^{-a\,b} + \pi", lambda p: np.exp(-p["a"] * p["b"]) + np.pi),
        (r"\tfrac12 a^2 \cdot b_{1}", lambda p: p["a"] ** 2 * p["b_1"] / 2),
        (r"\lambda(1-\lambda)", lambda p: p["lambda_"] * (1 - p["lambda_"])),
        (r"\log_2 a + \ln b", lambda p: np.log2(p["a"]) + np.log(p["b"])),
        (r"\sum_{i=1}^{4} a^i", lambda p: sum(p["a"] ** i for i in range(1, 5))),
        (r"\frac{d}{d a} a^3 b", lambda p: 3 * p["a"] ** 2 * p["b"]),
        (r"\sqrt{a^2} + |b|", lambda p: abs(p["a"]) + abs(p["b"])),
    ],
)
def test_latex_means_what_it_says(latex, expected, rng):
    f = function(read(latex, ["lambda"]))
    point = dict(zip(["a", "b", "b_1", "lambda_"], rng.uniform(0.5, 2, 4)))
    got = f(**{name: point[name] for name in inspect.signature(f).parameters})
    assert got == pytest.approx(float(expected(point)), rel=1e-13)


@pytest.mark.parametrize(
    ("latex", "place", "said"),
    [
        (r"a + \mathbb{E}[x]", 4, r"\mathbb is no name"),
        (r"x^{", 2, "cannot read"),
        (r"a + ) b", 6, "cannot read"),
        (r"1 + g(x)", 4, "g(...) is a function that nothing defines"),
        (r"a^\foo", 2, r"\foo is no name"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(latex, place, said):
    with pytest.raises(ValueError) as caught:
        read(latex)
    why, shown, mark = str(caught.value).splitlines()
    assert said in why and shown.strip() == latex and mark.index("^") == 4 + place
    with pytest.raises(ValueError, match="line 2 of 'it'"):
        Derivation.from_sympy("it", "x", latex)


def test_chains_are_split_at_their_relations():
    assert split(r"a &= b \\ &= c \le d") == [("=", "a"), ("=", "b"), ("=", "c"), ("<=", "d")]
    assert split(r"\sum_{i=1}^{3} i \geq 5") == [("=", r"\sum_{i=1}^{3} i"), (">=", "5")]
    assert [identifier(name) for name in ("x_{1}", r"\mu", "lambda")] == ["x_1", "mu", "lambda_"]


def test_the_gradient_of_an_expression():
    right = {MU: (X - MU) / SIGMA**2, SIGMA: (X - MU) ** 2 / SIGMA**3 - 1 / SIGMA}
    point = dict(x=1.0, mu=0.35, sigma=0.7)
    assert check_grad(LOGP, right).ok and check_grad(LOGP, right, **point).ok
    assert check_grad(LOGP, [right[MU], right[SIGMA]], names=["mu", "sigma", "x"]).ok
    report = check_grad(LOGP, right | {MU: (MU - X) / SIGMA**2}, **point)
    assert report.verdict == "FAIL" and report.entries[0].where == "mu" and report.mistakes[0].kind == "sign"
    report = check_grad(LATEX, {"mu": r"\frac{x-\mu}{\sigma}", r"\sigma": str(sp.latex(right[SIGMA]))}, **point)
    assert [e.where for e in report.entries if e.verdict == "FAIL"] == ["mu"]
    assert "sigma" in report.mistakes[0].sentence and "f is read as -log(sigma)" in str(report)
    array = check_grad(X**3, 3 * X**2, np.array([1.0, -2.0])[0])
    assert array.ok and check_grad(X**3, 2 * X**2, 2.0).verdict == "FAIL"
    with pytest.raises(ValueError, match="by which"):
        check_grad(LOGP, right[MU], **point)
    with pytest.raises(ValueError, match="the symbols are"):
        check_grad(LOGP, right, x=1.0)


def test_a_derivation_in_latex():
    report = Derivation.from_sympy("square", r"(a+b)^2 = a^2 + b^2", r"a^2 + 2ab + b^2").check()
    assert report.verdict == "FAIL" and "the first false line is line 2" in str(report)
    assert [e.verdict for e in report.entries] == ["PASS", "FAIL", "PASS"]
    assert Derivation.from_sympy("mean", r"\frac{a+b}{2} \ge \sqrt{ab}", positive="a b").check().ok
    assert not Derivation.from_sympy("mean", r"\frac{a+b}{2} \le \sqrt{ab}", positive="a b").check().ok
    assert Derivation.from_sympy("integral", r"\int_0^t s e^{-s} ds", r"1 - (1+t)e^{-t}").check().ok
    assert not Derivation.from_sympy("integral", r"\int_0^t s e^{-s} ds", r"1 - e^{-t}").check().ok
    half = Derivation.from_sympy("logs", r"\ln(x^2)", r"2\ln x").check()
    assert half.verdict == "FAIL" and "nan at x=-" in str(half)


def test_lines_of_all_kinds_stand_together():
    x = sp.Symbol("x")
    lines = sp.Eq(sp.sin(x) ** 2, 1 - sp.cos(x) ** 2), ("<=", "1"), Line("2", lambda: 2.0, "<=")
    assert Derivation.from_sympy("mixed", *lines, source="school").check().ok
    assert Derivation.from_sympy("given", x**2 + x, x * (x + 1), points=[{"x": 3.0}]).check().details["points"] == 1
    with pytest.raises(TypeError, match="a line is LaTeX"):
        Derivation.from_sympy("none", "x", [])
    with pytest.raises(ValueError, match="positive= has y"):
        Derivation.from_sympy("positive", "x", "x", positive="y")


def test_without_sympy_the_remedy_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)
    with pytest.raises(ImportError, match=r"tinygen\[symbolic\]"):
        Derivation.from_sympy("square", "x", "x")


def test_without_the_parser_the_remedy_is_said(monkeypatch):
    import sympy.parsing.latex as parser

    def missing(*args, **options):
        raise ImportError("LaTeX parsing requires the antlr4 Python package")

    monkeypatch.setattr(parser, "parse_latex", missing)
    with pytest.raises(ImportError, match=r"tinygen\[symbolic\]"):
        read("x")
