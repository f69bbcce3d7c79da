"""The losses against their oracles: at the best discriminator value, step and variance are the closed forms."""

import numpy as np
import pytest
from hypothesis import given

import tinygen as tg
from tinygen.models.gan import losses
from tinygen.models.gan.losses import LOSSES
from tinygen.oracles import Pair, generator_slopes, optimum

exact = dict(rel=0, abs=1e-10)
PAIR = Pair.gaussian(1.0, 1.0, 0.0, 1.0)
B = 11


def per_row(loss, logit, **labels):
    """The derivative of a generator's loss by the logit of each row, without the 1/B of the mean."""
    return len(logit) * tg.grad(lambda fake: loss(fake, **labels))(logit)


def test_generator_steps_at_the_best_discriminator():
    l = PAIR.log_ratio
    step = lambda loss: PAIR.generator_step(per_row(loss, l))  # l' = 1
    assert step(losses.saturating_generator).mean == pytest.approx(-0.3979728672, **exact)
    assert step(losses.non_saturating_generator).mean == pytest.approx(-0.6020271328, **exact)
    for loss in (losses.saturating_generator, losses.non_saturating_generator):
        assert step(loss).var == pytest.approx(0.0406040306, **exact)
    both = lambda fake: losses.saturating_generator(fake) + losses.non_saturating_generator(fake)
    assert step(both).mean == pytest.approx(-1, **exact)  # -E_q l: the gradient of KL(q||p)
    slopes = generator_slopes(l)
    np.testing.assert_allclose(per_row(losses.saturating_generator, l), slopes["saturating"], atol=1e-14)
    np.testing.assert_allclose(per_row(losses.non_saturating_generator, l), slopes["non_saturating"], atol=1e-14)


def test_far_off_one_step_vanishes_and_the_other_does_not():
    pair = Pair.gaussian(6.0, 1.0, 0.0, 1.0)  # l' = 6
    step = lambda loss: pair.generator_step(6 * per_row(loss, pair.log_ratio)).mean
    assert step(losses.saturating_generator) == pytest.approx(-0.0124532392, **exact)
    assert step(losses.non_saturating_generator) == pytest.approx(-5.9875467608, **exact)
    for logit in (-40.0, 40.0):  # no clamp: there is a gradient of the right order wherever D is
        slope = per_row(losses.saturating_generator, np.full(3, logit))
        np.testing.assert_allclose(slope, -1 / (1 + np.exp(-logit)), rtol=1e-12)


def test_least_squares_and_hinge_steps():
    D = optimum("least_squares", PAIR.log_ratio)
    step = PAIR.generator_step(per_row(losses.least_squares_generator, D) * (1 - D**2) / 2).mean
    assert step == pytest.approx(-0.0597767463, **exact)
    D = optimum("least_squares", PAIR.log_ratio, fake=0)  # labels 0 and 1, target 1
    slope = per_row(losses.least_squares_generator, D, target=1.0) * D * (1 - D)
    assert PAIR.generator_step(slope).mean == pytest.approx(-0.1144374034, **exact)


@pytest.mark.parametrize("name, labels", [("logistic", {}), ("least_squares", {}), ("hinge", {})])
def test_the_best_discriminator_is_where_the_oracle_says(name, labels):
    """The derivative by every logit, p- and q-weighted, vanishes there (hinge: between the slopes of the kink)."""
    loss = getattr(losses, f"{name}_discriminator")
    D = optimum(name, PAIR.log_ratio) * (1 if name != "hinge" else 0.999999)
    by_real, by_fake = (len(D) * tg.grad(loss, i)(D, D) for i in (0, 1))
    p, q = np.exp(PAIR.log_p), np.exp(PAIR.log_q)
    push = p * by_real + q * by_fake
    if name == "hinge":  # within the margins all are pushed outwards, to the kink
        assert (push * np.sign(PAIR.log_ratio) < 0).all()
    else:
        np.testing.assert_allclose(push, 0, atol=1e-14)


def test_values_at_chance_and_the_factor_two():
    zero = np.zeros(B)
    assert losses.logistic_discriminator(zero, zero) == pytest.approx(2 * np.log(2), **exact)
    assert losses.relativistic_discriminator(zero, zero) == pytest.approx(np.log(2), **exact)
    assert losses.hinge_discriminator(zero, zero) == 2 and losses.wasserstein_critic(zero, zero) == 0
    assert losses.least_squares_discriminator(zero, zero) == 1


def test_extreme_logits_stay_finite():
    far = np.array([-800.0, 800.0])
    assert losses.logistic_discriminator(far, far) == pytest.approx(800)
    for f in (losses.saturating_generator, losses.non_saturating_generator):
        assert np.isfinite(f(far)) and np.isfinite(tg.grad(f)(far)).all()


def test_relativistic_is_the_logistic_loss_of_the_difference():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, B))
    assert losses.relativistic_discriminator(real + 5, fake + 5) == pytest.approx(
        losses.relativistic_discriminator(real, fake), rel=1e-12
    )
    assert losses.relativistic_generator(real, fake) == pytest.approx(losses.relativistic_discriminator(fake, real))
    assert LOSSES["relativistic"].of_generator(real, fake) == losses.relativistic_generator(real, fake)
    assert LOSSES["hinge"].of_generator(real, fake) == -fake.mean()


def test_a_column_of_logits_or_unequal_batches_are_refused():
    column, row = np.zeros((B, 1)), np.zeros(B)
    for name, loss in LOSSES.items():
        with pytest.raises(ValueError, match=r"\(B, 1\) take \[:, 0\]"):
            loss.discriminator(column, row)
        with pytest.raises(ValueError, match="n_real/n_fake"):
            loss.discriminator(np.zeros(3 * B), row)
        assert np.shape(loss.discriminator(row, row)) == (), name


def test_float32_stays_float32(strategies):
    @given(strategies.numbers((5,)))
    def holds(x):
        x = x.astype(np.float32)
        for loss in LOSSES.values():
            for f in (lambda x, f=loss.discriminator: f(x, -x), lambda x, f=loss.of_generator: f(-x, x)):
                assert f(x).dtype == np.float32 and tg.grad(f)(x).dtype == np.float32

    holds()


@pytest.mark.parametrize("name", LOSSES)
def test_second_derivatives_by_hand_are_the_engines(name):
    """The rules are plain NumPy, so that they nest: the Hessian of the joined loss is that of the bare formula."""
    rng = np.random.default_rng(7)
    logits = 2 * rng.normal(size=(2, B))
    f, bare = LOSSES[name].discriminator, LOSSES[name].discriminator.__wrapped__
    np.testing.assert_allclose(
        tg.hessian(lambda z: f(z[0], z[1]))(logits), tg.hessian(lambda z: bare(z[0], z[1]))(logits), atol=1e-13
    )
