"""The estimator base: parameters, printing, and input that is refused with a sentence that helps."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from tinygen.models.base import Estimator, number, rows, seed


class Scale(Estimator):
    def __init__(self, *, factor=2.0, center=None):
        self.factor = factor
        self.center = center

    def fit(self, X, y=None):
        self.n_features_in_ = rows(X).shape[1]
        return self

    def score_samples(self, X):
        return self._check_rows(X).sum(1) * self.factor


def test_parameters_go_in_and_out():
    assert Scale(factor=3.0).get_params() == {"factor": 3.0, "center": None}
    assert Scale().set_params(center=1).center == 1
    with pytest.raises(ValueError, match="no parameter 'facto'; it has factor, center"):
        Scale().set_params(facto=1, factor=7.0)
    assert repr(Scale(factor=3.0)) == "Scale(factor=3.0)" and repr(Scale()) == "Scale()"


def test_a_wrong_name_sets_nothing():
    scale = Scale()
    with pytest.raises(ValueError):
        scale.set_params(factor=7.0, facto=1)
    assert scale.factor == 2.0


def test_scikit_learn_recognises_it():
    scale = Scale(factor=3.0).fit(np.ones((3, 2)))
    check_is_fitted(scale)
    copy = clone(scale)
    assert copy.factor == 3.0 and not hasattr(copy, "n_features_in_")
    with pytest.raises(NotFittedError):
        check_is_fitted(copy)
    with pytest.raises(NotFittedError, match="not fitted: call fit"):
        copy.score(np.ones((3, 2)))
    assert scale.score(np.ones((3, 2))) == 6.0


@pytest.mark.parametrize(
    "X, error, message",
    [
        (np.ones(3), ValueError, r"shape \(n, D\), got \(3,\). Reshape your data"),
        (np.ones((2, 8, 8)), ValueError, r"got \(2, 8, 8\). Reshape your data"),
        (np.ones((0, 3)), ValueError, "0 sample"),
        (np.ones((3, 0)), ValueError, "0 feature"),
        (np.array([[1.0, np.nan], [np.inf, 1.0]]), ValueError, "got NaN in row 0, column 1"),
        (np.array([[1.0, -np.inf]]), ValueError, "got inf in row 0, column 1"),
        (np.ones((3, 2)) * 1j, ValueError, "Complex data not supported"),
        (np.array([["a", "b"]]), ValueError, "needs numbers"),
        (np.array([[{}, 1]]), TypeError, "needs numbers"),
        (sparse.eye(3), TypeError, "sparse"),
        ([[1.0, 2.0], [3.0]], ValueError, "needs rows of one length"),
        (np.ma.masked_greater(np.arange(6.0).reshape(3, 2), 3), TypeError, "masked array with 2 values hidden"),
        (np.array([["2020-01-01"]], "M8[D]"), TypeError, r"dates or times \(datetime64\[D\]\)"),
    ],
)
def test_bad_input_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        rows(X)


def test_columns_must_be_those_of_fit():
    with pytest.raises(ValueError, match="X has 3 features, but Scale is expecting 2 features"):
        Scale().fit(np.ones((3, 2))).score(np.ones((3, 3)))


def test_dtypes():
    assert rows(np.ones((3, 2), np.float32)).dtype == np.float32
    assert rows(np.ones((3, 2), int)).dtype == np.float64
    assert rows(np.ones((3, 2), bool)).dtype == np.float64


def test_numbers():
    assert number("beta", np.float32(2)) == 2 and number("beta", 0) == 0
    for wrong in (-1, np.nan, np.inf, "1", None, True, np.ones(2)):
        with pytest.raises(ValueError, match="beta must be a number, at least 0, finite, got"):
            number("beta", wrong)
    with pytest.raises(ValueError, match="epochs must be a number, above 0, finite, got 0"):
        number("epochs", 0, above=0)


def test_seeds():
    assert seed(np.int64(5)) == 5
    assert seed(np.random.default_rng(0)) == seed(np.random.default_rng(0))
    rng = np.random.default_rng(0)
    assert seed(rng) != seed(rng)
    assert seed(None) != seed(None)
    for wrong in (-1, 1.5, "0", True):
        with pytest.raises(ValueError, match="random_state must be"):
            seed(wrong)
