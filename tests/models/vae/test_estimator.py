"""The VAE as an estimator: what it learns on the digits, what it promises, and how scikit-learn gets on with it."""

import pickle

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import tinygen as tg
from tinygen.autodiff import tree
from tinygen.data import digits
from tinygen.models.flow import Coupling, Radial
from tinygen.models.vae import bounds, one_page
from tinygen.models.vae.decoders import Gaussian
from tinygen.models.vae.estimator import VAE
from tinygen.models.vae.posteriors import Diagonal, Flow, Planar
from tinygen.nn import train
from tinygen.nn.checkpoint import CheckpointError

QUICK = dict(latents=2, hidden=(16,), epochs=3, validation_fraction=0, ema=0, random_state=0, progress=False)
LONGER = {**QUICK, "epochs": 30, "learning_rate": 1e-2}


@pytest.fixture(scope="module")
def grey():
    return [images / 16 for images, _ in digits.split()]


@pytest.fixture(scope="module")
def quick(grey):
    return VAE(**QUICK).fit(grey[0])


def gain(model, grey):
    """How many nats a test image the bound is above independent pixels, paired on the 447 images: mean and error."""
    train, _, test = grey
    p = (train.sum(0) + 0.1) / (len(train) + 0.2)
    difference = model.score_samples(test) - np.sum(test * np.log(p) + (1 - test) * np.log1p(-p), axis=1)
    return difference.mean(), difference.std() / np.sqrt(len(test))


def test_on_digits_the_bound_beats_independent_pixels(grey):
    """Bernoulli likelihood of digits/16, split 1000/350/447 in the published order, nats an image, seed 0.

    Both are log probabilities of the image binarised pixel by pixel, in expectation: for the VAE a lower bound.
    """
    mean, error = gain(VAE(epochs=60, random_state=0, progress=False).fit(grey[0]), grey)
    assert mean > 1.5 and mean > 10 * error


def test_scores_are_the_bound_of_the_fitted_parameters(quick, grey):
    X = grey[2][:20]
    rng = np.random.default_rng(1)
    eps = rng.standard_normal((4000, 20, 2)).astype(np.float32)
    terms = one_page.elbo_terms(quick.params_, X.astype(np.float32), eps)
    many = terms["reconstruction"]
    difference = quick.score_samples(X) - (many.mean(0) - terms["kl"])
    error = np.sqrt(np.sum(many.var(0) * (1 / 8 + 1 / 4000)))  # rows have noise of their own
    assert abs(difference.sum()) < stats.norm.isf(1e-6 / 2) * error  # false alarm: 1e-6
    assert np.ptp(difference) > 0
    assert quick.score(X) == np.mean(quick.score_samples(X))


def test_weight_decay_is_a_gaussian_prior_on_each_weight(grey):
    """w/(2n) times the squares of all weights, not of what is added to them; "auto": 5 for few real-valued rows."""
    real = np.random.default_rng(0).standard_normal((41, 3))
    rng = np.random.default_rng(1)
    for X, choice, w in ((real, "auto", 5.0), (real, 2.0, 2.0), (real, 0.0, 0.0), (grey[0][:41], "auto", 0.0)):
        model = VAE(**{**QUICK, "weight_decay": choice, "max_steps": 1, "epochs": None}).fit(X)
        model._n_rows, batch = len(X), {"x": model._to_net(X)}
        noise = {"eps": rng.standard_normal((len(X), model.latents), np.float32), "beta": np.float32(1)}
        both = [f(model._nets(), model.params_, batch, noise)[0] for f in (model._loss, model._unpenalised)]
        squares = sum(np.sum(layer["W"] ** 2) for part in ("encoder", "decoder") for layer in model.params_[part])
        np.testing.assert_allclose(both[0] - both[1], w / (2 * len(X)) * squares, rtol=1e-4, atol=1e-6)


def test_a_row_scores_the_same_alone_and_among_others(quick, grey):
    X = grey[2]
    scores, order = quick.score_samples(X), np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(quick.score_samples(X[order]), scores[order], rtol=1e-5)
    np.testing.assert_allclose(np.concatenate([quick.score_samples(x[None]) for x in X[:7]]), scores[:7], rtol=1e-5)
    np.testing.assert_array_equal(quick.score_samples(X), scores)


