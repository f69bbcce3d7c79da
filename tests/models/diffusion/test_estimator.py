"""Diffusion and LatentDiffusion as estimators: what fit leaves, what is drawn and scored, files, and errors."""

import numpy as np
import pytest

from tinygen.autodiff import grad, tree
from tinygen.data import digits
from tinygen.measure import numeric
from tinygen.models import randomness
from tinygen.models.diffusion import Diffusion, LatentDiffusion, Schedule, bound, one_page
from tinygen.models.vae.estimator import VAE
from tinygen.nn.checkpoint import CheckpointError
from tinygen.nn.optim import AveragedAdam

SMALL = dict(validation_fraction=0, cosine_decay=True, width=16, blocks=1, epochs=4, batch_size=50, random_state=3,
             progress=False, sample_steps=8)  # fmt: skip


@pytest.fixture(scope="module")
def plane():
    x = np.random.default_rng(0).standard_normal((200, 2)) * [1.0, 0.3] + [2.0, -1.0]
    return x, np.where(x[:, 0] > 2, "right", "left")


@pytest.fixture(scope="module")
def conditional(plane):
    return Diffusion(**SMALL).fit(*plane)


@pytest.fixture(scope="module")
def grey():
    x = digits.split()[0][0][:200, 18:29] / 16
    return x, Diffusion(levels=17, **SMALL).fit(x)


def test_the_same_seed_gives_the_same_bits(plane, conditional):
    again = Diffusion(**SMALL).fit(*plane)
    for a, b in zip(tree.flatten(again.params_)[0], tree.flatten(conditional.params_)[0]):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(again.sample(5, "left"), conditional.sample(5, "left"))
    assert not np.array_equal(conditional.sample(5), conditional.sample(5, random_state=4))
    other = Diffusion(**{**SMALL, "random_state": 4}).fit(*plane)
    assert not np.array_equal(other.params_["in"]["W"], again.params_["in"]["W"])


@pytest.mark.parametrize("sampler", ["ancestral", "ddim", "heun"])
def test_shapes_and_paths(sampler, plane, conditional):
    conditional.set_params(sampler=sampler)
    assert conditional.sample().shape == (1, 2)
    assert conditional.sample(y=["left", "right", "left"]).shape == (3, 2)
    steps = list(conditional.paths(7, "right", guidance=1.0))
    assert len(steps) == 9 and all(step.shape == (7, 2) and np.isfinite(step).all() for step in steps)
    np.testing.assert_array_equal(steps[-1], conditional.sample(7, "right", guidance=1.0))
    assert not np.allclose(steps[-1], conditional.sample(7, "right"))


def test_scores_are_a_density(plane):
    """exp(score) integrates to 1 over a grid, whatever was learned; with labels too."""
    x, y = plane
    model = Diffusion(**{**SMALL, "epochs": 40, "dtype": "float64"}).fit(x, y)
    a, b = np.linspace(-4, 8, 73), np.linspace(-4, 2, 73)
    points = np.stack(np.meshgrid(a, b), -1).reshape(-1, 2)
    cell = (a[1] - a[0]) * (b[1] - b[0])
    model.set_params(score_steps=24)  # at 12 the solver is off by .016, at 24 by .0013
    np.testing.assert_allclose(np.exp(model.score_samples(points)).sum() * cell, 1, rtol=0.005)
    labelled = model.score_samples(points, np.full(len(points), "left"))
    np.testing.assert_allclose(np.exp(labelled).sum() * cell, 1, rtol=0.005)
    assert model.bound_ == "exact" and model.score(x) == model.score_samples(x).mean()


def test_the_grey_model_draws_whole_values_and_begins_as_independent_pixels(grey):
    x, model = grey
    drawn = model.sample(6)
    np.testing.assert_array_equal(drawn * 16, np.rint(drawn * 16))
    assert model.bound_ == "elbo" and drawn.min() >= 0 and drawn.max() <= 1
    counts = (np.rint(x * 16).astype(int)[:, :, None] == np.arange(17)).sum(0) + 0.1
    logs = np.log(counts / counts.sum(1, keepdims=True))
    index = np.rint(x * 16).astype(int)[..., None]
    independent = np.take_along_axis(np.broadcast_to(logs, (len(x), 11, 17)), index, -1)
    # four epochs with a small net may only have made it better, up to the bound's looseness at T = 1000 and its noise
    assert model.score(x) > independent.sum((1, 2)).mean() - 1.0


