"""Densities of discrete images that are known exactly: the numbers that a generative model has to beat.

Images are rows of whole numbers 0..levels-1, such as the digits (0..16). Every `log_prob` is an exact log probability,
in nats an image: over all images the probabilities sum to 1. Fitting smooths the counts, since a value that was never
seen would cost infinitely many nats.
"""

import numpy as np


def uniform(X, levels):
    """log p of images under equal probability for each value of each pixel: -D ln(levels). Returns (n,).

    X: (n, D), whole numbers. levels: how many values a pixel has. In nats.

    >>> float(uniform(np.zeros((1, 64), int), 17).round(2)[0])
    -181.33
    """
    X = one_of(X, levels)
    return np.full(len(X), -X.shape[1] * np.log(levels))


class IndependentPixels:
    """Each pixel has its own distribution over the values: counts + `prior`, normalised.

    X: (n, D), the images that are counted. levels: how many values a pixel has.
    """

    def __init__(self, X, levels, *, prior=0.1):
        counts = one_hot(X, levels).sum(0) + prior  # (D, levels)
        self.levels, self.log_p = levels, np.log(counts / counts.sum(-1, keepdims=True))

    def log_prob(self, X):
        """log p(x) of the rows of X (n, D): (n,), nats."""
        X = one_of(X, self.levels, len(self.log_p))
        return self.log_p[np.arange(X.shape[1]), X].sum(-1)


class Mixture:
    """A mixture of `components` products of independent pixels, fitted by expectation maximisation.

    log p(x) = ln sum_k pi_k prod_d p_kd(x_d); each step cannot lower the (smoothed) likelihood, and `trace` has it. X:
    (n, D), the images that it is fitted to. levels: how many values a pixel has. components: K, a number. prior: added
    to the counts. steps: of expectation maximisation. rng: Generator or seed, for the start. Source: Dempster, Laird
    and Rubin 1977; Bishop 2006, section 9.3.3.
    """

    def __init__(self, X, levels, components, *, prior=0.3, steps=60, rng=0):
        rows = one_hot(X, levels)
        n, D = rows.shape[:2]
        rows = rows.reshape(n, -1)
        weights = np.random.default_rng(rng).dirichlet(np.ones(components), n)  # (n, K), whose is each image
        self.levels, self.D, self.trace = levels, D, []
        for _ in range(steps):
            counts = (weights.T @ rows).reshape(components, D, levels) + prior
            self.log_p = np.log(counts / counts.sum(-1, keepdims=True)).reshape(components, -1)
            share = weights.sum(0) + prior
            self.log_pi = np.log(share / share.sum())
            log_joint = rows @ self.log_p.T + self.log_pi
            log_prob = _logsumexp(log_joint)
            self.trace.append(log_prob.sum() + prior * (self.log_p.sum() + self.log_pi.sum()))
            weights = np.exp(log_joint - log_prob[:, None])

    def log_prob(self, X):
        """log p(x) of the rows of X (n, D): (n,), nats."""
        rows = one_hot(one_of(X, self.levels, self.D), self.levels).reshape(len(X), -1)
        return _logsumexp(rows @ self.log_p.T + self.log_pi)


class ChowLiu:
    """The best tree: each pixel depends on one other (Chow and Liu 1968).

    log p(x) = log p(x_root) + sum_edges log p(x_child | x_parent)

    The edges are the spanning tree with the largest sum of mutual information. A conditional distribution is the counts
    plus `prior` times the marginal of the child, so that a rare parent value falls back on the marginal; the marginal
    is that of `IndependentPixels`. X: (n, D), the images that are counted. levels: how many values a pixel has.
    """

    def __init__(self, X, levels, *, prior=20.0):
        from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

        rows = one_hot(X, levels)
        n, D = rows.shape[:2]
        flat = rows.reshape(n, -1)
        joint = (flat.T @ flat).reshape(D, levels, D, levels).transpose(0, 2, 1, 3)  # (D, D, levels, levels)
        tree = minimum_spanning_tree(-1 - self._information(joint / n))  # 0 would count as no edge
        order, parents = breadth_first_order(tree, 0, directed=False)
        self.levels, self.order, self.parents = levels, order, parents
        marginal = np.exp(IndependentPixels(X, levels).log_p)
        self.log_p = np.empty((D, levels, levels))  # of the child (rows: the parent's value)
        self.log_p[order[0]] = np.log(marginal[order[0]])
        for child in order[1:]:
            counts = joint[parents[child], child] + prior * marginal[child]
            self.log_p[child] = np.log(counts / counts.sum(-1, keepdims=True))

    @staticmethod
    def _information(p):
        """Mutual information of all pairs of pixels, (D, D), from their joint distributions (D, D, levels, levels)."""
        plogp = lambda q: q * np.log(np.where(q > 0, q, 1))
        return (plogp(p).sum((2, 3)) - plogp(p.sum(3)).sum(2) - plogp(p.sum(2)).sum(2)).clip(0)

    def log_prob(self, X):
        """log p(x) of the rows of X (n, D): (n,), nats."""
        X = one_of(X, self.levels, len(self.log_p))
        parents = np.where(self.parents < 0, 0, self.parents)  # the root's table is the same for every value
        return self.log_p[np.arange(X.shape[1]), X[:, parents], X].sum(-1)


def one_of(X, levels, D=None):
    """X as an integer array (n, D), after a check that its values are whole numbers 0..levels-1. Raises ValueError if
    not.
    """
    X = np.asarray(X)
    if X.ndim != 2 or (D is not None and X.shape[1] != D):
        raise ValueError(f"X must have shape (n, {D or 'D'}), got {X.shape}")
    if X.dtype.kind not in "fiub" or not (np.isin(X, np.arange(levels))).all():
        raise ValueError(f"X must hold whole numbers 0..{levels - 1}, got {X.dtype} from {X.min()} to {X.max()}")
    return X.astype(int)


def one_hot(X, levels):
    """Images (n, D) of whole numbers as rows of zeros and one 1, float64 (n, D, levels).

    X: (n, D). Raises ValueError as `one_of` does.
    """
    return (one_of(X, levels)[..., None] == np.arange(levels)).astype(float)


def _logsumexp(a):
    top = a.max(-1)
    return top + np.log(np.exp(a - top[:, None]).sum(-1))
