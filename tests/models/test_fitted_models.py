"""Fitted models are values: interruptions, checkpoints, changed options, and data as people have them."""

import signal
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygen.autodiff import tree
from tinygen.models import VAE, Autoencoder, ConditionalVAE, Diffusion, LatentDiffusion, base, saving, trained
from tinygen.nn.checkpoint import CheckpointError, load, save

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3)) @ [[1.0, 0.5, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 0.2]] + [1.0, 7.0, -3.0]
Y = np.where(X[:, 0] > 1, "right", "left")
SHORT = dict(max_steps=6, batch_size=11, random_state=3, progress=False)
MODELS = {
    "VAE": lambda **o: VAE(2, hidden=(5,), **{**SHORT, **o}),
    "ConditionalVAE": lambda **o: ConditionalVAE(2, hidden=(5,), **{**SHORT, **o}),
    "Autoencoder": lambda **o: Autoencoder(2, hidden=(5,), **{**SHORT, **o}),
    "Diffusion": lambda **o: Diffusion(width=7, blocks=1, steps=50, **{**SHORT, **o}),
}
pytestmark = pytest.mark.filterwarnings("ignore::tinygen.nn.train.TrainingWarning")


def labels_for(name):
    return Y if name in ("ConditionalVAE", "Diffusion") else None


def numbers(model):
    """Everything that was fitted, as bytes."""
    fitted = {name: value for name, value in vars(model).items() if saving.is_fitted(name)}
    flat = {k: v.state() if hasattr(v, "state") and not hasattr(v, "get_params") else v for k, v in fitted.items()}
    leaves = tree.flatten({k: v for k, v in flat.items() if isinstance(v, (dict, np.ndarray, list))})[0]
    return [np.asarray(leaf).tobytes() for leaf in leaves if not np.asarray(leaf).dtype.hasobject], repr(sorted(flat))


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=5)
@given(share=st.floats(0, 1))
def test_a_refit_that_is_interrupted_at_any_call_leaves_the_old_model_bit_for_bit(name, share):
    y = labels_for(name)
    make = lambda: MODELS[name](max_steps=2, compile=False)
    model = make().fit(X, y)
    before, score = numbers(model), model.score(X, y)
    total = calls_of(lambda: make().fit(2 * X[:50], None if y is None else y[:50][::-1]))
    interrupted = interrupting(share * total, lambda: model.fit(2 * X[:50], None if y is None else y[:50][::-1]))
    if interrupted and numbers(model) != before:  # it came after the new state was put in its place, whole
        again = make().fit(2 * X[:50], None if y is None else y[:50][::-1])
        assert numbers(model)[1] == numbers(again)[1] and model.score(X, y) == again.score(X, y)
    elif interrupted:
        assert model.score(X, y) == score


def calls_of(f):
    """How many calls of Python functions f makes."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        f()
    finally:
        sys.setprofile(None)
    return count


def interrupting(when, f):
    """Run f with a KeyboardInterrupt at the call of that number; whether it came."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event == "call"
        if count > when:
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(profile)
    try:
        f()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def test_an_interrupted_first_fit_leaves_none_and_its_checkpoint_goes_on(tmp_path):
    path = tmp_path / "run.npz"
    whole = MODELS["VAE"](max_steps=30).fit(X)

    def press(record):
        if record.step == 9:
            signal.raise_signal(signal.SIGINT)

    model = MODELS["VAE"](max_steps=30, checkpoint=path, callback=press)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    with pytest.raises(ValueError, match="not fitted"):
        model.score(X)
    assert load(path)[0]["step"] == 9
    assert numbers(model.set_params(callback=None).fit(X))[0] is not None
    assert model.score(X) == whole.score(X)


CHANGES = {
    "latents": 3, "hidden": (4,), "activation": "relu", "decoder": "gaussian", "scaling": "columns",
    "posterior": "cholesky", "prior": "flow", "beta": 4.0, "warmup": 50, "free_bits": 0.5, "objective": "iwae",
    "draws": 3, "validation_fraction": 0.3, "batch_size": 13, "learning_rate": 0.1, "cosine_decay": True, "ema": 0.5,
    "dtype": "float64", "random_state": 4, "compile": False, "learned_prior": 1, "schedule": "cosine", "steps": 51,
    "predicts": "x", "levels": None, "width": 8, "blocks": 2, "dropout": 0.5, "label_dropout": 0.9, "weight": "bound",
    "weight_decay": 7.0,
}  # fmt: skip
FREE = (*base.SHOW, *base.LONGER)


@pytest.mark.parametrize("name", MODELS)
def test_a_checkpoint_refuses_every_option_by_name_but_those_of_length_show_and_use(name, tmp_path):
    make, y, path = MODELS[name], labels_for(name), tmp_path / "run.npz"
    make(checkpoint=path).fit(X, y)
    own = make()
    for option in own.get_params():
        if option in FREE or option in own.LATER:
            continue
        value = "columns" if option == "scaling" and name != "Autoencoder" else CHANGES[option]
        value = "none" if option == "scaling" and name == "Autoencoder" else value
        with pytest.raises(ValueError, match=rf"run\.npz belongs to another run: .*\b{option} was"):
            make(checkpoint=path).set_params(**{option: value}).fit(X, y)
    for option, value in {"patience": 3, "verbose": 0, "progress": False, "max_steps": 9}.items():
        make(checkpoint=path).set_params(**{option: value}).fit(X, y)