def test_grey_values_with_labels_and_guidance(grey):
    """Images and their negatives, of which a label asks for one; guided draws are others, and whole values too."""
    both, label = np.concatenate([grey[0], 1 - grey[0]]), np.repeat([0, 1], 200)
    model = Diffusion(levels=17, **{**SMALL, "epochs": 40}).fit(both, label)
    means = [model.sample(200, y).mean() for y in (0, 1)]
    middle = [images.mean() for images in (grey[0], 1 - grey[0])]
    np.testing.assert_allclose(means, middle, atol=0.05)  # apart by .26
    drawn = model.sample(5, 1, guidance=1.0) * 16
    np.testing.assert_array_equal(drawn, np.rint(drawn))
    assert not np.array_equal(drawn, model.sample(5, 1) * 16)


def test_the_grey_score_is_the_bounds(grey):
    """score_steps = T: the sum over all t of the terms of bound.py with the same noise."""
    x, model = grey
    model.set_params(score_steps=1000)
    row = x[:1]
    got = model.score_samples(row)[0]
    s = model.schedule_
    inside = model._to_net(row)
    eps = randomness.row_normals(model.seed_, row, (1001, 11), purpose="validation", dtype=np.float32)[0]
    predict, kind = model.predict_with(s)
    reverse = one_page.reverse_of(s, predict, kind)
    expected = model._decoder(s, None)(inside, bound.noisy(s, inside, 1, eps[-1:]))[0] - s.terminal_mismatch(inside)[0]
    for i in range(999):  # 1000 strata over 999 steps: each t at least once, one of them twice
        t = 2 + i
        expected -= bound.kl_term(s, reverse, inside, bound.noisy(s, inside, t, eps[i : i + 1]), t)[0]
    model.set_params(score_steps=50)
    assert abs(got - expected) < 2.0  # other noise at some t: same number up to its spread
    alone, among = model.score_samples(x[5:6])[0], model.score_samples(x)[5]
    np.testing.assert_allclose(alone, among, rtol=1e-4)


def test_gradients_of_a_training_step_are_the_numeric_ones(grey):
    """Both losses, with dropout and labels, each parameter array in a random direction."""
    rng = np.random.default_rng(1)
    x, c = grey[0][:13], np.arange(13) % 3
    for levels in (None, 17):
        model = Diffusion(levels=levels, dropout=0.3, weight="bound", **{**SMALL, "dtype": "float64"}).fit(x, c)
        noise = model._noise()(rng, {"x": model._to_net(x), "c": c})
        f = lambda p: one_page.loss(p, model._to_net(x), noise, model._grid_values())  # noqa: B023
        params = tree.map(lambda a: a + 0.05 * rng.standard_normal(a.shape), model.params_)
        leaves, structure = tree.flatten(params)
        for i, (leaf, got) in enumerate(zip(leaves, tree.flatten(grad(f)(params))[0])):
            v = rng.standard_normal(leaf.shape)
            move = lambda a, i=i: f(tree.unflatten(structure, [*leaves[:i], a, *leaves[i + 1 :]]))  # noqa: B023
            expected, bar = numeric.directional(move, leaf, v)
            assert abs(np.sum(got * v) - expected) <= bar + 1e-12 * np.sum(np.abs(got * v)), tree.paths(params)[i]
            assert bar < 1e-5 * np.sqrt(np.sum(got**2) * np.sum(v**2))


def test_the_running_mean_has_no_bias():
    theta = np.array([0.0, 1.0])
    adam = AveragedAdam(theta, rate=0.1, total=50, decay=0.8)
    seen = []
    for i in range(5):
        adam.step(np.array([np.cos(i), 1.0]))
        seen.append(theta.copy())
    weight = 0.2 * 0.8 ** np.arange(4, -1, -1)
    np.testing.assert_allclose(adam.average(), weight @ np.array(seen) / weight.sum(), rtol=1e-12)
    other = AveragedAdam(theta.copy(), rate=0.1, total=50, decay=0.8)
    other.restore(adam.state())
    np.testing.assert_array_equal(other.average(), adam.average())


