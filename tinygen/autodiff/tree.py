"""Trees: dicts, lists, tuples, named tuples, dataclasses and None, nested as you like, with leaves of any other kind.

A model's parameters are a tree of arrays. The engine works on flat lists; these functions go from one to the other.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np


class Structure(NamedTuple):
    """What is left of a tree when its leaves are taken out: comparable and hashable."""

    kind: Any  # dict, list, tuple, a named tuple's or dataclass's type, type(None), or None for a leaf
    keys: tuple = ()
    children: tuple = ()


LEAF = Structure(None)


def entries(tree):
    """The (key, subtree) pairs of a container in order; None if `tree` is a leaf."""
    kind = type(tree)
    if kind is np.ndarray or kind is float:
        return None
    if kind is list or kind is tuple:
        return list(enumerate(tree))
    if tree is None:
        return []
    if isinstance(tree, dict):
        return list(tree.items())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return list(zip(tree._fields, tree))
    if isinstance(tree, (list, tuple)):
        return list(enumerate(tree))
    if hasattr(kind, "__dataclass_fields__"):
        return [(field.name, getattr(tree, field.name)) for field in dataclasses.fields(tree)]
    return None


def rebuild(kind, keys, children):
    """The container of type `kind` with these children: the inverse of `entries`."""
    if kind is list or kind is tuple:
        return kind(children)
    if kind is type(None):
        return None
    if issubclass(kind, dict):
        return kind(zip(keys, children))
    if dataclasses.is_dataclass(kind):
        return kind(**dict(zip(keys, children)))
    return kind(*children) if hasattr(kind, "_fields") else kind(children)


def flatten(tree):
    """Return `(leaves, structure)`: the list of leaves in order, and what is needed to put them back.

    >>> flatten({"W": [1.0, 2.0], "b": None})[0]
    [1.0, 2.0]
    """
    leaves = []
    return leaves, _take_apart(tree, leaves)


def _take_apart(tree, leaves):
    kind = type(tree)
    if kind is dict:
        keys, parts = tuple(tree), tree.values()
    else:
        pairs = entries(tree)
        if pairs is None:
            leaves.append(tree)
            return LEAF
        keys, parts = zip(*pairs) if pairs else ((), ())
    return Structure(kind, keys, tuple([_take_apart(part, leaves) for part in parts]))


def unflatten(structure, leaves):
    """The tree of this structure with these leaves: the inverse of `flatten`.

    >>> leaves, structure = flatten({"mean": 1.0, "logvar": (2.0, 3.0)})
    >>> unflatten(structure, [10 * leaf for leaf in leaves])
    {'mean': 10.0, 'logvar': (20.0, 30.0)}
    """
    return _build(structure, iter(leaves))


def _build(node, leaves):
    if node.kind is None:
        return next(leaves)
    children = [next(leaves) if child.kind is None else _build(child, leaves) for child in node.children]
    if node.kind is list:
        return children
    return dict(zip(node.keys, children)) if node.kind is dict else rebuild(node.kind, node.keys, children)


def map(f, tree, *rest):
    """Apply `f` leaf by leaf to trees of one structure (dicts are matched by key, not by order).

    >>> map(lambda a, b: a + b, {"x": 1.0, "y": 2.0}, {"y": 20.0, "x": 10.0})
    {'x': 11.0, 'y': 22.0}
    """
    kind = type(tree)
    if not rest and (kind is list or kind is dict):  # the commonest ones, at once
        return [map(f, part) for part in tree] if kind is list else {key: map(f, part) for key, part in tree.items()}
    pairs = entries(tree)
    if pairs is None:
        return f(tree, *rest)
    if not rest:
        return rebuild(kind, [key for key, _ in pairs], [map(f, child) for _, child in pairs])
    others = [dict(entries(other) or ()) for other in rest]
    keys = [key for key, _ in pairs]
    for other, there in zip(rest, others):
        if type(other) is not type(tree) or set(there) != set(keys):
            raise ValueError(f"the trees differ: {type(tree).__name__} with keys {keys}, got {_describe(other)}")
    children = [map(f, child, *(there[key] for there in others)) for key, child in pairs]
    return rebuild(type(tree), keys, children)


def paths(tree):
    """The place of each leaf, as you would write it in Python.

    >>> paths({"W": [1.0, 2.0]})
    ["['W'][0]", "['W'][1]"]
    """
    pairs = entries(tree)
    if pairs is None:
        return [""]
    attribute = not isinstance(tree, dict) and any(isinstance(key, str) for key, _ in pairs)
    return [(f".{key}" if attribute else f"[{key!r}]") + path for key, child in pairs for path in paths(child)]


def ravel(tree):
    """Return `(vector, back)`: all leaves in one new 1-D array, and the function that makes such a vector a tree.

    `back(vector)` gives views into `vector`, so an optimiser that writes into the vector changes the tree.

    >>> vector, back = ravel({"W": np.ones((2, 3)), "b": np.zeros(3)})
    >>> vector.shape, back(2 * vector)["W"].shape
    ((9,), (2, 3))
    """
    leaves, structure = flatten(tree)
    shapes = [np.shape(leaf) for leaf in leaves]
    ends = np.cumsum([0] + [np.size(leaf) for leaf in leaves]).tolist()

    def back(vector):
        if vector.shape != (ends[-1],):
            raise ValueError(f"this tree has {ends[-1]} numbers, got a vector of shape {vector.shape}")
        pieces = [vector[start:stop].reshape(shape) for start, stop, shape in zip(ends, ends[1:], shapes)]
        return unflatten(structure, pieces)

    vector = np.concatenate([np.reshape(leaf, -1) for leaf in leaves]) if leaves else np.zeros(0)
    return vector, back


def _describe(tree):
    pairs, kind = entries(tree), type(tree).__name__
    return f"a leaf ({kind})" if pairs is None else f"{kind} with keys {[k for k, _ in pairs]}"
