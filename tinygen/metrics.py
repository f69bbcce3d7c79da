"""How good are samples? Distances between samples and data, each with its error and with what real data would score.

A number such as "energy distance .3" or "coverage .93" means nothing alone. So each function here returns a Measured:
the value, its standard error, and the `floor`: the same number for real data in place of the samples. Rows are
examples, (n, D); distances are Euclidean. `other` is a second set of real data, of which the floor is made; if it is
None, the real rows are split at random into two halves.

In all of them: real, fake: (n, D) and (m, D), rows of data and samples. other: (n', D), more real rows, for the floor.
rng: numpy.random.Generator or seed, for random splits. labels: (m,), the class that each sample was asked for.
real_labels: (n,), the classes of the real rows.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Measured:
    """`value` +- `error`, and the `floor` that real data reach.

    >>> print(Measured(0.931, 0.012, 0.967))
    0.931 +- 0.012 (real data: 0.967)
    """

    value: float
    error: float
    floor: float

    def __str__(self):
        return f"{self.value:.3f} +- {self.error:.3f} (real data: {self.floor:.3f})"


def energy_distance(real, fake, *, other=None, rng=0):
    """2 E|X - Y| - E|X - X'| - E|Y - Y'|, X real, Y fake: 0 iff the distributions are equal (Szekely and Rizzo 2013).

    Unbiased (no row is compared with itself), so that near 0 it can be negative; in units of the data.
    """
    real, fake, floor = _sets(real, fake, other, rng)
    value, error = _energy(real, fake)
    return Measured(value, error, _energy(*floor)[0])


def _energy(x, y):
    from scipy.spatial.distance import cdist

    n, m = len(x), len(y)
    xy, xx, yy = cdist(x, y), cdist(x, x).sum(1) / (n - 1), cdist(y, y).sum(1) / (m - 1)
    value = 2 * xy.mean() - xx.mean() - yy.mean()
    # What one row contributes, to first order (Hajek projection): its own mean distances, the last two counted twice.
    by_x, by_y = 2 * (xy.mean(1) - xx), 2 * (xy.mean(0) - yy)
    return float(value), float(np.sqrt(by_x.var(ddof=1) / n + by_y.var(ddof=1) / m))


class Nearest:
    """The k-nearest-neighbour classifier, for want of a better one: `fit(X, y)`, `predict(X)`.

    Rows that tie for the last places share them: what of equal rows comes first in X says nothing.
    """

    def __init__(self, k=5):
        self.k = k

    def fit(self, X, y):
        """Keep the rows X (n, D) and their classes y (n,); returns self."""
        self.X, (self.classes, self.y) = X, np.unique(y, return_inverse=True)
        return self

    def predict(self, X):
        """The class of most of the k nearest rows, for each row of X (m, D); returns (m,)."""
        from scipy.spatial.distance import cdist

        distances, k = cdist(X, self.X), min(self.k, len(self.X))  # (n, N)
        nearer, tied = _around(distances, _smallest(distances, k))
        left = k - nearer.sum(1, keepdims=True)
        votes = nearer + tied * (left / tied.sum(1, keepdims=True))  # they add up to k in each row
        return self.classes[(votes @ (self.y[:, None] == np.arange(len(self.classes)))).argmax(1)]


TIE = 1e-9  # distances that differ by less than this share are equal: sums in another order differ by their rounding


def _around(distances, limit):
    """Which distances (n, N) are less than their row's limit (n, 1), and which equal it: two bool arrays."""
    nearer = distances < limit * (1 - TIE)
    return nearer, ~nearer & (distances <= limit * (1 + TIE))


def _smallest(distances, k):
    """The k-th smallest of each row, (n, 1)."""
    return np.partition(distances, k - 1, axis=1)[:, k - 1, None]


def two_sample_accuracy(real, fake, *, other=None, classifier=None, folds=5, rng=0):
    """How often a classifier that has not seen a row can tell whether it is real: .5 for perfect samples, 1 at worst.

    classifier: anything with `fit(X, y)` and `predict(X)`, such as scikit-learn's; None: `Nearest()`. It is
    cross-validated in `folds` folds, both sets cut to the same size. error: binomial, without what another draw of the
    rows that the classifier learns from would change.
    """
    real, fake, floor = _sets(real, fake, other, rng)
    classifier = Nearest() if classifier is None else classifier
    value, n = _accuracy(real, fake, classifier, folds, rng)
    return Measured(value, math.sqrt(value * (1 - value) / n), _accuracy(*floor, classifier, folds, rng)[0])


