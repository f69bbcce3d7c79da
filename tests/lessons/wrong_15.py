"""Wrong answers to lesson 15: each is rejected, and the report holds these words."""

import numpy as np


def slope(alpha):
    return 2 * np.sqrt(alpha) / (0.49 * alpha + 1 - alpha)


def surely(z, alpha):
    """Pr(c = +1 | z)."""
    return 1 / (1 + np.exp(-slope(alpha) * z))


def normalised(logs, step):
    density = np.exp(logs - logs.max())
    return density / (density.sum() * step)


def underflowing(log_marginal, log_class, w, step):
    density = np.exp(log_marginal + (1 + w) * log_class)
    with np.errstate(invalid="ignore"):
        return density / (density.sum() * step)


def each_class(x, labels):
    return [x[labels == c] for c in np.unique(labels)]


WRONG = {
    "dropped": [
        ("hide where u < p", lambda labels, u, p: np.where(u < p, labels, -1)),
        ("hide where u < p", lambda labels, u, p: np.where(u > p, -1, labels)),
        ("hidden with probability 1 - p", lambda labels, u, p: np.where(u < 1 - p, -1, labels)),
        ("each row has its own", lambda labels, u, p: np.full_like(labels, -1) if u[0] < p else labels),
        ("which is a class", lambda labels, u, p: labels * (u >= p)),
        ("nothing is hidden", lambda labels, u, p: labels),
        ("all labels are hidden", lambda labels, u, p: np.full_like(labels, -1)),
        ("the hidden rows are missing", lambda labels, u, p: labels[u >= p]),
    ],
    "classifier_gradient": [
        ("the gradient of Pr itself", lambda z, alpha: slope(alpha) * surely(z, alpha) * (1 - surely(z, alpha))),
        ("the weaker its pull", lambda z, alpha: slope(alpha) * surely(z, alpha)),
        ("the factor 1 - Pr(c|z) is missing", lambda z, alpha: slope(alpha) + 0 * z),
        ("this classifier was made for clean data", lambda z, alpha: (
            2 * np.sqrt(alpha) / 0.49 / (1 + np.exp(2 * np.sqrt(alpha) * z / 0.49)))),
        ("the centres move", lambda z, alpha: slope(1.0) * (1 - surely(z, 1.0))),
        ("the factor 2 is missing", lambda z, alpha: slope(alpha) / 2 / (1 + np.exp(slope(alpha) / 2 * z))),
        ("the root is missing", lambda z, alpha: (
            np.sqrt(alpha) * slope(alpha) / (1 + np.exp(np.sqrt(alpha) * slope(alpha) * z)))),
        ("take off the score without one", lambda z, alpha: -(z - np.sqrt(alpha)) / (0.49 * alpha + 1 - alpha)),
        ("for the other class", lambda z, alpha: -slope(alpha) * surely(z, alpha)),
        ("the sign is wrong", lambda z, alpha: -slope(alpha) * (1 - surely(z, alpha))),
    ],
    "guided": [
        ("counts from another zero", lambda with_label, without, w: without + w * (with_label - without)),
        ("have changed places", lambda with_label, without, w: (1 + w) * without - w * with_label),
        ("away from it is asked for", lambda with_label, without, w: with_label - w * (with_label - without)),
        ("sum to 1 + 2w", lambda with_label, without, w: (1 + w) * with_label + w * without),
        ("sum to 0", lambda with_label, without, w: w * (with_label - without)),
        ("sum to 1 + w", lambda with_label, without, w: (1 + w) * with_label),
        ("times what it should be", lambda with_label, without, w: with_label + w * without),
        ("sum to w", lambda with_label, without, w: (1 + w) * with_label - without),
    ],
    "tilted": [
        ("Pr(c|x) has the exponent 1 + w", lambda p, c, w, step: normalised(p + w * c, step)),
        ("this is w = 0", lambda p, c, w, step: normalised(p + c, step)),
        ("the density without a label is missing", lambda p, c, w, step: normalised((1 + w) * c, step)),
        ("divide by its integral", lambda p, c, w, step: np.exp(p + (1 + w) * c)),
        ("the sum times step", lambda p, c, w, step: normalised(p + (1 + w) * c, 1.0)),
        ("only Pr(c|x) has it", lambda p, c, w, step: normalised((1 + w) * (p + c), step)),
        ("it is not 1 + w times", lambda p, c, w, step: normalised(p + np.log((1 + w) * np.exp(c)), step)),
        ("this is the logarithm", lambda p, c, w, step: np.log(normalised(p + (1 + w) * c, step))),
        ("its largest value is 1", lambda p, c, w, step: np.exp(p + (1 + w) * c - np.max(p + (1 + w) * c))),
        ("not finite", underflowing),
    ],
    "within_variance": [
        ("by n - 1", lambda x, labels: np.mean([r.var(axis=0).sum() for r in each_class(x, labels)])),
        ("take each class's own mean", lambda x, labels: np.mean(
            [np.sum((r - x.mean(axis=0)) ** 2) / (len(r) - 1) for r in each_class(x, labels)])),
        ("the variance of all rows together", lambda x, labels: x.var(axis=0, ddof=1).sum()),
        ("the squared distance is a sum over them", lambda x, labels: np.mean(
            [r.var(axis=0, ddof=1).mean() for r in each_class(x, labels)])),
        ("a sum, and n - 1", lambda x, labels: np.mean([r.var(axis=0) for r in each_class(x, labels)])),
        ("their mean was asked for", lambda x, labels: np.sum(
            [r.var(axis=0, ddof=1).sum() for r in each_class(x, labels)])),
        ("each dimension has its own mean", lambda x, labels: np.mean(
            [np.sum((r - r.mean()) ** 2) / (len(r) - 1) for r in each_class(x, labels)])),
        ("variables in rows", lambda x, labels: np.mean([np.trace(np.cov(r)) for r in each_class(x, labels)])),
        ("weighted by their sizes", lambda x, labels: sum(
            np.sum((r - r.mean(axis=0)) ** 2) for r in each_class(x, labels)) / (len(x) - 3)),
    ],
    "repaired_one_hot": [
        ("this is the planted one", lambda labels, classes: np.eye(classes)[labels]),
        ("should be the last", lambda labels, classes: np.eye(classes + 1)[labels + 1]),
        ("a row of zeros", lambda labels, classes: np.where(
            labels[:, None] < 0, 0.0, np.eye(classes + 1)[labels])),
        ("every class at once", lambda labels, classes: np.where(
            labels[:, None] < 0, np.array([1.0] * classes + [0.0]), np.eye(classes + 1)[labels])),
        ("expected an array of shape", lambda labels, classes: np.eye(classes)[labels[labels >= 0]]),
    ],
}
