"""Edges: powers of 0, ties, kinks, infinities, empty and 0-d arrays. Exact, or as documented; never a warning."""

import warnings

import numpy as np
import pytest
import scipy.special

import tinygen as tg

INF, NAN = np.inf, np.nan
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def slope(f, x, dtype=np.float64, **options):
    """The derivative of an element-wise f at the numbers x, and that it agrees on arrays and on single numbers."""
    x = np.array(x, dtype)
    together = tg.grad(lambda x: np.sum(f(x)), **options)(x)
    assert together.dtype == dtype
    alone = np.array([tg.grad(f, **options)(number) for number in x])
    assert np.array_equal(together, alone, equal_nan=True) and alone.dtype == dtype
    return together


# ---- powers ----


@each_dtype
@pytest.mark.parametrize("n", [0, 0.0, 1, 1.0, 2, 2.0, 3, 5.0])
def test_powers_at_zero_and_below(n, dtype):
    x = np.array([-2.0, 0.0, 3.0])
    expected = n * np.array([(-2.0) ** (n - 1), float(n == 1), 3.0 ** (n - 1)])
    curvature = n * (n - 1) * np.array([(-2.0) ** (n - 2), 1.0 if n == 2 else 0.0, 3.0 ** (n - 2)])
    for f in (lambda x: x**n, lambda x: np.power(x, n), lambda x: x ** np.array(n, dtype)):
        assert np.allclose(slope(f, x, dtype), expected, rtol=1e-6)
    for f in (lambda x: x**n, lambda x: np.power(x, n)):
        assert np.allclose(slope(lambda x, f=f: tg.grad(lambda x: np.sum(f(x)))(x), x, dtype), curvature, rtol=1e-6)


def test_negative_bases_with_integer_exponents():
    x, n = np.array([-2.0, -0.5, 3.0]), np.array([-2.0, 3.0, -1.0])
    assert np.allclose(tg.grad(lambda x: np.sum(x**n))(x), n * x ** (n - 1), rtol=1e-15)
    assert np.allclose(tg.grad(lambda x: np.sum(x**-3))(x), -3 * x**-4, rtol=1e-14)
    n = np.array([-2, 3, 0])
    assert np.allclose(tg.grad(lambda x: np.sum(np.power(x, n)))(x), n * x ** (n - 1.0), rtol=1e-15)


def test_arrays_of_exponents_with_zeros():
    x, n = np.array([0.0, 0.0, 0.0, 2.0, -3.0]), np.array([0.0, 1.0, 2.0, 0.0, 0.0])
    assert np.array_equal(tg.grad(lambda x: np.sum(x**n))(x), [0, 1, 0, 0, 0])


@each_dtype
def test_zero_to_a_power_by_the_exponent(dtype):
    for f in (lambda y: 0.0**y, lambda y: np.power(np.zeros((), y.dtype), y), lambda y: 0**y):
        assert np.array_equal(slope(f, [0.5, 1.0, 2.0], dtype), [0, 0, 0])
    assert np.array_equal(slope(lambda y: 1.0**y, [0.0, 2.0], dtype), [0, 0])
    assert np.allclose(slope(lambda y: 2.0**y, [0.0, 2.0], dtype), np.log(2) * np.array([1, 4]))


def test_the_exponent_zero_in_mixed_second_derivatives():
    mixed = tg.grad(lambda n: tg.grad(lambda x: x**n)(2.0))
    assert np.isclose(mixed(0.0), 0.5)  # d/dn of n x^(n-1) at n = 0 is 1/x
    assert np.isclose(mixed(3.0), 4.0 + 12.0 * np.log(2.0))


# ---- kinks and ties ----


@each_dtype
def test_the_derivative_of_the_absolute_value_at_zero_is_zero(dtype):
    for f in (np.abs, np.fabs, abs):
        assert np.array_equal(slope(f, [-2.0, -0.0, 0.0, 3.0], dtype), [-1, 0, 0, 1])
    assert np.array_equal(slope(np.sign, [-2.0, 0.0, 3.0], dtype, allow_zero=True), [0, 0, 0])


