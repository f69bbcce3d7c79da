"""Check every claim of the package again: rules, gradients by hand, derivations, estimators.

Exit status: 0 if all pass, 1 if any fails or is undecided, 2 if a NAME is not known.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from tinygen.check.claims import claims
from tinygen.check.wording import fit


def add_arguments(parser):
    """The arguments of `tinygen verify`."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a claim, a path (elbo), a kind, or a glob (*/gauss*)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the outcomes to FILE, too")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random points (default 0)")


def run(arguments):
    """Check the claims that `arguments` names and print the table; returns the exit status."""
    try:
        chosen = claims(*arguments.names)
    except LookupError as error:
        print(f"tinygen verify: {error.args[0]}", file=sys.stderr)
        return 2
    if arguments.json and not arguments.json.absolute().parent.is_dir():
        print(f"tinygen verify: no folder {arguments.json.absolute().parent} for --json", file=sys.stderr)
        return 2
    from tqdm import tqdm

    outcomes = []
    with tqdm(chosen, unit="claim", leave=False, dynamic_ncols=True, disable=not sys.stderr.isatty()) as bar:
        for one in bar:
            bar.set_description(fit(one.name, 30))
            outcomes.append(one.run(arguments.seed))
    print(table(outcomes))
    if arguments.json:
        write_json(arguments.json, {"outcomes": [outcome.to_dict() for outcome in outcomes]})
    return 0 if all(outcome.report.ok for outcome in outcomes) else 1


def table(outcomes):
    """The outcomes as a table of 80 columns, what did not pass explained below it."""
    rows = [f"{'claim':34} {'value':>11} {'off by':>7} {'bar':>7} {'verdict':9} {'s':>5}"]
    for outcome in outcomes:
        worst = outcome.worst
        numbers = f"{'':11} {'':7} {'':7}"
        if worst is not None and worst.got == worst.got:
            numbers = f"{worst.got + 0:11.5g} {abs(worst.got - worst.expected):7.0e} {worst.bar:7.0e}"
        rows.append(f"{fit(outcome.claim.name, 34):34} {numbers} {outcome.report.verdict:9} {outcome.seconds:5.2f}")
    bad = [outcome for outcome in outcomes if not outcome.report.ok]
    seconds = sum(outcome.seconds for outcome in outcomes)
    for outcome in bad:
        rows += ["", f"{outcome.claim.name} ({outcome.claim.source})", str(outcome.report)]
    rows += ["", f"{len(outcomes) - len(bad)} of {len(outcomes)} claims pass, {seconds:.1f} s"]
    return "\n".join(rows)


def write_json(path, content):
    """Write JSON to `path`: all of it or nothing, whenever the process is stopped."""
    handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(content, file, indent=1, allow_nan=False)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
