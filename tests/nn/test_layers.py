"""Layers and activations: values in higher precision, derivatives against finite differences, shapes by property."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygen as tg
from tinygen.nn import layers

FLOATS = [np.float32, np.float64]
SMOOTH = ["tanh", "sigmoid", "softplus", "silu", "gelu"]


def exact(name, x):
    """The textbook formula in extended precision."""
    from scipy.special import erfc

    x = np.asarray(x, np.longdouble)
    e = np.exp(-np.abs(x))
    sigmoid = np.where(x >= 0, 1, e) / (1 + e)
    return {
        "tanh": lambda: np.tanh(x),
        "relu": lambda: np.where(x > 0, x, 0),
        "sigmoid": lambda: sigmoid,
        "softplus": lambda: np.where(x > 0, x, 0) + np.log1p(e),
        "silu": lambda: x * sigmoid,
        "gelu": lambda: x * erfc(-np.asarray(x, np.float64) / np.sqrt(2)) / 2,
    }[name]()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", layers.ACTIVATIONS)
def test_activations_are_their_formula_and_keep_the_dtype(name, dtype):
    x = np.concatenate([np.linspace(-12, 12, 1001), [-1000, -100, -1e-6, 0, 1e-6, 100, 1000]]).astype(dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = layers.ACTIVATIONS[name](x)
    assert y.dtype == dtype
    assert np.all(np.abs(y - exact(name, x)) <= 6 * np.finfo(dtype).eps * np.maximum(1, np.abs(x)))


@pytest.mark.parametrize("dtype", FLOATS)
def test_softplus_is_accurate_to_five_units_in_the_last_place(dtype):
    x = np.concatenate([np.linspace(-80, 80, 20_011), -np.logspace(-10, 1.9, 503)]).astype(dtype)
    true = exact("softplus", x)
    assert np.max(np.abs(layers.softplus(x) - true) / np.spacing(true.astype(dtype))) < 5


@pytest.mark.parametrize("name", SMOOTH)
def test_first_and_second_derivatives(name):
    f = layers.ACTIVATIONS[name]
    x = np.concatenate([np.random.default_rng(0).normal(0, 3, 17), [0.0]])
    h = 1e-4  # error of the five-point rule: about h^4 from truncation, 1e-16 / h from rounding
    for order, g in enumerate((f, tg.grad(lambda x: np.sum(f(x))))):
        numeric = (8 * (g(x + h) - g(x - h)) - (g(x + 2 * h) - g(x - 2 * h))) / (12 * h)
        derivative = tg.grad(lambda x, g=g: np.sum(g(x)))(x)
        assert np.max(np.abs(derivative - numeric)) < 1e-10, f"derivative {order + 1}"


@pytest.mark.parametrize("name", layers.ACTIVATIONS)
def test_derivatives_are_finite_far_out_and_keep_the_dtype(name):
    x = np.array([-1000, -100, 0, 100, 1000], np.float32)
    derivative = tg.grad(lambda x: np.sum(layers.ACTIVATIONS[name](x)))(x)
    slope = {"tanh": (0, 1, 0), "sigmoid": (0, 0.25, 0)}.get(name, (0, 0.5, 1))
    assert derivative.dtype == np.float32
    assert derivative[[0, 2, 4]].tolist() == pytest.approx(slope, abs=1e-7)


def test_relu_shares_the_kink():
    assert tg.grad(lambda x: np.sum(layers.relu(x)))(np.array([-1.0, 0.0, 2.0])).tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("dtype", FLOATS)
def test_init_has_fan_in_variance_zero_bias_and_the_dtype(dtype):
    layer = layers.linear_init(3, 101, 997, dtype)
    assert layer["W"].dtype == layer["b"].dtype == dtype
    assert not layer["b"].any()
    z = layer["W"].astype(float) * np.sqrt(101)
    n = z.size  # 4.9 standard errors of mean and variance: false alarm 1e-6 each
    assert abs(z.mean()) < 4.9 / np.sqrt(n)
    assert abs(z.var() - 1) < 4.9 * np.sqrt(2 / n)
    assert np.array_equal(layer["W"], layers.linear_init(np.random.default_rng(3), 101, 997, dtype)["W"])


sizes = st.integers(1, 5)


@given(st.lists(st.integers(0, 4), max_size=3), st.lists(sizes, min_size=2, max_size=4), st.sampled_from(FLOATS))
def test_mlp_maps_the_last_axis_and_keeps_the_others(batch, widths, dtype):
    rng = np.random.default_rng(0)
    params = layers.mlp_init(rng, widths, dtype)
    x = rng.normal(size=(*batch, widths[0])).astype(dtype)
    y = layers.mlp(params, x, "silu")
    assert y.shape == (*batch, widths[-1]) and y.dtype == dtype
    gradient = tg.grad(lambda params: np.sum(layers.mlp(params, x, "silu")))(params)
    for layer, own in zip(gradient, params):
        assert {name: (g.shape, g.dtype) for name, g in layer.items()} == {n: (p.shape, dtype) for n, p in own.items()}


def test_mlp_is_its_layers_by_hand():
    rng = np.random.default_rng(1)
    params = layers.mlp_init(rng, [5, 3, 2], np.float64)
    params[0]["b"][:], params[1]["b"][:] = rng.normal(size=3), rng.normal(size=2)
    x = rng.normal(size=(7, 5))
    (W0, b0), (W1, b1) = ((layer["W"], layer["b"]) for layer in params)
    for name, f in layers.ACTIVATIONS.items():
        expected = f(x @ W0 + b0) @ W1 + b1
        assert np.array_equal(layers.mlp(params, x, name), expected)
        assert np.array_equal(layers.mlp(params, x, activation=f), expected)
    assert np.array_equal(layers.mlp(params, x), np.tanh(x @ W0 + b0) @ W1 + b1)


PARAMS = layers.mlp_init(0, [5, 3, 2])


@pytest.mark.parametrize(
    "call, kind, words",
    [
        (lambda: layers.activation("rleu"), ValueError, "'rleu'; expected one of tanh, relu,"),
        (lambda: layers.mlp(PARAMS, np.ones((7, 5), np.float32), "swish"), ValueError, "'swish'; expected one of"),
        (lambda: layers.mlp(PARAMS, np.ones((5, 7), np.float32)), ValueError, r"got x of shape \(5, 7\); .*\(..., 5\)"),
        (lambda: layers.mlp(PARAMS, np.float32(1)), ValueError, r"got x of shape \(\)"),
        (lambda: layers.mlp(PARAMS, np.ones((7, 5), int)), TypeError, r"dtype int64; expected floats: use x\.astype"),
        (lambda: layers.mlp_init(0, [5]), ValueError, r"sizes \[5\]; expected at least two"),
        (lambda: layers.mlp_init(0, [5, 0, 2]), ValueError, "n_out=0; expected a positive whole number"),
        (lambda: layers.linear_init(0, 2.5, 3), ValueError, "n_in=2.5"),
    ],
)
def test_bad_input_is_named(call, kind, words):
    with pytest.raises(kind, match=words):
        call()
