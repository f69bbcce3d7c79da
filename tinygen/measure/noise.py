"""How exactly a function is computed: its rounding noise, measured."""

import math
from dataclasses import dataclass

import numpy as np

POINTS = 11  # function values on one line at one spacing
SPACINGS = (0.7, 0.6, 0.5, 0.4, 0.3, 0.2)  # eps to these powers, relative to the size of x
LINES = 2  # random lines
QUICK = (0.6, 0.4, 0.25)  # the spacings of a first look, with
QUICK_POINTS = 7  # values at each, of one line: is it as exact and as smooth as it should be?
PLAIN = 30.0  # differences of so many roundings are what rounding explains


class NotFinite(ValueError):
    """f is nan or infinite at the point where its derivative is wanted."""


class OutOfTime(BaseException):
    """Raised by an f that may not be called any more: no error of its own, which a measurement would go on after."""


@dataclass(frozen=True)
class Noise:
    """`value` of f at the point, standard deviation `sigma` of its rounding errors, and `eps` of its number format.

    `repeatable` is False if two calls on the same x gave two values, which then differ by about sigma. `smooth` is the
    length, relative to x, up to which f looks smooth but for its rounding: finite if there are waves or kinks close by.
    """

    value: float
    sigma: float
    eps: float
    repeatable: bool
    smooth: float


