"""The linear GAN with a quadratic critic, of which everything is known: critic, value, optimum. It is PCA.

x = A z + b, z ~ N(0, I_k);  D(x) = y'B y/2 + c'y, y = x - m;  E_p D - E_q D - rho/2 (|B|_F^2 + |c|^2): the critic
climbs, the generator descends. The data enter by their mean m and covariance S alone, d = m - b. Arrays in, arrays
out, float64.

Source for the game and for its optimum as PCA: Feizi et al. 2017; the penalised critic is derived here.
"""

import numpy as np


class LinearGAN:
    """The game for data of mean m (D,) and covariance S (D, D), with penalty rho.

    Raises ValueError where m and S do not fit, or unless rho is above 0. A, b: (D, k) and (D,), of the generator.

    >>> game = LinearGAN(m=np.zeros(3), S=np.diag([3.0, 1.5, 0.4]), rho=0.5)
    >>> round(game.value(*game.optimum(k=1)), 10)
    0.6025
    """

    def __init__(self, m, S, rho):
        self.m, self.S, self.rho = np.array(m, float), np.array(S, float), float(rho)
        if self.m.ndim != 1 or self.S.shape != (*self.m.shape, *self.m.shape):
            raise ValueError(f"LinearGAN: m must be (D,) and S (D, D), got {self.m.shape} and {self.S.shape}")
        if not self.rho > 0:
            raise ValueError(f"LinearGAN: rho must be above 0 (without a penalty no critic is best), got {rho}")

    def objective(self, A, b, B, c):
        """E_p D - E_q D - rho/2 (|B|^2 + |c|^2) of any generator A (D, k), b (D,) and critic B (D, D), c (D,)."""
        second, d = self._differences(A, b)
        return float(np.sum(B * second) / 2 + c @ d - self.rho / 2 * (np.sum(B**2) + c @ c))

    def critic(self, A, b):
        """The best critic, B = (S - A A' - d d')/(2 rho) and c = d/rho: half its slopes are differences of moments."""
        second, d = self._differences(A, b)
        return second / (2 * self.rho), d / self.rho

    def value(self, A, b):
        """The objective at the best critic: |S - A A' - d d'|_F^2/(8 rho) + |d|^2/(2 rho)."""
        B, c = self.critic(A, b)
        return float(self.rho / 2 * (np.sum(B**2) + c @ c))

    def optimum(self, k):
        """The generator's best A = U_k Lam_k^1/2 (D, k), times any rotation, and b = m: returns (A, b).

        PCA *without* noise subtracted: a linear VAE with decoder variance s2 has (Lam_k - s2)^1/2. The value left is
        the sum of the squares of the other eigenvalues over 8 rho. That is the least of all if none of these is above
        2; a larger one, lam, is worth a wrong mean, d = (lam - 2)^1/2 along its axis, which the critic takes for
        variance. Raises ValueError unless k is between 1 and D.
        """
        if not 0 < k <= len(self.m):
            raise ValueError(f"LinearGAN: k must be between 1 and {len(self.m)}, got {k}")
        var, U = np.linalg.eigh(self.S)
        return U[:, ::-1][:, :k] * np.sqrt(np.maximum(var[::-1][:k], 0)), self.m.copy()

    def _differences(self, A, b):
        """E_p yy' - E_q yy' and E_p y - E_q y."""
        A, d = np.asarray(A, float), self.m - np.asarray(b, float)
        return self.S - A @ A.T - np.outer(d, d), d
