"""The answers about the bound of a diffusion model (lesson 13)."""

import numpy as np

from tinygen.course.answers.base import Answer
from tinygen.gaussian import LN_2PI


def _kl(mean, var, model_mean, model_var):
    """KL(N(mean, var I) || N(model_mean, model_var I)) in parts, (B,) each; the variances are numbers."""
    D, none = mean.shape[-1], np.zeros(len(mean))
    return {
        "squared difference of the means": 0.5 * np.sum((mean - model_mean) ** 2, axis=-1) / model_var,
        "ratio of the variances, less one,": none + 0.5 * D * (var / model_var - 1),
        "logarithm of the variances": none + 0.5 * D * np.log(model_var / var),
    }


def _kl_sum(*args):
    return sum(_kl(*args).values())


kl_step = Answer(
    _kl,
    {
        "this is the divergence of the second relative to the first: the other way round": (
            lambda mean, var, model_mean, model_var: _kl_sum(model_mean, model_var, mean, var)
        ),
        "the squared difference is over the variance of the first: the second is the one to judge by": (
            lambda mean, var, model_mean, model_var: _kl_sum(mean, var, model_mean, model_var)
            + 0.5 * np.sum((mean - model_mean) ** 2, axis=-1) * (1 / var - 1 / model_var)
        ),
        "what the variances contribute is counted once: it comes D times": (
            lambda mean, var, model_mean, model_var: 0.5 * (
                np.sum((mean - model_mean) ** 2, axis=-1) / model_var + var / model_var - 1 + np.log(model_var / var)
            )
        ),
        "this is right if both variances are equal: here they are not": (
            lambda mean, var, model_mean, model_var: 0.5 * np.sum((mean - model_mean) ** 2, axis=-1) / model_var
        ),
    },
)


def _noisy(schedule, x, t, eps):
    return np.sqrt(schedule.alpha_bar[t]) * x + schedule.sigma[t] * eps


def _posterior(schedule, z, x, t):
    """Mean and variance of q(z_{t-1}|z_t, x)."""
    beta, before, left = schedule.beta[t], schedule.alpha_bar[t - 1], schedule.sigma2[t]
    return (np.sqrt(before) * beta * x + np.sqrt(1 - beta) * (1 - before) * z) / left, beta * (1 - before) / left


def _term(x, t, eps, schedule, model, at=0, ask=0, back=0):
    """One term of the bound; `at`, `ask`, `back`: by how much t is off in z, in the model, in q."""
    z = _noisy(schedule, x, t + at, eps)
    return _kl_sum(*_posterior(schedule, z, x, t + back), *model(z, t + ask))


def _turned(x, t, eps, schedule, model):
    z = _noisy(schedule, x, t, eps)
    mean, var = _posterior(schedule, z, x, t)
    return _kl_sum(*model(z, t), mean, var)


def _with_beta(x, t, eps, schedule, model):
    z = _noisy(schedule, x, t, eps)
    return _kl_sum(_posterior(schedule, z, x, t)[0], schedule.beta[t], *model(z, t))


def _without_x(x, t, eps, schedule, model):
    z, beta = _noisy(schedule, x, t, eps), schedule.beta[t]
    return _kl_sum(np.sqrt(1 - beta) * z, beta, *model(z, t))


one_term = Answer(
    _term,
    {
        "the divergence is taken the other way round: q comes first": _turned,
        "the noisy point is z_{t-1}: the model looks at z_t": lambda *args: _term(*args, at=-1),
        "the model is asked for step t - 1: at z_t its step is t": lambda *args: _term(*args, ask=-1),
        "q is taken one step too early: the one from z_t back is that of t": lambda *args: _term(*args, back=-1),
        "the variance of q(z_{t-1}|z_t, x) is not beta: process.posterior returns it": _with_beta,
        "q(z_{t-1}|z_t, x) is the posterior, not the kernel run the other way": _without_x,
    },
)


