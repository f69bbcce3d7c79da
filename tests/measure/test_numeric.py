"""Numeric derivatives: the error bars hold, are narrow, and say what f is like."""

import numpy as np
import pytest
from scipy import special

from tinygen.measure.complex_step import Refused, complex_step
from tinygen.measure.noise import measure_noise
from tinygen.measure.numeric import Meter, derivative, directional
from tinygen.measure.richardson import SIGMAS, curvature, slope

DTYPES = [np.float64, np.float32]


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


# name: (f, gradient, draw(rng)); three are analytic, the others are not, so that the complex step is refused or wrong
SMOOTH = {
    "log sum exp": (lambda x: np.log(np.sum(np.exp(x))), softmax, lambda r: r.normal(size=13)),
    "product": (np.prod, lambda x: np.prod(x) / x, lambda r: r.normal(size=7)),
    "cubic": (lambda x: np.sum(x**3), lambda x: 3 * x**2, lambda r: 100 * r.normal(size=(3, 5))),
    "norm": (np.linalg.norm, lambda x: x / np.linalg.norm(x), lambda r: 1e-6 * r.normal(size=11)),
    "gamma": (lambda x: np.sum(special.gammaln(x)), special.digamma, lambda r: np.exp(r.normal(size=7))),
    "variance": (
        lambda x: np.log(np.var(x)),
        lambda x: 2 * (x - x.mean()) / x.size / x.var(),
        lambda r: r.normal(size=11),
    ),
    "log, sixteen decades": (lambda x: np.sum(np.log(x)), lambda x: 1 / x, lambda r: 10 ** r.uniform(-8, 8, 29)),
}


@pytest.mark.parametrize("real", [False, True], ids=["complex allowed", "real steps"])
@pytest.mark.parametrize("name", SMOOTH)
def test_bars_hold_and_are_narrow(name, real):
    f, gradient, draw = SMOOTH[name]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        x = draw(rng)
        meter = Meter(f, x, rng)
        found = meter.real(np.arange(x.size)) if real else meter.measure()
        exact = gradient(x).ravel()
        assert np.all(abs(found.value - exact) <= found.bar + 4e-16 * abs(exact))
        assert np.all(found.bar <= 1e-6 * np.maximum(abs(exact), 1e-4 * abs(exact).max()))


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtype_of_the_input_decides_the_bar(dtype, rng):
    x = rng.normal(size=7).astype(dtype)
    gradient, bar = derivative(lambda x: np.sum(np.sin(x)), x)
    assert gradient.dtype == bar.dtype == np.float64 and gradient.shape == x.shape
    assert np.all(abs(gradient - np.cos(x.astype(np.float64))) <= bar)
    assert np.all(bar < (1e-10 if dtype == np.float64 else 1e-3))
    if dtype == np.float32:
        assert np.all(bar > 1e-8)  # float32 cannot know more


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1.0, 1e4, 1e8])
def test_inputs_of_any_scale(scale, rng):
    x, s = scale * rng.uniform(0.5, 2, 7), scale * rng.uniform(0.5, 2, 7)
    gradient, bar = derivative(lambda x: np.sum(abs(x / s) ** 1.5 + np.log(x)), x)
    exact = 1.5 * (x / s) ** 0.5 / s + 1 / x
    assert np.all(abs(gradient - exact) <= bar) and np.all(bar <= 1e-8 * abs(exact))


def test_zeros_and_small_numbers_among_ordinary_ones(rng):
    x = rng.normal(size=13) * (rng.uniform(size=13) < 0.5)
    x[0] = 1e-11
    gradient, bar = derivative(lambda x: np.sum(np.exp(x)) + np.linalg.norm(x - 1), x)
    exact = np.exp(x) + (x - 1) / np.linalg.norm(x - 1)
    assert np.all(abs(gradient - exact) <= bar) and np.all(bar < 1e-8)


def test_directional_is_the_gradient_along_v(rng):
    x, v = rng.normal(size=(2, 3, 5))
    value, bar = directional(lambda x: np.sum(np.cos(x)), x, v)
    assert abs(value + np.sum(np.sin(x) * v)) <= bar < 1e-7
    assert directional(np.sum, x, 0 * x) == (0, 0)
    with pytest.raises(ValueError, match="shape"):
        directional(np.sum, x, v[0])


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0), (3, 1, 2)])
def test_any_shape(shape, rng):
    x = rng.normal(size=shape)
    gradient, bar = derivative(lambda x: np.sum(x**2) + 1.0, x)
    assert gradient.shape == bar.shape == shape
    assert np.all(abs(gradient - 2 * x) <= bar)


