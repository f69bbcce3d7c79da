"""primitive: rules by hand are used, at every order, and what is wrong with them is said."""

import math

import numpy as np
import pytest

import tinygen as tg


def logistic_rule(g, y, x):
    return g * y * (1 - y)


logistic = tg.primitive(lambda x: 1 / (1 + np.exp(-x)), logistic_rule)


def norm2(x, w, scale=1.0):
    """Weighted square, with a rule for each argument."""
    return scale * np.sum(w * x * x, axis=-1)


weighted = tg.primitive(
    norm2,
    lambda g, y, x, w, scale=1.0: 2 * scale * g[..., None] * w * x,
    lambda g, y, x, w, scale=1.0: scale * g[..., None] * x * x,
)


def test_the_value_is_that_of_the_function(rng):
    x = rng.standard_normal(5)
    assert np.array_equal(logistic(x), 1 / (1 + np.exp(-x))) and type(logistic(x)) is np.ndarray
    assert weighted.__name__ == "norm2" and "Weighted" in weighted.__doc__
    assert weighted.__wrapped__ is norm2


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_rule_is_used(dtype, rng):
    seen = []
    f = tg.primitive(np.sin, lambda g, y, x: seen.append((g, y, x)) or 7 * g)
    x = rng.standard_normal((3, 5)).astype(dtype)
    gradient = tg.grad(lambda x: np.sum(2 * f(x)))(x)
    assert np.array_equal(gradient, np.full((3, 5), 14)) and gradient.dtype == dtype
    g, y, given = seen[0]
    assert np.array_equal(g, np.full((3, 5), 2)) and np.array_equal(y, np.sin(x)) and given is x


def test_orders_nest(derivatives_agree, rng):
    derivatives_agree(logistic, rng.standard_normal(5), rng=rng)
    derivatives_agree(weighted, rng.standard_normal((3, 5)), rng.standard_normal(5), rng=rng)
    third = tg.grad(tg.grad(tg.grad(logistic)))(0.3)
    plain = tg.grad(tg.grad(tg.grad(logistic.__wrapped__)))(0.3)
    assert np.isclose(third, plain, rtol=1e-12)


def test_rules_are_differentiated_not_the_function():
    f = tg.primitive(np.sin, lambda g, y, x: 5 * g * x)
    assert tg.grad(f)(2.0) == 10 and tg.grad(tg.grad(f))(2.0) == 5


def test_a_rule_may_use_another_primitive():
    cosine = tg.primitive(np.cos, lambda g, y, x: -g * sine(x))
    sine = tg.primitive(np.sin, lambda g, y, x: g * cosine(x))
    derivative = sine
    for expected in (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin):
        derivative = tg.grad(derivative)
        assert np.isclose(derivative(0.4), expected(0.4))


def test_broadcasting_is_undone(rng):
    x, w = rng.standard_normal((3, 5)), rng.standard_normal(5)
    gx, gw = tg.grad(lambda x, w: np.sum(weighted(x, w)), (0, 1))(x, w)
    assert np.allclose(gx, 2 * w * x) and np.allclose(gw, np.sum(x * x, axis=0))
    one = rng.standard_normal((1, 5))
    assert tg.grad(lambda w: np.sum(weighted(x, w)))(one).shape == (1, 5)


def test_options_reach_the_rules(rng):
    x, w = rng.standard_normal((2, 5))
    assert np.allclose(tg.grad(lambda x: weighted(x, w, scale=3.0))(x), 6 * w * x)
    assert np.allclose(tg.grad(lambda x: weighted(x, w, 3.0))(x), 6 * w * x)


def test_none_means_no_derivative(rng):
    pick = tg.primitive(lambda x, i: x[i], lambda g, y, x, i: g * (np.arange(len(x)) == i).astype(x.dtype), None)
    x = rng.standard_normal(5)
    assert np.array_equal(tg.grad(lambda x: pick(x, 2))(x), np.eye(5)[2])
    hold = tg.primitive(lambda a, b: a * b, None, lambda g, y, a, b: g * a)
    assert tg.grad(hold, (0, 1))(2.0, 3.0) == (0.0, 2.0)


# ---- several outputs ----


def polar(x, y):
    return np.hypot(x, y), np.arctan2(y, x)


