"""Fitted models in files: with names and labels of every kind, and files that were changed since."""

import copy

import numpy as np
import pytest

from tinygen.models import VAE, ConditionalVAE, Diffusion, LatentDiffusion
from tinygen.nn.checkpoint import CheckpointError, load, save

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
SHORT = dict(max_steps=6, batch_size=11, random_state=3, progress=False)
MODELS = {
    "VAE": lambda **o: VAE(2, hidden=(5,), **SHORT, **o),
    "ConditionalVAE": lambda **o: ConditionalVAE(2, hidden=(5,), **SHORT, **o),
    "Diffusion": lambda **o: Diffusion(width=7, blocks=1, **SHORT, **o),
    "LatentDiffusion": lambda **o: LatentDiffusion(
        VAE(2, hidden=(5,), **SHORT), Diffusion(width=7, blocks=1, **SHORT), random_state=0, score_draws=2
    ),
}
pytestmark = pytest.mark.filterwarnings("ignore::tinygen.nn.train.TrainingWarning")


def places(node, path=()):
    """The ways to all nodes of a tree of dicts and lists."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, (list, tuple)) else ()
    return [place for key, child in items for place in [(*path, key), *places(child, (*path, key))]]


def changed(tree, place, to):
    """A copy of the tree with another value at that place; `to` None: without what is there."""
    tree = copy.deepcopy(tree)
    inner = tree
    for key in place[:-1]:
        inner = inner[key]
    if isinstance(inner, tuple):
        return None
    if to is None:
        del inner[place[-1]]
    else:
        inner[place[-1]] = to
    return tree


@pytest.mark.parametrize("name", MODELS)
def test_whatever_is_changed_in_a_file_it_is_refused_in_words(name, tmp_path):
    y = np.arange(60) % 2 if name == "ConditionalVAE" else None
    MODELS[name]().fit(X, y).save(tmp_path / "m.npz")
    state, meta = load(tmp_path / "m.npz")
    found = places(state)
    for i in RNG.permutation(len(found))[:25]:
        for to in (None, "zebra", np.zeros((3, 7))):
            if (other := changed(state, found[i], to)) is not None:
                save(tmp_path / "n.npz", other, meta)
                with pytest.raises(CheckpointError, match="its content was changed since"):
                    globals()[name].load(tmp_path / "n.npz")


def test_whatever_is_changed_in_a_checkpoint_of_training_it_is_refused_in_words(tmp_path):
    path = tmp_path / "run.npz"
    MODELS["VAE"](checkpoint=path).fit(X)
    state, meta = load(path)
    for place in places(state):
        for to in (None, "zebra", np.zeros((3, 7))):
            if (other := changed(state, place, to)) is not None:
                save(path, other, meta)
                with pytest.raises(CheckpointError, match="is damaged: its content was changed"):
                    MODELS["VAE"](checkpoint=path).fit(X)
    save(path, state, meta)
    MODELS["VAE"](checkpoint=path).fit(X)


@pytest.mark.parametrize("name", MODELS)
def test_models_of_data_frames_and_labels_of_objects_are_saved_and_go_on(name, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    y = pandas.Series(np.where(X[:, 0] > 0, "no", "yes"), dtype=object) if name != "VAE" else None
    model = MODELS[name]().fit(frame, y)
    if hasattr(model, "partial_fit"):
        model.partial_fit(frame, y, max_steps=2)
    model.save(tmp_path / "m.npz")
    loaded = globals()[name].load(tmp_path / "m.npz")
    assert loaded.feature_names_in_.tolist() == ["a", "b", "c"] and loaded.feature_names_in_.dtype == object
    asked = (y,) if name in ("ConditionalVAE", "Diffusion") else ()
    assert np.array_equal(loaded.score_samples(frame, *asked), model.score_samples(frame, *asked))
    with pytest.raises(ValueError, match="must be in the same order"):
        loaded.score_samples(frame[["b", "a", "c"]], *asked)


def test_the_parts_of_a_latent_diffusion_have_options_names_and_weights(tmp_path):
    grid = LatentDiffusion().set_params(vae__max_steps=7, diffusion__width=5)
    assert grid.vae.max_steps == 7 and grid.diffusion.width == 5
    assert LatentDiffusion().get_params()["vae__latents"] == 8 and LatentDiffusion().vae is None
    MODELS["LatentDiffusion"]().fit(X).export_weights(tmp_path / "w.npz")
    names = list(np.load(tmp_path / "w.npz"))
    assert "vae.encoder.0.W" in names and "diffusion.out.b" in names
