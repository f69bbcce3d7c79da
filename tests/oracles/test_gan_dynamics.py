"""How two players move: eigenvalues in closed form against the matrices, and the matrices against real steps."""

import cmath

import numpy as np
import pytest

from tinygen.measure.numeric import derivative
from tinygen.oracles import gan_dynamics
from tinygen.oracles.gan_dynamics import ORDERS, dirac_matrix, dirac_path, dirac_velocity, spectral_radius
from tinygen.oracles.linear_gan import LinearGAN

exact = dict(rel=0, abs=1e-10)
TABLE = {  # (h, f'(0)): simultaneous, alternating, extragradient, optimistic, consensus, R1 with gamma .3
    (0.1, 0.5): (1.0012492197, 1, 0.9987523467, 0.9987460731, 0.9762812095, 0.9861541462),
    (0.2, 1.0): (1.0198039027, 1, 0.9806120538, 0.9789063129, 0.8246211251, 0.9899494937),
    (0.5, 1.0): (1.1180339887, 1, 0.9013878189, 0.7071067812, 0.7071067812, 1.0488088482),
}
COSINE = {(0.1, 0.5): 0.99875, (0.2, 1.0): 0.98, (0.5, 1.0): 0.875}


@pytest.mark.parametrize("at", TABLE)
def test_the_table_of_update_orders(at):
    h, slope = at
    a = h * slope
    radius = lambda order, **options: spectral_radius(dirac_matrix(order, h=h, slope=slope, **options))
    found = [*(radius(order) for order in ORDERS), radius("simultaneous", gamma=0.3)]
    assert found == pytest.approx(TABLE[at], rel=0, abs=3e-8)  # a double eigenvalue costs half the digits
    closed = [np.hypot(1, a), 1, np.sqrt(1 - a**2 + a**4), np.sqrt((1 + np.sqrt(1 - 4 * a**2)) / 2),
              np.hypot(1 - h * slope**2, a), np.sqrt(1 - 0.3 * h + a**2)]  # fmt: skip
    assert closed == pytest.approx(TABLE[at], **exact)
    alternating = np.linalg.eigvals(dirac_matrix("alternating", h=h, slope=slope))
    assert alternating[0].real == pytest.approx(1 - a**2 / 2, **exact) == pytest.approx(COSINE[at], **exact)


@pytest.mark.parametrize(
    "order, options", [*((order, {}) for order in ORDERS), *((order, {"gamma": 0.3}) for order in ORDERS[:-1])]
)
@pytest.mark.parametrize("loss", ["logistic", "wasserstein"])
def test_the_matrix_is_what_the_steps_do_near_the_equilibrium(order, options, loss):
    h, slope, tiny = 0.3, {"logistic": 0.5, "wasserstein": 1.0}[loss], 1e-4
    M = dirac_matrix(order, h=h, slope=slope, **options)
    for start in ([tiny, 0.0], [0.0, tiny], [tiny, 2 * tiny]):
        path = dirac_path(order, start, 3, h=h, loss=loss, **options)
        state = np.array(start)
        if order == "optimistic":
            path, state = path[1:], np.concatenate([path[1], path[0]])
        for z in path[1:]:
            state = M @ state
            np.testing.assert_allclose(z, state[:2], atol=1e-3 * tiny)


def test_limits_of_stability():
    radius = lambda order, a, **options: spectral_radius(dirac_matrix(order, h=a, slope=1.0, **options))
    assert radius("extragradient", 0.99) < 1 < radius("extragradient", 1.01)
    best = min(np.linspace(0.01, 1, 991), key=lambda a: radius("extragradient", a))
    assert best == pytest.approx(1 / np.sqrt(2), abs=1e-3)
    assert radius("extragradient", 1 / np.sqrt(2)) == pytest.approx(np.sqrt(3) / 2, **exact)
    assert radius("optimistic", 0.57) < 1 < radius("optimistic", 0.585)  # 1/sqrt 3 = .5774
    assert radius("alternating", 1.99) == pytest.approx(1, abs=1e-8) and radius("alternating", 2.01) > 1
    assert radius("alternating", 0.95, critic_steps=5) == pytest.approx(2.0166210032, **exact)
    assert radius("alternating", 0.89, critic_steps=5) == pytest.approx(1, abs=1e-8)  # 5 a^2 = 3.96
    for h, slope, gamma in ((0.5, 1.0, 0.3), (0.2, 1.0, 0.3), (0.8, 0.5, 0.3)):
        stable = spectral_radius(dirac_matrix("simultaneous", h=h, slope=slope, gamma=gamma)) < 1
        assert stable == (h < gamma / slope**2)
    gammas = np.linspace(0.5, 3.5, 301)
    radii = [spectral_radius(dirac_matrix("simultaneous", h=0.1, slope=1.0, gamma=g)) for g in gammas]
    assert gammas[np.argmin(radii)] == pytest.approx(2, abs=0.02)
    assert spectral_radius(dirac_matrix("simultaneous", h=0.1, slope=1.0, gamma=2.0)) == pytest.approx(0.9, abs=1e-7)


