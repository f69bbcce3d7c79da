"""A recorded program as a formula in LaTeX."""

import re

import numpy as np

from tinygen.program.names import index_text

MOST = 40  # operations in a formula that somebody can still read
GREEK = set(
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split()
)
OTHER_NAMES = {"eps": r"\epsilon", "lam": r"\lambda", "ell": r"\ell"}
STRENGTHS = ("SUM", "NEGATIVE", "OPEN", "PRODUCT", "FRACTION", "POWER", "ATOM")  # how strongly something holds together
SUM, NEGATIVE, OPEN, PRODUCT, FRACTION, POWER, ATOM = range(7)


def latex(shown):
    """The formula of a Trace: one aligned line for each variable of `f` and each value that is used more than once."""
    program = shown.program
    visible = [op for op in program.operations if op.row.latex != ""]
    if len(visible) > MOST:
        raise ValueError(
            f"{shown.title} has {len(visible)} operations, too many for a formula (at most {MOST}): print the trace."
        )
    uses = {}
    for op in program.operations:
        for _, slot in op.parents:
            uses[slot] = uses.get(slot, 0) + 1
    made = {slot: (_symbol(shown.names[slot]), ATOM) for slot, _ in program.inputs}
    lines, count = [], 0
    results = [slot for slot, _ in program.outputs]
    for op in program.operations:
        known = dict(op.parents)
        args = [made[known[i]] if i in known else _number(a) for i, a in enumerate(op.args)]
        for j, slot in enumerate(op.outputs):
            text, strength = _expression(op, args)
            if len(op.outputs) > 1:
                text, strength = rf"{_group((text, strength), ATOM)}_{{{j + 1}}}", ATOM
            named = slot in shown.own
            again = uses.get(slot, 0) > 1 and strength < ATOM and op.row.latex != ""
            if (named or again) and slot not in results:
                if not named:
                    count += 1
                symbol = _symbol(shown.names[slot]) if named else f"u_{{{count}}}"
                lines.append((symbol, text))
                text, strength = symbol, ATOM
            made[slot] = (text, strength)
    for k, (slot, constant) in enumerate(program.outputs):
        title = shown.title if len(results) == 1 else f"{shown.title}_{k + 1}"
        name = shown.names[slot] if slot in shown.own else title
        lines.append((_symbol(name), made[slot][0] if slot is not None else _number(constant)[0]))
    body = " \\\\\n".join(f"{left} &= {right}" for left, right in lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _symbol(name):
    """A Python name as a symbol: greek letters, subscripts, indices from a tree."""
    if name.startswith("gradient_of_"):
        return rf"\nabla {_symbol(name.removeprefix('gradient_of_'))}"
    if name.endswith("'"):
        return _symbol(name[:-1]) + "'"
    base, *path = re.findall(r"[^\[\].']+", name)
    head, *below = base.strip("_").split("_")
    match = re.fullmatch(r"([A-Za-z]+?)(\d+)", head)
    if match:
        head, below = match[1], [match[2], *below]
    if head in GREEK:
        text = "\\" + head
    elif head in OTHER_NAMES:
        text = OTHER_NAMES[head]
    else:
        text = head if len(head) == 1 else rf"\mathrm{{{head}}}"
    index = ",".join(part if len(part) == 1 or part.isdigit() else rf"\mathrm{{{part}}}" for part in [*below, *path])
    return f"{text}_{{{index}}}" if index else text


def _number(a):
    if isinstance(a, np.ndarray) and a.size and np.all(a == a.flat[0]):
        a = a.flat[0]
    if isinstance(a, (int, float, np.generic)) and not isinstance(a, (bool, np.bool_)):
        text = f"{float(a):.4g}"
        if "e" in text:
            mantissa, exponent = text.split("e")
            text = rf"{mantissa} \cdot 10^{{{int(exponent)}}}".removeprefix(r"1 \cdot ")
        return (text, NEGATIVE if text.startswith("-") else ATOM)
    if isinstance(a, np.ndarray):
        return (r"\mathrm{const}", ATOM)
    if isinstance(a, slice) or a is Ellipsis:
        return (index_text(a), ATOM)
    return (rf"\text{{{a}}}".replace("_", r"\_"), ATOM)


def _group(part, least):
    """The text of a part, in parentheses if it holds together less strongly than `least`."""
    text, strength = part
    return text if strength >= least else rf"\left({text}\right)"


class _Part(tuple):
    """(text, strength); in a template {0:ATOM} puts it in parentheses if it holds together less strongly."""

    def __format__(self, least):
        return _group(self, STRENGTHS.index(least or "SUM"))


def _expression(op, args):
    symbol, shown = op.row.symbol, op.row.latex
    a = args[0] if args else ("", ATOM)
    b = args[1] if len(args) == 2 else None
    if shown == "" or (symbol == "**" and b[0] == "1"):
        return a
    if symbol == "+":
        return (f"{a[0]} - {b[0][1:]}" if b[1] == NEGATIVE else f"{a[0]} + {b[0]}"), SUM
    if symbol == "-" and b:
        return f"{a[0]} - {_group(b, OPEN)}", SUM
    if symbol in ("*", "@"):
        return _product(a, b, symbol)
    if shown:
        template, strength = shown
        axis = op.kw.get("axis", op.args[1] if op.row.names[1:2] == ("axis",) and b else None)
        return template.format(
            *map(_Part, args),
            below="" if axis is None else rf"_{{\text{{axis }}{str(axis).strip('()').strip(',')}}}",
            n=_size(op.args[0]) // max(op.layouts[0].size, 1),
            rest=", ".join(text for text, _ in args[len(op.row.names) :]),
        ), STRENGTHS.index(strength)
    inside = ", ".join(text for text, _ in args)
    return rf"\operatorname{{{op.row.name.replace('_', ' ')}}}\left({inside}\right)", ATOM


def _size(a):
    return a.size if hasattr(a, "size") else 1


def _product(a, b, symbol):
    """Numbers first; a thin space around words and between matrices, a dot before a number."""
    if symbol == "*":
        if _is_number(b) and not _is_number(a):
            a, b = b, a
        if a[0] in ("1", "-1"):
            return b if a[0] == "1" else (f"-{_group(b, OPEN)}", NEGATIVE)
    close = symbol == "*" and "mathrm" not in a[0][-12:] + b[0][:12]
    between = r" \cdot " if b[0][:1].isdigit() else " " if close else r" \, "
    left = a[0] if a[1] == NEGATIVE else _group(a, PRODUCT)
    right = b[0] if b[1] == OPEN else _group(b, FRACTION)
    return f"{left}{between}{right}", NEGATIVE if left.startswith("-") else PRODUCT


def _is_number(part):
    return re.fullmatch(r"-?[\d.]+( \\cdot 10\^\{-?\d+\})?|-?10\^\{-?\d+\}", part[0]) is not None
