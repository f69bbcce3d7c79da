"""Flows inside the VAE: as posterior and as prior, by the identities of the linear-Gaussian model, to 1e-10."""

import numpy as np

from tinygen import gaussian
from tinygen.autodiff import tree
from tinygen.models import VAE, ConditionalVAE
from tinygen.models.flow import affine
from tinygen.models.vae import bounds, one_page, priors
from tinygen.models.vae.decoders import Gaussian
from tinygen.models.vae.posteriors import Diagonal
from tinygen.oracles import LinearGaussian

W, S2, X = np.array([[1, 0.8], [0.2, -1.1], [0.5, 0.9]]), 0.3, np.array([[1, -0.5, 0.3]])


def log_joint_given(x, z, W, s2):
    return gaussian.log_density(x, z @ W.T, float(np.log(s2)))


def test_an_exact_flow_posterior_gives_log_p_for_each_draw():
    model = LinearGaussian(W, np.zeros(3), S2)
    mean, cov = model.posterior(X)
    A = np.linalg.cholesky(cov)
    eps = np.concatenate([[[0.4, -1.2]], np.random.default_rng(0).standard_normal((5, 2))])
    z, log_det = affine.affine(eps, A, mean[0]), affine.affine_log_det(A)
    log_x, log_q0 = log_joint_given(X, z, W, S2), gaussian.log_density(eps, 0.0, 0.0)
    found = log_x + gaussian.log_density(z, 0.0, 0.0) - (log_q0 - log_det)
    np.testing.assert_allclose(found, -3.2371970479, atol=1e-10)
    assert np.isclose(found[0], model.log_evidence(X)[0], atol=1e-10)
    at_start = log_x[0] + gaussian.log_density(eps[0], 0.0, 0.0) - (log_q0[0] - log_det)
    wrong_sign = log_x[0] + gaussian.log_density(z[0], 0.0, 0.0) - (log_q0[0] + log_det)
    np.testing.assert_allclose([at_start, wrong_sign], [-3.8609769760, 0.4642420910], atol=1e-10)
    assert np.isclose(model.diagonal_gap(), 0.1277148772, atol=1e-10)


def test_a_flow_prior_gains_the_kl_of_the_aggregate():
    """Data N(0, 4) under a model of N(0, 2.09): the encoder's aggregate is a Gaussian, and the best flow is affine."""
    w, s2 = 1.3, 0.4
    model = LinearGaussian([[w]], [0.0], s2)
    gain = w / (w**2 + s2)
    var_q = float(model.posterior(np.zeros((1, 1)))[1][0, 0])
    aggregate = gain**2 * 4 + var_q
    kl = lambda m, v, v0: 0.5 * (np.log(v0 / v) + (v + m**2) / v0 - 1)
    rate = kl(np.sqrt(gain**2 * 4), var_q, 1.0)  # the mean over x of a function linear in m^2
    information = 0.5 * np.log(aggregate / var_q)
    found = [aggregate, kl(0.0, aggregate, 1.0), rate, information]
    np.testing.assert_allclose(found, [1.7389711774, 0.0928387582, 1.1962129876, 1.1033742294], atol=1e-10)
    assert np.isclose(rate - kl(np.sqrt(gain**2 * 4), var_q, aggregate), 0.0928387582, atol=1e-10)


def linear_vae(W, s2, posterior, out):
    """Decoder and flow prior or none as they are; the encoder says `out` = (slope, offset) for x."""
    nets = dict(decoder=Gaussian(s2), posterior=posterior)
    params = one_page.init(0, *W.shape, hidden=(), dtype=np.float64, **nets)
    params["decoder"][0] = {"W": W.T.copy(), "b": np.zeros(len(W))}
    params["encoder"] = [{"W": out[0], "b": out[1]}]
    return params, nets


