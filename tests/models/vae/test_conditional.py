"""The conditional VAE: labels matter everywhere, and are checked everywhere."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from tinygen.models.vae.conditional import ConditionalVAE
from tinygen.models.vae.decoders import Gaussian
from tinygen.models.vae.estimator import VAE
from tinygen.oracles.linear_gaussian import LinearGaussian

QUICK = dict(latents=2, hidden=(16,), epochs=5, validation_fraction=0, ema=0, random_state=0, progress=False)


def two_classes(n=600, seed=0):
    """Two Gaussians on a line: class means -2 and 1, spread 1 along (1, 2), noise of variance .1."""
    rng = np.random.default_rng(seed)
    y = rng.choice(["a", "b"], n, p=[0.3, 0.7])
    centre = np.where(y == "a", -2.0, 1.0)[:, None] * [1.0, -1.0]
    return centre + rng.standard_normal((n, 1)) * [1.0, 2.0] + np.sqrt(0.1) * rng.standard_normal((n, 2)), y


@pytest.mark.parametrize("learned_prior", [0, 1])
def test_a_linear_model_reaches_the_evidence_of_each_class(learned_prior):
    """Given the class, the data is linear-Gaussian of its own mean: the bound can reach its evidence, and does."""
    X, y = two_classes()
    options = dict(latents=1, hidden=(), epochs=300, batch_size=200, learning_rate=1e-2, score_draws=500)
    model = ConditionalVAE(**{**QUICK, **options}, decoder=Gaussian(0.1), learned_prior=learned_prior)
    scores = model.fit(X, y).score_samples(X, y)
    centred = X - np.where(y == "a", *[X[y == c].mean(0)[:, None] for c in "ab"]).T
    best = LinearGaussian.optimum(centred, 1, s2=0.1).log_evidence(centred).mean()
    assert -0.05 < scores.mean() - best < 0.01
    swapped = model.score_samples(X, np.where(y == "a", "b", "a"))
    assert scores.mean() > swapped.mean() + 1


def test_samples_are_of_the_class_asked_for():
    X, y = two_classes()
    options = dict(latents=1, hidden=(), epochs=150, learning_rate=1e-2)
    model = ConditionalVAE(**{**QUICK, **options}, decoder=Gaussian(0.1)).fit(X, y)
    for label, mean in (("a", [-2, 2]), ("b", [1, -1])):
        np.testing.assert_allclose(model.sample(4000, label).mean(0), mean, atol=0.3)
    both = model.sample(y=["a", "b"] * 1000)
    np.testing.assert_allclose(both[::2].mean(0) - both[1::2].mean(0), [-3, 3], atol=0.4)
    np.testing.assert_allclose(model.sample(4000).mean(0), X.mean(0), atol=0.3)  # labels as often as in training
    np.testing.assert_array_equal(model.sample(3, "a"), model.sample(y=["a"] * 3))


def test_samples_come_from_the_learned_prior():
    X, y = two_classes(100)
    model = ConditionalVAE(**{**QUICK, "hidden": ()}, decoder=Gaussian(1e-8), learned_prior=1).fit(X, y)
    model.params_["prior"] = {"mean": np.array([[1, -2], [0, 3]], "f"), "logvar": np.array([[-1, 2], [1, -3]], "f")}
    model.params_["decoder"] = [{"W": np.eye(4, 2, dtype=np.float32), "b": np.zeros(2, np.float32)}]  # x = z
    for label, mean, logvar in (("a", [1, -2], [-1, 2]), ("b", [0, 3], [1, -3])):
        z = model.sample(20_000, label)
        error = np.exp(np.array(logvar) / 2) / np.sqrt(20_000)
        assert (np.abs(z.mean(0) - mean) < 5 * error).all()
        np.testing.assert_allclose(np.log(z.var(0)), logvar, atol=5 * np.sqrt(2 / 20_000))


def test_labels_reach_encoder_decoder_and_scores():
    X, y = two_classes(100)
    model = ConditionalVAE(**QUICK, decoder="gaussian").fit(X, y)
    other = np.where(y == "a", "b", "a")
    assert (model.transform(X, y) != model.transform(X, other)).any(1).all()
    Z = model.transform(X, y)
    assert (model.inverse_transform(Z, y) != model.inverse_transform(Z, other)).any(1).all()
    np.testing.assert_allclose(model.score_samples(X[:7], y[:7]), model.score_samples(X, y)[:7], rtol=1e-5)
    assert model.report(X, y, draws=20)["iwae"][0] > model.report(X, y, draws=20)["elbo"][0]


def test_it_takes_the_arguments_of_vae_and_one_more():
    vae, conditional = VAE().get_params(), ConditionalVAE().get_params()
    assert conditional.pop("learned_prior") == 0
    assert conditional == vae
    assert ConditionalVAE(3, beta=2.0, learned_prior=1).get_params()["beta"] == 2.0
    assert clone(ConditionalVAE(3, learned_prior=1)).learned_prior == 1


@pytest.mark.parametrize("learned_prior", [0, 1, 3])
def test_saved_and_loaded_is_the_same_model(tmp_path, learned_prior):
    X, y = two_classes(100)
    model = ConditionalVAE(**QUICK, decoder="gaussian", learned_prior=learned_prior).fit(X, y)
    model.save(tmp_path / "model.npz")
    loaded = ConditionalVAE.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.classes_, ["a", "b"])
    np.testing.assert_array_equal(loaded.sample(5), model.sample(5))
    np.testing.assert_array_equal(loaded.score_samples(X, y), model.score_samples(X, y))
    with pytest.raises(ValueError, match="not of a VAE"):
        VAE.load(tmp_path / "model.npz")


def test_scikit_learn_searches_over_it():
    X, y = two_classes(100)
    search = GridSearchCV(ConditionalVAE(**QUICK, decoder="gaussian"), {"beta": [0.5, 2.0]}, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m, X, y: m.fit(X), "requires y to be passed"),
        (lambda m, X, y: m.fit(X, y[:-1]), r"one label for each of the 100 rows of X, shape \(100,\), got \(99,\)"),
        (lambda m, X, y: m.fit(X, np.eye(100)), "one label for each"),
        (lambda m, X, y: m.fit(X, np.full(100, np.nan)), "no NaN"),
        (lambda m, X, y: m.set_params(learned_prior=-1).fit(X, y), "learned_prior must be a whole number, at least 0"),
        (lambda m, X, y: m.set_params(learned_prior=2, prior="flow").fit(X, y), "learned_prior is .*prior='flow'"),
        (lambda m, X, y: m.set_params(learned_prior=2, free_bits=0.1).fit(X, y), "free_bits needs"),
        (lambda m, X, y: m.score_samples(X), "requires y to be passed"),
        (lambda m, X, y: m.score_samples(X, np.full(100, "c")), "label c, which training has not seen; it saw a, b"),
        (lambda m, X, y: m.sample(3, "c"), "has the label c"),
        (lambda m, X, y: m.sample(3, ["a", "b"]), "as many as n = 3"),
        (lambda m, X, y: m.sample(y=[]), r"at least one, got shape \(0,\)"),
        (lambda m, X, y: m.fit(X, np.array([1, "a"] * 50, dtype=object)), "labels of one kind.*got int, str"),
        (lambda m, X, y: m.fit(X, [None, "a"] * 50), "labels of one kind.*got NoneType, str"),
        (lambda m, X, y: m.sample(0, "a"), "n must be a whole number"),
        (lambda m, X, y: ConditionalVAE().sample(3), "call fit"),
        (lambda m, X, y: ConditionalVAE().transform(X, y), "call fit"),
    ],
)
def test_bad_labels_are_refused(call, message):
    X, y = two_classes(100)
    model = ConditionalVAE(**{**QUICK, "epochs": 1}, decoder="gaussian").fit(X, y)
    with pytest.raises(ValueError, match=message):
        call(model, X, y)
