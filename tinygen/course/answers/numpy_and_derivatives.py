"""The answers about derivatives from function values and on paper (lesson 1)."""

import numpy as np

from tinygen.course.answers.base import Answer

central_difference = Answer(
    lambda f, x, h: {"value on the right": f(x + h) / (2 * h), "value on the left": -f(x - h) / (2 * h)},
    {
        "this is the forward difference: take one value on each side of x": lambda f, x, h: (f(x + h) - f(x)) / h,
        "this is the backward difference: take one value on each side of x": lambda f, x, h: (f(x) - f(x - h)) / h,
        "the two values are 2h apart: divide by 2h, not by h": lambda f, x, h: (f(x + h) - f(x - h)) / h,
        "the values are taken at x + h/2 and x - h/2, but divided by 2h": (
            lambda f, x, h: (f(x + h / 2) - f(x - h / 2)) / (2 * h)
        ),
        "divide by 2h: a / 2 * h means (a / 2) * h": lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h,
    },
)

best_step = Answer(
    lambda size, third, eps: (3 * eps * size / third) ** (1 / 3),
    {
        "this is where the two errors are equal; the sum is smallest where its derivative is 0": (
            lambda size, third, eps: (6 * eps * size / third) ** (1 / 3)
        ),
        "the power is 1/3: h^3 stands alone after multiplying by h^2": (
            lambda size, third, eps: (3 * eps * size / third) ** 0.5
        ),
        "the factor is 3: differentiating h^2/6 gives h/3": lambda size, third, eps: (eps * size / third) ** (1 / 3),
        "this is h cubed: take the cube root": lambda size, third, eps: 3 * eps * size / third,
    },
)


def _gradient(quotient):
    """The gradient made of `quotient(f, x, step, h)` for each entry, where `step` is h there and 0 elsewhere."""

    def of(f, x, h):
        out = np.empty_like(x)
        for index in np.ndindex(x.shape):
            step = np.zeros_like(x)
            step[index] = h
            out[index] = quotient(f, x, step, h)
        return out

    return of


numeric_gradient = Answer(
    lambda f, x, h: {
        "value on the right": _gradient(lambda f, x, step, h: f(x + step) / (2 * h))(f, x, h),
        "value on the left": _gradient(lambda f, x, step, h: -f(x - step) / (2 * h))(f, x, h),
    },
    {
        "these are forward differences": _gradient(lambda f, x, step, h: (f(x + step) - f(x)) / h),
        "divide by 2h, not by h": _gradient(lambda f, x, step, h: (f(x + step) - f(x - step)) / h),
        "all entries move at once: move one at a time": (
            lambda f, x, h: np.full(x.shape, (f(x + h) - f(x - h)) / (2 * h))
        ),
    },
)


def _softmax(scores):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def classifier_gradient(scores, labels):
    """The gradient of the mean of -log softmax(scores)[label] by the scores, (B, K), in parts."""
    right = np.eye(scores.shape[1])[labels]
    return {"part p, the probabilities,": _softmax(scores) / len(labels), "-1 at the right class": -right / len(labels)}


mean_squared_error = Answer(
    lambda w, x, y: np.mean((x @ w - y[:, None]) ** 2),
    {
        "(B, 1) minus (B,) is (B, B): every prediction is compared with every target": (
            lambda w, x, y: np.mean((x @ w - y) ** 2)
        ),
        "this is the sum over the batch, and a mean was asked for": lambda w, x, y: np.sum((x @ w - y[:, None]) ** 2),
    },
)
