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

def _batches(x, y, order, size, shuffled="xy", whole=False):
    """The pairs of one pass, in the given order: of the arrays that `shuffled` names."""
    x, y = (x[order] if "x" in shuffled else x), (y[order] if "y" in shuffled else y)
    end = len(x) // size * size if whole else len(x)
    return [(x[i : i + size], y[i : i + size]) for i in range(0, end, size)]


batches = Answer(
    _batches,
    {
        "y stays in its old order: x and y no longer belong together": lambda *a: _batches(*a, shuffled="x"),
        "x stays in its old order: x and y no longer belong together": lambda *a: _batches(*a, shuffled="y"),
        "nothing is shuffled": lambda *a: _batches(*a, shuffled=""),
        "the last batch, which is smaller, is missing": lambda *a: _batches(*a, whole=True),
    },
)


def joined(batches):
    """The function whose batches, rows beside each other, are one array."""
    return lambda *args: np.concatenate([np.hstack(pair) for pair in batches(*args)])


def sizes(batches):
    """The function that says how many rows each batch has."""
    return lambda *args: np.array([len(pair[1]) for pair in batches(*args)])
