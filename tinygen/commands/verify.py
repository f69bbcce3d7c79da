"""Check every claim of the package again: rules, gradients by hand, derivations, estimators.

Exit status: 0 if all pass, 1 if any fails or is undecided, 2 if a NAME is not known.
"""

import json
import sys
import time
from pathlib import Path

from tinygen.check.report import PASS
from tinygen.check.wording import fit
from tinygen.claims import claims
from tinygen.teaching.work import outcomes

MANY = 16  # claims that are worth a second process


def add_arguments(parser):
    """The arguments of `tinygen verify`."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a claim, a path (elbo), a kind, or a glob (*/gauss*)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the outcomes to FILE, too")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random points (default 0)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each processor)")
    parser.add_argument("--dask", metavar="ADDRESS", help="the address of a Dask scheduler, whose workers check")


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
    start = time.perf_counter()
    found = results(chosen, arguments.seed, arguments.workers, arguments.dask)
    print(table(found, time.perf_counter() - start))
    if arguments.json:
        write_json(arguments.json, {"outcomes": found})
    return 0 if all(result["verdict"] == PASS for result in found) else 1


def results(chosen, seed, workers=None, dask=None):
    """The outcome of each claim as JSON values, in order: over processes that share what is loaded, or over Dask."""
    many = len(chosen) >= MANY and sys.platform == "linux"  # elsewhere each process would load the package anew
    if not (many or workers or dask):
        return [one.run(seed).to_dict() for one in chosen]
    jobs, found = {one.name: (one.name, seed) for one in chosen}, {}
    for name, result, error in outcomes(
        _result, jobs, workers=workers, dask=dask, forked=True, what="checking", unit="claim"
    ):
        if error:
            raise error
        found[name] = result
    return [found[one.name] for one in chosen]


def _result(name, seed):
    return next(one for one in claims(name) if one.name == name).run(seed).to_dict()


def table(results, seconds):
    """The outcomes as a table of 80 columns, what did not pass explained below it."""
    rows = [f"{'claim':34} {'value':>11} {'off by':>7} {'bar':>7} {'verdict':9} {'s':>5}"]
    for result in results:
        numbers = f"{'':11} {'':7} {'':7}"
        if result["worst"]:
            numbers = "{got:11.5g} {off:7.0e} {bar:7.0e}".format(**result["worst"])
        rows.append(f"{fit(result['name'], 34):34} {numbers} {result['verdict']:9} {result['seconds']:5.2f}")
    bad = [result for result in results if result["verdict"] != PASS]
    for result in bad:
        rows += ["", f"{result['name']} ({result['source']})", result["text"]]
    rows += ["", f"{len(results) - len(bad)} of {len(results)} claims pass, {seconds:.1f} s"]
    return "\n".join(rows)


def write_json(path, content):
    """Write JSON to `path`: all of it or nothing, whenever the process is stopped."""
    from tinygen.files import replacing

    with replacing(path) as file:
        file.write(json.dumps(content, indent=1, allow_nan=False).encode())
