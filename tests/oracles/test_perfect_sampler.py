"""What a perfect sampler scores: closed forms against enumeration, other formulas and draws."""

import itertools

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.spatial.distance import cdist

from tinygen import metrics
from tinygen.data import toy
from tinygen.oracles import perfect_sampler

exact = dict(rel=0, abs=1e-10)


def centres(name):
    if name == "grid":
        line = 2.0 * (np.arange(5) - 2)
        return np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    angle = np.pi / 4 * np.arange(8)
    return {"ring2": 2.0, "ring4": 4.0}[name] * np.stack([np.cos(angle), np.sin(angle)], 1)


@pytest.mark.parametrize("modes, n, missed, all_seen", [
    (8, 20, 0.5536700702, 0.5305582405), (25, 100, 0.4217579840, 0.6438773570), (25, 250, 0.0009241623, 0.9990761031)])
def test_modes_missed(modes, n, missed, all_seen):  # fmt: skip
    assert perfect_sampler.modes_missed(modes, n) == pytest.approx(missed, **exact)
    assert perfect_sampler.all_modes_seen(modes, n) == pytest.approx(all_seen, **exact)


def test_modes_missed_by_counting_everything():
    draws = list(itertools.product(range(3), repeat=5))
    seen = np.array([len(set(d)) for d in draws])
    assert perfect_sampler.modes_missed(3, 5) == pytest.approx(np.mean(3 - seen), **exact)
    assert perfect_sampler.all_modes_seen(3, 5) == pytest.approx(np.mean(seen == 3), **exact)
    kl = [sum(c / 5 * np.log(3 * c / 5) for c in np.bincount(d, minlength=3) if c) for d in draws]
    assert perfect_sampler.histogram_kl(3, 5) == pytest.approx(np.mean(kl), **exact)


@pytest.mark.parametrize("modes, n, kl", [(8, 1000, 0.0035052879), (25, 2500, 0.0048084015)])
def test_histogram_kl(modes, n, kl):
    assert perfect_sampler.histogram_kl(modes, n) == pytest.approx(kl, **exact)
    assert perfect_sampler.histogram_kl(modes, n) == pytest.approx((modes - 1) / (2 * n), rel=3e-3)


def test_three_sd_in_the_plane_is_not_that_of_the_line():
    assert perfect_sampler.share_within(3) == pytest.approx(0.9888910035, **exact)
    assert perfect_sampler.share_within(4) == pytest.approx(0.9996645374, **exact)
    assert perfect_sampler.share_within(3) == pytest.approx(1 - np.exp(-4.5), **exact)
    assert perfect_sampler.share_within(3, D=1) == pytest.approx(stats.norm.cdf(3) - stats.norm.cdf(-3), **exact)


def test_one_mode_of_eight_missing():
    found = perfect_sampler.missing_modes(8)
    assert found == pytest.approx((0.125, 0.0454065781, 0.1335313926), **exact)
    assert found.reverse_kl == pytest.approx(np.log(8 / 7), **exact)


@pytest.mark.parametrize("pair, energy", [((1, 1, 0, 1), 0.5418065793), ((0, 2, 0, 1), 0.1831107310)])
def test_energy_on_the_line(pair, energy):
    assert perfect_sampler.energy_gaussian(*pair) == pytest.approx(energy, **exact)
    square = lambda x: 2 * (stats.norm(*pair[:2]).cdf(x) - stats.norm(*pair[2:]).cdf(x)) ** 2
    assert integrate.quad(square, -15, 16, limit=300)[0] == pytest.approx(energy, abs=1e-8)


def test_rice_mean():
    assert perfect_sampler.rice_mean(1.5, 0.7) == pytest.approx(1.6761912712, **exact)
    assert perfect_sampler.rice_mean(0, 2.0) == pytest.approx(2 * np.sqrt(np.pi / 2), **exact)
    assert perfect_sampler.rice_mean(4000.0, 0.02) == pytest.approx(4000.0, rel=1e-9)
    assert stats.rice(1.5 / 0.7, scale=0.7).mean() == pytest.approx(1.6761912712, abs=1e-9)


@pytest.mark.parametrize("name, sd, one, second, neighbours", [
    ("ring2", 0.02, 0.0506692256, 0.0950695866, 0.7661602788),
    ("ring4", 0.5, 0.0876752632, 0.1023174898, 1.4282124048)])
def test_energy_of_rings_that_lack_modes(name, sd, one, second, neighbours):  # fmt: skip
    uniform = np.full(8, 1 / 8)
    weights = {"one": np.arange(8) > 0, "second": np.arange(8) % 2 == 0, "neighbours": np.arange(8) < 4}
    found = [perfect_sampler.energy_mixture(centres(name), uniform, w / w.sum(), sd) for w in weights.values()]
    assert found == pytest.approx([one, second, neighbours], **exact)


def test_energy_cannot_see_a_corner_or_a_doubled_sd():
    uniform, corner = np.full(25, 1 / 25), np.arange(25) == 0
    missing, doubled = ~corner / 24, np.where(corner, 2, 23 / 24) / 25
    found = [perfect_sampler.energy_mixture(centres("grid"), uniform, w, 0.05) for w in (missing, doubled)]
    assert found == pytest.approx([0.0130461744] * 2, **exact)
    wide = perfect_sampler.energy_mixture(centres("grid"), uniform, uniform, 0.05, sd_q=0.1)
    assert wide == pytest.approx(0.0005749004, **exact)
    perfect, lacking = toy.grid(2000, 0), centres("grid")[1 + np.random.default_rng(3).integers(24, size=2000)]
    errors = [metrics.energy_distance(toy.grid(2000, seed), fake).error for seed, fake in ((1, perfect), (2, lacking))]
    assert all(0.0005749004 < error and 0.0130461744 < 5 * error for error in errors)


def test_energy_of_a_mixture_by_sampling():
    rng, w = np.random.default_rng(4), (np.arange(8) < 4) / 4
    x = toy.ring(1500, rng, radius=4.0, sd=0.5)
    y = centres("ring4")[rng.choice(8, 1500, p=w)] + 0.5 * rng.normal(size=(1500, 2))
    found = 2 * cdist(x, y).mean() - (cdist(x, x).sum() + cdist(y, y).sum()) / (1500 * 1499)
    assert found == pytest.approx(1.4282124048, abs=0.3)  # the error is .05
