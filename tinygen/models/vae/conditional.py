"""The conditional VAE: a label goes into encoder and decoder, and if wanted into the prior.

log p(x|c) >= E_q(z|x,c) log p(x|z,c) - KL(q(z|x,c) || p(z|c))      (Kingma et al. 2014; Sohn et al. 2015)
"""

import numpy as np

from tinygen.models import labels, options
from tinygen.models.vae.estimator import VAE
from tinygen.models.vae.sampling import count


class ConditionalVAE(VAE):
    """A VAE that is given the class of each row: everything it computes is conditional on it.

    >>> X, y = np.random.default_rng(0).random((200, 5)).round(), np.arange(200) % 3
    >>> model = ConditionalVAE(latents=2, hidden=(16,), max_steps=50, random_state=0).fit(X, y)
    >>> model.sample(4, [0, 0, 1, 2]).shape, model.transform(X, y).shape
    ((4, 5), (200, 2))

    `score_samples(X, y)` is a lower bound on log p(x|y) of each row in nats, of what the table of VAE says.
    learned_prior: how many Gaussians the learned p(z|c) of each class is made of: 1 is N(mean_c, exp(logvar_c)), more
    are a mixture (whose KL is estimated at the draw); 0 is N(0, I). The other arguments are those of VAE.

    Labels `y` are an array (n,) of anything that can be sorted; `classes_` are those that `fit` has seen. Methods that
    look at rows or latents need the labels too, so that inside a Pipeline only `fit`, `score` and `sample` are of use.
    """

    OPTIONS = VAE.OPTIONS | {"learned_prior": options.whole(least=0)}

    def __init__(self, latents=8, *, learned_prior=0, hidden=(200,), activation="tanh", decoder="auto", scaling="auto",
                 posterior="diagonal", prior="auto", beta=1.0, warmup=0, free_bits=0.0, objective="elbo", draws=1,
                 max_steps=5000, epochs=None, validation_fraction=0.1, patience=20, batch_size=100,
                 learning_rate=2e-3, cosine_decay=False, ema=0.99, dtype="float32", weight_decay="auto", bound="auto",
                 score_draws=None, random_state=None, progress=True, verbose=0, callback=None, checkpoint=None,
                 compile=True):  # fmt: skip
        self._store(locals())

    def _fit(self, X, y, before=None):
        if before is None:
            self.classes_, index = labels.classes_of(y, len(X))
            self.frequencies_ = labels.frequencies(index, self._weights)
        else:
            self.classes_, self.frequencies_ = before.classes_, before.frequencies_
        super()._fit(X, y, before, classes=len(self.classes_), learned_prior=self.learned_prior)

    def _check_options(self):
        super()._check_options()
        if self.learned_prior and self.prior == "flow":
            text = "learned_prior is how many Gaussians p(z|y) is made of, and prior='flow' another p(z): give one"
            raise ValueError(f"{text}, got learned_prior={self.learned_prior} and prior={self.prior!r}")
        if self.learned_prior > 1 and self.free_bits:
            raise ValueError("free_bits needs the KL of each latent, which a mixture (learned_prior > 1) does not have")

    def _condition(self, y, X):
        """The labels of the rows, one-hot, (n, classes)."""
        index = labels.indices(labels.checked(y, len(X)), self.classes_)
        return labels.one_hot(index, len(self.classes_), self.dtype)

    def report(self, X, y=None, *, draws=1000):
        """Both bounds on the rows of X given their labels, as in `VAE.report`.

        draws: of z for each row.
        """
        X = self._check_rows(X)
        return self._report(X, self._condition(y, X), draws)

    def diagnose(self, X, y=None):
        """Diagnosis of the model on the rows of X given their labels, as in `VAE.diagnose`."""
        X = self._check_rows(X)
        return self._diagnose(X, self._condition(y, X))

    def transform(self, X, y=None):
        """The mean of q(z|x, y) for each row, (n, latents)."""
        rows = self._check_rows(X)
        return self._output(self._encode(rows, self._condition(y, rows)), X)

    def fit_transform(self, X, y=None, sample_weight=None):
        """`fit(X, y)`, then `transform(X, y)`."""
        return self.fit(X, y, sample_weight).transform(X, y)

    def inverse_transform(self, Z, y=None):
        """E[x|z, y] for each row of latents, (n, D).

        Z: (n, k).
        """
        Z = self._check_latents(Z)
        return self._decode(Z, self._condition(y, Z))

    decode = inverse_transform

    def interpolate(self, x0, x1, n=8, y=None):
        """E[x|z, y] along the line between the codes of two rows, as in `VAE.interpolate`; y: a label for each end.

        Where the labels differ, the label's one-hot row is interpolated too. x0, x1: rows, (D,).
        """
        ends = self._check_rows(np.stack([np.asarray(x0), np.asarray(x1)]))
        c = self._condition(y, ends)
        Z = self._encode(ends, c)
        share = np.linspace(0, 1, options.whole(least=2)("n", n), dtype=self.dtype)[:, None]
        return self._decode((1 - share) * Z[0] + share * Z[1], (1 - share) * c[0] + share * c[1])

    def sample(self, n=None, y=None, *, noise=None, observation_noise=None, random_state=None):
        """Draws of x from the model, (n, D), as in `VAE.sample`.

        y: one label for all n, or n labels (then n may be left out); None: labels drawn as often as in training. noise,
        observation_noise: as in `VAE.sample`.
        """
        self._check_fitted()
        rng = self._sampling(random_state)
        if noise is not None:
            n = count(n, noise)
        if y is None:
            y = rng.choice(self.classes_, options.whole()("n", 1 if n is None else n), p=self.frequencies_)
        y = labels.for_draws(n, y)
        c = labels.one_hot(labels.indices(y, self.classes_), len(self.classes_), self.dtype)
        return self._sample(len(y), c, rng, noise, observation_noise)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
