"""grad, vjp, jvp, hvp, jacobian, hessian: what they return, and that they agree with each other."""

import dataclasses
import gc
import itertools
import re
import threading
import time
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygen as tg
from tinygen.autodiff import tree


def f(x):
    """From R^n to R^3: smooth, not linear, no symmetry."""
    return np.stack([np.sum(np.sin(x) * x), x[0] * x[-1] ** 2, np.prod(x)])


def scalar(x):
    return np.sum(np.tanh(x) * x[::-1] ** 2)


# ---- values ----


def test_value_and_grad(rng):
    x = rng.standard_normal((3, 5))
    value, gradient = tg.value_and_grad(lambda x: np.sum(x**3))(x)
    assert value == np.sum(x**3) and type(value) is np.float64
    assert np.allclose(gradient, 3 * x**2, rtol=1e-15)
    assert np.array_equal(tg.grad(lambda x: np.sum(x**3))(x), gradient)


def test_keywords_and_other_arguments_pass_through():
    def f(x, n, *, scale, name="f"):
        assert type(n) is int and type(scale) is int and name == "g"
        return np.sum(scale * x**n)

    assert np.array_equal(tg.grad(f)(np.array([1.0, 2.0]), 3, scale=2, name="g"), [6.0, 24.0])


@pytest.mark.parametrize("argnums", [0, 1, 2, -1, -3, (0,), (0, 2), (2, 0), (-1, 1), (0, 1, 2)])
def test_argnums(argnums, rng):
    args = [rng.standard_normal(n) for n in (3, 5, 2)]
    gradient = tg.grad(lambda a, b, c: np.sum(a) * np.sum(b**2) * np.sum(c**3), argnums)(*args)
    a, b, c = args
    expected = [
        np.full(3, np.sum(b**2) * np.sum(c**3)),
        2 * b * np.sum(a) * np.sum(c**3),
        3 * c**2 * np.sum(a) * np.sum(b**2),
    ]
    if isinstance(argnums, int):
        assert np.allclose(gradient, expected[argnums])
    else:
        assert type(gradient) is tuple and len(gradient) == len(argnums)
        assert all(np.allclose(g, expected[n]) for g, n in zip(gradient, argnums))


@pytest.mark.parametrize("argnums", [2, -3, (0, 5)])
def test_argnums_beyond_the_arguments(argnums):
    with pytest.raises(TypeError, match=r"argnums=.*2 positional arguments"):
        tg.grad(lambda a, b: a * b, argnums)(1.0, 2.0)


@pytest.mark.parametrize("argnums", [(0, 0), (0, -2)])
def test_argnums_name_an_argument_once(argnums):
    with pytest.raises((TypeError, ValueError), match="argnums"):
        tg.grad(lambda a, b: a * b, argnums)(2.0, 3.0)


def test_has_aux_hands_out_plain_values(rng):
    x = rng.standard_normal(3)

    def f(x):
        return np.sum(x**2), {"sin": np.sin(x), "n": 7, "name": "f", "none": None}

    gradient, aux = tg.grad(f, has_aux=True)(x)
    (value, again), same = tg.value_and_grad(f, has_aux=True)(x)
    _, pull, third = tg.vjp(f, has_aux=True)(x)
    for found in (aux, again, third):
        assert type(found["sin"]) is np.ndarray and np.array_equal(found["sin"], np.sin(x))
        assert (found["n"], found["name"], found["none"]) == (7, "f", None)
    assert value == np.sum(x**2)
    for found in (gradient, same, pull(np.float64(1))):
        assert np.array_equal(found, 2 * x)


@pytest.mark.parametrize("result", [lambda x: x[0], lambda x: x, lambda x: [x[0], x], lambda x: (x[0], x, x)])
def test_has_aux_needs_a_pair(result):
    with pytest.raises(TypeError, match=r"has_aux=True.*\(value, aux\)"):
        tg.grad(result, has_aux=True)(np.ones(2))


# ---- trees ----


class Pair(NamedTuple):
    mean: Any
    logvar: Any


