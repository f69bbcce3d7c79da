"""Every public function and class says what it does, of what shapes and units, what it raises, and where it is from.

What is public is what `tinygen reference` shows. The rules are mechanical: they read the source, so that a word that
was forgotten is seen, not whether the words are good.
"""

import ast
import re
from pathlib import Path

import pytest

import tinygen
from tinygen import check, course
from tinygen.course import reference

ROOT = Path(__file__).parent.parent
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
SHAPE = re.compile(r"\((\.\.\.|\w+( [*+-] \w+)?),[^()]*\)|\b(shapes?|scalars?|numbers?|0-d|trees?)\b")
UNITS = re.compile(r"\b([Nn]ats?|[Bb]its?)\b")
IN_UNITS = re.compile(r"(^|_)(entropy|kl|elbo|nll|iwae|log_density|prob|likelihood|evidence|divergence|"
                      r"jsd|score_samples)$")
SOURCE = re.compile(r"\b(19|20)\d\d\b|\b(Prince|book|[Nn]otes|lesson|[Dd]erived here)\b")
FORMULA = re.compile(r"^\S.*[^<>=!:]=[^=].*(\^|\bsum|\bE[\[_]|\bln\b|\blog\b|sqrt)", re.M)
ROOMS = "tinygen." + "|tinygen.".join(("oracles", "models", "gaussian", "nn", "metrics"))  # with the papers' formulas
MISSING = "no docstring"
UNRAISED = {"NotImplementedError", "AttributeError", "StopIteration", "AssertionError"}


# ---- what is read --------------------------------------------------------------------------------------------------


def path_of(module):
    place = ROOT.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


PAGES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in ROOT.joinpath("tinygen").rglob("*.py")}


def exported():
    """{(file, name)} of what the rooms hand out that show only what they export."""
    out = {}
    for room in (tinygen, check, course):
        for name in [*room.__all__, *getattr(room, "_CHECKS", ())]:
            value = getattr(room, name)
            value = getattr(value, "__wrapped__", value)
            out[path_of(value.__module__), value.__qualname__] = f"{room.__name__}.{name}"
    return out


def public(body):
    return [node for node in body if isinstance(node, (*FUNCTION, ast.ClassDef)) and not node.name.startswith("_")
            and not reference.BY_HAND.search(node.name)]


def pages():
    """(name, path, nodes) for each page of the reference."""
    for module in reference.modules():
        path = path_of(module)
        if module not in reference.EXPORTS and path.name != "__init__.py":
            yield module, path, public(PAGES[path].body)
    by_file = {}
    for path, name in exported():
        by_file.setdefault(path, set()).add(name)
    for path, names in by_file.items():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield f"exported from {module}", path, [node for node in public(PAGES[path].body) if node.name in names]


def above(node, page):
    """The classes of the package that class `node` of the module `page` is made of."""
    for base in node.bases:
        name = ast.unparse(base).split(".")[-1]
        found = [c for other in (page, *PAGES.values()) for c in other.body if isinstance(c, ast.ClassDef)]
        yield from [c for c in found if c.name == name][:1]


def inherited(node, method, page):
    """The docstring of the method that this one of class `node` takes the place of, as help() finds it."""
    for base in above(node, page):
        own = [ast.get_docstring(m) for m in base.body if isinstance(m, FUNCTION) and m.name == method]
        if doc := next(filter(None, own), "") or inherited(base, method, page):
            return doc
    return ""


def told_by_classes(node, page):
    """The docstring of a class, and those of the classes that it is made of."""
    return "\n".join([ast.get_docstring(node) or "", *(told_by_classes(base, page) for base in above(node, page))])


def parameters(node):
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [p.arg for p in named if p.arg not in ("self", "cls") and not p.arg.startswith("_")]


def arrays(node):
    """The parameters used as arrays: given to NumPy, multiplied as matrices, asked for their shape or dtype."""
    names, found = set(parameters(node)), set()
    for n in ast.walk(node):
        used = []
        if isinstance(n, ast.Attribute) and n.attr in ("shape", "ndim", "dtype", "T", "astype", "reshape"):
            used = [n.value]
        elif isinstance(n, ast.BinOp) and isinstance(n.op, ast.MatMult):
            used = [n.left, n.right]
        elif isinstance(n, ast.Call) and re.match(r"np\.(?!random|dtype|result_type)", ast.unparse(n.func)):
            used = n.args
        found |= {u.id for u in used if isinstance(u, ast.Name)} & names
    return found


def raises(node):
    """The exceptions that its own lines raise, without those of functions inside it."""
    found, todo = set(), list(node.body)
    while todo:
        n = todo.pop()
        if not isinstance(n, (*FUNCTION, ast.ClassDef)):
            if isinstance(n, ast.Raise) and n.exc is not None:
                what = ast.unparse(n.exc.func if isinstance(n.exc, ast.Call) else n.exc).split(".")[-1]
                found |= {what} if what[0].isupper() else set()
            todo.extend(ast.iter_child_nodes(n))
    return found - UNRAISED


# ---- what it must say ----------------------------------------------------------------------------------------------


