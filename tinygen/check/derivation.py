"""A derivation as it stands on paper: lines joined by =, >= or <=, each with a function that gives its number."""

import inspect
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinygen.check.report import FAIL, PASS, UNDECIDED, Entry, Report, apart
from tinygen.check.wording import at_point, fit, indent, item, words
from tinygen.measure.rounding import measure
from tinygen.mistakes.numbers import slips

RESOLUTION = 1e-3  # a comparison decides if its bar is below this part of the numbers that it compares
SIGN = {"=": 0, ">=": 1, "<=": -1}


@dataclass(frozen=True)
class Line:
    """One line: its LaTeX, the function `value` that computes it, and the `relation` that joins it to the line before.

    value: called with those of the point's entries that it names; returns a number or array, or a pair (value, bar).
    relation: "=", ">=" (the line before is at least this one) or "<="; of the first line it is not read. gap: what the
    difference of an inequality should be, in closed form, with `gap_latex` as its LaTeX. wrong: why the line is false,
    for a line that is shown *because* it is: it must fail somewhere, and the next line is joined to the last right one.
    note: a sentence for the reader. Raises TypeError if value is no function, ValueError for another relation or a gap
    that belongs to no inequality.
    """

    latex: str
    value: object
    relation: str = "="
    gap: object = field(default=None, kw_only=True)
    gap_latex: str = field(default="", kw_only=True)
    wrong: str = field(default="", kw_only=True)
    note: str = field(default="", kw_only=True)

    def __post_init__(self):
        if not callable(self.value):
            raise TypeError(f"line {self.latex!r}: value must be a function, got {type(self.value).__name__}")
        if self.relation not in SIGN:
            raise ValueError(f"line {self.latex!r}: relation must be one of {', '.join(SIGN)}, got {self.relation!r}")
        if self.gap is not None and (self.relation == "=" or not callable(self.gap)):
            raise ValueError(f"line {self.latex!r}: gap is a function, and belongs to >= or <=, not to {self.relation}")


class DerivationReport(Report):
    """What a derivation was found to be: an entry and an item of `details["lines"]` for each line, first to last."""

    def __str__(self):
        tried = f"tried at {self.details['points']} points; numbers at {self.details['shown']}"
        lines = [f"{self.verdict}  {self.name}", *indent(tried, 2)]
        for line in self.details["lines"]:
            lines.append(f"  {line['mark']:4} {line['relation']:>2} {fit(line['text'], 42):42} {line['shown']}")
            lines += [wrapped for remark in line["remarks"] for wrapped in indent(remark, 10)]
        return "\n".join(lines + [wrapped for note in self.notes for wrapped in indent(f"note: {note}", 2)])


