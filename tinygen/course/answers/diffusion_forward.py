"""The answers about diffusion forwards (lesson 12)."""

import numpy as np

from tinygen.course.answers.base import Answer


def _kept(beta):
    return np.concatenate([[1.0], np.cumprod(1 - beta)])


step = Answer(
    lambda z, beta, eps: {"point before, shrunk,": np.sqrt(1 - beta) * z, "noise": np.sqrt(beta) * eps},
    {
        "beta is the variance of the noise: multiply eps by its square root": (
            lambda z, beta, eps: np.sqrt(1 - beta) * z + beta * eps
        ),
        "z is multiplied by 1 - beta: with the square root the variance stays": (
            lambda z, beta, eps: (1 - beta) * z + np.sqrt(beta) * eps
        ),
        "both square roots are missing": lambda z, beta, eps: (1 - beta) * z + beta * eps,
        "z is not shrunk: then the variance grows in each step": lambda z, beta, eps: z + np.sqrt(beta) * eps,
        "the two roots have changed places": lambda z, beta, eps: np.sqrt(beta) * z + np.sqrt(1 - beta) * eps,
    },
)

alphas = Answer(
    _kept,
    {
        "alpha_0 = 1, the product of no factor, is missing in front": lambda beta: np.cumprod(1 - beta),
        "these are the factors 1 - beta_t: multiply them up": lambda beta: np.concatenate([[1.0], 1 - beta]),
        "these are 1 minus a sum: the factors have to be multiplied": (
            lambda beta: np.concatenate([[1.0], 1 - np.cumsum(beta)])
        ),
        "the product runs to T for every t: it runs to t": (
            lambda beta: np.concatenate([[1.0], np.full(len(beta), np.prod(1 - beta))])
        ),
        "these are the betas multiplied up: take 1 - beta": lambda beta: np.concatenate([[1.0], np.cumprod(beta)]),
        "these are the square roots of alpha": lambda beta: np.sqrt(_kept(beta)),
        "these are 1 - alpha, what the noise has": lambda beta: 1 - _kept(beta),
    },
)


def _noisy(x, a, eps):
    return {"data": np.sqrt(a) * x, "noise": np.sqrt(1 - a) * eps}


def _mixed(x, on_x, eps, on_eps):
    return on_x * x + on_eps * eps


noisy = Answer(
    lambda x, t, alpha, eps: _noisy(x, alpha[t][:, None], eps),
    {
        "alpha[t] has shape (B,) and runs along the columns: make it a column, alpha[t][:, None]": (
            lambda x, t, alpha, eps: sum(_noisy(x, alpha[t], eps).values())
        ),
        "off by one: alpha[0] = 1 stands in front, so alpha_t is alpha[t]": (
            lambda x, t, alpha, eps: sum(_noisy(x, alpha[t - 1][:, None], eps).values())
        ),
        "1 - alpha is the variance of the noise: multiply eps by its square root": (
            lambda x, t, alpha, eps: _mixed(x, np.sqrt(alpha[t][:, None]), eps, 1 - alpha[t][:, None])
        ),
        "x is multiplied by alpha: its square root was asked for": (
            lambda x, t, alpha, eps: _mixed(x, alpha[t][:, None], eps, np.sqrt(1 - alpha[t][:, None]))
        ),
        "both square roots are missing": (
            lambda x, t, alpha, eps: _mixed(x, alpha[t][:, None], eps, 1 - alpha[t][:, None])
        ),
        "the noise has 1 - sqrt(alpha): the root goes over all of 1 - alpha": (
            lambda x, t, alpha, eps: _mixed(x, np.sqrt(alpha[t][:, None]), eps, 1 - np.sqrt(alpha[t][:, None]))
        ),
    },
)

