"""Enumeration against itself: Bayes' rule, the gap that is a KL, gradients by automatic and numeric derivative."""

import numpy as np
import pytest
from scipy import special, stats

import tinygen as tg
from tinygen.oracles.discrete import DiscreteLatent, score_function_moments


def system(n=7, K=5, seed=0):
    rng = np.random.default_rng(seed)
    return DiscreteLatent(rng.random(K) + 0.1), 3 * rng.standard_normal((n, K)), rng


def test_evidence_and_posterior_are_bayes_rule():
    model, table, _ = system()
    joint = np.exp(model.log_prior + table)
    np.testing.assert_allclose(model.log_evidence(table), np.log(joint.sum(1)), rtol=1e-12)
    np.testing.assert_allclose(model.posterior(table), joint / joint.sum(1, keepdims=True), rtol=1e-12)
    far = model.log_evidence(table - 1e5)
    np.testing.assert_allclose(far + 1e5, model.log_evidence(table), atol=1e-9)


def test_the_gap_of_the_bound_is_the_kl_to_the_posterior():
    model, table, rng = system()
    q = rng.dirichlet(np.ones(5), 7)
    gap = model.log_evidence(table) - model.elbo(table, q)
    np.testing.assert_allclose(gap, stats.entropy(q, model.posterior(table), axis=1), rtol=1e-10)
    np.testing.assert_allclose(model.elbo(table, model.posterior(table)), model.log_evidence(table), rtol=1e-12)


def test_values_that_q_never_takes_cost_nothing():
    model, table, _ = system()
    table[:, 0] = -np.inf
    q = np.full((7, 5), 0.25) * (np.arange(5) > 0)
    assert np.isfinite(model.elbo(table, q)).all() and np.isfinite(model.elbo_grad_logits(table, q)).all()


def test_gradient_by_logits_is_the_automatic_one():
    model, table, rng = system()
    logits = rng.standard_normal((7, 5))
    automatic = tg.grad(lambda l: np.sum(tg.softmax(l) * (table + model.log_prior - tg.log_softmax(l))))(logits)
    np.testing.assert_allclose(model.elbo_grad_logits(table, special.softmax(logits, 1)), automatic, atol=1e-12)


def test_score_function_moments_are_the_gradient_and_the_spread_of_draws():
    rng = np.random.default_rng(1)
    f, logits = rng.standard_normal(5), rng.standard_normal(5)
    q = special.softmax(logits)
    mean, cov = score_function_moments(f, q)
    np.testing.assert_allclose(mean, tg.grad(lambda l: np.sum(tg.softmax(l) * f))(logits), atol=1e-14)
    n = 40_000
    z = rng.choice(5, n, p=q)
    draws = f[z, None] * (np.eye(5)[z] - q)
    limit = stats.norm.isf(1e-6 / 20)  # false alarm: 1e-6 over all ten two-sided tests
    assert np.abs((draws.mean(0) - mean) / np.sqrt(np.diag(cov) / n)).max() < limit
    squares = (draws - mean) ** 2
    assert np.abs((squares.mean(0) - np.diag(cov)) / (squares.std(0) / np.sqrt(n))).max() < limit


@pytest.mark.parametrize("prior", [[[1, 2]], [], [1, 0], [1, -1], [np.nan, 1]])
def test_bad_priors_are_refused(prior):
    with pytest.raises(ValueError, match="one positive number for each value"):
        DiscreteLatent(prior)


def test_tables_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"\(n, 5\)"):
        system()[0].log_evidence(np.zeros((3, 4)))
