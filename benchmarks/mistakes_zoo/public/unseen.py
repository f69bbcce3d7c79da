"""Further mistakes of the same kinds, invented before the rules for them were written; their failures are not read."""

import numpy as np
from scipy.special import expit, gammaln

from ..base import public

R = np.random.default_rng(7017)
N, D, K = 7, 3, 5
X, Y = R.normal(size=(N, D)), R.normal(size=N)
COUNTS = R.poisson(3.0, N).astype(float)
LABELS, TEMPERATURE = R.integers(0, K, N), 0.7
TARGET, KEYS, VALUES = R.normal(size=(N, D)), R.normal(size=(K, D)), R.normal(size=(K, D))
PRIOR = np.linalg.inv(np.cov(R.normal(size=(D, 9))))
BETA = np.linspace(0.02, 0.5, 9)
STEPS = np.array([1, 3, 4, 6, 8])


def ridge(w):
    """Least squares with a penalty."""
    residual = X @ w - Y
    return np.sum(residual**2) / (2 * N) + 0.3 * np.sum(w**2)


def ridge_backward(w, slip=""):
    """X' r / N + 0.6 w."""
    penalty = {"no_two": 0.3, "penalty_sign": -0.6}.get(slip, 0.6)
    return {"w": X.T @ (X @ w - Y) / (1 if slip == "no_mean" else N) + penalty * w}


public(
    ridge,
    ridge_backward,
    lambda rng: (rng.normal(size=D),),
    unseen=True,
    no_two=(r"w ?\*\* ?2", "0.5 \\* w|norm|factor of its own", "invented"),
    penalty_sign=(r"w ?\*\* ?2", "norm|factor of its own", "invented"),
    no_mean=(r"residual|7", "norm", "invented"),
)


def tempered(a):
    """Cross-entropy at a temperature."""
    s = a / TEMPERATURE
    s = s - s.max(1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(1, keepdims=True))
    return float(-np.mean(logp[np.arange(N), LABELS]))


def tempered_backward(a, slip=""):
    """(p - onehot) / (N T)."""
    s = a / (1 if slip == "no_temperature_inside" else TEMPERATURE)
    p = np.exp(s - s.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(N), LABELS] -= 1
    return {"a": p / N / (1 if slip == "no_temperature" else TEMPERATURE)}


public(
    tempered,
    tempered_backward,
    lambda rng: (rng.normal(size=(N, K)),),
    unseen=True,
    no_temperature=("TEMPERATURE|0.7", "7/10", "invented"),
    no_temperature_inside=("TEMPERATURE", "", "invented"),
)


def attention(q):
    """Squared error of scaled dot-product attention."""
    s = q @ KEYS.T / np.sqrt(D)
    e = np.exp(s - s.max(1, keepdims=True))
    return 0.5 * np.sum((e / e.sum(1, keepdims=True) @ VALUES - TARGET) ** 2)


