"""Wrong answers to lesson 10: each is rejected, and the report holds these words."""

import numpy as np
from scipy.special import logsumexp


def log(value):
    """The logarithm as it is, minus infinity of 0 included."""
    with np.errstate(divide="ignore"):
        return np.log(value)


def one_hot(labels, classes):
    return np.eye(classes)[labels]


def kl(m0, v0, m1, v1):
    return 0.5 * ((v0 + (m0 - m1) ** 2) / v1 - 1 - np.log(v0 / v1))


def bound(x, labels, mean, logvar, w, s2, shift, prior_mean, prior_logvar, *, price=kl, noise=1.0, constant=1.0):
    var = np.exp(logvar)
    off = x - w * mean - shift[labels]
    first = -0.5 * (constant * np.log(2 * np.pi * s2) + (off**2 + noise * w**2 * var) / s2)
    return first - price(mean, var, prior_mean[labels], np.exp(prior_logvar[labels]))


def groups(log_weight, K):
    return log_weight.reshape(-1, K, log_weight.shape[1])


def second(d, q, v, power=2, half=1.0):
    return q / np.sqrt(v * (2 * q - v)) * np.exp(half * d**power / (2 * q - v))


def limited(value):
    """The same, infinite where q is too narrow."""
    def answer(d, q, v):
        with np.errstate(all="ignore"):
            return np.where(2 * q > v, value(d, q, v), np.inf)

    return answer