@dataclasses.dataclass
class Layer:
    W: Any
    b: Any


@dataclasses.dataclass(frozen=True)
class Frozen:
    scale: Any


TREES = [
    lambda a, b: {"a": a, "b": b},
    lambda a, b: [a, (b,)],
    lambda a, b: Pair(a, [b]),
    lambda a, b: {"x": Layer(a, None), "y": [Frozen(b), None, ()]},
    lambda a, b: ({}, {1: a, (2, "k"): b}),
]


@pytest.mark.parametrize("build", TREES)
def test_gradients_are_trees_like_the_argument(build, rng):
    a, b = rng.standard_normal((2, 3)), rng.standard_normal(5).astype(np.float32)
    params = build(a, b)

    def f(params):
        first, second = tree.flatten(params)[0]
        assert tree.flatten(params)[1] == tree.flatten(build(0, 0))[1]
        return np.sum(first**2) * np.sum(second)

    gradient = tg.grad(f)(params)
    (first, second), structure = tree.flatten(gradient)
    assert structure == tree.flatten(params)[1] and type(gradient) is type(params)
    assert np.allclose(first, 2 * a * np.sum(b)) and first.dtype == np.float64
    assert np.allclose(second, np.sum(a**2)) and second.dtype == np.float32 and second.shape == (5,)
    product = tg.hvp(f)(params, gradient)
    assert tree.flatten(product)[1] == structure


@pytest.mark.parametrize("build", TREES)
def test_outputs_may_be_trees(build, rng):
    x, u, v = rng.standard_normal((3, 4))

    def f(x):
        return build(np.sin(x), x[1:] * x[:-1])

    value, pull = tg.vjp(f)(x)
    first, second = tree.flatten(value)[0]
    assert np.array_equal(first, np.sin(x)) and np.array_equal(second, x[1:] * x[:-1])
    expected = u * np.cos(x) + np.pad(v[1:] * x[:-1], (1, 0)) + np.pad(v[1:] * x[1:], (0, 1))
    assert np.allclose(pull(build(u, v[1:])), expected)
    tangent = tg.jvp(f)(x, u)[1]
    assert tree.flatten(tangent)[1] == tree.flatten(value)[1]
    assert np.allclose(tree.flatten(tangent)[0][0], u * np.cos(x))


def test_a_cotangent_of_another_tree_is_refused():
    _, pull = tg.vjp(lambda x: {"a": x, "b": 2 * x})(np.ones(3))
    with pytest.raises((TypeError, ValueError), match="trees differ"):
        pull({"a": np.ones(3), "c": np.ones(3)})
    with pytest.raises((TypeError, ValueError)):
        pull([np.ones(3), np.ones(3)])


@pytest.mark.parametrize("g", [np.ones(2), np.ones((3, 1)), np.ones(3, np.float32), np.ones(3, int), 1.0])
def test_a_cotangent_of_another_shape_or_dtype_is_refused(g):
    _, pull = tg.vjp(np.sin)(np.ones(3))
    with pytest.raises(TypeError, match="cotangent"):
        pull(g)


# ---- Jacobians ----


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_all_agree_on_the_jacobian(dtype, rng):
    x = rng.standard_normal(5).astype(dtype)
    J = tg.jacobian(f)(x)
    assert J.shape == (3, 5) and J.dtype == dtype
    _, pull = tg.vjp(f)(x)
    close = dict(rtol=1e-13 if dtype is np.float64 else 1e-5)
    for i in range(3):
        assert np.allclose(pull(np.eye(3, dtype=dtype)[i]), J[i], **close)
        assert np.allclose(tg.grad(lambda x, i=i: f(x)[i])(x), J[i], **close)
    for j in range(5):
        value, tangent = tg.jvp(f)(x, np.eye(5, dtype=dtype)[j])
        assert np.array_equal(value, f(x))
        assert np.allclose(tangent, J[:, j], **close) and tangent.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_all_agree_on_the_hessian(dtype, rng):
    x, v = rng.standard_normal((2, 5)).astype(dtype)
    H = tg.hessian(scalar)(x)
    close = dict(rtol=1e-12, atol=1e-12) if dtype is np.float64 else dict(rtol=1e-4, atol=1e-5)
    assert H.shape == (5, 5) and H.dtype == dtype
    assert np.allclose(H, H.T, **close)
    assert np.allclose(tg.hvp(scalar)(x, v), H @ v, **close)
    assert np.allclose(tg.jvp(tg.grad(scalar))(x, v)[1], H @ v, **close)
    assert np.allclose(tg.jacobian(lambda x: tg.jvp(scalar)(x, v)[1])(x), H @ v, **close)