@pytest.mark.parametrize("name", MODELS)
def test_a_checkpoint_refuses_other_data_and_labels_by_name(name, tmp_path):
    make, y, path = MODELS[name], labels_for(name), tmp_path / "run.npz"
    make(checkpoint=path).fit(X, y)
    other = X.copy()
    other[37, 2] += 1e-9
    with pytest.raises(ValueError, match="another run: X is another one"):
        make(checkpoint=path).fit(other, y)
    if y is not None:
        for wrong in (RNG.permutation(y), np.where(y == "left", "right", "left")):
            with pytest.raises(ValueError, match="another run: y is another one"):
                make(checkpoint=path).fit(X, wrong)
        with pytest.raises(ValueError, match="y is another one"):
            if name == "Diffusion":
                make(checkpoint=path).fit(X)
            else:
                raise ValueError("y is another one")  # a ConditionalVAE needs labels


def test_without_a_seed_a_checkpoint_goes_on_with_its_own(tmp_path):
    path = tmp_path / "run.npz"
    first = MODELS["VAE"](random_state=None, max_steps=3, checkpoint=path).fit(X)
    again = MODELS["VAE"](random_state=None, max_steps=6, checkpoint=path).fit(X)
    assert again.seed_ == first.seed_ and len(again.history_["loss"]) == 6


@pytest.mark.parametrize("name", MODELS)
def test_options_changed_after_fit_take_effect_or_are_refused(name):
    y, model = labels_for(name), MODELS[name]().fit(X, labels_for(name))
    score = model.score(X, y)
    for option in model.get_params():
        if option in (*FREE, *model.LATER, "random_state"):
            continue
        before = getattr(model, option)
        value = "none" if option == "scaling" else CHANGES[option]
        model.set_params(**{option: value})
        if option in model.TRAINING:
            assert model.score(X, y) == score
        else:
            with pytest.raises(ValueError, match=f"{option} is .*but was .*when the model was fitted"):
                model.score(X, y)
        model.set_params(**{option: before})
    assert model.score(X, y) == score


def test_the_guard_is_there_after_loading_and_what_a_score_is_cannot_go_stale(tmp_path):
    model = MODELS["VAE"]().fit(X)
    model.save(tmp_path / "m.npz")
    loaded = VAE.load(tmp_path / "m.npz")
    assert loaded.bound_ == "iwae-64" and loaded.set_params(bound="iwae", score_draws=5).bound_ == "iwae-5"
    loaded.save(tmp_path / "n.npz")
    assert VAE.load(tmp_path / "n.npz").bound_ == "iwae-5"
    with pytest.raises(ValueError, match="latents is 5, but was 2"):
        loaded.set_params(latents=5).score(X)


# ---- data as people have them ----


@pytest.mark.parametrize("name", ["VAE", "Diffusion"])
def test_large_offsets_and_scales_lose_nothing(name):
    """Columns in other units: the same model, and the log density by the log of the scales."""
    scale, shift = np.array([10.0, 1e-6, 1e12]), np.array([1.7e9, 3.0, -1e15])
    moved = X * scale + shift
    plain, other = MODELS[name](max_steps=30).fit(X), MODELS[name](max_steps=30).fit(moved)
    expected = plain.score_samples(X) - np.log(scale).sum()
    np.testing.assert_allclose(other.score_samples(moved), expected, atol=0.2, rtol=0)  # the offsets cost digits
    drawn = other.sample(500)
    assert all(len(np.unique(column)) > 400 for column in drawn.T)
    np.testing.assert_allclose((drawn - shift).std(axis=0) / scale, X.std(axis=0), rtol=0.3)


@pytest.mark.parametrize("name", ["VAE", "Diffusion"])
def test_constant_columns_are_told_reproduced_and_left_out(name):
    with_constant = np.insert(X, 1, 5.5, axis=1)
    with pytest.warns(trained.DataWarning, match="columns 1 are constant: they are reproduced as they are"):
        model = MODELS[name]().fit(with_constant)
    assert np.all(model.sample(9)[:, 1] == 5.5)
    np.testing.assert_allclose(model.score_samples(with_constant), MODELS[name]().fit(X).score_samples(X), rtol=1e-6)
    assert np.all(model.score_samples(with_constant + np.array([0, 1, 0, 0])) == -np.inf)


@pytest.mark.parametrize("D", [2, 4])
def test_an_untrained_model_of_whitened_columns_is_the_gaussian(D):
    """The start is the Gaussian with the rows' mean and (shrunk) covariance, exactly for the diffusion."""
    rows = RNG.standard_normal((400, D)) @ RNG.standard_normal((D, D)) + 3
    gaussian = -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(np.cov(rows.T, bias=True))[1] + D)
    still = dict(max_steps=1, learning_rate=1e-9, validation_fraction=0)
    assert abs(Diffusion(width=8, blocks=1, progress=False, **still).fit(rows).score(rows) - gaussian) < 0.05
    assert abs(VAE(2, progress=False, **still).fit(rows).score(rows) - gaussian) < 0.15


