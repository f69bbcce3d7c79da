"""The floor: only the matrix products that a step can't do without, in the layout that BLAS likes, into buffers."""

from functools import partial
from itertools import pairwise

import numpy as np


def _products(pairs):
    """For each (m, n, p): a product of (m, n) and (n, p)."""
    rng = np.random.default_rng(0)
    calls = []
    for m, n, p in pairs:
        a, b = rng.standard_normal((m, n), np.float32), rng.standard_normal((n, p), np.float32)
        calls.append(partial(np.dot, a, b, np.empty((m, p), np.float32)))

    def step():
        for call in calls:
            call()

    return step


def _layers(work):
    if not work.is_vae:
        return [*pairwise(work.sizes)]
    D, hidden, k = work.sizes
    return [(D, hidden), (hidden, 2 * k), (k, hidden), (hidden, D)]


def train(work):
    """Each layer forwards, its weights' gradient, and but for the first layer its inputs' gradient."""
    B, layers = work.batch, _layers(work)
    forward = [(B, n, m) for n, m in layers]
    return _products([*forward, *((n, B, m) for n, m in layers), *((B, m, n) for n, m in layers[1:])])


def hvp(work):
    """The products of a step and their derivatives along the direction; the gradient itself is not wanted."""
    B, layers = work.batch, _layers(work)
    first, *others = layers
    forward = [(B, *first), (B, *first), *((2 * B, n, m) for n, m in others), *((B, n, m) for n, m in others)]
    weights = [(first[0], B, first[1]), *((n, 2 * B, m) for n, m in others)]
    back = [*((2 * B, m, n) for n, m in others), *((B, m, n) for n, m in others)]
    return _products([*forward, *weights, *back])


def sample(work):
    """The layers forwards, for each step; of the first only the part that depends on z."""
    d = work.sizes[-1]
    sizes = (d, *work.sizes[1:])
    once = _products([(work.batch, n, m) for n, m in pairwise(sizes)])

    def step():
        for _ in range(work.steps):
            once()

    return step
