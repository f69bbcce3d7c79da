"""Tighter bounds on log p(x) than the ELBO, and other estimates of its gradient than that of one_page.py.

L_K = E ln 1/K sum_k w_k,  w = p(x|z) p(z) / q(z|x)      (Burda et al. 2016)

L_1 is the ELBO, L_K grows with K towards log p(x). All in nats, one value a row, noise passed in. The keyword arguments
`decoder`, `posterior` and `activation` say what the parameters mean, as in one_page.py.

Throughout, params: as of one_page.init. x: (n, D). c: one-hot labels (n, classes), or None.
"""

import numpy as np

from tinygen import byhand
from tinygen.autodiff import logsumexp, softmax, tree
from tinygen.models.vae import decoders, posteriors, priors
from tinygen.models.vae.one_page import decode, encode


def log_weights(params, x, eps, c=None, *, density=None, decoder="bernoulli", posterior="diagonal", activation="tanh"):
    """ln w = log p(x|z) + log p(z) - log q(z|x) at draws from q: (K, n) for eps (K, n, k), or (n,) for (n, k).

    density: other parameters for the encoder inside log q(z|x). If they are those of `params`, but constants, then the
    derivative goes only along the path z(eps): sticking the landing (Roeder et al. 2017). decoder, posterior,
    activation: as in one_page.elbo_terms.
    """
    family = posteriors.posterior(posterior)
    q, p = encode(params, x, c, posterior=family, activation=activation), priors.prior(params.get("prior"), c)
    z, log_q = family.draw(q, eps)
    if density is not None:
        log_q = family.log_density(encode(density, x, c, posterior=family, activation=activation), z)
    out = decode(params, z, c, activation=activation)
    return decoders.decoder(decoder).log_prob(params["likelihood"], x, out) + priors.log_density(p, z) - log_q


def iwae(log_w):
    """ln 1/K sum_k w_k, (n,), from log weights (K, n); in expectation the bound L_K.

    log_w: (K, n), in nats.

    >>> iwae(np.log([[1.0], [3.0]])).round(6)  # ln 2
    array([0.693147])
    """
    return logsumexp(log_w, axis=0) - float(np.log(log_w.shape[0]))


def iwae_loss(params, x, eps, c=None, *, gradient="plain", **nets):
    """A number whose gradient by `params` estimates that of -mean(L_K).

    gradient: "plain"; "stl": without the score of q, whose expectation is 0 at K = 1 (for K > 1 this is biased);
    "dreg": doubly reparameterised (Tucker et al. 2019), unbiased for every K, and its signal does not drown in noise as
    K grows. Also returns {"bound": mean L_K}. eps: (K, n, k). Raises ValueError for another gradient.
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
    Also returns {"bound": mean ln w}. eps: (n, k) or (S, n, k). Raises ValueError for "others" with one draw.
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