marginal = Answer(
    lambda mean, var, alpha: np.stack([np.sqrt(alpha) * mean, alpha * var + 1 - alpha]),
    {
        "the mean is multiplied by alpha: its square root was asked for": (
            lambda mean, var, alpha: np.stack([alpha * mean, alpha * var + 1 - alpha])
        ),
        "the mean is not shrunk": lambda mean, var, alpha: np.stack([mean, alpha * var + 1 - alpha]),
        "the variance of the data is multiplied by sqrt(alpha): a variance takes the square of the factor": (
            lambda mean, var, alpha: np.stack([np.sqrt(alpha) * mean, np.sqrt(alpha) * var + 1 - alpha])
        ),
        "the noise has the variance 1 - alpha: no root, it is squared": (
            lambda mean, var, alpha: np.stack([np.sqrt(alpha) * mean, alpha * var + np.sqrt(1 - alpha)])
        ),
        "the variance of the noise, 1 - alpha, is missing": (
            lambda mean, var, alpha: np.stack([np.sqrt(alpha) * mean, alpha * var])
        ),
        "the variance of the data is missing: this is the variance for one given x": (
            lambda mean, var, alpha: np.stack([np.sqrt(alpha) * mean, 1 - alpha])
        ),
        "the variance is 1 only if that of the data is": (
            lambda mean, var, alpha: np.stack([np.sqrt(alpha) * mean, np.ones_like(var)])
        ),
        "the second is the standard deviation: the variance was asked for": (
            lambda mean, var, alpha: np.stack([np.sqrt(alpha) * mean, np.sqrt(alpha * var + 1 - alpha)])
        ),
    },
)


def _mismatch(x, alpha):
    D = x.shape[-1]
    return {
        "squared mean, alpha |x|^2 / 2,": 0.5 * alpha * np.sum(x**2, axis=-1),
        "variance less one, -D alpha / 2,": -0.5 * D * alpha * np.ones(len(x)),
        "logarithm, -D/2 log(1 - alpha),": -0.5 * D * np.log1p(-alpha) * np.ones(len(x)),
    }


terminal_mismatch = Answer(
    _mismatch,
    {
        "the logarithm is of alpha: the variance of z_T given x is 1 - alpha": (
            lambda x, alpha: sum(_mismatch(x, alpha).values())
            + 0.5 * x.shape[-1] * (np.log1p(-alpha) - np.log(alpha))
        ),
        "what holds for one dimension is counted once: it comes D times": (
            lambda x, alpha: 0.5 * (alpha * np.sum(x**2, axis=-1) - alpha - np.log1p(-alpha))
        ),
        "the mean of z_T is sqrt(alpha) x: its square has alpha, not its square": (
            lambda x, alpha: sum(_mismatch(x, alpha).values()) + 0.5 * (alpha**2 - alpha) * np.sum(x**2, axis=-1)
        ),
        "this is the divergence of N(0, I) relative to q: the other way round": (
            lambda x, alpha: 0.5 * np.sum((1 + alpha * x**2) / (1 - alpha) - 1 + np.log1p(-alpha), axis=-1)
        ),
    },
)


def _posterior(x, z, beta, before, alpha=None, on_x=np.sqrt, on_z=np.sqrt):
    """The mean of z_{t-1} in two parts, and its variance; alpha: what stands for alpha_t; on_x, on_z: for the roots."""
    alpha = (1 - beta) * before if alpha is None else alpha
    of_x, of_z = on_x(before) * beta * x / (1 - alpha), on_z(1 - beta) * (1 - before) * z / (1 - alpha)
    none = np.zeros_like(x)
    return {
        "part of x in the mean": np.stack([of_x, none]),
        "part of z in the mean": np.stack([of_z, none]),
        "variance": np.stack([none, none + beta * (1 - before) / (1 - alpha)]),
    }


def _other_variance(var):
    def wrong(x, z, beta, before):
        parts = _posterior(x, z, beta, before)
        return sum(parts.values()) - parts["variance"] + np.stack([0 * x, var(beta, before)])

    return wrong


