"""Held-out rows: what the loss is on them, which parameters were best, and when to stop."""

import math

import numpy as np

from tinygen.nn.arguments import cast, checked_data, positive, scalar_and_terms
from tinygen.program.plan import compile as compiled


class TrainingWarning(UserWarning):
    """Training went to its end, but a look at its curves says that something should be changed."""


class Validation:
    """Rows that training does not see, looked at before the first step and then every `every` steps.

    data : array or tree as training's, evaluated in one piece; a row may be repeated, to average over more noise
    every : steps between two looks
    patience : how many looks without a new best before training stops; None: it never does
    loss : loss(params, data, noise) -> scalar, the lower the better; None: the loss of training
    noise : noise(rng, data) -> what `loss` takes as noise, drawn once, so that two looks differ by the parameters alone

    The parameters that are looked at are the optimiser's average where it keeps one. Those of the best look are the
    result of training.
    """

    def __init__(self, data, *, every=100, patience=20, loss=None, noise=None, rng=0):
        self.every = positive("every", every, whole=True)
        self.patience = patience if patience is None else positive("patience", patience, whole=True)
        self.data, self.loss, self.noise, self.rng = data, loss, noise, rng
        self.best, self.vector = math.inf, None
        self.history = {"validation": [], "validation_step": []}

    def prepare(self, loss, vector, back, compile):
        """For a run of training of that loss and flat vector of parameters."""
        data, _ = checked_data(self.data, vector.dtype)
        noise = self.noise and cast(self.noise(np.random.default_rng(self.rng), data), vector.dtype)
        both = scalar_and_terms(self.loss or loss)
        value_of = lambda params, data, noise: both(params, data, noise)[0]
        value_of = compiled(value_of) if compile else value_of
        self._seen = vector.copy()
        params = back(self._seen)
        self._value = lambda: float(value_of(params, data, noise))

    def look(self, step, vector):
        """Take the loss on the held-out rows with these parameters; remember them if they are the best so far."""
        self._seen[:] = vector
        with np.errstate(all="ignore"):  # a value that is not finite is no best one
            value = self._value()
        self.history["validation"].append(value)
        self.history["validation_step"].append(step)
        if value < self.best:
            self.best, self.vector = value, vector.copy()

    def last(self):
        """The last value, None before the first."""
        return self.history["validation"][-1] if self.history["validation"] else None

    def best_step(self):
        """The step after which the best value was found."""
        values = np.array(self.history["validation"])
        return int(self.history["validation_step"][int(np.argmin(np.where(np.isnan(values), np.inf, values)))])

    def exhausted(self):
        """Whether the last `patience` looks brought no new best."""
        values = self.history["validation"]
        if self.patience is None or not values:
            return False
        return len(values) - 1 - self.history["validation_step"].index(self.best_step()) >= self.patience

    def state(self):
        """What a checkpoint holds of it."""
        return {"best": self.best, "vector": self.vector, "history": {k: list(v) for k, v in self.history.items()}}

    def restore(self, state):
        """Go on from what `state` returned."""
        self.best, self.vector = state["best"], state["vector"]
        self.history = {name: list(values) for name, values in state["history"].items()}

    def advice(self, done, total):
        """A sentence if the curve says that something should be changed, else None; done: steps, of `total`."""
        values, steps = np.array(self.history["validation"]), np.array(self.history["validation_step"])
        if len(values) < 5 or not np.isfinite(self.best):
            return None
        best, gained = self.best_step(), values[0] - self.best
        if best == 0:
            return (
                f"no step of training was better on the held-out rows than the start ({self.best:.5g}), and the start "
                "is kept: take a smaller learning_rate or a smaller net, or give more rows"
            )
        late = values[steps >= 0.75 * done][0] - self.best
        if done >= total and best > 0.95 * done and late > 0.02 * gained:
            return (
                f"training stopped after {done} steps while the held-out loss was still falling (from "
                f"{self.best + late:.5g} to {self.best:.5g} in the last quarter): raise max_steps, or the learning_rate"
            )
        if self.patience is None and values[-1] - self.best > 0.1 * gained:
            return (
                f"the net overfits: the held-out loss was {self.best:.5g} after step {best} and is {values[-1]:.5g} "
                f"after {done}. The parameters of step {best} are kept; stop earlier (patience), or use a smaller net"
            )
        return None
