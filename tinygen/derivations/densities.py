"""What every derivation starts from: the normal density, entry by entry.

It is written out again here: the derivations judge gaussian.py and the oracles, and so share no code with them.
"""

import numpy as np

from tinygen.check.registry import claim
from tinygen.check.report import FAIL, PASS, Entry
from tinygen.measure.numeric import derivative
from tinygen.measure.rounding import integrate


def log_normal(x, mean, var):
    """log N(x; mean, var), entry by entry: -1/2 [ln 2 pi var + (x - mean)^2 / var], nats. Nothing is summed."""
    return -0.5 * (np.log(2 * np.pi * var) + (x - mean) ** 2 / var)


def normal(x, mean, var):
    """N(x; mean, var), entry by entry."""
    return np.exp(log_normal(x, mean, var))


def kl_normal(m0, v0, m1, v1):
    """KL(N(m0, v0) || N(m1, v1)), entry by entry: 1/2 [ln(v1/v0) + (v0 + (m0 - m1)^2)/v1 - 1], nats.

    Derived in kl/gaussian; v0 and v1 are variances.
    """
    return 0.5 * (np.log(v1 / v0) + (v0 + (m0 - m1) ** 2) / v1 - 1)


def expectation(f, mean, var, *, points=97):
    """E f(x) under N(mean, var), by quadrature."""
    return integrate(lambda x: normal(x, mean, var) * f(x), mean, np.sqrt(var), points=points)


def slopes(f, *at):
    """The derivatives of f by all its arguments, from its values alone: a pair (values, bars), as a line returns it."""
    return derivative(lambda x: float(f(*x)), np.array(at))


def slope(f, at):
    """The derivative of f at one number, from its values alone: (value, bar)."""
    value, bar = slopes(f, at)
    return value[0], bar[0]


def register(*derivations):
    """Enter the derivations into the registry of claims, under their own names."""
    for derivation in derivations:
        claim(derivation.name, kind="derivation", source=derivation.source)(derivation.check)


def entry(where, got, expected, bar):
    """The worst of an array's numbers against what they should be, as one comparison of a Report."""
    got, expected = np.broadcast_arrays(np.asarray(got, np.float64), expected)
    i = np.unravel_index(np.argmax(np.abs(got - expected)), got.shape)
    verdict = PASS if abs(got[i] - expected[i]) <= bar else FAIL
    return Entry(where, verdict, float(got[i]), float(expected[i]), float(bar))
