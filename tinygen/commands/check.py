"""Check your own file: functions with their gradients beside them, and derivations.

A pair is a function and its gradient, found by their names: f with grad_f, gradient_f, f_grad, f_gradient, df, d_f,
f_prime, f_deriv, f_derivative; df_dw (and df_db, ...) by single arguments; jac_f, f_jac, f_jacobian, jacobian_f or
f_vjp where f returns an array; hess_f, f_hess, f_hessian or hessian_f. Or any two functions of which the second is
marked `@gradient_of(f)` (from tinygen.check). It is tried at the default arguments of f. A gradient returns that of
the first argument, or a tuple for all; integers are not differentiated. A `Derivation` is checked line by line.

Exit status: 0 all PASS, 1 any FAIL, 3 some UNDECIDED, 2 the file cannot be used.
"""

import copy
import inspect
import sys
from pathlib import Path

from tinygen.check.gradient import check_grad
from tinygen.check.report import FAIL
from tinygen.check.vector import check_hessian
from tinygen.commands.userfile import Unusable, example, found, opened, told

EXAMPLE = '''"""Is my derivation right? Run `tinygen check` on this file."""

import numpy as np

from tinygen.check import Derivation, Line

rng = np.random.default_rng(0)


def kl(mean=rng.normal(size=3), logvar=rng.normal(size=3)):  # the defaults are the point where it is tried
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar)


def grad_kl(mean, logvar):  # a tuple, one gradient for each argument
    return mean, np.exp(logvar) - 1  # wrong on purpose: what does the report say?


def loss(w=rng.normal(size=2), b=0.3, X=rng.normal(size=(5, 2)), y=rng.normal(size=5)):
    return np.mean((X @ w + b - y) ** 2)


def dloss_dw(w, b, X, y):  # the gradient by one argument alone
    return 2 / len(y) * X.T @ (X @ w + b - y)


square = Derivation(
    "square",
    Line("(a+b)^2", lambda a, b: (a + b) ** 2),
    Line("a^2 + 2ab + b^2", lambda a, b: a**2 + 2 * a * b + b**2),
    Line("4ab", lambda a, b: 4 * a * b, ">="),
    points=[dict(a=1.0, b=2.0), dict(a=-3.0, b=0.5)],
)
'''


def add_arguments(parser):
    """The arguments of `tinygen check`."""
    parser.add_argument("file", metavar="FILE.py", nargs="?", help="a Python file")
    parser.add_argument("--example", action="store_true", help="print a file to start from, and stop")


def run(arguments):
    """Check everything in `arguments.file` and print the reports; returns the exit status."""
    if arguments.example:
        print(EXAMPLE, end="")
        return 0
    if arguments.file is None:
        print("tinygen check: name a file, or ask for one to start from: tinygen check --example", file=sys.stderr)
        return 2
    reports, complaints = [], []
    try:
        with opened(arguments.file) as module:
            pairs, derivations, helpers = found(module)
            print(f"{Path(arguments.file).name}: {_listed(pairs, derivations)}")
            for helper in helpers:
                print(f"  left out: {helper}")
            print()
            for pair in pairs:
                try:
                    reports.append(_pair(pair, arguments.file))
                except Unusable as error:
                    complaints.append(str(error))
                except Exception as error:
                    complaints.append(f"{pair.place}: {told(error, arguments.file)}")
            reports += [derivation.check() for derivation in derivations]
    except Unusable as error:
        complaints.append(str(error))
    for report in reports:
        print(report, end="\n\n")
    for complaint in complaints:
        print(f"tinygen check: {complaint}", file=sys.stderr)
    if reports:
        counts = [sum(report.verdict == verdict for report in reports) for verdict in ("PASS", "FAIL", "UNDECIDED")]
        rest = f", {len(complaints)} not usable" if complaints else ""
        print(f"{len(reports)} checked: {counts[0]} PASS, {counts[1]} FAIL, {counts[2]} UNDECIDED{rest}")
    return _status(reports, complaints)


def _pair(pair, path):
    """The report on one pair at its example point; Unusable, with the line, if its function raises there."""
    args = example(pair)
    try:
        pair.f(*copy.deepcopy(args))
    except Exception as error:
        raise Unusable(f"{pair.place} raises at its default arguments: {told(error, path)}") from error
    gradient, names = pair.gradient, list(inspect.signature(pair.f).parameters)
    if pair.kind == "partial":
        unknown = [name for name in gradient if name not in names]
        if unknown:
            raise Unusable(f"{pair.called}: {pair.name} has no argument {unknown[0]} (it has {', '.join(names)})")
        gradient = [gradient.get(name) for name in names[: len(args)]]
    try:
        check = check_hessian if pair.kind == "hessian" else check_grad
        report = check(pair.f, gradient, *args)
    except (TypeError, ValueError) as error:
        raise Unusable(f"{pair.place}: {told(error, path)}") from error
    what = "Hessian" if pair.kind == "hessian" else "gradient"
    report.name = f"{pair.called or 'the gradient'}, the {what} of {pair.name}"
    return report


def _listed(pairs, derivations):
    """What was found, in words."""
    parts = [f"{pair.name} with {pair.called}" for pair in pairs]
    parts += [f"the derivation {derivation.name!r}" for derivation in derivations]
    return f"{len(parts)} to check: {'; '.join(parts)}"


def _status(reports, complaints):
    if any(entry.verdict == FAIL for report in reports for entry in report.entries if not _raised(report, entry)):
        return 1
    if complaints or any(report.verdict == FAIL for report in reports):
        return 2
    return 0 if all(report.ok for report in reports) else 3


def _raised(report, entry):
    """Is the entry a line of a derivation that could not be computed?"""
    lines = report.details.get("lines", [])
    return bool(lines) and lines[report.entries.index(entry)]["raised"]
