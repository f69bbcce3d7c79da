"""The variational autoencoder: encoder, decoder and bound as functions, and above them an estimator.

z ~ N(0, I_k),  x | z ~ p(x|f(z, phi)),  q(z|x) = N(mean, exp(logvar)) with mean, logvar = g(x, theta)

log p(x) >= E_q log p(x|z) - KL(q(z|x) || N(0, I))      (the notes, chapter 17; Kingma and Welling 2014)

Parameters are one tree, {"encoder": [...], "decoder": [...], "likelihood": {...}}; noise is an argument.
"""

import numpy as np

from tinygen import gaussian
from tinygen.models import decoders
from tinygen.nn.layers import mlp, mlp_init


def init(rng, D, k, *, hidden=(128,), decoder="bernoulli", dtype=np.float32):
    """Random parameters for D pixels, k latents and hidden layers of these sizes (the decoder's in reverse order).

    >>> params = init(0, 64, 2, hidden=(16,))
    >>> [layer["W"].shape for layer in params["encoder"] + params["decoder"]]
    [(64, 16), (16, 4), (2, 16), (16, 64)]
    """
    rng = np.random.default_rng(rng)
    outputs, own = decoders.decoder(decoder).init(D, dtype)
    return {
        "encoder": mlp_init(rng, [D, *hidden, 2 * k], dtype),
        "decoder": mlp_init(rng, [k, *hidden[::-1], outputs], dtype),
        "likelihood": own,
    }


def encode(params, x, *, activation="tanh"):
    """Mean and logvar of q(z|x), each (n, k), from x (n, D)."""
    out = mlp(params["encoder"], x, activation)  # (n, 2 k)
    k = out.shape[-1] // 2
    return out[..., :k], out[..., k:]


def decode(params, z, *, activation="tanh"):
    """The outputs of the decoder's net, (..., outputs), from z (..., k). Its likelihood says what they mean."""
    return mlp(params["decoder"], z, activation)


def elbo_terms(params, x, eps, *, decoder="bernoulli", activation="tanh"):
    """The two terms of the bound for each row, in nats: {"reconstruction": log p(x|z), "kl": KL(q || N(0, I))}.

    z = mean + exp(logvar/2) eps is one draw from q for each row of noise; `kl` is exact. The bound is
    reconstruction - kl, in expectation over eps; with weight beta on the KL it is the objective of a beta-VAE.

    x: (n, D). eps: (n, k), standard normal, or (S, n, k) for S draws a row. Returns arrays (n,) or (S, n), and (n,).
    """
    mean, logvar = encode(params, x, activation=activation)
    z = gaussian.sample(mean, logvar, eps)  # (..., n, k)
    out = decode(params, z, activation=activation)
    reconstruction = decoders.decoder(decoder).log_prob(params["likelihood"], x, out)
    return {"reconstruction": reconstruction, "kl": gaussian.kl_standard(mean, logvar)}


def loss(params, x, eps, *, beta=1.0, decoder="bernoulli", activation="tanh"):
    """What training minimises, with its parts: (-mean(reconstruction) + beta mean(kl), {"reconstruction", "kl"})."""
    terms = elbo_terms(params, x, eps, decoder=decoder, activation=activation)
    reconstruction, kl = np.mean(terms["reconstruction"]), np.mean(terms["kl"])
    return beta * kl - reconstruction, {"reconstruction": reconstruction, "kl": kl}
