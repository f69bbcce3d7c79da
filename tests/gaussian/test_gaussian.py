"""Each Gaussian formula three ways (by hand, automatic, numeric), against SciPy, and against identities."""

import inspect
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import tinygen as tg
from tinygen import gaussian
from tinygen.measure import numeric

EPS = float(np.finfo(float).eps)
NAMES = [
    "log_density", "entropy", "kl_standard", "kl", "sample",
    "log_density_cholesky", "entropy_cholesky", "kl_standard_cholesky", "kl_cholesky", "sample_cholesky",
]  # fmt: skip
SHAPES = [(5,), (3, 5), (4, 4), (1, 1), (2, 3, 5)]


def arguments(name, shape, rng, dtype=np.float64):
    """Random arguments for `name`; factors carry rubbish above their diagonal, and a negative entry on it."""
    made = []
    for argument in inspect.signature(getattr(gaussian, name)).parameters:
        if argument.startswith("L"):
            L = rng.standard_normal((*shape, shape[-1])) * 0.4 + 1.5 * np.eye(shape[-1])
            L[..., 0, :] *= -1
            made.append(L.astype(dtype))
        else:
            made.append(rng.standard_normal(shape).astype(dtype))
    return made


def weighted(f, weights):
    return lambda *args: np.sum(weights * f(*args))


def case(name, shape, seed=0):
    rng = np.random.default_rng(seed)
    f, args = getattr(gaussian, name), arguments(name, shape, rng)
    return f, args, rng.standard_normal(np.shape(f(*args))), rng


def close(got, expected, bar=0.0, eps=EPS):
    """Equal up to the bar and to rounding, which is relative to the largest entry."""
    assert got.shape == expected.shape
    rounding = 200 * eps * (1 + np.abs(expected).max(initial=0))
    assert (np.abs(got - expected) <= bar + rounding).all(), np.abs(got - expected).max()


@pytest.mark.parametrize("name, shape", list(itertools.product(NAMES, SHAPES)))
def test_gradient_by_hand_automatic_and_numeric(name, shape):
    f, args, weights, _ = case(name, shape)
    every = tuple(range(len(args)))
    by_hand = tg.grad(weighted(f, weights), argnums=every)(*args)
    automatic = tg.grad(weighted(f.__wrapped__, weights), argnums=every)(*args)
    for i in every:
        close(by_hand[i], automatic[i])
        if np.prod(shape) <= 16:
            others = lambda a, i=i: weighted(f, weights)(*args[:i], a, *args[i + 1 :])
            expected, bar = numeric.derivative(others, args[i])
            close(by_hand[i], expected, bar)
            assert bar.max() < 1e-7


@pytest.mark.parametrize("name, shape", list(itertools.product(NAMES, SHAPES[1:3])))
def test_second_order_by_hand_automatic_and_numeric(name, shape):
    f, args, weights, rng = case(name, shape)
    for i, j in itertools.product(range(len(args)), repeat=2):
        v, w = rng.standard_normal(args[i].shape), rng.standard_normal(args[j].shape)

        def slope(a, f=f, i=i, j=j, w=w):  # the derivative along w of the gradient by argument j, as argument i moves
            return np.sum(w * tg.grad(weighted(f, weights), argnums=j)(*args[:i], a, *args[i + 1 :]))

        by_hand = np.sum(v * tg.grad(slope)(args[i]))
        automatic = np.sum(v * tg.grad(lambda a, slope=slope: slope(a, f=f.__wrapped__))(args[i]))
        close(by_hand, automatic)
        if shape == (3, 5):
            expected, bar = numeric.directional(slope, args[i], v)
            close(by_hand, np.asarray(expected), bar)
            assert bar < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_float32(name):
    f, args, weights, _ = case(name, (3, 5))
    every = tuple(range(len(args)))
    value, gradient = tg.value_and_grad(weighted(f, weights), argnums=every)(*args)
    halves = [a.astype(np.float32) for a in args]
    value32, gradient32 = tg.value_and_grad(weighted(f, weights.astype(np.float32)), argnums=every)(*halves)
    assert value32.dtype == np.float32
    eps32 = np.finfo(np.float32).eps
    close(value32, value, eps=eps32)
    for a, b in zip(gradient32, gradient):
        assert a.dtype == np.float32
        close(a, b, eps=eps32)