def _back(z, beta, before, m, lam, c=None, root=np.sqrt):
    """Mean and variance of q(z_{t-1}|z_t) for data N(m, lam), in parts, (2, B); c: for the variance of z_{t-1}."""
    c = before * lam + 1 - before if c is None else c
    precision, none = (1 - beta) / beta + 1 / c, np.zeros_like(z)
    return {
        "part of z in the mean": np.stack([np.sqrt(1 - beta) * z / beta / precision, none]),
        "part of m in the mean": np.stack([none + root(before) * m / c / precision, none]),
        "variance": np.stack([none, none + 1 / precision]),
    }


def _other_variance(var):
    def wrong(z, beta, before, m, lam):
        parts = _back(z, beta, before, m, lam)
        return sum(parts.values()) - parts["variance"] + np.stack([0 * z, var(parts["variance"][1], beta) + 0 * z])

    return wrong


best_back = Answer(
    _back,
    {
        "1 - alpha_{t-1} is the variance of z_{t-1} if x is known: here it is c": (
            lambda z, beta, before, m, lam: sum(_back(z, beta, before, m, lam, c=1 - before).values())
        ),
        "this c is that of z_t: the one of z_{t-1} was asked for": (
            lambda z, beta, before, m, lam: sum(
                _back(z, beta, before, m, lam, c=(1 - beta) * before * lam + 1 - (1 - beta) * before).values()
            )
        ),
        "in c the noise is missing: c = alpha_{t-1} lam + 1 - alpha_{t-1}": (
            lambda z, beta, before, m, lam: sum(_back(z, beta, before, m, lam, c=before * lam).values())
        ),
        "lam stands where c = alpha_{t-1} lam + 1 - alpha_{t-1} belongs": (
            lambda z, beta, before, m, lam: sum(_back(z, beta, before, m, lam, c=lam).values())
        ),
        "the mean of z_{t-1} is sqrt(alpha_{t-1}) m: the root is missing": (
            lambda z, beta, before, m, lam: sum(_back(z, beta, before, m, lam, root=lambda a: a).values())
        ),
        "the mean of z_{t-1} is sqrt(alpha_{t-1}) m: here m is not shrunk": (
            lambda z, beta, before, m, lam: sum(_back(z, beta, before, m, lam, root=np.ones_like).values())
        ),
        "the second is the precision: the variance is 1 over it": _other_variance(lambda var, beta: 1 / var),
        "the second is the standard deviation: the variance was asked for": (
            _other_variance(lambda var, beta: np.sqrt(var))
        ),
        "the variance is beta: that is right for data of variance 1 only, and then with another mean": (
            _other_variance(lambda var, beta: beta)
        ),
    },
)


def _snr(alpha):
    return alpha / (1 - alpha)


def _pair(on_x, on_eps):
    return lambda before, alpha: np.stack([on_x(before, alpha), on_eps(before, alpha)])


def _on_x(before, alpha):
    return 0.5 * (_snr(before) - _snr(alpha))


def _on_eps(before, alpha):
    return _on_x(before, alpha) / _snr(alpha)


weights = Answer(
    _pair(_on_x, _on_eps),
    {
        "for the noise, SNR_t multiplies: an error in the noise is SNR_t times that in x, so it divides": (
            _pair(_on_x, lambda before, alpha: _on_x(before, alpha) * _snr(alpha))
        ),
        "for the noise, SNR_{t-1} divides: the noise is that in z_t": (
            _pair(_on_x, lambda before, alpha: _on_x(before, alpha) / _snr(before))
        ),
        "for the noise, the square root of SNR_t divides: the errors are squared": (
            _pair(_on_x, lambda before, alpha: _on_x(before, alpha) / np.sqrt(_snr(alpha)))
        ),
        "for the noise this is 1/2: the simple loss, which is not the bound": (
            _pair(_on_x, lambda before, alpha: 0.5 + 0 * alpha)
        ),
        "both are the same: an error in the noise is not one in x": _pair(_on_x, _on_x),
        "this is the difference of the alphas: of the SNRs it was asked for": _pair(
            lambda before, alpha: 0.5 * (before - alpha), lambda before, alpha: 0.5 * (before - alpha) / _snr(alpha)
        ),
    },
)


