"""What a perfect sampler scores: modes missed, histograms, shares near a centre, energy distances, in closed form.

A metric means nothing until one knows what real data would score, and what it cannot see.
"""

from typing import NamedTuple

import numpy as np

from tinygen.oracles.wasserstein import folded_mean


class Missing(NamedTuple):
    """Divergences of a q that lacks modes of p and is right otherwise: TV, JSD and KL(q||p) (KL(p||q) is infinite)."""

    tv: float
    jsd: float
    reverse_kl: float


def modes_missed(modes, n):
    """The expected number of equally likely modes without any of n draws: K (1 - 1/K)^n."""
    return modes * (1 - 1 / modes) ** n


def all_modes_seen(modes, n):
    """The probability that n draws hit every one of K equally likely modes.

    Draw by draw: P(j modes seen) <- P(j) j/K + P(j - 1) (K - j + 1)/K, all terms positive (inclusion and exclusion is
    the same sum with cancellation).

    >>> round(all_modes_seen(8, 20), 10)
    0.5305582405
    """
    seen = np.zeros(modes + 1)
    seen[0] = 1.0
    j = np.arange(modes + 1)
    for _ in range(n):
        seen = seen * j / modes + np.concatenate([[0.0], seen[:-1] * (modes - j[:-1]) / modes])
    return float(seen[-1])


def histogram_kl(modes, n):
    """E KL(histogram of n draws || uniform) over K equally likely modes, exactly; about (K - 1)/(2 n).

    K E[(N/n) ln(K N/n)], N ~ Binomial(n, 1/K). In nats.
    """
    from scipy.stats import binom

    N = np.arange(1, n + 1)
    return float(modes * binom.pmf(N, n, 1 / modes) @ (N / n * np.log(modes * N / n)))


def share_within(sds, D=2):
    """P(|N(0, I_D)| <= sds): in the plane 1 - e^(-sds^2/2), so that "3 sd" is .9889, not .9973.

    D: the number of dimensions.
    """
    from scipy.stats import chi2

    return float(chi2.cdf(sds**2, D))


def missing_modes(modes, missing=1):
    """What it costs to put nothing on `missing` of K equal, separate modes, and to be uniform on the rest.

    modes, missing: numbers, whole.

    >>> round(missing_modes(8).tv, 10)
    0.125
    """
    p = np.full(modes, 1 / modes)
    q = np.where(np.arange(modes) < missing, 0, 1 / (modes - missing))
    m = (p + q) / 2
    q_log = np.sum(q[missing:] * np.log(q[missing:] / m[missing:]))
    jsd = 0.5 * (np.sum(p * np.log(p / m)) + q_log)
    return Missing(float(np.abs(p - q).sum() / 2), float(jsd), float(np.log(modes / (modes - missing))))


def energy_gaussian(mean_p, sd_p, mean_q, sd_q):
    """The energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| = 2 int (F - G)^2 of two Gaussians on the line.

    mean_p, sd_p: numbers, of the first. mean_q, sd_q: of the second. Source: Szekely and Rizzo 2013.

    >>> round(energy_gaussian(1.0, 1.0, 0.0, 1.0), 10)
    0.5418065793
    """
    within = folded_mean(0.0, np.sqrt(2) * sd_p) + folded_mean(0.0, np.sqrt(2) * sd_q)
    return 2 * folded_mean(mean_p - mean_q, np.hypot(sd_p, sd_q)) - within


def rice_mean(distance, sd):
    """E |N(mu, sd^2 I)| in the plane, |mu| = distance: sd sqrt(pi/2) L_1/2(-distance^2/(2 sd^2)), a Laguerre function.

    L_1/2(-2y) = e^(-y) [(1 + 2y) I_0(y) + 2y I_1(y)], y = distance^2/(4 sd^2). Source: Rice 1945.

    >>> float(rice_mean(1.5, 0.7).round(10))
    1.6761912712
    """
    from scipy.special import ive

    y = np.asarray(distance, float) ** 2 / (4 * sd**2)
    bessel = lambda order: np.where(y < 1e8, ive(order, y), 1 / np.sqrt(2 * np.pi * np.maximum(y, 1)))
    return sd * np.sqrt(np.pi / 2) * ((1 + 2 * y) * bessel(0) + 2 * y * bessel(1))


def energy_mixture(centres, p, q, sd, *, sd_q=None):
    """The energy distance in the plane between mixtures of round Gaussians on the same centres (K, 2).

    p, q: (K,), their weights. sd: of each Gaussian; sd_q: of those of q, if it differs. Exact, by `rice_mean`.
    """
    centres, p, q = (np.asarray(a, float) for a in (centres, p, q))
    sd_q = sd if sd_q is None else sd_q
    distance = np.linalg.norm(centres[:, None] - centres, axis=-1)  # (K, K)
    mean = lambda a, b, s, t: a @ rice_mean(distance, np.hypot(s, t)) @ b
    return float(2 * mean(p, q, sd, sd_q) - mean(p, p, sd, sd) - mean(q, q, sd_q, sd_q))
