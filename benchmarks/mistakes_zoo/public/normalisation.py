"""Batch norm, layer norm, root-mean-square norm."""

import numpy as np

from ..base import public

R = np.random.default_rng(7013)
N, D = 6, 4
E, E3 = R.normal(size=(N, D)), R.normal(size=(2, 3, 4))


def batch_norm(x, gamma, beta):
    """A linear function of a batch norm's output."""
    return np.sum(E * (gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5) + beta))


def batch_norm_backward(x, gamma, beta, slip=""):
    """gamma / std (E - mean E - h mean(E h))."""
    s = 1 / np.sqrt(x.var(0) + 1e-5)
    h, d = (x - x.mean(0)) * s, E * (1 if slip == "no_gamma" else gamma)
    n = N - 1 if slip == "less_one" else N
    mean_part, var_part = d.sum(0) / n, h * (d * h).sum(0) / n
    if slip == "root_again":
        s = 1 / np.sqrt(s + 1e-5)
    mean_part = 0 if slip in ("constants", "no_mean") else mean_part
    var_part = 0 if slip in ("constants", "no_variance") else var_part
    return {"x": s * (d - mean_part - var_part), "gamma": (E * h).sum(0), "beta": E.sum(0)}


public(
    batch_norm,
    batch_norm_backward,
    lambda rng: (rng.normal(size=(N, D)), np.array([1.5, 0.6, 2.0, 0.9]), rng.normal(size=D)),
    no_gamma=("gamma", "", "Knet issue 288"),
    constants=("mean.*var|constant", "", "a common mistake of courses"),
    no_variance=(r"x.var\(0\)", "", "mlpack issue 2474"),
    no_mean=(r"x.mean\(0\)", "", "mlpack issue 2474"),
    less_one=("N - 1|6/5|n - 1|ddof", "constant", "mlpack issue 3231, keras issue 8982"),
    root_again=("var|std|factor of its own", "constant", "FlagGems issue 5222"),
)


def layer_norm(x):
    """A linear function of a layer norm's output, rank 3."""
    return np.sum(E3 * (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5))


def layer_norm_backward(x, slip=""):
    """(E - mean E - h mean(E h)) / std."""
    axes = (-2, -1) if slip == "both_axes" else -1
    s = 1 / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    h = (x - x.mean(-1, keepdims=True)) * s
    return {"x": s * (E3 - E3.mean(axes, keepdims=True) - h * (E3 * h).mean(axes, keepdims=True))}


public(
    layer_norm,
    layer_norm_backward,
    lambda rng: (rng.normal(size=(2, 3, 4)),),
    both_axes=("mean", "constant|held|missing", "FlagGems issue 5392"),
)


def rms_norm(x):
    """A linear function of x over its root mean square."""
    return np.sum(E * x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6))


def rms_norm_backward(x, slip=""):
    """E s - x s^3 mean(E x)."""
    s = 1 / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)
    return {"x": E * s - (0 if slip == "constant" else x * s**3 * (E * x).mean(-1, keepdims=True))}


public(
    rms_norm,
    rms_norm_backward,
    lambda rng: (rng.normal(size=(N, D)),),
    constant=(r"x\*\*2\)?.mean|sqrt", "", "tritonbench issue 467"),
)
