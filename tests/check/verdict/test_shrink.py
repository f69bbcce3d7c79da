"""Shrinking a failing example, and the lines that reproduce it."""

import numpy as np
import pytest

from tinygen.check.gradient import check_grad
from tinygen.check.verdict.shrink import reproduce, shrink


def test_axes_of_one_length_are_cut_together(rng):
    x, t, w = rng.normal(size=(11, 5)), np.arange(11), rng.normal(size=5)

    def fails(args):
        x, t, w = args
        assert len(x) == len(t) and x.shape[1] == len(w)
        return abs(x @ w).max() > 0

    x, t, w = shrink((x, t, w), fails)
    assert x.shape == (1, 1) and t.shape == (1,) and w.shape == (1,)
    assert np.array_equal(x, np.round(x, 1))


def test_what_is_needed_stays(rng):
    x = rng.normal(size=(7, 5))
    (small,) = shrink((x,), lambda args: args[0].shape[0] >= 2 and abs(args[0][1, 0]) > 0)
    assert small.shape == (2, 1)
    (same,) = shrink((x,), lambda args: np.array_equal(args[0], x))
    assert np.array_equal(same, x)


def test_trees_scalars_and_integers(rng):
    tree = {"W": rng.normal(size=(3, 2)), "layers": [rng.normal(size=2), None]}
    small, a, n = shrink((tree, 0.123456, 7), lambda args: args[0]["W"].shape[1] == len(args[0]["layers"][0]))
    assert small["W"].shape == (1, 1) and small["layers"][1] is None and a == 0.1 and n == 7


def test_a_failing_predicate_is_no(rng):
    def fails(args):
        raise RuntimeError

    x = rng.normal(size=3)
    assert np.array_equal(shrink((x,), fails)[0], x)


def kl(mean, logvar):
    return 0.5 * np.sum(np.exp(logvar) + mean**2 - 1 - logvar)


def grad_kl(mean, logvar):
    return mean, np.exp(logvar) - 1


def test_the_lines_reproduce_the_failure(rng, capsys):
    report = check_grad(kl, grad_kl, *rng.normal(size=(2, 7, 5)))
    assert len(report.example.splitlines()) <= 5
    exec(report.example, {"kl": kl, "grad_kl": grad_kl})
    told = capsys.readouterr().out
    assert told.startswith("FAIL") and "logvar" in told


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_literals_are_exact(dtype, rng):
    seen = []
    args = ({"W": rng.normal(size=(3, 2)).astype(dtype), "b": [dtype(0.1), None, (1,)]}, np.arange(3), 0.1, "sum", True)
    lines = reproduce(lambda: 0, [None, kl], args, ["params", "t", "x[0]", "how", "flag"])
    assert lines.splitlines()[-1].startswith("print(check_grad(f, [None, kl], params")
    code = lines.replace("print(check_grad(f, [None, kl], ", "seen.append((").replace(
        "import check_grad", "import check_grad as _"
    )
    exec(code, {"seen": seen})
    again = seen[0]
    assert np.array_equal(again[0]["W"], args[0]["W"]) and again[0]["W"].dtype == dtype
    assert again[0]["b"] == args[0]["b"] and np.array_equal(again[1], args[1]) and again[2:] == args[2:]


def test_no_example_without_functions(rng):
    x = rng.normal(size=3)
    assert check_grad(lambda x: np.sum(x**2), x, x).example == ""
