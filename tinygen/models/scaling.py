"""Columns as a net likes them: centred, of unit variance, and if wanted uncorrelated; the density's factor with it.

The factor of the density is the change of variables, |det du/dx| (Prince, chapter 16).
"""

from dataclasses import dataclass

import numpy as np

FOLDS = 5
SHRINK = np.concatenate([[0.0], np.geomspace(1e-6, 1.0, 25)])


@dataclass
class Scaling:
    """u = ((x - mean)/scale)[varies] @ rotate, and log p(x) = log p(u) + log_det, all in float64.

    Columns that are constant in training have no part in u: `back` gives their one value again, and a row with another
    one has probability 0. `rotate` (d, d) is None unless the columns are whitened; log_det is the log of |det du/dx|.
    """

    kind: str
    mean: np.ndarray  # (D,)
    scale: np.ndarray  # (D,), 1 for constant columns
    varies: np.ndarray  # (D,), bool: d columns vary
    rotate: np.ndarray | None  # (d, d)
    rotate_back: np.ndarray | None

    @property
    def dims(self):
        """d, the number of entries of u."""
        return int(self.varies.sum())

    @property
    def log_det(self):
        """log |det du/dx|, to be added to log p(u)."""
        if self.kind in ("grid", "shared"):
            return 0.0
        rotated = 0.0 if self.rotate is None else np.linalg.slogdet(self.rotate)[1]
        return float(rotated - np.sum(np.log(self.scale[self.varies])))

    def to(self, X):
        """u of the rows X, (n, D) -> (n, d), float64."""
        u = ((np.asarray(X, np.float64) - self.mean) / self.scale)[:, self.varies]
        return u if self.rotate is None else u @ self.rotate

    def to_net(self, X, dtype):
        """u of the rows X in the dtype of a net, (n, d). Raises ValueError for values that are too large for it."""
        with np.errstate(over="ignore"):
            u = self.to(X).astype(dtype)
        if not np.isfinite(u).all():
            raise ValueError(f"X has values up to {np.abs(X).max():g}, too large for {dtype} as scaled by those of fit")
        return u

    def projection(self, known):
        """The orthogonal projection, (d, d), of rotated u on what a row's entries `known`, bool (d,), say of it."""
        axes, _ = np.linalg.qr(self.rotate_back[:, known])  # x = u @ rotate_back, entry by entry
        return axes @ axes.T

    def variances_to(self, v):
        """Of u, (d,), if the columns' entries vary by v (D,), independently of each other."""
        v = (v / self.scale**2)[self.varies]
        return v if self.rotate is None else v @ self.rotate**2

    def key(self, X):
        """Numbers by which the rows X are told apart, (n, d), that units and constant columns do not change.

        They are made of each entry alone, so that a row has the same ones among any others, and where the units are
        the model's to choose they are rounded, so that another unit's last digits change them hardly ever.
        """
        u = ((np.asarray(X, np.float64) - self.mean) / self.scale)[:, self.varies]
        return u if self.kind == "none" else np.rint(u * 2**14)

    def back(self, u):
        """x of the rows u, (n, d) -> (n, D), float64."""
        u = np.asarray(u, np.float64)
        X = np.repeat(self.mean[None], len(u), axis=0)
        X[:, self.varies] += (u if self.rotate is None else u @ self.rotate_back) * self.scale[self.varies]
        return np.rint(X) if self.kind == "grid" else X

    def impossible(self, X):
        """Which rows have another value in a column that was constant in training, (n,) of bool.

        X: (n, D).
        """
        return np.any(np.asarray(X, np.float64)[:, ~self.varies] != self.mean[~self.varies], axis=1)

    def state(self):
        """In plain values, for a file: Scaling(**state)."""
        return dict(vars(self))


def fit(X, kind, weights=None):
    """The Scaling of the rows X (n, D), of weights (n,), or all alike.

    kind: "columns": each to mean 0 and variance 1; "whiten": then to uncorrelated directions, principal components of
    unit variance, the first with the largest share; "one": one mean and one scale for all columns; "none": as they are.
    Raises ValueError if no column varies.

    >>> X = np.array([[1.0, 7.0, 10.0], [2.0, 7.0, 40.0], [3.0, 7.0, 20.0]])
    >>> scaling = fit(X, "columns")
    >>> scaling.dims, bool(np.allclose(scaling.back(scaling.to(X)), X)), scaling.to(X).std(axis=0).round(6)
    (2, True, array([1., 1.]))
    """
    X = np.asarray(X, np.float64)
    if kind == "none":
        return Scaling(kind, np.zeros(X.shape[1]), np.ones(X.shape[1]), np.ones(X.shape[1], bool), None, None)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        mean = np.average(X, axis=0, weights=weights)
        scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weights))
        varies = X.max(axis=0) > X.min(axis=0)
        fine = np.isfinite(scale) & (scale > 1e-150) | ~varies
    if not fine.all():
        j = int(np.argmin(fine))
        said = f"has values up to {np.abs(X[:, j]).max():g}: their squares overflow"
        if np.isfinite(scale[j]):
            said = f"has values that differ by at most {np.ptp(X[:, j]):g}: the squares are 0 in float64"
        raise ValueError(f"column {j} {said}; rescale it")
    _check_varies(X)
    mean[~varies], scale[~varies] = X[0, ~varies], 1.0
    if kind == "one":
        scale[varies] = np.sqrt(np.mean(scale[varies] ** 2))
    scaling = Scaling(kind, mean, scale, varies, None, None)
    if kind == "whiten":
        u = scaling.to(X)
        variance, directions = np.linalg.eigh(_covariance(u, weights))
        variance, directions = np.maximum(variance[::-1], 0), directions[:, ::-1]
        share = shrinkage(u, weights)
        std = np.sqrt((1 - share) * variance + share)
        scaling.rotate, scaling.rotate_back = directions / std, (directions * std).T
    return scaling


