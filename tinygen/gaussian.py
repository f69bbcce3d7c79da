"""Gaussians as a VAE needs them: log density, entropy, KL and reparameterised sample, each with its gradient by hand.

Everything is in nats. Each function works on the last axis (one Gaussian a row) and keeps the axes before it, which
broadcast. Each stands three times on this page: as a formula, as a function, and as functions `<name>_grad_<argument>`
(for the samples `_vjp_`: g times the gradient) that were derived on paper. They are joined at the end of the page, so
that a model that is trained with `kl_standard` is trained with the derivative that is written under it;
`<name>.__wrapped__` is the bare function, which the engine can differentiate by itself. That the two agree, and agree
with finite differences, is what tests/gaussian holds.

A variance is always given as its logarithm, `logvar` = ln sigma^2; a full covariance as its lower triangular factor
`L`, S = L L', of which the part above the diagonal is never read.

For |logvar| <= 350 in float32 (2,800 in float64; at some normal x - mean), a log density or KL of diagonal Gaussians
and its derivatives are finite wherever their dtype can hold them, though exp(-logvar) ends at 88 (709): 0 at an
infinite precision counts as 0.

Sources: Rasmussen and Williams 2006, appendix A (densities, entropy, KL); Kingma and Welling 2014, appendix B.
"""

import numpy as np

from tinygen import byhand

LN_2PI = float(np.log(2 * np.pi))


def _times_std(x, logvar):
    """x e^(logvar/2) in two steps, neither of which overflows unless the result does, and 0 stays 0."""
    most = {"e": 11.0, "f": 88.0}.get(x.dtype.char, 700.0)
    root = np.exp(np.minimum(0.25 * logvar, most))  # the root of the standard deviation
    return x * root * root


def _times_var(x, logvar):
    return _times_std(_times_std(x, logvar), logvar)


def _half_expm1(l):
    """1/2 (e^l - 1) = h (1 + h/2), h = e^(l/2) - 1: finite wherever the half is."""
    h = np.expm1(0.5 * l)
    return h * (0.5 * h + 1)


# Diagonal covariance ---------------------------------------------------------------------------------------------


def log_density(x, mean, logvar):
    """Log density of a Gaussian with diagonal covariance.

    log N(x; mean, sigma^2) = -1/2 sum_i [ln 2 pi + l_i + (x_i - m_i)^2 e^(-l_i)],  l = ln sigma^2

    d/dx = -(x - m)/sigma^2        d/dmean = (x - m)/sigma^2        d/dlogvar = 1/2 [(x - m)^2/sigma^2 - 1]

    x: (..., D), the last axis in full. mean, logvar: (..., D), or anything that broadcasts to it.
    Returns (...,), nats. Raises ValueError where the shapes do not fit.

    >>> float(log_density(np.zeros(1), np.zeros(1), np.zeros(1)).round(6))
    -0.918939
    """
    u = _times_std(x - mean, -logvar)
    return -np.sum(0.5 * u * u + 0.5 * (logvar + LN_2PI), axis=-1)


def log_density_grad_x(x, mean, logvar):
    return _times_var(mean - x, -logvar)


def log_density_grad_mean(x, mean, logvar):
    return _times_var(x - mean, -logvar)


def log_density_grad_logvar(x, mean, logvar):
    u = _times_std(x - mean, -logvar)
    return 0.5 * u * u - 0.5


def entropy(logvar):
    """Entropy of a Gaussian with diagonal covariance; it does not depend on the mean.

    H = 1/2 sum_i [ln 2 pi + 1 + l_i]        d/dlogvar = 1/2

    logvar: (..., D). Returns (...,), nats.

    >>> float(entropy(np.zeros(2)).round(6))
    2.837877
    """
    return 0.5 * np.sum(logvar + (LN_2PI + 1), axis=-1)


def entropy_grad_logvar(logvar):
    return np.full_like(logvar, 0.5)


