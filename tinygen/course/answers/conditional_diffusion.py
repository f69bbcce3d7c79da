"""The answers about labels and guidance (lesson 15)."""

import numpy as np
from scipy.integrate import simpson

from tinygen.course.answers.base import Answer

LAM = 0.49  # the variance of both classes of the lesson's line

dropped = Answer(
    lambda labels, u, p: np.where(u < p, -1, labels),
    {
        "hidden and kept have changed places: hide where u < p": lambda labels, u, p: np.where(u < p, labels, -1),
        "one number decides for the whole batch: each row has its own": (
            lambda labels, u, p: np.full_like(labels, -1) if u[0] < p else labels
        ),
        "hidden labels became 0, which is a class: hidden is -1": lambda labels, u, p: np.where(u < p, 0, labels),
        "hidden with probability 1 - p: hide where u < p": lambda labels, u, p: np.where(u < 1 - p, -1, labels),
        "nothing is hidden": lambda labels, u, p: labels,
        "all labels are hidden": lambda labels, u, p: np.full_like(labels, -1),
        "the hidden rows are missing: they are to be kept, with the label -1": lambda labels, u, p: labels[u >= p],
    },
)


def _slope(z, alpha, rest=lambda p: 1 - p):
    slope = 2 * np.sqrt(alpha) / (alpha * LAM + 1 - alpha)
    return slope * rest(1 / (1 + np.exp(-slope * z)))


classifier_gradient = Answer(
    _slope,
    {
        "this is the gradient of Pr itself: of its logarithm, the factor Pr is gone": (
            lambda z, alpha: _slope(z, alpha, rest=lambda p: p * (1 - p))
        ),
        "the factor is 1 - Pr: the surer the classifier, the weaker its pull": (
            lambda z, alpha: _slope(z, alpha, rest=lambda p: p)
        ),
        "the factor 1 - Pr(c|z) is missing": lambda z, alpha: _slope(z, alpha, rest=np.ones_like),
        "this classifier was made for clean data: the variance at t is alpha .49 + 1 - alpha": (
            lambda z, alpha: 2 * np.sqrt(alpha) / LAM / (1 + np.exp(2 * np.sqrt(alpha) * z / LAM))
        ),
        "this is the classifier of clean data: the centres move to +-sqrt(alpha), and the variance changes": (
            lambda z, alpha: _slope(z, 1.0)
        ),
        "the log odds are 2 sqrt(alpha) z / s^2: the factor 2 is missing": (
            lambda z, alpha: np.sqrt(alpha) / (alpha * LAM + 1 - alpha)
            / (1 + np.exp(np.sqrt(alpha) * z / (alpha * LAM + 1 - alpha)))
        ),
        "the centres are at +-sqrt(alpha): the root is missing": (
            lambda z, alpha: 2 * alpha / (alpha * LAM + 1 - alpha)
            / (1 + np.exp(2 * alpha * z / (alpha * LAM + 1 - alpha)))
        ),
        "this is the score given the label: take off the score without one": (
            lambda z, alpha: -(z - np.sqrt(alpha)) / (alpha * LAM + 1 - alpha)
        ),
        "this is the slope for the other class": lambda z, alpha: -_slope(-z, alpha),
    },
)

guided = Answer(
    lambda with_label, without, w: {"part with the label": (1 + w) * with_label, "part without": -w * without},
    {
        "this w counts from another zero: at w = 0 nothing of the label is left; here it is 1 + w": (
            lambda with_label, without, w: w * with_label + (1 - w) * without
        ),
        "with and without have changed places": lambda with_label, without, w: (1 + w) * without - w * with_label,
        "this goes from the label towards no label: away from it is asked for": (
            lambda with_label, without, w: (1 - w) * with_label + w * without
        ),
        "the factors sum to 1 + 2w: they have to sum to 1, so w times the guess without is taken off": (
            lambda with_label, without, w: (1 + w) * with_label + w * without
        ),
        "the factors sum to 0: it is 1 + w times the guess with the label": (
            lambda with_label, without, w: w * (with_label - without)
        ),
        "the factors sum to 1 + w: w times the guess without has to be taken off": (
            lambda with_label, without, w: (1 + w) * with_label
        ),
        "the factors sum to w: w times the guess without is taken off, not once": (
            lambda with_label, without, w: (1 + w) * with_label - without
        ),
    },
)


