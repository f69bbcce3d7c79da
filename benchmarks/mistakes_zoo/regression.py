"""Regression, classification, and their likelihoods."""

import numpy as np
from scipy.special import digamma, expit, gammaln, log_softmax, softmax

from .base import derivation


def linear_regression(W, b, X, Y):
    """Mean squared error of X W + b, the mean over the batch, summed over outputs."""
    return np.sum((X @ W + b - Y) ** 2) / len(X)


def linear_regression_backward(W, b, X, Y, slip=""):
    """R = X W + b - Y; d/dW = 2 X' R / B, d/db = 2 sum R / B."""
    R = Y - X @ W - b if slip == "residual_sign" else X @ W + b - Y
    count = {"no_mean": 1, "mean_over_all": R.size}.get(slip, len(X))
    R = (1 if slip == "no_two" else 2) * R / count
    db = R.sum(0)
    return {
        "W": X.T @ (R if slip != "first_only" else R * (np.arange(len(X)) == 0)[:, None]),
        "b": {"bias_mean": R.mean(0), "bias_unsummed": R, "bias_wrong_axis": R.sum(1)}.get(slip, db),
    }


derivation(
    linear_regression,
    linear_regression_backward,
    lambda rng: (rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(7, 3)), rng.normal(size=(7, 2))),
    residual_sign=("sign", ""),
    no_mean=("factor", "7"),
    mean_over_all=("factor", "half|1/2|2"),
    no_two=("factor", "half|1/2"),
    first_only=("batch", ""),
    bias_mean=("factor", "7"),
    bias_unsummed=("batch", "sum"),
    bias_wrong_axis=("batch shape", "sum|axis"),
)


def logistic_regression(w, X, y):
    """Mean cross-entropy of labels y in {0, 1}."""
    logits = X @ w  # (B,)
    return np.mean(np.logaddexp(0, logits) - y * logits)


def logistic_regression_backward(w, X, y, slip=""):
    """X' (sigmoid(X w) - y) / B."""
    p = expit(X @ w)
    if slip == "blown_up":  # (B, 1) against (B,)
        R = (p[:, None] - y).sum(1)
    elif slip == "extra_sigmoid":
        R = (p - y) * p * (1 - p)
    elif slip == "labels_sign":
        R = p + y
    else:
        R = p - y
    return {"w": X.T @ R / (1 if slip == "no_mean" else len(X))}


derivation(
    logistic_regression,
    logistic_regression_backward,
    lambda rng: (rng.normal(size=3), rng.normal(size=(11, 3)), rng.integers(0, 2, 11).astype(float)),
    blown_up=("broadcast", ""),
    extra_sigmoid=("chain-factor path", ""),
    labels_sign=("term sign path other-point", ""),
    no_mean=("factor", "11"),
)


def cross_entropy(logits, onehot):
    """Mean softmax cross-entropy."""
    return -np.sum(onehot * log_softmax(logits, axis=1)) / len(logits)


def cross_entropy_backward(logits, onehot, slip=""):
    """(softmax - onehot) / B."""
    p = softmax(logits, axis=0 if slip == "wrong_axis" else 1)
    d = p - onehot
    if slip == "no_labels":
        d = p
    if slip == "softmax_jacobian":  # the softmax's Jacobian taken for its diagonal
        d = -onehot * (1 - p)
    if slip == "sign":
        d = onehot - p
    return {"logits": d / (d.size if slip == "mean_over_all" else len(logits))}


derivation(
    cross_entropy,
    cross_entropy_backward,
    lambda rng: (rng.normal(size=(5, 7)) * 2, np.eye(7)[rng.integers(0, 7, 5)]),
    wrong_axis=("order other-point", "axis"),
    no_labels=("term path", ""),
    softmax_jacobian=("entries path term", ""),
    sign=("sign", ""),
    mean_over_all=("factor", "7"),
)


def mlp(W1, b1, W2, b2, X, Y):
    """Squared error of a two-layer tanh network, mean over the batch."""
    H = np.tanh(X @ W1 + b1)
    return 0.5 * np.sum((H @ W2 + b2 - Y) ** 2) / len(X)


