"""A variational autoencoder on one page: the algorithm of Kingma and Welling (2014). It is what `VAE` runs.

A latent z is drawn from the prior p(z), say N(0, I_k), and a row x from p(x|z), whose parameters a net puts out: the
decoder. log p(x) = log E_p(z) p(x|z) cannot be computed, since hardly any z explains a given x. So a second net, the
encoder, says for each x where such z are, as a density q(z|x); and with any q at all

log p(x) = ELBO + KL(q(z|x) || p(z|x)) >= ELBO = E_q log p(x|z) - KL(q(z|x) || p(z))

Both nets are trained to raise the ELBO, by gradients of an estimate from one draw of z. The draw itself depends on the
encoder; written as z = mean + sigma eps with eps ~ N(0, I), the derivative goes through it. The paper's algorithm 1
(take a minibatch, draw eps, differentiate the estimate, step) is `nn.train.fit` with the functions of this page:

>>> from tinygen.nn.train import fit
>>> rng = np.random.default_rng(0)
>>> x = (rng.random((500, 1)) < [0.1, 0.1, 0.1, 0.9, 0.9, 0.9]) ^ (rng.random((500, 1)) < 0.5)  # two kinds of rows
>>> objective = lambda params, batch, eps: loss(params, batch, eps)
>>> draw = lambda rng, batch: noise(rng, batch, 2)
>>> params, history = fit(objective, init(rng, 6, 2, hidden=(16,)), x.astype(np.float32), rng=rng, noise=draw,
...                       max_steps=300, progress=False)
>>> bool(np.mean(history["loss"][-50:]) < np.mean(history["loss"][:50]) - 1)  # nats a row
True
>>> sample(params, rng.standard_normal((3, 2)), rng).shape
(3, 6)

What q, p(x|z) and p(z) may be is in posteriors.py, decoders.py and priors.py; other bounds and other estimates of the
gradient are in bounds.py.

Throughout, params: a dict, as of `init`. x: (n, D), rows. z: (n, k), latents. c: (n, classes), labels as one-hot rows,
or None. rng: numpy.random.Generator; `init` takes a seed too. decoder, posterior: names, or instances of the classes in
decoders.py and posteriors.py. activation: between the nets' layers, a name or a function.
"""

import numpy as np

from tinygen import gaussian
from tinygen.models.vae import decoders, posteriors, priors
from tinygen.nn.layers import mlp, mlp_init

# ---- 1. Two nets, on one tree of parameters --------------------------------------------------------------------------
# {"encoder": [...], "decoder": [...], "likelihood": {...}, "prior": None or {...}}. A label enters as a row of zeros
# and one 1, beside x in the encoder and beside z in the decoder, and chooses the prior if there is one for each class.


def init(rng, D, k, *, hidden=(128,), decoder="bernoulli", posterior="diagonal", classes=0, learned_prior=0,
         dtype=np.float32):  # fmt: skip
    """Random parameters for D pixels, k latents, hidden layers of these sizes (the decoder's in reverse order).

    classes: how many labels, 0 for none. learned_prior: how many Gaussians p(z|c) is made of, 0 for N(0, I); or "flow".
    posterior, decoder: they decide how many numbers the nets put out. dtype: of all arrays. Raises ValueError for a
    learned prior without labels.

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
    if "skip" in params:  # see gaussian_start.py
        out = out + x @ params["skip"]["encoder"]
    return posteriors.posterior(posterior).split(out)


def decode(params, z, c=None, *, activation="tanh"):
    """The outputs of the decoder's net, (..., outputs), from z (..., k). Its likelihood says what they mean."""
    out = mlp(params["decoder"], _beside(z, c), activation)
    return out + z @ params["skip"]["decoder"] if "skip" in params else out


def _beside(a, c):
    if c is None:
        return a
    return np.concatenate([a, np.broadcast_to(c, a.shape[:-1] + c.shape[-1:])], axis=-1)


