"""Softmax, cross-entropy, policy gradients, support vector machines, Huber's loss."""

import numpy as np

from ..base import public

R = np.random.default_rng(7012)
N, D, K = 6, 4, 3
LABELS, G, X = R.integers(0, K, N), R.normal(size=(N, K)), R.normal(size=(N, D))
REWARDS, ACTIONS = R.normal(size=N), R.integers(0, K, N)
DELTA = 0.5


def softmax(a):
    """Along the last axis."""
    e = np.exp(a - a.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def weighted_softmax(a):
    """A linear function of a softmax."""
    return np.sum(G * softmax(a))


def weighted_softmax_backward(a, slip=""):
    """p (G - sum G p)."""
    p = softmax(a)
    right = p * (G - (G * p).sum(1, keepdims=True))
    return {"a": {"no_dot_product": p * G, "diagonal": G * p * (1 - p), "twice": right * p}.get(slip, right)}


public(
    weighted_softmax,
    weighted_softmax_backward,
    lambda rng: (rng.normal(size=(N, K)),),
    no_dot_product=("softmax|e.sum", "", "Odyssey issue 2134"),
    diagonal=("diagonal", "", "cTensor issue 31"),
    twice=("softmax", "", "cTensor issue 31"),
)


def cross_entropy_by_hand(a):
    """Mean cross-entropy of a softmax."""
    return -np.mean(np.log(softmax(a))[np.arange(N), LABELS])


def cross_entropy_by_hand_backward(a, slip=""):
    """(p - onehot) / N."""
    p = softmax(a)
    d = (p - np.eye(K)[LABELS]) / N
    return {"a": p * (d - (d * p).sum(1, keepdims=True)) if slip == "jacobian_again" else d}


public(
    cross_entropy_by_hand,
    cross_entropy_by_hand_backward,
    lambda rng: (rng.normal(size=(N, K)),),
    jacobian_again=("(twice|again|once more|once too often)", "diagonal", "AI Stack Exchange 35741"),
)


def policy(logits, beta=0.2):
    """Policy gradient loss with an entropy bonus."""
    logp = np.log(softmax(logits))
    return -np.sum(logp[np.arange(N), ACTIONS] * REWARDS) - beta * np.sum(-np.sum(np.exp(logp) * logp, 1))


def policy_backward(logits, slip=""):
    """(p - onehot) reward - beta dH, dH = -p (log p + H)."""
    p = softmax(logits)
    logp, beta = np.log(p), 0.2
    entropy = -(p * logp).sum(1, keepdims=True)
    bonus = -(logp + 1) if slip == "simple_entropy" else -p * (logp + entropy)
    weight = np.full((N, 1), REWARDS.mean()) if slip == "mean_reward" else REWARDS[:, None]
    return {"logits": (p - np.eye(K)[ACTIONS]) * weight - (-beta if slip == "entropy_sign" else beta) * bonus}


public(
    lambda logits: policy(logits),
    policy_backward,
    lambda rng: (rng.normal(size=(N, K)),),
    name="policy",
    mean_reward=("REWARDS|averaged", "clipped", "Gymnasium issue 1336"),
    entropy_sign=("sign", "-logits", "async-rl, stable-baselines3 issue 127"),
    simple_entropy=("softmax|left out|by `?e ?/", "", "a student's course work on policy gradients"),
)


def hinge(W, reg=0.3):
    """Multi-class hinge loss with weight decay."""
    scores = X @ W
    margin = np.maximum(0, scores - scores[np.arange(N), LABELS][:, None] + 1)
    margin[np.arange(N), LABELS] = 0
    return margin.sum() / N + reg * np.sum(W * W)


def hinge_backward(W, slip=""):
    """X' (violations, minus their count at the label) / N + 2 reg W."""
    scores = X @ W
    violated = (scores - scores[np.arange(N), LABELS][:, None] + 1 > 0) * 1.0
    violated[np.arange(N), LABELS] = 0
    count = violated.sum(1)
    violated[np.arange(N), LABELS] = -(1.0 * (count > 0) if slip == "label_once" else count)
    data = X.T @ violated / (1 if slip == "no_mean" else N)
    return {"W": data + (1 if slip == "no_two" else 2) * 0.3 * W}


public(
    lambda W: hinge(W),
    hinge_backward,
    lambda rng: (rng.normal(size=(D, K)),),
    name="hinge",
    label_once=("LABELS", "0.5|norm", "CS231n assignment 1"),
    no_two=(r"W ?\* ?W|reg\*", "0.5 \\* W|norm", "CS231n assignment 1"),
    no_mean=("margin.sum|6|N\\b", "norm", "CS231n assignment 1"),
)


def huber_sum(r):
    """Sum of Huber's loss."""
    return np.sum(np.where(abs(r) <= DELTA, 0.5 * r * r, DELTA * (abs(r) - 0.5 * DELTA)))


def huber_sum_backward(r, slip=""):
    """r, or DELTA sign(r)."""
    return {"r": np.where(abs(r) <= DELTA, r, (1 if slip == "no_delta" else DELTA) * np.sign(r))}


public(
    huber_sum,
    huber_sum_backward,
    lambda rng: (rng.normal(size=9) * 2,),
    no_delta=("DELTA", "factor (`)?0.5", "stanford-tensorflow-tutorials issue 148"),
)


def huber_weighted(r, gy):
    """Huber's loss, weighted by what comes from above."""
    return np.sum(gy * np.where(abs(r) <= DELTA, 0.5 * r * r, DELTA * (abs(r) - 0.5 * DELTA)))


def huber_weighted_backward(r, gy, slip=""):
    """gy times the derivative."""
    return {"r": (1 if slip == "gy_ignored" else gy) * np.where(abs(r) <= DELTA, r, DELTA * np.sign(r))}


public(
    huber_weighted,
    huber_weighted_backward,
    lambda rng: (rng.normal(size=9) * 2, rng.normal(size=9)),
    gy_ignored=("gy", "", "chainer issue 1178"),
)
