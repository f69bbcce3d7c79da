"""With the exact net the bound is log p(x), point by point; without it, it is what its parts say."""

import numpy as np
import pytest

from tinygen import gaussian
from tinygen.models.diffusion import bound, net, one_page, variances
from tinygen.models.diffusion.bound import estimate, grid_decoder, prior_term, terms
from tinygen.models.diffusion.one_page import reverse_of
from tinygen.models.diffusion.parameterization import NAMES, truth
from tinygen.models.diffusion.schedule import Schedule
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion
from tinygen.oracles.mixture_diffusion import MixtureDiffusion

MEAN, VAR = np.array([0.5, -1.0, 0.2]), np.array([0.3, 2.0, 1.0])


def exact(s, oracle, ideal, kind):
    """The net that knows, with the exact variances."""
    var = np.array([oracle.reverse(oracle.mean, s.beta[t], s.alpha_bar[t])[1] for t in range(1, s.T + 1)])
    return reverse_of(s, ideal(s, oracle, kind), kind, np.concatenate([0 * var[:1], var]))


def bound_is_log_p(s, kind, cubature, ideal, rng):
    oracle = GaussianDiffusion(MEAN, VAR)
    x = oracle.mean + np.sqrt(oracle.var) * rng.standard_normal((5, 3))
    eps, weights = cubature(3)
    found = terms(s, exact(s, oracle, ideal, kind), x, eps, weights=weights, prior=oracle.marginal(s.alpha_bar[-1]))
    # A beta near 1 is rounded, and 1 - beta is what counts; any kind but x is divided by sqrt(SNR) on its way to x.
    digits = 1e-12 + 4e-15 / (1 - s.beta.max()) + (kind != "x") * 1e-15 / np.sqrt(s.snr[-1])
    np.testing.assert_allclose(found.bound, oracle.log_prob(x).sum(1), rtol=0, atol=digits)
    assert np.all(found.prior >= 0) and np.all(found.kl >= 0)
    np.testing.assert_allclose(found.bits_per_dim(3), -found.bound / (3 * np.log(2)), rtol=1e-14)


@pytest.mark.parametrize("T", [1, 2, 10, 1000])
@pytest.mark.parametrize("kind", NAMES)
def test_the_bound_with_exact_kernels_is_log_p(T, kind, schedule_of, cubature, ideal, rng):
    bound_is_log_p(schedule_of(T), kind, cubature, ideal, rng)


def test_the_gap_of_a_standard_prior_is_the_kl_at_the_end(cubature, ideal):
    """Averaged over the data, exactly: mean over x by cubature too."""
    s, oracle = Schedule.constant(10, 0.2), GaussianDiffusion(MEAN, VAR)
    eps, weights = cubature(3)
    x = oracle.mean + np.sqrt(oracle.var) * eps[:, 0]
    found = terms(s, exact(s, oracle, ideal, "v"), x, eps, weights=weights)
    mean, var = oracle.marginal(s.alpha_bar[-1])
    gap = np.sum(0.5 * (var + mean**2 - 1 - np.log(var)))
    np.testing.assert_allclose(weights @ (oracle.log_prob(x).sum(1) - found.bound), gap, rtol=1e-11)
    assert gap > 0.05


def test_each_kl_is_the_weighted_error_of_x(cubature, ideal, rng):
    """With the posterior's variance, by the SNR identity, for a net that is wrong."""
    s = Schedule.linear(10)
    x, z = rng.standard_normal((2, 5, 3))
    predict = lambda z, t: np.sin(z)
    for t in range(2, 11):
        got = bound.kl_term(s, reverse_of(s, predict, "x"), x, z, t)
        expected = 0.5 * (s.snr[t - 1] - s.snr[t]) * np.sum((x - np.sin(z)) ** 2, 1)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ["x", "eps", "v"])
def test_trainings_weights_make_the_mean_error_the_bounds_kls(kind, rng):
    """weight "bound": a weighted squared error in any parameterisation is T times the KL of its step."""
    s, x, z = Schedule.cosine(11), rng.standard_normal((5, 3)), rng.standard_normal((5, 3))
    said = rng.standard_normal((5, 3))
    weight = one_page.weights(s, kind, "bound")
    for t in range(2, 12):
        expected = bound.kl_term(s, reverse_of(s, lambda z, t: said, kind), x, z, t)
        error = np.sum((said - truth(s, x, z, t, kind)) ** 2, axis=1)
        np.testing.assert_allclose(weight[t] * error / 11, expected, rtol=1e-9)
    assert weight[1] == weight[2] and np.all(one_page.weights(s, kind, "simple")[1:] == 1)
    assert one_page.weights(Schedule.constant(1, 0.5), kind, "bound")[1] == 1


