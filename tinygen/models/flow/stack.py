"""Which layers a flow has: by name or one by one, and in plain values for a file.

choice: what the user gave as `layers`. description: as of `describe`.
"""

import dataclasses

from tinygen.models.flow import continuous, layers
from tinygen.models.flow.layers import Autoregressive, Coupling, Permutation, Scale, Spline

NAMES = ("spline", "affine", "autoregressive")
KINDS = {name: getattr(layers, name) for name in layers.__all__} | {"Continuous": continuous.Continuous}


def check(name, value):
    """A check for OPTIONS: one of NAMES, or a list of layers.

    name: the option's. value: what was given. Raises ValueError if it is neither.
    """
    listed = isinstance(value, (list, tuple)) and value and all(hasattr(layer, "inverse") for layer in value)
    if (isinstance(value, str) and value in NAMES) or (listed and not any(isinstance(layer, type) for layer in value)):
        return value
    known = ", ".join(map(repr, NAMES))
    raise ValueError(f"{name} must be one of {known}, or a list of layers such as [Coupling(), LU()], got {value!r}")


def build(choice, D, rng, *, depth, hidden, bins, limit):
    """The layers for D columns. rng: for the orders of the columns.

    depth, hidden, bins, limit: as in `Flow`.

    >>> import numpy as np
    >>> build("affine", 2, np.random.default_rng(0), depth=2, hidden=(8,), bins=4, limit=3.0)[1].flip
    True
    """
    if not isinstance(choice, str):
        return list(choice)
    hidden, curve = tuple(hidden), Spline(bins, limit) if choice == "spline" else Scale()
    if choice == "autoregressive":
        backwards = Permutation(tuple(range(D))[::-1])
        return [layer for _ in range(depth) for layer in (Autoregressive(hidden, curve), backwards)][:-1]
    if D <= 2:
        return [Coupling(hidden, curve, flip=i % 2 == 1) for i in range(depth)]
    made = []
    for i in range(depth):  # what was moved by one layer decides in the next, up to chance
        order = rng.permutation(D) if i % 2 == 0 else [*range(D // 2, D), *range(D // 2)]
        made += [Permutation(tuple(int(j) for j in order)), Coupling(hidden, curve)]
    return made


def describe(choice):
    """Layers in plain values; a name as it is."""
    return choice if isinstance(choice, str) else [_describe(layer) for layer in choice]


def rebuild(description):
    """What `describe` has described."""
    return description if isinstance(description, str) else [_rebuild(layer) for layer in description]


def _describe(part):
    if not dataclasses.is_dataclass(part):
        return list(part) if isinstance(part, tuple) else part
    if type(part).__name__ not in KINDS:
        raise TypeError(f"a model with {part!r} cannot be saved: only {', '.join(KINDS)} can")
    fields = {field.name: _describe(getattr(part, field.name)) for field in dataclasses.fields(part)}
    return {"kind": type(part).__name__, **fields}


def _rebuild(part):
    if not isinstance(part, dict):
        return tuple(part) if isinstance(part, list) else part
    return KINDS[part["kind"]](**{name: _rebuild(value) for name, value in part.items() if name != "kind"})