def test_simultaneous_steps_go_outwards_exactly():
    path = dirac_path("simultaneous", (1.0, 1.0), 1, h=0.1)
    assert np.sum(path[1] ** 2) == pytest.approx(2.0014465898, **exact)
    rng = np.random.default_rng(0)
    for loss in gan_dynamics.SLOPES:
        theta, psi = rng.normal(size=2)
        path = dirac_path("simultaneous", (theta, psi), 1, h=0.2, loss=loss)
        factor = 1 + (0.2 * gan_dynamics.SLOPES[loss](theta * psi)) ** 2
        assert np.sum(path[1] ** 2) == pytest.approx(factor * (theta**2 + psi**2), rel=1e-12)
        assert np.dot(dirac_velocity(theta, psi, loss=loss), (theta, psi)) == pytest.approx(0, abs=1e-12)  # the flow


def test_the_non_saturating_flow_converges_but_slowly():
    rng = np.random.default_rng(1)
    for theta, psi in rng.normal(size=(5, 2)):
        m = theta * psi
        growth = 2 * np.dot(dirac_velocity(theta, psi, non_saturating=True), (theta, psi))
        assert growth == pytest.approx(-2 * m * np.tanh(m / 2), rel=1e-12)
    # Over a long time r^2 is 8/(t + 8/r0^2).
    r0, h, steps = 0.6, 0.4, 3000
    path = _runge_kutta(np.array([r0, 0.0]), h, steps)
    assert np.sum(path**2) == pytest.approx(gan_dynamics.non_saturating_radius(h * steps, r0), rel=0.02)


def _runge_kutta(z, h, steps):
    v = lambda z: np.array(dirac_velocity(*z, non_saturating=True))
    for _ in range(steps):
        a = v(z)
        b = v(z + h / 2 * a)
        c = v(z + h / 2 * b)
        z = z + h / 6 * (a + 2 * b + 2 * c + v(z + h * c))
    return z


@pytest.mark.parametrize("h", [0.05, 0.02])
def test_simultaneous_non_saturating_steps_stop_on_a_circle(h):
    """r^2 = 2 h: on the mean over a turn, it grows from inside and shrinks from outside; alternating steps go to 0."""
    turn = round(2 * np.pi / (0.5 * h))  # steps of a turn, at the angular velocity f'(0) = 1/2

    def growth(order, square, turns=2):
        path = dirac_path(order, (np.sqrt(square), 0.0), turns * turn, h=h, non_saturating=True)
        return np.sum(path[-1] ** 2) / square - 1

    rate = lambda square: 2 * turn * (h**2 / 4 - h * square / 8)  # of r^2 by h^2 r^2/4 - h r^4/8 a step
    for factor in (0.9, 1.1):
        assert growth("simultaneous", 2 * h * factor) == pytest.approx(rate(2 * h * factor), rel=0.15)
        assert np.sign(growth("simultaneous", 2 * h * factor)) == np.sign(1 - factor)
    assert abs(growth("simultaneous", 2 * h)) < 0.05 * abs(rate(1.1 * 2 * h))
    assert growth("alternating", 2 * h, turns=4) < -0.2


def test_instance_noise():
    found = gan_dynamics.instance_noise_eigenvalues(1.0)
    assert found[0] == pytest.approx(-0.25 + 0.4330127019j, abs=1e-10) and found[1] == found[0].conjugate()
    # By the derivative of the noisy velocity: data and samples are 0 + e and theta + e, logistic f, D = psi x.
    e, w = np.polynomial.hermite_e.hermegauss(40)
    w = w / w.sum()
    sigma = lambda t: 1 / (1 + np.exp(-t))

    def velocity(z):
        theta, psi = z
        fake, real = sigma(-psi * (theta + e)), sigma(psi * e)  # f'(psi x) on samples; of f(-psi x) on the data
        return np.array([-psi * (w @ fake), w @ (fake * (theta + e)) - w @ (real * e)])

    J = np.array([derivative(lambda z, i=i: velocity(z)[i], np.zeros(2))[0] for i in range(2)])
    np.testing.assert_allclose(sorted(np.linalg.eigvals(J), key=lambda v: v.imag)[::-1], found, atol=1e-7)


# ---- linear-quadratic ----


def test_linear_gan_is_pca_without_noise_subtracted():
    rng = np.random.default_rng(2)
    Q = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    S, m = Q @ np.diag([3, 1.5, 0.4]) @ Q.T, rng.normal(size=3)
    game = LinearGAN(m, S, 0.5)
    A, b = game.optimum(1)
    assert game.value(A, b) == pytest.approx(0.6025, **exact)
    assert game.value(A, b) == pytest.approx(np.sum((S - A @ A.T) ** 2) / 4, **exact)
    np.testing.assert_allclose(A @ A.T, 3 * np.outer(Q[:, 0], Q[:, 0]), atol=1e-12)  # a linear VAE: 3 - s2
    for size in (1e-3, 0.1, 1.0):
        for _ in range(20):
            moved = A + size * rng.normal(size=A.shape), b + size * rng.normal(size=3)
            assert game.value(*moved) >= game.value(A, b) - 1e-12


