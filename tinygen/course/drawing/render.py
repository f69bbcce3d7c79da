"""A lesson's text as HTML: Markdown, mathematics as SVG and, out of sight, as MathML, highlighted code."""

import functools
import html
import itertools
import re
import string
from xml.etree import ElementTree

from tinygen.course.drawing import layout, share, slim
from tinygen.course.lesson import LessonError

# What ziamath draws too low or upright, as the letters that are meant.
LETTERS = {r"\sim": "∼", r"\epsilon": "𝜖", r"\phi": "𝜙"}
# A minus after one of these is a sign; ziamath would set it with the spaces of a difference.
SIGN = re.compile(r"((?:^|[=<>(\[{&,]|\\(?:geq|leq|approx|to|quad))\s*)-(?![-}])")
WIDE = 20  # em that fit on a phone
EM = 200  # units of a drawing, whose coordinates are whole numbers


def math(latex, display):
    """LaTeX as HTML: a block of its own (`display`), or a word in the text. Raises LessonError like `formula`."""
    if not display:
        return f'<span class="im">{spoken(latex)}{formula(latex, False)}</span>'
    rows = layout.rows(latex)
    if len(rows) == 1:
        drawn = pieces("".join(rows[0]))
    else:
        tagged = any(tag for *_, tag in rows)
        drawn = f'<span class="rows{" tagged" if tagged else ""}">' + "".join(
            f'<span class="left">{pieces(left)}</span><span class="right">{pieces(right)}</span>'
            + (f'<span class="tag">{formula(tag, False) if tag else ""}</span>' if tagged else "")
            for left, right, tag in rows) + "</span>"
    return f'<div class="math">{spoken(latex)}{drawn}</div>'


def pieces(latex):
    """A displayed line as drawings one after the other, between which the page may break it: at its relations, and
    before plus and minus. What would be too wide for a phone even then is broken inside brackets too."""
    out = ""
    for piece in layout.pieces(latex):
        drawn = [formula(piece, True)]
        if float(re.search(r"width:([\d.]+)em", drawn[0])[1]) > WIDE:
            drawn = [formula(part, True) for part in layout.pieces(piece, inside=1)]
        out += ("" if piece.startswith("{}") or not out else "\N{EM SPACE}\N{EM SPACE}") + "".join(drawn)
    return out


