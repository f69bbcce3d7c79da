"""The best discriminator in closed form: values by quadrature against SciPy's integration, brute force and samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from tinygen.nn.layers import sigmoid
from tinygen.oracles import discriminator
from tinygen.oracles.discriminator import Pair, gaussian_log_ratio, generator_slopes, optimum, poisson_log_ratio

A, B = (1.0, 1.0, 0.0, 1.0), (0.5, 0.8, 0.0, 1.0)  # mean and sd of p, of q
LN2 = np.log(2)
exact = dict(rel=0, abs=1e-10)


@pytest.mark.parametrize(
    "pair, jsd",
    [(A, 0.1114214822), ((2, 1, 0, 1), 0.3368308203), ((3, 1, 0, 1), 0.5267773065), ((0, 1, 0, 2), 0.0927333817),
     ((0, 2, 0, 1), 0.0927333817), (B, 0.0467420629)],
)  # fmt: skip
def test_jensen_shannon_and_the_value_of_the_best_discriminator(pair, jsd):
    found = Pair.gaussian(*pair)
    assert found.jsd() == pytest.approx(jsd, **exact)
    assert found.value(found.log_ratio) == pytest.approx(2 * jsd - 2 * LN2, rel=0, abs=3e-10)
    p, q = stats.norm(*pair[:2]), stats.norm(*pair[2:])  # an integral that shares nothing with the panels
    m = lambda x: (p.pdf(x) + q.pdf(x)) / 2
    half = lambda d: integrate.quad(lambda x: d.pdf(x) * (d.logpdf(x) - np.log(m(x))), -14, 16, limit=200)[0]
    assert found.jsd() == pytest.approx((half(p) + half(q)) / 2, rel=0, abs=1e-8)


def test_value_of_each_pair_and_its_two_terms():
    assert Pair.gaussian(*A).value_terms(Pair.gaussian(*A).log_ratio) == pytest.approx([-0.5817256984] * 2, **exact)
    pair = Pair.gaussian(*B)
    terms = pair.value_terms(pair.log_ratio)
    assert terms == pytest.approx([-0.6393274856, -0.6534827497], **exact)
    assert sum(terms) == pytest.approx(-1.2928102353, **exact)
    other = Pair.gaussian(*B[2:], *B[:2])  # real and fake swapped: seen in (B), not in (A)
    assert other.value_terms(other.log_ratio) == pytest.approx(terms[::-1], **exact)
    assert Pair.gaussian(*A).value(Pair.gaussian(*A).log_ratio) == pytest.approx(-1.1634513968, **exact)


def test_no_logit_on_a_grid_beats_the_best_one():
    pair = Pair.gaussian(*B)
    rng = np.random.default_rng(0)
    for size in (1e-3, 0.1, 1.0):
        for _ in range(5):
            a, b, c = size * rng.normal(size=3)
            logit = pair.log_ratio + a + b * pair.x + c * np.sin(pair.x)
            assert pair.value(logit) < pair.value(pair.log_ratio)
            gap = pair.value(pair.log_ratio) - pair.value(logit)
            assert gap == pytest.approx(pair.regret(logit), rel=1e-8, abs=1e-12)


def test_a_missing_constant_has_its_price():
    pair = Pair.gaussian(*A)
    assert pair.regret(pair.x) == pytest.approx(0.0494640697, **exact)
    assert pair.ratio_checks(pair.x)[0] == pytest.approx(1.6487212707, **exact)
    assert pair.ratio_checks(pair.log_ratio) == pytest.approx([1, 1], **exact)


def test_losses_at_chance():
    pair = Pair.gaussian(*A)
    zero = 0 * pair.x
    assert -pair.value(zero) == pytest.approx(1.3862943611, **exact)  # the sum of two
    assert -pair.value(zero) / 2 == pytest.approx(0.6931471806, **exact)  # the mean over 2 B rows
    twice = sigmoid(sigmoid(np.array([-800.0, 0.0, 800.0])))  # sigmoid applied twice
    np.testing.assert_allclose(twice[[0, 2]], [0.5, sigmoid(1.0)], atol=1e-12)
    assert round(twice[2], 4) == 0.7311
    assert abs(-pair.value(sigmoid(zero)) - 2 * LN2) > 0.01  # and at chance the loss is not 2 ln 2


def test_class_sizes_move_the_logit():
    """Rows of p three times as frequent: the best constant shift of l is ln 3, found by search."""
    pair = Pair.gaussian(*A)
    loss = lambda c: -3 * pair.value_terms(pair.log_ratio + c)[0] - pair.value_terms(pair.log_ratio + c)[1]
    shift = optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded", options=dict(xatol=1e-10)).x
    assert shift == pytest.approx(1.0986122887, abs=1e-6) and np.log(3) == pytest.approx(1.0986122887, **exact)


def test_best_accuracy_is_that_of_the_sign_of_l():
    pair = Pair.gaussian(*A)
    best = pair.accuracy(pair.log_ratio)
    assert best == pytest.approx(0.6914624613, **exact) and best == pytest.approx(stats.norm.cdf(0.5), **exact)
    assert pair.accuracy(pair.log_ratio + 0.3) < best > pair.accuracy(-pair.log_ratio)
    tv = Pair.gaussian(*B)
    assert 2 * tv.accuracy(tv.log_ratio) - 1 == pytest.approx(0.2347479110, **exact)


M1, S1, M0, S0 = np.array([1, -0.5]), np.array([[1, -0.3], [-0.3, 0.5]]), np.zeros(2), np.array([[2, 0.6], [0.6, 1]])


def test_log_ratio_of_gaussians_is_quadratic():
    Q, b, c = gaussian_log_ratio(M1, S1, M0, S0)
    found = [Q[0, 0], 2 * Q[0, 1], Q[1, 1], *b, c]
    wanted = [-0.3048780488, -1.0975609756, -0.6097560976, 0.8536585366, -0.4878048780, 0.1443666928]
    assert found == pytest.approx(wanted, **exact)
    x = np.array([0.7, -1.3])
    assert x @ Q @ x + b @ x + c == pytest.approx(1.1949764489, **exact)
    p, q = stats.multivariate_normal(M1, S1), stats.multivariate_normal(M0, S0)
    for x in np.random.default_rng(0).normal(size=(5, 2)):
        assert x @ Q @ x + b @ x + c == pytest.approx(p.logpdf(x) - q.logpdf(x), abs=1e-12)


def test_log_ratio_of_poissons():
    assert poisson_log_ratio(3, 4, 2.5) == pytest.approx(-0.0899891123, **exact)
    k = np.arange(9)
    np.testing.assert_allclose(poisson_log_ratio(k, 4, 2.5), stats.poisson(4).logpmf(k) - stats.poisson(2.5).logpmf(k))


def logistic_fit(x, y):
    """Newton's method for logistic regression with a constant: (2,)."""
    f, theta = np.stack([np.ones_like(x), x], 1), np.zeros(2)
    for _ in range(8):
        D = sigmoid(f @ theta)
        theta = theta + np.linalg.solve((f.T * (D * (1 - D))) @ f, f.T @ (y - D))
    return theta


