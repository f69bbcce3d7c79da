"""The answers about the autoencoder's view of the bound (lesson 9)."""

import numpy as np

import tinygen as tg
from tinygen.course.answers.base import Answer
from tinygen.oracles import linear_gaussian


def _covariance(X, n=0, centre=True):
    centred = X - centre * X.mean(0)
    return centred.T @ centred / (len(X) - n)


def _eigenvalues(X):
    return linear_gaussian.principal(X)[0]


lost = Answer(
    lambda X, k: _eigenvalues(X)[k:].sum(),
    {
        "these are the k largest: they are kept, the others are lost": lambda X, k: _eigenvalues(X)[:k].sum(),
        "eigvalsh returns the smallest first: the k largest are the last k": (
            lambda X, k: np.linalg.eigvalsh(_covariance(X))[k:].sum()
        ),
        "the covariance has 1/(n - 1): a mean over the n images was asked for": (
            lambda X, k: _eigenvalues(X)[k:].sum() * len(X) / (len(X) - 1)
        ),
        "the covariance is not divided by n: this is the sum over the images": (
            lambda X, k: _eigenvalues(X)[k:].sum() * len(X)
        ),
        "the mean image is not taken off before the covariance": (
            lambda X, k: np.linalg.eigvalsh(_covariance(X, centre=False))[::-1][k:].sum()
        ),
        "this is the mean of the eigenvalues that are left: their sum was asked for": (
            lambda X, k: _eigenvalues(X)[k:].mean()
        ),
        "this is a mean over pixels: the squared error is summed over them": (
            lambda X, k: _eigenvalues(X)[k:].sum() / X.shape[1]
        ),
        "one eigenvalue too many counts as kept": lambda X, k: _eigenvalues(X)[k + 1:].sum(),
        "one eigenvalue too few counts as kept": lambda X, k: _eigenvalues(X)[k - 1:].sum(),
    },
)


def penalised(mean, std, x, w, s2, beta):
    """Minus the weighted bound of the linear model, in parts."""
    return {
        "noise in the first term": w**2 * std**2 / (2 * s2),
        "rest of the first term": (x - w * mean) ** 2 / (2 * s2) + 0.5 * np.log(2 * np.pi * s2),
        "divergence": beta * 0.5 * (std**2 + mean**2 - 1 - 2 * np.log(std)),
    }


def _slope(std, w, s2, beta):
    """The derivatives of the parts by std: the package differentiates the loss itself."""
    by = lambda name: tg.grad(lambda std: np.sum(penalised(0.0, std, 0.0, w, s2, beta)[name]))(std)
    return {name: by(name) for name in ("noise in the first term", "divergence")}


def _slope_with(price, noise=lambda std, w, s2: w**2 * std / s2):
    """A wrong slope, where the divergence has the derivative `price(std)`."""
    return lambda std, w, s2, beta: noise(std, w, s2) + beta * price(std)


slope = Answer(
    _slope,
    {
        "beta is left out": lambda std, w, s2, beta: sum(_slope(std, w, s2, 1.0).values()),
        "-log sigma has the derivative -1/sigma: its sign": _slope_with(lambda std: std + 1 / std),
        "log sigma^2 is 2 log sigma, so that the 1/2 before it is used up": _slope_with(lambda std: std - 0.5 / std),
        "this is the derivative by log sigma: by sigma it lacks 1/sigma": (
            lambda std, w, s2, beta: std * sum(_slope(std, w, s2, beta).values())
        ),
        "this is the derivative by log sigma^2": (
            lambda std, w, s2, beta: 0.5 * std * sum(_slope(std, w, s2, beta).values())
        ),
        "this is the derivative by sigma^2": (
            lambda std, w, s2, beta: 0.5 / std * sum(_slope(std, w, s2, beta).values())
        ),
        "w stands without its square": _slope_with(lambda std: std - 1 / std, lambda std, w, s2: w * std / s2),
        "1/sigma has become 1/sigma^2": _slope_with(lambda std: std - 1 / std**2),
    },
)

decoder_variance = Answer(
    lambda a, b: b / (2 * a),
    {
        "a normal has |x - x*|^2 / (2 sigma^2): the 2 is missing": lambda a, b: b / a,
        "this is its inverse, the precision": lambda a, b: 2 * a / b,
        "divide by b, not by a: the divergence has to have the factor 1": lambda a, b: a / (2 * b),
        "the 2 stands below the line: 1 / (2 sigma^2) = a / b": lambda a, b: 2 * b / a,
        "the weight b of the divergence is left out": lambda a, b: 1 / (2 * a) + 0 * b,
        "divide by b, do not multiply": lambda a, b: 1 / (2 * a * b),
        "this is the standard deviation": lambda a, b: np.sqrt(b / (2 * a)),
    },
)


def _kl(mean, logvar):
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar, axis=-1)


def _distortion(x, W, b, mean, logvar, length=lambda W: np.sum(W**2, 0), noise=1.0, offset=1.0):
    off = x - offset * b - mean @ W.T
    return np.sum(off**2, -1) + noise * np.exp(logvar) @ length(W)


def _both(rate, distortion):
    return np.stack([np.mean(rate), np.mean(distortion)])


