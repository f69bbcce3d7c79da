"""The VAE's functions against the linear-Gaussian oracle, its training step against finite differences."""

import numpy as np
import pytest

import tinygen as tg
from tinygen.autodiff import tree
from tinygen.data import digits
from tinygen.measure import numeric
from tinygen.models import VAE
from tinygen.models.vae import one_page
from tinygen.models.vae.decoders import Gaussian
from tinygen.oracles.linear_gaussian import LinearGaussian
from tinygen.oracles.quadrature import gauss_hermite


def linear_vae(D=5, k=2, seed=0):
    """An oracle, and a VAE without hidden layers that has its decoder and an arbitrary linear encoder."""
    rng = np.random.default_rng(seed)
    model = LinearGaussian(rng.standard_normal((D, k)), rng.standard_normal(D), 0.4)
    params = one_page.init(rng, D, k, hidden=(), decoder=Gaussian(0.4), dtype=np.float64)
    params["encoder"][0]["b"] = rng.standard_normal(2 * k)
    params["decoder"][0] = {"W": model.W.T.copy(), "b": model.b}
    return model, params, rng.standard_normal((7, D))


def exact_noise(n, k):
    """Noise (S, n, k) and weights (S,) whose weighted sum is the expectation, for integrands quadratic in z."""
    eps, weights = gauss_hermite(k, 3)
    return np.broadcast_to(eps[:, None], (len(eps), n, k)), weights


def test_the_bound_of_a_linear_vae_is_the_oracles():
    model, params, x = linear_vae()
    mean, logvar = one_page.encode(params, x)
    eps, weights = exact_noise(7, 2)
    terms = one_page.elbo_terms(params, x, eps, decoder=Gaussian(0.4))
    cov = np.exp(logvar)[..., None] * np.eye(2)
    reconstruction, kl = model.elbo_terms(x, mean, cov)
    np.testing.assert_allclose(weights @ terms["reconstruction"], reconstruction, atol=1e-10)
    np.testing.assert_allclose(terms["kl"], kl, atol=1e-10)


def test_the_bound_is_tight_at_the_posterior():
    model, params, x = linear_vae()
    u, s, _ = np.linalg.svd(model.W, full_matrices=False)  # columns made orthogonal, for a diagonal posterior
    model = LinearGaussian(u * s, model.b, model.s2)
    _, logvar = model.best_diagonal(x)
    gain = np.linalg.solve(model.precision(), model.W.T / model.s2)
    params["encoder"][0] = {"W": np.hstack([gain.T, np.zeros((5, 2))]), "b": np.concatenate([-gain @ model.b, logvar])}
    params["decoder"][0]["W"] = model.W.T
    eps, weights = exact_noise(7, 2)
    terms = one_page.elbo_terms(params, x, eps, decoder=Gaussian(0.4))
    np.testing.assert_allclose(weights @ terms["reconstruction"] - terms["kl"], model.log_evidence(x), atol=1e-10)


@pytest.mark.parametrize("beta", [0.3, 1.0, 4.0])
def test_the_expected_gradient_of_a_linear_vae_is_the_oracles(beta):
    """By decoder, encoder and decoder variance, against numeric derivatives of the closed form."""
    _, params, x = linear_vae()
    eps, weights = exact_noise(7, 2)
    decoder = Gaussian("learned")
    params["likelihood"] = {"logvar": np.log([0.4])}

    def expected_loss(params):
        terms = one_page.elbo_terms(params, x, eps, decoder=decoder)
        return np.mean(beta * terms["kl"] - weights @ terms["reconstruction"])

    def closed_form(flat):
        p = rebuild(flat)
        moved = LinearGaussian(p["decoder"][0]["W"].T, p["decoder"][0]["b"], np.exp(p["likelihood"]["logvar"][0]))
        mean, logvar = np.hsplit(x @ p["encoder"][0]["W"] + p["encoder"][0]["b"], 2)
        return -moved.elbo_diagonal(x, mean, logvar, beta=beta).mean()

    flat, rebuild = tree.ravel(params)
    got = tree.ravel(tg.grad(expected_loss)(params))[0]
    expected, bar = numeric.derivative(closed_form, flat)
    assert (np.abs(got - expected) <= bar + 1e-12 * np.abs(expected).max()).all()
    assert bar.max() < 1e-8


