"""Mistakes in other fields (filters, survival, optics, robots, epidemics), invented after the rules were written."""

import numpy as np
from scipy.special import expit, log_ndtr

from ..base import public

R = np.random.default_rng(9113)
NODES, WEIGHTS = np.array([-1.22, 0.0, 1.22]), np.array([0.167, 0.666, 0.167])
X, SIGNS = R.normal(size=(6, 2)), np.array([1.0, -1, 1, 1, -1, 1])
PATH = np.array([0.2, 0.5, 0.1, -0.3, 0.4, 0.2])
CASES = np.array([0.02, 0.05, 0.1, 0.16])
COUPLING = R.normal(size=(5, 5))
COUPLING, FIELD = (COUPLING + COUPLING.T) / 2 * (1 - np.eye(5)), R.normal(size=5)
LOG_TIMES, DIED = np.log([1.2, 0.4, 2.9, 0.9, 3.1]), np.array([1.0, 0, 1, 1, 0])
INPUTS, ANGLES = R.normal(size=5), R.uniform(-2, 2, 7)
TRANSITION, EMISSION = R.uniform(0.1, 1, (3, 3)), R.uniform(0.1, 1, (3, 4))
SEEN = [0, 2, 1, 3, 2]


def panel(b, s):
    """A logit with a random intercept, integrated out by three nodes."""
    L = 0.0
    for node, weight in zip(NODES, WEIGHTS):
        L = L + weight * np.prod(1 / (1 + np.exp(-SIGNS * (X @ b + s * node))))
    return -np.log(L)


def panel_backward(b, s, slip=""):
    """-L' / L."""
    L, g = 0.0, np.zeros(2)
    for node, weight in zip(NODES, WEIGHTS):
        z = SIGNS * (X @ b + s * node)
        p = weight * np.prod(expit(z))
        L, g = L + p, g + p * (X.T @ (SIGNS * expit(-z)))
    return {"b": -g / (1 if slip == "not_divided" else L)}


public(
    panel,
    panel_backward,
    lambda rng: (rng.normal(size=2), 0.8),
    unseen=True,
    not_divided=(r"np.log\(L\)", "exchanged|clipped", "invented"),
)


def reverting(theta):
    """The exact likelihood of an Ornstein-Uhlenbeck path."""
    a = np.exp(-theta * 0.5)
    v = (1 - a**2) / (2 * theta)
    return np.sum(0.5 * np.log(v) + 0.5 * (PATH[1:] - a * PATH[:-1]) ** 2 / v)


def reverting_backward(theta, slip=""):
    """By the chain rule through a and v."""
    a = np.exp(-theta * 0.5)
    da, v, e = -(1 if slip == "no_step" else 0.5) * a, (1 - a**2) / (2 * theta), PATH[1:] - a * PATH[:-1]
    dv = -a * da / theta - (0 if slip == "no_quotient" else v / theta)
    return {"theta": np.sum(0.5 * dv / v - e * da * PATH[:-1] / v - 0.5 * e**2 * dv / v**2)}


public(
    reverting,
    reverting_backward,
    lambda rng: (rng.uniform(0.8, 1.6),),
    unseen=True,
    no_quotient=(r"2 \* theta", "log theta", "invented"),
    no_step=(r"-theta \* 0.5", "log theta", "invented"),
)


def epidemic(beta, gamma):
    """Four Euler steps of an epidemic, against the cases that were seen."""
    S, i, loss = 0.99, 0.01, 0.0
    for seen in CASES:
        new = beta * S * i
        S = S - new
        i = i + new - gamma * i
        loss = loss + (i - seen) ** 2
    return loss


def epidemic_backward(beta, gamma, slip=""):
    """Forward sensitivities of S and i."""
    S, i, dS, di, g = 0.99, 0.01, 0.0, 0.0, 0.0
    for seen in CASES:
        new, dnew = beta * S * i, S * i + beta * ((0 if slip == "S_constant" else dS * i) + S * di)
        S, dS, i, di = S - new, dS - dnew, i + new - gamma * i, di + dnew - gamma * di
        g += 2 * (i - seen) * di
    return {"beta": g}


