"""Tables in loops, swapped labels, one triangle, an f that is recorded as another one."""

import re

import numpy as np
import pytest

from tinygen.check.gradient import check_grad
from tinygen.mistakes.words import SENTENCES

BETA = np.array([0.1, 0.25, 0.3, 0.42, 0.55, 0.61])
RNG = np.random.default_rng(7)
X, W = RNG.normal(size=(7, 3)), RNG.normal(size=3)
LABELS = np.array([0.0, 1, 1, 0, 1, 0, 0])
B = RNG.normal(size=5)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def first(report):
    assert report.verdict == "FAIL" and report.mistakes, str(report)
    return report.mistakes[0].sentence


def steps(z, beta=BETA):
    for t in range(len(beta)):
        z = np.sqrt(1 - beta[t]) * z + beta[t] * np.sin(z)
    return np.sum(z**2)


def back(x, beta, wrong):
    zs = [x]
    for t in range(len(beta)):
        zs.append(np.sqrt(1 - beta[t]) * zs[-1] + beta[t] * np.sin(zs[-1]))
    g = 2 * zs[-1]
    for t in reversed(range(len(beta))):
        b = beta[(t + wrong) % len(beta)]
        g = g * (np.sqrt(1 - b) + b * np.cos(zs[t]))
    return g


@pytest.mark.parametrize(("wrong", "turn"), [(-1, "before"), (1, "after")])
def test_a_table_read_in_a_loop_one_place_off(wrong, turn):
    x = np.array([0.5, -1.2, 0.7])
    said = first(check_grad(steps, lambda x: back(x, BETA, wrong), x))
    assert f"`beta[t]` of the turn {turn}" in said
    said = first(check_grad(steps, [lambda x, beta: back(x, beta, wrong), None], x, BETA))
    assert f"`beta[t]` of the turn {turn}" in said
    random = RNG.normal(size=3)
    assert not check_grad(steps, lambda x: back(x, BETA, 0) * random, x).mistakes


def logistic(w):
    z = X @ w
    return np.mean(np.log1p(np.exp(z)) - LABELS * z)


def cross_entropy(w, y):
    p = 1 / (1 + np.exp(-(X @ w)))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def margins(w):
    return np.sum(np.log1p(np.exp(-(2 * LABELS - 1) * (X @ w))))


def adversarial(real, fake):
    return np.mean(np.log1p(np.exp(-real))) + np.mean(np.log1p(np.exp(fake)))


def test_swapped_labels():
    swapped = lambda w, *y: X.T @ (sigmoid(X @ w) - (1 - LABELS)) / 7
    assert "swapped labels" in first(check_grad(logistic, swapped, W))
    for y in (LABELS, LABELS.astype(int)):
        assert "labels swapped" in first(check_grad(cross_entropy, [swapped, None], W, y))
    signs = 2 * LABELS - 1
    assert "swapped labels" in first(check_grad(margins, lambda w: X.T @ (signs * sigmoid(signs * (X @ w))), W))
    report = check_grad(adversarial, lambda r, f: (sigmoid(r) / 5, sigmoid(f) / 5), B, B[::-1].copy())
    assert first(report).count("labels swapped") == 1 and "sigmoid(real)" in first(report)
    assert not any("instead of fake" in m.sentence for m in report.mistakes)


def symmetric(A, sign=1):
    z = np.linalg.solve(A, B)
    return 0.5 * (np.linalg.inv(A) - sign * np.outer(z, z))


def chol(A):
    L = np.linalg.cholesky(A)
    return np.sum(np.log(np.diag(L))) + 0.5 * np.sum(np.linalg.solve(L, B) ** 2)


def test_a_symmetric_gradient_of_an_f_that_reads_one_triangle():
    A = RNG.normal(size=(5, 5))
    A = A @ A.T + np.eye(5)
    report = check_grad(chol, symmetric, A)
    assert "the symmetric form (G + G.T) / 2" in first(report) and "lower triangle" in first(report)
    assert len(report.mistakes) == 1
    said = first(check_grad(chol, lambda A: symmetric(A, -1), A))
    assert "has the wrong sign" in said and "symmetric form" in said


def branching(x):
    return np.sum(x**2) if isinstance(x, np.ndarray) else np.sum(x**3)


def test_an_f_that_is_another_one_where_it_is_recorded():
    x = np.array([1.0, 2.0])
    report = check_grad(branching, None, x)
    assert report.verdict == "FAIL" and "it is 5 here, but 9 where its arguments are recorded" in first(report)
    assert check_grad(branching, lambda x: 2 * x, x).ok
    rng = np.random.default_rng(0)
    assert check_grad(lambda x: np.sum((x + 0.1 * rng.normal(size=2)) ** 2), None, x).verdict != "PASS"


def test_a_run_of_wrong_entries_is_told_from_to():
    x = RNG.normal(size=11)
    half = lambda x: np.where(np.arange(11) < 6, 1.0, 0.7) * 2 * x
    assert "entries 6 to 10 are wrong" in first(check_grad(lambda x: np.sum(x**2), half, x))
    told = str(check_grad(lambda x: float(np.sum(x**2)), half, x))
    assert "Two mistakes" not in told


def test_equal_corrections_are_said_once():
    f = lambda m, sigma: -0.5 * (1.0 - m) ** 2 / sigma**2
    report = check_grad(f, [lambda m, sigma: (1.0 - m) / sigma, None], 0.3, 0.7)
    formulas = [m.formula for m in report.mistakes if m.formula]
    assert len(formulas) == len(set(formulas))


def test_no_sentence_says_what_cannot_be_read():
    for key, sentence in SENTENCES.items():
        assert not re.search(r"\(\)|``|\s{2}| \.", sentence), key
