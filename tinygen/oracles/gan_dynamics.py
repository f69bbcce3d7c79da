r"""How two players who step against each other move: the Dirac-GAN, and the linear-quadratic GAN of one dimension.

Dirac-GAN (Mescheder, Geiger and Nowozin 2018): all data at 0, the generator's at $\theta$, a linear critic
$D(x) = \psi x$. With $V = f(\theta\psi) + f(0)$, $\theta' = -f'(\theta\psi)\psi$ and $\psi' = f'(\theta\psi)\theta$.
The only equilibrium is (0, 0); whether it is reached is decided by the order of the updates. f is $-\ln(1 + e^{-t})$
for the logistic loss, with $f'(0) = 1/2$, and t for Wasserstein's.
"""

import math

import numpy as np

from tinygen.nn.layers import sigmoid

ORDERS = ("simultaneous", "alternating", "extragradient", "optimistic", "consensus")
SLOPES = {"logistic": lambda t: sigmoid(np.asarray(-t, float)), "wasserstein": lambda t: np.ones_like(t, float)}


def dirac_matrix(order, *, h, slope, critic_steps=1, gamma=0.0, weight=1.0):
    """The linear map of (theta, psi) near (0, 0) that one round of updates is; "optimistic": of the last two, (4, 4).

    h: step size. slope: f'(0). critic_steps: of the alternating order, the critic first. gamma: of the penalty R1,
    psi' = f' theta - gamma psi. weight: of consensus, by which half the gradient of |velocity|^2 is taken off. Raises
    ValueError for another order.
    """
    A = np.array([[0.0, -slope], [slope, -gamma]])  # the velocity is A (theta, psi)
    eye = np.eye(2)
    if order == "simultaneous":
        return eye + h * A
    if order == "alternating":
        critic = np.array([[1.0, 0.0], [h * slope, 1 - h * gamma]])
        generator = np.array([[1.0, -h * slope], [0.0, 1.0]])
        return generator @ np.linalg.matrix_power(critic, critic_steps)
    if order == "extragradient":
        return eye + h * A @ (eye + h * A)
    if order == "optimistic":
        return np.block([[eye + 2 * h * A, -h * A], [eye, np.zeros((2, 2))]])
    if order == "consensus":
        return eye + h * (A - weight * A.T @ A)
    raise ValueError(f"order must be one of {', '.join(ORDERS)}, got {order!r}")


def spectral_radius(M):
    """The largest |eigenvalue|: below 1 the updates converge, above 1 they do not.

    M: (n, n), as of `dirac_matrix`.

    >>> round(spectral_radius(dirac_matrix("simultaneous", h=0.2, slope=1.0)), 10)
    1.0198039027
    """
    return float(np.abs(np.linalg.eigvals(M)).max())


def dirac_velocity(theta, psi, *, loss="logistic", non_saturating=False, gamma=0.0):
    """(theta', psi') of the Dirac-GAN; non_saturating: theta' = -f'(-theta psi) psi. gamma: of R1.

    loss: "logistic" or "wasserstein".
    """
    f = SLOPES[loss]
    t = theta * psi
    return -f(-t if non_saturating else t) * psi, f(t) * theta - gamma * psi


def dirac_path(order, start, steps, *, h, critic_steps=1, weight=1.0, **options):
    """The points (steps + 1, 2) that the updates visit from `start` = (theta, psi); options as of `dirac_velocity`.

    Not linearised: these are the steps of a real GAN with one parameter on each side. order, h, critic_steps, weight:
    as in `dirac_matrix`. Raises ValueError for another order.
    """
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, got {order!r}")
    velocity = lambda z: np.array(dirac_velocity(*z, **options))
    path = [np.array(start, float)]
    before = velocity(path[0])
    for _ in range(steps):
        z = path[-1]
        v = velocity(z)
        if order == "alternating":
            z = z.copy()
            for _ in range(critic_steps):
                z[1] += h * velocity(z)[1]
            z[0] += h * velocity(z)[0]
            path.append(z)
            continue
        if order == "extragradient":
            v = velocity(z + h * v)
        elif order == "optimistic":
            v, before = 2 * v - before, v
        elif order == "consensus":
            v = v - weight * _half_square_gradient(velocity, z)
        path.append(z + h * v)
    return np.array(path)


def _half_square_gradient(velocity, z, step=1e-6):
    """The gradient of |velocity|^2/2, by central differences."""
    square = lambda z: 0.5 * np.sum(velocity(z) ** 2)
    return np.array([(square(z + e) - square(z - e)) / (2 * step) for e in step * np.eye(2)])


def instance_noise_eigenvalues(sd, *, slope=0.5, curvature=-0.25):
    """Eigenvalues of the Dirac-GAN's flow when noise of this sd is added to real and fake rows alike.

    The critic's own equation gains psi' = 2 f''(0) sd^2 psi: f''(0) sd^2 +- sqrt((f''(0) sd^2)^2 - f'(0)^2). The
    defaults are the logistic loss's. Returns two complex numbers. slope, curvature: f'(0) and f''(0).
    """
    a = curvature * sd**2
    root = np.sqrt(complex(a**2 - slope**2))
    return a + root, a - root


def non_saturating_radius(t, r0):
    """theta^2 + psi^2 after time t of the flow of the non-saturating loss, for small r0 = its square root at first.

    d(r^2)/dt = -2 m tanh(m/2), m = theta psi, on the mean over a turn -r^4/8: so r^2 = 8/(t + 8/r0^2), which converges,
    but not exponentially. t: a number or an array of any shape.
    """
    return 8 / (np.asarray(t) + 8 / r0**2)


# ---- the linear-quadratic GAN in one dimension: data N(0, s^2), x = theta z, D = w x^2/2 ----


def quadratic_velocity(w, theta, *, sd, rho=0.0):
    """w' = (s^2 - theta^2)/2 - rho w (the critic, pulled back by rho), theta' = w theta (the generator).

    sd: s, the standard deviation of the data, a number.
    """
    return (sd**2 - theta**2) / 2 - rho * w, w * theta


def quadratic_eigenvalues(sd, rho=0.0):
    """Of the flow at (w, theta) = (0, s): -rho/2 +- i sqrt(s^2 - rho^2/4). Simultaneous steps converge iff h < rho/s^2
    (while the eigenvalues are complex).

    sd: s, as in `quadratic_velocity`.
    """
    root = np.sqrt(complex(rho**2 / 4 - sd**2))
    return -rho / 2 + root, -rho / 2 - root


def quadratic_energy(w, theta, *, sd):
    """w^2/2 - s^2/2 ln theta + theta^2/4, which the flow without a penalty conserves: it circles for ever.

    sd: s, as in `quadratic_velocity`. w, theta: numbers, or arrays of one shape.
    """
    return w**2 / 2 - sd**2 / 2 * np.log(theta) + theta**2 / 4


def quadratic_turning_point(theta, *, sd):
    """Where theta turns if it starts at `theta` with w = 0 and no penalty: the other root of the energy.

    >>> round(quadratic_turning_point(0.5, sd=1.5), 10)
    2.8401661612
    """
    from scipy.optimize import brentq

    level = quadratic_energy(0.0, theta, sd=sd)
    far = sd * math.exp(1 + 4 * abs(level) / sd**2 + abs(math.log(theta / sd)))
    low, high = (sd, far) if theta < sd else (1e-300, sd)
    return float(brentq(lambda t: quadratic_energy(0.0, t, sd=sd) - level, low, high, xtol=1e-14))
