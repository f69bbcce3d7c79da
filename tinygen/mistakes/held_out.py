"""The same gradient at other points: an explanation has to hold where it was not fitted.

The points are near by, inside whatever range the numbers had: each moves towards 0 by a few per cent, so that what is
positive, or below 1, stays so; symmetric arrays stay symmetric, rows that sum to 1 still do.
"""

import numpy as np

from tinygen.mistakes.case import Case, automatic_gradient

POINTS = 2


def held_out(case):
    """Cases of the same gradient at other points, as far as they can be had; none if `got` is no function."""
    found, rng = [], np.random.default_rng(20)
    if case.again is None or not (case.automatic or case.x.size == 1):
        return found
    for _ in range(POINTS):
        args = tuple(_moved(case, i, value, rng) for i, value in enumerate(case.args))
        other = _at(case, args)
        if other is not None and other.wrong.any():
            found.append(other)
    return found


def _moved(case, i, value, rng):
    array = np.asarray(value) if isinstance(value, np.ndarray | np.generic | float) else None
    if array is None or array.dtype.kind != "f" or not (i == case.argnum or array.ndim == 0):
        return value
    if array.ndim == 0 and i != case.argnum and float(array).is_integer():
        return value
    ones = array.ndim and np.all(array >= 0) and np.allclose(array.sum(-1), 1)
    symmetric = array.ndim == 2 and array.shape[0] == array.shape[1] and np.array_equal(array, array.T)
    noise = rng.uniform(0, 0.02 if symmetric else 0.15, array.shape)
    new = array * rng.uniform(0.88, 0.97) * (1 - (noise + noise.T) / 2 if symmetric else 1 - noise)
    new = (new / new.sum(-1, keepdims=True) if ones else new).astype(array.dtype)
    return float(new) if isinstance(value, float) and not isinstance(value, np.generic) else new


def _at(case, args):
    """The case at other arguments; None if f or the gradient cannot be had there."""
    with np.errstate(all="ignore"):
        try:
            got = np.asarray(case.again(args), dtype=np.float64)
        except Exception:  # anybody's code, at a point of our choice
            return None
        if case.automatic:
            expected = automatic_gradient(case.total, args, case.argnum)
            bar = None if expected is None else 256 * np.finfo(float).eps * np.max(abs(expected), initial=0)
        else:
            expected, bar = case.measured(args)
    if np.array_equal(got, case.got):  # not a function of its arguments
        return None
    if expected is None or got.shape != expected.shape or not np.all(np.isfinite(expected) & np.isfinite(got)):
        return None
    relative = np.max(case.tolerance[case.known] / np.maximum(abs(case.expected[case.known]), 1e-300), initial=0)
    floor = min(np.max(case.tolerance[case.known], initial=0), 1e-6 * np.max(abs(expected), initial=0))
    bars = np.maximum(np.maximum(bar, floor), min(relative, 1e-6) * abs(expected)) + 0 * expected
    kept = {k: case.known_from[k] for k in ("automatic", "calls") if k in case.known_from}
    return Case(case.f, args, case.argnum, got, expected, bars, case.name, case.names, known_from=kept)