polar = tg.primitive(
    polar,
    lambda g, out, x, y: g[0] * x / out[0] - g[1] * y / out[0] ** 2,
    lambda g, out, x, y: g[0] * y / out[0] + g[1] * x / out[0] ** 2,
)


def test_several_outputs(derivatives_agree, rng):
    x, y = rng.uniform(0.5, 2, (2, 3))
    value, pull = tg.vjp(polar, (0, 1))(x, y)
    assert type(value) is tuple
    u, v = rng.standard_normal((2, 3))
    gx, _ = pull((u, v))
    assert np.allclose(gx, (u * x * value[0] - v * y) / value[0] ** 2)
    derivatives_agree(lambda x, y: list(polar(x, y)), x, y, rng=rng)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_output_that_is_not_used_has_cotangent_zero(dtype):
    seen = []

    def rule(g, y, x):
        seen.append(g)
        return g[0] * np.cos(x) - g[1] * np.sin(x)

    both = tg.primitive(lambda x: (np.sin(x), np.cos(x)), rule)
    x = np.linspace(0, 1, 4, dtype=dtype)
    assert np.allclose(tg.grad(lambda x: np.sum(both(x)[1]))(x), -np.sin(x))
    assert np.array_equal(seen[0][0], np.zeros(4)) and seen[0][0].dtype == dtype
    seen.clear()
    assert np.array_equal(tg.grad(lambda x: np.sum(both(x)[1]) * 0 + np.sum(x))(x), np.ones(4))
    tg.grad(lambda x: (both(x), np.sum(x))[1])(x)
    assert len(seen) == 1  # none of its outputs mattered


# ---- wrong rules ----


@pytest.mark.parametrize(
    "rule, error, told",
    [
        (lambda g, y, x: g[:2], ValueError, r"rule 0 of f returned shape \(2,\), expected the argument's.*\(3,\)"),
        (lambda g, y, x: np.sum(g), ValueError, r"rule 0 of f returned shape \(\).*\(3,\)"),
        (lambda g, y, x: None, TypeError, "rule 0 of f returned NoneType"),
        (lambda g, y, x: [1.0, 2.0, 3.0], TypeError, "rule 0 of f returned list"),
        (lambda g, y, x: g.astype(np.float32), TypeError, "rule 0 of f returned float32.*float64"),
        (lambda g, y, x: np.arange(3), TypeError, "rule 0 of f returned int64.*float64"),
        (lambda g, y: g, TypeError, "argument"),
    ],
)
def test_wrong_rules(rule, error, told):
    def f(x):
        return np.sin(x)

    with pytest.raises(error, match=told):
        tg.grad(lambda x: np.sum(tg.primitive(f, rule)(x)))(np.ones(3))


def test_float64_leaks_from_float32_rules_are_found():
    f = tg.primitive(np.sin, lambda g, y, x: g * np.cos(x) * np.float64(1))
    with pytest.raises(TypeError, match=r"returned float64.*float32"):
        tg.grad(lambda x: np.sum(f(x)))(np.ones(3, np.float32))


def test_a_rule_that_fails_shows_where():
    f = tg.primitive(np.sin, lambda g, y, x: g @ np.ones((7, 2)))
    with pytest.raises(ValueError, match="matmul"):
        tg.grad(lambda x: np.sum(f(x)))(np.ones(3))


@pytest.mark.parametrize("given", [(3.0,), (np.sin, 3.0), (np.sin, "rule")])
def test_functions_are_needed(given):
    with pytest.raises(TypeError, match="callable"):
        tg.primitive(*given)


def test_arguments_with_derivatives_go_by_position():
    with pytest.raises(TypeError, match="by position"):
        tg.grad(lambda w: weighted(np.ones(3), w=w))(np.ones(3))


# ---- functions that return Python numbers ----


def test_a_function_that_returns_python_numbers():
    sine = tg.primitive(lambda x: math.sin(x), lambda g, y, x: g * math.cos(x))
    assert np.isclose(tg.grad(lambda x: 2 * sine(x) * x)(0.5), 2 * math.sin(0.5) + 2 * 0.5 * math.cos(0.5))
    value, gradient = tg.value_and_grad(sine)(0.5)
    assert value == math.sin(0.5) and gradient.dtype == np.float64