def test_prior_term_is_the_terminal_mismatch(rng):
    s, x = Schedule.constant(10, 0.1), rng.standard_normal((5, 3))
    np.testing.assert_allclose(prior_term(s, x), s.terminal_mismatch(x), rtol=1e-12)


def test_one_step_noise_gives_the_same_reverse_mean(ideal, rng):
    """(z - sqrt(beta) E[eps_step|z]) / sqrt(1 - beta): the notes' parameterisation, sqrt(beta) in place of
    beta/sigma."""
    s, oracle, z = Schedule.linear(10), GaussianDiffusion(MEAN, VAR), rng.standard_normal((5, 3))
    for t in range(2, 11):
        said = ideal(s, oracle, "eps_step")(z, t)
        mean, _ = reverse_of(s, ideal(s, oracle, "eps_step"), "eps_step")(z, t)
        np.testing.assert_allclose(mean, (z - np.sqrt(s.beta[t]) * said) / np.sqrt(1 - s.beta[t]), rtol=1e-10)
        np.testing.assert_allclose(mean, oracle.reverse(z, s.beta[t], s.alpha_bar[t])[0], rtol=1e-10)


# ---- estimates from a few steps ----


@pytest.mark.parametrize("best", [False, True])
def test_the_estimate_is_unbiased_over_t(best, rng):
    """All t enumerated: the mean of the estimates under the law of t is the bound with the same noise, to rounding."""
    s, x, eps = Schedule.cosine(7), rng.standard_normal((1, 3)), rng.standard_normal((1, 3))
    reverse = reverse_of(s, lambda z, t: 0.5 * np.tanh(z), "eps")
    whole = terms(s, reverse, x, eps[None])
    parts = np.concatenate([whole.decoder[None], -whole.kl])[:, 0]
    p = abs(parts) / abs(parts).sum() if best else np.full(7, 1 / 7)  # least variance: in proportion to the terms
    all_t = np.arange(1, 8)
    repeat = lambda a: np.repeat(a, 7, axis=0)
    got = estimate(s, reverse, repeat(x), all_t, repeat(eps), probability=p if best else None)
    np.testing.assert_allclose(p @ got, whole.bound[0], rtol=1e-12)
    if best:  # and it varies less than with uniform t
        uniform = estimate(s, reverse, repeat(x), all_t, repeat(eps))
        assert p @ got**2 - (p @ got) ** 2 < np.mean(uniform**2) - np.mean(uniform) ** 2


def test_antithetic_times_are_uniform_each_and_even_together():
    """Over an even grid of the one random number u each row's t takes every value equally often; in each draw, every t
    comes n/T times."""

    class Even:
        def __init__(self, u):
            self.random = lambda: u
            self.permutation = np.asarray

    T, n = 5, 10
    draws = np.array([one_page.uniform_times(Even((i + 0.5) / 1000), T, n) for i in range(1000)])
    for row in draws.T:
        np.testing.assert_array_equal(np.bincount(row, minlength=T + 1)[1:], 200)
    for draw in draws:
        np.testing.assert_array_equal(np.bincount(draw, minlength=T + 1)[1:], 2)
    shuffled = one_page.uniform_times(np.random.default_rng(0), 100, 100)
    assert np.any(np.diff(shuffled) < 0) and set(shuffled) == set(range(1, 101))


# ---- variances ----


def test_optimal_variance_is_the_exact_one_for_gaussian_data(schedule_of):
    s, oracle = schedule_of(10), GaussianDiffusion(MEAN, VAR)
    squared = 1 / np.array([oracle.marginal(a)[1] for a in s.alpha_bar])  # E score^2 = 1/c
    got = variances.optimal(s, squared)
    for t in range(1, 11):
        expected = oracle.reverse(MEAN, s.beta[t], s.alpha_bar[t])[1]
        np.testing.assert_allclose(got[t], expected, rtol=1e-7, atol=1e-15)


