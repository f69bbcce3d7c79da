"""The smallest example that still fails: fewer rows, fewer dimensions, rounder numbers."""

import time

import numpy as np

from tinygen.autodiff import tree

SECONDS = 1.5  # spent on shrinking
SHORT = 3  # lengths to which an axis is cut, if possible


def shrink(args, fails, *, seconds=SECONDS):
    """Smaller and rounder arguments for which `fails(args)` still holds.

    args: arrays, numbers, trees. fails: takes such a tuple, True if the failure of interest is still there; what it
    raises counts as no. Axes of equal length are cut together (they are likely to mean the same), then leading axes
    (the batch), then each that is alone with its length; after that the numbers are rounded.

    >>> [x.tolist() for x in shrink((np.array([1.234, -2.0, 3.5]),), lambda args: args[0][0] > 1)]
    [[1.2]]
    """
    until = time.perf_counter() + seconds

    def still(new):
        if time.perf_counter() > until:
            return False
        try:
            with np.errstate(all="ignore"):
                return bool(fails(new))
        except Exception:  # f is anybody's code: cut arguments need not fit together
            return False

    args, structure = tree.flatten(tuple(args))
    args = [leaf.copy() if isinstance(leaf, np.ndarray) else leaf for leaf in args]
    together = lambda leaves: tree.unflatten(structure, leaves)
    for cut in (_all_axes, _leading_axes, _one_axis):
        for places in cut(args):
            length = args[places[0][0]].shape[places[0][1]]
            for k in sorted({*range(1, SHORT + 1), length // 2}):
                if k >= length or any(args[i].shape[axis] != length for i, axis in places):
                    break
                new = list(args)
                for i, axis in places:
                    new[i] = np.take(new[i], range(k), axis)
                if still(together(new)):
                    args = new
                    break
    for i, leaf in enumerate(args):
        if _is_float(leaf):
            for digits in (0, 1, 2, 3):
                rounder = np.round(leaf, digits) + 0.0
                new = [*args[:i], rounder if isinstance(leaf, np.ndarray) else type(leaf)(rounder), *args[i + 1 :]]
                if np.all(rounder != 0) and still(together(new)):
                    args = new
                    break
    return together(args)


def _is_float(leaf):
    return isinstance(leaf, float) or (isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f")


def _axes(args):
    """(leaf, axis) of every axis longer than 1."""
    return [
        (i, axis) for i, x in enumerate(args) if isinstance(x, np.ndarray) for axis, n in enumerate(x.shape) if n > 1
    ]


def _all_axes(args):
    lengths = sorted({args[i].shape[axis] for i, axis in _axes(args)}, reverse=True)
    return [[(i, axis) for i, axis in _axes(args) if args[i].shape[axis] == n] for n in lengths]


def _leading_axes(args):
    first = [(i, axis) for i, axis in _axes(args) if axis == 0]
    lengths = sorted({args[i].shape[0] for i, _ in first}, reverse=True)
    return [[(i, axis) for i, axis in first if args[i].shape[0] == n] for n in lengths]


def _one_axis(args):
    """Axes whose length no other array has: what shares a length belongs together."""
    axes = _axes(args)
    shared = lambda i, axis: any(args[j].shape[other] == args[i].shape[axis] for j, other in axes if j != i)
    return [[(i, axis)] for i, axis in axes if not shared(i, axis)]


def reproduce(f, gradient, args, names):
    """Lines of Python that show the failure again, given the two functions under their names."""
    lines = ["import numpy as np", "from tinygen.check import check_grad"]
    short = [_literal(arg) for arg in args]
    inline = len(", ".join(short)) <= 40
    if not inline:
        lines += [f"{_name(name)} = {text}" for name, text in zip(names, short)]
        short = [_name(name) for name in names]
    if isinstance(gradient, list):
        given = "[" + ", ".join(_called(g, "gradient") for g in gradient) + "]"
    else:
        given = _called(gradient, "gradient")
    return "\n".join([*lines, f"print(check_grad({', '.join([_called(f, 'f'), given, *short])}))"])


def _called(function, otherwise):
    name = getattr(function, "__name__", None) if function is not None else "None"
    return name if name and name.isidentifier() else otherwise


def _name(name):
    return name if name.isidentifier() else "x_" + "".join(c for c in name if c.isalnum())


def _literal(arg):
    """The Python that makes this argument, as short as it gets without changing a bit."""
    pairs = tree.entries(arg)
    if arg is None or pairs is None:
        if isinstance(arg, np.ndarray):
            dtype = "" if arg.dtype in (np.float64, np.int64, bool) else f", np.{arg.dtype}"
            options = dict(separator=", ", threshold=10**6, max_line_width=10**6, formatter={"all": str})
            return f"np.array({' '.join(np.array2string(arg, **options).split())}{dtype})"
        return f"np.{arg.dtype}({arg!s})" if isinstance(arg, np.generic) else repr(arg)
    parts = [(key, _literal(child)) for key, child in pairs]
    if isinstance(arg, dict):
        return "{" + ", ".join(f"{key!r}: {text}" for key, text in parts) + "}"
    if type(arg) in (list, tuple):
        inside = ", ".join(text for _, text in parts)
        return f"[{inside}]" if isinstance(arg, list) else f"({inside}{',' * (len(parts) == 1)})"
    return f"{type(arg).__name__}(" + ", ".join(f"{key}={text}" for key, text in parts) + ")"
