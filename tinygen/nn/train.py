"""Training: a generator of one record a step; above it, `fit` with a progress bar."""

import math
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygen.autodiff import tree, value_and_grad
from tinygen.nn import weights as row_weights
from tinygen.nn.arguments import all_finite, cast, checked_data, params_dtype, positive, scalar_and_terms
from tinygen.nn.nonfinite import explain
from tinygen.nn.optim import Adam
from tinygen.nn.resuming import Resumable, uninterrupted
from tinygen.nn.threads import one_thread
from tinygen.nn.validation import TrainingWarning, Validation
from tinygen.program.plan import compile as compiled

__all__ = ["Record", "Training", "TrainingWarning", "Validation", "fit", "steps"]


class Record(NamedTuple):
    """What one step did."""

    step: int  # 1, 2, ...
    epoch: int  # whole passes over the data before this step: 0, 1, ...
    loss: float  # on this step's batch, with the parameters before the step
    terms: dict  # the loss's named terms, floats
    seconds: float  # of training so far, without what the caller does between the steps
    params: Any  # the parameters after the step: views that the next step changes, so copy what is to be kept
    validation: float | None = None  # the last loss on the held-out rows, if there are any


def steps(loss, params, data, **options):
    """Train, and yield a `Record` after each step; the options are those of `Training`.

    loss, params, data: as in `Training`, whose parameters they are.
    """
    training = Training(loss, params, data, **options)
    with training.kept():
        yield from training


def fit(loss, params, data, *, progress=True, verbose=0, callback=None, **options):
    """Train to the end and return `(params, history)`; the options are those of `Training`.

    progress : show a progress bar, where somebody looks (a terminal or a notebook).
    verbose : print a line every so many seconds, terminal or not; 0: none.
    callback : called with each `Record`; if it returns True, training stops there, as if it had been that long.
    params : those of the best look at held-out rows, if there are any; else the optimiser's average, if it keeps one;
        else the last ones.
    history : {"loss": (steps,), each of the loss's terms: (steps,), "seconds": (steps,)}, float64; with held-out rows
        also "validation" and "validation_step", one value a look.

    Interrupted (Ctrl-C), it writes the checkpoint before it raises. A TrainingWarning says in words if the curves show
    that training was too short, too long or of no use. loss, params, data: as in `Training`; data is an array (N, ...)
    or a tree of such arrays.

    >>> import functools
    >>> x = np.random.default_rng(0).normal(3.0, 1.0, (1000, 1))
    >>> squares = lambda params, batch, noise: np.mean((batch - params["mean"]) ** 2)
    >>> adam = functools.partial(Adam, rate=0.1)
    >>> params, history = fit(squares, {"mean": np.zeros(1)}, x, rng=1, epochs=20, optimiser=adam)
    >>> bool(abs(params["mean"][0] - x.mean()) < 0.2)
    True
    """
    from tqdm import tqdm

    training = Training(loss, params, data, **options)
    hidden = not progress or (False if "ipykernel" in sys.modules else None)  # None: unless it writes to a terminal
    smooth, printed = None, time.monotonic()
    bar = tqdm(total=training.total, initial=training.step, unit="step", disable=hidden)
    with bar, one_thread(params, training._batch_size), training.kept():
        for record in training:
            smooth = record.loss if smooth is None else 0.98 * smooth + 0.02 * record.loss
            text = f"epoch {record.epoch + 1}, loss {smooth:.5g}"
            if record.validation is not None:
                text += f", held out {record.validation:.5g}"
            bar.set_postfix_str(text, refresh=False)
            bar.update(record.step - bar.n)
            if verbose and (time.monotonic() - printed >= verbose or record.step == training.total):
                printed = time.monotonic()
                print(f"step {record.step}/{training.total}, {text}, {record.seconds:.0f} s", flush=True)
            if callback is not None and callback(record):
                break
        training.kept_now()
    advice = training.validation and training.validation.advice(training.step, training.total)
    if advice:
        warnings.warn(advice, TrainingWarning, stacklevel=2)
    return training.result(), training.history