class Derivation:
    """A chain of lines, and the points where it is tried.

    name: as on the list of `tinygen verify`. lines: at least two `Line`s. points: dicts of arguments, the nasty ones;
    the first is the one whose numbers are shown. draw: function rng -> dict, for `draws` random points more. source:
    the place in the notes, book or paper. title: one line for the reader. Raises TypeError for fewer than two Lines,
    ValueError if the first is marked wrong.

    >>> square = Derivation(
    ...     "square",
    ...     Line("(a+b)^2", lambda a, b: (a + b) ** 2),
    ...     Line("a^2 + b^2", lambda a, b: a**2 + b**2, wrong="2ab is missing"),
    ...     Line("a^2 + 2ab + b^2", lambda a, b: a**2 + 2 * a * b + b**2),
    ...     Line("4ab", lambda a, b: 4 * a * b, ">=", gap=lambda a, b: (a - b) ** 2, gap_latex="(a-b)^2"),
    ...     points=[dict(a=1.0, b=2.0)],
    ...     draw=lambda rng: dict(a=rng.normal(), b=rng.normal()),
    ... )
    >>> square.check().verdict
    'PASS'
    """

    def __init__(self, name, *lines, points=(), draw=None, draws=5, source="", title=""):
        if len(lines) < 2 or not all(isinstance(line, Line) for line in lines):
            raise TypeError(f"derivation {name!r} needs at least two lines, each a Line(latex, value, relation)")
        if lines[0].wrong:
            raise ValueError(f"derivation {name!r}: the first line is joined to nothing and cannot be marked wrong")
        self.name, self.lines, self.source, self.title = name, lines, source, title
        self.points, self.draw, self.draws = list(points), draw, draws

    @classmethod
    def from_sympy(cls, name, *lines, points=(), draw=None, positive=(), **options):
        """A Derivation of equations in place of code (needs `pip install tinygen[symbolic]`).

        lines: LaTeX as SymPy's parser reads it (one line or a chain "a = b \\le c"), SymPy expressions, equations or
        inequalities, pairs (relation, line), and Lines. Without points and draw, the symbols are drawn at random, of
        either sign but for those that are `positive` (names; or SymPy's own assumption). options: of Derivation.

        Raises ImportError without SymPy, ValueError that shows the place for what cannot be read.

        >>> lines = r"(a+b)^2 = a^2 + b^2", ("=", r"a^2 + 2ab + b^2")
        >>> print(Derivation.from_sympy("square", *lines).check().notes[0])
        the first false line is line 2 (= a^2 + b^2)
        """
        from tinygen.check import symbolic

        points = [{symbolic.identifier(key): value for key, value in point.items()} for point in points]
        found = []
        for number, line in enumerate(lines, 1):
            try:
                known = {key for point in points for key in point}
                found += [line] if isinstance(line, Line) else symbolic.lines_of(line, known)
            except ValueError as error:
                raise ValueError(f"line {number} of {name!r}: {error}") from None
        expressions = [part[2] for part in found if not isinstance(part, Line)]
        made = [
            part if isinstance(part, Line) else Line(part[1], symbolic.function(part[2]), part[0]) for part in found
        ]
        if not points and draw is None and expressions:
            draw = symbolic.drawn(symbolic.variables(expressions), made[0].value, positive)
        return cls(name, *made, points=points, draw=draw, **options)

    def check(self, rng=0):
        """Try every line at every point. rng: Generator or seed for the random points. Returns a DerivationReport.

        A line passes if it and the line before agree (or differ in the stated direction, by the stated gap) within the
        sum of their bars, which come from the arithmetic (`check.bars.measure`); it is UNDECIDED if at most half of the
        bars are below RESOLUTION of the numbers. A line marked wrong passes if it is false at one point at least.
        """
        rng = np.random.default_rng(rng)
        points = self.points + [self.draw(rng) for _ in range(self.draws if self.draw else 0)] or [{}]
        lacking = self._lacking()
        entries, shown, before, right = [], [], None, None  # right: the last line before that is not false
        for number, line in enumerate(self.lines, 1):
            where = f"line {number} ({line.relation + ' ' if before else ''}{words(line.latex)})"
            values = None
            try:
                if lacking:
                    found = _Found(UNDECIDED, remarks=[] if shown else [lacking])
                else:
                    values = [_call(line.value, point) for point in points]
                    gaps = [_call(line.gap, point) for point in points] if line.gap else None
                    found = self._joined(line, before, right, values, gaps, points)
            except _Raised as raised:
                found = _Found(FAIL, remarks=[f"{raised}"], raised=True)
            entries.append(Entry(where, found.verdict, found.got, found.expected, found.bar, "; ".join(found.remarks)))
            shown.append(item(line, found, values and values[0], number == 1))
            if values and not line.wrong:
                before = _Before(number, values)
                right = right if found.verdict == FAIL or found.follows_false else before
        report = DerivationReport(self.name, entries)
        report.details = {"source": self.source, "title": self.title, "points": len(points)}
        report.details |= {"shown": at_point(points[0]), "lines": shown}
        first = next((entry for entry in entries if entry.verdict == FAIL), None)
        if first:
            report.notes.append(f"the first false line is {first.where}")
        return report

    def _lacking(self):
        """What to do if the lines have arguments, but there is no point to take them from; else ""."""
        if self.points or self.draw:
            return ""
        needed = dict.fromkeys(
            p.name for line in self.lines for p in inspect.signature(line.value).parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        )  # fmt: skip
        example = ", ".join(f"{name}=1.5" for name in needed)
        return f"nothing was checked, since there are no points: points=[dict({example})], or draw=" if needed else ""

    def _joined(self, line, before, right, values, gaps, points):
        """The comparison with the line before; after a false line, with the last right one if that agrees."""
        found = _compare(line, before and before.values, values, gaps, points)
        if before is None or line.wrong or before is right or right is None:
            return found
        if found.verdict != FAIL:
            found.remarks.append(f"it follows from line {before.number}, and is as false")
            found.follows_false = True
            return found
        again = _compare(line, right.values, values, gaps, points)
        if again.verdict == FAIL:
            return found
        again.remarks.append(f"it agrees with line {right.number}: the lines between are false, not this one")
        return again


@dataclass(frozen=True)
class _Before:
    """A line that others are joined to: its number and its Numbers."""

    number: int
    values: list


@dataclass
class _Found:
    """How one line compares with the line before, at the worst point of all and at the one that is shown."""

    verdict: str = PASS
    got: float = float("nan")
    expected: float = float("nan")
    bar: float = float("nan")
    difference: float | None = None  # at the shown point: the line before minus this one
    gap: float | None = None  # its closed form there
    remarks: list = field(default_factory=list)
    raised: bool = False
    follows_false: bool = False  # it agrees with the line before, and that is false


class _Raised(Exception):
    pass