def test_files(tmp_path, plane, conditional, grey):
    conditional.save(tmp_path / "a.npz")
    again = Diffusion.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.sample(4, "left"), conditional.sample(4, "left"))
    np.testing.assert_array_equal(again.score_samples(plane[0][:5]), conditional.score_samples(plane[0][:5]))
    own = Diffusion(schedule=Schedule.linear(20), **SMALL).fit(plane[0])
    own.save(tmp_path / "b.npz")
    np.testing.assert_allclose(Diffusion.load(tmp_path / "b.npz").schedule_.beta, own.schedule_.beta)
    VAE(2, hidden=(4,), epochs=1, progress=False).fit(grey[0]).save(tmp_path / "c.npz")
    with pytest.raises(CheckpointError, match="not of a Diffusion"):
        Diffusion.load(tmp_path / "c.npz")


def test_training_goes_on_from_its_checkpoint(tmp_path, plane):
    whole = Diffusion(**SMALL).fit(plane[0])
    path = tmp_path / "training.npz"
    Diffusion(**SMALL, checkpoint=path).fit(plane[0])
    resumed = Diffusion(**SMALL, checkpoint=path).fit(plane[0])  # finds all steps done, and the average with them
    np.testing.assert_array_equal(resumed.params_["out"]["W"], whole.params_["out"]["W"])
    with pytest.raises(ValueError, match="another run"):
        Diffusion(**{**SMALL, "width": 17}, checkpoint=path).fit(plane[0])


@pytest.mark.parametrize(
    "act, words",
    [
        (lambda x, y: Diffusion(predicts="noise").fit(x), "predicts must be one of 'x', 'eps'"),
        (lambda x, y: Diffusion(schedule="quadratic").fit(x), "schedule must be"),
        (lambda x, y: Diffusion(ema=1.0).fit(x), "ema must be"),
        (lambda x, y: Diffusion(guidance=-1.0).fit(x), "guidance must be"),
        (lambda x, y: Diffusion(guidance="3").fit(x), "guidance must be a number.*got '3'"),
        (lambda x, y: Diffusion(epochs="3").fit(x), "epochs must be a number"),
        (lambda x, y: Diffusion(batch_size=0).fit(x), "batch_size must be"),
        (lambda x, y: Diffusion(learning_rate=-1.0).fit(x), "learning_rate must be"),
        (lambda x, y: Diffusion(levels=1).fit(x), "levels must be"),
        (lambda x, y: Diffusion(schedule=[0.1, 0.2]).fit(x), "or a Schedule, got"),
        (lambda x, y: Diffusion(levels=17).fit(x), "grid|grey values"),
        (lambda x, y: Diffusion(steps=0).fit(x), "steps must be"),
        (lambda x, y: Diffusion().fit(np.where(x > 2, np.nan, x)), "NaN in row"),
        (lambda x, y: Diffusion().fit(x, y[:5]), "one label for each"),
        (lambda x, y: Diffusion().fit(x, np.eye(200)[:, :2]), r"one label for each.*argmax"),
        (lambda x, y: Diffusion().fit(x, x[:, 0]), "whole numbers or strings, got [-0-9.]+"),
        (lambda x, y: Diffusion().fit(x, x[:, 0] + 0j), "got dtype complex"),
        (lambda x, y: Diffusion().fit(x, np.where(x[:, 0] > 2, np.nan, 1.0)), "no NaN"),
        (lambda x, y: Diffusion().sample(3), "not fitted"),
        (lambda x, y: Diffusion().paths(3), "not fitted"),
        (lambda x, y: Diffusion().score_samples(x), "not fitted"),
        (lambda x, y: Diffusion(**SMALL).fit(x).sample(0), "n must be.*at least 1, got 0"),
        (lambda x, y: Diffusion(**SMALL).fit(x).set_params(sampler="euler").sample(2), "sampler must be"),
        (lambda x, y: Diffusion(**SMALL).fit(x).score_samples(x, y), "fitted without labels"),
        (lambda x, y: Diffusion(**SMALL).fit(x).score_samples(x + np.inf), "inf in row"),
        (lambda x, y: Diffusion(**SMALL).fit(x, y).sample(3, "left", guidance="1"), "guidance must be"),
        (lambda x, y: Diffusion(**SMALL).fit(x, y).sample(3, "left", guidance=np.nan), "guidance must be"),
        (lambda x, y: Diffusion(**SMALL, label_dropout=0.0).fit(x, y).sample(3, "left", guidance=1), "label_dropout >"),
        (lambda x, y: Diffusion(**SMALL).fit(x, y).score_samples(x, y[:3]), "one label for each"),
        (lambda x, y: Diffusion(**SMALL).fit(x, y).score_samples(x, np.full(200, "up")), "label up"),
        (lambda x, y: Diffusion(**SMALL).fit(x).sample(3, guidance=2.0), "fitted with labels"),
        (lambda x, y: Diffusion(**SMALL).fit(x).sample(3, "left"), "fitted without labels"),
        (lambda x, y: Diffusion(**SMALL).fit(x, y).sample(3, "up"), "label up.*saw left, right"),
        (lambda x, y: Diffusion(**SMALL).fit(x, y).sample(3, ["left"]), "as many as n = 3"),
        (lambda x, y: Diffusion(**SMALL).fit(x, y).sample(3, guidance=1.0), "labels to guide to"),
        (lambda x, y: Diffusion(**SMALL).fit(x).score_samples(x[:, :1]), "1 features"),
        (lambda x, y: LatentDiffusion(VAE(2), Diffusion(levels=5)).fit(x), "without levels"),
        (lambda x, y: LatentDiffusion(3, None).fit(x), "expected a VAE"),
    ],
)
def test_errors(act, words, plane):
    with pytest.raises(ValueError, match=words):
        act(*plane)


