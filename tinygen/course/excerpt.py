"""One exercise by itself: of its lesson only what its function and its check need, without the rest being run."""

import ast
import dis
import functools
import sys
import types
from dataclasses import dataclass
from pathlib import Path

from tinygen.course import lesson


@dataclass(frozen=True)
class Excerpt:
    """An exercise `name` of the lesson in the file `path`: the code that it needs, as one module, the name of its
    check, and the name of the answer that the check compares with, in the lesson's file of answers ("": none)."""

    path: Path
    name: str
    check: str
    answer: str
    code: object

    def run(self, rng=None):
        """The names that the code defines. rng: a Generator in the place of the lesson's own."""
        module = types.ModuleType(f"excerpt_{self.path.stem}_{self.name}")
        module.__file__ = str(self.path)
        sys.modules[module.__name__] = module  # dataclasses look a class's module up
        try:
            exec(self.code, vars(module))
        finally:
            del sys.modules[module.__name__]
        if rng is not None and "rng" in vars(module):
            module.rng = rng
        return vars(module)


@functools.cache
def excerpts(path):
    """{name of an exercise: its Excerpt} of one lesson, in order."""
    nodes = ast.parse(path.read_text(encoding="utf-8"), str(path)).body
    found = {}
    for i, node in enumerate(nodes):
        if isinstance(node, ast.Assign) and getattr(getattr(node.value, "func", None), "id", "") == "exercise":
            name, check = (argument.id for argument in node.value.args)
            body = needed(nodes[:i], {name, check})
            code = compile(ast.Module(body, []), str(path), "exec")
            found[name] = Excerpt(path, name, check, _answer(body, check), code)
    return found


def catalogue():
    """All exercises of the course: a list of Excerpts."""
    return [one for path in lesson.catalogue() for one in excerpts(path).values()]


def written(names, name, function):
    """`function` as the reader's answer to the exercise `name` in a module with these names: it can be judged there."""
    scope = dict(names)
    scope["_given"] = function
    exec(f"def {name}(*args):\n    return _given(*args)", scope)
    return scope[name]


def needed(nodes, names):
    """The nodes that define `names`, and what those need, in order: of several definitions the last one counts."""
    chosen = []
    for node in reversed(nodes):
        defined = _defined(node)
        if (defined | _changed(node)) & names:
            names = (names - defined) | names_read(compile(ast.Module([node], []), "", "exec"))
            chosen.append(node)
    return chosen[::-1]


def names_read(code):
    """The names of the module that some code reads, in its functions too."""
    found = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_NAME", "LOAD_GLOBAL")}
    return found.union(*(names_read(inner) for inner in code.co_consts if isinstance(inner, types.CodeType)))


def _defined(node):
    """The names that a node at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _changed(node):
    """The names whose object a node at the top of a module changes: ``names["key"] = ...``."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    return {t.value.id for t in targets if isinstance(t, ast.Subscript) and isinstance(t.value, ast.Name)}


def _answer(nodes, check):
    """What the check takes from `answers` and hands to a function that compares."""
    (function,) = [node for node in nodes if getattr(node, "name", "") == check]
    inside = list(ast.walk(function))
    handed = [argument for n in inside if isinstance(n, ast.Call) for argument in n.args]
    handed += [n.value for n in inside if isinstance(n, ast.Attribute) and n.attr == "through"]
    attributes = [n for n in handed if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == "answers"]
    return attributes[0].attr if attributes else ""
