"""The picture in the README: what a VAE with two latents makes of the digits. `python -m benchmarks.readme_picture`."""

from pathlib import Path

import numpy as np

from tinygen import plots
from tinygen.data import digits
from tinygen.models.vae.estimator import VAE

FILE = Path(__file__).parent / "pictures" / "vae.png"


def main():
    """Train on the digits and draw the latent plane beside decoded points of it."""
    import matplotlib.pyplot as plt

    images, labels = digits.load()
    model = VAE(latents=2, epochs=200, random_state=0).fit(images / 16)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.4, 4.8), layout="constrained")
    plots.latent_plane(model.transform(images / 16), labels, ax=left, title="where q(z|x) puts each image")
    side = np.linspace(-2, 2, 12)
    grid = np.stack(np.meshgrid(side, side[::-1]), axis=-1).reshape(-1, 2)
    plots.images(model.inverse_transform(grid), columns=12, ax=right, title="what p(x|z) makes of z, from -2 to 2")
    FILE.parent.mkdir(exist_ok=True)
    figure.savefig(FILE, dpi=100, metadata={"Software": None})
    print(FILE)


if __name__ == "__main__":
    main()