def test_total_variance_is_the_exact_one(schedule_of, rng):
    """Of Gaussian data, where Var[x|z] = lam (1 - a)/c whatever z."""
    s, oracle, z = schedule_of(10), GaussianDiffusion(MEAN, VAR), rng.standard_normal((5, 3))
    total = variances.total(s, lambda z, t: np.broadcast_to(oracle.least_error(s.alpha_bar[t], "x"), z.shape))
    for t in range(1, 11):
        expected = oracle.reverse(z, s.beta[t], s.alpha_bar[t])[1]
        np.testing.assert_allclose(total(z, t), np.broadcast_to(expected, z.shape), rtol=1e-9)


def test_the_grids_moments_are_those_of_its_distribution(rng):
    """A net that says nothing: mean and variance under Bayes' rule for equal frequencies."""
    params = net.init(0, 2, width=8, blocks=1, outputs=2 * len(VALUES), dtype=np.float64)
    z, signal, sigma = rng.standard_normal((5, 2)), np.full((5, 1), 0.8), np.full((5, 1), 0.6)
    told = net.conditioning(np.full(5, 0.5), dtype=np.float64)
    p = np.exp(-0.5 * ((z[..., None] - 0.8 * VALUES) / 0.6) ** 2)
    p /= p.sum(-1, keepdims=True)
    mean, var = net.grid_moments(params, z, told, VALUES, signal, sigma)
    np.testing.assert_array_equal(mean, net.grid_x(params, z, told, VALUES, signal, sigma))
    np.testing.assert_allclose(mean, np.sum(p * VALUES, -1), rtol=1e-12)
    expected = np.sum(p * (VALUES - mean[..., None]) ** 2, -1)
    np.testing.assert_allclose(var, expected, rtol=1e-12)


def test_optimal_variance_is_best_for_a_mixture(ideal):
    """1-D mixture: the expected KLs by quadrature over x and z; a little more or less than the optimum is worse."""
    s = Schedule.cosine(8)
    oracle = MixtureDiffusion([0.3, 0.7], [[-1.2], [0.8]], [0.1, 0.3])
    grid = np.linspace(-7, 7, 281)[:, None]
    h = 0.05
    squared = np.full(9, np.nan)
    for t in range(1, 9):
        a = s.alpha_bar[t]
        squared[t] = h * np.sum(np.exp(oracle.log_prob(grid, a)) * oracle.score(grid, a)[:, 0] ** 2)
    best = variances.optimal(s, squared)
    x = np.linspace(-3.2, 2.8, 61)[:, None]
    px = np.exp(oracle.log_prob(x))
    predict = ideal(s, oracle, "x")

    def expected_kl(var, t):
        reverse = reverse_of(s, predict, "x", var)
        total = 0.0
        for xi, p in zip(x, px):
            weight = np.exp(-0.5 * (grid[:, 0] - np.sqrt(s.alpha_bar[t]) * xi) ** 2 / s.sigma2[t])
            kl = bound.kl_term(s, reverse, np.broadcast_to(xi, grid.shape), grid, t)
            total += p * np.sum(weight * kl) / weight.sum()
        return total

    for t in (3, 6):
        at = {scale: expected_kl(best * scale, t) for scale in (0.97, 1.0, 1.03)}
        assert at[1.0] < min(at[0.97], at[1.03])


def test_the_estimated_score_square_is_the_oracles(ideal):
    s, oracle = Schedule.cosine(5), GaussianDiffusion(0.0, 2.0)
    rng = np.random.default_rng(3)
    n = 20000
    x, eps = np.sqrt(2) * rng.standard_normal((n, 1)), rng.standard_normal((n, 1))
    got = variances.squared_score(s, ideal(s, oracle, "eps"), "eps", x, eps)
    expected = 1 / oracle.marginal(s.alpha_bar[1:])[1]
    # A mean of n squares of normals: standard error sqrt(2/n) of itself; 5.3 of them for 5 numbers at 1e-6 in all.
    assert np.all(np.abs(got[1:] / expected - 1) < 5.3 * np.sqrt(2 / n))


