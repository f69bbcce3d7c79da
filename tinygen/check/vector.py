"""Functions of several values: is this the Jacobian, the vector-Jacobian product, or the Hessian?"""

import functools
import inspect
import math
import re
import time

import numpy as np

from tinygen.autodiff import grad, tree
from tinygen.check.report import FAIL, Entry, Report
from tinygen.check.second_order import check_hvp
from tinygen.check.verdict.arguments import apart, names_of
from tinygen.mistakes.diagnose import Mistake

ROWS = 16  # values of f that are checked one by one where the whole is wrong


def several(f, args):
    """The array that f returns, if it is several numbers; None for one number, (value, bar), terms, and what raises."""
    if not args or not all(_plain(arg) for arg in args):
        return None
    try:
        with np.errstate(all="ignore"):
            value, _ = apart(f(*(arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args)))
            value = np.asarray(value)
    except Exception:  # f is anybody's code, and is called again where its error is told
        return None
    return value if value.size > 1 and value.dtype.kind == "f" else None


def _plain(arg):
    return all(not hasattr(leaf, "detach") for leaf in tree.flatten(arg)[0])


def check_several(check, f, claim, args, value, names=None, rng=0, **options):
    """The Report on a Jacobian or a vector-Jacobian product of an array-valued `f`: of w . f for a random w first.

    claim: called with args, returns dF/dx of shape value.shape + x.shape (a tuple of them for all arguments); called
    with args and w, if it takes one argument more, w^T dF/dx in the shape of x. Where that is wrong, each value of f is
    checked by itself. check: check_grad of one number.
    """
    rng, until = np.random.default_rng(rng), time.perf_counter() + (options.get("budget") or math.inf)
    product = claim is not None and callable(claim) and _takes(claim, len(args) + 1)
    scalar = functools.partial(_weighted, f, claim, value.shape, product)
    name = getattr(f, "__name__", "f").replace("<lambda>", "f")
    kind = "vector-Jacobian product" if product else "Jacobian"
    if not product and claim is not None and (said := _misshapen(claim, args, value.shape)):
        report = Report(f"{kind} of {name}", [Entry("the Jacobian", FAIL, note=said)])
        report.mistakes.append(Mistake("transpose" if "transposed" in said else "shape", said, where=name))
        return report
    w = rng.uniform(0.5, 1, value.shape) * rng.choice([-1, 1], value.shape)
    names = names_of(f, args, names)
    report = check(*scalar(w), *args, names=names, rng=rng, **options)
    report.name = f"{kind} of {name}"
    what = "w^T df/dx for a random w" if product else "all values of f at once, with random weights"
    report.notes.insert(0, f"f has {value.size:,} values, shape {value.shape}: checked {what}.")
    if report.verdict != FAIL or time.perf_counter() > until:
        return report
    turned = _transposed(scalar, claim, value, args, check, names, product, w, options)
    if turned is not None:
        report.mistakes = [turned]
        return report
    for k, index in enumerate(np.ndindex(value.shape)):
        if k == ROWS or time.perf_counter() > until:
            break
        if math.isfinite(until):
            options["budget"] = until - time.perf_counter()
        one = np.zeros(value.shape)
        one[index] = 1
        row = check(*scalar(one), *args, names=names, rng=rng, **options)
        if row.verdict == FAIL:
            place = f"f[{', '.join(map(str, index))}]"
            report.entries = row.entries
            for entry in report.entries:
                entry.where = f"d{place}/d{entry.where}"
            report.mistakes, report.example = row.mistakes, ""
            report.notes.insert(1, f"The first value of f whose gradient is wrong is {place}.")
            return report
    return report


