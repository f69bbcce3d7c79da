"""A copy of a function that tinygen can record, though it is written as people write: for the diagnosis alone.

`A[i] = v` and `A += v` become assignments of a new array, `float(v)` and `np.array([u, v])` keep what they are given,
SciPy's softmax and the functions of `math` become those that are differentiated. The copy computes the same values (the
caller compares them); nothing of the original is changed.
"""

import ast
import builtins
import inspect
import linecache
import math
import sys
import textwrap
from types import CellType, FunctionType, ModuleType

import numpy as np

from tinygen.autodiff import log_softmax, logsumexp, primitive, softmax
from tinygen.autodiff.tape import Var

_MATH = "exp log log10 log2 log1p expm1 sqrt sin cos tan tanh sinh cosh fabs".split()
_MATH = {name: getattr(np, name) for name in _MATH} | {"pow": np.power, "atan": np.arctan, "hypot": np.hypot}
_OURS = ("numpy", "scipy", "tinygen.autodiff", "tinygen.mistakes")


def recordable(f):
    """`f`, or a copy of it in which what tinygen cannot record is replaced, in it and in functions that it calls."""
    try:
        return _copy(f, {}, set())
    except (SyntaxError, OSError, TypeError, ValueError, KeyError, IndexError):
        return f  # its source cannot be had, or is not what runs


def scalars_of(f, depth=2):
    """{name: value} of the numbers (floats, counts above 2) that a function reads but is not given."""
    f, found = inspect.unwrap(f), {}
    if not isinstance(f, FunctionType):
        return found
    names = {name: f.__globals__[name] for name in f.__code__.co_names if name in f.__globals__}
    names |= _closed(f)
    for parameter in inspect.signature(f).parameters.values():
        names.setdefault(parameter.name, parameter.default)
    for name, value in names.items():
        whole = isinstance(value, int) and not isinstance(value, bool) and value > 2  # such as N
        if whole or (isinstance(value, float | np.floating) and np.isfinite(value)):
            found[name] = value if whole else float(value)
        elif depth and isinstance(value, FunctionType) and not (value.__module__ or "numpy").startswith(_OURS):
            found = scalars_of(value, depth - 1) | found
    return found


def _closed(f):
    """{name: value} of a function's closure; cells that are not filled yet are left out."""
    found = {}
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or ()):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def _set_value(array, index, value):
    out = np.array(array, dtype=np.result_type(array, value))
    out[index] = value
    return out


def _kept(g, y, array, index, value):
    out = np.array(g)
    out[index] = 0
    return out


_set = primitive(_set_value, _kept, None, lambda g, y, array, index, value: g[index])
_set.__name__ = "set_entries"


def _array(values, *args, **kw):
    """np.array that stacks what is being differentiated."""
    if isinstance(values, Var):
        return values
    if isinstance(values, list | tuple) and _has_var(values):
        return np.stack([_array(v) for v in values])
    return np.array(values, *args, **kw)


def _has_var(values):
    return any(isinstance(v, Var) or (isinstance(v, list | tuple) and _has_var(v)) for v in values)


def _float(value=0.0):
    return value if isinstance(value, Var) else float(value)


def _plain(function):
    return lambda a, axis=None, keepdims=False: function(a, axis, keepdims)


def _over_all(function):
    """SciPy's default axis is all of them, tinygen's the last."""
    return lambda x, axis=None: np.reshape(function(np.ravel(x)), x.shape) if axis is None else function(x, axis)


def _scipys():
    """{SciPy's Python function: what is recorded in its place}."""
    special = sys.modules.get("scipy.special")
    if special is None:
        return {}
    ours = {special.logsumexp: _plain(logsumexp), special.softmax: _over_all(softmax)}
    return ours | {special.log_softmax: _over_all(log_softmax)}


def _replaced(value):
    """What stands for a module or a library's function in the copy; the value itself where nothing has to."""
    scipys = _scipys()
    by_name = {function.__name__: own for function, own in scipys.items()}
    if isinstance(value, ModuleType):
        if value is np:
            return _Module(np, {"array": _array, "asarray": _array, "float64": _float})
        if value is math:
            return _Module(math, _MATH)
        if by_name and value is sys.modules["scipy.special"]:
            return _Module(value, by_name)
        if by_name and value is sys.modules["scipy"]:
            return _Module(value, {"special": _Module(sys.modules["scipy.special"], by_name)})
    elif callable(value):
        try:
            known = scipys | {np.array: _array, np.asarray: _array, float: _float}
            known |= {getattr(math, name): own for name, own in _MATH.items()}
            return known.get(value, value)
        except TypeError:  # not hashable
            return value
    return value


class _Module:
    """A module with some of its names replaced."""

    def __init__(self, module, names):
        self._module, self._names = module, names

    def __getattr__(self, name):
        return self._names.get(name) or getattr(self._module, name)


