"""Jacobians, vector-Jacobian products and Hessians."""

import numpy as np
import pytest

from tinygen.check import check_grad, check_hessian

A = np.array


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def jacobian(x):
    p = softmax(x)
    return np.diag(p) - np.outer(p, p)


X = A([0.3, -1.2, 0.8])


def test_a_jacobian():
    assert check_grad(softmax, jacobian, X).ok
    assert check_grad(softmax, jacobian(X), X).ok
    assert check_grad(softmax, None, X).ok
    report = check_grad(softmax, lambda x: np.diag(softmax(x)), X)
    assert report.verdict == "FAIL" and "df[0]/dx[" in report.entries[0].where, str(report)
    W = np.random.default_rng(0).normal(size=(2, 3))
    f = lambda x: np.tanh(W @ x)
    right = lambda x: (1 - np.tanh(W @ x) ** 2)[:, None] * W
    assert check_grad(f, right, X).ok
    report = check_grad(f, lambda x: right(x).T, X)
    assert report.verdict == "FAIL" and report.mistakes[0].kind == "transpose"
    square = np.random.default_rng(1).normal(size=(3, 3))
    report = check_grad(lambda x: square @ x, lambda x: square.T, X)
    assert report.verdict == "FAIL" and report.mistakes[0].kind == "transpose" and len(report.mistakes) == 1
    report = check_grad(f, lambda x: right(x)[:, :2], X)
    assert report.verdict == "FAIL" and "expected (2, 3)" in str(report)


def test_one_wrong_value_is_found():
    f = lambda x: np.stack([x[0] * x[1], np.sin(x[2]), x[2] ** 2])
    J = lambda x: A([[x[1], x[0], 0], [0, 0, np.cos(x[2])], [0, 0, 2 * x[2]]])
    assert check_grad(f, J, X).ok
    report = check_grad(f, lambda x: J(x) * A([[1], [1], [0.5]]), X)
    assert "first value of f whose gradient is wrong is f[2]" in str(report)
    assert [e.where for e in report.entries if e.verdict == "FAIL"] == ["df[2]/dx[2]"]


def test_jacobians_by_several_arguments_and_of_matrices():
    f = lambda W, x: W @ x
    W = np.random.default_rng(2).normal(size=(2, 3))
    by_W = lambda W, x: np.einsum("ik,j->ikj", np.eye(2), x)
    assert check_grad(f, lambda W, x: (by_W(W, x), W), W, X).ok
    assert check_grad(f, lambda W, x: (by_W(W, x), 2 * W), W, X).verdict == "FAIL"
    g = lambda W: W.T @ W
    J = lambda W: np.einsum("ib,ja->abij", W, np.eye(3))[...] * 0
    assert check_grad(g, lambda W: np.moveaxis(J(W), 2, 3), W).verdict == "FAIL"
    assert check_grad(g, None, W).ok


def test_a_vector_jacobian_product():
    assert check_grad(softmax, lambda x, w: jacobian(x) @ w, X).ok
    assert check_grad(softmax, lambda x, w: softmax(x) * w, X).verdict == "FAIL"


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def hessian(x):
    H = np.diag(-400 * x[:-1], 1) - np.diag(400 * x[:-1], -1)
    diagonal = np.zeros(len(x))
    diagonal[0], diagonal[-1] = 1200 * x[0] ** 2 - 400 * x[1] + 2, 200
    diagonal[1:-1] = 202 + 1200 * x[1:-1] ** 2 - 400 * x[2:]
    return H + np.diag(diagonal)


@pytest.mark.parametrize("opaque", [False, True])
def test_a_hessian(opaque):
    f = (lambda x: float(rosenbrock(x))) if opaque else rosenbrock
    assert check_hessian(f, hessian, X).ok
    report = check_hessian(f, lambda x: np.triu(hessian(x)), X)
    assert report.verdict == "FAIL" and "not symmetric: H[1, 2] = 480" in str(report)
    report = check_hessian(f, lambda x: 2 * hessian(x), X)
    assert report.verdict == "FAIL" and (opaque or report.mistakes[0].kind == "factor")
    assert check_hessian(f, lambda x: hessian(x)[:2], X).verdict == "FAIL"


def test_a_hessian_of_one_number():
    assert check_hessian(lambda x: np.sin(x), lambda x: -np.sin(x), 0.7).ok
    assert check_hessian(lambda x: np.sin(x), lambda x: np.sin(x), 0.7).verdict == "FAIL"
