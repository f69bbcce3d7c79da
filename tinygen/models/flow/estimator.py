"""The normalizing flow as an estimator: fit, sample, the exact log density, and both ways between data and noise.

What it runs is one_page.py; here are the columns' scales, whole values made real (dequantise.py), labels and training.
"""


import numpy as np

from tinygen.autodiff import logsumexp, tree
from tinygen.models import labels, options, randomness, scaling, trained
from tinygen.models.flow import one_page, stack
from tinygen.models.flow.dequantise import empty, fill, logit, logit_inverse

BLOCK = 2**13  # rows that are scored at a time


class Flow(trained.Trained):
    """A normalizing flow: layers that carry the data to N(0, I) and back, trained by their exact log density.

    >>> X = np.random.default_rng(0).standard_normal((200, 2))
    >>> model = Flow(hidden=(8,), max_steps=50, random_state=0, progress=False).fit(X)
    >>> Z = model.transform(X)
    >>> bool(np.allclose(model.inverse_transform(Z), X)), model.sample(3).shape, model.bound_
    (True, (3, 2), 'exact')

    | data | `bound_` | what `score_samples` is, in nats a row |
    |---|---|---|
    | real-valued | "exact" | the log density of the row in the data's units |
    | a grid of few values | "elbo" | a lower bound on the row's log probability: the mean over `score_draws` noises |
    | the same, bound="iwae" | "iwae-K" | the higher one with the mean inside the logarithm, K = `score_draws` |

    layers: "spline" (couplings with rational-quadratic splines), "affine" (couplings that scale and move),
    "autoregressive" (masked, affine; slow to sample), `depth` of them, with the columns in another order between two;
    or a list of layers of your own, such as [LU(), Coupling(curve=Spline(16)), Coupling(flip=True)].
    hidden: sizes of the hidden layers of each net. bins, limit: of the splines, on [-limit, limit] in the net's units.
    dropout: of the nets' hidden units, in training.
    levels: None: the data are real numbers. Else whole values on a grid, of so many levels, to which uniform noise of
    one bin is added: a number: the grid 0, 1/(levels-1), ..., 1; "auto": looks whether all values are on one grid of at
    most 32 levels. alpha: how far the logit that follows is kept from its ends.
    scaling: "columns" (each to mean 0 and variance 1), "whiten" (uncorrelated besides), "one" (one mean and scale for
    all), "none". The log density is corrected by the log of the scales.
    max_steps, or epochs, if given: length of training, which ends sooner if the loss on held-out rows
    (`validation_fraction` of all; 0: none) has not improved in the last `patience` looks at it (None: it never does);
    the best parameters are kept. batch_size, learning_rate, cosine_decay (of the rate, to 0), dtype: of training. ema:
    decay of the running mean of the parameters, which is what is used (0: the last ones).
    bound, score_draws: of the score of whole values. random_state: None, an integer, a Generator or a RandomState; with
    an integer two runs on one machine, with the same number of BLAS threads, agree to the bit. progress, verbose,
    callback, checkpoint, compile: as for the other models.

    Fit with labels, `fit(X, y)`, it is p(x|y): `score_samples(X, y)` is its log, `score_samples(X)` that of the mixture
    over the labels, as frequent as in training; `transform` and `inverse_transform` need the labels.

    Fitted: `params_`, `layers_`, `history_` (arrays: "loss", its terms "noise" and "volume", "seconds"; "validation"
    and "validation_step"), `scaling_`, `levels_`, `classes_`, `frequencies_`, `bound_`, `seed_`, `n_features_in_`.
    Sources: Dinh et al. 2017; Durkan et al. 2019; Papamakarios et al. 2017.
    """

    OPTIONS = trained.OPTIONS | {
        "depth": options.whole(),
        "hidden": options.sizes,
        "bins": options.whole(least=2),
        "limit": options.number(above=0),
        "dropout": options.number(below=1.0),
        "levels": options.whole(least=2, none=True, auto=True),
        "alpha": options.number(above=0, below=0.5),
        "scaling": options.one_of("columns", "whiten", "one", "none"),
        "bound": options.one_of("elbo", "iwae"),
        "score_draws": options.whole(),
        "layers": stack.check,
    }
    TRAINING = (*trained.Trained.TRAINING, "dropout")
    LATER = ("bound", "score_draws")

    def __init__(self, layers="spline", *, depth=4, hidden=(64, 64), bins=8, limit=4.0, dropout=0.0, levels="auto",
                 alpha=0.05, scaling="columns", max_steps=5000, epochs=None, validation_fraction=0.1, patience=20,
                 batch_size=256, learning_rate=2e-3, cosine_decay=True, ema=0.99, dtype="float32", bound="elbo",
                 score_draws=32, random_state=None, progress=True, verbose=0, callback=None, checkpoint=None,
                 compile=True):  # fmt: skip
        self._store(locals())

    @property
    def bound_(self):
        """What `score_samples` is: see the table."""
        if self.grid_ is None:
            return "exact"
        return "elbo" if self.bound == "elbo" else f"iwae-{self.score_draws}"

    def _check_options(self):
        super()._check_options()
        if self.dropout and len(set(self.hidden)) != 1:
            raise ValueError(f"dropout needs hidden layers of one size, which keep the same units, got {self.hidden}")

    # ---- fit ----

    def _fit(self, X, y):
        self.seed_ = self._seed()
        identity = self._identity(X, y, self.seed_)
        self.classes_, index = (None, None) if y is None else labels.classes_of(y, len(X))
        self.frequencies_ = None if y is None else labels.frequencies(index, self._weights)
        self.grid_ = scaling.find_grid(X) if self.levels == "auto" else None
        if self.levels not in (None, "auto"):
            self.grid_ = (0.0, 1 / (self.levels - 1), self.levels)
        self.levels_ = None if self.grid_ is None else self.grid_[2]
        rng = randomness.stream(self.seed_, "start")
        self.scaling_ = scaling.fit(X if self.grid_ is None else self._real(X, rng.random(X.shape))[0], self.scaling,
                                    self._weights)  # fmt: skip
        trained.tell_constants(self.scaling_.varies)
        if self.grid_ is not None and self.levels == "auto":
            self._tell(f"values on a grid of {self.levels_} levels, by the data")
        D, classes = self.scaling_.dims, 0 if y is None else len(self.classes_)
        self.layers_ = stack.build(self.layers, D, rng, depth=self.depth, hidden=self.hidden, bins=self.bins,
                                   limit=self.limit)  # fmt: skip
        start = one_page.init(self.layers_, rng, D, classes, np.dtype(self.dtype))
        x = self._index(X) if self.grid_ is not None else self.scaling_.to(X)
        data = {"x": x.astype(self.dtype)} | ({} if y is None else {"c": labels.one_hot(index, classes, self.dtype)})
        self.params_, self.history_ = self._train(
            self._loss, start, data, noise=self._noise(self.dropout), bound_noise=self._noise(0.0), seed=self.seed_,
            identity=identity,
        )  # fmt: skip

    def _loss(self, params, batch, noise):
        """Minus the mean log density of the rows that the net sees; of whole values up to the logit's own part."""
        x = batch["x"]
        if self.grid_ is not None:
            real, to = logit(fill(x, noise["u"], self.levels_), self.alpha)[0], self.scaling_
            x = (real - to.mean.astype(x.dtype)) / to.scale.astype(x.dtype)
            x = x if to.rotate is None else x @ to.rotate.astype(x.dtype)
        return one_page.loss(self.layers_, params, x, batch.get("c"), noise.get("keep"))

    def _noise(self, dropout):
        """noise(rng, batch) of a step: of the bins, and which hidden units are kept."""

        def noise(rng, batch):
            n, drawn = len(batch["x"]), {}
            if self.grid_ is not None:
                drawn["u"] = rng.random(batch["x"].shape, batch["x"].dtype)
            if dropout:
                drawn["keep"] = [
                    (rng.random((n, layer.hidden[-1]), batch["x"].dtype) >= dropout).astype(self.dtype) / (1 - dropout)
                    if getattr(layer, "hidden", ()) else None for layer in self.layers_
                ]  # fmt: skip
            return drawn

        return noise

    # ---- between the data and the layers ----

    def _index(self, X):
        """Which value of the grid each entry is, 0, ..., levels - 1."""
        scaling.check_grid(X, *self.grid_)
        low, step, _ = self.grid_
        return np.rint((np.asarray(X, np.float64) - low) / step)

    def _real(self, X, u):
        """Whole values and noise u of one bin as real numbers, and ln of their slope by the values: (n, D), (n,)."""
        real, log_slope = logit(fill(self._index(X), u, self.levels_), self.alpha)
        return real, np.sum(log_slope, axis=1) - X.shape[1] * np.log(self.levels_)

    def _condition(self, y, n):
        """One-hot labels of the rows, (n, classes), or None for a model without labels."""
        if self.classes_ is None:
            if y is not None:
                raise ValueError("this model was fitted without labels: leave y out, or call fit(X, y)")
            return None
        index = labels.indices(labels.checked(y, n), self.classes_)
        return labels.one_hot(index, len(self.classes_), np.float64)

    def _exact_params(self):
        """The parameters in float64: what is scored and inverted is exact to rounding."""
        return tree.map(lambda a: a.astype(np.float64), self.params_)

    def _blocks(self, f, x, c, what, size=BLOCK):
        """f(params, rows, labels) of some rows at a time, joined."""
        params = self._exact_params()
        starts = self._with_bar(range(0, len(x), size), what)
        parts = [f(params, x[i : i + size], None if c is None else c[i : i + size]) for i in starts]
        return np.concatenate(parts)

    # ---- likelihood ----

    def score_samples(self, X, y=None, *, return_error=False):
        """Log density of each row, or the bound on the log probability that `bound_` names, nats, (n,).

        y: labels, for a model that was fitted with some: log p(x|y). Without: log sum_c p(c) p(x|c), with the labels'
        frequencies in training. The noise of a row of whole values depends on `random_state` and on the row's values
        only. return_error: also the standard error of each row's number through that noise, 0 where it is exact.
        """
        X = self._check_rows(X)
        if self.classes_ is not None and y is None:
            each = [self._score(X, np.full(len(X), label)) for label in self.classes_]
            found = np.stack(each) + np.log(self.frequencies_)[:, None, None]  # (classes, n, 2)
            score, error = logsumexp(found[..., 0], axis=0), np.max(np.stack(each)[..., 1], axis=0)
        else:
            score, error = self._score(X, y).T
        return (score, error) if return_error else score

    def _score(self, X, y):
        """The score and its standard error for each row, (n, 2)."""
        c = self._condition(y, len(X))
        density = lambda params, x, c: one_page.log_density(self.layers_, params, x, c)
        if self.grid_ is None:
            with np.errstate(over="ignore", invalid="ignore"):
                score = self._blocks(density, self.scaling_.to(X), c, "scoring") + self.scaling_.log_det
            score[self.scaling_.impossible(X)] = -np.inf
            return np.stack([score, np.zeros(len(X))], axis=1)
        K = self.score_draws

        def noisy(params, rows, c):
            """The log density of each row at each of its K noises, (n, K)."""
            u = randomness.row_uniforms(self.seed_, self._index(rows), K * rows.shape[1]).reshape(-1, rows.shape[1])
            real, log_slope = self._real(np.repeat(rows, K, axis=0), u)  # (n K, D), (n K,)
            found = density(params, self.scaling_.to(real), None if c is None else np.repeat(c, K, axis=0))
            return (found + log_slope).reshape(len(rows), K)

        draws = self._blocks(noisy, X, c, "scoring", size=max(1, BLOCK // K)) + self.scaling_.log_det
        if self.bound == "iwae":
            score = logsumexp(draws, axis=1) - np.log(K)
            draws = np.exp(draws - score[:, None])  # relative weights, whose mean is 1
        else:
            score = np.mean(draws, axis=1)
        error = draws.std(axis=1, ddof=1) / np.sqrt(K) if K > 1 else np.full(len(X), np.nan)
        return np.stack([score, error], axis=1)

    # ---- both ways ----

    def transform(self, X, y=None):
        """z = f(x) for each row, (n, d): N(0, I), if the model fits. Of whole values: the middles of their bins."""
        rows = self._check_rows(X)
        x = self.scaling_.to(rows if self.grid_ is None else self._real(rows, 0.5)[0])
        forward = lambda params, x, c: one_page.forward(self.layers_, params, x, c)[0]
        return self._output(self._blocks(forward, x, self._condition(y, len(rows)), "transforming"), X)

    def fit_transform(self, X, y=None, sample_weight=None):
        """`fit(X, y)`, then `transform(X, y)`."""
        return self.fit(X, y, sample_weight).transform(X, None if self.classes_ is None else y)

    def inverse_transform(self, Z, y=None):
        """x = f^-1(z) for each row of noise, (n, D), in the data's units; whole values where the data were.

        Z: (n, d), noise. Raises ValueError for another shape and for what is not finite.
        """
        self._check_fitted()
        Z = np.asarray(Z, np.float64)
        if Z.ndim != 2 or Z.shape[1] != self.scaling_.dims or not np.isfinite(Z).all():
            wanted = f"finite numbers (n, {self.scaling_.dims})"
            raise ValueError(f"inverse_transform: got an array of shape {Z.shape}; expected {wanted}")
        return self._generate(Z, self._condition(y, len(Z)))

    def _generate(self, Z, c):
        x = self.scaling_.back(
            self._blocks(lambda params, z, c: one_page.sample(self.layers_, params, z, c), Z, c, "sampling")
        )
        if self.grid_ is None:
            return x
        low, step, levels = self.grid_
        return low + step * empty(logit_inverse(x, self.alpha), levels)

    def sample(self, n=None, y=None, *, noise=None, random_state=None):
        """n draws of x, (n, D): z from N(0, I), then x = f^-1(z).

        y: one label for all, or n labels; None: labels drawn as often as in training, if there are any. noise: standard
        normal numbers (n, d) to use for z. Without a random_state it is the model's own: two calls, the same draws.
        Raises ValueError for noise of another shape.
        """
        self._check_fitted()
        rng = self._sampling(random_state)
        if noise is not None:
            noise = np.asarray(noise, np.float64)
            if noise.ndim != 2 or noise.shape[1] != self.scaling_.dims or n not in (None, len(noise)):
                rows = "n" if n is None else n
                raise ValueError(f"noise must have shape ({rows}, {self.scaling_.dims}), got {noise.shape}")
            n = len(noise)
        if y is None and self.classes_ is not None:
            y = rng.choice(self.classes_, options.whole()("n", 1 if n is None else n), p=self.frequencies_)
        y = labels.for_draws(n, y)
        n = options.whole()("n", 1 if n is None else n) if y is None else len(y)
        z = rng.standard_normal((n, self.scaling_.dims)) if noise is None else noise
        return self._generate(z, self._condition(y, n))

    def _columns_out(self):
        return self.scaling_.dims

    # ---- files ----

    @classmethod
    def _described(cls, values):
        changed = {name: stack.describe(values[name]) for name in ("layers", "layers_") if name in values}
        return super()._described(values | changed)

    @classmethod
    def _rebuilt(cls, values):
        changed = {name: stack.rebuild(values[name]) for name in ("layers", "layers_") if name in values}
        return super()._rebuilt(values | changed)