# ---- 2. The bound, estimated -----------------------------------------------------------------------------------------


def noise(rng, x, k, draws=None):
    """What the estimate needs beside the rows x (n, D): eps ~ N(0, I), (n, k), or (draws, n, k); in the dtype of x."""
    return rng.standard_normal((len(x), k) if draws is None else (draws, len(x), k), x.dtype)


def elbo_terms(params, x, eps, c=None, *, decoder="bernoulli", posterior="diagonal", activation="tanh"):
    """The two terms of the bound for each row, in nats: {"reconstruction": log p(x|z), "kl": KL(q || p(z))}.

    z is one draw from q for each row of noise. `kl` is exact where the family has a closed form and its `exact_kl` is
    not False (the paper's estimator B), else the estimate log q(z|x) - log p(z) at that draw (its estimator A). The
    bound is reconstruction - kl, in expectation over eps; with weight beta on the KL it is the objective of a beta-VAE.

    x: (n, D). eps: (n, k), standard normal, or (S, n, k) for S draws a row. c: one-hot labels (n, classes) or None.
    Returns arrays (n,) or (S, n); an exact kl is (n,) in both cases.
    """
    family = posteriors.posterior(posterior)
    q, p = encode(params, x, c, posterior=family, activation=activation), priors.prior(params.get("prior"), c)
    if family.exact_kl and priors.is_gaussian(p):
        z, kl = family.sample(q, eps), family.kl(q, p)
    else:
        z, log_q = family.draw(q, eps)  # (..., n, k), (..., n)
        kl = log_q - priors.log_density(p, z)
    out = decode(params, z, c, activation=activation)
    return {"reconstruction": decoders.decoder(decoder).log_prob(params["likelihood"], x, out), "kl": kl}


def latent_kl(params, x, c=None, *, activation="tanh"):
    """KL of each latent of a diagonal q, (n, k): the parts whose sum over the latents is the bound's KL term.

    In nats.
    """
    q, p = encode(params, x, c, activation=activation), priors.prior(params.get("prior"), c)
    parts = [a[..., None] for a in (*q, *(p or ()))]  # (n, k, 1): each latent is a Gaussian of its own
    return gaussian.kl(*parts) if p else gaussian.kl_standard(*parts)


def loss(params, x, eps, c=None, *, beta=1.0, free_bits=0.0, **nets):
    """What training minimises, with its parts: (beta mean(kl) - mean(reconstruction), {"reconstruction", "kl"}).

    free_bits: nats that each latent may use for nothing, sum_j max(free_bits, mean KL_j) instead of the sum of the mean
    KL_j (Kingma et al. 2016); only for a diagonal q. nets: decoder, posterior and activation, as in `elbo_terms`. eps:
    (n, k) or (S, n, k), standard normal.
    """
    terms = elbo_terms(params, x, eps, c, **nets)
    reconstruction, kl = np.mean(terms["reconstruction"]), np.mean(terms["kl"])
    paid = kl
    if free_bits:
        each = np.mean(latent_kl(params, x, c, activation=nets.get("activation", "tanh")), axis=0)  # (k,)
        paid = np.sum(np.maximum(each, free_bits))
    return beta * paid - reconstruction, {"reconstruction": reconstruction, "kl": kl}


# ---- 3. From latents to rows -----------------------------------------------------------------------------------------


def sample(params, z, rng, c=None, *, decoder="bernoulli", activation="tanh"):
    """x ~ p(x|z), (n, D), one for each row of z (n, k): draws from the model, if the rows of z are draws from p(z)."""
    out = decode(params, z, c, activation=activation)
    return decoders.decoder(decoder).sample(params["likelihood"], out, rng)


def expected_x(params, z, c=None, *, decoder="bernoulli", activation="tanh"):
    """E[x|z], (n, D), for z (n, k): the row without the noise of p(x|z)."""
    return decoders.decoder(decoder).mean(params["likelihood"], decode(params, z, c, activation=activation))
