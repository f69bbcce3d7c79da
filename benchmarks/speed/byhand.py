"""The yardstick: a careful engineer's NumPy, derivatives by hand, nothing allocated in a step.

What makes them fast: all arrays are allocated once and written with out=; activations lie feature by feature, (n, B),
with a last row of ones, so that a layer's bias is one more row of its matrix and the matrix product adds it, and its
gradient comes with the weights' in one product; sigmoid by one exp; one flat Adam of seven passes, in blocks that stay
in the cache; factors 1/B go into Adam's scalars.
"""

import math
import os

import numpy as np
from scipy.linalg.blas import saxpy

from benchmarks.speed.works import RATE
from tinygen.autodiff import tree

ONE, MINUS_ONE, HALF = (np.array(number, np.float32) for number in (1, -1, 0.5))


class FlatAdam:
    """Adam on one vector; the gradient counts `scale` times.

    The moments are kept divided by the powers of beta that they would be multiplied by, so that taking in a gradient is
    one BLAS call each; before the powers grow large, they are multiplied in. SciPy's BLAS has threads of its own, which
    would fight with those of NumPy's matrix product: below 10,000 numbers it starts none.
    """

    BLOCK = 32768 if os.environ.get("OPENBLAS_NUM_THREADS") == "1" else 9984  # five such arrays fit into the cache
    PERIOD = 80  # .9^-80 = 4,600

    def __init__(self, theta, gradient, *, scale=1.0):
        self.t, self.scale = 0, scale
        self.M, self.V = np.zeros_like(theta), np.zeros_like(theta)
        self.eps = np.zeros((), np.float32)
        work = np.empty(min(self.BLOCK, theta.size), np.float32)
        cuts = range(0, theta.size, self.BLOCK)
        flat = (theta, gradient, self.M, self.V)
        self.blocks = [(*(a[cut : cut + self.BLOCK] for a in flat), work[: theta.size - cut]) for cut in cuts]

    def step(self):
        k = self.t % self.PERIOD + 1
        if k == 1 and self.t:
            self.M *= 0.9**self.PERIOD
            self.V *= 0.999**self.PERIOD
        self.t += 1
        into_m, into_v = self.scale * 0.9 ** (1 - k), self.scale**2 * 0.999 ** (1 - k)
        to_m = 0.1 * 0.9 ** (k - 1) / (1 - 0.9**self.t)
        to_v = math.sqrt(0.001 * 0.999 ** (k - 1) / (1 - 0.999**self.t))
        self.eps[()] = 1e-8 / to_v
        eps, rate = self.eps, -RATE * to_m / to_v
        for theta, g, M, V, work in self.blocks:
            n = g.size
            saxpy(g, M, n, into_m)
            np.multiply(g, g, work)
            saxpy(work, V, n, into_v)
            np.sqrt(V, work)
            np.add(work, eps, work)
            np.divide(M, work, work)
            saxpy(work, theta, n, rate)


def flat(params):
    """One vector of all parameters, one for the gradient, and the tree of views into each."""
    theta, back = tree.ravel(params)
    gradient = np.zeros_like(theta)
    return theta, gradient, back(theta), back(gradient)


def joined(layer):
    """W (n, m) and b (m,), which lie side by side in the flat vector, as one matrix (n + 1, m)."""
    W, b = layer["W"], layer["b"]
    start = (W.__array_interface__["data"][0] - W.base.__array_interface__["data"][0]) // W.itemsize
    both = W.base[start : start + W.size + b.size].reshape(len(W) + 1, -1)
    assert np.shares_memory(both[-1], b)
    return both


def with_ones(n, B):
    """Activations (n, B) above a row of ones."""
    h = np.empty((n + 1, B), np.float32)
    h[-1] = 1
    return h


def silu_forward(n, s, y):
    """y = a sigmoid(a) and s = sigmoid(a), from a in `n`, which is lost."""
    np.negative(n, n)
    np.exp(n, s)
    np.subtract(MINUS_ONE, s, s)  # -(1 + e^-a)
    np.divide(n, s, y)
    np.divide(MINUS_ONE, s, s)


def silu_backward(g, y, s, work):
    """g times the derivative s + y (1 - s) = y + s (1 - y)."""
    np.subtract(ONE, y, work)
    np.multiply(work, s, work)
    np.add(work, y, work)
    np.multiply(g, work, g)


def tanh_backward(g, h, work):
    """g times the derivative 1 - h^2."""
    np.multiply(h, h, work)
    np.subtract(ONE, work, work)
    np.multiply(g, work, g)


