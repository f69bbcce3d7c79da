"""The schedule's arrays against their definitions, its notation table against code, and its errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygen as tg
from tinygen.measure import numeric
from tinygen.models.diffusion import schedule as module
from tinygen.models.diffusion.schedule import Schedule, monotone_logsnr
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion

betas = st.lists(st.floats(1e-6, 0.999), min_size=1, max_size=13)


@given(betas)
def test_every_array_is_what_the_docstring_says(beta):
    s = Schedule(beta)
    product = [1.0]
    for b in beta:
        product.append(product[-1] * (1 - b))
    np.testing.assert_allclose(s.alpha_bar, product, rtol=1e-13)
    np.testing.assert_allclose(s.snr[1:], s.alpha_bar[1:] / s.sigma2[1:], rtol=1e-13)
    np.testing.assert_allclose(s.logsnr[1:], np.log(s.snr[1:]), atol=1e-12)
    np.testing.assert_allclose(s.sigma**2 + s.alpha_bar, 1, rtol=1e-13)
    before = s.sigma2[:-1]
    np.testing.assert_allclose(s.posterior_var[1:], s.beta[1:] * before / s.sigma2[1:], rtol=1e-13)
    assert s.snr[0] == np.inf and s.beta[0] == 0 and s.posterior_var[1] == 0
    assert s.T == len(beta)


def test_one_minus_alpha_bar_does_not_cancel():
    assert Schedule([1e-20]).sigma2[1] == 1e-20


def test_the_notation_table_names_what_is_there():
    """Each `name[t]` of the table's last column is an array of the schedule, and the rows relate as printed."""
    import re

    s = Schedule.linear(10)
    names = set(re.findall(r"`(\w+)\[t\]`", module.__doc__))
    assert names == {"beta", "alpha_bar", "posterior_var"}
    assert all(len(getattr(s, name)) == s.T + 1 for name in names)
    ddpm_alpha = 1 - s.beta  # the row in which the paper's alpha_t is not the notes'
    np.testing.assert_allclose(np.cumprod(ddpm_alpha), s.alpha_bar, rtol=1e-14)


def test_schedules_in_use():
    linear = Schedule.linear()
    assert (linear.beta[1], linear.beta[-1]) == (1e-4, 0.02)
    np.testing.assert_allclose(Schedule.linear(250).beta[[1, -1]], [4e-4, 0.08])
    np.testing.assert_allclose(np.diff(Schedule.log_linear(7, 3.0, -9.0).logsnr[1:]), -2.0)
    cosine = Schedule.cosine(100)
    f = lambda t: np.cos((t / 100 + 0.008) / 1.008 * np.pi / 2) ** 2
    np.testing.assert_allclose(cosine.alpha_bar[:99], f(np.arange(99)) / f(0), rtol=1e-10)
    assert cosine.beta.max() == 0.999
    assert np.all(Schedule.constant(5, 0.3).beta[1:] == 0.3)
    kept = Schedule.from_alpha_bar(linear.alpha_bar[1:])
    np.testing.assert_allclose(kept.beta, linear.beta, rtol=1e-10)


def test_respacing_keeps_the_law_of_every_visited_step(schedule_of):
    s = schedule_of(30)
    for few in (s.respaced(7), s.respaced([2, 3, 11, 30])):
        assert few.times[0] == 0 and len(few.times) == few.T + 1 and few.times[-1] == 30
        np.testing.assert_allclose(few.alpha_bar, s.alpha_bar[few.times], rtol=1e-12)
        np.testing.assert_allclose(
            few.beta[1:], 1 - s.alpha_bar[few.times[1:]] / s.alpha_bar[few.times[:-1]], rtol=1e-9, atol=1e-15
        )


