"""How far may a computed number be off? Its rounding, followed through the function by the chain rule, and quadrature.

Reverse mode was first used for this (Linnainmaa 1976): the derivative of the result by an intermediate value says how
much of that value's rounding arrives at the end.
"""

import math
from dataclasses import dataclass

import numpy as np

from tinygen.autodiff import primitive, tree
from tinygen.autodiff.arraylike import bare
from tinygen.autodiff.tape import Tape, Var
from tinygen.measure.noise import scales

ULPS = 4  # what one NumPy operation may be off by, in units of its format's eps, and relative to each of its terms
SIGMAS = 8.0  # how many standard deviations of a measured noise the bar covers
SPACINGS = (1e-10, 1e-7)  # of the points between which it is measured, relative to the size of the arguments
ORDER = 5  # of the differences that show it


@dataclass(frozen=True)
class Number:
    """`value` +- `bar`, arrays of one shape. `followed`: was the bar followed operation by operation, or measured?"""

    value: np.ndarray
    bar: np.ndarray
    followed: bool = True


approximate = primitive(lambda value, bar: value, lambda g, y, value, bar: g)
approximate.__doc__ = """`value`, said to be off by at most `bar`: `measure` carries that to the result.

Anything but rounding has to be said: the truncation of a series or an integral, the noise of a Monte Carlo mean.

>>> two = measure(lambda x: approximate(x, 1e-3) ** 2, dict(x=1.0))
>>> float(two.bar.round(6))
0.002
"""


def integrate(f, center=0.0, scale=1.0, *, points=97, width=12.0):
    """The integral of f over the whole line, or over several, with its truncation as a bar that `measure` finds.

    int f(z) dz ~ h sum_j f(c + h j),  h = 2 width scale / (points - 1)

    The trapezoidal rule from center - width scale to center + width scale, which for smooth integrands that die out
    converges faster than any power of h. Its error is taken to be what leaving out every other point changes, plus what
    stands at the ends: both are far more than is left where the integrand is resolved.

    f: takes one array for each axis, which broadcast against each other, and returns the integrand on the grid.
    center, scale: numbers, or one for each axis (then lists): where the integrand sits, and its narrowest width.
    points: odd, on each axis. Returns a scalar. Raises ValueError unless points is odd and at least 5.

    >>> found = measure(lambda a: integrate(lambda z: np.exp(-0.5 * a * z**2)), dict(a=1.0))
    >>> bool(abs(found.value - np.sqrt(2 * np.pi)) < found.bar < 1e-13)
    True
    """
    if points % 2 == 0 or points < 5:
        raise ValueError(f"points must be odd and at least 5, so that every other point is a grid too, got {points}")
    centers, scales = (list(v) if isinstance(v, list | tuple) else [v] for v in (center, scale))
    d = max(len(centers), len(scales))
    centers, scales = (v * d if len(v) == 1 else v for v in (centers, scales))
    line = np.linspace(-width, width, points)
    open_grid = np.ix_(*[line] * d)
    axes = [c + s * steps for c, s, steps in zip(centers, scales, open_grid)]
    table = f(*axes)
    if table.shape != (points,) * d:
        raise ValueError(f"the integrand has shape {table.shape} on a grid of {(points,) * d}: it must keep its axes")
    cell = (line[1] - line[0]) ** d
    for s in scales:
        cell = cell * s
    whole = np.sum(table) * cell
    values, size = bare(table), abs(bare(cell))
    coarse = np.sum(values[(slice(None, None, 2),) * d]) * 2**d
    ends = sum(np.sum(abs(np.take(values, [0, -1], axis=i))) * points for i in range(d))
    return approximate(whole, float(size * (abs(np.sum(values) - coarse) + ends)))


