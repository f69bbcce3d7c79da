"""Losses of generative models: bounds, flows, mixtures, adversaries."""

import numpy as np
from scipy.special import expit, log_softmax, logsumexp, softmax

from .base import derivation


def linear_vae(W, b, mean, logvar, eps, x):
    """Minus the ELBO of a linear decoder with unit noise, by term; z = mean + exp(logvar / 2) eps."""
    z = mean + np.exp(logvar / 2) * eps
    return {
        "reconstruction": 0.5 * np.sum((x - z @ W - b) ** 2),
        "kl": 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar),
    }


def linear_vae_backward(W, b, mean, logvar, eps, x, slip=""):
    """Through the decoder, the sample and the KL."""
    std = np.exp(logvar if slip == "std_is_exp_logvar" else logvar / 2)
    z = mean + np.exp(logvar / 2) * eps
    R = z @ W + b - x
    dz = R @ W.T
    kl = {"kl_sign": -1, "kl_dropped": 0, "kl_mean": 1 / len(x), "beta": 4}.get(slip, 1)
    path = 0 if slip == "no_path" else dz * eps * std / (1 if slip == "half_forgotten" else 2)
    return {
        "W": z.T @ R,
        "b": R.sum(0),
        "mean": (0 if slip == "no_path" else dz) + kl * mean,
        "logvar": path + kl * (np.exp(logvar) - 1) / 2,
    }


derivation(
    linear_vae,
    linear_vae_backward,
    lambda rng: (
        rng.normal(size=(2, 3)),
        rng.normal(size=3),
        rng.normal(size=(5, 2)),
        rng.normal(size=(5, 2)) - 1,
        rng.normal(size=(5, 2)),
        rng.normal(size=(5, 3)),
    ),
    std_is_exp_logvar=("chain-factor term path parameterisation", "reconstruction|std|exp"),
    half_forgotten=("term factor path", "reconstruction|path|twice"),
    kl_sign=("term", "kl"),
    kl_dropped=("term", "kl"),
    kl_mean=("term", "kl"),
    beta=("term", "kl"),
    no_path=("term path", "reconstruction|path"),
)


def bernoulli_elbo(logits, mean, logvar, x):
    """Minus the ELBO with pixels in {0, 1}, by term, mean over the batch, beta = 2."""
    return {
        "reconstruction": np.sum(np.logaddexp(0, logits) - x * logits) / len(x),
        "kl": 2 * 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar) / len(x),
    }


def bernoulli_elbo_backward(logits, mean, logvar, x, slip=""):
    """(sigmoid - x) / B and beta times the KL's gradient."""
    n = len(x)
    kl = {"no_beta": 1, "kl_sign": -2, "kl_not_mean": 2 * n}.get(slip, 2) / n
    p = expit(logits)
    R = (p - x) * (p * (1 - p) if slip == "extra_sigmoid" else 1) / (x.size if slip == "pixel_mean" else n)
    dlogvar = np.exp(logvar) - 1 if slip == "by_log_sigma" else (np.exp(logvar) - 1) / 2
    return {"logits": -R if slip == "sign" else R, "mean": kl * mean, "logvar": kl * dlogvar}


derivation(
    bernoulli_elbo,
    bernoulli_elbo_backward,
    lambda rng: (
        rng.normal(size=(5, 7)),
        rng.normal(size=(5, 2)),
        rng.normal(size=(5, 2)),
        rng.integers(0, 2, size=(5, 7)).astype(float),
    ),
    no_beta=("term factor", "half|1/2|2"),
    kl_sign=("term sign", ""),
    kl_not_mean=("term factor", "5"),
    extra_sigmoid=("chain-factor", ""),
    pixel_mean=("term factor", "7"),
    by_log_sigma=("parameterisation factor term", ""),
    sign=("sign term", ""),
)


def mixture(x, means, logits):
    """Minus the log density of a unit-variance mixture, summed over points."""
    distance = (x[:, None] - means) ** 2  # (B, K)
    return -np.sum(logsumexp(log_softmax(logits) - 0.5 * distance, axis=1))


