"""The linear VAE, of which everything is known: evidence, posterior, bound, optimum, active units, rate and distortion.

z ~ N(0, I_k),  x | z ~ N(W z + b, s2 I_D)      (probabilistic principal components; Tipping and Bishop 1999)

Arrays in, arrays out, float64, nats. `s2` is the decoder's variance. Any linear VAE that is trained can be held against
`LinearGaussian.optimum`, and any bound that is computed for it against `LinearGaussian.elbo`.
"""

import numpy as np

from tinygen import gaussian


class LinearGaussian:
    """A linear-Gaussian model with given parameters.

    W: (D, k). b: (D,). s2: the decoder's variance, a number above 0. Raises ValueError where the shapes do not fit, or
    unless s2 is above 0.

    >>> model = LinearGaussian(W=[[1.3]], b=[0.0], s2=0.4)
    >>> x = np.array([[1.0]])
    >>> mean, cov = model.posterior(x)
    >>> bool(np.isclose(model.elbo(x, mean, cov), model.log_evidence(x)).all())  # the bound is tight at the posterior
    True
    """

    def __init__(self, W, b, s2):
        self.W, self.b, self.s2 = np.array(W, float), np.array(b, float), float(s2)
        if self.W.ndim != 2 or self.b.shape != self.W.shape[:1]:
            raise ValueError(f"W must be (D, k) and b (D,), got W {self.W.shape} and b {self.b.shape}")
        if not self.s2 > 0:
            raise ValueError(f"the decoder's variance s2 must be above 0, got {s2}")

    @classmethod
    def optimum(cls, X, k, *, s2=None, beta=1.0):
        """The maximiser of the mean bound over all linear-Gaussian models (and all Gaussian q) on the data X.

        W = U_k (Lam_k - beta s2)_+^(1/2),  b = mean of X, from the eigenpairs of the 1/n covariance. Any W R with an
        orthogonal R is as good for a full q; for a diagonal q, R is a signed permutation: the columns returned here,
        in falling order of their eigenvalues.

        X: (n, D). k: how many latents. s2: held fixed at this, or None for its own best value, the mean of the D - k
        eigenvalues that are left (only for beta = 1). Raises ValueError where nothing is left.
        """
        eigenvalues, U, mean = principal(X)
        D = len(mean)
        if not 0 < k <= D:
            raise ValueError(f"k must be between 1 and the {D} columns of X, got {k}")
        if s2 is None:
            if beta != 1:
                raise ValueError(f"with beta = {beta} there is no likelihood to learn s2 from: give s2")
            if k == D or eigenvalues[k:].mean() <= 0:
                raise ValueError("s2 is learned from the eigenvalues that the latents leave, and nothing is left")
            s2 = eigenvalues[k:].mean()
        return cls(U[:, :k] * np.sqrt(np.maximum(eigenvalues[:k] - beta * s2, 0)), mean, s2)

    def sample(self, n, rng):
        """n draws (x, z), of shapes (n, D) and (n, k), with noise from the Generator `rng`."""
        z = rng.standard_normal((n, self.W.shape[1]))
        return z @ self.W.T + self.b + np.sqrt(self.s2) * rng.standard_normal((n, len(self.b))), z

    def precision(self, *, beta=1.0):
        """The posterior's precision Lambda = I + W'W / (beta s2), of shape (k, k): the same for every x."""
        return np.eye(self.W.shape[1]) + self.W.T @ self.W / (beta * self.s2)

    def posterior(self, x, *, beta=1.0):
        """Mean (n, k) and covariance (k, k) of p(z|x): Lambda^-1 W'(x - b) / s2 and Lambda^-1.

        With beta, the best q of a beta-VAE, which is the posterior of the model whose decoder has variance beta s2.
        """
        precision = self.precision(beta=beta)
        mean = np.linalg.solve(precision, self.W.T @ (self._rows(x) - self.b).T / (beta * self.s2)).T  # (n, k)
        return mean, np.linalg.inv(precision)

    def log_evidence(self, x):
        """log p(x) = log N(x; b, W W' + s2 I), of shape (n,), in nats."""
        x = self._rows(x)
        mean, _ = self.posterior(x)
        D = len(self.b)
        logdet = D * np.log(self.s2) + np.linalg.slogdet(self.precision())[1]
        # (x-b)' (WW' + s2 I)^-1 (x-b) = |x - b - W m|^2 / s2 + |m|^2 at the posterior mean m: nothing cancels.
        square = np.sum((x - self.b - mean @ self.W.T) ** 2, -1) / self.s2 + np.sum(mean**2, -1)
        return -0.5 * (D * gaussian.LN_2PI + logdet + square)

    def elbo(self, x, mean, cov, *, beta=1.0):
        """The bound of x for q = N(mean, cov), with weight beta on its KL term.

        -D/2 ln(2 pi s2) - [|x - b - W m|^2 + tr(W S W')] / (2 s2) - beta KL(q || N(0, I))

        x: (n, D). mean: (n, k). cov: (k, k) or (n, k, k). Returns (n,). For beta = 1 the distance to `log_evidence` is
        KL(q || posterior); for beta < 1 it is not a bound at all. In nats.
        """
        reconstruction, kl = self.elbo_terms(x, mean, cov)
        return reconstruction - beta * kl

    def elbo_terms(self, x, mean, cov):
        """The two terms of `elbo`, each (n,): E_q log p(x|z), and KL(q || N(0, I))."""
        x, mean, cov = self._rows(x), np.asarray(mean, float), np.asarray(cov, float)
        residual = np.sum((x - self.b - mean @ self.W.T) ** 2, -1)
        residual = residual + np.trace(self.W.T @ self.W @ cov, axis1=-2, axis2=-1)
        reconstruction = -0.5 * (len(self.b) * (gaussian.LN_2PI + np.log(self.s2)) + residual / self.s2)
        return reconstruction, gaussian.kl_standard_cholesky(mean, np.linalg.cholesky(cov))

    def elbo_diagonal(self, x, mean, logvar, *, beta=1.0):
        """`elbo` for a q with diagonal covariance exp(logvar): (k,) or (n, k).

        beta: as in `elbo`.
        """
        return self.elbo(x, mean, np.exp(logvar)[..., None] * np.eye(self.W.shape[1]), beta=beta)

    def best_diagonal(self, x, *, beta=1.0):
        """Mean (n, k) and logvar (k,) of the diagonal q with the highest bound: variances 1 / Lambda_ii.

        beta: as in `elbo`.
        """
        return self.posterior(x, beta=beta)[0], -np.log(np.diagonal(self.precision(beta=beta)))

    def diagonal_gap(self):
        """How far the best diagonal q stays below log p(x), at every x: 1/2 [sum ln Lambda_ii - ln det Lambda]."""
        precision = self.precision()
        return 0.5 * (np.sum(np.log(np.diagonal(precision))) - np.linalg.slogdet(precision)[1])

    def _rows(self, x):
        x = np.asarray(x, float)
        if x.ndim != 2 or x.shape[1] != len(self.b):
            raise ValueError(f"x must have shape (n, {len(self.b)}), got {x.shape}")
        return x


