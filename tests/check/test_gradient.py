"""check_grad: right gradients pass in every form, wrong ones fail, and what cannot be decided says so."""

import json
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import tinygen as tg
from tinygen.check.gradient import assert_grad, check_grad

DTYPES = [np.float64, np.float32]


def kl(mean, logvar):
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar)


def grad_kl(mean, logvar):
    return mean, 0.5 * (np.exp(logvar) - 1)


@pytest.fixture
def point(rng):
    return rng.normal(size=(2, 7))


# ---- every form of a gradient


def forms(mean, logvar):
    return {
        "tinygen's own": None,
        "a tuple for all": grad_kl,
        "the first": lambda mean, logvar: mean,
        "a list": [lambda m, l: m, lambda m, l: 0.5 * (np.exp(l) - 1)],
        "one not checked": [None, lambda m, l: 0.5 * (np.exp(l) - 1)],
        "arrays": grad_kl(mean, logvar),
        "the first, an array": mean,
        "a list of arrays": list(grad_kl(mean, logvar)),
    }


@pytest.mark.parametrize("form", forms(0, 0))
@pytest.mark.parametrize("dtype", DTYPES)
def test_right_gradients_pass_in_every_form(form, dtype, point):
    mean, logvar = point.astype(dtype)
    report = check_grad(kl, forms(mean, logvar)[form], mean, logvar)
    assert report.verdict == "PASS" and report.ok, str(report)
    checked = {"the first": {"mean"}, "the first, an array": {"mean"}, "one not checked": {"logvar"}}
    assert set(report.arrays) == checked.get(form, {"mean", "logvar"})


@pytest.mark.parametrize("form", forms(0, 0))
@pytest.mark.parametrize("dtype", DTYPES)
def test_wrong_gradients_fail_in_every_form(form, dtype, point):
    mean, logvar = point.astype(dtype)
    if form == "tinygen's own":
        wrong = tg.primitive(kl, lambda g, y, m, l: g * m, lambda g, y, m, l: g * (np.exp(l) - 1))
        report = check_grad(wrong, None, mean, logvar)
    else:
        scaled = lambda g: tuple(1.01 * part for part in g) if isinstance(g, tuple) else 1.01 * g
        wrong = forms(mean, logvar)[form]
        if callable(wrong):
            wrong = lambda m, l, right=wrong: scaled(right(m, l))
        elif form in ("a list", "one not checked"):
            wrong = [g and (lambda m, l, g=g: scaled(g(m, l)).astype(dtype)) for g in wrong]
        else:
            wrong = [part * dtype(1.01) for part in wrong] if isinstance(wrong, list) else scaled(wrong)
        report = check_grad(kl, wrong, mean, logvar)
    assert report.verdict == "FAIL", str(report)


Pair = namedtuple("Pair", "W b")


@dataclass
class Affine:
    W: np.ndarray
    b: np.ndarray


TREES = {
    "dict": lambda W, b: {"W": W, "b": b},
    "list": lambda W, b: [W, b],
    "tuple": lambda W, b: (W, b),
    "namedtuple": Pair,
    "dataclass": Affine,
    "nested": lambda W, b: {"layers": [{"W": W, "none": None}], "b": (b,)},
}


def parts(tree):
    if isinstance(tree, dict):
        return (tree["W"], tree["b"]) if "W" in tree else (tree["layers"][0]["W"], tree["b"][0])
    return tuple(tree) if isinstance(tree, tuple | list) else (tree.W, tree.b)


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("extra", [False, True])
def test_trees(kind, extra, rng):
    build, x = TREES[kind], rng.normal(size=(7, 3))
    params = build(rng.normal(size=(3, 2)), rng.normal(size=2))

    def f(params, x):
        W, b = parts(params)
        return np.sum((x @ W + b) ** 2)

    def gradient(params, x, sign=1):
        W, b = parts(params)
        e = 2 * (x @ W + b)
        own = build(x.T @ e, sign * e.sum(0))
        return (own, e @ W.T) if extra else own

    assert check_grad(f, gradient, params, x).verdict == "PASS"
    assert check_grad(f, None, params, x).verdict == "PASS"
    report = check_grad(f, lambda p, x: gradient(p, x, sign=-1), params, x)
    assert report.verdict == "FAIL" and report.mistakes[0].kind == "sign"
    bad = next(
        iter({name for name, (got, expected, bar) in report.arrays.items() if not np.all(abs(got - expected) <= bar)})
    )
    assert report.arrays[bad][0].shape == (2,)
    assert all((entry.verdict == "FAIL") == entry.where.startswith(bad) for entry in report.entries)


