"""Likelihoods: three ways, against SciPy, and on grids where they have to sum to 1."""

import numpy as np
import pytest
from scipy import special, stats

import tinygen as tg
from tinygen.measure import numeric
from tinygen.models.vae import likelihoods


def close(got, expected, bar=0.0):
    assert got.shape == expected.shape
    assert (np.abs(got - expected) <= bar + 5e-14 * (1 + np.abs(expected).max())).all()


@pytest.mark.parametrize("shape", [(3, 5), (4, 4), (7,), (1, 1)])
def test_bernoulli_by_hand_automatic_and_numeric(shape):
    rng = np.random.default_rng(0)
    x, logits = rng.random(shape), 3 * rng.standard_normal(shape)
    weights = rng.standard_normal(shape[:-1])
    hand = lambda x, l: np.sum(weights * likelihoods.bernoulli_log_prob(x, l))
    auto = lambda x, l: np.sum(weights * likelihoods.bernoulli_log_prob.__wrapped__(x, l))
    v, w = rng.standard_normal(shape), rng.standard_normal(shape)
    for i, move in enumerate((lambda a: hand(a, logits), lambda a: hand(x, a))):
        got = tg.grad(hand, argnums=i)(x, logits)
        close(got, tg.grad(auto, argnums=i)(x, logits))
        close(got, *numeric.derivative(move, (x, logits)[i]))
        for j in range(2):  # second order
            slope = lambda f, i=i, j=j: lambda *a: np.sum(v * tg.grad(f, argnums=i)(*a))
            second = np.sum(w * tg.grad(slope(hand), argnums=j)(x, logits))
            close(second, np.sum(w * tg.grad(slope(auto), argnums=j)(x, logits)))


def test_bernoulli_is_scipys_and_survives_extreme_logits():
    rng = np.random.default_rng(1)
    x, logits = rng.integers(2, size=(3, 5)), rng.standard_normal((3, 5))
    expected = stats.bernoulli(1 / (1 + np.exp(-logits))).logpmf(x).sum(-1)
    np.testing.assert_allclose(likelihoods.bernoulli_log_prob(x, logits), expected, rtol=1e-12)
    x, logits = np.array([1.0, 0.0, 1.0]), np.array([1000.0, -1000.0, -1000.0])
    assert likelihoods.bernoulli_log_prob(x, logits) == -1000
    assert (tg.grad(lambda l: likelihoods.bernoulli_log_prob(x, l))(logits) == [0, 0, 1]).all()


def test_grey_pixels_give_the_expected_log_likelihood_of_the_binarised_image():
    rng = np.random.default_rng(2)
    grey, logits = rng.random(5), rng.standard_normal(5)
    images = (np.arange(32)[:, None] >> np.arange(5)) & 1  # all 2^5 of them
    probability = np.where(images == 1, grey, 1 - grey).prod(1)
    expected = probability @ likelihoods.bernoulli_log_prob(images, logits)
    np.testing.assert_allclose(likelihoods.bernoulli_log_prob(grey, logits), expected, rtol=1e-12)


# ---- grey values on a grid


def three_ways(f, plain, args, grid, rng):
    """Gradients of f(x, *args) by each of args, and their derivatives, by hand, automatic and numeric."""
    value = f(grid, *args)
    weights = rng.standard_normal(np.shape(value))
    hand = lambda *a: np.sum(weights * f(grid, *a))
    auto = lambda *a: np.sum(weights * plain(grid, *a))
    for i in range(len(args)):
        got = tg.grad(hand, argnums=i)(*args)
        close(got, tg.grad(auto, argnums=i)(*args))
        close(got, *numeric.derivative(lambda a, i=i: hand(*args[:i], a, *args[i + 1 :]), args[i]))
        v = rng.standard_normal(args[i].shape)
        for j in range(len(args)):
            slope = lambda f, i=i, v=v: lambda *a: np.sum(v * tg.grad(f, argnums=i)(*a))
            close(tg.grad(slope(hand), argnums=j)(*args), tg.grad(slope(auto), argnums=j)(*args))


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_categorical_by_hand_automatic_and_numeric(levels):
    rng = np.random.default_rng(3)
    x = rng.integers(levels, size=(3, 7)) / (levels - 1)
    logits = rng.standard_normal((3, 7, levels))
    three_ways(likelihoods.categorical_log_prob, likelihoods.categorical_log_prob.__wrapped__, [logits], x, rng)
    rows = np.rint(x * (levels - 1)).astype(int)
    expected = np.take_along_axis(special.log_softmax(logits, -1), rows[..., None], -1)[..., 0].sum(-1)
    np.testing.assert_allclose(likelihoods.categorical_log_prob(x, logits), expected, rtol=1e-12)


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_logistic_by_hand_automatic_and_numeric(levels):
    rng = np.random.default_rng(4)
    x = rng.integers(levels, size=(3, 7)) / (levels - 1)
    f = lambda *a: likelihoods.logistic_log_prob(*a, levels=levels)
    plain = lambda *a: likelihoods.logistic_log_prob.__wrapped__(*a, levels=levels)
    three_ways(f, plain, [rng.standard_normal((3, 7)), rng.standard_normal((3, 7))], x, rng)


def test_logistic_is_the_difference_of_scipy_s_distribution_function():
    rng = np.random.default_rng(5)
    v, mean, logscale = rng.integers(17, size=(50, 1)), rng.random((50, 1)), rng.standard_normal((50, 1))
    F = stats.logistic(16 * mean, np.exp(logscale)).cdf
    upper, lower = np.where(v == 16, 1, F(v + 0.5)), np.where(v == 0, 0, F(v - 0.5))
    expected = np.log(upper - lower)[:, 0]
    keep = expected > -15  # below, the difference of the two has no digits left; ours has
    got = likelihoods.logistic_log_prob(v / 16, mean, logscale, levels=17)
    np.testing.assert_allclose(got[keep], expected[keep], rtol=1e-8)
    assert keep.sum() > 30


@pytest.mark.parametrize("mean", [-3.0, 0.0, 0.4, 1.0, 50.0])
@pytest.mark.parametrize("logscale", [-6.0, -1.0, 0.0, 3.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logistic_sums_to_one_over_the_grid_ends_included(mean, logscale, dtype):
    grid = np.linspace(0, 1, 17, dtype=dtype)[:, None]
    p = np.exp(likelihoods.logistic_log_prob(grid, np.array([mean], dtype), np.array([logscale], dtype), levels=17))
    assert p.dtype == dtype
    np.testing.assert_allclose(p.sum(), 1, rtol=100 * np.finfo(dtype).eps)


def test_grey_values_far_from_the_mean_keep_a_finite_gradient():
    x, mean, logscale = np.array([1.0, 0.5, 0.0]), np.array([-40.0, 40.0, 40.0]), np.full(3, -1.0)
    f = lambda m, s: likelihoods.logistic_log_prob(x, m, s, levels=17)
    assert np.isfinite(f(mean, logscale))
    assert all(np.isfinite(g).all() for g in tg.grad(f, argnums=(0, 1))(mean, logscale))
