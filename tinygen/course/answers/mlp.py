"""The answers about networks and their training (lesson 3)."""

import numpy as np

from tinygen.course.answers.base import Answer


def _adam(theta, m, v, g, t, rate, *, first=True, second=True, square=True, inside=False, root=True, sign=1):
    """One step, with a switch for each part that may be forgotten."""
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * (g**2 if square else g)
    up = m / (1 - 0.9**t) if first else m
    below = v / (1 - 0.999**t) if second else v
    if root:
        below = np.sqrt(below + 1e-8) if inside else np.sqrt(below) + 1e-8
    return np.stack([theta - sign * rate * up / below, m, v])


adam = Answer(
    _adam,
    {
        "m is not divided by 1 - beta1^t": lambda *a: _adam(*a, first=False),
        "v is not divided by 1 - beta2^t": lambda *a: _adam(*a, second=False),
        "neither average is divided by its factor 1 - beta^t": lambda *a: _adam(*a, first=False, second=False),
        "v averages the gradient: it is the square that is averaged": lambda *a: _adam(*a, square=False),
        "the root of v is missing": lambda *a: _adam(*a, root=False),
        "the 1e-8 is added under the root": lambda *a: _adam(*a, inside=True),
        "the step goes uphill": lambda *a: _adam(*a, sign=-1),
        "t counts from 1, not from 0": lambda theta, m, v, g, t, rate: _adam(theta, m, v, g, t + 1, rate),
    },
)

batches = Answer(
    lambda x, y, order, size: np.hstack([x[order], y[order]]),
    {
        "y stays in its old order: x and y no longer belong together": (
            lambda x, y, order, size: np.hstack([x[order], y])
        ),
        "x stays in its old order: x and y no longer belong together": (
            lambda x, y, order, size: np.hstack([x, y[order]])
        ),
        "nothing is shuffled": lambda x, y, order, size: np.hstack([x, y]),
        "the last batch, which is smaller, is missing": (
            lambda x, y, order, size: np.hstack([x[order], y[order]])[: len(x) // size * size]
        ),
    },
)

batch_sizes = Answer(lambda x, y, order, size: np.array([len(order[i:i + size]) for i in range(0, len(order), size)]))
