"""What all estimators share: scikit-learn's conventions, without scikit-learn.

The constructor only stores its arguments. `fit` trains a twin with the same options and then takes over all that the
twin has fitted, in one step: so a fit that fails or is interrupted leaves the old model as it was. What was fitted ends
in an underscore; the options that it was fitted with are kept beside it. An estimator works inside scikit-learn's
clone, Pipeline and GridSearchCV.

A model is a subclass with a table of its options, `OPTIONS = {name: check}`, and `_fit(X, y)`:

>>> from tinygen.models.options import whole
>>> class Mean(Estimator):
...     OPTIONS = {"power": whole()}
...     def __init__(self, *, power=1):
...         self.power = power
...     def _fit(self, X, y):
...         self.mean_ = np.mean(X**self.power, axis=0)
>>> Mean(power=2).fit([[1, 2], [3, 4]]).mean_
array([ 5., 10.])
>>> Mean(power=0).fit([[1, 2]])
Traceback (most recent call last):
    ...
ValueError: power must be a whole number, at least 1, got 0
"""

import inspect
import os
import sys

import numpy as np

from tinygen.models import saving
from tinygen.models.options import fingerprint, plain
from tinygen.models.randomness import seed, stream
from tinygen.models.rows import check_names, column_names, rows
from tinygen.nn import checkpoint, weights

# How an option matters. A checkpoint with another value of one that is in none of these lists is another run.
SHOW = ("progress", "verbose", "callback", "checkpoint")  # nothing but what is seen of the work
LONGER = ("epochs", "max_steps", "patience")  # how long training goes on