def test_a_seed_fixes_everything(quick, grey):
    again = VAE(**QUICK).fit(grey[0])
    other = VAE(**{**QUICK, "random_state": 1}).fit(grey[0])
    for a, b, c in zip(*(tree.flatten(model.params_)[0] for model in (quick, again, other))):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()
    np.testing.assert_array_equal(quick.sample(5), again.sample(5))
    np.testing.assert_array_equal(quick.score_samples(grey[2]), again.score_samples(grey[2]))
    assert (quick.sample(5, random_state=1) != quick.sample(5)).any()


def test_fit_leaves_the_constructor_s_arguments_and_the_data_alone(grey):
    X = grey[0].copy()
    model = VAE(**QUICK)
    before = model.get_params()
    assert model.fit(X) is model
    assert model.get_params() == before
    np.testing.assert_array_equal(X, grey[0])


def test_transform_and_back(quick, grey):
    Z = quick.transform(grey[2])
    mean, _ = one_page.encode(quick.params_, grey[2].astype(np.float32))
    np.testing.assert_allclose(Z, mean, rtol=1e-5, atol=1e-5)
    back = quick.inverse_transform(Z)
    assert Z.shape == (447, 2) and back.shape == (447, 64)
    assert 0 < back.min() and back.max() < 1


def test_draws_are_those_of_the_model():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 2)) @ [[1.0, 2.0], [0.0, 0.3]] + [3.0, -1.0]
    options = dict(hidden=(), decoder=Gaussian(0.05), epochs=100, dtype="float64")
    model = VAE(**{**QUICK, **options}).fit(X)
    layer, n = model.params_["decoder"][0], 40_000
    cov = layer["W"].T @ layer["W"] + 0.05 * np.eye(2)
    white = np.linalg.solve(np.linalg.cholesky(cov), (model.sample(n) - layer["b"]).T)
    limit = stats.norm.isf(1e-6 / 10)  # false alarm: 1e-6 over all five two-sided tests
    assert np.abs(white.mean(1) * np.sqrt(n)).max() < limit
    assert np.abs((white @ white.T / n - np.eye(2)) * np.sqrt(n) / [[np.sqrt(2), 1], [1, np.sqrt(2)]]).max() < limit


def test_history_has_one_value_a_step(quick):
    assert set(quick.history_) == {"loss", "reconstruction", "kl", "seconds"}
    assert all(len(values) == 30 for values in quick.history_.values())
    loss = quick.history_["kl"] - quick.history_["reconstruction"]
    np.testing.assert_allclose(quick.history_["loss"], loss, rtol=1e-5)


def test_beta_weighs_the_kl_in_training(grey):
    models = {beta: VAE(**QUICK, beta=beta).fit(grey[0]) for beta in (0.1, 10.0)}
    assert models[0.1].history_["kl"][-1] > 3 * models[10.0].history_["kl"][-1]
    loss = models[10.0].history_["kl"] * 10 - models[10.0].history_["reconstruction"]
    np.testing.assert_allclose(models[10.0].history_["loss"], loss, rtol=1e-5)
    score = models[10.0].score(grey[2])
    assert models[10.0].set_params(beta=1.0).score(grey[2]) == score  # the bound itself has weight 1


def test_without_compile_it_is_the_same_model(grey, monkeypatch):
    models = [VAE(**QUICK).fit(grey[0])]
    monkeypatch.setattr(train, "compiled", None)  # nothing is recorded
    models.append(VAE(**QUICK, compile=False).fit(grey[0]))
    for a, b in zip(*(tree.flatten(model.params_)[0] for model in models)):
        np.testing.assert_allclose(a, b, atol=1e-5)
    with pytest.raises(TypeError):
        VAE(**QUICK).fit(grey[0])


def test_beta_warms_up_in_a_line_also_after_a_stop(tmp_path, grey):
    X, options = grey[0][:200], {**QUICK, "batch_size": 50, "beta": 2.0, "warmup": 2, "epochs": 4}
    beta = lambda h: (h["loss"] + h["reconstruction"]) / h["kl"]
    model = VAE(**options).fit(X)
    expected = np.minimum(np.arange(16) / 8, 1) * 2
    np.testing.assert_allclose(beta(model.history_), expected, atol=1e-4)
    VAE(**{**options, "epochs": 1}, checkpoint=tmp_path / "run.npz").fit(X)
    resumed = VAE(**options, checkpoint=tmp_path / "run.npz").fit(X)
    np.testing.assert_allclose(beta(resumed.history_), expected, atol=1e-4)