def _compare(line, before, values, gaps, points):
    bad = next((i for i, v in enumerate(values) if np.isnan(v.value).any()), None)
    if bad is not None:
        return _Found(FAIL, remarks=[f"it is nan at {at_point(points[bad])}"])
    if before is None:
        worst = values[0]
        size = float(np.max(abs(worst.value), initial=0))
        return _Found(PASS, size, size, float(np.max(worst.bar, initial=0)))
    odd = next((i for i, (a, b) in enumerate(zip(before, values)) if a.value.shape != b.value.shape), None)
    if odd is not None:
        shapes = f"{values[odd].value.shape}, the line before {before[odd].value.shape}"
        return _judged(line, _Found(FAIL, remarks=[f"its shape is {shapes}"]), False, False)
    trials = [_Trial(line, a, b, gaps and gaps[i]) for i, (a, b) in enumerate(zip(before, values))]
    typical = float(np.median([t.size for t in trials]))
    worst = max(range(len(trials)), key=lambda i: trials[i].excess)
    trial = trials[worst]
    found = _Found(PASS, trial.got, trial.expected, trial.bar, trials[0].difference, trials[0].gap)
    found.remarks = trial.remarks(line, points[worst])
    if trial.outside and not line.wrong:
        a, b = (np.concatenate([np.ravel(number.value) for number in numbers]) for numbers in (before, values))
        bar = np.concatenate([np.ravel(m.bar + n.bar) for m, n in zip(before, values)])
        found.remarks += slips(a, b, bar, line.relation)
    decided = sum(t.bar <= RESOLUTION * max(t.size, typical) for t in trials)
    if line.relation != "=" and not line.wrong and all(t.tight for t in trials):
        found.remarks.append("it is tight at every point tried: nothing here tells it from =")
    return _judged(line, found, not trial.excess > 1, 2 * decided > len(trials))


def _judged(line, found, true, decided):
    if line.wrong:
        found.verdict, found.expected = (FAIL if true else PASS), np.nan
        found.remarks = [("it holds, but was to be false: " if true else "false, as expected: ") + line.wrong]
    elif not true:
        found.verdict = FAIL
    elif not decided:
        found.verdict = UNDECIDED
        remedy = "write the line so that less cancels, integrate more finely, or draw more often"
        found.remarks.append(f"the bar, {found.bar:.1e}, is too wide to tell: {remedy}")
    return found


class _Trial:
    """Two joined lines at one point: their worst entry in units of its bar (`excess`: false above 1)."""

    def __init__(self, line, a, b, gap):
        with np.errstate(invalid="ignore"):
            same = a.value == b.value  # also where both are the same infinity
            difference = np.where(same, 0.0, a.value - b.value)
        bars = a.bar + b.bar
        sign = SIGN[line.relation]
        off = abs(difference) if sign == 0 else np.maximum(-sign * difference, 0)
        self.outside = bool(np.any(off > bars))
        target = np.zeros_like(difference)
        self.gap = None
        if gap is not None and not self.outside:
            target = sign * np.broadcast_to(gap.value, difference.shape)
            bars = bars + gap.bar
            off = abs(difference - target)
        if gap is not None:
            self.gap = float(np.max(gap.value, initial=0))
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = np.where(off == 0, 0.0, np.where(np.isfinite(bars), off / bars, 0.0))
        if excess.size == 0:
            excess, difference, bars, target = (np.zeros(1) for _ in range(4))
        i = int(np.argmax(excess))
        self.excess = float(excess.flat[i])
        self.bar = float(np.broadcast_to(bars, excess.shape).flat[i])
        self.got = float(np.broadcast_to(b.value, excess.shape).flat[i])
        exactly = sign == 0 or gap is not None or self.outside  # else only the direction was asked for
        self.expected = float(np.broadcast_to(a.value, excess.shape).flat[i] - target.flat[i]) if exactly else np.nan
        self.difference = float(difference.flat[int(np.argmax(abs(difference)))])
        self.tight = bool(np.all(abs(difference) <= bars))
        self.size = float(max(np.max(abs(a.value), initial=0), np.max(abs(b.value), initial=0)))

    def remarks(self, line, point):
        if self.excess <= 1:
            return []
        got, expected = apart(self.got, self.expected)
        against = f"{got} against {expected} +- {self.bar:.1e} at {at_point(point)}"
        if not self.outside:
            return [f"the gap is not its closed form: {against} (the line before, less that gap)"]
        how = {"=": "not equal", ">=": "larger than the line before", "<=": "smaller than the line before"}
        return [f"{how[line.relation]}: {against}"]


def _call(f, point):
    """The Number of a line at a point; _Raised, with the line of the file, if it raises or lacks an argument."""
    parameters = inspect.signature(f).parameters
    names = [p.name for p in parameters.values()]
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        names = list(point)
    missing = [n for n in names if n not in point and parameters[n].default is inspect.Parameter.empty]
    if missing:
        raise _Raised(f"it needs {', '.join(missing)}, but the points have {', '.join(point) or 'nothing'}")
    try:
        with np.errstate(all="ignore"):
            return measure(f, {n: point[n] for n in names if n in point})
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == inspect.unwrap(f).__code__.co_filename]
        place = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
        raise _Raised(f"it raises {type(error).__name__}: {error}{place}") from error
