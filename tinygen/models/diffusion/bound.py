r"""The variational bound of a diffusion model, term by term, in nats.

$\log p(x) \ge E \log p(x|z_1) - \sum_{t=2}^T E\, KL(q(z_{t-1}|z_t, x) \| p(z_{t-1}|z_t)) - KL(q(z_T|x) \| N(0, I))$

(the notes, chapter 18, with the last term, which they drop: it is constant in the parameters, but part of the number.)
A model is a function `reverse(z, t) -> (mean, var)` of p(z_{t-1}|z_t), for t = 1, ..., T: a net becomes one by
`one_page.reverse_of`. Noise is passed in.

Throughout, schedule: a `Schedule`. reverse: such a function. x: (B, D). z: (B, D), at step t. t: an int or ints (B,).
eps: (B, D), standard normal. rng: numpy.random.Generator.
"""

from typing import NamedTuple

import numpy as np

from tinygen import gaussian
from tinygen.models.diffusion.process import at, grid_scores, noisy, posterior


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
        """-bound / (D log 2), (B,): what coding one dimension costs in bits.

        dimensions: D.
        """
        return -self.bound / (dimensions * np.log(2))


def prior_term(schedule, x, mean=0.0, var=1.0):
    """KL(q(z_T|x) || N(mean, var)) of each row, (B, D) -> (B,): the term that the notes drop, there N(0, I)."""
    start = np.sqrt(schedule.alpha_bar[-1]).astype(x.dtype) * x
    spread = np.full_like(start, np.log(schedule.sigma2[-1]))
    return gaussian.kl(start, spread, np.broadcast_to(mean, x.shape), np.log(np.broadcast_to(var, x.shape)))


def kl_term(schedule, reverse, x, z, t):
    """KL(q(z_{t-1}|z_t, x) || p(z_{t-1}|z_t)) of each row, (B,).

    Raises ValueError for a t that is not one of 2, ..., T: at t = 1 the decoder's term stands instead.
    """
    at(schedule.beta, t, z, first=2)
    mean, var = posterior(schedule, z, x, t)
    model_mean, model_var = reverse(z, t)
    return gaussian.kl(mean, np.log(var), model_mean, np.log(model_var))


def density_decoder(reverse):
    """log p(x|z_1) for data with a density: the Gaussian of the last step, as a function (x, z_1) -> (B,)."""

    def log_prob(x, z):
        mean, var = reverse(z, 1)
        return gaussian.log_density(x, mean, np.log(var))

    return log_prob


def grid_decoder(schedule, values, logits=None):
    """log p(x|z_1) for data whose entries are all among `values` (V,), as a function (x, z_1) -> (B,).

    p(x_d|z_1) is proportional to N(z_1; sqrt(alpha_bar_1) x_d, sigma_1^2) exp(logit), and sums to 1 over the values: so
    the bound is one on the log probability of discrete data. logits(z_1) -> (B, D, V): of a net; None: all 0.
    Raises ValueError if an entry of x is none of the values.
    """
    values = np.asarray(values, np.float64)

    def log_prob(x, z):
        index = np.abs(x[..., None] - values).argmin(axis=-1)  # (B, D)
        if np.abs(x - values[index]).max() > 1e-4 * np.diff(np.sort(values)).min():
            raise ValueError(f"x has entries that are not among the {len(values)} values of the grid.")
        scores = grid_scores(z[..., None], values, np.sqrt(schedule.alpha_bar[1]), schedule.sigma[1])  # (B, D, V)
        scores = scores if logits is None else scores + logits(z)
        top = scores.max(axis=-1, keepdims=True)
        each = scores - top - np.log(np.exp(scores - top).sum(axis=-1, keepdims=True))
        return np.take_along_axis(each, index[..., None], axis=-1)[..., 0].sum(axis=-1)

    return log_prob


def terms(schedule, reverse, x, eps, *, weights=None, decoder=None, prior=(0.0, 1.0)):
    """All terms of the bound at x (B, D), as `Terms`.

    eps (K, B, D) or (K, 1, D): draws of the noise that makes z_t; the expectation is their mean, or with `weights` (K,)
    their weighted sum: for Gaussian data and cubature points of degree 2 it is exact. decoder(x, z_1) -> (B,): by
    default `density_decoder(reverse)`. prior: mean and variance of p(z_T).
    """
    weights = np.full(len(eps), 1 / len(eps)) if weights is None else weights
    K = len(eps)
    eps, many = (np.broadcast_to(a, (K, *x.shape)).reshape(-1, *x.shape[1:]) for a in (eps, x))  # (K B, D)
    decoder = density_decoder(reverse) if decoder is None else decoder

    def expected(term, t):
        return weights @ term(noisy(schedule, many, t, eps)).reshape(K, len(x))

    kl = [expected(lambda z, t=t: kl_term(schedule, reverse, many, z, t), t) for t in range(2, schedule.T + 1)]
    found = expected(lambda z: decoder(many, z), 1)
    return Terms(prior_term(schedule, x, *prior), np.reshape(kl, (schedule.T - 1, len(x))), found)


# ---- a few examples and a few steps: the bound estimated without bias ----


def estimate(schedule, reverse, x, t, eps, *, probability=None, decoder=None, prior=(0.0, 1.0)):
    """An unbiased estimate of the bound of each row from one step t (B,) each, drawn with `probability` (T,), (B,).

    estimate = -prior term + (log p(x|z_1) if t = 1, else -KL_t) / probability[t - 1]. Uniform t, the default, gives the
    factor T, which the notes' "grab a few evidence and a few layer" leaves out; t = 1 has to be among what is drawn.
    decoder: as in `terms`. Raises ValueError unless there is one t for each row.
    """
    T = schedule.T
    if np.shape(t) != (len(x),):
        raise ValueError(f"estimate: got t of shape {np.shape(t)}; expected one step for each of the {len(x)} rows.")
    at(schedule.beta, t, x, first=1)
    factor = np.full(T, float(T)) if probability is None else 1 / np.asarray(probability, np.float64)
    z, first = noisy(schedule, x, t, eps), t == 1
    decoder = density_decoder(reverse) if decoder is None else decoder
    value = np.empty(len(x), np.float64)
    if first.any():
        value[first] = decoder(x[first], z[first])
    if not first.all():
        rest = ~first
        value[rest] = -kl_term(schedule, reverse, x[rest], z[rest], t[rest])
    return factor[t - 1] * value - prior_term(schedule, x, *prior)
