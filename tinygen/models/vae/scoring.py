"""What a fitted VAE says of rows: bounds on their log probability, where it loses nats, and their codes."""

import functools

import numpy as np

from tinygen.models import options, randomness
from tinygen.models.vae import bounds, one_page
from tinygen.models.vae.diagnose import diagnose


class Scoring:
    """The part of `VAE` that looks at rows."""

    # ---- likelihood ----

    def score_samples(self, X, y=None, *, return_error=False):
        """A lower bound on log p(x) of each row in nats, (n,): the one that `bound_` names, whatever beta was.

        "elbo": the mean over `score_draws` draws of z, the KL term exact where `posterior` has it so.
        "iwae-K": ln of the mean of K importance weights. The noise of a row depends on `random_state` and on the row's
        values only, so that a row scores the same alone and among others. y: not looked at.
        return_error: also return the standard error of each row's number, from the spread over its draws, (n,). X: (n,
        D).
        """
        X = self._check_rows(X)
        return self._score(X, self._condition(y, X), return_error)

    def _condition(self, y, X):
        """What the nets are given beside the rows: nothing; a ConditionalVAE: the labels."""
        return None

    def _which_bound(self):
        """The name of the bound that is asked for, and its draws of z for each row."""
        which = self.bound if self.bound != "auto" else "iwae" if self._varies() else "elbo"
        return which, self.score_draws or {"elbo": 8, "iwae": 64}[which]

    def _score(self, X, c, return_error=False):
        found = self._bound(X, c, *self._which_bound())
        return (found[:, 0], found[:, 1]) if return_error else found[:, 0]

    def _bound(self, X, c, which, draws):
        """The bound and its standard error for each row, (n, 2), float64, in the data's units."""
        terms = functools.partial(_iwae if which == "iwae" else _elbo, nets=self._nets())
        shape, key = (draws, self.latents), self.scaling_.key(X)
        noise = lambda rows: randomness.row_normals(self.seed_, key[rows], shape, dtype=self.dtype).swapaxes(0, 1)
        found = self._by_rows(terms, self._to_net(X), c, noise=noise, draws=draws).astype(np.float64)
        found[:, 0] += self.scaling_.log_det
        found[self.scaling_.impossible(X), 0] = -np.inf
        return found

    def report(self, X, *, draws=1000):
        """Both bounds on the rows of X with their standard errors over the rows, in nats and in bits a dimension.

        Returns {"elbo": (mean, error), "iwae": ..., "elbo bits/dim": ..., "iwae bits/dim": ..., "K": draws, "rows": n}.
        Nats of two models on the same rows are compared by the paired difference of their `score_samples`. Bits a
        dimension mean something for discrete data, and for real data up to the unit in which it is measured.
        """
        return self._report(self._check_rows(X), None, draws)

    def _report(self, X, c, draws):
        options.whole()("draws", draws)
        out, bits = {}, 1 / (X.shape[1] * np.log(2))
        for name in ("elbo", "iwae"):
            nats = self._bound(X, c, name, draws)[:, 0]
            value, error = float(nats.mean()), float(nats.std() / np.sqrt(len(nats)))
            out[name], out[f"{name} bits/dim"] = (value, error), (float(-value * bits), float(error * bits))
        return {**out, "K": draws, "rows": len(X)}

    def diagnose(self, X):
        """Which latents are in use, what they carry and where the bound loses nats, on the rows of X: a Diagnosis.

        print(model.diagnose(X)) says it in words.
        """
        return self._diagnose(self._check_rows(X), None)

    def _diagnose(self, X, c):
        rng, beta = randomness.stream(self.seed_, "diagnosis"), float(self._fitted_with["beta"])
        return diagnose(self.params_, self._to_net(X), c, **self._nets(), beta=beta, rng=rng)

    # ---- latents ----

    def transform(self, X):
        """The mean of q(z|x) for each row, (n, latents).

        X: (n, D).
        """
        return self._output(self._encode(self._check_rows(X), None), X)

    def _encode(self, X, c):
        return self._by_rows(functools.partial(_code, nets=self._nets()), self._to_net(X), c)

    def fit_transform(self, X, y=None, sample_weight=None):
        """`fit(X)`, then `transform(X)`.

        X: (n, D). y: not looked at. sample_weight: (n,), or None.
        """
        return self.fit(X, y, sample_weight).transform(X)


# ---- of a block of rows, in pure functions ----


def _elbo(params, x, eps, c, *, nets):
    terms = one_page.elbo_terms(params, x, eps, c, **nets)
    each = terms["reconstruction"] - terms["kl"]  # (S, n)
    return np.stack([np.mean(each, axis=0), _error(each)], axis=1)


def _iwae(params, x, eps, c, *, nets):
    log_w = bounds.log_weights(params, x, eps, c, **nets)  # (K, n)
    w = np.exp(log_w - np.max(log_w, axis=0))
    return np.stack([bounds.iwae(log_w), _error(w) / np.mean(w, axis=0)], axis=1)


def _error(each):
    """The standard error of the mean over the first axis; nan for one draw."""
    K = len(each)
    squares = np.sum((each - np.mean(each, axis=0)) ** 2, axis=0)
    return np.sqrt(squares) * (1 / np.sqrt(K * (K - 1.0)) if K > 1 else np.nan)


def _code(params, x, eps, c, *, nets):
    family = nets["posterior"]
    return family.mean(one_page.encode(params, x, c, posterior=family, activation=nets["activation"]))