def spoken(latex):
    """LaTeX as MathML for a screen reader, out of sight. Raises LessonError like `formula`."""
    from latex2mathml.converter import convert

    try:
        text = convert(latex.strip())
    except Exception as error:  # it has many kinds
        raise LessonError(f"cannot say the formula {latex.strip()!r}: {error}") from error
    text = re.sub(r"&#x([0-9A-Fa-f]+);", lambda m: html.escape(chr(int(m[1], 16))), text)
    root = ElementTree.fromstring(text.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', ""))
    return share.markup(_lean(root)).replace("<mi>~</mi>", "<mo>∼</mo>")


def _lean(element):
    """MathML without what is for the eye: spaces, sizes, rows of one; upright letters side by side are a word."""
    variant = element.get("mathvariant")
    element.attrib = {"mathvariant": variant} if variant in ("normal", "bold") else {}
    children = [_lean(child) for child in element if child.tag != "mspace"]
    for upright, run in itertools.groupby(children, lambda one: one.tag == "mi" and one.get("mathvariant") == "normal"):
        first, *rest = run
        if upright and rest and element.tag in ("mrow", "math"):
            first.text, first.attrib = "".join(one.text for one in (first, *rest)), {}
            children = [one for one in children if one not in rest]
    if element.tag == "mrow" and len(children) == 1:
        return children[0]
    if element.tag == "math" and [one.tag for one in children] == ["mrow"]:
        children = list(children[0])
    element[:] = children
    return element


def formula(latex, large):
    """LaTeX as an <svg> in the colour and size of the text around it; screen readers skip it (`spoken` is theirs).

    large: fractions and sums in their full size. The baseline is that of the text. Raises LessonError, with the
    formula, for LaTeX that cannot be drawn.
    """
    import ziamath

    size = 24.0
    latex = latex.strip()
    drawn = re.sub(r"\\(?:sim|epsilon|phi)(?![a-zA-Z])", lambda m: LETTERS[m[0]], latex)
    drawn = re.sub(r"(\\math(?:bb|bf|cal|rm|sf)|\\boldsymbol) ?(\w)", r"\1{\2}", drawn)  # it wants the braces
    drawn = SIGN.sub(r"\1{-}", drawn)
    # ziamath sets half an em after each comma; a thin space is what TeX sets.
    drawn = re.sub(r"(\\text\{[^}]*\})|(?<![\\{])([,;])(?!\})", lambda m: m[1] or f"{{{m[2]}}}\\,", drawn)
    try:
        text = ziamath.Latex(drawn, size=size, inline=not large, color="currentColor", margin=0).svg()
    except Exception as error:  # ziamath raises many kinds
        raise LessonError(f"cannot typeset the formula {latex!r}: {error}") from error
    left, top, width, height = (float(v) / size for v in re.search(r'viewBox="([^"]*)"', text)[1].split())
    if large and height > 30:  # ziamath 0.13 draws brackets without end around a sum with a lower limit only
        return formula(latex, False)
    box = " ".join(slim.number(v * EM, 0) for v in (left, top, width, height))
    where = f"width:{slim.number(width, 2)}em;vertical-align:{slim.number(-(top + height), 3)}em"
    return f'<svg class="tex" aria-hidden="true" viewBox="{box}" style="{where}">{_letters(text, EM / size)}</svg>'


def _letters(text, scale):
    """What ziamath has drawn, `scale` times as large: each letter in its size a path by itself, and where it stands."""
    root = ElementTree.fromstring(text.replace(' xmlns="http://www.w3.org/2000/svg"', ""))
    symbols = {one.get("id"): one for one in root.iter("symbol")}
    defined, out = {}, []
    short = lambda value: slim.number(float(value) * scale, 0)
    for one in root:
        if one.tag == "path":
            out.append(f'<path d="{slim.path(one.get("d"), scale, 0)}"/>')
        elif one.tag == "rect":
            out.append("<rect" + "".join(f' {k}="{short(one.get(k))}"' for k in ("x", "y", "width", "height")) + "/>")
        elif one.tag == "use" and float(one.get("width")) > 0:
            symbol = symbols[one.get("href")[1:]]
            x, y, wide, _ = map(float, symbol.get("viewBox").split())
            larger = float(one.get("width")) / wide
            name = f'{one.get("href").rsplit("_", 1)[1]}-{larger:.3g}'
            drawn = " ".join(path.get("d") for path in symbol.iter("path"))
            defined[name] = f'<path id="{name}" d="{slim.path(drawn, larger * scale, 0)}"/>'
            place = short(float(one.get("x")) - x * larger), short(float(one.get("y")) - y * larger)
            out.append(f'<use href="#{name}"' + "".join(f' {k}="{v}"' for k, v in zip("xy", place) if v != "0") + "/>")
    return f'<defs>{"".join(defined.values())}</defs>{"".join(out)}'


def code(source, language="python"):
    """Source code as highlighted HTML with a button that copies it."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    lines = highlight(source, get_lexer_by_name(language), HtmlFormatter(nowrap=True))
    names = _colours()[0]
    lines = re.sub(r'<span class="(\w+)">([^<]*)</span>', lambda m: f"<b class={names[m[1]]}>{m[2]}</b>", lines)
    lines = re.sub(r"<b class=>([^<]*)</b>", r"\1", lines)  # in the colour of the text
    lines = re.sub(r"(<b class=(\w)>[^<]*)((?:</b><b class=\2>[^<]*)+)",
                   lambda m: m[1] + re.sub("<[^>]*>", "", m[3]), lines)
    return ('<div class="code"><button type="button" class="copy">Copy</button>'
            f'<pre class="scrolls" tabindex="0"><code>{lines}</code></pre></div>')


def code_css():
    """The colours of code: (rules for the light page, for the dark page)."""
    return _colours()[1:]


@functools.cache
def _colours():
    """({Pygments' class: a letter for its colour, "" for that of the text}, rules of the light page, of the dark)."""
    from pygments.styles import get_style_by_name
    from pygments.token import STANDARD_TYPES, Token

    styles = [get_style_by_name(name) for name in ("xcode", "github-dark")]

    def look(style, token):
        one, text = style.style_for_token(token), style.style_for_token(Token.Text)
        if one["color"] in (None, text["color"], "000000"):
            return ""
        return f"color:#{one['color']}{';font-weight:600' * one['bold']}{';font-style:italic' * one['italic']}"

    letters, names = {("", ""): ""}, {}
    for token, name in STANDARD_TYPES.items():
        same = token in Token.Generic or token in (Token.Operator, Token.Name.Namespace, Token.Text.Whitespace)
        names[name] = letters.setdefault(("", "") if same else tuple(look(style, token) for style in styles),
                                         string.ascii_letters[len(letters) - 1])
    light = "".join(f".code .{letter}{{{one[0]}}}" for one, letter in letters.items() if one[0])
    # The light rules hold on the dark page too, unless it says otherwise.
    dark = "".join(f".code .{letter}{{{one[1] or 'color:inherit'}}}" for one, letter in letters.items() if any(one))
    return names, light, dark


class Prose:
    """Renders the Markdown of one page.

    It remembers the `headings`, a list of (level, id, HTML), and the `derivations` that links such as
    ``[checked](derivation:elbo/chain)`` lead to, in their order.
    """

    def __init__(self):
        from markdown_it import MarkdownIt
        from mdit_py_plugins.dollarmath import dollarmath_plugin

        self.headings, self.derivations = [], []
        self.markdown = MarkdownIt("commonmark", {"html": False, "typographer": True})
        self.markdown.enable(["table", "smartquotes", "replacements"])
        self.markdown.use(dollarmath_plugin, double_inline=True)
        rules = self.markdown.renderer.rules
        for name in ("math_inline", "math_inline_double", "math_block"):  # without the plugin's own wrapping
            rules[name] = lambda tokens, i, *_, display=name != "math_inline": math(tokens[i].content, display)
        rules["link_open"] = self._link
        rules["table_open"] = self._table
        rules["table_close"] = lambda *_: "</table></div>"
        rules["td_open"] = self._td
        rules["fence"] = lambda tokens, i, *_: code(tokens[i].content, tokens[i].info.strip() or "text")

    def _link(self, tokens, i, options, env):
        address = tokens[i].attrGet("href")
        if address.startswith("derivation:"):
            name = address.removeprefix("derivation:")
            if name not in self.derivations:
                self.derivations.append(name)
            tokens[i].attrSet("href", "#" + anchor(name))
            tokens[i].attrSet("class", "derivation")
        return self.markdown.renderer.renderToken(tokens, i, options, env)

    def _table(self, tokens, i, *_):
        """A table's begin. One with more than two columns stands on a phone row by row, each cell under its heading."""
        heads = []
        for token, inline in itertools.pairwise(itertools.takewhile(lambda t: t.type != "thead_close", tokens[i:])):
            if token.type == "th_open":
                heads.append(self.markdown.renderInline(inline.content))
        stacks = len(heads) > 2 and any(heads)
        words = [f' data-head="{re.sub("<svg.*?</svg>|<[^>]*>", "", head)}"' if stacks else "" for head in heads]
        self._heads = itertools.cycle(words)
        return f'<div class="table scrolls" tabindex="0"><table{" class=stacks" if stacks else ""}>'

    def _td(self, *_):
        return f"<td{next(self._heads)}>"

    def parse(self, source):
        """The tokens of one piece of Markdown, each heading with its id."""
        tokens = self.markdown.parse(source)
        for token, inline in itertools.pairwise(tokens):
            if token.type == "heading_open":
                words = re.sub(r"\W+", "-", re.sub(r"\$[^$]*\$", "", inline.content)).strip("-").lower() or "part"
                taken = {name for _, name, _ in self.headings}
                name = next(n for n in (words, *(f"{words}-{k}" for k in range(2, 999))) if n not in taken)
                token.attrSet("id", name)
                shown = self.markdown.renderInline(inline.content)
                self.headings.append((int(token.tag[1]), name, shown))
        return tokens

    def __call__(self, source):
        """The HTML of one piece of Markdown."""
        tokens = self.parse(source)
        text = self.markdown.renderer.render(tokens, self.markdown.options, {})
        # A line must not break between a formula and the comma after it, or the bracket before it.
        around = r'(\()?(<span class="im">(?:(?!</svg>).)*</svg></span>)([-,.;:!?)’”]+\w*)?'
        return re.sub(around, _together, text, flags=re.DOTALL)


def anchor(derivation):
    """The id under which a page shows a derivation."""
    return "derivation-" + re.sub(r"\W+", "-", derivation)


def _together(match):
    before, formula, after = match[1] or "", match[2], match[3] or ""
    return f'<span class="nobr">{before}{formula}{after}</span>' if before or after else formula
