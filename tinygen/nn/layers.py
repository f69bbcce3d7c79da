"""Dense layers and activations: plain functions on dicts and lists of arrays.

A layer is `{"W": (n_in, n_out), "b": (n_out,)}`, a multilayer perceptron a list of them. Everything keeps the dtype of
its inputs and is differentiated as it stands.
"""

from itertools import pairwise

import numpy as np

from tinygen import byhand

# ---- activations ----


def tanh(x):
    """Hyperbolic tangent of x, floats of any shape."""
    return np.tanh(x)


def relu(x):
    """max(x, 0), derivative 1/2 at 0."""
    return np.maximum(x, 0)


def sigmoid(x):
    """Logistic function 1 / (1 + exp(-x)); derivative y (1 - y).

    Where exp overflows, the value is below the smallest number of the dtype and becomes 0. (NumPy's exp is twice as
    fast as its tanh, and keeps the small values that (1 + tanh(x/2)) / 2 rounds away.)
    """
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


sigmoid = byhand.with_rules(sigmoid, lambda g, y, x: g * (y * (1 - y)))


def softplus(x):
    """log(1 + exp(x)), stable for large |x| and accurate to a few units in the last place; derivative sigmoid(x).

    With e = exp(-|x|) it is max(x, 0) + log(1 + e). Rounding 1 + e to u loses e - (u - 1), which is put back:
    log(1 + e) = log(u) + (e - (u - 1)) / u up to higher orders. (np.log1p does the same more slowly.)

    x: floats of any shape. The correction is derived here.
    """
    e = np.exp(-np.abs(x))
    u = 1 + e
    return np.maximum(x, 0) + (np.log(u) + (e - (u - 1)) / u)


# By its parts the second derivative at 0 would be that of two kinks.
softplus = byhand.with_rules(softplus, lambda g, y, x: g * sigmoid(x))


def silu(x):
    """x sigmoid(x), also called swish; derivative s + y (1 - s) with s = sigmoid(x)."""
    with np.errstate(over="ignore"):
        return x / (1 + np.exp(-x))


def _silu_rule(g, y, x):
    s = sigmoid(x)
    return g * (s + y * (1 - s))


silu = byhand.with_rules(silu, _silu_rule)


def gelu(x):
    """x Phi(x), with Phi the distribution function of the standard normal (not its approximation by tanh)."""
    from scipy.special import ndtr

    return x * ndtr(x)


ACTIVATIONS = {f.__name__: f for f in (tanh, relu, sigmoid, softplus, silu, gelu)}


def activation(choice):
    """The activation of that name; a function is returned as it is.

    choice: a name of ACTIVATIONS, or a function. Raises ValueError for another name.

    >>> activation("silu") is silu
    True
    """
    if callable(choice):
        return choice
    if choice not in ACTIVATIONS:
        raise ValueError(f"activation: got {choice!r}; expected one of {', '.join(ACTIVATIONS)}, or a function.")
    return ACTIVATIONS[choice]


# ---- layers ----


def linear_init(rng, n_in, n_out, dtype=np.float32):
    """A dense layer: W ~ N(0, 1/n_in), so that inputs of unit variance give outputs of unit variance; b = 0.

    rng : numpy.random.Generator or seed. Returns {"W": (n_in, n_out), "b": (n_out,)}. dtype: of both. Raises ValueError
    unless n_in and n_out are positive whole numbers.

    >>> layer = linear_init(0, 3, 2)
    >>> layer["W"].shape, layer["b"].dtype
    ((3, 2), dtype('float32'))
    """
    for name, n in (("n_in", n_in), ("n_out", n_out)):
        if not isinstance(n, (int, np.integer)) or n < 1:
            raise ValueError(f"linear_init: got {name}={n!r}; expected a positive whole number.")
    W = np.random.default_rng(rng).standard_normal((n_in, n_out)) / np.sqrt(n_in)
    return {"W": W.astype(dtype), "b": np.zeros(n_out, dtype)}


def linear(params, x):
    """The affine map x W + b: (..., n_in) -> (..., n_out).

    params: {"W": (n_in, n_out), "b": (n_out,)}, or a stack of them that x meets as matmul's stacks do. x: (..., n_in).
    Raises ValueError where x and W do not fit.
    """
    W, b = params["W"], params["b"]
    if x.ndim == 0 or x.shape[-1] != W.shape[-2]:
        raise ValueError(f"linear: got x of shape {x.shape}; expected (..., {W.shape[-2]}), because W is {W.shape}.")
    return x @ W + b


def mlp_init(rng, sizes, dtype=np.float32):
    """A multilayer perceptron with these layer sizes, the input's first and the output's last: a list of dense layers.

    rng: numpy.random.Generator or seed. dtype: of all arrays. Raises ValueError for fewer than two sizes.

    >>> [layer["W"].shape for layer in mlp_init(0, [64, 32, 10])]
    [(64, 32), (32, 10)]
    """
    sizes = list(sizes)
    if len(sizes) < 2:
        raise ValueError(f"mlp_init: got sizes {sizes}; expected at least two, the input's and the output's.")
    rng = np.random.default_rng(rng)
    return [linear_init(rng, n_in, n_out, dtype) for n_in, n_out in pairwise(sizes)]


def mlp(params, x, activation=tanh):
    """The layers one after another, with the activation (a function, or its name) between them, not after the last.

    params : list of layers as of `mlp_init`; x : floats (..., n_in). Returns (..., n_out). Raises TypeError unless x
    has a floating dtype.
    """
    between = _between(activation)
    if x.dtype.kind != "f":
        raise TypeError(f"mlp: got x of dtype {x.dtype}; expected floats: use x.astype(np.float32).")
    *hidden, last = params
    for layer in hidden:
        x = between(linear(layer, x))
    return linear(last, x)


_between = activation  # the argument of `mlp` hides the function's name
