"""The parts of the formulas that exercises ask for, each part by name: so that a check can say which one is wrong."""

import numpy as np


def kl_standard(mean, logvar):
    """The parts of KL(N(mean, e^logvar) || N(0, I)), each summed over the last axis; nats."""
    return {
        "term 1/2 sigma^2": 0.5 * np.exp(logvar).sum(-1),
        "term 1/2 mean^2": 0.5 * (mean**2).sum(-1),
        "constant -1/2 for each dimension": -0.5 * np.ones_like(logvar).sum(-1),
        "term -1/2 log sigma^2": -0.5 * logvar.sum(-1),
    }


def sample(mean, logvar, eps):
    """The parts of a reparameterised draw from N(mean, e^logvar)."""
    return {"mean": mean + 0 * eps, "noise sigma eps": np.exp(logvar / 2) * eps}


def log_density(x, mean, logvar):
    """The parts of log N(x; mean, e^logvar), each summed over the last axis; nats."""
    zero = np.zeros(np.broadcast_shapes(np.shape(x), np.shape(mean), np.shape(logvar)))
    return {
        "squared error over 2 sigma^2": (-0.5 * (x - mean) ** 2 * np.exp(-logvar) + zero).sum(-1),
        "term -1/2 log sigma^2": (-0.5 * logvar + zero).sum(-1),
        "constant -1/2 ln 2 pi for each dimension": (-0.5 * np.log(2 * np.pi) + zero).sum(-1),
    }


def linear_bound(x, w, s2, mean, logvar, eps):
    """The parts of one draw of the bound of the linear model z ~ N(0, 1), x ~ N(w z, s2), by rows of one latent."""
    z = mean + np.exp(logvar / 2) * eps
    fit = -0.5 * ((x - w * z) ** 2 / s2 + np.log(2 * np.pi * s2)).sum(-1)
    return {"first term, log Pr(x|z)": fit, "divergence": -sum(kl_standard(mean, logvar).values())}
