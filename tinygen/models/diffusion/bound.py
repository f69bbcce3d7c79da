r"""The variational bound of a diffusion model, term by term, in nats.

$\log p(x) \ge E \log p(x|z_1) - \sum_{t=2}^T E\, KL(q(z_{t-1}|z_t, x) \| p(z_{t-1}|z_t)) - KL(q(z_T|x) \| N(0, I))$

(the notes, chapter 18, with the last term, which they drop: it is constant in the parameters, but part of the number.)
A model is a function `reverse(z, t) -> (mean, var)` of p(z_{t-1}|z_t), for t = 1, ..., T; noise is passed in.
"""

from typing import NamedTuple

import numpy as np

from tinygen import gaussian
from tinygen.models.diffusion.parameterization import convert
from tinygen.models.diffusion.process import at, noisy, posterior, posterior_weights


class Terms(NamedTuple):
    """The parts of the bound for each row, in nats: bound = decoder - kl.sum(0) - prior."""

    prior: np.ndarray  # (B,) KL(q(z_T|x) || N(0, I)): nothing in it can be learned, unless the schedule is
    kl: np.ndarray  # (T-1, B) for t = 2, ..., T
    decoder: np.ndarray  # (B,) E log p(x|z_1)

    @property
    def bound(self):
        """(B,): a bound on log p(x) from below, in nats."""
        return self.decoder - self.kl.sum(axis=0) - self.prior

    def bits_per_dim(self, dimensions):
        """-bound / (D log 2), (B,): what coding one dimension costs in bits."""
        return -self.bound / (dimensions * np.log(2))


def reverse_of(schedule, predict, kind, variance="posterior"):
    """The model p(z_{t-1}|z_t) of a net: `predict(z, t)` gives what `kind` names (see parameterization.py).

    mean: that of q(z_{t-1}|z_t, x) at the x the net predicts. variance: "beta", "posterior" (at t = 1, where it is 0,
    that of t = 2), or an array (T + 1,) such as `optimal_variance` gives, or (T + 1, D).
    """
    var = variances(schedule, variance)
    of_x, of_z = posterior_weights(schedule)

    def reverse(z, t):
        x = convert(schedule, predict(z, t), z, t, kind, "x")
        return at(of_x, t, z) * x + at(of_z, t, z) * z, at(var, t, z)

    return reverse


def variances(schedule, choice):
    """The variance of p(z_{t-1}|z_t) for each t, (T + 1,) or (T + 1, D)."""
    if isinstance(choice, str):
        if choice == "beta":
            return schedule.beta
        if choice == "posterior":
            var = schedule.posterior_var.copy()
            var[1] = var[2] if schedule.T > 1 else schedule.beta[1]
            return var
        raise ValueError(f"got variance {choice!r}; expected 'beta', 'posterior', or an array with T + 1 rows.")
    var = np.asarray(choice, np.float64)
    if len(var) != schedule.T + 1 or not np.all(var[1:] > 0):
        raise ValueError(f"variances: got shape {var.shape}; expected {schedule.T + 1} rows, positive from t = 1 on.")
    return var


def prior_term(schedule, x, mean=0.0, var=1.0):
    """KL(q(z_T|x) || N(mean, var)) of each row, (B, D) -> (B,): the term that the notes drop, there N(0, I)."""
    start = np.sqrt(schedule.alpha_bar[-1]) * x
    spread = np.full_like(start, np.log(schedule.sigma2[-1]))
    return gaussian.kl(start, spread, np.broadcast_to(mean, x.shape), np.log(np.broadcast_to(var, x.shape)))


def kl_term(schedule, reverse, x, z, t):
    """KL(q(z_{t-1}|z_t, x) || p(z_{t-1}|z_t)) of each row for t >= 2, (B,)."""
    mean, var = posterior(schedule, z, x, t)
    model_mean, model_var = reverse(z, t)
    return gaussian.kl(mean, np.log(var), model_mean, np.log(model_var))


def decoder_term(reverse, x, z, log_prob=gaussian.log_density):
    """log p(x|z_1) of each row, (B,). log_prob(x, mean, logvar): a density, or a probability of grey values."""
    mean, var = reverse(z, 1)
    return log_prob(x, mean, np.log(var))


def terms(schedule, reverse, x, eps, *, weights=None, log_prob=gaussian.log_density, prior=(0.0, 1.0)):
    """All terms of the bound at x (B, D), as `Terms`.

    eps (K, B, D) or (K, 1, D): draws of the noise that makes z_t; the expectation is their mean, or with `weights` (K,)
    their weighted sum: for Gaussian data and cubature points of degree 2 it is exact. prior: mean and variance of p(z_T).
    """
    weights = np.full(len(eps), 1 / len(eps)) if weights is None else weights
    eps = np.broadcast_to(eps, (len(eps), *x.shape))

    def expected(term, t):
        return sum(w * term(noisy(schedule, x, t, e)) for w, e in zip(weights, eps))

    kl = [expected(lambda z, t=t: kl_term(schedule, reverse, x, z, t), t) for t in range(2, schedule.T + 1)]
    decoder = expected(lambda z: decoder_term(reverse, x, z, log_prob), 1)
    return Terms(prior_term(schedule, x, *prior), np.reshape(kl, (schedule.T - 1, len(x))), decoder)
