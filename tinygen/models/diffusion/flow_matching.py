r"""Flow matching, diffusion's neighbour: a straight path from noise to data, and a net that learns its velocity.

$z_\tau = (1 - \tau)\, \epsilon + \tau x$, $dz/d\tau = E[x - \epsilon \mid z_\tau]$, $\tau$ from 0 (noise) to 1 (data).

It is the diffusion of which $\sqrt{\bar\alpha} = \tau / r$ and $\sigma = (1 - \tau) / r$, $r = \sqrt{\tau^2 + (1 -
\tau)^2}$,
seen at r z: another schedule and another target, the same probability-flow ODE. Source: Lipman et al. 2023; Liu et
al. 2023.
"""

import numpy as np

from tinygen import byhand
from tinygen.models import options


def between(x, eps, tau):
    """z_tau = (1 - tau) eps + tau x; x, eps (B, D), tau (B, 1). d/dx = tau g, d/deps = (1 - tau) g, d/dtau = g (x -
    eps)."""
    return (1 - tau) * eps + tau * x


between = byhand.with_rules(
    between,
    lambda g, z, x, eps, tau: g * tau,
    lambda g, z, x, eps, tau: g * (1 - tau),
    lambda g, z, x, eps, tau: g * (x - eps),
    example=lambda rng: dict(x=rng.normal(size=(3, 2)), eps=rng.normal(size=(3, 2)), tau=rng.random((3, 1))),
)


def loss(predict, x, eps, tau):
    """Mean square error a dimension of predict(z_tau, tau) as the velocity x - eps. Its minimum is E[x - eps|z_tau]."""
    return np.mean((predict(between(x, eps, tau), tau) - (x - eps)) ** 2)


def logsnr(tau):
    """The log SNR of z_tau, 2 log(tau/(1 - tau)): by which a net of this package knows the noise level.

    tau: a number or an array of any shape.
    """
    return 2 * (np.log(tau) - np.log1p(-tau))


def steps(velocity, z, n, *, solver="euler"):
    """Follow dz/dtau = velocity(z, tau) from noise z (B, D) at tau = 0 to data at 1 in n steps; yields n + 1 arrays.

    solver: "euler", "heun" or "rk4", of order 1, 2, 4. velocity is asked at tau = 0 too, and by the last two at 1.
    Raises ValueError for another solver or n < 1.
    """
    if solver not in ("euler", "heun", "rk4"):
        raise ValueError(f"got solver {solver!r}; expected 'euler', 'heun' or 'rk4'.")
    h = 1 / options.whole()("n", n)
    yield z
    for i in range(n):
        tau = i / n
        k1 = velocity(z, tau)
        if solver == "euler":
            z = z + z.dtype.type(h) * k1
        elif solver == "heun":
            k2 = velocity(z + z.dtype.type(h) * k1, (i + 1) / n)
            z = z + z.dtype.type(h / 2) * (k1 + k2)
        else:
            k2 = velocity(z + z.dtype.type(h / 2) * k1, tau + h / 2)
            k3 = velocity(z + z.dtype.type(h / 2) * k2, tau + h / 2)
            k4 = velocity(z + z.dtype.type(h) * k3, (i + 1) / n)
            z = z + z.dtype.type(h / 6) * (k1 + 2 * k2 + 2 * k3 + k4)
        yield z
