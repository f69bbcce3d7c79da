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


N = 9
T, X9, Y9, EXPOSURE = (RNG.uniform(0.3, 2, N) for _ in range(4))


def power(k):
    return np.sum((T / 0.9) ** k)


def test_the_logarithm_in_the_derivative_by_an_exponent():
    said = first(check_grad(power, lambda k: np.sum((T / 0.9) ** k), 1.4))
    assert "exponent lacks the logarithm" in said


def filtered(q, r=0.5):
    m, P, loss = 0.0, 1.0, 0.0
    for y in Y9:
        P = P + q
        S = P + r
        K = P / S
        loss = loss + 0.5 * np.log(S) + 0.5 * (y - m) ** 2 / S
        m = m + K * (y - m)
        P = (1 - K) * P
    return loss


def filtered_slope(q, gain, r=0.5):
    m, P, dm, dP, slope = 0.0, 1.0, 0.0, 0.0, 0.0
    for y in Y9:
        P, dP = P + q, dP + 1
        S, K, e = P + r, P / (P + r), y - m
        dK = dP * r / S**2 if gain else 0.0
        slope += 0.5 * dP / S - e * dm / S - 0.5 * e**2 * dP / S**2
        dm, m = dm + dK * e - K * dm, m + K * e
        dP, P = (1 - K) * dP - dK * P, (1 - K) * P
    return slope


def test_a_value_held_constant_wherever_a_loop_uses_it():
    assert check_grad(filtered, lambda q: filtered_slope(q, True), 0.3).ok
    assert "`P / S`" in (said := first(check_grad(filtered, lambda q: filtered_slope(q, False), 0.3)))
    assert "is held constant wherever it is used" in said


def rate(b):
    mu = EXPOSURE * np.exp(b * X9)
    return np.sum(mu - Y9 * np.log(mu))


def test_a_factor_left_out_inside_a_term_is_named():
    said = first(check_grad(rate, lambda b: X9 @ (np.exp(b * X9) - Y9), 0.7))
    assert "the factor `EXPOSURE`" in said and "is left out, in the term `mu`" in said


def mean_square(b):
    return np.sum((Y9 - b * X9) ** 2) / N


def test_a_count_that_f_reads_is_called_by_its_name():
    said = first(check_grad(mean_square, lambda b: -2 * X9 @ (Y9 - b * X9), 0.7))
    assert "`N`" in said or "N (N is 9)" in said
    scores = lambda q: np.sum(np.exp(q / np.sqrt(5)))
    said = first(check_grad(scores, lambda q: np.exp(q / np.sqrt(5)), RNG.normal(size=5)))
    assert "sum in place of a mean" not in said


def roughness(u):
    return np.sum(np.diff(u) ** 4) + np.sum(u**2)


def test_only_one_end_of_the_differences_counts():
    u = RNG.normal(size=7)
    said = first(check_grad(roughness, lambda u: np.append(0, 4 * np.diff(u) ** 3) + 2 * u, u))
    assert "the term `u[:-1]`" in said and "is missing" in said


def lens(n):
    return (1 / ((n - 1) * (1.25 + 1.11 + (n - 1) * 0.2 / (n * 0.8 * -0.9))) - 2) ** 2


def test_what_is_held_constant_together_does_not_count_twice():
    def without_thickness(n):
        power = (n - 1) * (1.25 + 1.11 + (n - 1) * 0.2 / (n * 0.8 * -0.9))
        return -2 * (1 / power - 2) / power**2 * (1.25 + 1.11)

    report = check_grad(lens, without_thickness, 1.5)
    assert report.verdict == "FAIL" and not any("are held constant" in m.sentence for m in report.mistakes)
