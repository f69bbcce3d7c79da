"""What a check found: PASS, FAIL or UNDECIDED, where, and why."""

import math
import textwrap
from dataclasses import dataclass, field

import numpy as np

PASS, FAIL, UNDECIDED = "PASS", "FAIL", "UNDECIDED"
WIDTH = 80  # columns of a terminal
SCREEN = 40  # lines of a report
CODE = 12 * WIDTH  # characters of an example that is shown
LISTED = 6  # entries in the text of a report


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
        """The verdict of the worst entry, "PASS", "FAIL" or "UNDECIDED"; "UNDECIDED" if nothing was checked."""
        verdicts = {entry.verdict for entry in self.entries}
        return FAIL if FAIL in verdicts else UNDECIDED if UNDECIDED in verdicts or not verdicts else PASS

    @property
    def ok(self):
        """Whether the verdict is PASS."""
        return self.verdict == PASS

    def __str__(self):
        """The report as text of 80 columns, and no more than a screen of them."""
        worst = [entry for entry in self.entries if entry.verdict == self.verdict]
        shown = worst[:LISTED]
        lines = _wrapped(f"{self.verdict}  {self.name}", "", "      ")
        if self.verdict == PASS and len(shown) > 1:
            lines += _table(shown)
        else:
            for entry in shown:
                lines += _wrapped(_compared(entry), "  ", "    ") + _wrapped(entry.note, "    ", "    ")
        if len(worst) > len(shown):
            lines.append(f"  ... and {len(worst) - len(shown):,} more")
        if self.mistakes:
            lines.append("Possible mistake:" if len(self.mistakes) == 1 else "Possible mistakes, the likeliest first:")
        for rank, mistake in enumerate(self.mistakes, 1):
            lines += _wrapped(f"{rank}. {mistake.sentence}", "  ", "     ")
            formula, residual = getattr(mistake, "formula", None), getattr(mistake, "residual", math.nan)
            if formula:
                lines += _wrapped(f"corrected: {formula}", "     ", "       ")
            if math.isfinite(residual):
                lines.append(
                    f"     which leaves {residual:.0e} of the gradient" if residual else "     which leaves nothing"
                )
        for note in self.notes:
            lines += _wrapped(f"note: {note}", "  ", "    ")
        if self.example:
            shown = self.example if len(self.example) <= CODE else "(too long for a screen: print(report.example))"
            example = ["To see it:", *("    " + line for line in shown.splitlines())]
            return "\n".join([screen(lines, SCREEN - len(example)), *example])
        return screen(lines)

    def plot(self):
        """How much of its error bar each entry uses up, up to 30 of them, the worst first: a Matplotlib Figure."""
        from matplotlib.figure import Figure

        used = [abs(entry.got - entry.expected) / entry.bar if entry.bar > 0 else math.nan for entry in self.entries]
        order = sorted((i for i, part in enumerate(used) if math.isfinite(part)), key=lambda i: -used[i])[:30]
        figure = Figure(figsize=(7, 1.5 + 0.25 * len(order)), layout="constrained")
        axes = figure.subplots()
        colours = {PASS: "C2", FAIL: "C3", UNDECIDED: "C1"}
        for row, i in enumerate(order):
            axes.plot(max(used[i], 1e-3), row, "o", color=colours[self.entries[i].verdict])
        axes.set_yticks(range(len(order)), [self.entries[i].where for i in order])
        axes.invert_yaxis()
        axes.axvline(1, color="gray", ls=":")
        axes.set(xscale="log", xlabel="|got - expected| / error bar", title=f"{self.name}: {self.verdict}")
        return figure

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


def screen(lines, most=SCREEN):
    """The lines as one text of at most so many of them, none longer than it has to be."""
    if len(lines) > most:
        lines = [*lines[: most - 1], f"... and {len(lines) - most + 1} lines more: report.to_dict() has everything"]
    return "\n".join(line if len(line) <= 2 * WIDTH else line[: 2 * WIDTH - 1] + "…" for line in lines)


def _wrapped(text, first, rest):
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _compared(entry):
    if math.isnan(entry.expected):  # nothing to compare with: only the note speaks
        return entry.where if math.isnan(entry.got) else f"{entry.where}: got {entry.got:.9g}"
    bar = "" if math.isnan(entry.bar) else f" +- {entry.bar:.1e}"
    got, expected = f"{entry.got:.9g}", f"{entry.expected:.9g}"
    if entry.verdict == FAIL:
        got, expected = apart(entry.got, entry.expected)
    return f"{entry.where}: got {got}, expected {expected}{bar}"


def apart(one, two, digits=9):
    """Two numbers with so many digits that they look different, if they are.

    >>> apart(1.719905361, 1.719905364, 6)
    ('1.719905361', '1.719905364')
    """
    texts = ("", "")
    for shown in range(digits, 18):
        texts = (f"{one:.{shown}g}", f"{two:.{shown}g}")
        if texts[0] != texts[1] or one == two:
            break
    return texts


def _table(entries):
    """One line for each entry that passed, in columns."""
    width = min(max(len(entry.where) for entry in entries), 28)
    lines = []
    for entry in entries:
        numbers = "" if math.isnan(entry.got) else f"{entry.got:>13.6g}"
        numbers += "" if math.isnan(entry.expected) else f" = {entry.expected:<12.6g}"
        numbers += "" if math.isnan(entry.bar) else f" +- {entry.bar:.0e}"
        line = f"  {entry.where:<{width}} {numbers:<40} {entry.note}".rstrip()
        lines += [line] if len(line) <= WIDTH else _wrapped(line.strip(), "  ", "    ")
    return lines


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
