"""The toy densities: sampler, density and entropy are three computations that must agree."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, norm

from tinygen.data import toy

RING = toy.ring, toy.ring_log_density, toy.ring_entropy
GRID = toy.grid, toy.grid_log_density, toy.grid_entropy
MOONS = toy.two_moons, toy.two_moons_log_density, toy.two_moons_entropy
BOARD = toy.checkerboard, toy.checkerboard_log_density, toy.checkerboard_entropy
SETS = {
    "ring": (*RING, {}),
    "wide ring": (*RING, {"radius": 4.0, "sd": 0.5}),
    "three modes that overlap": (*RING, {"modes": 3, "radius": 0.7, "sd": 0.6}),
    "grid": (*GRID, {}),
    "grid that overlaps": (*GRID, {"side": 3, "spacing": 0.5, "sd": 0.3}),
    "moons": (*MOONS, {"noise": 0.1}),
    "wide moons": (*MOONS, {"noise": 0.8}),
    "board": (*BOARD, {}),
    "small board": (*BOARD, {"squares": 6, "half_width": 0.3}),
}


@pytest.fixture(params=SETS, ids=lambda name: name.replace(" ", "-"))
def density(request):
    draw, log_density, entropy, options = SETS[request.param]
    return (lambda n, rng: draw(n, rng, **options)), (lambda x: log_density(x, **options)), (lambda: entropy(**options))


@pytest.mark.parametrize(
    "entropy, known",  # oracles.md, to the digits given there
    [
        (toy.ring_entropy(), -2.9067),
        (toy.grid_entropy(), 0.0653),
        (toy.ring_entropy(radius=4.0, sd=0.5), 3.5247),
        (toy.two_moons_entropy(noise=0.05), 0.28923),
        (toy.two_moons_entropy(noise=0.1), 1.00758),
        (toy.checkerboard_entropy(), np.log(32)),
    ],
)
def test_entropy_floors_are_those_of_the_oracles(entropy, known):
    digits = 5 if known in (0.28923, 1.00758) else 4
    assert abs(entropy - known) <= 0.5 * 10**-digits + 1e-12


def test_entropy_of_modes_far_apart_is_in_closed_form():
    gaussian = np.log(2 * np.pi * np.e)
    assert toy.ring_entropy() == pytest.approx(np.log(8) + gaussian + 2 * np.log(0.02), abs=1e-12)
    assert toy.grid_entropy() == pytest.approx(np.log(25) + gaussian + 2 * np.log(0.05), abs=1e-12)
    assert toy.ring_entropy(modes=1, sd=3.0) == pytest.approx(gaussian + 2 * np.log(3.0), abs=1e-12)


def test_entropy_of_two_modes_is_the_entropy_along_their_line_plus_a_gaussian():
    x = np.linspace(-12, 12, 100_001)
    density = (norm.pdf(x, -1, 0.8) + norm.pdf(x, 1, 0.8)) / 2
    line = -(density * np.log(density)).sum() * (x[1] - x[0])
    across = 0.5 * np.log(2 * np.pi * np.e * 0.8**2)
    assert toy.ring_entropy(modes=2, radius=1.0, sd=0.8) == pytest.approx(line + across, abs=1e-10)


def test_mean_log_density_of_samples_is_minus_the_entropy(density):
    draw, log_density, entropy = density
    values = log_density(draw(20_011, np.random.default_rng(1)))
    error = values.std() / np.sqrt(len(values))
    # 4.9 standard errors: a false alarm in one of 10^6 runs. The board's density is constant: equal up to rounding.
    assert abs(values.mean() + entropy()) <= 4.9 * error + 1e-12


# name, half width of a square that holds all but 1e-9 of the mass, points a side (a multiple of 16)
BROAD = [
    ("wide ring", 8.0, 320),
    ("three modes that overlap", 5.0, 160),
    ("grid that overlaps", 2.5, 160),
    ("moons", 3.0, 160),
    ("wide moons", 7.0, 160),
    ("board", 4.0, 160),
    ("small board", 0.3, 192),
]


@pytest.mark.parametrize("name, half, points", BROAD)
def test_density_integrates_to_one_and_counts_follow_it(name, half, points):
    draw, log_density, _, options = SETS[name]
    middle = half * ((2 * np.arange(points) + 1) / points - 1)
    x = np.stack(np.meshgrid(middle, middle, indexing="ij"), axis=-1)
    mass = np.exp(log_density(x, **options)) * (2 * half / points) ** 2
    assert mass.sum() == pytest.approx(1, abs=1e-7)

    cells = mass.reshape(16, points // 16, 16, points // 16).sum((1, 3)).ravel()
    n = 20_011
    sample = draw(n, np.random.default_rng(2), **options)
    edges = np.linspace(-half, half, 17)
    count = np.histogram2d(*sample.T, bins=(edges, edges))[0].ravel()
    often = n * cells >= 10
    observed = np.append(count[often], n - count[often].sum())
    expected = np.append(n * cells[often], n * (1 - cells[often].sum()))
    keep = expected > 1e-6
    statistic = ((observed - expected)[keep] ** 2 / expected[keep]).sum()
    assert chi2.sf(statistic, keep.sum() - 1) > 1e-6  # the rate of false alarms
    assert observed[~keep].sum() == 0


def test_two_moons_density_is_the_integral_over_the_angle():
    def both_moons(t, x):
        upper = norm.pdf(x, [np.cos(t), np.sin(t)], 0.15)
        lower = norm.pdf(x, [1 - np.cos(t), 0.5 - np.sin(t)], 0.15)
        return (upper.prod() + lower.prod()) / (2 * np.pi)

    for x in np.random.default_rng(3).uniform(-1.5, 2.5, (5, 2)):
        density = np.exp(toy.two_moons_log_density(x, noise=0.15))
        integral = quad(both_moons, 0, np.pi, (x,), epsabs=1e-13, limit=200)[0]
        assert density == pytest.approx(integral, rel=1e-9, abs=1e-12)


def test_two_moons_entropy_is_the_integral_over_the_plane():
    side = np.linspace(-3, 4, 176)
    log_density = toy.two_moons_log_density(np.stack(np.meshgrid(side, side), axis=-1), noise=0.2)
    integral = -(np.exp(log_density) * log_density).sum() * (side[1] - side[0]) ** 2
    assert toy.two_moons_entropy(noise=0.2) == pytest.approx(integral, abs=1e-9)


def test_log_density_is_finite_far_away_and_keeps_the_shape():
    far = np.array([[[1e3, -1e3]], [[0.0, 0.0]]])
    for log_density in toy.ring_log_density, toy.grid_log_density, toy.two_moons_log_density:
        value = log_density(far)
        assert value.shape == (2, 1)
        assert np.isfinite(value).all()
    assert toy.checkerboard_log_density(far)[0, 0] == -np.inf


def test_the_same_seed_gives_the_same_points_and_a_generator_goes_on(density):
    draw, _, _ = density
    first = draw(13, 5)
    assert first.shape == (13, 2) and first.dtype == np.float64
    assert np.array_equal(first, draw(13, np.random.default_rng(5)))
    rng = np.random.default_rng(5)
    assert not np.array_equal(draw(13, rng), draw(13, rng))
    assert draw(0, 5).shape == (0, 2)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: toy.ring(3, 0, sd=0.0), "sd=0.0"),
        (lambda: toy.ring_entropy(sd=-1.0), "sd=-1.0"),
        (lambda: toy.two_moons(3, 0, noise=float("nan")), "noise=nan"),
        (lambda: toy.two_moons_entropy(noise=0.0), "noise=0.0"),
        (lambda: toy.checkerboard(3, 0, squares=3), "squares=3"),
        (lambda: toy.checkerboard_entropy(half_width=-1.0), "half_width=-1.0"),
        (lambda: toy.ring_log_density(np.ones((4, 3))), r"\(4, 3\)"),
        (lambda: toy.checkerboard_log_density(1.0), r"\(\)"),
    ],
)
def test_what_is_no_density_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