def _tilted(log_marginal, log_class, w, step, times=lambda w: 1 + w, divide=True, cell=True):
    logs = log_marginal + times(w) * log_class
    density = np.exp(logs - (logs.max() if divide else 0))
    return density / (density.sum() * (step if cell else 1)) if divide else density


tilted = Answer(
    _tilted,
    {
        "Pr(c|x) has the exponent 1 + w": lambda *a: _tilted(*a, times=lambda w: w),
        "Pr(c|x) has no exponent: this is w = 0": lambda *a: _tilted(*a, times=lambda w: 1),
        "the density without a label is missing": lambda log_marginal, *a: _tilted(0 * log_marginal, *a),
        "it is not normalised: divide by its integral": lambda *a: _tilted(*a, divide=False),
        "its sum is 1: its integral, the sum times step, has to be 1": lambda *a: _tilted(*a, cell=False),
        "both densities have the exponent 1 + w: only Pr(c|x) has it": (
            lambda log_marginal, log_class, w, step: _tilted((1 + w) * log_marginal, log_class, w, step)
        ),
        "Pr(c|x)^(1+w) is a power: it is not 1 + w times": lambda log_marginal, log_class, w, step: _tilted(
            log_marginal, log_class + np.log(1 + w), 0.0, step
        ),
        "this is the logarithm of the density": lambda *a: np.log(_tilted(*a)),
        "its largest value is 1: its integral has to be": lambda *a: _tilted(*a) / _tilted(*a).max(),
    },
    {
        "by the trapezoid rule": lambda *a: _tilted(*a) / np.trapezoid(_tilted(*a), dx=a[3]),
        "by Simpson's rule": lambda *a: _tilted(*a) / simpson(_tilted(*a), dx=a[3]),
    },
)


def _within(x, labels, less=1, total=np.sum, centre=lambda rows: rows.mean(axis=0)):
    values = []
    for c in np.unique(labels):
        rows = x[labels == c]
        values.append(total((rows - centre(rows)) ** 2) / (len(rows) - less))
    return np.mean(values)


within_variance = Answer(
    _within,
    {
        "divided by n: by n - 1, since the mean was estimated from the same rows": lambda *a: _within(*a, less=0),
        "this is the variance around the mean of all rows: take each class's own mean": (
            lambda x, labels: _within(x, labels, centre=lambda rows: x.mean(axis=0))
        ),
        "this is the variance of all rows together: take each class by itself": (
            lambda x, labels: np.sum(x.var(axis=0, ddof=1))
        ),
        "averaged over the dimensions: the squared distance is a sum over them": (
            lambda x, labels: _within(x, labels) / x.shape[1]
        ),
        "averaged over the dimensions, and divided by n: a sum, and n - 1": (
            lambda x, labels: _within(x, labels, less=0) / x.shape[1]
        ),
        "np.cov and its like want the variables in rows: here the rows are examples": lambda x, labels: np.mean(
            [np.trace(np.cov(x[labels == c])) for c in np.unique(labels)]
        ),
        "summed over the classes: their mean was asked for": (
            lambda x, labels: _within(x, labels) * len(np.unique(labels))
        ),
        "each number is compared with the mean of all numbers of its class: each dimension has its own mean": (
            lambda x, labels: _within(x, labels, centre=np.mean)
        ),
        "the classes are weighted by their sizes: each counts once": lambda x, labels: sum(
            np.sum((x[labels == c] - x[labels == c].mean(axis=0)) ** 2) for c in np.unique(labels)
        ) / (len(x) - len(np.unique(labels))),
    },
)

one_hot = Answer(
    lambda labels, classes: np.eye(classes + 1)[labels],
    {
        "this is the planted one: -1 counts from the end, and there is the last class": (
            lambda labels, classes: np.eye(classes)[labels]
        ),
        "the unknown has the first column: it should be the last, and class k column k": (
            lambda labels, classes: np.eye(classes + 1)[labels + 1]
        ),
        "the unknown is a row of zeros: it should have a column of its own, the last": (
            lambda labels, classes: np.eye(classes + 1)[labels] * (np.arange(classes + 1) < classes)
        ),
        "the unknown is marked as every class at once: it should have a column of its own, the last": (
            lambda labels, classes: np.where(
                labels[:, None] < 0, np.arange(classes + 1) < classes, np.eye(classes + 1)[labels])
        ),
    },
)
