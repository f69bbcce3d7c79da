"""A lesson in the terminal, one cell at a time, its formulas in Unicode."""

import functools
import re
import sys

from tinygen.course import lesson

SMALL = {"_": str.maketrans("0123456789+-aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ"),
         "^": str.maketrans("0123456789+-ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ")}  # fmt: skip
KEYS = "Enter runs it, s skips it, q ends"
HELP = """Enter  run this cell and go to the next
s      skip it: later cells may need what it defines
q      end here; the page shows what has been run"""


def step(read, ask=input, write=print):
    """Go through the lesson `read`: show a cell, wait, run it, show what it did. Returns the list of Ran.

    At the prompt Enter runs the cell, `s` skips it, `q` (or the end of the input) ends, any other key explains these. A
    solution that is in the cell runs, but is not shown: the reader may want to find it. The end is the tally of the
    exercises that were reached. ask, write: input and print.
    """
    from tinygen.course.exercises import tally

    ran, count = [], sum(c.kind == "code" for c in read.cells)

    class Stop(Exception):
        pass

    def answer(here):
        while True:
            try:
                key = ask(f"[cell {here} of {count}: {KEYS}] ").strip().lower()
            except EOFError:
                return "q"
            if key in ("", "s", "q"):
                return key
            write(HELP)

    def wanted(cell):
        write("\n" + coloured(lesson.student(cell.source.strip())) + "\n")
        if lesson.BEGIN in cell.source:
            write("(An exercise. What runs here has its solution; the page shows it, folded.)\n")
        key = answer(1 + sum(r.cell.kind == "code" for r in ran))
        if key == "q":
            raise Stop
        return key != "s"

    try:
        for r in lesson.run(read, wanted):
            ran.append(r)
            if r.cell.kind == "markdown":
                write("\n" + plain(r.cell.source))
            for text in filter(None, (r.printed.rstrip(), r.error)):
                write("\n".join("  | " + line for line in text.split("\n")))
            pictures = len(r.figures) + bool(r.shown)
            if pictures:
                write(f"  | ({pictures} picture{'s' if pictures > 1 else ''}, for the page)")
    except Stop:
        pass
    reached = [{"name": t.report.name, "ok": t.report.ok} for r in ran for t in r.exercises]
    more = read.count - len(reached)
    said = tally(reached) if reached or not more else "no exercise was reached"
    write("\n" + said + (f"; {more} more in this lesson" if reached and more else ""))
    return ran


def plain(markdown):
    """Markdown for a terminal: formulas in Unicode as far as that goes, links as their words.

    >>> plain(r"$\\frac{x + 1}{2\\sigma^2} \\geq \\mathbb{E}_{q(z)}[f]$ ([checked](derivation:kl/standard))")
    '(x + 1)/(2σ²) ≥ 𝔼_(q(z))[f] (checked)'
    """
    math = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
    text = math.sub(lambda m: _lines(m[1]) if m[1] else " ".join(in_unicode(m[2]).split()), markdown)
    text = re.sub(r"^\|[ |-]*\|\n", "", text, flags=re.MULTILINE)  # a table's head without words, and its line
    text = re.sub(r"^\| (.*?) \| (.*) \|$", r"\1: \2", text, flags=re.MULTILINE)
    text = re.sub(r"\n{3,}", "\n\n", text)
    return re.sub(r"\[([^\]]+)\]\((?:derivation|lesson):[^)]*\)", r"\1", text)


def _lines(latex):
    """A displayed formula, one line of it under the other."""
    latex = re.sub(r"\\(begin|end)\{\w+\*?\}", "", latex)
    rows = [" ".join(in_unicode(row.replace("&", " ")).split()) for row in re.split(r"\\\\(?:\[.*?\])?", latex)]
    return "\n" + "\n".join("    " + row for row in rows if row) + "\n"


def in_unicode(latex):
    """A formula as one line of Unicode, as far as that goes."""
    latex = re.sub(r"\\[td]?frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}", latex)
    latex = re.sub(r"\\[td]frac", r"\\frac", latex).replace(r"\|", r"\Vert ").replace("%", r"\%")
    latex = re.sub(r"\\(left|right|[bB]igg?[lr]?)\b\.?", "", latex).replace(r"\odot", "⊙").replace(r"\top", "ᵀ")
    latex = re.sub(r"\\(log|exp|sin|cos|tanh|geq|leq|neq|approx|sim|mid|propto|to)(?![a-zA-Z])\s*", r" \\\1{} ", latex)
    latex = re.sub(r"([_^])\{((?:[^{}\\]|\\[a-zA-Z]+)(?:[^{}]|\{[^{}]*\})+)\}", _script, latex)
    text = re.sub(r"(?<=\w)([=+-]) ", r" \1 ", _converter().latex_to_text(latex))  # it takes the blank after a macro
    return re.sub(r"([_^])(?:\(([0-9a-z+-]{1,6})\)|([0-9a-z]))", _small, text)


def _small(match):
    """A script in small letters, if there are such letters of all its signs."""
    inner, known = match[2] or match[3], SMALL[match[1]]
    return inner.translate(known) if all(ord(sign) in known for sign in inner) else match[0]


def _script(match):
    """A sub- or superscript of more than one sign, in brackets: its braces would be lost."""
    inner = match[2].strip()
    single = re.fullmatch(r"\\[a-zA-Z]+|.", inner)
    return f"{match[1]}{{{inner}}}" if single else f"{match[1]}({inner})"


@functools.cache
def _converter():
    from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db

    def fraction(node, l2tobj):
        above, below = (l2tobj.nodelist_to_text([part]).strip() for part in node.nodeargd.argnlist[-2:])
        whole = lambda text: text if re.fullmatch(r"[\w.^√∂]*(\([^()]*\))?", text) else f"({text})"
        below = below if re.fullmatch(r"\d+|[^\W\d]'?|[A-Z]\w*\([^()]*\)", below) else f"({below})"
        return f"{whole(above)}/{below}"

    context = get_default_latex_context_db()
    context.add_context_category("tinygen", prepend=True, macros=[MacroTextSpec("frac", simplify_repl=fraction)])
    return LatexNodes2Text(latex_context=context, math_mode="text", strict_latex_spaces=False)


def coloured(source):
    """Source code with colours, if this is a terminal."""
    if not sys.stdout.isatty():
        return source
    from pygments import highlight
    from pygments.formatters import TerminalFormatter
    from pygments.lexers import PythonLexer

    return highlight(source, PythonLexer(), TerminalFormatter()).rstrip()
