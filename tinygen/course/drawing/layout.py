"""Where a displayed formula may be broken: its rows, and in each row the places where TeX's authors would break it."""

import re

TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[^\\]", re.DOTALL)
RELATIONS = {"=", "<", ">", *(rf"\{word}" for word in "geq ge leq le approx sim propto leftarrow to equiv".split())}
SPACES = {r"\quad", r"\qquad"}
BINARY = {"+", "-"}
OPEN, CLOSE = {"(", "[", "{", r"\left", r"\begin", r"\lfloor"}, {")", "]", "}", r"\right", r"\end", r"\rfloor"}
FENCES = {r"\left", r"\begin", "{"}  # which cannot be torn
SHORT = 5  # letters and signs; what has fewer stays with what follows


def rows(latex):
    """The rows of a displayed formula: (what stands before the alignment, after it, the row's number or "").

    >>> rows(r"\\begin{align*} a &= b && (1) \\\\ &\\geq c \\end{align*}")
    [('a', '= b', '(1)'), ('', '\\\\geq c', '')]
    >>> rows("a = b")
    [('a = b', '', '')]
    """
    inside = re.fullmatch(r"\s*\\begin\{(align|aligned|gather|split)\*?\}(.*)\\end\{\1\*?\}\s*", latex, re.DOTALL)
    found = []
    for row in _split(inside[2] if inside else latex, r"\\"):
        cells = [cell.strip() for cell in _split(row, "&")]
        left, right, *rest = [*cells, ""] if len(cells) > 1 else [cells[0], ""]
        tag = next((cell for cell in rest[::-1] if cell), "")
        if left or right:
            found.append((left, right, tag))
    return found


def pieces(latex, inside=0):
    r"""One row in pieces that can stand in lines of their own: each begins with the relation or the sign that joins it.

    inside: how many brackets a place to break may lie in.

    >>> pieces(r"\log Pr(x \mid z) = \int q(z - 1)\, dz + \log q(z, w) \geq -1")
    ['\\log Pr(x \\mid z)', '{}= \\int q(z - 1)\\, dz', '{}+ \\log q(z, w)', '{}\\geq -1']
    """
    found, depth, before, bars, fences = [""], 0, "", 0, 0
    for token in TOKEN.findall(latex):
        if before not in (r"\left", r"\right"):  # whose brackets need not pair
            depth += (token in OPEN) - (token in CLOSE)
            bars ^= token == "|"
        fences += (token in FENCES) - (token in (r"\right", r"\end", "}"))
        free = depth <= inside and not bars and not fences
        starts = token in RELATIONS or (token in BINARY and before not in RELATIONS | BINARY | SPACES | {"", ","})
        if free and token in SPACES:
            found.append("")
        elif free and starts and _size(found[-1]) >= (1 if token in RELATIONS else SHORT):
            found.append("{}" + token)
        else:
            found[-1] += token
        before = token if token.strip() else before
    if depth or bars:
        return [latex.strip()]
    return _joined([piece.strip() for piece in found if piece.strip()])


def _joined(found):
    """Pieces of which none is so short that it would look lost in a line of its own."""
    out = []
    for piece in found:
        if out and (_size(out[-1]) < SHORT or _size(piece) < 2) and piece.startswith("{}"):
            out[-1] += " " + piece.removeprefix("{}")
        else:
            out.append(piece)
    return out


def _size(latex):
    """About how many signs a piece shows."""
    return len(re.findall(r"\\[a-zA-Z]+|\w|[=+<>|-]", re.sub(r"\\[,;:!]|\\[bB]igg?[lr]?|\{\}", "", latex)))


def _split(latex, mark):
    """Split at `mark` where no brace or environment is open."""
    found, depth = [""], 0
    for token in TOKEN.findall(latex):
        depth += (token in ("{", r"\begin")) - (token in ("}", r"\end"))
        if token == mark and depth == 0:
            found.append("")
        else:
            found[-1] += token
    return found


def plain(text):
    """Matplotlib's text without the marks of mathematics, in Unicode.

    >>> plain(r"log $\\sigma^2$ of $z_t$")
    'log σ² of zₜ'
    """
    if "$" not in text:
        return text
    from tinygen.course.step import plain as unicode

    return re.sub(r"\s+", " ", unicode(text)).strip()
