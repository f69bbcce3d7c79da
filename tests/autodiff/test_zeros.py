"""The gradient of what does not depend on its argument: zeros, and a warning unless they are meant."""

import warnings

import numpy as np
import pytest

import tinygen as tg

X = np.array([1.0, 3.0, 2.0])
INDEPENDENT = {
    "a constant": lambda x: 3.0,
    "argmax": np.argmax,
    "a comparison": lambda x: np.sum(x > 2),
    "rounding": lambda x: np.sum(np.round(x)),
    "floor": lambda x: np.sum(np.floor(x)),
    "its shape": lambda x: float(len(x)),
}


@pytest.mark.parametrize("name", INDEPENDENT)
def test_zeros_with_a_warning_that_points_at_the_call(name):
    f = INDEPENDENT[name]
    with pytest.warns(UserWarning, match=r"does not depend on argument 0.*allow_zero") as seen:
        assert np.array_equal(tg.grad(f)(X), np.zeros(3))
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(tg.grad(f, allow_zero=True)(X), np.zeros(3))
        assert np.array_equal(tg.value_and_grad(f, allow_zero=True)(X)[1], np.zeros(3))


def test_each_argument_by_itself():
    with pytest.warns(UserWarning, match="argument 1") as seen:
        gx, gy = tg.grad(lambda x, y: np.sum(x * x) + len(y), (0, 1))(X, X)
    assert len(seen) == 1 and np.array_equal(gx, 2 * X) and np.array_equal(gy, np.zeros(3))


def test_no_warning_where_a_part_of_the_argument_counts_or_the_derivative_happens_to_be_0():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tg.grad(lambda p: np.sum(p["a"]))({"a": X, "b": X})
        tg.grad(lambda x: np.sum(x * 0.0))(X)
        tg.hessian(lambda x: np.sum(x))(X)
        tg.jacobian(lambda x: np.ones(2))(X)
        tg.hvp(lambda x: np.sum(x))(X, X)
