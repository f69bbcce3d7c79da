"""Each kind of mistake is named in words that a student understands, and nothing that does not explain the numbers."""

import re

import numpy as np
import pytest

import tinygen as tg
from tinygen.check.gradient import check_grad
from tinygen.mistakes.diagnose import Mistake, diagnose

B, D = 7, 3


def kl(mean, logvar):
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar)


def kl_std(mean, std):
    return 0.5 * np.sum(std**2 + mean**2 - 1 - 2 * np.log(std))


def regression(W, X, y):
    return np.mean((X @ W - y) ** 2)


def quadratic(x, A):
    return 0.5 * np.sum((x @ A) * x)


def schedule(eps_hat, target, beta, alpha_bar, t):
    gain = (beta[t] / np.sqrt(1 - alpha_bar[t]))[:, None]
    return 0.5 * np.sum((gain * eps_hat - target) ** 2)


def rewards(x, u):
    return u @ np.cumsum(x)


def mlp(W, V, X, Y):
    return 0.5 * np.sum((np.tanh(X @ W) @ V - Y) ** 2)


POINTS = {
    kl: lambda r: (r.normal(size=(B, D)), r.normal(size=(B, D))),
    kl_std: lambda r: (r.normal(size=B), r.uniform(0.3, 2, B)),
    regression: lambda r: (r.normal(size=D), r.normal(size=(B, D)), r.normal(size=B)),
    quadratic: lambda r: (r.normal(size=(5, 5)), r.normal(size=(5, 5))),
    schedule: lambda r: (
        r.normal(size=(B, D)), r.normal(size=(B, D)), (b := np.linspace(0.05, 0.4, 11)), np.cumprod(1 - b),
        r.permutation(9)[:B] + 1,
    ),
    rewards: lambda r: (r.normal(size=11), r.normal(size=11)),
    mlp: lambda r: (r.normal(size=(D, 5)), r.normal(size=(5, 5)), r.normal(size=(B, D)), r.normal(size=(B, 5))),
}  # fmt: skip
NAMES = {f: f.__code__.co_varnames[: f.__code__.co_argcount] for f in POINTS}