class Estimator(saving.Saved):
    """Base of the models. A subclass stores each argument of its constructor under its own name and does nothing else.

    OPTIONS: {name: check}, check(name, value) raises ValueError (`whole`, `number`, `one_of` make them).
    TRAINING: names of options that only training reads: one that is changed after fit takes effect at the next.
    LATER: names of options that only sampling or scoring reads: one that is changed after fit takes effect at once.
    Any other option that was changed after fit is refused by name, until it is set back or fit is called.
    sample_weight: (n,), how often each row counts in training, or None: all alike.

    >>> class Scale(Estimator):
    ...     def __init__(self, *, factor=2.0):
    ...         self.factor = factor
    >>> Scale(factor=3.0)
    Scale(factor=3.0)
    >>> Scale().set_params(factor=5.0).get_params()
    {'factor': 5.0}
    """

    OPTIONS = {}
    TRAINING = ()
    LATER = ()

    # ---- options ----

    @classmethod
    def _defaults(cls):
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        return {p.name: p.default for p in parameters}

    def _store(self, given):
        """For constructors, `self._store(locals())`: each argument becomes the attribute of its name."""
        for name in self._defaults():
            setattr(self, name, given[name])

    def get_params(self, deep=True):
        """The constructor's arguments as a dict; deep: those of estimators among them too, as `name__argument`."""
        own = {name: getattr(self, name) for name in self._defaults()}
        nested = {
            f"{name}__{inner}": value
            for name, part in own.items() if deep and hasattr(part, "get_params") and not isinstance(part, type)
            for inner, value in part.get_params().items()
        }  # fmt: skip
        return {**own, **nested}

    def set_params(self, **params):
        """Set constructor arguments by name and return self; ValueError for a name that the constructor lacks."""
        known = self._defaults()
        for name in params:
            part = name.partition("__")[0]
            if part not in known or (part != name and not hasattr(params.get(part, getattr(self, part)), "set_params")):
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}")
        for name, value in sorted(params.items(), key=lambda item: item[0].count("__")):  # the part before its options
            part, _, inner = name.partition("__")
            if inner:
                getattr(self, part).set_params(**{inner: value})
            else:
                setattr(self, name, value)
        return self

    def __repr__(self):
        changed = [
            f"{name}={getattr(self, name)!r}" for name, default in self._defaults().items()
            if repr(getattr(self, name)) != repr(default)
        ]  # fmt: skip
        return f"{type(self).__name__}({', '.join(changed)})"

    def _check_options(self):
        for name, check in self.OPTIONS.items():
            check(name, getattr(self, name))

    def _model_options(self):
        """The options that the fitted numbers depend on, in plain values: for fingerprints and comparison."""
        aside = (*SHOW, *LONGER, *self.LATER, "random_state")
        return {name: plain(getattr(self, name)) for name in self._defaults() if name not in aside}

    # ---- fitting ----

    def fit(self, X, y=None, sample_weight=None):
        """Train on the rows of X, shape (n, D), and return self; y (n,): labels, where the model takes any.

        sample_weight: (n,), at least 0: a row of weight 2 is as two equal rows, one of weight 0 as none. Steps draw
        rows as often as their weights say, and means, frequencies and the bound on held-out rows are weighted.
        """
        return self._anew(X, y, sample_weight)

    _weights = None  # of the rows while a twin is fitted, (n,), or None

    def _anew(self, X, y=None, sample_weight=None, length=None, **more):
        """Fit a twin, then take over what it has fitted, all at once; length: options of LONGER for this time."""
        twin = type(self)(**self.get_params(deep=False) | (length or {}))
        X, before = twin._rows_to_fit(X), more.get("before")
        if hasattr(before, "feature_names_in_"):
            twin.feature_names_in_ = before.feature_names_in_
        w = weights.checked(sample_weight, len(X))
        if w is not None and w.min() == 0:
            y = np.asarray(y)[w > 0] if np.shape(y)[:1] == (len(X),) else y
            X, w = X[w > 0], w[w > 0]
        twin._weights = None if w is None or np.ptp(w) == 0 else w
        twin._check_options()
        twin._fit(X, y, **more)
        return self._take(twin)

    def _take(self, twin):
        """Be the model that the twin is."""
        twin._fitted_with = twin._model_options()
        fitted = {name: value for name, value in vars(twin).items() if saving.is_fitted(name)}
        own = {name: value for name, value in vars(self).items() if not saving.is_fitted(name)}
        self.__dict__ = {**own, **fitted}
        return self

    def _fit(self, X, y):
        """Train on the rows X (n, D), checked, and set the fitted attributes."""
        raise NotImplementedError

    def _rows_to_fit(self, X):
        """The rows of X, checked; sets `n_features_in_` and, where columns have names, `feature_names_in_`."""
        names, X = column_names(X), rows(X, name=type(self).__name__)
        self.n_features_in_ = X.shape[1]
        if names is not None:
            self.feature_names_in_ = names
        return X

    def _identity(self, X, y, seed):
        """What a checkpoint of this fit must have in common with it: see nn.train."""
        data = {"X": fingerprint(X), "y": None if y is None else fingerprint(np.asarray(y))}
        if self._weights is not None:
            data["sample_weight"] = fingerprint(self._weights)
        return {"model": type(self).__name__, **self._model_options(), "random_state": seed, **data}

    def _seed(self):
        """The seed of this fit; that of the checkpoint, if there is one to go on from and `random_state` is None."""
        path = getattr(self, "checkpoint", None)
        if self.random_state is None and path is not None and os.path.exists(path):
            _, meta = checkpoint.load(path)
            found = meta.get("random_state") if isinstance(meta, dict) else None
            if isinstance(found, int):
                return found
        return seed(self.random_state)

    # ---- a fitted model ----

    def _check_fitted(self):
        if not self.__sklearn_is_fitted__():
            error = f"this {type(self).__name__} is not fitted: call fit(X) first"
            raise _not_fitted()(error)
        now = self._model_options()
        for name, before in self._fitted_with.items():
            if name not in self.TRAINING and now[name] != before:
                changed = f"{name} is {getattr(self, name)!r}, but was {before!r} when the model was fitted"
                raise ValueError(f"{changed}: set it back, or call fit again")
        self._check_options()

    def _sampling(self, random_state):
        """The generator of samples: of this random_state, or the model's own."""
        return stream(self.seed_ if random_state is None else seed(random_state), "sample")

    def _check_rows(self, X):
        """X as a float array of the columns that `fit` has seen."""
        self._check_fitted()
        check_names(X, getattr(self, "feature_names_in_", None), type(self).__name__)
        return rows(X, features=self.n_features_in_, name=type(self).__name__)

    def score(self, X, y=None, sample_weight=None):
        """Mean of `score_samples`, nats a row; higher is better. y: the labels, if the model was fitted with labels.

        X: (n, D). sample_weight: (n,), of the mean.
        """
        labelled = getattr(self, "classes_", None) is not None and y is not None
        nats = self.score_samples(X, y) if labelled else self.score_samples(X)
        return float(np.average(nats, weights=weights.checked(sample_weight, len(nats))))

    def get_feature_names_out(self, input_features=None):
        """The names of the columns of `transform`: the class's name in small letters and a number, (k,).

        input_features: not looked at; scikit-learn passes it.
        """
        self._check_fitted()
        return np.array([f"{type(self).__name__.lower()}{i}" for i in range(self._columns_out())], dtype=object)

    def set_output(self, *, transform=None):
        """Let `transform` return "pandas" data frames, or arrays again: "default"; None changes nothing."""
        if transform not in (None, "default", "pandas"):
            raise ValueError(f"set_output: got transform={transform!r}; expected 'default' or 'pandas'")
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def _output(self, Z, X):
        """What `transform` returns for the rows Z it has computed of X."""
        if getattr(self, "_sklearn_output_config", {}).get("transform", "default") == "default":
            return Z
        import pandas

        return pandas.DataFrame(Z, columns=self.get_feature_names_out(), index=getattr(X, "index", None))

    # ---- scikit-learn's questions ----

    def __sklearn_tags__(self):
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=[]) if hasattr(self, "transform") else None,
            input_tags=InputTags(),
        )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_fitted_with")


def _not_fitted():
    """scikit-learn's NotFittedError if it is there (its tools look for it), else ValueError, of which that is one."""
    if "sklearn" in sys.modules:
        from sklearn.exceptions import NotFittedError

        return NotFittedError
    return ValueError
