"""What a fitted Diffusion says of rows: its net on any schedule, the density of its flow, the bound on a grid."""

import functools

import numpy as np

import tinygen as tg
from tinygen.models import labels, randomness
from tinygen.models.diffusion import bound, net, one_page
from tinygen.models.diffusion.guidance import classifier_free
from tinygen.models.diffusion.likelihood import log_likelihood
from tinygen.models.diffusion.parameterization import convert, line
from tinygen.models.diffusion.schedule import Schedule
from tinygen.models.flow.continuous import slope_and_divergence

ROWS = 512  # scored at a time
MOST_EXACT = 256  # dimensions up to which the divergence of the ODE is computed exactly


class Scoring:
    """The part of `Diffusion` that predicts and scores."""

    # ---- what the net predicts ----

    def _conditioning(self, logsnr, c, dtype):
        if self.classes_ is None:
            return net.conditioning(logsnr, dtype=dtype)
        return net.conditioning(logsnr, net.one_hot(c, len(self.classes_), len(logsnr), dtype), dtype=dtype)

    def _predict(self, z, logsnr, c):
        """The net's prediction, a `_prediction_kind()`, at z (B, D) in its units; logsnr a number or (B,); c (B,) or
        None."""
        if self.levels_:
            return self._of_grid(net.grid_x, z, logsnr, c)
        return net.predict(self.params_, z, self._conditioning(np.broadcast_to(logsnr, len(z)), c, z.dtype))

    def _of_grid(self, moment, z, logsnr, c):
        """Moments of x given z for values on a grid: net.grid_x or net.grid_moments at z."""
        logsnr = np.broadcast_to(logsnr, len(z))
        share = 1 / (1 + np.exp(-logsnr))
        signal, sigma = (np.sqrt(a)[:, None].astype(z.dtype) for a in (share, 1 - share))  # (B, 1)
        return moment(self.params_, z, self._conditioning(logsnr, c, z.dtype), self._grid_values(), signal, sigma)

    def predict_with(self, schedule, y=None, *, guidance=0.0):
        """The net as `predict(z, t)` on a schedule, for everything in this package, and the kind of what it predicts.

        z is in the net's units, `scaling_.to(x)`. y: labels (n,), None for none. Returns (predict, kind). guidance: w
        of classifier-free guidance, a number. Raises ValueError for guidance
        without labels, or of a net that has seen no row without.
        """
        self._check_fitted()
        c = self._label_indices(y)
        if guidance and c is None:
            raise ValueError("guidance needs a model that was fitted with labels, and labels to guide to")
        with_label = lambda z, t: self._predict(z, schedule.logsnr[t], c)
        if not guidance:
            return with_label, self._prediction_kind()
        if not self._fitted_with["label_dropout"]:
            raise ValueError("guidance needs a net that has seen rows without labels too: fit with label_dropout > 0")
        without = lambda z, t: self._predict(z, schedule.logsnr[t], None)
        return classifier_free(with_label, without, guidance), self._prediction_kind()

    def eps_of(self, y=None):
        """The net as `eps_of(z, logsnr)`, for the probability-flow ODE; y as in `predict_with`."""
        self._check_fitted()
        c, kind = self._label_indices(y), self._prediction_kind()

        def eps(z, logsnr):
            return convert(Schedule.from_logsnr([logsnr]), self._predict(z, logsnr, c), z, 1, kind, "eps")

        return eps

    # ---- likelihood ----

    def score_samples(self, X, y=None, *, return_error=False):
        """log p(x) of each row in nats, or log p(x|y) with labels, (n,): what `bound_` says.

        "exact": the density of the probability-flow ODE's model, by `score_steps` steps. "estimate": the same, the
        divergence by Hutchinson's estimate with `score_probes` random signs a row. "elbo": the bound on the log
        probability of the whole values, all terms, estimated without bias from `score_steps` of the T steps, evenly
        spread, one draw of noise each, and t = 1 always. A row's probes, steps and noise depend on `random_state` and
        the row's values only.
        return_error: also return the standard error of each row's number, (n,): 0 where it is exact (the solver's error
        is not in it). X: (n, D).
        """
        X = self._check_rows(X)
        y = None if y is None else labels.checked(y, len(X))
        score = self._bound if self.grid_ is not None else self._density_by(_Field(self, len(X) > 32))
        x, key, found = self._to_net(X), self.scaling_.key(X), []
        for start in self._with_bar(range(0, len(X), ROWS), "scoring"):
            index = np.minimum(np.arange(start, start + min(ROWS, len(X))), len(X) - 1)  # the last block is filled up
            found.append(score(x[index], key[index], None if y is None else y[index]))
        nats, error = (np.concatenate(part)[: len(X)].astype(np.float64) for part in zip(*found))
        nats += self.scaling_.log_det
        nats[self.scaling_.impossible(X)] = -np.inf
        return (nats, error) if return_error else nats

    def _density_by(self, field):
        """A function of the net's rows, their keys and labels: log p(x) and its standard error, (B,) each."""
        span = (self.schedule_.logsnr[1], self.schedule_.logsnr[-1])

        def density(x, key, y):
            probes = None
            if self.scaling_.dims > MOST_EXACT:
                u = randomness.row_uniforms(self.seed_, key, self.score_probes * x.shape[1])
                probes = np.where(u < 0.5, -1, 1).reshape(len(x), self.score_probes, -1).swapaxes(0, 1).astype(x.dtype)
            field.given(self._label_indices(y), probes)
            found = log_likelihood(None, x.astype(np.float64), logsnr=span, steps=self.score_steps, probes=probes,
                                   compare=False, field=field)  # fmt: skip
            return found.log_prob, found.standard_error

        return density

    def _bound(self, x, key, y):
        """The bound at the net's rows x (B, D) on a grid, with these keys, and its standard error, (B,) each."""
        s, D = self.schedule_, x.shape[1]
        steps = min(self.score_steps, s.T)
        shift = randomness.row_uniforms(self.seed_, key, 1)[:, 0]
        noise = randomness.row_normals(self.seed_, key, (steps + 1, D), purpose="validation", dtype=x.dtype)
        noise = noise.swapaxes(0, 1)  # (steps + 1, n, D)
        predict, kind = self.predict_with(s, y)
        reverse = one_page.reverse_of(s, predict, kind)
        nats = self._decoder(s, y)(x, bound.noisy(s, x, 1, noise[-1])) - bound.prior_term(s, x)
        terms = []
        for i in range(steps if s.T > 1 else 0):  # evenly spread over t = 2, ..., T, with the factor (T - 1)/steps
            t = 2 + ((i + shift) / steps * (s.T - 1)).astype(int)
            terms.append((s.T - 1) * bound.kl_term(s, reverse, x, bound.noisy(s, x, t, noise[i]), t))
        terms = np.array(terms, np.float64)  # (steps, n)
        error = np.std(np.diff(terms, axis=0), axis=0) / np.sqrt(2 * steps)  # neighbours differ by their noise, mostly
        return nats.astype(np.float64) - terms.mean(axis=0), error

    def _decoder(self, schedule, y):
        c, logsnr = self._label_indices(y), schedule.logsnr[1]
        logits = lambda z: net.grid_logits(self.params_, z, self._conditioning(np.full(len(z), logsnr), c, z.dtype))
        return bound.grid_decoder(schedule, self._grid_values(), logits)


