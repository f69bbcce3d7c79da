"""How good the diffusion models are: KL to toy densities, nats on digits, time to sample.

`python -m benchmarks.quality_diffusion`. Seeds are 0; a number is given with its standard error over the test rows.
Digits: the published split.
"""

import argparse
import time

import numpy as np

from tinygen.data import digits, toy
from tinygen.models.diffusion import Diffusion

TOYS = {
    "two moons, noise .1": (
        lambda n, rng: toy.two_moons(n, rng, noise=0.1),
        lambda x: toy.two_moons_log_density(x, noise=0.1),
    ),
    "ring r 4, sd .5": (
        lambda n, rng: toy.ring(n, rng, radius=4.0, sd=0.5),
        lambda x: toy.ring_log_density(x, radius=4.0, sd=0.5),
    ),
}


def toys(epochs):
    """KL(data || model) in nats: the true log density minus the model's exact one, mean over 1000 fresh rows."""
    for name, (draw, log_density) in TOYS.items():
        start = time.perf_counter()
        model = Diffusion(epochs=epochs, random_state=0).fit(draw(10000, 0))
        seconds = time.perf_counter() - start
        x = draw(1000, 1)
        gap = log_density(x) - model.score_samples(x)
        error = gap.std() / np.sqrt(len(x))
        print(f"{name}: KL {gap.mean():.4f} +- {error:.4f} nats (aim .05), trained in {seconds:.0f} s (aim 60)")


def grey(epochs):
    """Bound on the log probability of the discrete digits, and the time of 64 samples in 50 steps."""
    (train, _), (validation, _), (test, _) = (tuple(pair) for pair in digits.split())
    start = time.perf_counter()
    model = Diffusion(levels=17, width=200, blocks=1, dropout=0.3, epochs=epochs, batch_size=100, learning_rate=1e-3,
                      score_steps=200, sampler="ancestral", random_state=0).fit(train / 16)  # fmt: skip
    seconds = time.perf_counter() - start
    for name, x in (("validation", validation), ("test", test)):
        nats = -model.score_samples(x / 16)
        print(f"digits, {name}: at most {nats.mean():.2f} +- {nats.std() / np.sqrt(len(x)):.2f} nats an image")
    print(f"digits: trained in {seconds:.0f} s; the Chow-Liu tree's test figure is 96.54")
    start = time.perf_counter()
    model.sample(64)
    print(f"digits: 64 samples in {model.sample_steps} steps took {time.perf_counter() - start:.2f} s (aim .5)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--toy-epochs", type=float, default=150)
    parser.add_argument("--digit-epochs", type=float, default=200)
    options = parser.parse_args()
    toys(options.toy_epochs)
    grey(options.digit_epochs)


if __name__ == "__main__":
    main()
