"""Only what the numbers determine is said: causes that were once named falsely, each as a kind; and once unnamed."""

import re

import numpy as np
import pytest

from tinygen.check.gradient import check_grad
from tinygen.check.value import check_value
from tinygen.mistakes.diagnose import diagnose

R = np.random.default_rng(41)
DATA, TARGET, LABELS = R.normal(size=(7, 3)), R.normal(size=(7, 3)), R.integers(0, 3, 7)
WEIGHTS, LIMIT, RATE = R.normal(size=(7, 3)), 0.5, 0.7


def first(f, gradient, *args, **options):
    report = check_grad(f, gradient, *args, **options)
    assert report.verdict == "FAIL"
    return report.mistakes[0].sentence if report.mistakes else ""


def norm(x):
    return np.sum(WEIGHTS * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5))


def norm_gradient(x, n=7, mean=1):
    s = 1 / np.sqrt(x.var(0) + 1e-5)
    h = (x - x.mean(0)) * s
    return s * (WEIGHTS - mean * WEIGHTS.sum(0) / n - h * (WEIGHTS * h).sum(0) / n)


def test_n_minus_one_is_not_called_a_constant():
    said = first(norm, lambda x: norm_gradient(x, 6), R.normal(size=(7, 3)))
    assert "7/6 times" in said and not re.search("constant|missing", said)
    said = first(norm, lambda x: norm_gradient(x, mean=0), R.normal(size=(7, 3)))
    assert "x.mean(0)" in said and "missing" in said


def test_a_scalar_that_happens_to_be_a_fraction():
    """0.7 is no 7/10: at another point the factor is another."""
    loss = lambda s: np.sum((DATA / s) ** 2) + np.log(s)
    gradient = lambda s: -2 * np.sum(DATA**2) / s**3 + 1 / s
    said = first(loss, lambda s: s * gradient(s), RATE)
    assert "with respect to log s" in said and "7/10" not in said
    said = first(loss, lambda s: gradient(s) * 7 / 10, RATE)
    assert "7/10" in said


def ridge(W, reg=0.3):
    return np.sum((DATA @ W - TARGET) ** 2) / 7 + reg * np.sum(W * W)


def test_a_penalty_is_named_before_another_point():
    W = R.normal(size=(3, 3))
    data = lambda W: 2 * DATA.T @ (DATA @ W - TARGET) / 7
    said = first(ridge, lambda W: data(W) + 0.3 * W, W, names=["W"])
    assert "reg * np.sum(W * W)" in said and "half" in said and "0.5 * W" not in said
    said = first(ridge, lambda W: 2 * DATA.T @ (DATA @ W + TARGET) / 7 + 0.6 * W, W, names=["W"])
    assert "TARGET" in said and "at -W" not in said


def test_the_sign_of_a_log_determinant():
    def loss(S):
        return np.trace(S) - np.linalg.slogdet(S)[1]

    root = R.normal(size=(4, 4))
    said = first(loss, lambda S: np.eye(4) + np.linalg.inv(S).T, root @ root.T + 4 * np.eye(4))
    assert "slogdet" in said and "wrong sign" in said and "-S" not in said


def test_a_diagonal_is_not_a_sum():
    v = R.normal(size=4)
    said = first(lambda A: v @ A @ v, lambda A: v * v, R.normal(size=(4, 4)))
    assert "diagonal" in said and "summed" not in said
    said = first(lambda A: v @ A @ v, lambda A: np.outer(v, v).sum(0), R.normal(size=(4, 4)))
    assert "summed over axis 0" in said


def test_a_function_of_integers_has_no_missing_term():
    said = diagnose(lambda x: int(np.sum(x)), (DATA[0],), 0, np.ones(3), np.zeros(3), np.full(3, 1e-9), names=["x"])
    assert "f returns int" in said[0].sentence


def test_a_missing_tanh_is_not_clipped():
    x = np.array([0.1, -0.8, 1.7, 0.4])
    said = first(lambda x: 0.195 * np.sum(np.log(np.cosh(x))), lambda x: 0.195 * np.sign(x), x)
    assert "clipped" not in said


def test_no_schedule_without_a_schedule():
    u, v = R.uniform(1, 2, 5), R.uniform(1, 2, 5)
    loss = lambda x, u, v: np.sum(u / v * x**2)
    said = first(loss, [lambda x, u, v: 2 * x * v / u, None, None], R.normal(size=5), u, v)
    assert "schedule" not in said


def test_terms_that_cannot_be_told_apart_get_no_factors():
    def loss(z):
        return {"likelihood": np.sum(z**2), "prior": 0.5 * np.sum(z**2), "density": 0.25 * np.sum(z**2)}

    report = check_grad(loss, lambda z: 1.37 * 3.5 * z, R.normal(size=5))
    assert not any("likelihood" in m.sentence and "prior" in m.sentence for m in report.mistakes)
    z = R.normal(size=9)
    parts = lambda z: {"likelihood": z**2 - z, "prior": -0.5 * z**2 - 1, "density": 0.5 * (z - 1) ** 2}
    assert check_value(lambda z: 0.7 * z**2 + 0.3 * z - 2.9, parts, z).mistakes == []  # any quadratic is a sum of them


# ---- what was unnamed, since it could not be recorded ----


def hinge(W):
    scores = DATA @ W
    margin = np.maximum(0, scores - scores[np.arange(7), LABELS][:, None] + 1)
    margin[np.arange(7), LABELS] = 0
    return float(margin.sum() / 7 + 0.3 * np.sum(W * W))


def in_parts(W):
    total = 0.0
    for row, target in zip(DATA, TARGET):
        total += np.sum((row @ W - target) ** 2)
    return float(np.sum(np.array([total / 7, 0.3 * np.sum(W * W)])))


def filled(W):
    out = np.zeros(8)
    for i in range(7):
        out[i] = np.sum((DATA[i] @ W - TARGET[i]) ** 2) / 7
    out[7] += 0.3 * np.sum(W * W)
    return out.sum()


@pytest.mark.parametrize("f", [hinge, in_parts, filled])
def test_edits_in_place_floats_and_arrays_of_parts_are_recorded(f):
    W, h = R.normal(size=(3, 3)), 1e-6

    def right(W):
        out = np.zeros(W.shape)
        for i in np.ndindex(W.shape):
            step = np.zeros(W.shape)
            step[i] = h
            out[i] = (f(W + step) - f(W - step)) / (2 * h)
        return out

    from tinygen.autodiff import grad
    from tinygen.mistakes.recordable import recordable

    own = grad(recordable(f))
    assert np.allclose(own(W), right(W), atol=1e-6)
    assert recordable(f)(W) == f(W)
    said = first(f, lambda W: own(W) - 0.3 * W, W)
    assert "0.3 * np.sum(W * W)" in said and "half" in said


def test_random_wrong_gradients_get_no_cause():
    """Noise of the gradient's size: at most one name in 500, so hardly one in these."""
    named = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        noise = rng.normal(size=(3, 3))
        report = check_grad(ridge, lambda W, noise=noise: noise, rng.normal(size=(3, 3)), names=["W"])
        named += bool(report.mistakes)
    assert named == 0
