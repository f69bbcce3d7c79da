"""Rows that count more than others: a row of weight 2 is as two equal rows, one of weight 0 as none."""

import numpy as np


def checked(weights, n):
    """Weights of n rows as float64 (n,); a number is the same for all; None for None. ValueError for others.

    weights: None, a number, or (n,).

    >>> checked([1, 0, 2], 3), checked(2.0, 2)
    (array([1., 0., 2.]), array([2., 2.]))
    """
    if weights is None:
        return None
    got = np.asarray(weights)
    if got.ndim == 0:
        got = np.full(n, got)
    if got.dtype.kind not in "biuf" or got.shape != (n,):
        wanted = f"Sample weights must be 1D array or scalar, one for each of {n} rows"
        raise ValueError(f"sample_weight: {wanted}, got {got.dtype} of shape {got.shape}")
    got = got.astype(np.float64)
    if not np.isfinite(got).all() or got.min() < 0 or not got.any():
        what = "all weights zero" if not got.any() else f"{got.min():g} to {got.max():g}"
        raise ValueError(f"sample_weight must be finite, none below 0, some above, got {what}")
    return got


def spread(weights, size, offset):
    """Indices (size,) in rising order in which row i stands size w_i / sum(w) times, rounded up or down.

    It is systematic sampling: for an offset uniform on [0, 1) the number of each row is right in expectation. weights:
    (n,), not all 0.

    >>> spread([1.0, 0.0, 3.0], 4, 0.5)
    array([0, 2, 2, 2])
    """
    ends = np.cumsum(weights) / np.sum(weights)
    places = (np.arange(size) + offset) / size
    return np.minimum(np.searchsorted(ends, places, side="right"), np.max(np.flatnonzero(weights)))