def test_spread_of_a_fitted_logistic_regression():
    pair = Pair.gaussian(*A)
    sd = pair.logistic_regression_sd(np.ones_like(pair.x), pair.x)
    assert sd == pytest.approx([1.1287493054, 1.7450969945], **exact)
    n, repeats, rng = 400, 500, np.random.default_rng(1)
    y = np.repeat([1.0, 0.0], n)
    fits = [logistic_fit(rng.normal(size=2 * n) + y, y) for _ in range(repeats)]
    spread = np.sqrt(n) * np.std(fits, axis=0)
    # The sd of an sd of 500 is 3.2 %, asymptotics at n = 400 are good to some 2 %: 5 sd and that make 18 %.
    np.testing.assert_allclose(spread, sd, rtol=0.18)


# ---- the generator's gradients, D* held fixed; q = N(t, 1) at t = 0 ----


def test_generator_steps():
    pair = Pair.gaussian(*A)
    slopes = generator_slopes(pair.log_ratio)  # l' = 1
    steps = {name: pair.generator_step(slope) for name, slope in slopes.items()}
    assert steps["saturating"].mean == pytest.approx(-0.3979728672, **exact)
    assert steps["non_saturating"].mean == pytest.approx(-0.6020271328, **exact)
    assert steps["reverse_kl"].mean == pytest.approx(-1, **exact)
    assert steps["kl"].mean == pytest.approx(-1, **exact)
    assert steps["saturating"].var == pytest.approx(0.0406040306, **exact)
    assert steps["non_saturating"].var == pytest.approx(0.0406040306, **exact)
    near = Pair.gaussian(0.8, 1, 0, 1)  # l' = .8
    step = near.generator_step(0.8 * generator_slopes(near.log_ratio)["non_saturating"])
    assert step.mean == pytest.approx(-0.4557406652, **exact)