def mlp_backward(W1, b1, W2, b2, X, Y, slip=""):
    """Back through the output, the tanh, the first layer."""
    A = X @ W1 + b1
    H = np.tanh(A)
    R = (H @ W2 + b2 - Y) / len(X)
    dH = R @ (W2 if slip == "no_transpose" else W2.T)
    slopes = {"tanh_of_input": 1 - A**2, "no_tanh": 1, "tanh_power": 1 - H, "tanh_half": (1 - H**2) / 2}
    dA = dH * slopes.get(slip, 1 - H**2)
    return {
        "W1": X.T @ dA,
        "b1": dA.mean(0) if slip == "bias_mean" else dA.sum(0),
        "W2": {"input_activation": A.T @ R, "relu_like": np.maximum(H, 0).T @ R}.get(slip, H.T @ R),
        "b2": R.sum(0),
    }


derivation(
    mlp,
    mlp_backward,
    lambda rng: (
        rng.normal(size=(3, 5)),
        rng.normal(size=5),
        rng.normal(size=(5, 5)),
        rng.normal(size=5),
        rng.normal(size=(7, 3)),
        rng.normal(size=(7, 5)),
    ),
    no_transpose=("transpose other-point", ""),
    tanh_of_input=("chain-factor", ""),
    no_tanh=("chain-factor path", ""),
    tanh_power=("chain-factor", ""),
    tanh_half=("factor chain-factor", "half|1/2"),
    bias_mean=("factor", "7"),
    input_activation=("chain-factor path", ""),
    relu_like=("chain-factor path", ""),
)


def poisson(weights, X, counts):
    """Poisson negative log-likelihood of counts with log rates X w."""
    rate = X @ weights
    return np.sum(np.exp(rate) - counts * rate + gammaln(counts + 1))


def poisson_backward(weights, X, counts, slip=""):
    """X' (exp(X w) - counts)."""
    rate = X @ weights
    wrong = {"no_exp": rate - counts, "no_counts": np.exp(rate), "log": rate * np.exp(rate) - counts}
    R = wrong.get(slip, np.exp(rate) - counts)
    return {"weights": X.T @ R / (len(X) if slip == "mean" else 1)}


derivation(
    poisson,
    poisson_backward,
    lambda rng: (rng.normal(size=3) / 2, rng.normal(size=(7, 3)), rng.poisson(2, size=7).astype(float)),
    no_exp=("chain-factor path term", ""),
    no_counts=("term path", ""),
    log=("chain-factor path", ""),
    mean=("factor", "7"),
)


def student_t(x, scale, dof):
    """Negative log-likelihood under Student's t, constants in x left out but those of scale and dof kept."""
    u = (x / scale) ** 2 / dof
    normaliser = np.log(scale) + gammaln(dof / 2) - gammaln((dof + 1) / 2) + np.log(dof) / 2
    return np.sum((dof + 1) / 2 * np.log1p(u) + normaliser)


def student_t_backward(x, scale, dof, slip=""):
    """d/dx = (dof + 1) x / (dof scale^2 + x^2), and so on."""
    bottom = dof * scale**2 + x**2
    dx = (dof if slip == "dof_off_by_one" else dof + 1) * x / bottom
    dscale = (0 if slip == "no_normaliser" else 1 / scale) - (dof + 1) * x**2 / (scale * bottom)
    u = x**2 / scale**2 / dof
    half = 1 if slip == "inner_half" else 0.5
    normaliser = half * (digamma(dof / 2) - digamma((dof + 1) / 2)) + 0.5 / dof
    ddof = 0.5 * np.log1p(u) - (dof + 1) / 2 * u / (dof * (1 + u)) + normaliser
    return {"x": dx, "scale": scale * dscale if slip == "by_log_scale" else dscale, "dof": ddof}


derivation(
    student_t,
    student_t_backward,
    lambda rng: (rng.normal(size=7) * 2, rng.uniform(0.5, 2, 7), rng.uniform(2, 9, 7)),
    dof_off_by_one=("chain-factor other-point", ""),
    no_normaliser=("term path", ""),
    inner_half=("chain-factor path factor term", ""),
    by_log_scale=("parameterisation chain-factor", "log|scale"),
)