@each_dtype
def test_maximum_shares_ties(dtype):
    zero = np.zeros((), dtype)
    for f in (lambda x: np.maximum(x, 0), lambda x: np.maximum(0.0, x), lambda x: np.fmax(x, zero)):
        assert np.array_equal(slope(f, [-1.0, 0.0, 1.0], dtype), [0, 0.5, 1])
    for f in (lambda x: np.minimum(x, 0), lambda x: np.minimum(0, x), lambda x: np.fmin(zero, x)):
        assert np.array_equal(slope(f, [-1.0, 0.0, 1.0], dtype), [1, 0.5, 0])
    assert np.array_equal(slope(lambda x: np.maximum(x, x), [-1.0, 0.0], dtype), [1, 1])
    assert np.array_equal(slope(lambda x: np.clip(x, -1, 1), [-2.0, -1, 0, 1, 2], dtype), [0, 0.5, 1, 0.5, 0])


def test_fmax_and_maximum_with_nan():
    a, b = np.array([1.0, NAN, NAN]), np.array([NAN, 1.0, NAN])
    for f in (np.fmax, np.fmin):
        ga, gb = tg.grad(lambda a, b, f=f: np.sum(np.nan_to_num(f(a, b))), (0, 1))(a, b)
        assert np.array_equal(ga, [1, 0, 0]) and np.array_equal(gb, [0, 1, 0])


@each_dtype
def test_extremes_share_ties(dtype):
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]], dtype)
    third = 1 / 3
    for f in (np.max, np.amax):
        gradient = tg.grad(lambda x, f=f: np.sum(f(x, axis=1)))(x)
        assert gradient.dtype == dtype
        assert np.allclose(gradient, [[0, 0.5, 0.5], [third, third, third]])
        assert np.allclose(tg.grad(f)(x), [[0, 0.5, 0.5], [0, 0, 0]])
    assert np.allclose(tg.grad(lambda x: np.sum(np.min(x, axis=1)))(x), [[1, 0, 0], [third, third, third]])
    assert np.allclose(tg.grad(np.median)(np.array([1.0, 2.0, 2.0, 3.0], dtype)), [0, 0.5, 0.5, 0])
    assert np.allclose(tg.grad(np.median)(np.array([1.0, 2.0, 4.0, 3.0], dtype)), [0, 0.5, 0, 0.5])
    assert np.allclose(tg.grad(lambda x: np.linalg.norm(x, np.inf))(np.array([3.0, -3.0, 1.0], dtype)), [0.5, -0.5, 0])
    assert np.allclose(tg.grad(np.ptp)(np.array([1.0, 3.0, 3.0], dtype)), [-1, 0.5, 0.5])


@each_dtype
def test_sorting_with_ties_hands_each_cotangent_to_one_element(dtype):
    x = np.array([2.0, 1.0, 2.0, 2.0], dtype)
    for f in (np.sort, lambda x: np.partition(x, 2)):
        _, pull = tg.vjp(f)(x)
        gradient = pull(np.array([1, 2, 4, 8], dtype))
        assert gradient[1] == 1 and sorted(gradient) == [1, 2, 4, 8]


@each_dtype
@pytest.mark.parametrize("ord", [None, 2, 1, 3, np.inf])
def test_the_norm_at_zero_has_gradient_zero(ord, dtype):
    zeros = np.zeros(3, dtype)
    gradient = tg.grad(lambda x: np.linalg.norm(x, ord))(zeros)
    assert np.array_equal(gradient, zeros) and gradient.dtype == dtype
    rows = np.array([[3.0, 4.0], [0.0, 0.0]], dtype)
    gradient = tg.grad(lambda x: np.sum(np.linalg.norm(x, axis=1)))(rows)
    assert np.allclose(gradient, [[0.6, 0.8], [0, 0]]) and gradient.dtype == dtype


@each_dtype
def test_the_standard_deviation_of_equal_numbers_has_gradient_zero(dtype):
    assert np.array_equal(tg.grad(np.std)(np.full(4, 3.0, dtype)), np.zeros(4))
    assert np.array_equal(tg.grad(np.std)(np.full(1, 3.0, dtype)), [0])
    for value in (0.1, -0.7, 1e20, 1e-20):  # whose mean is rounded, so that the std is not 0
        assert np.array_equal(tg.grad(np.std)(np.full(3, value, dtype)), np.zeros(3))
    nearly = np.array([1, 1, 1 + 1e-4], dtype)
    assert np.allclose(tg.grad(np.std)(nearly), np.array([-1, -1, 2]) / np.sqrt(18), rtol=1e-2)


