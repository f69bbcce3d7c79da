"""A lesson that has run, as one HTML page that needs nothing else: no server, no network, no other file."""

import html
import re
import tempfile
from pathlib import Path

from tinygen.course import pictures, render
from tinygen.course.derivation import derivation
from tinygen.course.lesson import BEGIN, LessonError, solutions, student
from tinygen.files import replacing

HERE = Path(__file__).parent
# The page may run its own script and style and show pictures that are inside it; a browser refuses it everything else.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(lesson, ran, links=None, stamp=""):
    """The page of `lesson` from its cells as they ran.

    links: {"previous" | "index" | "glossary" | "next": (address, title)} for the bars. stamp: what it was made from,
    kept in the page's head. Returns HTML text.
    """
    prose = render.Prose()
    body = "\n".join(_cell(r, prose) for r in ran) + _derivations(prose)
    contents = "".join(f'<li><a href="#{name}">{shown}</a></li>' for level, name, shown in prose.headings if level == 2)
    around = _links(links or {})
    return document(
        lesson.title,
        f'<nav class="bar">{around}<button type="button" class="theme">Light or dark</button></nav>'
        f'<details class="contents"><summary>On this page</summary><ol>{contents}</ol></details>'
        f"<main>{body}{_summary(ran)}</main><nav class=\"bar\">{around}</nav>",
        stamp,
    )


def document(title, body, stamp=""):
    """A whole HTML document around `body`, with the course's style sheet and script inside it."""
    light, dark = pictures.css()
    code_light, code_dark = render.code_css()
    style = (HERE / "page.css").read_text(encoding="utf-8")
    for mark, rules in (("light-palette", light), ("dark-palette", dark), ("light-code", code_light),
                        ("dark-code", code_dark)):
        style = style.replace(f"/* {mark} */", rules)
    script = (HERE / "page.js").read_text(encoding="utf-8")
    sprite, body = share(body)
    plain = html.escape(re.sub(r"\$|\\\w+", "", title))
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{plain}</title>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            f'<meta name="made-from" content="{stamp}">\n'
            f"<style>\n{style}</style>\n<script>\n{script}</script>\n</head>\n<body>\n{sprite}\n{body}\n</body>\n</html>\n")


def share(body):
    """Letters as shapes: each is drawn once for the whole page. Returns (the shapes, `body` without them)."""
    shapes = {}

    def keep(match):
        shapes.setdefault(match["id"], match[0])
        return ""

    body = re.sub(r'<symbol id="(?P<id>[^"]+)"[^>]*(?:/>|(?<!/)>.*?</symbol>)', keep, body, flags=re.DOTALL)
    body = re.sub(r'<path id="(?P<id>DejaVu[^"]+)"[^>]*/>', keep, body)
    body = re.sub(r"<defs>\s*</defs>\s*", "", body)
    drawn = "".join(shapes[name] for name in sorted(shapes))
    return f'<svg class="shapes" aria-hidden="true" width="0" height="0"><defs>{drawn}</defs></svg>', body


def writable(folder):
    """Make the folder if need be and see that a file can be written there. Raises LessonError if not."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise LessonError(f"cannot write into {folder}: {error.strerror}; name another folder with --out DIR") from None


def write(path, text):
    """Write a page whole or not at all; make its folder. Raises LessonError if the folder cannot be written to."""
    path = Path(path)
    writable(path.parent)
    try:
        with replacing(path) as file:
            file.write(text.encode("utf-8"))
    except OSError as error:
        raise LessonError(f"{error.strerror}, or another folder with --out DIR") from None


# ---- the parts of a page ---------------------------------------------------------------------------------------------


def _links(links):
    shown = {"previous": "← {}", "index": "{}", "glossary": "{}", "next": "{} →"}
    return "".join(f'<a class="{k}" href="{html.escape(links[k][0])}">{shown[k].format(html.escape(links[k][1]))}</a>'
                   for k in shown if k in links)


def _cell(ran, prose):
    cell = ran.cell
    if cell.kind == "markdown":
        return f'<section class="prose">{prose(cell.source)}</section>'
    if not cell.source.strip() or "script" in cell.tags:
        return ""
    parts = [_code(cell.source)]
    if ran.printed.strip():
        verdicts = "".join(f" {t.report.verdict.lower()}" for t in ran.exercises)
        parts.append(f'<pre class="printed{verdicts}" tabindex="0">{html.escape(ran.printed.rstrip())}</pre>')
    if ran.error:
        parts.append(f'<pre class="error" tabindex="0">{html.escape(ran.error)}</pre>')
    parts += [f"<figure>{figure}</figure>" for figure in ran.figures]
    if ran.shown:
        parts.append(f'<div class="shown">{ran.shown}</div>')
    return f'<section class="cell">{"".join(parts)}</section>'


def _code(source):
    """A cell's code; with a solution in it, the student's version, and the solution folded below."""
    source = re.sub(r"\n{3,}", "\n\n", source)  # one empty line between functions is enough on a page
    if BEGIN not in source:
        return render.code(source)
    lines = source.split("\n")
    answers = "\n\n".join("\n".join(lines[first + 1:last]) for first, last, _ in solutions(source))
    return (f'<p class="task">Exercise</p>{render.code(student(source))}'
            f"<details class=\"solution\"><summary>Solution</summary>{render.code(answers)}</details>")


def _derivations(prose):
    """The derivations that the page's text links to, each line with its number; nothing if there are none."""
    if not prose.derivations:
        return ""
    heading = prose("## Derivations, checked line by line")
    parts = [f'<div id="{render.anchor(name)}">{derivation(name)._repr_html_()}</div>' for name in prose.derivations]
    return f'<section class="prose">{heading}{"".join(parts)}</section>'


def _summary(ran):
    """The table of the page's exercises; nothing if it has none."""
    tests = [t for r in ran for t in r.exercises]
    rows = "".join(f'<tr><td>{html.escape(t.report.name)}</td><td class="{t.report.verdict.lower()}">'
                   f"{t.report.verdict}</td></tr>" for t in tests)
    passed = sum(t.report.ok for t in tests)
    if not tests:
        return ""
    return ('<section class="prose"><h2 id="exercises">Exercises</h2>'
            f"<p>{passed} of {len(tests)} pass, as this page ran.</p><table>{rows}</table></section>")