def mixture_backward(x, means, logits, slip=""):
    """Responsibilities r: d/dmeans = sum r (mean - x), d/dlogits = B softmax - sum r."""
    r = softmax(log_softmax(logits) - 0.5 * (x[:, None] - means) ** 2, axis=1)
    if slip == "prior_weights":
        r = np.broadcast_to(softmax(logits), r.shape)
    if slip == "unweighted":
        r = np.ones_like(r)
    back = r * (x[:, None] - means)
    if slip == "sign":
        back = -back
    dlogits = (1 if slip == "no_count" else len(x)) * softmax(logits) - r.sum(0)
    if slip == "no_softmax_term":
        dlogits = -r.sum(0)
    return {"x": back.sum(1), "means": -back.sum(0), "logits": dlogits}


derivation(
    mixture,
    mixture_backward,
    lambda rng: (rng.normal(size=7) * 2, rng.normal(size=3) * 2, rng.normal(size=3)),
    prior_weights=("path other-point", ""),
    unweighted=("path other-point chain-factor", ""),
    sign=("sign", ""),
    no_count=("term factor path", ""),
    no_softmax_term=("term path", ""),
)


def iwae(log_w):
    """Minus the importance-weighted bound of log weights (B, K), mean over the batch."""
    return -np.mean(logsumexp(log_w, axis=1) - np.log(log_w.shape[1]))


def iwae_backward(log_w, slip=""):
    """-softmax over the samples / B."""
    if slip == "elbo":
        return {"log_w": np.full_like(log_w, -1 / log_w.size)}
    w = softmax(log_w, axis=0 if slip == "wrong_axis" else 1)
    if slip == "unnormalised":
        w = np.exp(log_w)
    return {
        "log_w": (1 if slip == "sign" else -1) * w / {"mean_over_all": log_w.size, "no_mean": 1}.get(slip, len(log_w))
    }


derivation(
    iwae,
    iwae_backward,
    lambda rng: (rng.normal(size=(5, 7)),),
    elbo=("path other-point offset constant", ""),
    wrong_axis=("order other-point", ""),
    unnormalised=("chain-factor path mean-term", ""),
    sign=("sign", ""),
    mean_over_all=("factor", "7"),
    no_mean=("factor", "5"),
)


def coupling_flow(log_scale, shift, x):
    """Minus the log likelihood of an affine coupling, by term: z = x exp(log_scale) + shift."""
    z = x * np.exp(log_scale) + shift
    return {"prior": 0.5 * np.sum(z**2), "log_det": -np.sum(log_scale)}


def coupling_flow_backward(log_scale, shift, x, slip=""):
    """z x exp(log_scale) - 1, z, z exp(log_scale)."""
    s = np.exp(log_scale)
    z = x * s + shift
    dlog = z * x * (1 if slip == "by_scale" else s)
    log_det = {"no_log_det": 0, "log_det_sign": 1, "by_scale": -1 / s}.get(slip, -1)
    return {
        "log_scale": dlog + log_det,
        "shift": 2 * z if slip == "square_rule" else z,
        "x": z if slip == "no_scale" else z / s if slip == "inverse" else z * s,
    }


derivation(
    coupling_flow,
    coupling_flow_backward,
    lambda rng: tuple(rng.normal(size=(5, 3)) * s for s in (0.5, 1, 1)),
    no_log_det=("term", "log_det"),
    log_det_sign=("term", "log_det"),
    by_scale=("parameterisation chain-factor", ""),
    square_rule=("factor", "twice|2"),
    no_scale=("chain-factor path", "log_scale|exp"),
    inverse=("chain-factor", "log_scale|exp"),
)


def gan_generator(fake, real, v):
    """Discriminator loss with D(x) = x . v: softplus(-D(real)) + softplus(D(fake)), by term."""
    return {"real": np.mean(np.logaddexp(0, -real @ v)), "fake": np.mean(np.logaddexp(0, fake @ v))}


