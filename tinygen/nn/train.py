"""Training: a generator of one record a step; above it, `fit` with a progress bar."""

import functools
import math
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygen.autodiff import tree, value_and_grad
from tinygen.nn import checkpoint as store
from tinygen.nn.nonfinite import explain
from tinygen.nn.optim import Adam
from tinygen.program.plan import compile as compiled


class Record(NamedTuple):
    """What one step did."""

    step: int  # 1, 2, ...
    epoch: int  # whole passes over the data before this step: 0, 1, ...
    loss: float  # on this step's batch, with the parameters before the step
    terms: dict  # the loss's named terms, floats
    seconds: float  # of training so far, without what the caller does between the steps
    params: Any  # the parameters after the step: views that the next step changes, so copy what is to be kept


def steps(loss, params, data, **options):
    """Train, and yield a `Record` after each step; the options are those of `Training`."""
    yield from Training(loss, params, data, **options)


def fit(loss, params, data, *, progress=True, **options):
    """Train to the end and return `(params, history)`; the options are those of `Training`.

    progress : show a progress bar, where somebody looks (a terminal or a notebook).
    history : {"loss": (steps,), each of the loss's terms: (steps,), "seconds": (steps,)}, float64.

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
    smooth = None
    with tqdm(total=training.total, initial=training.step, unit="step", disable=hidden) as bar:
        for record in training:
            smooth = record.loss if smooth is None else 0.98 * smooth + 0.02 * record.loss
            bar.set_postfix_str(f"epoch {record.epoch + 1}, loss {smooth:.5g}", refresh=False)
            bar.update(record.step - bar.n)
    return training.params, training.history


class Training:
    """A run of training: iterate over it to do its steps.

    loss : loss(params, batch, noise) -> scalar, or (scalar, {name: scalar, ...}) to have its terms in the records.
        A pure function: what is random in it is its argument `noise`.
    params : tree of float32 or float64 arrays, all of one dtype; not changed (`Training.params` is a copy that is)
    data : array (N, ...), or a tree of arrays with the same N; floats are cast to the dtype of the parameters
    rng : numpy.random.Generator or seed, for the order of the data and the noise
    epochs : passes over the data; the last step may begin a further one
    batch_size : rows a step, the same in each: a shuffled pass that ends within a batch is continued by the next one
    noise : noise(rng, batch) -> array or tree, drawn anew at each step; None: the loss gets None
    optimiser : vector -> optimiser with step, state and restore, for example functools.partial(Adam, rate=3e-3)
    checkpoint : file that is written now, then every `save_seconds` and at the end. If it is there already, training
        continues from it with the same bits as if it had never stopped, and the first record is the saved one again;
        ValueError if it belongs to another run (other data, start, options or loss).
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
        epochs,
        batch_size=128,
        noise=None,
        optimiser=Adam,
        checkpoint=None,
        save_seconds=10.0,
        compile=True,
    ):
        dtype = _params_dtype(params)
        self._loss, self._noise = _scalar_and_terms(loss), noise
        self._vector, back = tree.ravel(params)
        self._gradient = np.empty_like(self._vector)
        self.params = back(self._vector)
        gradient_of = value_and_grad(self._loss, has_aux=True)
        self._gradient_of = compiled(gradient_of, out=(None, back(self._gradient))) if compile else gradient_of
        self._compiled = compile
        self._optimiser = optimiser(self._vector)
        self._dtype = dtype
        self._data, self._n = _checked_data(data, dtype)
        self._batch_size = min(_positive("batch_size", batch_size, whole=True), self._n)
        self._batch = tree.map(lambda x: np.empty((self._batch_size, *x.shape[1:]), x.dtype), self._data)
        self.total = math.ceil(_positive("epochs", epochs) * self._n / self._batch_size)
        self._rng = np.random.default_rng(rng)
        self._order, self._position = self._rng.permutation(self._n), 0
        self.step, self._seconds, self._history = 0, 0.0, {}
        self._checkpoint, self._save_seconds = checkpoint and Path(checkpoint), save_seconds
        if checkpoint:
            if self._checkpoint.exists():
                self._resume()
            self._save()  # now, so that a folder that cannot be written stops the run before it has cost anything

    @property
    def history(self):
        """The loss, its terms and the seconds of all steps so far: a dict of float64 arrays (steps,)."""
        return {name: np.array(values) for name, values in self._history.items()}

    def __iter__(self):
        if self.step:
            yield self._record()
        while self.step < self.total:
            started = time.perf_counter()
            batch, noise = self._draw()
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # what comes of it is looked at below
                (loss, terms), gradient = self._gradient_of(self.params, batch, noise)
                if not self._compiled:  # else the replay has written it there
                    np.concatenate([np.ravel(leaf) for leaf in tree.flatten(gradient)[0]], out=self._gradient)
                finite = math.isfinite(loss) and _all_finite(self._gradient)
            if not finite:
                raise FloatingPointError(self._why(loss, batch, noise))
            self._optimiser.step(self._gradient)
            self.step += 1
            self._seconds += time.perf_counter() - started
            for name, value in {"loss": loss, **terms, "seconds": self._seconds}.items():
                self._history.setdefault(name, []).append(float(value))
            if self._checkpoint and (self.step == self.total or time.monotonic() - self._saved >= self._save_seconds):
                self._save()
            yield self._record()

    def _record(self):
        last = {name: values[-1] for name, values in self._history.items()}
        loss, seconds = last.pop("loss"), last.pop("seconds")
        return Record(self.step, (self.step - 1) * self._batch_size // self._n, loss, last, seconds, self.params)

    def _draw(self):
        """The next rows of the shuffled data, and their noise."""
        end = self._position + self._batch_size
        index = self._order[self._position : end]
        if end > self._n:
            self._order, end = self._rng.permutation(self._n), end - self._n
            index = np.concatenate([index, self._order[:end]])
        self._position = end
        tree.map(lambda x, rows: np.take(x, index, axis=0, out=rows, mode="clip"), self._data, self._batch)
        noise = self._noise and self._noise(self._rng, self._batch)
        return self._batch, _cast(noise, self._dtype)

    def _why(self, loss, batch, noise):
        what = "gradient" if math.isfinite(loss) else f"loss is {float(loss)}, so the gradient"
        where = explain(lambda *args: self._loss(*args)[0], self.params, batch, noise)
        return (
            f"training stopped at step {self.step + 1}: the {what} is not finite. Looking for it, {where}. Keep "
            "arguments where their function and its derivative are defined (a floor, a clip), or take a smaller rate."
        )

    # ---- checkpoints ----

    def _save(self):
        state = {
            "vector": self._vector,
            "optimiser": self._optimiser.state(),
            "rng": self._rng.bit_generator.state,
            "order": self._order,
            "position": self._position,
            "step": self.step,
            "history": self.history,
        }
        store.save(self._checkpoint, state, meta=self._identity())
        self._saved = time.monotonic()

    def _identity(self):
        """What must be the same in the run that continues, as JSON gives it back."""
        options = {name: value for name, value in vars(self._optimiser).items() if type(value) is float}
        shapes = [[path, list(leaf.shape)] for path, leaf in zip(tree.paths(self.params), tree.flatten(self.params)[0])]
        return {
            "parameters": shapes,
            "dtype": str(self._dtype),
            "optimiser": {"name": type(self._optimiser).__name__, **options},
            "rows of data": self._n,
            "batch_size": self._batch_size,
        }

    def _resume(self):
        state, meta = store.load(self._checkpoint)
        mine = self._identity()
        if not isinstance(meta, dict) or meta.keys() != mine.keys():
            raise ValueError(f"{self._checkpoint} is a checkpoint, but not of training. Give another name.")
        differing = [f"{name} was {meta[name]}, is {mine[name]}" for name in mine if meta[name] != mine[name]]
        if state["step"] and not differing:  # loss, data, noise, seed and start show in the first loss
            first, (now, _) = state["history"]["loss"][0], self._loss(self.params, *self._draw())
            if not math.isclose(first, now, rel_tol=100 * np.finfo(self._dtype).eps):
                differing.append(f"the first loss was {first}, is {float(now)}: another loss, data, start or seed")
        if differing:
            raise ValueError(
                f"{self._checkpoint} belongs to another run: {'; '.join(differing)}. Delete it or give another name."
            )
        self._vector[:] = state["vector"]
        self._optimiser.restore(state["optimiser"])
        self._rng.bit_generator.state = state["rng"]
        self._order, self._position, self.step = state["order"], state["position"], state["step"]
        self._history = {name: values.tolist() for name, values in state["history"].items()}
        self._seconds = self._history["seconds"][-1] if self.step else 0.0


def _scalar_and_terms(loss):
    """The loss as a function that always returns (scalar, terms)."""

    @functools.wraps(loss)
    def both(params, batch, noise):
        out = loss(params, batch, noise)
        scalar, terms = out if isinstance(out, tuple) and len(out) == 2 else (out, {})
        if not isinstance(terms, dict):
            got = type(terms).__name__
            raise TypeError(f"the loss returned (scalar, {got}); expected a scalar or (scalar, {{name: scalar, ...}}).")
        for name, term in terms.items():
            if np.shape(term):
                raise TypeError(f"the loss's term {name!r} has shape {np.shape(term)}; expected a scalar: its mean?")
        return scalar, terms

    return both


def _params_dtype(params):
    """The one dtype of the parameters."""
    found = {}
    for path, leaf in zip(tree.paths(params), tree.flatten(params)[0]):
        if not isinstance(leaf, np.ndarray) or leaf.dtype not in (np.float32, np.float64):
            got = getattr(leaf, "dtype", type(leaf).__name__)
            raise TypeError(f"params{path}: got {got}; expected a float32 or float64 array. Use .astype(np.float32).")
        if not np.isfinite(leaf).all():
            raise ValueError(f"params{path} holds NaN or inf: training can only start from finite numbers.")
        found[leaf.dtype] = path
    if len(found) != 1 or not sum(leaf.size for leaf in tree.flatten(params)[0]):
        got = ", ".join(f"{dtype} (params{path})" for dtype, path in found.items()) or "no arrays"
        raise TypeError(f"params: got {got}; expected at least one number, and arrays of one dtype.")
    return next(iter(found))


def _checked_data(data, dtype):
    """The data with its floats in `dtype`, and its number of rows."""
    rows = {}
    for path, leaf in zip(tree.paths(data), tree.flatten(data)[0]):
        if not isinstance(leaf, np.ndarray) or leaf.ndim == 0 or leaf.dtype.kind not in "fiub":
            got = f"{leaf.dtype} {leaf.shape}" if isinstance(leaf, np.ndarray) else type(leaf).__name__
            raise TypeError(f"data{path}: got {got}; expected an array of numbers with one row for each example.")
        if not leaf.size:
            raise ValueError(f"data{path} is empty: shape {leaf.shape}. Training needs at least one row.")
        if leaf.dtype.kind == "f" and not np.isfinite(leaf).all():
            place = tuple(np.argwhere(~np.isfinite(leaf))[0].tolist())
            raise ValueError(f"data{path} holds {leaf[place]} at {place}; expected finite numbers: drop or fill it.")
        rows[path] = len(leaf)
    if len(set(rows.values())) != 1:
        raise ValueError(f"data: got {rows or 'no arrays'}; expected arrays with the same number of rows.")
    return _cast(data, dtype), next(iter(rows.values()))


def _all_finite(vector):
    # One pass where all is well: a finite sum has finite terms. (The sum of finite terms may overflow.)
    return math.isfinite(vector.sum()) or np.isfinite(vector).all()


def _cast(values, dtype):
    def cast(x):
        return x.astype(dtype, copy=False) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x

    return tree.map(cast, values)


def _positive(name, value, whole=False):
    kinds, what = ((int, np.integer), "whole number") if whole else ((int, float, np.integer, np.floating), "number")
    if not isinstance(value, kinds) or not 0 < value < math.inf:
        raise ValueError(f"training: got {name}={value!r}; expected a positive {what}.")
    return value
