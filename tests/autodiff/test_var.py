"""A Var looks like an array: attributes, methods, operators, and their values are those of the array bit for bit."""

import operator

import numpy as np
import pytest

import tinygen as tg

METHODS = {
    "sum": lambda x: x.sum(),
    "sum axis": lambda x: x.sum(axis=(0, -1), keepdims=True),
    "sum position": lambda x: x.sum(1),
    "mean": lambda x: x.mean(axis=0),
    "std": lambda x: x.std(axis=-1, ddof=1),
    "var": lambda x: x.var(axis=(0, 1)),
    "max": lambda x: x.max(axis=1, keepdims=True),
    "min": lambda x: x.min(0),
    "prod": lambda x: x.prod(axis=2),
    "cumsum": lambda x: x.cumsum(),
    "cumsum axis": lambda x: x.cumsum(axis=1),
    "cumprod": lambda x: x.cumprod(0),
    "any": lambda x: x * (x > 0).any(axis=1, keepdims=True),
    "all": lambda x: x * (x > 0).all(),
    "argmax": lambda x: x * x.argmax(axis=1)[:, None],
    "argmin": lambda x: x * x.argmin(),
    "argsort": lambda x: np.take_along_axis(x, (-x).argsort(axis=1), 1),
    "dot": lambda x: x.dot(np.ones((x.shape[-1], 2), x.dtype)),
    "clip": lambda x: x.clip(-0.5, 0.5),
    "clip below": lambda x: x.clip(min=0.1),
    "copy": lambda x: x.copy() * 2,
    "reshape": lambda x: x.reshape(5, -1),
    "reshape tuple": lambda x: x.reshape((-1,)),
    "reshape order": lambda x: x.reshape(5, -1, order="F"),
    "ravel": lambda x: x.ravel(),
    "flatten": lambda x: x.flatten(),
    "transpose": lambda x: x.transpose(),
    "transpose axes": lambda x: x.transpose(2, 0, 1),
    "transpose tuple": lambda x: x.transpose((2, 0, 1)),
    "swapaxes": lambda x: x.swapaxes(0, -1),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "take": lambda x: x.take([0, 2, 2], axis=1),
    "repeat": lambda x: x.repeat(2, axis=0),
    "diagonal": lambda x: x.diagonal(0, 1, 2),
    "trace": lambda x: x.trace(1, 1, 2),
    "round": lambda x: x.round(1) * x,
    "astype": lambda x: x.astype(np.float64),
    "astype int": lambda x: x * x.astype(int),
    "item": lambda x: x[0, 0, 0].item() * x,
    "item index": lambda x: x.item(1, 2, 1) * x,
    "iteration": lambda x: sum(row * k for k, row in enumerate(x)),
    "unpacking": lambda x: (lambda a, b, c: a * b + c)(*x),
    "len": lambda x: x * len(x),
    "shape": lambda x: x.reshape(x.shape[::-1]) * x.size * x.ndim,
    "dtype": lambda x: x * np.ones(2, x.dtype),
    "in": lambda x: x if 100.0 not in x[0, 0] else 2 * x,
    "reversed": lambda x: np.stack(list(reversed(x))),
    "sum of list": lambda x: sum([x, x * x]),
    "max of two": lambda x: max(x[0, 0, 0], x[1, 1, 1]) * x,
    "if": lambda x: x if x[0, 0, 0] > 0 and x.ndim == 3 else -x,
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_methods_and_attributes(name, dtype, rng, derivatives_agree):
    f = METHODS[name]
    if name == "clip below" and np.lib.NumpyVersion(np.__version__) < "2.1.0":
        pytest.skip("min= is a keyword of clip from NumPy 2.1")
    x = rng.standard_normal((3, 5, 2)).astype(dtype)
    expected = f(x)
    value, pull = tg.vjp(f)(x)
    assert type(value) is type(expected) and value.dtype == expected.dtype and np.array_equal(value, expected)
    gradient = pull(np.ones_like(value)[()])
    assert gradient.shape == x.shape and gradient.dtype == dtype
    if dtype is np.float64:
        derivatives_agree(f, x, rng=rng)


BINARY = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.pow),
    *(operator.floordiv, operator.mod, divmod),
    *(operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge),
]
OTHERS = {
    "array": lambda dtype: np.array([[1.5], [2.0], [0.7]], dtype),
    "0-d": lambda dtype: np.array(1.5, dtype),
    "scalar": lambda dtype: dtype(2.0),
    "float": lambda dtype: 2.0,
    "int": lambda dtype: 2,
    "half": lambda dtype: 0.5,
    "minus one": lambda dtype: -1,
    "three": lambda dtype: 3,
    "float64": lambda dtype: np.array([2.0, 0.5]),
    "integers": lambda dtype: np.array([2, 3]),
}


