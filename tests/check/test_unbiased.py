"""check_unbiased: right estimates pass, biased ones fail with their mistake, and the stated chances hold.

Every test here has a chance of at most 1e-6 to fail by chance for a fresh seed, unless it says otherwise.
"""

import math

import numpy as np
import pytest

from tinygen.check.unbiased import check_unbiased
from tinygen.measure.means import Sequential, Tally

M, S, K = 0.7, 1.3, 2.1  # E(x - k)^2 under N(m, s^2)
DEPTH = M - K
TRUTH = np.array([2 * DEPTH, 2 * S])
VARIANCE = np.array([4 * S**2, 4 * DEPTH**2 + 8 * S**2])


def path(rng, n=1000):
    e = rng.standard_normal(n)
    return np.stack([2 * (DEPTH + S * e), 2 * (DEPTH + S * e) * e], -1)


def score(rng, n=1000):
    e = rng.standard_normal(n)
    f = (DEPTH + S * e) ** 2
    return np.stack([f * e / S, f * (e * e - 1) / S], -1)


def test_right_estimates_pass_with_their_variance():
    report = check_unbiased(path, TRUTH, variance=VARIANCE, rng=1, draws=2**18)
    assert report.ok and len(report.entries) == 4
    assert "1e-06" in str(report) and "0.999" in str(report)
    assert check_unbiased(score, TRUTH, rng=1, draws=2**19).ok


def test_one_at_a_time_and_trees():
    one = lambda rng: {"m": path(rng, 1)[0, 0], "s": [path(rng, 1)[0, 1:]]}
    truth = {"m": TRUTH[0], "s": [TRUTH[1:]]}
    assert check_unbiased(one, truth, rng=2, draws=20_000, resolution=0.3).ok
    wrong = check_unbiased(lambda rng: {"m": one(rng)["m"], "s": [np.zeros(1)]}, truth, rng=2, draws=20_000)
    assert wrong.verdict == "FAIL" and wrong.mistakes[0].kind == "zero" and "['s'][0]" in wrong.mistakes[0].where


FACTORS = [(-1, "sign"), (2, "factor"), (0.5, "factor"), (0, "zero"), (1.3, "factor")]


@pytest.mark.parametrize(("factor", "kind"), FACTORS)
def test_a_biased_estimate_fails_and_says_how(factor, kind):
    report = check_unbiased(lambda rng: factor * path(rng), TRUTH, rng=3)
    assert report.verdict == "FAIL" and report.mistakes[0].kind == kind
    if factor == 1.3:
        assert "1.3 times" in report.mistakes[0].sentence


def test_one_wrong_entry_fails_and_the_other_does_not():
    report = check_unbiased(lambda rng: path(rng) * [1, 1.2], TRUTH, rng=4)
    assert [entry.where for entry in report.entries if entry.verdict == "FAIL"] == ["[1]"]


def test_a_right_mean_with_a_wrong_variance_fails():
    report = check_unbiased(path, TRUTH, variance=VARIANCE * [1, 0.7], rng=5, draws=2**18)
    assert [entry.where for entry in report.entries if entry.verdict == "FAIL"] == ["variance of [1]"]
    assert report.mistakes[0].kind == "variance"


def test_too_few_draws_are_undecided_and_say_how_many_it_takes():
    report = check_unbiased(score, TRUTH, rng=6, draws=30_000, resolution=0.05)
    assert report.verdict == "UNDECIDED"
    assert any("draws would decide" in entry.note for entry in report.entries)


def test_an_estimate_that_never_varies_is_judged_exactly_and_said():
    fixed = lambda c: lambda rng: np.full(500, c)
    report = check_unbiased(fixed(2.0), 2.0)
    assert report.ok and "every draw is the same" in str(report)
    assert check_unbiased(fixed(2.0 + 1e-9), 2.0).verdict == "FAIL"
    assert check_unbiased(fixed(2.0 + 1e-9), 2.0, bar=1e-8).ok
    assert check_unbiased(fixed(2.0), 2.0, variance=1.0).verdict == "FAIL"  # frozen noise


def value(at, rng):
    return (at[0] + at[1] * rng.standard_normal() - K) ** 2


def test_common_random_numbers_see_a_path_draw_by_draw():
    one = lambda rng: path(rng, 1)[0]
    report = check_unbiased(one, value, at=[M, S])
    assert report.ok and report.details == {"draws": 8, "pathwise": True}
    off = check_unbiased(lambda rng: one(rng) * [1, 1 + 1e-6], value, at=[M, S])
    assert off.verdict == "FAIL" and not off.details["pathwise"]  # a bias far below the resolution, for free
    assert [entry.where for entry in off.entries if entry.verdict == "FAIL"] == ["[1]"]


def test_common_random_numbers_help_where_the_path_is_noisy_too():
    report = check_unbiased(lambda rng: score(rng, 1)[0], value, at=[M, S], draws=400)
    assert report.verdict == "UNDECIDED" and not report.details["pathwise"]


def test_common_random_numbers_with_no_path():
    report = check_unbiased(lambda rng: np.zeros(2), value, at=[M, S], rng=1)
    assert report.verdict == "FAIL" and report.mistakes[0].kind == "zero"