@pytest.mark.parametrize(
    "loss, divergence",
    [
        ("saturating", lambda pair: 2 * pair.jsd()),
        ("non_saturating", lambda pair: pair.expect_q(-pair.log_ratio) - 2 * pair.jsd()),
        ("reverse_kl", lambda pair: pair.expect_q(-pair.log_ratio)),
        ("kl", lambda pair: pair.expect_p(pair.log_ratio)),
    ],
)
@pytest.mark.parametrize("mean, sd", [(1.0, 1.0), (0.8, 1.0), (0.5, 0.8)])
def test_each_step_is_the_gradient_of_its_divergence(loss, divergence, mean, sd):
    """Against differences of the divergence as the whole generator moves: D is then no longer fixed."""
    pair, h = Pair.gaussian(mean, sd, 0, 1), 1e-4
    l_slope = pair.x - (pair.x - mean) / sd**2
    difference = divergence(Pair.gaussian(mean, sd, h, 1)) - divergence(Pair.gaussian(mean, sd, -h, 1))
    found = pair.generator_step(l_slope * generator_slopes(pair.log_ratio)[loss]).mean
    assert found == pytest.approx(difference / (2 * h), abs=1e-6)


@pytest.mark.parametrize(
    "distance, saturating, non", [(3, -0.2958637533, -2.7041362467), (6, -0.0124532392, -5.9875467608)]
)
def test_far_off_the_saturating_step_vanishes(distance, saturating, non):
    pair = Pair.gaussian(distance, 1, 0, 1)
    slopes = generator_slopes(pair.log_ratio)
    assert pair.generator_step(distance * slopes["saturating"]).mean == pytest.approx(saturating, **exact)
    assert pair.generator_step(distance * slopes["non_saturating"]).mean == pytest.approx(non, **exact)


def test_a_clamp_makes_it_exactly_zero():
    edge = np.log((1 - 1e-5) / 1e-5)
    assert edge == pytest.approx(11.5129154649, **exact)
    logit = np.array([-edge - 1e-6, -edge + 1e-6, edge - 1e-6, edge + 1e-6])
    for name in ("saturating", "non_saturating"):
        assert (generator_slopes(logit, clamp=1e-5)[name] == 0).tolist() == [True, False, False, True]


# ---- other losses ----


def test_least_squares():
    pair = Pair.gaussian(*A)
    D = optimum("least_squares", pair.log_ratio)
    np.testing.assert_allclose(D, np.tanh(pair.log_ratio / 2), atol=1e-14)
    loss = lambda D: (pair.expect_p((D - 1) ** 2) + pair.expect_q((D + 1) ** 2)) / 2
    assert loss(D) == pytest.approx(0.7959457344, **exact)
    triangle = pair.expect_p(D) - pair.expect_q(D)
    assert triangle == pytest.approx(0.4081085313, **exact)  # int (p - q)^2/(p + q) = 2 C
    for bump in (0.1 * np.cos(pair.x), 0.02 * pair.x, 0.01):
        assert loss(D + bump) > loss(D)
    step = pair.generator_step(D * (1 - D**2) / 2).mean  # (D - 0)^2/2, D' = (1 - D^2)/2
    assert step == pytest.approx(-0.0597767463, **exact)
    C = lambda t: _triangle(Pair.gaussian(1, 1, t, 1)) / 2
    assert (C(1e-4) - C(-1e-4)) / 2e-4 == pytest.approx(-0.3381961209, abs=1e-7)  # not the step
    one = sigmoid(pair.log_ratio)
    np.testing.assert_allclose(optimum("least_squares", pair.log_ratio, fake=0), one, atol=1e-14)
    assert pair.generator_step((one - 1) * one * (1 - one)).mean == pytest.approx(-0.1144374034, **exact)


def _triangle(pair):
    D = np.tanh(pair.log_ratio / 2)
    return pair.expect_p(D) - pair.expect_q(D)


def test_hinge():
    pair = Pair.gaussian(*A)
    D = optimum("hinge", pair.log_ratio)
    loss = lambda D: pair.expect_p(np.maximum(1 - D, 0)) + pair.expect_q(np.maximum(1 + D, 0))
    assert loss(D) == pytest.approx(1.2341501549, **exact)
    for other in (0.9 * D, np.tanh(pair.log_ratio), 1.2 * D, D + 0.1):
        assert loss(other) > loss(D)
    # The step is a jump of height 2 at x = 1/2, times q there; it is the gradient of 2 TV.
    tv = lambda t: _tv(Pair.gaussian(1, 1, t, 1))
    assert -2 * stats.norm.pdf(0.5) == pytest.approx(-0.7041306535, **exact)
    assert (2 * tv(1e-4) - 2 * tv(-1e-4)) / 2e-4 == pytest.approx(-0.7041306535, abs=1e-7)


def _tv(pair):
    return 2 * pair.accuracy(pair.log_ratio) - 1


def test_sigmoid_within_a_least_squares_discriminator_cannot_reach_its_optimum():
    assert optimum("least_squares", np.array(-0.5)) == pytest.approx(-0.2449186624, **exact)  # below 0: no sigmoid is