BROADCAST = [
    ("log_density", [(3, 5), (5,), (5,)]),
    ("log_density", [(5,), (7, 5), (1,)]),
    ("log_density", [(3, 5), (), ()]),
    ("log_density", [(5,), (7, 1, 5), (3, 1)]),
    ("kl_standard", [(3, 5), ()]),
    ("kl_standard", [(1,), (3, 5)]),
    ("kl_standard", [(), (5,)]),
    ("kl", [(3, 5), (5,), (1,), ()]),
    ("kl", [(1,), (), (3, 5), (3, 1)]),
    ("sample", [(5,), (), (2, 3, 5)]),
    ("sample", [(3, 5), (3, 5), (2, 3, 5)]),
    ("log_density_cholesky", [(3, 5), (5,), (5, 5)]),
    ("log_density_cholesky", [(5,), (3, 5), (3, 5, 5)]),
    ("kl_standard_cholesky", [(3, 5), (5, 5)]),
    ("kl_standard_cholesky", [(5,), (3, 5, 5)]),
    ("kl_cholesky", [(3, 5), (5, 5), (5,), (5, 5)]),
    ("kl_cholesky", [(5,), (5, 5), (3, 5), (2, 1, 5, 5)]),
    ("sample_cholesky", [(5,), (5, 5), (2, 3, 5)]),
    ("sample_cholesky", [(3, 5), (3, 5, 5), (2, 3, 5)]),
]


@pytest.mark.parametrize("name, shapes", BROADCAST)
def test_broadcasting_gives_the_gradient_of_the_broadcast(name, shapes):
    rng = np.random.default_rng(1)
    f, args = getattr(gaussian, name), []
    for argument, shape in zip(inspect.signature(getattr(gaussian, name)).parameters, shapes):
        args.append(rng.standard_normal(shape) + (2 * np.eye(5) if argument.startswith("L") else 0))
    value = f(*args)
    full = [
        np.broadcast_to(a, value.shape + ((5, 5) if n.startswith("L") else (5,)))
        if "sample" not in name
        else np.broadcast_to(a, value.shape + ((5,) if n.startswith("L") else ()))
        for n, a in zip(inspect.signature(f).parameters, args)
    ]
    np.testing.assert_allclose(value, f(*full), rtol=1e-12)
    weights = rng.standard_normal(value.shape)
    every = tuple(range(len(args)))
    spread = tg.grad(weighted(f, weights), argnums=every)(*full)
    for got, one, a in zip(tg.grad(weighted(f, weights), argnums=every)(*args), spread, args):
        axes = tuple(range(one.ndim - a.ndim))
        summed = one.sum(axis=axes)
        summed = summed.sum(axis=tuple(i for i, n in enumerate(a.shape) if n == 1 != summed.shape[i]), keepdims=True)
        close(got, summed.reshape(a.shape))


def test_numbers_take_the_dtype_of_the_arrays_beside_them():
    x = np.ones((3, 5), np.float32)
    assert gaussian.log_density(x, 0, -1.5).dtype == np.float32
    assert tg.grad(lambda x: np.sum(gaussian.log_density(x, 0.0, -1.5)))(x).dtype == np.float32
    assert gaussian.kl_standard([1.0, 2.0], 0.0) == 2.5


def test_log_densities_and_entropies_are_scipys():
    f, (x, mean, logvar), _, _ = case("log_density", (3, 5))
    expected = stats.norm(mean, np.exp(logvar / 2))
    np.testing.assert_allclose(f(x, mean, logvar), expected.logpdf(x).sum(-1), rtol=1e-12)
    np.testing.assert_allclose(gaussian.entropy(logvar), expected.entropy().sum(-1), rtol=1e-12)
    f, (x, mean, L), _, _ = case("log_density_cholesky", (3, 5))
    for i in range(3):
        expected = stats.multivariate_normal(mean[i], np.tril(L[i]) @ np.tril(L[i]).T)
        np.testing.assert_allclose(f(x, mean, L)[i], expected.logpdf(x[i]), rtol=1e-10)
        np.testing.assert_allclose(gaussian.entropy_cholesky(L)[i], expected.entropy(), rtol=1e-10)


