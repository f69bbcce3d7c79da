"""The diffusion model as an estimator: fit, sample, score_samples, with labels and guidance if wanted.

The algorithm is in one_page.py. What stands here is how it is fitted to rows as people bring them; what a fitted model
draws is in sampling.py, what it says of rows in scoring.py.
"""

import functools

import numpy as np

from tinygen.models import labels, options, randomness, scaling, trained
from tinygen.models.diffusion import net, one_page
from tinygen.models.diffusion.parameterization import NAMES
from tinygen.models.diffusion.sampling import Sampling
from tinygen.models.diffusion.schedule import Schedule
from tinygen.models.diffusion.scoring import MOST_EXACT, Scoring
from tinygen.models.vae import decoders

SCHEDULES = {"linear": Schedule.linear, "cosine": Schedule.cosine}
SAMPLERS = ("ancestral", "ddim", "heun")


def _schedule_check(name, value):
    if not isinstance(value, Schedule):
        options.one_of("log-linear", *SCHEDULES, also=" or a Schedule")(name, value)


class Diffusion(Sampling, Scoring, trained.Trained):
    """A diffusion model with a residual denoising net, trained by Adam on minibatches of examples and steps.

    >>> X = np.random.default_rng(0).standard_normal((200, 2))
    >>> model = Diffusion(width=16, blocks=1, max_steps=50, random_state=0, progress=False).fit(X)
    >>> model.sample(3).shape, model.score_samples(X).shape, model.bound_
    ((3, 2), (200,), 'exact')

    | data | `bound_` | what `score_samples` is, in nats a row |
    |---|---|---|
    | real-valued, up to 256 columns | "exact" | the log density of the probability-flow ODE's model |
    | real-valued, more columns | "estimate" | the same, by Hutchinson's estimate, with a standard error |
    | a grid of few values | "elbo" | a lower bound on the log probability of the row, estimated without bias |

    schedule: "log-linear" (log SNR from 11, on a grid of values 7, to -9), "linear", "cosine", or a Schedule. steps:
    its T, at least 2.
    predicts: what the net says, one of "x", "eps", "v", "score", "velocity" (parameterization.py).
    levels: None: the data have a density. Else they are whole values on a grid, low, low + step, ..., of so many
    levels, the net gives logits for them, and what is scored and drawn are such values. A number: the grid 0,
    1/(levels-1), ..., 1. "auto": looks whether all values of the data are on one grid of at most 32 levels (0, 1, ...,
    16 as well as 0, 1/16, ..., 1), and `levels_` is what it found.
    scaling: of real-valued data before the net sees them: "whiten" (uncorrelated columns of unit variance: the
    untrained model is then the Gaussian with the covariance of the data), "columns" (each to mean 0 and variance 1),
    "one" (one mean and scale for all), "none"; "auto": "whiten" up to 64 columns, "one" for more and for images.
    width, blocks, dropout: of the net. label_dropout: how often a label is hidden, so that the net learns both laws.
    weight: "simple" (squared errors of `predicts`, as they are: for good samples) or "bound" (as the variational bound
    weighs them: for a good score of grey values). On a grid the net says x, and `predicts` only weighs the errors.
    max_steps, or epochs, if given: length of training, which ends sooner if the loss on held-out rows
    (`validation_fraction` of all; 0: none) has not improved in the last `patience` looks at it (None: it never does);
    the best parameters are kept. batch_size, learning_rate, cosine_decay (of the rate, to 0), dtype: of training. ema:
    decay of the running mean of the parameters, which is what is used; 1/(1 - ema) steps should be a small part of all.
    sampler: "ancestral" (on a grid with the variance that the net sees in each), "ddim" or "heun"; "auto": ancestral on
    a grid, else heun. sample_steps: how many of the T steps it visits (all, if T is less). eta: noise of "ddim", from 0
    to 1. guidance: w >= 0 of classifier-free guidance, (1 + w) with the label - w without.
    clip: keep samples of real-valued data inside the data's range: True, False, or "auto": if the data pile up at its
    ends (images do).
    score_steps: steps of the ODE's solver (24 were within .003 nat of 200 in the mean of each of 4 tables, and within
    .04 in the root mean square of the rows), or on a grid how many of the T terms of the bound are looked at.
    score_probes: of Hutchinson's estimate.
    random_state: None, an integer, a Generator or a RandomState; with an integer two runs on one machine, with the same
    number of BLAS threads, agree to the bit. progress: show bars, in training, sampling and scoring. verbose: print a
    line every so many seconds. callback: called with the nn.train.Record of each step, stops training by returning
    True. checkpoint: file to save training to, and to continue from if it is there. compile: record the step once and
    replay it; False is plain.

    Fitted: `params_`, `history_` (arrays: "loss" and "seconds", a value a step; "validation" and "validation_step", one
    a look), `schedule_`, `scaling_`, `levels_`, `classes_` (None without labels), `bound_`, `seed_`, `n_features_in_`.
    """

    OPTIONS = trained.OPTIONS | {
        "steps": options.whole(least=2),
        "width": options.whole(),
        "blocks": options.whole(),
        "sample_steps": options.whole(),
        "score_steps": options.whole(),
        "score_probes": options.whole(least=2),
        "schedule": _schedule_check,
        "levels": options.whole(least=2, none=True, auto=True),
        "predicts": options.one_of(*NAMES),
        "scaling": options.one_of("auto", "whiten", "columns", "one", "none"),
        "weight": options.one_of("simple", "bound"),
        "sampler": options.one_of("auto", *SAMPLERS),
        "clip": options.one_of("auto", True, False),
        "dropout": options.number(below=1.0),
        "label_dropout": options.number(below=1.0),
        "guidance": options.number(),
        "eta": options.number(below=1.0 + 1e-9),
    }
    TRAINING = (*trained.Trained.TRAINING, "dropout", "label_dropout", "weight")
    LATER = ("sampler", "sample_steps", "eta", "guidance", "clip", "score_steps", "score_probes")

    def __init__(self, *, schedule="log-linear", steps=1000, predicts="v", levels="auto", scaling="auto", width=128,
                 blocks=2, dropout=0.0, label_dropout=0.1, weight="simple", ema=0.99, max_steps=5000, epochs=None,
                 validation_fraction=0.1, patience=20, batch_size=512, learning_rate=2e-3, cosine_decay=False,
                 dtype="float32", sampler="auto", sample_steps=50, eta=0.0, guidance=0.0, clip="auto", score_steps=24,
                 score_probes=32, random_state=None, progress=True, verbose=0, callback=None, checkpoint=None,
                 compile=True):  # fmt: skip
        self._store(locals())

    @property
    def bound_(self):
        """What `score_samples` is: see the table."""
        if self.grid_ is not None:
            return "elbo"
        return "exact" if self.scaling_.dims <= MOST_EXACT else "estimate"

    # ---- fit ----

    def partial_fit(self, X, y=None, sample_weight=None, *, max_steps=None):
        """Go on training on the rows of X with a new optimiser, and return self; on a model without fit it is one.

        max_steps: how many steps, by default one pass over X. Scaling, grid and classes stay. y: None, or labels (n,)
        if the model was fitted with labels.
        """
        if not self.__sklearn_is_fitted__():
            return self.fit(X, y, sample_weight)
        X = self._check_rows(X)
        many = max(1, len(X) // self.batch_size) if max_steps is None else options.whole()("max_steps", max_steps)
        return self._anew(X, y, sample_weight, {"max_steps": many, "epochs": None, "checkpoint": None}, before=self)

    def _fit(self, X, y, before=None):
        self.seed_ = self._seed()
        identity = self._identity(X, y, self.seed_)
        if before is None:
            index = self._choose(X, y)
        else:
            kept = ("classes_", "grid_", "levels_", "scaling_", "schedule_", "range_")
            vars(self).update({name: getattr(before, name) for name in kept})
            index = None if y is None else labels.indices(labels.checked(y, len(X)), self.classes_)
        x = self._to_net(X)
        data = {"x": x} if self.classes_ is None else {"x": x, "c": self._known(index, len(x))}
        self.params_, self.history_ = self._train(
            functools.partial(_loss, self._grid_values()), self._start(x) if before is None else before.params_,
            data, noise=self._noise(), bound_noise=self._noise(plain=True), seed=self.seed_,
            identity=identity,
        )  # fmt: skip

    def _choose(self, X, y):
        """Classes, grid, scaling and schedule for rows X with labels y; the index of each row's class, or None."""
        self.classes_, index = (None, None) if y is None else labels.classes_of(y, len(X))
        self.grid_ = scaling.find_grid(X) if self.levels == "auto" else None
        if self.levels not in (None, "auto"):
            decoders.Categorical(self.levels).check(X)
            self.grid_ = (0.0, 1 / (self.levels - 1), self.levels)
        self.levels_ = None if self.grid_ is None else self.grid_[2]
        self.range_ = scaling.piled_range(X)
        kind = self.scaling
        if kind == "auto":
            kind = "whiten" if X.shape[1] <= 64 and self.range_ is None else "one"
        self.scaling_ = scaling.shared(X) if self.grid_ is not None else scaling.fit(X, kind, self._weights)
        trained.tell_constants(self.scaling_.varies)
        self.schedule_ = self._schedule()
        if self.grid_ is not None and self.levels == "auto":
            self._tell(f"values on a grid of {self.levels_} levels, by the data")
        return index

    def _start(self, x):
        """Parameters for the rows x that the net sees: random, but for what begins at zero."""
        params = net.init(
            randomness.stream(self.seed_, "start"), x.shape[1], width=self.width, blocks=self.blocks,
            classes=0 if self.classes_ is None else len(self.classes_), outputs=x.shape[1] * (self.levels_ or 1),
            dtype=x.dtype, waves=0 if self.levels_ else 3,  # of grey values `grid_x` knows how sharp they are
        )  # fmt: skip
        if self.levels_:
            params["out"]["b"][:] = net.independent_pixels(x, self._grid_values())
        return params

    def _known(self, index, n):
        return np.full(n, -1) if index is None else index

    def _noise(self, plain=False):
        """noise(rng, batch) of a step; plain: without dropout, for held-out rows."""
        classes = 0 if self.classes_ is None else len(self.classes_)
        return one_page.noise_of(
            self.schedule_, self._prediction_kind(), weight=self.weight, simple=self.predicts, classes=classes,
            label_dropout=self.label_dropout, dropout=0.0 if plain else self.dropout, width=self.width,
            dtype=self.dtype,
        )  # fmt: skip

    # ---- between the data and the net ----

    def _prediction_kind(self):
        return "x" if self.levels_ else self.predicts

    def _grid_values(self):
        """The values of the grid in the net's units, (levels,), or None."""
        if self.grid_ is None:
            return None
        low, step, levels = self.grid_
        return ((low + step * np.arange(levels) - self.scaling_.mean[0]) / self.scaling_.scale[0]).astype(self.dtype)

    def _to_net(self, X):
        """The rows X as the net sees them, in the model's dtype."""
        if self.grid_ is not None:
            scaling.check_grid(X, *self.grid_)
        return self.scaling_.to_net(X, self.dtype)

    def _from_net(self, z):
        """Rows of the net in the data's units, float64."""
        return self.scaling_.back(z)

    def _schedule(self):
        if isinstance(self.schedule, Schedule):
            return self.schedule
        if self.schedule == "log-linear":
            return Schedule.log_linear(self.steps, 7.0 if self.levels_ else 11.0, -9.0)
        return SCHEDULES[self.schedule](self.steps)

    def _label_indices(self, y):
        return labels.indices(y, self.classes_)

    # ---- files ----

    @classmethod
    def _described(cls, values):
        changed = {}
        for name in ("schedule", "schedule_"):
            if isinstance(values.get(name), Schedule):
                changed[name] = {"log_keep": np.diff(values[name].log_alpha_bar)}
        return super()._described(values | changed)

    @classmethod
    def _rebuilt(cls, values):
        changed = {}
        for name in ("schedule", "schedule_"):
            if isinstance(values.get(name), dict):
                changed[name] = Schedule._of_steps(values[name]["log_keep"])
        return super()._rebuilt(values | changed)


def _loss(values, params, batch, noise):
    return one_page.loss(params, batch["x"], noise, values)