class Training(Resumable):
    """A run of training: iterate over it to do its steps.

    loss : loss(params, batch, noise) -> scalar, or (scalar, {name: scalar, ...}) to have its terms in the records.
        A pure function: what is random in it is its argument `noise`.
    params : tree of float32 or float64 arrays, all of one dtype; not changed (`Training.params` is a copy that is)
    data : array (N, ...), or a tree of arrays with the same N; floats are cast to the dtype of the parameters
    rng : numpy.random.Generator or seed, for the order of the data and the noise
    epochs : passes over the data; the last step may begin a further one. Or max_steps : how many steps
    batch_size : rows a step, the same in each: a shuffled pass that ends within a batch is continued by the next one
    noise : noise(rng, batch) -> array or tree, drawn anew at each step; None: the loss gets None
    optimiser : vector -> optimiser with step, state and restore, for example functools.partial(Adam, rate=3e-3)
    validation : a `Validation`, with the rows that are held out; None: none
    weights : (N,), how often a row is drawn beside the others; None: all alike
    checkpoint : file that is written now, then every `save_seconds` and at the end. If it is there already, training
        continues from it with the same bits as if it had never stopped, and the first record is the saved one again.
        ValueError, by the name of what differs, if it belongs to another run (data, start, options, loss, `identity`);
        only the length may differ.
    identity : {name: plain value} of what the caller's run depends on besides, for that comparison
    compile : record the step once and replay it, which is several times faster for small nets. A loss that looks at its
        values (`if loss > 1`) needs compile=False.

    Stops with FloatingPointError at the first step whose loss or gradient is not finite, and names the operation. The
    parameters and the checkpoint are then those before that step.
    """

    def __init__(
        self,
        loss,
        params,
        data,
        *,
        rng,
        epochs=None,
        max_steps=None,
        batch_size=128,
        noise=None,
        optimiser=Adam,
        validation=None,
        weights=None,
        checkpoint=None,
        save_seconds=10.0,
        identity=None,
        compile=True,
    ):
        dtype = params_dtype(params)
        self._loss, self._noise = scalar_and_terms(loss), noise
        self._vector, self._back = tree.ravel(params)
        self._gradient = np.empty_like(self._vector)
        self.params = self._back(self._vector)
        gradient_of = value_and_grad(self._loss, has_aux=True)
        self._gradient_of = compiled(gradient_of, out=(None, self._back(self._gradient))) if compile else gradient_of
        self._compiled = compile
        self._optimiser = optimiser(self._vector)
        self._dtype = dtype
        self._data, self._n = checked_data(data, dtype)
        self._batch_size = min(positive("batch_size", batch_size, whole=True), self._n)
        self._batch = tree.map(lambda x: np.empty((self._batch_size, *x.shape[1:]), x.dtype), self._data)
        if (epochs is None) == (max_steps is None):
            raise ValueError(f"training: got epochs={epochs!r} and max_steps={max_steps!r}; expected one of the two.")
        if max_steps is None:
            self.total = math.ceil(positive("epochs", epochs) * self._n / self._batch_size)
        else:
            self.total = positive("max_steps", max_steps, whole=True)
        self.validation = validation
        if validation is not None:
            validation.prepare(loss, self._vector, self._back, compile)
        self._rng = np.random.default_rng(rng)
        self._checkpoint, self._save_seconds = checkpoint and Path(checkpoint), save_seconds
        self._weights = row_weights.checked(weights, self._n)
        self._same = self._identity(identity or {}) if checkpoint else {}
        self._order, self._position = self._pass(), 0
        self.step, self._seconds, self._history = 0, 0.0, {}
        self._whole = True  # whether vector, optimiser and history are all of the same step
        self._mark()
        if checkpoint and self._checkpoint.exists():
            self._resume()
        if validation is not None and not validation.history["validation"]:
            validation.look(0, self._shown())
        if checkpoint:
            self._save()  # now, so that a folder that cannot be written stops the run before it has cost anything

    @property
    def history(self):
        """The loss, its terms and the seconds of all steps so far: a dict of float64 arrays (steps,)."""
        held_out = {} if self.validation is None else self.validation.history
        return {name: np.array(values, np.float64) for name, values in {**self._history, **held_out}.items()}

    def result(self):
        """The parameters that training has found, as a new tree: see `fit`."""
        best = None if self.validation is None else self.validation.vector
        return self._back((self._shown() if best is None else best).copy())

    def _shown(self):
        """The flat parameters that are looked at: the optimiser's average, where it keeps one."""
        return self._optimiser.average() if hasattr(self._optimiser, "average") else self._vector

    def __iter__(self):
        if self.step:
            yield self._record()
        while self.step < self.total and not (self.validation and self.validation.exhausted()):
            started = time.perf_counter()
            batch, noise = self._draw()
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # what comes of it is looked at below
                (loss, terms), gradient = self._gradient_of(self.params, batch, noise)
                if not self._compiled:  # else the replay has written it there
                    np.concatenate([np.ravel(leaf) for leaf in tree.flatten(gradient)[0]], out=self._gradient)
                finite = math.isfinite(loss) and all_finite(self._gradient)
            if not finite:
                raise FloatingPointError(self._why(loss, batch, noise))
            with uninterrupted():
                self._whole = False
                self._optimiser.step(self._gradient)
                self.step += 1
                self._seconds += time.perf_counter() - started
                for name, value in {"loss": loss, **terms, "seconds": self._seconds}.items():
                    self._history.setdefault(name, []).append(float(value))
                if self.validation and (self.step % self.validation.every == 0 or self.step == self.total):
                    self.validation.look(self.step, self._shown())
                self._mark()
                self._whole = True
            if self._checkpoint and (self.step == self.total or time.monotonic() - self._saved >= self._save_seconds):
                self._save()
            yield self._record()
        self.kept_now()

    def _record(self):
        last = {name: values[-1] for name, values in self._history.items()}
        loss, seconds = last.pop("loss"), last.pop("seconds")
        epoch = (self.step - 1) * self._batch_size // self._n
        held_out = self.validation and self.validation.last()
        return Record(self.step, epoch, loss, last, seconds, self.params, held_out)

    def _pass(self):
        """The order of the rows in a pass over the data."""
        if self._weights is None:
            return self._rng.permutation(self._n)
        return self._rng.permutation(row_weights.spread(self._weights, self._n, self._rng.random()))

    def _draw(self):
        """The next rows of the shuffled data, and their noise."""
        end = self._position + self._batch_size
        index = self._order[self._position : end]
        if end > self._n:
            self._order, end = self._pass(), end - self._n
            index = np.concatenate([index, self._order[:end]])
        self._position = end
        tree.map(lambda x, rows: np.take(x, index, axis=0, out=rows, mode="clip"), self._data, self._batch)
        noise = self._noise and self._noise(self._rng, self._batch)
        return self._batch, cast(noise, self._dtype)

    def _why(self, loss, batch, noise):
        what = "gradient" if math.isfinite(loss) else f"loss is {float(loss)}, so the gradient"
        where = explain(lambda *args: self._loss(*args)[0], self.params, batch, noise)
        return (
            f"training stopped at step {self.step + 1}: the {what} is not finite. Repeating the step operation by "
            f"operation: {where}. Keep arguments where their function and its derivative are defined (a floor, a "
            "clip), or take a smaller rate."
        )