def test_kl_of_full_covariances_is_the_textbook_formula():
    f, (m0, L0, m1, L1), _, _ = case("kl_cholesky", (3, 5))
    S0, S1 = (np.tril(L) @ np.swapaxes(np.tril(L), 1, 2) for L in (L0, L1))
    for i in range(3):
        d, P = m0[i] - m1[i], np.linalg.inv(S1[i])
        logdets = np.linalg.slogdet(S1[i])[1] - np.linalg.slogdet(S0[i])[1]
        expected = 0.5 * (np.trace(P @ S0[i]) + d @ P @ d - 5 + logdets)
        np.testing.assert_allclose(f(m0, L0, m1, L1)[i], expected, rtol=1e-10)


def test_kl_is_cross_entropy_minus_entropy():
    _, (m0, l0, m1, l1), _, _ = case("kl", (3, 5))
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)  # exact for the quadratic log density
    z = gaussian.sample(m0, l0, np.broadcast_to(nodes[:, None, None], (4, 3, 5)))
    cross = -(weights / weights.sum() * stats.norm(m1, np.exp(l1 / 2)).logpdf(z).sum(-1).T).sum(-1)
    np.testing.assert_allclose(gaussian.kl(m0, l0, m1, l1), cross - gaussian.entropy(l0), rtol=1e-10)


def test_all_kls_agree_where_they_meet():
    _, (m0, l0, m1, l1), _, _ = case("kl", (3, 5))
    L0, L1 = (np.exp(l / 2)[..., None] * np.eye(5) for l in (l0, l1))
    zero, eye = np.zeros(5), np.eye(5)
    np.testing.assert_allclose(gaussian.kl(m0, l0, m1, l1), gaussian.kl_cholesky(m0, L0, m1, L1), rtol=1e-10)
    np.testing.assert_allclose(gaussian.kl_standard(m0, l0), gaussian.kl(m0, l0, zero, zero), rtol=1e-12)
    np.testing.assert_allclose(gaussian.kl_standard(m0, l0), gaussian.kl_standard_cholesky(m0, L0), rtol=1e-12)
    _, (_, L, _, _), _, _ = case("kl_cholesky", (3, 5))
    np.testing.assert_allclose(
        gaussian.kl_standard_cholesky(m0, L), gaussian.kl_cholesky(m0, L, zero, eye), rtol=1e-10
    )


def test_kl_is_zero_only_at_itself_not_symmetric_and_positive():
    _, (m0, l0, m1, l1), _, _ = case("kl", (101, 5))
    assert (gaussian.kl(m0, l0, m0, l0) == 0).all()
    assert (gaussian.kl(m0, l0, m1, l1) > 0).all()
    assert (np.abs(gaussian.kl(m0, l0, m1, l1) - gaussian.kl(m1, l1, m0, l0)) > 1e-6).all()
    zero, four = np.zeros(1), np.log([4.0])
    assert gaussian.kl(zero, zero, zero, four).round(5) == 0.31815
    assert gaussian.kl(zero, four, zero, zero).round(5) == 0.80685


def test_kl_does_not_change_under_invertible_affine_maps():
    f, (m0, L0, m1, L1), _, rng = case("kl_cholesky", (3, 5))
    A, c = rng.standard_normal((5, 5)) + 2 * np.eye(5), rng.standard_normal(5)
    moved = [np.linalg.cholesky(A @ np.tril(L) @ np.swapaxes(np.tril(L), 1, 2) @ A.T) for L in (L0, L1)]
    np.testing.assert_allclose(f(m0 @ A.T + c, moved[0], m1 @ A.T + c, moved[1]), f(m0, L0, m1, L1), rtol=1e-9)


