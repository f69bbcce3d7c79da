"""Sampling that begins at data: inversion, variation, interpolation, inpainting, with oracles for the net."""

import numpy as np
import pytest

from tinygen.models import VAE, Diffusion
from tinygen.models.diffusion import one_page, samplers
from tinygen.models.diffusion.schedule import Schedule
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion
from tinygen.oracles.mixture_diffusion import MixtureDiffusion

MEAN, VAR = np.array([0.5, -0.3, 1.0]), np.array([0.3, 1.0, 2.0])


@pytest.mark.parametrize("kind", ["x", "eps", "v"])
def test_inversion_is_the_ode_s_exact_map_and_heun_leads_back(kind, ideal, rng):
    """On Gaussian data z_T - sqrt(a) m is the deviation from the mean times sqrt(c_T/c_0), here up to the first step,
    whose noise of variance s_1^2 = e^-9 the ODE takes for data."""
    oracle, x = GaussianDiffusion(MEAN, VAR), rng.standard_normal((7, 3))
    errors = []
    for T in (40, 80, 160):
        s = Schedule.log_linear(T, 9.0, -6.0)
        predict = ideal(s, oracle, kind)
        path = list(samplers.invert(s, predict, kind, x))
        a = s.alpha_bar[-1]
        exact = np.sqrt(a) * MEAN + (x - MEAN) * oracle.ode_gain(1.0, a)
        errors.append(np.abs(path[-1] - exact).max())
        back = one_page.last(samplers.heun(s, predict, kind, path[-1]))
        assert len(path) == T + 1 and np.abs(back - x).max() < 60 / T**2
    assert errors[0] > 3 * errors[1] > 9 * errors[2]  # second order


def bent(rho):
    return MixtureDiffusion([1.0], [[0.0, 0.0]], np.array([[[1.0, rho], [rho, 1.0]]]))


def test_inpainting_by_replacement_keeps_what_is_known_and_is_biased(ideal, rng):
    """x2 given x1 = 1.5 is N(1.5 rho, 1 - rho^2). Independent columns: that, but for the schedule's error; correlated
    ones, with an exact net: too near the middle, by more than ten standard errors. False alarm: 1e-6."""
    s, n = Schedule.cosine(60), 4000
    x = np.full((n, 2), 1.5)
    for rho in (0.0, 0.8):
        predict = ideal(s, bent(rho), "x")
        z = rng.standard_normal((n, 2))
        made = one_page.last(samplers.inpaint(s, predict, "x", z, x, np.array([True, False]), rng))
        assert np.all(made[:, 0] == 1.5)
        bias, error = made[:, 1].mean() - 1.5 * rho, made[:, 1].std() / np.sqrt(n)
        if rho:
            assert -0.5 < bias < -10 * error
        else:
            assert abs(bias) < 5 * error and abs(made[:, 1].std() - 1) < 0.06


def test_inpainting_along_other_axes_is_that_of_the_turned_problem(ideal, rng):
    """A projection on the first axis is the mask of the first entry, for one mask and for one of each row."""
    s, x, z = Schedule.cosine(20), rng.standard_normal((7, 2)), rng.standard_normal((7, 2))
    predict, mask = ideal(s, bent(0.8), "x"), np.arange(14).reshape(7, 2) % 3 > 0
    made = lambda known: one_page.last(samplers.inpaint(s, predict, "x", z, x, known, np.random.default_rng(1)))
    np.testing.assert_allclose(made(np.diag([1.0, 0.0])), made(np.array([True, False])), atol=1e-12)
    np.testing.assert_allclose(made(mask[:, None] * np.eye(2)), made(mask), atol=1e-12)


def test_inpainting_of_whitened_columns():
    """Gaussian columns, whitened, are independent: so replacement is unbiased there, where it is not in the columns'
    own units. x2 given x1 = 1.5 is N(1.5 rho, 1 - rho^2), here times 3."""
    rng, rho, n = np.random.default_rng(0), 0.8, 2000
    X = rng.standard_normal((4000, 2)) @ np.linalg.cholesky([[1, rho], [rho, 1]]).T * [1.0, 3.0]
    model = Diffusion(width=16, blocks=1, max_steps=20, random_state=0, progress=False).fit(X)
    assert model.scaling_.rotate is not None
    rows = np.tile([1.5, np.nan], (n, 1))
    rows[::2] = [np.nan, 4.5]  # another mask in every second row
    made = model.inpaint(rows, np.isfinite(rows))
    np.testing.assert_array_equal(made[np.isfinite(rows)], rows[np.isfinite(rows)])
    for drawn, scale in ((made[1::2, 1], 3.0), (made[::2, 0], 1.0)):
        sd = np.sqrt(1 - rho**2)
        assert abs(drawn.mean() / scale - 1.5 * rho) < 5 * sd / np.sqrt(n / 2) + 0.03  # and of 4000 rows' estimates
        assert abs(drawn.std() / scale / sd - 1) < 0.1


