"""Plant a mistake: a right function and its derivatives by hand, one line of which is changed by one named mistake.

The functions are those that the package has joined with rules (`byhand.MADE`). A change counts if the numbers say so:
at points drawn anew they are off far beyond the bar of `check_value`, and nothing else about them is odd.
"""

import ast
import copy
import functools
import inspect
import sys
from dataclasses import dataclass

import numpy as np

from tinygen.check.value import check_value
from tinygen.claims.gradients import made
from tinygen.mistakes.scales import ROLES, role_of
from tinygen.mistakes.words import COUNTED, say

KINDS = {  # what a student may say: kind -> what it is
    "sign": "a sign is wrong",
    "factor": "a factor is left out",
    "term": "a term of a sum is left out",
    "power": "a square, a root or a power is wrong",
    "reading": "sigma, sigma^2 or log sigma^2 is taken for another of them",
    "variable": "another variable stands where one belongs",
    "none": "nothing is wrong",
}
TIMES = {"_times_std": "_times_var", "_times_var": "_times_std"}  # helpers of gaussian.py: times sigma, sigma^2
DRAWS = 3  # points at which a change has to show
BEYOND = 1e3  # bars by which it has to


@dataclass(frozen=True)
class Planted:
    """A listing with one mistake in it: the `line` (from 1), its `kind`, the line as it is `right`, why, in words."""

    text: str
    line: int
    kind: str
    right: str
    why: str


@dataclass(frozen=True)
class Group:
    """A function and its rules: `names` of the functions, the module they stand in, the right listing, an example."""

    name: str
    module: str
    names: tuple
    text: str
    example: object

    @property
    def lines(self):
        """The lines of its source."""
        return self.text.split("\n")

    @property
    def imports(self):
        """The lines that a listing needs before it, whatever is planted in it."""
        used = {node.id for node in ast.walk(ast.parse(self.text)) if isinstance(node, ast.Name)}
        used |= set(TIMES) if used & set(TIMES) else set()
        known = sorted(used & vars(sys.modules[self.module]).keys() - set(self.names) - {"np"})
        return "import numpy as np\n" + (f"\nfrom {self.module} import {', '.join(known)}\n" if known else "")


@functools.cache
def groups():
    """All functions of the package that have derivatives by hand under names of their own, each with those."""
    found = []
    for one in made():
        module = sys.modules[one.module]
        own = {f"{one.name}_{how}_{argument}" for argument in inspect.signature(one.bare).parameters
               for how in ("grad", "vjp")}  # fmt: skip
        rules = [name for name in vars(module) if name in own]
        if len(rules) > 1:  # one formula and its derivative are read at a glance
            functions = [one.bare, *(inspect.unwrap(getattr(module, name)) for name in rules)]
            tree = ast.Module([ast.parse(inspect.getsource(f)).body[0] for f in functions], [])
            found.append(Group(one.name, one.module, (one.name, *rules), ast.unparse(tree), one.example))
    return tuple(group for group in found if "__wrapped__" not in group.text)  # each runs by itself


@functools.cache
def planted(group):
    """All that can be planted in a Group: lists of Planted which give the same numbers, and cannot be told apart."""
    points = [_point(group, np.random.default_rng([7, k])) for k in range(DRAWS)]
    right, found = _run(group, group.text), {}
    values = [_values(right, point) for point in points]
    bars = [[check_value(f, f, *args.values()) for f, args in zip(right.values(), point)] for point in points]
    bars = [[max(entry.bar for entry in report.entries) for report in each] for each in bars]
    for one in _changes(group):
        with np.errstate(all="ignore"):
            told = _told(_run(group, one.text), points, values, bars)
        if told:
            found.setdefault(told, []).append(one)
    return tuple(found.values())


def _point(group, rng):
    """Arguments for each function of the group: those of the example, and the cotangent g of a vjp."""
    args = {name: value for name, value in group.example(rng).items() if isinstance(value, np.ndarray)}
    value = np.asarray(_run(group, group.text)[group.name](*args.values()))
    return [{"g": rng.normal(size=value.shape), **args} if "_vjp_" in name else args for name in group.names]


def _run(group, text):
    """{name: function} of a listing, the options of the example filled in."""
    scope = dict(vars(sys.modules[group.module]))
    exec(text, scope)
    example = group.example(np.random.default_rng(0)).items()
    options = {name: value for name, value in example if not isinstance(value, np.ndarray)}
    return {name: functools.partial(scope[name], **options) for name in group.names}


def _values(functions, point):
    return [np.asarray(f(*args.values())) for f, args in zip(functions.values(), point)]