@pytest.mark.parametrize("symbol", BINARY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_binary_operators_have_the_bits_of_arrays(symbol, kind, dtype, rng):
    x, other = rng.uniform(0.5, 3, (3, 2)).astype(dtype), OTHERS[kind](dtype)
    if symbol is operator.pow and kind == "minus one":
        other_way = lambda x: symbol(2, x)
    else:
        other_way = lambda x: symbol(other, x)
    for f in (lambda x: symbol(x, other), other_way, lambda x: symbol(x[0, 0], other)):
        expected = f(x)
        with np.errstate(all="raise"):
            value, pull = tg.vjp(lambda x, f=f: [f(x)] if symbol is not divmod else list(f(x)))(x)
        parts = expected if symbol is divmod else [expected]
        for got, part in zip(value, parts):
            assert type(got) is type(part) and got.dtype == part.dtype and np.array_equal(got, part)
        gradient = pull([np.ones_like(part)[()] for part in parts])
        assert gradient.dtype == dtype and gradient.shape == (3, 2)


@pytest.mark.parametrize("symbol", BINARY[:5], ids=lambda f: f.__name__)
def test_binary_operators_agree_with_numeric_derivatives(symbol, rng, derivatives_agree):
    x, y = rng.uniform(0.5, 2, (3, 5)), rng.uniform(0.5, 2, 5)
    derivatives_agree(symbol, x, y, rng=rng)
    derivatives_agree(lambda x: symbol(x, 2), x, rng=rng)
    derivatives_agree(lambda x: symbol(2.5, x), x, rng=rng)


def test_division_with_remainder_agrees_with_numeric_derivatives(rng, derivatives_agree):
    x = np.array([[7.3, -2.2], [0.4, 12.9]])
    derivatives_agree(lambda x: list(divmod(x, 2.5)), x, rng=rng)
    derivatives_agree(lambda x: x % 2.5, x, rng=rng)
    derivatives_agree(lambda x: 31.7 % x, x, rng=rng)
    derivatives_agree(lambda x: (x // 2.5) * x, x, rng=rng)


def test_unary_operators(rng, derivatives_agree):
    x = rng.standard_normal((3, 5))
    derivatives_agree(lambda x: [-x, +x, abs(x)], x, rng=rng)
    assert np.array_equal(tg.grad(lambda x: np.sum(x * ~(x > 0)))(x), x <= 0)
    for combine in (operator.and_, operator.or_, operator.xor):
        gradient = tg.grad(lambda x, c=combine: np.sum(x * c(x > 0, x < 1)))(x)
        assert np.array_equal(gradient, combine(x > 0, x < 1))
        gradient = tg.grad(lambda x, c=combine: np.sum(x * c(np.ones(5, bool), x < 1)))(x)
        assert np.array_equal(gradient, combine(np.ones(5, bool), x < 1))


@pytest.mark.parametrize("shapes", [((3, 5), (5, 2)), ((5,), (5,)), ((2, 3, 5), (5,)), ((5,), (2, 5, 3))])
def test_the_matrix_product(shapes, rng, derivatives_agree):
    a, b = (rng.standard_normal(shape) for shape in shapes)
    derivatives_agree(operator.matmul, a, b, rng=rng)
    for f, g in ((lambda a: a @ b, a), (lambda b: a @ b, b)):
        assert np.array_equal(tg.vjp(f)(g)[0], a @ b)


def test_attributes():
    def f(x):
        assert x.shape == (2, 3) and x.ndim == 2 and x.size == 6 and len(x) == 2 and x.dtype == np.float32
        assert np.shape(x) == (2, 3) and np.ndim(x) == 2 and np.size(x) == 6
        assert type(np.zeros_like(x)) is np.ndarray and np.zeros_like(x).dtype == np.float32
        assert np.result_type(x) == np.float32 and np.isrealobj(x)
        assert x[0, 0].shape == () and x[0, 0].ndim == 0 and x[0, 0].size == 1
        with pytest.raises(TypeError):
            len(x[0, 0])
        with pytest.raises(TypeError, match="0-d"):
            iter(x[0, 0])
        return np.sum(x)

    tg.grad(f)(np.ones((2, 3), np.float32))


def test_how_it_is_shown():
    seen = []

    def inner(y, x):
        seen.append(repr(y * x))
        return y

    def f(x):
        seen.extend([repr(x), str(x), f"{x[0]:.2f}", f"{x}", repr(x > 1.5)])
        tg.grad(inner)(2.0, x[0])
        return np.sum(x)

    tg.grad(f)(np.array([1.25, 2.0]))
    assert seen[:4] == ["Var(array([1.25, 2.  ]))", "Var(array([1.25, 2.  ]))", "1.25", "[1.25 2.  ]"]
    assert seen[4:] == ["Var(array([False,  True]))", "Var(Var(np.float64(2.5)))"]