def test_chain_rule_of_kl():
    """KL of a pair = KL of the first + mean over it of the KL of the second given the first."""
    _, (m0, L0, m1, L1), _, _ = case("kl_cholesky", (2,))
    L0, L1 = np.tril(L0), np.tril(L1)
    first = gaussian.kl_cholesky(m0[:1], L0[:1, :1], m1[:1], L1[:1, :1])
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    a = m0[0] + L0[0, 0] * nodes  # given the first is a, the second has mean m + L10/L00 (a - m_0), sd L11
    means = [m[1] + L[1, 0] / L[0, 0] * (a - m[0]) for m, L in ((m0, L0), (m1, L1))]
    logvars = [2 * np.log(np.abs(L[1, 1])) for L in (L0, L1)]
    second = gaussian.kl(means[0][:, None], logvars[0], means[1][:, None], logvars[1]) @ weights / weights.sum()
    np.testing.assert_allclose(gaussian.kl_cholesky(m0, L0, m1, L1), first + second, rtol=1e-10)


@pytest.mark.parametrize("logvar", [1e-9, -1e-9])
def test_kl_near_the_prior_keeps_its_digits(logvar):
    np.testing.assert_allclose(gaussian.kl_standard(np.zeros(1), np.array([logvar])), logvar**2 / 4, atol=1e-24)


def test_kl_at_extreme_variances():
    value = gaussian.kl_standard(np.zeros(3), np.array([-1000.0, 0.0, 5.0]))
    np.testing.assert_allclose(value, 0.5 * (999 + np.expm1(5) - 5), rtol=1e-14)


FLOAT32 = np.finfo(np.float32)
wide = st.floats(-350, 350, width=32)
numbers = st.just(0.0) | st.builds(
    lambda sign, log: float(np.float32(sign * np.exp(log))), st.sampled_from([-1, 1]), st.floats(-87, 88)
)


def same_in_float32(got, expected, terms):
    """got is expected, which is computed in float64 and naively, wherever float32 holds it and the terms it adds."""
    assert got.dtype == np.float32 and not np.isnan(got).any()
    held = np.max(np.abs(terms)) < FLOAT32.max / 4
    if held:
        bar = 25 * FLOAT32.eps * (np.max(np.abs(terms)) + np.abs(expected)) + 4 * FLOAT32.tiny
        assert (np.abs(got - expected) <= bar).all(), (got, expected)
    elif np.max(np.abs(terms)) > 4 * FLOAT32.max:
        assert np.isinf(got).any()


@settings(max_examples=300)
@given(numbers, numbers, wide, wide)
def test_float32_holds_what_it_can_at_extreme_variances(x, mean, logvar, logvar1):
    """The values and the gradients by hand, against the formulas in float64, where nothing overflows."""
    args = [np.array([v], np.float32) for v in (x, mean, logvar)]
    x, mean, logvar, logvar1 = (np.array([v], np.float64) for v in (x, mean, logvar, logvar1))
    d = (args[0] - args[1]).astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        half, slope = 0.5 * d**2 * np.exp(-logvar), -d * np.exp(-logvar)
        same_in_float32(gaussian.log_density(*args), -half - 0.5 * (logvar + np.log(2 * np.pi)), [half, logvar])
        same_in_float32(gaussian.log_density_grad_x(*args), slope, [slope])
        same_in_float32(gaussian.log_density_grad_mean(*args), -slope, [slope])
        same_in_float32(gaussian.log_density_grad_logvar(*args), half - 0.5, [half])
        value, price = 0.5 * (np.expm1(logvar) - logvar + mean**2), 0.5 * np.expm1(logvar)
        same_in_float32(gaussian.kl_standard(*args[1:]), value, [price, logvar, mean**2 / 2])
        same_in_float32(gaussian.kl_standard_grad_logvar(*args[1:]), price, [price])
        ratio = 0.5 * np.expm1(logvar1 - logvar)
        four = [np.zeros(1, np.float32) + args[0], logvar1.astype(np.float32), args[1], args[2]]
        same_in_float32(gaussian.kl(*four), ratio - 0.5 * (logvar1 - logvar) + half,
                        [ratio, half, logvar, logvar1])  # fmt: skip
        same_in_float32(gaussian.kl_grad_mean0(*four), -slope, [slope])
        same_in_float32(gaussian.kl_grad_logvar0(*four), ratio, [ratio])
        same_in_float32(gaussian.kl_grad_mean1(*four), slope, [slope])
        same_in_float32(gaussian.kl_grad_logvar1(*four), -ratio - half, [ratio, half])


