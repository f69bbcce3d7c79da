"""The variational autoencoder as an estimator.

z ~ N(0, I_k),  x | z ~ p(x|f(z, phi)),  q(z|x) = N(mean, exp(logvar)) with mean, logvar = g(x, theta)

log p(x) >= E_q log p(x|z) - KL(q(z|x) || N(0, I))      (the notes, chapter 17; Kingma and Welling 2014)

The algorithm is in one_page.py, as plain functions of arrays. What stands here is how it is fitted to rows as people
bring them; what a fitted model says of rows is in scoring.py, what it makes of latents in sampling.py.
"""

import dataclasses
import functools

import numpy as np

import tinygen as tg
from tinygen.models import options, randomness, rows, scaling, trained
from tinygen.models.vae import bounds, decoders, one_page, posteriors
from tinygen.models.vae.gaussian_start import start_as_gaussian
from tinygen.models.vae.sampling import Sampling
from tinygen.models.vae.scoring import Scoring

BLOCK = 2**21  # numbers in a hidden layer while rows are scored
PARTS = {"decoder": decoders, "decoder_": decoders, "posterior": posteriors}  # attributes that may be objects
OBJECTIVES = ("elbo", "iwae", "stl", "dreg", "score")


def _decay_check(name, value):
    if value != "auto":
        options.number()(name, value)


