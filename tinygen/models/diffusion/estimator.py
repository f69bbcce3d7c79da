"""The diffusion model as an estimator: fit, sample, score_samples, with labels and guidance if wanted.

The functions it is made of are in this package, one file for each step of the notes; this is how they are joined.
"""

import functools
import hashlib
import math

import numpy as np

from tinygen.autodiff import tree
from tinygen.models import base
from tinygen.models.diffusion import bound, net, samplers, training
from tinygen.models.diffusion.ema import AveragedAdam
from tinygen.models.diffusion.guidance import classifier_free
from tinygen.models.diffusion.likelihood import log_likelihood
from tinygen.models.diffusion.parameterization import NAMES, convert
from tinygen.models.diffusion.schedule import Schedule
from tinygen.models.diffusion.variances import total
from tinygen.models.vae import decoders
from tinygen.nn import train

START, TRAINING, SCORE, SAMPLE = range(4)  # one stream of random numbers for each, so that none disturbs another
ROWS = 500  # scored at a time
SCHEDULES = {"linear": Schedule.linear, "cosine": Schedule.cosine}
SAMPLERS = ("ancestral", "ddim", "heun")


class Diffusion(base.Estimator):
    """A diffusion model with a residual denoising net, trained by Adam on minibatches of examples and steps.

    schedule: "log-linear" (log SNR from 11, for `levels` 7, to -9), "linear", "cosine", or a Schedule. steps: its T.
    predicts: what the net says, one of "x", "eps", "v", "score", "velocity" (parameterization.py).
    levels: None for data with a density; else the data are grey values 0, 1/(levels-1), ..., 1, the net gives logits
    for them, and what is scored and drawn are whole values.
    width, blocks, dropout: of the net. label_dropout: how often a label is hidden, so that the net learns both laws.
    weight: "simple" (squared errors of `predicts`, as they are: for good samples) or "bound" (as the variational bound
    weighs them: for a good score of grey values). With `levels` the net says x, and `predicts` only weighs the errors.
    ema: decay of the running mean of the parameters, which is what is used after training; 1/(1 - ema) steps should
    be a small part of all.
    epochs, batch_size, learning_rate (falls to 0 along a cosine), dtype: of training.
    sampler: "ancestral" (of grey values with the variance that the net sees in each), "ddim" or "heun"; sample_steps:
    how many of the T steps it visits (all, if T is less). guidance: w >= 0 of classifier-free guidance, (1 + w) with
    the label - w without.
    score_steps: steps of the ODE's solver, or for `levels` how many of the T terms of the bound are looked at.
    random_state: None, an integer or a Generator. progress: show bars, in training and in sampling. checkpoint: file to
    save training to, and to continue from if it is there. compile: record the step once and replay it; False is plain.

    Fitted: `params_` (the running mean), `history_`, `schedule_`, `mean_`, `scale_` (the net sees (x - mean)/scale),
    `classes_` (None without labels), `bound_` ("exact": the ODE's density; "elbo": a bound on the log probability),
    `seed_`, `n_features_in_`.

    >>> X = np.random.default_rng(0).standard_normal((200, 2))
    >>> model = Diffusion(width=16, blocks=1, epochs=5, random_state=0, progress=False).fit(X)
    >>> model.sample(3).shape, model.score_samples(X).shape, model.bound_
    ((3, 2), (200,), 'exact')
    """

    def __init__(self, *, schedule="log-linear", steps=1000, predicts="v", levels=None, width=128, blocks=2,
                 dropout=0.0, label_dropout=0.1, weight="simple", ema=0.99, epochs=150, batch_size=512,
                 learning_rate=2e-3, dtype="float32", sampler="heun", sample_steps=50, guidance=0.0, score_steps=50,
                 random_state=None, progress=True, checkpoint=None, compile=True):  # fmt: skip
        given = locals()
        for name in self._defaults():
            setattr(self, name, given[name])

    def fit(self, X, y=None):
        """Train on the rows of X, shape (n, D), with labels y (n,) if the model is to be conditional; return self."""
        self._check_options()
        X = self._as_data(base.rows(X, name=type(self).__name__))
        seed, dtype = base.seed(self.random_state), np.dtype(self.dtype)
        classes, numbers = None, None
        if y is not None:
            classes, numbers = np.unique(base.labels(y, X), return_inverse=True)
        mean = X.mean(axis=0, dtype=np.float64) if not self.levels else np.full(X.shape[1], X.mean(dtype=np.float64))
        scale = float(np.sqrt(np.mean((X - mean) ** 2))) or 1.0
        self.mean_, self.scale_, self.schedule_ = mean, scale, self._schedule()
        self.classes_, self.seed_, self.n_features_in_ = classes, seed, X.shape[1]
        self.bound_ = "elbo" if self.levels else "exact"
        start = net.init(
            np.random.default_rng([seed, START]), X.shape[1], width=self.width, blocks=self.blocks,
            classes=0 if classes is None else len(classes), outputs=X.shape[1] * (self.levels or 1), dtype=dtype,
            waves=0 if self.levels else 3,  # of grey values `grid_x` knows how sharp they are
        )  # fmt: skip
        if self.levels:
            start["out"]["b"][:] = training.independent_pixels(X, self.levels)
        data = {"x": self._inside(X)} | ({} if classes is None else {"c": numbers})
        optimisers = []

        def adam(vector):
            total = math.ceil(self.epochs * len(X) / min(self.batch_size, len(X)))
            optimisers.append(AveragedAdam(vector, rate=self.learning_rate, total=total, decay=self.ema))
            return optimisers[0]

        _, self.history_ = train.fit(
            functools.partial(training.loss, self._values()),
            start,
            data,
            rng=np.random.default_rng([seed, TRAINING]),
            epochs=self.epochs,
            batch_size=self.batch_size,
            noise=self._noise(),
            optimiser=adam,
            checkpoint=self.checkpoint,
            progress=self.progress,
            compile=self.compile,
        )
        self.params_ = tree.ravel(start)[1](optimisers[0].average())
        return self

    def _noise(self):
        classes = 0 if self.classes_ is None else len(self.classes_)
        return training.noise_of(
            self.schedule_, self._kind(), weight=self.weight, simple=self.predicts, classes=classes,
            label_dropout=self.label_dropout, dropout=self.dropout, width=self.width, dtype=self.dtype,
        )  # fmt: skip

    # ---- what the net says ----

    def _told(self, logsnr, c, dtype):
        if self.classes_ is None:
            return net.told(logsnr, dtype=dtype)
        return net.told(logsnr, net.one_hot(c, len(self.classes_), len(logsnr), dtype), dtype=dtype)

    def _says(self, z, logsnr, c):
        """The net's prediction of kind `_kind()` at z (B, D), in its units; logsnr a number or (B,); c (B,) or None."""
        if self.levels:
            return self._of_grid(net.grid_x, z, logsnr, c)
        return net.predict(self.params_, z, self._told(np.broadcast_to(logsnr, len(z)), c, z.dtype))

    def _of_grid(self, moment, z, logsnr, c):
        """Moments of x given z for grey values: net.grid_x or net.grid_moments at z."""
        logsnr = np.broadcast_to(logsnr, len(z))
        share = 1 / (1 + np.exp(-logsnr))
        signal, sigma = (np.sqrt(a)[:, None].astype(z.dtype) for a in (share, 1 - share))  # (B, 1)
        return moment(self.params_, z, self._told(logsnr, c, z.dtype), self._values(), signal, sigma)

    def predict_with(self, schedule, y=None, *, guidance=0.0):
        """The net as `predict(z, t)` on a schedule, for everything in this package, and the kind of what it predicts.

        z is in the net's units, (x - mean_)/scale_. y: labels (n,), None for none. Returns (predict, kind).
        """
        self._check_fitted()
        c = self._numbers(y)
        if guidance and c is None:
            raise ValueError("guidance needs a model that was fitted with labels, and labels to guide to")
        with_label = lambda z, t: self._says(z, schedule.logsnr[t], c)
        if not guidance:
            return with_label, self._kind()
        if not self.label_dropout:
            raise ValueError("guidance needs a net that has seen rows without labels too: fit with label_dropout > 0")
        without = lambda z, t: self._says(z, schedule.logsnr[t], None)
        return classifier_free(with_label, without, guidance), self._kind()

    def eps_of(self, y=None):
        """The net as `eps_of(z, logsnr)`, for the probability-flow ODE; y as in `predict_with`."""
        self._check_fitted()
        c, kind = self._numbers(y), self._kind()

        def eps(z, logsnr):
            said = self._says(z, logsnr, c)
            at = Schedule.from_logsnr([logsnr])
            return convert(at, said, z, 1, kind, "eps")

        return eps

    # ---- likelihood ----

    def score_samples(self, X, y=None):
        """log p(x) of each row in nats, or log p(x|y) with labels, (n,): what `bound_` says.

        "exact": the density of the probability-flow ODE's model, by `score_steps` RK4 steps (D > 64: by Hutchinson's
        estimate with 8 probes). "elbo": the bound on the log probability of the whole grey values, all terms,
        estimated without
        bias from `score_steps` of the T steps, evenly spread, one draw of noise each, and t = 1 always; a row's steps
        and noise depend on `random_state` and the row's values only.
        """
        X = self._as_data(self._check_rows(X))
        y = None if y is None else base.labels(y, X)
        parts = [slice(i, i + ROWS) for i in range(0, len(X), ROWS)]
        score = self._bound if self.levels else self._density
        return np.concatenate([score(X[rows], None if y is None else y[rows]) for rows in parts])

    def _density(self, X, y):
        s, D = self.schedule_, X.shape[1]
        probes = None
        if D > 64:
            probes = np.stack([self._row_noise(x, (8, D))[1] for x in X], axis=1)  # (8, n, D)
        span = (s.logsnr[1], s.logsnr[-1])
        found = log_likelihood(self.eps_of(y), self._inside(X), logsnr=span, steps=self.score_steps, probes=probes,
                               compare=False)  # fmt: skip
        return found.log_prob.astype(np.float64) - D * np.log(self.scale_)

    def _bound(self, X, y):
        x, s, D = self._inside(X), self.schedule_, X.shape[1]
        steps = min(self.score_steps, s.T)
        draws = [self._row_noise(row, (steps + 1, D)) for row in X]
        shift = np.array([u for u, _ in draws])  # (n,)
        noise = np.stack([eps for _, eps in draws], axis=1)  # (steps + 1, n, D)
        predict, kind = self.predict_with(s, y)
        reverse = bound.reverse_of(s, predict, kind)
        total = self._decoder(s, y)(x, bound.noisy(s, x, 1, noise[-1])) - bound.prior_term(s, x)
        for i in range(steps if s.T > 1 else 0):  # evenly spread over t = 2, ..., T, with the factor (T - 1)/steps
            t = 2 + ((i + shift) / steps * (s.T - 1)).astype(int)
            total = total - (s.T - 1) / steps * bound.kl_term(s, reverse, x, bound.noisy(s, x, t, noise[i]), t)
        return total.astype(np.float64)

    def _decoder(self, schedule, y):
        c, logsnr = self._numbers(y), schedule.logsnr[1]
        logits = lambda z: net.grid_logits(self.params_, z, self._told(np.full(len(z), logsnr), c, z.dtype))
        return bound.grid_decoder(schedule, self._values(), logits)

    def _row_noise(self, row, shape):
        """A uniform number and normal noise, from `random_state` and the bytes of the row."""
        digest = int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=16).digest(), "little")
        rng = np.random.default_rng([self.seed_, SCORE, digest])
        return rng.random(), rng.standard_normal(shape, row.dtype)

    # ---- samples ----

    def sample(self, n=None, y=None, *, random_state=None, guidance=None):
        """n draws of x, (n, D). y: one label for all, or n labels (then n may be left out); None: without a label.

        Without a random_state it is the model's own, and two calls give the same draws. guidance: instead of the
        model's.
        """
        *_, x = self.paths(n, y, random_state=random_state, guidance=guidance)
        return x

    def paths(self, n=None, y=None, *, random_state=None, guidance=None):
        """Yield z_T, ..., z_1, x on the way from noise to data, each (n, D) in the data's units: for pictures."""
        self._check_fitted()
        self._check_options()
        if y is not None:
            y = np.asarray(y)
            y = np.full(base.whole("n", 1 if n is None else n), y) if y.ndim == 0 else y
            if y.ndim != 1 or (n is not None and len(y) != n):
                raise ValueError(f"y must be one label, or as many as n = {n}, got shape {y.shape}")
            n = len(y)
        n = base.whole("n", 1 if n is None else n)
        rng = np.random.default_rng([self.seed_ if random_state is None else base.seed(random_state), SAMPLE])
        schedule = self.schedule_.respaced(min(self.sample_steps, self.schedule_.T))
        guidance = self.guidance if guidance is None else base.number("guidance", guidance)
        predict, kind = self.predict_with(schedule, y, guidance=guidance)
        z = rng.standard_normal((n, self.n_features_in_), np.dtype(self.dtype))
        if self.sampler == "ancestral":
            variance = "posterior"
            if self.levels:
                predict, variance = self._predict_and_variance(schedule, y, guidance)
            steps = samplers.ancestral(schedule, predict, kind, z, rng, variance=variance)
        else:
            steps = getattr(samplers, self.sampler)(schedule, predict, kind, z)
        return self._in_units(self._with_bar(steps, schedule.T), schedule, y, rng)

    def _predict_and_variance(self, schedule, y, guidance):
        """Of grey values the net knows how sure it is of each: predict(z, t), and variance(z, t) from the same call."""
        c, last = self._numbers(y), {}

        def predict(z, t):
            x, last["var"] = self._of_grid(net.grid_moments, z, schedule.logsnr[t], c)
            return x

        without = lambda z, t: self._says(z, schedule.logsnr[t], None)
        guided = classifier_free(predict, without, guidance) if guidance else predict
        return guided, total(schedule, lambda z, t: last["var"])  # a reverse step asks for the mean first

    def _in_units(self, steps, schedule, y, rng):
        """What a sampler yields, in the data's units; x of `levels` drawn from p(x|z_1)."""
        before = None
        for t, z in zip(range(schedule.T, -1, -1), steps):
            if t == 0 and self.levels:
                yield self._draw_values(schedule, y, before, rng)
            else:
                yield z * z.dtype.type(self.scale_) + self.mean_.astype(z.dtype)
            before = z

    def _draw_values(self, schedule, y, z, rng):
        """A draw from p(x|z_1) over the grey values 0, 1/(levels-1), ..., 1."""
        told = self._told(np.full(len(z), schedule.logsnr[1]), self._numbers(y), z.dtype)
        signal, sigma = np.sqrt(schedule.alpha_bar[1]), schedule.sigma[1]
        scores = net.grid_logits(self.params_, z, told) + bound.grid_scores(z[..., None], self._values(), signal, sigma)
        index = np.argmax(scores + rng.gumbel(size=scores.shape), axis=-1)  # (n, D), by Gumbel's trick
        return (index / (self.levels - 1)).astype(z.dtype)

    def _with_bar(self, steps, total):
        import sys

        from tqdm import tqdm

        hidden = not self.progress or (False if "ipykernel" in sys.modules else None)
        yield from tqdm(steps, total=total + 1, unit="step", disable=hidden, leave=False)

    # ---- files and checks ----

    @classmethod
    def load(cls, path):
        """The model that `save` wrote. Raises checkpoint.CheckpointError if the file is something else."""
        model = super().load(path)
        model.schedule_ = model._schedule()
        return model

    def _fitted(self):
        return {name: value for name, value in super()._fitted().items() if name != "schedule_"}

    @staticmethod
    def _described(options):
        schedule = options["schedule"]
        return options | ({"schedule": {"beta": schedule.beta}} if isinstance(schedule, Schedule) else {})

    @staticmethod
    def _rebuilt(options):
        schedule = options["schedule"]
        return options | ({"schedule": Schedule(schedule["beta"][1:])} if isinstance(schedule, dict) else {})

    def _kind(self):
        return "x" if self.levels else self.predicts

    def _values(self):
        """The grey values in the net's units, (levels,), or None."""
        if not self.levels:
            return None
        return ((np.linspace(0, 1, self.levels) - self.mean_[0]) / self.scale_).astype(self.dtype)

    def _inside(self, X):
        return ((X - self.mean_) / self.scale_).astype(self.dtype)

    def _schedule(self):
        if isinstance(self.schedule, Schedule):
            return self.schedule
        if self.schedule == "log-linear":
            return Schedule.log_linear(self.steps, 7.0 if self.levels else 11.0, -9.0)
        return SCHEDULES[self.schedule](self.steps)

    def _numbers(self, y):
        """Labels as whole numbers (n,), None for none."""
        if y is None:
            return None
        if self.classes_ is None:
            raise ValueError("this model was fitted without labels: call fit(X, y) to be able to ask for some")
        y = np.asarray(y)
        known = np.isin(y, self.classes_)
        if not known.all():
            seen = ", ".join(map(str, self.classes_))
            raise ValueError(f"y has the label {y[~known][0]!s}, which training has not seen; it saw {seen}")
        return np.searchsorted(self.classes_, y)

    def _as_data(self, X):
        if self.levels:
            decoders.Categorical(self.levels).check(X)
        return X.astype(self.dtype, copy=False)

    def _check_options(self):
        for name in ("steps", "width", "blocks", "batch_size", "sample_steps", "score_steps"):
            base.whole(name, getattr(self, name))
        known = {"predicts": NAMES, "weight": ("simple", "bound"), "sampler": SAMPLERS, "dtype": ("float32", "float64")}
        if not isinstance(self.schedule, Schedule):
            known["schedule"] = ("log-linear", *SCHEDULES)
        for name, choices in known.items():
            if getattr(self, name) not in choices:
                known = ", ".join(map(repr, choices)) + (" or a Schedule" if name == "schedule" else "")
                raise ValueError(f"{name} must be one of {known}, got {getattr(self, name)!r}")
        for name in ("dropout", "label_dropout", "ema"):
            base.number(name, getattr(self, name), below=1.0)
        for name in ("guidance", "epochs", "learning_rate"):
            base.number(name, getattr(self, name))
        if self.levels is not None:
            base.whole("levels", self.levels, least=2)
