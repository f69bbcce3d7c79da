"""At a kink: a subgradient passes, anything else does not, even where each entry is between its one-sided slopes."""

import numpy as np
import pytest

from tinygen.check.gradient import check_grad

A = np.array


@pytest.mark.parametrize(
    "f, gradient, x",
    [
        (np.max, [1.0, 1.0], [2.0, 2.0]),
        (np.linalg.norm, [1.0, 1.0], [0.0, 0.0]),
        (lambda x: abs(x[0] - x[1]), [1.0, 1.0], [2.0, 2.0]),
        (lambda x: np.max(x) + np.sum(x**2), [3.0, 1.0, 2.7], [1.0, 0.5, 1.0]),  # of a tie of two, 1 + 0.7
        (lambda x: np.sum(np.maximum(0, x)) - x[0], [0.5, -0.4], [0.0, 0.0]),  # an entry of its own
        (lambda x: np.sum(abs(np.diff(x))), [1.0, 1.0, -1.0], [3.0, 3.0, 3.0]),  # total variation
        (lambda x: -np.min(x), [-1.0, -1.0, 0.0], [-0.7, -0.7, 2.0]),
        (lambda x: np.sqrt(x @ A([[2.0, 1.0], [1.0, 3.0]]) @ x), [1.4, -1.7], [0.0, 0.0]),
    ],
)
def test_what_is_no_subgradient_fails(f, gradient, x):
    report = check_grad(f, lambda x: A(gradient), A(x))
    assert report.verdict == "FAIL" and "which is right" not in str(report), str(report)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_subgradients_pass(share):
    x = A([2.0, 1.0, 2.0])
    assert check_grad(np.max, lambda x: A([share, 0, 1 - share]), x).ok
    assert check_grad(np.linalg.norm, lambda x: A([0.6, 0.8]) * share, A([0.0, 0.0])).ok
    assert check_grad(lambda x: abs(x[0] - x[1]), lambda x: A([share, -share]), A([2.0, 2.0])).ok
    assert "which is right" in str(check_grad(np.max, lambda x: A([share, 0, 1 - share]), x))


def test_the_subdifferential_of_a_maximum_of_planes():
    rng = np.random.default_rng(7)
    wrong = right = 0
    for _ in range(12):
        planes = rng.normal(size=(3, 2))  # all three meet at 0; subgradients are their convex combinations
        f = lambda x, planes=planes: np.max(planes @ x)
        weights = rng.dirichlet(np.ones(3))
        right += check_grad(f, lambda x, g=weights @ planes: g, np.zeros(2), rng=rng).ok
        low, high = planes.min(0), planes.max(0)
        corner = A([low[0], high[1]]) * 0.98 + 0.02 * planes.mean(0)  # in the box of one-sided slopes, not the triangle
        inside = np.linalg.solve(np.vstack([planes.T, np.ones(3)]), np.append(corner, 1)).min() > -0.05
        wrong += inside or check_grad(f, lambda x, g=corner: g, np.zeros(2), rng=rng).verdict == "FAIL"
    assert right == 12 and wrong == 12


def test_a_rule_for_ties_is_no_failure_where_there_is_no_subgradient():
    f = lambda x: np.maximum(x, 0) @ A([1.0, -2.0, 1.0])
    report = check_grad(f, lambda x: 0 * x, A([0.0, 0.0, 3.0]) * [1, 1, 0])
    assert report.verdict in ("PASS", "UNDECIDED")
    assert check_grad(f, lambda x: A([0.5, -1.0, 1.0]), A([0.0, 0.0, 3.0])).ok


def test_the_picture_of_a_kink_claims_no_order_two():
    report = check_grad(lambda x: np.sum(abs(x)), lambda x: 0 * x, A([0.0, 0.0]))
    title = report.plot().axes[1].get_title()
    assert report.ok and "kink" in title and "2 for" not in title
    smooth = check_grad(lambda x: np.sum(x**3), lambda x: 3 * x**2, A([1.0, 2.0]))
    assert "2 for a right gradient" in smooth.plot().axes[1].get_title()
