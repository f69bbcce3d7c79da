"""A lesson that has run, as one HTML page that needs nothing else: no server, no network, no other file."""

import ast
import html
import re
import tempfile
from pathlib import Path

from tinygen.course.derivation import STYLE, derivation
from tinygen.course.drawing import layout, pictures, render, share
from tinygen.course.lesson import BEGIN, LessonError, solutions, student
from tinygen.files import replacing

HERE = Path(__file__).parent
SIDES = {"index": "All lessons", "notes": "The notes", "glossary": "Glossary", "notation": "Notation",
         "lecturers": "For lecturers"}
# The page may run its own script and style and show pictures that are inside it; a browser refuses it everything else.
THEME = '<button type="button" class="theme">Light or dark</button>'
# Without a script there are no buttons and no sliders, and all frames of a player stand side by side, the
# next one in sight.
STILL = ("button,.controls{display:none!important}.player .frames{display:flex;overflow-x:auto;scroll-snap-type:x "
         "mandatory}.player .frame[hidden]{display:block!important}.player .frame{flex:0 0 88%;"
         "scroll-snap-align:start}.player .at{display:block}")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(lesson, ran, links=None, stamp="", address=""):
    """The page of `lesson` from its cells as they ran.

    links: {"previous" | "index" | "glossary" | "next": (address, title)} for the bars. stamp: what it was made from,
    kept in the page's head. address: "owner/repository/blob/main/folder", where its notebook can be opened from.
    Returns HTML text.
    """
    prose = render.Prose()
    body = "\n".join(_cell(r, prose) for r in ran) + _derivations(prose) + _summary(ran, prose)
    contents = "".join(f'<li><a href="#{name}">{shown}</a></li>' for level, name, shown in prose.headings if level == 2)
    there = (links or {}) | notebook(lesson.name, address)
    return document(
        lesson.title,
        f'<nav class="bar" aria-label="Course">{_links(there)}{THEME}</nav>'
        f'<nav class="side" aria-label="This lesson"><p>On this page</p><ol>{contents}</ol>{_links(links or {})}</nav>'
        f'<details class="contents"><summary>On this page</summary><ol>{contents}</ol></details>'
        f'<main id="main">{body}</main><nav class="bar" aria-label="Further">{_links(there)}</nav>',
        stamp,
    )


def beside(name, title, body, headings, stamp=""):
    """A page beside the lessons: index, glossary and the like, with the bar that leads to the others."""
    around = "".join(f'<a href="{other}.html"{" aria-current=page" if other == name else ""}>{shown}</a>'
                     for other, shown in SIDES.items())
    contents = "".join(f'<a href="#{anchor}">{shown}</a>' for level, anchor, shown in headings if level == 2)
    contents = f'<nav class="parts" aria-label="On this page">{contents}</nav>' if contents else ""
    return document(html.escape(title), (
        f'<nav class="bar" aria-label="Course">{around}{THEME}</nav>{contents}'
        f'<main id="main" class="prose {name}">{body}</main>'
        f'<nav class="bar" aria-label="Further">{around}</nav>'), stamp)


def notebook(name, address):
    """The links to a lesson's notebook: opened in Colab, and to keep; none without an address."""
    place = f"{address.strip('/')}/{name}.ipynb"
    return {"colab": (f"https://colab.research.google.com/github/{place}", "Open in Colab"),
            "download": (f"https://github.com/{place.replace('/blob/', '/raw/', 1)}", "Notebook")} if address else {}


def document(title, body, stamp=""):
    """A whole HTML document around `body`, with the course's style sheet and script inside it."""
    palettes, codes = pictures.css(), render.code_css()
    style = (HERE / "page.css").read_text(encoding="utf-8")
    for mark, rules in (("light-palette", palettes[0]), ("dark-palette", palettes[1]), ("light-code", codes[0]),
                        ("dark-code", codes[1])):
        style = style.replace(f"/* {mark} */", rules)
    dark = "".join(re.findall(r"/\* dark \*/(.*?)/\* end \*/", style, re.DOTALL)).replace('[data-theme="dark"]', "")
    still = f"{STILL}\n@media (prefers-color-scheme: dark) {{{dark}}}"
    style, still = _lean(style), _lean(still)
    script = (HERE / "page.js").read_text(encoding="utf-8")
    body = body.replace(f"<style>{STYLE}</style>", "")  # the page has its own
    sprite, body = share.share(body)
    plain = html.escape(layout.plain(title))
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{plain}</title>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            f'<meta name="made-from" content="{stamp}">\n'
            f"<style>{style}</style>\n<noscript><style>{still}</style></noscript>\n<script>\n{script}</script>\n"
            f'</head>\n<body>\n<a class="skip" href="#main">Skip to the text</a>\n{sprite}\n{body}\n</body>\n</html>\n')


