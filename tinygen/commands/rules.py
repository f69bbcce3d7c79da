"""List the NumPy and SciPy functions that can be differentiated, and by which arguments.

The table of rules of the engine. An argument that is not named is an index, an option or a condition, or its
derivative is 0 wherever there is one (rounding, comparing). A rule that is missing can be given: tinygen.primitive.
"""

import fnmatch
import sys
from itertools import compress


def add_arguments(parser):
    """The options of `tinygen rules`."""
    parser.add_argument("pattern", nargs="*", help="only functions with such a name: sum, 'np.linalg.*'")


def run(arguments):
    """Run the subcommand with the parsed `arguments`; return its exit status (1: no such function)."""
    rows = table()
    patterns = arguments.pattern or ["*"]
    shown = [row for row in rows if any(_matches(name, pattern) for name in row[0] for pattern in patterns)]
    if not shown:
        print(f"no function with a rule is called {' or '.join(arguments.pattern)}", file=sys.stderr)
        return 1
    width = max(len(names[0]) for names, _ in shown)
    for names, by in shown:
        also = f"   (also {', '.join(names[1:])})" if names[1:] else ""
        print(f"{names[0]:{width}}  {by}{also}")
    if not arguments.pattern:
        print(f"{len(rows)} functions")
    return 0


def table():
    """The rows as (names of the function, the arguments that have a derivative), in alphabetical order."""
    from scipy import special  # noqa: F401  (its rules are loaded only where SciPy is)

    import tinygen as tg
    from tinygen.autodiff.table import TABLE, on_missing
    from tinygen.claims.examples import names

    for load in on_missing:
        load(None)
    own = {function: function.row for function in (tg.logsumexp, tg.softmax, tg.log_softmax)}
    rows = [(names(function), _arguments(row)) for function, row in (TABLE | own).items()]
    return sorted(rows, key=lambda row: (row[0][0].rpartition(".")[0], row[0][0].lower()))


def _arguments(row):
    if row.through:
        return "none: only shape and dtype" if row.through.__name__ == "only_shape" else "all arrays"
    if not isinstance(row.rules, tuple):
        return "all arrays"
    have = [rule is not None and not hasattr(rule, "reason") for rule in row.rules]
    by = ", ".join(compress(row.names, have)) or "none: derivative 0"
    return f"{by} ({row.note})" if row.note else by


def _matches(name, pattern):
    return fnmatch.fnmatch(name, pattern) or fnmatch.fnmatch(name.rpartition(".")[2], pattern)
