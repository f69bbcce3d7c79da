"""What z is drawn from: N(0, I), a flow, or for a labelled model one Gaussian or a mixture for each class.

A prior is None for N(0, I), (mean, logvar) for a Gaussian, each (n, k), and (mean, logvar, log_share) for a mixture of
M, (n, M, k), (n, M, k) and (n, M). A `Flow` is spline couplings (models/flow) on N(0, I), in all labels together.

Throughout, p: a prior. rng: numpy.random.Generator. dtype: of the numbers that come back. k: how many latents.
"""

from typing import Any, NamedTuple

import numpy as np

from tinygen import byhand, gaussian
from tinygen.autodiff import log_softmax, logsumexp, softmax
from tinygen.models.flow import one_page
from tinygen.models.flow.layers import Coupling, Spline

LAYERS = [Coupling(curve=Spline(), flip=i % 2 == 1) for i in range(4)]  # of a flow prior


class Flow(NamedTuple):
    """A flow prior: the numbers of LAYERS and the one-hot labels (n, classes) or None."""

    numbers: Any
    c: Any


def init(rng, classes, k, components, dtype=np.float32):
    """Parameters of p(z|c): None for 0 components, N(0, I) for 1, else that many Gaussians with different means.

    components "flow": spline couplings, which begin as the identity, so p as N(0, I). classes: how many labels.
    """
    if not components:
        return None
    if components == "flow":
        return {"flow": one_page.init(LAYERS, rng, k, classes, dtype)}
    spread = 0.0 if components == 1 else 0.5
    shape = (classes, components * k)
    own = {"mean": (spread * rng.standard_normal(shape)).astype(dtype), "logvar": np.zeros(shape, dtype)}
    return own if components == 1 else {**own, "share": np.zeros((classes, components), dtype)}


def prior(own, c):
    """The prior of each row, from the parameters `own` and the one-hot labels c (n, classes)."""
    if own is None:
        return None
    if "flow" in own:
        return Flow(own["flow"], c)
    mean, logvar = c @ own["mean"], c @ own["logvar"]  # (n, M k)
    if "share" not in own:
        return mean, logvar
    log_share = log_softmax(c @ own["share"])  # (n, M)
    shape = (*log_share.shape, mean.shape[-1] // log_share.shape[-1])
    return mean.reshape(shape), logvar.reshape(shape), log_share


def is_gaussian(p):
    """Whether a KL to this prior can have a closed form."""
    return p is None or (not isinstance(p, Flow) and len(p) == 2)


def log_density(p, z):
    """log p(z), (..., n), at z (..., n, k).

    In nats.
    """
    if p is None:
        return gaussian.log_density(z, 0.0, 0.0)
    if isinstance(p, Flow):
        c = None if p.c is None else np.broadcast_to(p.c, z.shape[:-1] + p.c.shape[-1:])
        return one_page.log_density(LAYERS, p.numbers, z, c)
    if len(p) == 2:
        return gaussian.log_density(z, *p)
    return mixture_log_density(z, *p)


def mixture_log_density(z, mean, logvar, log_share):
    """Log density of a mixture of M Gaussians with diagonal covariances.

    log p(z) = ln sum_m e^(l_m),  l_m = log N(z; mean_m, sigma_m^2) + log_share_m

    Its derivative is that of the l_m, averaged with the probability that z came from m, r_m = e^(l_m - log p(z)), since
    d ln sum_m e^(l_m) = sum_m r_m dl_m; with l = logvar:

    d/dz = -sum_m r_m (z - mean_m)/sigma_m^2        d/dmean_m = r_m (z - mean_m)/sigma_m^2
    d/dlogvar_m = r_m/2 [(z - mean_m)^2/sigma_m^2 - 1]        d/dlog_share_m = r_m

    z: (..., k). mean, logvar: (..., M, k). log_share: (..., M), logarithms of what sums to 1. Returns (...,), nats.
    Source: Bishop 2006, section 9.2.

    >>> float(mixture_log_density(np.zeros(1), np.zeros((2, 1)), np.zeros((2, 1)), np.log([0.25, 0.75])).round(6))
    -0.918939
    """
    return logsumexp(_joint(z, mean, logvar, log_share), axis=-1)


def mixture_log_density_grad_z(z, mean, logvar, log_share):
    r = mixture_log_density_grad_log_share(z, mean, logvar, log_share)[..., None]
    return np.sum(r * gaussian.log_density_grad_x(z[..., None, :], mean, logvar), axis=-2)


def mixture_log_density_grad_mean(z, mean, logvar, log_share):
    r = mixture_log_density_grad_log_share(z, mean, logvar, log_share)[..., None]
    return r * gaussian.log_density_grad_mean(z[..., None, :], mean, logvar)


def mixture_log_density_grad_logvar(z, mean, logvar, log_share):
    r = mixture_log_density_grad_log_share(z, mean, logvar, log_share)[..., None]
    return r * gaussian.log_density_grad_logvar(z[..., None, :], mean, logvar)


def mixture_log_density_grad_log_share(z, mean, logvar, log_share):
    return softmax(_joint(z, mean, logvar, log_share), axis=-1)


def _joint(z, mean, logvar, log_share):
    return gaussian.log_density(z[..., None, :], mean, logvar) + log_share  # (..., M)


def _mixture_example(rng):
    z, (mean, logvar) = rng.normal(size=(3, 5)), rng.normal(size=(2, 3, 7, 5))
    return dict(z=z, mean=mean, logvar=logvar, log_share=rng.normal(size=(3, 7)))


mixture_log_density = byhand.with_rules(
    mixture_log_density,
    lambda g, y, *args: g[..., None] * mixture_log_density_grad_z(*args),
    lambda g, y, *args: g[..., None, None] * mixture_log_density_grad_mean(*args),
    lambda g, y, *args: g[..., None, None] * mixture_log_density_grad_logvar(*args),
    lambda g, y, *args: g[..., None] * mixture_log_density_grad_log_share(*args),
    example=_mixture_example,
)


def sample(p, shape, rng, dtype, eps=None):
    """One draw of z for each row, of this shape (n, k); eps: the standard normal numbers (n, k) it is made of."""
    z = (rng.standard_normal(shape) if eps is None else eps).astype(dtype)
    if p is None:
        return z
    if isinstance(p, Flow):
        return one_page.sample(LAYERS, p.numbers, z, p.c)
    mean, logvar = p[:2]
    if len(p) == 3:
        drawn = np.sum(np.cumsum(np.exp(p[2]), -1)[:, :-1] < rng.random((shape[0], 1)), -1)  # (n,), which component
        mean, logvar = mean[np.arange(shape[0]), drawn], logvar[np.arange(shape[0]), drawn]
    return gaussian.sample(mean, logvar, z)
