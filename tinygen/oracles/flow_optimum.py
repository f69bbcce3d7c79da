"""What a flow can be at best: the affine optimum, what one coupling or a volume-preserving flow leaves, the rising map.

For data from p a flow q has the mean loss H(p) + KL(p || q); here is the least KL of a family. Nats throughout.

The affine optimum is the maximum-likelihood Gaussian (Bishop 2006, section 2.3.4); the rest is derived here.
"""

from typing import NamedTuple

import numpy as np

LN_2PI_E = float(np.log(2 * np.pi * np.e))


class AffineOptimum(NamedTuple):
    """The affine flow of maximum likelihood: x = mean + L z, and the mean negative log-likelihood of the rows."""

    mean: np.ndarray  # (D,)
    L: np.ndarray  # (D, D), lower triangular: the Cholesky factor of the 1/n covariance
    nll: float


def affine_optimum(X):
    """The affine flow that fits the rows X (n, D) best: NLL = D/2 ln 2 pi e + 1/2 ln |S|, S the 1/n covariance.

    >>> round(affine_optimum([[1, 2], [0, -1], [2.5, 0.5], [-1, 1], [0.5, 3]]).nll, 9)
    3.287449353
    """
    X = np.asarray(X, float)
    mean = X.mean(0)
    L = np.linalg.cholesky((X - mean).T @ (X - mean) / len(X))
    return AffineOptimum(mean, L, float(X.shape[1] / 2 * LN_2PI_E + np.sum(np.log(np.diag(L)))))


def diagonal_gap(S):
    """What a diagonal affine flow misses of a Gaussian with covariance S: its total correlation, >= 0.

    1/2 (sum_i ln S_ii - ln |S|)

    S: (D, D). In nats.
    """
    return 0.5 * float(np.sum(np.log(np.diag(S))) - np.linalg.slogdet(S)[1])


def volume_preserving_gap(S):
    """The least KL of a flow with |det| = 1 and base N(0, I) on N(0, S): D/2 (|S|^(1/D) - 1) - 1/2 ln |S|.

    >>> round(volume_preserving_gap(np.array([[2.0, 0.6], [0.6, 1.0]])), 10)
    0.0332767266
    """
    D, log_det = len(S), np.linalg.slogdet(S)[1]
    return float(D / 2 * (np.exp(log_det / D) - 1) - 0.5 * log_det)


def sequential_regression(S, order=None):
    """What affine autoregressive layers with linear nets learn of N(0, S): each column regressed on those before it.

    order: of the columns. Returns a list of (coefficients, variance left), and the NLL, the same in any order.

    >>> steps, nll = sequential_regression(np.array([[2.0, 0.6], [0.6, 1.0]]))
    >>> [(a.round(9).tolist(), round(v, 9)) for a, v in steps], round(nll, 10)
    ([([], 2.0), ([0.3], 0.82)], 3.0852251873)
    """
    order = range(len(S)) if order is None else order
    steps, nll = [], 0.0
    for i, column in enumerate(order):
        before = list(order)[:i]
        a = np.linalg.solve(S[np.ix_(before, before)], S[before, column]) if before else np.zeros(0)
        variance = float(S[column, column] - a @ S[before, column])
        steps.append((a, variance))
        nll += 0.5 * (LN_2PI_E + np.log(variance))
    return steps, float(nll)


class CouplingFloor(NamedTuple):
    """The least KL of one affine coupling, whose first column stays as it is."""

    gap: float  # with a base N(m, v) of the best m and v for that column
    given: float  # the part that is left if that column's own law is right