def attention_backward(q, slip=""):
    """Through the weights and the scores."""
    s = q @ KEYS.T / np.sqrt(D)
    e = np.exp(s - s.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    dp = (p @ VALUES - TARGET) @ VALUES.T
    ds = p * (1 - p) * dp if slip == "diagonal" else p * (dp - (dp * p).sum(1, keepdims=True))
    return {"q": ds @ KEYS / (1 if slip == "no_root" else D if slip == "no_square_root" else np.sqrt(D))}


public(
    attention,
    attention_backward,
    lambda rng: (rng.normal(size=(N, D)),),
    unseen=True,
    diagonal=("diagonal", "", "invented"),
    no_root=(r"sqrt\(3\)|sqrt\(D\)", "", "invented"),
    no_square_root=(r"sqrt\(3\)|sqrt\(D\)", "", "invented"),
)


def heteroscedastic(mean, logvar):
    """Gaussian negative log-likelihood."""
    return np.sum(0.5 * logvar + 0.5 * (Y - mean) ** 2 / np.exp(logvar))


def heteroscedastic_backward(mean, logvar, slip=""):
    """(mean - y) / var; 1/2 - (y - mean)^2 / (2 var)."""
    var = np.exp(2 * logvar) if slip == "taken_for_logstd" else np.exp(logvar)
    log_part = 0 if slip == "no_log" else 0.5
    return {"mean": (mean - Y) / var, "logvar": log_part - 0.5 * (Y - mean) ** 2 / var}


public(
    heteroscedastic,
    heteroscedastic_backward,
    lambda rng: (rng.normal(size=N), 0.5 * rng.normal(size=N)),
    unseen=True,
    taken_for_logstd=(r"log sigma|2 \* logvar|exp\(", "minus its mean", "invented"),
    no_log=("logvar", "minus its mean", "invented"),
)


def gamma_regression(shape, w):
    """Negative log-likelihood of gamma waiting times, of their rates exp(X w)."""
    times = COUNTS + 0.5
    return np.sum(gammaln(shape) - shape * (X @ w) - (shape - 1) * np.log(times) + times * np.exp(X @ w))


def gamma_regression_backward(shape, w, slip=""):
    """By the shape (digamma) and by the weights."""
    from scipy.special import digamma

    times, log = COUNTS + 0.5, np.log10 if slip == "log10" else np.log
    gamma = 0 if slip == "no_digamma" else digamma(shape)
    return {"shape": np.sum(gamma - X @ w - log(times)), "w": X.T @ (times * np.exp(X @ w) - shape)}


public(
    gamma_regression,
    gamma_regression_backward,
    lambda rng: (1.7, 0.3 * rng.normal(size=D)),
    unseen=True,
    log10=("ln 10|log10|log\\(times\\)", "17/10", "invented"),
    no_digamma=("gammaln", "17/10", "invented"),
)


def oscillator(angle, k):
    """Energy of a chain of pendulums, angles in degrees."""
    radians = angle * np.pi / 180
    return np.sum(1 - np.cos(radians)) + 0.5 * k * np.sum((radians[1:] - radians[:-1]) ** 2)


def oscillator_backward(angle, k, slip=""):
    """sin + k Laplacian, per degree."""
    a = angle * np.pi / 180
    d = a[1:] - a[:-1]
    spring = np.zeros_like(a)
    spring[1:] += d
    if slip != "one_neighbour":
        spring[:-1] -= d
    sine = np.sin(angle if slip == "degrees_in_sine" else a)
    return {"angle": (sine + k * spring) * (1 if slip == "per_radian" else np.pi / 180), "k": 0.5 * np.sum(d**2)}


public(
    oscillator,
    oscillator_backward,
    lambda rng: (rng.uniform(-90, 90, 6), 1.4),
    unseen=True,
    one_neighbour=(r"radians\[:-1\]", "", "invented"),
    degrees_in_sine=("degree|radians|cos", "", "invented"),
    per_radian=("degree|180", "", "invented"),
)


def gaussian_prior(z):
    """Logistic likelihood and a Gaussian prior with a precision matrix."""
    p = expit(X @ z)
    return -np.sum(np.log(p[Y > 0])) - np.sum(np.log(1 - p[Y <= 0])) + 0.5 * z @ PRIOR @ z


def gaussian_prior_backward(z, slip=""):
    """X' (p - y) + precision z."""
    p, y = expit(X @ z), (Y > 0).astype(float)
    prior = {"covariance": np.linalg.inv(PRIOR) @ z, "no_prior": 0}.get(slip, PRIOR @ z)
    return {"z": X.T @ ((p - y) * (p * (1 - p) if slip == "sigmoid_again" else 1)) + prior}


public(
    gaussian_prior,
    gaussian_prior_backward,
    lambda rng: (rng.normal(size=D),),
    unseen=True,
    covariance=("inv|PRIOR", "", "invented"),
    no_prior=("PRIOR", "", "invented"),
    sigmoid_again=("twice|again|once more|expit|once too often", "", "invented"),
)


def noise_chain(x):
    """Kernels between neighbouring steps of a diffusion, filled in place."""
    out = np.zeros(len(STEPS))
    for i, t in enumerate(STEPS):
        out[i] = (x[i] * np.sqrt(1 - BETA[t]) - 0.3) ** 2 / (2 * BETA[t])
    return np.sum(out)


def noise_chain_backward(x, slip=""):
    """(x sqrt(1 - beta) - 0.3) sqrt(1 - beta) / beta."""
    beta = BETA[STEPS]
    late = BETA[STEPS - 1] if slip == "beta_before" else beta
    root = 1 if slip == "no_root" else np.sqrt(1 - beta)
    return {"x": (x * np.sqrt(1 - beta) - 0.3) * root / late}


public(
    noise_chain,
    noise_chain_backward,
    lambda rng: (rng.normal(size=len(STEPS)),),
    unseen=True,
    beta_before=(r"t - 1|off by one|BETA", "clipped", "invented"),
    no_root=(r"sqrt\(1 - BETA|sqrt\(1-BETA|left out", "clipped", "invented"),
)