def test_free_bits_are_used(grey):
    kl = [VAE(**LONGER, beta=20.0, free_bits=free).fit(grey[0]).history_["kl"][-1] for free in (0.0, 1.0)]
    assert kl[0] < 0.2 and 1.5 < kl[1] < 2.5  # two latents


@pytest.mark.parametrize("objective, draws", [("elbo", 3), ("iwae", 5), ("stl", 1), ("dreg", 5), ("score", 5)])
def test_every_objective_learns(grey, objective, draws):
    model = VAE(**LONGER, objective=objective, draws=draws).fit(grey[0])
    mean, error = gain(model, grey)
    assert mean > 5 * error
    assert set(model.history_) == ({"loss", "reconstruction", "kl", "seconds"} if objective == "elbo" else
                                   {"loss", "bound", "seconds"})  # fmt: skip


@pytest.mark.parametrize("objective, gradient", [("iwae", "plain"), ("stl", "stl"), ("dreg", "dreg"), ("score", None)])
def test_each_objective_is_the_gradient_that_it_names(quick, grey, objective, gradient):
    x = grey[0][:20].astype(np.float32)
    eps = np.random.default_rng(0).standard_normal((3, 20, 2)).astype(np.float32)
    model = VAE(**QUICK, objective=objective, draws=3)
    used = lambda p: model._loss(quick._nets(), p, {"x": x}, {"eps": eps, "beta": 1.0})[0]
    named = lambda p: (bounds.iwae_loss(p, x, eps, gradient=gradient) if gradient else
                       bounds.score_function_loss(p, x, eps, baseline="others"))[0]  # fmt: skip
    for a, b in zip(*(tree.flatten(tg.grad(f)(quick.params_))[0] for f in (used, named))):
        np.testing.assert_array_equal(a, b)


FAMILIES = ["cholesky", "affine", Planar(1), Flow([Radial(), Coupling((4,))]), Diagonal(exact_kl=False)]


@pytest.mark.parametrize("posterior", FAMILIES, ids=str)
def test_every_family_learns_saves_and_scores(tmp_path, grey, posterior):
    model = VAE(**LONGER, posterior=posterior).fit(grey[0])
    mean, error = gain(model, grey)
    assert mean > 5 * error and model.transform(grey[2]).shape == (447, 2)
    model.save(tmp_path / "model.npz")
    loaded = VAE.load(tmp_path / "model.npz")
    assert loaded.posterior == posterior and loaded.score(grey[2]) == model.score(grey[2])


def test_the_iwae_bound_is_higher_than_the_elbo_and_grows_with_k(quick, grey):
    scores = {}
    for bound, draws in (("elbo", 100), ("iwae", 1), ("iwae", 10), ("iwae", 100)):
        model = VAE(**QUICK, bound=bound, score_draws=draws).fit(grey[0])
        assert model.bound_ == ("elbo" if bound == "elbo" else f"iwae-{draws}")
        scores[model.bound_] = model.score(grey[2])
    assert scores["iwae-100"] > scores["iwae-10"] > scores["iwae-1"]
    assert scores["iwae-10"] > scores["elbo"] + 0.05
    np.testing.assert_allclose(scores["iwae-1"], scores["elbo"], atol=0.5)


def test_report_has_both_bounds_in_both_units(quick, grey):
    report = quick.report(grey[2], draws=50)
    assert report["K"] == 50 and report["rows"] == 447
    nats, error = report["iwae"]
    assert nats > report["elbo"][0] and 0.02 < error < 0.5
    np.testing.assert_allclose(report["iwae bits/dim"], [-nats / np.log(2) / 64, error / np.log(2) / 64], rtol=1e-6)


def test_training_goes_on_from_a_checkpoint_as_if_it_had_never_stopped(tmp_path, quick, grey):
    path = tmp_path / "run.npz"
    VAE(**{**QUICK, "epochs": 1}, checkpoint=path).fit(grey[0])
    resumed = VAE(**QUICK, checkpoint=path).fit(grey[0])
    for a, b in zip(tree.flatten(resumed.params_)[0], tree.flatten(quick.params_)[0]):
        np.testing.assert_array_equal(a, b)
    assert len(resumed.history_["loss"]) == 30