def test_errors_say_what_was_expected():
    with pytest.raises(TypeError, match="int64"):
        derivative(np.sum, np.arange(3))
    with pytest.raises(ValueError, match=r"one number, got shape \(3,\)"):
        derivative(np.sin, np.ones(3))
    with pytest.raises(TypeError, match="real number"):
        derivative(lambda x: "loss", np.ones(3))
    with pytest.raises(ValueError, match="nan at the point"):
        derivative(lambda x: np.sum(np.log(x)), np.array([1.0, -1.0]))


def test_f_may_write_into_its_argument(rng):
    def f(x):
        x *= 2
        return np.sum(x**2)

    x = rng.normal(size=5)
    before = x.copy()
    gradient, bar = derivative(f, x)
    assert np.array_equal(x, before) and np.all(abs(gradient - 8 * x) <= bar)


def test_steps_stay_in_the_domain():
    x = np.array([1e-6, 0.3, 5.0])
    gradient, bar = derivative(lambda x: np.sum(np.sqrt(x) * np.log(x)), x)
    exact = (np.log(x) + 2) / (2 * np.sqrt(x))
    assert np.all(abs(gradient - exact) <= bar) and np.all(bar < 1e-7 * abs(exact))

    def f(x):
        if np.any(x <= 0):
            raise ValueError("positive numbers only")
        return np.linalg.norm(np.log(x))

    exact = np.log(x) / x / np.linalg.norm(np.log(x))
    gradient, bar = derivative(f, x)
    assert np.all(abs(gradient - exact) <= bar)


# ---- kinks, waves, noise


def test_a_kink_gives_both_one_sided_derivatives(rng):
    x = rng.normal(size=5)
    x[2] = 0
    found = Meter(lambda x: np.sum(np.where(x > 0, 3 * x, -x) + np.sin(x)), x, rng).measure()
    assert found.low[2] == pytest.approx(0, abs=1e-9) and found.high[2] == pytest.approx(4, abs=1e-9)
    smooth = np.arange(5) != 2
    assert np.array_equal(found.low[smooth], found.high[smooth])
    assert np.all(abs(found.value - np.where(x > 0, 3, -1) - np.cos(x))[smooth] <= found.bar[smooth])


@pytest.mark.parametrize("distance", [1e-2, 1e-5, 1e-8])
def test_a_kink_close_by_does_not_count(distance, rng):
    x = 1 + distance * np.array([1.0, -1.0, 0.7])
    found = Meter(lambda x: np.sum(abs(x - 1) * x), x, rng).real(np.arange(3))
    assert np.all(abs(found.value - np.sign(x - 1) * (2 * x - 1)) <= found.bar) and np.all(found.bar < 1e-3)
    assert np.array_equal(found.low, found.high)


# a higher derivative jumps at u = 1: (f, f'), each of one number
BENDS = {
    "Huber": (lambda u: np.where(abs(u) <= 1, u**2 / 2, abs(u) - 0.5), lambda u: np.where(abs(u) <= 1, u, np.sign(u))),
    "squared hinge": (
        lambda u: np.maximum(1 - u, 0) ** 2 + np.sin(u),
        lambda u: np.cos(u) - 2 * np.maximum(1 - u, 0),
    ),
    "x |x|": (lambda u: (u - 1) * abs(u - 1) + np.exp(u), lambda u: 2 * abs(u - 1) + np.exp(u)),
    "|x|^3": (lambda u: abs(u - 1) ** 3 + u**2, lambda u: 3 * (u - 1) * abs(u - 1) + 2 * u),
    "cubic spline": (
        lambda u: u**3 - u + np.where(u < 1, 0, (u - 1) ** 3 - 2 * (u - 1) ** 2),
        lambda u: 3 * u**2 - 1 + np.where(u < 1, 0, 3 * (u - 1) ** 2 - 4 * (u - 1)),
    ),
    "fourth power": (
        lambda u: np.maximum(u - 1, 0) ** 4 + np.exp(u),
        lambda u: 4 * np.maximum(u - 1, 0) ** 3 + np.exp(u),
    ),
    "power 3/2": (
        lambda u: np.maximum(u - 1, 0) ** 1.5 + u,
        lambda u: 1.5 * np.maximum(u - 1, 0) ** 0.5 + 1,
    ),
}
DISTANCES = [0, 1e-15, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]