# (function, argument, wrong(g, *args), kind, what the sentence must say)
WRONG = [
    (kl, 0, lambda g, *a: -g, "sign", "wrong sign"),
    (kl, 0, lambda g, *a: 2 * g, "factor", "twice what it should be"),
    (kl, 0, lambda g, *a: g / 2, "factor", "half what it should be"),
    (kl, 0, lambda g, *a: g * np.log(2), "factor", "ln 2 times"),
    (kl, 0, lambda g, *a: g / B, "factor", r"1/7 \(7 is the length of axis 0"),
    (kl, 0, lambda g, *a: g * D, "factor", r"3 \(3 is the length of axis 1|3 times"),
    (kl, 0, lambda g, *a: g * 1.000031, "factor", "1.000031 times"),
    (kl, 0, lambda g, *a: 0 * g, "zero", "zero everywhere"),
    (kl, 0, lambda g, *a: g + 0.017, "offset", "0.017 too large"),
    (kl, 0, lambda g, *a: g + 3e-8, "offset", "3e-08 too large"),
    (kl, 1, lambda g, m, l: np.exp(l) - 1, "parameterisation", "log sigma instead of log sigma"),
    (kl, 1, lambda g, m, l: g * 2 * np.exp(-l / 2), "parameterisation", "to sigma instead of log sigma"),
    (kl, 1, lambda g, m, l: g * np.exp(-l), "parameterisation", r"to sigma\^2 instead of log sigma"),
    (kl, 1, lambda g, m, l: np.exp(l) / 2, "term", "logvar of an entropy"),
    (kl, 1, lambda g, m, l: (np.exp(l / 2) - 1) / 2, "other-point", "used as variance"),
    (kl, 1, lambda g, m, l: m, "other-argument", "the gradient with respect to mean"),
    (kl_std, 1, lambda g, m, s: s, "term", r"1/std|np.log\(std\)"),
    (kl_std, 1, lambda g, m, s: s**2 - 1, "parameterisation", "log sigma instead of sigma"),
    (kl, 0, lambda g, *a: np.where(np.arange(B) == 2, -1, 1)[:, None] * g, "sign", "row 2 is wrong"),
    (kl, 0, lambda g, *a: np.where(np.arange(D) == 1, 0, 1) * g, "entries", "column 1 is wrong.*zero"),
    (kl, 0, lambda g, *a: g * (1 + 1e-6 * (np.arange(B * D) == 8).reshape(B, D)), "entries", r"1 of 21 .*\[2, 2\]"),
    (kl, 0, lambda g, *a: np.roll(g, 1, 0), "shift", "one place too late.*off by one"),
    (kl, 0, lambda g, *a: g[::-1], "order", "backwards"),
    (kl, 0, lambda g, *a: np.sort(g.ravel()).reshape(g.shape), "order", "wrong order"),
    (kl, 0, lambda g, *a: np.clip(g, -0.4, 0.4), "clipped", r"cut off at \+-0.4"),
    (kl, 0, lambda g, *a: abs(g), "sign", "absolute value"),
    (kl, 0, lambda g, *a: g.astype(np.float32).astype(float), "precision", "float32"),
    (kl, 0, lambda g, *a: -2 * g, "factor", "wrong sign and is twice"),
    (regression, 0, lambda g, W, X, y: X.T @ (2 * (X @ W - y)), "factor", "7 is the length.*a sum in place of a mean"),
    (regression, 0, lambda g, W, X, y: 2 * X[-1] * (X[-1] @ W - y[-1]) / B, "batch", "the last example alone"),
    (regression, 0, lambda g, W, X, y: X.T @ (2 * ((X @ W)[:, None] - y).sum(1)) / B, "broadcast", r"broadcast to \(B"),
    (regression, 0, lambda g, W, X, y: X.T @ (2 * (X @ W + y)) / B, "other-point", "the sign of (X|y)"),
    (regression, 0, lambda g, W, X, y: 2 * X * (X @ W - y)[:, None] / B, "batch", "not summed over the batch"),
    (regression, 0, lambda g, W, X, y: g[:, None], "shape", "reshape it"),
    (quadratic, 0, lambda g, *a: g.T, "transpose", "transposed"),
    (quadratic, 0, lambda g, x, A: x @ A, "path|term|chain-factor|transpose", ""),
    (schedule, 0, lambda g, e, y, b, a, t: g / (np.sqrt(b[t]) / np.sqrt(1 - a[t]))[:, None], "schedule", "one-step"),
    (schedule, 0, lambda g, *a: tg.grad(schedule)(*a[:4], a[4] - 1), "other-point", "t - 1 in place of t: t is"),
    (rewards, 0, lambda g, x, u: np.cumsum(u), "order", "wrong direction"),
    (mlp, 0, lambda g, W, V, X, Y: X.T @ ((np.tanh(X @ W) @ V - Y) @ V.T), "chain-factor", r"np.tanh\(X.*left out"),
    (mlp, 0, lambda g, W, V, X, Y: X.T @ ((np.tanh(X @ W) @ V - Y) @ V * (1 - np.tanh(X @ W) ** 2)), "transpose",
     r"not transposed.*np.tanh\(X @ W\) @ V|V.T in place of V"),
    (mlp, 1, lambda g, W, V, X, Y: (X @ W).T @ (np.tanh(X @ W) @ V - Y), "chain-factor", "`X @ W` is used in"),
]  # fmt: skip