def test_loss_is_made_of_its_terms():
    _, params, x = linear_vae()
    eps = np.random.default_rng(1).standard_normal((7, 2))
    terms = one_page.elbo_terms(params, x, eps, decoder=Gaussian(0.4))
    value, parts = one_page.loss(params, x, eps, beta=3.0, decoder=Gaussian(0.4))
    np.testing.assert_allclose(value, np.mean(3 * terms["kl"] - terms["reconstruction"]), rtol=1e-14)
    np.testing.assert_allclose(parts["kl"], terms["kl"].mean(), rtol=1e-14)


def test_the_activation_reaches_both_nets():
    rng = np.random.default_rng(1)
    params = one_page.init(rng, 5, 2, hidden=(7,), dtype=np.float64)
    x, eps = rng.random((3, 5)), rng.standard_normal((3, 2))
    (first, last), (up, out) = params["encoder"], params["decoder"]
    q = np.maximum(x @ first["W"] + first["b"], 0) @ last["W"] + last["b"]
    z = q[:, :2] + np.exp(q[:, 2:] / 2) * eps
    logits = np.maximum(z @ up["W"] + up["b"], 0) @ out["W"] + out["b"]
    expected = np.sum(x * logits - np.log1p(np.exp(logits)), axis=1)
    terms = one_page.elbo_terms(params, x, eps, activation="relu")
    np.testing.assert_allclose(terms["reconstruction"], expected, rtol=1e-12)


@pytest.mark.parametrize("decoder, beta", [("bernoulli", 1.0), (Gaussian(0.1), 2.0), (Gaussian("pixel"), 1.0)], ids=str)
def test_every_gradient_of_a_training_step_on_digits_is_the_numeric_one(decoder, beta):
    """The real step (batch of digits, hidden layer, one draw of noise), each parameter array in random directions."""
    rng = np.random.default_rng(0)
    x = rng.permutation(digits.split()[0][0])[:100] / 16
    params = one_page.init(rng, 64, 5, hidden=(32,), decoder=decoder, dtype=np.float64)
    eps = rng.standard_normal((100, 5))
    f = lambda params: one_page.loss(params, x, eps, beta=beta, decoder=decoder)[0]
    gradient = tg.grad(f)(params)
    leaves, structure = tree.flatten(params)
    for i, (leaf, got) in enumerate(zip(leaves, tree.flatten(gradient)[0])):
        move = lambda a, i=i: f(tree.unflatten(structure, [*leaves[:i], a, *leaves[i + 1 :]]))
        for _ in range(2):
            v = rng.standard_normal(leaf.shape)
            expected, bar = numeric.directional(move, leaf, v)
            assert abs(np.sum(got * v) - expected) <= bar + 1e-13 * np.sum(np.abs(got * v)), tree.paths(params)[i]
            assert bar < 1e-5 * np.sqrt(np.sum(got**2) * np.sum(v**2))


def test_the_float32_gradient_that_training_uses_is_the_float64_one_rounded():
    rng = np.random.default_rng(0)
    x, eps = digits.split()[0][0][:100] / 16, rng.standard_normal((100, 5))
    params = one_page.init(rng, 64, 5, hidden=(32,), dtype=np.float64)
    f = lambda params, x, eps: one_page.loss(params, x, eps)[0]
    exact = tree.flatten(tg.grad(f)(params, x, eps))[0]
    half = lambda a: np.asarray(a, np.float32)
    for got, expected in zip(tree.flatten(tg.grad(f)(tree.map(half, params), half(x), half(eps)))[0], exact):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())


class Reached(Exception):
    pass


@pytest.mark.parametrize("name, method", [
    ("init", "fit"), ("noise", "fit"), ("encode", "fit"), ("decode", "fit"), ("elbo_terms", "fit"), ("loss", "fit"),
    ("elbo_terms", "score_samples"), ("encode", "transform"), ("sample", "sample"), ("expected_x", "inverse_transform"),
])  # fmt: skip
def test_the_estimator_runs_this_page(name, method, monkeypatch):
    X = (np.random.default_rng(0).random((20, 3)) < 0.5).astype(float)
    model = VAE(latents=3, hidden=(4,), max_steps=1, random_state=0, progress=False, compile=False)
    if method != "fit":
        model.fit(X)

    def reached(*args, **options):
        raise Reached

    monkeypatch.setattr(one_page, name, reached)
    with pytest.raises(Reached):
        model.sample(2) if method == "sample" else getattr(model, method)(X)
