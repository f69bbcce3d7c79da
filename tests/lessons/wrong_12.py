"""Wrong answers to lesson 12: each is rejected, and the report holds these words."""

import numpy as np


def kept(beta):
    return np.concatenate([[1.0], np.cumprod(1 - beta)])


def noisy(x, a, eps, on_x=np.sqrt, on_eps=lambda a: np.sqrt(1 - a)):
    return on_x(a) * x + on_eps(a) * eps


def moments(mean, var):
    return lambda m, v, alpha: (mean(m, alpha), var(v, alpha))


def mismatch(x, alpha, square=1.0, less=1.0, log=1.0):
    D = x.shape[-1]
    return 0.5 * (square * alpha * np.sum(x**2, -1) - less * D * alpha - log * D * np.log(1 - alpha))


def posterior(x, z, beta, before, of_x=1.0, of_z=1.0, alpha=None, var=None):
    alpha = (1 - beta) * before if alpha is None else alpha
    mean = of_x * np.sqrt(before) * beta * x + of_z * np.sqrt(1 - beta) * (1 - before) * z
    return mean / (1 - alpha), beta * (1 - before) / (1 - alpha) if var is None else var


def ratios(beta, times):
    visited = kept(beta)[times]
    return visited / np.concatenate([[1.0], visited[:-1]])


def right_mean(m, alpha):
    return np.sqrt(alpha) * m


def right_var(v, alpha):
    return alpha * v + 1 - alpha


