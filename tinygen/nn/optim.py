"""Optimisers on one flat vector: all parameters of a model side by side, changed in place in a few passes.

`tree.ravel(params)` makes the vector; the model's arrays are views into it, and so change with it.
"""

import math

import numpy as np


class SGD:
    """Gradient descent, with momentum if asked for: u <- momentum u + g, theta <- theta - rate u.

    vector : contiguous float32 or float64 array (n,), which `step` changes in place.

    >>> theta = np.array([1.0, 2.0])
    >>> SGD(theta, rate=0.1).step(np.array([10.0, 0.0]))
    >>> theta
    array([0., 2.])
    """

    def __init__(self, vector, *, rate=1e-2, momentum=0.0):
        self.vector, self._axpy = _checked(vector)
        self.rate = _within("rate", rate, 0, np.inf)
        self.momentum = _within("momentum", momentum, 0, 1)
        self.u = np.zeros_like(vector) if momentum else None

    def step(self, gradient):
        """Change the vector by one step along `gradient`: an array of the vector's shape and dtype."""
        _check_gradient(gradient, self.vector)
        direction = gradient
        if self.u is not None:
            self.u *= self.momentum
            self.u += gradient
            direction = self.u
        self._axpy(direction, self.vector, a=-self.rate)

    def state(self):
        """What the next step depends on, beside vector and gradient, as a tree for a checkpoint."""
        return {"u": self.u}

    def restore(self, state):
        """Go on from what `state` returned."""
        if self.u is not None:
            self.u[:] = state["u"]


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1), to rounding:

    m <- beta1 m + (1 - beta1) g,    v <- beta2 v + (1 - beta2) g^2,
    theta <- theta - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps).

    vector : contiguous float32 or float64 array (n,), which `step` changes in place.

    Seven passes over the vector instead of eleven, because the moments are kept divided by factors that are the same
    for all entries. With k steps since the last rescaling, M = m beta1^-k / (1 - beta1) takes a new gradient as
    M <- M + beta1^-k g, without a pass that shrinks it, and V likewise; the factors meet again in two scalars, in
    rate and eps. Before they grow beyond `LARGEST`, M and V are scaled back.

    >>> theta = np.array([1.0, 2.0])
    >>> Adam(theta, rate=0.1).step(np.array([10.0, 0.0]))  # the first step has length `rate`, whatever the gradient
    >>> theta.round(6)
    array([0.9, 2. ])
    """

    LARGEST = 1e4  # room for the gradients themselves in float32

    def __init__(self, vector, *, rate=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.vector, self._axpy = _checked(vector)
        self.rate = _within("rate", rate, 0, np.inf)
        self.beta1, self.beta2 = _within("beta1", beta1, 0, 1), _within("beta2", beta2, 0, 1)
        self.eps = _within("eps", eps, 0, np.inf)
        self.t = 0
        self.M, self.V, self._work = (np.zeros_like(vector) for _ in range(3))
        smallest = max(min(self.beta1, self.beta2), 1e-300)
        self.period = max(1, int(math.log(self.LARGEST) / -math.log(smallest)))  # steps from one rescaling to the next

    def step(self, gradient):
        """Change the vector by one step along `gradient`: an array of the vector's shape and dtype."""
        _check_gradient(gradient, self.vector)
        k = self.t % self.period
        if k == 0 and self.t:
            self.M *= self.beta1**self.period
            self.V *= self.beta2**self.period
        self.t += 1
        work = self._work
        with np.errstate(over="ignore", invalid="ignore"):  # a gradient that is too large is the caller's to report
            self._axpy(gradient, self.M, a=self.beta1**-k)
            np.multiply(gradient, gradient, out=work)
            self._axpy(work, self.V, a=self.beta2**-k)
            # m = M to_m and v = V to_v^2, both with their bias taken out
            to_m = (1 - self.beta1) * self.beta1**k / (1 - self.beta1**self.t)
            to_v = math.sqrt((1 - self.beta2) * self.beta2**k / (1 - self.beta2**self.t))
            np.sqrt(self.V, out=work)
            np.add(work, self.eps / to_v, out=work)
            np.divide(self.M, work, out=work)
            self._axpy(work, self.vector, a=-self.rate * to_m / to_v)

    def state(self):
        """What the next step depends on, beside vector and gradient, as a tree for a checkpoint."""
        return {"t": self.t, "M": self.M, "V": self.V}

    def restore(self, state):
        """Go on from what `state` returned."""
        self.t = state["t"]
        self.M[:], self.V[:] = state["M"], state["V"]


def _checked(vector):
    """The vector, and BLAS's y += a x for its dtype."""
    from scipy.linalg.blas import daxpy, saxpy

    routines = {np.dtype(np.float32): saxpy, np.dtype(np.float64): daxpy}
    if not isinstance(vector, np.ndarray) or vector.ndim != 1 or vector.dtype not in routines:
        got = f"{vector.dtype} {vector.shape}" if isinstance(vector, np.ndarray) else type(vector).__name__
        raise TypeError(f"optimiser: got {got}; expected one flat float32 or float64 vector: tree.ravel(params)[0].")
    if not (vector.flags.c_contiguous and vector.flags.writeable):
        raise ValueError("optimiser: the vector is read-only or a strided view; expected one to be changed in place.")
    return vector, routines[vector.dtype]


def _check_gradient(gradient, vector):
    if gradient.shape != vector.shape or gradient.dtype != vector.dtype or not gradient.flags.c_contiguous:
        raise ValueError(
            f"step: got a gradient {gradient.dtype} {gradient.shape}; "
            f"expected the vector's {vector.dtype} {vector.shape}, contiguous."
        )


def _within(name, value, low, high):
    if not low <= value < high:
        raise ValueError(f"optimiser: got {name}={value!r}; expected {low} <= {name} < {high}.")
    return float(value)