def test_a_product_with_zeros_whose_other_factors_overflow():
    with np.errstate(all="ignore"):
        x = np.array([0, 0, 1e13, 1e13, 1e13, 1e13], np.float32)
        assert np.array_equal(tg.grad(np.prod)(x), np.zeros(6))
        assert np.array_equal(tg.grad(np.prod)(x[::-1].copy())[:4], np.zeros(4)) or np.isnan(np.prod(x[::-1]))
        assert np.isnan(tg.grad(np.prod)(np.array([0, np.nan, 1], np.float32))[0])


def test_a_mean_of_more_numbers_than_float16_can_count():
    gradient = tg.grad(np.mean)(np.zeros(70_000, np.float16))
    assert np.allclose(gradient, np.float16(1 / 70_000))


def test_square_roots_at_zero_are_infinitely_steep():
    with np.errstate(divide="ignore"):
        assert np.array_equal(slope(np.sqrt, [0.0, 4.0]), [INF, 0.25])
        assert np.array_equal(slope(lambda x: x**0.5, [0.0, 4.0]), [INF, 0.25])
    assert np.array_equal(tg.grad(lambda a, b: np.hypot(a, b), (0, 1))(0.0, 0.0), (0, 0))


# ---- far out ----


@each_dtype
def test_saturated_functions(dtype):
    far = [-1000.0, 1000.0]
    assert np.array_equal(slope(np.tanh, far, dtype), [0, 0])
    assert np.array_equal(slope(scipy.special.expit, far, dtype), [0, 0])
    assert np.array_equal(slope(lambda x: 0.5 * (1 + np.tanh(0.5 * x)), far, dtype), [0, 0])
    assert np.array_equal(slope(lambda x: np.logaddexp(0, x), far, dtype), [0, 1])
    assert np.array_equal(slope(lambda x: np.logaddexp(x, 0), far, dtype), [0, 1])
    assert np.array_equal(slope(np.arctan, [-INF, INF], dtype), [0, 0])
    assert np.array_equal(slope(np.tanh, [-INF, INF], dtype), [0, 0])
    assert np.allclose(slope(scipy.special.log_ndtr, [-1000.0, 1000.0], dtype), [1000.001, 0], rtol=1e-5)
    assert np.array_equal(slope(lambda x: np.hypot(x, 1e3), [1e30], dtype), [1])
    assert np.allclose(slope(lambda x: np.arctan2(x, 2e30), [1e30], dtype), [0.4e-30], rtol=1e-5, atol=0)


@each_dtype
def test_small_derivatives_keep_their_digits(dtype):
    x = np.array([-30.0, -60.0], dtype)
    assert np.allclose(slope(scipy.special.expit, x, dtype), np.exp(x.astype(float)), rtol=1e-6, atol=0)
    assert np.allclose(slope(np.expm1, x, dtype), np.exp(x.astype(float)), rtol=1e-5, atol=0)


@each_dtype
def test_logaddexp_with_infinities(dtype):
    a = np.array([-INF, -INF, 0.0, INF, INF, INF], dtype)
    b = np.array([-INF, 1.0, -INF, 0.0, -INF, INF], dtype)
    for f in (np.logaddexp, np.logaddexp2):
        ga, gb = tg.vjp(f, (0, 1))(a, b)[1](np.ones(6, dtype))
        assert np.array_equal(ga, [0.5, 0, 1, 1, 1, 0.5]) and np.array_equal(gb, [0.5, 1, 0, 0, 0, 0.5])
        assert ga.dtype == gb.dtype == dtype


@each_dtype
def test_logsumexp_with_infinities(dtype):
    x = np.array([[0.0, -INF, 0.0], [-INF, -INF, -INF], [1000.0, 1000.0, -1000.0]], dtype)
    value, gradient = tg.value_and_grad(lambda x: np.sum(np.exp(tg.logsumexp(x, axis=1) - 1000)))(x)
    assert np.isclose(value, 2, rtol=1e-4) and gradient.dtype == dtype
    assert np.allclose(gradient, [[0, 0, 0], [0, 0, 0], [1, 1, 0]], rtol=1e-4)
    each = tg.jacobian(lambda x: tg.logsumexp(x, axis=1))(x)
    assert np.allclose(each[0, 0], [0.5, 0, 0.5]) and np.array_equal(each[1, 1], [0, 0, 0])
    assert np.array_equal(tg.logsumexp(x[1]), -INF) and tg.logsumexp(np.array([INF, 0.0])) == INF
    assert np.all(np.isnan(tg.grad(tg.logsumexp)(np.array([NAN, 1.0]))))


