"""Samplers on Gaussian data: affine in what they draw, so their output law is found exactly, and it is the oracle's."""

import numpy as np
import pytest

from tinygen.models.diffusion import one_page, samplers, variances
from tinygen.models.diffusion.schedule import Schedule
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion
from tinygen.oracles.grid_density import pushed
from tinygen.oracles.mixture_diffusion import MixtureDiffusion

MEAN, VAR = np.array([0.5, -1.0]), np.array([0.3, 2.0])


def output_law(sampler, T):
    """Mean and variance of sampler(z, noise), affine in both, with z and noise standard normal: from unit inputs."""
    z, noise = np.zeros((T + 2, 2)), np.zeros((T, T + 2, 2))
    z[1] = 1.0
    for t in range(T):
        noise[t, t + 2] = 1.0
    out = one_page.last(sampler(z, noise))
    return out[0], np.sum((out[1:] - out[0]) ** 2, axis=0)


@pytest.mark.parametrize("choice", ["beta", "posterior", "optimal", "between"])
def test_ancestral_law(choice, schedule_of, ideal):
    s, oracle = schedule_of(10), GaussianDiffusion(MEAN, VAR)
    arrays = {
        "optimal": variances.optimal(s, 1 / np.array([oracle.marginal(a)[1] for a in s.alpha_bar])),
        "between": variances.between(s, 0.3),
    }
    given = arrays.get(choice, choice)
    predict = ideal(s, oracle, "v")
    mean, var = output_law(lambda z, noise: one_page.ancestral(s, predict, "v", z, noise, variance=given), 10)
    used = variances.variances(s, given).copy()
    if isinstance(given, str):
        used[1] = 0  # the mean alone in the last step
    expected = oracle.ancestral_law(s.beta, s.alpha_bar, used)
    np.testing.assert_allclose(mean, expected[0], atol=1e-10)
    np.testing.assert_allclose(var, expected[1], rtol=1e-9)
    if choice == "optimal":  # of Gaussian data: exact but for the start
        start = oracle.marginal(s.alpha_bar[-1])
        np.testing.assert_allclose(oracle.ancestral_law(s.beta, s.alpha_bar, used, start)[1], VAR, rtol=1e-6)


@pytest.mark.parametrize("eta", [0.0, 0.6, 1.0])
def test_ddim_law(eta, schedule_of, ideal):
    s, oracle = schedule_of(10), GaussianDiffusion(MEAN, VAR)
    predict = ideal(s, oracle, "eps")
    mean, var = output_law(lambda z, noise: one_page.ddim(s, predict, "eps", z, noise, eta=eta), 10)
    expected = oracle.ddim_law(s.alpha_bar, eta**2 * s.posterior_var)
    np.testing.assert_allclose(mean, expected[0], atol=1e-9)
    np.testing.assert_allclose(var, expected[1], rtol=1e-8)


def test_ddim_with_eta_1_is_ancestral(ideal, rng):
    s, oracle = Schedule.cosine(10), GaussianDiffusion(MEAN, VAR)
    z, noise = rng.standard_normal((5, 2)), rng.standard_normal((10, 5, 2))
    predict = ideal(s, oracle, "x")
    a = one_page.last(one_page.ddim(s, predict, "x", z, noise, eta=1.0))
    b = one_page.last(one_page.ancestral(s, predict, "x", z, noise))
    np.testing.assert_allclose(a, b, atol=1e-10)


def test_heun_law(schedule_of, ideal):
    s, oracle = schedule_of(10), GaussianDiffusion(MEAN, VAR)
    predict = ideal(s, oracle, "x")
    mean, var = output_law(lambda z, noise: samplers.heun(s, predict, "x", z), 10)
    expected = oracle.heun_law(s.alpha_bar)
    np.testing.assert_allclose(mean, expected[0], atol=1e-9)
    np.testing.assert_allclose(var, expected[1], rtol=1e-8)


@pytest.mark.parametrize("sampler, order", [(one_page.ddim, 1), (samplers.heun, 2)], ids=["ddim", "heun"])
def test_orders_of_convergence(sampler, order, ideal):
    """To the ODE's exact gain from T to the first step, on grids even in log SNR; the last step is left out."""
    oracle = GaussianDiffusion(0.0, 2.0)
    errors = []
    for T in (80, 160, 320):
        s = Schedule.log_linear(T, 6.0, -6.0)
        *_, first, _ = sampler(s, ideal(s, oracle, "eps"), "eps", np.ones((1, 1)))
        errors.append(abs(first[0, 0] - oracle.ode_gain(s.alpha_bar[-1], s.alpha_bar[1])))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders - order) < 0.1), orders