def scalar(value):
    """The number that f returned, as a NumPy scalar.

    Raises TypeError or ValueError if it is not one real number.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # parts of different shapes
        array = np.asarray(None)
    if array.dtype.kind in "bu":  # True - False is no number, and 2 - 3 is none without a sign
        array = array.astype(np.int64)
    if array.dtype.kind not in "fi":
        raise TypeError(f"f must return a real number, got {type(value).__name__} of dtype {array.dtype}")
    if array.size != 1:
        raise ValueError(f"f must return one number, got shape {array.shape}: sum or average it")
    return array.reshape(())[()]


def along(f, x, v):
    """The function t -> f(x + t v) of one number; nan where f cannot be evaluated."""

    def phi(t):
        try:
            return scalar(f((x + t * v).astype(x.dtype, copy=False)))
        except Exception:  # f is anybody's code, and this is a point of our own choice
            return math.nan

    return phi


def scales(x):
    """A length for each entry of x, a first guess of how far f is smooth: a power of 2 near |x|.

    Where x is 0 (or not finite), the typical |x| of the others, or 1.
    """
    size = abs(np.asarray(x, dtype=np.float64))
    size = np.where(np.isfinite(size), size, 0)
    some = size[size > 0]
    return 2.0 ** np.round(np.log2(np.where(size > 0, size, np.exp(np.mean(np.log(some))) if some.size else 1.0)))


def measure_noise(f, x, rng, *, eps=0.0):
    """The rounding noise of scalar-valued `f` at `x`, from high differences of closely spaced values: a Noise.

    The k-th difference of a smooth function at spacing d is of order d**k, that of independent errors of standard
    deviation sigma has variance binomial(2k, k) sigma**2 (Hamming; More & Wild, 2011). Rounding of x + t v shows as
    noise of f, too; and if no value of f has digits below some power of 2, it is rounded to that. Differences that grow
    with the spacing as those of a smooth function do are no noise, though, but structure of f on a small length.
    `eps` is the spacing of the number format if x is stored in a wider one.

    Raises what f raises at x itself, and NotFinite if f(x) is not finite.
    """
    first, again = scalar(f(x.copy())), scalar(f(x.copy()))
    if not np.isfinite(first):
        raise NotFinite(f"f is {first} at the point itself: there is no derivative to measure")
    kinds = [np.finfo(d).eps for d in (x.dtype, first.dtype) if d.kind == "f"]
    eps = float(max([eps, *kinds]))
    if (sigma := _plain(f, x, rng, first, again, eps)) is not None:
        return Noise(first, sigma, eps, True, math.inf)
    lines = []
    for _ in range(LINES):
        phi = along(f, x, scales(x) * rng.uniform(0.5, 1, x.shape) * rng.choice([-1, 1], x.shape))
        lines.append(line_noise(phi, first, eps))
    sigma = max([0.3 * eps * abs(float(first)), *(sigma for sigma, _ in lines if math.isfinite(sigma))])
    sigma = max(sigma, abs(float(again) - float(first)))
    return Noise(first, sigma, eps, bool(first == again), min(smooth for _, smooth in lines))


def _plain(f, x, rng, first, again, eps):
    """The rounding of a plain function, from few values; None where they show anything that has to be looked at.

    Third differences are rounding alone at the first two spacings, and small against the first ones at the last.
    """
    if first != again or first == 0 or not x.size:
        return None
    phi = along(f, x, scales(x) * rng.uniform(0.5, 1, x.shape) * rng.choice([-1, 1], x.shape))
    floor, sigma = 0.3 * eps * abs(float(first)), 0.0
    for power in QUICK:
        values = np.array([first, *(phi(j * eps**power) for j in range(1, QUICK_POINTS))])
        if not np.isfinite(values).all():
            return None
        steps, third = abs(np.diff(values)).astype(float), _usual(values, 3)
        if power > QUICK[-1]:
            if third > PLAIN * floor or np.count_nonzero(steps) < QUICK_POINTS // 2 + 1:
                return None
            sigma = max(sigma, third, _usual(values, 2) if power > 0.55 else 0.0)
        elif third > 1e-4 * np.median(steps) + PLAIN * floor:
            return None
    return max(sigma, floor) if sigma <= PLAIN * floor else None


def line_noise(phi, centre, eps):
    """The rounding noise of `phi` near 0, where it has the value `centre`, and the length up to which it looks smooth.

    The differences of noise are the same at all spacings, those of a smooth function grow with a power of it. If they
    stop growing, there is something on that length which steps beyond it would not see. The noise is inf if phi stands
    still, so that nothing is known.
    """
    floor = 0.3 * eps * abs(float(centre))
    sigma, smooth, seen = floor, math.inf, [centre]
    before, last, grown, still = math.inf, 0.0, False, False
    for power in SPACINGS:
        values = np.array([phi(j * eps**power) for j in range(POINTS)])
        steps = abs(np.diff(values))
        stood, still = still, np.count_nonzero(steps) < POINTS // 2  # values on plateaus: f is rounded coarsely
        now, rounder = _usual(values, 2), _usual(values, 3)
        if power > 0.55:  # f is as good as linear
            now = rounder = max(now, rounder)
        if still or (stood and np.median(steps) > 100 * floor):  # how coarsely, shows as f begins to move
            now = rounder = max(now, 0.3 * float(np.max(steps)))
        grows = now > 10 * floor and now > max(before, floor) * eps**-0.08  # the spacing grows by eps**-0.1
        if grown and not grows:
            smooth = POINTS * last
            break
        grown = grown or grows
        sigma = sigma if grown else max(sigma, min(now, rounder))
        before, last = math.inf if still else now, eps**power
        seen.extend(values)
    return math.inf if np.ptp(seen) == 0 else max(sigma, 0.3 * _quantum(seen)), smooth


def _usual(values, k):
    """Standard deviation of independent errors of equally spaced values, from their median k-th difference.

    A kink is in few differences, so that the median does not see it; if the median is 0, the mean square counts.
    """
    size = abs(np.diff(values, k)).astype(np.float64)
    if not np.isfinite(size).all():
        return 0.0
    usual = np.median(size) / 0.67 or math.sqrt(np.mean(size**2))
    return float(usual) / math.sqrt(math.comb(2 * k, k))


def _quantum(values):
    """The largest power of 2 of which all values are multiples; 0 if they are all the same."""
    finite = [value for value in values if math.isfinite(value) and value != 0]
    if len(set(finite)) < 2:
        return 0.0
    powers = []
    for value in map(np.longdouble, finite):
        fraction, exponent = np.frexp(value)
        digits = int(np.ldexp(fraction, 64))
        powers.append(int(exponent) - 64 + (digits & -digits).bit_length() - 1)
    return 2.0 ** min(powers)
