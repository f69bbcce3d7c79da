"""Wrong answers to lesson 14: each is rejected, and the report holds these words."""

import numpy as np


def mean(z, eps, beta, alpha):
    return (z - beta / np.sqrt(1 - alpha) * eps) / np.sqrt(1 - beta)


def var(t, beta, alpha):
    return beta[t] * (1 - alpha[t - 1]) / (1 - alpha[t])


def noisy(x, eps, alpha):
    return np.sqrt(alpha) * x + np.sqrt(1 - alpha) * eps


def step(z, eps, t, noise, beta, alpha):
    return mean(z, eps, beta[t], alpha[t]) + np.sqrt(var(t, beta, alpha)) * noise


WRONG = {
    "x_from_eps": [
        ("the noise has the wrong sign", lambda z, eps, alpha: (z + np.sqrt(1 - alpha) * eps) / np.sqrt(alpha)),
    ],
    "reverse_mean": [
        ("the noise has the wrong sign", lambda z, eps, beta, alpha: mean(z, -eps, beta, alpha)),
    ],
    "simple_loss": [
        ("expected a number, got an array", lambda predict, x, eps, alpha: np.mean(
            (predict(noisy(x, eps, alpha)) - eps) ** 2, axis=-1)),
        ("is half", lambda predict, x, eps, alpha: 0.5 * np.mean((predict(noisy(x, eps, alpha)) - eps) ** 2)),
    ],
    "ancestral_step": [
        ("the fresh noise counts 1.", lambda z, eps, t, noise, beta, alpha: mean(z, eps, beta[t], alpha[t]) + np.sqrt(
            1 - alpha[t - 1]) * noise),
        ("guessed noise has the wrong sign", lambda z, eps, *rest: step(z, -eps, *rest)),
    ],
}