@pytest.mark.parametrize("decoder", ["bernoulli", Gaussian(0.1), Gaussian("pixel")], ids=str)
def test_saved_and_loaded_is_the_same_model(tmp_path, grey, decoder):
    model = VAE(**QUICK, decoder=decoder).fit(grey[0])
    model.save(tmp_path / "model.npz")
    loaded = VAE.load(tmp_path / "model.npz")
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.score_samples(grey[2]), model.score_samples(grey[2]))
    np.testing.assert_array_equal(loaded.sample(3), model.sample(3))
    np.testing.assert_array_equal(loaded.history_["loss"], model.history_["loss"])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).sample(3), model.sample(3))


def test_a_training_checkpoint_is_not_a_model(tmp_path, grey):
    VAE(**{**QUICK, "epochs": 1}, checkpoint=tmp_path / "run.npz").fit(grey[0])
    with pytest.raises(CheckpointError, match="not of a VAE"):
        VAE.load(tmp_path / "run.npz")


def test_integers_lists_and_float64_are_taken(grey):
    assert VAE(**QUICK).fit((grey[0] > 0.5).astype(int)).score((grey[2] > 0.5).tolist()) < 0
    model = VAE(**QUICK, dtype="float64").fit(grey[0])
    assert model.transform(grey[0][:1]).dtype == np.float64
    assert all(leaf.dtype == np.float64 for leaf in tree.flatten(model.params_)[0])


def test_scikit_learn_clones_searches_and_chains_it(grey):
    model = VAE(**QUICK, decoder=Gaussian("learned"))
    copy = clone(model)
    assert copy.get_params() == model.get_params() and not hasattr(copy, "params_")
    search = GridSearchCV(VAE(**QUICK), {"beta": [0.5, 4.0], "latents": [1, 3]}, cv=2).fit(grey[0][:200])
    assert search.best_params_["beta"] in (0.5, 4.0) and np.isfinite(search.cv_results_["mean_test_score"]).all()
    pipeline = make_pipeline(FunctionTransformer(lambda X: X * 16), StandardScaler(), model).fit(grey[0])
    assert pipeline.transform(grey[2]).shape == (447, 2)
    assert np.isfinite(pipeline.score(grey[2]))


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(latents=0), "latents must be a whole number, at least 1, got 0"),
        (dict(latents=2.0), "latents must be a whole number"),
        (dict(score_draws=0), "score_draws must be"),
        (dict(beta=-1), "beta must be a number, at least 0"),
        (dict(beta=np.nan), "beta must be a number"),
        (dict(beta="1"), "beta must be a number"),
        (dict(dtype="float16"), "dtype must be one of 'float32', 'float64', got 'float16'"),
        (dict(compile="no"), "compile must be one of True, False, got 'no'"),
        (dict(bound="exact"), "bound must be one of 'auto', 'elbo', 'iwae'"),
        (dict(objective="iwea"), "objective must be one of 'elbo', 'iwae', 'stl', 'dreg', 'score', got 'iwea'"),
        (dict(objective="iwae", beta=2.0), "beta, warmup and free_bits are for objective='elbo'"),
        (dict(free_bits=0.1, posterior="cholesky"), "free_bits needs the KL of each latent"),
        (dict(posterior="full"), "got 'full'; expected one of diagonal"),
        (dict(decoder="poisson"), "got 'poisson'; expected one of bernoulli"),
        (dict(activation="step"), "got 'step'; expected one of tanh"),
        (dict(hidden=(0,)), r"hidden must be the sizes.*got \(0,\)"),
        (dict(hidden=16), r"hidden must be the sizes of the hidden layers, such as \(200,\), got 16"),
        (dict(epochs=0), "epochs must be a number, above 0, finite, or None, got 0"),
        (dict(epochs="5"), "epochs must be a number, above 0, finite, or None, got '5'"),
        (dict(epochs=np.nan), "epochs must be a number, above 0, finite, or None, got nan"),
        (dict(batch_size=1.5), "batch_size must be a whole number, at least 1, got 1.5"),
        (dict(batch_size=0), "batch_size must be a whole number, at least 1, got 0"),
        (dict(learning_rate=-1), "learning_rate must be a number, above 0, finite, got -1"),
        (dict(learning_rate="1e-3"), "learning_rate must be a number, above 0, finite, got '1e-3'"),
        (dict(random_state="zero"), "random_state must be"),
    ],
    ids=str,
)
def test_unknown_options_are_refused_before_anything_is_done(options, message, grey):
    with pytest.raises(ValueError, match=message):
        VAE(**{**QUICK, **options}).fit(grey[0])


