"""The forward process: steps make the closed form, Bayes' rule makes the posterior, gradients are those on the page."""

import numpy as np
import pytest

import tinygen as tg
from tinygen.models.diffusion.process import at, mix, noisy, posterior, step
from tinygen.models.diffusion.schedule import Schedule


def test_steps_compose_to_the_closed_form(schedule_of):
    """z_T is affine in x and the T noises: its exact mean and variance from unit inputs, no sampling."""
    s, T = schedule_of(10), 10
    x = np.eye(T + 1)[:, :1] * 1.0  # row 0: x = 1, no noise; row t: x = 0, noise 1 in step t alone
    z = x
    for t in range(1, T + 1):
        z = step(s, z, t, np.eye(T + 1)[:, t : t + 1])
        np.testing.assert_allclose(z[0, 0], np.sqrt(s.alpha_bar[t]), rtol=1e-12)
        np.testing.assert_allclose(np.sum(z[1:, 0] ** 2), s.sigma2[t], rtol=1e-12)
        np.testing.assert_allclose(noisy(s, x, t, 0 * x)[0, 0], z[0, 0], rtol=1e-12)
        np.testing.assert_allclose(noisy(s, 0 * x, t, x + 1)[1, 0], s.sigma[t], rtol=1e-12)


def test_posterior_is_bayes_rule(schedule_of, rng):
    """log q(z_t|u) + log q(u|x) is a parabola in u whose top and curvature are the posterior's mean and variance."""
    s = schedule_of(11)
    x, z = rng.standard_normal((11, 3)), rng.standard_normal((11, 3))
    for t in range(2, 12):
        b, a, sig2 = s.beta[t], s.alpha_bar[t - 1], s.sigma2[t - 1]
        precision = (1 - b) / b + 1 / sig2
        mean, var = posterior(s, z, x, t)
        np.testing.assert_allclose(var, 1 / precision, rtol=1e-10)
        expected = (np.sqrt(1 - b) * z / b + np.sqrt(a) * x / sig2) / precision
        np.testing.assert_allclose(mean, expected, rtol=1e-9, atol=1e-12)
    mean, var = posterior(s, z, x, 1)
    np.testing.assert_array_equal(mean, x)
    assert var == 0


def test_steps_of_different_rows(rng):
    s = Schedule.linear(20)
    x, eps, t = rng.standard_normal((5, 3)), rng.standard_normal((5, 3)), np.array([1, 20, 7, 7, 2])
    together = noisy(s, x, t, eps)
    mean, _ = posterior(s, together, x, t)
    for i in range(5):
        alone = noisy(s, x[i : i + 1], int(t[i]), eps[i : i + 1])
        np.testing.assert_array_equal(together[i], alone[0])
        np.testing.assert_array_equal(mean[i], posterior(s, alone, x[i : i + 1], int(t[i]))[0][0])


def test_float32_stays(rng):
    s, x = Schedule.linear(20), rng.standard_normal((5, 3), np.float32)
    for value in (noisy(s, x, 3, x), step(s, x, np.array([1, 2, 3, 4, 5]), x), *posterior(s, x, x, 4)):
        assert value.dtype == np.float32


def test_hand_derived_gradients_of_the_noisy_draw(rng):
    """Three ways: derived on paper, by the engine from the formula, numeric; at shapes that broadcast."""
    from tinygen.measure import numeric

    x, eps, g = rng.standard_normal((3, 5, 2))
    args = (x, eps, rng.standard_normal((5, 1)), np.array(0.7))
    for i in range(4):
        f = lambda array, f=mix, i=i: np.sum(g * f(*args[:i], array, *args[i + 1 :]))
        plain = lambda array, f=f: f(array, mix.__wrapped__)
        byhand, automatic = tg.grad(f)(args[i]), tg.grad(plain)(args[i])
        expected, bar = numeric.derivative(f, args[i])
        np.testing.assert_allclose(byhand, automatic, rtol=1e-12, atol=1e-13)
        assert byhand.shape == args[i].shape and np.all(np.abs(byhand - expected) <= bar + 1e-12)
        assert np.max(bar) < 1e-7


@pytest.mark.parametrize(
    "t, error, words",
    [
        (11, ValueError, "t is 11; expected steps 0 to T = 10"),
        (-1, ValueError, "t is -1"),
        (True, TypeError, "dtype bool"),
        (np.array([1, 2, 12]), ValueError, "goes from 1 to 12"),
        (1.0, TypeError, "whole numbers"),
        (np.array([1, 2]), ValueError, "each of the 3 rows"),
    ],
)
def test_a_t_that_is_none(t, error, words):
    with pytest.raises(error, match=words):
        at(Schedule.linear(10).beta, t, np.zeros((3, 2)))


def test_steps_without_a_meaning_and_noise_of_another_shape():
    """t = 0 is the data: nothing steps there, and no posterior comes before it."""
    s, x = Schedule.linear(10), np.zeros((3, 2))
    np.testing.assert_array_equal(noisy(s, x + 1, 0, x), x + 1)
    for act in (lambda: step(s, x, 0, x), lambda: posterior(s, x, x, 0)):
        with pytest.raises(ValueError, match="t is 0; expected steps 1 to"):
            act()
    with pytest.raises(ValueError, match=r"eps of shape \(1, 2\); expected that of x"):
        noisy(s, x, 3, x[:1])
    with pytest.raises(TypeError, match="dtype int64; expected floats"):
        noisy(s, x.astype(np.int64), 3, x)