def test_terminal_mismatch_is_the_kl_and_its_report_warns():
    s = Schedule.constant(100, 0.0151)
    x = np.random.default_rng(0).standard_normal((7, 3))
    a = s.alpha_bar[-1]
    mean, var = np.sqrt(a) * x, 1 - a
    expected = 0.5 * np.sum(mean**2 + var - 1 - np.log(var), axis=1)
    np.testing.assert_allclose(s.terminal_mismatch(x), expected, rtol=1e-12)
    assert "Warning" in s.report() and "Warning" not in Schedule.linear().report()
    assert f"{expected.mean() / 3:.3g} nat" in s.report(x)


def test_figures_of_the_notes_term_7():
    """2e-5 nat a dimension for DDPM-1000 at E x^2 = 1, .123 for T = 100 at beta .0151."""
    one = np.ones((1, 1))
    assert round(float(Schedule.linear().terminal_mismatch(one)[0]), 6) == 0.00002
    assert round(float(Schedule.constant(100, 0.0151).terminal_mismatch(one)[0]), 3) == 0.123


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Schedule([]), "at least one"),
        (lambda: Schedule([[0.1]]), "shape"),
        (lambda: Schedule([0.1, 0.0]), "beta_2 = 0.0"),
        (lambda: Schedule([1.0]), "beta_1 = 1.0"),
        (lambda: Schedule([0.1, np.nan]), "beta_2 = nan"),
        (lambda: Schedule([-0.1]), "beta_1"),
        (lambda: Schedule("linear"), "dtype"),
        (lambda: Schedule.linear(0), "T = 0"),
        (lambda: Schedule.linear(True), "T = True"),
        (lambda: Schedule.linear(10).respaced(2.5), "whole number"),
        (lambda: Schedule.cosine(2.5), "whole number"),
        (lambda: Schedule.from_alpha_bar([0.9, 0.95]), "t = 2"),
        (lambda: Schedule.from_logsnr([3.0, 3.0]), "t = 2"),
        (lambda: Schedule.log_linear(5, -1.0, 1.0), "fall"),
        (lambda: Schedule.linear(10).respaced(11), "1 to T = 10"),
        (lambda: Schedule.linear(10).respaced([3, 2]), "rise"),
        (lambda: Schedule.linear(10).respaced([0, 2]), "rise"),
        (lambda: Schedule.linear(10).respaced([5, 11]), "rise"),
    ],
)
def test_errors_say_what_is_wrong(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_the_arrays_cannot_be_changed_one_by_one():
    with pytest.raises(ValueError, match="read-only"):
        Schedule.linear(10).beta[3] = 0.5


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=7))
def test_a_learned_curve_falls_whatever_its_bends(bends):
    u = np.linspace(0, 1, 101)
    logsnr = monotone_logsnr(np.array(bends), u, first=6.0, last=-7.0)
    np.testing.assert_allclose(logsnr[[0, -1]], [6, -7], atol=1e-12)
    assert np.all(np.diff(logsnr) < 0)


def test_a_schedule_can_be_learned_from_the_bound():
    """The gap of "posterior" variances on Gaussian data, T = 5, as a function of the bends: its gradient is the numeric
    one, and going down it makes a better schedule than the line it begins with."""
    oracle = GaussianDiffusion(0.0, 0.2)

    def loss(bends):
        logsnr = monotone_logsnr(bends, np.linspace(0, 1, 5), first=5.0, last=-5.0)
        snr = np.exp(logsnr)
        x_error = oracle.var / (oracle.var * snr + 1)  # the least squared error of x, at snr
        return np.sum(0.5 * (snr[:-1] - snr[1:]) * x_error[1:])  # E KL(posterior || model) of t = 2, ..., T

    bends = np.array([0.3, -0.2, 0.5, 0.1])
    expected, bar = numeric.derivative(loss, bends)
    assert np.all(np.abs(tg.grad(loss)(bends) - expected) <= bar + 1e-12) and bar.max() < 1e-8
    bends = np.zeros(4)
    for _ in range(200):
        bends = bends - 0.5 * tg.grad(loss)(bends)
    assert loss(bends) < loss(np.zeros(4)) - 0.01
