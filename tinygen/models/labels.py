"""Labels of classes: checked, looked up among those that training has seen, one-hot, and one for each of n draws."""

import numpy as np

from tinygen.models.options import whole


def checked(y, rows):
    """y as an array (rows,) of labels: whole numbers or strings, all of one kind.

    Raises ValueError for another shape, NaN, other numbers, and labels that cannot be sorted.

    >>> checked(["a", "b"], 2)
    array(['a', 'b'], dtype='<U1')
    """
    if y is None:
        raise ValueError("this model requires y to be passed, but the target y is None: give the label of each row")
    y = np.asarray(y)
    if y.shape != (rows,):
        hint = " (of one-hot rows take y.argmax(axis=1))" if y.ndim == 2 else ""
        wanted = f"one label for each of the {rows} rows of X, shape ({rows},)"
        raise ValueError(f"y must have {wanted}, got {y.shape}{hint}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError("y must have no NaN and no inf among its labels")
    if y.dtype.kind not in "biufUSO" or (y.dtype.kind == "f" and np.any(y != np.rint(y))):
        got = y[y != np.rint(y)][0] if y.dtype.kind == "f" else f"dtype {y.dtype}"
        raise ValueError(f"y must hold the names of classes, whole numbers or strings, got {got}")
    kinds = sorted({type(label).__name__ for label in y.tolist()})
    if len(kinds) > 1 or kinds == ["NoneType"]:
        raise ValueError(f"y must hold labels of one kind, whole numbers or strings, got {', '.join(kinds)}")
    return np.array(y.tolist()) if y.dtype.kind == "O" else y


def classes_of(y, rows):
    """The sorted classes (C,) in the labels of that many rows, and the index of each row's class (rows,).

    >>> classes_of(["b", "a", "b"], 3)
    (array(['a', 'b'], dtype='<U1'), array([1, 0, 1]))
    """
    return np.unique(checked(y, rows), return_inverse=True)


def frequencies(index, weights=None):
    """How often each class stands among the indices (n,), as shares (C,); weights: of the rows, (n,)."""
    count = np.bincount(index, weights)
    return count / count.sum()


def indices(y, classes):
    """Where the labels y (n,) stand among the `classes` of training, (n,); None for None.

    Raises ValueError for a label that training has not seen, and for any label if classes is None.
    """
    if y is None:
        return None
    if classes is None:
        raise ValueError("this model was fitted without labels: call fit(X, y) to ask for labels")
    y = np.asarray(y)
    known = np.isin(y, classes)
    if not known.all():
        seen = ", ".join(map(str, classes))
        raise ValueError(f"y has the label {y[~known][0]!s}, which training has not seen; it saw {seen}")
    return np.searchsorted(classes, y)


def one_hot(index, classes, dtype=np.float32):
    """Indices 0, ..., classes - 1 (n,) as rows of zeros and one 1, (n, classes).

    >>> one_hot([1, 0], 2)
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    """
    return np.eye(classes, dtype=dtype)[index]


def for_draws(n, y):
    """The labels of n draws, (n,), or None: y is None, one label for all, or n labels (then n may be None).

    >>> for_draws(3, "a"), for_draws(None, [1, 2])
    (array(['a', 'a', 'a'], dtype='<U1'), array([1, 2]))
    """
    if y is None:
        return None
    y = np.asarray(y)
    if y.ndim == 0:
        y = np.full(whole()("n", 1 if n is None else n), y)
    if y.ndim != 1 or not len(y) or (n is not None and len(y) != n):
        wanted = "at least one" if n is None else f"as many as n = {n}"
        raise ValueError(f"y must be one label, or a list of them, {wanted}, got shape {y.shape}")
    return y
