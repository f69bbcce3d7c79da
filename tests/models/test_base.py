"""The estimator base: parameters, printing, and input that is refused with a sentence that helps."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from tinygen.models.base import Estimator
from tinygen.models.options import number, whole
from tinygen.models.randomness import row_normals, row_uniforms, seed
from tinygen.models.rows import rows
from tinygen.nn import checkpoint


class Scale(Estimator):
    def __init__(self, *, factor=2.0, center=None):
        self.factor = factor
        self.center = center

    def _fit(self, X, y):
        self.total_ = X.sum()

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
    assert number()("beta", np.float32(2)) == 2 and number()("beta", 0) == 0 and number(none=True)("beta", None) is None
    for wrong in (-1, np.nan, np.inf, "1", None, True, np.ones(2)):
        with pytest.raises(ValueError, match="beta must be a number, at least 0, finite, got"):
            number()("beta", wrong)
    with pytest.raises(ValueError, match="epochs must be a number, above 0, finite, got 0"):
        number(above=0)("epochs", 0)


def test_seeds():
    assert seed(np.int64(5)) == 5
    assert seed(np.random.default_rng(0)) == seed(np.random.default_rng(0))
    rng = np.random.default_rng(0)
    assert seed(rng) != seed(rng)
    assert seed(None) != seed(None)
    state = np.random.RandomState(0)
    assert seed(state) != seed(state) and seed(np.random.RandomState(0)) == seed(np.random.RandomState(0))
    for wrong in (-1, 1.5, "0", True):
        with pytest.raises(ValueError, match="random_state must be"):
            seed(wrong)


class Pair(Estimator):
    """Fits in three calls, any of which may fail; `weight` only training reads, `shift` only scoring."""

    OPTIONS = {"weight": number(), "shift": number(), "parts": whole()}
    TRAINING, LATER = ("weight",), ("shift",)

    def __init__(self, *, weight=1.0, shift=0.0, parts=1, inner=None, random_state=None):
        self.weight, self.shift, self.parts, self.inner, self.random_state = weight, shift, parts, inner, random_state

    def _fit(self, X, y):
        self.seed_ = self._seed()
        self.mean_ = self.weight * X.mean(axis=0)
        self.first_ = self._second(X)

    def _second(self, X):
        return X[0] + self.mean_

    def score_samples(self, X):
        return self._check_rows(X) @ self.first_ + self.shift


def state_of(model):
    return {name: np.array(value, object, copy=True).tolist() for name, value in vars(model).items()}


@given(st.integers(0, 60), st.booleans())
def test_a_fit_that_is_interrupted_at_any_call_leaves_the_old_model_whole(when, fitted):
    model = Pair(random_state=0)
    if fitted:
        model.fit([[1.0, 2.0], [3.0, 4.0]])
    before, calls = state_of(model), 0

    def interrupt(frame, event, argument):
        nonlocal calls
        calls += event == "call"
        if calls > when and event == "call":
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        model.fit([[5.0, 6.0, 7.0], [8.0, 9.0, 10.0]])
        done = True
    except KeyboardInterrupt:
        done = False
    finally:
        sys.setprofile(None)
    assert state_of(model) == before or (done and model.n_features_in_ == 3) or model.n_features_in_ == 3
    if not fitted and state_of(model) == before:
        with pytest.raises(NotFittedError):
            model.score([[1.0, 2.0]])


def test_changed_options_are_refused_by_name_or_take_effect_when_they_should():
    X = [[1.0, 2.0], [3.0, 4.0]]
    model = Pair(random_state=0).fit(X)
    score = model.score(X)
    assert model.set_params(weight=5.0).score(X) == score and model.set_params(shift=2.0).score(X) == score + 2
    with pytest.raises(ValueError, match="parts is 7, but was 1 when the model was fitted: set it back, or call fit"):
        model.set_params(parts=7).score(X)
    assert model.fit(X).set_params(shift=0.0).score(X) != score


def test_nested_parameters_and_files(tmp_path):
    model = Pair(inner=Pair(parts=3), random_state=0)
    assert model.get_params()["inner__parts"] == 3 and "inner__parts" not in model.get_params(deep=False)
    assert model.set_params(inner__parts=5).inner.parts == 5
    with pytest.raises(ValueError, match="Pair has no parameter 'part'"):
        model.set_params(inner__part=5)
    with pytest.raises(ValueError, match="no parameter 'weight__x'"):
        model.set_params(weight__x=5)
    plain = Pair(random_state=np.random.default_rng(3)).fit([[1.0, 2.0]])
    plain.save(tmp_path / "a.npz")
    again = Pair.load(tmp_path / "a.npz")
    assert again.random_state is None and again.score([[3.0, 1.0]]) == plain.score([[3.0, 1.0]])
    for state in ({}, {"options": {}, "fitted": {}}, {"options": {"weigth": 3}, "fitted": {}}, {"options": 3}):
        checkpoint.save(tmp_path / "b.npz", state, meta={"fitted": "Pair"})
        with pytest.raises(checkpoint.CheckpointError, match=r"b\.npz is not what save\(\) wrote"):
            Pair.load(tmp_path / "b.npz")
    meta = {"fitted": "Pair", "content": checkpoint.digest(state)}
    checkpoint.save(tmp_path / "b.npz", state, meta=meta)
    with pytest.raises(checkpoint.CheckpointError, match="by another version of tinygen, whose Pair differs"):
        Pair.load(tmp_path / "b.npz")


class Frame:
    """As much of a data frame as is looked at."""

    def __init__(self, columns, values):
        self.columns, self.values = columns, np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return self.values


def test_names_of_columns_are_checked():
    X = [[1.0, 2.0], [3.0, 4.0]]
    model = Pair(random_state=0).fit(Frame(["a", "b"], X))
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert model.score(Frame(["a", "b"], X)) == np.mean(np.array(X) @ model.first_)
    with pytest.raises(ValueError, match="must be in the same order as they were in fit"):
        model.score(Frame(["b", "a"], X))
    with pytest.raises(
        ValueError, match=r"unseen at fit time:\n- c\nFeature names seen at fit time, yet now missing:\n- b"
    ):
        model.score(Frame(["a", "c"], X))
    with pytest.warns(UserWarning, match="X does not have valid feature names, but Pair was fitted with"):
        model.score(np.array(X))
    assert not hasattr(model.fit(X), "feature_names_in_")


@given(hnp.arrays(np.float32, st.tuples(st.integers(2, 7), st.integers(1, 5)), elements=st.floats(-9, 9, width=32)))
def test_noise_belongs_to_the_row(X):
    noise = row_normals(5, X, (3, 2))
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(row_normals(5, X[order], (3, 2)), noise[order])
    np.testing.assert_array_equal(row_normals(5, X[:1], (3, 2)), noise[:1])
    assert noise.dtype == np.float64 and noise.shape == (len(X), 3, 2)
    for i in range(1, len(X)):
        assert np.array_equal(noise[i], noise[0]) == np.array_equal(X[i], X[0])


def test_row_noise_is_standard_normal_and_independent():
    """Kolmogorov-Smirnov at 1e-4 for each of six looks: values, rows, neighbours, other seeds and purposes."""
    X = np.arange(20_000.0)[:, None] / 7
    u, z = row_uniforms(0, X, 5), row_normals(0, X, (5,))
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-4 and stats.kstest(z.ravel(), "norm").pvalue > 1e-4
    others = [u[1:], row_uniforms(1, X, 5)[:-1], row_uniforms(0, X, 5, purpose="sample")[:-1], u[:-1, ::-1] + 0]
    for other in others[:3]:
        for lag in range(5):
            r = np.corrcoef(u[:-1].ravel(), np.roll(other, lag, axis=1).ravel())[0, 1]
            assert abs(r) < 5 / np.sqrt(u.size)  # false alarm: 15 looks at 6e-7 each
