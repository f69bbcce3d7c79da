"""A recorded program for people: as text, as a formula, as a diagram."""

from html import escape

from tinygen.program import passes
from tinygen.program.formula import latex
from tinygen.program.names import Locals, code_of, input_names, names_of, operands, written
from tinygen.program.program import record


def trace(f):
    """`trace(f)(*args)` runs `f` once and returns its Trace: what it did, with `f`'s names where they can be known.

    >>> import numpy as np
    >>> def kl(mean, logvar):
    ...     var = np.exp(logvar)
    ...     return 0.5 * np.sum(var + mean**2 - 1 - logvar)
    >>> print(trace(kl)(np.zeros(2), np.zeros(2)))
    mean, logvar                         # (2,) float64, (2,) float64
    var = exp(logvar)                    # (2,) float64
    v1 = mean ** 2                       # (2,) float64
    v2 = var + v1                        # (2,) float64
    v3 = v2 - 1                          # (2,) float64
    v4 = v3 - logvar                     # (2,) float64
    v5 = sum(v4)                         # () float64
    v6 = 0.5 * v5                        # () float64
    return v6
    >>> print(trace(kl)(np.zeros(2), np.zeros(2)).latex())
    \\begin{aligned}
    \\mathrm{var} &= e^{\\mathrm{logvar}} \\\\
    \\mathrm{kl} &= 0.5 \\sum \\left(\\mathrm{var} + \\mathrm{mean}^{2} - 1 - \\mathrm{logvar}\\right)
    \\end{aligned}
    """

    def run(*args, **kw):
        with Locals(code_of(f)) as local:
            program, _ = record(f, args, kw)
        program = program._replace(operations=passes.pruned(program.operations, program.outputs), limits=[])
        title = getattr(f, "__name__", "f").replace("<lambda>", "f")
        return Trace(program, input_names(f, args, kw), local.found, title)

    return run


class Trace:
    """A recorded program: `str()` one line an operation, `.latex()` a formula, `.diagram()` an SVG picture."""

    def __init__(self, program, inputs, found, title):
        self.program, self.title = program, title
        self.names, self.own = names_of(program, inputs, found)

    def __str__(self):
        inputs = [self.names[slot] for slot, _ in self.program.inputs]
        rows = [(", ".join(inputs), ", ".join(str(layout) for _, layout in self.program.inputs))]
        for op in self.program.operations:
            left = ", ".join(self.names[slot] for slot in op.outputs)
            rows.append((f"{left} = {written(op, self.names)}", ", ".join(map(str, op.layouts))))
        width = max(36, *(min(len(left), 60) for left, _ in rows))
        lines = [f"{left:{width}} # {right}" for left, right in rows]
        outputs = [repr(constant) if slot is None else self.names[slot] for slot, constant in self.program.outputs]
        return "\n".join([*lines, f"return {', '.join(outputs)}"])

    def latex(self):
        """The program as a formula, one line for each variable of `f` and each value that is used twice.

        ValueError if it has more than 40 operations: nobody reads such a formula.
        """
        return latex(self)

    def diagram(self):
        """The program as an SVG picture in the current text colour: arrows go from what is read to what reads it."""
        return _draw(self)


def _draw(shown):
    """Layers from left to right by the longest way from an input; an input stands right before its first reader."""
    program, results = shown.program, {slot for slot, _ in shown.program.outputs}
    depth, edges = {slot: 0 for slot, _ in program.inputs}, []
    for op in program.operations:
        first = op.outputs[0]
        depth.update(dict.fromkeys(op.outputs, 1 + max((depth[slot] for _, slot in op.parents), default=0)))
        edges += [(slot, first) for _, slot in op.parents]
    for slot, _ in program.inputs:
        depth[slot] = min((depth[end] for start, end in edges if start == slot), default=1) - 1
    boxes = [(slot, shown.names[slot], str(layout), "input") for slot, layout in program.inputs]
    for op in program.operations:
        first, read = op.outputs[0], dict(op.parents)
        constants = [a for i, a in enumerate(operands(op, shown.names)) if i not in read]
        symbol = op.row.symbol if len(op.args) == 2 else None
        text = " ".join([symbol or op.row.name, *constants])
        label = f"{shown.names[first]} = {text}" if first in shown.own else text
        boxes.append((first, label, str(op.layouts[0]), "result" if first in results else "step"))
    column, place, width, height = {}, {}, 150, 64
    for slot, *_ in boxes:
        row = column.get(depth[slot], 0)
        column[depth[slot]] = row + 1
        place[slot] = (20 + depth[slot] * width, 20 + row * height)
    home = {out: op.outputs[0] for op in program.operations for out in op.outputs}
    wide, high = max(x for x, _ in place.values()) + 130, max(y for _, y in place.values()) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" role="img" fill="none" '
        'stroke="currentColor" font-family="monospace" font-size="11">',
        f"<title>{escape(shown.title)}, operation by operation</title>",
    ]
    for start, end in edges:
        (x0, y0), (x1, y1) = place[home.get(start, start)], place[end]
        x0, y0, y1, bend = x0 + 110, y0 + 18, y1 + 18, (x1 - x0 - 110) / 2
        parts.append(f'<path d="M{x0} {y0} C{x0 + bend:g} {y0} {x1 - bend:g} {y1} {x1} {y1}" opacity=".45"/>')
    for slot, text, kind, role in boxes:
        x, y = place[slot]
        dash = {"input": ' stroke-dasharray="3 2"', "result": ' stroke-width="2"'}.get(role, "")
        parts.append(f'<rect x="{x}" y="{y}" width="110" height="36" rx="6" style="fill:var(--page,none)"{dash}/>')
        parts.append(_label(x + 55, y + 15, text if len(text) <= 16 else text[:15] + "…", ""))
        parts.append(_label(x + 55, y + 29, kind, ' opacity=".6" font-size="9"'))
    return "".join([*parts, "</svg>"])


def _label(x, y, text, style):
    return f'<text x="{x}" y="{y}" text-anchor="middle" fill="currentColor" stroke="none"{style}>{escape(text)}</text>'