def measure(f, point):
    """The value of f at a point, with the bar that its own arithmetic gives it: a Number.

    bar = ULPS eps sum over operations [ |dF/dy y| + sum over their arguments |dF/dx x| ] + sum |dF/dv| bar(v)

    the second sum over what `approximate` and `integrate` said of themselves. An f that cannot be followed (it leaves
    NumPy) gets a bar that is measured from how roughly it moves between close points.

    f: called with keywords, returns a number or an array, or a pair (value, bar) that is taken as it stands. point:
    dict of its arguments; floats and float arrays are followed. Raises what f raises, and ValueError if it returns
    something else.

    >>> found = measure(lambda x: (1 + x) - 1, dict(x=1e-10))
    >>> bool(abs(found.value - 1e-10) < found.bar < 1e-14)
    True
    """
    value = f(**point)
    if isinstance(value, tuple) and len(value) == 2:
        value, bar = (np.asarray(part, dtype=np.float64) for part in value)
        return Number(value, np.broadcast_to(bar, value.shape))
    plain = np.asarray(value)
    if plain.dtype.kind not in "fiub":
        raise ValueError(f"expected a number or an array of numbers, got {type(value).__name__}")
    plain = plain.astype(np.float64)
    try:
        bar = _followed(f, point)
    except Exception:  # whatever stops a Var: f runs without one, so it is not f's fault
        bar = None
    if bar is not None and bar.shape == plain.shape and not np.isnan(bar).any():
        return Number(plain, bar)
    return Number(plain, _measured(f, point, plain), followed=False)


def _followed(f, point):
    tape = Tape()

    def start(leaf):
        leaf = np.float64(leaf) if type(leaf) is float else leaf
        return tape.input(leaf) if getattr(leaf, "dtype", np.dtype(int)).kind == "f" else leaf

    with np.errstate(all="ignore"):
        out = f(**{name: tree.map(start, value) for name, value in point.items()})
        if type(out) is not Var or out.tape is not tape:
            return ULPS * np.finfo(float).eps * abs(np.asarray(out, dtype=np.float64))
        bar = np.zeros(out.shape)
        for index in np.ndindex(out.shape):
            seed = np.zeros(out.shape, out.dtype)
            seed[index] = 1
            bar[index] = _arriving(tape, out, seed if seed.ndim else seed[()])
    return bar


def _arriving(tape, out, seed):
    """How much error arrives at `seed . out`: a walk backwards that adds up what each operation is off by."""
    entries, terms = {entry[0]: entry for entry in tape.entries}, []

    def rounding(g, x):
        x = np.asarray(x)
        if x.dtype.kind != "f":
            return 0.0
        size = np.sum(abs(g * x), dtype=np.float64)
        if not np.isfinite(size):  # what is not used may be infinite
            size = np.sum(abs(np.where(np.asarray(g) == 0, 0, g * x)), dtype=np.float64)
        return ULPS * np.finfo(x.dtype).eps * size

    def visit(slot, g, pulled):
        _, row, args, _, y, _ = entries[slot]
        if row is approximate.row:
            terms.append(float(np.sum(abs(g) * np.asarray(args[1]))))
            return
        terms.extend(map(rounding, g, y) if type(y) is tuple else [rounding(g, y)])
        terms.extend(rounding(new, args[i]) for i, _, new in pulled)

    tape.backward([(out.slot, seed)], visit)
    return sum(terms)


def _measured(f, point, plain):
    """SIGMAS standard deviations of the noise that `f` shows between close points, for each entry of its value.

    The k-th difference of a smooth function at spacing d is of order d**k, that of independent errors of standard
    deviation sigma has variance binomial(2k, k) sigma**2 (Hamming). Few values are taken: f may be slow.
    """
    least = ULPS * np.finfo(float).eps * abs(plain)
    floats = {name: value for name, value in point.items() if _moves(value)}
    if not floats:
        return least
    x, rebuild = tree.ravel(tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), floats))
    rng, sigma = np.random.default_rng(0), 0.0
    for spacing in SPACINGS:
        v = spacing * scales(x) * rng.uniform(0.5, 1, x.shape) * rng.choice([-1, 1], x.shape)
        near = [tree.map(lambda leaf: leaf if leaf.ndim else float(leaf), rebuild(x + j * v)) for j in range(ORDER + 3)]
        values = np.stack([np.asarray(f(**(point | moved)), dtype=np.float64) for moved in near])
        high = np.diff(values, ORDER, axis=0)
        sigma = np.fmax(sigma, np.sqrt(np.mean(high**2, axis=0) / math.comb(2 * ORDER, ORDER)))
    return np.maximum(SIGMAS * sigma, least)


def _moves(value):
    leaves = tree.flatten(value)[0]
    return bool(leaves) and all(isinstance(v, float) or getattr(v, "dtype", np.dtype(int)).kind == "f" for v in leaves)
