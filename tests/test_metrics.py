"""Distances between samples and data: against closed forms, against their own errors, with the floors they promise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn.ensemble import RandomForestClassifier

from tinygen import metrics

LIMIT = stats.norm.isf(1e-6 / 2)  # false alarm of one z-score: 1e-6


def gaussians(n=150, D=3, shift=0.0, scale=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, D)), rng.standard_normal((n, D)) * scale + shift


def repeated(metric, repeats=100, **options):
    """Values, errors and floors over many independent draws of both sets."""
    measured = [metric(*gaussians(seed=seed, **options)) for seed in range(repeats)]
    return (np.array([getattr(m, name) for m in measured]) for name in ("value", "error", "floor"))


def zscore(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


@pytest.mark.parametrize("shift, scale", [(0.0, 1.0), (0.7, 1.0), (0.0, 1.6)])
def test_energy_distance_is_unbiased_with_the_error_it_says(shift, scale):
    """In one dimension E|N(m, s^2)| = s sqrt(2/pi) e^(-m^2/2s^2) + m erf(m / s sqrt 2), the folded normal's mean."""
    values, errors, floors = repeated(metrics.energy_distance, D=1, shift=shift, scale=scale)
    folded = lambda m, s: stats.foldnorm(abs(m) / s, scale=s).mean()
    expected = 2 * folded(shift, np.hypot(1, scale)) - folded(0, np.sqrt(2)) - folded(0, scale * np.sqrt(2))
    assert abs(zscore(values, expected)) < LIMIT
    assert abs(zscore(floors, 0)) < LIMIT
    low = 0.75 if expected else 0.5  # at equality the first-order error is on the safe side
    assert low < values.std() / errors.mean() < 1.35


def test_energy_distance_of_two_rows_written_out():
    x, y = np.array([[0.0], [1.0], [2.0], [5.0]]), np.array([[0.0], [2.0], [4.0], [4.0]])
    pairs = lambda a, b: np.abs(a - b.T)
    off = ~np.eye(4, dtype=bool)
    expected = 2 * pairs(x, y).mean() - pairs(x, x)[off].mean() - pairs(y, y)[off].mean()
    np.testing.assert_allclose(metrics.energy_distance(x, y).value, expected, rtol=1e-12)


def test_two_sample_accuracy_is_a_half_for_equal_distributions_and_one_for_separate_ones():
    values, _, floors = repeated(metrics.two_sample_accuracy)
    assert abs(zscore(values, 0.5)) < LIMIT and abs(zscore(floors, 0.5)) < LIMIT
    measured = metrics.two_sample_accuracy(*gaussians(shift=9.0))
    assert measured.value == 1 and measured.error == 0 and abs(measured.floor - 0.5) < 0.2


def test_two_sample_accuracy_takes_any_classifier_and_sets_of_different_size():
    real, fake = gaussians(shift=1.0)
    forest = RandomForestClassifier(30, random_state=0)
    measured = metrics.two_sample_accuracy(real, fake[:80], classifier=forest, other=gaussians(seed=1)[0])
    assert 0.65 < measured.value < 0.95 and abs(measured.floor - 0.5) < 0.2
    np.testing.assert_allclose(measured.error, np.sqrt(measured.value * (1 - measured.value) / 160), rtol=1e-12)


def test_the_nearest_neighbour_classifier_votes():
    X, y = np.array([[0.0], [0.1], [0.2], [5.0], [5.1]]), np.array(["a", "b", "a", "c", "c"])
    assert metrics.Nearest(3).fit(X, y).predict(np.array([[0.1], [5.2]])).tolist() == ["a", "c"]


def test_coverage_of_equal_distributions_is_one_minus_two_to_the_minus_k():
    for k in (1, 3):
        values, errors, floors = repeated(lambda x, y, k=k: metrics.coverage(x, y, k=k), repeats=50)
        n = 150  # exact: the k nearest of n - 1 real and n new rows are all real with this probability
        expected = 1 - np.prod([(n - 1 - i) / (2 * n - 1 - i) for i in range(k)])
        assert abs(zscore(values, expected)) < LIMIT
        assert abs(floors.mean() - expected) < 0.02
        assert 0.4 < values.std() / errors.mean() < 1.3


@settings(max_examples=15)
@given(
    n=st.sampled_from([23, 41]), m=st.sampled_from([19, 43]), D=st.integers(1, 7), levels=st.integers(1, 3),
    k=st.integers(1, 5), step=st.sampled_from([1.0, 0.1, 1 / 3]), seed=st.integers(0, 999),
)  # fmt: skip
def test_coverage_and_the_classifier_are_fair_to_ties(n, m, D, levels, k, step, seed):
    """Whatever ties: of exchangeable rows, the expectation over who is called real is that without ties, exactly."""
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(300):
        rows = rng.integers(levels, size=(n + m, D)) * step
        values.append(metrics._covered(*(cdist(rows[:n], part) for part in (rows[:n], rows[n:])), k))
    expected = 1 - np.prod([(n - 1 - i) / (n + m - 1 - i) for i in range(k)])
    spread = max(np.std(values, ddof=1), 1e-12)
    assert abs(np.mean(values) - expected) < 1e-9 + LIMIT * spread / np.sqrt(len(values))