def principal(X):
    """Eigenvalues (D,) in falling order, eigenvectors (D, D) in columns, and mean (D,) of the data: 1/n covariance.

    X: (n, D). Raises ValueError for another shape and for no rows.
    """
    X = np.asarray(X, float)
    if X.ndim != 2 or not len(X):
        raise ValueError(f"X must have shape (n, D) with n > 0, got {X.shape}")
    mean = X.mean(0)
    eigenvalues, U = np.linalg.eigh((X - mean).T @ (X - mean) / len(X))
    return np.maximum(eigenvalues[::-1], 0), U[:, ::-1], mean


def active(eigenvalues, s2, *, beta=1.0):
    """Which latents the optimum of a linear VAE uses at fixed s2 (one for each eigenvalue given): lam_j > beta s2.

    eigenvalues: (D,), of the data's covariance.

    >>> active(np.array([3.0, 1.0, 0.5]), 0.4, beta=2)
    array([ True,  True, False])
    """
    return np.asarray(eigenvalues) > beta * s2


def latent_kl(eigenvalues, s2, *, beta=1.0):
    """KL of each latent at that optimum, averaged over the data: 1/2 ln(lam_j / (beta s2)) if active, else 0. Nats.

    eigenvalues: (D,), of the data's covariance.
    """
    return 0.5 * np.log(np.maximum(np.asarray(eigenvalues) / (beta * s2), 1))


def latent_variance(eigenvalues, s2, *, beta=1.0):
    """Variance over the data of E[z_j|x] at that optimum: 1 - beta s2 / lam_j if active, else 0.

    eigenvalues: (D,), of the data's covariance.
    """
    ratio = beta * s2 / np.maximum(np.asarray(eigenvalues), beta * s2)
    return 1 - ratio


def rate_distortion(eigenvalues, level):
    """The rate-distortion function of a Gaussian with these eigenvalues, by the water level: (rate, distortion).

    rate = sum_j 1/2 ln(lam_j / level)_+ nats,  distortion = sum_j min(lam_j, level), the expected squared error

    A beta-VAE with enough latents and a Gaussian decoder of variance s2 reaches the point of level beta s2; its
    distortion is measured at a *sampled* z. eigenvalues: (D,). level: any shape S. Returns two arrays of shape S.

    >>> rate, distortion = rate_distortion(np.array([4.0, 1.0]), np.array([1.0, 9.0]))
    >>> rate.round(6), distortion
    (array([0.693147, 0.      ]), array([2., 5.]))
    """
    eigenvalues, level = np.asarray(eigenvalues, float), np.asarray(level, float)[..., None]
    rate = 0.5 * np.sum(np.log(np.maximum(eigenvalues / level, 1)), -1)
    return rate, np.sum(np.minimum(eigenvalues, level), -1)