def test_the_vaes_own_affine_posterior_gives_log_p_for_each_draw():
    mean, cov = LinearGaussian(W, np.zeros(3), S2).posterior(X)
    moved = np.concatenate([np.zeros(4), mean[0], (np.linalg.cholesky(cov) - np.eye(2)).ravel()])
    params, nets = linear_vae(W, S2, "affine", (np.zeros((3, len(moved))), moved))
    eps = np.concatenate([[[[0.4, -1.2]]], np.random.default_rng(0).standard_normal((5, 1, 2))])
    np.testing.assert_allclose(bounds.log_weights(params, X, eps, **nets), -3.2371970479, atol=1e-10)


def test_a_flow_prior_gains_what_it_is_nearer_to_the_aggregate():
    """At a fixed encoder: the KL's mean over x, by the VAE's functions, falls by E_q(z) ln p(z)/N(z; 0, 1)."""
    w, s2 = 1.3, 0.4
    gain, var_q = w / (w**2 + s2), s2 / (w**2 + s2)
    params, nets = linear_vae(np.array([[w]]), s2, Diagonal(exact_kl=False),
                              (np.array([[gain, 0.0]]), np.array([0.0, np.log(var_q)])))  # fmt: skip
    rng = np.random.default_rng(0)
    vector, back = tree.ravel(priors.init(rng, 0, 1, "flow", np.float64))
    prior = back(vector + 0.05 * rng.standard_normal(vector.shape))
    line = np.linspace(-8, 8, 161)[:, None]
    share = np.exp(gaussian.log_density(line, 0.0, 0.0)) * (line[1] - line[0])
    x, eps = 2 * line, np.broadcast_to(line[:, None], (161, 161, 1))  # x from N(0, 4)
    kl = {name: share @ one_page.elbo_terms(params | {"prior": own}, x, eps, **nets)["kl"] @ share
          for name, own in (("normal", None), ("flow", prior))}  # fmt: skip
    fine = np.linspace(-8, 8, 8001)[:, None]  # the slopes of splines have kinks
    z = np.sqrt(gain**2 * 4 + var_q) * fine
    nearer = priors.log_density(priors.prior(prior, None), z) - gaussian.log_density(z, 0.0, 0.0)
    nearer = np.exp(gaussian.log_density(fine, 0.0, 0.0)) @ nearer * (fine[1, 0] - fine[0, 0])
    assert np.isclose(kl["normal"], 1.1962129876, atol=1e-10)
    assert np.isclose(kl["normal"] - kl["flow"], nearer, atol=1e-5)
    assert abs(nearer) > 1e-3 and nearer < 0.0928387582  # never more than KL(q(z) || N(0, 1))


def test_the_flow_is_the_vae_without_noise():
    w, x = 1.3, np.array([[1.0]])
    flow = gaussian.log_density(affine.affine_inverse(x, np.array([[w]]), np.zeros(1)), 0.0, 0.0) - np.log(w)
    assert np.isclose(flow[0], -1.4771607858, atol=1e-10)
    for s2, off in ((0.1, -0.0122151662), (0.01, -0.0012095200), (0.001, -0.0001208101)):
        found = LinearGaussian([[w]], [0.0], s2).log_evidence(x)[0] - flow[0]
        assert np.isclose(found, off, atol=1e-10)
        assert np.isclose(found, (1 / w**2 - 1) / (2 * w**2) * s2, rtol=0.12)
    s2 = 1e-6  # E_q[ln p(x|z) - ln q(z|x)], which is -ln w in the limit
    model = LinearGaussian([[w]], [0.0], s2)
    mean, cov = model.posterior(x)
    reconstruction, _ = model.elbo_terms(x, mean, cov)
    assert np.isclose(reconstruction[0] + 0.5 * np.log(2 * np.pi * np.e * cov[0, 0]), -0.2623644395, atol=1e-9)


