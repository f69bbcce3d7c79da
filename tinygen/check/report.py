"""What a check found: PASS, FAIL or UNDECIDED, where, and why."""

from dataclasses import dataclass, field

import numpy as np

PASS, FAIL, UNDECIDED = "PASS", "FAIL", "UNDECIDED"


@dataclass
class Entry:
    """One comparison: `got` against `expected` +- `bar`, at `where`, with its verdict and a `note` for the reader."""

    where: str
    verdict: str
    got: float = float("nan")
    expected: float = float("nan")
    bar: float = float("nan")
    note: str = ""


@dataclass
class Report:
    """The outcome of a check.

    `name` what was checked; `entries` the comparisons (worst first is up to the check); `mistakes` the mistakes that
    explain a FAIL, best first; `notes` sentences for the reader; `example` a few lines that reproduce a FAIL;
    `details` numbers of the check (dict of JSON values). `.verdict` is FAIL if any entry is, else UNDECIDED if any
    entry is, else PASS.
    """

    name: str
    entries: list = field(default_factory=list)
    mistakes: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    example: str = ""
    details: dict = field(default_factory=dict)

    @property
    def verdict(self):
        verdicts = {entry.verdict for entry in self.entries}
        return FAIL if FAIL in verdicts else UNDECIDED if UNDECIDED in verdicts or not verdicts else PASS

    @property
    def ok(self):
        return self.verdict == PASS

    def __str__(self):
        lines = [f"{self.verdict}  {self.name}"]
        shown = [entry for entry in self.entries if entry.verdict != PASS][:5]
        for entry in shown:
            lines.append(f"  {entry.where}: got {entry.got:.9g}, expected {entry.expected:.9g} +- {entry.bar:.1e}")
            if entry.note:
                lines.append(f"    {entry.note}")
        lines += [f"  {rank}. {mistake.sentence}" for rank, mistake in enumerate(self.mistakes, 1)]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines + ([self.example] if self.example else []))

    def to_dict(self):
        """The report as JSON values."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "entries": [_plain(vars(entry)) for entry in self.entries],
            "mistakes": [_plain(vars(mistake)) for mistake in self.mistakes],
            "notes": list(self.notes),
            "example": self.example,
            "details": _plain(self.details),
        }


def _plain(value):
    """`value` with NumPy's numbers and arrays made Python's, and numbers that JSON lacks made strings."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)