def _check_varies(X):
    if np.all(X == X[0]):
        raise ValueError(f"no column of X varies (n_samples={len(X)}): there is no density to learn")


def grid(X, levels):
    """The Scaling of whole numbers low, ..., low + levels - 1 to 0, 1/(levels - 1), ..., 1, the same for all columns.

    It is a change of names of the values, not of a density: log_det is 0. X: (n, D). levels: how many values there are.

    >>> grid(np.array([[1.0, 5.0]]), 5).to(np.array([[1.0, 2.0]]))
    array([[0.  , 0.25]])
    """
    D = X.shape[1]
    low, width = np.full(D, np.min(X).astype(np.float64)), np.full(D, float(levels - 1))
    return Scaling("grid", low, width, np.ones(D, bool), None, None)


def shared(X):
    """The Scaling by one mean and one scale for all columns, constant ones too: for values on a grid.

    X: (n, D), floats. Raises ValueError if no column varies.
    """
    _check_varies(X)
    D, std = X.shape[1], float(np.std(X, dtype=np.float64)) or 1.0
    mean = np.full(D, np.mean(X, dtype=np.float64))
    return Scaling("shared", mean, np.full(D, std), np.ones(D, bool), None, None)


def find_grid(X, most=32):
    """(low, step, levels) of the one grid on which all values of the rows X lie, or None: of more than `most` levels.

    >>> find_grid(np.array([[0.0, 0.75], [0.25, 1.0]])), find_grid(np.array([[0.1, 0.25, 7.0]]))
    ((0.0, 0.25, 5), None)
    """
    values = np.unique(X[: 10 * most].astype(np.float64))
    if len(values) > most or (len(X) > 10 * most and len(values := np.unique(X.astype(np.float64))) > most):
        return None
    if len(values) < 2:
        return None
    step = np.diff(values).min()
    index = (values - values[0]) / step
    levels = int(np.rint(index[-1])) + 1
    if levels > most or np.abs(index - np.rint(index)).max() > 1e-3:
        return None
    step = (values[-1] - values[0]) / (levels - 1)
    return float(values[0]), float(step), levels


def rounding(X):
    """The variance that rounding has hidden in each column of the rows X (n, D): h^2/12, that of a uniform one half a
    step h to either side; (D,).

    h is the least difference of two values of a column in which some value stands twice; 0 where none does.

    >>> rounding(np.array([[1.0, 0.1], [4.0, 0.7], [4.0, 0.2]]))
    array([0.75, 0.  ])
    """
    steps = [np.diff(values).min() if 1 < len(values) < len(X) else 0.0 for values in map(np.unique, X.T)]
    return np.array(steps, np.float64) ** 2 / 12


def check_grid(X, low, step, levels):
    """ValueError if a value of X is not on the grid low, low + step, ..., of so many levels.

    X: (n, D). low: a number, the least value. step: between neighbours.
    """
    index = (np.asarray(X, np.float64) - low) / step
    if index.min() < -1e-3 or index.max() > levels - 1 + 1e-3 or np.abs(index - np.rint(index)).max() > 1e-3:
        raise ValueError(
            f"this model is of {levels} values from {low:g} to {low + step * (levels - 1):g} in steps of {step:g}, as "
            f"it found them in training, got others between {np.min(X):g} and {np.max(X):g}: give levels=None to fit "
            "real values"
        )


def piled_range(X):
    """(least, greatest) value of the rows X if the data pile up there, as pixels do; else None.

    A continuous law meets its extremes once; here 2 % of all entries must be one of the two.
    """
    low, high = float(np.min(X)), float(np.max(X))
    return (low, high) if low < high and np.mean((X == low) | (X == high)) > max(0.02, 10 / X.size) else None


def _covariance(u, weights):
    """Of centred rows u (n, d), of weights (n,), or all alike."""
    return u.T @ u / len(u) if weights is None else (u * (weights / weights.sum())[:, None]).T @ u


def shrinkage(u, weights=None):
    """How far the covariance of the standardised rows u (n, d) is drawn towards the identity: a share between 0 and 1.

    The one of SHRINK under which rows that were left out are likeliest, by cross-validation in FOLDS folds. With few
    rows for many columns the covariance of the rows is not of full rank, and its density is none. weights: (n,), of the
    rows, or None.
    """
    n, d = u.shape
    if d == 1:
        return 0.0
    if n < 2 * FOLDS:
        return 1.0
    fold, total = np.random.default_rng(0).permutation(n) % FOLDS, np.zeros(len(SHRINK))
    for f in range(FOLDS):
        train, test = u[fold != f], u[fold == f]
        known, asked = (None, np.ones(len(test))) if weights is None else (weights[fold != f], weights[fold == f])
        mean = np.average(train, axis=0, weights=known)
        variance, directions = np.linalg.eigh(_covariance(train - mean, known))
        squares = asked @ ((test - mean) @ directions) ** 2  # (d,)
        for i, share in enumerate(SHRINK):
            shrunk = np.maximum((1 - share) * np.maximum(variance, 0) + share, 1e-12)
            total[i] -= 0.5 * np.sum(squares / shrunk + asked.sum() * np.log(shrunk))
    return float(max(SHRINK[np.argmax(total)], 1e-10))