def test_coverage_of_ties_written_out():
    """One nearer real row, three at the 3rd distance, two samples there: missed if both places go to real rows."""
    real = np.array([[0.0], [0.5], [1.0], [-1.0], [1.0]])
    xx, xy = cdist(real, real)[:1], np.array([[1.0, 1.0, 7.0]])
    np.testing.assert_allclose(metrics._covered(xx, xy, 3), 1 - 3 / 5 * 2 / 4, rtol=1e-12)
    xx, xy = np.zeros((1, 5)), np.array([[0.0, 2.0]])  # four equal rows beside the row itself, one equal sample
    np.testing.assert_allclose(metrics._covered(xx, xy, 2), 1 - 4 / 5 * 3 / 4, rtol=1e-12)


def test_two_laws_of_bits_are_alike_or_told_apart():
    rng = np.random.default_rng(0)
    real, same, other = (1.0 * (rng.random((400, 6)) < p) for p in (0.5, 0.5, 0.8))
    measured = metrics.coverage(real, same)
    assert abs(measured.value - measured.floor) < 4 * measured.error + 0.02 and measured.value > 0.93
    assert metrics.coverage(real, other).value < measured.value - 5 * measured.error
    assert metrics.two_sample_accuracy(real, other).value > 0.65  # of equal rows the first are not the nearer ones


def test_coverage_sees_a_missing_mode():
    rng = np.random.default_rng(0)
    real = rng.standard_normal((200, 2)) + np.repeat([[0.0], [20.0]], 100, axis=0)
    fake = rng.standard_normal((200, 2))
    assert 0.4 < metrics.coverage(real, fake).value <= 0.5
    assert metrics.coverage(real, fake).floor > 0.9


def test_variance_ratio_is_the_square_of_the_scale_with_the_error_it_says():
    labels = np.arange(150) % 3
    centres = 7.0 * labels[:, None]
    metric = lambda x, y: metrics.variance_ratio(x + centres, labels, y + centres + 1, labels)
    values, errors, floors = repeated(metric, scale=0.8)
    # The ratio of two estimates is 1 + 2/(nD) too large, to first order: 1 / 450 of .64 for 450 numbers below it.
    assert abs(zscore(values, 0.64 * (1 + 2 / 441))) < LIMIT
    assert 0.75 < values.std() / errors.mean() < 1.35
    assert abs(floors.mean() - 1) < 0.05


def test_variance_ratio_of_few_rows_written_out():
    real, fake = gaussians(n=14)
    a, b = np.arange(14) % 2, np.arange(14) % 7 == 0  # 7 and 7 rows, 2 and 12 rows
    within = lambda x, y: np.mean([x[y == c].var(0, ddof=1).sum() for c in (0, 1)])
    expected = within(fake, b) / within(real, a)
    np.testing.assert_allclose(metrics.variance_ratio(real, a, fake, b).value, expected, rtol=1e-12)


def test_fidelity_is_the_judge_s_accuracy_with_wilson_s_interval():
    class Judge:
        def predict(self, X):
            return X[:, 0] > 0

    fake, real = np.array([[1.0], [2.0], [-1.0], [3.0], [1.0]]), np.array([[1.0], [-1.0], [-2.0], [2.0]])
    found = metrics.fidelity(Judge(), fake, np.ones(5, bool), real, np.array([True, False, False, False]))
    assert found.value == 0.8 and found.floor == 0.75
    expected = stats.binomtest(4, 5).proportion_ci(method="wilson")
    np.testing.assert_allclose(found.interval, expected, rtol=1e-6)


def test_copies_are_found_and_new_rows_are_not():
    rng = np.random.default_rng(0)
    train, new, real = (rng.standard_normal((n, 5)) for n in (300, 500, 500))
    honest = metrics.copies(train, new, real, quantile=0.05)
    assert abs(honest.value - 0.05) < LIMIT * np.sqrt(2 * 0.05 * 0.95 / 500) and abs(honest.floor - 0.05) < 0.003
    thief = metrics.copies(train, np.concatenate([new[:250], train[:250] + 1e-3]), real, quantile=0.05)
    assert abs(thief.value - 0.525) < 0.05


def test_floors_are_made_of_other_real_data_if_it_is_given():
    real, fake = gaussians(shift=3.0)
    other = gaussians(seed=1)[0]
    assert metrics.energy_distance(real, fake, other=other).floor == metrics.energy_distance(real, other).value
    assert metrics.coverage(real, fake, other=other).floor == metrics.coverage(real, other).value
    assert metrics.coverage(real, fake, rng=0).floor == metrics.coverage(real, fake, rng=0).floor


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x, y: metrics.energy_distance(x, y[:, :2]), "fake has 2 columns, the real rows have 3"),
        (lambda x, y: metrics.energy_distance(x, y, other=y[:, :2]), "other has 2 columns"),
        (lambda x, y: metrics.coverage(x[:3], y), "real must be at least 4 rows"),
        (lambda x, y: metrics.coverage(x, np.full_like(y, np.nan)), "fake must be at least 4 rows of finite numbers"),
        (lambda x, y: metrics.coverage(x, y, k=0), "k must be at least 1"),
        (lambda x, y: metrics.coverage(x, y, k=75), "less than the number of real rows, 75, got 75"),
        (lambda x, y: metrics.two_sample_accuracy(x, y, folds=1), "folds must be between 2 and the 150 rows"),
        (lambda x, y: metrics.variance_ratio(x, np.ones(150), y, np.ones(149)), "one label for each of 150 rows"),
        (lambda x, y: metrics.variance_ratio(x, np.ones(150), y, np.zeros(150)), "expected the same"),
        (lambda x, y: metrics.variance_ratio(x, np.arange(150), y, np.arange(150)), "at least 2"),
    ],
)
def test_misuse_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(*gaussians())
