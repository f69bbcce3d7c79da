"""Wrong answers to lesson 9: each is rejected, and the report holds these words."""

import numpy as np


def covariance(X, n=0, centre=1.0):
    centred = X - centre * X.mean(0)
    return centred.T @ centred / (len(X) - n)


def left(X, k, **more):
    return np.linalg.eigvalsh(covariance(X, **more))[: X.shape[1] - k]


def kl(mean, logvar):
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, axis=-1)


def price(e, level):
    return 0.5 * np.log(np.maximum(e / level, 1))


def fit(x, again, s2):
    return 0.5 * np.sum((x - again) ** 2 / s2 + np.log(2 * np.pi * s2), axis=-1)


WRONG = {
    "lost": [
        ("expected a number, got an array", lambda X, k: left(X, k)),
    ],
    "slope": [
        ("the divergence is missing", lambda std, w, s2, beta: w**2 * std / s2),
        ("the result has the wrong sign", lambda std, w, s2, beta: -(w**2) * std / s2 - beta * (std - 1 / std)),
        ("the noise in the first term counts half", lambda std, w, s2, beta: (
            w**2 * std / (2 * s2) + beta * (std - 1 / std))),
    ],
    "latent_price": [
        ("expected an array of shape (7,)", lambda e, s2, beta: price(e, beta * s2).sum()),
    ],
    "repaired_loss": [
        ("the divergence has the wrong sign", lambda x, again, mean, logvar, s2: np.mean(
            fit(x, again, s2) - kl(mean, logvar))),
    ],
}
