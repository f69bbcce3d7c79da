"""What a compiled function gives may be what it is given next: no order of copying loses a number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygen as tg
from tinygen.autodiff import tree


def fed_back(f, *start, times=6):
    """`args = f(*args)`, compiled and eager, bit for bit at each step; the caller's first arrays stay as they were."""
    compiled, args, expected = tg.compile(f), start, tree.map(np.array, start)
    before = tree.map(np.array, start)
    for _ in range(times):
        args, expected = compiled(*args), tree.map(np.array, f(*expected))
        for a, b in zip(tree.flatten(args)[0], tree.flatten(expected)[0], strict=True):
            assert np.array_equal(a, b, equal_nan=True), (a, b)
    for a, b in zip(tree.flatten(start)[0], tree.flatten(before)[0]):
        assert np.array_equal(a, b)
    return args


FEEDBACK = {
    "momentum": lambda x, p: (2 * x - p - 0.1 * x, x),
    "exchange": lambda a, b: (b, a),
    "fibonacci": lambda a, b: (a + b, a),
    "views": lambda a, b: (b[::-1], a + b),
    "halves": lambda a, b: (np.concatenate([b[:2], a[2:]]), a[::-1]),
    "one twice": lambda a, b: (b, b),
    "a view and its base": lambda a, b: (lambda y: (y, y[::-1]))(a + b),
    "rolled": lambda a, b: (a.reshape(2, 2).T.reshape(4), b.reshape(2, 2).T.ravel()),
    "parts": lambda a, b: tuple(np.concatenate([q, p]) for p, q in (np.split(a, 2), np.split(b, 2))),
    "same": lambda a, b: (a, b),
}


@pytest.mark.parametrize("name", FEEDBACK)
def test_results_fed_back(name):
    fed_back(FEEDBACK[name], np.arange(1.0, 5), np.arange(11.0, 15))


def test_the_published_numbers():
    a, _ = fed_back(lambda x, p: (2 * x - p - 0.1 * x, x), np.ones(1), np.ones(1), times=5)
    assert np.allclose(a, -0.17711) and fed_back(FEEDBACK["fibonacci"], np.ones(1), np.ones(1))[0] == 21


PIECES = [
    lambda a, b: a,
    lambda a, b: b,
    lambda a, b: a[::-1],
    lambda a, b: b.T,
    lambda a, b: a[1:2].repeat(3, axis=0),
    lambda a, b: np.broadcast_to(b[2], (3, 3)),
    lambda a, b: a * 0.5 + b,
    lambda a, b: np.sin(b),
    lambda a, b: (a @ b) * 0.3,
    lambda a, b: np.sin(a)[::-1].T,
    lambda a, b: np.stack(np.split(a + b, 3), 1).reshape(3, 3),
]


WHICH = st.lists(st.integers(0, len(PIECES) - 1), min_size=2, max_size=4)


@given(who=WHICH, swap=st.booleans(), seed=st.integers(0, 99))
def test_any_results_may_come_back(who, swap, seed):
    """Pieces of the arguments, their views and what is computed from them, handed out and given back in any order."""
    rng = np.random.default_rng(seed)
    compiled = tg.compile(lambda a, b: [PIECES[i](a, b) for i in who])
    a, b = rng.standard_normal((2, 3, 3))
    x, y = a.copy(), b.copy()
    for k in range(5):
        got, expected = compiled(a, b), [np.array(PIECES[i](x, y)) for i in who]
        for u, v in zip(got, expected, strict=True):
            assert np.array_equal(u, v)
        i, j = (k % len(who), -1) if not swap else (-1, k % len(who))
        a, b, x, y = got[i], got[j], expected[i], expected[j]
        if k == 2:
            a = a[::-1]  # a view of a result, in another layout
            x = x[::-1]


def test_a_result_read_by_another_plan_of_the_same_function():
    f = lambda a: (a[: a.size // 2 + 1] * 2, a)
    compiled = tg.compile(f)
    a, x = np.arange(8.0), np.arange(8.0)
    for _ in range(3):
        (a, whole), (x, whole_x) = compiled(a), f(x)
        assert np.array_equal(a, x) and np.array_equal(whole, whole_x)


def test_scalars_come_back_too():
    f = lambda t, x: (t * 1.5, x + t)
    compiled, args, expected = tg.compile(f), (1.0, np.ones(3)), (1.0, np.ones(3))
    for _ in range(4):
        args, expected = compiled(*args), f(*expected)
        assert type(args[0]) is float and args[0] == expected[0] and np.array_equal(args[1], expected[1])


def test_targets_that_come_back_as_arguments():
    target = np.zeros(3)
    compiled, x, y = tg.compile(lambda x: np.cumsum(x)[::-1] * 0.5, out=target), np.arange(3.0), np.arange(3.0)
    for _ in range(4):
        x, y = compiled(x), np.cumsum(y)[::-1] * 0.5
        assert x is target and np.array_equal(x, y)
    with pytest.raises(TypeError, match="same memory"):
        tg.compile(lambda x: (x + 1, x + 2), out=(target, target[::-1]))(np.ones(3))
