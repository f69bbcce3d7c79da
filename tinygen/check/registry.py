"""The one registry: everything that the package says is right, by name, and how to check it again."""

import difflib
import fnmatch
import time
import traceback
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinygen.check.report import FAIL, Entry, Report

KINDS = ("rule", "gradient", "derivation", "estimator", "identity", "exercise")
_registry = {}  # name -> Claim, in the order of registration


@dataclass(frozen=True)
class Claim:
    """Something that is said to be right: its `name`, its `kind` (one of KINDS), the place (`source`) in the notes, a
    book or the package that says it, and `check(rng) -> Report`."""

    name: str
    kind: str
    source: str
    check: object

    def run(self, seed=0):
        """Check it: an Outcome. The random numbers depend on the name and the seed, not on what was run before."""
        start = time.perf_counter()
        try:
            report = self.check(np.random.default_rng([seed, zlib.crc32(self.name.encode())]))
        except Exception as error:  # a check that cannot be run shows nothing, and must not hide the other claims
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}, line {last.lineno}"
            report = Report(self.name, [Entry(place, FAIL, note=f"the check raises {type(error).__name__}: {error}")])
        if not isinstance(report, Report):
            raise TypeError(f"the check of claim {self.name!r} returned {type(report).__name__}, expected a Report")
        return Outcome(self, report, time.perf_counter() - start)


@dataclass(frozen=True)
class Outcome:
    """A claim, the Report of its check, and the seconds that took."""

    claim: Claim
    report: Report
    seconds: float

    @property
    def worst(self):
        """The entry that decided: of those with the report's verdict the one that uses up most of its error bar."""
        entries = [entry for entry in self.report.entries if entry.verdict == self.report.verdict]
        return max(entries, key=_used, default=None)

    def to_dict(self):
        """The outcome as JSON values: `worst` has the numbers of the worst entry, `text` the report in words."""
        worst, numbers = self.worst, None
        if worst is not None and np.isfinite([worst.got, worst.expected, worst.bar]).all():
            off = abs(worst.got - worst.expected)
            numbers = {"where": worst.where, "got": float(worst.got) + 0.0, "off": float(off), "bar": float(worst.bar)}
        return {
            "name": self.claim.name,
            "kind": self.claim.kind,
            "source": self.claim.source,
            "verdict": self.report.verdict,
            "seconds": self.seconds,
            "worst": numbers,
            "text": str(self.report),
            "report": self.report.to_dict(),
        }


def _used(entry):
    off = abs(entry.got - entry.expected)
    return off / entry.bar if entry.bar > 0 else np.inf if off > 0 else -1.0 if np.isnan(off) else 0.0


def claim(name, *, kind, source):
    """Enter the check that follows into the registry under `name`: a decorator for `check(rng) -> Report`.

    Names are paths, "elbo/jensen", so that "elbo" means all below it. Raises ValueError for a name that is taken by
    another function, and for a kind that is not one of KINDS. A module that is loaded again replaces its own claims.

    >>> @claim("arithmetic/one", kind="identity", source="Peano")
    ... def check(rng):
    ...     return Report("one", [])
    >>> [found.name for found in claims("arithmetic")]
    ['arithmetic/one']
    >>> del _registry["arithmetic/one"]  # it was an example
    """
    if kind not in KINDS:
        raise ValueError(f"claim {name!r}: kind must be one of {', '.join(KINDS)}, got {kind!r}")

    def register(check):
        taken = _registry.get(name)
        if taken is not None and _origin(taken.check) != _origin(check):
            raise ValueError(f"claim {name!r} is already made in {_origin(taken.check)}: choose another name")
        _registry[name] = Claim(name, kind, source, check)
        return check

    return register


def claims(*patterns):
    """The claims that match any of the patterns, in the order of registration; all of them without a pattern.

    A pattern is a name, the beginning of a path ("elbo" for "elbo/jensen"), a kind, or has wildcards ("*/gaussian*").
    Raises LookupError for a pattern that matches nothing. Only what is registered by now is found: the whole list is
    `tinygen.claims.claims()`.
    """
    chosen = set()
    for pattern in patterns:
        matching = {name for name, found in _registry.items() if _matches(pattern, found)}
        if not matching:
            near = difflib.get_close_matches(pattern, [*_registry, *KINDS], n=3, cutoff=0.4)
            hint = f"; near it are {', '.join(near)}" if near else ""
            raise LookupError(f"no claim is called {pattern!r}{hint}")
        chosen |= matching
    return [found for name, found in _registry.items() if not patterns or name in chosen]


def _matches(pattern, found):
    path = pattern.rstrip("/")
    return path in (found.name, found.kind) or found.name.startswith(path + "/") or fnmatch.fnmatch(found.name, pattern)


def _origin(check):
    """Where a check was written: a bound method is its object's, a partial its function's."""
    check = getattr(check, "func", check)
    return f"{getattr(check, '__module__', '?')}.{getattr(check, '__qualname__', type(check).__name__)}"
