"""The same slip gets the same name from all four checks."""

import numpy as np
import pytest

from tinygen.check.derivation import Derivation, Line
from tinygen.check.gradient import check_grad
from tinygen.check.unbiased import check_unbiased
from tinygen.check.value import check_value

SLIPS = {
    "has the wrong sign": -1,
    "is twice what it should be": 2,
    "is half what it should be": 0.5,
    "is pi times what it should be": np.pi,
    "is 1/pi times what it should be": 1 / np.pi,
    "is 1/(2 pi) times what it should be": 1 / (2 * np.pi),
    "is ln 2 times what it should be": np.log(2),
    "is 1/ln 2 times what it should be": 1 / np.log(2),
    "is 1/ln 10 times what it should be": 1 / np.log(10),
    "is sqrt(2 pi) times what it should be": np.sqrt(2 * np.pi),
    "is (pi/180) times what it should be": np.pi / 180,
    "is 180/pi times what it should be": 180 / np.pi,
    "has the wrong sign and is twice what it should be": -2,
}
X = np.random.default_rng(31).normal(size=5)


def by_gradient(c):
    return check_grad(lambda x: np.sum(np.sin(x)), lambda x: c * np.cos(x), X)


def by_value(c):
    return check_value(lambda x: c * np.sin(x), np.sin, X)


def by_mean(c):
    return check_unbiased(lambda rng: c * (1.7 + 1e-4 * rng.standard_normal(100)), 1.7)


def by_lines(c):
    draw = lambda rng: {"x": rng.normal()}
    lines = Line("a", lambda x: np.sin(x) + 2), Line("b", lambda x: c * (np.sin(x) + 2))
    return Derivation("x", *lines, draw=draw).check()


@pytest.mark.parametrize("name", SLIPS)
@pytest.mark.parametrize("check", [by_gradient, by_value, by_mean, by_lines])
def test_the_name_of_a_factor(check, name):
    report = check(SLIPS[name])
    told = report.mistakes[0].sentence if report.mistakes else " ".join(report.details["lines"][1]["remarks"])
    assert name in told, told
