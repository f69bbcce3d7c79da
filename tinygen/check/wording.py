"""How a derivation's lines are shown: LaTeX, points and numbers in the words of a terminal, and as JSON values."""

import re
import textwrap

import numpy as np

from tinygen.check.report import FAIL, PASS, UNDECIDED

_SILENT = "left|right|big|Big|bigl|bigr|Bigl|Bigr|mathbb|mathcal|mathrm|text|operatorname|quad|qquad"
_SPOKEN = {r"\mid": "|", r"\parallel": "||", r"\cdot": "*", r"\in": " in "}
_SPOKEN |= {r"\geq": " >= ", r"\leq": " <= ", r"\sim": " ~ "}


def item(line, found, number, first):
    """What a page or a terminal shows of one line; `number` is its Number at the point shown, None if it raised."""
    value = np.array(np.nan) if number is None else number.value
    bar = float("nan") if number is None else float(np.max(number.bar, initial=0))
    if line.wrong:
        mark = "ok!" if found.verdict == PASS else "BAD"
    else:
        mark = "" if first and found.verdict == PASS else {PASS: "ok", FAIL: "BAD", UNDECIDED: "?"}[found.verdict]
    computed = "not tried" if number is None else f"{_short(value)} +- {bar:.0e}"
    shown, remarks = "raised" if found.raised else computed, list(found.remarks)
    if found.difference is not None and line.wrong:
        shown += f", off by {abs(found.difference):.4g}"
    elif found.difference is not None and line.relation != "=" and found.verdict == PASS:
        closed = "" if found.gap is None else f" = {words(line.gap_latex) or 'its closed form'}"
        remarks.insert(0, f"gap {abs(found.difference):.7g}{closed}")
    return {
        "latex": line.latex,
        "text": words(line.latex),
        "relation": "" if first else line.relation,
        "verdict": found.verdict,
        "wrong": line.wrong,
        "note": line.note,
        "value": value.tolist(),
        "bar": bar,
        "difference": found.difference,
        "gap": found.gap,
        "gap_latex": line.gap_latex,
        "raised": found.raised,
        "mark": mark,
        "shown": shown,
        "remarks": remarks,
    }


def words(latex):
    """LaTeX as a terminal can show it.

    >>> words(r"\\log\\int q(z)\\,\\frac{\\Pr(x\\mid z)}{q_{\\phi}(z)}\\,dz")
    'log int q(z) Pr(x|z)/q_phi(z) dz'
    """
    text = latex
    for command, word in _SPOKEN.items():
        text = re.sub(rf" *{re.escape(command)}(?![a-zA-Z]) *", word, text)
    text = re.sub(r"\\(mathrm|mathbb|text|operatorname) *{([^{}]*)}", r"\2", text)
    text = re.sub(rf"\\({_SILENT})(?![a-zA-Z])|&", "", text)
    text = re.sub(r"\\[,;:! ]", " ", text)
    text = re.sub(r"\\[dt]?frac *(\w)(\w)", r"(\1/\2) ", text)
    before = None
    while text != before:  # from the innermost braces outwards
        before = text
        text = re.sub(r"\\[dt]?frac *{([^{}]*)} *{([^{}]*)}", _fraction, text)
        text = re.sub(r"\\sqrt *{([^{}]*)}", r" sqrt(\1)", text)
        text = re.sub(r"([_^]){(\\?\w*)}", r"\1\2", text)
        text = re.sub(r"([_^]){([^{}]*)}", r"\1(\2)", text)
        text = re.sub(r"(?<![a-zA-Z}]){([^{}]*)}(?! *{)", r"\1", text)
    text = re.sub(r"(?<=[a-zA-Z\d)\]])\\(?=[a-zA-Z])", r" \\", text)
    text = re.sub(r"\\([a-zA-Z]+)(?![a-zA-Z])(?=[\\\d])", r"\1 ", text)
    return re.sub(r"(?<=[(\[/]) +", "", re.sub(r"\s+", " ", text.replace("\\", ""))).strip()


def _fraction(found):
    return " " + "/".join(_held(part) for part in found.groups())


def _held(part):
    """A part of a fraction, in brackets unless it is one symbol, number or call."""
    return part if re.fullmatch(r"(\\?[a-zA-Z]+|\d+)(_\\?\w+)?(\([^()]*\))?", part.strip()) else f"({part})"


def fit(text, width):
    """The text, cut off with an ellipsis if it is longer than `width`."""
    return text if len(text) <= width else text[: width - 1] + "…"


def indent(text, by):
    """The text in lines of 100 columns, indented."""
    return textwrap.wrap(text, 100, initial_indent=" " * by, subsequent_indent=" " * (by + 2), break_long_words=False)


def _short(value):
    flat = [f"{v + 0.0:.7g}" for v in np.ravel(value)[:3]]
    return flat[0] if np.ndim(value) == 0 else "[" + ", ".join(flat) + (", ...]" if np.size(value) > 3 else "]")


def at_point(point):
    """A point in words, "a=1, b=2": numbers with four digits, arrays in short."""
    parts = []
    for name, value in point.items():
        if isinstance(value, int | float | np.generic):
            parts.append(f"{name}={value:.4g}")
        elif isinstance(value, np.ndarray):
            parts.append(f"{name}={_short(value)}")
        else:
            parts.append(f"{name}=...")
    return ", ".join(parts) or "no arguments"