@pytest.mark.parametrize("dtype, logvar, variance", [(np.float32, -200, 89), (np.float64, -1500, 710)])
def test_a_density_at_its_own_mean_and_the_dearest_variance(dtype, logvar, variance):
    zero, narrow, wide = (np.array([v], dtype) for v in (0, logvar, variance))
    expected = -0.5 * (logvar + np.log(2 * np.pi))
    np.testing.assert_allclose(gaussian.log_density(zero, zero, narrow), expected, rtol=1e-6)
    gradients = tg.grad(lambda *args: np.sum(gaussian.log_density(*args)), argnums=(0, 1, 2))(zero, zero, narrow)
    assert [g.item() for g in gradients] == [0, 0, -0.5]
    assert tg.grad(lambda l: np.sum(gaussian.log_density.__wrapped__(zero, zero, l)))(narrow).item() == -0.5
    value, slope = gaussian.kl_standard(zero, wide), gaussian.kl_standard_grad_logvar(zero, wide)
    expected = variance - np.log(2)  # the logarithm of half the variance
    np.testing.assert_allclose([np.log(value.item()), np.log(slope.item())], expected, rtol=1e-6)


def test_samples_have_the_mean_and_covariance_asked_for():
    n, rng = 40_000, np.random.default_rng(0)
    _, (mean, L, _), _, _ = case("sample_cholesky", (3,))
    _, (_, logvar, _), _, _ = case("sample", (3,))
    eps = rng.standard_normal((n, 3))
    for z, cov in (
        (gaussian.sample(mean, logvar, eps), np.diag(np.exp(logvar))),
        (gaussian.sample_cholesky(mean, L, eps), np.tril(L) @ np.tril(L).T),
    ):
        white = np.linalg.solve(np.linalg.cholesky(cov), (z - mean).T)
        limit = stats.norm.isf(1e-6 / 48)  # false alarm: 1e-6 over all 24 two-sided tests
        assert np.abs(white.mean(1) * np.sqrt(n)).max() < limit
        second = (white @ white.T / n - np.eye(3)) * np.sqrt(n) / np.where(np.eye(3), np.sqrt(2), 1)
        assert np.abs(second).max() < limit + 0.2  # squares are a little skewed


def test_nothing_above_the_diagonal_is_read():
    for name in (n for n in NAMES if "cholesky" in n):
        f, args, weights, _ = case(name, (4,))
        hidden = [a + np.triu(np.full((4, 4), np.nan), 1) if a.ndim == 2 else a for a in args]
        np.testing.assert_array_equal(f(*hidden), f(*args))
        for got, expected in zip(
            tg.grad(weighted(f, weights), argnums=tuple(range(len(args))))(*hidden),
            tg.grad(weighted(f, weights), argnums=tuple(range(len(args))))(*args),
        ):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda a: gaussian.log_density(a(3, 5), a(4), a(5)), r"log_density: shapes .* x \(3, 5\), mean \(4,\)"),
        (lambda a: gaussian.log_density(a(3, 1), a(3), a(3)), "x must have 3 columns"),
        (lambda a: gaussian.kl_standard(0.5, 0.5), "at least one argument with an axis"),
        (lambda a: gaussian.sample(a(3, 5), a(3, 5), a(5)), r"eps must have the shape of the result, \(3, 5\)"),
        (lambda a: gaussian.sample_cholesky(a(3, 5), a(5, 5), a(5)), "eps must have the shape of the result"),
        (lambda a: gaussian.kl_standard_cholesky(a(5), a(5, 4)), r"L is a Cholesky .* must have shape \(..., k, k\)"),
        (lambda a: gaussian.kl_standard_cholesky(a(5), a(5)), "L is a Cholesky factor"),
        (lambda a: gaussian.kl_standard_cholesky(a(3, 1), a(5, 5)), "mean must have 5 columns"),
        (lambda a: gaussian.log_density_cholesky(a(4), a(5), a(5, 5)), "do not fit together"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(lambda *shape: np.ones(shape))


def test_a_missing_argument_is_named():
    with pytest.raises(TypeError, match="logvar"):
        gaussian.kl_standard(np.ones(3))
