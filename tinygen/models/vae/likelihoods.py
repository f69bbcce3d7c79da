"""The likelihoods p(x|z) of a decoder as functions of arrays, each with its gradient by hand.

All in nats, one value a row: the last axis, the pixels, is summed. `<name>_grad_<argument>` is the gradient that was
derived on paper and that models are trained with; `<name>.__wrapped__` is the bare function.

Sources: Prince, chapter 5 (Bernoulli, categorical); Salimans et al. 2017 (rounded logistic).
"""

import numpy as np

from tinygen import byhand
from tinygen.autodiff import logsumexp, softmax
from tinygen.nn.layers import sigmoid, softplus


def bernoulli_log_prob(x, logits):
    """Log probability of black and white pixels, p = sigmoid(l) that a pixel is 1.

    log p(x) = sum_d [x_d l_d - ln(1 + e^(l_d))]        d/dx = l        d/dlogits = x - sigmoid(l)

    x: (..., D), values 0 and 1, or between them (see `Bernoulli`). logits: (..., D). Returns (...,), nats.

    >>> float(bernoulli_log_prob(np.array([1.0, 0.0]), np.array([0.0, 0.0])).round(6))  # two fair coins
    -1.386294
    """
    # ln(1 + e^l) = max(l, 0) + ln(1 + e^-|l|), to a rounding of 1 a pixel: no more is seen in their sum.
    return np.sum(x * logits - np.maximum(logits, 0), axis=-1) - _sum_of_logs(1 + np.exp(-np.abs(logits)))


def _sum_of_logs(u):
    """sum_d ln(u_d), (...,), for u (..., D) between 1 and 2: a logarithm costs as much as ten products, and the log of
    a product of up to sixteen is the sum of their logs."""
    for _ in range(4):
        half, odd = divmod(u.shape[-1], 2)
        if odd:
            break
        u = u[..., :half] * u[..., half:]  # (..., D/2)
    return np.sum(np.log(u), axis=-1)


def bernoulli_log_prob_grad_x(x, logits):
    return logits


def bernoulli_log_prob_grad_logits(x, logits):
    # sigmoid(l) from the e^-|l| that the value has computed already: with d = e / (1 + e), d if l < 0 and else 1 - d.
    e = np.exp(-np.abs(logits))
    return x - np.abs((logits >= 0) - e / (1 + e))


bernoulli_log_prob = byhand.with_gradients(
    bernoulli_log_prob, bernoulli_log_prob_grad_x, bernoulli_log_prob_grad_logits
)


def categorical_log_prob(x, logits):
    """Log probability of pixels with `levels` grey values, each value with a probability of its own: softmax(l).

    log p(x) = sum_d [l_(d, x_d) - ln sum_v e^(l_dv)]        d/dlogits = onehot(x) - softmax(l); none by x

    x: (..., D), values 0, 1/(levels-1), ..., 1. logits: (..., D, levels). Returns (...,), nats.

    >>> float(categorical_log_prob(np.zeros(64), np.zeros((64, 17))).round(2))  # uniform
    -181.33
    """
    own = np.sum(_one_hot(x, logits) * logits, axis=-1)  # (..., D)
    return np.sum(own - logsumexp(logits, axis=-1), axis=-1)


def categorical_log_prob_grad_logits(x, logits):
    return _one_hot(x, logits) - softmax(logits, axis=-1)


def _one_hot(x, logits):
    levels = logits.shape[-1]
    values = np.arange(levels, dtype=logits.dtype)
    return (np.rint(x * (levels - 1))[..., None] == values).astype(logits.dtype)


def _grey(rng, levels=7):
    """Pixels on the grid of `levels` values, the two ends among them."""
    return rng.permutation(np.arange(15) % levels).reshape(3, 5) / (levels - 1)


categorical_log_prob = byhand.with_rules(
    categorical_log_prob,
    None,
    lambda g, y, x, logits: g[..., None, None] * categorical_log_prob_grad_logits(x, logits),
    example=lambda rng: dict(x=_grey(rng), logits=rng.normal(size=(3, 5, 7))),
)


def logistic_log_prob(x, mean, logscale, *, levels):
    """Log probability of grey values under a logistic density, rounded to the grid: each value owns the bin around it.

    P(v) = F((v + 1/2 - m) r) - F((v - 1/2 - m) r),  F = sigmoid,  r = e^(-logscale),  v = 0, 1, ..., levels - 1;
    the first bin reaches down to -inf and the last up to inf, so that the probabilities sum to 1. With
    a = (v + 1/2 - m) r and b = (v - 1/2 - m) r, and the terms marked (1) only if v is not the last value, (2) only if
    it is not the first, (3) only if neither:

    log P = -ln(1 + e^-a) (1)  - ln(1 + e^b) (2)  + ln(1 - e^-r) (3)

    d/dm = -r [F(-a) (1) - F(b) (2)]        d/dlogscale = -[a F(-a) (1) - b F(b) (2) + r / (e^r - 1) (3)]

    x: (..., D), values 0, 1/(levels-1), ..., 1. mean: (..., D), on the same scale (m above is mean (levels - 1)).
    logscale: (..., D), of the standard width in steps of the grid. Returns (...,), nats.

    >>> grid = np.linspace(0, 1, 17)[:, None]
    >>> float(np.exp(logistic_log_prob(grid, np.array([0.3]), np.array([1.0]), levels=17)).sum().round(12))
    1.0
    """
    a, b, r, first, last = _bins(x, mean, logscale, levels)
    inner = np.where(first, 0, np.where(last, 0, np.log(-np.expm1(-r))))
    return np.sum(inner - np.where(last, 0, softplus(-a)) - np.where(first, 0, softplus(b)), axis=-1)


def logistic_log_prob_grad_mean(x, mean, logscale, *, levels):
    a, b, r, first, last = _bins(x, mean, logscale, levels)
    return -(levels - 1) * r * (np.where(last, 0, sigmoid(-a)) - np.where(first, 0, sigmoid(b)))


def logistic_log_prob_grad_logscale(x, mean, logscale, *, levels):
    a, b, r, first, last = _bins(x, mean, logscale, levels)
    ends = np.where(last, 0, a * sigmoid(-a)) - np.where(first, 0, b * sigmoid(b))
    return -(ends + np.where(first, 0, np.where(last, 0, r / np.expm1(r))))


logistic_log_prob = byhand.with_rules(
    logistic_log_prob,
    None,
    lambda g, y, *args, levels: g[..., None] * logistic_log_prob_grad_mean(*args, levels=levels),
    lambda g, y, *args, levels: g[..., None] * logistic_log_prob_grad_logscale(*args, levels=levels),
    example=lambda rng: dict(
        x=_grey(rng), mean=rng.uniform(size=(3, 5)), logscale=0.5 * rng.normal(size=(3, 5)), levels=7
    ),
)


def _bins(x, mean, logscale, levels):
    v, r = np.rint(x * (levels - 1)), np.exp(-logscale)
    centre = v - mean * (levels - 1)
    return (centre + 0.5) * r, (centre - 0.5) * r, r, v == 0, v == levels - 1