def test_q_is_no_inverse_and_no_discriminator():
    w, s2, x = 1.3, 0.4, np.array([[1.0]])
    model = LinearGaussian([[w]], [0.0], s2)
    mean, cov = model.posterior(x)
    m, v = mean[0, 0], cov[0, 0]
    found = [1 / w, m, w * m, (1 - w * m) ** 2 + w**2 * v]
    np.testing.assert_allclose(found, [0.7692307692, 0.6220095694, 0.8086124402, 0.3600741741], atol=1e-10)
    over_x = (w**2 + s2) * (1 - w**2 / (w**2 + s2)) ** 2 + w**2 * v
    assert np.isclose(over_x, s2)
    logit = gaussian.log_density(np.array([0.5]), m, float(np.log(v))) - gaussian.log_density(np.array([0.5]), 0.0, 0.0)
    assert np.isclose(logit, 0.9128368487, atol=1e-10)
    assert np.isclose(0.5 * np.log(1 / v), 0.8267273989, atol=1e-10)


def test_a_discriminator_for_the_kl():
    mean, logvar = np.array([0.6]), np.array([2 * np.log(0.5)])
    T = lambda z: gaussian.log_density(z, mean, logvar) - gaussian.log_density(z, 0.0, 0.0)
    assert np.isclose(T(np.ones(1)), 0.8731471806, atol=1e-10)
    assert np.isclose(gaussian.kl_standard(mean, logvar), 0.4981471806, atol=1e-10)
    z = np.linspace(-9, 9, 20_001)[:, None]
    q = np.exp(gaussian.log_density(z, mean, logvar))
    p = np.exp(gaussian.log_density(z, 0.0, 0.0))
    step, m = 18 / 20_000, 0.5 * (p + q)
    assert np.isclose(np.sum(q * T(z)) * step, 0.4981471806, atol=1e-9)
    jsd = 0.5 * np.sum(q * np.log(q / m) + p * np.log(p / m)) * step
    assert np.isclose(jsd, 0.1432073739, atol=1e-9)


def test_a_vae_with_a_flow_prior(tmp_path):
    X = np.random.default_rng(0).integers(0, 2, (60, 5)).astype(float)
    model = VAE(2, hidden=(8,), prior="flow", max_steps=5, random_state=0, progress=False).fit(X)
    assert set(model.params_["prior"]) == {"flow"} and np.isfinite(model.score_samples(X)).all()
    assert model.sample(7).shape == (7, 5)
    model.save(tmp_path / "vae.npz")
    np.testing.assert_array_equal(VAE.load(tmp_path / "vae.npz").score_samples(X), model.score_samples(X))
    p = priors.prior(model.params_["prior"], None)
    line = np.linspace(-8, 8, 161)
    z = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    assert abs(np.exp(priors.log_density(p, z)).sum() * (line[1] - line[0]) ** 2 - 1) < 1e-3
    begin = priors.init(np.random.default_rng(0), 0, 2, "flow", np.float64)
    np.testing.assert_allclose(priors.log_density(priors.prior(begin, None), z), gaussian.log_density(z, 0.0, 0.0))


def test_by_default_the_prior_is_learned_for_categories_alone():
    X, y = np.random.default_rng(0).integers(0, 5, (60, 4)).astype(float), np.arange(60) % 2
    short = dict(hidden=(4,), max_steps=2, random_state=0, progress=False)
    assert set(VAE(2, **short).fit(X).params_["prior"]) == {"flow"}
    assert set(ConditionalVAE(2, **short).fit(X, y).params_["prior"]) == {"flow"}
    for model in (VAE(1, **short), VAE(2, free_bits=0.1, **short), VAE(2, prior="normal", **short)):
        assert model.fit(X).params_["prior"] is None
    assert repr(VAE(2, **short).fit(X * 5).decoder_) == "Logistic(levels=21)"
    assert VAE(2, **short).fit(X / 4.1 + 3).params_["prior"] is None
    assert VAE(2, **short).fit(X / 4).params_["prior"] is None
    assert set(ConditionalVAE(2, learned_prior=1, **short).fit(X, y).params_["prior"]) == {"mean", "logvar"}