def coupling_floor(log_density, a, b):
    """The floor of one affine coupling (or one Gaussian autoregressive layer) for a density in the plane.

    KL(p(a) || N) + E 1/2 ln 2 pi e Var(b|a) - h(b|a): the second column is given its mean and variance at each a, and
    nothing more. log_density(a, b) -> log p on the whole grid, a: (n,) and b: (m,), even grids that hold all the mass.

    >>> grid = np.linspace(-8, 8, 401)
    >>> S = np.array([[2.0, 0.6], [0.6, 1.0]])
    >>> log_p = lambda a, b: -0.5 * (a**2 - 1.2 * a * b + 2 * b**2) / 1.64 - np.log(2 * np.pi * np.sqrt(1.64))
    >>> abs(coupling_floor(log_p, grid, grid).gap) < 1e-4  # the coupling's net can be linear
    True
    """
    log_p = log_density(a[:, None], b[None, :])
    p, da, db = np.exp(log_p), a[1] - a[0], b[1] - b[0]
    p_a = p.sum(1) * db
    safe = np.where(p_a > 0, p_a, 1)
    mean, square = p @ b * db / safe, p @ b**2 * db / safe
    entropy = -np.sum(np.where(p > 0, p * np.where(p > 0, log_p, 0), 0)) * da * db
    entropy_a = -np.sum(p_a * np.log(safe)) * da
    variance = np.maximum(square - mean**2, np.finfo(float).tiny)
    given = np.sum(p_a * 0.5 * (LN_2PI_E + np.log(variance))) * da - (entropy - entropy_a)
    m = np.sum(p_a * a) * da
    v = np.sum(p_a * (a - m) ** 2) * da
    return CouplingFloor(float(given + 0.5 * (LN_2PI_E + np.log(v)) - entropy_a), float(given))


def coupling_gap(S, first=0):
    """The least KL of one coupling with base N(0, I) on N(0, S) in the plane: its column `first` keeps its own law.

    >>> round(coupling_gap(np.array([[2.0, 0.6], [0.6, 1.0]])), 10)
    0.1534264097
    """
    v = S[first][first]
    return float(0.5 * (v - 1 - np.log(v)))


def rising_map(z, cdf, density, low, high):
    """The rising flow of one column at its optimum, x = F^-1(Phi(z)), and its slope phi(z)/p(x).

    (The falling one, x(-z), is as good.) cdf, density: of the data, functions of arrays. [low, high] holds x. Halving.
    z: (n,), or any shape, which the result has too. low, high: numbers.

    >>> cdf = lambda x: 1 / (1 + np.exp(-x))  # the logistic distribution
    >>> x, slope = rising_map(np.array([0.7]), cdf, lambda x: cdf(x) * cdf(-x), -50.0, 50.0)
    >>> x.round(10), slope.round(10)
    (array([1.14194382]), array([1.70242409]))
    """
    from scipy.special import ndtr

    z = np.asarray(z, float)
    low, high = np.full_like(z, low), np.full_like(z, high)
    for _ in range(200):
        x = 0.5 * (low + high)
        below = cdf(x) < ndtr(z)
        low, high = np.where(below, x, low), np.where(below, high, x)
    return x, np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) / density(x)


class Bin(NamedTuple):
    """ln P of a whole value under a density, and the bounds by uniform noise."""

    exact: np.ndarray
    bound: np.ndarray  # E_u ln p(x + u)
    two: np.ndarray  # the bound with the mean of two draws inside the logarithm


def dequantised_normal(x, mean, var):
    """ln P(x) = ln of the mass of N(mean, var) on [x, x + 1), and its bounds by noise on the whole bin.

    bound = ln p(middle) - 1/(24 var); the gap to the exact value is KL(uniform || p(u|x)).

    >>> [float(a.round(10)) for a in dequantised_normal(10, 8, 9)[:2]]
    [-2.366193022, -2.3694026737]
    """
    from scipy.special import ndtr

    sd = np.sqrt(var)
    log_p = lambda u: -0.5 * (np.log(2 * np.pi * var) + (x + u - mean) ** 2 / var)
    node, weight = np.polynomial.legendre.leggauss(64)
    u, w = 0.5 * (node + 1), 0.5 * weight
    pairs = np.logaddexp(log_p(u)[:, None], log_p(u)[None, :]) - np.log(2)
    exact = np.log(ndtr((x + 1 - mean) / sd) - ndtr((x - mean) / sd))
    return Bin(exact, log_p(0.5) - 1 / (24 * var), w @ pairs @ w)
