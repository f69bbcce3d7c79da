"""The ODE's log-likelihood with oracles for a net: of Gaussians and mixtures it is known."""

import numpy as np
import pytest

from tinygen.autodiff import tree
from tinygen.models.diffusion import net
from tinygen.models.diffusion.likelihood import log_likelihood, terminal_mismatch
from tinygen.models.flow.continuous import slope_and_divergence
from tinygen.oracles.gaussian_diffusion import GaussianDiffusion
from tinygen.oracles.mixture_diffusion import MixtureDiffusion


def share_of(logsnr):
    return 1 / (1 + np.exp(-logsnr))


class WithDerivative:
    """A mixture's noise as a function of z that carries its own derivative, so that the oracle need not be recorded."""

    def __init__(self, oracle):
        import tinygen as tg

        noise = lambda z, a: -np.sqrt(1 - a) * oracle.score(z, a)
        rule = lambda g, y, z, a: -np.sqrt(1 - a) * np.einsum("bi,bij->bj", g, oracle.score_jacobian(z, a))
        self.noise = tg.primitive(noise, rule, None)

    def __call__(self, z, logsnr):
        return self.noise(z, share_of(logsnr))


@pytest.fixture
def mixture():
    S = np.array([[[0.3, 0.1], [0.1, 0.2]], [[0.15, -0.05], [-0.05, 0.4]], [[0.5, 0.0], [0.0, 0.1]]])
    return MixtureDiffusion([0.2, 0.5, 0.3], [[-1.0, 0.5], [1.0, 0.0], [0.0, -1.2]], S)


def first_density(oracle, x, logsnr):
    """log density of y = z/sqrt(alpha_bar) at the first s: what the ODE's number is exactly, there being noise in
    it."""
    a = share_of(logsnr)
    return oracle.log_prob(np.sqrt(a) * x, a) + x.shape[1] / 2 * np.log(a)


def test_a_mixture_to_1e_6_at_200_steps(mixture, rng):
    x, _ = mixture.sample(13, rng)
    span = (8.0, -8.0)
    a = share_of(span[1])
    found = log_likelihood(WithDerivative(mixture), x, logsnr=span, steps=200, prior=lambda z: mixture.log_prob(z, a))
    np.testing.assert_allclose(found.log_prob, first_density(mixture, x, span[0]), rtol=0, atol=1e-6)
    assert found.calls == 4 * (200 + 100) + 2 and np.all(found.standard_error == 0)
    # Half the steps: 16 times the error, so the report of it is 15 times the error that is left.
    left = found.log_prob - first_density(mixture, x, span[0])
    big = np.abs(found.solver_error) > 1e-8
    assert big.any() and np.all(np.abs(found.solver_error[big]) > 3 * np.abs(left[big]))


def test_the_mismatch_is_reported_apart(mixture, rng):
    x, _ = mixture.sample(13, rng)
    span = (9.0, -1.0)  # ends much too early
    a = share_of(span[1])
    true_end = lambda z: mixture.log_prob(z, a)
    eps = WithDerivative(mixture)
    standard = log_likelihood(eps, x, logsnr=span, steps=60)
    known = log_likelihood(eps, x, logsnr=span, steps=60, prior=true_end)
    mismatch = terminal_mismatch(standard.end, true_end)
    assert np.abs(mismatch).max() > 0.01
    np.testing.assert_allclose(standard.log_prob - known.log_prob, mismatch, atol=1e-12)


def test_scipy_agrees(mixture, rng):
    x, _ = mixture.sample(3, rng)
    eps = WithDerivative(mixture)
    fixed = log_likelihood(eps, x, logsnr=(7.0, -7.0), steps=120)
    adaptive = log_likelihood(eps, x, logsnr=(7.0, -7.0), solver="DOP853", tolerance=1e-8)
    np.testing.assert_allclose(adaptive.log_prob, fixed.log_prob, atol=3e-6)
    assert np.abs(adaptive.solver_error).max() < 1e-4