class _Field:
    """The probability-flow ODE of a fitted Diffusion, as `log_likelihood` wants it.

    The net computes in its own dtype, the solver in float64. dy/dlog s = s eps(z), z = share y, and eps = factor *
    prediction + offset * z.
    """

    def __init__(self, model, many):
        self.model = model
        self._estimated = tg.compile(_estimated) if many else _estimated  # recorded once if many rows ask

    def given(self, c, probes):
        """The rows' labels, as whole numbers (B,) or None, and Hutchinson's probes (K, B, d) or None."""
        self.c, self.probes = c, probes

    def slope(self, y, log_s):
        return _slope(*self._arguments(y, log_s)).astype(np.float64)

    def both(self, y, log_s):
        found = _exact if self.probes is None else functools.partial(self._estimated, self.probes)
        slope, divergence = found(*self._arguments(y, log_s))
        return slope.astype(np.float64), divergence.astype(np.float64)

    def _arguments(self, y, log_s):
        model, dtype = self.model, np.dtype(self.model.dtype)
        at = Schedule.from_logsnr([-2 * log_s])
        (from_x, from_z), (to_x, to_z) = line(at, model._prediction_kind()), line(at, "eps")
        factor = to_x[1] / from_x[1]
        s = np.exp(log_s)
        numbers = (s, 1 / np.sqrt(1 + s * s), factor, to_z[1] - factor * from_z[1])
        conditioning = model._conditioning(np.full(len(y), -2 * log_s), self.c, dtype)
        return model.params_, y.astype(dtype), conditioning, *(np.array(number, dtype) for number in numbers)


def _slope(params, y, conditioning, s, share, factor, offset):
    """dy/dlog s, (B, d)."""
    z = share * y
    return s * (factor * net.predict(params, z, conditioning) + offset * z)


def _exact(params, y, conditioning, s, share, factor, offset):
    """dy/dlog s (B, d) and its divergence (1, B)."""
    z = share * y
    prediction, trace = net.predict_and_trace(params, z, conditioning)
    return s * (factor * prediction + offset * z), (s * share * (factor * trace + offset * y.shape[1]))[None]


def _estimated(probes, params, y, *rest):
    """dy/dlog s (B, d) and its divergence by each of the probes, (K, B)."""
    return slope_and_divergence(lambda y: _slope(params, y, *rest), y, probes)
