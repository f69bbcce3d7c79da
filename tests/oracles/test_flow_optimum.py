"""What a flow can be at best: numbers in closed form, and nothing that is tried does better."""

import numpy as np
import pytest
from scipy import stats

from tinygen.data import digits, toy
from tinygen.oracles import flow_optimum as known

X = np.array([(1, 2), (0, -1), (2.5, 0.5), (-1, 1), (0.5, 3)])
S = np.array([[2.0, 0.6], [0.6, 1.0]])


def test_the_affine_optimum():
    mean, L, nll = known.affine_optimum(X)
    np.testing.assert_allclose(L[np.tril_indices(2)], [1.1575836903, 0.0777481583, 1.3542360296], atol=1e-10)
    assert np.isclose(nll, 3.2874493529, atol=1e-10)
    score = lambda m, C: -stats.multivariate_normal(m, C).logpdf(X).mean()
    assert np.isclose(score(mean, L @ L.T), nll)
    cov = L @ L.T
    assert np.isclose(score(mean, np.diag(np.diag(cov))) - nll, 0.0016453063, atol=1e-10)
    assert np.isclose(known.diagonal_gap(cov), 0.0016453063, atol=1e-10)
    assert np.isclose(score(mean, cov * 5 / 4) - nll, 0.0231435513, atol=1e-10)
    rng = np.random.default_rng(0)
    for size in (1e-3, 0.1):
        moved = L + size * np.tril(rng.standard_normal((2, 2)))
        assert score(mean + size * rng.standard_normal(2), moved @ moved.T) > nll


def test_sequential_regression_is_the_same_gaussian_in_any_order():
    for order, (slope, left) in {(0, 1): (0.3, 0.82), (1, 0): (0.6, 1.64)}.items():
        steps, nll = known.sequential_regression(S, order)
        np.testing.assert_allclose([steps[1][0][0], steps[1][1], nll], [slope, left, 3.0852251873], atol=1e-10)
    wide = np.cov(np.random.default_rng(1).standard_normal((5, 20)))
    expected = 0.5 * (5 * np.log(2 * np.pi * np.e) + np.linalg.slogdet(wide)[1])
    assert np.isclose(known.sequential_regression(wide, (3, 0, 4, 1, 2))[1], expected)


def test_volume_preserving_and_one_coupling_on_a_gaussian():
    assert np.isclose(known.volume_preserving_gap(S), 0.0332767266, atol=1e-10)
    best = min(  # a volume-preserving linear map A of the base: KL(N(0, S) || N(0, A A'))
        0.5 * (np.trace(np.linalg.inv(C) @ S) - 2 - np.linalg.slogdet(S)[1])
        for t in np.linspace(0.8, 1.2, 41)
        for C in [S / np.sqrt(np.linalg.det(S)) @ np.diag([t, 1 / t])]
    )
    assert np.isclose(best, 0.0332767266, atol=1e-6)
    assert np.isclose(known.coupling_gap(S), 0.1534264097, atol=1e-10)


@pytest.mark.parametrize(
    "noise, first, gap, given",
    [(0.1, 0, 0.4767631938, 0.3299966296), (0.1, 1, 0.7005939081, 0.5583891567),
     (0.05, 0, 0.8438216852, 0.6266784371), (0.05, 1, 1.3353004117, 1.0994682098)],
)  # fmt: skip
def test_one_coupling_on_the_moons(noise, first, gap, given):
    edges = [np.linspace(-1.7, 2.7, 221), np.linspace(-1.25, 1.75, 151)]

    def log_p(a, b):
        a, b = np.broadcast_arrays(a, b)
        rows = np.stack([a, b] if first == 0 else [b, a], -1).reshape(-1, 2)
        parts = [toy.two_moons_log_density(part, noise=noise) for part in np.array_split(rows, 20)]
        return np.concatenate(parts).reshape(a.shape)

    found = known.coupling_floor(log_p, *(edges if first == 0 else edges[::-1]))
    np.testing.assert_allclose(found, [gap, given], atol=1e-5)


def mixture(sd):
    parts = stats.norm(-2, sd), stats.norm(2, sd)
    return (lambda x: 0.5 * sum(part.cdf(x) for part in parts)), (lambda x: 0.5 * sum(part.pdf(x) for part in parts))