def test_integers_are_never_differentiated(rng):
    x, labels = rng.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])

    def loss(x, labels, scale):
        return -scale * np.sum((x - np.log(np.sum(np.exp(x), 1, keepdims=True)))[np.arange(5), labels])

    def gradient(x, labels, scale):
        return scale * (np.exp(x) / np.sum(np.exp(x), 1, keepdims=True) - np.eye(3)[labels])

    assert check_grad(loss, gradient, x, labels, 3).verdict == "PASS"
    assert check_grad(loss, None, x, labels, 3).verdict == "PASS"
    assert check_grad(lambda labels, x: loss(x, labels, 2), lambda l, x: gradient(x, l, 2), labels, x).verdict == "PASS"
    with pytest.raises(TypeError, match="integers have no derivative"):
        check_grad(lambda n: n**2, lambda n: 2 * n, 3)


def test_python_numbers_and_zero_dimensions():
    assert check_grad(lambda x: x**2, lambda x: 2 * x, 3.0).ok
    assert check_grad(lambda x: x**2, lambda x: 2 * x, np.array(3.0)).ok
    assert check_grad(lambda x: x**2, lambda x: 2 * x, np.float32(3)).ok
    assert check_grad(lambda x, y: x * y, lambda x, y: (y, x), 3.0, -2.0).ok
    assert check_grad(lambda x: 3 * x, lambda x: 3, 2.0).ok
    assert not check_grad(lambda x: x**2, lambda x: x, 3.0).ok
    assert check_grad(lambda x: np.sum(x) + 1.0, lambda x: np.ones((0, 3)), np.ones((0, 3))).ok


def test_loss_as_named_terms(point):
    terms = lambda mean, logvar: {"fit": np.sum(np.sin(mean + logvar)), "kl": kl(mean, logvar)}
    whole = lambda mean, logvar: tuple(g + np.cos(mean + logvar) for g in grad_kl(mean, logvar))
    assert check_grad(terms, whole, *point).ok
    report = check_grad(terms, grad_kl, *point)
    assert report.verdict == "FAIL" and "fit" in report.mistakes[0].sentence


# ---- wrong form: FAIL with a diagnosis, never an exception


def broken(x):
    return np.ones(3) @ np.ones(4)


WRONG_FORM = {
    "shape": (lambda x: (2 * x)[:, None], "shape"),
    "one number": (lambda x: np.sum(2 * x), "summed over all"),
    "nothing": (lambda x: None, "None"),
    "raises": (broken, "raised ValueError"),
    "complex": (lambda x: 2 * x + 0j, "complex"),
    "integers": (lambda x: (2 * x).astype(int), "integers"),
    "float32": (lambda x: (2 * x).astype(np.float32), "dtype float32"),
    "a dict": (lambda x: {"x": 2 * x}, "dict"),
    "text": (lambda x: "2x", "strings"),
    "a ragged list": (lambda x: [[1.0], [1.0, 2.0]], "list"),
    "nan": (lambda x: np.full(7, np.nan), "nan"),
    "inf": (lambda x: 2 * x / 0, "infinite"),
    "too long a tuple": (lambda x: (2 * x, x, x), "tuple of 3"),
}


@pytest.mark.parametrize("name", WRONG_FORM)
def test_wrong_form_is_a_failure_with_a_diagnosis(name, rng):
    gradient, word = WRONG_FORM[name]
    report = check_grad(lambda x: np.sum(x**2), gradient, 1 + rng.uniform(size=7))
    assert report.verdict == "FAIL"
    assert any(word in mistake.sentence for mistake in report.mistakes), str(report)
    json.dumps(report.to_dict())


