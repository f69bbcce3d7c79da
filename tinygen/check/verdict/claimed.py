"""How far a given gradient may be off merely because it was computed in its own precision."""

import numpy as np

from tinygen.check.verdict.judge import COARSE, RESOLUTION
from tinygen.measure.numeric import SMALL

NEGLIGIBLE = 1e-10  # relative errors below this are not looked for: they come from rounding, not from a derivation
TIMES = 3  # evaluations of the gradient at neighbouring points


class Claimed:
    """The given gradient as one vector `got` (nan: not given), with `slack`, what its own rounding may amount to.

    `coarse` marks entries of less than double precision. Where f follows promoted arguments and the gradient is a
    function, `got` is what it gives in float64: the formula is judged, and what float32 makes of it is one of `notes`.
    noise: of f in float32, if its arguments are float32.
    """

    def __init__(self, arguments, given, meter, noise):
        n = arguments.vector.size
        self.got, self.notes, eps = np.full(n, np.nan), [], np.zeros(n)
        for leaf, array in given.arrays.items():
            self.got[leaf.start : leaf.stop] = array.ravel()
            eps[leaf.start : leaf.stop] = np.finfo(array.dtype if array.dtype.kind == "f" else np.float64).eps
        self.coarse = eps > np.finfo(np.float64).eps
        exact = given.at(arguments.vector) if arguments.promoted else None
        if exact is not None:
            self._take(exact)
        size = np.where(np.isfinite(self.got), abs(self.got), 0)
        own = exact is None and noise is not None
        sigma = (noise if own else meter.noise).sigma
        self.slack = allowance(size, meter, sigma, eps, self.coarse, own)
        largest = _largest(size, meter.scale)
        if given.callable:
            precision = meter.noise.eps if exact is not None else np.max(eps, initial=0)
            cap = np.where(self.coarse, COARSE, RESOLUTION) * (size + largest)
            jitter = 4 * self._jitter(arguments, given, meter.rng, precision)
            jumps = jitter > 100 * cap  # a gradient that jumps is not rounded: there is a kink
            self.slack = np.maximum(self.slack, np.where(jumps, 0, np.minimum(jitter, cap)))

    def _take(self, exact):
        known = np.isfinite(exact)
        size = np.max(abs(exact[known]), initial=0)
        with np.errstate(invalid="ignore"):
            loss = np.max(abs(self.got - exact)[known & np.isfinite(self.got)], initial=0)
        lost = ~np.isfinite(self.got) & known
        if loss > 1e-3 * size:
            self.notes.append(
                f"In float32 the gradient is off by up to {loss / size:.1g} of its largest entry, while in float64 "
                "it is not: numbers cancel on the way."
            )
        self.got = np.where(lost, self.got, exact)

    def _jitter(self, arguments, given, rng, precision):
        """How far the gradient moves when its argument moves by one rounding."""
        jitter, x = np.zeros(self.got.shape), arguments.vector
        for _ in range(TIMES):
            near = given.at(x * (1 + precision * rng.standard_normal(x.shape)))
            if near is not None:
                with np.errstate(invalid="ignore"):
                    jitter = np.fmax(jitter, np.nan_to_num(abs(near - self.got)))
        return jitter


def allowance(size, meter, sigma, eps=2.0**-52, coarse=False, own=False):
    """What rounding may amount to in a gradient of entries of this `size`, computed in numbers of spacing `eps`.

    sigma: the rounding of f. coarse: where the gradient is of less than double precision; own: so is f itself.
    """
    scale, largest = meter.scale, _largest(size, meter.scale)
    slack = eps * (16 * size + np.where(coarse, 4, 64) * largest) + NEGLIGIBLE * size
    # numbers that cancel in f are likely to cancel in its gradient; in float64 that stays below what is asked for
    typical = np.exp(np.mean(np.log(scale))) if scale.size else 1.0
    cancelled = 8 * sigma / np.maximum(scale, typical)
    asked = 0.3 * RESOLUTION * np.maximum(size, SMALL * largest)
    return slack + np.where(coarse & own, cancelled, np.minimum(cancelled, asked))


def _largest(size, scale):
    return np.minimum(np.max(size, initial=0), np.max(size * scale, initial=0) / scale)
