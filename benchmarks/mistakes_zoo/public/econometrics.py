"""Probit, Tobit, negative binomial counts, and a pharmacokinetic model."""

import numpy as np
from scipy.special import digamma, gammaln, log_ndtr, ndtr

from ..base import public

R = np.random.default_rng(7015)
D = 4
X = R.normal(size=(12, D))
Q = 2.0 * R.integers(0, 2, 12) - 1
YT = np.maximum(0, 0.5 * X @ R.normal(size=D) + 0.5 * R.normal(size=12))
CENSORED = YT <= 0
COUNTS = R.poisson(2.0, 12).astype(float)
TIMES = np.array([0.25, 0.5, 1, 2, 4, 8, 12])
YO = np.array([1.2, 2.0, 2.8, 3.0, 2.2, 1.0, 0.5])


def phi(x):
    """Standard normal density."""
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def probit(b):
    """Negative log-likelihood; Q is 1 or -1."""
    return -np.sum(log_ndtr(Q * (X @ b)))


def probit_backward(b, slip=""):
    """-X' (Q phi(X b) / Phi(Q X b))."""
    below = X @ b if slip == "sign_inside" else Q * (X @ b)
    return {"b": -X.T @ ((1 if slip == "sign_outside" else Q) * phi(X @ b) / ndtr(below))}


public(
    probit,
    probit_backward,
    lambda rng: (0.5 * rng.normal(size=D),),
    sign_outside=(r"`Q`|factor Q", "", "statsmodels, the score of Probit"),
    sign_inside=(r"X @ b.*Q|Q.*X @ b", "", "statsmodels, the score of Probit"),
)


def tobit(b, s):
    """Negative log-likelihood of data censored at 0."""
    u = (YT - X @ b) / s
    inside = -0.5 * u * u - np.log(s) - 0.5 * np.log(2 * np.pi)
    return -np.sum(np.where(CENSORED, log_ndtr(-(X @ b) / s), inside))


def tobit_backward(b, s, slip=""):
    """The hazard where it is censored, the residual where not."""
    u = (YT - X @ b) / s
    hazard = phi(X @ b / s) / ndtr(-X @ b / s)
    over = 1 if slip == "not_over_s" else s
    db = np.where(CENSORED, 0 if slip == "uncensored_b" else -hazard / over, u / over)
    kept = 0 if slip == "no_log_s" else 1
    ds = np.where(CENSORED, 0 if slip == "uncensored_s" else hazard * (X @ b) / s**2, (u * u - kept) / s)
    return {"b": -X.T @ db, "s": -np.sum(ds)}


public(
    tobit,
    tobit_backward,
    lambda rng: (0.5 * rng.normal(size=D), 0.8),
    uncensored_b=("log_ndtr", "", "censored regression"),
    not_over_s=(r"\bs\b", "4/5|8/10", "censored regression"),
    uncensored_s=("log_ndtr", "", "censored regression"),
    no_log_s=(r"log\(s\)", "", "censored regression"),
)


def negative_binomial(b, a):
    """Negative log-likelihood of counts with dispersion a."""
    m, k = np.exp(X @ b), 1 / a
    normaliser = gammaln(COUNTS + k) - gammaln(k) - gammaln(COUNTS + 1)
    return -np.sum(normaliser + k * np.log(k / (k + m)) + COUNTS * np.log(m / (k + m)))


def negative_binomial_backward(b, a, slip=""):
    """By k = 1/a, times -1/a^2."""
    m, k = np.exp(X @ b), 1 / a
    gammas = 0 if slip == "no_digamma" else digamma(COUNTS + k) - digamma(k)
    dk = gammas + np.log(k) - np.log(k + m) - (COUNTS + k) / (m + k) + 1
    da = np.sum(dk) / a**2
    return {"b": -X.T @ ((COUNTS - m) / (1 + a * m)), "a": {"by_log": da * a, "squared": da**2}.get(slip, da)}


public(
    negative_binomial,
    negative_binomial_backward,
    lambda rng: (0.5 * rng.normal(size=D), 0.6),
    by_log=("log a", "3/5", "statsmodels issue 7522"),
    no_digamma=("gammaln|normaliser", "", "statsmodels issue 7522"),
    squared=("squared?", "", "statsmodels issue 7522"),
)


def concentration(ka, ke, v):
    """After an oral dose of 10."""
    return 10 * ka / (v * (ka - ke)) * (np.exp(-ke * TIMES) - np.exp(-ka * TIMES))


def pharmacokinetics(log_ka, log_ke, log_v, s):
    """Negative log-likelihood with an error proportional to the concentration."""
    c = concentration(np.exp(log_ka), np.exp(log_ke), np.exp(log_v))
    return np.sum(0.5 * ((YO - c) / (s * c)) ** 2 + np.log(s * c))


def pharmacokinetics_backward(log_ka, log_ke, log_v, s, slip=""):
    """By the concentration, then by the rates, then by their logarithms."""
    ka, ke, v = np.exp(log_ka), np.exp(log_ke), np.exp(log_v)
    front, one, two = 10 * ka / (v * (ka - ke)), np.exp(-ke * TIMES), np.exp(-ka * TIMES)
    c = front * (one - two)
    dka = -10 * ke / (v * (ka - ke) ** 2) * (one - two) + front * TIMES * two
    dke = 10 * ka / (v * (ka - ke) ** 2) * (one - two) - front * TIMES * one
    u = (YO - c) / (s * c)
    dc = {"no_log": -u * YO / (s * c * c), "constant_variance": -u / (s * c)}.get(slip, -u * YO / (s * c * c) + 1 / c)
    chain = (1, 1, 1) if slip == "no_chain" else (ka, ke, v)
    rates = (dc @ dka * chain[0], dc @ dke * chain[1], dc @ (-c / v) * chain[2])
    return dict(zip(("log_ka", "log_ke", "log_v", "s"), (*rates, np.sum(-u * u / s + 1 / s))))


public(
    pharmacokinetics,
    pharmacokinetics_backward,
    lambda rng: (0.3, -1.5, 0.9, 0.4),
    no_chain=(r"exp\(-?log_ka\)", "", "AMICI, rxode"),
    no_log=(r"log\(s \* c\)", "", "ferx issue 143"),
    constant_variance=(r"`s \* c`", "", "ferx issue 143"),
)
