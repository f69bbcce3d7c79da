"""GANs as estimators: fit, sample, score; one_page.py is what they run."""

import warnings

import numpy as np

from tinygen import metrics
from tinygen.models import base, labels, options, randomness, scaling, trained
from tinygen.models.gan import collapse, one_page
from tinygen.models.gan.losses import LOSSES
from tinygen.models.gan.playing import play
from tinygen.nn import weights

LOGISTIC = ("non_saturating", "saturating")  # losses whose best D is ln p/q
DIAGNOSED = 2000  # samples that are looked at


class GAN(base.Estimator):
    """A generative adversarial network: samples, and no likelihood.

    >>> X = np.random.default_rng(0).standard_normal((200, 2))
    >>> model = GAN(hidden=(16,), max_steps=50, random_state=0, progress=False).fit(X)
    >>> model.sample(3).shape
    (3, 2)

    latent: numbers of noise; "auto": as many as columns, between 2 and 32. hidden: sizes of the hidden layers of both.
    loss: "non_saturating", "saturating", "least_squares", "hinge", "wasserstein" or "relativistic" (losses.py).
    r1, r2, gradient_penalty: weights of the penalties on the discriminator's slope at the data, at the samples, between
    them (penalties.py); clip: hold its weights in [-clip, clip]. Without any of them most games lose modes.
    penalty_end: what is left of r1 and r2 in the last round; they fall geometrically.
    noise_sd: Gaussian noise on all that the discriminator sees, in units of the data's sd. dropout: of its hidden
    units.
    order: "alternating" or "simultaneous" updates; critic_steps: steps of the discriminator in a round.
    levels: None: real values. Else whole values on a grid low, low + step, ..., of so many levels (data get uniform
    noise within their bin, samples are rounded down); "auto": looks whether the data lie on a grid of at most 32.
    scaling: of real values before the nets see them: "one", "columns", "whiten" or "none" (scaling.py).
    max_steps: rounds. batch_size, learning_rate (falls to 0 along a cosine), beta1, beta2 (Adam's), dtype: of training.
    ema: decay of the running mean of the generator's parameters, with which samples are made.
    validation_fraction: of the rows, which training does not see: after it they are what `CollapseWarning`s are based
    on, in words, if modes, spread or discriminator look wrong. 0: none, and no warnings.
    random_state, progress, verbose, callback, checkpoint, compile: as for the other models.

    Fitted: `params_` ("G", the mean, and "D"), `history_` (arrays, a value a round: "discriminator" and "generator",
    the losses; "real" and "fake", the mean of sigmoid(D); "seconds"), `scaling_`, `grid_`, `latent_`, `classes_` (None
    without labels), `warnings_` (the sentences), `seed_`, `n_features_in_`.
    """

    OPTIONS = {
        "latent": options.whole(auto=True),
        "hidden": options.sizes,
        "loss": options.one_of(*LOSSES),
        "r1": options.number(),
        "r2": options.number(),
        "penalty_end": options.number(above=0),
        "gradient_penalty": options.number(),
        "clip": options.number(above=0, none=True),
        "noise_sd": options.number(),
        "dropout": options.number(below=1.0),
        "order": options.one_of("alternating", "simultaneous"),
        "critic_steps": options.whole(),
        "levels": options.whole(least=2, none=True, auto=True),
        "scaling": options.one_of("one", "columns", "whiten", "none"),
        "max_steps": options.whole(),
        "batch_size": options.whole(),
        "learning_rate": options.number(above=0),
        "beta1": options.number(below=1.0),
        "beta2": options.number(below=1.0),
        "ema": options.number(below=1.0),
        "validation_fraction": options.number(below=1.0),
        "dtype": options.one_of("float32", "float64"),
        "verbose": options.number(),
        "compile": options.one_of(True, False),
    }
    TRAINING = ("r1", "r2", "penalty_end", "gradient_penalty", "clip", "dropout", "order", "critic_steps", "batch_size",
                "learning_rate", "beta1", "beta2", "ema", "validation_fraction", "compile")  # fmt: skip

    def __init__(self, *, latent="auto", hidden=(128, 128), loss="non_saturating", r1=1.0, r2=1.0,
                 penalty_end=0.001, gradient_penalty=0.0, clip=None, noise_sd=0.0, dropout=0.0, order="alternating",
                 critic_steps=1, levels="auto", scaling="one", max_steps=6000, batch_size=256, learning_rate=1e-3,
                 beta1=0.5, beta2=0.99, ema=0.998, validation_fraction=0.1, dtype="float32", random_state=None,
                 progress=True, verbose=0, callback=None, checkpoint=None, compile=True):  # fmt: skip
        self._store(locals())

    # ---- fitting ----

    def _fit(self, X, y):
        self.classes_ = self.frequencies_ = None
        self._play(X, None, None)

    def _play(self, X, index, y):
        """Train on the rows X, with the index of each row's class, or None; y: the labels as they were given."""
        self.seed_ = self._seed()
        self._choose(X)
        data = {"x": self._to_net(X)}
        if index is not None:
            data["c"] = labels.one_hot(index, len(self.classes_), self.dtype)
        held_out = trained.held_out_rows(len(X), self.validation_fraction, self.seed_)
        rest = np.setdiff1d(np.arange(len(X)), held_out)
        D, dtype = data["x"].shape[1], np.dtype(self.dtype).type
        self.latent_ = min(max(D, 2), 32) if self.latent == "auto" else self.latent
        start = one_page.init(
            randomness.stream(self.seed_, "start"), D, self.latent_, hidden=self.hidden,
            classes=0 if index is None else len(self.classes_), dtype=dtype,
        )  # fmt: skip
        game = one_page.Game(
            start, {name: array[rest] for name, array in data.items()}, rng=randomness.stream(self.seed_, "training"),
            total=self.max_steps, loss=self.loss, r1=self.r1, r2=self.r2, penalty_end=self.penalty_end,
            gradient_penalty=self.gradient_penalty, clip=self.clip, bounds=self._bounds(), noise_sd=self.noise_sd,
            bin_width=self._bin_width(), dropout=self.dropout, order=self.order, critic_steps=self.critic_steps,
            batch_size=self.batch_size, rate=self.learning_rate, beta1=self.beta1, beta2=self.beta2, ema=self.ema,
            compile=self.compile,
            weights=None if self._weights is None else self._weights[rest],
        )  # fmt: skip
        self.history_ = play(
            game, checkpoint=self.checkpoint, identity=self._identity(X, y, self.seed_), progress=self.progress,
            verbose=self.verbose, callback=self.callback,
        )  # fmt: skip
        self.params_ = {"G": game.average(), "D": [dict(layer) for layer in game.params["D"]]}
        self.warnings_ = []
        if len(held_out) >= 2 * collapse.ROWS_A_REGION:  # fewer rows say nothing about modes
            if self._weights is not None:
                held_out = held_out[weights.spread(self._weights[held_out], len(held_out), 0.5)]
            found = self._diagnose(X[held_out], None if index is None else index[held_out])
            self.warnings_ = found.warnings
            for sentence in self.warnings_:
                warnings.warn(f"{type(self).__name__}: {sentence}.", collapse.CollapseWarning, stacklevel=5)

    def _choose(self, X):
        """How the rows X are to look to the nets."""
        self.grid_ = scaling.find_grid(X) if self.levels == "auto" else None
        if self.levels not in (None, "auto"):
            self.grid_ = (0.0, 1 / (self.levels - 1), self.levels)
            scaling.check_grid(X, *self.grid_)
        self.scaling_ = scaling.shared(X) if self.grid_ else scaling.fit(X, self.scaling, self._weights)
        trained.tell_constants(self.scaling_.varies)

    # ---- between the data and the nets: on a grid, a value is the lower end of its bin ----

    def _bin_width(self):
        return self.grid_[1] / self.scaling_.scale[0] if self.grid_ else 0.0

    def _bounds(self):
        if self.grid_ is None:
            return None
        low, step, levels = self.grid_
        ends = (np.array([low, low + step * levels]) - self.scaling_.mean[0]) / self.scaling_.scale[0]
        return tuple(np.asarray(end, self.dtype) for end in ends)

    def _to_net(self, X):
        if self.grid_ is not None:
            scaling.check_grid(X, *self.grid_)
        return self.scaling_.to_net(X, self.dtype)

    def _from_net(self, x):
        X = self.scaling_.back(x)
        if self.grid_ is None:
            return X
        low, step, levels = self.grid_
        return low + step * np.clip(np.floor((X - low) / step), 0, levels - 1)

    # ---- samples ----

    def sample(self, n=None, y=None, *, random_state=None):
        """n draws of x, (n, D). Without a random_state it is the model's own, and two calls give the same draws.

        y: None, this model knows no labels. Raises ValueError for labels.
        """
        if y is not None:
            raise ValueError("this model was fitted without labels: ConditionalGAN takes some")
        self._check_fitted()
        return self._from_net(self._generated(options.whole()("n", 1 if n is None else n), None, random_state))

    def _generated(self, n, index, random_state=None):
        """Samples as the nets see them, (n, d)."""
        z = self._sampling(random_state).standard_normal((n, self.latent_), np.dtype(self.dtype))
        return one_page.generate(self.params_["G"], z, self._one_hot(index), bounds=self._bounds())

    def _one_hot(self, index):
        return None if index is None else labels.one_hot(index, len(self.classes_), self.dtype)

    # ---- the discriminator ----

    def decision_function(self, X):
        """The discriminator's output for each row, (n,): above 0, it takes the row for data.

        Of the logistic losses it estimates ln p/q (p the data's density, q the samples'), the less the stronger the
        penalties are. Noise that training adds to the rows is added here too, the same for equal rows.
        """
        X = self._check_rows(X)
        return self._logits(X, None)

    def _logits(self, X, index):
        """D's outputs for rows X of data."""
        x, key, width = self._to_net(X), self.scaling_.key(X), self._bin_width()
        noise = self.noise_sd * randomness.row_normals(self.seed_, key, x.shape[1:])
        if width:
            noise = noise + width * randomness.row_uniforms(self.seed_, key, x.shape[1])
        return self._logits_of_net(x + noise, index)

    def _logits_of_fake(self, x, index):
        """D's outputs for samples x as the nets see them, which fill their bins."""
        return self._logits_of_net(x + self.noise_sd * randomness.row_normals(self.seed_, x, x.shape[1:]), index)

    def _logits_of_net(self, x, index):
        x = x.astype(self.dtype)
        return one_page.logits(self.params_["D"], x, self._one_hot(index)).astype(np.float64)

    def accuracy(self, X):
        """How often the discriminator is right on the rows of X and as many samples: a metrics.Measured.

        .5 if it cannot tell, 1 at worst; `error` is its standard error, `floor` what it scores on real rows against
        real rows. X must not have been trained on. The accuracy a of any judge shows that the total variation between
        data and samples is at least 2 a - 1; that this one sees nothing proves nothing.
        """
        return self._accuracy(self._check_rows(X), None)

    def _accuracy(self, X, index):
        on_real = self._logits(X, index)
        on_fake = self._logits_of_fake(self._generated(len(X), index), index)
        return collapse.accuracy(on_real, on_fake, self.seed_)

    def score(self, X, y=None):
        """1 - the accuracy of the better of two judges on the rows of X and as many samples: .5 is perfect, 0 worst.

        Of the discriminator that was trained with the generator (`accuracy`), and of the nearest neighbours, cross-
        validated (metrics.two_sample_accuracy; up to 1000 rows): a discriminator that learned nothing sees nothing.
        Higher is better, as scikit-learn's searches want it. It is no likelihood; a GAN has none. y is not looked at.
        """
        X = self._check_rows(X)
        return self._score(X, None)

    def _score(self, X, index):
        judged = [self._accuracy(X, index).value]
        few = np.random.default_rng(self.seed_).permutation(len(X))[:1000]
        if len(few) >= 5:
            fake = self._from_net(self._generated(len(few), None if index is None else index[few]))
            judged.append(metrics.two_sample_accuracy(X[few], fake, other=X[few]).value)
        return 1 - max(judged)

    def diagnose(self, X):
        """A collapse.Diagnosis on rows that training has not seen: modes, spread, accuracy, ratios, sentences."""
        return self._diagnose(self._check_rows(X), None)

    def _diagnose(self, X, index):
        rng = randomness.stream(self.seed_, "diagnosis")
        of_fake = None if index is None else rng.choice(index, DIAGNOSED)
        x = self._generated(DIAGNOSED, of_fake, random_state=int(rng.integers(2**32)))
        real = self._to_net(X)
        return collapse.diagnose(
            real, self._to_net(self._from_net(x)), self._logits(X, index),
            self._logits_of_fake(x, of_fake), logistic=self.loss in LOGISTIC, rng=rng,
            real_labels=None if index is None else self.classes_[index],
            fake_labels=None if index is None else self.classes_[of_fake],
        )  # fmt: skip