def test_smoothed_labels_are_no_ratio():
    l = np.linspace(-30, 30, 13)
    np.testing.assert_allclose(np.exp(optimum("smoothed", l, fake=0, real=0.9)).max(), 9, rtol=1e-10)
    one_sided = optimum("smoothed", l, fake=0, real=0.9)
    D = 0.9 * sigmoid(l)  # only scaled
    np.testing.assert_allclose(sigmoid(one_sided), D, atol=1e-12)
    both = optimum("smoothed", l, fake=0.1, real=0.9)
    np.testing.assert_allclose(sigmoid(both), (0.9 * np.exp(l) + 0.1) / (np.exp(l) + 1), rtol=1e-10)
    pair = Pair.gaussian(*A)
    assert abs(pair.ratio_checks(optimum("smoothed", pair.log_ratio, fake=0.1, real=0.9))[0] - 1) > 0.05
    for real, fake in ((0.9, 0.1), (0.8, 0.0)):  # by search, at one point
        point = pair.log_ratio[len(pair.x) // 2]
        p = sigmoid(point)
        share = p * real + (1 - p) * fake
        risk = lambda s, share=share: -share * np.log(sigmoid(s)) - (1 - share) * np.log(sigmoid(-s))
        best = optimize.minimize_scalar(risk, bounds=(-5, 5), method="bounded", options=dict(xatol=1e-10)).x
        assert best == pytest.approx(optimum("smoothed", point, fake=fake, real=real), abs=1e-5)


@given(st.floats(-3, 3), st.floats(0.3, 3), st.floats(0.3, 3))
def test_at_the_optimum_both_ratio_checks_are_one(mean, sd_p, sd_q):
    pair = Pair.gaussian(mean, sd_p, 0, sd_q)
    assert pair.ratio_checks(pair.log_ratio) == pytest.approx([1, 1], abs=1e-9)
    assert 0 <= pair.jsd() + 1e-12 and pair.jsd() <= LN2
    assert pair.value(pair.log_ratio) == pytest.approx(2 * pair.jsd() - 2 * LN2, abs=1e-9)


# ---- a VAE's q beside a discriminator (linear-Gaussian, w = 1.3, s2 = .4) ----


def test_a_discriminator_in_place_of_a_kl():
    pair = Pair.gaussian(0.6, 0.5, 0, 1)  # q(z|x) as the first, the prior as the second
    T = pair.log_ratio
    at = lambda z: stats.norm(0.6, 0.5).logpdf(z) - stats.norm.logpdf(z)
    assert at(1.0) == pytest.approx(0.8731471806, **exact)
    assert pair.expect_p(T) == pytest.approx(0.4981471806, **exact)  # KL(q || prior)
    assert pair.jsd() == pytest.approx(0.1432073739, **exact)  # what the discriminator's value gives instead


def test_why_q_is_no_discriminator():
    w, s2 = 1.3, 0.4
    var, gain = s2 / (w**2 + s2), w / (w**2 + s2)
    logit = lambda x, z: stats.norm(gain * x, np.sqrt(var)).logpdf(z) - stats.norm.logpdf(z)
    assert logit(1, 0.5) == pytest.approx(0.9128368487, **exact)
    joint = np.array([[w**2 + s2, w], [w, 1.0]])  # of (x, z)
    Q, _, c = gaussian_log_ratio(np.zeros(2), joint, np.zeros(2), np.diag(np.diag(joint)))
    point = np.array([1, 0.5])
    assert point @ Q @ point + c == pytest.approx(0.9128368487, **exact)  # the same: pairs against shuffled pairs
    rate = -np.log(var) / 2
    assert rate == pytest.approx(0.8267273989, **exact) and np.trace(Q @ joint) + c == pytest.approx(rate, **exact)
    assert gain**2 * (w**2 + s2) + var == pytest.approx(1, **exact)  # q(z), averaged over x, is the prior


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Pair.gaussian(0, 0, 0, 1), "above 0"),
        (lambda: Pair([1.0, 2.0], [1.0], [1.0, 2.0], [1.0, 2.0]), r"are \(n,\)"),
        (lambda: optimum("logit", 0.0), "must be one of"),
        (lambda: optimum("smoothed", 0.0, fake=0.5, real=0.5), "smoothed labels"),
    ],
)
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_pair_of_any_dimension():
    """The value of the discriminator in the plane by a grid, of p and q that differ along one axis only: (A)'s."""
    node, weight = np.polynomial.legendre.leggauss(120)
    x = np.stack(np.meshgrid(9 * node, 9 * node, indexing="ij"), -1).reshape(-1, 2)
    log_p = stats.multivariate_normal([1, 0]).logpdf(x)
    log_q = stats.multivariate_normal([0, 0]).logpdf(x)
    pair = discriminator.Pair(x, np.outer(9 * weight, 9 * weight).ravel(), log_p, log_q)
    assert pair.jsd() == pytest.approx(0.1114214822, abs=1e-9)
