"""What people have: keyword arguments, pandas objects, tensors of other libraries, all as plain functions of arrays."""

import functools
import inspect
import sys

import numpy as np

from tinygen.autodiff import tree
from tinygen.autodiff.tape import Var


def plain(f, gradient, args, keywords):
    """(f, gradient, args, notes): the same check with arrays where there were pandas objects or tensors.

    f and gradient get their arguments in the form that they came in (tensors of a library that is not loaded: as
    arrays), and `keywords`, which are held fixed. What they return is made plain. f and gradient themselves come back
    where nothing has to be done. Raises TypeError for complex arguments.
    """
    packed = [[_pack(leaf) for leaf in tree.flatten(arg)[0]] for arg in args]
    notes, foreign = [], sorted({said for leaves in packed for _, _, said in leaves if said})
    if foreign:
        notes.append(f"{' and '.join(foreign)} checked as NumPy arrays.")
    if keywords:
        notes.append(f"Held fixed, as keyword arguments: {', '.join(keywords)}.")
    structures = [tree.flatten(arg)[1] for arg in args]
    if foreign:
        args = [tree.unflatten(s, [array for array, _, _ in leaves]) for s, leaves in zip(structures, packed)]

    def unpack(args):
        if not foreign:
            return args
        again = []
        for arg, structure, leaves in zip(args, structures, packed):
            values = tree.flatten(arg)[0]
            again.append(tree.unflatten(structure, [p[1](v) for v, p in zip(values, leaves)]))
        return again

    def wrapped(function, all_of_them=False):
        accepted = keywords if all_of_them else _accepted(function, keywords)

        @functools.wraps(function, updated=())
        def call(*args):
            return unpacked(function(*unpack(args), **accepted))

        return call

    if not (foreign or keywords):
        return f, gradient, args, notes
    if callable(gradient):
        gradient = wrapped(gradient)
    elif isinstance(gradient, list) and any(map(callable, gradient)):
        gradient = [wrapped(g) if callable(g) else g for g in gradient]
    elif gradient is not None:
        gradient = unpacked(gradient)
    return wrapped(f, all_of_them=True), gradient, args, notes


def unpacked(value):
    """A tree with arrays in the place of pandas objects and tensors."""
    leaves, structure = tree.flatten(value)
    return tree.unflatten(structure, [_pack(leaf, complex_too=True)[0] for leaf in leaves])


def _pack(leaf, complex_too=False):
    """(array, the way back, what it was) of a leaf; (leaf, nothing to do, "") of what is plain already."""
    same, library = (lambda value: value), type(leaf).__module__.partition(".")[0]
    number = isinstance(leaf, np.ndarray | np.generic | complex)
    if not complex_too and number and np.asarray(leaf).dtype.kind == "c":
        raise TypeError(
            "complex arguments are not checked, since their derivative has several meanings (d/dz, d/dz*, or by real "
            "and imaginary part): write f as a function of two real arrays, f(re, im)"
        )
    if isinstance(leaf, (np.ndarray, np.generic, float, int, str, Var)) or leaf is None:
        return leaf, same, ""
    if library == "pandas" and hasattr(leaf, "to_numpy"):
        array = leaf.to_numpy()
        if array.dtype.kind not in "fiub":
            return leaf, same, ""
        axes = {name: getattr(leaf, name) for name in ("index", "columns", "name") if hasattr(leaf, name)}
        return array, lambda value: type(leaf)(value, **axes), f"{type(leaf).__name__} of pandas"
    if hasattr(leaf, "detach"):
        array = np.asarray(leaf.detach().cpu().numpy())
        loaded = sys.modules.get("torch") if library == "torch" else None
        back = loaded.as_tensor if loaded else same
        return array, back, "tensors of PyTorch"
    if hasattr(leaf, "__array__") and hasattr(leaf, "dtype"):
        return np.asarray(leaf), same, f"arrays of {library}"
    return leaf, same, ""


def _accepted(function, keywords):
    """Those keywords that a function takes: a gradient need not."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return keywords
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return keywords
    names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return {name: value for name, value in keywords.items() if name in names}
