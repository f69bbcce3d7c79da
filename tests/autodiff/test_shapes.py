"""Shapes of every kind: 0-d, nothing in them, axes of length 1, broadcasting both ways, layouts, negative axes."""

import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import tinygen as tg

BINARY = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (3 + b * b),
    "power": lambda a, b: (1 + a * a) ** b,
    "logaddexp": np.logaddexp,
    "hypot": lambda a, b: np.hypot(a, 1 + b * b),
    "arctan2": lambda a, b: np.arctan2(a, 1 + b * b),
    "maximum": np.maximum,
    "where": lambda a, b: np.where(np.sin(a) > np.cos(b), a * b, np.exp(b)),
}


def total(f, weights):
    return lambda *args: np.sum(weights * f(*args))


@pytest.mark.parametrize("name", BINARY)
def test_broadcasting_is_undone(name, strategies):
    f = BINARY[name]

    @given(st.data(), strategies.shape_pairs(), strategies.generators(), st.sampled_from([np.float64, np.float32]))
    @example(None, ((), (3, 1)), np.random.default_rng(0), np.float64)
    @example(None, ((1, 4), (1, 1)), np.random.default_rng(1), np.float64)
    @example(None, ((2, 1, 0), (1, 1)), np.random.default_rng(2), np.float32)
    def check(data, shapes, rng, dtype):
        a, b = (np.asarray(rng.standard_normal(shape)) for shape in shapes)
        if data:
            a, b = (data.draw(strategies.layouts())(x) for x in (a, b))
        w = rng.standard_normal(np.broadcast_shapes(*shapes))
        big = [np.broadcast_to(x, w.shape) for x in (a, b)]
        gradients = tg.grad(total(f, w), (0, 1))(a, b)
        for x, got, full in zip((a, b), gradients, tg.grad(total(f, w), (0, 1))(*(x.copy() for x in big))):
            assert got.shape == x.shape
            assert np.allclose(got, summed_to(full, x.shape), rtol=1e-11, atol=1e-12)
        single = tg.grad(total(f, w.astype(dtype)), (0, 1))(a.astype(dtype), b.astype(dtype))
        assert [(g.shape, g.dtype) for g in single] == [(a.shape, dtype), (b.shape, dtype)]

    check()


def summed_to(g, shape):
    """Broadcasting undone element by element, by what broadcasting means."""
    out = np.zeros(shape)
    places = np.broadcast_to(np.arange(out.size).reshape(shape), g.shape)
    np.add.at(out.reshape(-1), places.ravel(), g.ravel())
    return out


REDUCTIONS = [np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std, np.median, np.ptp, tg.logsumexp]


@pytest.mark.parametrize("f", REDUCTIONS, ids=lambda f: f.__name__)
def test_reductions_over_any_axes(f, strategies):
    """Reducing axes is reducing the columns of a matrix with those axes in its rows."""

    @given(st.data(), strategies.shapes(), st.booleans(), strategies.generators(), strategies.layouts())
    def check(data, shape, keepdims, rng, layout):
        axis = data.draw(strategies.axes(len(shape)))
        axes = range(len(shape)) if axis is None else [axis] if isinstance(axis, int) else axis
        axes = [i % len(shape) for i in axes]
        kept = [i for i in range(len(shape)) if i not in axes]
        rows = math.prod(shape[i] for i in axes)
        assume(rows and 0 not in shape)
        x = layout(np.asarray(rng.standard_normal(shape)))
        value, pull = tg.vjp(lambda x: f(x, axis=axis, keepdims=keepdims))(x)
        assert np.shape(value) == np.shape(f(x, axis=axis, keepdims=keepdims))
        g = np.asarray(rng.standard_normal(np.shape(value)))
        matrix = np.transpose(x, axes + kept).reshape(rows, -1)
        _, pull_matrix = tg.vjp(lambda m: f(m, axis=0))(matrix)
        expected = pull_matrix(np.reshape(g, -1)).reshape([shape[i] for i in axes + kept])
        assert np.allclose(pull(g[()]), np.transpose(expected, np.argsort(axes + kept)), rtol=1e-11, atol=1e-12)

    check()


@pytest.mark.parametrize("f", REDUCTIONS, ids=lambda f: f.__name__)
def test_reductions_of_float32_stay_float32(f, strategies):
    @given(st.data(), strategies.shapes(min_side=1), st.booleans(), strategies.generators())
    def check(data, shape, keepdims, rng):
        axis = data.draw(strategies.axes(len(shape)))
        x = np.asarray(rng.standard_normal(shape), np.float32)
        value, pull = tg.vjp(lambda x: f(x, axis=axis, keepdims=keepdims))(x)
        gradient = pull(np.ones_like(value)[()])
        assert value.dtype == gradient.dtype == np.float32 and gradient.shape == shape

    check()


