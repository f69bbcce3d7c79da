"""What all estimators share: scikit-learn's conventions, without scikit-learn.

The constructor only stores its arguments; `fit` returns self; what was fitted ends in an underscore. An estimator works
inside scikit-learn's clone, Pipeline and GridSearchCV.
"""

import dataclasses
import inspect

import numpy as np

from tinygen.nn import checkpoint


class Estimator:
    """Base of the models. A subclass stores each argument of its constructor under its own name and does nothing else.

    >>> class Scale(Estimator):
    ...     def __init__(self, *, factor=2.0):
    ...         self.factor = factor
    >>> Scale(factor=3.0)
    Scale(factor=3.0)
    >>> Scale().set_params(factor=5.0).get_params()
    {'factor': 5.0}
    """

    @classmethod
    def _defaults(cls):
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        return {p.name: p.default for p in parameters}

    def get_params(self, deep=True):
        """The constructor's arguments as a dict. deep: for scikit-learn; no parameter here is itself an estimator."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **params):
        """Set constructor arguments by name and return self; ValueError for a name that the constructor lacks."""
        known = self._defaults()
        for name in params:
            if name not in known:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}")
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self):
        changed = [
            f"{name}={getattr(self, name)!r}" for name, default in self._defaults().items()
            if repr(getattr(self, name)) != repr(default)
        ]  # fmt: skip
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self):
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=[]) if hasattr(self, "transform") else None,
            input_tags=InputTags(),
        )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_features_in_")

    def score(self, X, y=None):
        """Mean of `score_samples(X)`, nats a row; higher is better. y is not looked at."""
        return float(np.mean(self.score_samples(X)))

    def save(self, path):
        """Write the fitted model to the file `path` (.npz); `load` gives it back."""
        self._check_fitted()
        options = {**self.get_params(), "checkpoint": None}
        if isinstance(self.random_state, np.random.Generator):
            options["random_state"] = None
        state = {"options": self._described(options), "fitted": self._fitted()}
        checkpoint.save(path, state, meta={"model": type(self).__name__})

    @classmethod
    def load(cls, path):
        """The model that `save` wrote. Raises checkpoint.CheckpointError if the file is something else."""
        state = cls._read(path)
        model = cls(**cls._rebuilt(state["options"]))
        vars(model).update(state["fitted"])
        return model

    @classmethod
    def _read(cls, path):
        """What is in the file of a model of this class."""
        state, meta = checkpoint.load(path)
        if not isinstance(meta, dict) or meta.get("model") != cls.__name__:
            raise checkpoint.CheckpointError(f"{path} is a checkpoint, but not of a {cls.__name__}")
        return state

    def _fitted(self):
        """The fitted attributes that a file holds."""
        return {name: value for name, value in vars(self).items() if name.endswith("_")}

    @staticmethod
    def _described(options):
        """The options in plain values, for a file."""
        return options

    @staticmethod
    def _rebuilt(options):
        """The options that `_described` has described."""
        return options

    def _check_fitted(self):
        if not self.__sklearn_is_fitted__():
            error = f"this {type(self).__name__} is not fitted: call fit(X) first"
            raise _not_fitted()(error)

    def _check_rows(self, X):
        """X as a float array of the shape that `fit` has seen."""
        self._check_fitted()
        return rows(X, features=self.n_features_in_, name=type(self).__name__)


def rows(X, *, features=None, name="fit"):
    """X as a finite float array of shape (n, D), n and D at least 1; float32 stays float32, the rest becomes float64.

    features: how many columns X must have. name: who asks, for the message.
    Raises ValueError or TypeError with what was expected.

    >>> rows([[1, 2], [3, 4]])
    array([[1., 2.],
           [3., 4.]])
    """
    if hasattr(X, "toarray"):
        raise TypeError(f"{name} got a sparse matrix; sparse data is not supported, pass X.toarray()")
    if np.ma.is_masked(X):
        raise TypeError(f"{name} got a masked array with {X.mask.sum()} values hidden: fill them, or drop their rows")
    try:
        X = np.asarray(X)
    except ValueError as error:
        raise ValueError(f"{name} needs rows of one length, (n, D): {error}") from None
    if X.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} got an array of dtype {X.dtype}")
    if X.dtype.kind in "mM":
        raise TypeError(f"{name} needs numbers, got dates or times ({X.dtype}): say in which unit, X.astype(float)")
    if X.dtype != np.float32:
        try:
            X = X.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{name} needs numbers, got an array of dtype {X.dtype}: {error}") from None
    if X.ndim != 2:
        raise ValueError(
            f"{name} needs an array of shape (n, D), got {X.shape}. Reshape your data: X.reshape(1, -1) if it is one "
            "row, X.reshape(len(X), -1) if it is a stack of images"
        )
    n, D = X.shape
    for count, what in ((n, "sample"), (D, "feature")):
        if count == 0:
            raise ValueError(f"{name}: 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required.")
    if features is not None and D != features:
        raise ValueError(f"X has {D} features, but {name} is expecting {features} features as input")
    if not np.isfinite(X).all():
        i, j = np.argwhere(~np.isfinite(X))[0]
        bad = "NaN" if np.isnan(X[i, j]) else "inf"
        raise ValueError(f"{name}: X must be finite (no NaN, no inf), got {bad} in row {i}, column {j}")
    return X


def seed(random_state):
    """One integer seed from None (fresh entropy), an integer, or a Generator (which moves on).

    >>> seed(5)
    5
    """
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if random_state is None:
        return int(np.random.SeedSequence().entropy % 2**63)
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool) and random_state >= 0:
        return int(random_state)
    raise ValueError(f"random_state must be None, an integer >= 0 or a numpy.random.Generator, got {random_state!r}")


def whole(name, value, *, least=1):
    """`value` if it is a whole number of at least `least`, else a ValueError that names it."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number, at least {least}, got {value!r}")
    return int(value)