def ask(f, argnum, wrong, seed=0, bar=1e-10, **options):
    """The mistakes named for `wrong` in place of the gradient of `f`, numeric truth standing in by automatic."""
    args = POINTS[f](np.random.default_rng(seed))
    expected = tg.grad(f, argnum)(*args)
    got = np.asarray(wrong(expected, *args))
    bars = bar * np.maximum(abs(expected), 0.1 * abs(expected).max())
    return diagnose(f, args, argnum, got, expected, bars, names=NAMES[f], **options)


@pytest.mark.parametrize("row", WRONG, ids=lambda row: f"{row[0].__name__}-{row[1]}-{row[3]}-{row[4][:24]}")
def test_the_mistake_comes_first(row):
    f, argnum, wrong, kind, says = row
    mistakes = ask(f, argnum, wrong)
    assert mistakes, "nothing was named"
    first = mistakes[0]
    assert re.fullmatch(kind, first.kind), mistakes
    assert re.search(says, first.sentence), first.sentence
    assert not first.residual > 1e-7


def test_the_formula_corrects():
    """What is told as the corrected formula, evaluated, gives the right gradient."""
    (mean, logvar), std = POINTS[kl](np.random.default_rng(7)), POINTS[kl_std](np.random.default_rng(7))[1]
    right = (np.exp(logvar) - 1) / 2
    factors = (-1, 2, 0.5, -0.5, 1 / B, np.log(2), 1 / (2 * np.pi), 3 / B, 1.37, np.pi / 180)
    factors = (*factors, 2 / mean, mean / B, np.exp(-logvar), 2 * np.exp(-logvar / 2), -np.exp(logvar), mean**2)
    for factor in factors:
        (first, *_) = diagnose(kl, (mean, logvar), 1, factor * right, right, 1e-11 * abs(right), names=NAMES[kl])
        assert _evaluated(first.formula, factor * right, mean=mean, logvar=logvar) == pytest.approx(right, rel=1e-6), (
            first
        )
    right = std - 1 / std
    for factor in (std, std / 2, 1 / (2 * std), -(std**3) / 2):
        (first, *_) = ask(kl_std, 1, lambda g, *a, c=factor: c * g, seed=7)
        assert first.kind == "parameterisation"
        assert _evaluated(first.formula, factor * right, std=std) == pytest.approx(right, rel=1e-9), first


def _evaluated(formula, yours, **values):
    right_side, _, sigma = formula.split(" = ", 1)[1].partition(", sigma = ")
    for told, code in (("ln 2", "np.log(2)"), ("^", "**"), (" x ", " * "), ("2 pi", "2 * pi")):
        right_side = right_side.replace(told, code)
    known = {"yours": yours, "exp": np.exp, "sqrt": np.sqrt, "pi": np.pi, "np": np, **values}
    return eval(right_side, known | ({"sigma": eval(sigma, known)} if sigma else {}))


def test_coarse_bars_still_name_the_plain_mistakes():
    """At error bars as wide as float32's, single numbers may be called nearly anything; the plain ones are named."""
    for wrong, says in ((lambda g, *a: -g, "wrong sign"), (lambda g, *a: 2 * g, "twice"), (lambda g, *a: g / B, "1/7")):
        assert says in ask(kl, 0, wrong, bar=1e-3)[0].sentence
    x, two = np.array([1.3]), np.array([2.6])
    single = diagnose(lambda x: np.sum(x**3), (x,), 0, 2 * 3 * x**2, 3 * x**2, np.array([1e-3]), names=["x"])
    assert "twice" in single[0].sentence
    assert not diagnose(lambda x: np.sum(x**2), (x,), 0, two * 1.237, two, 0.05 * two, names=["x"])


@pytest.mark.parametrize("f", POINTS)
def test_nonsense_is_not_explained(f):
    """Numbers that come from nowhere, at bars from exact to coarse: nothing is named, but where they are wrong."""
    for seed in range(4):
        noise = lambda g, *a, seed=seed: np.random.default_rng(1000 + seed).normal(size=g.shape) * abs(g).max()
        assert ask(f, 0, noise, seed, bar=10.0 ** -(3 + 2 * seed)) == []


