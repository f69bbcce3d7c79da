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


def one_step_mean(z, eps, t, beta):
    return (z - np.sqrt(beta[t]) * eps) / np.sqrt(1 - beta[t])


WRONG = {
    "x_from_eps": [
        ("solve for x", lambda z, eps, alpha: (z - np.sqrt(alpha) * eps) / np.sqrt(1 - alpha)),
        ("this adds noise", lambda z, eps, alpha: noisy(z, eps, alpha)),
        ("divides the whole difference", lambda z, eps, alpha: z - np.sqrt(1 - alpha) * eps / np.sqrt(alpha)),
        ("division by sqrt(alpha) is missing", lambda z, eps, alpha: z - np.sqrt(1 - alpha) * eps),
        ("the noise has the factor sqrt(1 - alpha)", lambda z, eps, alpha: (z - (1 - alpha) * eps) / np.sqrt(alpha)),
        ("the root is missing", lambda z, eps, alpha: (z - np.sqrt(1 - alpha) * eps) / alpha),
        ("the roots are missing", lambda z, eps, alpha: (z - (1 - alpha) * eps) / alpha),
        ("its factor sqrt(1 - alpha) is missing", lambda z, eps, alpha: (z - eps) / np.sqrt(alpha)),
        ("the noise has the wrong sign", lambda z, eps, alpha: (z + np.sqrt(1 - alpha) * eps) / np.sqrt(alpha)),
    ],
    "from_v": [
        ("turns the wrong way", lambda z, v, alpha: (
            np.sqrt(alpha) * z + np.sqrt(1 - alpha) * v, np.sqrt(1 - alpha) * z - np.sqrt(alpha) * v)),
        ("in x, v has a minus", lambda z, v, alpha: (
            np.sqrt(alpha) * z + np.sqrt(1 - alpha) * v, np.sqrt(1 - alpha) * z + np.sqrt(alpha) * v)),
        ("in eps, v has no minus", lambda z, v, alpha: (
            np.sqrt(alpha) * z - np.sqrt(1 - alpha) * v, np.sqrt(1 - alpha) * z - np.sqrt(alpha) * v)),
        ("x and eps have changed places", lambda z, v, alpha: (
            np.sqrt(1 - alpha) * z + np.sqrt(alpha) * v, np.sqrt(alpha) * z - np.sqrt(1 - alpha) * v)),
        ("cosine and sine have changed places", lambda z, v, alpha: (
            np.sqrt(1 - alpha) * z - np.sqrt(alpha) * v, np.sqrt(alpha) * z + np.sqrt(1 - alpha) * v)),
        ("the roots are missing", lambda z, v, alpha: (alpha * z - (1 - alpha) * v, (1 - alpha) * z + alpha * v)),
    ],
    "reverse_mean": [
        ("all noise taken out at once", lambda z, eps, beta, alpha: (
            z - np.sqrt(1 - alpha) * eps) / np.sqrt(alpha)),
        ("goes with the noise of the last step", lambda z, eps, beta, alpha: (
            z - np.sqrt(beta) * eps) / np.sqrt(1 - beta)),
        ("sqrt(1 - alpha) that divides", lambda z, eps, beta, alpha: (
            z - beta / (1 - alpha) * eps) / np.sqrt(1 - beta)),
        ("that would be all steps", lambda z, eps, beta, alpha: (
            z - beta / np.sqrt(1 - alpha) * eps) / np.sqrt(alpha)),
        ("going back, it divides", lambda z, eps, beta, alpha: (
            z - beta / np.sqrt(1 - alpha) * eps) * np.sqrt(1 - beta)),
        ("the division by sqrt(1 - beta) is missing", lambda z, eps, beta, alpha: (
            z - beta / np.sqrt(1 - alpha) * eps)),
        ("divides the whole difference", lambda z, eps, beta, alpha: (
            z - beta / np.sqrt(1 - alpha) * eps / np.sqrt(1 - beta))),
        ("already the product", lambda z, eps, beta, alpha: (
            z - beta / np.sqrt(1 - alpha * (1 - beta)) * eps) / np.sqrt(1 - beta)),
        ("the division is missing", lambda z, eps, beta, alpha: (z - beta * eps) / np.sqrt(1 - beta)),
        ("the noise has the wrong sign", lambda z, eps, beta, alpha: mean(z, -eps, beta, alpha)),
    ],
    "simple_loss": [
        ("the target is x", lambda predict, x, eps, alpha: np.mean((predict(noisy(x, eps, alpha)) - x) ** 2)),
        ("the target is z", lambda predict, x, eps, alpha: np.mean(
            (predict(noisy(x, eps, alpha)) - noisy(x, eps, alpha)) ** 2)),
        ("the roots are missing", lambda predict, x, eps, alpha: np.mean(
            (predict(alpha * x + (1 - alpha) * eps) - eps) ** 2)),
        ("this is the sum", lambda predict, x, eps, alpha: np.sum((predict(noisy(x, eps, alpha)) - eps) ** 2)),
        ("summed over the dimensions", lambda predict, x, eps, alpha: np.mean(
            np.sum((predict(noisy(x, eps, alpha)) - eps) ** 2, axis=-1))),
        ("expected an array of shape ()", lambda predict, x, eps, alpha: np.mean(
            (predict(noisy(x, eps, alpha)) - eps) ** 2, axis=-1)),
        ("this is the root", lambda predict, x, eps, alpha: np.mean(
            (predict(noisy(x, eps, alpha)) - eps) ** 2) ** 0.5),
        ("the network is shown x itself", lambda predict, x, eps, alpha: np.mean((predict(x) - eps) ** 2)),
        ("the noise that it should guess", lambda predict, x, eps, alpha: np.mean((predict(eps) - eps) ** 2)),
        ("the alpha of the first one", lambda predict, x, eps, alpha: np.mean(
            (predict(noisy(x, eps, alpha[0])) - eps) ** 2)),
        ("the mean of the alphas", lambda predict, x, eps, alpha: np.mean(
            (predict(noisy(x, eps, alpha.mean())) - eps) ** 2)),
        ("x and eps have changed places", lambda predict, x, eps, alpha: np.mean(
            (predict(noisy(eps, x, alpha)) - eps) ** 2)),
        ("these are absolute errors", lambda predict, x, eps, alpha: np.mean(
            np.abs(predict(noisy(x, eps, alpha)) - eps))),
        ("is half", lambda predict, x, eps, alpha: 0.5 * np.mean((predict(noisy(x, eps, alpha)) - eps) ** 2)),
    ],
    "ancestral_step": [
        ("by its root, the standard deviation", lambda z, eps, t, noise, beta, alpha: (
            mean(z, eps, beta[t], alpha[t]) + var(t, beta, alpha) * noise)),
        ("noise of variance beta_t", lambda z, eps, t, noise, beta, alpha: (
            mean(z, eps, beta[t], alpha[t]) + np.sqrt(beta[t]) * noise)),
        ("no fresh noise is added", lambda z, eps, t, noise, beta, alpha: mean(z, eps, beta[t], alpha[t])),
        ("goes with the noise of the last step", lambda z, eps, t, noise, beta, alpha: (
            one_step_mean(z, eps, t, beta) + np.sqrt(var(t, beta, alpha)) * noise)),
        ("the mean has alpha_{t-1}", lambda z, eps, t, noise, beta, alpha: (
            mean(z, eps, beta[t], alpha[t - 1] if t > 1 else alpha[t]) + np.sqrt(var(t, beta, alpha)) * noise)),
        ("have changed places", lambda z, eps, t, noise, beta, alpha: mean(z, eps, beta[t], alpha[t]) + np.sqrt(
            beta[t] * (1 - alpha[t]) / (1 - alpha[t - 1]) if t > 1 else 0.0) * noise),
        ("its full size", lambda z, eps, t, noise, beta, alpha: mean(z, eps, beta[t], alpha[t]) + noise),
        ("it is added afterwards", lambda z, eps, t, noise, beta, alpha: (
            mean(z, eps, beta[t], alpha[t]) + np.sqrt(var(t, beta, alpha) / (1 - beta[t])) * noise)),
        ("the fresh noise is 1.", lambda z, eps, t, noise, beta, alpha: mean(z, eps, beta[t], alpha[t]) + np.sqrt(
            1 - alpha[t - 1]) * noise),
        ("guessed noise has the wrong sign", lambda z, eps, *rest: step(z, -eps, *rest)),
    ],
    "repaired_step": [
        ("this is the planted one", step),
        ("converted the wrong way", lambda z, eps, t, noise, beta, alpha: (
            step(z, eps * np.sqrt(beta[t] / (1 - alpha[t])), t, noise, beta, alpha))),
        ("the root is missing", lambda z, eps, t, noise, beta, alpha: (
            (z - beta[t] * eps) / np.sqrt(1 - beta[t]) + np.sqrt(var(t, beta, alpha)) * noise)),
        ("adds no fresh noise", lambda z, eps, t, noise, beta, alpha: one_step_mean(z, eps, t, beta)),
        ("by its root, the standard deviation", lambda z, eps, t, noise, beta, alpha: (
            one_step_mean(z, eps, t, beta) + var(t, beta, alpha) * noise)),
        ("it needs no change", lambda z, eps, t, noise, beta, alpha: (
            one_step_mean(z, eps, t, beta) + np.sqrt(beta[t]) * noise)),
    ],
}
