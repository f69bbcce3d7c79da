"""Layers of networks, back through each by hand."""

import numpy as np
from scipy.special import softmax

from .base import derivation


def layer_norm(x, gain, bias, u):
    """u . (gain * xhat + bias), xhat normalised over the last axis."""
    centred = x - x.mean(1, keepdims=True)
    xhat = centred / np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    return np.sum(u * (gain * xhat + bias))


def layer_norm_backward(x, gain, bias, u, slip=""):
    """dx = (g - mean g - xhat mean(g xhat)) / std with g = u gain."""
    centred = x - x.mean(1, keepdims=True)
    std = np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-5)
    xhat = centred / std
    g = u if slip == "no_gain" else u * gain
    mean = 0 if slip == "no_mean_term" else g.mean(1, keepdims=True)
    along = 0 if slip == "no_std_term" else xhat * np.mean(g * xhat, axis=1, keepdims=True)
    if slip == "constants":  # mean and std treated as constants
        mean = along = 0
    scale = {"no_std": 1, "std_squared": std**2}.get(slip, std)
    return {
        "x": (g - mean - along) / scale,
        "gain": np.sum(u * (x if slip == "raw_gain" else xhat), axis=0),
        "bias": u.sum(0),
    }


derivation(
    layer_norm,
    layer_norm_backward,
    lambda rng: (rng.normal(size=(5, 7)) * 2 + 1, rng.normal(size=7), rng.normal(size=7), rng.normal(size=(5, 7))),
    no_gain=("chain-factor path", "gain|"),
    no_mean_term=("mean-term path", ""),
    no_std_term=("mean-term path", ""),
    constants=("mean-term path", ""),
    no_std=("chain-factor path factor", ""),
    std_squared=("chain-factor factor", ""),
    raw_gain=("chain-factor path", ""),
)


def batch_variance(x, u):
    """u . var(x) over the batch, divided by B - 1."""
    return u @ np.var(x, axis=0, ddof=1)


def batch_variance_backward(x, u, slip=""):
    """2 u (x - mean) / (B - 1)."""
    centred = x if slip == "not_centred" else x - x.mean(0)
    count = len(x) if slip == "ddof" else len(x) - 1
    return {"x": (1 if slip == "no_two" else 2) * u * centred / count}


derivation(
    batch_variance,
    batch_variance_backward,
    lambda rng: (rng.normal(size=(7, 3)) + 1, rng.normal(size=3)),
    not_centred=("mean-term path", "mean"),
    ddof=("factor", "7|6"),
    no_two=("factor", "half|1/2"),
)


def attention(Q, K, V, u):
    """u . softmax(Q K' / sqrt d) V."""
    return np.sum(u * (softmax(Q @ K.T / np.sqrt(Q.shape[1]), axis=1) @ V))


def attention_backward(Q, K, V, u, slip=""):
    """Back through the product with V, the softmax, the scaled scores."""
    scale = 1 / np.sqrt(Q.shape[1])
    P = softmax(Q @ K.T * scale, axis=1)  # (B, B)
    dP = u @ V.T
    dS = P * (dP - (0 if slip == "softmax_diagonal" else np.sum(P * dP, axis=1, keepdims=True)))
    dS = dS * {"no_scale": 1, "scale_squared": scale**2}.get(slip, scale)
    dK = (dS if slip == "no_transpose" else dS.T) @ Q
    return {"Q": dS @ K, "K": dK, "V": (P if slip == "values_no_transpose" else P.T) @ u}


derivation(
    attention,
    attention_backward,
    lambda rng: tuple(rng.normal(size=(5, 3)) for _ in range(4)),
    softmax_diagonal=("mean-term path", ""),
    no_scale=("factor", "sqrt|3"),
    scale_squared=("factor", "sqrt|3"),
    no_transpose=("transpose path", ""),
    values_no_transpose=("transpose path", ""),
)


def embedding(table, weight, index, target):
    """Squared error of looked-up rows times a weight; an index may repeat."""
    return 0.5 * np.sum((table[index] @ weight - target) ** 2)


