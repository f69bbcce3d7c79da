"""The answers about labels and about bounds with more draws (lesson 10)."""

from itertools import combinations

import numpy as np

from tinygen.autodiff import logsumexp
from tinygen.course.answers.base import Answer


def _one_hot(labels, classes):
    return (labels[:, None] == np.arange(classes)).astype(float)


beside = Answer(
    lambda x, labels, classes: np.concatenate([x, _one_hot(labels, classes)], axis=1),
    {
        "the label stands there as one number: that says that 8 is twice as much as 4": (
            lambda x, labels, classes: np.concatenate([x, labels[:, None]], axis=1)
        ),
        "the label comes first: it was to stand after x": (
            lambda x, labels, classes: np.concatenate([_one_hot(labels, classes), x], axis=1)
        ),
        "the classes count from 0: the 1 is one place too far": (
            lambda x, labels, classes: np.concatenate([x, np.roll(_one_hot(labels, classes), 1, axis=1)], axis=1)
        ),
        "zeros and ones have changed places": (
            lambda x, labels, classes: np.concatenate([x, 1 - _one_hot(labels, classes)], axis=1)
        ),
        "there is a column for each label that occurs: there has to be one for each class": (
            lambda x, labels, classes: np.concatenate([x, labels[:, None] == np.unique(labels)], axis=1)
        ),
        "x itself is missing": lambda x, labels, classes: _one_hot(labels, classes),
        "only the labels of the first rows are used: row i needs labels[i]": (
            lambda x, labels, classes: np.concatenate([x, np.repeat(_one_hot(labels, classes)[:1], len(x), 0)], axis=1)
        ),
    },
)


def _conditional_bound(x, labels, mean, logvar, w, s2, shift, prior_mean, prior_logvar, *, pick=None, noise=1.0):
    """The bound of the linear model with a label, in parts; `pick` chooses the entries of shift and prior."""
    pick = (lambda of_class: of_class[labels]) if pick is None else pick
    var, a, l = np.exp(logvar), pick(prior_mean), pick(prior_logvar)
    return {
        "first term": -0.5 * np.log(2 * np.pi * s2)
        - ((x - w * mean - pick(shift)) ** 2 + noise * w**2 * var) / (2 * s2),
        "divergence": -0.5 * ((var + (mean - a) ** 2) / np.exp(l) - 1 - (logvar - l)),
    }


def _with(change):
    """The bound of the linear model, with other arguments."""
    return lambda *args: sum(_conditional_bound(*change(*args)).values())


def _divergence_instead(divergence):
    """The bound with another divergence: a function of (mean, var, mean of the prior, its variance)."""

    def wrong(x, labels, mean, logvar, w, s2, shift, prior_mean, prior_logvar):
        first = _conditional_bound(x, labels, mean, logvar, w, s2, shift, prior_mean, prior_logvar)["first term"]
        return first - divergence(mean, np.exp(logvar), prior_mean[labels], np.exp(prior_logvar[labels]))

    return wrong


def _kl(m0, v0, m1, v1):
    return 0.5 * ((v0 + (m0 - m1) ** 2) / v1 - 1 - np.log(v0 / v1))


conditional_bound = Answer(
    _conditional_bound,
    {
        "the divergence is still the one to N(0, 1): the prior has a label": _divergence_instead(
            lambda m0, v0, m1, v1: _kl(m0, v0, 0.0, 1.0)
        ),
        "in the divergence prior and q have changed places": _divergence_instead(
            lambda m0, v0, m1, v1: _kl(m1, v1, m0, v0)
        ),
        "in the divergence only the prior's mean is used: it has a variance too": _divergence_instead(
            lambda m0, v0, m1, v1: _kl(m0, v0, m1, 1.0)
        ),
        "in the divergence only the prior's variance is used: it has a mean too": _divergence_instead(
            lambda m0, v0, m1, v1: _kl(m0, v0, 0.0, v1)
        ),
        "in the divergence the difference of the means is not squared": _divergence_instead(
            lambda m0, v0, m1, v1: _kl(m0, v0, m0, v1) + 0.5 * (m0 - m1) / v1
        ),
        "in the divergence, log(v0 / v1) has the wrong sign": _divergence_instead(
            lambda m0, v0, m1, v1: _kl(m0, v0, m1, v1) + np.log(v0 / v1)
        ),
        "the decoder's shift is left out: the label belongs into the decoder": _with(
            lambda x, labels, mean, logvar, w, s2, shift, a, l: (x, labels, mean, logvar, w, s2, 0 * shift, a, l)
        ),
        "in the first term, w^2 times the variance of z is missing": (
            lambda *args: sum(_conditional_bound(*args, noise=0.0).values())
        ),
        "every row gets the first class: use labels to pick": (
            lambda *args: sum(_conditional_bound(*args, pick=lambda of_class: of_class[0]).values())
        ),
        "the classes are averaged: use labels to pick": (
            lambda *args: sum(_conditional_bound(*args, pick=lambda of_class: of_class.mean()).values())
        ),
    },
)

