"""Wrong answers to lesson 13: each is rejected, and the report holds these words."""

import numpy as np

from tinygen import gaussian
from tinygen.models.diffusion import process


def kl(mean, var, model_mean, model_var, apart=1.0, ratio=1.0, log=1.0, D=None):
    D = mean.shape[-1] if D is None else D
    squares = apart * np.sum((mean - model_mean) ** 2, -1) / model_var
    return 0.5 * (squares + D * (ratio * (var / model_var - 1) - log * np.log(var / model_var)))


def term(x, t, eps, schedule, model, at=0, ask=0, back=0, turned=False):
    z = process.noisy(schedule, x, t + at, eps)
    q, p = process.posterior(schedule, z, x, t + back), model(z, t + ask)
    return kl(*p, *q) if turned else kl(*q, *p)


def without_x(x, t, eps, schedule, model):
    z = process.noisy(schedule, x, t, eps)
    return kl(np.sqrt(1 - schedule.beta[t]) * z, schedule.beta[t], *model(z, t))


def back(z, beta, before, m, lam, c=None, start=None, var=lambda v: v):
    c = before * lam + 1 - before if c is None else c
    start = np.sqrt(before) * m if start is None else start
    precision = (1 - beta) / beta + 1 / c
    return (np.sqrt(1 - beta) * z / beta + start / c) / precision, var(1 / precision)


def snr(alpha):
    return alpha / (1 - alpha)


def on_x(before, alpha):
    return 0.5 * (snr(before) - snr(alpha))


def whole(x, eps, schedule, model, decoder=1.0, steps=1.0, prior=1.0, log=np.log):
    mean, var = model(process.noisy(schedule, x, 1, eps), 1)
    return (decoder * gaussian.log_density(x, mean, log(var)) - prior * schedule.terminal_mismatch(x)
            - steps * sum(term(x, t, eps, schedule, model) for t in range(2, schedule.T + 1)))


def first(x, eps, schedule, model):
    return kl(x, schedule.posterior_var[2], *model(process.noisy(schedule, x, 1, eps), 1))


