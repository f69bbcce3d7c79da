"""Diffusion of a Gaussian mixture: score, denoiser and marginals in closed form, for data that is not Gaussian.

Data sum_k w_k N(mu_k, S_k). With a = alpha_bar_t: q(z_t) = sum_k w_k N(sqrt(a) mu_k, C_k), C_k = a S_k + (1 - a) I, and
with the responsibilities r_k(z) everything follows. With S_k = 0 it is the ideal denoiser of a finite data set.

Sources: Bishop 2006, section 9.2 (responsibilities); Efron 2011 (Tweedie's formula, by which score and denoiser are
one).
"""

import numpy as np


class MixtureDiffusion:
    """Exact answers for data from a mixture of Gaussians in D dimensions.

    weights (K,), means (K, D), covariances (K, D, D) or variances (K,) for multiples of I (0 is allowed). Raises
    ValueError where the shapes do not fit, the weights do not sum to 1, or a covariance is none. z: (B, D), at the
    noise level alpha_bar.

    >>> oracle = MixtureDiffusion([0.5, 0.5], [[-1.0], [1.0]], [0.0, 0.0])
    >>> oracle.denoised(np.array([[0.0], [3.0]]), alpha_bar=0.5).round(4)
    array([[0.    ],
           [0.9996]])
    """

    def __init__(self, weights, means, covariances):
        self.weights, self.means = np.asarray(weights, np.float64), np.asarray(means, np.float64)
        K, D = self.means.shape
        covariances = np.asarray(covariances, np.float64)
        if covariances.ndim == 1:
            covariances = covariances[:, None, None] * np.eye(D)
        if self.weights.shape != (K,) or covariances.shape != (K, D, D):
            raise ValueError(
                f"MixtureDiffusion: got weights {self.weights.shape}, means {self.means.shape}, covariances "
                f"{covariances.shape}; expected (K,), (K, D), (K, D, D) or (K,)."
            )
        if not (np.all(self.weights >= 0) and np.isclose(self.weights.sum(), 1)):
            total = self.weights.sum()
            raise ValueError(f"MixtureDiffusion: weights must not be negative and sum to 1, got sum {total}.")
        # In the eigenvectors of each S_k every C_k is diagonal.
        self.eigenvalues, self.eigenvectors = np.linalg.eigh(covariances)  # (K, D), (K, D, D)
        if self.eigenvalues.min() < -1e-12:
            raise ValueError("MixtureDiffusion: a covariance has a negative eigenvalue.")
        self.eigenvalues = np.maximum(self.eigenvalues, 0)

    @classmethod
    def of_data(cls, x):
        """The data set x (n, D) itself, each row as likely: its denoiser is what a net that memorises would learn."""
        return cls(np.full(len(x), 1 / len(x)), x, np.zeros(len(x)))

    def _parts(self, z, alpha_bar):
        """Deviations in each component's eigenvectors (B, K, D), the eigenvalues of C_k (K, D), log w_k N_k (B, K)."""
        away = z[:, None, :] - np.sqrt(alpha_bar) * self.means  # (B, K, D)
        away = np.einsum("bkd,kde->bke", away, self.eigenvectors)
        c = alpha_bar * self.eigenvalues + (1 - alpha_bar)
        with np.errstate(divide="ignore"):
            logs = np.log(self.weights) - 0.5 * np.sum(np.log(2 * np.pi * c) + away**2 / c, axis=-1)
        return away, c, logs

    def log_prob(self, z, alpha_bar=1.0):
        """log q_t(z) of each row in nats, (B, D) -> (B,); alpha_bar = 1 is the data (needs S_k > 0)."""
        _, _, logs = self._parts(z, alpha_bar)
        top = logs.max(axis=1)
        return top + np.log(np.sum(np.exp(logs - top[:, None]), axis=1))

    def responsibilities(self, z, alpha_bar):
        """r_k = p(k|z_t), (B, K)."""
        _, _, logs = self._parts(z, alpha_bar)
        r = np.exp(logs - logs.max(axis=1, keepdims=True))
        return r / r.sum(axis=1, keepdims=True)

    def score(self, z, alpha_bar):
        """grad log q_t(z) = -sum_k r_k C_k^-1 (z - sqrt(a) mu_k), (B, D)."""
        away, c, _ = self._parts(z, alpha_bar)
        pull = np.einsum("bkd,ked->bke", away / c, self.eigenvectors)
        return -np.einsum("bk,bkd->bd", self.responsibilities(z, alpha_bar), pull)

    def denoised(self, z, alpha_bar):
        """E[x|z_t] = sum_k r_k [mu_k + sqrt(a) S_k C_k^-1 (z - sqrt(a) mu_k)], (B, D)."""
        away, c, _ = self._parts(z, alpha_bar)
        shrunk = np.sqrt(alpha_bar) * np.einsum("bkd,ked->bke", self.eigenvalues / c * away, self.eigenvectors)
        return np.einsum("bk,bkd->bd", self.responsibilities(z, alpha_bar), self.means + shrunk)

    def score_jacobian(self, z, alpha_bar):
        """The Hessian of log q_t: sum_k r_k (g_k g_k' - C_k^-1) - score score', g_k = C_k^-1 (z - sqrt(a) mu_k), (B,
        D, D)."""
        away, c, _ = self._parts(z, alpha_bar)
        g = np.einsum("bkd,ked->bke", away / c, self.eigenvectors)
        r = self.responsibilities(z, alpha_bar)
        inverse = np.einsum("kde,ke,kfe->kdf", self.eigenvectors, 1 / c, self.eigenvectors)
        score = -np.einsum("bk,bkd->bd", r, g)
        within = np.einsum("bk,bkd,bke->bde", r, g, g) - np.einsum("bk,kde->bde", r, inverse)
        return within - score[:, :, None] * score[:, None, :]

    def denoised_jacobian(self, z, alpha_bar):
        """d E[x|z] / dz = (I + (1 - a) Hessian of log q_t)/sqrt(a), which is sqrt(a)/(1 - a) Cov[x|z]: (B, D, D)."""
        eye = np.eye(z.shape[1])
        return (eye + (1 - alpha_bar) * self.score_jacobian(z, alpha_bar)) / np.sqrt(alpha_bar)

    def noise(self, z, alpha_bar):
        """E[eps|z_t] = -sqrt(1 - a) score, (B, D)."""
        return -np.sqrt(1 - alpha_bar) * self.score(z, alpha_bar)

    def sample(self, n, rng):
        """n draws of data, (n, D), and their components, (n,).

        rng: Generator or seed.
        """
        rng = np.random.default_rng(rng)
        k = rng.choice(len(self.weights), n, p=self.weights)
        spread = np.sqrt(self.eigenvalues)[k] * rng.standard_normal((n, self.means.shape[1]))
        return self.means[k] + np.einsum("nd,ned->ne", spread, self.eigenvectors[k]), k
