"""Each picture draws what it was given, on the axes it was given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tinygen import plots

RNG = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def agg():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_images_keep_their_pixels_and_places():
    x = RNG.random((7, 6))
    figure = plots.images(x, shape=(2, 3), columns=5, rows=["first", "second"], title="T")
    (ax,) = figure.axes
    grid = ax.images[0].get_array().filled(np.nan)
    assert grid.shape == (2 * 3 - 1, 5 * 4 - 1)
    np.testing.assert_array_equal(grid[0:2, 4:7], x[1].reshape(2, 3))
    np.testing.assert_array_equal(grid[3:5, 0:3], x[5].reshape(2, 3))
    assert np.isnan(grid[2]).all() and np.isnan(grid[3:5, 8:]).all()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["first", "second"] and ax.get_title() == "T"
    figure.canvas.draw()


def test_images_refuse_what_they_cannot_place():
    with pytest.raises(ValueError, match="7 is not a square number of pixels"):
        plots.images(np.zeros((2, 7)))
    with pytest.raises(ValueError, match="got shape"):
        plots.images(np.zeros(4))


@pytest.mark.parametrize("n", [3, 5, 7])
def test_each_reconstruction_stands_under_its_image(n):
    x = RNG.random((n, 2, 2))
    ax = plots.reconstructions(x, -x, columns=5).axes[0]
    grid = ax.images[0].get_array().filled(np.nan)
    for i in range(n):
        top, left = i // 5 * 6, i % 5 * 3
        np.testing.assert_array_equal(grid[top:top + 2, left:left + 2], x[i])
        np.testing.assert_array_equal(grid[top + 3:top + 5, left:left + 2], -x[i])
    assert np.isfinite(grid).sum() == 2 * x.size
    assert [t.get_text() for t in ax.get_yticklabels()] == ["image", "again"] * (1 + (n > 5))
    with pytest.raises(ValueError, match="one shape"):
        plots.reconstructions(x, x[:2])


def test_curves_smooth_without_shifting():
    x = np.arange(50.0)
    figure = plots.curves(x, {"line": 3 * x + 1}, smooth=7, levels={"level": 2.0}, xlabel="step", ylabel="nats")
    raw, smooth, level = figure.axes[0].lines
    np.testing.assert_array_equal(raw.get_ydata(), 3 * x + 1)
    np.testing.assert_allclose(smooth.get_ydata(), 3 * smooth.get_xdata() + 1)
    assert set(level.get_ydata()) == {2.0}
    assert [t.get_text() for t in figure.axes[0].get_legend().get_texts()] == ["line", "level"]


def test_dots_are_one_path_through_the_points_however_many():
    points = RNG.normal(size=(199, 2))
    _, ax = plt.subplots()
    ax.set(xlim=(-1, 1), ylim=(-2, 2))
    plots.dots(ax, points, size=2, color="C1")
    (patch,) = ax.patches
    path = patch.get_path()
    np.testing.assert_array_equal(path.vertices[::2], points)
    np.testing.assert_array_equal(path.vertices[1::2], points)
    assert not path.should_simplify and patch.get_capstyle() == "round" and not patch.get_fill()
    assert ax.get_xlim() == (-1, 1) and ax.get_ylim() == (-2, 2)


def test_latent_plane_names_each_class_once():
    z, labels = RNG.normal(size=(23, 2)), np.arange(23) % 3
    figure = plots.latent_plane(z, labels)
    ax = figure.axes[0]
    assert [t.get_text() for t in ax.texts] == ["0", "1", "2"]
    np.testing.assert_array_equal(np.concatenate([c.get_offsets() for c in ax.collections]),
                                  np.concatenate([z[labels == k] for k in range(3)]))
    with pytest.raises(ValueError, match=r"expected z \(n, 2\)"):
        plots.latent_plane(z[:, :1], labels)


def test_rate_distortion_puts_each_model_under_its_name_beside_the_curve():
    rate, distortion, curve = RNG.random(5), RNG.random(5), (RNG.random(11), RNG.random(11))
    figure = plots.rate_distortion(rate, distortion, curve=curve, labels=[f"beta {b}" for b in range(5)], name="linear")
    ax = figure.axes[0]
    least, models = ax.lines
    np.testing.assert_array_equal(least.get_xydata().T, curve[::-1])
    np.testing.assert_array_equal(models.get_xydata().T, (distortion, rate))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distortion", "rate (nats)")
    assert [(t.get_text(), t.xy) for t in ax.texts] == [(f"beta {b}", (distortion[b], rate[b])) for b in range(5)]
    plots.rate_distortion(rate[:2], distortion[:2], name="deep", ax=ax)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["least possible rate", "linear", "deep"]
    assert len({line.get_color() for line in ax.lines}) == 3
    with pytest.raises(ValueError, match=r"got \(5,\), \(3,\) and 5 labels"):
        plots.rate_distortion(rate, distortion[:3], labels="abcde")


def test_bars_of_latents_fall_and_keep_their_numbers():
    kl, theory = np.array([0.3, 2.0, 0.0, 1.1, 0.0]), np.array([0.2, 1.9, 1.0])
    ax = plots.latent_kl(kl, expected=theory).axes[0]
    assert [bar.get_height() for bar in ax.patches] == [2.0, 1.1, 0.3, 0.0, 0.0]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "3", "0", "2", "4"]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1.9, 1.0, 0.2])
    assert plots.latent_kl(kl).axes[0].get_legend() is None
    with pytest.raises(ValueError, match=r"got \(1, 5\)"):
        plots.latent_kl(kl[None])


def test_histograms_are_densities_over_common_bins():
    samples = {"a": RNG.normal(size=500), "b": RNG.normal(size=300) + 1}
    figure = plots.histograms(samples, bins=11, range=(-6, 7), marks={"zero": 0.0})
    for patch in figure.axes[0].patches:
        corners = patch.get_path().vertices
        assert corners[:, 0].min() >= -6 - 1e-9 and corners[:, 0].max() <= 7 + 1e-9
        x, y = corners.T
        area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
        assert area == pytest.approx(1.0)


@pytest.mark.parametrize("draw", [
    lambda ax: plots.images(np.zeros((3, 4)), ax=ax),
    lambda ax: plots.curves([0, 1], {"a": [1, 2]}, ax=ax),
    lambda ax: plots.latent_plane(np.zeros((2, 2)), np.array(["a", "b"]), ax=ax),
    lambda ax: plots.rate_distortion([1.0], [2.0], ax=ax),
    lambda ax: plots.latent_kl(np.ones(3), ax=ax),
    lambda ax: plots.histograms({"a": np.arange(9.0)}, ax=ax),
])  # fmt: skip
def test_pictures_draw_on_the_axes_they_are_given(draw):
    figure, ax = plt.subplots()
    assert draw(ax) is figure and ax.has_data()
    assert len(plt.get_fignums()) == 1


def test_history_shows_both_curves_and_the_best_place():
    found = {"loss": np.array([3.0, 2.0, 1.0, 1.5]), "validation": np.array([4.0, 1.25, 2.0]),
             "validation_step": np.array([0.0, 2.0, 4.0])}  # fmt: skip
    ax = plots.history(found, smooth=0.5).axes[0]
    training, held_out, best = ax.lines
    np.testing.assert_allclose(training.get_ydata(), [3, 7 / 3, 11 / 7, 23 / 15])
    assert held_out.get_ydata().tolist() == [4.0, 1.25, 2.0] and best.get_xdata()[0] == 2.0
    assert "best: 1.25, step 2" in [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(plots.history({"loss": found["loss"]}).axes[0].lines) == 1
