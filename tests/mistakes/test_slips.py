"""What a false line has in common at all points is said, and only then."""

import numpy as np
import pytest

from tinygen.check.derivation import Derivation, Line

LN_2PI = np.log(2 * np.pi)


def remarks(right, wrong, relation="=", draws=5):
    line = Line("wrong", wrong, relation)
    draw = lambda rng: dict(a=rng.exponential() + 0.1, b=rng.normal())
    report = Derivation("x", Line("right", right), line, draw=draw, draws=draws).check()
    assert report.verdict == "FAIL"
    return " ".join(report.details["lines"][1]["remarks"][1:])


RIGHT = lambda a, b: a**2 + np.log(a) + b


@pytest.mark.parametrize(("wrong", "said"), [
    (lambda a, b: RIGHT(a, b) - 0.5 * LN_2PI, "at every point it is too small by 0.918939, that is 1/2 ln(2 pi)"),
    (lambda a, b: RIGHT(a, b) + 3.7, "at every point it is too large by 3.7"),
    (lambda a, b: -RIGHT(a, b), "at every point it has the wrong sign"),
    (lambda a, b: RIGHT(a, b) / 2, "it is half what it should be"),
    (lambda a, b: RIGHT(a, b) * (1 + 1e-4 * np.sin(9 * b)), "return (value, bar)"),
    (lambda a, b: a**2 + np.log(a) + 2 * b, ""),
    (lambda a, b: a + np.log(a) + b, ""),
])  # fmt: skip
def test_equalities(wrong, said):
    found = remarks(RIGHT, wrong)
    assert said in found and bool(said) == bool(found)


def test_a_bound_the_wrong_way_round():
    log_mean = lambda a, b: np.log(0.5 * a + 0.5 * b**2)
    mean_log = lambda a, b: 0.5 * np.log(a) + 0.5 * np.log(b**2)
    assert remarks(log_mean, mean_log, "<=") == "at every point it is >="
    assert remarks(mean_log, log_mean, ">=") == "at every point it is <="
    assert remarks(log_mean, lambda a, b: log_mean(a, b) + b, ">=") == ""  # now this way, now that


def test_one_or_two_points_show_nothing():
    assert remarks(RIGHT, lambda a, b: RIGHT(a, b) + 3.7, draws=2) == ""
