"""A hypothesis is named only if it explains more than it costs, a number only if it is sharp enough."""

import numpy as np
import pytest

from tinygen.mistakes.case import Case, Guess, explains, scaled
from tinygen.mistakes.fields import aligned, powers
from tinygen.mistakes.numbers import named_number, scale_range
from tinygen.mistakes.scales import ROLES, role_of


def case_of(got, expected, bar=1e-9, **args):
    args = {"x": np.asarray(expected), **args}
    got, expected = np.asarray(got), np.asarray(expected)
    bars = np.full(got.shape, bar)
    return Case(lambda *a: 0.0, tuple(args.values()), 0, got, expected, bars, "x", tuple(args))


def test_scale_range_is_all_numbers_that_fit():
    rng = np.random.default_rng(13)
    direction, tolerance = rng.normal(size=9), rng.uniform(0.01, 0.1, 9)
    target = 1.7 * direction + rng.uniform(-1, 1, 9) * tolerance
    low, high = scale_range(target, direction, tolerance)
    fits = lambda c: np.all(abs(target - c * direction) <= tolerance)
    step = 1e-9 * (high - low)
    assert low <= 1.7 <= high
    assert fits(low + step) and fits(high - step) and not fits(low - 1e-6) and not fits(high + 1e-6)
    assert scale_range(target + np.eye(9)[3], direction, tolerance) is None


def test_a_number_is_named_only_if_it_is_sharp():
    numbers = case_of(np.ones(7), np.ones(7)).numbers
    assert named_number(0.5 - 1e-9, 0.5 + 1e-9, numbers).words == "1/2"
    assert "7 is the length" in str(named_number(1 / 7 - 1e-9, 1 / 7 + 1e-9, numbers))
    blurred = named_number(0.6, 0.8, numbers)  # 2/3, 3/4 and ln 2 all fit, and say nothing
    assert blurred.words == "0.7"
    assert named_number(0.6, 0.8, numbers, free=False) is None


def test_names_do_not_come_by_chance():
    """Random factors seen through bars of 1 in 1000: at most 5 % get a special name."""
    rng, numbers = np.random.default_rng(14), case_of(np.ones(7), np.ones(7)).numbers
    centres = np.exp(rng.uniform(-3, 3, 2000))
    named = [named_number(c * 0.9995, c * 1.0005, numbers, free=False) is not None for c in centres]
    assert np.mean(named) < 0.05
    assert not any(named_number(c * (1 - 1e-9), c * (1 + 1e-9), numbers, free=False) for c in centres)


def test_a_guess_must_explain_more_than_it_costs():
    expected = np.array([1.0, 2.0, 3.0])
    case = case_of(expected * 1.5, expected)
    assert explains(case, Guess("k", 0, case.got, ""))
    assert not explains(case, Guess("k", 0, case.got + np.array([0, 0, 2e-9]), ""))  # outside one bar
    assert not explains(case, Guess("k", 0, np.where([1, 1, 0], case.got, np.nan), ""))  # silent on a wrong entry
    assert not explains(case, Guess("k", 150, case.got, ""))  # three entries at most explain 120 bits
    barely = case_of(expected + np.array([0, 0, 3e-9]), expected)
    assert not explains(barely, Guess("k", 0, barely.got, ""))


def test_scaled_asks_for_every_entry():
    expected = np.arange(1.0, 6.0)
    numbers = case_of(expected, expected).numbers
    base = np.zeros(5)
    assert scaled(case_of(2 * expected, expected), base, expected, numbers).value == 2
    assert scaled(case_of(2 * expected + 1e-7 * np.eye(5)[4], expected), base, expected, numbers) is None
    assert scaled(case_of(2 * expected, expected), base, np.where(expected > 4, np.nan, expected), numbers) is None


def test_roles_are_read_from_names():
    names = {"logvar": "logvar log_sigma2 logvar_0", "logstd": "p['log_std'] log_sigma", "std": "sigma_q scale std1"}
    names |= {"var": "var0 sigma2 variance", "precision": "lambda_ tau", None: "W mean posterior lr"}
    for role, some in names.items():
        assert {role_of(name) for name in some.split()} == {role}


@pytest.mark.parametrize("own", ROLES)
def test_each_parameterisation_is_the_chain_rule(own):
    """size * sigma**power is d log sigma^2 / d parameter, by finite differences of the parameter's own map."""
    role, v, h = ROLES[own], 0.83, 1e-6
    numeric = (2 * np.log(role.sigma(v + h)) - 2 * np.log(role.sigma(v - h))) / (2 * h)
    assert numeric == pytest.approx(role.size * role.sigma(v) ** role.power, rel=1e-8)


def test_alignment_and_words():
    u = np.arange(3.0)
    assert len(aligned(u, (3, 5))) == 1 and aligned(u, (3, 5))[0][2, 4] == 2
    assert len(aligned(u, (3, 3))) == 2 and len(aligned(u, (4, 5))) == 0
    assert powers([("a", -1)]) == "1 / a" and powers([("a", 0.5), ("(1 - b)", -0.5)]) == "sqrt(a) / sqrt(1 - b)"