def test_rk4_is_of_fourth_order_on_gaussian_data(rng):
    oracle = GaussianDiffusion(np.array([0.5, -0.3]), np.array([0.3, 2.0]))
    eps = lambda z, logsnr: oracle.noise(z, share_of(logsnr))
    x = rng.standard_normal((3, 2))
    span = (5.0, -5.0)
    mean, c = oracle.marginal(share_of(span[1]))
    end = lambda z: -0.5 * np.sum((z - mean) ** 2 / c + np.log(2 * np.pi * c), axis=1)
    s2 = np.exp(-span[0])
    exact = -0.5 * np.sum((x - oracle.mean) ** 2 / (oracle.var + s2) + np.log(2 * np.pi * (oracle.var + s2)), axis=1)
    found = [log_likelihood(eps, x, logsnr=span, steps=n, prior=end) for n in (10, 20, 40)]
    errors = [np.abs(each.log_prob - exact).max() for each in found]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((orders > 3.7) & (orders < 4.3)), (errors, orders)


def test_hutchinson_is_unbiased_and_its_interval_covers(rng):
    """For D = 2 all four sign vectors: their mean is the exact divergence. Then 400 rows: the share of 95 % intervals
    that cover is binomial; five sd of it on either side, and the estimate by few probes is a t variable (K = 24)."""
    oracle = GaussianDiffusion(np.zeros(2), np.array([0.3, 2.0]))
    mix = np.array([[0.8, 0.6], [-0.6, 0.8]])  # so that the Jacobian is not diagonal
    eps = lambda z, logsnr: oracle.noise(z @ mix.T, share_of(logsnr)) @ mix
    x = rng.standard_normal((400, 2))
    exact = log_likelihood(eps, x, steps=20, logsnr=(5.0, -5.0))
    signs = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])[:, None] + np.zeros((4, 400, 2))
    every = log_likelihood(eps, x, steps=20, logsnr=(5.0, -5.0), probes=signs)
    np.testing.assert_allclose(every.log_prob, exact.log_prob, atol=1e-12)
    probes = rng.choice([-1.0, 1.0], (24, 400, 2))
    some = log_likelihood(eps, x, steps=20, logsnr=(5.0, -5.0), probes=probes)
    low, high = some.interval(2.069)  # Student's t with 23 degrees of freedom
    covered = np.mean((low <= exact.log_prob) & (exact.log_prob <= high))
    assert abs(covered - 0.95) < 5 * np.sqrt(0.95 * 0.05 / 400)


@pytest.mark.parametrize(
    "x, options, words",
    [
        (np.zeros(3), {}, "rows"),
        (np.zeros((2, 257)), {}, "give probes"),
        (np.zeros((2, 3)), {"logsnr": (-1.0, 5.0)}, "high"),
        (np.zeros((2, 3)), {"probes": np.ones((1, 2, 3))}, "K >= 2"),
        (np.zeros((2, 3)), {"probes": np.ones((4, 2, 2))}, "expected"),
    ],
)
def test_errors(x, options, words):
    with pytest.raises(ValueError, match=words):
        log_likelihood(lambda z, logsnr: z, x, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("D, waves, classes", [(1, 3, 0), (5, 0, 3), (7, 3, 2)])
def test_the_trace_by_hand_is_that_of_the_vjp(D, waves, classes, dtype, rng):
    start = net.init(rng, D, width=11, blocks=2, classes=classes, waves=waves, dtype=dtype)
    params = tree.map(lambda a: a + 0.3 * rng.standard_normal(a.shape).astype(dtype), start)
    z = rng.standard_normal((13, D)).astype(dtype)
    c = net.one_hot(rng.integers(-1, classes, 13), classes, 13, dtype) if classes else None
    cond = net.conditioning(np.linspace(-3, 5, 13), c, dtype=dtype)
    prediction, trace = net.predict_and_trace(params, z, cond)
    expected, divergence = slope_and_divergence(lambda z: net.predict(params, z, cond), z)
    assert trace.dtype == prediction.dtype == dtype and np.array_equal(prediction, expected)
    np.testing.assert_allclose(trace, divergence[0], rtol=0, atol=300 * np.finfo(dtype).eps * np.abs(trace).max())


def test_a_model_of_standard_normal_data_is_scored_exactly_by_one_step():
    """eps = sigma z: z rests and what is left of the divergence is 0, so there is nothing for the solver to miss."""
    oracle = GaussianDiffusion(np.zeros(3), np.ones(3))
    eps = lambda z, logsnr: oracle.noise(z, share_of(logsnr))
    x = np.random.default_rng(0).standard_normal((5, 3))
    found = log_likelihood(eps, x, logsnr=(9.0, -9.0), steps=1, compare=False)
    var = 1 + np.exp(-9.0)
    exact = -0.5 * np.sum(x**2 / var + np.log(2 * np.pi * var), axis=1)
    np.testing.assert_allclose(found.log_prob, exact, atol=1e-12)