class ConditionalGAN(GAN):
    """A GAN whose players are both given the class of each row: sample(n, y), score(X, y).

    The options are those of GAN. Labels `y` are an array (n,) of anything that can be sorted; `classes_` are those that
    `fit` has seen.

    >>> X, y = np.random.default_rng(0).standard_normal((200, 2)), np.arange(200) % 3
    >>> model = ConditionalGAN(hidden=(16,), max_steps=50, random_state=0, progress=False).fit(X, y)
    >>> model.sample(y=[0, 0, 2]).shape
    (3, 2)
    """

    def _fit(self, X, y):
        self.classes_, index = labels.classes_of(y, len(X))
        self.frequencies_ = labels.frequencies(index, self._weights)
        self._play(X, index, y)

    def sample(self, n=None, y=None, *, random_state=None):
        """n draws of x, (n, D), as in `GAN.sample`.

        y: one label for all n, or n labels (then n may be left out); None: labels drawn as often as in training.
        """
        self._check_fitted()
        if y is None:
            rng = randomness.stream(self.seed_ if random_state is None else randomness.seed(random_state), "codes")
            y = rng.choice(self.classes_, options.whole()("n", 1 if n is None else n), p=self.frequencies_)
        index = labels.indices(labels.for_draws(n, y), self.classes_)
        return self._from_net(self._generated(len(index), index, random_state))

    def _index(self, X, y):
        return labels.indices(labels.checked(y, len(X)), self.classes_)

    def decision_function(self, X, y=None):
        """The discriminator's output for each row with its label, as in `GAN.decision_function`."""
        X = self._check_rows(X)
        return self._logits(X, self._index(X, y))

    def accuracy(self, X, y=None):
        """How often the discriminator is right on labelled rows, as in `GAN.accuracy`."""
        X = self._check_rows(X)
        return self._accuracy(X, self._index(X, y))

    def score(self, X, y=None):
        """1 - the accuracy of the better of two judges, as in `GAN.score`; samples have the labels y of the rows."""
        X = self._check_rows(X)
        return self._score(X, self._index(X, y))

    def diagnose(self, X, y=None):
        """A collapse.Diagnosis on labelled rows, as in `GAN.diagnose`; with the spread within each class."""
        X = self._check_rows(X)
        return self._diagnose(X, self._index(X, y))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
