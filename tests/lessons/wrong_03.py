"""Wrong answers to lesson 3: each is rejected, and the report holds these words."""

import numpy as np


def keep_size_one(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    return g


def mean_instead(g, shape):
    while g.ndim > len(shape):
        g = g.mean(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            g = g.mean(axis=axis, keepdims=True)
    return g


def dropped_axis(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            g = g.sum(axis=axis)
    return g


def first_entry(g, shape):
    while g.ndim > len(shape):
        g = g[0]
    for axis, size in enumerate(shape):
        if size == 1:
            g = np.take(g, [0], axis=axis)
    return g


def backward(params, x, one_hot, slope=lambda h: 1 - h**2, gap_of=None, through=None):
    first, second = params
    h = np.tanh(x @ first["W"] + first["b"])
    scores = h @ second["W"] + second["b"]
    p = np.exp(scores - scores.max(1, keepdims=True))
    p = p / p.sum(1, keepdims=True)
    gap = (gap_of or (lambda p, y: (p - y) / len(y)))(p, one_hot)
    into = gap @ second["W"].T * slope(h)
    return [{"W": x.T @ into, "b": into.sum(0)}, {"W": h.T @ gap, "b": gap.sum(0)}]


WRONG = {
    "unbroadcast": [
        ("not summed over the batch", lambda g, shape: g),
        ("not summed over axis 1", keep_size_one),
        ("times what it should be", mean_instead),
        ("an axis of length 1 too many or too few", dropped_axis),
        ("", first_entry),
    ],
    "linear_backward": [
        ("it is transposed", lambda g, x, W, b: (g @ W.T, g.T @ x, g.sum(0))),
        ("not summed over the batch", lambda g, x, W, b: (g @ W.T, x.T @ g, g)),
        ("1/7", lambda g, x, W, b: (g @ W.T, x.T @ g / 7, g.mean(0))),
        ("sign", lambda g, x, W, b: (-(g @ W.T), x.T @ g, g.sum(0))),
        ("expected (7, 3)", lambda g, x, W, b: (x.T @ g, g @ W.T, g.sum(0))),
    ],
    "network_gradient": [
        ("left out of the chain rule", lambda *a: backward(*a, slope=lambda h: 1.0)),
        ("is taken to be 1 - y", lambda *a: backward(*a, slope=lambda h: 1 - h)),
        ("7", lambda *a: backward(*a, gap_of=lambda p, y: p - y)),
        ("sign", lambda *a: backward(*a, gap_of=lambda p, y: (y - p) / len(y))),
    ],
}