WRONG = {
    "beside": [
        ("the label stands there as one number", lambda x, labels, classes: np.column_stack([x, labels])),
        ("the label comes first", lambda x, labels, classes: np.column_stack([one_hot(labels, classes), x])),
        ("the 1 is one place too far", lambda x, labels, classes: np.column_stack(
            [x, one_hot((labels + 1) % classes, classes)])),
        ("zeros and ones have changed places", lambda x, labels, classes: np.column_stack(
            [x, 1 - one_hot(labels, classes)])),
        ("for each label that occurs", lambda x, labels, classes: np.column_stack(
            [x, labels[:, None] == np.unique(labels)])),
        ("x itself is missing", lambda x, labels, classes: one_hot(labels, classes)),
        ("row i needs labels[i]", lambda x, labels, classes: np.column_stack(
            [x, np.tile(one_hot(labels, classes)[0], (len(x), 1))])),
    ],
    "conditional_bound": [
        ("still the one to N(0, 1)", lambda *a: bound(*a, price=lambda m0, v0, m1, v1: kl(m0, v0, 0.0, 1.0))),
        ("prior and q have changed places", lambda *a: bound(
            *a, price=lambda m0, v0, m1, v1: kl(m1, v1, m0, v0))),
        ("only the prior's mean is used", lambda *a: bound(*a, price=lambda m0, v0, m1, v1: kl(m0, v0, m1, 1.0))),
        ("only the prior's variance is used", lambda *a: bound(
            *a, price=lambda m0, v0, m1, v1: kl(m0, v0, 0.0, v1))),
        ("the difference of the means is not squared", lambda *a: bound(
            *a, price=lambda m0, v0, m1, v1: kl(m0, v0, m0, v1) + 0.5 * (m0 - m1) / v1)),
        ("log(v0 / v1) has the wrong sign", lambda *a: bound(
            *a, price=lambda m0, v0, m1, v1: kl(m0, v0, m1, v1) + np.log(v0 / v1))),
        ("the decoder's shift is left out", lambda x, labels, mean, logvar, w, s2, shift, *prior: bound(
            x, labels, mean, logvar, w, s2, 0 * shift, *prior)),
        ("w^2 times the variance of z is missing", lambda *a: bound(*a, noise=0.0)),
        ("use labels to pick", lambda x, labels, *a: bound(x, 0 * labels, *a)),
        ("all the numbers are off by the same", lambda *a: bound(*a, constant=0.0)),
        ("the divergence is missing", lambda *a: bound(*a, price=lambda *_: 0.0)),
        ("the divergence has the wrong sign", lambda *a: bound(*a, price=lambda *b: -kl(*b))),
        ("logvar was taken for", lambda x, labels, mean, logvar, *a: bound(x, labels, mean, 2 * logvar, *a)),
    ],
    "without_label": [
        ("this is the mean of the logarithms", lambda bounds, frequencies: bounds @ frequencies),
        ("the frequencies are left out", lambda bounds, frequencies: logsumexp(bounds, axis=1)),
        ("all classes count alike", lambda bounds, frequencies: logsumexp(bounds, axis=1) - np.log(5)),
        ("take their logarithm inside", lambda bounds, frequencies: logsumexp(bounds + frequencies, axis=1)),
        ("this is the largest only", lambda bounds, frequencies: np.max(bounds + np.log(frequencies), axis=1)),
        ("this is the probability", lambda bounds, frequencies: np.exp(bounds) @ frequencies),
        ("not finite", lambda bounds, frequencies: log(np.exp(bounds) @ frequencies)),
    ],
    "iwae": [
        ("this is the mean of the logarithms, L_1", lambda log_weight, K: log_weight.mean(0)),
        ("that is L_S, not L_K", lambda log_weight, K: logsumexp(log_weight, axis=0) - np.log(len(log_weight))),
        ("log K is missing", lambda log_weight, K: logsumexp(groups(log_weight, K), axis=1).mean(0)),
        ("log S is taken off", lambda log_weight, K: logsumexp(groups(log_weight, K), axis=1).mean(0)
         - np.log(len(log_weight))),
        ("only the first K draws", lambda log_weight, K: logsumexp(log_weight[:K], axis=0) - np.log(K)),
        ("average over them", lambda log_weight, K: (logsumexp(groups(log_weight, K), axis=1) - np.log(K)).sum(0)),
        ("the largest weight of each group", lambda log_weight, K: groups(log_weight, K).max(1).mean(0)),
        ("one number for each was asked for", lambda log_weight, K: (
            logsumexp(groups(log_weight, K), axis=1) - np.log(K)).mean()),
        ("the groups are others", lambda log_weight, K: (
            logsumexp(log_weight.reshape(K, -1, log_weight.shape[1]), axis=0) - np.log(K)).mean(0)),
        ("not how many groups there are", lambda log_weight, K: (
            logsumexp(groups(log_weight, 12 // K), axis=1) - np.log(12 // K)).mean(0)),
        ("not finite", lambda log_weight, K: log(np.exp(groups(log_weight, K)).mean(1)).mean(0)),
    ],
    "weight_variance": [
        ("this is the second moment", limited(second)),
        ("the distance d of the means is left out", limited(lambda d, q, v: second(0 * d, q, v) - 1)),
        ("in the exponent d is squared", limited(lambda d, q, v: second(d, q, v, power=1) - 1)),
        ("there is no 1/2 any more", limited(lambda d, q, v: second(d, q, v, half=0.5) - 1)),
        ("the exponent has the wrong sign", limited(lambda d, q, v: second(d, q, v, half=-1.0) - 1)),
        ("posterior and q have changed places", limited(lambda d, q, v: second(d, v, q) - 1)),
        ("this is the standard deviation", limited(lambda d, q, v: np.sqrt(second(d, q, v) - 1))),
        ("expected inf", lambda d, q, v: second(d, q, v) - 1),
    ],
    "repaired_score": [
        ("the densities of different images are averaged", lambda log_weight: (
            logsumexp(log_weight) - np.log(log_weight.size))),
        ("the bound with one draw", lambda log_weight: log_weight.mean()),
        ("the axes have changed places", lambda log_weight: (logsumexp(log_weight, axis=1) - np.log(5)).mean()),
        ("in place of the number of draws", lambda log_weight: (logsumexp(log_weight, axis=0) - np.log(5)).mean()),
        ("log K is missing", lambda log_weight: logsumexp(log_weight, axis=0).mean()),
        ("the sum over the images", lambda log_weight: (logsumexp(log_weight, axis=0) - np.log(7)).sum()),
        ("one number for each image", lambda log_weight: logsumexp(log_weight, axis=0) - np.log(7)),
        ("not finite", lambda log_weight: log(np.exp(log_weight).mean(0)).mean()),
    ],
}