def linear_rules_hold(f, x, rng):
    """For linear f: <u, f(v)> = <f'u, v> for random u and v, and f' does not depend on x."""
    value, pull = tg.vjp(f)(x)
    u, v = (np.asarray(rng.standard_normal(np.shape(a))) for a in (value, x))
    back = pull(u[()])
    assert back.shape == x.shape
    assert np.isclose(np.sum(u * f(v)), np.sum(back * v), rtol=1e-12, atol=1e-12)
    assert np.allclose(tg.jvp(f)(x, v[()])[1], f(v), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("order", ["C", "F", "A"])
def test_reshaping(order, strategies):
    @given(st.data(), strategies.shapes(), strategies.generators(), strategies.layouts())
    def check(data, shape, rng, layout):
        x = layout(np.asarray(rng.standard_normal(shape)))
        sides = list(data.draw(st.permutations([*shape, 1])))
        merged = [sides[0] * sides[1], *sides[2:]] if len(sides) > 1 else sides
        for new in (sides, merged, x.size):
            value, pull = tg.vjp(lambda x, new=new: np.reshape(x, new, order=order))(x)
            assert np.array_equal(pull(value), x)
        value, pull = tg.vjp(lambda x: np.ravel(x, order=order))(x)
        assert np.array_equal(pull(value), x)

    check()


def test_moving_axes(strategies):
    @given(st.data(), strategies.shapes(min_dims=1), strategies.generators(), strategies.layouts())
    def check(data, shape, rng, layout):
        n = len(shape)
        x = layout(rng.standard_normal(shape))
        order = tuple(i - n * data.draw(st.booleans()) for i in data.draw(st.permutations(range(n))))
        i, j = data.draw(st.tuples(st.integers(-n, n - 1), st.integers(-n, n - 1)))
        for f in (
            lambda x: np.transpose(x, order),
            lambda x: x.transpose(*order),
            lambda x: np.swapaxes(x, i, j),
            lambda x: np.moveaxis(x, i, j),
            lambda x: np.flip(x, i),
            lambda x: np.roll(x, j, i),
            lambda x: np.expand_dims(x, (i, -1 - i)) if i % (n + 2) != (-1 - i) % (n + 2) else x,
            lambda x: np.squeeze(x),
            lambda x: x.T,
            lambda x: np.cumsum(x, axis=i),
            lambda x: np.diff(x, axis=j) if shape[j] else x,
            lambda x: np.repeat(x, 2, axis=i),
            lambda x: np.tile(x, (2,) * (n + 1)),
            lambda x: np.stack([x, 2 * x], axis=i),
            lambda x: np.concatenate([x, x[:1], -x], axis=0),
            lambda x: np.pad(x, [(k % 3, 1) for k in range(n)]),
        ):
            linear_rules_hold(f, x, rng)

    check()


def test_indexing(strategies):
    @given(st.data(), strategies.shapes(), strategies.generators(), strategies.layouts())
    def check(data, shape, rng, layout):
        x = layout(np.asarray(rng.standard_normal(shape)))
        index = data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
        linear_rules_hold(lambda x: x[index], x, rng)
        if x.size and x.ndim:
            rows, mask = data.draw(whole(shape)), data.draw(hnp.arrays(bool, shape))
            linear_rules_hold(lambda x: x[rows], x, rng)
            linear_rules_hold(lambda x: x[mask], x, rng)
            linear_rules_hold(lambda x: np.take(x, rows, axis=0), x, rng)

    check()


def whole(shape):
    """Arrays of integers that index the first axis, some of them twice."""
    return hnp.arrays(np.int64, hnp.array_shapes(max_dims=2, max_side=4), elements=st.integers(-shape[0], shape[0] - 1))


INDICES = [
    (0, slice(None), [0, 2, 2]),
    ([1, 1, 0], slice(None), -1),
    (slice(None), [[0], [1]], [0, 2]),
    (np.array([True, False, True]), 0),
    ([0, 1], np.array([True, False, True, False, False])),
    (Ellipsis, np.array([[0, 1], [1, 1]])),
    (None, slice(None, None, -2), Ellipsis, None, 1),
    (slice(2, 0, -1), np.newaxis, [0, 0, 4]),
    np.array(2),
    np.uint8(1),
    (np.array([2, 0]), Ellipsis, np.array(1)),
    [[0, 1], [2, 2]],
    [True, False, True],
    (),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_indices_of_every_kind(index, dtype, rng):
    x = rng.standard_normal((3, 5, 7)).astype(dtype)
    linear_rules_hold(lambda x: x[index], x.astype(np.float64), rng)
    value, pull = tg.vjp(lambda x: x[index])(x)
    assert np.array_equal(value, x[index])
    back = pull(np.ones_like(value))
    counts = np.zeros(x.shape)
    np.add.at(counts, index, 1)
    assert np.array_equal(back, counts) and back.dtype == dtype
    product = tg.hvp(lambda x: np.sum(x[index] ** 3))(x, x)
    assert np.allclose(product, 6 * counts * x * x, rtol=1e-5) and product.dtype == dtype


def test_matrix_products_of_all_shapes(strategies):
    products = hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=3)

    @given(products, strategies.generators())
    def check(shapes, rng):
        a, b = (rng.standard_normal(shape) for shape in shapes.input_shapes)
        value, pull = tg.vjp(np.matmul, (0, 1))(a, b)
        assert np.array_equal(value, a @ b)
        u = rng.standard_normal(np.shape(value))
        da, db = rng.standard_normal(a.shape), rng.standard_normal(b.shape)
        ga, gb = pull(u[()])
        assert ga.shape == a.shape and gb.shape == b.shape
        assert np.isclose(np.sum(ga * da), np.sum(u * (da @ b))) and np.isclose(np.sum(gb * db), np.sum(u * (a @ db)))
        if a.ndim > 1 < b.ndim:
            again = tg.vjp(lambda a, b: np.einsum("...ij,...jk->...ik", a, b), (0, 1))(a, b)[1](u)
            assert np.allclose(again[0], ga) and np.allclose(again[1], gb)

    check()


def test_einsum_of_random_letters(strategies):
    @given(st.data(), strategies.generators())
    def check(data, rng):
        sizes = {letter: data.draw(st.integers(1, 3)) for letter in "abcd"}
        terms = [data.draw(st.text("abcd", max_size=3)) for _ in range(data.draw(st.integers(1, 3)))]
        used = sorted(set("".join(terms)))
        output = "".join(data.draw(st.permutations(used)))[: data.draw(st.integers(0, len(used)))]
        spec = ",".join(terms) + data.draw(st.sampled_from(["->" + output, ""]))
        operands = [np.asarray(rng.standard_normal([sizes[letter] for letter in term])) for term in terms]
        for k in range(len(operands)):
            f = lambda x, k=k: np.einsum(spec, *operands[:k], x, *operands[k + 1 :])
            linear_rules_hold(f, operands[k], rng)

    check()


def test_tensordot_over_any_axes(strategies):
    @given(st.data(), strategies.shapes(min_side=1), strategies.shapes(min_side=1), strategies.generators())
    def check(data, first, second, rng):
        pairs = [(i, j) for i, m in enumerate(first) for j, n in enumerate(second) if m == n]
        several = st.lists(st.sampled_from(pairs), unique_by=(lambda p: p[0], lambda p: p[1])) if pairs else st.just([])
        chosen = data.draw(several)
        axes = ([i - len(first) * data.draw(st.booleans()) for i, _ in chosen], [j for _, j in chosen])
        a, b = np.asarray(rng.standard_normal(first)), np.asarray(rng.standard_normal(second))
        linear_rules_hold(lambda a: np.tensordot(a, b, axes), a, rng)
        linear_rules_hold(lambda b: np.tensordot(a, b, axes), b, rng)

    check()


@pytest.mark.parametrize("f", [np.dot, np.inner, np.outer, np.kron, np.vdot], ids=lambda f: f.__name__)
def test_products_are_linear_in_each_argument(f, strategies):
    @given(strategies.shapes(min_side=1), strategies.shapes(min_side=1), strategies.generators())
    def check(first, second, rng):
        a, b = np.asarray(rng.standard_normal(first)), np.asarray(rng.standard_normal(second))
        try:
            f(a, b)
        except ValueError:
            b = np.asarray(rng.standard_normal(first if f in (np.inner, np.vdot) else first[::-1]))
            try:
                f(a, b)
            except ValueError:
                assume(False)
        linear_rules_hold(lambda a: f(a, b), a, rng)
        linear_rules_hold(lambda b: f(a, b), b, rng)

    check()


def test_ties_share_whatever_the_axes(strategies):
    @given(st.data(), strategies.shapes(min_side=1))
    def check(data, shape):
        axis = data.draw(strategies.axes(len(shape)))
        x = data.draw(strategies.numbers(shape, -1.0, 1.0))
        x = np.round(x)
        for f in (np.max, np.min):
            gradient = tg.grad(lambda x, f=f: np.sum(f(x, axis=axis)))(x)
            picked = x == f(x, axis=axis, keepdims=True)
            assert np.allclose(gradient, picked / np.sum(picked, axis=axis, keepdims=True))

    check()


def test_sorting_and_taking_back(strategies):
    @given(st.data(), strategies.shapes(min_dims=1, min_side=1), strategies.generators())
    def check(data, shape, rng):
        axis = data.draw(st.one_of(st.none(), st.integers(-len(shape), len(shape) - 1)))
        x = rng.permutation(math.prod(shape)).reshape(shape).astype(float)
        for f in (np.sort, lambda x, axis: np.partition(x, 0, axis=axis)):
            value, pull = tg.vjp(lambda x, f=f: f(x, axis=axis))(x)
            assert np.array_equal(pull(value), x)  # each cotangent comes back to where its element was

    check()
