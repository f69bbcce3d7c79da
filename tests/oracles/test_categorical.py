"""The exact densities of discrete images: they sum to 1, fit what they should, give the known numbers on digits."""

import itertools

import numpy as np
import pytest

from tinygen.data import digits
from tinygen.oracles import categorical
from tinygen.oracles.categorical import ChowLiu, IndependentPixels, Mixture


def every_image(D, levels):
    return np.array(list(itertools.product(range(levels), repeat=D)))


def chain(n, D, levels, rng, stay=0.8):
    """Images whose pixels copy their left neighbour with probability `stay`."""
    X = rng.integers(levels, size=(n, D))
    for d in range(1, D):
        X[:, d] = np.where(rng.random(n) < stay, X[:, d - 1], X[:, d])
    return X


@pytest.mark.parametrize(
    "fit",
    [
        lambda X: categorical.uniform(every_image(4, 3), 3),
        lambda X: IndependentPixels(X, 3).log_prob(every_image(4, 3)),
        lambda X: Mixture(X, 3, 5, steps=7).log_prob(every_image(4, 3)),
        lambda X: ChowLiu(X, 3, prior=2.0).log_prob(every_image(4, 3)),
    ],
    ids=["uniform", "pixels", "mixture", "tree"],
)
def test_probabilities_sum_to_one(fit):
    X = chain(101, 4, 3, np.random.default_rng(0))
    np.testing.assert_allclose(np.exp(fit(X)).sum(), 1, rtol=1e-12)


def test_independent_pixels_are_the_smoothed_counts():
    X = np.array([[0, 2], [0, 1], [1, 2]])
    model = IndependentPixels(X, 3, prior=0.5)
    expected = np.log([2.5 / 4.5 * 2.5 / 4.5, 0.5 / 4.5 * 0.5 / 4.5])
    np.testing.assert_allclose(model.log_prob([[0, 2], [2, 0]]), expected, rtol=1e-13)


def test_the_tree_of_a_chain_is_the_chain():
    X = chain(2003, 5, 3, np.random.default_rng(1))
    shuffle = np.array([3, 0, 4, 1, 2])
    model = ChowLiu(X[:, shuffle], 3)
    edges = {frozenset((shuffle[c], shuffle[model.parents[c]])) for c in model.order[1:]}
    assert edges == {frozenset((d, d + 1)) for d in range(4)}


def test_the_tree_without_smoothing_is_as_likely_as_its_edges_say():
    """Mean log likelihood = sum of the edges' mutual information - sum of the pixels' entropies (Chow and Liu)."""
    X = chain(1009, 5, 3, np.random.default_rng(2))
    rows = categorical.one_hot(X, 3)
    information = lambda a, b: sum(
        p * np.log(p / (rows[:, a, i].mean() * rows[:, b, j].mean()))
        for i in range(3)
        for j in range(3)
        if (p := (rows[:, a, i] * rows[:, b, j]).mean()) > 0
    )
    model = ChowLiu(X, 3, prior=1e-9)
    edges = sum(information(c, model.parents[c]) for c in model.order[1:])
    p = rows.mean(0)
    np.testing.assert_allclose(model.log_prob(X).mean(), edges + (p * np.log(p)).sum(), atol=2e-4)
    best = max(
        sum(information(c, t) for c, t in zip(range(1, 5), parents))
        for parents in itertools.product(range(5), repeat=4)
        if _is_tree(parents)
    )
    np.testing.assert_allclose(edges, best, rtol=1e-12)  # no other spanning tree has more


def _is_tree(parents):
    for node in range(1, 5):
        seen = set()
        while node:
            if node in seen:
                return False
            seen.add(node)
            node = parents[node - 1]
    return True


def test_each_step_of_em_raises_its_objective():
    X = chain(211, 6, 3, np.random.default_rng(3))
    assert np.diff(Mixture(X, 3, 4, steps=25).trace).min() > -1e-9


def test_a_mixture_of_one_component_is_independent_pixels():
    X = chain(101, 4, 3, np.random.default_rng(4))
    mixture, pixels = Mixture(X, 3, 1, prior=0.1, steps=2), IndependentPixels(X, 3, prior=0.1)
    np.testing.assert_allclose(mixture.log_prob(X), pixels.log_prob(X), rtol=1e-12)


def test_the_numbers_on_the_digits():
    (train, _), (validation, _), (test, _) = digits.split()
    nats = lambda model: [-model.log_prob(X).mean() for X in (validation, test)]
    assert -categorical.uniform(test, 17).mean().round(2) == 181.33
    np.testing.assert_allclose(nats(IndependentPixels(train, 17)), [110.5, 106.3], atol=0.05)
    np.testing.assert_allclose(nats(ChowLiu(train, 17)), [100.79, 96.54], atol=0.2)  # moves by .15 with the setting
    mixtures = np.mean([nats(Mixture(train, 17, 10, rng=seed)) for seed in range(5)], axis=0)
    np.testing.assert_allclose(mixtures, [103.6, 100.2], atol=1.2)


@pytest.mark.parametrize(
    "X, message",
    [
        (np.ones(3), r"shape \(n, D\)"),
        (np.full((2, 2), 0.5), "whole numbers 0..2, got float64 from 0.5 to 0.5"),
        (np.full((2, 2), 3), "whole numbers 0..2, got int64 from 3 to 3"),
        (np.full((2, 2), np.nan), "whole numbers"),
    ],
)
def test_bad_images_are_refused(X, message):
    with pytest.raises(ValueError, match=message):
        IndependentPixels(X, 3)


def test_other_widths_are_refused():
    with pytest.raises(ValueError, match=r"\(n, 4\)"):
        ChowLiu(np.eye(4, dtype=int), 3).log_prob(np.eye(3, dtype=int))