@pytest.fixture(scope="module")
def fitted():
    x = np.random.default_rng(0).standard_normal((300, 3)) * [1.0, 3.0, 0.2] + [1.0, 2.0, 3.0]
    y = np.where(x[:, 0] > 1, "right", "left")
    short = dict(width=16, blocks=1, max_steps=150, random_state=0, progress=False, validation_fraction=0)
    return x, y, Diffusion(scaling="columns", **short).fit(x, y)


def test_the_estimator_s_ways_from_data(fitted):
    x, y, model = fitted
    noise = model.invert(x[:9], y[:9], steps=200)
    again = model.sample(noise=noise, y=y[:9], steps=200)
    np.testing.assert_allclose(again, x[:9], atol=0.03 * x.std())
    line = model.interpolate(x[0], x[1], 5, y=y[:2][[0, 0]][0], steps=200)
    assert line.shape == (5, 3)
    np.testing.assert_allclose(line[[0, -1]], x[:2], atol=0.1 * x.std())
    near, far = (np.abs(model.vary(x, strength=share) - x).mean() for share in (0.02, 1.0))
    assert near < 0.2 * far
    with pytest.raises(ValueError, match="strength must be a number, above 0"):
        model.vary(x, strength=0)


def test_the_estimator_s_inpainting(fitted):
    x, _, model = fitted
    holes = np.where([True, False, True], x, np.nan)
    made = model.inpaint(holes, np.array([True, False, True]))
    np.testing.assert_array_equal(made[:, [0, 2]], x[:, [0, 2]])
    assert abs(made[:, 1].std() / 3 - 1) < 0.4 and np.isfinite(made).all()
    with pytest.raises(ValueError, match="known must be bool"):
        model.inpaint(x, [1, 0, 1])
    grey = np.random.default_rng(0).integers(0, 4, (60, 5)).astype(float)
    discrete = Diffusion(width=8, blocks=1, max_steps=5, sample_steps=5, progress=False).fit(grey)
    known = np.random.default_rng(1).random(grey.shape) < 0.5
    made = discrete.inpaint(grey, known)
    assert np.array_equal(made[known], grey[known]) and np.isin(made, range(4)).all()


def test_given_noise_and_choices_at_sampling(fitted):
    model = fitted[2]
    noise = np.random.default_rng(0).standard_normal((4, 3))
    np.testing.assert_array_equal(model.sample(noise=noise), model.sample(4, noise=noise))
    assert not np.array_equal(model.sample(noise=noise, steps=3), model.sample(noise=noise))
    model.set_params(sampler="ddim")
    assert not np.array_equal(model.sample(noise=noise, eta=1.0), model.sample(noise=noise, eta=0.0))
    model.set_params(sampler="auto")
    with pytest.raises(ValueError, match=r"noise must be \(n, 3\)"):
        model.sample(noise=noise[:, :2])


def test_the_vae_s_given_noise_interpolation_and_weights(tmp_path, fitted):
    x, _, _ = fitted
    model = VAE(2, hidden=(8,), max_steps=20, random_state=0, progress=False).fit(x)
    noise = np.random.default_rng(0).standard_normal((4, 2))
    np.testing.assert_allclose(model.sample(noise=noise, observation_noise=False), model.decode(noise), rtol=1e-6)
    line = model.interpolate(x[0], x[1], 4)
    np.testing.assert_allclose(line[[0, -1]], model.decode(model.transform(x[:2])), rtol=1e-5)
    model.export_weights(tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as weights:
        assert np.array_equal(weights["encoder.0.W"], model.params_["encoder"][0]["W"]) and "decoder.1.b" in weights
    assert model.get_feature_names_out().tolist() == ["vae0", "vae1"]
