"""GAN and ConditionalGAN: samples, judges, warnings, grids, labels, files, checkpoints; scikit-learn's conventions."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from tinygen.data import toy
from tinygen.models import GAN, ConditionalGAN
from tinygen.models.gan import collapse
from tinygen.nn.checkpoint import CheckpointError

QUICK = dict(hidden=(16,), max_steps=30, random_state=3, progress=False)
X = np.random.default_rng(0).normal(size=(203, 3)) * [1.0, 5.0, 0.2] + [0, 100, -3]
Y = np.array(["a", "b", "c"])[np.arange(203) % 3]
IMAGES = np.random.default_rng(1).integers(0, 5, (211, 7)).astype(float)


@pytest.fixture(scope="module")
def model():
    return GAN(**QUICK).fit(X)


@pytest.fixture(scope="module")
def labelled():
    return ConditionalGAN(**QUICK).fit(X, Y)


def test_samples_are_in_the_datas_units_and_repeat(model):
    a = model.sample(500)
    assert a.shape == (500, 3) and a.dtype == np.float64
    np.testing.assert_array_equal(a, model.sample(500))
    assert np.abs(a - model.sample(500, random_state=8)).max() > 0.01
    assert abs(a[:, 1].mean() - 100) < 20  # about the data, after 30 rounds
    assert model.sample().shape == (1, 3)


def test_it_claims_no_likelihood(model):
    assert not hasattr(model, "score_samples") and not hasattr(model, "bound_")
    assert 0 <= model.score(X[:60]) <= 0.55


def test_two_fits_agree_and_refit_replaces(model):
    again = GAN(**QUICK).fit(X)
    np.testing.assert_array_equal(again.sample(20), model.sample(20))
    other = clone(model).set_params(random_state=4).fit(X)
    assert np.abs(other.sample(20) - model.sample(20)).max() > 0.01


def test_accuracy_has_its_error_and_its_floor(model):
    found = model.accuracy(X)
    assert 0 <= found.value <= 1 and 0 <= found.error < 0.05 and abs(found.floor - 0.5) < 0.15


def test_accuracy_of_a_discriminator_that_knows():
    """Two far clusters for samples and data: the judge of the game is put in by hand."""
    model = GAN(**QUICK).fit(X)
    for layer in model.params_["D"]:
        layer["W"][:], layer["b"][:] = 0, 0
    assert model.accuracy(X).value == 0.5  # a logit of 0 says nothing
    model.params_["D"][-1]["b"][:] = 9
    assert model.accuracy(X).value == 0.5  # all called data: right on one half
    model.params_["G"][-1]["b"][:] = 50
    assert model.score(X) < 0.05  # the neighbours see what this discriminator does not


def test_one_row_has_the_logit_that_it_has_among_others(model):
    whole, ones = model.decision_function(X[:7]), [model.decision_function(X[i : i + 1])[0] for i in range(7)]
    np.testing.assert_allclose(whole, ones, rtol=1e-4, atol=1e-6)
    noisy = GAN(**QUICK, noise_sd=0.3).fit(X)
    whole = noisy.decision_function(X[:7])
    np.testing.assert_allclose(whole[::-1], noisy.decision_function(X[:7][::-1]), rtol=1e-4, atol=1e-6)


def test_values_on_a_grid_come_out_on_it():
    for data in (IMAGES, IMAGES / 4):
        model = GAN(**QUICK).fit(data)
        samples = model.sample(300)
        assert set(np.unique(samples)) <= set(np.unique(data)), np.unique(samples)
        assert len(np.unique(samples)) >= 3
    assert model.grid_[2] == 5
    with pytest.raises(ValueError, match="5 values"):
        model.decision_function(IMAGES + 0.3)
    real = GAN(**QUICK, levels=None).fit(IMAGES)
    assert real.grid_ is None and len(np.unique(real.sample(50))) > 50


def test_labels(labelled):
    drawn = labelled.sample(y=["a", "c", "c"])
    assert drawn.shape == (3, 3) and labelled.sample(4, "b").shape == (4, 3) and labelled.sample(5).shape == (5, 3)
    np.testing.assert_array_equal(drawn, labelled.sample(3, ["a", "c", "c"]))
    assert labelled.classes_.tolist() == ["a", "b", "c"]
    assert 0 <= labelled.score(X, Y) <= 0.55 and labelled.decision_function(X, Y).shape == (203,)
    assert np.abs(labelled.decision_function(X, Y) - labelled.decision_function(X, np.roll(Y, 1))).max() > 1e-4
    with pytest.raises(ValueError, match="not seen"):
        labelled.sample(2, "d")
    with pytest.raises(ValueError, match="requires y"):
        labelled.score(X)
    with pytest.raises(ValueError, match="ConditionalGAN"):
        GAN(**QUICK).fit(X).sample(2, y="a")


def test_labels_steer_the_samples():
    """Three clusters by label: samples lie nearest to the centre of the class asked for (all, over six seeds)."""
    centres = np.array([[-3.0, 0], [0, 3.0], [3.0, 0]])
    y = np.arange(900) % 3
    x = centres[y] + 0.3 * np.random.default_rng(0).normal(size=(900, 2))
    options = dict(QUICK, hidden=(48,), max_steps=250, batch_size=128, learning_rate=3e-3, ema=0.98)
    model = ConditionalGAN(**options).fit(x, y)
    drawn = model.sample(y=np.repeat([0, 1, 2], 50))
    near = np.linalg.norm(drawn[:, None] - centres, axis=-1).argmin(1)
    assert np.mean(near == np.repeat([0, 1, 2], 50)) > 0.9


def test_collapse_is_said_in_words():
    """A game without penalties, far too short, on eight narrow modes: something is missing, and it is said."""
    ring = toy.ring(800, 0)
    with pytest.warns(collapse.CollapseWarning, match="GAN: modes are missing|vary too little"):
        model = GAN(**QUICK | dict(max_steps=5), r1=0, r2=0).fit(ring)
    assert model.warnings_ and all(word in str(model.diagnose(ring)) for word in ("! ", "regions without samples"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", collapse.CollapseWarning)
        GAN(**QUICK | dict(max_steps=5), validation_fraction=0).fit(ring)  # nothing held out, nothing said


def test_diagnose(model, labelled):
    text = str(model.diagnose(X))
    assert "discriminator's accuracy" in text and "E_q[D/(1-D)]" in text
    assert "within classes" in str(labelled.diagnose(X, Y))
    hinge = GAN(**QUICK, loss="hinge").fit(X)
    assert hinge.diagnose(X).ratio_fake is None


@pytest.mark.parametrize("options", [
    {"loss": "wasserstein", "clip": 0.1, "critic_steps": 2}, {"loss": "relativistic", "dropout": 0.2},
    {"order": "simultaneous", "dtype": "float64"}, {"gradient_penalty": 1.0, "scaling": "whiten"},
    {"loss": "least_squares", "compile": False, "noise_sd": 0.2}])  # fmt: skip
def test_options(options):
    model = GAN(**QUICK, **options).fit(X)
    assert np.isfinite(model.sample(9)).all() and len(model.history_["discriminator"]) == 30


def test_saved_and_loaded(model, labelled, tmp_path):
    model.save(tmp_path / "m.npz")
    loaded = GAN.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(loaded.sample(9), model.sample(9))
    np.testing.assert_array_equal(loaded.decision_function(X), model.decision_function(X))
    assert loaded.get_params() == model.get_params() and loaded.warnings_ == model.warnings_
    labelled.save(tmp_path / "c.npz")
    np.testing.assert_array_equal(ConditionalGAN.load(tmp_path / "c.npz").sample(9, "c"), labelled.sample(9, "c"))
    with pytest.raises(CheckpointError, match="not of a GAN"):
        GAN.load(tmp_path / "c.npz")


class Stop(Exception):
    pass


def stop_at(step):
    def callback(record):
        if record.step == step:
            raise Stop

    return callback


def test_a_killed_fit_goes_on_with_the_same_bits(model, tmp_path):
    path = tmp_path / "game.npz"
    killed = GAN(**QUICK, checkpoint=path, callback=stop_at(13))
    with pytest.raises(Stop):
        killed.fit(X)
    assert not killed.__sklearn_is_fitted__() and path.exists()
    seen = []
    resumed = GAN(**QUICK, checkpoint=path, callback=lambda record: seen.append(record.step)).fit(X)
    assert seen[0] == 14 and seen[-1] == 30
    np.testing.assert_array_equal(resumed.sample(20), model.sample(20))
    with pytest.raises(ValueError, match=r"r1 was 1\.0, is 0\.3"):
        GAN(**QUICK, r1=0.3, checkpoint=path).fit(X)
    with pytest.raises(ValueError, match="belongs to another game"):
        GAN(**QUICK, checkpoint=path).fit(X + 1)


def test_a_failed_refit_leaves_the_old_model(model):
    mine = clone(model).fit(X)
    before = mine.sample(5)
    mine.callback = stop_at(3)
    with pytest.raises(Stop):
        mine.fit(X)
    np.testing.assert_array_equal(mine.sample(5), before)


def test_callback_stops_early(model):
    short = GAN(**QUICK, callback=lambda record: record.step == 7).fit(X)
    assert len(short.history_["generator"]) == 7 and np.isfinite(short.sample(3)).all()


@pytest.mark.parametrize("options, message", [
    ({"loss": "log"}, "loss must be one of"), ({"r1": -1}, "r1 must be a number"),
    ({"order": "random"}, "order must be"), ({"critic_steps": 0}, "critic_steps must be a whole number"),
    ({"latent": 0}, "latent must be"),
    ({"hidden": "3"}, "hidden must be the sizes"), ({"clip": 0}, "clip must be a number")])  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        GAN(**QUICK | options).fit(X)


def test_wrong_data_is_refused(model):
    with pytest.raises(ValueError, match="3 features"):
        model.decision_function(X[:, :2])
    with pytest.raises(ValueError, match="not fitted"):
        GAN().sample(3)
    with pytest.raises(ValueError, match="must be finite"):
        GAN(**QUICK).fit(np.where(X > 100, np.nan, X))
    with pytest.raises(ValueError, match="was 'non_saturating' when the model was fitted"):
        GAN.load(_saved(model)).set_params(loss="hinge").sample(2)


def _saved(model):
    import tempfile

    path = tempfile.mkdtemp() + "/m.npz"
    model.save(path)
    return path


def test_in_a_search():
    search = GridSearchCV(GAN(**QUICK), {"r1": [0.0, 0.1]}, cv=2).fit(X)
    assert set(search.best_params_) == {"r1"} and 0 <= search.best_score_ <= 0.55


def test_constant_columns_come_back():
    data = np.column_stack([X, np.full(len(X), 7.5)])
    with pytest.warns(UserWarning, match="columns 3 are constant"):
        model = GAN(**QUICK).fit(data)
    assert (model.sample(20)[:, 3] == 7.5).all()