def test_jacobian_and_hessian_of_matrices(rng):
    A, B = rng.standard_normal((2, 3)), rng.standard_normal((3, 5))
    J = tg.jacobian(np.matmul, 1)(A, B)
    assert J.shape == (2, 5, 3, 5)
    assert np.allclose(J, np.einsum("ik,lj->iljk", A, np.eye(5)).transpose(0, 1, 3, 2))
    H = tg.hessian(lambda B: np.sum((A @ B) ** 2))(B)
    assert H.shape == (3, 5, 3, 5)
    assert np.allclose(H, 2 * np.einsum("ik,il,jm->kjlm", A, A, np.eye(5)))


def test_jacobian_of_trees(rng):
    x, y = rng.standard_normal(2), rng.standard_normal(3)
    J = tg.jacobian(lambda p: [np.outer(p["x"], p["y"]), p["x"]])({"x": x, "y": y})
    assert J[0]["x"].shape == (2, 3, 2) and J[0]["y"].shape == (2, 3, 3)
    assert np.allclose(J[0]["y"], x[:, None, None] * np.eye(3))
    assert np.array_equal(J[1]["x"], np.eye(2)) and np.array_equal(J[1]["y"], np.zeros((2, 3)))


def test_jacobian_with_nothing_in_it():
    assert tg.jacobian(lambda x: x[:0])(np.ones(3)).shape == (0, 3)
    assert tg.jacobian(np.sin)(np.ones(0)).shape == (0, 0)
    assert tg.jacobian(lambda x: x * np.ones(2))(np.array(3.0)).shape == (2,)


def test_hvp_by_several_arguments(rng):
    a, b, u, v = rng.standard_normal((4, 3))

    def f(a, b):
        return np.sum(a**2 * b)

    got = tg.hvp(f, (0, 1))(a, b, (u, v))
    assert np.allclose(got[0], 2 * b * u + 2 * a * v) and np.allclose(got[1], 2 * a * u)


def test_pull_may_be_called_again_and_is_linear(rng):
    x, u, v = rng.standard_normal(5), *rng.standard_normal((2, 3))
    _, pull = tg.vjp(f)(x)
    first = pull(u)
    assert np.allclose(pull(u + 2 * v), first + 2 * pull(v))
    assert np.array_equal(pull(u), first)


def test_third_and_fourth_order():
    d = lambda x: np.exp(2 * x) * np.sin(x)
    value = 0.7
    derivatives = [d]
    for _ in range(4):
        derivatives.append(tg.grad(derivatives[-1]))
    z = (2 + 1j) * value  # d^k/dx^k Im e^((2+i)x) = Im (2+i)^k e^((2+i)x)
    for k, g in enumerate(derivatives):
        assert np.isclose(g(value), ((2 + 1j) ** k * np.exp(z)).imag, rtol=1e-13)


# ---- nesting ----


def test_inner_gradient_closes_over_the_outer_variable():
    assert tg.grad(lambda x: x * tg.grad(lambda q: x + q)(x))(1.0) == 1.0
    assert tg.grad(lambda x: x * tg.grad(lambda q: x * q)(2.0))(3.0) == 6.0
    assert tg.grad(lambda x: tg.grad(lambda y: tg.grad(lambda z: x * y * z * z)(y))(x))(3.0) == 8 * 3.0