public(
    epidemic,
    epidemic_backward,
    lambda rng: (rng.uniform(1, 2), 0.3),
    unseen=True,
    S_constant=(r"`S( - new)?`", "turn of the loop", "invented"),
)


def magnet(m):
    """The mean-field free energy of an Ising magnet."""
    p = (1 + m) / 2
    return -0.5 * m @ COUPLING @ m - FIELD @ m + np.sum(p * np.log(p) + (1 - p) * np.log(1 - p))


def magnet_backward(m, slip=""):
    """-J m - h + artanh m."""
    energy = (0.5 if slip == "half_kept" else 1) * COUPLING @ m
    return {"m": -energy - FIELD + (2 if slip == "entropy_twice" else 1) * np.arctanh(m)}


public(
    magnet,
    magnet_backward,
    lambda rng: (np.tanh(rng.normal(size=5)),),
    unseen=True,
    half_kept=(r"m @ COUPLING", "FIELD|np.log", "invented"),
    entropy_twice=(r"\(1 \+ m\)|np.log", "COUPLING", "invented"),
)


def survival(mu, s):
    """A log-normal survival time, some censored."""
    z = (LOG_TIMES - mu) / s
    return -np.sum(DIED * (-0.5 * z**2 - np.log(s)) + (1 - DIED) * log_ndtr(-z))


def survival_backward(mu, s, slip=""):
    """The hazard where censored, z where not."""
    z = (LOG_TIMES - mu) / s
    hazard = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) / np.exp(log_ndtr(-z))
    dz = DIED * z + (1 - DIED) * (z if slip == "all_died" else hazard)
    return {"mu": -np.sum(dz) / s, "s": -np.sum(dz * z) / s + (0 if slip == "no_log" else np.sum(DIED) / s)}


public(
    survival,
    survival_backward,
    lambda rng: (rng.normal() / 3, rng.uniform(0.6, 1.1)),
    unseen=True,
    all_died=(r"log_ndtr", "log s instead", "invented"),
    no_log=(r"np.log\(s\)", "log s instead", "invented"),
)


def softened(tau, s, v):
    """A softmax at a temperature."""
    a = np.exp(s / tau)
    return (a / np.sum(a) @ v) ** 2


def softened_backward(tau, s, v, slip=""):
    """By the temperature."""
    a = np.exp(s / tau) / np.sum(np.exp(s / tau))
    y, power = a @ v, 1 if slip == "one_tau" else 2
    return {"tau": -2 * y * np.sum(a * (v - y) * s) / tau**power * (-1 if slip == "sign" else 1)}


public(
    softened,
    softened_backward,
    lambda rng: (rng.uniform(0.5, 0.9), rng.normal(size=5), rng.normal(size=5)),
    unseen=True,
    one_tau=(r"tau times|log tau", "wrong sign", "invented"),
    sign=(r"wrong sign", "tau times", "invented"),
)


def triplet(a, p, n):
    """A triplet loss on squared distances."""
    return np.maximum(np.sum((a - p) ** 2) - np.sum((a - n) ** 2) + 15, 0)


def triplet_backward(a, p, n, slip=""):
    """2 (n - p)."""
    return {"a": 2 * (a - p) if slip == "positive_only" else 2 * (n - p)}


public(
    triplet,
    triplet_backward,
    lambda rng: (rng.normal(size=4), rng.normal(size=4), rng.normal(size=4) / 2),
    unseen=True,
    positive_only=(r"\(a - n\)", "exchanged|gradient by", "invented"),
)


def arm(q, L):
    """Where a robot's arm of two links ends, against where it should."""
    x = L[0] * np.cos(q[0]) + L[1] * np.cos(q[0] + q[1])
    y = L[0] * np.sin(q[0]) + L[1] * np.sin(q[0] + q[1])
    return 0.5 * ((x - 0.5) ** 2 + (y - 1.0) ** 2)


