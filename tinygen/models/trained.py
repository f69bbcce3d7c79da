"""What the trainings of all estimators have in common: options, the rows that are held out, the optimiser."""

import functools
import math
import sys
import warnings

import numpy as np

from tinygen.models import base, options, randomness
from tinygen.nn import train, weights
from tinygen.nn.optim import AveragedAdam

HELD_OUT_DRAWS = 2000  # rows in a look at the held-out ones: few rows are repeated, each time with noise of their own
MOST_HELD_OUT = 4000

# Options of training that every estimator with a net takes, and their checks.
OPTIONS = {
    "max_steps": options.whole(none=True),
    "epochs": options.number(above=0, none=True),
    "validation_fraction": options.number(below=1.0),
    "patience": options.whole(none=True),
    "batch_size": options.whole(),
    "learning_rate": options.number(above=0),
    "cosine_decay": options.one_of(True, False),
    "ema": options.number(below=1.0),
    "dtype": options.one_of("float32", "float64"),
    "verbose": options.number(),
    "compile": options.one_of(True, False),
}


class Trained(base.Estimator):
    """An estimator with a net that is trained by nn.train on rows, with the options of OPTIONS."""

    OPTIONS = OPTIONS
    TRAINING = ("validation_fraction", "batch_size", "learning_rate", "cosine_decay", "ema", "compile")

    def _check_options(self):
        super()._check_options()
        if self.epochs is None and self.max_steps is None:
            raise ValueError("give the length of training: max_steps, or epochs, which is used instead if it is given")

    def _train(self, loss, start, data, *, noise, seed, identity, bound=None, bound_noise=None):
        """Train from the tree `start` on the rows of data, a dict of arrays (n, ...), and return (params, history).

        Some rows are held out, where `validation_fraction` asks for it; bound(params, batch, noise) is what is looked
        at on them (None: the loss), with the noise of `bound_noise`.
        """
        n = len(next(iter(data.values())))
        held_out = held_out_rows(n, self.validation_fraction, seed)
        rest = np.setdiff1d(np.arange(n), held_out)
        validation = None
        if len(held_out):
            size = min(max(len(held_out), HELD_OUT_DRAWS // len(held_out) * len(held_out)), MOST_HELD_OUT)
            if self._weights is None:
                rows = np.resize(held_out, size)
            else:
                rows = held_out[weights.spread(self._weights[held_out], size, 0.5)]
            validation = train.Validation(
                {name: array[rows] for name, array in data.items()}, every=self._every(len(rest)),
                patience=self.patience, loss=bound, noise=bound_noise or noise,
                rng=randomness.stream(seed, "validation"),
            )  # fmt: skip
        steps = self.max_steps
        if self.epochs is not None:
            steps = math.ceil(self.epochs * len(rest) / min(self.batch_size, len(rest)))
        return train.fit(
            loss, start, {name: array[rest] for name, array in data.items()},
            rng=randomness.stream(seed, "training"), max_steps=steps, batch_size=self.batch_size, noise=noise,
            optimiser=self._optimiser(steps), validation=validation,
            weights=None if self._weights is None else self._weights[rest],
            checkpoint=self.checkpoint, identity=identity,
            progress=self.progress, verbose=self.verbose, callback=self.callback, compile=self.compile,
        )  # fmt: skip

    def _optimiser(self, steps):
        total = steps if self.cosine_decay else math.inf
        return functools.partial(AveragedAdam, rate=self.learning_rate, total=total, decay=self.ema)

    def _every(self, n):
        """Steps between two looks: about an epoch's, between 20 and 100."""
        return int(np.clip(n // self.batch_size, 20, 100))

    def _with_bar(self, parts, what):
        """The parts one by one, with a progress bar once that has taken two seconds, where somebody looks."""
        from tqdm import tqdm

        hidden = not self.progress or (False if "ipykernel" in sys.modules else None)
        return tqdm(parts, desc=what, disable=hidden, leave=False, delay=2)

    def _tell(self, text):
        """Say what was chosen, where somebody looks."""
        if self.verbose:
            print(f"{type(self).__name__}: {text}", flush=True)


def held_out_rows(n, fraction, seed):
    """Which of n rows training does not see, sorted.

    fraction: their share of the rows. seed: of the model, which decides which rows they are. Returns indices, (held,).
    """
    count = min(round(fraction * n), n - 1)
    return np.sort(randomness.stream(seed, "validation").permutation(n)[:count])


class DataWarning(UserWarning):
    """Something about the data that a user wants to know."""


def tell_constants(varies):
    """Warn of columns that were constant in training: varies (D,) of bool."""
    constant = np.flatnonzero(~varies)
    if len(constant):
        which = ", ".join(map(str, constant[:8])) + (", ..." if len(constant) > 8 else "")
        text = f"columns {which} are constant: they are reproduced as they are, and have no part in the density"
        warnings.warn(text, DataWarning, stacklevel=5)