def test_inner_pull_may_run_while_another_differentiation_goes_on(rng):
    x = rng.standard_normal(3)

    def f(x):
        value, pull = tg.vjp(np.sin)(x)
        inner = tg.grad(lambda q: np.sum(q * pull(q * value)))(x)
        return np.sum(inner * x)

    assert np.allclose(tg.grad(f)(x), tg.grad(lambda x: np.sum(2 * x * np.sin(x) * np.cos(x) * x))(x))


def test_derivative_of_a_function_that_uses_a_hessian(rng):
    x = rng.standard_normal(3)
    trace = lambda x: np.trace(tg.hessian(lambda x: np.sum(x**4))(x))
    assert np.allclose(tg.grad(trace)(x), 24 * x)


def test_indices_from_the_outer_variable(rng):
    x, w = rng.standard_normal(5), rng.standard_normal(5)

    def f(x):
        order = np.argsort(x)
        return np.sum(tg.grad(lambda w: np.sum(np.take(w, order) * x + w[order] ** 2))(w) * x)

    order = np.argsort(x)
    expected = lambda x: np.sum((x[np.argsort(order)] + 2 * w) * x)
    assert np.allclose(tg.grad(f)(x), tg.grad(expected)(x))
    W = rng.standard_normal((3, 5))

    def columns(x, order):
        return np.sum(tg.grad(lambda W: np.sum(np.take(W, order, axis=1) * x))(W)[0] * x)

    assert np.allclose(tg.grad(lambda x: columns(x, np.argsort(x)))(x), tg.grad(lambda x: columns(x, order))(x))


def test_threads_do_not_disturb_each_other():
    def work(k, out):
        x = np.linspace(0.1, 1, 7) * (k + 1)
        for _ in range(20):
            g = tg.grad(lambda x: np.sum(np.sin(x) * tg.grad(lambda y: np.sum(y * x * y))(x)))(x)
            time.sleep(0)
        out[k] = np.allclose(g, 2 * np.cos(x) * x**2 + 4 * np.sin(x) * x)

    for _ in range(5):
        out = {}
        threads = [threading.Thread(target=work, args=(k, out)) for k in range(4)]
        [t.start() for t in threads]
        [t.join(60) for t in threads]
        assert out == dict.fromkeys(range(4), True)
    assert gc.isenabled()


def test_one_thread_may_nest_in_another():
    result = {}

    def outer(x):
        def inner():
            result["inner"] = tg.grad(lambda y: np.sum(y**2))(np.ones(2))

        t = threading.Thread(target=inner)
        t.start()
        t.join(60)
        return np.sum(x**3)

    assert np.array_equal(tg.grad(outer)(np.ones(2)), [3.0, 3.0]) and np.array_equal(result["inner"], [2.0, 2.0])


# ---- size ----


def test_a_hundred_thousand_operations():
    def f(x):
        for _ in range(50_000):
            x = x * 0.99999 + 1e-6
        return x

    assert np.isclose(tg.grad(f)(1.0), 0.99999**50_000, rtol=1e-9)


def test_a_deep_second_derivative():
    def f(x):
        y = x
        for _ in range(1500):
            y = y + 1e-3 * np.sin(y)
        return y

    def step(x, h=1e-4):
        return (tg.grad(f)(x + h) - tg.grad(f)(x - h)) / (2 * h)

    assert np.isclose(tg.grad(tg.grad(f))(0.3), step(0.3), rtol=1e-6)


def test_the_same_bits_every_time(rng):
    x = rng.standard_normal(50)
    g = lambda x: np.sum(np.tanh(np.outer(x, x)) @ x) + np.sum(x * np.sum(x))
    first = tg.grad(g)(x)
    assert all(np.array_equal(tg.grad(g)(x), first) for _ in range(5))


# ---- what comes out is the caller's ----