@pytest.mark.parametrize(
    "X, message",
    [
        (np.full((3, 2), np.nan), "got NaN in row 0, column 0"),
        (np.ones((0, 2)), "0 sample"),
        (np.ones(3), "Reshape your data"),
        (16.5 * np.ones((3, 2)), "no column of X varies"),
    ],
)
def test_bad_data_is_refused(X, message, quick):
    with pytest.raises(ValueError, match=message):
        VAE(**QUICK).fit(X)


def test_bad_input_after_fitting_is_refused(quick, grey):
    with pytest.raises(ValueError, match="X has 63 features, but VAE is expecting 64 features"):
        quick.score(grey[2][:, 1:])
    with pytest.raises(ValueError, match="between 0 and 1"):
        quick.transform(16 * grey[2])
    with pytest.raises(ValueError, match="X has 3 features, but VAE is expecting 2"):
        quick.inverse_transform(np.zeros((5, 3)))
    with pytest.raises(ValueError, match="n must be a whole number"):
        quick.sample(0)
    with pytest.raises(ValueError, match="got y='a': use a ConditionalVAE"):
        quick.sample(3, "a")
    with pytest.raises(ValueError, match="draws must be a whole number, at least 1, got 0"):
        quick.report(grey[2], draws=0)
    with pytest.raises(ValueError, match="too large for float32"):
        VAE(**QUICK, decoder=Gaussian(0.1)).fit(np.full((3, 2), 1e300))
    for call in (VAE().sample, lambda: VAE().transform(grey[2]), lambda: VAE().save("nowhere.npz")):
        with pytest.raises(ValueError, match="call fit"):
            call()


def test_options_that_were_changed_after_fitting_are_seen(tmp_path, grey):
    model = VAE(**QUICK).fit(grey[0])
    for name, value in (("latents", 5), ("hidden", (8,)), ("decoder", "gaussian"), ("activation", "relu")):
        before = model.get_params()[name]
        model.set_params(**{name: value})
        for call in (lambda: model.score(grey[2]), model.sample, lambda: model.save(tmp_path / "model.npz")):
            with pytest.raises(ValueError, match=f"{name} is .*, but was .* set it back, or call fit again"):
                call()
        model.set_params(**{name: before})
    assert np.isfinite(model.set_params(bound="iwae", score_draws=3).score(grey[2]))
    with pytest.raises(ValueError, match="score_draws must be a whole number, at least 1, or None, got -1"):
        model.set_params(score_draws=-1).score(grey[2])
    assert np.isfinite(model.set_params(score_draws=3, latents=5).fit(grey[0]).score(grey[2]))


def test_labels_are_not_looked_at(quick, grey):
    """scikit-learn's tools pass them on; of another length or kind they are no matter either."""
    for y in (np.eye(1000)[:, :3], np.arange(1000.0) / 7, ["a"] * 1000):
        np.testing.assert_array_equal(VAE(**QUICK).fit(grey[0], y).sample(2), quick.sample(2))


def test_sizes_of_numpy_come_back_from_a_file(tmp_path, grey):
    model = VAE(**{**QUICK, "hidden": [np.int64(16)], "latents": np.int64(2)}).fit(grey[0])
    model.save(tmp_path / "model.npz")
    assert VAE.load(tmp_path / "model.npz").score(grey[2]) == model.score(grey[2])


def test_a_folder_that_cannot_be_written_stops_it_at_once(tmp_path, quick):
    with pytest.raises(OSError, match="cannot write"):
        quick.save(tmp_path / "missing" / "model.npz")
    with pytest.raises(OSError, match="cannot write"):
        VAE(**QUICK, checkpoint=tmp_path / "missing" / "run.npz").fit(np.ones((3, 2)))