def test_the_rising_map_of_one_column():
    cases = [
        (stats.logistic.cdf, stats.logistic.pdf, 0.7, 1.1419438193, 1.7024240899),
        (stats.laplace.cdf, stats.laplace.pdf, 0.7, 0.7258205810, 1.2904993395),
        (*mixture(0.5), 0.7, 2.0201495891, 0.7833403617),
    ]
    for cdf, density, z, x, slope in cases:
        found = known.rising_map(np.array([z]), cdf, density, -50.0, 50.0)
        np.testing.assert_allclose([found[0][0], found[1][0]], [x, slope], atol=1e-9)
    # In the middle of the bridge: F(0) = 1/2 exactly, so x = 0 whatever rounding makes of the halving.
    for sd, slope in ((0.5, 1490.4789935), (0.25, 1.974074e13)):
        assert np.isclose(stats.norm.pdf(0) / mixture(sd)[1](0.0), slope, rtol=1e-6)
    line = np.linspace(-8, 8, 200_001)
    p = mixture(0.5)[1](line)
    entropy = -np.sum(p * np.log(p)) * (line[1] - line[0])
    assert np.isclose(entropy, 1.4188449981, atol=1e-9)
    assert np.isclose(0.5 * np.log(2 * np.pi * np.e * (4 + 0.25)) - entropy, 0.7235530265, atol=1e-9)


def test_whole_values_under_a_normal():
    np.testing.assert_allclose(known.dequantised_normal(10, 8, 9)[:2], [-2.3661930220, -2.3694026737], atol=1e-10)
    exact, bound, two = known.dequantised_normal(8, 8, 0.25)
    np.testing.assert_allclose([exact, bound, two], [-0.7397150929, -0.8924580193, -0.8094409350], atol=1e-9)
    u = (np.arange(10**5) + 0.5) / 10**5
    for x, mean, sd in ((10, 8, 3), (8, 8, 0.5)):
        found, log_p = known.dequantised_normal(x, mean, sd**2), stats.norm(mean, sd).logpdf(x + u)
        assert np.isclose(log_p.mean(), found.bound, atol=1e-9)
        p_of_u = np.exp(log_p) / np.exp(log_p).mean()
        assert np.isclose(-np.log(p_of_u).mean(), found.exact - found.bound, atol=1e-9)  # KL(u || p(u|x))


def test_constants_of_64_pixels():
    assert np.isclose(64 * np.log(17), 181.3256540196) and np.isclose(64 * np.log(16), 177.4456782233)
    assert np.isclose(64 * np.log(17 / 16), 3.8799757963) and np.isclose(64 * np.log(2), 44.3614195558)
    assert np.isclose(-64 * np.log(0.9), 6.7430730021) and np.isclose(95 / (64 * np.log(2)), 2.1415004513)
    train = digits.split()[0][0]
    assert np.flatnonzero(np.ptp(train, axis=0) == 0).tolist() == [0, 32, 39]


def test_affine_flows_on_digits():
    parts = [images for images, _ in digits.split()]
    mean, cov = parts[0].mean(0) + 0.5, np.cov(parts[0].T, bias=True) + np.eye(64) / 12
    var = np.diag(cov)
    bounds, exact = ([], []), []
    for x in parts:
        middle = x + 0.5
        log_p = -0.5 * (np.log(2 * np.pi * var) + (middle - mean) ** 2 / var) - 1 / (24 * var)
        bounds[0].append(-log_p.sum(1).mean())
        off = middle - mean
        square = np.sum(off @ np.linalg.inv(cov) * off, 1) + np.trace(np.linalg.inv(cov)) / 12
        bounds[1].append(0.5 * (64 * np.log(2 * np.pi) + np.linalg.slogdet(cov)[1] + square.mean()))
        low, high = stats.norm.logcdf((x - mean) / np.sqrt(var)), stats.norm.logcdf((x + 1 - mean) / np.sqrt(var))
        upper = stats.norm.logsf((x - mean) / np.sqrt(var)), stats.norm.logsf((x + 1 - mean) / np.sqrt(var))
        # ln of a difference of probabilities, on the side of the mean where it loses no digits
        with np.errstate(divide="ignore"):  # the other side's
            left = high + np.log1p(-np.exp(low - high))
            right = upper[0] + np.log1p(-np.exp(upper[1] - upper[0]))
        exact.append(-np.where(x + 0.5 < mean, left, right).sum(1).mean())
    np.testing.assert_allclose(bounds[0], [149.4124599914, 154.5043912973, 148.9747745610], atol=1e-8)
    np.testing.assert_allclose(bounds[1], [128.0598881994, 137.4394987935, 131.5055912772], atol=1e-8)
    np.testing.assert_allclose(exact, [148.1252769664, 152.5736687414, 147.7007349546], atol=1e-8)
    assert np.isclose(bounds[0][2] - exact[2], 1.2740396065, atol=1e-8)
