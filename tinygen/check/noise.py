"""How exactly a function is computed: its rounding noise, measured."""

import math
from dataclasses import dataclass

import numpy as np

POINTS = 9  # function values on one line
SPACINGS = (0.7, 0.6, 0.4)  # eps to these powers, relative to the size of x
LINES = 2  # random lines
EVALUATIONS = 2 + LINES * len(SPACINGS) * POINTS  # of f, in all


class NotFinite(ValueError):
    """f is nan or infinite at the point where its derivative is wanted."""


@dataclass(frozen=True)
class Noise:
    """`value` of f at the point, standard deviation `sigma` of its rounding errors, and `eps` of its number format.

    `repeatable` is False if two calls on the same x gave two values, which then differ by about sigma.
    """

    value: float
    sigma: float
    eps: float
    repeatable: bool


def scalar(value):
    """The number that f returned, as a NumPy scalar.

    Raises TypeError or ValueError if it is not one real number.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"f must return a real number, got {type(value).__name__} of dtype {array.dtype}")
    if array.size != 1:
        raise ValueError(f"f must return one number, got shape {array.shape}: sum or average it")
    return array.reshape(())[()]


def along(f, x, v):
    """The function t -> f(x + t v) of one number; nan where f cannot be evaluated."""

    def phi(t):
        try:
            return scalar(f((x + t * v).astype(x.dtype, copy=False)))
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            return math.nan

    return phi


def scales(x):
    """A length for each entry of x, a first guess of how far f is smooth: |x|; where x is 0 the typical |x|, or 1."""
    size = abs(np.asarray(x, dtype=np.float64))
    some = size[size > 0]
    return np.where(size > 0, size, np.exp(np.mean(np.log(some))) if some.size else 1.0)


def measure_noise(f, x, rng, *, eps=0.0):
    """The rounding noise of scalar-valued `f` at `x`, from high differences of closely spaced values: a Noise.

    The k-th difference of a smooth function at spacing d is of order d**k, that of independent errors of standard
    deviation sigma has variance binomial(2k, k) sigma**2 (Hamming; More & Wild, 2011). Rounding of x + t v shows as
    noise of f, too. Three spacings are tried, the noisiest counts; of two random lines the quieter one, since a kink
    looks like noise. `eps` is the spacing of the number format if x is stored in a wider one.

    Raises what f raises at x itself, and NotFinite if f(x) is not finite.
    """
    first, again = scalar(f(x.copy())), scalar(f(x.copy()))
    if not np.isfinite(first):
        raise NotFinite(f"f is {first} at the point itself: there is no derivative to measure")
    kinds = [np.finfo(d).eps for d in (x.dtype, first.dtype) if d.kind == "f"]
    eps = float(max([eps, *kinds]))
    quietest = math.inf
    for _ in range(LINES):
        phi = along(f, x, scales(x) * rng.uniform(0.5, 1, x.shape) * rng.choice([-1, 1], x.shape))
        noisiest = max(_difference_noise([phi(j * eps**power) for j in range(POINTS)]) for power in SPACINGS)
        quietest = min(quietest, noisiest)
    quietest = quietest if math.isfinite(quietest) else 0.0
    change = abs(float(again) - float(first))
    return Noise(first, max(quietest, 0.3 * eps * abs(float(first)), change), eps, bool(first == again))


def _difference_noise(values):
    """Standard deviation of independent errors in equally spaced values of a smooth function; 0 if some are nan."""
    difference, levels = np.array(values), []
    for k in range(1, 7):
        difference = np.diff(difference)
        if k >= 4:
            levels.append(math.sqrt(np.mean(difference**2) / math.comb(2 * k, k)))
    return float(np.median(levels)) if np.isfinite(levels).all() else 0.0