def test_learned_range_goes_from_posterior_to_beta():
    s = Schedule.cosine(6)
    np.testing.assert_allclose(variances.between(s, 1.0)[1:], s.beta[1:], rtol=1e-12)
    np.testing.assert_allclose(variances.between(s, 0.0)[2:], s.posterior_var[2:], rtol=1e-12)
    u = np.linspace(0, 1, 14).reshape(7, 2)
    expected = u[4] * np.log(s.beta[4]) + (1 - u[4]) * np.log(s.posterior_var[4])
    np.testing.assert_allclose(np.log(variances.between(s, u)[4]), expected, rtol=1e-12)


def test_a_variance_that_the_net_computes():
    s, z = Schedule.cosine(6), np.array([[0.3, -2.0]])
    _, var = reverse_of(s, lambda z, t: z, "x", lambda z, t: t + z**2)(z, 3)
    np.testing.assert_array_equal(var, 3 + z**2)


WRONG = [("small", "'beta', 'posterior'"), (np.ones(5), "7 rows"), (np.zeros(7), "positive")]


@pytest.mark.parametrize("choice, words", WRONG)
def test_wrong_variances(choice, words):
    with pytest.raises(ValueError, match=words):
        reverse_of(Schedule.cosine(6), lambda z, t: z, "x", choice)


# ---- discrete data ----

VALUES = np.array([-1.0, -0.25, 0.5, 1.5])


@pytest.mark.parametrize("logits", [None, lambda z: np.stack([z, -z, 0.3 * z**2, 0 * z], -1)])
def test_the_grid_decoder_is_a_distribution(logits, rng):
    s, z = Schedule.constant(3, 0.5), rng.standard_normal((1, 2))
    decoder = grid_decoder(s, VALUES, logits)
    every = np.array([[[v, w]] for v in VALUES for w in VALUES])
    total = sum(np.exp(decoder(x, z)[0]) for x in every)
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    if logits is None:  # Bayes with a uniform prior over the values
        like = lambda x: np.exp(gaussian.log_density(z, np.sqrt(s.alpha_bar[1]) * x, np.log(s.sigma2[1])))
        expected = np.log(like(every[5])[0] / sum(like(x)[0] for x in every))
        np.testing.assert_allclose(decoder(every[5], z)[0], expected, rtol=1e-12)


def test_the_discrete_bound_sums_to_less_than_one(rng):
    """exp(bound) over all values of a one-pixel image: at most 1, as a lower bound on a probability must be, and not
    far below for the net that knows the values' frequencies. The noise by Gauss-Hermite."""
    from numpy.polynomial.hermite_e import hermegauss

    s = Schedule.log_linear(40, 5.0, -7.0)
    weights = np.array([0.1, 0.4, 0.3, 0.2])
    oracle = MixtureDiffusion(weights, VALUES[:, None], np.zeros(4))
    predict = lambda z, t: oracle.denoised(z, s.alpha_bar[t])
    node, w = hermegauss(30)
    decoder = grid_decoder(s, VALUES, lambda z: np.broadcast_to(np.log(weights), (*z.shape, 4)))
    x, eps = VALUES[:, None], node[:, None, None]
    found = terms(s, reverse_of(s, predict, "x"), x, eps, weights=w / w.sum(), decoder=decoder)
    gap = weights @ (np.log(weights) - found.bound)  # expected log p - bound, a KL
    assert 0 <= gap < 0.3
    assert np.exp(found.bound).sum() <= 1


def test_data_off_the_grid():
    with pytest.raises(ValueError, match="not among the 4 values"):
        grid_decoder(Schedule.constant(3, 0.5), VALUES)(np.array([[0.1]]), np.zeros((1, 1)))


def test_steps_and_moments_that_are_none(rng):
    s, x = Schedule.cosine(6), rng.standard_normal((3, 2))
    reverse = reverse_of(s, lambda z, t: z, "x")
    for t in (0, 1, 7):
        with pytest.raises(ValueError, match=f"t is {t}; expected steps 2 to T = 6"):
            bound.kl_term(s, reverse, x, x, t)
    with pytest.raises(ValueError, match="one step for each of the 3 rows"):
        estimate(s, reverse, x, 3, x)
    with pytest.raises(ValueError, match="from 0 to 2; expected steps 1"):
        estimate(s, reverse, x, np.array([2, 0, 1]), x)
    for labels in ([3], [-2], [0.0]):
        with pytest.raises(ValueError, match="0 to 2, or -1"):
            net.one_hot(np.array(labels), 3, 1)
