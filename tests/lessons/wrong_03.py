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


def adam(theta, m, v, g, t, rate, first=True, second=True, square=True, sign=1, inside=False):
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * (g**2 if square else g)
    up, below = m / (1 - 0.9**t) if first else m, v / (1 - 0.999**t) if second else v
    with np.errstate(invalid="ignore"):
        return theta - sign * rate * up / (np.sqrt(below + 1e-8) if inside else np.sqrt(below) + 1e-8), m, v


def cut(x, y, size):
    return [(x[i:i + size], y[i:i + size]) for i in range(0, len(x), size)]


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
    "adam": [
        ("m is not divided by 1 - beta1^t", lambda *a: adam(*a, first=False)),
        ("v is not divided by 1 - beta2^t", lambda *a: adam(*a, second=False)),
        ("neither average is divided", lambda *a: adam(*a, first=False, second=False)),
        ("the step goes uphill", lambda *a: adam(*a, sign=-1)),
        ("under the root", lambda *a: adam(*a, inside=True)),
    ],
    "repaired_batches": [
        ("y stays in its old order", lambda x, y, order, size: cut(x[order], y, size)),
        ("x stays in its old order", lambda x, y, order, size: cut(x, y[order], size)),
        ("nothing is shuffled", lambda x, y, order, size: cut(x, y, size)),
        ("the last batch, which is smaller, is missing", lambda x, y, order, size: cut(
            x[order], y[order], size)[:len(x) // size]),
    ],
}
