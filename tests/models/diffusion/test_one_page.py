"""What is on the page is what `Diffusion` runs."""

import numpy as np
import pytest

from tinygen.models import Diffusion
from tinygen.models.diffusion import one_page

SMALL = dict(width=4, blocks=1, steps=5, max_steps=1, random_state=0, progress=False, compile=False)


class Reached(Exception):
    pass


@pytest.mark.parametrize("name, method, sampler", [
    ("noise_of", "fit", "auto"), ("weights", "fit", "auto"), ("loss", "fit", "auto"),
    ("ancestral", "sample", "ancestral"), ("reverse_of", "sample", "ancestral"), ("ddim", "sample", "ddim"),
])  # fmt: skip
def test_the_estimator_runs_this_page(name, method, sampler, monkeypatch):
    X = np.random.default_rng(0).standard_normal((20, 3))
    model = Diffusion(sampler=sampler, **SMALL)
    if method == "sample":
        model.fit(X)

    def reached(*args, **options):
        raise Reached

    monkeypatch.setattr(one_page, name, reached)
    with pytest.raises(Reached):
        model.sample(2) if method == "sample" else model.fit(X)


def test_a_grid_is_scored_with_the_same_reverse_process(monkeypatch):
    X = np.random.default_rng(0).integers(0, 3, (20, 3))
    model = Diffusion(**SMALL).fit(X)
    monkeypatch.setattr(one_page, "reverse_of", lambda *args: (_ for _ in ()).throw(Reached()))
    with pytest.raises(Reached):
        model.score_samples(X)
