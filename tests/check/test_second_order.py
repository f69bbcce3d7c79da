"""Hessian-vector products and adjoints: right ones pass, wrong ones fail."""

import numpy as np
import pytest

import tinygen as tg
from tinygen.check.second_order import check_adjoint, check_hvp


def loss(params, x):
    return np.mean((np.tanh(x @ params["W"]) @ params["v"] - 1) ** 2)


@pytest.fixture
def point(rng):
    return {"W": rng.normal(size=(3, 5)), "v": rng.normal(size=5)}, rng.normal(size=(7, 3))


def test_right_products_pass(point, rng):
    assert check_hvp(loss, None, *point).ok
    assert check_hvp(lambda x: np.sum(x**4), lambda x, v: 12 * x**2 * v, rng.normal(size=7)).ok


@pytest.mark.parametrize(
    "wrong",
    [
        lambda p, x, v: {k: 1.001 * g for k, g in tg.hvp(loss)(p, x, v).items()},
        lambda p, x, v: {k: g + 0.01 * v[k][::-1] * p[k] for k, g in tg.hvp(loss)(p, x, v).items()},
        lambda p, x, v: {"W": tg.hvp(loss)(p, x, v)["W"], "v": 0 * v["v"]},
        lambda p, x, v: tg.grad(loss)(p, x),
    ],
    ids=["scaled", "not symmetric", "a block missing", "not linear"],
)
def test_wrong_products_fail(wrong, point):
    report = check_hvp(loss, wrong, *point)
    assert report.verdict == "FAIL"


def test_asymmetry_alone_is_seen(rng):
    A = rng.normal(size=(5, 5))
    S, K = A + A.T, A - A.T  # v'Kv = 0, so that only the second equation sees K
    report = check_hvp(lambda x: 0.5 * x @ S @ x, lambda x, v: (S + 1e-6 * K) @ v, rng.normal(size=5))
    assert {e.where.split(",")[0] for e in report.entries if e.verdict == "FAIL"} == {"u'Hv = v'Hu"}


def test_coarse_f_is_undecided(rng):
    report = check_hvp(lambda x: 1e12 + np.linalg.norm(x), None, rng.normal(size=3))
    assert report.verdict == "UNDECIDED"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_adjoint(dtype, rng):
    J = rng.normal(size=(5, 7)).astype(dtype)
    x = np.zeros(7, dtype)
    assert check_adjoint(lambda u: J @ u.astype(dtype), lambda v: J.T @ v.astype(dtype), x).ok
    wrong = J.T.copy()
    wrong[2, 3] *= dtype(1.001)
    assert check_adjoint(lambda u: J @ u.astype(dtype), lambda v: wrong @ v.astype(dtype), x).verdict == "FAIL"


def test_adjoint_of_wrong_shape_or_not_linear(rng):
    J = rng.normal(size=(5, 5))
    assert "shape" in str(check_adjoint(lambda u: J @ u, lambda v: (J @ v)[:3], np.zeros(5)))
    assert "not linear" in str(check_adjoint(lambda u: np.tanh(J @ u), lambda v: J.T @ v, np.zeros(5)))
    assert check_adjoint(lambda u: J @ u, lambda v: J @ v, np.zeros(5)).verdict == "FAIL"  # square: the shapes agree
