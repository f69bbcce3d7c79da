"""The conditional VAE: a label goes into encoder and decoder, and if wanted into the prior.

log p(x|c) >= E_q(z|x,c) log p(x|z,c) - KL(q(z|x,c) || p(z|c))      (Kingma et al. 2014; Sohn et al. 2015)
"""

import numpy as np

from tinygen.models import base
from tinygen.models.vae.estimator import VAE


class ConditionalVAE(VAE):
    """A VAE that is given the class of each row: everything it computes is conditional on it.

    learned_prior: how many Gaussians the learned p(z|c) of each class is made of: 1 is N(mean_c, exp(logvar_c)), more
    are a mixture (whose KL is estimated at the draw); 0 is N(0, I). The other arguments are those of VAE.

    Labels `y` are an array (n,) of anything that can be sorted; `classes_` are those that `fit` has seen. Methods that
    look at rows or latents need the labels too, so that inside a Pipeline only `fit`, `score` and `sample` are of use.

    >>> X, y = np.random.default_rng(0).random((200, 5)).round(), np.arange(200) % 3
    >>> model = ConditionalVAE(latents=2, hidden=(16,), epochs=5, random_state=0).fit(X, y)
    >>> model.sample(4, [0, 0, 1, 2]).shape, model.transform(X, y).shape
    ((4, 5), (200, 2))
    """

    def __init__(self, latents=8, *, learned_prior=0, hidden=(200,), activation="tanh", decoder="bernoulli",
                 posterior="diagonal", beta=1.0, warmup=0, free_bits=0.0, objective="elbo", draws=1, epochs=150,
                 batch_size=100, learning_rate=2e-3, fade=False, dtype="float32", bound="elbo", score_draws=32,
                 random_state=None, progress=True, checkpoint=None, compile=True):  # fmt: skip
        given = locals()
        for name in self._defaults():
            setattr(self, name, given[name])

    def fit(self, X, y=None):
        """Train on the rows of X, shape (n, D), with their labels y, shape (n,), and return self."""
        components = base.whole("learned_prior", self.learned_prior, least=0)
        if components > 1 and self.free_bits:
            raise ValueError("free_bits needs the KL of each latent, which a mixture (learned_prior > 1) does not have")
        X = base.rows(X, name=type(self).__name__)
        y = base.labels(y, X)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        self.frequencies_ = np.bincount(numbers) / len(numbers)
        return self._fit(X, self._one_hot(y), classes=len(self.classes_), learned_prior=components)

    def score_samples(self, X, y=None):
        """A lower bound on log p(x|y) of each row in nats, (n,): the one that `bound_` names, whatever beta was."""
        X = self._check_rows(X)
        return self._score(X, self._one_hot(base.labels(y, X)))

    def score(self, X, y=None):
        """Mean of `score_samples(X, y)`, nats a row; higher is better."""
        return float(np.mean(self.score_samples(X, y)))

    def report(self, X, y=None, *, draws=1000):
        """Both bounds on the rows of X given their labels, as in `VAE.report`."""
        X = self._check_rows(X)
        return self._report(X, self._one_hot(base.labels(y, X)), draws)

    def diagnose(self, X, y=None):
        """Diagnosis of the model on the rows of X given their labels, as in `VAE.diagnose`."""
        X = self._check_rows(X)
        return self._diagnose(X, self._one_hot(base.labels(y, X)))

    def transform(self, X, y=None):
        """The mean of q(z|x, y) for each row, (n, latents)."""
        X = self._check_rows(X)
        return self._by_rows(self._code, X, self._one_hot(base.labels(y, X)))

    def fit_transform(self, X, y=None):
        """`fit(X, y)`, then `transform(X, y)`."""
        return self.fit(X, y).transform(X, y)

    def inverse_transform(self, Z, y=None):
        """E[x|z, y] for each row of latents, (n, D)."""
        Z = self._check_latents(Z)
        return self._by_rows(self._mean_image, Z, self._one_hot(base.labels(y, Z)))

    def sample(self, n=None, y=None, *, random_state=None):
        """Draws of x from the model, (n, D), noise included.

        y: one label for all n, or n labels (then n may be left out); None: labels drawn as often as in training.
        """
        self._check_fitted()
        rng = self._sampling(random_state)
        if y is None:
            y = rng.choice(self.classes_, base.whole("n", 1 if n is None else n), p=self.frequencies_)
        y = np.asarray(y)
        if y.ndim == 0:
            y = np.full(base.whole("n", 1 if n is None else n), y)
        if y.ndim != 1 or not len(y) or (n is not None and len(y) != n):
            wanted = "at least one" if n is None else f"as many as n = {n}"
            raise ValueError(f"y must be one label, or a list of them, {wanted}, got shape {y.shape}")
        return self._sample(len(y), self._one_hot(y), rng)

    def _one_hot(self, y):
        """Labels as rows of zeros and one 1, (n, classes)."""
        known = np.isin(y, self.classes_)
        if not known.all():
            wrong, known = np.asarray(y)[~known][0], ", ".join(map(str, self.classes_))
            raise ValueError(f"y has the label {wrong!s}, which training has not seen; it saw {known}")
        return (np.asarray(y)[:, None] == self.classes_).astype(self.dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