def test_ddim_on_a_uniform_angle_grid_is_of_first_order(ideal):
    oracle, errors = GaussianDiffusion(0.0, 2.0), []
    for T in (200, 400):
        angle = np.linspace(0, np.pi / 2 - 0.05, T + 1)[1:]
        s = Schedule.from_alpha_bar(np.cos(angle) ** 2)
        z = one_page.last(one_page.ddim(s, ideal(s, oracle, "x"), "x", np.ones((1, 1))))
        errors.append(abs(z[0, 0] - oracle.ode_gain(s.alpha_bar[-1], 1.0)))
    assert abs(np.log2(errors[0] / errors[1]) - 1) < 0.02


def test_ddim_on_a_grid_uniform_in_t_is_nearly_of_first_order(ideal):
    """Steps of DDPM's schedule, evenly chosen: orders of .97 to .985 at these sizes, rising to 1."""
    oracle, errors = GaussianDiffusion(0.0, 0.3), []
    for T in (80, 160, 320):
        s = Schedule.linear(1280).respaced(T)
        z = one_page.last(one_page.ddim(s, ideal(s, oracle, "eps"), "eps", np.ones((1, 1))))
        errors.append(abs(z[0, 0] - oracle.ode_gain(s.alpha_bar[-1], 1.0)))
    first, second = np.log2(np.array(errors[:-1]) / errors[1:])
    assert 0.97 < first < second < 0.987


def test_the_output_density_of_a_mixture_by_grid(ideal):
    """1-D: the density pushed through the kernels against the histogram of samples, chi-squared at a 1e-6 false
    alarm."""
    from scipy.stats import chi2

    s = Schedule.cosine(12)
    oracle = MixtureDiffusion([0.3, 0.7], [[-1.2], [0.8]], [0.05, 0.1])
    var = variances.between(s, 0.5)
    grid = np.linspace(-7, 7, 1401)
    density = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    predict = ideal(s, oracle, "x")
    reverse = one_page.reverse_of(s, predict, "x", var)
    for t in range(12, 0, -1):
        mean, step_var = reverse(grid[:, None], t)
        density = pushed(grid, density, mean[:, 0], float(step_var))
    rng, n = np.random.default_rng(5), 20000
    x = one_page.last(one_page.ancestral(s, predict, "x", rng.standard_normal((n, 1)), rng, variance=var))[:, 0]
    edges = np.linspace(-2, 2, 21)
    below = np.interp(edges, grid, np.cumsum(density) * 0.01 - density * 0.005)
    p = np.diff(np.concatenate([[0.0], below, [1.0]]))
    counts = np.bincount(np.searchsorted(edges, x), minlength=22)
    keep = n * p > 5
    statistic = np.sum((counts - n * p)[keep] ** 2 / (n * p)[keep])
    assert statistic < chi2.isf(1e-6, keep.sum() - 1)


def test_the_same_noise_gives_the_same_sample_and_dtype(ideal, rng):
    s, oracle = Schedule.cosine(5), GaussianDiffusion(MEAN, VAR)
    z = rng.standard_normal((3, 2), np.float32)
    predict = lambda z, t: ideal(s, oracle, "x")(z, t).astype(z.dtype)
    for run in (
        lambda: one_page.ancestral(s, predict, "x", z, np.random.default_rng(0)),
        lambda: one_page.ddim(s, predict, "x", z, np.random.default_rng(0), eta=0.5),
        lambda: samplers.heun(s, predict, "x", z),
    ):
        steps = list(run())
        assert len(steps) == 6 and all(step.dtype == np.float32 for step in steps)
        np.testing.assert_array_equal(steps[-1], one_page.last(run()))


@pytest.mark.parametrize("noise, got", [(None, "None"), (3, "int"), (np.ones((4, 3, 2)), r"\(4, 3, 2\)")])
def test_noise_that_is_none(noise, got):
    """An array of the wrong shape is refused before the first step, whatever the sampler."""
    s, z = Schedule.cosine(5), np.ones((3, 2))
    for sampler, options in ((one_page.ddim, {"eta": 1.0}), (one_page.ancestral, {})):
        with pytest.raises(ValueError, match=rf"give noise.*\(5, 3, 2\).*got .*{got}"):
            next(sampler(s, lambda z, t: z, "x", z, noise, **options))


@pytest.mark.parametrize("eta", [-0.1, 1.1, "1", np.nan])
def test_eta_out_of_range(eta):
    with pytest.raises(ValueError, match="expected a number from 0"):
        next(one_page.ddim(Schedule.cosine(5), lambda z, t: z, "x", np.ones((1, 1)), np.ones((5, 1, 1)), eta=eta))