def test_decoders_are_chosen_by_the_data():
    rows = RNG.integers(0, 5, (50, 4)).astype(float)
    cases = [(rows % 2, "Bernoulli()"), (rows / 4.1, "Bernoulli()"), (rows, "Categorical(levels=5)"),
             (rows + 3, "Categorical(levels=5)"), (rows * 100, "Gaussian(var='latent')"),
             (rows + 0.5, "Gaussian(var='latent')")]  # fmt: skip
    for data, expected in cases:
        model = MODELS["VAE"]().fit(data)
        assert repr(model.decoder_) == expected
        drawn = model.sample(20)
        if "Gaussian" not in expected:
            assert data.min() <= drawn.min() and drawn.max() <= data.max()
        if "Categorical" in expected:
            assert np.isin(drawn, np.unique(data)).all()


def test_values_on_a_grid_are_drawn_on_it():
    for low, step in ((0.0, 1.0), (0.0, 0.25), (-2.0, 0.5), (3.0, 100.0)):
        rows = low + step * RNG.integers(0, 5, (60, 4))
        model = MODELS["Diffusion"](sample_steps=6).fit(rows)
        assert model.levels_ == 5 and model.bound_ == "elbo"
        drawn = model.sample(20)
        assert np.isin(np.round((drawn - low) / step, 9), range(5)).all() and model.score(rows) > -4 * np.log(5) - 3
    with pytest.raises(ValueError, match=r"of 5 values from 3 to 403 in steps of 100.*levels=None"):
        model.score(rows + 1)


def test_bounded_data_is_clipped_and_real_data_is_not():
    pixels = np.clip(RNG.standard_normal((80, 3)), 0, 1)
    model = MODELS["Diffusion"](sample_steps=6).fit(pixels)
    drawn = model.sample(200)
    assert model.bound_ == "exact" and drawn.min() == 0 and drawn.max() == 1
    free = model.set_params(clip=False).sample(200)
    assert free.min() < 0 and free.max() > 1 and np.array_equal(np.clip(free, 0, 1), drawn)
    assert MODELS["Diffusion"](sample_steps=6).fit(X).range_ is None


def test_more_columns_than_are_exact_make_an_estimate_with_its_error():
    rows = RNG.standard_normal((40, 257))
    model = Diffusion(width=8, blocks=1, max_steps=20, learning_rate=0.05, progress=False, score_steps=4,
                      validation_fraction=0, scaling="one").fit(rows)  # fmt: skip
    assert model.bound_ == "estimate"
    nats, error = model.score_samples(rows[:3], return_error=True)
    assert np.all(error > 0) and np.all(np.isfinite(nats))
    _, exact = MODELS["Diffusion"]().fit(X).score_samples(X, return_error=True)
    assert np.all(exact == 0)


def test_a_score_with_labels_uses_them():
    model = MODELS["Diffusion"](max_steps=60).fit(X, Y)
    assert model.score(X, Y) == np.mean(model.score_samples(X, Y)) != model.score(X)
    with pytest.raises(ValueError, match="label zebra"):
        model.score(X, ["zebra"] * len(X))


def test_one_file_holds_a_latent_diffusion_and_malformed_files_are_refused(tmp_path):
    parts = VAE(2, hidden=(5,), **SHORT), Diffusion(width=7, blocks=1, steps=50, **SHORT)
    model = LatentDiffusion(*parts, random_state=0).fit(X)
    path = tmp_path / "model.npz"
    model.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]
    assert np.array_equal(LatentDiffusion.load(path).score_samples(X[:4]), model.score_samples(X[:4]))
    state, meta = load(path)
    for lost in ("vae_", "diffusion_"):
        fitted = {name: value for name, value in state["fitted"].items() if name != lost}
        save(path, {**state, "fitted": fitted}, meta=meta)
        with pytest.raises(CheckpointError, match="its content was changed since"):
            LatentDiffusion.load(path)
    assert model.set_params(vae__latents=3, diffusion__width=5).fit(X).vae_.latents == 3


def test_nothing_is_warned_of_where_nothing_is_wrong():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", category=trained.train.TrainingWarning)
        for name, make in MODELS.items():
            make().fit(X, labels_for(name))


def test_going_on_with_training(tmp_path):
    for name, make in MODELS.items():
        y = labels_for(name)
        model = make(validation_fraction=0).fit(X, y)
        scaling, before = model.scaling_, model.params_
        model.partial_fit(X, y, max_steps=20)
        assert np.array_equal(model.scaling_.mean, scaling.mean) and len(model.history_["loss"]) == 20
        assert model.max_steps == 6 and (name == "Autoencoder" or np.isfinite(model.sample(2)).all())
        assert not np.array_equal(tree.ravel(model.params_)[0], tree.ravel(before)[0])
        assert make(validation_fraction=0).partial_fit(X, y).score(X, y) == make(validation_fraction=0).fit(X, y).score(
            X, y
        )
