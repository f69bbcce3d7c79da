"""The variational autoencoder as an estimator.

z ~ N(0, I_k),  x | z ~ p(x|f(z, phi)),  q(z|x) = N(mean, exp(logvar)) with mean, logvar = g(x, theta)

log p(x) >= E_q log p(x|z) - KL(q(z|x) || N(0, I))      (the notes, chapter 17; Kingma and Welling 2014)

The functions it is made of are plain functions of arrays, in nets.py (`init`, `encode`, `decode`) and bounds.py
(`elbo_terms`, `loss`); they are at hand here too.
"""

import functools
import hashlib
import math

import numpy as np

from tinygen.models import base
from tinygen.models.vae import bounds, decoders, posteriors, priors
from tinygen.models.vae.bounds import elbo_terms, loss
from tinygen.models.vae.diagnose import diagnose
from tinygen.models.vae.nets import decode, encode, init
from tinygen.nn import train
from tinygen.nn.optim import Adam, FadingAdam

__all__ = ["VAE", "decode", "elbo_terms", "encode", "init", "loss"]

START, TRAINING, SCORE, SAMPLE, DIAGNOSIS = range(5)  # a stream of random numbers for each: none disturbs another
NUMBERS = 2**21  # rows are scored so many at a time that their latents are about so many numbers
PARTS = {"decoder": decoders, "posterior": posteriors}  # options that may be objects
MADE_OF = ("latents", "hidden", "activation", "decoder", "posterior")  # what the fitted parameters depend on
OBJECTIVES = ("elbo", "iwae", "stl", "dreg", "score")


