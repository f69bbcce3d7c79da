"""Encoder and decoder: two nets on one tree of parameters, plain functions of arrays.

{"encoder": [...], "decoder": [...], "likelihood": {...}} and, for a model with a prior that depends on the label,
"prior". A label enters as a row of zeros and one 1, beside x in the encoder and beside z in the decoder.
"""

import numpy as np

from tinygen.models import decoders, posteriors
from tinygen.nn.layers import linear, mlp, mlp_init


def init(rng, D, k, *, hidden=(128,), decoder="bernoulli", posterior="diagonal", classes=0, learned_prior=False,
         dtype=np.float32):  # fmt: skip
    """Random parameters for D pixels, k latents, hidden layers of these sizes (the decoder's in reverse order).

    classes: how many labels, 0 for none. learned_prior: p(z|c) = N(mean_c, exp(logvar_c)) instead of N(0, I); it begins
    as N(0, I).

    >>> params = init(0, 64, 2, hidden=(16,))
    >>> [layer["W"].shape for layer in params["encoder"] + params["decoder"]]
    [(64, 16), (16, 4), (2, 16), (16, 64)]
    """
    if learned_prior and not classes:
        raise ValueError("a prior p(z|c) is learned for each class: give the number of classes")
    rng = np.random.default_rng(rng)
    outputs, own = decoders.decoder(decoder).init(D, dtype)
    params = {
        "encoder": mlp_init(rng, [D + classes, *hidden, posteriors.posterior(posterior).outputs(k)], dtype),
        "decoder": mlp_init(rng, [k + classes, *hidden[::-1], outputs], dtype),
        "likelihood": own,
    }
    if learned_prior:
        params["prior"] = {"W": np.zeros((classes, 2 * k), dtype), "b": np.zeros(2 * k, dtype)}
    return params


def encode(params, x, c=None, *, posterior="diagonal", activation="tanh"):
    """The parameters of q(z|x, c); for the diagonal Gaussian mean and logvar, each (n, k).

    x: (n, D). c: (n, classes), the labels as one-hot rows, or None.
    """
    out = mlp(params["encoder"], _beside(x, c), activation)  # (n, outputs)
    return posteriors.posterior(posterior).split(out)


def decode(params, z, c=None, *, activation="tanh"):
    """The outputs of the decoder's net, (..., outputs), from z (..., k). Its likelihood says what they mean."""
    return mlp(params["decoder"], _beside(z, c), activation)


def prior(params, c):
    """Mean and logvar of the prior p(z|c), each (n, k); None if it is N(0, I)."""
    if "prior" not in params:
        return None
    out = linear(params["prior"], c)
    k = out.shape[-1] // 2
    return out[..., :k], out[..., k:]


def _beside(a, c):
    if c is None:
        return a
    return np.concatenate([a, np.broadcast_to(c, a.shape[:-1] + c.shape[-1:])], axis=-1)
