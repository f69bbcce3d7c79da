"""trace: the text, the formula and the picture say what the program does."""

import xml.etree.ElementTree

import numpy as np
import pytest
import ziamath

import tinygen as tg
from tinygen.autodiff import tree


def kl(mean, logvar):
    var = np.exp(logvar)
    return 0.5 * np.sum(var + mean**2 - 1 - logvar)


def adam(theta, g, m, v, t):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.999**t)
    return theta - 0.001 * m_hat / (np.sqrt(v_hat) + 1e-8), m, v


def elbo(x, mean, logvar, eps, W, b):
    sigma = np.exp(0.5 * logvar)
    z = mean + sigma * eps
    logits = z @ W + b
    return np.sum(x * logits - np.log(1 + np.exp(logits))) - kl(mean, logvar)


def latent(f, *more):
    rng = np.random.default_rng(3)
    shapes = [(3, 5), (3, 2), (3, 2), (3, 2), (2, 5), (5,)]
    return tg.trace(f, *more)(*(rng.standard_normal(shape) for shape in shapes))


def formula(f, *args):
    text = tg.trace(f)(*args).latex()
    ziamath.Latex(text).svg()  # it typesets
    return text.replace("\\begin{aligned}\n", "").replace("\n\\end{aligned}", "").split(" \\\\\n")


def test_the_text_runs_as_python_and_gives_the_value():
    """The strongest test of the text: execute its lines."""
    args = [np.array([0.5, -1.0]), np.array([0.3, 0.7])]
    text = str(tg.trace(kl)(*args)).splitlines()
    scope = {"exp": np.exp, "sum": np.sum, "mean": args[0], "logvar": args[1]}
    for line in text[1:-1]:
        exec(line, scope)
    assert scope[text[-1].removeprefix("return ")] == kl(*args)
    assert any(line.startswith("var = exp(logvar)") for line in text)


def test_names_are_those_of_the_function_at_return():
    text = str(latent(elbo))
    assert all(f"{name} = " in text for name in ("sigma", "z", "logits")) and "return v" in text
    assert "m' = " in str(tg.trace(adam)(*[np.ones(3)] * 4, 2.0))  # the new m is not the old one
    text = str(
        tg.trace(lambda p: p["W"] @ p["layers"][1]["b"])({"W": np.ones((2, 3)), "layers": [None, {"b": np.ones(3)}]})
    )
    assert "p['W'], p['layers'][1]['b']" in text and "p['W'] @ p['layers'][1]['b']" in text


def test_formulas():
    two = [np.zeros(2), np.zeros(2)]
    assert formula(kl, *two) == [
        r"\mathrm{var} &= e^{\mathrm{logvar}}",
        r"\mathrm{kl} &= 0.5 \sum \left(\mathrm{var} + \mathrm{mean}^{2} - 1 - \mathrm{logvar}\right)",
    ]
    assert formula(adam, *[np.ones(3)] * 4, 2.0) == [
        r"m_{\mathrm{hat}} &= \frac{0.9 m + 0.1 g}{1 - 0.9^{t}}",
        r"v_{\mathrm{hat}} &= \frac{0.999 v + 0.001 g^{2}}{1 - 0.999^{t}}",
        r"\mathrm{adam}_{1} &= \theta - \frac{0.001 \, m_{\mathrm{hat}}}{\sqrt{v_{\mathrm{hat}}} + 10^{-8}}",
        r"m' &= 0.9 m + 0.1 g",
        r"v' &= 0.999 v + 0.001 g^{2}",
    ]


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda a, b: a - (b - a), r"a - \left(b - a\right)"),
        (lambda a, b: a - b - a, "a - b - a"),
        (lambda a, b: a * (b + 1), r"a \left(b + 1\right)"),
        (lambda a, b: (a * b) ** 2, r"\left(a b\right)^{2}"),
        (lambda a, b: a / b / 2, r"\frac{\frac{a}{b}}{2}"),
        (lambda a, b: -(a + b), r"-\left(a + b\right)"),
        (lambda a, b: a - (-b), r"a - \left(-b\right)"),
        (lambda a, b: a + (-b), "a - b"),
        (lambda a, b: 2 * (3 * a), r"2 \cdot \left(3 a\right)"),
        (lambda a, b: np.exp(a + b) * a, r"e^{a + b} a"),
        (lambda a, b: np.log(a) ** 2, r"\left(\log a\right)^{2}"),
        (lambda a, b: np.log(a * b), r"\log \left(a b\right)"),
        (lambda a, b: (a - b) * -1.0, r"-\left(a - b\right)"),
        (lambda a, b: np.log(a) * b, r"\left(\log a\right) b"),
        (lambda a, b: a * np.log(b), r"a \log b"),
        (lambda a, b: a - -2.0 * b, r"a - \left(-2 b\right)"),
        (lambda a, b: a + b * -2.0, "a - 2 b"),
        (lambda a, b: np.sum(a) * b, r"\left(\sum a\right) b"),
        (lambda a, b: np.mean(a), r"\frac{1}{4} \sum a"),
        (lambda a, b: np.sum(a, axis=0), r"\sum_{\text{axis }0} a"),
        (lambda a, b: a @ b.T, r"a \, b^\top"),
        (lambda a, b: (a @ b) @ a, r"a \, b \, a"),
        (lambda a, b: a @ (b + a), r"a \, \left(b + a\right)"),
        (lambda a, b: np.maximum(a, b), r"\max\left(a, b\right)"),
        (lambda a, b: np.sqrt(abs(a)), r"\sqrt{\left|a\right|}"),
    ],
)
def test_parentheses(f, expected):
    lines = formula(f, np.ones((2, 2)), np.ones((2, 2)))
    assert lines[-1].split("&= ")[1] == expected