WRONG = {
    "kl_step": [
        ("the other way round", lambda mean, var, m, v: kl(m, v, mean, var)),
        ("the second is the one to judge by", lambda mean, var, m, v: kl(mean, var, m, v, apart=v / var)),
        ("it comes D times", lambda mean, var, m, v: kl(mean, var, m, v, D=1)),
        ("this is right if both variances are equal", lambda mean, var, m, v: kl(mean, var, m, v, ratio=0.0, log=0.0)),
        ("logarithm of the variances has the wrong sign", lambda mean, var, m, v: kl(mean, var, m, v, log=-1.0)),
        ("logarithm of the variances is missing", lambda mean, var, m, v: kl(mean, var, m, v, log=0.0)),
        ("is twice", lambda mean, var, m, v: 2 * kl(mean, var, m, v)),
        ("squared difference of the means counts twice", lambda mean, var, m, v: kl(mean, var, m, v, apart=2.0)),
        ("a mean where a sum", lambda mean, var, m, v: kl(mean, var, m, v) / mean.shape[-1]),
        ("whole batch", lambda mean, var, m, v: kl(mean, var, m, v).sum()),
    ],
    "one_term": [
        ("q comes first", lambda *args: term(*args, turned=True)),
        ("the model looks at z_t", lambda *args: term(*args, at=-1)),
        ("the model is asked for step t - 1", lambda *args: term(*args, ask=-1)),
        ("one step too early", lambda *args: term(*args, back=-1)),
        ("is not beta", lambda x, t, eps, schedule, model: (lambda z: kl(
            process.posterior(schedule, z, x, t)[0], schedule.beta[t], *model(z, t)))(
                process.noisy(schedule, x, t, eps))),
        ("not the kernel", without_x),
        ("the result has the wrong sign", lambda *args: -term(*args)),
        ("whole batch", lambda *args: term(*args).sum()),
    ],
    "best_back": [
        ("if x is known", lambda z, beta, before, m, lam: back(z, beta, before, m, lam, c=1 - before)),
        ("is that of z_t", lambda z, beta, before, m, lam: back(
            z, beta, before, m, lam, c=1 + (1 - beta) * before * (lam - 1))),
        ("in c the noise is missing", lambda z, beta, before, m, lam: back(z, beta, before, m, lam, c=before * lam)),
        ("lam stands where", lambda z, beta, before, m, lam: back(z, beta, before, m, lam, c=lam)),
        ("the root is missing", lambda z, beta, before, m, lam: back(z, beta, before, m, lam, start=before * m)),
        ("m is not shrunk", lambda z, beta, before, m, lam: back(z, beta, before, m, lam, start=m)),
        ("part of m in the mean is missing", lambda z, beta, before, m, lam: back(z, beta, before, m, lam, start=0.0)),
        ("the second is the precision", lambda *args: back(*args, var=lambda v: 1 / v)),
        ("the second is the standard deviation", lambda *args: back(*args, var=np.sqrt)),
        ("the variance is beta", lambda z, beta, *args: (back(z, beta, *args)[0], beta)),
    ],
    "weights": [
        ("so it divides", lambda before, alpha: (on_x(before, alpha), on_x(before, alpha) * snr(alpha))),
        ("the noise is that in z_t", lambda before, alpha: (on_x(before, alpha), on_x(before, alpha) / snr(before))),
        ("the errors are squared", lambda before, alpha: (on_x(before, alpha), on_x(before, alpha) / snr(alpha)**0.5)),
        ("the simple loss", lambda before, alpha: (on_x(before, alpha), 0.5 + 0 * alpha)),
        ("not one in x", lambda before, alpha: (on_x(before, alpha), on_x(before, alpha))),
        ("difference of the alphas", lambda before, alpha: (
            0.5 * (before - alpha), 0.5 * (before - alpha) / snr(alpha))),
        ("the result has the wrong sign", lambda before, alpha: (
            -on_x(before, alpha), -on_x(before, alpha) / snr(alpha))),
        ("is twice", lambda before, alpha: (2 * on_x(before, alpha), 2 * on_x(before, alpha) / snr(alpha))),
    ],
    "batch_estimate": [
        ("the factor T is missing", lambda terms, prior, T, N: N / len(terms) * np.sum(terms - prior)),
        ("the factor N / B is missing", lambda terms, prior, T, N: np.sum(T * terms - prior)),
        ("both factors are missing", lambda terms, prior, T, N: np.sum(terms - prior)),
        ("T - 1 in place of T", lambda terms, prior, T, N: N / len(terms) * np.sum((T - 1) * terms - prior)),
        ("multiplied by T", lambda terms, prior, T, N: T * N / len(terms) * np.sum(terms - prior)),
        ("mean over the batch", lambda terms, prior, T, N: np.mean(T * terms - prior)),
        ("so it stands for T", lambda terms, prior, T, N: N / len(terms) * np.sum(terms / T - prior)),
        ("prior term has the wrong sign", lambda terms, prior, T, N: N / len(terms) * np.sum(T * terms + prior)),
        ("prior term is missing", lambda terms, prior, T, N: N / len(terms) * np.sum(T * terms)),
    ],
    "repaired_bound": [
        ("this is the planted one", lambda *args: whole(*args, decoder=0.0) - first(*args)),
        ("starts at t = 3", lambda x, eps, *args: whole(x, eps, *args) + term(x, 2, eps, *args)),
        ("beside the decoder term", lambda *args: whole(*args) - first(*args)),
        ("the prior term is missing", lambda *args: whole(*args, prior=0.0)),
        ("the prior term has the wrong sign", lambda *args: whole(*args, prior=-1.0)),
        ("the decoder term is missing", lambda *args: whole(*args, decoder=0.0)),
        ("the sum of the KLs has the wrong sign", lambda *args: whole(*args, steps=-1.0)),
        ("its logarithm belongs", lambda *args: whole(*args, log=lambda v: v)),
        ("lacks -D/2 log(2 pi)", lambda x, *args: whole(x, *args) + 0.5 * x.shape[-1] * np.log(2 * np.pi)),
        ("the result has the wrong sign", lambda *args: -whole(*args)),
    ],
}