@pytest.mark.parametrize("name, dtype", [(n, d) for n in BENDS for d in DTYPES if (n, d) != ("power 3/2", np.float32)])
def test_bars_hold_where_a_higher_derivative_jumps(name, dtype):
    f, slope_of = BENDS[name]
    for k, distance in enumerate(DISTANCES):
        rng = np.random.default_rng(k)
        s, w = 10 ** rng.uniform(-3, 3), rng.uniform(0.5, 2, 3) * rng.choice([-1, 1], 3)
        x = s * (1 + distance * np.array([1, -1, 0.37]))
        s, w, x = dtype(s), w.astype(dtype), x.astype(dtype)
        meter = Meter(lambda x: np.sum(w * f(x / s)), x, rng)  # noqa: B023
        found = meter.real(np.arange(3))
        exact = w.astype(float) * slope_of(x.astype(float) / float(s)) / float(s)
        slack = (1e-15 if dtype == np.float64 else 1e-6) * abs(exact)
        assert np.all((found.low - found.bar - slack <= exact) & (exact <= found.high + found.bar + slack)), distance
        # a jump of the second derivative J at a distance d lets the first seem to jump by J d: that is not a kink
        if dtype == np.float64 and name != "power 3/2":
            assert np.all(found.bar + found.high - found.low <= 1e-6 * abs(exact).max()), distance


def test_one_side_only():
    found = slope(lambda t: np.exp(t) if t >= 0 else np.nan, 1.0, 0.25, 1e-16, 2e-16)
    assert found.sided == "right" and abs(found.value - 1) <= found.bar < 1e-8


def test_a_wave_with_one_phase_at_all_steps_is_seen():
    omega = 2 * np.pi * 2.0**10  # period 2**-10: all steps from 1/4 to 1/128 are multiples
    found = slope(lambda t: np.sin(omega * t) + t, 0.0, 0.25, 1e-16, 2e-16)
    assert abs(found.value - omega - 1) <= found.bar < 1e-3 * omega


@pytest.mark.parametrize("amplitude, length", [(1e-9, 1e-8), (1e-10, 3e-7), (1e-7, 1e-6)])
def test_a_wave_too_small_to_be_seen_from_afar_widens_the_bar(amplitude, length, rng):
    x = rng.normal(size=5)
    found = Meter(lambda x: np.sum(np.sin(x) + amplitude * np.sin(x / length)), x, rng).real(np.arange(5))
    assert np.all(abs(found.value - np.cos(x) - amplitude / length * np.cos(x / length)) <= found.bar)


@pytest.mark.parametrize("big", [1e4, 1e8, 1e12])
def test_cancellation_inside_f_is_measured(big, rng):
    x = rng.normal(size=5)
    for seed in range(10):
        gradient, bar = derivative(lambda x: (big + np.sum(np.sin(x))) - big, x, rng=seed)
        assert np.all(abs(gradient - np.cos(x)) <= bar)
    noise = measure_noise(lambda x: (big + np.sum(np.sin(x))) - big, x, rng)
    assert 0.02 * 2.2e-16 * big < noise.sigma < 2 * 2.2e-16 * big


def test_float32_inside_f_is_measured(rng):
    x = rng.normal(size=5)
    f = lambda x: float(np.sum(np.tanh(x.astype(np.float32))))
    assert 1e-9 < measure_noise(f, x, rng).sigma < 1e-6
    gradient, bar = derivative(f, x)
    assert np.all(abs(gradient - 1 + np.tanh(x) ** 2) <= bar) and np.all(bar > 1e-9)


def test_noise_drawn_anew_is_told(rng):
    draw = np.random.default_rng(5)
    noise = measure_noise(lambda x: np.sum(x) + draw.normal(), rng.normal(size=3), rng)
    assert not noise.repeatable and 0.2 < noise.sigma < 5
    assert measure_noise(np.sum, rng.normal(size=3), rng).repeatable