def _batch(terms, prior, T, N, on_terms=None, on_prior=None):
    B = len(terms)
    on_terms = T * N / B if on_terms is None else on_terms
    on_prior = N / B if on_prior is None else on_prior
    return {"sum of the drawn terms": on_terms * np.sum(terms), "prior term": -on_prior * np.sum(prior)}


def _scaled(on_terms, on_prior):
    def wrong(terms, prior, T, N):
        return sum(_batch(terms, prior, T, N, on_terms(T, N, len(terms)), on_prior(T, N, len(terms))).values())

    return wrong


batch_estimate = Answer(
    _batch,
    {
        "the factor T is missing: one of T terms was drawn": _scaled(lambda T, N, B: N / B, lambda T, N, B: N / B),
        "the factor N / B is missing: B of N examples were drawn": _scaled(lambda T, N, B: T, lambda T, N, B: 1),
        "both factors are missing": _scaled(lambda T, N, B: 1, lambda T, N, B: 1),
        "T - 1 in place of T: t = 1 is among what is drawn": (
            _scaled(lambda T, N, B: (T - 1) * N / B, lambda T, N, B: N / B)
        ),
        "the prior term is multiplied by T: it is there for every row, not drawn": (
            _scaled(lambda T, N, B: T * N / B, lambda T, N, B: T * N / B)
        ),
        "this is the mean over the batch: the sum over all N examples was asked for": (
            _scaled(lambda T, N, B: T / B, lambda T, N, B: 1 / B)
        ),
        "divided by T: one of T terms was drawn, so it stands for T": (
            _scaled(lambda T, N, B: N / B / T, lambda T, N, B: N / B)
        ),
    },
)


def _log_density(x, mean, var):
    return -0.5 * np.sum((x - mean) ** 2 / var + np.log(var) + LN_2PI, axis=-1)


def _whole(x, eps, schedule, model, log_density=_log_density):
    last = schedule.alpha_bar[-1]
    prior = 0.5 * np.sum(last * x**2 - last - np.log1p(-last), axis=-1)
    steps = sum(_term(x, t, eps, schedule, model) for t in range(2, schedule.T + 1))
    decoder = log_density(x, *model(_noisy(schedule, x, 1, eps), 1))
    return {"decoder term": decoder, "sum of the KLs": -steps, "prior term": -prior}


def _first_as_kl(x, eps, schedule, model):
    """The KL at t = 1 with the variance of t = 2 in place of 0."""
    return _kl_sum(x, schedule.posterior_var[2], *model(_noisy(schedule, x, 1, eps), 1))


def _planted(x, eps, schedule, model):
    parts = _whole(x, eps, schedule, model)
    return sum(parts.values()) - parts["decoder term"] - _first_as_kl(x, eps, schedule, model)


whole_bound = Answer(
    _whole,
    {
        "the sum of the KLs starts at t = 3: t = 2 is the first": (
            lambda x, eps, *args: sum(_whole(x, eps, *args).values()) + _term(x, 2, eps, *args)
        ),
        "this is the planted one: at t = 1 there is still a KL": _planted,
        "the KL at t = 1 is there beside the decoder term, which takes its place": (
            lambda *args: sum(_whole(*args).values()) - _first_as_kl(*args)
        ),
        "the decoder term lacks -D/2 log(2 pi)": (
            lambda x, *args: sum(_whole(x, *args).values()) + 0.5 * x.shape[-1] * LN_2PI
        ),
        "in the decoder term the variance stands where its logarithm belongs": (
            lambda *args: sum(_whole(*args, log_density=lambda x, mean, var: _log_density(
                x, mean, np.exp(var * np.ones_like(x)))).values())
        ),
    },
)
