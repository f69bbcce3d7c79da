"""A lesson in the terminal, one cell at a time."""

import sys

from tinygen.course import lesson


def step(read, ask=input, write=print):
    """Go through the lesson `read`: show a cell, wait, run it, show what it did. Returns the list of Ran.

    At the prompt Enter runs the cell, `s` skips it, `q` (or the end of the input) ends. A solution that is in the cell
    runs, but is not shown: the reader may want to find it. ask, write: input and print.
    """
    ran, count = [], sum(c.kind == "code" for c in read.cells)

    class Stop(Exception):
        pass

    def wanted(cell):
        write("\n" + coloured(lesson.student(cell.source.strip())) + "\n")
        if lesson.BEGIN in cell.source:
            write("(An exercise. What runs here has its solution; the page shows it, folded.)\n")
        here = 1 + sum(r.cell.kind == "code" for r in ran)
        try:
            answer = ask(f"[cell {here} of {count}: Enter runs it, s skips it, q ends] ").strip().lower()
        except EOFError:
            answer = "q"
        if answer == "q":
            raise Stop
        return answer != "s"

    try:
        for r in lesson.run(read, wanted):
            ran.append(r)
            if r.cell.kind == "markdown":
                write("\n" + r.cell.source)
            for text in filter(None, (r.printed.rstrip(), r.error)):
                write("\n".join("  | " + line for line in text.split("\n")))
            pictures = len(r.figures) + bool(r.shown)
            if pictures:
                write(f"  | ({pictures} picture{'s' if pictures > 1 else ''}, for the page)")
    except Stop:
        pass
    return ran


def coloured(source):
    """Source code with colours, if this is a terminal."""
    if not sys.stdout.isatty():
        return source
    from pygments import highlight
    from pygments.formatters import TerminalFormatter
    from pygments.lexers import PythonLexer

    return highlight(source, PythonLexer(), TerminalFormatter()).rstrip()
