"""A lesson without what only shows something: exercises are judged without its pictures and its training.

Left out are statements that draw or train, those that only use what such a one made, and imports that nothing uses
then. A statement is kept wherever a function, an exercise, or another statement that is kept may depend on it.
"""

import ast
import copy
import dis
from dataclasses import dataclass

from tinygen.course import lesson
from tinygen.course.excerpt import names_read

DRAWN = {"plt", "plots"}
KEPT = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.AsyncFunctionDef, ast.Delete)


@dataclass
class _Statement:
    """A statement at the top of a cell: what it reads, what it defines or changes, whether it may be left out; whether
    it draws or trains, has its lines alone, imports."""

    cell: int
    lines: range
    reads: set
    gives: set
    kept: bool
    shows: bool
    alone: bool
    imports: bool


def thinned(read):
    """The Lesson `read` for judging: without cells tagged `look`, and without the statements that only show something.

    Lines keep their numbers. A cell that does not parse is left as it is.
    """
    statements = [one for i, cell in enumerate(read.cells) if _wanted(cell) for one in _statements(i, cell)]
    out = {k for k, one in enumerate(statements) if one.shows and not one.kept}
    firm, before = set(), None
    while (out, firm) != before:
        before = set(out), set(firm)
        for k, one in enumerate(statements):
            if k in out:
                continue
            makers = {j for j in out if j < k or one.kept for name in [statements[j].gives] if name & one.reads}
            if makers and (one.kept or k in firm):  # it has to stay: so has what it uses
                firm |= makers
                out -= makers
            elif makers:
                out.add(k)
        out -= firm
    used = set().union(*(one.reads for k, one in enumerate(statements) if k not in out))
    out |= {k for k, one in enumerate(statements) if one.imports and one.alone and not one.gives & used}
    result = copy.copy(read)
    result.cells = [copy.copy(cell) for cell in read.cells]
    for k in out:
        cell = result.cells[statements[k].cell]
        lines = cell.source.split("\n")
        for number in statements[k].lines:
            lines[number] = ""
        cell.source = "\n".join(lines)
    return result


def _wanted(cell):
    return cell.kind == "code" and lesson.for_exercises(cell)


def _statements(number, cell):
    try:
        nodes = ast.parse(cell.source).body
    except SyntaxError:
        return []
    found = []
    for node in nodes:
        inside = list(ast.walk(node))
        names = {n.id: n for n in inside if isinstance(n, ast.Name)}
        called = {getattr(n.func, "id", "") for n in inside if isinstance(n, ast.Call)}
        alone = all(o is node or o.lineno > node.end_lineno or o.end_lineno < node.lineno for o in nodes)
        shows = bool(DRAWN & names.keys()) or any(getattr(n, "attr", "") == "fit" for n in inside)
        kept = not alone or any(isinstance(n, KEPT) for n in inside) or bool(called & {"exercise", "yours", "finish"})
        code = compile(ast.Module([node], []), "", "exec")
        lines, imports = range(node.lineno - 1, node.end_lineno), isinstance(node, ast.Import | ast.ImportFrom)
        gives = {step.argval for step in dis.get_instructions(code) if step.opname in ("STORE_NAME", "STORE_GLOBAL")}
        gives |= set() if imports else _changed(inside)
        found.append(_Statement(number, lines, names_read(code), gives, kept, shows, alone, imports))
    return found


def _changed(inside):
    """The names whose object may be changed: by an assignment to a part of it, by a bare call."""
    names = set()
    parts = [n for n in inside if isinstance(n, ast.Subscript | ast.Attribute) and isinstance(n.ctx, ast.Store)]
    parts += [n.value.func for n in inside if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
    for part in parts:
        while isinstance(part, ast.Subscript | ast.Attribute | ast.Call):
            part = part.func if isinstance(part, ast.Call) else part.value
        names |= {part.id} if isinstance(part, ast.Name) else set()
    return names - DRAWN - {"np", "print"}
