"""f-divergences and their duals: quadrature against SciPy's integration, conjugates by search, bounds by other T."""

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from tinygen.oracles import f_divergences
from tinygen.oracles.discriminator import Pair
from tinygen.oracles.f_divergences import FAMILY, divergence, donsker_varadhan, dual

A, B = (1.0, 1.0, 0.0, 1.0), (0.5, 0.8, 0.0, 1.0)
exact = dict(rel=0, abs=1e-10)
KNOWN = {
    "kl": (0.5, 0.1681435513),
    "reverse_kl": (0.5, 0.2534189487),
    "pearson": (1.7182818285, 0.2881727365),
    "hellinger": (0.2350061948, 0.0984085931),
    "gan": (-1.1634513968, -1.2928102353),
    "total_variation": (0.3829249225, 0.2347479110),
}
RANGE = {"kl": (-3, 3), "reverse_kl": (-4, -0.2), "pearson": (-1.9, 3), "hellinger": (-3, 0.9), "gan": (-4, -0.1),
         "total_variation": (-0.5, 0.5)}  # fmt: skip


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("which", [0, 1])
def test_divergence_and_its_dual_at_the_best_critic(name, which):
    pair, known = Pair.gaussian(*(A, B)[which]), KNOWN[name][which]
    assert divergence(pair, name) == pytest.approx(known, **exact)
    assert dual(pair, name, FAMILY[name].critic(pair.log_ratio)) == pytest.approx(known, rel=0, abs=3e-10)


@pytest.mark.parametrize("name", FAMILY)
def test_divergence_by_another_integral(name):
    p, q = stats.norm(0.5, 0.8), stats.norm(0, 1)
    f = FAMILY[name].f
    integrand = lambda x: q.pdf(x) * f(np.exp(p.logpdf(x) - q.logpdf(x)))
    assert integrate.quad(integrand, -9, 9, limit=400)[0] == pytest.approx(KNOWN[name][1], abs=1e-7)


@pytest.mark.parametrize("name", FAMILY)
def test_conjugate_is_the_supremum(name):
    f, conjugate, _ = FAMILY[name]
    for t in np.linspace(*RANGE[name], 5):
        found = optimize.minimize_scalar(lambda v, t=t: f(np.exp(v)) - t * np.exp(v), bounds=(-25, 8), method="bounded",
                                         options=dict(xatol=1e-11))  # fmt: skip
        at_zero = -f(np.exp(-25.0))  # the supremum can be at the edge u = 0
        assert max(-found.fun, at_zero) == pytest.approx(conjugate(t), abs=1e-6)


@pytest.mark.parametrize("name", FAMILY)
def test_any_other_critic_gives_less(name):
    pair, rng = Pair.gaussian(*B), np.random.default_rng(0)
    keep = np.abs(pair.x) < 5  # far out, where nothing has mass, a bump could leave the domain of f*
    for size in (1e-3, 0.03):
        a, b = size * rng.normal(size=2)
        T = FAMILY[name].critic(pair.log_ratio)
        bump = (a + b * np.sin(pair.x)) * keep * np.minimum(1, np.abs(T) if name in ("reverse_kl", "gan") else 1)
        if name in ("hellinger", "total_variation"):
            bump = -np.abs(bump) * np.sign(T)
        assert dual(pair, name, T + bump) < divergence(pair, name) + 1e-12
        assert dual(pair, name, T + bump) != pytest.approx(divergence(pair, name), rel=0, abs=1e-13)


def test_the_critic_is_the_slope_of_f():
    for name, (f, _, critic) in FAMILY.items():
        for l in (-1.1, -0.3, 0.4, 1.2):
            h = 1e-6
            slope = (f(np.exp(l) + h) - f(np.exp(l) - h)) / (2 * h)
            assert critic(l) == pytest.approx(slope, abs=1e-8), name


def test_a_wrong_conjugate_or_pair_is_seen():
    pair, other = Pair.gaussian(*B), Pair.gaussian(*B[2:], *B[:2])
    assert divergence(other, "kl") == pytest.approx(0.2534189487, **exact)  # p and q exchanged
    T = 1 + pair.log_ratio
    f_for_conjugate = pair.expect_p(T) - pair.expect_q(T * np.log(np.maximum(T, 1e-300)))
    assert abs(f_for_conjugate - 0.1681435513) > 0.1


def test_chi_square_is_finite_only_below_twice_the_variance():
    for pair in (A, B, (0.3, 1.2, 0.1, 1.0)):
        closed = f_divergences.pearson_gaussian(*pair)
        assert closed == pytest.approx(divergence(Pair.gaussian(*pair), "pearson"), rel=1e-9)
    assert f_divergences.pearson_gaussian(*A) == pytest.approx(np.e - 1, **exact)
    assert f_divergences.pearson_gaussian(0, np.sqrt(1.999), 0, 1) > 15
    assert f_divergences.pearson_gaussian(0, np.sqrt(2), 0, 1) == np.inf


def test_a_linear_critic_loses_what_the_variances_say():
    pair = Pair.gaussian(*B)
    best = optimize.minimize(lambda ab: -dual(pair, "kl", ab[0] * pair.x + ab[1]), [0.0, 1.0], tol=1e-12)
    assert -best.fun == pytest.approx(0.125, abs=1e-9)


def test_a_critic_without_a_constant():
    pair = Pair.gaussian(*A)
    assert dual(pair, "kl", pair.x) == pytest.approx(0.3934693403, **exact)
    assert dual(pair, "kl", pair.x) == pytest.approx(1 - np.exp(-0.5), **exact)
    assert donsker_varadhan(pair, pair.x) == pytest.approx(0.5, **exact)
    assert donsker_varadhan(pair, pair.x + 7) == pytest.approx(0.5, **exact)


@pytest.mark.parametrize("labels", [(-1.0, 1.0), (0.0, 1.0), (-0.5, 2.0)])
def test_least_squares_minimum(labels):
    pair = Pair.gaussian(*B)
    triangle, least = f_divergences.least_squares_terms(pair, fake=labels[0], real=labels[1])
    p, q = stats.norm(0.5, 0.8).pdf, stats.norm(0, 1).pdf
    integral = integrate.quad(lambda x: (p(x) - q(x)) ** 2 / (p(x) + q(x)), -9, 9, limit=200)[0]
    assert triangle == pytest.approx(integral, abs=1e-8)
    D = (labels[1] * np.exp(pair.log_p) + labels[0] * np.exp(pair.log_q)) / np.exp(np.logaddexp(pair.log_p, pair.log_q))
    loss = lambda D: (pair.expect_p((D - labels[1]) ** 2) + pair.expect_q((D - labels[0]) ** 2)) / 2
    assert loss(D) == pytest.approx(least, abs=1e-10) and loss(D + 0.01) > least