@each_dtype
def test_softmax_far_out(dtype):
    x = np.array([1000.0, 0.0, -INF], dtype)
    assert np.array_equal(tg.softmax(x), [1, 0, 0])
    assert np.array_equal(tg.jacobian(tg.softmax)(x), np.zeros((3, 3)))
    assert np.array_equal(tg.log_softmax(x)[:2], [0, -1000])
    rows = np.array([[1000.0, 999.0], [-1000.0, -1001.0]], dtype)
    assert np.allclose(tg.softmax(rows), tg.softmax(np.array([1.0, 0.0], dtype)))
    assert np.array_equal(tg.jacobian(tg.log_softmax)(x[:2]), [[0, 0], [-1, 1]])


def test_nan_stays_nan():
    for f in (np.sin, np.tanh, np.exp, lambda x: x**2, lambda x: np.maximum(x, NAN) * x):
        assert np.isnan(tg.grad(f)(NAN))
    assert np.array_equal(tg.grad(lambda x: np.sum(np.nan_to_num(x)))(np.array([1.0, NAN, INF])), [1, 0, 0])
    x = np.array([1.0, NAN, 2.0])
    assert np.array_equal(tg.grad(lambda x: np.sum(np.where(np.isnan(x), 0.0, x) ** 2))(x), [2, 0, 4])


@each_dtype
def test_products_with_zeros(dtype):
    for x, expected in (
        ([0.0, 2.0, 3.0], [6, 0, 0]),
        ([0.0, 0.0, 3.0], [0, 0, 0]),
        ([2.0, 3.0, 5.0], [15, 10, 6]),
    ):
        gradient = tg.grad(np.prod)(np.array(x, dtype))
        assert np.array_equal(gradient, expected) and gradient.dtype == dtype
    J = tg.jacobian(np.cumprod)(np.array([2.0, 0.0, 3.0], dtype))
    assert np.array_equal(J, [[1, 0, 0], [0, 2, 0], [0, 6, 0]])
    H = tg.hessian(np.prod)(np.array([0.0, 0.0, 3.0], dtype))
    assert np.array_equal(H, [[0, 3, 0], [3, 0, 0], [0, 0, 0]])


@each_dtype
def test_xlogy_at_zero(dtype):
    x = np.array([0.0, 0.0, 2.0, 1.0], dtype)
    y = np.array([0.0, 2.0, 2.0, 4.0], dtype)
    for f, slope_y in ((scipy.special.xlogy, [0, 0, 1, 0.25]), (scipy.special.xlog1py, [0, 0, 2 / 3, 0.2])):
        gradient = tg.grad(lambda y, f=f: np.sum(f(x, y)))(y)
        assert np.allclose(gradient, slope_y) and gradient.dtype == dtype


def test_sinc_at_zero():
    derivatives = [np.sinc]
    for _ in range(3):
        derivatives.append(tg.grad(derivatives[-1]))
    assert derivatives[1](0.0) == 0
    assert np.isclose(derivatives[2](0.0), -np.pi**2 / 3)
    assert derivatives[3](0.0) == 0
    x = np.array([0.003, 0.0099, 0.0101, 0.5])  # on both sides of where the series takes over
    u = np.pi * x.astype(np.longdouble)
    exact = (u * np.cos(u) - np.sin(u)) / (u * x)
    assert np.allclose(slope(np.sinc, x).astype(np.longdouble), exact, rtol=2e-12, atol=0)


