"""Every parameterisation says the same: the converter is exact, and the oracles' forms agree with it."""

import itertools

import numpy as np
import pytest

from tinygen.models.diffusion import parameterization
from tinygen.models.diffusion.parameterization import NAMES, convert, error_scale, line, truth
from tinygen.models.diffusion.process import noisy, step
from tinygen.models.diffusion.schedule import Schedule
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion


@pytest.mark.parametrize("source, target", list(itertools.product(NAMES, NAMES)))
def test_convert_between_any_two_and_back(source, target, schedule_of, rng):
    s = schedule_of(10)
    x, eps = rng.standard_normal((2, 5, 3))
    for t in (1, 4, 10, np.array([1, 10, 3, 3, 7])):
        z = noisy(s, x, t, eps)
        said = convert(s, truth(s, x, z, t, source), z, t, source, target)
        expected = truth(s, x, z, t, target)
        # x from z at a small SNR divides by it: so many digits are lost in any way of writing it
        lost = 1 + np.sqrt(1 / s.snr[1:].min()) + 1 / s.sigma[1] ** 2
        np.testing.assert_allclose(said, expected, atol=1e-14 * lost * (1 + np.abs(expected).max()))


def test_definitions(schedule_of, rng):
    """Each target as its row of the table defines it, from x and eps."""
    s = schedule_of(10)
    x, eps = rng.standard_normal((2, 5, 3))
    for t in range(1, 11):
        z, a, b = noisy(s, x, t, eps), s.alpha_bar[t], s.beta[t]
        expected = {
            "x": x,
            "eps": eps,
            "eps_step": np.sqrt(b / (1 - a)) * eps,
            "v": np.sqrt(a) * eps - np.sqrt(1 - a) * x,
            "score": -eps / np.sqrt(1 - a),
            "velocity": x - eps,
        }
        for name in NAMES:
            np.testing.assert_allclose(truth(s, x, z, t, name), expected[name], rtol=1e-9, atol=1e-9 / s.sigma[1])


def test_the_table_of_errors():
    s = Schedule.linear(10)
    snr, a, b = s.snr[1:], s.alpha_bar[1:], s.beta[1:]
    table = {
        "x": 1 + 0 * snr,
        "eps": snr,
        "eps_step": b * snr / (1 - a),
        "v": snr + 1,
        "score": snr / (1 - a),
        "velocity": (1 + np.sqrt(snr)) ** 2,
    }
    for name in NAMES:
        np.testing.assert_allclose(error_scale(s, name)[1:], table[name], rtol=1e-12)
        assert f"| `{name}` |" in parameterization.__doc__


def test_one_step_noise_given_z_and_x():
    """Its mean and variance given z_t and x, by regression on the noises of which z_t is made: exact, no sampling."""
    s = Schedule.constant(6, 0.3)
    t, noises = 5, np.eye(6)
    z = np.zeros((6, 1))
    for i in range(1, t + 1):
        z = step(s, z, i, noises[:, i - 1 : i])
    own = noises[:, t - 1]
    slope = own @ z[:, 0] / (z[:, 0] @ z[:, 0])
    np.testing.assert_allclose(slope * s.sigma[t], np.sqrt(s.beta[t] / (1 - s.alpha_bar[t])), rtol=1e-12)
    np.testing.assert_allclose(1 - slope**2 * s.sigma2[t], 1 - s.beta[t] / (1 - s.alpha_bar[t]), rtol=1e-12)
    x = np.zeros((1, 1))
    np.testing.assert_allclose(truth(s, x, x + 1, t, "eps_step"), slope, rtol=1e-12)


