"""The plain autoencoder: it reconstructs better than a VAE, and has no density to sample from."""

import numpy as np
import pytest

import tinygen as tg
from tinygen.autodiff import tree
from tinygen.data import digits
from tinygen.models.vae import bounds, one_page
from tinygen.models.vae.decoders import Gaussian
from tinygen.models.vae.estimator import VAE
from tinygen.models.vae.plain_autoencoder import Autoencoder, Point
from tinygen.oracles.linear_gaussian import principal

QUICK = dict(latents=2, hidden=(16,), epochs=5, validation_fraction=0, ema=0, random_state=0, progress=False)


def test_a_linear_one_finds_the_principal_plane():
    """Its least squared error is the sum of the eigenvalues that are left out (Baldi and Hornik 1989)."""
    X = np.random.default_rng(0).standard_normal((300, 4)) * [2.0, 1.5, 0.5, 0.3]
    model = Autoencoder(2, hidden=(), decoder=Gaussian(1.0), epochs=300, validation_fraction=0, ema=0,
                        learning_rate=1e-2, dtype="float64",
                        random_state=0, progress=False).fit(X)  # fmt: skip
    error = ((model.inverse_transform(model.transform(X)) - X) ** 2).sum(1).mean()
    np.testing.assert_allclose(error, principal(X)[0][2:].sum(), rtol=1e-3)


def test_its_loss_is_the_reconstruction_at_the_code():
    rng = np.random.default_rng(0)
    params = one_page.init(rng, 5, 2, hidden=(7,), posterior=Point(), dtype=np.float64)
    assert params["encoder"][-1]["W"].shape == (7, 2)
    x = rng.random((3, 5))
    value, terms = one_page.loss(params, x, rng.standard_normal((3, 2)), posterior=Point())
    z = one_page.encode(params, x, posterior=Point())
    logits = one_page.decode(params, z)
    np.testing.assert_allclose(value, -np.mean(np.sum(x * logits - np.log1p(np.exp(logits)), 1)), rtol=1e-12)
    assert terms["kl"] == 0
    gradient = tg.grad(lambda p: one_page.loss(p, x, rng.standard_normal((3, 2)), posterior=Point())[0])(params)
    assert all(np.abs(leaf).max() > 0 for leaf in tree.flatten(gradient)[0])


def test_it_reconstructs_better_than_a_vae_and_says_that_its_score_is_no_bound(tmp_path):
    X = digits.split()[0][0] / 16
    options = {**QUICK, "epochs": 40}
    plain, vae = Autoencoder(**options).fit(X), VAE(**options).fit(X)
    error = lambda model: ((model.inverse_transform(model.transform(X)) - X) ** 2).sum(1).mean()
    assert error(plain) < 0.95 * error(vae)
    assert plain.bound_ == "none" and plain.score(X) > vae.score(X)
    for call in (plain.sample, lambda: plain.report(X)):
        with pytest.raises(TypeError, match="a plain autoencoder has no"):
            call()
    plain.save(tmp_path / "model.npz")
    np.testing.assert_array_equal(Autoencoder.load(tmp_path / "model.npz").transform(X), plain.transform(X))


def test_weights_of_a_point_are_refused():
    params = one_page.init(0, 5, 2, hidden=(), posterior=Point())
    with pytest.raises(TypeError, match="no q"):
        bounds.log_weights(params, np.zeros((3, 5), np.float32), np.zeros((3, 2), np.float32), posterior=Point())
