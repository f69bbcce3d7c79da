"""Likelihoods: three ways, against SciPy, and their draws against what they say."""

import numpy as np
import pytest
from scipy import stats

import tinygen as tg
from tinygen.check import numeric
from tinygen.models import decoders
from tinygen.models.decoders import Bernoulli, Gaussian


def close(got, expected, bar=0.0):
    assert got.shape == expected.shape
    assert (np.abs(got - expected) <= bar + 5e-14 * (1 + np.abs(expected).max())).all()


@pytest.mark.parametrize("shape", [(3, 5), (4, 4), (7,), (1, 1)])
def test_bernoulli_by_hand_automatic_and_numeric(shape):
    rng = np.random.default_rng(0)
    x, logits = rng.random(shape), 3 * rng.standard_normal(shape)
    weights = rng.standard_normal(shape[:-1])
    hand = lambda x, l: np.sum(weights * decoders.bernoulli_log_prob(x, l))
    auto = lambda x, l: np.sum(weights * decoders.bernoulli_log_prob.__wrapped__(x, l))
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
    np.testing.assert_allclose(decoders.bernoulli_log_prob(x, logits), expected, rtol=1e-12)
    x, logits = np.array([1.0, 0.0, 1.0]), np.array([1000.0, -1000.0, -1000.0])
    assert decoders.bernoulli_log_prob(x, logits) == -1000
    assert (tg.grad(lambda l: decoders.bernoulli_log_prob(x, l))(logits) == [0, 0, 1]).all()


def test_grey_pixels_give_the_expected_log_likelihood_of_the_binarised_image():
    rng = np.random.default_rng(2)
    grey, logits = rng.random(5), rng.standard_normal(5)
    images = (np.arange(32)[:, None] >> np.arange(5)) & 1  # all 2^5 of them
    probability = np.where(images == 1, grey, 1 - grey).prod(1)
    expected = probability @ decoders.bernoulli_log_prob(images, logits)
    np.testing.assert_allclose(decoders.bernoulli_log_prob(grey, logits), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("decoder", [Bernoulli(), Gaussian(0.3), Gaussian("learned"), Gaussian("pixel")], ids=str)
def test_dtype_is_kept(decoder, dtype):
    rng = np.random.default_rng(3)
    outputs, own = decoder.init(5, dtype)
    x, out = rng.random((3, 5)).astype(dtype), rng.standard_normal((3, outputs)).astype(dtype)
    total = lambda own, out: np.sum(decoder.log_prob(own, x, out))
    value, gradient = tg.value_and_grad(total, argnums=(0, 1))(own, out)
    assert value.dtype == dtype and gradient[1].dtype == dtype
    assert all(leaf.dtype == dtype for leaf in gradient[0].values())
    assert decoder.mean(own, out).dtype == dtype and decoder.sample(own, out, rng).dtype == dtype


@pytest.mark.parametrize("var", [0.3, "learned", "pixel"])
def test_gaussian_is_scipys_with_the_variance_asked_for(var):
    rng = np.random.default_rng(4)
    decoder, x, out = Gaussian(var), rng.standard_normal((3, 5)), rng.standard_normal((3, 5))
    own = {name: rng.standard_normal(leaf.shape) for name, leaf in decoder.init(5, np.float64)[1].items()}
    sd = np.sqrt(var) if var == 0.3 else np.exp(own["logvar"] / 2)
    np.testing.assert_allclose(decoder.log_prob(own, x, out), stats.norm(out, sd).logpdf(x).sum(-1), rtol=1e-12)
    assert {0.3: None, "learned": (1,), "pixel": (5,)}[var] == (own["logvar"].shape if own else None)


@pytest.mark.parametrize("decoder", [Bernoulli(), Gaussian(0.3), Gaussian("pixel")], ids=str)
def test_draws_have_the_mean_and_variance_that_the_likelihood_says(decoder):
    rng, n = np.random.default_rng(5), 40_000
    outputs, own = decoder.init(3, np.float64)
    own = {name: rng.standard_normal(leaf.shape) for name, leaf in own.items()}
    out = rng.standard_normal(outputs)
    mean = decoder.mean(own, out)
    var = mean * (1 - mean) if decoder.discrete else np.exp(own["logvar"]) if own else np.full(3, decoder.var)
    x = decoder.sample(own, np.broadcast_to(out, (n, outputs)), rng)
    limit = stats.norm.isf(1e-6 / 12)  # false alarm: 1e-6 over all six two-sided tests
    assert np.abs((x.mean(0) - mean) / np.sqrt(var / n)).max() < limit
    squares = (x - mean) ** 2
    assert np.abs((squares.mean(0) - var) / (squares.std(0) / np.sqrt(n))).max() < limit


def test_data_outside_zero_to_one_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="between 0 and 1, got 0 to 16: divide it by"):
        Bernoulli().check(np.array([[0.0, 16.0]]))


@pytest.mark.parametrize("var", [0, -1.0, np.inf, np.nan, True, "big"])
def test_bad_variances_are_refused(var):
    with pytest.raises(ValueError, match="var must be a number above 0"):
        Gaussian(var)


def test_unknown_decoders_are_refused():
    with pytest.raises(ValueError, match="got 'bernouli'; expected one of bernoulli, gaussian"):
        decoders.decoder("bernouli")
