r"""Diffusion of Gaussian data, of which everything is known: a judge for schedules, bounds, samplers and likelihoods.

Data N(mean, var), one dimension at a time (a full covariance is this in its eigenvectors). With a = alpha_bar_t and
c = a var + 1 - a the marginal is q(z_t) = N(sqrt(a) mean, c). All functions take arrays (alpha_bar, beta), not models,
and broadcast; float64 in, float64 out.
"""

import numpy as np


class GaussianDiffusion:
    """Exact answers for data N(mean, var); mean and var are numbers or arrays (D,), var > 0.

    >>> oracle = GaussianDiffusion(mean=1.0, var=4.0)
    >>> oracle.marginal(alpha_bar=0.5)
    (np.float64(0.7071067811865476), np.float64(2.5))
    """

    def __init__(self, mean, var):
        self.mean, self.var = np.asarray(mean, np.float64), np.asarray(var, np.float64)
        if not np.all(self.var > 0):
            raise ValueError(f"GaussianDiffusion: the variance of the data must be above 0, got {self.var}.")

    def log_prob(self, x):
        """log p(x) of each entry in nats; sum over dimensions for rows."""
        return -0.5 * (np.log(2 * np.pi * self.var) + (x - self.mean) ** 2 / self.var)

    def marginal(self, alpha_bar):
        """Mean and variance of q(z_t): sqrt(a) mean, and c = a var + 1 - a."""
        return np.sqrt(alpha_bar) * self.mean, alpha_bar * self.var + (1 - alpha_bar)

    def score(self, z, alpha_bar):
        """d log q_t(z) / dz = -(z - sqrt(a) mean) / c."""
        mean, c = self.marginal(alpha_bar)
        return -(z - mean) / c

    def denoised(self, z, alpha_bar):
        """E[x|z_t] = mean + sqrt(a) (var / c) (z - sqrt(a) mean): the best that a net which predicts x can say."""
        mean, c = self.marginal(alpha_bar)
        return self.mean + np.sqrt(alpha_bar) * (self.var / c) * (z - mean)

    def noise(self, z, alpha_bar):
        """E[eps|z_t] = sqrt(1 - a) (z - sqrt(a) mean) / c."""
        return -np.sqrt(1 - alpha_bar) * self.score(z, alpha_bar)

    def least_error(self, alpha_bar, kind):
        """The squared error a dimension that no net can go below: eps a var/c, x var (1 - a)/c, v var/c.

        kind "velocity" is E|x - eps - E[x - eps|z]|^2 at this alpha_bar: var (sqrt(a) + sqrt(1 - a))^2 / c.
        """
        _, c = self.marginal(alpha_bar)
        root = np.sqrt(alpha_bar) + np.sqrt(1 - alpha_bar)
        known = {
            "eps": alpha_bar * self.var / c,
            "x": self.var * (1 - alpha_bar) / c,
            "v": self.var / c,
            "velocity": self.var * root**2 / c,
        }
        if kind not in known:
            raise ValueError(f"least_error: got {kind!r}; expected one of {', '.join(known)}.")
        return known[kind]

    def reverse(self, z, beta, alpha_bar):
        """Mean and variance of the exact q(z_{t-1}|z_t), a Gaussian for this data; at t = 1 it is p(x|z_1).

        mean (z + beta score)/sqrt(1 - beta), variance beta/(1 - beta) (1 - beta/c); it exceeds beta iff var > 1.
        """
        _, c = self.marginal(alpha_bar)
        mean = (z + beta * self.score(z, alpha_bar)) / np.sqrt(1 - beta)
        before = (c - beta) / (1 - beta)  # the variance of z_{t-1}
        return mean, beta * before / c

    def ode_gain(self, alpha_bar_from, alpha_bar_to):
        """The probability-flow ODE multiplies z - sqrt(a) mean by sqrt(c_to / c_from)."""
        return np.sqrt(self.marginal(alpha_bar_to)[1] / self.marginal(alpha_bar_from)[1])
