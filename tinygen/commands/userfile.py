"""A person's own file: import it, find what is to be checked in it, and say with the line what is wrong with it."""

import importlib.util
import inspect
import re
import sys
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tinygen.autodiff import tree
from tinygen.check.derivation import Derivation

NAMES = {  # how a gradient is called beside its function; {} stands for the function's name
    "grad_{}": "gradient", "gradient_{}": "gradient", "{}_grad": "gradient", "{}_gradient": "gradient",
    "d{}": "gradient", "d_{}": "gradient", "{}_prime": "gradient", "{}_deriv": "gradient", "{}_derivative": "gradient",
    "jac_{}": "gradient", "{}_jac": "gradient", "{}_jacobian": "gradient", "jacobian_{}": "gradient",
    "{}_vjp": "gradient", "hess_{}": "hessian", "{}_hess": "hessian", "{}_hessian": "hessian", "hessian_{}": "hessian",
}  # fmt: skip
PARTIAL = re.compile(r"d(?P<f>\w+?)_(?:d|by_)(?P<argument>\w+)")  # dloss_dw: the gradient by one argument


class Unusable(Exception):
    """Why a file, or a function in it, cannot be checked: one sentence, with the line."""


@dataclass(frozen=True)
class Pair:
    """A function, its gradient (or a dict of them by argument) and what that is; the defaults are the point."""

    name: str
    f: object
    gradient: object
    kind: str = "gradient"
    called: str = ""

    @property
    def place(self):
        """The name of the function, with its line."""
        code = getattr(inspect.unwrap(self.f), "__code__", None)
        return f"{self.name} (line {code.co_firstlineno})" if code else self.name


@contextmanager
def opened(path):
    """The module that the file at `path` defines; while it is open, imports find what lies beside it.

    Raises Unusable if there is no such file, or if it does not import.
    """
    path = Path(path)
    if path.is_dir() or not path.exists():
        raise Unusable(f"{path}: {'is a folder, not a file' if path.is_dir() else 'there is no such file'}")
    if path.suffix != ".py":
        raise Unusable(f"{path}: expected a Python file, with a name that ends in .py")
    name = f"checked_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look there
    sys.path.insert(0, str(path.resolve().parent))
    try:
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            raise Unusable(f"{path} does not import: {told(error, path)}") from error
        yield module
    finally:
        sys.path.remove(str(path.resolve().parent))
        del sys.modules[name]


def told(error, path):
    """An exception in one sentence, with the line of the file at `path` in which it happened."""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    resolved = str(Path(path).resolve())
    if isinstance(error, SyntaxError) and error.filename == resolved:
        return f"line {error.lineno}: {error.msg}\n    {(error.text or '').strip()}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == resolved]
    return f"line {own[-1].lineno}: {what}\n    {own[-1].line}" if own else what


def found(module):
    """What `module` gives to check: (list of Pairs, list of Derivations, list of remarks on what is left out).

    Raises Unusable if there is nothing.
    """
    names = {name: value for name, value in vars(module).items() if not name.startswith("__")}
    functions = {n: v for n, v in names.items() if callable(v) and not inspect.isclass(v)}
    derivations = list({id(v): v for v in names.values() if isinstance(v, Derivation)}.values())
    pairs, partial, helpers = [], {}, []
    for name, value in functions.items():
        marked = getattr(value, "gradient_of", None)
        if callable(marked):
            pairs.append(Pair(getattr(marked, "__name__", name), marked, value, called=name))
            continue
        whole = [(f, kind) for f, kind in _functions_of(name) if f in functions and f != name]
        part = PARTIAL.fullmatch(name)
        if whole:
            f, kind = whole[0]
            pairs.append(Pair(f, functions[f], value, kind, name))
        elif part and part["f"] in functions:
            partial.setdefault(part["f"], {})[part["argument"]] = value
        elif name.startswith("grad_") and getattr(value, "__module__", None) == module.__name__:
            helpers.append(f"{name} has no function {name[5:]} beside it, to be the gradient of")
    for f, by in partial.items():
        pairs.append(Pair(f, functions[f], by, "partial", ", ".join(value.__name__ for value in by.values())))
    if not pairs and not derivations:
        raise Unusable("; ".join([*helpers, _nothing(module)]))
    return pairs, derivations, helpers


def _functions_of(name):
    """(name of a function, what `name` would be of it) by each pattern of NAMES."""
    for pattern, kind in NAMES.items():
        before, after = pattern.split("{}")
        if name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after):
            yield name[len(before) : len(name) - len(after)], kind


def _nothing(module):
    own = [n for n, v in vars(module).items() if inspect.isfunction(v) and v.__module__ == module.__name__]
    there = f"it defines {', '.join(own)}, but " if own else ""
    patterns = ", ".join(pattern.format("f") for pattern in NAMES)
    return (
        f"{there}there is nothing to check: no function f with its gradient beside it, called grad_f (any name will "
        f"do: kl and grad_kl) or one of {patterns}, or df_dx for the gradient with respect to x; none marked "
        "@gradient_of(f), and no Derivation. `tinygen check --example` prints a file to start from"
    )


def example(pair):
    """The example point of a pair: the default arguments of its function, as a list. Raises Unusable if some lack."""
    try:
        parameters = inspect.signature(pair.f).parameters.values()
    except (TypeError, ValueError):
        raise Unusable(f"{pair.place}: its arguments cannot be read; write def {pair.name}(x=...)") from None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    lacking = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if lacking:
        shown = ", ".join(f"{p.name}=..." for p in positional)
        raise Unusable(
            f"{pair.place}: {', '.join(lacking)} has no default, and the defaults are the point where it is tried; "
            f"write def {pair.name}({shown}) with floats or arrays of floats"
        )
    args = [p.default for p in positional]
    if not any(_is_float(leaf) for arg in args for leaf in tree.flatten(arg)[0]):
        given = ", ".join(f"{p.name}={p.default!r}" for p in positional) or "no argument"
        raise Unusable(f"{pair.place}: nothing to differentiate by in its defaults ({given}); write 2.0 for 2")
    return args


def _is_float(leaf):
    return isinstance(leaf, float) or getattr(getattr(leaf, "dtype", None), "kind", "") == "f"