def _accuracy(x, y, classifier, folds, rng):
    size = min(len(x), len(y))
    if not 2 <= folds <= size:
        raise ValueError(f"folds must be between 2 and the {size} rows of a set, got {folds}")
    rng = np.random.default_rng(rng)
    rows = np.concatenate([_some(x, size, rng), _some(y, size, rng)])
    labels = np.repeat([0, 1], size)
    fold = np.concatenate([rng.permutation(size) % folds, rng.permutation(size) % folds])
    right = 0
    for f in range(folds):
        test = fold == f
        right += np.sum(classifier.fit(rows[~test], labels[~test]).predict(rows[test]) == labels[test])
    return float(right / len(rows)), len(rows)


@dataclass(frozen=True)
class Fidelity(Measured):
    """A Measured share with its 95 % `interval` (Wilson 1927)."""

    interval: tuple


def fidelity(judge, fake, labels, real, real_labels):
    """The share of samples that a judge puts into the class they were asked for.

    judge: fitted, with `predict`; it must not have been trained on what the model was trained on. labels: what the
    samples `fake` were asked to be. floor: the judge's accuracy on the real rows.
    """
    real = _rows("real", real)
    fake = _rows("fake", fake, real)
    n, share = len(fake), lambda X, y: float(np.mean(judge.predict(X) == _labels(y, X)))
    p, z2 = share(fake, labels), 1.959964**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return Fidelity(p, math.sqrt(p * (1 - p) / n), share(real, real_labels), (centre - half, centre + half))