def definitions(doc):
    """{name: what a docstring says of it}, of its sentences "name: ..." or "name, name: ..."."""
    out = {}
    sentence = r"(?:^|(?<=[.:;)] )|(?<=\n))(`?\w+`?(?:,\s`?\w+`?)*) ?:\s(.+?)(?=\.(?:\s|$)|\Z)"
    for names, said in re.findall(sentence, doc, re.S):
        out |= {name.strip("` \n"): said for name in names.split(",")}
    return out


def faults(node, page, around="", doc=None):
    """What the docstring of `node` lacks. page: the docstring of its module; around: of its class."""
    doc = (ast.get_docstring(node) or "") if doc is None else doc
    if len(doc.split()) < 3:
        return [MISSING]
    called, told, shared = node, f"{doc}\n{around}", definitions(page)
    if isinstance(node, ast.ClassDef):
        inits = [n for n in node.body if isinstance(n, FUNCTION) and n.name in ("__init__", "__post_init__")]
        called = inits[0] if inits else None
    out = [] if re.search(r"[.:!?)](\s|$)", doc) else ["the first sentence does not end"]
    if called is not None:
        missing = [p for p in parameters(called) if not re.search(rf"(?<!\w){p}(?!\w)", told) and p not in shared]
        if missing:
            out.append("does not mention " + ", ".join(missing))
        used = arrays(called)
        if used and not SHAPE.search(told) and not any(SHAPE.search(shared.get(p, "")) for p in used):
            out.append("no shape, of " + ", ".join(sorted(used)))
        unsaid = sorted(e for e in raises(called) if e not in told)
        if unsaid:
            out.append("does not say that it raises " + ", ".join(unsaid))
    if isinstance(node, FUNCTION) and IN_UNITS.search(node.name) and not UNITS.search(told):
        out.append("no units, nats or bits")
    return out


def complaints(page, nodes, sourced=True):
    """(name, fault) for these functions and classes of the module `page`."""
    doc = ast.get_docstring(page) or ""
    out = [] if doc else [("the module", MISSING)]
    for node in nodes:
        own = ast.get_docstring(node) or ""
        if not isinstance(node, ast.ClassDef):
            out += [(node.name, fault) for fault in faults(node, doc)]
        else:
            around = told_by_classes(node, page)
            out += [(node.name, fault) for fault in faults(node, doc, around)]
            for method in public(node.body):
                text = ast.get_docstring(method) or inherited(node, method.name, page)
                out += [(f"{node.name}.{method.name}", fault) for fault in faults(method, doc, around, text)]
                own += "\n" + text
        if not sourced and FORMULA.search(own) and not SOURCE.search(own + doc):
            out.append((node.name, "a formula without a source"))
    return out


@pytest.mark.parametrize(("name", "path", "nodes"), list(pages()), ids=lambda p: p if isinstance(p, str) else "")
def test_everything_public_says_what_it_does(name, path, nodes):
    found = complaints(PAGES[path], nodes, sourced=not re.match(ROOMS, name))
    assert not found, "\n".join(f"{path.relative_to(ROOT)}: {name}: {fault}" for name, fault in found)


def test_nothing_public_is_without_a_docstring():
    """In the rooms behind the reference too; answers and lines of derivations have LaTeX or a sentence beside them."""
    silent = []
    for path, page in PAGES.items():
        place = path.relative_to(ROOT)
        if not {"answers", "derivations"} & {*place.parts}:
            silent += [f"{place}: {name}" for name, fault in complaints(page, public(page.body)) if fault == MISSING]
    assert not silent, "\n".join(silent)


GOOD = '''"""A module. z: (B, D), the latents."""


def kl(mean, z, *, scale=1):
    """KL of a Gaussian.

    KL = sum_i m_i^2

    mean: (B, D). scale: a number. Returns (B,), nats. Raises ValueError where they do not fit. Kingma 2014.
    """
    if np.shape(mean) != z.shape:
        raise ValueError("no")
    return np.sum(mean) * scale
'''


def test_a_good_one_passes():
    page = ast.parse(GOOD)
    assert not complaints(page, public(page.body), sourced=False)


@pytest.mark.parametrize(("words", "instead", "fault"), [
    (" scale: a number.", "", "does not mention scale"), (", nats", "", "no units, nats or bits"),
    (" Raises ValueError where they do not fit.", "", "does not say that it raises ValueError"),
    (" Kingma 2014.", "", "a formula without a source"), ("z: (B, D), the latents.", "", "does not mention z"),
    ('"""A module. z: (B, D), the latents."""', "", "no docstring"),
])  # fmt: skip
def test_a_word_that_was_forgotten_is_seen(words, instead, fault):
    assert words in GOOD
    page = ast.parse(GOOD.replace(words, instead))
    assert fault in [said for _, said in complaints(page, public(page.body), sourced=False)]


def test_a_missing_shape_is_seen():
    page = ast.parse(GOOD.replace("z: (B, D), the latents.", "z: the latents.").replace("(B, D)", "all")
                     .replace("(B,)", "it").replace("a number", "it"))
    assert "no shape, of mean, z" in [said for _, said in complaints(page, public(page.body), sourced=False)]
