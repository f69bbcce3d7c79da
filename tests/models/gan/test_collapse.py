"""Has it collapsed? A perfect sampler raises no alarm, and each way to fail raises its own."""

import numpy as np
import pytest

from tinygen.data import toy
from tinygen.models.gan import collapse
from tinygen.oracles import gaussian_log_ratio, histogram_kl, share_within

ANGLE = np.pi / 4 * np.arange(8)
CENTRES = 4 * np.stack([np.cos(ANGLE), np.sin(ANGLE)], 1)


def ring(n, seed, modes=range(8), sd=0.5):
    rng = np.random.default_rng(seed)
    return CENTRES[rng.choice(list(modes), n)] + sd * rng.normal(size=(n, 2))


def say(real, fake, on_real=None, on_fake=None, **options):
    zero = lambda rows, logits: np.zeros(len(rows)) if logits is None else logits
    return collapse.diagnose(real, fake, zero(real, on_real), zero(fake, on_fake), **options)


@pytest.mark.parametrize("seed", range(5))
def test_perfect_samples_raise_no_alarm(seed):
    """20 regions of 5 % each and 1000 samples: that one has below a tenth of its 50 has probability 1e-14."""
    found = say(toy.ring(800, seed, radius=4.0, sd=0.5), toy.ring(1000, seed + 50, radius=4.0, sd=0.5))
    assert found.warnings == [] and "!" not in str(found)
    np.testing.assert_allclose(found.sd_ratio, 1, atol=0.1)


def test_each_failure_has_its_sentence():
    real = ring(800, 0)
    assert "modes are missing" in say(real, ring(1000, 1, modes=range(7))).warnings[0]
    assert "vary too little" in " ".join(say(real, 0.3 * ring(1000, 1)).warnings)
    line = ring(1000, 1) * [1, 0.01]
    assert "in the worst of 2 directions" in " ".join(say(real, line).warnings)
    sure = say(real, ring(1000, 1), np.full(800, 4.0), np.full(1000, -4.0), logistic=False)
    assert "tells samples from data in 100% of all cases" in sure.warnings[0] and sure.ratio_fake is None
    labels = np.arange(1000) % 2
    fake = np.where((labels == 1)[:, None], ring(1000, 1), CENTRES[0] + 0.05 * ring(1000, 2))
    found = say(real, fake, real_labels=labels[:800], fake_labels=labels)
    assert any("within class 0" in sentence for sentence in found.warnings)


def test_logits_at_the_optimum_pass_both_ratio_checks_and_a_missing_constant_does_not():
    """Data N(1, 1), samples N(0, 1): l = x - 1/2; with x alone E_q[D/(1-D)] is e^(1/2)."""
    rng = np.random.default_rng(3)
    real, fake = rng.normal(1, 1, (20_000, 1)), rng.normal(0, 1, (20_000, 1))
    A, b, c = gaussian_log_ratio([1.0], [[1.0]], [0.0], [[1.0]])
    l = lambda x: x[:, 0] ** 2 * A[0, 0] + x[:, 0] * b[0] + c
    best = collapse.diagnose(real, fake, l(real), l(fake))
    for found in (best.ratio_fake, best.ratio_real):
        assert abs(found.value - 1) < 5 * found.error < 0.1
    assert abs(best.accuracy.value - 0.6914624613) < 5 * best.accuracy.error  # 1/2 + TV/2
    wrong = collapse.diagnose(real, fake, real[:, 0], fake[:, 0])
    assert abs(wrong.ratio_fake.value - np.exp(0.5)) < 5 * wrong.ratio_fake.error
    assert any("E_q[D/(1-D)] is 1.6" in sentence for sentence in wrong.warnings)
    assert abs(best.accuracy.floor - 0.5) < 0.02  # real against real


def test_modes_of_perfect_samples():
    found = collapse.modes(ring(40_000, 5), CENTRES, 0.5)
    assert found.seen == 8 and found.histogram.sum() == pytest.approx(1)
    assert abs(found.within - share_within(3)) < 5.5 * np.sqrt(0.0111 / 40_000)
    assert found.kl < 8 * histogram_kl(8, 40_000)
    assert found.sd_ratio == pytest.approx(1, abs=0.015)
    assert collapse.modes(ring(4000, 6, modes=range(5)), CENTRES, 0.5).seen == 5


def test_extremes_give_numbers():
    real, fake = ring(50, 0), np.zeros((60, 2))
    found = say(real, fake, np.full(50, 900.0), np.full(60, -900.0))
    assert found.accuracy.value == 1 and np.isfinite(found.ratio_fake.value)
    assert len(found.warnings) >= 2 and str(found).count("!") == len(found.warnings)