def _copy(value, done, busy):
    """A function's copy, if anything in it has to be replaced, else the function itself."""
    new = _replaced(value)
    if new is not value or not isinstance(value, FunctionType):
        return new
    if value in done or value in busy or (value.__module__ or "numpy").startswith(_OURS):
        return done.get(value, value)
    busy.add(value)  # a function that calls itself is left as it is
    code = _rewritten(value) or value.__code__
    used = {name: value.__globals__[name] for name in _names(code) if name in value.__globals__}
    names = {name: _copy(item, done, busy) for name, item in used.items()}
    names = {name: item for name, item in names.items() if item is not used[name]}
    if "float" in _names(code) and "float" not in value.__globals__:
        names["float"] = _float
    cells = dict(zip(value.__code__.co_freevars, value.__closure__ or ()))
    own = {name: _copy(item, done, busy) for name, item in _closed(value).items()}
    changed = any(own[name] is not item for name, item in _closed(value).items())
    needs = _only_modules(names, code) and code is value.__code__ and not changed
    busy.discard(value)
    if needs:
        return value
    closure = tuple(CellType(own[name]) if name in own else cells[name] for name in code.co_freevars)
    copy = FunctionType(
        code,
        {**value.__globals__, **names, "_set_entries": _set, "__builtins__": builtins},
        value.__name__,
        value.__defaults__,
        closure or None,
    )
    copy.__kwdefaults__ = value.__kwdefaults__
    done[value] = copy
    return copy


def _only_modules(names, code):
    """Whether all that would be replaced are functions of a module that the code does not call."""
    called = set(_names(code))
    for item in names.values():
        if not isinstance(item, _Module) or called & set(item._names):
            return False
    return True


def _names(code):
    """The names that a code object, and those inside it, read from globals and attributes."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            found |= _names(constant)
    return found


class _OutOfPlace(ast.NodeTransformer):
    """`A[i] = v` becomes `A = _set_entries(A, i, v)`, and `A += v` becomes `A = A + v`."""

    def __init__(self, local):
        self.local, self.changed = set(local), False  # what is not the function's own would be hidden by an assignment

    def visit_Assign(self, node):
        self.generic_visit(node)
        target = node.targets[0]
        if len(node.targets) > 1 or not self._own(target):
            return node
        return self._assigned(node, target, node.value)

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        target = node.target
        if isinstance(target, ast.Name) and target.id in self.local:
            self.changed = True
            new = ast.BinOp(ast.Name(target.id, ast.Load()), node.op, node.value)
            return ast.fix_missing_locations(
                ast.copy_location(ast.Assign([ast.Name(target.id, ast.Store())], ast.copy_location(new, node)), node)
            )
        if not self._own(target):
            return node
        old = ast.copy_location(ast.Subscript(ast.Name(target.value.id, ast.Load()), target.slice, ast.Load()), target)
        return self._assigned(node, target, ast.copy_location(ast.BinOp(old, node.op, node.value), node))

    def _own(self, target):
        named = isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name)
        return named and target.value.id in self.local

    def _assigned(self, node, target, value):
        self.changed = True
        name = target.value.id
        index = ast.Call(ast.Name("_index", ast.Load()), [], [])
        index = _index(target.slice)
        call = ast.Call(ast.Name("_set_entries", ast.Load()), [ast.Name(name, ast.Load()), index, value], [])
        new = ast.Assign([ast.Name(name, ast.Store())], ast.copy_location(call, node))
        return ast.fix_missing_locations(ast.copy_location(new, node))


def _index(node):
    """An index as an expression that can be passed: slices become calls of `slice`."""
    if isinstance(node, ast.Slice):
        parts = [part or ast.Constant(None) for part in (node.lower, node.upper, node.step)]
        return ast.Call(ast.Name("slice", ast.Load()), parts, [])
    if isinstance(node, ast.Tuple):
        return ast.Tuple([_index(part) for part in node.elts], ast.Load())
    return node


def _rewritten(f):
    """The code of `f` without edits in place; None if it has none, or if its source is not that of one def."""
    if f.__name__ == "<lambda>":
        return None
    lines, start = inspect.getsourcelines(f)
    text = "".join(lines)
    if "[" not in text and "=" not in text:
        return None
    indent = len(text) - len(text.lstrip())
    tree = ast.parse(textwrap.dedent(text))
    function = tree.body[0]
    if not isinstance(function, ast.FunctionDef):
        return None
    change = _OutOfPlace(f.__code__.co_varnames + f.__code__.co_cellvars)
    function = change.visit(function)
    if not change.changed:
        return None
    function.decorator_list = []
    ast.increment_lineno(function, start - 1)
    for node in ast.walk(function):  # where it stands in the file, for the places in the source
        if hasattr(node, "col_offset"):
            node.col_offset += indent
            node.end_col_offset += indent
    free = f.__code__.co_freevars
    if free:  # a closure needs an outer function that has its names
        assign = [ast.Assign([ast.Name(name, ast.Store())], ast.Constant(None)) for name in free]
        nothing = ast.arguments([], [], None, [], [], None, [])
        outer = ast.FunctionDef("outer", nothing, [*assign, function], [], type_params=[])
        module = ast.Module([outer], [])
    else:
        module = ast.Module([function], [])
    for node in ast.walk(module):
        if not hasattr(node, "lineno"):
            ast.copy_location(node, function)
    code = compile(ast.fix_missing_locations(module), f.__code__.co_filename, "exec")
    linecache.checkcache(f.__code__.co_filename)
    return _inner(code, f.__name__)


def _inner(code, name):
    """The code object of the function called `name` in a module's code."""
    for constant in code.co_consts:
        if hasattr(constant, "co_name"):
            if constant.co_name == name:
                return constant
            found = _inner(constant, name)
            if found is not None:
                return found
    return None
