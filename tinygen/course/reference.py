"""The reference: one page for each module that a user imports, built by pdoc from the docstrings, for use offline."""

import importlib
import importlib.util
import inspect
import pkgutil
import re
import tempfile
from pathlib import Path

from tinygen.course import pages
from tinygen.course.lesson import LessonError

FIRST = "reference/tinygen.html"  # its first page, seen from the course's index
MADE_FROM = ".made-from"  # the file that says what it was made from
# Of a room in the first line the names that it exports are shown; of the others each module has a page of its own.
EXPORTS = ("tinygen", "tinygen.check", "tinygen.course")
ROOMS = ("tinygen.byhand", "tinygen.gaussian", "tinygen.nn", "tinygen.data", "tinygen.metrics", "tinygen.plots",
         "tinygen.oracles", "tinygen.models")
INNER = re.compile(r"tinygen\.(nn\.(arguments|nonfinite|validation)|data\.make_digits"
                   r"|models\.(labels|options|randomness|rows)|models\.gan\.playing)")  # for the rooms' own use
BY_HAND = re.compile(r"[a-z0-9]_(grad|vjp)_")  # a gradient that its function's docstring has as a formula


def modules():
    """The dotted names of the modules that have a page, rooms before what is in them."""
    names = list(EXPORTS)
    for room in ROOMS:
        names.append(room)
        inside = pkgutil.walk_packages(getattr(importlib.import_module(room), "__path__", ()), f"{room}.")
        names += [m.name for m in inside if not INNER.fullmatch(m.name)]
    return names


def build(out, stamp=""):
    """Write the reference into the folder `out`: out/tinygen.html and a page for each module, out/search.js.

    stamp: what it is made from, for `outdated`. Returns the path of the first page. Raises LessonError if pdoc is not
    installed or `out` cannot be written to.
    """
    try:
        from pdoc import doc, render
    except ImportError:
        raise LessonError('the reference needs pdoc, which is not installed: pip install "tinygen[docs]"') from None
    out = Path(out)
    pages.writable(out)
    found = {name: _module(doc, name) for name in modules()}
    for name, module in found.items():
        inside = {n: m for n, m in found.items() if n.rpartition(".")[0] == name}
        module.__dict__["submodules"] = list(inside.values())
        lines = (f"- `{n}`: {m.docstring.splitlines()[0]}" for n, m in inside.items())
        module.__dict__["docstring"] = "\n\n".join([module.docstring, "\n".join(lines)])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "custom.css").write_text(_style(), encoding="utf-8")
        render.configure(docformat="markdown", template_directory=Path(folder))
        for name, module in found.items():
            pages.write(out / f"{name.replace('.', '/')}.html", render.html_module(module, found))
        pages.write(out / "index.html", render.html_index(found))
        pages.write(out / "search.js", render.search_index(found))
        pages.write(out / MADE_FROM, stamp)
    return out / "tinygen.html"


def outdated(out, stamp):
    """Whether the reference in `out` can be built (pdoc is installed) and was not made from this `stamp`."""
    made = Path(out) / MADE_FROM
    return bool(importlib.util.find_spec("pdoc")) and not (made.is_file() and made.read_text(encoding="utf-8") == stamp)


def _module(doc, name):
    """pdoc's view of a module, with the members that are shown and their docstrings as Markdown."""
    module = importlib.import_module(name)
    for exported in getattr(module, "__all__", ()):
        getattr(module, exported)  # those that are loaded when they are used
    shown = doc.Module(module)
    if name not in EXPORTS and hasattr(module, "__path__"):
        shown.__dict__["members"] = {}  # each stands on the page of its own module
    shown.__dict__["members"] = {key: m for key, m in shown.members.items() if not BY_HAND.search(key)}
    _in_markdown(shown)
    return shown


def _in_markdown(one):
    """Docstrings as Markdown in `one` and all that is in it; what has none is left out, but for constructors."""
    one.__dict__["docstring"] = markdown(one.docstring, _parameters(one))
    if hasattr(one, "members"):
        kept = {key: m for key, m in one.members.items() if m.docstring or m.kind == "module" or key == "__init__"}
        one.__dict__["members"] = kept
        for member in kept.values():
            if member.kind != "module":
                _in_markdown(member)


def _parameters(one):
    """The names of the parameters of a function, or of what makes an object of a class."""
    try:
        return list(inspect.signature(one.obj).parameters) if one.kind in ("function", "class") else []
    except (TypeError, ValueError):
        return []


def markdown(docstring, parameters=()):
    """A docstring, which is plain text, as Markdown: formulas keep their lines, examples become code, and the
    sentences "name: what it is" of `parameters` a list."""
    from tinygen.course.step import in_unicode

    parts = []
    for i, part in enumerate(re.split(r"\n\s*\n", docstring.strip("\n"))):
        if "$" in part and not part.startswith(">>>"):
            part = re.sub(r"\$([^$`]+)\$", lambda m: in_unicode(" ".join(m[1].split())), part)
        first = part.split("\n")[0]
        if first.startswith("|"):
            part = re.sub(r"(?<=[\w)]) *(?<!\\)\|(?= ?\w+[),])", "\N{DIVIDES}", part)  # p(x|z) ends no cell
        if first.startswith(">>>"):
            parts.append(f"```pycon\n{part}\n```")
        elif first.startswith(("|", "- ", "    ")):
            parts.append(part)
        elif i and _formula(part):
            parts.append(f"```text\n{part}\n```")
        else:
            parts.append(_listed(_escaped(part), parameters))
    return "\n\n".join(parts)


def _formula(part):
    """Whether a paragraph is one: it ends without a full stop, and most of it is no words."""
    words = re.findall(r"(?<!\S)[A-Za-z]{2,}[,;:.]?(?!\S)", part)
    return not part.rstrip().endswith((".", ":", ".)")) and len(words) < 0.6 * len(part.split())


def _listed(text, parameters):
    """Prose with an item for each of the `parameters` that it explains as "name: ..." or "name, name: ..."."""
    if not parameters:
        return text
    name = "|".join(map(re.escape, sorted(parameters, key=len, reverse=True)))
    head = rf"(?:(?<=^)|(?<=[.;)]\s))((?:{name})(?:,\s(?:{name}))*):\s"
    before, *pieces = re.split(head, text)
    items = [f"- `{re.sub(r', *', '`, `', ' '.join(names.split()))}`: {' '.join(said.split())}"
             for names, said in zip(pieces[::2], pieces[1::2])]
    if items and (rest := re.search(r"\. ((?:Returns|Raises|Source|`).*)$", items[-1])):
        items[-1] = items[-1][:rest.start() + 1]
        return "\n\n".join([before, "\n".join(items), rest[1]])
    return "\n\n".join([before, "\n".join(items)]) if items else text


def _escaped(text):
    """Prose in which * [ and < mean themselves, outside of `code`."""
    pieces = re.split(r"(`[^`]+`)", text)
    return "".join(p if i % 2 else re.sub(r"([*[])", r"\\\1", p).replace("<", "&lt;") for i, p in enumerate(pieces))


def _style():
    """The course's colours and, in the dark, code that can be read there."""
    from pygments.formatters import HtmlFormatter

    dark = HtmlFormatter(style="github-dark").get_style_defs(".pdoc-code")
    own = Path(__file__).with_name("reference.css").read_text(encoding="utf-8")
    return f"{own}@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
