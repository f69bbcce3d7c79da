"""A run of training that may be killed: its checkpoint, and whether that belongs to the run that wants to go on."""

import contextlib
import hashlib
import math
import signal
import threading
import time

import numpy as np

from tinygen.autodiff import tree
from tinygen.nn import checkpoint as store


class Resumable:
    """The part of `train.Training` that keeps a checkpoint and goes on from one."""

    @contextlib.contextmanager
    def kept(self):
        """Whatever ends the block, Ctrl-C too: the checkpoint, if there is one, is written before it goes on."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(OSError):  # what ended the block is the news
                self.kept_now()
            raise

    def kept_now(self):
        """Write the checkpoint, if there is one and it is not of this step."""
        if self._checkpoint and self._whole and self._saved_step != self.step:
            self._save()

    def _mark(self):
        """Remember from where the next step draws: a step that is interrupted has drawn already."""
        self._next = {"rng": self._rng.bit_generator.state, "order": self._order, "position": self._position}

    def _save(self):
        state = {
            "vector": self._vector,
            "optimiser": self._optimiser.state(),
            **self._next,
            "step": self.step,
            "history": {name: np.array(values) for name, values in self._history.items()},
            "validation": self.validation and self.validation.state(),
        }
        store.save(self._checkpoint, state, meta={**self._same, "content": store.digest(state)})
        self._saved, self._saved_step = time.monotonic(), self.step

    def _identity(self, given):
        """What must be the same in the run that continues, as JSON gives it back; what is `given` comes first."""
        longer = getattr(self._optimiser, "LONGER", ())
        options = {k: v for k, v in vars(self._optimiser).items() if type(v) is float and k not in longer}
        shapes = [[path, list(leaf.shape)] for path, leaf in zip(tree.paths(self.params), tree.flatten(self.params)[0])]
        held_out = self.validation
        return {
            **given,
            "parameters": shapes,
            "dtype": str(self._dtype),
            "optimiser": {"name": type(self._optimiser).__name__, **options},
            "rows of data": self._n,
            "batch_size": self._batch_size,
            "data": {path: _digest(leaf) for path, leaf in zip(tree.paths(self._data), tree.flatten(self._data)[0])},
            "weights": None if self._weights is None else _digest(self._weights),
            "start of the parameters": _digest(self._vector),
            "random numbers": _digest(repr(self._rng.bit_generator.state).encode()),
            "held-out rows": held_out and [_digest(leaf) for leaf in tree.flatten(held_out.data)[0]],
            "steps between looks at them": held_out and held_out.every,
        }

    def _resume(self):
        state, meta = store.load(self._checkpoint)
        mine = self._same
        if not isinstance(meta, dict) or "random numbers" not in meta or not isinstance(state, dict):
            raise ValueError(f"{self._checkpoint} is a checkpoint, but not of training. Give another name.")
        if meta.pop("content", None) != store.digest(state):
            raise store.CheckpointError(f"{self._checkpoint} is damaged: its content was changed. Use an older one.")
        differing = changes(meta, mine)
        if not differing and state["step"] > self.total:
            differing = [f"it has done {state['step']} steps, and this run ends after {self.total}"]
        if state["step"] and not differing:  # loss and noise show in the first loss
            first, (now, _) = state["history"]["loss"][0], self._loss(self.params, *self._draw())
            if not math.isclose(first, now, rel_tol=100 * np.finfo(self._dtype).eps):
                differing.append(f"the first loss was {first}, is {float(now)}: another loss or noise")
        if differing:
            what = "; ".join(differing[:4])
            raise ValueError(f"{self._checkpoint} belongs to another run: {what}. Delete it or give another name.")
        try:
            self._vector[:] = state["vector"]
            self._optimiser.restore(state["optimiser"])
            self._rng.bit_generator.state = state["rng"]
            self._order, self._position, self.step = state["order"], state["position"], state["step"]
            self._history = {name: values.tolist() for name, values in state["history"].items()}
            if self.validation is not None:
                self.validation.restore(state["validation"])
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise store.CheckpointError(f"{self._checkpoint} is damaged ({problem!r}). Use an older one.") from problem
        self._seconds = self._history["seconds"][-1] if self.step else 0.0
        self._mark()


@contextlib.contextmanager
def uninterrupted():
    """Ctrl-C inside the block takes effect at its end: what the block changes is changed as a whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed = []
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, lambda *call: pressed.append(call))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed and callable(before):
            before(*pressed[0])


def _digest(data):
    data = np.ascontiguousarray(data).tobytes() if isinstance(data, np.ndarray) else data
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def changes(before, now):
    """What differs between the identities of two runs, dicts of plain values, in words: a list of phrases.

    before, now: {name: plain value}, of the run that was saved and of the one that wants to go on.
    """
    names = [name for name in {**now, **before} if before.get(name) != now.get(name)]
    return [f"{name} {_change(before.get(name), now.get(name))}" for name in names]


def _change(before, now):
    if isinstance(before, dict) and isinstance(now, dict):
        return ", ".join(changes(before, now))
    if any(isinstance(value, str) and len(value) == 24 for value in (before, now)):  # digests say nothing to a reader
        return "is another one"
    if isinstance(before, list) and any(isinstance(value, str) for value in before):
        return "are others"
    return f"was {before}, is {now}"
