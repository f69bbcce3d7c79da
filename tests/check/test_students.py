"""Mistakes as a hurried student makes them, for which no rule was written: what the report says first."""

import re

import numpy as np
import pytest

from tinygen.check.gradient import check_grad

RNG = np.random.default_rng(3)


def batch_norm(x, gamma, u):
    return np.sum(u * gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5))


def batch_norm_gradient(x, gamma, u):
    std = np.sqrt(x.var(0, ddof=1) + 1e-5)  # n - 1 for n
    normed, d = (x - x.mean(0)) / std, u * gamma
    return (d - d.mean(0) - normed * (d * normed).mean(0)) / std, np.sum(u * normed, 0), gamma * normed


def variance(x, u):
    return np.sum(u * np.mean((x - np.mean(x, 0)) ** 2, 0))


def variance_gradient(x, u):
    return 2 * u * (x - x.mean(0)) / (len(x) - 1), x.var(0, ddof=1)


def linear(W, b, X, Y):
    return np.sum((X @ W + b - Y) ** 2) / len(X)


def linear_gradient(W, b, X, Y):
    R = 2 * (X @ W + b - Y) / len(X)
    return R.sum(0), X.T @ R, None, None  # b before W


def linear_twice_wrong(W, b, X, Y):
    R = X @ W + b - Y
    return R.sum(0), X.T @ R, None, None


def pendulum(theta, omega, m, l):
    return 0.5 * m * l**2 * omega**2 - m * 9.81 * l * np.cos(theta)


def pendulum_gradient(theta, omega, m, l):
    return m * 9.81 * l * np.cos(theta), m * l**2 * omega, None, None


def log_sum_exp(x):
    return np.max(x) + np.log(np.sum(np.exp(x - np.max(x))))


def focal(z, y):
    p = 1 / (1 + np.exp(-z))
    pt = np.where(y == 1, p, 1 - p)
    return -np.sum((1 - pt) ** 2 * np.log(pt))


def focal_gradient(z, y):
    p = 1 / (1 + np.exp(-z))
    pt = np.where(y == 1, p, 1 - p)
    return np.where(y == 1, 1, -1) * (1 - pt) ** 2 * (pt - 1)


def ridge(w, X, y, lam):
    return 0.5 * np.mean((X @ w - y) ** 2) + 0.5 * lam * w @ w


def quadratic(x, A):
    return x @ A @ x


def trace_of_inverse(A):
    return np.trace(np.linalg.inv(A))


normal = RNG.normal
CASES = {  # f, gradient, arguments, what the first mistake says
    "ddof": (
        batch_norm, batch_norm_gradient, (normal(size=(7, 3)), normal(size=3), normal(size=(7, 3))), "n - 1, not n",
    ),
    "ddof by hand": (variance, variance_gradient, (normal(size=(5, 3)), normal(size=3)), "n - 1, not n|5/4"),
    "order of W and b": (
        linear, linear_gradient, (normal(size=(3, 2)), normal(size=2), normal(size=(7, 3)), normal(size=(7, 2))),
        "What is given as dL/dW is the gradient with respect to b: are the gradients in the wrong order",
    ),
    "order, and a factor": (
        linear, linear_twice_wrong, (normal(size=(3, 2)), normal(size=2), normal(size=(7, 3)), normal(size=(7, 2))),
        "dL/dW has the shape of b, and dL/db that of W",
    ),
    "cosine of cosine": (pendulum, pendulum_gradient, (0.7, 1.3, 2.0, 0.5), r"np.cos\(theta\)"),
    "softmax not normalised": (
        log_sum_exp, lambda x: np.exp(x - np.max(x)), (2 * normal(size=5),), "times what it should be",
    ),
    "product rule": (focal, focal_gradient, (normal(size=6), np.array([0, 1, 1, 0, 1, 0])), r"\(1 - pt\) \*\* 2"),
    "half of a square": (
        ridge, lambda w, X, y, lam: X.T @ (X @ w - y) / len(y) + 2 * lam * w,
        (normal(size=5), normal(size=(11, 5)), normal(size=11), 0.3), r"0.5 \* lam \* w @ w.* counts twice",
    ),
    "A taken for symmetric": (quadratic, lambda x, A: 2 * A @ x, (normal(size=4), normal(size=(4, 4))), "symmetric"),
    "inverse not transposed": (
        trace_of_inverse, lambda A: -np.linalg.inv(A) @ np.linalg.inv(A), (normal(size=(3, 3)) + 3 * np.eye(3),),
        "transposed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_first_thing_said_is_the_mistake(name):
    f, gradient, args, says = CASES[name]
    report = check_grad(f, gradient, *args)
    assert report.verdict == "FAIL" and report.mistakes
    assert re.search(says, report.mistakes[0].sentence), str(report)


def test_a_factor_is_not_also_told_as_a_missing_mean():
    report = check_grad(log_sum_exp, lambda x: np.exp(x - np.max(x)), np.array([1.0, -0.5, 0.3, 2.0, 0.1]))
    assert [mistake.kind for mistake in report.mistakes] == ["factor"]