posterior = Answer(
    lambda x, z, beta, before: _posterior(x, z, beta, before),
    {
        "the variance is beta: what is known of x makes it smaller": _other_variance(lambda beta, before: beta),
        "the fraction in the variance stands on its head: 1 - alpha_{t-1} over 1 - alpha_t": (
            _other_variance(lambda beta, before: beta * (1 - (1 - beta) * before) / (1 - before))
        ),
        "the second is the precision: the variance is 1 over it": (
            _other_variance(lambda beta, before: (1 - (1 - beta) * before) / (beta * (1 - before)))
        ),
        "the second is the standard deviation: the variance was asked for": (
            _other_variance(lambda beta, before: np.sqrt(beta * (1 - before) / (1 - (1 - beta) * before)))
        ),
        "alpha_{t-1} stands where alpha_t = (1 - beta_t) alpha_{t-1} belongs": (
            lambda x, z, beta, before: sum(_posterior(x, z, beta, before, alpha=before).values())
        ),
        "in the part of x stands sqrt(alpha_t): z_{t-1} given x has the mean sqrt(alpha_{t-1}) x": (
            lambda x, z, beta, before: sum(
                _posterior(x, z, beta, before, on_x=lambda a: np.sqrt((1 - beta) * a)).values()
            )
        ),
        "in the part of x the square root of alpha_{t-1} is missing": (
            lambda x, z, beta, before: sum(_posterior(x, z, beta, before, on_x=lambda a: a).values())
        ),
        "in the part of z the square root of 1 - beta is missing": (
            lambda x, z, beta, before: sum(_posterior(x, z, beta, before, on_z=lambda a: a).values())
        ),
        "in the part of z the factor sqrt(1 - beta) is missing": (
            lambda x, z, beta, before: sum(_posterior(x, z, beta, before, on_z=np.ones_like).values())
        ),
        "x and z have changed places": lambda x, z, beta, before: sum(_posterior(z, x, beta, before).values()),
        "1 / Lambda is the variance already: here it is squared": (
            _other_variance(lambda beta, before: (beta * (1 - before) / (1 - (1 - beta) * before)) ** 2)
        ),
        "the precision of the kernel for u is (1 - beta) / beta: u is shrunk before it meets z": (
            lambda x, z, beta, before: np.stack([
                (np.sqrt(1 - beta) * z / beta + np.sqrt(before) * x / (1 - before)) / (1 / beta + 1 / (1 - before)),
                1 / (1 / beta + 1 / (1 - before)),
            ])
        ),
        "this is b: it has to be divided by Lambda": (
            lambda x, z, beta, before: np.stack([
                np.sqrt(1 - beta) * z / beta + np.sqrt(before) * x / (1 - before),
                beta * (1 - before) / (1 - (1 - beta) * before),
            ])
        ),
    },
)


def _respaced(beta, times):
    kept = _kept(beta)[times]
    return 1 - kept / np.concatenate([[1.0], kept[:-1]])


respaced = Answer(
    _respaced,
    {
        "these are the betas of the visited steps: what the steps between do is lost": (
            lambda beta, times: beta[times - 1]
        ),
        "the first step is missing: it starts from alpha_0 = 1": lambda beta, times: _respaced(beta, times)[1:],
        "off by one: beta[t] is beta_{t+1}": lambda beta, times: beta[np.minimum(times, len(beta) - 1)],
        "the betas between are added: variances of many steps do not only add, they shrink too": (
            lambda beta, times: np.diff(np.cumsum(beta)[times - 1], prepend=0.0)
        ),
        "these are 1 - alpha at the visited steps: a step only has to do what is left since the visit before": (
            lambda beta, times: 1 - _kept(beta)[times]
        ),
        "these are the ratios: beta is 1 minus the ratio": lambda beta, times: 1 - _respaced(beta, times),
        "these are the roots of the ratios: beta is 1 minus the ratio itself": (
            lambda beta, times: 1 - np.sqrt(1 - _respaced(beta, times))
        ),
        "the ratio stands on its head": lambda beta, times: 1 - 1 / (1 - _respaced(beta, times)),
        "the product of all betas between: multiply the 1 - beta": (
            lambda beta, times: np.exp(np.diff(np.cumsum(np.log(beta))[times - 1], prepend=0.0))
        ),
    },
)
