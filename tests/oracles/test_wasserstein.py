"""Wasserstein distances and critics: closed forms against quantiles, linear programs and optimisation on a grid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from tinygen.oracles import wasserstein
from tinygen.oracles.discriminator import Pair

A, B = (1.0, 1.0, 0.0, 1.0), (0.5, 0.8, 0.0, 1.0)
exact = dict(rel=0, abs=1e-10)


def test_rows():
    x, y = [0.2, 1.7, -0.4, 3.1, 0.9], [1, -0.6, 2.2, 0.3, 0.5]
    assert wasserstein.w1_rows(x, y) == pytest.approx(0.46, **exact)
    assert np.mean(np.abs(np.sort(x) - np.sort(y))) == pytest.approx(0.46, **exact)
    assert wasserstein.w1_rows([0.0], [2.5]) == 2.5


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=13), st.lists(st.floats(-9, 9), min_size=1, max_size=11))
def test_rows_of_any_sizes_as_scipy_has_it(x, y):
    assert wasserstein.w1_rows(x, y) == pytest.approx(stats.wasserstein_distance(x, y), abs=1e-12)


@pytest.mark.parametrize(
    "pair, w1, w2",
    [(B, 0.5008016549, 0.5385164807), ((0, 2, 0, 1), 0.7978845608, 1.0), ((1, 2, 0, 1), 1.1666309412, np.sqrt(2)),
     (A, 1.0, 1.0)],
)  # fmt: skip
def test_gaussians_on_the_line(pair, w1, w2):
    assert wasserstein.w1_gaussian(*pair) == pytest.approx(w1, **exact)
    p, q = stats.norm(*pair[:2]), stats.norm(*pair[2:])
    by_quantiles = integrate.quad(lambda u: abs(p.ppf(u) - q.ppf(u)), 0, 1, limit=300)[0]
    by_functions = integrate.quad(lambda x: abs(p.cdf(x) - q.cdf(x)), -15, 16, limit=400, points=[0.5, 1.0])[0]
    assert by_quantiles == pytest.approx(w1, abs=1e-6) and by_functions == pytest.approx(w1, abs=1e-6)
    cov = [[[s**2]] for s in pair[1::2]]
    found = wasserstein.w2_squared_gaussian([pair[0]], cov[0], [pair[2]], cov[1])
    assert np.sqrt(found) == pytest.approx(w2, **exact)


def test_w2_of_gaussians_whose_roots_do_not_commute():
    m1, S1, m0, S0 = [1, -0.5], np.array([[1, -0.3], [-0.3, 0.5]]), [0, 0], np.array([[2, 0.6], [0.6, 1]])
    found = wasserstein.w2_squared_gaussian(m0, S0, m1, S1)
    assert found == pytest.approx(1.8615555810, **exact) and found - 1.25 == pytest.approx(0.6115555810, **exact)
    root = lambda S: (lambda v, U: (U * np.sqrt(v)) @ U.T)(*np.linalg.eigh(S))
    assert np.trace(S0 + S1 - 2 * root(S0) @ root(S1)) == pytest.approx(0.6235481448, **exact)
    # The optimal map is x -> T x with T S0 T = S1; its cost is the distance.
    inverse = np.linalg.inv(root(S0))
    T = inverse @ root(root(S0) @ S1 @ root(S0)) @ inverse
    np.testing.assert_allclose(T @ S0 @ T, S1, atol=1e-12)
    assert np.trace((T - np.eye(2)) @ S0 @ (T - np.eye(2))) == pytest.approx(0.6115555810, **exact)


def test_a_linear_critic_sees_a_shift_and_clipping_sees_another_norm():
    w, estimate = wasserstein.linear_critic([1, -0.5])
    assert estimate == pytest.approx(1.1180339887, **exact) and np.linalg.norm(w) == pytest.approx(1, **exact)
    w, estimate = wasserstein.linear_critic([1, -0.5], clip=0.01)
    assert estimate == pytest.approx(0.015, **exact) and np.abs(w).max() == 0.01


def test_two_points_at_a_distance():
    """W1 = t, JSD = ln 2, KL infinite, whatever t is."""
    for t in (0.5, 3.0):
        assert wasserstein.w1_rows([0.0], [t]) == pytest.approx(t, **exact)
    pair = Pair([0.0, 3.0], [1.0, 1.0], [0.0, -np.inf], [-np.inf, 0.0])
    mixed = np.logaddexp(pair.log_p, pair.log_q) - np.log(2)
    assert -mixed @ [0.5, 0.5] == pytest.approx(np.log(2), **exact)  # JSD; ln(p/q) is infinite where p is


def penalised(pair, lam=10.0):
    grid = Pair.gaussian(*pair)
    F, G = stats.norm(*pair[:2]).cdf(grid.x), stats.norm(*pair[2:]).cdf(grid.x)
    r = wasserstein.interpolate_density(grid.x, *pair)
    return grid, r, wasserstein.penalised_critic(grid.weights, F, G, r, lam=lam)


def test_a_gradient_penalty_does_not_estimate_w1():
    grid, r, found = penalised(A)
    assert grid.weights @ r == pytest.approx(1, abs=1e-9)
    assert found.estimate == pytest.approx(1.0544535555, **exact)
    assert found.objective == pytest.approx(1.0272267777, **exact)
    at = np.array([0.5])
    r_half = wasserstein.interpolate_density(at, *A)
    assert r_half[0] == pytest.approx(0.4736463941, **exact)
    F, G = stats.norm(1, 1).cdf(at), stats.norm(0, 1).cdf(at)
    assert wasserstein.penalised_critic(np.ones(1), F, G, r_half).slope[0] == pytest.approx(1.0404230801, **exact)


def test_no_other_slope_has_a_higher_objective():
    grid, r, found = penalised(B)
    gap = stats.norm(0, 1).cdf(grid.x) - stats.norm(0.5, 0.8).cdf(grid.x)
    objective = lambda s: grid.weights @ (gap * s - 10 * r * (np.abs(s) - 1) ** 2)
    assert objective(found.slope) == pytest.approx(found.objective, **exact)
    rng = np.random.default_rng(0)
    for size in (1e-3, 0.1, 1.0):
        assert objective(found.slope + size * rng.normal(size=len(r))) < found.objective
    assert found.estimate > found.objective > wasserstein.w1_gaussian(*B)


def test_interpolates_of_gaussians_by_sampling():
    rng, n = np.random.default_rng(3), 200_000
    u = rng.uniform(size=n)
    x = u * rng.normal(0.5, 0.8, n) + (1 - u) * rng.normal(0, 1, n)
    inside = np.mean((x > 0) & (x < 0.5))
    mid = np.linspace(0, 0.5, 401)
    share = integrate.simpson(wasserstein.interpolate_density(mid, *B), x=mid)
    assert abs(inside - share) < 5.5 * np.sqrt(share * (1 - share) / n)  # false alarm 4e-8


def test_two_points_penalised():
    """At 0 and 2: r = 1/2 between them, where G - F is 1 if the data are at 2."""
    found = wasserstein.penalised_critic(np.array([2.0]), np.array([0.0]), np.array([1.0]), np.array([0.5]))
    assert [found.slope[0], found.estimate, found.objective] == pytest.approx([1.1, 2.2, 2.1], **exact)


def test_spectral_norm_bounds_a_nets_slope():
    W, a = np.array([[0.5, -1, 0.3], [0.2, 0.7, -0.4]]), np.array([[1], [-0.5], [0.8]])
    assert wasserstein.lipschitz_bound([W]) == pytest.approx(1.3434852177, **exact)
    assert np.linalg.norm(W) == pytest.approx(1.4247806849, **exact)  # Frobenius: larger, a bound but no sharp one
    bound, b = wasserstein.lipschitz_bound([W, a]), np.array([0.1, -0.2, 0.3])
    for x in np.random.default_rng(0).normal(size=(200, 2)):
        assert np.linalg.norm(W @ (a[:, 0] * (1 - np.tanh(x @ W + b) ** 2))) <= bound


def test_errors():
    with pytest.raises(ValueError, match="at least one each"):
        wasserstein.w1_rows([], [1.0])
