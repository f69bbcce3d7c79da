"""A continuous flow: dz/dt = f(z, t) carries rows from t = 0 to t = 1, and their density with it.

d log p(z(t))/dt = -div f,  so  ln |det dz(1)/dz(0)| = integral of div f = sum_i df_i/dz_i,  and f need only be
smooth: paths of an ODE never meet, so that the map can always be run backwards. (Chen et al. 2018.) The sum is exact
by D vjps, or estimated by Hutchinson's probes: E[e . (df/dz) e] = div f for e of mean 0 and covariance I. The probes
are drawn once for a whole solve: the solver must see one function, and their mean over solves is then the integral's.

The same solver gives the diffusion models their likelihood (models/diffusion/likelihood.py).
"""

from dataclasses import dataclass

import numpy as np

import tinygen as tg
from tinygen.models.flow.one_page import Layer, conditioner
from tinygen.nn.layers import mlp_init


def slope_and_divergence(f, z, probes=None):
    """f(z) (B, D) and div f, (1, B) exact or (K, B) for probes (K, B, D).

    The divergence counts nats per unit of time.
    """
    slope, pull = tg.vjp(f)(z)
    if probes is not None:
        return slope, np.stack([np.sum(pull(e) * e, axis=-1) for e in probes])
    divergence = 0.0
    for d in range(z.shape[-1]):
        one = np.zeros(slope.shape, slope.dtype)
        one[..., d] = 1
        divergence = divergence + pull(one)[..., d]
    return slope, divergence[None]


def rk4(field, z, span, steps):
    """Runge and Kutta's fourth order: z at the end of `span`, and the integral of the divergence on the way, (K, B).

    field(z, t) -> slope (B, D), divergence (K, B). steps: how many, a whole number.
    """
    h = (span[1] - span[0]) / steps
    gained = 0.0
    for i in range(steps):
        t = span[0] + i * h
        k1, d1 = field(z, t)
        k2, d2 = field(z + h / 2 * k1, t + h / 2)
        k3, d3 = field(z + h / 2 * k2, t + h / 2)
        k4, d4 = field(z + h * k3, t + h)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        gained = gained + h / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
    return z, gained


def solve(f, z, span=(0.0, 1.0), *, steps=16, probes=None):
    """Where dz/dt = f(z, t) carries z (B, D) over `span`, and ln |det| of that map, (B,): the mean over the probes.

    probes: (K, B, D), one set for the whole solve, or None for the exact divergence. steps: of `rk4`.

    >>> z, log_det = solve(lambda z, t: np.array([0.5, -0.2]) * z, np.ones((1, 2)))
    >>> np.log(z).round(6), log_det.round(6)
    (array([[ 0.5, -0.2]]), array([0.3]))
    """
    z, gained = rk4(lambda z, t: slope_and_divergence(lambda z: f(z, t), z, probes), z, span, steps)
    return z, np.mean(gained, axis=0)


@dataclass(frozen=True)
class Continuous(Layer):
    """A layer of a flow whose map is an ODE's, with a net (z, t, labels) -> dz/dt; one_page.py says what a layer is.

    hidden: sizes of the net's hidden layers. steps: of the solver. `inverse` runs time backwards: it undoes `forward`
    up to the solver's error, which falls as steps^-4. The net begins at 0, and so the layer as the identity.
    """

    hidden: tuple = (64, 64)
    steps: int = 8

    def init(self, rng, D, classes=0, dtype=np.float32):
        *net, last = mlp_init(rng, [D + 1 + classes, *self.hidden, D], dtype)
        return [*net, {"W": np.zeros_like(last["W"]), "b": last["b"]}]

    def forward(self, numbers, x, c=None, keep=None):
        return self._solve(numbers, x, c, (0.0, 1.0), keep)

    def inverse(self, numbers, z, c=None):
        return self._solve(numbers, z, c, (1.0, 0.0))

    def _solve(self, numbers, z, c, span, keep=None):
        def f(z, t):
            now = np.full((*z.shape[:-1], 1), t, z.dtype)
            return conditioner(numbers, np.concatenate([z, now], axis=-1), c, keep)

        return solve(f, z, span, steps=self.steps)
