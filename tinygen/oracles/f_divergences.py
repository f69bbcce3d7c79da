r"""f-divergences and the lower bound that a discriminator gives for each: $D_f(p\|q) = \sup_T E_p T - E_q f^*(T)$.

$D_f(p\|q) = E_q f(p/q)$, $f^*(t) = \sup_u ut - f(u)$, and the best T is $f'(p/q)$ (Nguyen et al. 2010; Nowozin et al.
2016). Any T gives less. p and q are a `discriminator.Pair`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tinygen.nn.layers import sigmoid, softplus


class F(NamedTuple):
    """One of the family: `f`, its `conjugate` f*(t), and the best `critic` T* as a function of l = ln p/q."""

    f: Callable
    conjugate: Callable
    critic: Callable


FAMILY = {
    "kl": F(lambda u: u * np.log(u), lambda t: np.exp(t - 1), lambda l: 1 + l),
    "reverse_kl": F(lambda u: -np.log(u), lambda t: -1 - np.log(-t), lambda l: -np.exp(-l)),
    "pearson": F(lambda u: (u - 1) ** 2, lambda t: t + t**2 / 4, lambda l: 2 * np.expm1(l)),
    "hellinger": F(lambda u: (np.sqrt(u) - 1) ** 2, lambda t: t / (1 - t), lambda l: -np.expm1(-l / 2)),
    "gan": F(lambda u: u * np.log(u) - (u + 1) * np.log1p(u), lambda t: -np.log(-np.expm1(t)), lambda l: -softplus(-l)),
    "total_variation": F(lambda u: np.abs(u - 1) / 2, lambda t: t, lambda l: np.sign(l) / 2),
}


def divergence(pair, name):
    """E_q f(p/q): "kl" is KL(p||q), "reverse_kl" KL(q||p), "hellinger" the squared distance, "gan" 2 JSD - 2 ln 2.

    pair: a `Pair`. name: one of the four. In nats.

    >>> from tinygen.oracles.discriminator import Pair
    >>> round(divergence(Pair.gaussian(0.5, 0.8, 0.0, 1.0), "kl"), 10)
    0.1681435513
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        values = FAMILY[name].f(np.exp(pair.log_ratio))
    # Where q has underflowed its share is nothing in this sum, unless the divergence is infinite.
    return pair.expect_q(np.where(np.isfinite(values), values, 0.0))


def dual(pair, name, T):
    """E_p T - E_q f*(T), a lower bound on `divergence` for every T (n,) at the nodes within the domain of f*.

    pair: a `Pair`. name: as in `divergence`.
    """
    with np.errstate(over="ignore", divide="ignore"):
        return pair.expect_p(T) - pair.expect_q(FAMILY[name].conjugate(T))


def donsker_varadhan(pair, T):
    """E_p T - ln E_q e^T, the tighter bound on KL(p||q): a constant in T costs nothing.

    pair: a `Pair`. T: (n,), at its nodes. Source: Donsker and Varadhan 1983; Belghazi et al. 2018.
    """
    return pair.expect_p(T) - float(np.log(pair.expect_q(np.exp(T))))


def pearson_gaussian(mean_p, sd_p, mean_q, sd_q):
    """int (p - q)^2/q of two Gaussians in closed form, finite only if sd_p^2 < 2 sd_q^2 (else inf).

    p^2/q is a Gaussian's shape with precision 2/sd_p^2 - 1/sd_q^2 = a, and integrates to
    sd_q/(sd_p^2 sqrt(a)) exp(d^2/(2 sd_q^2 - sd_p^2)), d = mean_p - mean_q.
    """
    a = 2 / sd_p**2 - 1 / sd_q**2
    if a <= 0:
        return np.inf
    return float(sd_q / (sd_p**2 * np.sqrt(a)) * np.exp((mean_p - mean_q) ** 2 / (2 * sd_q**2 - sd_p**2)) - 1)


def least_squares_terms(pair, *, fake=-1.0, real=1.0):
    """int (p - q)^2/(p + q), and the least E_p (D - real)^2/2 + E_q (D - fake)^2/2, (real - fake)^2/8 (2 - the first).

    (p + q) - 4 p q/(p + q) is the integrand, and the minimum is (real - fake)^2/2 int p q/(p + q). pair: a `Pair`.
    Source: Mao et al. 2017, section 3.2.
    """
    D = sigmoid(pair.log_ratio)
    triangle = pair.expect_p(2 * D - 1) - pair.expect_q(2 * D - 1)
    return triangle, (real - fake) ** 2 / 8 * (2 - triangle)