SHARING = {
    "itself": lambda a, b: np.sum(a) + np.sum(b),
    "added": lambda a, b: np.sum(a + b),
    "a view": lambda a, b: np.sum(np.reshape(a, (3, 1)) + b[:, None]),
    "transposed": lambda a, b: np.sum(a[None].T * 1.0 + b),
    "unused": lambda a, b: np.sum(a * 0.0),
    "broadcast": lambda a, b: np.sum(np.broadcast_to(a, (2, 3))) + np.sum(b),
    "product": lambda a, b: np.sum(a * b),
    "sin": lambda a, b: np.sum(np.sin(a + b)),
    "concatenated": lambda a, b: np.sum(np.concatenate([a, b]) ** 2),
    "stacked": lambda a, b: np.sum(np.stack([a, b, a])),
}


@pytest.mark.parametrize("name", SHARING)
def test_gradients_share_memory_with_nothing(name, rng):
    a, b = rng.standard_normal((2, 3))
    f = SHARING[name]
    first, second = tg.grad(f, (0, 1))(a, b)
    for g, other in itertools.permutations([first, second, a, b], 2):
        assert not np.shares_memory(g, other)
    assert first.flags.writeable and second.flags.writeable
    kept = second.copy()
    first += 100
    assert np.array_equal(second, kept)


def test_pull_does_not_hand_back_the_cotangent(rng):
    a, b, g = rng.standard_normal((3, 4))
    for f in (lambda a, b: a + b, lambda a, b: [a, b], lambda a, b: a + 0 * b):
        value, pull = tg.vjp(f, (0, 1))(a, b)
        given = tree.map(lambda _: g, value)
        first, second = pull(given)
        assert not np.shares_memory(first, g) and not np.shares_memory(second, g)
        assert not np.shares_memory(first, second)


def test_arguments_are_not_written(rng):
    x = rng.standard_normal((3, 4))
    x.flags.writeable = False
    tg.hessian(lambda x: np.sum(np.cumprod(np.sort(x, axis=1), axis=1) @ x.T))(x)


# ---- dtypes of numbers ----


def test_a_python_float_is_a_0d_float64():
    gradient = tg.grad(lambda x: x**2)(3.0)
    assert gradient == 6.0 and gradient.dtype == np.float64 and gradient.shape == ()
    assert tg.grad(lambda x: np.sum(np.ones(3, np.float32) * x))(2.0) == 3.0
    assert tg.value_and_grad(lambda x: x * 2.0)(3.0) == (6.0, 2.0)


@pytest.mark.parametrize("x", [np.float32(2), np.array(2, np.float32), np.float64(2), np.array(2.0)])
def test_0d_keeps_its_dtype(x):
    value, gradient = tg.value_and_grad(lambda x: x**3 * 0.5)(x)
    assert value == 4 and gradient == 6
    assert value.dtype == gradient.dtype == x.dtype and gradient.shape == ()
    assert tg.grad(tg.grad(lambda x: x**3))(x).dtype == x.dtype


def test_float16_and_longdouble():
    for dtype in (np.float16, np.longdouble):
        x = np.array([0.5, 2.0], dtype)
        gradient = tg.grad(lambda x: np.sum(np.tanh(x) * x))(x)
        assert gradient.dtype == dtype
        expected = tg.grad(lambda x: np.sum(np.tanh(x) * x))(x.astype(float))
        assert np.allclose(gradient.astype(float), expected, rtol=5e-3)


def test_mixed_dtypes_come_back_as_they_were(rng):
    a, b = rng.standard_normal((2, 3)).astype(np.float32), rng.standard_normal(3)
    ga, gb = tg.grad(lambda a, b: np.sum(a * b), (0, 1))(a, b)
    assert ga.dtype == np.float32 and gb.dtype == np.float64
    assert np.allclose(gb, a.sum(0)) and np.allclose(ga, b, rtol=1e-6)
    ga = tg.grad(lambda a: np.sum(a.astype(np.float64) * b))(a)
    assert ga.dtype == np.float32


