"""The expression whose derivative is wrong is shown as it stands in the source, whatever surrounds it."""

import re
import sys

import numpy as np
import pytest
import scipy.special
from scipy.special import logsumexp, softmax

import tinygen as tg
from tinygen.mistakes.diagnose import diagnose
from tinygen.mistakes.recordable import recordable
from tinygen.mistakes.recording import Recording

exact = pytest.mark.skipif(sys.version_info < (3, 11), reason="columns of the source are known from Python 3.11 on")


def ask(f, args, got, argnum=0):
    expected = tg.grad(recordable(f), argnum)(*args)
    bars = 1e-10 * np.maximum(abs(expected), 0.1 * abs(expected).max())
    return diagnose(f, args, argnum, got, expected, bars, names=f.__code__.co_varnames[: len(args)])


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def layer_norm(x, u):
    centred = x - x.mean(1, keepdims=True)
    std = np.sqrt(np.mean(centred**2, axis=1, keepdims=True))
    return np.sum(u * centred / std)


@exact
def test_what_was_taken_for_a_constant(rng):
    x, u = rng.normal(size=(2, 5, 7))
    std = x.std(1, keepdims=True)
    (first, *_) = ask(layer_norm, (x, u), (u - u.mean(1, keepdims=True)) / std)
    assert first.kind == "path" and "`std`" in first.sentence.replace("u * centred / std", "`std`")
    assert "is held constant, and the part that comes through it is missing" in first.sentence
    assert re.search(r"test_chain.py:\d+$", first.where)


@exact
def test_one_turn_of_a_loop(rng):
    def recurrent(W, X, u):
        h = np.zeros(len(W))
        for x in X:
            h = np.tanh(W @ h + x)
        return u @ h

    W, X, u = rng.normal(size=(5, 5)) / 2, rng.normal(size=(4, 5)), rng.normal(size=5)
    hs = [np.zeros(5)]
    for x in X:
        hs.append(np.tanh(W @ hs[-1] + x))
    (first, *_) = ask(recurrent, (W, X, u), np.outer(u * (1 - hs[4] ** 2), hs[3]))
    assert first.kind == "batch" and "only the last turn of the loop counts (line" in first.sentence


@exact
def test_the_wrong_value_in_a_product(rng):
    def two_layers(V, X, W):
        h = np.maximum(X @ W, 0)
        return np.sum((h @ V) ** 2)

    V, X, W = rng.normal(size=(5, 2)), rng.normal(size=(7, 3)), rng.normal(size=(3, 5))
    a = X @ W
    (first, *_) = ask(two_layers, (V, X, W), a.T @ (2 * np.maximum(a, 0) @ V))
    assert "`X @ W` is used in place of `h`" in first.sentence
    (first, *_) = ask(two_layers, (V, X, W), X.T @ (2 * np.maximum(a, 0) @ V @ V.T), argnum=2)
    assert "`np.maximum(X @ W, 0)`" in first.sentence and "the kink is left out" in first.sentence


@exact
def test_another_function(rng):
    """The right gradient of a function in which one operand differs."""

    def hinge(w, X, y):
        return np.mean(np.maximum(0, 1 - y * (X @ w)))

    w, X, y = rng.normal(size=3), rng.normal(size=(12, 3)), rng.choice([-1.0, 1.0], 12)
    (first, *_) = ask(hinge, (w, X, y), -X.T @ (y * (y * (X @ w) < 0)) / 12)
    assert "0 in place of 1 (line" in first.sentence


def test_the_maximum_goes_to_the_minimum(rng):
    x, u = rng.normal(size=(5, 4)), rng.normal(size=5)
    got = np.zeros((5, 4))
    got[np.arange(5), x.argmin(1)] = u
    (first, *_) = ask(lambda x, u: np.sum(u * x.max(axis=1)), (x, u), got)
    assert "to the minimum for the maximum" in first.sentence


def attention(q, k, v):
    return np.sum(v * softmax(q @ k.T, axis=1))


def test_scipys_softmax_is_recorded_too(rng):
    """SciPy's function does not dispatch; a copy of f with tinygen's does, and f itself stays what it was."""
    q, k, v = rng.normal(size=(5, 3)), rng.normal(size=(7, 3)), rng.normal(size=(5, 7))
    with pytest.raises(TypeError):
        tg.grad(attention)(q, k, v)
    p = scipy.special.softmax(q @ k.T, axis=1)
    mistakes = ask(attention, (q, k, v), (p * v) @ k)
    assert "softmax(q @ k.T, axis=1)" in mistakes[0].sentence or sys.version_info < (3, 11)
    assert attention.__globals__["softmax"] is scipy.special.softmax
    assert recordable(attention)(q, k, v) == pytest.approx(attention(q, k, v), rel=1e-14)


def test_scipys_functions_are_found_in_closures_modules_and_helpers(rng):
    def helper(x):
        return scipy.special.log_softmax(x, axis=0)[0] + scipy.special.softmax(x).sum() + scipy.special.expit(x[0])

    def f(x):
        return helper(x) + logsumexp(x)

    x = rng.normal(size=4)
    value, gradient = tg.value_and_grad(recordable(f))(x)
    assert value == pytest.approx(f(x), rel=1e-14)
    p, s = scipy.special.softmax(x), scipy.special.expit(x[0])
    assert np.allclose(gradient, np.eye(4)[0] - p + p + np.eye(4)[0] * s * (1 - s), rtol=1e-12, atol=1e-14)
    assert recordable(ask) is ask and recordable(np.sum) is np.sum  # nothing of SciPy's in them


def test_a_recording_gives_the_gradient_and_its_parts(rng):
    def f(x, y):
        return np.sum(np.exp(x) * y) + np.sum(x)

    x, y = rng.normal(size=(2, 5))
    recording = Recording(f, (x, y), ("x", "y"), 0)
    whole = recording.cotangents[recording.input]
    assert np.allclose(whole, tg.grad(f)(x, y), rtol=1e-14)
    parts = [recording.pull(edge.parent, edge.k) for edge in recording.edges if edge.parent == recording.input]
    assert np.allclose(sum(parts), whole, rtol=1e-14) and len(parts) == 2
    unchanged = recording.replay(lambda step, args, values: args)
    assert np.array_equal(tg.grad(unchanged)(x), tg.grad(f)(x, y)) and unchanged(2 * x) == f(2 * x, y)


@exact
def test_a_matrix_taken_for_symmetric_and_the_wrong_axis(rng):
    x, A = rng.normal(size=4), rng.normal(size=(4, 4))
    (first, *_) = ask(lambda x, A: x @ A @ x, (x, A), 2 * A @ x)
    assert "a matrix taken for symmetric, or" in first.sentence

    def mixture(z, mu):
        return np.sum(logsumexp(-0.5 * (z[:, None] - mu) ** 2, axis=1))

    z, mu = rng.normal(size=6), rng.normal(size=3)
    r = scipy.special.softmax(-0.5 * (z[:, None] - mu) ** 2, axis=0)
    (first, *_) = ask(mixture, (z, mu), -(r * (z[:, None] - mu)).sum(1))
    assert "axis 0 in place of axis 1 (line" in first.sentence
