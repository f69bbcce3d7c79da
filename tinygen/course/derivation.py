"""What a lesson shows by name: a derivation, line by line, with its numbers and whether each line holds; the notation
table."""

import html

from tinygen.course import render
from tinygen.course.lesson import LessonError

SIGN = {"": "", "=": "=", ">=": r"\geq", "<=": r"\leq"}
SAID = {"PASS": "holds", "FAIL": "is false", "UNDECIDED": "is not decided"}


def derivation(name):
    """The derivation of that name (`tinygen verify` lists them), checked now; notebooks and pages typeset it.

    Raises LessonError if there is none.
    """
    import tinygen.derivations  # noqa: F401  (it registers them)
    from tinygen.check.registry import claims

    try:
        found = [c for c in claims(name) if c.kind == "derivation"]
    except LookupError as error:
        raise LessonError(str(error)) from None
    if len(found) != 1:
        raise LessonError(f"{name!r} is not the name of one derivation: {', '.join(c.name for c in found) or 'none'}")
    return Shown(found[0].run().report)


class Shown:
    """What the check of a derivation found, `report`, ready to be shown."""

    def __init__(self, report):
        self.report = report

    def __str__(self):
        return str(self.report)

    def _repr_html_(self):
        rows = "".join(self._row(line) for line in self.report.details["lines"])
        details = self.report.details
        source = f" Source: {html.escape(details['source'])}." if details["source"] else ""
        return (f'<div class="derived"><p class="what">{html.escape(details["title"] or self.report.name)} '
                f'<span class="{self.report.verdict.lower()}">{SAID[self.report.verdict]}</span></p>'
                f'<div class="table" tabindex="0"><table><tbody>{rows}</tbody></table></div>'
                f'<p class="where">Tried at {details["points"]} points. The numbers are those at '
                f'{html.escape(details["shown"])}.{source}</p></div>')

    def _row(self, line):
        """One line: the relation, the formula, its number, and what is to be said of it."""
        relation = render.math(SIGN[line["relation"]], False) if line["relation"] else ""
        remarks = [html.escape(r) for r in line["remarks"]]
        if line["wrong"]:
            remarks = [f"This line is wrong: {html.escape(line['wrong'])}."]
        elif line["gap"] is not None and line["gap_latex"]:
            remarks = [f"The gap, {abs(line['difference']):.6g}, is {render.math(line['gap_latex'], False)}."]
        if line["note"]:
            remarks.append(html.escape(line["note"]))
        mark = {"PASS": "✓", "FAIL": "✗", "UNDECIDED": "?"}[line["verdict"]]
        shown = "✗" if line["wrong"] else mark
        value = html.escape(_number(line["value"]))
        kind = "wrong" if line["wrong"] else line["verdict"].lower()
        return (f'<tr class="{kind}"><td>{relation}</td><td>{render.formula(line["latex"], True)}'
                f'{"".join(f"<small>{r}</small>" for r in remarks)}</td><td>{value}</td><td>{shown}</td></tr>')


def _number(value):
    """A line's value in short."""
    if isinstance(value, list):
        flat = value
        while flat and isinstance(flat[0], list):
            flat = [v for row in flat for v in row]
        return ", ".join(f"{v:.5g}" for v in flat[:4]) + (" …" if len(flat) > 4 else "")
    return f"{value:.8g}"


def notation():
    """The letters of the notes, of the book, of the DDPM paper and of this package, side by side."""
    from tinygen.models.diffusion import schedule

    return Notation("\n".join(line for line in schedule.__doc__.splitlines() if line.startswith("|")))


class Notation(str):
    """A table in Markdown, ready to be shown."""

    def _repr_html_(self):
        return render.Prose()(self)