def check_hessian(f, hessian, x, *args, rng=0, **options):
    """Check the Hessian of scalar-valued `f` by its first argument: a Report.

    hessian: called as f is, returns d^2f/dx_i dx_j of shape x.shape + x.shape. Where tinygen differentiates f, each row
    is held against the numeric derivative of the gradient, and causes are named; else random products v' H v against f.
    Raises what f and hessian raise. x: an array of floats. rng: Generator or seed. options: as in `check_grad`.

    >>> A = np.array([[2.0, 1.0], [1.0, 5.0]])
    >>> x = np.array([0.3, -0.7])
    >>> check_hessian(lambda x: 0.5 * x @ A @ x, lambda x: A, x).verdict
    'PASS'
    >>> print(check_hessian(lambda x: 0.5 * x @ A @ x, lambda x: np.triu(A), x).notes[0])
    The Hessian is not symmetric: H[0, 1] = 1, H[1, 0] = 0.
    """
    from tinygen.check.gradient import check_grad

    H = np.asarray(hessian(x, *args), dtype=np.float64)
    n = np.size(x)
    name = getattr(f, "__name__", "f").replace("<lambda>", "f")
    if H.shape != np.shape(x) * 2:
        said = f"the Hessian has shape {H.shape}, expected {np.shape(x) * 2}, that of x twice"
        return Report(f"Hessian of {name}", [Entry("the Hessian", FAIL, note=said)])
    try:
        slope = np.asarray(grad(f)(x, *args))
    except Exception:  # f is anybody's code: values are left
        slope = None
    if slope is not None and slope.shape == np.shape(x) and n > 1:
        rows = (lambda x: grad(f)(x, *args)), (lambda x: hessian(x, *args))
        report = check_grad(*rows, x, names=["x"], rng=rng, **options)
    else:
        product = lambda x, *rest: np.tensordot(np.asarray(hessian(x, *rest[:-1])), rest[-1], np.ndim(x))
        report = check_hvp(f, product, x, *args, rng=rng)
    report.name = f"Hessian of {name}"
    for entry in report.entries:
        entry.where = re.sub(r"df\[(.*?)\]/dx(\[(.*?)\])?", r"H[\1, \3]", entry.where)
    first = re.compile(r"The first value of f whose .* f(\[.*\])\.")
    report.notes = [first.sub(r"The first wrong row is H\1.", note) for note in report.notes]
    flat = H.reshape(n, n)
    off = abs(flat - flat.T)
    if off.size and off.max() > 1e-9 * abs(flat).max():
        i, j = np.unravel_index(np.argmax(off), off.shape)
        said = f"The Hessian is not symmetric: H[{i}, {j}] = {flat[i, j]:.6g}, H[{j}, {i}] = {flat[j, i]:.6g}."
        report.notes.insert(0, said)
    return report


def _weighted(f, claim, shape, product, w):
    """(w . f, its gradient) from the claim."""
    value = lambda *args: np.sum(w * np.reshape(f(*args), shape))
    if claim is None:
        return value, None
    contract = lambda J: np.tensordot(w, np.asarray(J), w.ndim)
    if product:
        return value, lambda *args: claim(*args, w.copy())

    def gradient(*args):
        J = claim(*args) if callable(claim) else claim
        return tuple(contract(part) for part in J) if isinstance(J, tuple) else contract(J)

    return value, gradient


def _misshapen(claim, args, shape):
    """What is wrong with the shape of the Jacobian by the first argument; "" if nothing is."""
    J = claim(*args) if callable(claim) else claim
    x = np.shape(args[0])
    J = J[0] if isinstance(J, tuple) else J
    got = np.shape(J)
    if got == shape + x:
        return ""
    if got == x + shape:
        return f"the Jacobian is transposed: shape {got}, expected {shape + x}, that of f and then that of x"
    return f"the Jacobian has shape {got}, expected {shape + x}, that of f and then that of x"


def _transposed(scalar, claim, value, args, check, names, product, w, options):
    """The Mistake, if the transposed Jacobian is right."""
    if product or claim is None or len(args) != 1 or value.shape != np.shape(args[0]) or value.ndim != 1:
        return None
    J = np.asarray(claim(*args) if callable(claim) else claim)
    f = scalar(w)[0]
    if not np.allclose(J, J.T) and check(f, w @ J.T, *args, names=names, **options).ok:
        return Mistake("transpose", "The Jacobian is transposed: J[i, j] is df_i/dx_j.", where=names[0])
    return None


def _takes(function, count):
    """Whether a function takes exactly so many positional arguments."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return sum(p.default is p.empty for p in positional) == count
