"""Decoders: the dtypes, variances and draws that they promise, and the data that they refuse."""

import numpy as np
import pytest
from scipy import stats

import tinygen as tg
from tinygen.models import VAE
from tinygen.models.vae import decoders
from tinygen.models.vae.decoders import Bernoulli, Categorical, Gaussian, Logistic
from tinygen.models.vae.one_page import decode

FLOOR = (0.5, 1e-9, 0.0, 1e-3, 0.2)
ALL = [*decoders.DECODERS.values(), Gaussian(0.3), Gaussian("pixel"), Gaussian("latent"), Categorical(5), Logistic(5)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("decoder", [*ALL, Gaussian("learned", FLOOR), Gaussian("latent", FLOOR)], ids=str)
def test_dtype_is_kept(decoder, dtype):
    rng = np.random.default_rng(3)
    outputs, own = decoder.init(5, dtype)
    x, out = rng.integers(5, size=(3, 5)).astype(dtype) / 4, rng.standard_normal((3, outputs)).astype(dtype)
    total = lambda own, out: np.sum(decoder.log_prob(own, x, out))
    value, gradient = tg.value_and_grad(total, argnums=(0, 1))(own, out)
    assert value.dtype == dtype and gradient[1].dtype == dtype
    assert all(leaf.dtype == dtype for leaf in gradient[0].values())
    assert decoder.mean(own, out).dtype == dtype and decoder.sample(own, out, rng).dtype == dtype


@pytest.mark.parametrize("var", [0.3, "learned", "pixel", "latent"])
def test_gaussian_is_scipys_with_the_variance_asked_for(var):
    rng = np.random.default_rng(4)
    decoder, x = Gaussian(var), rng.standard_normal((3, 5))
    outputs, own = decoder.init(5, np.float64)
    out, own = rng.standard_normal((3, outputs)), {name: rng.standard_normal(a.shape) for name, a in own.items()}
    sd = np.sqrt(var) if var == 0.3 else np.exp((own["logvar"] + (out[:, 5:] if var == "latent" else 0)) / 2)
    np.testing.assert_allclose(decoder.log_prob(own, x, out), stats.norm(out[:, :5], sd).logpdf(x).sum(-1), rtol=1e-12)
    assert {0.3: None, "learned": (1,), "pixel": (5,), "latent": (5,)}[var] == (own["logvar"].shape if own else None)


def moments(decoder, own, out):
    """Mean and variance of each of three pixels, by summing over the grid if there is one."""
    if decoder == Gaussian("latent"):
        return out[:3], np.exp(own["logvar"] + out[3:])
    if isinstance(decoder, Gaussian):
        return out, np.exp(own["logvar"]) if own else np.full(3, decoder.var)
    grid = np.linspace(0, 1, getattr(decoder, "levels", 2))
    images = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), -1).reshape(-1, 3)
    p = np.exp(decoder.log_prob(own, images, np.broadcast_to(out, (len(images), len(out)))))
    np.testing.assert_allclose(p.sum(), 1, rtol=1e-12)
    return p @ images, p @ images**2 - (p @ images) ** 2


@pytest.mark.parametrize("decoder", ALL, ids=str)
def test_draws_have_the_mean_and_variance_that_the_likelihood_says(decoder):
    rng, n = np.random.default_rng(5), 40_000
    outputs, own = decoder.init(3, np.float64)
    own = {name: rng.standard_normal(leaf.shape) for name, leaf in own.items()}
    out = rng.standard_normal(outputs)
    mean, var = moments(decoder, own, out)
    np.testing.assert_allclose(decoder.mean(own, out), mean, rtol=1e-10)
    np.testing.assert_allclose(decoder.mean(own, np.stack([out, out])), np.stack([mean, mean]), rtol=1e-10)
    x = decoder.sample(own, np.broadcast_to(out, (n, outputs)), rng)
    if getattr(decoder, "levels", 0):
        decoder.check(x)
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


@pytest.mark.parametrize("decoder", [Categorical(), Logistic()], ids=str)
@pytest.mark.parametrize("X", [[[0.0, 16.0]], [[0.5, 0.51]], [[-1.0, 0.0]]])
def test_data_off_the_grid_is_refused_with_the_remedy(decoder, X):
    with pytest.raises(ValueError, match=r"needs data 0, 1/16, ..., 1 and nothing between.*divide whole numbers 0..16"):
        decoder.check(np.array(X))


@pytest.mark.parametrize("choice", [*decoders.DECODERS, *ALL], ids=str)
def test_described_and_rebuilt_is_the_same(choice):
    assert decoders.rebuild(decoders.describe(choice)) == choice


def test_unknown_decoders_are_refused():
    with pytest.raises(ValueError, match="got 'bernouli'; expected one of bernoulli, gaussian, categorical, logistic"):
        decoders.decoder("bernouli")


@pytest.mark.filterwarnings("ignore::tinygen.nn.train.TrainingWarning")
def test_ties_cannot_make_a_density_without_end():
    """A column of zeros and ones beside a real one: without a floor its variance falls until training ends."""
    rng = np.random.default_rng(0)
    X = np.stack([rng.integers(0, 2, 300).astype(float), rng.standard_normal(300)], axis=1)
    short = dict(max_steps=1500, random_state=0, progress=False)
    model = VAE(2, hidden=(16,), **short).fit(X)
    assert repr(model.decoder_) == "Gaussian(var='latent')" and len(model.decoder_.floor) == 2
    floor = model.scaling_.variances_to(np.array([1 / 12, 0]))
    np.testing.assert_allclose(model.decoder_.floor, floor)
    z = rng.standard_normal((1000, 2)).astype(np.float32)
    logvar = model.decoder_._moments(model.params_["likelihood"], decode(model.params_, z))[1]
    assert np.all(np.exp(logvar) >= 0.9999 * np.array(floor))
    most = -0.5 * np.log(2 * np.pi * np.prod(floor)) - 0.5 * np.log(2 * np.pi) + model.scaling_.log_det
    assert model.score_samples(X).max() < most
    assert VAE(2, hidden=(4,), max_steps=1, progress=False).fit(X + rng.random(X.shape)).decoder_.floor == ()
    assert VAE(2, decoder=Gaussian(0.1), hidden=(4,), max_steps=1, progress=False).fit(X).decoder_ == Gaussian(0.1)