def test_figures_of_the_notes_one_step_noise():
    """DDPM-1000: error left even if x is known .455 at t = 2, .989 at t = 500; on data of unit variance .990 against
    .079."""
    s = Schedule.linear()
    left = lambda t: 1 - s.beta[t] / (1 - s.alpha_bar[t])
    assert (round(left(2), 3), round(left(500), 3)) == (0.455, 0.989)
    assert round(1 - s.beta[500], 3) == 0.990  # E[eps_step|z] = -sqrt(beta) score, of variance beta
    assert round(float(GaussianDiffusion(0, 1).least_error(s.alpha_bar[500], "eps")), 3) == 0.079


@pytest.mark.parametrize("kind", ["eps", "x", "v", "velocity"])
def test_least_errors_of_gaussian_data(kind):
    """E|target - E[target|z]|^2 = (how much x moves the target)^2 Var[x|z]."""
    s, oracle = Schedule.cosine(10), GaussianDiffusion(0.3, 1.7)
    for t in range(1, 11):
        var_x = 1 / (1 / 1.7 + s.snr[t])
        expected = error_scale(s, kind)[t] * var_x
        np.testing.assert_allclose(oracle.least_error(s.alpha_bar[t], kind), expected, rtol=1e-10)


def test_weight_identities(schedule_of, rng):
    """|dmu|^2/(2 btilde) in eps, x and v, for any two predictions, every t >= 2, to 1e-12.

    Predictions and the posterior's mean are straight lines, so a difference of two at one z is the line at z = 0: there
    nothing cancels. At z itself the same holds up to what cancels.
    """
    from tinygen.models.diffusion.process import posterior

    s = schedule_of(30)
    z, one, two = rng.standard_normal((3, 5, 3))
    for t in range(2, 31):
        a, b, var = s.alpha_bar[t], s.beta[t], s.posterior_var[t]
        square = lambda kind, t=t: np.sum((convert(s, one, z, t, "x", kind) - convert(s, two, z, t, "x", kind)) ** 2, 1)
        moved = posterior(s, z, one, t)[0] - posterior(s, z, two, t)[0]
        got = np.sum(moved**2, 1) / (2 * var)
        bar = 1e-11 * got + 1e-15 * np.sum(np.abs(moved) * (np.abs(z) + np.abs(moved)), 1) / var  # z cancels in `moved`
        weight_x = 0.5 * (s.snr[t - 1] - s.snr[t])
        assert np.all(np.abs(got - weight_x * square("x")) <= bar)
        apart = one - two
        of = lambda kind, t=t, d=apart: np.sum(convert(s, d, 0 * d, t, "x", kind) ** 2, 1)
        exact = np.sum(posterior(s, 0 * z, apart, t)[0] ** 2, 1) / (2 * var)
        for weight, kind in (
            (0.5 * s.snr[t - 1] * -np.expm1(s.logsnr[t] - s.logsnr[t - 1]), "x"),
            (b**2 / (2 * var * (1 - b) * (1 - a)), "eps"),
            (weight_x / (1 + s.snr[t]), "v"),
        ):
            np.testing.assert_allclose(weight * of(kind), exact, rtol=1e-12, err_msg=f"{kind}, t = {t}")
        assert np.all(np.abs(got - b**2 / (2 * var * (1 - b) * (1 - a)) * square("eps")) <= bar)
        assert np.all(np.abs(got - weight_x / (1 + s.snr[t]) * square("v")) <= bar)
        np.testing.assert_allclose(square("v"), square("eps") / a, rtol=1e-11)


def test_unknown_names_and_missing_t():
    with pytest.raises(ValueError, match="got parameterisation 'noise'; expected one of x, eps"):
        line(Schedule.linear(5), "noise")
    s, z = Schedule.linear(5), np.ones((2, 1))
    for source, target in (("x", "x"), ("eps", "v")):
        for t in (0, 6):
            with pytest.raises(ValueError, match=f"t is {t}; expected steps 1 to T = 5"):
                convert(s, z, z, t, source, target)
    with pytest.raises(ValueError, match="got parameterisation 'noise'"):
        convert(s, z, z, 1, "noise", "noise")
