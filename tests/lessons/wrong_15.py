"""Wrong answers to lesson 15: each is rejected, and the report holds these words."""

import numpy as np


def slope(alpha):
    return 2 * np.sqrt(alpha) / (0.49 * alpha + 1 - alpha)


def surely(z, alpha):
    """Pr(c = +1 | z)."""
    return 1 / (1 + np.exp(-slope(alpha) * z))


def underflowing(log_marginal, log_class, w, step):
    density = np.exp(log_marginal + (1 + w) * log_class)
    with np.errstate(invalid="ignore"):
        return density / (density.sum() * step)


WRONG = {
    "classifier_gradient": [
        ("the result has the wrong sign", lambda z, alpha: -slope(alpha) * (1 - surely(z, alpha))),
    ],
    "guided": [
        ("counts", lambda with_label, without, w: with_label + w * without),
    ],
    "tilted": [
        ("not finite", underflowing),
    ],
    "repaired_one_hot": [
        ("expected an array of shape", lambda labels, classes: np.eye(classes)[labels[labels >= 0]]),
    ],
}