EVERYWHERE = [
    row for row in WRONG if row[3] in ("sign", "offset", "factor", "parameterisation", "term", "chain-factor")
]


@pytest.mark.parametrize("row", EVERYWHERE, ids=lambda row: f"{row[0].__name__}-{row[1]}-{row[3]}-{row[4][:24]}")
def test_two_mistakes_are_never_called_one(row):
    """A second mistake in one entry, a thousand bars large: the first alone is not named any more."""
    f, argnum, wrong, _, _ = row

    def twice_wrong(g, *args):
        out = np.array(wrong(g, *args))
        out.flat[2] += 1e-7 * max(abs(out).max(), abs(g).max())
        return out

    for mistake in ask(f, argnum, twice_wrong, seed=3):
        assert mistake.kind in ("two", "entries"), mistake


def test_a_right_gradient_and_one_within_its_bars_have_no_mistake():
    assert ask(kl, 1, lambda g, *a: g) == []
    assert ask(kl, 1, lambda g, *a: g * (1 + 5e-11)) == []


def test_what_was_not_measured_is_filled_in():
    args = POINTS[quadratic](np.random.default_rng(4))
    right = tg.grad(quadratic)(*args)
    some = np.where(np.arange(25).reshape(5, 5) % 3 == 0, right, np.nan)
    bars = np.where(np.isnan(some), np.nan, 1e-9)
    (first, *_) = diagnose(quadratic, args, 0, right.T, some, bars, names=["x", "A"])
    assert first.kind == "transpose"


def test_shapes_trees_and_dtypes_are_told():
    x = np.array([1.0, 2.0, 3.0])
    kinds = {
        "tree": [None, [1.0, 2.0, 3.0], {"a": 1}],
        "dtype": [x.astype(int), x + 0j, x > 1],
        "not-finite": [x * np.nan, np.array([1, np.inf, 2])],
        "batch": [np.stack([x, x]), np.float64(12.0)],
    }
    for kind, values in kinds.items():
        for got in values:
            (first, *_) = diagnose(lambda x: np.sum(x**2), (x,), 0, got, 2 * x, 1e-9 * x, names=["x"])
            assert first.kind == kind, (got, first)
    blown = diagnose(lambda x: np.sum(x**2), (x,), 0, np.subtract.outer(2 * x, x), 2 * x, 1e-9 * x, names=["x"])
    assert "(B, B)" in blown[0].sentence


def test_noise_that_is_drawn_anew_is_told():
    rng, x = np.random.default_rng(5), np.ones(3)
    noisy = lambda x: np.sum(x**2) + rng.normal()
    (first,) = diagnose(noisy, (x,), 0, 3 * x, 2 * x, 1e-9 * x, names=["x"])
    assert first.kind == "noise" and first.where == "f"
    draw = lambda args: 2 * x + rng.normal(size=3)
    (first,) = diagnose(lambda x: np.sum(x**2), (x,), 0, draw(()), 2 * x, 1e-9 * x, names=["x"], gradient=draw)
    assert first.kind == "noise" and "its own noise" in first.sentence


def test_check_grad_names_mistakes_from_function_values_alone():
    """The same through check_grad, of a function that tinygen cannot differentiate."""

    def loops(mean, logvar):
        return sum(0.5 * (np.exp(float(l)) + float(m) ** 2 - 1 - float(l)) for m, l in zip(mean, logvar))

    args = np.random.default_rng(6).normal(size=(2, 5))
    with pytest.raises(TypeError):
        tg.grad(loops)(*args)
    report = check_grad(loops, [lambda m, l: m, lambda m, l: np.exp(l) - 1], *args)
    assert report.verdict == "FAIL" and isinstance(report.mistakes[0], Mistake)
    assert report.mistakes[0].kind == "parameterisation"
    assert report.mistakes[0].formula == "dL/dlogvar = (yours) * 0.5"
