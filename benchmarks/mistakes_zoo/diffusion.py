"""Losses of diffusion models."""

import numpy as np

from .base import derivation


def noise_loss(W, x, eps, alpha_bar, t):
    """Simple diffusion loss of a linear noise predictor."""
    a = alpha_bar[t][:, None]  # (B, 1)
    z = np.sqrt(a) * x + np.sqrt(1 - a) * eps
    return np.mean((z @ W - eps) ** 2)


def noise_loss_backward(W, x, eps, alpha_bar, t, slip=""):
    """2 z' (z W - eps) / (B D)."""
    index = t - 1 if slip == "t_off_by_one" else t
    a = alpha_bar[index][:, None]
    z = (a if slip == "no_roots" else np.sqrt(a)) * x + ((1 - a) if slip == "no_roots" else np.sqrt(1 - a)) * eps
    R = z @ W - (x if slip == "predicts_x" else eps)
    return {"W": 2 * (x if slip == "input_is_x" else z).T @ R / (len(x) if slip == "mean_over_batch" else R.size)}


derivation(
    noise_loss,
    noise_loss_backward,
    lambda rng: (
        rng.normal(size=(3, 3)),
        rng.normal(size=(7, 3)),
        rng.normal(size=(7, 3)),
        np.cumprod(1 - np.linspace(0.05, 0.4, 10)),
        rng.integers(1, 9, size=7),
    ),
    t_off_by_one=("other-point shift schedule", "t "),
    no_roots=("path chain-factor other-point", ""),
    predicts_x=("other-point path", ""),
    input_is_x=("path other-point", ""),
    mean_over_batch=("factor", "3"),
)


def reverse_mean(eps_hat, z, mean, beta, alpha_bar, t):
    """|mean - mu(z, eps_hat)|^2 / 2 with mu = (z - beta / sqrt(1 - alpha_bar) eps_hat) / sqrt(1 - beta)."""
    b, a = beta[t][:, None], alpha_bar[t][:, None]  # (B, 1)
    return 0.5 * np.sum((mean - (z - b / np.sqrt(1 - a) * eps_hat) / np.sqrt(1 - b)) ** 2)


def reverse_mean_backward(eps_hat, z, mean, beta, alpha_bar, t, slip=""):
    """Back through the posterior mean."""
    b, a = beta[t][:, None], alpha_bar[t][:, None]
    R = mean - (z - b / np.sqrt(1 - a) * eps_hat) / np.sqrt(1 - b)
    late = t - 1 if slip == "t_off_by_one" else t
    b, a = beta[late][:, None], alpha_bar[late][:, None]
    gain = {"one_step_noise": np.sqrt(b), "variance": b / (1 - a)}.get(slip, b / np.sqrt(1 - a))
    deps = R * gain / (1 if slip == "no_root_alpha" else np.sqrt(1 - b))
    return {"eps_hat": deps, "z": R / np.sqrt(1 - b) if slip == "z_sign" else -R / np.sqrt(1 - b)}


derivation(
    reverse_mean,
    reverse_mean_backward,
    lambda rng: (
        *(rng.normal(size=(7, 3)) for _ in range(3)),
        (b := np.linspace(0.05, 0.4, 10)),
        np.cumprod(1 - b),
        rng.integers(1, 9, size=7),
    ),
    t_off_by_one=("schedule shift other-point", "t "),
    one_step_noise=("schedule", "one-step|step"),
    variance=("schedule", ""),
    no_root_alpha=("schedule", "beta"),
    z_sign=("sign", ""),
)


def denoising_score(P, x, eps, sigma):
    """Denoising score matching of the linear score -P z, z = x + sigma eps, weighted by sigma^2."""
    z = x + sigma * eps
    return 0.5 * np.sum((sigma * (-z @ P) + eps) ** 2)


def denoising_score_backward(P, x, eps, sigma, slip=""):
    """-sigma z' (eps - sigma z P)."""
    z = x + sigma * eps
    R = eps - sigma * (z @ P)
    d = {
        "no_weight": -z.T @ R,
        "weight_squared": -(sigma**2) * z.T @ R,
        "clean_input": -sigma * x.T @ R,
        "sign": sigma * z.T @ R,
    }.get(slip, -sigma * z.T @ R)
    return {"P": d.T if slip == "transposed" else d}


derivation(
    denoising_score,
    denoising_score_backward,
    lambda rng: (rng.normal(size=(3, 3)), rng.normal(size=(7, 3)), rng.normal(size=(7, 3)), 0.37),
    no_weight=("chain-factor factor schedule", "sigma"),
    weight_squared=("chain-factor factor schedule", "sigma"),
    clean_input=("path other-point", ""),
    sign=("sign", ""),
    transposed=("transpose", ""),
)
