"""Bounds and gradient estimates against the linear-Gaussian oracle; expectations over the noise by exact quadrature."""

import numpy as np
import pytest
from scipy import stats

import tinygen as tg
from tinygen.autodiff import tree
from tinygen.measure import numeric
from tinygen.models.vae import bounds, one_page
from tinygen.models.vae.decoders import Gaussian
from tinygen.models.vae.posteriors import Cholesky, Diagonal, posterior
from tinygen.oracles.linear_gaussian import LinearGaussian
from tinygen.oracles.quadrature import gauss_hermite

S2 = 0.4
NETS = dict(decoder=Gaussian(S2))


def linear_vae(D=3, k=2, family="diagonal", n=5, seed=0, size=0.3):
    """An oracle, and a VAE without hidden layers that has its decoder and an arbitrary linear encoder."""
    rng = np.random.default_rng(seed)
    model = LinearGaussian(rng.standard_normal((D, k)), rng.standard_normal(D), S2)
    params = one_page.init(rng, D, k, hidden=(), posterior=family, dtype=np.float64, **NETS)
    layer = params["encoder"][0]
    layer["W"], layer["b"] = size * layer["W"], size * rng.standard_normal(layer["b"].shape)
    params["decoder"][0] = {"W": model.W.T.copy(), "b": model.b.copy()}
    return model, params, rng.standard_normal((n, D))


def at_the_posterior(model, params):
    """The same VAE with the exact posterior as its (Cholesky) q."""
    k = model.W.shape[1]
    _, cov = model.posterior(np.zeros((1, len(model.b))))
    L = np.linalg.cholesky(cov)
    gain = cov @ model.W.T / model.s2
    spread = np.concatenate([2 * np.log(np.diag(L)), L[np.tril_indices(k, -1)]])
    W = np.hstack([gain.T, np.zeros((len(model.b), len(spread)))])
    return {**params, "encoder": [{"W": W, "b": np.concatenate([-gain @ model.b, spread])}]}


def noise(n, k, points, K=None):
    """Noise of shape (S, n, k), or (S, K, n, k), and weights (S,): a weighted sum over S is the expectation."""
    eps, weights = gauss_hermite(k * (K or 1), points)
    shape = (len(eps), 1, k) if K is None else (len(eps), K, 1, k)
    eps = eps.reshape(shape)
    return np.broadcast_to(eps, (*eps.shape[:-2], n, k)), weights


def flat(params):
    return tree.ravel(params)[0]


def q_moments(params, x, family):
    """Mean and covariance of a Gaussian q, read off its draws."""
    q = one_page.encode(params, x, posterior=family)
    k = posterior(family).mean(q).shape[-1]
    mean = posterior(family).sample(q, np.zeros((len(x), k)))
    factor = np.stack([posterior(family).sample(q, np.broadcast_to(e, (len(x), k))) - mean for e in np.eye(k)], -1)
    return mean, factor @ np.swapaxes(factor, 1, 2)


@pytest.mark.parametrize("family", ["diagonal", "cholesky", "affine"])
def test_the_bound_of_any_gaussian_q_is_the_oracles(family):
    model, params, x = linear_vae(family=family)
    eps, weights = noise(5, 2, 3)
    terms = one_page.elbo_terms(params, x, eps, posterior=family, **NETS)
    kl = terms["kl"] if terms["kl"].ndim == 1 else weights @ terms["kl"]
    reconstruction, expected_kl = model.elbo_terms(x, *q_moments(params, x, family))
    np.testing.assert_allclose(weights @ terms["reconstruction"], reconstruction, atol=1e-10)
    np.testing.assert_allclose(kl, expected_kl, atol=1e-10)
    log_w = bounds.log_weights(params, x, eps, posterior=family, **NETS)
    np.testing.assert_allclose(weights @ log_w, reconstruction - expected_kl, atol=1e-10)


@pytest.mark.parametrize("family", [Diagonal, Cholesky])
def test_the_kl_is_exact_or_estimated_at_the_draw_by_choice(family):
    """The estimate makes bound and log weight one number a draw; its mean is the closed form."""
    _, params, x = linear_vae(family=family())
    eps, weights = noise(5, 2, 3)
    exact = one_page.elbo_terms(params, x, eps, posterior=family(), **NETS)
    drawn = one_page.elbo_terms(params, x, eps, posterior=family(exact_kl=False), **NETS)
    np.testing.assert_array_equal(drawn["reconstruction"], exact["reconstruction"])
    log_w = bounds.log_weights(params, x, eps, posterior=family(), **NETS)
    np.testing.assert_allclose(drawn["reconstruction"] - drawn["kl"], log_w, atol=1e-12)
    np.testing.assert_allclose(weights @ drawn["kl"], exact["kl"], atol=1e-10)
    assert np.abs(drawn["kl"] - exact["kl"]).max() > 0.1  # single draws do differ


