"""The pictures of diffusion draw what they are given."""

import matplotlib as mpl
import numpy as np
import pytest

from tinygen import plots

mpl.use("agg")


@pytest.fixture(autouse=True)
def close():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def test_particles_as_frames_and_as_panels():
    paths = list(np.random.default_rng(0).standard_normal((7, 11, 2)))
    frames = plots.particles(paths, times=range(7))
    assert len(frames) == 7
    for frame, points, t in zip(frames, paths, range(7)):
        (ax,) = frame.axes
        np.testing.assert_allclose(ax.collections[0].get_offsets(), points)
        assert ax.get_title() == str(t) and ax.get_xlim() == frames[0].axes[0].get_xlim()
    panels = plots.particles(paths, columns=3)
    np.testing.assert_allclose(panels.axes[1].collections[0].get_offsets(), paths[3])
    with pytest.raises(ValueError, match=r"\(n, 2\)"):
        plots.particles([np.zeros((3, 4))])


def test_field():
    g = np.linspace(-1, 1, 5)
    points = np.stack(np.meshgrid(g, g), -1).reshape(-1, 2)
    figure = plots.vector_field(points, -points, density=-np.sum(points**2, 1))
    quiver = figure.axes[0].collections[-1]
    np.testing.assert_allclose(np.stack([quiver.U, quiver.V], 1), -points)
    with pytest.raises(ValueError, match="side"):
        plots.vector_field(points[:7], points[:7])


def test_bound_terms():
    kl = np.random.default_rng(0).random((6, 3))
    figure = plots.bound_terms(np.full(3, 0.2), kl, np.full(3, -1.5))
    lines = figure.axes[0].lines
    np.testing.assert_allclose(lines[0].get_ydata(), kl.mean(1))
    np.testing.assert_array_equal(lines[0].get_xdata(), np.arange(2, 8))
    assert (lines[1].get_xdata()[0], lines[1].get_ydata()[0]) == (1, 1.5)
    assert (lines[2].get_xdata()[0], lines[2].get_ydata()[0]) == (8, pytest.approx(0.2))
