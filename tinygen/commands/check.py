"""Check your own file: functions with their gradients beside them, and derivations.

A pair is a function and its gradient, `kl` and `grad_kl` (any name after `grad_`), or any two functions of which the
second is marked `@gradient_of(kl)` (from tinygen.check). It is tried at the default arguments of `kl`. A
gradient returns that of the first argument, or a tuple for all; integers are not differentiated. A `Derivation` is
checked line by line.

Exit status: 0 all PASS, 1 any FAIL, 3 some UNDECIDED, 2 the file cannot be used.
"""

import copy
import sys

from tinygen.check.gradient import check_grad
from tinygen.check.report import FAIL
from tinygen.commands.userfile import Unusable, example, found, opened, told


def add_arguments(parser):
    """The arguments of `tinygen check`."""
    parser.add_argument("file", metavar="FILE.py", help="a Python file")


def run(arguments):
    """Check everything in `arguments.file` and print the reports; returns the exit status."""
    reports, complaints = [], []
    try:
        with opened(arguments.file) as module:
            pairs, ledgers = found(module)
            for pair in pairs:
                try:
                    reports.append(_pair(pair, arguments.file))
                except Unusable as error:
                    complaints.append(str(error))
            reports += [ledger.check() for ledger in ledgers]
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
    try:
        report = check_grad(pair.f, pair.gradient, *args)
    except (TypeError, ValueError) as error:
        raise Unusable(f"{pair.place}: {told(error, path)}") from error
    report.name = f"{getattr(pair.gradient, '__name__', 'the gradient')}, the gradient of {pair.name}"
    return report


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