@pytest.mark.parametrize(
    "got, word",
    [
        ({"W": np.zeros((2, 3))}, "is missing"),
        ({"W": np.zeros((2, 3)), "b": None}, "None"),
        ({"W": np.zeros((2, 3)), "b": np.zeros(3), "c": np.zeros(1)}, "has not"),
        ([np.zeros((2, 3)), np.zeros(3)], "list"),
        (None, "None"),
        ({"W": np.zeros((3, 2)), "b": np.zeros(3)}, "(3, 2)"),
    ],
)
def test_wrong_trees_are_told(got, word, rng):
    params = {"W": rng.normal(size=(2, 3)), "b": rng.normal(size=3)}
    report = check_grad(lambda p: np.sum(p["W"]) ** 2 + np.sum(p["b"] ** 2), lambda p: got, params)
    assert report.verdict == "FAIL" and any(word in m.sentence for m in report.mistakes), str(report)


def test_float64_gradient_of_float32_is_told(rng):
    x = rng.normal(size=5).astype(np.float32)
    report = check_grad(lambda x: np.sum(x**2), lambda x: 2 * x * np.ones(5), x)
    assert report.verdict == "FAIL" and "float64" in report.mistakes[0].sentence


def test_what_f_raises_is_raised(rng):
    with pytest.raises(ZeroDivisionError):
        check_grad(lambda x: 1 // 0, lambda x: x, rng.normal(size=3))
    with pytest.raises(ValueError, match="2 functions"):
        check_grad(lambda x: np.sum(x), [np.ones_like, np.ones_like], rng.normal(size=3))
    with pytest.raises(ValueError, match="names"):
        check_grad(lambda x: np.sum(x), np.ones_like, rng.normal(size=3), names=["a", "b"])


def test_the_gradient_of_several_values_is_a_jacobian(rng):
    report = check_grad(lambda x: x, lambda x: x, rng.normal(size=3))
    assert report.verdict == "FAIL" and "shape (3,), expected (3, 3)" in str(report)


def test_names(rng):
    x = rng.normal(size=3)
    assert "x[" in check_grad(lambda x: np.sum(x**2), lambda x: x, x).entries[0].where
    assert "z[" in check_grad(lambda x: np.sum(x**2), lambda x: x, x, names=["z"]).entries[0].where
    assert "args[0]" in check_grad(lambda *a: np.sum(a[0] ** 2), lambda *a: a[0], x).entries[0].where


# ---- kinks, noise, points where nothing shows


@pytest.mark.parametrize(
    "slope, verdict", [(0, "PASS"), (1, "PASS"), (-1, "PASS"), (0.3, "PASS"), (1.001, "FAIL"), (-2, "FAIL")]
)
def test_at_a_kink_what_lies_between_the_sides_passes(slope, verdict):
    x = np.array([1.5, 0.0, -2.0])
    gradient = lambda x: np.where(x == 0, slope, np.sign(x)).astype(float)
    report = check_grad(lambda x: np.sum(abs(x)), gradient, x)
    assert report.verdict == verdict
    if verdict == "PASS":
        assert any("kink at x[1]" in note for note in report.notes)


def test_noise_in_f_is_told(rng):
    draw = np.random.default_rng(0)
    report = check_grad(lambda x: np.sum(x**2) + 0.01 * draw.normal(), lambda x: 2 * x, rng.normal(size=3))
    assert report.verdict == "UNDECIDED" and any("draws its own noise" in note for note in report.notes)


def test_noise_in_the_gradient_is_told(rng):
    draw = np.random.default_rng(0)
    report = check_grad(lambda x: np.sum(x**2), lambda x: 2 * x + draw.normal(size=3), rng.normal(size=3))
    assert report.verdict == "FAIL" and report.mistakes[0].kind == "noise"


def test_undecided_says_why_and_what_would_decide(rng):
    x = rng.normal(size=3)
    report = check_grad(lambda x: 1e12 + np.linalg.norm(x), lambda x: x / np.linalg.norm(x), x)
    assert report.verdict == "UNDECIDED" and "would decide" in str(report)
    report = check_grad(lambda x: np.sum(np.log(x)), lambda x: 1 / x, -(x**2))
    assert report.verdict == "UNDECIDED" and "Choose a point" in report.entries[0].note
    single = lambda x: np.sum(np.sin(x.astype(np.float32)))
    report = check_grad(single, lambda x: np.cos(x), x)
    assert report.verdict == "UNDECIDED" and "would decide" in str(report)


def test_a_vanishing_gradient_is_noted(rng):
    report = check_grad(kl, grad_kl, np.zeros(3), rng.normal(size=3))
    assert report.ok and any("mean is 0 here" in note for note in report.notes)
    report = check_grad(lambda x, y: np.sum(x**2), lambda x, y: (2 * x, 0 * y), rng.normal(size=3), rng.normal(size=3))
    assert report.ok and any("y is 0 here" in note for note in report.notes)
    report = check_grad(lambda x, y: np.sum(x**2), lambda x, y: (2 * x, y), rng.normal(size=3), rng.normal(size=3))
    assert report.verdict == "FAIL"


def test_assert_grad_raises_the_report(rng):
    x = rng.normal(size=3)
    assert assert_grad(lambda x: np.sum(x**2), lambda x: 2 * x, x).ok
    with pytest.raises(AssertionError, match="FAIL"):
        assert_grad(lambda x: np.sum(x**2), lambda x: x, x)
    with pytest.raises(AssertionError, match="UNDECIDED"):
        assert_grad(lambda x: 1e15 + np.linalg.norm(x), lambda x: x / np.linalg.norm(x), x)


# ---- precision: what has to be found, and what must not be called wrong

POWER = {
    "complex step holds": (lambda x: np.log(np.sum(np.exp(x))), lambda x: np.exp(x) / np.sum(np.exp(x))),
    "real steps only": (lambda x: np.linalg.norm(x) ** 3 / 2048, lambda x: 3 * x * np.linalg.norm(x) / 2048),
}


@pytest.mark.parametrize("name", POWER)
def test_one_entry_wrong_by_a_millionth_among_2048_is_found(name, rng):
    f, gradient = POWER[name]
    x = rng.normal(size=2048)
    if name == "complex step holds":
        x[7] = np.log(1e-4) + np.max(x)  # the smallest entry that has to be found, and much below
        x[8] = x[7] - 5
    else:
        x[7] = 1.01e-4 * np.max(abs(x))
    right = gradient(x)
    assert check_grad(f, gradient, x).ok
    for i in (7, 8, int(rng.integers(9, 2048))):
        if name == "real steps only" and abs(right[i]) < 1e-4 * np.max(abs(right)):
            continue
        wrong = right.copy()
        wrong[i] *= 1 + 1e-6 * rng.choice([-1, 1])
        report = check_grad(f, lambda x: wrong, x)  # noqa: B023
        assert report.verdict == "FAIL" and report.entries[0].where == f"x[{i}]", str(report)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("error", [3e-6, 1e-4, 1e-2, 1.0])
def test_relative_errors_are_found_to_the_precision_of_the_dtype(dtype, error, rng):
    x = rng.normal(size=(7, 5)).astype(dtype)
    wrong = lambda x: (x / np.linalg.norm(x) * x.dtype.type(1 + error)).astype(x.dtype)
    report = check_grad(lambda x: np.linalg.norm(x), wrong, x)
    assert report.verdict == "FAIL"


def test_float32_formula_is_judged_in_float64_and_its_losses_are_noted():
    x = np.array([1e-4, 3e-4, -2e-4], dtype=np.float32)
    f = lambda x: np.sum(np.cosh(x))
    losing = lambda x: (np.exp(x) - np.exp(-x)) / 2  # loses the digits that exp(x) ~ 1 pushes out
    assert check_grad(f, lambda x: np.sinh(x), x).notes == []
    report = check_grad(f, lambda x: ((np.exp(10 * x) - 1) - (np.exp(8 * x) - 1)) / 2, x)
    assert report.ok is False
    report = check_grad(f, losing, x / np.float32(100))
    assert report.ok and any("In float32" in note for note in report.notes)


def right_gradients(rng):
    """Some of the ways in which right gradients look wrong; benchmarks/coverage.py has many more."""
    n, d = int(rng.integers(1, 8)), int(rng.integers(1, 8))
    s = 10.0 ** rng.uniform(-8, 8)
    X, W2 = rng.normal(size=(n, d)), rng.normal(size=3)
    yield lambda W: np.mean((np.maximum(X @ W, 0) @ W2 - 1) ** 2), rng.normal(size=(d, 3))
    yield lambda W: np.sum(np.maximum(X @ W, 0) @ W2), rng.normal(size=(d, 3)) * (rng.uniform(size=(d, 3)) < 0.5)
    yield lambda x: np.sum(-np.log(x) - 0.5 * (X[0] * s / x) ** 2), s * rng.uniform(0.5, 2, d)
    yield lambda x: np.sum(np.sin(x / s) * X) + np.linalg.norm(x) / s, s * rng.normal(size=(n, d))
    yield lambda x: -np.mean(tg.log_softmax(x)[:, 0]), 10 * rng.normal(size=(n, d + 1))
    yield lambda x: np.max(x) + np.sum(abs(x)), np.round(rng.normal(size=d + 1), 1)
    yield lambda x: np.sum((x - x.mean()) / np.sqrt(x.var() + 1e-5) * X[0]), rng.normal(size=d) * 3
    yield lambda x: np.sum(np.clip(x, -0.5, 0.5) * X[0]), rng.choice([-0.5, 0.5, 0.1, 1.0, 0.0], d)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_false_alarm_on_right_gradients(dtype):
    """8 kinds of functions, 12 draws each: no FAIL at all, and at most one UNDECIDED."""
    undecided = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        for f, x in right_gradients(rng):
            report = check_grad(f, lambda x: tg.grad(f)(x), x.astype(dtype), rng=rng)  # noqa: B023
            assert report.verdict != "FAIL", str(report)
            undecided += report.verdict == "UNDECIDED"
    assert undecided <= 1


# ---- large inputs


def test_large_right_gradient_passes_and_says_what_it_would_miss(rng):
    x = rng.normal(size=(400, 250))
    report = check_grad(lambda x: np.linalg.norm(x), lambda x: x / np.linalg.norm(x), x)
    assert report.ok and report.details["seconds"] < 30
    assert any("chance of 1e-6" in note for note in report.notes)


def test_large_wrong_entries_are_found_one_by_one(rng):
    x = rng.normal(size=(400, 250))

    def wrong(x):
        g = x / np.linalg.norm(x)
        g[7, 13] *= 1.01
        g[200, 100] *= -1
        return g

    report = check_grad(lambda x: np.linalg.norm(x), wrong, x)
    assert report.verdict == "FAIL"
    assert {entry.where for entry in report.entries} == {"x[7, 13]", "x[200, 100]"}


def test_large_gradient_wrong_everywhere_is_diagnosed_from_a_sample(rng):
    params = {"W": rng.normal(size=(80, 70)), "b": rng.normal(size=70)}
    x = rng.normal(size=(11, 80)) / 9
    f = lambda p: np.sum(np.tanh(x @ p["W"] + p["b"]) ** 2)

    def wrong(p):
        h = np.tanh(x @ p["W"] + p["b"])
        e = 2 * h * (1 - h**2)
        return {"W": 2 * x.T @ e, "b": e.sum(0)}

    report = check_grad(f, wrong, params)
    assert report.verdict == "FAIL" and report.mistakes[0].kind == "factor" and "'W'" in report.mistakes[0].sentence
    assert all("'W'" in entry.where for entry in report.entries if entry.verdict == "FAIL")
    right = lambda p: {"W": wrong(p)["W"] / 2, "b": wrong(p)["b"]}
    assert check_grad(f, right, params).ok


def test_slow_functions_are_not_measured_entry_by_entry(rng):
    import time

    calls = []

    def slow(x):
        time.sleep(0.002)
        calls.append(1)
        return np.sum(x**2)

    report = check_grad(slow, lambda x: 2 * x, rng.normal(size=3000))
    assert report.ok and len(calls) < 4 * 3000  # one by one it takes 8 for each entry