def kl_standard(mean, logvar):
    """KL(N(mean, sigma^2) || N(0, I)): the price of the code in the evidence lower bound.

    KL = 1/2 sum_i [e^(l_i) - 1 - l_i + m_i^2],  l = ln sigma^2

    d/dmean = m        d/dlogvar = 1/2 (sigma^2 - 1)

    mean, logvar: (..., D). Returns (...,), nats. Notes, chapter 17, last line of the chain; Kingma and Welling 2014,
    appendix B.

    >>> kl_standard(np.zeros(3), np.zeros(3)) == 0
    np.True_
    """
    return np.sum(_half_expm1(logvar) - 0.5 * logvar + 0.5 * mean * mean, axis=-1)


def kl_standard_grad_mean(mean, logvar):
    return mean


def kl_standard_grad_logvar(mean, logvar):
    return _half_expm1(logvar)


def kl(mean0, logvar0, mean1, logvar1):
    """KL(N(mean0, sigma0^2) || N(mean1, sigma1^2)): an expectation under the first of the two.

    KL = 1/2 sum_i [sigma0^2/sigma1^2 - 1 - ln(sigma0^2/sigma1^2) + (m0 - m1)^2/sigma1^2]

    d/dmean0 = (m0 - m1)/sigma1^2 = -d/dmean1        d/dlogvar0 = 1/2 (sigma0^2/sigma1^2 - 1)
    d/dlogvar1 = 1/2 [1 - (sigma0^2 + (m0 - m1)^2)/sigma1^2]

    All arguments: (..., D). Returns (...,), nats. mean0, logvar0: of the first, over which the expectation is taken.
    mean1, logvar1: of the second.

    >>> zero, four = np.zeros(1), np.log([4.0])
    >>> float(kl(zero, zero, zero, four).round(5)), float(kl(zero, four, zero, zero).round(5))  # not symmetric
    (0.31815, 0.80685)
    """
    ratio, u = logvar0 - logvar1, _times_std(mean0 - mean1, -logvar1)
    return np.sum(_half_expm1(ratio) - 0.5 * ratio + 0.5 * u * u, axis=-1)


def kl_grad_mean0(mean0, logvar0, mean1, logvar1):
    return _times_var(mean0 - mean1, -logvar1)


def kl_grad_logvar0(mean0, logvar0, mean1, logvar1):
    return _half_expm1(logvar0 - logvar1)


def kl_grad_mean1(mean0, logvar0, mean1, logvar1):
    return _times_var(mean1 - mean0, -logvar1)


def kl_grad_logvar1(mean0, logvar0, mean1, logvar1):
    u = _times_std(mean0 - mean1, -logvar1)
    return -_half_expm1(logvar0 - logvar1) - 0.5 * u * u


def sample(mean, logvar, eps):
    """A draw from N(mean, sigma^2), as a function of its parameters: the reparameterisation.

    z = m + sigma eps,  eps ~ N(0, I); for a cotangent g of z:  mean: g    logvar: 1/2 g sigma eps    eps: g sigma

    eps: (..., D) has the shape of the result, so that no two rows share their noise by accident; leading axes that
    mean and logvar lack make several draws a row. mean, logvar: broadcast to it. Returns (..., D).

    >>> sample(np.array([1.0]), np.log([4.0]), np.array([[0.0], [1.0], [-1.0]])).ravel()
    array([ 1.,  3., -1.])
    """
    return mean + np.exp(0.5 * logvar) * eps


def sample_vjp_mean(g, mean, logvar, eps):
    return g


def sample_vjp_logvar(g, mean, logvar, eps):
    return 0.5 * g * np.exp(0.5 * logvar) * eps


def sample_vjp_eps(g, mean, logvar, eps):
    return g * np.exp(0.5 * logvar)


# Full covariance, S = L L' ---------------------------------------------------------------------------------------