def gan_generator_backward(fake, real, v, slip=""):
    """sigmoid of the logit times v, means over the batch."""
    p_fake, p_real = expit(fake @ v) / len(fake), expit(-real @ v) / len(real)
    if slip == "non_saturating":
        p_fake = (expit(fake @ v) - 1) / len(fake)
    dreal = -real.T @ p_real
    dv = fake.T @ p_fake + {"real_sign": -1, "real_dropped": 0, "real_twice": 2}.get(slip, 1) * dreal
    return {"fake": p_fake[:, None] * v, "v": dv}


derivation(
    gan_generator,
    gan_generator_backward,
    lambda rng: (rng.normal(size=(5, 3)), rng.normal(size=(7, 3)), rng.normal(size=3)),
    non_saturating=("term path mean-term other-point", ""),
    real_sign=("term", "real"),
    real_dropped=("term", "real"),
    real_twice=("term", "real"),
)


def contrastive(a, b):
    """InfoNCE: mean cross-entropy of a b' / 0.5 against the diagonal."""
    return -np.mean(np.diag(log_softmax(a @ b.T / 0.5, axis=1)))


def contrastive_backward(a, b, slip=""):
    """(softmax - I) / (B tau) against the other side."""
    p = softmax(a @ b.T / 0.5, axis=0 if slip == "wrong_axis" else 1)
    d = (p - (0 if slip == "no_positive" else np.eye(len(a)))) / len(a) / (1 if slip == "no_temperature" else 0.5)
    return {"a": d @ b, "b": (d if slip == "no_transpose" else d.T) @ a}


derivation(
    contrastive,
    contrastive_backward,
    lambda rng: (rng.normal(size=(5, 3)), rng.normal(size=(5, 3))),
    wrong_axis=("order other-point path", ""),
    no_positive=("term path", ""),
    no_temperature=("factor", "half|1/2"),
    no_transpose=("transpose path", ""),
)


def huber(x, target, delta):
    """Huber loss with threshold delta: quadratic inside, linear outside."""
    r = x - target
    return np.sum(np.where(np.abs(r) <= delta, 0.5 * r**2, delta * (np.abs(r) - delta / 2)))


def huber_backward(x, target, delta, slip=""):
    """r inside, delta sign(r) outside."""
    r = x - target
    outside = {"unit_slope": np.sign(r), "positive": delta * np.ones_like(r)}.get(slip, delta * np.sign(r))
    inside = 2 * r if slip == "square_rule" else r
    return {"x": r if slip == "squared_everywhere" else np.where(np.abs(r) <= delta, inside, outside)}


derivation(
    huber,
    huber_backward,
    lambda rng: (rng.normal(size=13) * 2, rng.normal(size=13), 0.8),
    unit_slope=("entries factor chain-factor path", ""),
    positive=("entries sign path", ""),
    square_rule=("entries factor path", ""),
    squared_everywhere=("entries path chain-factor", ""),
)


def entropy_bonus(logits, advantage, action):
    """Policy-gradient loss with an entropy bonus of 0.1, by term."""
    logp = log_softmax(logits, axis=1)
    return {"policy": -np.sum(advantage * np.sum(action * logp, axis=1)), "entropy": 0.1 * np.sum(np.exp(logp) * logp)}


def entropy_bonus_backward(logits, advantage, action, slip=""):
    """advantage (p - action) and 0.1 p (logp - sum p logp)."""
    logp = log_softmax(logits, axis=1)
    p = np.exp(logp)
    w = advantage[:, None] if slip != "advantage_mean" else advantage.mean()
    average = 0 if slip == "no_mean" else np.sum(p * logp, axis=1, keepdims=True)
    entropy = {"no_entropy": 0, "entropy_sign": -0.1, "coefficient": 1}.get(slip, 0.1) * p * (logp - average)
    return {"logits": w * (p - action) + entropy}


derivation(
    entropy_bonus,
    entropy_bonus_backward,
    lambda rng: (rng.normal(size=(5, 3)), rng.normal(size=5), np.eye(3)[rng.integers(0, 3, 5)]),
    advantage_mean=("other-point broadcast term", ""),
    no_mean=("term mean-term path", ""),
    no_entropy=("term", "entropy"),
    entropy_sign=("term", "entropy"),
    coefficient=("term", "entropy"),
)
