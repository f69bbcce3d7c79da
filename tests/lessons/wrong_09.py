"""Wrong answers to lesson 9: each is rejected, and the report holds these words."""

import numpy as np


def covariance(X, n=0, centre=1.0):
    centred = X - centre * X.mean(0)
    return centred.T @ centred / (len(X) - n)


def left(X, k, **more):
    return np.linalg.eigvalsh(covariance(X, **more))[: X.shape[1] - k]


def kl(mean, logvar):
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, axis=-1)


def both(x, W, b, mean, logvar, noise=lambda W, logvar: np.exp(logvar) @ np.sum(W**2, axis=0), average=np.mean):
    off = np.sum((x - b - mean @ W.T) ** 2, axis=-1)
    return average(kl(mean, logvar)), average(off + noise(W, logvar))


def price(e, level):
    return 0.5 * np.log(np.maximum(e / level, 1))


def fit(x, again, s2):
    return 0.5 * np.sum((x - again) ** 2 / s2 + np.log(2 * np.pi * s2), axis=-1)


WRONG = {
    "lost": [
        ("they are kept, the others are lost", lambda X, k: np.linalg.eigvalsh(covariance(X))[::-1][:k].sum()),
        ("the smallest first", lambda X, k: np.linalg.eigvalsh(covariance(X))[k:].sum()),
        ("the covariance has 1/(n - 1)", lambda X, k: left(X, k, n=1).sum()),
        ("the covariance has 1/(n - 1)", lambda X, k: np.linalg.eigvalsh(np.cov(X.T))[: X.shape[1] - k].sum()),
        ("not divided by n", lambda X, k: len(X) * left(X, k).sum()),
        ("the mean image is not taken off", lambda X, k: left(X, k, centre=0.0).sum()),
        ("their sum was asked for", lambda X, k: left(X, k).mean()),
        ("a mean over pixels", lambda X, k: left(X, k).sum() / X.shape[1]),
        ("one eigenvalue too many", lambda X, k: left(X, k + 1).sum()),
        ("expected an array of shape ()", lambda X, k: left(X, k)),
    ],
    "slope": [
        ("the divergence is missing", lambda std, w, s2, beta: w**2 * std / s2),
        ("beta is left out", lambda std, w, s2, beta: w**2 * std / s2 + std - 1 / std),
        ("-log sigma has the derivative -1/sigma", lambda std, w, s2, beta: w**2 * std / s2 + beta * (std + 1 / std)),
        ("derivative by log sigma", lambda std, w, s2, beta: w**2 * std**2 / s2 + beta * (std**2 - 1)),
        ("derivative by sigma^2", lambda std, w, s2, beta: 0.5 * (w**2 / s2 + beta * (1 - 1 / std**2))),
        ("the result has the wrong sign", lambda std, w, s2, beta: -(w**2) * std / s2 - beta * (std - 1 / std)),
        ("log sigma^2 is 2 log sigma", lambda std, w, s2, beta: w**2 * std / s2 + beta * (std - 1 / (2 * std))),
        ("the noise in the first term counts half", lambda std, w, s2, beta: (
            w**2 * std / (2 * s2) + beta * (std - 1 / std))),
        ("w stands without its square", lambda std, w, s2, beta: w * std / s2 + beta * (std - 1 / std)),
    ],
    "decoder_variance": [
        ("the 2 is missing", lambda a, b: b / a),
        ("its inverse, the precision", lambda a, b: 2 * a / b),
        ("divide by b, not by a", lambda a, b: a / (2 * b)),
        ("the 2 stands below the line", lambda a, b: 2 * b / a),
        ("the weight b of the divergence is left out", lambda a, b: 1 / (2 * a)),
        ("this is the standard deviation", lambda a, b: np.sqrt(b / (2 * a))),
    ],
    "rate_and_distortion": [
        ("the distortion lacks the noise of z", lambda *args: both(*args, noise=lambda W, logvar: 0.0)),
        ("is exp(logvar), not its root", lambda *args: both(
            *args, noise=lambda W, logvar: np.exp(logvar / 2) @ np.sum(W**2, axis=0))),
        ("W, which has to be squared", lambda *args: both(
            *args, noise=lambda W, logvar: np.exp(logvar) @ np.sum(W, axis=0))),
        ("lacks the squares of W", lambda *args: both(*args, noise=lambda W, logvar: np.exp(logvar).sum(-1))),
        ("b is left out", lambda x, W, b, mean, logvar: both(x, W, 0 * b, mean, logvar)),
        ("mean over the pixels", lambda *args: (
            both(*args)[0], both(*args)[1] / args[0].shape[1])),
        ("mean over the latents", lambda *args: (both(*args)[0] / args[3].shape[1], both(*args)[1])),
        ("sums over the batch", lambda *args: both(*args, average=np.sum)),
        ("have changed places", lambda *args: both(*args)[::-1]),
    ],
    "latent_price": [
        ("a latent that is not alive pays 0", lambda e, s2, beta: 0.5 * np.log(e / (beta * s2))),
        ("no 1 is added to the ratio", lambda e, s2, beta: 0.5 * np.log(1 + e / (beta * s2))),
        ("beta is left out", lambda e, s2, beta: price(e, s2)),
        ("the factor 1/2 is missing", lambda e, s2, beta: 2 * price(e, beta * s2)),
        ("not sigma^2 / beta", lambda e, s2, beta: price(e, s2 / beta)),
        ("already the square", lambda e, s2, beta: price(e, beta * s2**2)),
        ("these are bits", lambda e, s2, beta: price(e, beta * s2) / np.log(2)),
        ("leave its weight beta out", lambda e, s2, beta: beta * price(e, beta * s2)),
        ("what they pay was asked for", lambda e, s2, beta: e > beta * s2),
        ("expected an array of shape (7,)", lambda e, s2, beta: price(e, beta * s2).sum()),
    ],
    "repaired_loss": [
        ("the divergence is still a mean over the latents", lambda x, again, mean, logvar, s2: np.mean(
            fit(x, again, s2)) + 0.5 * np.mean(np.exp(logvar) + mean**2 - 1 - logvar)),
        ("summed over the batch too", lambda x, again, mean, logvar, s2: np.mean(
            fit(x, again, s2)) + kl(mean, logvar).sum()),
        ("the likelihood is a mean over the pixels", lambda x, again, mean, logvar, s2: np.mean(
            fit(x, again, s2)) / x.shape[1] + kl(mean, logvar).mean()),
        ("both are means now", lambda x, again, mean, logvar, s2: np.mean(
            fit(x, again, s2)) / x.shape[1] + kl(mean, logvar).mean() / mean.shape[1]),
        ("this is the sum over the batch", lambda x, again, mean, logvar, s2: np.sum(
            fit(x, again, s2) + kl(mean, logvar))),
        ("take the mean over the batch", lambda x, again, mean, logvar, s2: fit(x, again, s2) + kl(mean, logvar)),
        ("the divergence has the wrong sign", lambda x, again, mean, logvar, s2: np.mean(
            fit(x, again, s2) - kl(mean, logvar))),
    ],
}
