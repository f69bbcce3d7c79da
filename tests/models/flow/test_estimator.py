"""The estimator Flow: an exact density, both ways, labels, whole values, files; it learns what is known."""

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone

import tinygen as tg
from tinygen.data import toy
from tinygen.models import Flow
from tinygen.models.flow import LU, Autoregressive, Continuous, Coupling, Permutation, Radial, Spline, one_page

TINY = dict(hidden=(8,), depth=2, max_steps=5, random_state=0, progress=False)
QUICK = dict(hidden=(16,), max_steps=60, random_state=0, progress=False)
KINDS = ["spline", "affine", "autoregressive", [LU(), Radial(), Coupling((8,), Spline(4)), Autoregressive((8,))]]


def some(n=300, D=3, seed=0):
    rng = np.random.default_rng(seed)
    return np.array([100.0, -3.0, 0.01, 7.0])[:D] * (rng.standard_normal((n, D)) @ rng.standard_normal((D, D)) + 2)


@pytest.mark.parametrize("layers, D", [("spline", 4), ("affine", 2), ("autoregressive", 3), (KINDS[3], 2)], ids=str)
def test_density_is_that_of_the_map_in_the_datas_units(layers, D):
    X = some(D=D)
    model = Flow(layers, **TINY).fit(X)
    Z = model.transform(X[:5])
    np.testing.assert_allclose(model.inverse_transform(Z), X[:5], rtol=1e-7)
    scores = model.score_samples(X[:5])
    assert model.bound_ == "exact" and scores.dtype == np.float64
    params = model._exact_params()
    mean, scale = model.scaling_.mean, model.scaling_.scale
    for x, z, score in zip(X, Z, scores):
        f = lambda x: one_page.forward(model.layers_, params, ((x - mean) / scale)[None])[0][0]
        log_det = np.linalg.slogdet(tg.jacobian(f)(x))[1]
        assert np.isclose(score, stats.norm.logpdf(z).sum() + log_det, rtol=1e-9)
    np.testing.assert_allclose(model.score_samples(X[3:4]), scores[3:4], rtol=1e-12)


def test_an_affine_flow_finds_the_gaussian_of_maximum_likelihood():
    X = some(400, 2)
    model = Flow([LU()], **QUICK | dict(max_steps=1500), validation_fraction=0, learning_rate=1e-2, batch_size=400,
                 ema=0.0, dtype="float64").fit(X)  # fmt: skip
    S = np.cov(X.T, bias=True)
    best = -0.5 * (2 * np.log(2 * np.pi * np.e) + np.linalg.slogdet(S)[1])
    assert 0 <= best - model.score(X) < 1e-6


def test_it_learns_two_moons():
    rng = np.random.default_rng(0)
    X, x = toy.two_moons(4000, rng, noise=0.1), toy.two_moons(2000, rng, noise=0.1)
    model = Flow(hidden=(32, 32), depth=2, max_steps=500, learning_rate=1e-2, random_state=0, progress=False).fit(X)
    gap = toy.two_moons_log_density(x, noise=0.1) - model.score_samples(x)
    assert 0 < gap.mean() < 0.15  # one affine coupling is at .48 at best, however long it is trained
    drawn = model.sample(2000)
    assert toy.two_moons_log_density(drawn, noise=0.1).mean() > -1.5


@pytest.mark.parametrize("scaling", ["columns", "whiten", "one", "none"])
def test_units_do_not_matter(scaling):
    """The density in other units differs by the log of the factor, and only by that."""
    X = np.random.default_rng(1).standard_normal((200, 2)) * ([1.0, 3.0] if scaling != "none" else 1)
    model = Flow(**TINY, scaling=scaling).fit(X)
    if scaling in ("columns", "whiten"):
        units = np.array([1000, 0.01])
        other = Flow(**TINY, scaling=scaling).fit(X * units)
        np.testing.assert_allclose(other.score_samples(X * units), model.score_samples(X) - np.log(10), atol=1e-4)
    line = np.linspace(-15, 15, 301)
    grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    assert abs(np.exp(model.score_samples(grid)).sum() * (line[1] - line[0]) ** 2 - 1) < 1e-3


