"""The variational autoencoder as an estimator.

z ~ N(0, I_k),  x | z ~ p(x|f(z, phi)),  q(z|x) = N(mean, exp(logvar)) with mean, logvar = g(x, theta)

log p(x) >= E_q log p(x|z) - KL(q(z|x) || N(0, I))      (the notes, chapter 17; Kingma and Welling 2014)

The functions it is made of are plain functions of arrays, in autoencoder.py (`init`, `encode`, `decode`) and bounds.py
(`elbo_terms`, `loss`); they are at hand here too.
"""

import functools
import hashlib

import numpy as np

from tinygen.models import base, bounds, decoders
from tinygen.models.autoencoder import decode, encode, init
from tinygen.models.bounds import elbo_terms, loss
from tinygen.nn import checkpoint, train
from tinygen.nn.optim import Adam

__all__ = ["VAE", "decode", "elbo_terms", "encode", "init", "loss"]

START, TRAINING, SCORE, SAMPLE = range(4)  # one stream of random numbers for each, so that none disturbs another
ROWS = 512  # how many rows are encoded or scored at once


class VAE(base.Estimator):
    """A variational autoencoder with fully connected nets, trained by Adam.

    latents: k, the size of z. hidden: sizes of the encoder's hidden layers; the decoder has the same in reverse order.
    decoder: "bernoulli" (data between 0 and 1), "gaussian" (one learned variance), or an instance such as
    Gaussian(var=0.1). beta: weight of the KL term in training. epochs, batch_size, learning_rate: of training.
    score_draws: draws of z for each row in `score_samples`. activation: between the layers. dtype: of the parameters.
    random_state: None, an integer or a Generator; with an integer everything is reproducible to the bit.
    progress: show a bar. checkpoint: file to save training to, and to continue from if it is there.

    Fitted: `params_` (tree of arrays), `history_` ({"loss", "reconstruction", "kl", "seconds"}, one value a step),
    `bound_` (what `score_samples` is), `seed_`, `n_features_in_`.

    >>> X = np.random.default_rng(0).random((200, 5)).round()
    >>> model = VAE(latents=2, hidden=(16,), epochs=5, random_state=0).fit(X)
    >>> model.transform(X).shape, model.sample(3).shape, model.bound_
    ((200, 2), (3, 5), 'elbo')
    """

    def __init__(self, latents=8, *, hidden=(200,), decoder="bernoulli", beta=1.0, epochs=150, batch_size=100,
                 learning_rate=2e-3, score_draws=32, activation="tanh", dtype="float32", random_state=None,
                 progress=True, checkpoint=None):  # fmt: skip
        self.latents = latents
        self.hidden = hidden
        self.decoder = decoder
        self.beta = beta
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.score_draws = score_draws
        self.activation = activation
        self.dtype = dtype
        self.random_state = random_state
        self.progress = progress
        self.checkpoint = checkpoint

    def fit(self, X, y=None):
        """Train on the rows of X, shape (n, D), and return self. y is not looked at."""
        self._check_options()
        X = self._as_data(base.rows(X, name=type(self).__name__))
        seed = base.seed(self.random_state)
        k, nets = self.latents, self._nets()
        start = init(np.random.default_rng([seed, START]), X.shape[1], k, hidden=self.hidden,
                     decoder=nets["decoder"], dtype=X.dtype)  # fmt: skip
        params, history = train.fit(
            lambda params, x, eps: bounds.loss(params, x, eps, beta=float(self.beta), **nets),
            start,
            X,
            rng=np.random.default_rng([seed, TRAINING]),
            epochs=self.epochs,
            batch_size=self.batch_size,
            noise=lambda rng, x: rng.standard_normal((len(x), k), x.dtype),
            optimiser=functools.partial(Adam, rate=self.learning_rate),
            checkpoint=self.checkpoint,
            progress=self.progress,
        )
        self.params_, self.history_, self.seed_ = params, history, seed
        self.bound_, self.n_features_in_ = "elbo", X.shape[1]
        return self

    def score_samples(self, X):
        """The evidence lower bound of each row in nats, (n,), a bound on log p(x) from below whatever beta was.

        The KL term is exact, the reconstruction term a mean over `score_draws` draws of z. The noise of a row depends
        on `random_state` and on the row's values only, so that a row scores the same alone and among others.
        """
        return self._by_rows(self._elbo, self._check_rows(X))

    def transform(self, X):
        """The mean of q(z|x) for each row, (n, latents)."""
        return self._by_rows(lambda x: encode(self.params_, x, activation=self.activation)[0], self._check_rows(X))

    def fit_transform(self, X, y=None):
        """`fit(X)`, then `transform(X)`."""
        return self.fit(X).transform(X)

    def inverse_transform(self, Z):
        """E[x|z] for each row of latents, (n, D): what the decoder makes of them, before noise."""
        self._check_fitted()
        Z = base.rows(Z, features=self.latents, name=type(self).__name__).astype(self.dtype)
        likelihood = self._nets()["decoder"]
        return self._by_rows(lambda z: likelihood.mean(self.params_["likelihood"], self._decode(z)), Z)

    def sample(self, n=1, y=None, *, random_state=None):
        """n draws of x from the model, (n, D): z from the prior, then x from p(x|z), noise included.

        For the images without the noise: `inverse_transform(rng.standard_normal((n, latents)))`. Without a random_state
        it is the model's own, and two calls give the same draws.
        """
        self._check_fitted()
        if not isinstance(n, (int, np.integer)) or n < 1:
            raise ValueError(f"n must be a whole number of draws, at least 1, got {n!r}")
        seed = self.seed_ if random_state is None else base.seed(random_state)
        rng = np.random.default_rng([seed, SAMPLE])
        z = rng.standard_normal((n, self.latents)).astype(self.dtype)
        return self._nets()["decoder"].sample(self.params_["likelihood"], self._decode(z), rng)

    def save(self, path):
        """Write the fitted model to the file `path` (.npz); `VAE.load(path)` gives it back."""
        self._check_fitted()
        options = {**self.get_params(), "decoder": decoders.describe(self.decoder), "checkpoint": None}
        if isinstance(self.random_state, np.random.Generator):
            options["random_state"] = None
        state = {"options": options, "params": self.params_, "history": self.history_, "seed": self.seed_,
                 "features": self.n_features_in_, "bound": self.bound_}  # fmt: skip
        checkpoint.save(path, state, meta={"model": type(self).__name__})

    @classmethod
    def load(cls, path):
        """The model that `save` wrote. Raises checkpoint.CheckpointError if the file is something else."""
        state, meta = checkpoint.load(path)
        if not isinstance(meta, dict) or meta.get("model") != cls.__name__:
            raise checkpoint.CheckpointError(f"{path} is a checkpoint, but not of a {cls.__name__}")
        options = {**state["options"], "decoder": decoders.rebuild(state["options"]["decoder"])}
        model = cls(**options)
        model.params_, model.history_, model.seed_ = state["params"], state["history"], state["seed"]
        model.n_features_in_, model.bound_ = state["features"], state["bound"]
        return model

    def _elbo(self, x):
        terms = bounds.elbo_terms(self.params_, x, self._noise_of(x, self.score_draws), **self._nets())
        return np.mean(terms["reconstruction"], axis=0) - terms["kl"]

    def _noise_of(self, x, draws):
        """Standard normal noise (draws, n, k), for each row by the row's bytes."""
        noise = np.empty((draws, len(x), self.latents), x.dtype)
        for i, row in enumerate(x):
            digest = int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=16).digest(), "little")
            noise[:, i] = np.random.default_rng([self.seed_, SCORE, digest]).standard_normal(noise[:, i].shape, x.dtype)
        return noise

    def _nets(self):
        return {"decoder": decoders.decoder(self.decoder), "activation": self.activation}

    def _decode(self, z):
        return decode(self.params_, z, activation=self.activation)

    def _check_options(self):
        for name in ("latents", "score_draws"):
            value = getattr(self, name)
            if not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"{name} must be a whole number, at least 1, got {value!r}")
        if not (isinstance(self.beta, (int, float, np.floating)) and 0 <= self.beta < np.inf):
            raise ValueError(f"beta must be a number, at least 0, got {self.beta!r}")
        if np.dtype(self.dtype) not in (np.float32, np.float64):
            raise ValueError(f"dtype must be 'float32' or 'float64', got {self.dtype!r}")

    def _check_rows(self, X):
        return self._as_data(super()._check_rows(X))

    def _as_data(self, X):
        """X in the model's dtype, after the decoder has looked at it."""
        with np.errstate(over="ignore"):
            cast = X.astype(self.dtype, copy=False)
        if not np.isfinite(cast).all():
            raise ValueError(f"X has values up to {np.abs(X).max():g}, too large for {self.dtype}: scale it")
        decoders.decoder(self.decoder).check(cast)
        return cast

    def _by_rows(self, f, X):
        """f of `ROWS` rows at a time, joined."""
        return np.concatenate([f(X[start : start + ROWS]) for start in range(0, len(X), ROWS)])
