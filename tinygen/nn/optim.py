"""Optimisers on one flat vector: all parameters of a model side by side, changed in place.

`tree.ravel(params)` makes the vector; the model's arrays are views into it, and so change with it. An update is a
handful of passes over the vector, done block by block, so that all but the first find their numbers in the cache.

BLAS's axpy, y <- y + a x in one pass, comes from SciPy. Its BLAS has threads of its own beside those of NumPy's matrix
product, and with more threads than idle cores the two would wait for each other, milliseconds a step; up to 10,000
numbers it uses none, hence the size of a block.
"""

import math

import numpy as np

BLOCK = 9984  # numbers: below 10,000, and a multiple of 64 bytes in both dtypes


class SGD:
    """Gradient descent, with momentum if asked for: u <- momentum u + g, theta <- theta - rate u.

    vector : contiguous float32 or float64 array (n,), which `step` changes in place.

    >>> theta = np.array([1.0, 2.0])
    >>> SGD(theta, rate=0.1).step(np.array([10.0, 0.0]))
    >>> theta
    array([0., 2.])
    """

    def __init__(self, vector, *, rate=1e-2, momentum=0.0):
        self.vector = _checked(vector)
        self.rate = _within("rate", rate, 0, np.inf)
        self.momentum = _within("momentum", momentum, 0, 1)
        self.u = np.zeros_like(vector)
        self._blocks = _blocks(vector, self.u)

    def step(self, gradient):
        """Change the vector by one step along `gradient`: an array of the vector's shape and dtype."""
        _check_gradient(gradient, self.vector)
        for here, work, theta, u in self._blocks:
            np.multiply(u, self.momentum, out=u)
            np.add(u, gradient[here], out=u)
            np.multiply(u, self.rate, out=work)
            np.subtract(theta, work, out=theta)

    def state(self):
        """What the next step depends on, beside vector and gradient, as a tree for a checkpoint."""
        return {"u": self.u}

    def restore(self, state):
        """Go on from what `state` returned."""
        self.u[:] = state["u"]