def log_density_cholesky(x, mean, L):
    """Log density of a Gaussian with covariance S = L L'.

    log N(x; mean, S) = -k/2 ln 2 pi - sum_i ln |L_ii| - 1/2 |u|^2,  u = L^-1 (x - m)

    d/dx = -L^-T u        d/dmean = L^-T u        d/dL = tril(L^-T u u') - diag(1/L_ii)

    x, mean: (..., k). L: (..., k, k), of which only the lower triangle is read. Returns (...,), nats.

    >>> L = np.array([[2.0, 0.0], [1.0, 1.0]])
    >>> float(log_density_cholesky(np.array([2.0, 1.0]), np.zeros(2), L).round(6))
    -3.031024
    """
    u = _solve(np.tril(L), x - mean)
    return -0.5 * np.sum(u**2 + LN_2PI, axis=-1) - _half_logdet(L)


def log_density_cholesky_grad_x(x, mean, L):
    L = np.tril(L)
    return -_solve(np.matrix_transpose(L), _solve(L, x - mean))


def log_density_cholesky_grad_mean(x, mean, L):
    return -log_density_cholesky_grad_x(x, mean, L)


def log_density_cholesky_grad_L(x, mean, L):
    L = np.tril(L)
    u = _solve(L, x - mean)
    v = _solve(np.matrix_transpose(L), u)
    return np.tril(v[..., :, None] * u[..., None, :]) - _inverse_diagonal(L)


def entropy_cholesky(L):
    """Entropy of a Gaussian with covariance S = L L'.

    H = k/2 (ln 2 pi + 1) + sum_i ln |L_ii|        d/dL = diag(1/L_ii)

    L: (..., k, k), of which only the diagonal matters. Returns (...,), nats.

    >>> bool(entropy_cholesky(np.eye(2)) == entropy(np.zeros(2)))
    True
    """
    return _half_logdet(L) + 0.5 * L.shape[-1] * (LN_2PI + 1)


def entropy_cholesky_grad_L(L):
    return _inverse_diagonal(L)


def kl_standard_cholesky(mean, L):
    """KL(N(mean, L L') || N(0, I)).

    KL = 1/2 (|L|_F^2 + |m|^2 - k) - sum_i ln |L_ii|        d/dmean = m        d/dL = tril(L) - diag(1/L_ii)

    mean: (..., k). L: (..., k, k), of which only the lower triangle is read. Returns (...,), nats.

    >>> float(kl_standard_cholesky(np.zeros(2), np.eye(2)))
    0.0
    """
    return 0.5 * (np.sum(np.tril(L) ** 2, axis=(-2, -1)) + np.sum(mean**2 - 1, axis=-1)) - _half_logdet(L)


def kl_standard_cholesky_grad_mean(mean, L):
    return mean


def kl_standard_cholesky_grad_L(mean, L):
    return np.tril(L) - _inverse_diagonal(L)


def kl_cholesky(mean0, L0, mean1, L1):
    """KL(N(mean0, L0 L0') || N(mean1, L1 L1')).

    KL = 1/2 (|A|_F^2 + |u|^2 - k) + sum_i ln |L1_ii| - sum_i ln |L0_ii|,  A = L1^-1 L0,  u = L1^-1 (m0 - m1)

    d/dmean0 = L1^-T u = -d/dmean1        d/dL0 = tril(L1^-T A) - diag(1/L0_ii)
    d/dL1 = diag(1/L1_ii) - tril(L1^-T (A A' + u u'))

    mean0, mean1: (..., k). L0, L1: (..., k, k), of which only the lower triangle is read. Returns (...,), nats.

    >>> one, two = np.eye(1), 2 * np.eye(1)
    >>> float(kl_cholesky(np.zeros(1), one, np.zeros(1), two).round(5))
    0.31815
    """
    L1_lower = np.tril(L1)
    A = np.linalg.solve(L1_lower, np.tril(L0))
    u = _solve(L1_lower, mean0 - mean1)
    return 0.5 * (np.sum(A**2, axis=(-2, -1)) + np.sum(u**2 - 1, axis=-1)) + _half_logdet(L1) - _half_logdet(L0)


