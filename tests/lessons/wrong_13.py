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


WRONG = {
    "kl_step": [
        ("logarithm of the variances has the wrong sign", lambda mean, var, m, v: kl(mean, var, m, v, log=-1.0)),
        ("logarithm of the variances is missing", lambda mean, var, m, v: kl(mean, var, m, v, log=0.0)),
        ("is twice", lambda mean, var, m, v: 2 * kl(mean, var, m, v)),
        ("squared difference of the means counts twice", lambda mean, var, m, v: kl(mean, var, m, v, apart=2.0)),
        ("a mean in place of a sum", lambda mean, var, m, v: kl(mean, var, m, v) / mean.shape[-1]),
        ("whole batch", lambda mean, var, m, v: kl(mean, var, m, v).sum()),
    ],
    "one_term": [
        ("the result has the wrong sign", lambda *args: -term(*args)),
        ("whole batch", lambda *args: term(*args).sum()),
    ],
    "best_back": [
        ("part of m in the mean is missing", lambda z, beta, before, m, lam: back(z, beta, before, m, lam, start=0.0)),
    ],
    "weights": [
        ("the result has the wrong sign", lambda before, alpha: (
            -on_x(before, alpha), -on_x(before, alpha) / snr(alpha))),
        ("is twice", lambda before, alpha: (2 * on_x(before, alpha), 2 * on_x(before, alpha) / snr(alpha))),
    ],
    "batch_estimate": [
        ("prior term has the wrong sign", lambda terms, prior, T, N: N / len(terms) * np.sum(T * terms + prior)),
        ("prior term is missing", lambda terms, prior, T, N: N / len(terms) * np.sum(T * terms)),
    ],
    "repaired_bound": [
        ("the prior term is missing", lambda *args: whole(*args, prior=0.0)),
        ("the prior term has the wrong sign", lambda *args: whole(*args, prior=-1.0)),
        ("the decoder term is missing", lambda *args: whole(*args, decoder=0.0)),
        ("the sum of the KLs has the wrong sign", lambda *args: whole(*args, steps=-1.0)),
        ("the result has the wrong sign", lambda *args: -whole(*args)),
    ],
}