def test_a_full_cholesky_q_closes_the_gap_and_its_weights_do_not_vary():
    model, params, x = linear_vae(family="cholesky")
    params = at_the_posterior(model, params)
    eps = np.random.default_rng(1).standard_normal((7, 5, 2))
    log_w = bounds.log_weights(params, x, eps, posterior="cholesky", **NETS)
    np.testing.assert_allclose(log_w, np.broadcast_to(model.log_evidence(x), (7, 5)), atol=1e-10)


def test_latent_kls_are_the_parts_of_the_kl():
    _, params, x = linear_vae()
    each = one_page.latent_kl(params, x)
    assert each.shape == (5, 2)
    eps = np.zeros((5, 2))
    np.testing.assert_allclose(each.sum(1), one_page.elbo_terms(params, x, eps, **NETS)["kl"], rtol=1e-12)


def test_free_bits_are_free():
    _, params, x = linear_vae()
    eps = np.random.default_rng(1).standard_normal((5, 2))
    each = one_page.latent_kl(params, x).mean(0)
    free = each.mean()  # between the two
    value, parts = one_page.loss(params, x, eps, beta=2.0, free_bits=free, **NETS)
    np.testing.assert_allclose(value, 2 * np.maximum(each, free).sum() - parts["reconstruction"], rtol=1e-12)
    np.testing.assert_allclose(parts["kl"], each.sum(), rtol=1e-12)
    none = tg.grad(lambda p: one_page.loss(p, x, eps, beta=1.0, free_bits=100.0, **NETS)[0])(params)
    beta0 = tg.grad(lambda p: one_page.loss(p, x, eps, beta=0.0, **NETS)[0])(params)
    np.testing.assert_allclose(flat(none), flat(beta0), atol=1e-13)


# ---- importance weights


def one_latent(spread=1.3):
    """One latent, q at the posterior mean and with `spread` times its variance: Var(w / p) is finite above 1/2."""
    model = LinearGaussian([[1.3]], [0.2], S2)
    precision = model.precision()[0, 0]
    gain = 1.3 / S2 / precision
    params = {
        "encoder": [{"W": np.array([[gain, 0.0]]), "b": np.array([-0.2 * gain, np.log(spread / precision)])}],
        "decoder": [{"W": np.array([[1.3]]), "b": np.array([0.2])}],
        "likelihood": {},
    }
    return model, params, np.array([[1.0]])


def relative_variance(spread):
    """Var(w / p) for N(0, spread) against N(0, 1): E_q (p/q)^2 - 1."""
    return spread / np.sqrt(2 * spread - 1) - 1


@pytest.mark.parametrize("spread", [0.8, 1.3, 2.0])
def test_weights_have_the_evidence_as_mean_and_the_known_variance(spread):
    model, params, x = one_latent(spread)
    eps, weights = np.polynomial.legendre.leggauss(801)
    eps, weights = 14 * eps, 14 * weights * stats.norm.pdf(14 * eps)
    log_w = bounds.log_weights(params, x, eps[:, None, None], **NETS)[:, 0]
    ratio = np.exp(log_w - model.log_evidence(x)[0])
    np.testing.assert_allclose(weights @ ratio, 1, rtol=1e-9)
    np.testing.assert_allclose(weights @ ratio**2 - 1, relative_variance(spread), rtol=1e-6)


def test_iwae_grows_with_k_and_its_gap_is_the_variance_over_2k():
    model, params, x = one_latent(1.3)
    rng, n = np.random.default_rng(0), 40_000
    x = np.broadcast_to(x, (n, 1))
    gaps, errors = [], []
    for K in (1, 2, 5, 50):
        log_w = bounds.log_weights(params, x, rng.standard_normal((K, n, 1)), **NETS) - model.log_evidence(x[:1])
        # The mean of w / p is 1 exactly; subtracting it leaves the mean as it is and takes most of the noise out.
        gap = np.exp(log_w).mean(0) - 1 - bounds.iwae(log_w)
        gaps.append(gap.mean())
        errors.append(gap.std() / np.sqrt(n))
    limit = stats.norm.isf(1e-6 / 4)  # false alarm: 1e-6 over these four
    assert all(a - b > -limit * np.hypot(s, t) for a, b, s, t in zip(gaps, gaps[1:], errors, errors[1:]))
    assert gaps[0] > 5 * gaps[2]
    expected = relative_variance(1.3) / 100
    assert abs(gaps[-1] - expected) < limit * errors[-1] + 3 * expected / 50  # the rate's next term is of order 1/K^2


def test_iwae_of_one_draw_is_the_bound():
    _, params, x = linear_vae()
    log_w = bounds.log_weights(params, x, np.random.default_rng(1).standard_normal((1, 5, 2)), **NETS)
    np.testing.assert_allclose(bounds.iwae(log_w), log_w[0], rtol=1e-14)


