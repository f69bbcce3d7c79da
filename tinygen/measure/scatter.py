"""How accurate is a function beside its rounding? What an inner solver or a table leaves."""

import math

import numpy as np
from numpy.polynomial import chebyshev

POINTS = 17  # on one window
DEGREES = (6, 10)  # of the polynomials that are fitted there
WINDOWS = 0.3 * 4.0 ** -np.arange(7)  # half widths, relative to the scale
DECAYS = 0.1  # what is left of an analytic function by the higher degree falls at least to this part
SOLVER = 1e-4  # less than this part of what f varies by is an inaccuracy; more is how f is made (kinks, waves)
HIDDEN = 30.0  # an error of so many times what shows may be too smooth to show
ROUNDINGS = 30.0  # below so many roundings of f nothing is seen

_T = np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS)  # Chebyshev points: no wild fits at the ends
_BASES = {degree: chebyshev.chebvander(_T, degree) for degree in DEGREES}


def scatter(phi, eps):
    """How far the values of `phi` may be off close to 0, where 1 is its natural length: 0 if by rounding alone.

    On a window, a polynomial is fitted. What an analytic function leaves falls fast with the degree; what kinks and
    jumps leave does not. If that is small, phi looks smooth but is computed with an error of this kind, most of which
    is smooth itself and does not show. inf: on no length phi is smooth to four digits (chaos), or it moves by jumps
    only (1 - p where p is 1 but for rounding).
    """
    rough = 0.0
    for width in WINDOWS:
        values = np.array([phi(t) for t in width * _T], dtype=np.float64)
        if not np.isfinite(values).all():
            continue
        floor, span = 0.3 * eps * np.max(abs(values)), np.ptp(values)
        if span == 0:
            return math.inf if rough and _jumps(phi, rough) else 0.0
        low, high = (_left(values, degree) for degree in DEGREES)
        if high <= ROUNDINGS * floor:
            return 0.0
        if high > DECAYS * low:
            if high <= SOLVER * span:
                return HIDDEN * high
            rough = width
    return math.inf if rough == WINDOWS[-1] and not all(_smooth(phi, side, eps) for side in (1, -1)) else 0.0


def _smooth(phi, side, eps):
    """Whether phi is smooth on one side of 0, on some length: then there is a kink at 0, and no chaos."""
    for width in WINDOWS:
        values = np.array([phi(side * width * (1 + t) / 2) for t in _T], dtype=np.float64)
        floor = 0.3 * eps * np.max(abs(values), initial=0)
        if np.isfinite(values).all() and _left(values, DEGREES[1]) <= ROUNDINGS * floor:
            return True
    return False


def _left(values, degree):
    """Standard deviation of what a polynomial of this degree leaves of the values."""
    basis = _BASES[degree]
    left = values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
    return float(np.linalg.norm(left) / math.sqrt(POINTS - degree - 1))


def _jumps(phi, width):
    """Whether phi, which stands still at 0, moves by a jump on its way to +- width: halving the way leaves it whole."""
    for end in (width, -width):
        first, last = (0.0, phi(0.0)), (end, phi(end))
        change = abs(last[1] - first[1])
        if change > 0 and left_of_change(phi, first, last, math.ceil(44 + math.log2(width))) > 0.01 * change:
            return True
    return False


def left_of_change(phi, first, last, halvings):
    """|phi(b) - phi(a)| after the way from `first` to `last`, (t, phi(t)) each, is halved so often, always to the half
    in which phi changes more: as much as before at a jump, next to nothing elsewhere."""
    for _ in range(halvings):
        t = 0.5 * (first[0] + last[0])
        y = phi(t)
        if abs(y - first[1]) >= abs(last[1] - y):
            last = t, y
        else:
            first = t, y
    return abs(last[1] - first[1])
