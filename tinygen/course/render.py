"""A lesson's text as HTML: Markdown, mathematics as SVG, highlighted code. Nothing in it loads anything."""

import html
import itertools
import re

from tinygen.course.lesson import LessonError

# What ziamath draws too low or upright, as the letters that are meant.
LETTERS = {r"\sim": "∼", r"\epsilon": "𝜖", r"\phi": "𝜙"}
# A minus after one of these is a sign; ziamath would set it with the spaces of a difference.
SIGN = re.compile(r"((?:^|[=<>(\[{&,]|\\(?:geq|leq|approx|to|quad))\s*)-(?![-}])")


def math(latex, display):
    """LaTeX as HTML: a block of its own (`display`), or a word in the text. Raises LessonError like `formula`."""
    if display:
        return f'<div class="math" tabindex="0">{formula(latex, True)}</div>'
    return f'<span class="im">{formula(latex, False)}</span>'


def formula(latex, large):
    """LaTeX as an <svg> in the colour and size of the text around it, with the LaTeX as label for screen readers.

    large: fractions and sums in their full size. The baseline is that of the text. Raises LessonError, with the
    formula, for LaTeX that cannot be drawn.
    """
    import ziamath

    size = 24.0  # units of the drawing; the page scales it by em
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
    _, top, width, height = (float(v) / size for v in re.search(r'viewBox="([^"]*)"', text)[1].split())
    if large and height > 30:  # ziamath 0.13 draws brackets without end around a sum with a lower limit only
        return formula(latex, False)
    where = f"width:{width:.3f}em;height:{height:.3f}em;vertical-align:{-(top + height):.3f}em"
    text = re.sub(r' width="[^"]*" height="[^"]*"', f' style="{where}"', text, count=1)
    label = html.escape(re.sub(r"\s+", " ", latex))
    return text.replace("<svg ", f'<svg class="tex" role="img" aria-label="{label}" ', 1)


def code(source, language="python"):
    """Source code as highlighted HTML with a button that copies it."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    lines = highlight(source, get_lexer_by_name(language), HtmlFormatter(nowrap=True))
    return ('<div class="code"><button type="button" class="copy">Copy</button>'
            f'<pre tabindex="0"><code>{lines}</code></pre></div>')


def code_css():
    """Pygments' rules for the light page and the dark page, each under its own selector."""
    from pygments.formatters import HtmlFormatter

    def rules(style, under):
        lines = HtmlFormatter(style=style, classprefix="").get_style_defs(under).split("\n")
        drop = ("line-height", "linenos", f"{under} {{ background")  # the page has its own
        return "\n".join(line for line in lines if not any(d in line for d in drop))

    return rules("xcode", ".code code"), rules("github-dark", ".code code")


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
        rules["table_open"] = lambda *_: '<div class="table" tabindex="0"><table>'
        rules["table_close"] = lambda *_: "</table></div>"
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
        around = r'(\()?(<span class="im">(?:(?!</span>).)*</span>)([-,.;:!?)’”]+\w*)?'
        return re.sub(around, _together, text, flags=re.DOTALL)


def anchor(derivation):
    """The id under which a page shows a derivation."""
    return "derivation-" + re.sub(r"\W+", "-", derivation)


def _together(match):
    before, formula, after = match[1] or "", match[2], match[3] or ""
    return f'<span class="nobr">{before}{formula}{after}</span>' if before or after else formula