def train_mlp(work, x, target):
    """One step of Adam on the mean square of an MLP's error, SiLU or tanh, any depth. x: (B, n), target: (B, m)."""
    theta, gradient, layers, gradients = flat(work.params())
    silu = work.name == "a"
    B, m = target.shape
    adam = FlatAdam(theta, gradient, scale=2 / target.size)
    W0, b0, gW0, gb0 = layers[0]["W"], layers[0]["b"][:, None], gradients[0]["W"], gradients[0]["b"]
    Wb, gWb = [joined(layer) for layer in layers[1:]], [joined(layer) for layer in gradients[1:]]
    H = [with_ones(len(W) - 1, B) for W in Wb]  # H[i] is what layer i + 1 reads
    h = [rows[:-1] for rows in H]
    S = [np.empty_like(rows) if silu else None for rows in h]
    largest = max(len(rows) for rows in h)
    spare, one, two = (np.empty((largest, B), np.float32) for _ in range(3))
    g = [(one, two)[i % 2][: len(rows)] for i, rows in enumerate(h)]
    out, ones = np.empty((B, m), np.float32), np.ones(B, np.float32)
    last = len(h) - 1
    places = [spare[: len(rows)] if silu else rows for rows in h]
    weights, output = W0.T, Wb[-1]
    forward = [(Wb[i].T, H[i], places[i + 1], h[i + 1], S[i + 1]) for i in range(last)]
    backward = [
        (H[i], g[i + 1].T, gWb[i], Wb[i][:-1], g[i + 1], g[i], h[i], S[i], spare[: len(h[i])])
        for i in reversed(range(last))
    ]
    error = out.reshape(-1)

    def act(a, y, s):
        silu_forward(a, s, y) if silu else np.tanh(a, y)

    def step():
        np.dot(weights, x.T, places[0])
        np.add(places[0], b0, places[0])
        act(places[0], h[0], S[0])
        for W, below, a, y, s in forward:
            np.dot(W, below, a)
            act(a, y, s)
        np.dot(H[last].T, output, out)
        np.subtract(out, target, out)
        loss = np.dot(error, error) / error.size
        np.dot(H[last], out, gWb[last])
        np.dot(output[:-1], out.T, g[last])
        pull(g[last], h[last], S[last], spare[: len(h[last])])
        for below, gT, gW, W, above, lower, y, s, room in backward:
            np.dot(below, gT, gW)
            np.dot(W, above, lower)
            pull(lower, y, s, room)
        np.dot(x.T, g[0].T, gW0)
        np.dot(g[0], ones, gb0)
        adam.step()
        return loss

    def pull(g, y, s, room):
        silu_backward(g, y, s, room) if silu else tanh_backward(g, y, room)

    return step


def sample_mlp(work, start, features, coefficients, noise):
    """Ancestral sampling with the noise-prediction MLP: what depends on time alone is computed once for all steps."""
    layers = work.params()
    d, B = start.shape[1], len(start)
    Wz, Wt = layers[0]["W"][:d], layers[0]["W"][d:]
    Wb = [np.concatenate([layer["W"], layer["b"][None]]) for layer in layers[1:]]
    H = [with_ones(len(W) - 1, B) for W in Wb]
    a, s = np.empty_like(H[0][:-1]), np.empty_like(H[0][:-1])
    z, moved, step_noise = start.copy(), np.empty_like(start), np.empty_like(start)
    scalars = [[np.array(c) for c in row] for row in coefficients]

    def silu(y):
        np.negative(a, a)
        np.exp(a, s)
        np.subtract(MINUS_ONE, s, s)
        np.divide(a, s, y)

    def step():
        z[...] = start
        shift = features @ Wt + layers[0]["b"]  # (T, n)
        for (grow, back, spread), row, eps in zip(scalars, shift, noise):
            np.dot(Wz.T, z.T, a)
            np.add(a, row[:, None], a)
            silu(H[0][:-1])
            for W, below, above in zip(Wb, H, H[1:]):
                np.dot(W.T, below, a)
                silu(above[:-1])
            np.dot(H[-1].T, Wb[-1], moved)
            np.multiply(moved, back, moved)
            np.multiply(z, grow, z)
            np.subtract(z, moved, z)
            np.multiply(eps, spread, step_noise)
            np.add(z, step_noise, z)
        return z

    return step


def scalars(work, q):
    """The pendulum and its derivative on Python's floats (in double precision: faster here than NumPy's float32)."""
    sin, cos, steps, start = math.sin, math.cos, work.steps, float(q)

    def step():
        q, p, passed = start, 0.0, []
        for _ in range(steps):
            passed.append(q)
            p -= 0.05 * sin(q)
            q += 0.05 * p
        gq, gp = 1.0, 0.0
        for before in reversed(passed):
            gp += 0.05 * gq
            gq -= 0.05 * cos(before) * gp
        return q, gq

    return step