# ---- gradient estimates


def estimates(surrogate, params, x, points, K=None):
    """The gradient estimate at each node of the noise, (S, P), and the weights (S,)."""
    eps, weights = noise(len(x), 2 if K is None else 1, points, K)
    return np.array([flat(tg.grad(lambda p, e=e: surrogate(p, e)[0])(params)) for e in eps]), weights


ESTIMATORS = {
    "reparameterised": lambda p, x, e: one_page.loss(p, x, e, **NETS),
    "sampled kl": lambda p, x, e: bounds.iwae_loss(p, x, e[None], **NETS),
    "stl": lambda p, x, e: bounds.iwae_loss(p, x, e[None], gradient="stl", **NETS),
    "dreg": lambda p, x, e: bounds.iwae_loss(p, x, e[None], gradient="dreg", **NETS),
    "score function": lambda p, x, e: bounds.score_function_loss(p, x, e, **NETS),
    "with baseline": lambda p, x, e: bounds.score_function_loss(p, x, e, baseline=np.full(len(x), -7.0), **NETS),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_each_gradient_estimate_has_the_exact_gradient_as_mean(name):
    """On one row, where the noise is two numbers: everything is a polynomial in it of degree 4 or less."""
    _, params, x = linear_vae(n=1)

    def closed_form(vector):
        p = rebuild(vector)
        moved = LinearGaussian(p["decoder"][0]["W"].T, p["decoder"][0]["b"], S2)
        mean, logvar = np.hsplit(x @ p["encoder"][0]["W"] + p["encoder"][0]["b"], 2)
        return -moved.elbo_diagonal(x, mean, logvar).mean()

    vector, rebuild = tree.ravel(params)
    draws, weights = estimates(lambda p, e: ESTIMATORS[name](p, x, e), params, x, 4)
    expected, bar = numeric.derivative(closed_form, vector)
    assert (np.abs(weights @ draws - expected) <= bar + 1e-11).all() and bar.max() < 1e-8
    assert np.abs(draws - expected).max() > 0.1  # single draws do differ


@pytest.mark.parametrize("gradient", ["plain", "dreg"])
def test_iwae_gradients_have_the_derivative_of_the_bound_as_mean(gradient):
    """K = 2 and one latent: L_2 and its gradient by quadrature over both draws."""
    _, params, x = one_latent(1.3)
    vector, rebuild = tree.ravel(params)
    eps, weights = noise(1, 1, 20, K=2)
    many = np.broadcast_to(x, (len(eps), 1))  # one row for each node
    log_w = lambda v: bounds.log_weights(rebuild(v), many, np.swapaxes(eps[:, :, 0], 0, 1), **NETS)
    bound = lambda v: -weights @ bounds.iwae(log_w(v))
    surrogate = lambda p, e: bounds.iwae_loss(p, x, e, gradient=gradient, **NETS)
    draws, weights = estimates(surrogate, params, x, 20, K=2)
    expected, bar = numeric.derivative(bound, vector)
    np.testing.assert_allclose(weights @ draws, expected, atol=1e-6)
    assert bar.max() < 1e-7


def test_sticking_the_landing_is_zero_for_every_draw_at_the_posterior():
    model, params, x = linear_vae(family="cholesky")
    params = at_the_posterior(model, params)
    eps = np.random.default_rng(1).standard_normal((1, 5, 2))
    by = lambda gradient: tg.grad(
        lambda p: bounds.iwae_loss(p, x, eps, gradient=gradient, posterior="cholesky", **NETS)[0]
    )(params)["encoder"]
    assert np.abs(flat(by("stl"))).max() < 1e-10
    assert np.abs(flat(by("dreg"))).max() < 1e-10
    assert np.abs(flat(by("plain"))).max() > 0.1


def test_a_baseline_lowers_the_variance_of_the_score_function():
    model, params, x = linear_vae(n=1)
    spread = {}
    for name, baseline in (("none", 0.0), ("evidence", model.log_evidence(x))):
        surrogate = lambda p, e, b=baseline: bounds.score_function_loss(p, x, e, baseline=b, **NETS)
        draws, weights = estimates(surrogate, params, x, 6)
        encoder = draws[:, : flat(params["encoder"]).size]
        spread[name] = (weights @ (encoder - weights @ encoder) ** 2).sum()
    assert spread["evidence"] < 0.5 * spread["none"]


def test_the_other_draws_are_a_baseline_that_does_not_depend_on_the_draw():
    """Two draws of one latent: the mean gradient is exact, and its variance lower than without."""
    _, params, x = one_latent(1.3)
    surrogates = {b: lambda p, e, b=b: bounds.score_function_loss(p, x, e, baseline=b, **NETS) for b in ("others", 0.0)}
    draws = {b: estimates(f, params, x, 8, K=2) for b, f in surrogates.items()}
    exact, weights = estimates(lambda p, e: one_page.loss(p, x, e, **NETS), params, x, 8, K=2)
    mean = {b: w @ d for b, (d, w) in draws.items()}
    np.testing.assert_allclose(mean["others"], weights @ exact, atol=1e-10)
    np.testing.assert_allclose(mean[0.0], weights @ exact, atol=1e-10)
    spread = {b: (w @ (d - mean[b])[:, :4] ** 2).sum() for b, (d, w) in draws.items()}
    assert spread["others"] < 0.5 * spread[0.0]


@pytest.mark.parametrize("family", ["diagonal", "cholesky", "affine", "planar", "radial", "coupling"])
@pytest.mark.parametrize("labels", [False, True])
def test_gradients_of_every_family_are_the_numeric_ones(family, labels):
    rng = np.random.default_rng(2)
    classes = 3 if labels else 0
    options = dict(decoder="bernoulli", posterior=family)
    labelled = dict(classes=classes, learned_prior=int(labels))
    params = one_page.init(rng, 5, 2, hidden=(7,), **labelled, dtype=np.float64, **options)
    params = tree.map(lambda a: a + 0.1 * rng.standard_normal(a.shape), params)
    x, eps = rng.random((4, 5)), rng.standard_normal((3, 4, 2))
    c = np.eye(3)[rng.integers(3, size=4)] if labels else None
    vector, rebuild = tree.ravel(params)
    for f in (
        lambda p: one_page.loss(p, x, eps[0], c, beta=1.7, **options)[0],
        lambda p: bounds.iwae_loss(p, x, eps, c, **options)[0],
    ):
        got = flat(tg.grad(f)(params))
        for _ in range(3):
            v = rng.standard_normal(vector.shape)
            expected, bar = numeric.directional(lambda a, f=f: f(rebuild(a)), vector, v)
            assert abs(got @ v - expected) <= bar + 1e-13 * np.abs(got * v).sum()
            assert bar < 1e-6


@pytest.mark.parametrize("family", ["affine", "planar", "radial", "coupling"])
def test_the_path_gradient_is_the_whole_one_without_the_score(family):
    """d/dphi ln w along the path alone: the plain derivative, plus that of log q(z|x) at the draw held still."""
    rng = np.random.default_rng(4)
    options = dict(decoder="bernoulli", posterior=family)
    params = one_page.init(rng, 5, 2, hidden=(7,), dtype=np.float64, **options)
    params = tree.map(lambda a: a + 0.1 * rng.standard_normal(a.shape), params)
    x, eps = rng.random((4, 5)), rng.standard_normal((4, 2))
    chosen = posterior(family)
    z = chosen.sample(one_page.encode(params, x, posterior=chosen), eps)
    score = lambda p: np.sum(chosen.log_density(one_page.encode(p, x, posterior=chosen), z))
    plain = lambda p: np.sum(bounds.log_weights(p, x, eps, **options))
    path = lambda p: np.sum(bounds.log_weights(p, x, eps, density=params, **options))
    expected = flat(tg.grad(plain)(params)) + flat(tg.grad(score)(params))
    np.testing.assert_allclose(flat(tg.grad(path)(params)), expected, rtol=1e-8, atol=1e-10)


def test_labels_and_learned_prior_enter_where_they_should():
    rng = np.random.default_rng(3)
    params = one_page.init(rng, 5, 2, hidden=(7,), classes=3, learned_prior=1, dtype=np.float64)
    x, eps = rng.random((4, 5)), rng.standard_normal((4, 2))
    c, other = np.eye(3)[[0, 1, 2, 0]], np.eye(3)[[1, 1, 2, 0]]
    before, after = (one_page.elbo_terms(params, x, eps, label) for label in (c, other))
    for name in ("reconstruction", "kl"):
        assert (before[name] == after[name]).tolist() == [False, True, True, True]
    standard = {**params, "prior": None}
    np.testing.assert_array_equal(one_page.elbo_terms(standard, x, eps, c)["kl"], before["kl"])  # it begins as N(0, I)


def test_misuse_is_refused():
    _, params, x = linear_vae(family="planar")
    eps = np.zeros((1, 5, 2))
    with pytest.raises(ValueError, match="got 'sgd'; expected 'plain', 'stl' or 'dreg'"):
        bounds.iwae_loss(params, x, eps, gradient="sgd", posterior="planar", **NETS)
    with pytest.raises(ValueError, match="expected 'others' and at least two draws"):
        bounds.score_function_loss(linear_vae()[1], x, eps, baseline="others", **NETS)
    with pytest.raises(ValueError, match="give the number of classes"):
        one_page.init(0, 5, 2, learned_prior=1)