def test_unusable_input_is_told():
    with pytest.raises(ValueError, match=r"returned shape \(3,\), expected that of truth, \(2,\)"):
        check_unbiased(lambda rng: np.zeros(3), TRUTH)
    with pytest.raises(ValueError, match="nan or inf"):
        check_unbiased(lambda rng: np.full(10, np.nan), 1.0)
    with pytest.raises(ValueError, match="`at`"):
        check_unbiased(path, value)
    with pytest.raises(ValueError, match="false_alarm"):
        check_unbiased(path, TRUTH, false_alarm=0)
    with pytest.raises(ValueError, match="variance"):
        check_unbiased(path, TRUTH, variance=[1.0])
    with pytest.raises(TypeError, match="truth must be"):
        check_unbiased(path, "two")


MAKERS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "exponential": lambda rng, n: rng.exponential(size=n) - 1,
    "score": lambda rng, n: (lambda e: ((1 + e) ** 2 * (e * e - 1) - 2) / math.sqrt(136))(rng.standard_normal(n)),
    "rare": lambda rng, n: ((rng.random(n) < 0.01) - 0.01) / math.sqrt(0.0099),
}


def decide(make, seed, bias, *, false_alarm, power, most, goal):
    rng = np.random.default_rng([seed, 11])
    return Sequential(
        lambda n: make(rng, n)[:, None] + bias, 1, bar=np.zeros(1), goal=lambda tally: goal * tally.std,
        most=most, false_alarm=false_alarm, power=power,
    ).run()  # fmt: skip


@pytest.mark.parametrize("name", MAKERS)
def test_false_alarms_are_as_rare_as_stated(name):
    """At false_alarm = 1e-2: of 600 at most 21, which at exactly that rate fails once in 3e6 (binomial law)."""
    rates = dict(false_alarm=1e-2, power=0.9, most=1024, goal=0.0)
    assert sum(decide(MAKERS[name], seed, 0.0, **rates).wrong.any() for seed in range(600)) <= 21


@pytest.mark.parametrize("name", MAKERS)
def test_a_bias_of_the_resolution_is_found_as_often_as_stated(name):
    """At power = 0.9 and a false alarm of 1e-6: of 100 at least 73, which at exactly that power fails once in 3e6."""
    runs = [decide(MAKERS[name], s, 0.2, false_alarm=1e-6, power=0.9, most=65536, goal=0.2) for s in range(100)]
    assert sum(run.wrong.any() for run in runs) >= 73


def test_an_event_that_is_rare_is_not_taken_for_one_that_never_happens():
    """Of 256 draws with events of 1 in 500 most have none; the chance that any of 50 runs is wrong is below 1e-5."""
    rare = lambda rng, n: (rng.random(n) < 0.002) - 0.002
    rates = dict(false_alarm=1e-7, power=0.9, most=8192, goal=0.0)
    assert not any(decide(rare, seed, 0.0, **rates).wrong.any() for seed in range(50))


def test_the_tally_has_the_moments():
    rows = np.random.default_rng(0).exponential(size=(1000, 2)) * [1, -3]
    tally = Tally(2)
    tally.add(rows[:300])
    other = Tally(2)
    other.add(rows[300:])
    tally.merge(other)
    assert np.allclose(tally.mean, rows.mean(0)) and np.allclose(tally.std, rows.std(0, ddof=1))
    centred = rows - rows.mean(0)
    assert np.allclose(tally.skewness, (centred**3).mean(0) / rows.std(0) ** 3, rtol=1e-2)
    assert not tally.still.any() and np.array_equal(tally.low, rows.min(0))


P = 0.3


def bernoulli(at, rng):
    return float(rng.uniform() < at[0]) * 2.0 + at[0]


def score_of_bernoulli(rng, factor=1.0):
    hit = float(rng.uniform() < P)
    return np.array([(2 * hit + P) * (hit / P - (1 - hit) / (1 - P)) * factor + 1.0])


def above(at, rng):
    return float(at[0] + rng.standard_normal() > 2)


def score_above(rng):
    e = rng.standard_normal()
    return np.array([float(1.2 + e > 2) * e])


@pytest.mark.parametrize(("draw", "truth", "at"), [(score_of_bernoulli, bernoulli, [P]), (score_above, above, [1.2])])
def test_a_truth_that_jumps_is_differentiated_in_expectation(draw, truth, at):
    right = check_unbiased(draw, truth, at=at, draws=20_000, resolution=0.5, rng=8)
    assert right.verdict == "PASS" and "jumps" in str(right), str(right)
    along_the_path = 1.0 if truth is bernoulli else 0.0
    wrong = check_unbiased(lambda rng: np.array([along_the_path]), truth, at=at, draws=20_000, rng=8)
    assert wrong.verdict == "FAIL" and "the path's" not in str(wrong)
    assert check_unbiased(lambda rng: 2 * draw(rng), truth, at=at, draws=20_000, rng=8).verdict == "FAIL"


def test_the_bias_that_would_not_have_been_seen_is_said_and_can_be_set():
    n, truth = 50, 4.0  # the variance with 1/n is 2 % too small
    biased = lambda rng: np.var(2 * rng.standard_normal((200, n)), axis=1)
    coarse = check_unbiased(biased, truth, rng=9)
    said = " ".join(str(coarse).split())
    part = float(said.split("a bias of ")[1].split(" of the largest")[0])
    assert coarse.ok and 0.02 < part <= 0.1 and "resolution=" in said
    assert check_unbiased(biased, truth, rng=9, resolution=0.01).verdict == "FAIL"