rate_distortion = Answer(
    lambda x, W, b, mean, logvar: _both(_kl(mean, logvar), _distortion(x, W, b, mean, logvar)),
    {
        "the distortion lacks the noise of z, sum of exp(logvar_j) |W_j|^2": (
            lambda x, W, b, mean, logvar: _both(_kl(mean, logvar), _distortion(x, W, b, mean, logvar, noise=0.0))
        ),
        "in the distortion the variance of z is exp(logvar), not its root": (
            lambda x, W, b, mean, logvar: _both(
                _kl(mean, logvar), _distortion(x, W, b, mean, 0.5 * logvar))
        ),
        "in the distortion the noise of z meets W, which has to be squared": (
            lambda x, W, b, mean, logvar: _both(
                _kl(mean, logvar), _distortion(x, W, b, mean, logvar, length=lambda W: np.sum(W, 0)))
        ),
        "the distortion lacks the squares of W: the noise is added as it is": (
            lambda x, W, b, mean, logvar: _both(
                _kl(mean, logvar), _distortion(x, W, b, mean, logvar, length=lambda W: np.ones(W.shape[1])))
        ),
        "the decoder's b is left out": (
            lambda x, W, b, mean, logvar: _both(_kl(mean, logvar), _distortion(x, W, b, mean, logvar, offset=0.0))
        ),
        "the distortion is a mean over the pixels: sum over them": (
            lambda x, W, b, mean, logvar: _both(
                _kl(mean, logvar), _distortion(x, W, b, mean, logvar) / x.shape[1])
        ),
        "the rate is a mean over the latents: sum over them": (
            lambda x, W, b, mean, logvar: _both(
                _kl(mean, logvar) / mean.shape[1], _distortion(x, W, b, mean, logvar))
        ),
        "these are sums over the batch: take the mean": (
            lambda x, W, b, mean, logvar: len(x) * _both(
                _kl(mean, logvar), _distortion(x, W, b, mean, logvar))
        ),
        "rate and distortion have changed places": (
            lambda x, W, b, mean, logvar: _both(_distortion(x, W, b, mean, logvar), _kl(mean, logvar))
        ),
    },
)


def _price(eigenvalues, s2, beta):
    return linear_gaussian.latent_kl(eigenvalues, s2, beta=beta)


latent_price = Answer(
    _price,
    {
        "the eigenvalue is the variance of the data, noise included: no 1 is added to the ratio": (
            lambda e, s2, beta: 0.5 * np.log(1 + e / (beta * s2))
        ),
        "a latent that is not alive pays 0, not less": lambda e, s2, beta: 0.5 * np.log(e / (beta * s2)),
        "beta is left out: the water level is beta sigma^2": lambda e, s2, beta: _price(e, s2, 1.0),
        "the factor 1/2 is missing": lambda e, s2, beta: 2 * _price(e, s2, beta),
        "the level is beta sigma^2, not sigma^2 / beta": lambda e, s2, beta: _price(e, s2, 1 / beta),
        "s2 is already the square": lambda e, s2, beta: _price(e, s2**2, beta),
        "these are bits: take the natural logarithm": lambda e, s2, beta: _price(e, s2, beta) / np.log(2),
        "this is what the price of each latent adds to the loss: leave its weight beta out": (
            lambda e, s2, beta: beta * _price(e, s2, beta)
        ),
        "this says which latents are alive; what they pay was asked for": (
            lambda e, s2, beta: (e > beta * s2).astype(float)
        ),
        "this is the sum over the latents": lambda e, s2, beta: _price(e, s2, beta).sum(),
    },
)


def _loss(x, again, mean, logvar, s2):
    """Minus the bound, a mean over the batch, in parts."""
    return {
        "squared error over 2 sigma^2": 0.5 * np.sum((x - again) ** 2, -1).mean() / s2,
        "constant of the normal density": 0.5 * x.shape[1] * np.log(2 * np.pi * s2),
        "divergence": _kl(mean, logvar).mean(),
    }


loss = Answer(
    _loss,
    {
        "the divergence is still a mean over the latents: sum over them": (
            lambda x, again, mean, logvar, s2: sum(_loss(x, again, mean, logvar, s2).values())
            - _kl(mean, logvar).mean() * (1 - 1 / mean.shape[1])
        ),
        "the divergence is summed over the batch too: there take the mean": (
            lambda x, again, mean, logvar, s2: sum(_loss(x, again, mean, logvar, s2).values())
            + _kl(mean, logvar).mean() * (len(x) - 1)
        ),
        "now the likelihood is a mean over the pixels: sum over them": (
            lambda x, again, mean, logvar, s2: sum(
                part / (x.shape[1] if name != "divergence" else 1)
                for name, part in _loss(x, again, mean, logvar, s2).items())
        ),
        "both are means now, over pixels and over latents: that is still another beta, k / D": (
            lambda x, again, mean, logvar, s2: sum(
                part / (x.shape[1] if name != "divergence" else mean.shape[1])
                for name, part in _loss(x, again, mean, logvar, s2).items())
        ),
        "this is the sum over the batch: take the mean": (
            lambda x, again, mean, logvar, s2: len(x) * sum(_loss(x, again, mean, logvar, s2).values())
        ),
        "this is one number for each row: take the mean over the batch": (
            lambda x, again, mean, logvar, s2: 0.5 * np.sum(
                (x - again) ** 2 / s2 + np.log(2 * np.pi * s2), -1) + _kl(mean, logvar)
        ),
    },
)
