"""Diffusion of Gaussian data, of which everything is known: a judge for schedules, bounds, samplers and likelihoods.

Data N(mean, var), one dimension at a time (a full covariance is this in its eigenvectors). With a = alpha_bar_t and
c = a var + 1 - a the marginal is q(z_t) = N(sqrt(a) mean, c). All functions take arrays (alpha_bar, beta), not models,
and broadcast; float64 in, float64 out.

Sources: the notes, chapter 18; Prince, chapter 18; for the exact reverse variance also Bao et al. 2022.
"""

import numpy as np


class GaussianDiffusion:
    """Exact answers for data N(mean, var); mean and var are numbers or arrays (D,), var > 0.

    Raises ValueError unless var is above 0.

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

        kind "velocity" is E|x - eps - E[x - eps|z]|^2 at this alpha_bar: var (sqrt(a) + sqrt(1 - a))^2 / c. Raises
        ValueError for another kind.
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
        """The probability-flow ODE multiplies z - sqrt(a) mean by sqrt(c_to / c_from).

        alpha_bar_from, alpha_bar_to: at the beginning and at the end of the way. Source: Song et al. 2021, section 4.3.
        """
        return np.sqrt(self.marginal(alpha_bar_to)[1] / self.marginal(alpha_bar_from)[1])

    # ---- where samplers end: every one of them is affine for this data, so its output is Gaussian ----

    def ancestral_law(self, beta, alpha_bar, var, start=(0.0, 1.0)):
        """Mean and variance of z_0 when z_T ~ N(*start) goes back with the exact mean and variances var[t].

        beta, alpha_bar, var: (T + 1,), or (T + 1, D) for var. A deviation from the marginal's mean is multiplied by
        (1 - beta/c)/sqrt(1 - beta) in each step.
        """
        gains = [(1 - b / self.marginal(a)[1]) / np.sqrt(1 - b) for b, a in zip(beta, alpha_bar)]
        return self._law(alpha_bar, gains, var, start)

    def ddim_law(self, alpha_bar, var, start=(0.0, 1.0)):
        """The same for DDIM with noise of variance var[t] in step t (zeros: eta = 0).

        start: mean and variance of z_T.
        """
        gains = [np.nan]
        for a, b, v in zip(alpha_bar[1:], alpha_bar[:-1], var[1:]):
            pull = np.sqrt(a * b) * self.var + np.sqrt(np.maximum(1 - b - v, 0) * (1 - a))
            gains.append(pull / self.marginal(a)[1])
        return self._law(alpha_bar, gains, var, start)

    def heun_law(self, alpha_bar, start=(0.0, 1.0)):
        """The same for Heun's method in y = z/sqrt(a), s = sigma/sqrt(a), dy/ds = s (y - mean)/(var + s^2).

        The last step, to s = 0 where the slope is 0 whatever y, is Euler's. start: mean and variance of z_T.
        """
        s = np.sqrt(1 - alpha_bar) / np.sqrt(alpha_bar)
        gains = [np.nan]
        for t in range(1, len(alpha_bar)):
            h, slope = s[t - 1] - s[t], s[t] / (self.var + s[t] ** 2)
            ahead = 1 + h * slope
            if t > 1:
                ahead = 1 + h / 2 * (slope + s[t - 1] / (self.var + s[t - 1] ** 2) * ahead)
            gains.append(ahead * np.sqrt(alpha_bar[t - 1] / alpha_bar[t]))
        return self._law(alpha_bar, gains, np.zeros(len(alpha_bar)), start)

    def _law(self, alpha_bar, gains, var, start):
        away, spread = start[0] - self.marginal(alpha_bar[-1])[0], start[1]
        for t in range(len(alpha_bar) - 1, 0, -1):
            away, spread = gains[t] * away, gains[t] ** 2 * spread + var[t]
        return self.mean + away, spread