def variance_ratio(real, real_labels, fake, labels, *, rng=0):
    """Variance within classes, samples over real: 1 if the samples vary as real examples of a class do.

    The variance of a class is the mean squared distance from its mean (n - 1 below it); the ratio is that of the means
    over the classes. floor: the first half of the real rows over the second. Raises ValueError if samples
    and real rows have different classes, or a class has fewer than two rows.
    """
    real = _rows("real", real)
    fake = _rows("fake", fake, real)
    real_labels, labels = _labels(real_labels, real), _labels(labels, fake)
    classes = np.unique(real_labels)
    if not np.array_equal(classes, np.unique(labels)):
        raise ValueError(f"real rows have the classes {classes}, samples {np.unique(labels)}: expected the same")
    value, error = _ratio(fake, labels, real, real_labels, classes)
    half = np.zeros(len(real), bool)
    rng = np.random.default_rng(rng)
    for c in classes:  # half of each class
        members = rng.permutation(np.flatnonzero(real_labels == c))
        half[members[: len(members) // 2]] = True
    return Measured(value, error, _ratio(real[half], real_labels[half], real[~half], real_labels[~half], classes)[0])


def _ratio(x, x_labels, y, y_labels, classes):
    (top, top_error), (low, low_error) = (_within(a, b, classes) for a, b in ((x, x_labels), (y, y_labels)))
    return float(top / low), float(top / low * np.hypot(top_error / top, low_error / low))


def _within(x, labels, classes):
    """Mean over the classes of the variance within, and its standard error."""
    values, errors = [], []
    for c in classes:
        rows = x[labels == c]
        if len(rows) < 2:
            raise ValueError(f"class {c} has {len(rows)} rows: a variance needs at least 2")
        squares = np.sum((rows - rows.mean(0)) ** 2, 1) * len(rows) / (len(rows) - 1)
        values.append(squares.mean())
        errors.append(squares.std(ddof=1) / np.sqrt(len(rows)))
    return np.mean(values), np.sqrt(np.sum(np.square(errors))) / len(classes)


def coverage(real, fake, *, other=None, k=5, rng=0):
    """The share of real rows that have a sample nearer than their k-th real neighbour (Naeem et al. 2020).

    Where distances tie, as they do for bits or whole numbers, a row counts by the probability of having one if the tied
    rows were put into random order. So for equal distributions the n - 1 other real rows and the m samples come in an
    order that says nothing about which is which, ties or none, and the expectation is the chance that the k first are
    not all real:

    E = 1 - prod_{i<k} (n - 1 - i) / (n + m - 1 - i), which is about 1 - 2^-k for m = n.

    error: by leaving out a twentieth of the real rows, and of the samples, at a time (jackknife; on the safe side for a
    share of nearest rows). Raises ValueError if k is below 1 or there are too few rows for it.
    """
    from scipy.spatial.distance import cdist

    real, fake, floor = _sets(real, fake, other, rng)
    if not 1 <= k < min(len(real) - len(real) // 20 - 1, len(floor[0])):
        raise ValueError(f"k must be at least 1 and less than the number of real rows, {len(floor[0])}, got {k}")
    xx, xy = cdist(real, real), cdist(real, fake)
    error = np.hypot(
        _jackknife(lambda keep: _covered(xx[np.ix_(keep, keep)], xy[keep], k), len(real)),
        _jackknife(lambda keep: _covered(xx, xy[:, keep], k), len(fake)),
    )
    return Measured(_covered(xx, xy, k), float(error), _covered(cdist(floor[0], floor[0]), cdist(*floor), k))


def _covered(xx, xy, k):
    """Of distances from each real row to the real rows, of which the nearest is itself, and to the samples.

    With `left` places for the `ties` real rows at the k-th distance and `found` samples just as far, the places all go
    to real rows with probability prod_{i<left} (ties - i) / (ties + found - i).
    """
    limit = _smallest(xx, k + 1)
    (nearer, tied), (before, found) = _around(xx, limit), _around(xy, limit)
    own = limit[:, 0] == 0  # then the row itself is among the ties, else among the nearer
    ties, found, left = tied.sum(1) - own, found.sum(1), k + 1 - own - nearer.sum(1)
    missed = np.ones(len(xx))
    for i in range(k):
        missed *= np.where(i < left, (ties - i) / np.maximum(ties + found - i, 1), 1)
    return float(np.mean(np.where(before.any(1), 1, 1 - missed)))


def _jackknife(value, n, groups=20):
    """The standard error of value(indices of the rows that are kept)."""
    groups = min(groups, n)
    values = [value(np.flatnonzero(np.arange(n) % groups != g)) for g in range(groups)]
    return math.sqrt((groups - 1) * np.var(values))


def copies(train, fake, real, *, quantile=0.01):
    """The share of samples that lie suspiciously near a training row: nearer than `quantile` of new real rows do.

    A model that makes new examples scores about `quantile`, one that repeats its training data near 1. real: rows that
    the model was not trained on. floor: `quantile`, up to ties. train: (N, D), the rows that the model was trained on.
    """
    from scipy.spatial.distance import cdist

    real = _rows("real", real)
    train, fake = _rows("train", train, real), _rows("fake", fake, real)
    nearest = cdist(real, train).min(1)
    limit = np.quantile(nearest, quantile)
    share = float(np.mean(cdist(fake, train).min(1) <= limit))
    return Measured(share, math.sqrt(share * (1 - share) / len(fake)), float(np.mean(nearest <= limit)))


def _sets(real, fake, other, rng):
    """The real rows, the samples, and the two real sets that make the floor."""
    real, fake = _rows("real", real), _rows("fake", fake, real)
    if other is not None:
        return real, fake, (real, _rows("other", other, real))
    order = np.random.default_rng(rng).permutation(len(real))
    return real, fake, (real[order[: len(real) // 2]], real[order[len(real) // 2 :]])


def _some(rows, n, rng):
    return rows if len(rows) == n else rows[rng.permutation(len(rows))[:n]]


def _rows(name, rows, like=None):
    rows = np.asarray(rows, np.float64)
    if rows.ndim != 2 or len(rows) < 4 or not np.isfinite(rows).all():
        raise ValueError(f"{name} must be at least 4 rows of finite numbers, (n, D), got shape {rows.shape}")
    if like is not None and rows.shape[1] != like.shape[1]:
        raise ValueError(f"{name} has {rows.shape[1]} columns, the real rows have {like.shape[1]}")
    return rows


def _labels(labels, rows):
    labels = np.asarray(labels)
    if labels.shape != rows.shape[:1]:
        raise ValueError(f"expected one label for each of {len(rows)} rows, got shape {labels.shape}")
    return labels