WRONG = {
    "step": [
        ("multiply eps by its square root", lambda z, beta, eps: np.sqrt(1 - beta) * z + beta * eps),
        ("with the square root the variance stays", lambda z, beta, eps: (1 - beta) * z + np.sqrt(beta) * eps),
        ("both square roots", lambda z, beta, eps: (1 - beta) * z + beta * eps),
        ("z is not shrunk", lambda z, beta, eps: z + np.sqrt(beta) * eps),
        ("changed places", lambda z, beta, eps: np.sqrt(beta) * z + np.sqrt(1 - beta) * eps),
        ("the noise has the wrong sign", lambda z, beta, eps: np.sqrt(1 - beta) * z - np.sqrt(beta) * eps),
        ("the noise is missing", lambda z, beta, eps: np.sqrt(1 - beta) * z),
    ],
    "alphas": [
        ("is missing in front", lambda beta: np.cumprod(1 - beta)),
        ("multiply them up", lambda beta: np.concatenate([[1.0], 1 - beta])),
        ("1 minus a sum", lambda beta: np.concatenate([[1.0], 1 - np.cumsum(beta)])),
        ("it runs to t", lambda beta: np.concatenate([[1.0], np.full(len(beta), np.prod(1 - beta))])),
        ("take 1 - beta", lambda beta: np.concatenate([[1.0], np.cumprod(beta)])),
        ("square roots of alpha", lambda beta: np.sqrt(kept(beta))),
        ("what the noise has", lambda beta: 1 - kept(beta)),
        ("expected an array of shape (8,)", lambda beta: np.prod(1 - beta)),
    ],
    "noisy": [
        ("make it a column", lambda x, t, alpha, eps: noisy(x, alpha[t], eps)),
        ("off by one", lambda x, t, alpha, eps: noisy(x, alpha[t - 1][:, None], eps)),
        ("variance of the noise", lambda x, t, alpha, eps: noisy(x, alpha[t][:, None], eps, on_eps=lambda a: 1 - a)),
        ("x is multiplied by alpha", lambda x, t, alpha, eps: noisy(x, alpha[t][:, None], eps, on_x=lambda a: a)),
        ("both square roots", lambda x, t, alpha, eps: noisy(
            x, alpha[t][:, None], eps, lambda a: a, lambda a: 1 - a)),
        ("the root goes over all", lambda x, t, alpha, eps: noisy(
            x, alpha[t][:, None], eps, on_eps=lambda a: 1 - np.sqrt(a))),
        ("x and eps have changed places", lambda x, t, alpha, eps: noisy(eps, alpha[t][:, None], x)),
        ("the noise is missing", lambda x, t, alpha, eps: np.sqrt(alpha[t][:, None]) * x),
    ],
    "marginal": [
        ("the mean is multiplied by alpha", moments(lambda m, a: a * m, right_var)),
        ("not shrunk", moments(lambda m, a: m, right_var)),
        ("takes the square of the factor", moments(right_mean, lambda v, a: np.sqrt(a) * v + 1 - a)),
        ("no root, it is squared", moments(right_mean, lambda v, a: a * v + np.sqrt(1 - a))),
        ("1 - alpha, is missing", moments(right_mean, lambda v, a: a * v)),
        ("for one given x", moments(right_mean, lambda v, a: 1 - a)),
        ("only if that of the data is", moments(right_mean, lambda v, a: 1 + 0 * v)),
        ("var was taken for sigma", moments(right_mean, lambda v, a: a * v**2 + 1 - a)),
        ("the second is the standard deviation", moments(right_mean, lambda v, a: np.sqrt(right_var(v, a)))),
    ],
    "terminal_mismatch": [
        ("logarithm, -D/2 log(1 - alpha), is missing", lambda x, alpha: mismatch(x, alpha, log=0.0)),
        ("logarithm, -D/2 log(1 - alpha), has the wrong sign", lambda x, alpha: mismatch(x, alpha, log=-1.0)),
        ("-D alpha / 2, is missing", lambda x, alpha: mismatch(x, alpha, less=0.0)),
        ("twice what it should be", lambda x, alpha: 2 * mismatch(x, alpha)),
        ("the variance of z_T given x is 1 - alpha", lambda x, alpha: 0.5 * (
            alpha * np.sum(x**2, -1) - x.shape[-1] * (alpha + np.log(alpha)))),
        ("it comes D times", lambda x, alpha: 0.5 * (alpha * np.sum(x**2, -1) - alpha - np.log(1 - alpha))),
        ("its square has alpha", lambda x, alpha: mismatch(x, alpha, square=alpha)),
        ("the other way round", lambda x, alpha: 0.5 * np.sum(
            (1 + alpha * x**2) / (1 - alpha) - 1 + np.log(1 - alpha), -1)),
        ("a mean where a sum", lambda x, alpha: mismatch(x, alpha) / x.shape[-1]),
        ("whole batch", lambda x, alpha: mismatch(x, alpha).sum()),
        ("not yet summed", lambda x, alpha: 0.5 * (alpha * x**2 - alpha - np.log(1 - alpha))),
    ],
    "posterior": [
        ("the variance is beta", lambda x, z, beta, before: posterior(x, z, beta, before, var=beta)),
        ("stands on its head", lambda x, z, beta, before: posterior(
            x, z, beta, before, var=beta * (1 - (1 - beta) * before) / (1 - before))),
        ("the second is the precision", lambda x, z, beta, before: posterior(
            x, z, beta, before, var=(1 - beta) / beta + 1 / (1 - before))),
        ("the second is the standard deviation", lambda x, z, beta, before: posterior(
            x, z, beta, before, var=np.sqrt(posterior(x, z, beta, before)[1]))),
        ("alpha_{t-1} stands where alpha_t", lambda x, z, beta, before: posterior(x, z, beta, before, alpha=before)),
        ("in the part of x stands sqrt(alpha_t)", lambda x, z, beta, before: posterior(
            x, z, beta, before, of_x=np.sqrt(1 - beta))),
        ("in the part of z the factor", lambda x, z, beta, before: posterior(
            x, z, beta, before, of_z=1 / np.sqrt(1 - beta))),
        ("in the part of z the square root", lambda x, z, beta, before: posterior(
            x, z, beta, before, of_z=np.sqrt(1 - beta))),
        ("in the part of x the square root", lambda x, z, beta, before: posterior(
            x, z, beta, before, of_x=np.sqrt(before))),
        ("part of x in the mean is missing", lambda x, z, beta, before: posterior(x, z, beta, before, of_x=0.0)),
        ("x and z have changed places", lambda x, z, beta, before: posterior(z, x, beta, before)),
        ("u is shrunk", lambda x, z, beta, before: (
            (np.sqrt(1 - beta) * z / beta + np.sqrt(before) * x / (1 - before)) / (1 / beta + 1 / (1 - before)),
            1 / (1 / beta + 1 / (1 - before)))),
        ("divided by Lambda", lambda x, z, beta, before: (
            np.sqrt(1 - beta) * z / beta + np.sqrt(before) * x / (1 - before), posterior(x, z, beta, before)[1])),
    ],
    "repaired_betas": [
        ("what the steps between do is lost", lambda beta, times: beta[times - 1]),
        ("the betas between are added", lambda beta, times: np.diff(np.cumsum(beta)[times - 1], prepend=0)),
        ("what is left since the visit before", lambda beta, times: 1 - kept(beta)[times]),
        ("these are the ratios", ratios),
        ("roots of the ratios", lambda beta, times: 1 - np.sqrt(ratios(beta, times))),
        ("on its head", lambda beta, times: 1 - 1 / ratios(beta, times)),
        ("the first step is missing", lambda beta, times: 1 - ratios(beta, times)[1:]),
        ("multiply the 1 - beta", lambda beta, times: np.array([
            np.prod(beta[s:t]) for s, t in zip([0, *times[:-1]], times)])),
    ],
}
