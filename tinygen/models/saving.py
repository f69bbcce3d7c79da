"""Fitted models in files: options and what was fitted, as a tree of arrays and plain values, whole or not at all."""

import numpy as np

from tinygen.files import replacing
from tinygen.models.scaling import Scaling
from tinygen.nn import checkpoint


class Saved:
    """The part of `base.Estimator` that writes a fitted model to a file and reads it."""

    def save(self, path):
        """Write the fitted model to the one file `path` (.npz); `load` gives it back."""
        self._check_fitted()
        state = self._state()
        checkpoint.save(path, state, meta={"fitted": type(self).__name__, "content": checkpoint.digest(state)})

    @classmethod
    def load(cls, path):
        """The model that `save` wrote. Raises checkpoint.CheckpointError if the file is something else.

        path: of that file.
        """
        state, meta = checkpoint.load(path)
        if not isinstance(meta, dict) or meta.get("fitted") != cls.__name__:
            raise checkpoint.CheckpointError(f"{path} is a checkpoint, but not of a {cls.__name__}")
        if meta.get("content") != checkpoint.digest(state):
            raise checkpoint.CheckpointError(f"{path} is not what save() wrote: its content was changed since")
        try:
            return cls._of_state(state)
        except (KeyError, TypeError, AttributeError) as problem:
            text = f"{path} was written by another version of tinygen, whose {cls.__name__} differs ({problem})"
            raise checkpoint.CheckpointError(text) from problem

    def export_weights(self, path):
        """Write the parameters alone to a plain .npz file, an array each, named by their places: "encoder.0.W".

        path: of the file, replaced if it is there.
        """
        self._check_fitted()
        with replacing(path) as file:
            np.savez(file, **{name: leaf for name, leaf in named(self.params_)})

    def _state(self):
        """The model as a tree of arrays and plain values."""
        options = self.get_params(deep=False)
        options |= {name: default for name, default in self._defaults().items() if name in ("callback", "checkpoint")}
        if "random_state" in options and not isinstance(self.random_state, (int, np.integer)):
            options["random_state"] = None
        fitted = {name: value for name, value in vars(self).items() if is_fitted(name)}
        return {"options": self._described(options), "fitted": self._described(fitted)}

    @classmethod
    def _of_state(cls, state):
        """The model that `_state` has described."""
        model = cls(**cls._rebuilt(state["options"]))
        vars(model).update(cls._rebuilt(state["fitted"]))
        return model

    @classmethod
    def _described(cls, values):
        """Options or fitted attributes in what a file can hold. A subclass with objects among them adds its own."""
        return {name: _describe(value) for name, value in values.items()}

    @classmethod
    def _rebuilt(cls, values):
        """What `_described` has described."""
        return {
            name: Scaling(**value) if name == "scaling_" and value is not None else _rebuild(value)
            for name, value in values.items()
        }  # fmt: skip


def named(params, prefix=""):
    """The arrays of a tree of dicts and lists with their names: the keys and indices on the way, joined by points.

    params: the tree. prefix: of all names.

    >>> [name for name, _ in named({"net": [{"W": np.ones(2)}, {"W": np.ones(3)}]})]
    ['net.0.W', 'net.1.W']
    """
    if isinstance(params, (dict, list, tuple)):
        items = params.items() if isinstance(params, dict) else enumerate(params)
        return [pair for key, value in items for pair in named(value, f"{prefix}.{key}" if prefix else str(key))]
    return [] if params is None else [(prefix, params)]


def is_fitted(name):
    """Whether an attribute of that name is fitted, not an option."""
    return name == "_fitted_with" or (name.endswith("_") and not name.startswith("__"))


def _describe(value):
    """A Scaling, an estimator or an array of names as a tree of plain values and arrays; the rest as it is."""
    if isinstance(value, Saved):
        return {"an estimator": type(value).__name__, **value._state()}
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return {"names": value.tolist()}
    return value.state() if isinstance(value, Scaling) else value


def _rebuild(value):
    if isinstance(value, dict) and "an estimator" in value:
        from tinygen import models

        return getattr(models, value["an estimator"])._of_state(value)
    if isinstance(value, dict) and list(value) == ["names"]:
        return np.array(value["names"], dtype=object)
    return value
