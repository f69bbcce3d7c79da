"""Densities and divergences of Gaussians."""

import numpy as np

from .base import derivation


def kl_standard(mean, logvar):
    """KL(N(mean, exp(logvar)) || N(0, 1))."""
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar)


def kl_standard_backward(mean, logvar, slip=""):
    """d/dmean = mean, d/dlogvar = (exp(logvar) - 1) / 2."""
    var = np.exp(logvar / 2 if slip == "std_for_var" else logvar)
    dlogvar = (var - (0 if slip == "no_entropy" else 1)) / 2
    if slip == "by_log_sigma":
        dlogvar = var - 1
    if slip == "by_sigma":
        dlogvar = np.exp(logvar / 2) - np.exp(-logvar / 2)
    if slip == "by_var":
        dlogvar = (1 - 1 / var) / 2
    return {"mean": 2 * mean if slip == "square_rule" else mean, "logvar": dlogvar}


derivation(
    kl_standard,
    kl_standard_backward,
    lambda rng: (rng.normal(size=(5, 3)), rng.normal(size=(5, 3)) - 0.5),
    std_for_var=("other-point term chain-factor path", ""),
    no_entropy=("term offset path", ""),
    by_log_sigma=("parameterisation factor", "log sigma|twice"),
    by_sigma=("parameterisation", "sigma|std"),
    by_var=("parameterisation", "sigma\\^2|var"),
    square_rule=("factor", "twice|2"),
)


def kl_std(mean, std):
    """KL(N(mean, std^2) || N(0, 1))."""
    return 0.5 * np.sum(std**2 + mean**2 - 1 - 2 * np.log(std))


def kl_std_backward(mean, std, slip=""):
    """d/dmean = mean, d/dstd = std - 1/std."""
    dstd = std - {"no_entropy": 0, "variance_log": 1 / std**2}.get(slip, 1 / std)
    if slip == "by_log_std":
        dstd = std**2 - 1
    if slip == "by_variance":
        dstd = (1 - 1 / std**2) / 2
    if slip == "plus":
        dstd = std + 1 / std
    return {"mean": mean, "std": dstd}


derivation(
    kl_std,
    kl_std_backward,
    lambda rng: (rng.normal(size=7), rng.uniform(0.3, 2, size=7)),
    no_entropy=("term path", ""),
    variance_log=("term path chain-factor", ""),
    by_log_std=("parameterisation", "log"),
    by_variance=("parameterisation", "sigma\\^2|var"),
    plus=("term sign path", ""),
)


def kl_two(mean0, logvar0, mean1, logvar1):
    """KL(N(mean0, exp(logvar0)) || N(mean1, exp(logvar1)))."""
    return 0.5 * np.sum(np.exp(logvar0 - logvar1) + (mean0 - mean1) ** 2 / np.exp(logvar1) - 1 + logvar1 - logvar0)


def kl_two_backward(mean0, logvar0, mean1, logvar1, slip=""):
    """As on the sheet of Gaussian formulas."""
    if slip == "other_way_round":  # KL(1 || 0), its gradients given back in the places of KL(0 || 1)
        swapped = kl_two_backward(mean1, logvar1, mean0, logvar0)
        return {
            "mean0": swapped["mean1"],
            "logvar0": swapped["logvar1"],
            "mean1": swapped["mean0"],
            "logvar1": swapped["logvar0"],
        }
    d = mean0 - mean1
    scale = np.exp(logvar0 if slip == "wrong_variance" else logvar1)
    dmean0 = d if slip == "no_variance" else d / scale
    quadratic = 0 if slip == "mean_term" else d**2
    dlogvar1 = (1 - (np.exp(logvar0) + quadratic) / np.exp(logvar1)) / 2
    return {
        "mean0": dmean0,
        "logvar0": (np.exp(logvar0 - logvar1) - 1) / 2,
        "mean1": dmean0 if slip == "mean1_sign" else -dmean0,
        "logvar1": 2 * dlogvar1 if slip == "logvar1_by_log_sigma" else dlogvar1,
    }


derivation(
    kl_two,
    kl_two_backward,
    lambda rng: tuple(rng.normal(size=5) * s for s in (1, 0.7, 1, 0.7)),
    other_way_round=("other-point other-argument", ""),
    wrong_variance=("chain-factor", ""),
    no_variance=("chain-factor path", "logvar1|exp"),
    mean_term=("term path", ""),
    mean1_sign=("sign", ""),
    logvar1_by_log_sigma=("parameterisation factor", "log sigma|twice"),
)


def log_density(x, mean, logvar):
    """Sum of log N(x; mean, exp(logvar))."""
    return -0.5 * np.sum(np.log(2 * np.pi) + logvar + (x - mean) ** 2 / np.exp(logvar))


def log_density_backward(x, mean, logvar, slip=""):
    """d/dx = -(x - mean) / var, d/dlogvar = ((x - mean)^2 / var - 1) / 2."""
    var = np.exp(logvar / 2 if slip == "std_for_var" else logvar)
    dx = -(x - mean) / var
    dlogvar = ((x - mean) ** 2 / var - (0 if slip == "normaliser" else 1)) / 2
    return {
        "x": -dx if slip == "x_sign" else dx,
        "mean": (dx if slip == "mean_sign" else -dx).sum(0),
        "logvar": dlogvar[-1] if slip == "last_only" else dlogvar.sum(0),
    }


derivation(
    log_density,
    log_density_backward,
    lambda rng: (rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3)),
    std_for_var=("chain-factor other-point parameterisation path", ""),
    normaliser=("term offset path", ""),
    x_sign=("sign", ""),
    mean_sign=("sign", ""),
    last_only=("batch", ""),
)


def kl_cholesky(mean, L):
    """KL(N(mean, L L') || N(0, I)), L lower triangular."""
    L = np.tril(L)
    return 0.5 * (np.sum(L**2) + mean @ mean - len(mean)) - np.sum(np.log(np.diag(L)))


def kl_cholesky_backward(mean, L, slip=""):
    """d/dmean = mean, d/dL = tril(L) - diag(1 / L_ii)."""
    inverse = np.diag(1 / np.diag(L))
    if slip == "log_det_twice":
        inverse = 2 * inverse
    if slip == "full_inverse":
        inverse = np.linalg.inv(np.tril(L))
    if slip == "no_log_det":
        inverse = 0 * inverse
    dL = np.tril(L) - inverse
    return {"mean": mean, "L": dL.T if slip == "upper" else dL}


derivation(
    kl_cholesky,
    kl_cholesky_backward,
    lambda rng: (rng.normal(size=5), np.tril(rng.normal(size=(5, 5)), -1) + np.diag(rng.uniform(0.5, 2, 5))),
    log_det_twice=("term entries path factor", ""),
    full_inverse=("entries term transpose", ""),
    no_log_det=("term entries path", ""),
    upper=("transpose", ""),
)