def _lean(style):
    """A style sheet without comments and needless space."""
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    return re.sub(r"\s*([{};,])\s*|(?<=[\w-]):\s+", lambda m: m[1] or ":", re.sub(r"\s+", " ", style)).strip()


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
    shown = {"previous": "← {}", "index": "{}", "glossary": "{}", "notes": "{}", "colab": "{}", "download": "{}",
             "next": "{} →"}
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
        parts.append(f'<pre class="printed scrolls{verdicts}" tabindex="0">{html.escape(ran.printed.rstrip())}</pre>')
    if ran.error:
        parts.append(f'<pre class="error scrolls" tabindex="0">{html.escape(ran.error)}</pre>')
    parts += [f'<figure class="scrolls" tabindex="0">{figure}</figure>' for figure in ran.figures]
    if ran.shown:
        parts.append(f'<div class="shown">{ran.shown}</div>')
    return f'<section class="cell">{"".join(parts)}</section>'


def _code(source):
    """A cell's code; with a solution in it, the student's version, and below it, folded, the solution and the check."""
    source = re.sub(r"\n{3,}", "\n\n", source)  # one empty line between functions is enough on a page
    if BEGIN not in source:
        return render.code(source)
    lines = source.split("\n")
    answers = "\n\n".join("\n".join(lines[first + 1:last]) for first, last, _ in solutions(source))
    question, check = parted(student(source))
    folded = {"solution": ("Solution", answers), "check": ("How it is checked", check)}
    return f'<p class="task">Exercise</p>{render.code(question)}' + "".join(
        f'<details class="{kind}"><summary>{words}</summary>{render.code(text)}</details>'
        for kind, (words, text) in folded.items() if text)


def parted(source):
    """A cell's code in two: what the exercise asks, and the functions `check...` with the line that calls them."""
    lines, question, check = source.split("\n"), [], []
    try:
        nodes = ast.parse(source).body
    except SyntaxError:  # a reader's own file
        return source, ""
    for node in nodes:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        calls = isinstance(node, ast.Assign) and getattr(getattr(node.value, "func", None), "id", "") == "exercise"
        part = check if calls or getattr(node, "name", "").startswith("check") else question
        before = first - 1
        while before and lines[before - 1].startswith("#"):
            before -= 1
        part.append("\n".join(lines[before:node.end_lineno]))
    return "\n\n".join(question), "\n\n".join(check)


def _derivations(prose):
    """The derivations that the page's text links to, each line with its number; nothing if there are none."""
    if not prose.derivations:
        return ""
    heading = prose("## Derivations, checked line by line")
    parts = [f'<div id="{render.anchor(name)}">{derivation(name)._repr_html_()}</div>' for name in prose.derivations]
    return f'<section class="prose">{heading}{"".join(parts)}</section>'


def _summary(ran, prose):
    """The table of the page's exercises; nothing if it has none."""
    tests = [t for r in ran for t in r.exercises]
    rows = "".join(f'<tr><td>{html.escape(t.report.name)}</td><td class="{t.report.verdict.lower()}">'
                   f"{t.report.verdict}</td></tr>" for t in tests)
    passed = sum(t.report.ok for t in tests)
    if not tests:
        return ""
    return (f'<section class="prose">{prose("## Exercises")}'
            f"<p>{passed} of {len(tests)} pass, as this page ran.</p>"
            f'<table><thead><tr><th scope="col">Exercise</th><th scope="col">Verdict</th></tr></thead>'
            f"<tbody>{rows}</tbody></table></section>")
