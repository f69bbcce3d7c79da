"""What training accepts: parameters, data, losses and numbers; the rest is refused with what was expected."""

import functools
import math

import numpy as np

from tinygen.autodiff import tree


def scalar_and_terms(loss):
    """The loss as a function that always returns (scalar, terms)."""

    @functools.wraps(loss)
    def both(params, batch, noise):
        out = loss(params, batch, noise)
        scalar, terms = out if isinstance(out, tuple) and len(out) == 2 else (out, {})
        if not isinstance(terms, dict):
            got = type(terms).__name__
            raise TypeError(f"the loss returned (scalar, {got}); expected a scalar or (scalar, {{name: scalar, ...}}).")
        for name, term in terms.items():
            if np.shape(term):
                raise TypeError(f"the loss's term {name!r} has shape {np.shape(term)}; expected a scalar: its mean?")
        return scalar, terms

    return both


def params_dtype(params):
    """The one dtype of the parameters."""
    found = {}
    for path, leaf in zip(tree.paths(params), tree.flatten(params)[0]):
        if not isinstance(leaf, np.ndarray) or leaf.dtype not in (np.float32, np.float64):
            got = getattr(leaf, "dtype", type(leaf).__name__)
            raise TypeError(f"params{path}: got {got}; expected a float32 or float64 array. Use .astype(np.float32).")
        if not np.isfinite(leaf).all():
            raise ValueError(f"params{path} holds NaN or inf: training can only start from finite numbers.")
        found[leaf.dtype] = path
    if len(found) != 1 or not sum(leaf.size for leaf in tree.flatten(params)[0]):
        got = ", ".join(f"{dtype} (params{path})" for dtype, path in found.items()) or "no arrays"
        raise TypeError(f"params: got {got}; expected at least one number, and arrays of one dtype.")
    return next(iter(found))


def checked_data(data, dtype):
    """The data with its floats in `dtype`, and its number of rows."""
    rows = {}
    for path, leaf in zip(tree.paths(data), tree.flatten(data)[0]):
        if not isinstance(leaf, np.ndarray) or leaf.ndim == 0 or leaf.dtype.kind not in "fiub":
            got = f"{leaf.dtype} {leaf.shape}" if isinstance(leaf, np.ndarray) else type(leaf).__name__
            raise TypeError(f"data{path}: got {got}; expected an array of numbers with one row for each example.")
        if not leaf.size:
            raise ValueError(f"data{path} is empty: shape {leaf.shape}. Training needs at least one row.")
        if leaf.dtype.kind == "f" and not np.isfinite(leaf).all():
            place = tuple(np.argwhere(~np.isfinite(leaf))[0].tolist())
            raise ValueError(f"data{path} holds {leaf[place]} at {place}; expected finite numbers: drop or fill it.")
        rows[path] = len(leaf)
    if len(set(rows.values())) != 1:
        raise ValueError(f"data: got {rows or 'no arrays'}; expected arrays with the same number of rows.")
    with np.errstate(over="ignore"):
        small = cast(data, dtype)
    for path, leaf, original in zip(tree.paths(data), tree.flatten(small)[0], tree.flatten(data)[0]):
        if leaf.dtype.kind == "f" and not np.isfinite(leaf).all():
            largest = np.abs(original).max()
            raise ValueError(f"data{path} has values up to {largest:g}, too large for {dtype}: scale it.")
    return small, next(iter(rows.values()))


def all_finite(vector):
    # One pass where all is well: a finite sum has finite terms. (The sum of finite terms may overflow.)
    """Whether a vector (P,) holds no NaN and no inf."""
    return math.isfinite(vector.sum()) or np.isfinite(vector).all()


def cast(values, dtype):
    """The tree with its float arrays in `dtype`."""

    def of_leaf(x):
        return x.astype(dtype, copy=False) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

    return tree.map(of_leaf, values)


def positive(name, value, whole=False):
    """The value, if it is a positive number (with `whole`: a whole one). ValueError with its `name` if not."""
    kinds, what = ((int, np.integer), "whole number") if whole else ((int, float, np.integer, np.floating), "number")
    if not isinstance(value, kinds) or not 0 < value < math.inf:
        raise ValueError(f"training: got {name}={value!r}; expected a positive {what}.")
    return value