@pytest.mark.parametrize("constant", [3.0, 3, np.float64(3), np.array(3.0), None])
def test_a_constant_has_gradient_zero(constant):
    x = np.ones(3, np.float32)
    gradient = tg.grad(lambda x: np.sum(x > 0) if constant is None else constant)(x)
    assert np.array_equal(gradient, np.zeros(3)) and gradient.dtype == np.float32


# ---- the garbage collector ----


def test_the_garbage_collector_is_left_as_it_was():
    seen = []

    def f(x):
        seen.append(gc.isenabled())
        return np.sum(x)

    def fails(x):
        raise KeyError("mine")

    assert gc.isenabled()
    tg.grad(f)(np.ones(2))
    with pytest.raises(KeyError, match="mine"):
        tg.grad(fails)(np.ones(2))
    assert gc.isenabled() and seen == [False]
    gc.disable()
    try:
        tg.grad(f)(np.ones(2))
        with pytest.raises(KeyError):
            tg.grad(fails)(np.ones(2))
        assert not gc.isenabled()
    finally:
        gc.enable()


# ---- what is refused ----


def test_the_result_must_be_a_scalar():
    with pytest.raises(TypeError, match=r"scalar.*shape \(3,\)"):
        tg.grad(np.sin)(np.ones(3))
    with pytest.raises(TypeError, match=r"scalar.*tuple.*has_aux"):
        tg.grad(lambda x: (np.sum(x), x))(np.ones(3))
    with pytest.raises(TypeError, match="scalar"):
        tg.grad(lambda x: None)(np.ones(3))
    with pytest.raises(TypeError, match="scalar"):
        tg.grad(lambda x: np.sum(x)[None])(np.ones(3))


@pytest.mark.parametrize("result", ["text", object(), {1, 2}, 1j])
def test_the_result_must_be_arrays(result):
    with pytest.raises(TypeError, match="returned"):
        tg.grad(lambda x: result)(1.0)


@pytest.mark.parametrize(
    "x, told",
    [
        (3, r"type int.*write 3\.0"),
        (True, "type bool"),
        (1j, "type complex"),
        ("a", "type str"),
        (np.arange(3), r"int64.*astype\(np\.float64\)"),
        (np.ones(3, bool), "bool.*floating"),
        (np.ones(3, complex), "complex128.*floating"),
        (np.array([1.0, None]), "object.*floating"),
        (np.array(["a"]), "floating"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), "MaskedArray.*np.asarray"),
        ({"W": np.ones(2), "n": 3}, r"\['n'\].*type int"),
        ([np.ones(2), (np.arange(2),)], r"\[1\]\[0\].*int64"),
    ],
)
def test_only_floats_are_differentiated(x, told):
    def loss(x):
        return 0.0

    with pytest.raises(TypeError, match=told) as caught:
        tg.grad(loss)(x)
    assert re.match(r"argument 0.* of loss ", str(caught.value))
    with pytest.raises(TypeError, match="argument 1"):
        tg.grad(lambda a, b: 0.0, 1)(1.0, x)
    tg.grad(lambda a, b: np.sum(a), 0)(1.0, x)  # what is not differentiated may be anything


@pytest.mark.parametrize("transform", [tg.grad, tg.value_and_grad, tg.vjp, tg.jvp, tg.hvp, tg.jacobian, tg.hessian])
def test_a_function_is_needed(transform):
    with pytest.raises(TypeError, match="function"):
        transform(3.0)(1.0)


def test_a_var_that_escaped_says_so():
    kept = []

    def f(x):
        kept.append(x)
        return np.sum(x**2)

    tg.grad(f)(np.ones(3))
    for use in (lambda v: v + 1, lambda v: np.sin(v), lambda v: v[0], lambda v: v.reshape(3, 1)):
        with pytest.raises(RuntimeError, match=r"has ended.*has_aux"):
            use(kept[0])
    with pytest.raises(RuntimeError, match="has ended"):
        tg.grad(lambda y: np.sum(y * kept[0]))(np.ones(3))


def test_names_of_derivatives():
    def loss(x):
        return x

    assert "loss" in tg.grad(loss).__name__ and "loss" in tg.value_and_grad(loss).__name__