def arm_backward(q, L, slip=""):
    """The first joint moves both links."""
    c, s = np.cos(q[0] + q[1]), np.sin(q[0] + q[1])
    x, y = L[0] * np.cos(q[0]) + L[1] * c - 0.5, L[0] * np.sin(q[0]) + L[1] * s - 1.0
    second = L[1] * (y * c - x * s)
    first = L[0] * (y * np.cos(q[0]) - x * np.sin(q[0]))
    return {"q": np.array([first + (0 if slip == "first_alone" else second), second])}


public(
    arm,
    arm_backward,
    lambda rng: (rng.normal(size=2), np.array([1.0, 0.8])),
    unseen=True,
    first_alone=(r"entry 0|q\[0\]", "sign", "invented"),
)


def energy(p, m):
    """The kinetic energy of a fast particle."""
    return np.sqrt(p @ p + m**2) - m


def energy_backward(p, m, slip=""):
    """p / E and m / E - 1."""
    E = np.sqrt(p @ p + m**2)
    return {"p": p / E, "m": m / E - (0 if slip == "rest_energy" else 1)}


public(
    energy,
    energy_backward,
    lambda rng: (rng.normal(size=3), rng.uniform(0.5, 2)),
    unseen=True,
    rest_energy=(r"`m`.*- m", "log m", "invented"),
)


def gated(w, x):
    """A gate that lets a state through."""
    h = 0.0
    for t in range(5):
        u = 1 / (1 + np.exp(-w * x[t]))
        h = u * h + (1 - u) * np.tanh(x[t])
    return h**2


def gated_backward(w, x, slip=""):
    """Forward sensitivities of h."""
    h, d = 0.0, 0.0
    for t in range(5):
        u = expit(w * x[t])
        slope = u * (1 - u) * x[t] * (h - (0 if slip == "no_complement" else np.tanh(x[t])))
        d, h = (0 if slip == "cut" else u * d) + slope, u * h + (1 - u) * np.tanh(x[t])
    return {"w": 2 * h * d}


public(
    gated,
    gated_backward,
    lambda rng: (rng.normal(), rng.normal(size=5)),
    unseen=True,
    cut=(r"last turn|`h`|u \* h", "1 - u", "invented"),
    no_complement=(r"1 - u", "last turn", "invented"),
)


def direction(mu, kappa):
    """The von Mises density of some angles, without its normaliser."""
    return -kappa * np.sum(np.cos(ANGLES - mu))


def direction_backward(mu, kappa, slip=""):
    """-kappa sum sin, -sum cos."""
    sine = np.sum(np.sin(ANGLES - mu))
    return {"mu": -kappa * sine * (-1 if slip == "sign" else 1), "kappa": -np.sum(np.cos(ANGLES - mu))}


public(
    direction,
    direction_backward,
    lambda rng: (rng.normal(), rng.uniform(1, 2)),
    unseen=True,
    sign=(r"wrong sign", "cos", "invented"),
)


def hidden(start):
    """The forward algorithm of a hidden Markov model."""
    forward = start * EMISSION[:, SEEN[0]]
    for seen in SEEN[1:]:
        forward = (forward @ TRANSITION) * EMISSION[:, seen]
    return -np.log(np.sum(forward))


def hidden_backward(start, slip=""):
    """The backward algorithm."""
    b = np.ones(3)
    for seen in reversed(SEEN[1:]):
        b = (TRANSITION.T if slip == "transposed" else TRANSITION) @ (EMISSION[:, seen] * b)
    b = EMISSION[:, SEEN[0]] * b
    return {"start": -b / (start @ b)}


public(
    hidden,
    hidden_backward,
    lambda rng: (rng.dirichlet(np.ones(3)),),
    unseen=True,
    transposed=(r"transposed", "exchanged", "invented"),
)
