"""The course's own answer to an exercise, taken from the lesson that asks it: what form an answer has, and what stands
in for a function that is still wrong while another one is judged."""

import ast
import functools
from dataclasses import dataclass
from pathlib import Path

from tinygen.course import lesson


@dataclass(frozen=True)
class Solution:
    """A function of a lesson with its solution: its name, the lesson's path, the function's docstring, its code; the
    number of `parts` of the pair that it returns (0: no pair), whether it returns a list (`listed`), and how later
    cells of the lesson use it: `used` is "directly", through "yours", or "" if they do not."""

    name: str
    path: Path
    docstring: str
    code: object
    parts: int
    listed: bool
    used: str

    def function(self, names):
        """The function, as if it stood in the module whose names these are."""
        scope = dict(names)
        exec(self.code, scope)
        return scope[self.name]


def solution(name, names):
    """The Solution of the exercise `name` in a module with these `names`; None if no lesson has such an exercise.

    The module says by its `__file__` which lesson it is; a notebook, which has none, is known by the docstring.
    """
    here = Path(names.get("__file__") or "").stem
    paths = [path for path in lesson.catalogue() if f"\ndef {name}(" in _text(path)]
    paths = [path for path in paths if path.stem == here] or paths
    found = [one for path in paths for one in [_solutions(path).get(name)] if one]
    named = [one for one in found if one.path.stem == here]
    alike = [one for one in found if one.docstring == getattr(names.get(name), "__doc__", None)]
    return next(iter(named or alike), None)


@functools.cache
def _text(path):
    return path.read_text(encoding="utf-8")


@functools.cache
def _solutions(path):
    """{name: Solution} of one lesson."""
    text = _text(path)
    solved = {function: last for _, last, function in lesson.solutions(text, str(path))}
    tree, found = ast.parse(text), {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in solved:
            code = compile(ast.Module([node], []), str(path), "exec")
            docstring = ast.get_docstring(node, clean=False)
            parts, listed = _parts(node, ast.Tuple), _parts(node, ast.List) > 0
            found[node.name] = Solution(node.name, path, docstring, code, parts, listed, _used(tree, node.name))
    return found


def _parts(node, kind):
    """How many values the function returns, if it returns several in a display of this kind in each case; else 0."""
    values = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return)]
    counts = {len(value.elts) if isinstance(value, kind) else 0 for value in values}
    return counts.pop() if len(counts) == 1 else 0


def _used(tree, name):
    """How cells other than the exercise's own use this function."""
    rest = [node for node in tree.body if not _is_about(node, name)]
    inner = [part for node in rest for part in ast.walk(node)]
    uses = sum(isinstance(part, ast.Name) and part.id == name for part in inner)
    handed = sum(isinstance(part, ast.Call) and getattr(part.func, "id", "") == "yours"
                 and getattr(part.args[1], "id", "") == name for part in inner)  # fmt: skip
    return "directly" if uses > handed else "yours" if handed else ""


def _is_about(node, name):
    """Is this the exercise itself, its check, or the line that calls it?"""
    if isinstance(node, ast.FunctionDef):
        arguments = [argument.arg for argument in node.args.args]
        return node.name == name or (node.name.startswith("check") and name in arguments)
    calls = isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
    return calls and getattr(node.value.func, "id", "") == "exercise" and node.value.args[0].id == name
