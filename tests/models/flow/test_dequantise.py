"""Whole values under a density: every constant of the bound, by sums over all values and by quadrature."""

import numpy as np
import pytest
from scipy import stats

from tinygen.autodiff import tree
from tinygen.models import Flow, scaling
from tinygen.models.flow.dequantise import empty, fill, logit, logit_inverse


def test_the_logits_numbers():
    y, log_slope = logit(fill(3.0, np.array([0.4]), 17))
    assert np.isclose(y[0], -1.2083112059, atol=1e-10)
    assert np.isclose(log_slope[0] - np.log(17), -1.2075331255, atol=1e-10)
    v = np.linspace(0, 1, 1001)
    slope = (logit(v + 1e-6)[0] - logit(v - 1e-6)[0]) / 2e-6
    np.testing.assert_allclose(logit(v)[1], np.log(slope), atol=1e-8)
    np.testing.assert_allclose(logit_inverse(logit(v)[0]), v, atol=1e-14)


def test_every_bin_is_whole():
    i = np.repeat(np.arange(17.0), 1000)
    v = fill(i, np.random.default_rng(0).random(len(i)), 17)
    assert v.min() >= 0 and v.max() < 1
    np.testing.assert_array_equal(empty(v, 17), i)
    for k in range(17):
        assert np.ptp(v[i == k]) > 0.98 / 17  # half a bin would be 64 ln 2 = 44.4 nats an image too good


def known(levels, D, **options):
    """A flow of whole values whose density is known: y is N(.3, .8^2) in each column, the layers are the identity."""
    X = np.random.default_rng(0).integers(0, levels, (200, D)) / (levels - 1)
    model = Flow(hidden=(4,), depth=2, max_steps=1, levels=levels, validation_fraction=0, progress=False,
                 random_state=0, **options).fit(X)  # fmt: skip
    model.params_ = tree.map(np.zeros_like, model.params_)
    model.scaling_ = scaling.Scaling("columns", np.full(D, 0.3), np.full(D, 0.8), np.ones(D, bool), None, None)
    return model


def by_quadrature(levels, alpha=0.05):
    """ln P(i) and E_u ln p(i + u) of one entry of that model, for each value, by Gauss and Legendre.

    And the variances over u of p(i + u) / P(i), and of ln p(i + u).
    """
    node, weight = np.polynomial.legendre.leggauss(60)
    v = (np.arange(levels)[:, None] + 0.5 * (node + 1)) / levels
    a = alpha + (1 - 2 * alpha) * v
    log_p = stats.norm.logpdf(np.log(a / (1 - a)), 0.3, 0.8) + np.log((1 - 2 * alpha) / (a * (1 - a)))
    weight = weight / 2
    p, mean = np.exp(log_p) @ weight, log_p @ weight
    var = np.exp(2 * log_p) @ weight / p**2 - 1, log_p**2 @ weight - mean**2
    return np.log(p / levels), mean - np.log(levels), *var


@pytest.mark.parametrize("levels, D", [(17, 3), (2, 5)])
def test_the_bound_and_the_probability_of_a_known_density(levels, D):
    exact, mean, var_of_p, var_of_log = by_quadrature(levels)
    model = known(levels, D, score_draws=2048)
    i = np.random.default_rng(1).integers(0, levels, (7, D))
    errors = np.sqrt(np.sum(var_of_log[i], axis=1)), np.sqrt(np.prod(1 + var_of_p[i], axis=1) - 1)  # of one draw
    for bound, truth, one in (("elbo", mean, errors[0]), ("iwae", exact, errors[1])):
        model.bound = bound
        score, error = model.score_samples(i / (levels - 1), return_error=True)
        assert (np.abs(score - truth[i].sum(1)) < 5 * error).all()  # 7 rows, false alarm about 1e-5
        np.testing.assert_allclose(error, one / np.sqrt(2048), rtol=0.25)  # an estimate from so many draws
        assert error.max() < 0.1
    assert model.bound_ == "iwae-2048"


def test_the_probabilities_of_all_values_are_one_with_those_beyond_the_ends():
    exact, mean, *_ = by_quadrature(5)
    y = stats.norm(0.3, 0.8)
    inside = y.cdf(logit(1.0)[0]) - y.cdf(logit(0.0)[0])  # what the logit's alpha leaves of the line
    assert np.isclose(np.exp(exact).sum(), inside, atol=1e-12) and np.exp(mean).sum() < inside
    model = known(5, 3, score_draws=256, bound="iwae")
    every = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), -1).reshape(-1, 3)
    score, error = model.score_samples(every / 4, return_error=True)
    spread = np.sqrt(np.sum((np.exp(score) * error) ** 2))
    assert abs(np.exp(score).sum() - inside**3) < 5 * spread < 0.05