def kl_cholesky_grad_mean0(mean0, L0, mean1, L1):
    L1 = np.tril(L1)
    return _solve(np.matrix_transpose(L1), _solve(L1, mean0 - mean1))


def kl_cholesky_grad_L0(mean0, L0, mean1, L1):
    L1 = np.tril(L1)
    A = np.linalg.solve(L1, np.tril(L0))
    return np.tril(np.linalg.solve(np.matrix_transpose(L1), A)) - _inverse_diagonal(L0)


def kl_cholesky_grad_mean1(mean0, L0, mean1, L1):
    return -kl_cholesky_grad_mean0(mean0, L0, mean1, L1)


def kl_cholesky_grad_L1(mean0, L0, mean1, L1):
    L1 = np.tril(L1)
    A = np.linalg.solve(L1, np.tril(L0))
    u = _solve(L1, mean0 - mean1)
    moment = A @ np.matrix_transpose(A) + u[..., :, None] * u[..., None, :]
    return _inverse_diagonal(L1) - np.tril(np.linalg.solve(np.matrix_transpose(L1), moment))


def sample_cholesky(mean, L, eps):
    """A draw from N(mean, L L') as a function of its parameters.

    z = m + L eps,  eps ~ N(0, I); for a cotangent g of z:  mean: g        L: tril(g eps')        eps: L' g

    mean: (..., k). L: (..., k, k), of which only the lower triangle is read. eps: (..., k) has the shape of the result.
    Returns (..., k).

    >>> sample_cholesky(np.zeros(2), np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([1.0, 0.0]))
    array([2., 1.])
    """
    return mean + np.matmul(np.tril(L), eps[..., None])[..., 0]


def sample_cholesky_vjp_mean(g, mean, L, eps):
    return g


def sample_cholesky_vjp_L(g, mean, L, eps):
    return np.tril(g[..., :, None] * eps[..., None, :])


def sample_cholesky_vjp_eps(g, mean, L, eps):
    return np.matmul(np.matrix_transpose(np.tril(L)), g[..., None])[..., 0]


def _solve(A, b):
    return np.linalg.solve(A, b[..., None])[..., 0]  # (..., k)


def _half_logdet(L):
    return np.sum(np.log(np.abs(np.diagonal(L, axis1=-2, axis2=-1))), axis=-1)


def _inverse_diagonal(L):
    eye = np.eye(L.shape[-1], dtype=L.dtype)
    return eye / np.diagonal(L, axis1=-2, axis2=-1)[..., None, :]  # (..., k, k)


# Each function, joined with its gradients --------------------------------------------------------------------------

log_density = byhand.with_gradients(log_density, log_density_grad_x, log_density_grad_mean, log_density_grad_logvar)
entropy = byhand.with_gradients(entropy, entropy_grad_logvar)
kl_standard = byhand.with_gradients(kl_standard, kl_standard_grad_mean, kl_standard_grad_logvar)
kl = byhand.with_gradients(kl, kl_grad_mean0, kl_grad_logvar0, kl_grad_mean1, kl_grad_logvar1)
sample = byhand.with_vjps(sample, sample_vjp_mean, sample_vjp_logvar, sample_vjp_eps)
log_density_cholesky = byhand.with_gradients(
    log_density_cholesky, log_density_cholesky_grad_x, log_density_cholesky_grad_mean, log_density_cholesky_grad_L
)
entropy_cholesky = byhand.with_gradients(entropy_cholesky, entropy_cholesky_grad_L)
kl_standard_cholesky = byhand.with_gradients(
    kl_standard_cholesky, kl_standard_cholesky_grad_mean, kl_standard_cholesky_grad_L
)
kl_cholesky = byhand.with_gradients(
    kl_cholesky, kl_cholesky_grad_mean0, kl_cholesky_grad_L0, kl_cholesky_grad_mean1, kl_cholesky_grad_L1
)
sample_cholesky = byhand.with_vjps(
    sample_cholesky, sample_cholesky_vjp_mean, sample_cholesky_vjp_L, sample_cholesky_vjp_eps
)