class Adam:
    """Adam (Kingma and Ba 2015, algorithm 1), up to rounding:

    m <- beta1 m + (1 - beta1) g,    v <- beta2 v + (1 - beta2) g^2,
    theta <- theta - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps).

    vector : contiguous float32 or float64 array (n,), which `step` changes in place.

    The moments are kept as M = m / ((1 - beta1) beta1^k) and V = v / ((1 - beta2) beta2^k), k steps after the last time
    that the powers were multiplied in: so the old moments need no factor, and taking in a gradient is one axpy. All
    factors and the corrections of the bias, the same for all entries, are moved into the axpy, rate and eps.

    >>> theta = np.array([1.0, 2.0])
    >>> Adam(theta, rate=0.1).step(np.array([10.0, 0.0]))  # the first step has length `rate`, whatever the gradient
    >>> theta.round(6)
    array([0.9, 2. ])
    """

    def __init__(self, vector, *, rate=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.vector = _checked(vector)
        self.rate = _within("rate", rate, 0, np.inf)
        self.beta1, self.beta2 = _within("beta1", beta1, 0, 1), _within("beta2", beta2, 0, 1)
        self.eps = _within("eps", eps, 0, np.inf)
        self.t = 0
        self.M, self.V = np.zeros_like(vector), np.zeros_like(vector)
        self._blocks = _blocks(vector, self.M, self.V)
        self._axpy, self._gradient, self._parts = _axpy(vector.dtype), None, []
        self._eps = np.zeros((), vector.dtype)  # NumPy takes a 0-d array faster than a number
        # After so many steps the smaller power is about 1e-4, and is multiplied in.
        smaller = min(self.beta1, self.beta2)
        self._period = max(1, int(math.log(1e-4) / math.log(smaller))) if smaller else 1

    def step(self, gradient):
        """Change the vector by one step along `gradient`: an array of the vector's shape and dtype."""
        if gradient is not self._gradient:  # an array that is written anew for each step is looked at once
            _check_gradient(gradient, self.vector)
            self._gradient = gradient
            self._parts = [(gradient[here], *rest) for here, *rest in self._blocks]
        k = self.t % self._period
        if k == 0 and self.t:
            self.M *= self.beta1**self._period
            self.V *= self.beta2**self._period
        self.t += 1
        power1, power2 = self.beta1**k, self.beta2**k
        to_m = (1 - self.beta1) * power1 / (1 - self.beta1**self.t)  # M to_m is m without its bias, V to_v^2 is v
        to_v = math.sqrt((1 - self.beta2) * power2 / (1 - self.beta2**self.t))
        self._eps[()] = self.eps / to_v
        into_m, into_v, rate, eps, axpy = 1 / power1, 1 / power2, -self.rate * to_m / to_v, self._eps, self._axpy
        for g, work, theta, M, V in self._parts:
            n = g.size
            axpy(g, M, n, into_m)
            np.multiply(g, g, work)
            axpy(work, V, n, into_v)
            np.sqrt(V, work)
            np.add(work, eps, work)
            np.divide(M, work, work)
            axpy(work, theta, n, rate)

    def state(self):
        """What the next step depends on, beside vector and gradient, as a tree for a checkpoint."""
        return {"t": self.t, "M": self.M, "V": self.V}

    def restore(self, state):
        """Go on from what `state` returned."""
        self.t = state["t"]
        self.M[:], self.V[:] = state["M"], state["V"]


class CosineAdam(Adam):
    """Adam whose rate falls from `rate` to 0 over `total` steps, in half a period of a cosine.

    rate_t = rate/2 (1 + cos(pi t/total)), t = 0, 1, ..., total: the last steps take the noise out of the parameters.
    vector: (P,), all parameters, changed in place. Source: Loshchilov and Hutter 2017, without restarts.
    """

    LONGER = ("total",)  # what a run that goes on for longer may have changed

    def __init__(self, vector, *, rate, total):
        super().__init__(vector, rate=rate)
        self.total = float(total)

    def step(self, gradient):
        full = self.rate
        self.rate = 0.5 * full * (1 + math.cos(math.pi * min(self.t / self.total, 1)))
        super().step(gradient)
        self.rate = full


class AveragedAdam(CosineAdam):
    """Adam with cosine decay of its rate (none for total=inf), and the exponential moving average of its vector.

    A <- decay A + (1 - decay) theta after each step, A = 0 at first; `average()` is A / (1 - decay^t): a weighted
    mean of theta_1, ..., theta_t, theta_s with weight (1 - decay) decay^(t - s) / (1 - decay^t).
    decay: between 0 (the last theta) and 1. The average goes into checkpoints with the rest. vector, rate, total: as in
    `CosineAdam`. Raises ValueError for another decay. Source: Kingma and Ba 2015, sections 3 and 7.2.

    >>> theta = np.array([1.0])
    >>> adam = AveragedAdam(theta, rate=0.1, total=100, decay=0.9)
    >>> adam.step(np.array([1.0]))
    >>> bool(np.allclose(adam.average(), theta))
    True
    """

    def __init__(self, vector, *, rate, total, decay):
        super().__init__(vector, rate=rate, total=total)
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1, got {decay!r}")
        self.decay = float(decay)
        self.A = np.zeros_like(vector)
        self._averages = [self.A[here] for here, *_ in self._blocks]

    def step(self, gradient):
        super().step(gradient)
        for A, (_, work, theta, *_) in zip(self._averages, self._blocks):
            np.subtract(theta, A, work)
            np.multiply(work, 1 - self.decay, work)
            np.add(A, work, A)

    def average(self):
        """The mean of the parameters so far, a new vector; before the first step the parameters themselves."""
        return self.A / (1 - self.decay**self.t) if self.t else self.vector.copy()

    def state(self):
        return {**super().state(), "A": self.A}

    def restore(self, state):
        super().restore(state)
        self.A[:] = state["A"]


def _checked(vector):
    if not isinstance(vector, np.ndarray) or vector.ndim != 1 or vector.dtype not in (np.float32, np.float64):
        got = f"{vector.dtype} {vector.shape}" if isinstance(vector, np.ndarray) else type(vector).__name__
        raise TypeError(f"optimiser: got {got}; expected one flat float32 or float64 vector: tree.ravel(params)[0].")
    if not (vector.flags.c_contiguous and vector.flags.writeable):
        raise ValueError("optimiser: the vector is read-only or a strided view; expected one to be changed in place.")
    return vector


def _axpy(dtype):
    from scipy.linalg import blas  # here: importing SciPy takes a while, and only training needs it

    return blas.saxpy if dtype == np.float32 else blas.daxpy


def _blocks(*vectors):
    """For each block its slice, room for a result, and the vectors' views."""
    n = vectors[0].size
    work = np.empty(min(n, BLOCK), vectors[0].dtype)
    slices = [slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK)]
    return [(here, work[: here.stop - here.start], *(vector[here] for vector in vectors)) for here in slices]


def _check_gradient(gradient, vector):
    if gradient.shape != vector.shape or gradient.dtype != vector.dtype:
        got, expected = f"{gradient.dtype} {gradient.shape}", f"{vector.dtype} {vector.shape}"
        raise ValueError(f"step: got a gradient {got}; expected the vector's {expected}.")


def _within(name, value, low, high):
    if not low <= value < high:
        raise ValueError(f"optimiser: got {name}={value!r}; expected {low} <= {name} < {high}.")
    return float(value)