def test_rounding_noise_is_that_of_the_format(rng):
    x = rng.normal(size=100)
    for dtype in DTYPES:
        noise = measure_noise(lambda x: np.sum(np.exp(x)), x.astype(dtype), rng)
        assert 0.1 < noise.sigma / (np.finfo(dtype).eps * noise.value) < 10


# ---- the complex step

NOT_ANALYTIC = {
    "abs": lambda x: np.sum(abs(x) * x),
    "norm": lambda x: np.linalg.norm(x),
    "var": lambda x: np.var(x) + np.sum(x),
    "slogdet": lambda x: np.linalg.slogdet(np.outer(x, x) + np.eye(x.size))[1],
    "real part": lambda x: np.sum(x**2) + np.sum(np.real(x)),
    "conjugate": lambda x: np.vdot(x, x).real if x.dtype.kind == "f" else np.vdot(x, x),
}


def _filled(x):
    buffer = np.zeros(x.shape)
    for i in range(x.size):
        buffer[i] = x[i] ** 2
    return np.sum(buffer)


NOT_ANALYTIC |= {
    "real buffer": _filled,
    "asarray": lambda x: np.sum(np.asarray(x, dtype=float) ** 2),
    "float()": lambda x: sum(float(v) ** 2 for v in x),
}


@pytest.mark.parametrize("name", NOT_ANALYTIC)
def test_complex_step_is_refused_where_it_is_wrong(name, rng):
    f, x = NOT_ANALYTIC[name], rng.normal(size=5)
    meter = Meter(f, x, rng)
    assert meter.complex_refused
    found = meter.measure()
    for i in range(5):  # the truth, from another place: a central difference
        h = 1e-5 * (np.arange(5) == i)
        assert found.value[i] == pytest.approx((f(x + h) - f(x - h)) / 2e-5, rel=1e-6, abs=1e-8)


def test_complex_step_holds_for_analytic_code_and_is_exact(rng):
    x = rng.normal(size=5)
    meter = Meter(lambda x: np.sum(np.exp(x) * np.sin(x)) + np.where(x > 0, x, x**2)[0], x, rng)
    assert meter.complex_refused == ""
    exact = np.exp(x) * (np.sin(x) + np.cos(x))
    exact[0] += 1 if x[0] > 0 else 2 * x[0]
    found = meter.measure()
    assert np.all(abs(found.value - exact) <= found.bar) and np.all(found.bar < 1e-13)


def test_complex_warning_is_a_refusal(rng):
    x = rng.normal(size=3)
    with pytest.raises(Refused, match="ComplexWarning"):
        complex_step(lambda x: np.sum(x.astype(np.float64)), x, np.ones(3), np.sum(x), 1e-9, rng)
    with pytest.raises(Refused, match="different value"):
        complex_step(lambda x: np.sum(x) + (x.dtype.kind == "c"), x, np.ones(3), np.sum(x), 1e-9, rng)


# ---- second derivatives, and how often bars are allowed to miss


def test_curvature(rng):
    for _ in range(5):
        a, b = rng.uniform(0.3, 2, 2)
        found, bar = curvature(lambda t: np.exp(a * t) * np.cos(b * t), 1.0, 1e-16, 2.2e-16)  # noqa: B023
        assert abs(found - (a**2 - b**2)) <= bar < 1e-7


def test_rounding_part_of_the_bar_has_the_stated_coverage(rng):
    """Gaussian noise of known size on a straight line: the error exceeds SIGMAS standard deviations with chance 2e-9.

    So 2,000 tries fail wrongly with chance 4e-6, while a bar of half the width would miss 5 of them. That the spread in
    units of the bar is not above 1 is held to 6 standard errors (chance 1e-9).
    """
    errors = []
    for _ in range(2000):
        found = slope(lambda t: 2 * t + 1e-6 * rng.standard_normal(), 0.0, 0.25, 1e-6, 2e-16, relative=np.inf)
        assert abs(found.value - 2) <= found.bar
        errors.append((found.value - 2) / (found.rounding / SIGMAS))
    spread = np.std(errors)
    assert 0.5 < spread < 1 + 6 / np.sqrt(2 * 2000)