def test_labels():
    rng = np.random.default_rng(2)
    y = np.repeat(["a", "b", "c"], [300, 200, 100])
    X = rng.standard_normal((600, 2)) + 6.0 * np.searchsorted(["a", "b", "c"], y)[:, None]
    model = Flow(**QUICK | dict(depth=2, max_steps=400), learning_rate=5e-3).fit(X, y)
    scores = {label: model.score_samples(X, np.full(600, label)) for label in "abc"}
    right = np.array([scores[label][i] for i, label in enumerate(y)])
    assert all((right[y != label] > scores[label][y != label]).mean() > 0.95 for label in "abc")
    np.testing.assert_allclose(model.score_samples(X, y), right)
    mixture = np.log(sum(share * np.exp(scores[label]) for label, share in zip("abc", [1 / 2, 1 / 3, 1 / 6])))
    np.testing.assert_allclose(model.score_samples(X), mixture, rtol=1e-9)
    assert np.isclose(model.score(X, y), right.mean()) and np.isclose(model.score(X), mixture.mean())
    drawn = model.sample(300, "c")
    assert np.abs(drawn.mean(0) - 12).max() < 1
    assert model.sample(y=["a", "c"]).shape == (2, 2) and model.sample(5).shape == (5, 2)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X, y), y), X, atol=1e-6)
    with pytest.raises(ValueError, match="requires y to be passed"):
        model.transform(X)
    with pytest.raises(ValueError, match="label d, which training has not seen; it saw a, b, c"):
        model.sample(3, "d")
    with pytest.raises(ValueError, match="fitted without labels"):
        Flow(**TINY).fit(X).score_samples(X, y)


def test_whole_values():
    X = np.random.default_rng(3).binomial(7, 0.4, (200, 3)) + 2.0
    model = Flow(**TINY).fit(X)
    assert model.levels_ <= 8 and model.bound_ == "elbo"
    drawn = model.sample(50)
    assert np.isin(drawn, np.unique(X)).all()
    np.testing.assert_array_equal(model.inverse_transform(model.transform(X)), X)
    np.testing.assert_allclose(model.score_samples(X[4:5]), model.score_samples(X)[4:5], rtol=1e-12)
    score, error = model.score_samples(X, return_error=True)
    model.bound = "iwae"
    assert model.bound_ == "iwae-32" and (model.score_samples(X) >= score - 1e-12).all() and (error > 0).all()
    assert Flow(**TINY, levels=None).fit(X).bound_ == "exact"
    with pytest.raises(ValueError, match="values from 2 to"):
        model.score_samples(X + 0.5)


def test_a_constant_column_has_no_part():
    X = np.c_[some(200, 2), np.full(200, 5.0)]
    with pytest.warns(UserWarning, match="columns 2 are constant"):
        model = Flow(**TINY).fit(X)
    assert model.transform(X).shape == (200, 2) and (model.sample(3)[:, 2] == 5).all()
    other = X[:2].copy()
    other[1, 2] = 6
    assert np.isfinite(model.score_samples(other)[0]) and model.score_samples(other)[1] == -np.inf


@pytest.mark.parametrize("layers", ["spline", KINDS[3], [Continuous((8,), 4), Permutation((2, 0, 1))]], ids=str)
def test_files(layers, tmp_path):
    X = some(100)
    model = Flow(layers, **TINY).fit(X)
    model.save(tmp_path / "flow.npz")
    again = Flow.load(tmp_path / "flow.npz")
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))
    np.testing.assert_array_equal(again.sample(4), model.sample(4))
    assert again.layers_ == model.layers_ and again.get_params()["layers"] == model.get_params()["layers"]


def test_dropout_is_for_training_only():
    X = some(200)
    model = Flow(**TINY, dropout=0.5).fit(X)
    np.testing.assert_array_equal(model.score_samples(X), model.score_samples(X))
    with pytest.raises(ValueError, match="hidden layers of one size"):
        Flow(hidden=(8, 9), dropout=0.1).fit(X)


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(layers="glow"), r"layers must be one of 'spline', 'affine', 'autoregressive', or a list"),
        (dict(layers=[Coupling]), "or a list of layers such as"),
        (dict(layers=[]), "or a list of layers such as"),
        (dict(bins=1), "bins must be a whole number, at least 2"),
        (dict(alpha=0.5), r"alpha must be a number, above 0 and below 0.5"),
        (dict(levels=1), "levels must be a whole number, at least 2"),
        (dict(layers=[Autoregressive((1,))]), r"each needs 2 or more"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        Flow(**QUICK | options).fit(some(30))


def test_clone_keeps_the_options():
    assert clone(Flow(bins=5)).bins == 5


class Reached(Exception):
    pass


RUN = {
    "fit": ["init", "forward", "loss", "conditioner"],
    "score_samples": ["log_density", "forward"],
    "transform": ["forward"],
    "inverse_transform": ["sample", "inverse"],
    "sample": ["sample", "inverse"],
}


@pytest.mark.parametrize("method, name", [(method, name) for method, names in RUN.items() for name in names])
def test_the_estimator_runs_the_one_page(method, name, monkeypatch):
    X, model = some(40, 2), Flow(**TINY | dict(max_steps=1), compile=False)
    if method != "fit":
        model.fit(X)

    def reached(*args, **options):
        raise Reached

    monkeypatch.setattr(one_page, name, reached)
    with pytest.raises(Reached):
        model.sample(2) if method == "sample" else getattr(model, method)(X)
