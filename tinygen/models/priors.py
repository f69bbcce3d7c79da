"""What z is drawn from: N(0, I), or for a labelled model a learned p(z|c), one Gaussian or a mixture for each class.

A prior is None for N(0, I), (mean, logvar) for a Gaussian, each (n, k), and (mean, logvar, log_share) for a mixture of
M, (n, M, k), (n, M, k) and (n, M).
"""

import numpy as np

from tinygen import gaussian
from tinygen.autodiff import log_softmax, logsumexp


def init(rng, classes, k, components, dtype=np.float32):
    """Parameters of p(z|c): None for 0 components, N(0, I) for 1, else that many Gaussians with different means."""
    if not components:
        return None
    spread = 0.0 if components == 1 else 0.5
    shape = (classes, components * k)
    own = {"mean": (spread * rng.standard_normal(shape)).astype(dtype), "logvar": np.zeros(shape, dtype)}
    return own if components == 1 else {**own, "share": np.zeros((classes, components), dtype)}


def prior(own, c):
    """The prior of each row, from the parameters `own` and the one-hot labels c (n, classes)."""
    if own is None:
        return None
    mean, logvar = c @ own["mean"], c @ own["logvar"]  # (n, M k)
    if "share" not in own:
        return mean, logvar
    log_share = log_softmax(c @ own["share"])  # (n, M)
    shape = (*log_share.shape, mean.shape[-1] // log_share.shape[-1])
    return mean.reshape(shape), logvar.reshape(shape), log_share


def is_gaussian(p):
    """Whether a KL to this prior can have a closed form."""
    return p is None or len(p) == 2


def log_density(p, z):
    """log p(z), (..., n), at z (..., n, k)."""
    if p is None:
        return gaussian.log_density(z, 0.0, 0.0)
    if len(p) == 2:
        return gaussian.log_density(z, *p)
    mean, logvar, log_share = p
    return logsumexp(gaussian.log_density(z[..., None, :], mean, logvar) + log_share, axis=-1)


def sample(p, shape, rng, dtype):
    """One draw of z for each row, of this shape (n, k)."""
    z = rng.standard_normal(shape).astype(dtype)
    if p is None:
        return z
    mean, logvar = p[:2]
    if len(p) == 3:
        drawn = np.sum(np.cumsum(np.exp(p[2]), -1)[:, :-1] < rng.random((shape[0], 1)), -1)  # (n,), which component
        mean, logvar = mean[np.arange(shape[0]), drawn], logvar[np.arange(shape[0]), drawn]
    return gaussian.sample(mean, logvar, z)
