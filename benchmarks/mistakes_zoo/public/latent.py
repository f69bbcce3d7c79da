"""KL divergences of variational autoencoders, denoising scores, and the losses of diffusion models."""

import numpy as np

from ..base import public

R = np.random.default_rng(7011)
N, D = 6, 4
MASK = np.array([1.0, 0, 1, 1, 0, 1])
X, E, SIGMA = R.normal(size=(N, D)), R.normal(size=(N, D)), 0.4
NOISY = X + SIGMA * E
ALPHA_BAR = np.array([0.9, 0.6, 0.3, 0.1, 0.5, 0.75])
Z = np.sqrt(ALPHA_BAR)[:, None] * X + np.sqrt(1 - ALPHA_BAR)[:, None] * E


def kl_logvar(mean, logvar):
    """KL of N(mean, exp(logvar)) from N(0, 1), the mean over the batch."""
    return np.mean(0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, 1))


def kl_logvar_backward(mean, logvar, slip=""):
    """(mean, (exp(logvar) - 1) / 2) / N."""
    count = mean.size if slip == "mean_over_latent" else len(mean)
    return {"mean": mean / count, "logvar": (np.exp(logvar) - 1) / 2 / count}


public(
    kl_logvar,
    kl_logvar_backward,
    lambda rng: (rng.normal(size=(N, D)), 0.6 * rng.normal(size=(N, D))),
    mean_over_latent=("1/4|axis 1", "", "grammarVAE issue 2"),
)


def kl_masked(mean, logvar):
    """The same, each row weighted by its mask."""
    return np.sum(MASK * 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, 1))


def kl_masked_backward(mean, logvar, slip=""):
    """mask mean, mask (exp(logvar) - 1) / 2."""
    weight = MASK.sum() if slip == "summed_then_masked" else MASK[:, None]
    return {"mean": weight * mean, "logvar": weight * (np.exp(logvar) - 1) / 2}


public(
    kl_masked,
    kl_masked_backward,
    lambda rng: (rng.normal(size=(N, D)), 0.6 * rng.normal(size=(N, D))),
    summed_then_masked=("(?i)mask|summed over the batch", "clipped|row .* wrong", "GNTPP issue 4"),
)


def kl_logstd(mean, logstd):
    """KL of N(mean, exp(logstd)^2) from N(0, 1)."""
    return 0.5 * np.sum(np.exp(2 * logstd) + mean**2 - 1 - 2 * logstd)


def kl_logstd_backward(mean, logstd, slip=""):
    """mean, exp(2 logstd) - 1."""
    wrong = {"exp_not_squared": 0.5 * np.exp(logstd) - 1, "log_squared": np.exp(2 * logstd) - logstd}
    return {"mean": mean, "logstd": wrong.get(slip, np.exp(2 * logstd) - 1)}


public(
    kl_logstd,
    kl_logstd_backward,
    lambda rng: (rng.normal(size=(N, D)), 0.5 * rng.normal(size=(N, D))),
    exp_not_squared=("1 in place of 2|exp", "term is missing", "vgae_pytorch issue 2"),
    log_squared=(r"squared|\*\*2|\^2", "term is missing|derivative", "FluxML model-zoo issue 147"),
)


def kl_variance(mean, var):
    """KL of N(mean, var) from N(0, 1)."""
    return 0.5 * np.sum(var + mean**2 - 1 - np.log(var))


def kl_variance_backward(mean, var, slip=""):
    """mean, (1 - 1/var) / 2."""
    return {"mean": mean, "var": (np.exp(var) - 1) / 2 if slip == "taken_for_logvar" else (1 - 1 / var) / 2}


public(
    kl_variance,
    kl_variance_backward,
    lambda rng: (rng.normal(size=(N, D)), np.exp(0.6 * rng.normal(size=(N, D)))),
    taken_for_logvar=(r"log|exp", "term is missing", "pytorch-sample-codes issue 2"),
)


def kl_sigma(mean, sigma):
    """KL of N(mean, sigma^2) from N(0, 1)."""
    return np.sum(0.5 * (mean**2 + sigma**2) - np.log(sigma) - 0.5)


def kl_sigma_backward(mean, sigma, slip=""):
    """mean, sigma - 1/sigma."""
    times = 2 if slip == "no_half" else 1
    return {"mean": times * mean, "sigma": times * sigma - 1 / sigma}


public(
    kl_sigma,
    kl_sigma_backward,
    lambda rng: (rng.normal(size=(N, D)), np.exp(0.5 * rng.normal(size=(N, D)))),
    no_half=("twice|0?.5|1/2", "", "SupaeroDataScience issue 6"),
)


def denoising(W):
    """Denoising score matching of a linear score."""
    return 0.5 * np.mean(np.sum(((X + SIGMA * E) @ W + E / SIGMA) ** 2, 1))


def denoising_backward(W, slip=""):
    """noisy' (noisy W + E / sigma) / N."""
    target = {"sign": -E / SIGMA, "sigma_squared": E / SIGMA**2}.get(slip, E / SIGMA)
    return {"W": NOISY.T @ (NOISY @ W + target) / N}


public(
    denoising,
    denoising_backward,
    lambda rng: (rng.normal(size=(D, D)),),
    sign=("sign.*E|-`?E", "-W", "torchebm issue 318"),
    sigma_squared=("SIGMA|2.5", "-W", "score_sde issue 26"),
)


def weighted_denoising(W, alpha_bar):
    """Squared error of a linear predictor of x, weighted by the signal-to-noise ratio."""
    return np.mean(np.sum((np.sqrt(alpha_bar / (1 - alpha_bar))[:, None] * (Z @ W - X)) ** 2, 1))


def weighted_denoising_backward(W, alpha_bar, slip=""):
    """2 z' (snr (z W - x)) / N."""
    snr = alpha_bar / (1 - alpha_bar)
    weight = {"dropped": np.ones(N), "root": np.sqrt(snr)}.get(slip, snr)
    return {"W": 2 * Z.T @ (weight[:, None] * (Z @ W - X)) / N}


public(
    weighted_denoising,
    weighted_denoising_backward,
    lambda rng: (0.4 * rng.normal(size=(D, D)), ALPHA_BAR),
    dropped=("alpha_bar.*(left out|missing|1)", "1/v|once", "loss weightings of diffusion models"),
    root=("alpha_bar", "1/v", "loss weightings of diffusion models"),
)