class VAE(Sampling, Scoring, trained.Trained):
    """A variational autoencoder with fully connected nets, trained by Adam.

    >>> X = np.random.default_rng(0).random((200, 5)).round()
    >>> model = VAE(latents=2, hidden=(16,), max_steps=50, random_state=0).fit(X)
    >>> model.transform(X).shape, model.sample(3).shape, model.bound_
    ((200, 2), (3, 5), 'elbo')

    | decoder | what `score_samples` bounds from below, in nats a row |
    |---|---|
    | "bernoulli", values 0 and 1 | the log probability of the row |
    | "bernoulli", values between | that of the row made black and white at random, value by value, in expectation |
    | "categorical", "logistic" | the log probability of the row of whole values |
    | "gaussian" | the log density of the row in the data's units |

    latents: k, the size of z. hidden: sizes of the encoder's hidden layers; the decoder has the same in reverse order.
    activation: between the layers.
    decoder: "auto": "bernoulli" for data between 0 and 1; for whole numbers, at most 8 of them in a row, "categorical",
    at most 32 "logistic" (as rounded real ones); else Gaussian("latent"), mean and variance functions of z. "gaussian"
    (one learned variance); or an instance such as Gaussian(var=0.1). `decoder_` is what it is. A learned
    variance stays above that of rounding in columns with ties (`floor` of decoders.Gaussian).
    scaling: what the nets see of real-valued data: "whiten" (uncorrelated columns of unit variance: the untrained model
    is then the Gaussian with the covariance of the data), "columns" (each to mean 0 and variance 1), "none"; "auto":
    "whiten" with a learned variance, "none" with a given one, which is in the data's units.
    posterior: "diagonal", "cholesky", "affine", "planar", "radial" or "coupling", the family of q(z|x), or an instance
    such as Diagonal(exact_kl=False), whose KL is estimated at the draw, or posteriors.Flow([Radial(), Coupling((8,))]),
    layers of models/flow with other numbers for each row. prior: "normal", N(0, I), or "flow": p(z) is learned too, by
    spline couplings (models/flow), and the KL is estimated at the draw; "auto": "flow" where decoder="auto" has found
    whole numbers (of few rows the codes leave holes in N(0, I), and what is drawn there is of no kind), unless
    `latents` is 1, free_bits or a prior of Gaussians are asked for; else "normal".
    beta: weight of the KL term in training, approached in a line over the first `warmup` epochs. free_bits: nats that
    each latent may use for nothing.
    objective: "elbo"; "iwae", "stl" or "dreg": the importance-weighted bound L_K, K = `draws`, by its plain, path or
    doubly reparameterised gradient; "score": the ELBO by the score-function gradient, with the other draws as baseline
    for draws > 1. The last four know neither beta nor warmup nor free_bits. draws: of z for each row in a step.
    max_steps, or epochs, if given: length of training, which ends sooner if the bound on held-out rows
    (`validation_fraction` of all; 0: none) has not improved in the last `patience` looks at it (None: it never does);
    the best parameters are kept. batch_size, learning_rate: of training. cosine_decay: let the rate fall to 0 until the
    end, along a cosine. ema: decay of the running mean of the parameters, which is what is used (0: the last ones).
    dtype: of the parameters. weight_decay: w, adds w/(2n) times the sum of the squared weights to the loss, of n rows:
    a prior N(0, 1/w) on each; "auto": 5 with Gaussian("latent"), which fits few rows all too closely, else 0.
    bound: what `score_samples` returns, "elbo" or "iwae", with `score_draws` draws of z for each row (None: 8, or 64
    for "iwae"); "auto": "iwae" with Gaussian("latent"), whose posteriors differ much from row to row, else "elbo".
    random_state: None, an integer, a Generator or a RandomState; with an integer two runs on one machine, with the same
    number of BLAS threads, agree to the bit (another number of threads sums in another order, and rounds otherwise).
    progress: show a bar. verbose: print a line every so many seconds. callback: called with the nn.train.Record of each
    step, stops training by returning True. checkpoint: file to save training to, and to continue from if it is there.
    compile: record the training step once and replay it; False differentiates anew at each step, several times slower.

    Fitted: `params_` (tree of arrays), `history_` (arrays: "loss", "reconstruction" and "kl", or "bound", "seconds", a
    value a step; "validation" and "validation_step", one a look), `bound_` ("elbo" or "iwae-K"), `decoder_`,
    `scaling_`, `seed_`, `n_features_in_`.
    """

    OPTIONS = trained.OPTIONS | {
        "latents": options.whole(),
        "prior": options.one_of("auto", "normal", "flow"),
        "hidden": options.sizes,
        "beta": options.number(),
        "warmup": options.number(),
        "free_bits": options.number(),
        "objective": options.one_of(*OBJECTIVES),
        "draws": options.whole(),
        "weight_decay": _decay_check,
        "bound": options.one_of("auto", "elbo", "iwae"),
        "score_draws": options.whole(none=True),
        "scaling": options.one_of("auto", "whiten", "columns", "none"),
    }
    TRAINING = (*trained.Trained.TRAINING, "beta", "warmup", "free_bits", "objective", "draws", "weight_decay")
    LATER = ("bound", "score_draws")
    REAL_SCALING = "whiten"

    def __init__(self, latents=8, *, hidden=(200,), activation="tanh", decoder="auto", scaling="auto",
                 posterior="diagonal", prior="auto", beta=1.0, warmup=0, free_bits=0.0, objective="elbo", draws=1,
                 max_steps=5000, epochs=None, validation_fraction=0.1, patience=20, batch_size=100,
                 learning_rate=2e-3, cosine_decay=False, ema=0.99, dtype="float32", weight_decay="auto", bound="auto",
                 score_draws=None, random_state=None, progress=True, verbose=0, callback=None, checkpoint=None,
                 compile=True):  # fmt: skip
        self._store(locals())

    @property
    def bound_(self):
        """What `score_samples` returns now: "elbo" or "iwae-K"."""
        which, draws = self._which_bound()
        return which if which == "elbo" else f"iwae-{draws}"

    # ---- fit ----

    def _fit(self, X, y, before=None, **nets):
        """Train on rows X, with labels y where the model takes them; before: the fitted model to go on from."""
        self.seed_, c = self._seed(), self._condition(y, X)
        identity = self._identity(X, None if c is None else y, self.seed_)
        if before is None:
            self._choose(X)
        else:
            self.decoder_, self.scaling_, self.grey_ = before.decoder_, before.scaling_, before.grey_
        x, self._n_rows = self._to_net(X), len(X)
        start = self._start(x, **nets) if before is None else before.params_
        data = {"x": x} if c is None else {"x": x, "c": c}
        self.params_, self.history_ = self._train(
            functools.partial(self._loss, self._nets()), start, data, noise=self._noise(len(x)), seed=self.seed_,
            identity=identity, bound=functools.partial(self._held_out_loss, self._nets()),
            bound_noise=self._plain_noise,
        )  # fmt: skip

    def _choose(self, X):
        """The decoder and the scaling that suit the rows X."""
        self.decoder_ = decoders.suitable(X) if self.decoder == "auto" else decoders.decoder(self.decoder)
        real, kind = not self.decoder_.discrete, self.scaling
        learned = real and not isinstance(getattr(self.decoder_, "var", 1.0), float | int)
        if kind == "auto":
            kind = self.REAL_SCALING if learned else "none"
        elif kind != "none" and not real:
            raise ValueError(f"scaling={kind!r} is for real-valued data, not for {self.decoder_}")
        levels = getattr(self.decoder_, "levels", None)
        on_grid = self.decoder == "auto" and levels
        self.scaling_ = scaling.grid(X, levels) if on_grid else scaling.fit(X, kind, self._weights)
        if learned:
            floor = self.scaling_.variances_to(scaling.rounding(X))
            if floor.any():
                self.decoder_ = dataclasses.replace(self.decoder_, floor=tuple(floor.tolist()))
        self.grey_ = isinstance(self.decoder_, decoders.Bernoulli) and bool(np.any((X != 0) & (X != 1)))
        trained.tell_constants(self.scaling_.varies)
        if self.decoder == "auto":
            self._tell(f"decoder {self.decoder_}, by the data")

    def _start(self, x, **nets):
        """Random parameters for the rows x that the nets see."""
        if self.prior == "flow" or (self.prior == "auto" and self._flow_suits(nets.get("learned_prior"))):
            nets["learned_prior"] = "flow"
        params = one_page.init(randomness.stream(self.seed_, "start"), x.shape[1], self.latents, hidden=self.hidden,
                      dtype=x.dtype, decoder=self.decoder_, posterior=self.posterior, **nets)  # fmt: skip
        spread = posteriors.posterior(self.posterior).outputs(self.latents) >= 2 * self.latents  # not a mere point
        if spread and self.scaling_.kind == "whiten" and getattr(self.decoder_, "var", None) in ("pixel", "latent"):
            return start_as_gaussian(params)
        return params

    def _flow_suits(self, learned_prior):
        """Whether prior="auto" is a flow: for whole values, unless another option asks for something else."""
        whole = self.decoder == "auto" and hasattr(self.decoder_, "levels")
        return whole and self.latents > 1 and not self.free_bits and not learned_prior

    def _optimiser(self, steps):
        make = super()._optimiser(steps)

        def remembered(vector):
            self._adam = make(vector)  # it counts the steps, and a checkpoint restores its count
            return self._adam

        return remembered

    def _noise(self, n):
        """noise(rng, batch) of a step of training on n rows, and the weight of the KL in it."""

        def noise(rng, batch):
            done = self._adam.t * len(batch["x"]) / (self.warmup * n) if self.warmup else 1.0
            draws = None if self.objective == "elbo" and self.draws == 1 else self.draws
            eps = one_page.noise(rng, batch["x"], self.latents, draws)
            return {"eps": eps, "beta": np.array(self.beta * min(done, 1.0))}

        return noise

    def _plain_noise(self, rng, batch):
        return {"eps": one_page.noise(rng, batch["x"], self.latents)}

    def _varies(self):
        """Whether the decoder has a variance that is a function of z."""
        return getattr(getattr(self, "decoder_", None), "var", None) == "latent"

    def _held_out_loss(self, nets, params, batch, noise):
        """Minus the bound on rows that training does not see: with the KL's whole weight, whatever beta is."""
        return one_page.loss(params, batch["x"], noise["eps"], batch.get("c"), **nets)[0]

    def _loss(self, nets, params, batch, noise):
        """The loss of one step and its terms: what training differentiates."""
        loss, terms = self._unpenalised(nets, params, batch, noise)
        decay = self.weight_decay if self.weight_decay != "auto" else 5.0 if self._varies() else 0.0
        if decay:
            squares = sum(np.sum(layer["W"] ** 2) for layer in params["encoder"] + params["decoder"])
            loss = loss + 0.5 * decay / self._n_rows * squares
        return loss, terms

    def _unpenalised(self, nets, params, batch, noise):
        data = (params, batch["x"], noise["eps"], batch.get("c"))
        if self.objective == "elbo":
            return one_page.loss(*data, beta=noise["beta"], free_bits=float(self.free_bits), **nets)
        if self.objective == "score":
            return bounds.score_function_loss(*data, baseline="others" if self.draws > 1 else 0.0, **nets)
        return bounds.iwae_loss(*data, gradient="plain" if self.objective == "iwae" else self.objective, **nets)

    def partial_fit(self, X, y=None, sample_weight=None, *, max_steps=None):
        """Go on training on the rows of X with a new optimiser, and return self; on a model without fit it is one.

        max_steps: how many steps, by default one pass over X. The scaling, the decoder and the classes stay. y: None,
        or labels (n,) of a conditional model.
        """
        if not self.__sklearn_is_fitted__():
            return self.fit(X, y, sample_weight)
        X = self._check_rows(X)
        steps = max(1, len(X) // self.batch_size) if max_steps is None else options.whole()("max_steps", max_steps)
        return self._anew(X, y, sample_weight, {"max_steps": steps, "epochs": None, "checkpoint": None}, before=self)

    # ---- between the data and the nets ----

    def _nets(self):
        return {"decoder": self.decoder_, "posterior": posteriors.posterior(self.posterior),
                "activation": self.activation}  # fmt: skip

    def _to_net(self, X):
        """The rows X as the nets see them, in the model's dtype, after the decoder has looked at them."""
        x = self.scaling_.to_net(X, self.dtype)
        self.decoder_.check(x)
        return x

    def _from_net(self, x):
        """Rows as the nets give them, in the data's units."""
        return x if self.scaling_.kind == "none" else self.scaling_.back(x)

    def _check_latents(self, Z):
        self._check_fitted()
        return rows.rows(Z, features=self.latents, name=type(self).__name__).astype(self.dtype)

    def _columns_out(self):
        return self.latents

    def _by_rows(self, f, x, c=None, *, noise=None, draws=1):
        """f(params, x, eps, c) of a block of rows at a time, joined; recorded once and replayed where there are many.

        noise(rows) -> eps (draws, n, k) of the rows of these indices; None: f gets None.
        """
        size = max(1, BLOCK // (draws * max(x.shape[1], *self.hidden, self.latents)))
        starts = range(0, len(x), size)
        f = tg.compile(f) if len(starts) > 2 else f
        parts = []
        for start in self._with_bar(starts, "scoring" if noise else "rows"):
            index = np.minimum(np.arange(start, start + min(size, len(x))), len(x) - 1)  # the last block is filled up
            block = x[index]
            eps = None if noise is None else np.ascontiguousarray(noise(index))
            parts.append(np.array(f(self.params_, block, eps, None if c is None else c[index])))
        return np.concatenate(parts)[: len(x)]

    # ---- files and checks ----

    @classmethod
    def _described(cls, values):
        parts = {name: module.describe(values[name]) for name, module in PARTS.items() if name in values}
        return super()._described(values | parts)

    @classmethod
    def _rebuilt(cls, values):
        parts = {name: module.rebuild(values[name]) for name, module in PARTS.items() if name in values}
        return super()._rebuilt(values | parts)

    def _check_options(self):
        super()._check_options()
        family = posteriors.posterior(self.posterior)
        if self.decoder != "auto":
            decoders.decoder(self.decoder)
        if self.objective != "elbo" and (self.beta != 1 or self.warmup or self.free_bits):
            raise ValueError(f"beta, warmup and free_bits are for objective='elbo', not for {self.objective!r}")
        if self.free_bits and (family != posteriors.Diagonal() or self.prior == "flow"):
            only = "which only posterior='diagonal' has, with prior='normal'"
            raise ValueError(f"free_bits needs the KL of each latent, {only}")
