"""Penalties: numbers by hand, derivatives through two orders of the engine, compiled too, row by row."""

import numpy as np
import pytest

import tinygen as tg
from tinygen.check.gradient import assert_grad
from tinygen.models.gan import penalties
from tinygen.nn import layers

exact = dict(rel=0, abs=1e-10)
w = np.array([0.3, -0.4])
CRITIC = {
    "W": np.array([[0.5, -1, 0.3], [0.2, 0.7, -0.4]]),
    "b": np.array([0.1, -0.2, 0.3]),
    "a": np.array([1, -0.5, 0.8]),
}
X = np.array([[0.6, -0.9]])


def linear(x):
    return x @ w


def critic(params):
    return lambda x: np.tanh(x @ params["W"] + params["b"]) @ params["a"]


def rows(n, seed=0, shape=(2,)):
    return np.random.default_rng(seed).normal(size=(n, *shape))


def test_a_linear_critic():
    x, u = rows(7), np.random.default_rng(1).uniform(size=(7, 1))
    assert penalties.gradient_penalty(linear, x, x + 1, u) == pytest.approx(0.25, **exact)
    assert penalties.r1(linear, x) == pytest.approx(0.125, **exact) == penalties.r2(linear, x)


def test_a_critic_of_tanh():
    f = lambda p: penalties.r1(critic(p), X)
    assert 2 * f(CRITIC) == pytest.approx(0.5012007774, **exact)
    assert 2 * tg.grad(f)(CRITIC)["a"][1] == pytest.approx(-0.3039374073, **exact)
    u = np.zeros((1, 1))
    assert penalties.gradient_penalty(critic(CRITIC), X, X, u) == pytest.approx(0.0852900777, **exact)


@pytest.mark.parametrize("name", ["r1", "r2", "gradient_penalty"])
@pytest.mark.parametrize("activation", ["tanh", "silu", "softplus"])
def test_derivative_by_the_parameters_is_the_numeric_one(name, activation):
    rng = np.random.default_rng(3)
    params = layers.mlp_init(rng, (2, 5, 3, 1), dtype=np.float64)
    x, y, u = rows(7, 1), rows(7, 2), rng.uniform(size=(7, 1))
    D = lambda p: lambda x: layers.mlp(p, x, activation)[:, 0]
    extra = (y, u) if name == "gradient_penalty" else ()
    assert_grad(lambda p: getattr(penalties, name)(D(p), x, *extra), None, params, rng=rng)


def test_compiled_as_eager():
    rng = np.random.default_rng(4)
    for dtype in (np.float32, np.float64):
        params = layers.mlp_init(rng, (2, 13, 7, 1), dtype=dtype)
        x = rows(5).astype(dtype)
        f = tg.value_and_grad(lambda p, x: penalties.r1(lambda x: layers.mlp(p, x, "silu")[:, 0], x))
        fast = tg.compile(f)
        for _ in range(3):
            got, expected = fast(params, x), f(params, x)
            assert got[0].dtype == dtype
            np.testing.assert_allclose(got[0], expected[0], rtol=50 * np.finfo(dtype).eps)
            for a, b in zip(got[1], expected[1]):
                for k in a:
                    np.testing.assert_allclose(a[k], b[k], rtol=1e-3, atol=1e3 * np.finfo(dtype).eps)
            x = rows(5, 9).astype(dtype)


def test_seven_rows_are_seven_calls():
    x, y, u = rows(7, 1), rows(7, 2), np.random.default_rng(3).uniform(size=(7, 1))
    D = critic(CRITIC)
    for whole, one in (
        (penalties.r1(D, x), [penalties.r1(D, x[i : i + 1]) for i in range(7)]),
        (penalties.gradient_penalty(D, x, y, u),
         [penalties.gradient_penalty(D, x[i : i + 1], y[i : i + 1], u[i : i + 1]) for i in range(7)]),
    ):  # fmt: skip
        assert whole == pytest.approx(np.mean(one), rel=1e-13)


def test_images_have_one_norm_each():
    """|.| over all axes of a row: a linear critic of images, each slope the same."""
    v = np.array([[0.1, -0.2, 0.3], [0.4, 0.5, -0.6]])  # |v|^2 = .91
    D = lambda x: np.sum(x * v, axis=(1, 2))
    x, u = rows(5, shape=(2, 3)), np.random.default_rng(0).uniform(size=(5, 1, 1))
    assert penalties.gradient_penalty(D, x, x + 1, u) == pytest.approx((np.sqrt(0.91) - 1) ** 2, **exact)
    assert penalties.r1(D, x) == pytest.approx(0.455, **exact)


def test_the_interpolate_lies_on_the_segment():
    x, y, u = rows(7, 1), rows(7, 2), np.random.default_rng(3).uniform(size=(7, 1))
    z = penalties.interpolate(x, y, u)
    length = np.linalg.norm(x - y, axis=1)
    np.testing.assert_allclose(np.linalg.norm(z - x, axis=1) + np.linalg.norm(z - y, axis=1), length)
    for wrong in (np.ones((7, 2)), np.ones(7), np.ones((1, 1))):
        with pytest.raises(ValueError, match="off the segment"):
            penalties.interpolate(x, y, wrong)


def test_no_slope_is_no_nan():
    flat = np.zeros((5, 3))
    assert penalties.one_centred(flat) == 1
    np.testing.assert_array_equal(tg.grad(penalties.one_centred)(flat), 0)
    D = lambda p: lambda x: x @ p
    found = tg.grad(lambda p: penalties.gradient_penalty(D(p), X, X, np.zeros((1, 1))))(np.zeros(2))
    np.testing.assert_array_equal(found, 0)


def test_a_penalty_pulls_a_linear_critic_to_the_closed_form():
    """Data at 2, samples at 0, D = a x, WGAN-GP with lam 10: slope 1 + 1/(2 lam r) = 1.1, r = 1/2 between them."""
    x, y = np.full((64, 1), 2.0), np.zeros((64, 1))
    u, slope = np.linspace(0, 1, 64)[:, None], np.array([0.3])
    D = lambda a: lambda x: x[:, 0] * a
    loss = lambda a: -(D(a)(x).mean() - D(a)(y).mean()) + 10 * penalties.gradient_penalty(D(a), x, y, u)
    for _ in range(200):
        slope = slope - 0.02 * tg.grad(loss)(slope)
    assert slope == pytest.approx(1.1, **exact) and -loss(slope) == pytest.approx(2.1, **exact)
