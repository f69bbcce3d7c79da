"""Encoder and decoder: two nets on one tree of parameters, plain functions of arrays.

{"encoder": [...], "decoder": [...], "likelihood": {...}, "prior": None or {...}}. A label enters as a row of zeros and
one 1, beside x in the encoder and beside z in the decoder, and chooses the prior if there is one for each class.
"""

import numpy as np

from tinygen.models.vae import decoders, posteriors, priors
from tinygen.nn.layers import mlp, mlp_init


def init(rng, D, k, *, hidden=(128,), decoder="bernoulli", posterior="diagonal", classes=0, learned_prior=0,
         dtype=np.float32):  # fmt: skip
    """Random parameters for D pixels, k latents, hidden layers of these sizes (the decoder's in reverse order).

    classes: how many labels, 0 for none. learned_prior: how many Gaussians p(z|c) is made of, 0 for N(0, I); or "flow".

    >>> params = init(0, 64, 2, hidden=(16,))
    >>> [layer["W"].shape for layer in params["encoder"] + params["decoder"]]
    [(64, 16), (16, 4), (2, 16), (16, 64)]
    """
    if learned_prior not in (0, "flow") and not classes:
        raise ValueError("a prior p(z|c) is learned for each class: give the number of classes")
    rng = np.random.default_rng(rng)
    outputs, own = decoders.decoder(decoder).init(D, dtype)
    return {
        "encoder": mlp_init(rng, [D + classes, *hidden, posteriors.posterior(posterior).outputs(k)], dtype),
        "decoder": mlp_init(rng, [k + classes, *hidden[::-1], outputs], dtype),
        "likelihood": own,
        "prior": priors.init(rng, classes, k, learned_prior, dtype),
    }


def encode(params, x, c=None, *, posterior="diagonal", activation="tanh"):
    """The parameters of q(z|x, c); for the diagonal Gaussian mean and logvar, each (n, k).

    x: (n, D). c: (n, classes), the labels as one-hot rows, or None.
    """
    out = mlp(params["encoder"], _beside(x, c), activation)  # (n, outputs)
    if "skip" in params:
        out = out + x @ params["skip"]["encoder"]
    return posteriors.posterior(posterior).split(out)


def decode(params, z, c=None, *, activation="tanh"):
    """The outputs of the decoder's net, (..., outputs), from z (..., k). Its likelihood says what they mean."""
    out = mlp(params["decoder"], _beside(z, c), activation)
    return out + z @ params["skip"]["decoder"] if "skip" in params else out


def start_as_gaussian(params, noise=0.1):
    """The same tree of parameters, but of a model that is N(0, I) exactly and carries its first entries in z.

    With x_j = sqrt(1 - noise) z_j + sqrt(noise) eps for j < k, and x_j = eps for the others, x ~ N(0, I), and the
    posterior of z_j is N(sqrt(1 - noise) x_j, noise): two linear maps beside the nets, "skip", which are trained with
    them. The last layers of the nets begin at 0. For a Gaussian decoder with a variance for each column and rows whose
    columns are uncorrelated, of unit variance: the bound then begins at the log density of the Gaussian that fits them.
    """
    encoder, decoder = ([*net[:-1], {name: 0 * a for name, a in net[-1].items()}] for net in (
        params["encoder"], params["decoder"]))  # fmt: skip
    logvar = params["likelihood"]["logvar"].copy()
    D, k = len(logvar), params["decoder"][0]["W"].shape[0]
    k -= params["encoder"][0]["W"].shape[0] - D  # without the labels
    same = np.arange(min(D, k))
    into = np.zeros((D, encoder[-1]["b"].size), logvar.dtype)
    out = np.zeros((k, D), logvar.dtype)
    into[same, same] = out[same, same] = np.sqrt(1 - noise)
    encoder[-1]["b"][k + same] = logvar[same] = np.log(noise)
    return {**params, "encoder": encoder, "decoder": decoder, "likelihood": {"logvar": logvar},
            "skip": {"encoder": into, "decoder": out}}  # fmt: skip


def _beside(a, c):
    if c is None:
        return a
    return np.concatenate([a, np.broadcast_to(c, a.shape[:-1] + c.shape[-1:])], axis=-1)