@pytest.mark.parametrize("labels, words", [(["a", 1] * 100, "int, str"), ([None] * 200, "NoneType")])
def test_labels_of_several_kinds(labels, words, plane):
    with pytest.raises(ValueError, match=words):
        Diffusion(**SMALL).fit(plane[0], np.array(labels, object))


def test_more_sample_steps_than_steps_are_all_steps(plane):
    model = Diffusion(**{**SMALL, "steps": 3, "sample_steps": 50}).fit(plane[0])
    assert len(list(model.paths(2))) == 4


def test_scikit_learn_clones_it():
    from sklearn.base import clone

    model = Diffusion(width=7, schedule="cosine")
    assert clone(model).get_params() == model.get_params()
    latent = clone(LatentDiffusion(VAE(3), model))
    assert latent.vae.latents == 3 and latent.diffusion.width == 7


def test_latent_diffusion(tmp_path):
    x = (np.random.default_rng(0).random((150, 6)) < [0.1, 0.9, 0.5, 0.2, 0.7, 0.4]).astype(float)
    vae = VAE(2, hidden=(8,), epochs=5, progress=False)
    model = LatentDiffusion(vae, Diffusion(**SMALL, score_steps=12), random_state=0, score_draws=3).fit(x)
    assert not hasattr(vae, "params_") and model.sample(4).shape == (4, 6)
    assert model.inverse_transform(model.transform(x)).shape == x.shape
    # A diffusion that is N(0, I) exactly makes the bound the VAE's, with the same draws of z.
    from tinygen.models.vae import bounds

    score = model.score_samples(x[:20])
    model.save(tmp_path / "l.npz")
    np.testing.assert_array_equal(LatentDiffusion.load(tmp_path / "l.npz").score_samples(x[:20]), score)

    class Standard:
        def score_samples(self, z):
            return -0.5 * np.sum(z**2 + np.log(2 * np.pi), axis=1)

    model.diffusion_ = Standard()
    rows = model.vae_._to_net(x[:20])
    noise = randomness.row_normals(model.seed_, x[:20], (3, 2), dtype=np.float32).swapaxes(0, 1)
    weights = bounds.log_weights(model.vae_.params_, rows, noise, **model.vae_._nets())
    np.testing.assert_allclose(model.score_samples(x[:20]), weights.mean(0), rtol=1e-5)
    with pytest.raises(ValueError, match="no labels"):
        model.sample(3, "left")