def embedding_backward(table, weight, index, target, slip=""):
    """Gradients of repeated rows add."""
    R = table[index] @ weight - target
    d = np.zeros_like(table)
    rows = R[:, None] * weight
    if slip == "assigned":
        d[index] = rows
    else:
        np.add.at(d, index, rows)
    if slip == "shifted":
        d = np.roll(d, 1, axis=0)
    return {"table": d, "weight": table[index].T @ (R**2 if slip == "squared" else R)}


derivation(
    embedding,
    embedding_backward,
    lambda rng: (rng.normal(size=(7, 3)), rng.normal(size=3), np.array([0, 2, 2, 5, 2, 6, 0]), rng.normal(size=7)),
    assigned=("entries batch", ""),
    shifted=("shift", "row"),
    squared=("chain-factor path", ""),
)


def rnn(W, U, X, u):
    """u . h_T of h_t = tanh(W h_{t-1} + U x_t)."""
    h = np.zeros(len(W))
    for x in X:
        h = np.tanh(W @ h + U @ x)
    return u @ h


def rnn_backward(W, U, X, u, slip=""):
    """Back through time."""
    hs = [np.zeros(len(W))]
    for x in X:
        hs.append(np.tanh(W @ hs[-1] + U @ x))
    g, dW, dU, dX = u, np.zeros_like(W), np.zeros_like(U), np.zeros_like(X)
    for t in range(len(X) - 1, -1, -1):
        a = g * (1 - hs[t + 1] ** 2)
        dW += np.outer(a, hs[t + 1] if slip == "t_off_by_one" else hs[t])
        dU = np.outer(a, X[t]) if slip == "not_accumulated" else dU + np.outer(a, X[t])
        dX[t] = U.T @ a
        g = (W if slip == "no_transpose" else W.T) @ a
        if slip == "truncated":
            break
    if slip == "x_shifted":
        dX = np.roll(dX, 1, axis=0)
    return {"W": dW.T if slip == "outer_swapped" else dW, "U": dU, "X": dX}


derivation(
    rnn,
    rnn_backward,
    lambda rng: (rng.normal(size=(5, 5)) / 2, rng.normal(size=(5, 3)), rng.normal(size=(4, 3)), rng.normal(size=5)),
    t_off_by_one=("shift path other-point chain-factor", ""),
    not_accumulated=("batch path entries", ""),
    no_transpose=("transpose path", ""),
    truncated=("entries path batch", ""),
    x_shifted=("shift", ""),
    outer_swapped=("transpose", ""),
)


def moving_sum(x, u):
    """u . cumsum(x): rewards to go."""
    return u @ np.cumsum(x, axis=0)


def moving_sum_backward(x, u, slip=""):
    """Sum of what comes after."""
    if slip == "forward":
        return {"x": np.cumsum(u)}
    later = np.cumsum(u[::-1])[::-1]
    return {"x": {"without_own": later - u, "not_summed": u}.get(slip, later)}


derivation(
    moving_sum,
    moving_sum_backward,
    lambda rng: (rng.normal(size=11), rng.normal(size=11)),
    forward=("order", "direction|forward|revers"),
    without_own=("term path shift", ""),
    not_summed=("term path chain-factor other-argument", ""),
)


def convolution(x, kernel, u):
    """u . (x * kernel), valid part, kernel not flipped."""
    return u @ np.correlate(x, kernel, mode="valid")


def convolution_backward(x, kernel, u, slip=""):
    """x gets the flipped convolution, the kernel a correlation."""
    flipped = kernel[::-1] if slip == "not_flipped" else kernel
    dkernel = np.correlate(x, u, mode="valid")
    return {"x": np.convolve(u, flipped), "kernel": dkernel[::-1] if slip == "kernel_flipped" else dkernel}


derivation(
    convolution,
    convolution_backward,
    lambda rng: (rng.normal(size=11), rng.normal(size=3), rng.normal(size=9)),
    not_flipped=("other-point order", "revers|flip"),
    kernel_flipped=("order", "revers|flip"),
)