without_label = Answer(
    lambda bounds, frequencies: logsumexp(bounds + np.log(frequencies), axis=-1),
    {
        "this is the mean of the logarithms: the densities are averaged, then comes the logarithm": (
            lambda bounds, frequencies: bounds @ frequencies
        ),
        "the frequencies are left out: every class counts as if it were certain": (
            lambda bounds, frequencies: logsumexp(bounds, axis=-1)
        ),
        "all classes count alike: use the frequencies": (
            lambda bounds, frequencies: logsumexp(bounds, axis=-1) - np.log(len(frequencies))
        ),
        "the frequencies stand outside the exponential as they are: take their logarithm inside": (
            lambda bounds, frequencies: logsumexp(bounds + frequencies, axis=-1)
        ),
        "this is the largest only: the sum over the classes is missing": (
            lambda bounds, frequencies: (bounds + np.log(frequencies)).max(-1)
        ),
        "this is the probability, not its logarithm": (
            lambda bounds, frequencies: np.exp(bounds) @ frequencies
        ),
    },
)


def _grouped(log_weight, K):
    return log_weight.reshape(len(log_weight) // K, K, *log_weight.shape[1:])


iwae = Answer(
    lambda log_weight, K: np.mean(logsumexp(_grouped(log_weight, K), axis=1) - np.log(K), axis=0),
    {
        "this is the mean of the logarithms, L_1: K of them are averaged before the logarithm": (
            lambda log_weight, K: log_weight.mean(0)
        ),
        "all draws went into one logarithm: that is L_S, not L_K": (
            lambda log_weight, K: logsumexp(log_weight, axis=0) - np.log(len(log_weight))
        ),
        "log K is missing: a sum stands in place of the mean": (
            lambda log_weight, K: np.mean(logsumexp(_grouped(log_weight, K), axis=1), axis=0)
        ),
        "log S is taken off in place of log K": (
            lambda log_weight, K: np.mean(logsumexp(_grouped(log_weight, K), axis=1), axis=0) - np.log(len(log_weight))
        ),
        "only the first K draws are used": (
            lambda log_weight, K: logsumexp(log_weight[:K], axis=0) - np.log(K)
        ),
        "the groups are summed: average over them": (
            lambda log_weight, K: np.sum(logsumexp(_grouped(log_weight, K), axis=1) - np.log(K), axis=0)
        ),
        "the largest weight of each group stands for their mean": (
            lambda log_weight, K: np.mean(_grouped(log_weight, K).max(1), axis=0)
        ),
        "the images are averaged too: one number for each was asked for": (
            lambda log_weight, K: np.mean(logsumexp(_grouped(log_weight, K), axis=1) - np.log(K))
        ),
        "K is the size of a group, not how many groups there are": (
            lambda log_weight, K: np.mean(
                logsumexp(_grouped(log_weight, len(log_weight) // K), axis=1) - np.log(len(log_weight) // K), axis=0)
        ),
    },
    {
        "by groups of rows that are S / K apart, as fair as the course's": (
            lambda log_weight, K: np.mean(
                logsumexp(log_weight.reshape(K, len(log_weight) // K, -1), axis=0) - np.log(K), axis=0)
        ),
        "by all groups of K rows, fair and of smaller variance than the course's": (
            lambda log_weight, K: np.mean(
                logsumexp(log_weight[list(combinations(range(len(log_weight)), K))], axis=1) - np.log(K), axis=0)
        ),
    },
)


def _second_moment(d, q_var, post_var, stretch=1.0):
    left = 2 * q_var - post_var
    return q_var / np.sqrt(post_var * left) * np.exp(stretch * d**2 / left)


weight_variance = Answer(
    lambda d, q_var, post_var: _second_moment(d, q_var, post_var) - 1,
    {
        "this is the second moment: take off the square of the mean, which is 1": _second_moment,
        "the distance d of the means is left out": lambda d, q_var, v: _second_moment(0 * d, q_var, v) - 1,
        "in the exponent d is squared": lambda d, q_var, v: _second_moment(np.sqrt(d), q_var, v) - 1,
        "in the exponent there is no 1/2 any more": lambda d, q_var, v: _second_moment(d, q_var, v, 0.5) - 1,
        "the exponent has the wrong sign": lambda d, q_var, v: _second_moment(d, q_var, v, -1.0) - 1,
        "posterior and q have changed places": lambda d, q_var, v: _second_moment(d, v, q_var) - 1,
        "this is the standard deviation": lambda d, q_var, v: np.sqrt(_second_moment(d, q_var, v) - 1),
    },
)

score = Answer(
    lambda log_weight: np.mean(logsumexp(log_weight, axis=0) - np.log(len(log_weight))),
    {
        "the densities of different images are averaged before the logarithm": (
            lambda log_weight: logsumexp(log_weight) - np.log(log_weight.size)
        ),
        "now the logarithm comes before every mean: this is the bound with one draw": (
            lambda log_weight: np.mean(log_weight)
        ),
        "the axes have changed places: draws are the first axis, images the second": (
            lambda log_weight: np.mean(logsumexp(log_weight, axis=1) - np.log(log_weight.shape[1]))
        ),
        "the number of images is taken off in place of the number of draws": (
            lambda log_weight: np.mean(logsumexp(log_weight, axis=0) - np.log(log_weight.shape[1]))
        ),
        "log K is missing: a sum stands in place of the mean": (
            lambda log_weight: np.mean(logsumexp(log_weight, axis=0))
        ),
        "this is the sum over the images: take the mean": (
            lambda log_weight: np.sum(logsumexp(log_weight, axis=0) - np.log(len(log_weight)))
        ),
        "this is one number for each image: take the mean over them": (
            lambda log_weight: logsumexp(log_weight, axis=0) - np.log(len(log_weight))
        ),
    },
)
