"""Bounds on log p(x), and the estimates of their gradients.

ELBO = E_q log p(x|z) - KL(q(z|x) || p(z));    L_K = E ln 1/K sum_k w_k,  w = p(x|z) p(z) / q(z|x)  (Burda et al. 2016)

L_1 is the ELBO, L_K grows with K towards log p(x). All in nats, one value a row, noise passed in. The keyword arguments
`decoder`, `posterior` and `activation` say what the parameters mean, as in nets.py.
"""

import numpy as np

from tinygen import byhand, gaussian
from tinygen.autodiff import logsumexp, softmax, tree
from tinygen.models.vae import decoders, posteriors, priors
from tinygen.models.vae.nets import decode, encode


def elbo_terms(params, x, eps, c=None, *, decoder="bernoulli", posterior="diagonal", activation="tanh"):
    """The two terms of the bound for each row, in nats: {"reconstruction": log p(x|z), "kl": KL(q || p(z))}.

    z is one draw from q for each row of noise. `kl` is exact where the family has a closed form and its `exact_kl` is
    not False, else the estimate log q(z|x) - log p(z) at that draw. The bound is reconstruction - kl, in expectation
    over eps; with weight beta on the KL it is the objective of a beta-VAE.

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
    """KL of each latent of a diagonal q, (n, k): the parts whose sum over the latents is the bound's KL term."""
    q, p = encode(params, x, c, activation=activation), priors.prior(params.get("prior"), c)
    parts = [a[..., None] for a in (*q, *(p or ()))]  # (n, k, 1): each latent is a Gaussian of its own
    return gaussian.kl(*parts) if p else gaussian.kl_standard(*parts)


def loss(params, x, eps, c=None, *, beta=1.0, free_bits=0.0, **nets):
    """What training minimises, with its parts: (beta mean(kl) - mean(reconstruction), {"reconstruction", "kl"}).

    free_bits: nats that each latent may use for nothing, sum_j max(free_bits, mean KL_j) instead of the sum of the mean
    KL_j (Kingma et al. 2016); only for a diagonal q.
    """
    terms = elbo_terms(params, x, eps, c, **nets)
    reconstruction, kl = np.mean(terms["reconstruction"]), np.mean(terms["kl"])
    paid = kl
    if free_bits:
        each = np.mean(latent_kl(params, x, c, activation=nets.get("activation", "tanh")), axis=0)  # (k,)
        paid = np.sum(np.maximum(each, free_bits))
    return beta * paid - reconstruction, {"reconstruction": reconstruction, "kl": kl}


def log_weights(params, x, eps, c=None, *, density=None, decoder="bernoulli", posterior="diagonal", activation="tanh"):
    """ln w = log p(x|z) + log p(z) - log q(z|x) at draws from q: (K, n) for eps (K, n, k), or (n,) for (n, k).

    density: other parameters for the encoder inside log q(z|x). If they are those of `params`, but constants, then the
    derivative goes only along the path z(eps): sticking the landing (Roeder et al. 2017).
    """
    family = posteriors.posterior(posterior)
    q, p = encode(params, x, c, posterior=family, activation=activation), priors.prior(params.get("prior"), c)
    z, log_q = family.draw(q, eps)
    if density is not None:
        if family.log_density is None:
            raise ValueError(f"{family} has no density at a given z, which the path gradient needs: use the plain one")
        log_q = family.log_density(encode(density, x, c, posterior=family, activation=activation), z)
    out = decode(params, z, c, activation=activation)
    return decoders.decoder(decoder).log_prob(params["likelihood"], x, out) + priors.log_density(p, z) - log_q


def iwae(log_w):
    """ln 1/K sum_k w_k, (n,), from log weights (K, n); in expectation the bound L_K.

    >>> iwae(np.log([[1.0], [3.0]])).round(6)  # ln 2
    array([0.693147])
    """
    return logsumexp(log_w, axis=0) - float(np.log(log_w.shape[0]))


def iwae_loss(params, x, eps, c=None, *, gradient="plain", **nets):
    """A number whose gradient by `params` estimates that of -mean(L_K).

    gradient: "plain"; "stl": without the score of q, whose expectation is 0 at K = 1 (for K > 1 this is biased);
    "dreg": doubly reparameterised (Tucker et al. 2019), unbiased for every K, and its signal does not drown in noise as
    K grows. Also returns {"bound": mean L_K}. eps: (K, n, k).
    """
    frozen = _constants(params)
    if gradient == "dreg":
        log_w = log_weights(frozen, x, eps, c, **nets)
        share = softmax(log_w, axis=0)  # (K, n), constants: nothing is differentiated by `frozen`
        by_decoder = _with_encoder_of(frozen, params)
        by_encoder = _with_encoder_of(params, frozen)
        model = log_weights(by_decoder, x, eps, c, **nets)
        path = log_weights(by_encoder, x, eps, c, density=frozen, **nets)
        value = -np.mean(np.sum(share * model + share**2 * path, axis=0))
        return value, {"bound": np.mean(iwae(log_w))}
    if gradient not in ("plain", "stl"):
        raise ValueError(f"gradient: got {gradient!r}; expected 'plain', 'stl' or 'dreg'")
    bound = np.mean(iwae(log_weights(params, x, eps, c, density=frozen if gradient == "stl" else None, **nets)))
    return -bound, {"bound": bound}


def score_function_loss(params, x, eps, c=None, *, baseline=0.0, **nets):
    """A number whose gradient by `params` estimates that of -mean(ELBO) without a path through z.

    d/dtheta E_q f = E_q [(f - baseline) d log q / dtheta],  f = ln w; the decoder's part is differentiated as usual.
    baseline: a number or (n,), anything that does not depend on the draw; it changes the variance, not the mean.
    "others": for each of S > 1 draws the mean of f over the other draws of that row.
    Also returns {"bound": mean ln w}. eps: (n, k) or (S, n, k).
    """
    family = posteriors.posterior(nets.get("posterior", "diagonal"))
    activation = nets.get("activation", "tanh")
    frozen = _constants(params)
    z, _ = family.draw(encode(frozen, x, c, posterior=family, activation=activation), eps)  # no path: a constant
    f = log_weights(frozen, x, eps, c, **nets)
    if isinstance(baseline, str):
        if baseline != "others" or f.ndim < 2 or len(f) < 2:
            raise ValueError(f"baseline {baseline!r} for f {f.shape}: expected 'others' and at least two draws")
        baseline = (np.sum(f, axis=0) - f) / (len(f) - 1)
    score = family.log_density(encode(params, x, c, posterior=family, activation=activation), z)
    model = log_weights(_with_encoder_of(frozen, params), x, eps, c, **nets)
    return -np.mean((f - baseline) * score + model), {"bound": np.mean(f)}


def _constants(params):
    return tree.map(byhand.constant, params)


def _with_encoder_of(encoder, rest):
    return {**rest, "encoder": encoder["encoder"]}