class VAE(base.Estimator):
    """A variational autoencoder with fully connected nets, trained by Adam.

    latents: k, the size of z. hidden: sizes of the encoder's hidden layers; the decoder has the same in reverse order.
    activation: between the layers.
    decoder: "bernoulli" (data between 0 and 1), "gaussian" (one learned variance), "categorical" or "logistic" (grey
    values 0, 1/16, ..., 1), or an instance such as Gaussian(var=0.1).
    posterior: "diagonal", "cholesky", "affine" or "planar", the family of q(z|x), or an instance such as
    Diagonal(exact_kl=False), whose KL is estimated at the draw.
    beta: weight of the KL term in training, approached in a line over the first `warmup` epochs. free_bits: nats that
    each latent may use for nothing.
    objective: "elbo"; "iwae", "stl" or "dreg": the importance-weighted bound L_K, K = `draws`, by its plain, path or
    doubly reparameterised gradient; "score": the ELBO by the score-function gradient, with the other draws as baseline
    for draws > 1. The last four know neither beta nor warmup nor free_bits. draws: of z for each row in a step.
    epochs, batch_size, learning_rate: of training. fade: let the rate fall to 0 until the end, along a cosine; takes
    the last noise out of the parameters. dtype: of the parameters.
    bound: what `score_samples` returns, "elbo" or "iwae", with `score_draws` draws of z for each row.
    random_state: None, an integer or a Generator; with an integer everything is reproducible to the bit.
    progress: show a bar. checkpoint: file to save training to, and to continue from if it is there.
    compile: record the training step once and replay it; False differentiates anew at each step, several times slower.

    Fitted: `params_` (tree of arrays), `history_` ({"loss", "reconstruction", "kl", "seconds"} or {"loss", "bound",
    "seconds"}, one value a step), `bound_` (what `score_samples` is: "elbo" or "iwae-K"), `seed_`, `n_features_in_`.

    >>> X = np.random.default_rng(0).random((200, 5)).round()
    >>> model = VAE(latents=2, hidden=(16,), epochs=5, random_state=0).fit(X)
    >>> model.transform(X).shape, model.sample(3).shape, model.bound_
    ((200, 2), (3, 5), 'elbo')
    """

    def __init__(self, latents=8, *, hidden=(200,), activation="tanh", decoder="bernoulli", posterior="diagonal",
                 beta=1.0, warmup=0, free_bits=0.0, objective="elbo", draws=1, epochs=150, batch_size=100,
                 learning_rate=2e-3, fade=False, dtype="float32", bound="elbo", score_draws=32, random_state=None,
                 progress=True, checkpoint=None, compile=True):  # fmt: skip
        self.latents = latents
        self.hidden = hidden
        self.activation = activation
        self.decoder = decoder
        self.posterior = posterior
        self.beta = beta
        self.warmup = warmup
        self.free_bits = free_bits
        self.objective = objective
        self.draws = draws
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.fade = fade
        self.dtype = dtype
        self.bound = bound
        self.score_draws = score_draws
        self.random_state = random_state
        self.progress = progress
        self.checkpoint = checkpoint
        self.compile = compile

    def fit(self, X, y=None):
        """Train on the rows of X, shape (n, D), and return self. y is not looked at."""
        return self._fit(X, None)

    def _fit(self, X, c, **init_options):
        self._check_options()
        X = self._as_data(base.rows(X, name=type(self).__name__))
        seed, nets = base.seed(self.random_state), self._nets()
        start = init(np.random.default_rng([seed, START]), X.shape[1], self.latents, hidden=self.hidden, dtype=X.dtype,
                     decoder=nets["decoder"], posterior=nets["posterior"], **init_options)  # fmt: skip
        optimisers = []

        def noise(rng, batch):
            # The optimiser counts the steps, and a checkpoint restores its count.
            done = optimisers[0].t * len(batch["x"]) / (self.warmup * len(X)) if self.warmup else 1.0
            shape = (len(batch["x"]), self.latents)
            many = shape if self.objective == "elbo" and self.draws == 1 else (self.draws, *shape)
            return {"eps": rng.standard_normal(many, X.dtype), "beta": np.array(self.beta * min(done, 1.0))}

        def adam(vector):
            total = math.ceil(self.epochs * len(X) / min(self.batch_size, len(X)))
            fading = functools.partial(FadingAdam, total=total) if self.fade else Adam
            optimisers.append(fading(vector, rate=self.learning_rate))
            return optimisers[0]

        params, history = train.fit(
            functools.partial(self._loss, nets),
            start,
            {"x": X} if c is None else {"x": X, "c": c},
            rng=np.random.default_rng([seed, TRAINING]),
            epochs=self.epochs,
            batch_size=self.batch_size,
            noise=noise,
            optimiser=adam,
            checkpoint=self.checkpoint,
            progress=self.progress,
            compile=self.compile,
        )
        self.params_, self.history_, self.seed_ = params, history, seed
        self._made_of = {name: repr(getattr(self, name)) for name in MADE_OF}
        self.bound_ = "elbo" if self.bound == "elbo" else f"iwae-{self.score_draws}"
        self.n_features_in_ = X.shape[1]
        return self

    def _loss(self, nets, params, batch, noise):
        """The loss of one step and its terms: what training differentiates."""
        data = (params, batch["x"], noise["eps"], batch.get("c"))
        if self.objective == "elbo":
            return bounds.loss(*data, beta=noise["beta"], free_bits=float(self.free_bits), **nets)
        if self.objective == "score":
            return bounds.score_function_loss(*data, baseline="others" if self.draws > 1 else 0.0, **nets)
        return bounds.iwae_loss(*data, gradient="plain" if self.objective == "iwae" else self.objective, **nets)

    def score_samples(self, X):
        """A lower bound on log p(x) of each row in nats, (n,): the one that `bound_` names, whatever beta was.

        "elbo": the mean over `score_draws` draws of z, the KL term exact where `posterior` has it so.
        "iwae-K": ln of the mean of K importance weights. The noise of a row depends on `random_state` and on the row's
        values only, so that a row scores the same alone and among others.
        """
        return self._score(self._check_rows(X))

    def _score(self, X, c=None):
        return self._by_rows(self._iwae if self.bound == "iwae" else self._elbo, X, c, draws=self.score_draws)

    def _elbo(self, x, c, draws):
        terms = bounds.elbo_terms(self.params_, x, self._noise_of(x, draws), c, **self._nets())
        kl = terms["kl"]
        return np.mean(terms["reconstruction"], axis=0) - (kl if kl.ndim == 1 else np.mean(kl, axis=0))

    def _iwae(self, x, c, draws):
        return bounds.iwae(bounds.log_weights(self.params_, x, self._noise_of(x, draws), c, **self._nets()))

    def _noise_of(self, x, draws):
        """Standard normal noise (draws, n, k), for each row by the row's bytes."""
        noise = np.empty((draws, len(x), self.latents), x.dtype)
        for i, row in enumerate(x):
            digest = int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=16).digest(), "little")
            noise[:, i] = np.random.default_rng([self.seed_, SCORE, digest]).standard_normal(noise[:, i].shape, x.dtype)
        return noise

    def report(self, X, *, draws=1000):
        """Both bounds on the rows of X with their standard errors over the rows, in nats and in bits a dimension.

        Returns {"elbo": (mean, error), "iwae": ..., "elbo bits/dim": ..., "iwae bits/dim": ..., "K": draws, "rows": n}.
        Nats of two models on the same rows are compared by the paired difference of their `score_samples`. Bits a
        dimension mean something for discrete data, and for real data up to the unit in which it is measured.
        """
        return self._report(self._check_rows(X), None, draws)

    def _report(self, X, c, draws):
        base.whole("draws", draws)
        out, bits = {}, 1 / (X.shape[1] * np.log(2))
        for name, bound in (("elbo", self._elbo), ("iwae", self._iwae)):
            nats = self._by_rows(bound, X, c, draws=draws)
            value, error = float(nats.mean()), float(nats.std() / np.sqrt(len(nats)))
            out[name], out[f"{name} bits/dim"] = (value, error), (float(-value * bits), float(error * bits))
        return {**out, "K": draws, "rows": len(X)}

    def diagnose(self, X):
        """Which latents are in use, what they carry and where the bound loses nats, on the rows of X: a Diagnosis.

        print(model.diagnose(X)) says it in words.
        """
        return self._diagnose(self._check_rows(X), None)

    def _diagnose(self, X, c):
        return diagnose(self.params_, X, c, **self._nets(), beta=float(self.beta), rng=[self.seed_, DIAGNOSIS])

    def transform(self, X):
        """The mean of q(z|x) for each row, (n, latents)."""
        return self._by_rows(self._code, self._check_rows(X))

    def _code(self, x, c=None):
        family = posteriors.posterior(self.posterior)
        return family.mean(encode(self.params_, x, c, posterior=family, activation=self.activation))

    def fit_transform(self, X, y=None):
        """`fit(X)`, then `transform(X)`."""
        return self.fit(X).transform(X)

    def inverse_transform(self, Z):
        """E[x|z] for each row of latents, (n, D): what the decoder makes of them, before noise."""
        return self._by_rows(self._mean_image, self._check_latents(Z))

    def _mean_image(self, z, c=None):
        out = decode(self.params_, z, c, activation=self.activation)
        return decoders.decoder(self.decoder).mean(self.params_["likelihood"], out)

    def sample(self, n=1, y=None, *, random_state=None):
        """n draws of x from the model, (n, D): z from the prior, then x from p(x|z), noise included.

        For the images without the noise: `inverse_transform(rng.standard_normal((n, latents)))`. Without a random_state
        it is the model's own, and two calls give the same draws.
        """
        self._check_fitted()
        if y is not None:
            raise ValueError(f"this model knows no labels, got y={y!r}: use a ConditionalVAE, or leave y out")
        return self._sample(base.whole("n", n), None, self._sampling(random_state))

    def _sampling(self, random_state):
        return np.random.default_rng([self.seed_ if random_state is None else base.seed(random_state), SAMPLE])

    def _sample(self, n, c, rng):
        z = priors.sample(priors.prior(self.params_["prior"], c), (n, self.latents), rng, self.dtype)
        out = decode(self.params_, z, c, activation=self.activation)
        return decoders.decoder(self.decoder).sample(self.params_["likelihood"], out, rng)

    @staticmethod
    def _described(options):
        return options | {name: module.describe(options[name]) for name, module in PARTS.items() if name in options}

    @staticmethod
    def _rebuilt(options):
        return options | {name: module.rebuild(options[name]) for name, module in PARTS.items() if name in options}

    def _nets(self):
        return {"decoder": decoders.decoder(self.decoder), "posterior": posteriors.posterior(self.posterior),
                "activation": self.activation}  # fmt: skip

    def _check_options(self):
        for name in ("latents", "draws", "score_draws", "batch_size"):
            base.whole(name, getattr(self, name))
        for name in ("beta", "warmup", "free_bits"):
            base.number(name, getattr(self, name))
        for name in ("epochs", "learning_rate"):
            base.number(name, getattr(self, name), above=0)
        if not isinstance(self.hidden, (tuple, list)):
            raise ValueError(f"hidden must be the sizes of the hidden layers, such as (200,), got {self.hidden!r}")
        choices = {"objective": OBJECTIVES, "bound": ("elbo", "iwae"), "dtype": ("float32", "float64"),
                   "compile": (True, False)}  # fmt: skip
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, got {getattr(self, name)!r}")
        if self.objective != "elbo" and (self.beta != 1 or self.warmup or self.free_bits):
            raise ValueError(f"beta, warmup and free_bits are for objective='elbo', not for {self.objective!r}")
        if self.free_bits and posteriors.posterior(self.posterior) != posteriors.Diagonal():
            raise ValueError("free_bits needs the KL of each latent, which only posterior='diagonal' has")

    def _check_fitted(self):
        super()._check_fitted()
        for name, before in getattr(self, "_made_of", {}).items():  # not after load
            if repr(getattr(self, name)) != before:
                now = f"{name} is {getattr(self, name)!r}, but was {before} when the model was fitted"
                raise ValueError(f"{now}: set it back, or call fit again")
        self._check_options()

    def _check_rows(self, X):
        return self._as_data(super()._check_rows(X))

    def _check_latents(self, Z):
        self._check_fitted()
        return base.rows(Z, features=self.latents, name=type(self).__name__).astype(self.dtype)

    def _as_data(self, X):
        """X in the model's dtype, after the decoder has looked at it."""
        with np.errstate(over="ignore"):
            cast = X.astype(self.dtype, copy=False)
        if not np.isfinite(cast).all():
            raise ValueError(f"X has values up to {np.abs(X).max():g}, too large for {self.dtype}: scale it")
        decoders.decoder(self.decoder).check(cast)
        return cast

    def _by_rows(self, f, X, c=None, **options):
        """f of some rows at a time (and their labels), joined."""
        size = max(1, NUMBERS // (options.get("draws", 1) * max(X.shape[1], *self.hidden, self.latents)))
        parts = [slice(start, start + size) for start in range(0, len(X), size)]
        return np.concatenate([f(X[rows], None if c is None else c[rows], **options) for rows in parts])