def number(name, value, *, least=0.0, above=None, below=np.inf):
    """`value` if it is a number with least <= value < below (or above < value), else a ValueError that names it."""
    right = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not right or not (least <= value if above is None else above < value) or not value < below:
        lower = f"at least {least:g}" if above is None else f"above {above:g}"
        upper = f" and below {below:g}" if below < np.inf else ", finite"
        raise ValueError(f"{name} must be a number, {lower}{upper}, got {value!r}")
    return float(value)


def labels(y, X):
    """y as an array with one label for each row of X, (n,): whole numbers or strings.

    Raises ValueError for another shape, NaN, other numbers, and labels that cannot be sorted.
    """
    if y is None:
        raise ValueError("this model requires y to be passed, but the target y is None: give the label of each row")
    y = np.asarray(y)
    if y.shape != X.shape[:1]:
        hint = " (of one-hot rows take y.argmax(axis=1))" if y.ndim == 2 else ""
        raise ValueError(
            f"y must have one label for each of the {len(X)} rows of X, shape ({len(X)},), got {y.shape}{hint}"
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError("y must have no NaN and no inf among its labels")
    if y.dtype.kind not in "biufUSO" or (y.dtype.kind == "f" and np.any(y != np.rint(y))):
        got = y[y != np.rint(y)][0] if y.dtype.kind == "f" else f"dtype {y.dtype}"
        raise ValueError(f"y must hold the names of classes, whole numbers or strings, got {got}")
    kinds = sorted({type(label).__name__ for label in y.tolist()})
    if len(kinds) > 1 or kinds == ["NoneType"]:
        raise ValueError(f"y must hold labels of one kind, whole numbers or strings, got {', '.join(kinds)}")
    return y


def chosen(what, choice, table, method):
    """The entry of `table` by that name; an object with `method` is returned as it is; ValueError for the rest."""
    if isinstance(choice, str) and choice in table:
        return table[choice]
    if isinstance(choice, type) or not hasattr(choice, method):
        raise ValueError(f"{what}: got {choice!r}; expected one of {', '.join(table)}, or an instance of one")
    return choice


def describe(choice, table):
    """A name, or a dataclass of `table`, in plain values for a file; `rebuild` makes it again."""
    if isinstance(choice, str):
        return choice
    name = next((name for name, known in table.items() if type(known) is type(choice)), None)
    if name is None:
        raise TypeError(f"a model with {choice!r} cannot be saved: only {', '.join(table)} and their variants can")
    return {"name": name, **dataclasses.asdict(choice)}


def rebuild(description, table):
    """What `describe` has described."""
    if isinstance(description, str):
        return description
    options = dict(description)
    return type(table[options.pop("name")])(**options)


def _not_fitted():
    """scikit-learn's NotFittedError if it is there (its tools look for it), else ValueError, of which that is one."""
    import sys

    if "sklearn" in sys.modules:
        from sklearn.exceptions import NotFittedError

        return NotFittedError
    return ValueError
