"""Rows of data, checked: numbers, finite, in the columns that a model was fitted to."""

import warnings

import numpy as np


def rows(X, *, features=None, name="fit"):
    """X as a finite float array of shape (n, D), n and D at least 1; float32 stays float32, the rest becomes float64.

    features: how many columns X must have. name: who asks, for the message.
    Raises ValueError or TypeError with what was expected.

    >>> rows([[1, 2], [3, 4]])
    array([[1., 2.],
           [3., 4.]])
    """
    if hasattr(X, "toarray"):
        raise TypeError(f"{name} got a sparse matrix; sparse data is not supported, pass X.toarray()")
    if np.ma.is_masked(X):
        raise TypeError(f"{name} got a masked array with {X.mask.sum()} values hidden: fill them, or drop their rows")
    try:
        X = np.asarray(X)
    except ValueError as error:
        raise ValueError(f"{name} needs rows of one length, (n, D): {error}") from None
    if X.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} got an array of dtype {X.dtype}")
    if X.dtype.kind in "mM":
        raise TypeError(f"{name} needs numbers, got dates or times ({X.dtype}): say in which unit, X.astype(float)")
    if X.dtype != np.float32:
        try:
            X = X.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name} needs numbers, got an array of dtype {X.dtype}: {error}") from None
    if X.ndim != 2:
        raise ValueError(
            f"{name} needs an array of shape (n, D), got {X.shape}. Reshape your data: X.reshape(1, -1) if it is one "
            "row, X.reshape(len(X), -1) if it is a stack of images"
        )
    n, D = X.shape
    for count, what in ((n, "sample"), (D, "feature")):
        if count == 0:
            raise ValueError(f"{name}: 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required.")
    if features is not None and D != features:
        raise ValueError(f"X has {D} features, but {name} is expecting {features} features as input")
    if not np.isfinite(X).all():
        i, j = np.argwhere(~np.isfinite(X))[0]
        bad = "NaN" if np.isnan(X[i, j]) else "inf"
        raise ValueError(f"{name}: X must be finite (no NaN, no inf), got {bad} in row {i}, column {j}")
    return X


def column_names(X):
    """The names of a data frame's columns, an object array (D,); None if there are none, or not all are strings."""
    columns = getattr(X, "columns", None)
    if columns is None or not all(isinstance(name, str) for name in columns):
        return None
    return np.asarray(list(columns), dtype=object)


def check_names(X, expected, name):
    """ValueError if the columns of the data frame X are not those that `fit` has seen, in the same order."""
    got = column_names(X)
    if expected is None:
        if got is not None:
            warnings.warn(f"X has feature names, but {name} was fitted without feature names", stacklevel=4)
        return
    if got is None:
        if hasattr(X, "columns") or isinstance(X, np.ndarray):
            text = f"X does not have valid feature names, but {name} was fitted with feature names"
            warnings.warn(text, stacklevel=4)
        return
    if list(got) == list(expected):
        return
    text = "The feature names should match those that were passed during fit.\n"
    unseen, missing = sorted(set(got) - set(expected)), sorted(set(expected) - set(got))
    if unseen:
        text += "Feature names unseen at fit time:\n" + "".join(f"- {one}\n" for one in unseen[:5])
    if missing:
        text += "Feature names seen at fit time, yet now missing:\n" + "".join(f"- {one}\n" for one in missing[:5])
    if not unseen and not missing:
        text += "Feature names must be in the same order as they were in fit.\n"
    raise ValueError(text)