def test_steps_have_derivative_zero():
    x = [-1.5, -1.0, 0.0, 0.3, 2.0]
    rounding = (np.floor, np.ceil, np.trunc, np.rint, np.round, np.fix)
    for f in (*rounding, np.sign, lambda x: np.heaviside(x, 0.5), lambda x: x // 1):
        assert np.array_equal(slope(f, x, allow_zero=True), np.zeros(5))


# ---- eigenvalues, determinants, variances that have no derivative in part ----


def test_equal_eigenvalues():
    A = np.diag([2.0, 2.0, 5.0])
    gradient = tg.grad(lambda A: np.sum(np.linalg.eigh(A)[0] ** 2))(A)
    assert np.allclose(gradient, 2 * A)  # the trace of A A
    back = tg.grad(lambda A: np.sum((lambda w, v: (v * w) @ v.T)(*np.linalg.eigh(A)) * A))(A)
    assert np.all(np.isfinite(back))


@each_dtype
def test_slogdet_of_a_negative_determinant(dtype):
    A = np.array([[0.0, 2.0], [3.0, 1.0]], dtype)
    gradient = tg.grad(lambda A: np.linalg.slogdet(A)[1])(A)
    assert np.allclose(gradient, np.linalg.inv(A).T) and gradient.dtype == dtype
    assert np.array_equal(tg.grad(lambda A: np.linalg.slogdet(A)[0])(A), np.zeros((2, 2)))


def test_a_matrix_without_inverse_says_so():
    for f in (lambda A: np.sum(np.linalg.inv(A)), lambda A: np.sum(np.linalg.solve(A, np.ones(2)))):
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            tg.grad(f)(np.zeros((2, 2)))


def test_the_variance_of_one_number_with_ddof_1():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for f in (np.var, np.std):
            assert np.isnan(f(np.ones(1), ddof=1))
            assert np.all(np.isnan(tg.grad(lambda x, f=f: f(x, ddof=1))(np.ones(1))))


def test_weights_that_sum_to_zero():
    with pytest.raises(ZeroDivisionError):
        tg.grad(lambda x: np.average(x, weights=np.array([1.0, -1.0])))(np.ones(2))


# ---- nothing, one, and no axes at all ----


@each_dtype
def test_empty_arrays(dtype):
    empty = np.zeros((0, 3), dtype)
    for f in (np.sum, lambda x: np.sum(np.exp(x) * x), np.prod, np.linalg.norm, lambda x: np.sum(np.sort(x))):
        value, gradient = tg.value_and_grad(f)(empty)
        assert gradient.shape == (0, 3) and gradient.dtype == value.dtype == dtype
    assert np.array_equal(tg.grad(lambda x: np.sum(x[:0]))(np.ones(3, dtype)), np.zeros(3))
    assert np.array_equal(tg.grad(lambda x: np.sum(np.concatenate([x[:0], x])))(np.ones(3, dtype)), np.ones(3))
    gradient = tg.grad(lambda x: np.sum(x @ np.ones((0, 4), dtype)))(np.zeros((3, 0), dtype))
    assert gradient.shape == (3, 0)
    nothing = np.zeros((4, 0), dtype) @ np.zeros((0, 3), dtype)
    gradient = tg.grad(lambda w: np.sum(nothing @ w + w[0]))(np.ones(3, dtype))
    assert np.array_equal(gradient, [4, 0, 0])


@each_dtype
def test_0d_arrays(dtype):
    x = np.array(0.5, dtype)
    for f in (np.sum, np.mean, np.max, np.prod, np.median, np.ravel, np.sin, np.reshape, np.transpose, np.cumsum):
        h = lambda x, f=f: np.sum(f(x, ()) if f is np.reshape else f(x))
        gradient = tg.grad(h)(x)
        assert gradient.shape == () and gradient.dtype == dtype
        assert np.isclose(gradient, np.cos(0.5) if f is np.sin else 1)
    assert tg.grad(lambda x: x[()] * x[None][0] * x[...])(x) == pytest.approx(0.75)


@each_dtype
def test_axes_of_length_one_are_not_broadcast_away(dtype):
    a, b = np.ones((1, 3), dtype), np.ones((1, 3), dtype)
    ga, gb = tg.grad(lambda a, b: np.sum(a * b), (0, 1))(a, b)
    assert ga.shape == gb.shape == (1, 3) and np.array_equal(ga, b)
    column = np.arange(4.0, dtype=dtype)[:, None]
    ga, gc = tg.grad(lambda a, c: np.sum(a * c), (0, 1))(a, column)
    assert np.array_equal(ga, [[6, 6, 6]]) and np.array_equal(gc, [[3]] * 4)
    batch_of_one = tg.grad(lambda x: np.sum(np.mean(x, axis=0) ** 2))(np.ones((1, 3), dtype))
    assert np.array_equal(batch_of_one, [[2, 2, 2]])
