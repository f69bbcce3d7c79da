"""What a lesson shows by name: a derivation, line by line, with its numbers and whether each line holds; the notation
table."""

import html

from tinygen.course.drawing import render
from tinygen.course.lesson import LessonError

SIGN = {"": "", "=": "=", ">=": r"\geq", "<=": r"\leq"}
HEADS = ("relation", "line", "its number", "verdict")
# What a notebook needs of the page's style sheet.
STYLE = (".said,math{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}"
         ".derived del .tex{background:linear-gradient(#b3261e,#b3261e) 0 50%/100% 2px no-repeat}")
SAID = {"PASS": "holds", "FAIL": "is false", "UNDECIDED": "is not decided", "WRONG": "is wrong"}
MARKS = {"PASS": "✓", "FAIL": "✗", "UNDECIDED": "?", "WRONG": "✗"}


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
        heads = "".join(f'<th scope="col"><span class="said">{head}</span></th>' for head in HEADS)
        title = html.escape(details["title"] or self.report.name)
        return (f'<div class="derived"><style>{STYLE}</style><p class="what">{title} '
                f'<span class="{self.report.verdict.lower()}">{SAID[self.report.verdict]}</span></p>'
                f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
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
        verdict = "WRONG" if line["wrong"] else line["verdict"]
        shown = f"{render.spoken(line['latex'])}{render.pieces(line['latex'])}"
        shown = f"<del>{shown}</del>" if line["wrong"] else shown
        return (f'<tr class="{verdict.lower()}"><td>{relation}</td><td>{shown}'
                f'{"".join(f"<small>{r}</small>" for r in remarks)}</td><td>{html.escape(number(line["value"]))}</td>'
                f'<td><span role="img" aria-label="{SAID[verdict]}">{MARKS[verdict]}</span></td></tr>')


def number(value):
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
