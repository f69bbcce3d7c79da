"""Rows with weights: one of weight 2 is as two equal rows, one of weight 0 as none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tinygen.autodiff import tree
from tinygen.models import GAN, VAE, ConditionalGAN, ConditionalVAE, Diffusion, Flow, LatentDiffusion, scaling
from tinygen.nn import weights

SHORT = dict(max_steps=20, validation_fraction=0, random_state=0, progress=False)
MODELS = [
    VAE(2, hidden=(8,), **SHORT),
    ConditionalVAE(2, hidden=(8,), **SHORT),
    Diffusion(width=8, blocks=1, **SHORT),
    Flow(hidden=(8,), depth=2, **SHORT),
    GAN(hidden=(8,), **SHORT),
    ConditionalGAN(hidden=(8,), **SHORT),
    LatentDiffusion(VAE(2, hidden=(8,), **SHORT), Diffusion(width=8, blocks=1, **SHORT), random_state=0),
]
each = pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)


def rows(n=97):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, 3)), np.arange(n) % 2, rng.integers(0, 3, n)


def params(model):
    both = model.params_ if hasattr(model, "params_") else [model.vae_.params_, model.diffusion_.params_]
    return tree.flatten(both)[0]


@given(
    st.lists(st.floats(0, 7), min_size=1, max_size=13).filter(any),
    st.integers(1, 40),
    st.floats(0, 1, exclude_max=True),
)
def test_rows_are_spread_by_their_weights(w, size, offset):
    index = weights.spread(w, size, offset)
    wanted = size * np.array(w) / np.sum(w)
    assert np.abs(np.bincount(index, minlength=len(w)) - wanted).max() < 1 + 1e-9
    assert all(w[i] > 0 for i in index)


def test_rows_are_spread_without_bias():
    w, rng = np.array([0.3, 2.0, 0.0, 1.1]), np.random.default_rng(0)
    counts = np.array([np.bincount(weights.spread(w, 5, rng.random()), minlength=4) for _ in range(4000)])
    z = (counts.mean(0) - 5 * w / w.sum()) / (counts.std(0) / np.sqrt(len(counts)) + 1e-12)
    assert np.abs(z).max() < stats.norm.isf(1e-6 / 8)  # false alarm: 1e-6


@each
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_weight_zero_is_absence_and_equal_weights_are_none(model):
    X, y, w = rows()
    without = [a.copy() for a in params(model.fit(X[w > 0], y[w > 0], w[w > 0]))]
    for a, b in zip(without, params(model.fit(X, y, sample_weight=w))):
        np.testing.assert_array_equal(a, b)
    plain = [a.copy() for a in params(model.fit(X, y))]
    assert not all(np.array_equal(a, b) for a, b in zip(without, plain))
    for a, b in zip(plain, params(model.fit(X, y, sample_weight=np.full(97, 2.5)))):
        np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "model",
    [
        VAE(2, hidden=(16,), max_steps=300, random_state=0, progress=False),
        Diffusion(width=16, blocks=1, max_steps=300, random_state=0, progress=False),
        Flow(hidden=(16,), depth=2, max_steps=200, random_state=0, progress=False),
        GAN(hidden=(32,), max_steps=600, r1=0.1, r2=0.1, penalty_end=1.0, random_state=0, progress=False),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_weighted_law_is_what_is_learned(model):
    """Two clusters, as many rows in each, 9 times the weight in one: the samples are those of repeated rows."""
    rng = np.random.default_rng(1)
    side = np.arange(600) % 2
    X = 0.3 * rng.standard_normal((600, 2)) + 3.0 * side[:, None]
    right = lambda fitted: np.mean(fitted.sample(2000)[:, 0] > 1.5)
    w = np.where(side, 9, 1)
    weighted, repeated, plain = (
        right(model.fit(X, None, w)),
        right(model.fit(np.repeat(X, w, axis=0))),
        right(model.fit(X)),
    )
    assert abs(weighted - repeated) < 0.06 and weighted > plain + 0.2


@pytest.mark.parametrize("kind", ["columns", "whiten", "one"])
def test_the_scaling_is_that_of_repeated_rows(kind):
    X, _, w = rows()
    X = X @ np.random.default_rng(2).standard_normal((3, 3))
    weighted, repeated = scaling.fit(X, kind, w), scaling.fit(np.repeat(X, w, axis=0), kind)
    np.testing.assert_allclose(weighted.mean, repeated.mean, atol=1e-12)
    np.testing.assert_allclose(weighted.scale, repeated.scale, rtol=1e-12)
    if kind == "whiten":
        off = lambda u: np.abs(np.cov(u.T, aweights=w)[np.triu_indices(3, 1)]).max()
        assert off(weighted.to(X)) < 1e-12 and off(scaling.fit(X, kind).to(X)) > 0.01


def test_frequencies_and_scores_are_weighted():
    X, y, w = rows()
    model = Flow(hidden=(8,), depth=2, **SHORT).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(model.frequencies_, np.bincount(y, w) / w.sum())
    expected = np.average(model.score_samples(X, y), weights=w)
    np.testing.assert_allclose(model.score(X, y, sample_weight=w), expected)


@pytest.mark.parametrize(
    "bad, message",
    [
        (np.ones(5), r"one for each of 97 rows, got float64 of shape \(5,\)"),
        (np.ones((97, 1)), "Sample weights must be 1D"),
        (-np.ones(97), "none below 0"),
        (np.zeros(97), "some above"),
        (np.full(97, np.nan), "finite"),
        (["a"] * 97, "got <U1 of shape"),
    ],
)
def test_other_weights_are_refused(bad, message):
    X, _, _ = rows()
    with pytest.raises(ValueError, match=message):
        Flow(**SHORT).fit(X, sample_weight=bad)


def test_a_checkpoint_of_other_weights_is_refused(tmp_path):
    X, _, w = rows()
    model = Flow(hidden=(8,), depth=2, checkpoint=tmp_path / "run.npz", **SHORT).fit(X, sample_weight=w + 1)
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(X, sample_weight=w + 2)
