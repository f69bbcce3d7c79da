"""Wrong answers to lesson 1: each is rejected, and the report holds these words."""

import numpy as np


def numeric(quotient):
    def gradient(f, x, h):
        out = np.zeros_like(x)
        for index in np.ndindex(x.shape):
            step = np.zeros_like(x)
            step[index] = h
            out[index] = quotient(f, x, step, h)
        return out

    return gradient


def without_restoring(f, x, h):
    """Moves the entries and forgets to move them back."""
    out, x = np.zeros_like(x), x.copy()
    for index in np.ndindex(x.shape):
        x[index] += h
        right = f(x)
        x[index] -= 2 * h
        out[index] = (right - f(x)) / (2 * h)
    return out


def softmax(scores):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def overflowing(scores, labels):
    with np.errstate(all="ignore"):
        return (np.exp(scores) / np.exp(scores).sum(1, keepdims=True) - one_hot(labels)) / len(labels)


def one_hot(labels):
    return np.eye(3)[labels]


WRONG = {
    "central_difference": [
        ("the result has the wrong sign", lambda f, x, h: (f(x - h) - f(x + h)) / (2 * h)),
        ("value on the left has the wrong sign", lambda f, x, h: (f(x + h) + f(x - h)) / (2 * h)),
        ("", lambda f, x, h: np.cos(x)),
    ],
    "best_step": [
        ("size and third have changed places", lambda size, third, eps: (3 * eps * third / size) ** (1 / 3)),
    ],
    "numeric_gradient": [
        ("only the shape is not", lambda f, x, h: numeric(
            lambda f, x, step, h: (f(x + step) - f(x - step)) / (2 * h))(f, x, h).ravel()),
        ("", without_restoring),
    ],
    "least_squares_gradient": [
        ("twice", lambda W, b, X, Y: (2 * X.T @ (X @ W + b - Y), 2 * (X @ W + b - Y).sum(0))),
        ("1/7", lambda W, b, X, Y: (X.T @ (X @ W + b - Y) / 7, (X @ W + b - Y).mean(0))),
        ("transpose", lambda W, b, X, Y: ((X.T @ (X @ W + b - Y)).T, (X @ W + b - Y).sum(0))),
        ("sign", lambda W, b, X, Y: (X.T @ (Y - X @ W - b), (Y - X @ W - b).sum(0))),
        ("shape", lambda W, b, X, Y: (X.T @ (X @ W + b - Y), X @ W + b - Y)),
        ("if b were 0", lambda W, b, X, Y: (X.T @ (X @ W - Y), (X @ W - Y).sum(0))),
    ],
    "classifier_gradient": [
        ("5 is the length of axis 0", lambda scores, labels: softmax(scores) - one_hot(labels)),
        ("sign", lambda scores, labels: (one_hot(labels) - softmax(scores)) / len(labels)),
        ("-1 at the right class is missing", lambda scores, labels: softmax(scores) / len(labels)),
        ("", lambda scores, labels: -one_hot(labels) * (1 - softmax(scores)) / len(labels)),
        ("finite", overflowing),
    ],
    "repaired_error": [
        ("half what it should be", lambda w, x, y: 0.5 * np.mean(((x @ w)[:, 0] - y) ** 2)),
        ("expected a number, got an array of shape (11,)", lambda w, x, y: ((x @ w)[:, 0] - y) ** 2),
    ],
}
