"""Code that is right without compile is right with it, at any data."""

import numpy as np
import pytest

import tinygen as tg
from tests.program.test_plan import same_bits

M = np.array([[2.0, 1.0, 0.5], [0.3, 3.0, 0.2], [0.1, 0.7, 1.5]])
RNG = np.random.default_rng(17)

ACCEPTED = {
    "det": (tg.grad(np.linalg.det), M),
    "an axis on a number": (lambda x: np.sum(x)[None], M),
    "an axis on a std": (lambda x: x / np.std(x)[..., None], M),
    "a float squared": (lambda l: l**2, 1.5),
    "a float by an int": (lambda l: (l**3, l**-1, l**0.5, 2**l, l // 2, l % 2, -l, abs(l)), 1.7),
    "a float divides": (tg.grad(lambda x, s: np.sum(x) / s**2), M, 2.0),
    "by a float": (tg.grad(lambda x, s: np.sum(x) / s**2, argnums=1), M, 2.0),
    "empty piece": (lambda a: (lambda u, v: np.sum(v) + u)(*np.array_split(a * 1.5, 2)), np.zeros(1)),
    "empty first piece": (lambda a: (lambda u, v, w: v * 2 + w.sum())(*np.split(a * 1.5, [0, 3])), np.zeros(3)),
    "float16 mean": (lambda x: np.mean(x * 1), np.full(2000, 100, np.float16)),
    "float16 column means": (lambda x: np.mean(x * 1, axis=0), np.full((1009, 2), 100, np.float16)),
    "int mean": (lambda x: np.mean(x, axis=0), np.arange(12).reshape(4, 3)),
    "numpy scalars": (lambda s, x: (s * 2, s * s + x, x > s, np.exp(s), s**2.5, np.maximum(s, 1)), np.float32(1.3), M),
    "0-d arrays": (lambda s, x: (s * 2, s + x, np.reshape(s, (1, 1)) @ x[:1]), np.array(1.3), M),
    "a spread number": (tg.grad(lambda x: np.sum(np.tanh(np.mean(x)) * np.ones((3, 3)) * x)), M),
    "a number into places": (lambda x: tg.grad(lambda x: x[0, 1] * x[2, 2] * np.sum(x))(x), M),
    "numbers into a place": (lambda a: tg.hvp(lambda a: np.vecdot(a, a) ** 2)(a, a), np.arange(1.0, 4.0)),
    "a power of arrays": (lambda x, y: x**y, M, M * 0.5),
    "a power of a row": (lambda x, y: x**y, M, np.array([2.0])),
    "slogdet": (lambda x: np.linalg.slogdet(x), M),
    "eigenvalues": (tg.grad(lambda x: np.sum(np.linalg.eigvalsh(x @ x.T) ** 2)), M),
    "solve with a constant": (lambda x: np.linalg.solve(x, M[:2].T) @ M[:2], M),
    "clip": (lambda x: np.clip(x, 0.2, 1.0), M),
    "integers": (lambda x, i: (i * 2 + 1, i > 300, x[i], np.take(x, i, axis=1)), M, np.array([2, 0, 1])),
    "bytes": (lambda x: (x + 1, x > 3, x * 2), np.arange(5, dtype=np.uint8)),
    "masks": (lambda x, m: np.where(m, x, 0.0) * (~m), M, M > 1),
    "nothing": (lambda x: (), M),
    "constants": (lambda x: (1, "a", None, 2.5, M[0]), M),
    "nan and inf": (lambda x: (np.maximum(x, -np.inf), x * np.inf, np.where(x > 1, np.nan, x)), M),
    "negative numbers": (lambda x: (x * -2.0, (-2.0) ** np.rint(x), -x), M),
    "einsum": (tg.grad(lambda x: np.sum(np.einsum("ij,jk,ik->i", x, x, x) ** 2)), M),
    "joined": (lambda x: np.concatenate([x, np.ones((1, 3)), 2 * x]), M),
    "strided": (lambda x: (x.sum(), x.mean(0), np.var(x), x.reshape(-1)), np.arange(24.0).reshape(4, 6)[:, ::-2]),
    "repeated": (lambda x: (x.sum(), x @ x.T), np.broadcast_to(M[0], (4, 3))),
    "transposed": (lambda x: (x.T * 2).sum(0) + np.swapaxes(x, 0, 0).sum(0), M),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_and_equal_at_any_data(name):
    f, *args = ACCEPTED[name]
    compiled = tg.compile(f)
    for k in range(4):
        moved = [new(a, k) for a in args]
        with np.errstate(all="ignore"):
            same_bits(compiled(*moved), f(*moved))


def new(a, k):
    """Other data in the same layout."""
    if k == 0 or np.asarray(a).dtype.kind != "f" or 0 in getattr(a, "strides", ()):
        return a
    x = np.asarray(a) + RNG.standard_normal(np.shape(a)).astype(getattr(a, "dtype", float)) * 0.1
    if not isinstance(a, np.ndarray):
        return type(a)(x)
    out = np.ndarray(a.shape, a.dtype, np.empty(10_000), 4000 + 8 * (a.ndim == 2), a.strides)
    out[...] = x
    return out


POWERS = [  # of arrays and of numbers, by arrays and by numbers
    lambda x, y: np.sum(np.power(x, y[0] * 0.3)),
    lambda x, y: np.sum(np.power(x[0], y * 0.3)),
    lambda x, y: np.sum(np.power(np.sum(x), y * 0.3)) + np.sum(x ** np.sum(y)),
    lambda x, y: x[0] ** y[1] + np.float_power(x[1], y[0]),
]


@pytest.mark.parametrize("k", range(len(POWERS)))
def test_powers_have_the_same_bits_in_every_derivative(k):
    """A number that is recorded and one that is not take different ways through the rule of a power."""
    f, rng = POWERS[k], np.random.default_rng(k)
    for derivative in (tg.grad(f, (0, 1)), lambda x, y: tg.hvp(f, 1)(x, y, x), lambda x, y: tg.hvp(f)(x, y, y)):
        compiled = tg.compile(derivative)
        for x, y in rng.uniform(0.5, 2, (12, 2, 3)):
            same_bits(compiled(x, y), derivative(x, y))


def test_powers_of_random_numbers_by_floats():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = rng.uniform(0.1, 3, 7), float(rng.choice([2.0, 0.5, -1.0, 3.0, rng.normal()]))
        compiled, f = tg.compile(lambda x, y: (x**y, y**x, x[0] ** y)), lambda x, y: (x**y, y**x, x[0] ** y)
        for other in (y, 2.0, 0.5, 1.7):
            with np.errstate(all="ignore"):
                same_bits(compiled(x, other), f(x, other))


def test_chains_of_random_numbers():
    def f(a, b):
        for _ in range(5):
            a, b = np.exp(-a * b) + b**2.3, np.sin(a) * 1.7 - b / 3
        return a, b, a**b

    compiled = tg.compile(f)
    for seed in range(300):
        a, b = np.random.default_rng(seed).uniform(0.1, 2, 2)
        with np.errstate(all="ignore"):
            same_bits(compiled(np.float64(a), float(b)), f(np.float64(a), float(b)))


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_source_runs_by_itself(name):
    """Nothing but the text, NumPy and the arrays: bind them, and the step gives what the compiled function gives."""
    f, *args = ACCEPTED[name]
    compiled, scope = tg.compile(f), {}
    with np.errstate(all="ignore"):
        expected = tg.autodiff.tree.map(np.array, compiled(*args))
        exec(compiled.source, scope)
        arrays = [a for a in args if isinstance(a, np.ndarray)]
        more = list(compiled.plan.lines.given.values())[len(arrays) :]
        got = scope["bind"](*arrays, *more)(*(a for a in args if not isinstance(a, np.ndarray)))
    for a, b in zip(tg.autodiff.tree.flatten(got)[0], tg.autodiff.tree.flatten(expected)[0], strict=True):
        assert np.array_equal(np.array(a), b, equal_nan=b.dtype.kind == "f")


SHARED = {
    "merged": lambda x, y: (2 * x) @ (2 * x).T,
    "a copy": lambda x, y: (np.copy(x) @ x.T, (x * 1.0).T @ x, np.tensordot(x, np.copy(x), (1, 1))),
    "itself": lambda x, y: (x @ x.T, np.sin(x) @ np.sin(x).T, np.inner(x, x), np.einsum("ij,kj", x, x)),
    "two arguments": lambda x, y: (x @ y.T, x.T @ y, np.dot(x[::2], y[::2].T)),
}


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_with_oneself_and_with_an_equal_array(name, dtype):
    """BLAS sums x @ x.T in another order than x @ y.T, also where y equals x: the last bits differ."""
    compiled, f = tg.compile(SHARED[name]), SHARED[name]
    a, b, c = (RNG.standard_normal((37, 53)).astype(dtype) for _ in range(3))
    for x, y in ((a, b), (a, a), (b, b), (b, c), (c, c), (c, a), (a, a.copy()), (c, c)):
        same_bits(compiled(x, y), f(x, y))


def test_taking_by_an_index_that_is_an_argument_keeps_the_layout_of_take():
    f = lambda x, i: (np.take(x, i, axis=1) * 2.0).sum()
    compiled = tg.compile(f)
    for _ in range(20):
        x, i = RNG.standard_normal((3, 5)), RNG.integers(0, 5, (2, 7))
        same_bits(compiled(x, i), f(x, i))
