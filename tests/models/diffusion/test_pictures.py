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


def test_field():
    g = np.linspace(-1, 1, 5)
    points = np.stack(np.meshgrid(g, g), -1).reshape(-1, 2)
    figure = plots.vector_field(points, -points, density=-np.sum(points**2, 1))
    quiver = figure.axes[0].collections[-1]
    np.testing.assert_allclose(np.stack([quiver.U, quiver.V], 1), -points)
    with pytest.raises(ValueError, match="side"):
        plots.vector_field(points[:7], points[:7])
