"""What people have: keyword arguments, lists, methods, partials, pandas objects, tensors; complex is refused."""

import functools
from dataclasses import dataclass

import numpy as np
import pytest

from tinygen.check.gradient import check_grad

A = np.array
X = A([1.0, -2.0, 0.5])


def cost(x, scale=1.0):
    return scale * np.sum(np.asarray(x) ** 3)


def slope(x, scale=1.0):
    return 3 * scale * np.asarray(x) ** 2


def test_keyword_arguments_are_handed_on_and_held_fixed():
    report = check_grad(cost, slope, X, scale=2.0)
    assert report.ok and "Held fixed, as keyword arguments: scale" in str(report)
    assert check_grad(lambda x, scale: scale * np.sum(x**3), None, X, scale=2.0).ok
    assert check_grad(cost, lambda x: 6 * x**2, X, scale=2.0).ok  # a gradient need not take them
    assert check_grad(cost, [lambda x: 6 * x**2], X, scale=2.0).ok
    assert check_grad(cost, lambda x: 3 * x**2, X, scale=2.0).mistakes[0].kind == "factor"
    with pytest.raises(TypeError, match="unexpected keyword"):
        check_grad(lambda x: np.sum(x), lambda x: 1 + 0 * x, X, entires=3)


def test_a_list_stands_for_an_array():
    assert check_grad(cost, slope, X.tolist()).ok
    assert check_grad(cost, lambda x: slope(x).tolist(), X).ok
    assert check_grad(cost, slope, [X.tolist(), X.tolist()]).ok  # rows
    assert check_grad(cost, slope, tuple(X)).ok
    assert check_grad(cost, lambda x: 2 * slope(x), X.tolist()).verdict == "FAIL"
    assert check_grad(cost, lambda x: slope(x)[:2], X.tolist()).verdict == "FAIL"


def test_one_array_for_several_numbers():
    f = lambda a, b: a**2 * b + np.sin(a)
    assert check_grad(f, lambda a, b: A([2 * a * b + np.cos(a), a**2]), 1.2, 0.7).ok
    report = check_grad(f, lambda a, b: A([2 * a * b + np.cos(a), -(a**2)]), 1.2, 0.7)
    assert report.verdict == "FAIL" and [e.where for e in report.entries if e.verdict == "FAIL"] == ["b"]


class Model:
    weight = 3.0

    def cost(self, x):
        return cost(x, self.weight)

    def slope(self, x):
        return slope(x, self.weight)


def test_methods_and_partials():
    model = Model()
    assert check_grad(model.cost, model.slope, X).ok
    assert check_grad(functools.partial(cost, scale=3.0), functools.partial(slope, scale=3.0), X).ok
    assert check_grad(functools.partial(cost, scale=3.0), slope, X).verdict == "FAIL"


@dataclass
class Parameters:
    mean: np.ndarray
    std: float


def test_dataclasses_and_dicts():
    f = lambda p: np.sum(p.mean**2) / p.std
    gradient = lambda p: Parameters(2 * p.mean / p.std, -np.sum(p.mean**2) / p.std**2)
    assert check_grad(f, gradient, Parameters(X, 0.7)).ok
    named = lambda p: np.sum(p["mean"] ** 2) / p["std"]
    assert check_grad(named, lambda p: {"std": -5.25 / 0.49, "mean": 2 * X / 0.7}, {"mean": X, "std": 0.7}).ok


def test_complex_arguments_are_refused_by_a_sentence_of_their_own():
    for z in (1 + 2j, np.ones(3, complex), np.complex64(1)):
        with pytest.raises(TypeError, match=r"two real arrays, f\(re, im\)"):
            check_grad(lambda z: np.sum(abs(z) ** 2), lambda z: 2 * z, z)


class Tensor:
    """Looks like a tensor of PyTorch."""

    def __init__(self, array):
        self.array = np.asarray(array)

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.array


def test_tensors_are_converted_and_that_is_said():
    report = check_grad(cost, lambda x: Tensor(slope(x)), Tensor(X))
    assert report.ok and "PyTorch" in str(report)
    assert check_grad(lambda p: cost(p["w"]), lambda p: {"w": -slope(p["w"])}, {"w": Tensor(X)}).verdict == "FAIL"


def test_pandas():
    pd = pytest.importorskip("pandas")
    s = pd.Series(X, index=list("abc"))
    report = check_grad(lambda s: (s["a"] * s**2).sum(), lambda s: 2 * s["a"] * s + (s**2).sum() * (s.index == "a"), s)
    assert report.ok and "Series of pandas" in str(report)
    d = pd.DataFrame({"u": [1.0, 2.0], "v": [3.0, 4.0]})
    f = lambda d: (d.u**2 * d.v).sum()
    assert check_grad(f, lambda d: pd.DataFrame({"u": 2 * d.u * d.v, "v": d.u**2}), d).ok
    assert check_grad(f, lambda d: pd.DataFrame({"u": 2 * d.u * d.v, "v": d.u}), d).verdict == "FAIL"
    table = pd.DataFrame({"x": [1.0, 2.0], "label": ["a", "b"]})  # not numbers alone: it is handed on as it is
    assert check_grad(lambda w, t: w**2 * t.x.sum(), lambda w, t: 2 * w * t.x.sum(), 1.5, table).ok
