"""Second derivatives and linear maps: Hessian-vector products against f, their symmetry, and the adjoint test."""

import numpy as np

from tinygen.autodiff import hvp as automatic_hvp
from tinygen.autodiff import tree
from tinygen.check.report import FAIL, PASS, UNDECIDED, Entry, Report
from tinygen.measure.noise import along, measure_noise, scales
from tinygen.measure.richardson import curvature

LOOKS = 4  # random pairs of directions
RESOLUTION = 1e-4  # a relative error of this size has to be visible, else UNDECIDED


def check_hvp(f, hvp=None, *args, rng=0):
    """Check Hessian-vector products by the first argument of scalar-valued `f`: a Report.

        v' H v = d^2/dt^2 f(x + t v) at t = 0       u' (H v) = v' (H u)

    hvp: called as hvp(*args, v), returns H v, a tree like args[0]; None: tinygen's own. The first equation is checked
    against f alone, by extrapolated second differences with an error bar; the second is the symmetry of H. rng:
    Generator or seed. Raises what f and hvp raise.

    >>> A = np.array([[2.0, 1.0], [1.0, 5.0]])
    >>> check_hvp(lambda x: 0.5 * x @ A @ x, lambda x, v: A @ v, np.array([0.3, -0.7])).verdict
    'PASS'
    >>> check_hvp(lambda x: 0.5 * x @ A @ x, lambda x, v: np.triu(A) @ v, np.array([0.3, -0.7])).verdict
    'FAIL'
    """
    rng = np.random.default_rng(rng)
    hvp = automatic_hvp(f) if hvp is None else hvp
    x, back = tree.ravel(args[0])
    x = x.astype(np.float64, copy=False)
    value = lambda y: f(back(y), *args[1:])
    times = lambda v: tree.ravel(hvp(*args, back(v)))[0]
    noise, report = (
        measure_noise(value, x, rng),
        Report(f"Hessian of {getattr(f, '__name__', 'f')}".replace("<lambda>", "f")),
    )
    for look in range(LOOKS):
        u, v = scales(x) * rng.standard_normal((2, x.size))
        (Hu, wobble_u), (Hv, wobble_v) = (_linear(times, w) for w in (u, v))
        with np.errstate(all="ignore"):
            found, bar = curvature(along(value, x, v), noise.value, noise.sigma, noise.eps)
        report.entries.append(_compared(f"v'Hv, direction {look}", v, Hv, wobble_v, found, bar))
        rounding = _rounding(v, Hu, wobble_u)
        report.entries.append(_compared(f"u'Hv = v'Hu, pair {look}", u, Hv, wobble_v, float(v @ Hu), rounding))
    return report


def check_adjoint(forward, adjoint, x, *, rng=0):
    """The adjoint test of two linear maps, `forward` u -> J u and `adjoint` v -> J' v: a Report.

        <J u, v> = <u, J' v>   for random u (like x) and v (like J u)

    It holds for all u and v if and only if one is the transpose of the other; a wrong pair passes a look with chance 0.
    The error bar is the rounding of both, seen as what J(c u) / c changes with c. rng: Generator or seed. x: an array
    of the shape of u; its values do not matter.

    >>> J = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.5]])
    >>> check_adjoint(lambda u: J @ u, lambda v: v @ J, np.zeros(3)).verdict
    'PASS'
    >>> check_adjoint(lambda u: np.cumsum(u), lambda v: np.cumsum(v), np.zeros(3)).verdict
    'FAIL'
    """
    rng, report = np.random.default_rng(rng), Report("adjoint: <Ju, v> = <u, J'v>")
    for look in range(LOOKS):
        u = rng.standard_normal(np.shape(x))
        Ju, wobble = _linear(forward, u)
        v = rng.standard_normal(Ju.shape)
        Jv, wobble_v = _linear(adjoint, v)
        if Jv.shape != u.shape:
            note = f"the adjoint returns shape {Jv.shape}, expected {u.shape}, the shape of x"
            report.entries.append(Entry("adjoint", FAIL, note=note))
            break
        expected, bar = float(np.sum(u * Jv)), _rounding(u, Jv, wobble_v)
        report.entries.append(_compared(f"look {look}", v, Ju, wobble, expected, bar))
    return report


def _linear(times, v):
    """times(v) as an array, and by how much it changes for other factors of v: rounding, if it is linear."""
    result = np.asarray(times(v))
    with np.errstate(all="ignore"):
        wobble = np.max([abs(np.asarray(times(c * v)) / c - result) for c in (1.37, 0.59)], axis=0)
    return result, wobble


def _rounding(u, result, wobble):
    return float(np.sum(abs(u) * (16 * np.finfo(result.dtype).eps * abs(result) + 4 * wobble)))


def _compared(where, u, result, wobble, expected, bar):
    """The Entry that compares <u, result> with expected +- bar."""
    got, bar = float(np.sum(u * result)), float(bar) + _rounding(u, result, wobble)
    size = float(np.sum(abs(u * result)))
    note = ""
    if not np.max(wobble, initial=0) <= RESOLUTION * np.max(abs(result), initial=0):
        verdict, note = FAIL, "the product is not linear: c times the direction does not give c times the product"
    elif not abs(got - expected) <= bar:
        verdict = FAIL
    elif bar <= RESOLUTION * max(size, abs(expected)):
        verdict = PASS
    else:
        verdict, note = UNDECIDED, "the error bar is too wide: f is rounded too coarsely, or not smooth close by"
    return Entry(where, verdict, got, float(expected), bar, note)