def _told(changed, points, values, bars):
    """What tells this change from others: the numbers that it gives, rounded; () if it does not count."""
    told, shown = [], False
    for point, before, bar in zip(points, values, bars):
        try:
            after = _values(changed, point)
        except Exception:
            return ()
        for old, new, width in zip(before, after, bar):
            if old.shape != new.shape or not np.all(np.isfinite(new)):
                return ()
            off = float(np.max(abs(new - old)))
            if 0 < off < BEYOND * width:
                return ()
            shown = shown or off > 0
            told.append(np.array2string(new, precision=8, threshold=10**6))
    return tuple(told) if shown else ()


# ---- changes ----


def _changes(group):
    """Planted for each small change of the listing that touches one line."""
    tree = ast.parse(group.text)
    for place, node in enumerate(ast.walk(tree)):
        for kind, new, what in _alternatives(node, tree):
            changed = copy.deepcopy(tree)
            target = next(n for i, n in enumerate(ast.walk(changed)) if i == place)
            text = ast.unparse(_Replace(target, new).visit(changed))
            lines = text.split("\n")
            other = [i for i, pair in enumerate(zip(group.lines, lines)) if pair[0] != pair[1]]
            if len(lines) == len(group.lines) and len(other) == 1:
                at = other[0]
                where = f"line {at + 1}: `{group.lines[at].strip()}`"
                yield Planted(text, at + 1, kind, group.lines[at].strip(), f"{what} Right is {where}.")


class _Replace(ast.NodeTransformer):
    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return copy.deepcopy(self.new) if node is self.old else self.generic_visit(node)


def _alternatives(node, tree):
    """(kind, node in its place, sentence) for each mistake that can be made at a node of a formula."""
    if isinstance(node, ast.BinOp):
        yield from _of_two(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield "sign", node.operand, _counted(node.operand, COUNTED[-1])
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield from _of_name(node, tree)


def _of_two(node):
    left, right, op = node.left, node.right, type(node.op)
    if op in (ast.Add, ast.Sub):
        other = ast.Sub() if op is ast.Add else ast.Add()
        yield "sign", ast.BinOp(left, other, right), _counted(right, COUNTED[-1])
        yield "term", left, _counted(right, COUNTED[0])
        if op is ast.Add:
            yield "term", right, _counted(left, COUNTED[0])
    elif op in (ast.Mult, ast.Div):
        if ast.dump(left) == ast.dump(right):
            yield "power", left, f"The square of `{ast.unparse(left)}` is taken for {ast.unparse(left)} itself."
        else:
            yield "factor", left, _left_out(right)
            if op is ast.Mult:
                yield "factor", right, _left_out(left)
    elif op is ast.Pow and not isinstance(left, ast.Constant):
        yield "power", left, f"The power of `{ast.unparse(left)}` is left out."


def _counted(term, how):
    return say("counted", term=f"term `{ast.unparse(term)}`", counted=how).replace("the", "The", 1) + "."


def _left_out(factor):
    return f"The factor `{ast.unparse(factor)}` is left out."


def _of_call(node):
    name = ast.unparse(node.func)
    if name in ("np.square", "np.sqrt") and len(node.args) == 1:
        yield "power", node.args[0], f"`{name}` is left out."
    other = TIMES.get(name)
    if other:
        was, right = ("sigma^2", "sigma") if other == "_times_var" else ("sigma", "sigma^2")
        yield "reading", ast.Call(ast.Name(other, ast.Load()), node.args, []), f"{was} stands where {right} belongs."
    if name == "np.exp":
        inside = {role_of(n.id) for n in ast.walk(node.args[0]) if isinstance(n, ast.Name)} - {None}
        for role in inside & {"logvar", "logstd"}:
            half = ast.BinOp(ast.Constant(0.5), ast.Mult(), node.args[0])
            words = f"The root of `{ast.unparse(node)}` stands where it belongs itself: {ROLES[role].words} is misread."
            yield "reading", ast.Call(node.func, [half], []), words


def _of_name(node, tree):
    """Another argument of the same function, if it means the same kind of thing (mean0, mean1; real, fake)."""
    function = next(f for f in tree.body if any(n is node for n in ast.walk(f)))
    arguments = [a.arg for a in function.args.args]
    stem = lambda name: name.rstrip("0123456789")
    if node.id in arguments:
        for other in arguments:
            if other != node.id and (stem(other) == stem(node.id) or {other, node.id} == {"real", "fake"}):
                words = f"`{other}` is used in place of `{node.id}`."
                yield "variable", ast.Name(other, ast.Load()), words