def test_a_large_variance_left_over_is_worth_a_wrong_mean():
    """The next eigenvalue above 2: b = m is then no longer the best, as the docstring says."""
    game = LinearGAN(np.zeros(3), np.diag([7.0, 5.0, 0.4]), 0.5)
    A, b = game.optimum(1)
    shifts = np.linspace(0, 3, 301)
    values = [game.value(A, [0.0, t, 0.0]) for t in shifts]
    assert shifts[np.argmin(values)] == pytest.approx(np.sqrt(3), abs=0.006) and min(values) < game.value(A, b)


def test_linear_gan_critic_is_the_best():
    rng = np.random.default_rng(3)
    game = LinearGAN(rng.normal(size=3), np.cov(rng.normal(size=(3, 9))), 0.7)
    A, b = rng.normal(size=(3, 2)), rng.normal(size=3)
    B, c = game.critic(A, b)
    assert game.objective(A, b, B, c) == pytest.approx(game.value(A, b), **exact)
    for size in (1e-3, 1.0):
        E = rng.normal(size=(3, 3))
        assert game.objective(A, b, B + size * (E + E.T), c + size * rng.normal(size=3)) < game.value(A, b)
    np.testing.assert_allclose(game.critic(A, game.m)[0], (game.S - A @ A.T) / 1.4, atol=1e-12)
    x = rng.normal(size=(200_001, 3)) @ np.linalg.cholesky(game.S).T + game.m
    y = rng.normal(size=(200_001, 2)) @ A.T + b
    D = lambda x: np.sum((x - game.m) @ B * (x - game.m), 1) / 2 + (x - game.m) @ c
    spread = np.sqrt((D(x).var() + D(y).var()) / len(x))  # E_p D - E_q D by draws; false alarm 6e-8
    found = game.objective(A, b, B, c) + game.rho / 2 * (np.sum(B**2) + c @ c)
    assert abs(np.mean(D(x)) - np.mean(D(y)) - found) < 5.4 * spread
    full = np.linalg.cholesky(game.S)  # the equilibrium with k = D: A A' = S, a critic that says nothing
    assert game.value(full, game.m) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("rho, radius", [(0.0, 1.0111874208), (0.6, 0.9810708435)])
def test_linear_quadratic_in_one_dimension(rho, radius):
    eigenvalue = gan_dynamics.quadratic_eigenvalues(1.5, rho)[0]
    assert abs(1 + 0.1 * eigenvalue) == pytest.approx(radius, **exact)
    at = np.array([0.0, 1.5])
    rows = [lambda z, i=i: gan_dynamics.quadratic_velocity(*z, sd=1.5, rho=rho)[i] for i in range(2)]
    J = np.array([derivative(row, at)[0] for row in rows])
    found = sorted(np.linalg.eigvals(J), key=lambda v: -v.imag)
    np.testing.assert_allclose(found, gan_dynamics.quadratic_eigenvalues(1.5, rho), atol=1e-8)


def test_linear_quadratic_limits_and_its_orbit():
    stable = lambda h, rho: abs(1 + h * gan_dynamics.quadratic_eigenvalues(1.5, rho)[0]) < 1
    limit = 0.6 / 1.5**2
    assert stable(0.99 * limit, 0.6) and not stable(1.01 * limit, 0.6)
    assert cmath.isclose(gan_dynamics.quadratic_eigenvalues(1.5)[0], 1.5j)
    turn = gan_dynamics.quadratic_turning_point(0.5, sd=1.5)
    assert turn == pytest.approx(2.8401661612, **exact)
    assert gan_dynamics.quadratic_turning_point(turn, sd=1.5) == pytest.approx(0.5, abs=1e-9)
    z, top = np.array([0.0, 0.5]), 0.0
    for _ in range(600):  # the flow itself, by RK4 of step .02
        v = lambda z: np.array(gan_dynamics.quadratic_velocity(*z, sd=1.5))
        a = v(z)
        b = v(z + 0.01 * a)
        c = v(z + 0.01 * b)
        z = z + 0.02 / 6 * (a + 2 * b + 2 * c + v(z + 0.02 * c))
        top = max(top, z[1])
    assert top == pytest.approx(turn, abs=1e-3)
    energy = gan_dynamics.quadratic_energy
    assert energy(*z, sd=1.5) == pytest.approx(energy(0.0, 0.5, sd=1.5), abs=1e-6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: dirac_matrix("random", h=0.1, slope=1.0), "must be one of"),
        (lambda: dirac_path("random", (1, 1), 2, h=0.1), "must be one of"),
        (lambda: LinearGAN([0.0], [[1.0]], 0.0), "rho must be above 0"),
        (lambda: LinearGAN([0.0], [1.0], 0.5), r"S \(D, D\)"),
        (lambda: LinearGAN([0.0], [[1.0]], 0.5).optimum(2), "k must be between"),
    ],
)
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
