"""Priors: densities against SciPy, draws against densities, and bounds that know which prior they pay for."""

import numpy as np
import pytest
from scipy import stats

import tinygen as tg
from tinygen.measure import numeric
from tinygen.models.vae import one_page, priors
from tinygen.models.vae.decoders import Gaussian


def learned(components, classes=3, k=2, seed=0):
    """Parameters of a prior that are all different from where they begin, and labels."""
    rng = np.random.default_rng(seed)
    own = priors.init(rng, classes, k, components, np.float64)
    return {name: leaf + rng.standard_normal(leaf.shape) for name, leaf in own.items()}, np.eye(classes)[[2, 0, 1, 2]]


def by_hand(own, label, components, k=2):
    mean, logvar = (own[name][label].reshape(components, k) for name in ("mean", "logvar"))
    share = np.exp(own["share"][label]) if components > 1 else np.ones(1)
    return mean, np.exp(logvar), share / share.sum()


@pytest.mark.parametrize("components", [1, 2, 5])
def test_density_is_scipys(components):
    own, c = learned(components)
    z = np.random.default_rng(1).standard_normal((7, 4, 2))
    got = priors.log_density(priors.prior(own, c), z)
    for i, label in enumerate([2, 0, 1, 2]):
        mean, var, share = by_hand(own, label, components)
        p = sum(s * stats.multivariate_normal(m, np.diag(v)).pdf(z[:, i]) for m, v, s in zip(mean, var, share))
        np.testing.assert_allclose(got[:, i], np.log(p), rtol=1e-10)


def test_the_standard_prior():
    assert priors.init(0, 3, 2, 0) is None and priors.prior(None, np.eye(3)) is None
    z = np.random.default_rng(1).standard_normal((7, 4, 2))
    np.testing.assert_allclose(priors.log_density(None, z), stats.norm.logpdf(z).sum(-1), rtol=1e-12)


@pytest.mark.parametrize("components", [0, 1, 3])
def test_draws_have_the_moments_of_the_density(components):
    n = 40_000
    own, label = (learned(components)[0], 1) if components else (None, 0)
    c = np.broadcast_to(np.eye(3)[label], (n, 3))
    z = priors.sample(priors.prior(own, c), (n, 2), np.random.default_rng(2), "float64")
    standard = (np.zeros((1, 2)), np.ones((1, 2)), np.ones(1))
    mean, var, share = by_hand(own, label, components) if components else standard
    expected = share @ mean
    spread = share @ (var + mean**2) - expected**2
    limit = stats.norm.isf(1e-6 / 8)  # false alarm: 1e-6 over all four two-sided tests
    assert np.abs((z.mean(0) - expected) / np.sqrt(spread / n)).max() < limit
    squares = (z - expected) ** 2
    assert np.abs((squares.mean(0) - spread) / (squares.std(0) / np.sqrt(n))).max() < limit


def test_one_gaussian_begins_as_the_standard_normal_and_a_mixture_does_not():
    c = np.eye(3)
    mean, logvar = priors.prior(priors.init(np.random.default_rng(0), 3, 2, 1), c)
    assert (mean == 0).all() and (logvar == 0).all()
    mean, _, log_share = priors.prior(priors.init(np.random.default_rng(0), 3, 2, 4), c)
    assert len(np.unique(mean[:, :, 0])) == 12  # or the components would stay equal for ever
    np.testing.assert_allclose(np.exp(log_share), 0.25)


@pytest.mark.parametrize("components", [1, 3])
def test_the_bound_pays_for_the_learned_prior(components):
    rng = np.random.default_rng(3)
    params = one_page.init(rng, 5, 2, hidden=(7,), classes=3, learned_prior=components, decoder=Gaussian(0.3),
                              dtype=np.float64)  # fmt: skip
    own, c = learned(components)
    params["prior"] = own
    x, eps = rng.standard_normal((4, 5)), rng.standard_normal((20_000, 4, 2))
    mean, logvar = one_page.encode(params, x, c)
    z = mean + np.exp(logvar / 2) * eps
    draws = stats.norm(mean, np.exp(logvar / 2)).logpdf(z).sum(-1) - priors.log_density(priors.prior(own, c), z)
    kl = one_page.elbo_terms(params, x, eps, c, decoder=Gaussian(0.3))["kl"]
    if components == 1:  # exact
        assert kl.shape == (4,)
        assert np.abs((draws.mean(0) - kl) / (draws.std(0) / np.sqrt(20_000))).max() < stats.norm.isf(1e-6 / 8)
    else:
        np.testing.assert_allclose(kl, draws, atol=1e-10)

    def loss(own):
        return one_page.loss({**params, "prior": own}, x, eps[0], c, decoder=Gaussian(0.3))[0]

    for name, got in tg.grad(loss)(own).items():
        expected, bar = numeric.derivative(lambda a, name=name: loss({**own, name: a}), own[name])
        assert (np.abs(got - expected) <= bar + 1e-13).all() and bar.max() < 1e-7
        assert np.abs(got).max() > 0