def test_a_value_used_twice_has_its_own_line_and_names_become_symbols():
    def f(alpha_t, W1):
        return np.sin(alpha_t + W1) * np.cos(alpha_t + W1)

    assert formula(f, np.ones(2), np.ones(2)) == [
        r"u_{1} &= \alpha_{t} + W_{1}",
        r"f &= \left(\sin u_{1}\right) \cos u_{1}",
    ]


def test_a_long_program_has_no_formula():
    def long(x):
        for _ in range(50):
            x = np.sin(x)
        return x

    with pytest.raises(ValueError, match="50 operations"):
        tg.trace(long)(np.ones(2)).latex()


def test_the_diagram_is_an_svg_that_shows_every_operation():
    shown = latent(elbo)
    root = xml.etree.ElementTree.fromstring(shown.diagram())
    space = "{http://www.w3.org/2000/svg}"
    boxes = root.findall(f"{space}rect")
    assert len(boxes) == len(shown.program.inputs) + len(shown.program.operations)
    assert len(root.findall(f"{space}path")) == sum(len(op.parents) for op in shown.program.operations)
    places = [(box.get("x"), box.get("y")) for box in boxes]
    assert len(set(places)) == len(places)
    words = [text.text for text in root.findall(f"{space}text")]
    assert "z = +" in words and "(3, 5) float64" in words


def test_a_profiler_that_was_set_is_set_again():
    import sys

    before = sys.getprofile()
    with pytest.raises(ZeroDivisionError):
        tg.trace(lambda x: x / 0 + 1 // 0)(2.0)
    assert sys.getprofile() is before


def test_slices_and_their_derivatives_are_written_as_in_the_code():
    f = lambda x: np.sum(x[:2] * x[2:] ** 2)
    x = np.array([1.0, 2.0, 3.0, 4.0])
    assert tg.trace(f)(x).latex() == "\\begin{aligned}\nf &= \\sum x_{:2} x_{2:}^{2}\n\\end{aligned}"
    gradient = tg.trace(tg.grad(f))(x).latex()
    assert r"\operatorname{put}_{2:} \left(2 x_{:2} x_{2:}\right)" in gradient and "slice" not in gradient


def test_the_names_of_many_inputs_are_looked_up_in_time_proportional_to_their_number(monkeypatch):
    def looked(n):
        count, paths = [], tree.paths
        with monkeypatch.context() as m:
            m.setattr(tree, "paths", lambda x: count.append(x) or paths(x))
            tg.compile(tg.grad(lambda arrays: sum(np.sum(a * a) for a in arrays)))([np.ones(2) for _ in range(n)])
        return len(count)

    assert looked(80) < 5 * looked(20)
