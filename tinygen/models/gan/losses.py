"""What discriminator and generator minimise, each with its gradient by hand.

A discriminator D puts out a logit for each row: `real` are the logits of data, `fake` those of samples, both (B,).
Every loss is a mean over the B rows, a scalar in nats where there is a logarithm; s is the sigmoid, which is nowhere
applied by D itself. `<name>_grad_<argument>` was derived on paper; `<name>.__wrapped__` is the bare formula.

The best D of the logistic losses has the logit ln p/q; oracles/discriminator.py says what each loss is there, and what
the generator's step is then.

Sources: Goodfellow et al. 2014 (logistic, both forms of the generator's); Mao et al. 2017 (least squares); Lim and Ye
2017 (hinge); Arjovsky et al. 2017 (Wasserstein); Jolicoeur-Martineau 2019 (relativistic).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tinygen import byhand
from tinygen.nn.layers import sigmoid, softplus

B = 5  # rows of the example at which the gradients are checked


def _paired(real, fake):
    """As many logits of samples as of data, one a row."""
    if len(real.shape) != 1 or real.shape != fake.shape:
        raise ValueError(
            f"logits must be (B,), one for each row, as many of data as of samples: got real {real.shape} and fake "
            f"{fake.shape}. Of (B, 1) take [:, 0], or every row meets every other; different numbers of rows move the "
            "best logit by ln(n_real/n_fake)."
        )


# Logistic (Goodfellow et al. 2014) -----------------------------------------------------------------------------------


def logistic_discriminator(real, fake):
    """-V(D) = -E_p ln s(real) - E_q ln(1 - s(fake)), the sum of two cross-entropies: 2 ln 2 at chance.

    -ln s(l) = softplus(-l), -ln(1 - s(l)) = softplus(l):  d/dreal = -s(-real)/B        d/dfake = s(fake)/B

    >>> float(logistic_discriminator(np.zeros(3), np.zeros(3)).round(6))
    1.386294
    """
    _paired(real, fake)
    return np.mean(softplus(-real) + softplus(fake))


def logistic_discriminator_grad_real(real, fake):
    return -sigmoid(-real) / len(real)


def logistic_discriminator_grad_fake(real, fake):
    return sigmoid(fake) / len(fake)


def saturating_generator(fake):
    """E_q ln(1 - s(fake)): the generator descends what D climbs. d/dfake = -s(fake)/B, nothing where D is sure."""
    return -np.mean(softplus(fake))


def saturating_generator_grad_fake(fake):
    return -sigmoid(fake) / len(fake)


def non_saturating_generator(fake):
    """-E_q ln s(fake): another loss with the same equilibrium. d/dfake = -s(-fake)/B, which stays where D is sure."""
    return np.mean(softplus(-fake))


def non_saturating_generator_grad_fake(fake):
    return -sigmoid(-fake) / len(fake)


# Least squares (Mao et al. 2017) -------------------------------------------------------------------------------------


def least_squares_discriminator(real, fake, real_label=1.0, fake_label=-1.0):
    """E_p (real - real_label)^2/2 + E_q (fake - fake_label)^2/2, of D's output itself, without a sigmoid.

    d/dreal = (real - real_label)/B        d/dfake = (fake - fake_label)/B
    """
    _paired(real, fake)
    return 0.5 * np.mean((real - real_label) ** 2 + (fake - fake_label) ** 2)


def least_squares_discriminator_grad_real(real, fake, real_label=1.0, fake_label=-1.0):
    return (real - real_label) / len(real)


def least_squares_discriminator_grad_fake(real, fake, real_label=1.0, fake_label=-1.0):
    return (fake - fake_label) / len(fake)


def least_squares_generator(fake, target=0.0):
    """E_q (fake - target)^2/2. d/dfake = (fake - target)/B."""
    return 0.5 * np.mean((fake - target) ** 2)


def least_squares_generator_grad_fake(fake, target=0.0):
    return (fake - target) / len(fake)


# Hinge (Lim and Ye 2017) and Wasserstein (Arjovsky et al. 2017) -------------------------------------------------------


def hinge_discriminator(real, fake):
    """E_p max(0, 1 - real) + E_q max(0, 1 + fake): rows beyond the margin count no more.

    d/dreal = -[real < 1]/B        d/dfake = [fake > -1]/B        (a half where equal)
    """
    _paired(real, fake)
    return np.mean(np.maximum(1 - real, 0) + np.maximum(1 + fake, 0))


def hinge_discriminator_grad_real(real, fake):
    return -(0.5 + 0.5 * np.sign(1 - real)) / len(real)


def hinge_discriminator_grad_fake(real, fake):
    return (0.5 + 0.5 * np.sign(1 + fake)) / len(fake)


def wasserstein_critic(real, fake):
    """E_q fake - E_p real: minus the estimate of W1, if D's slope is at most 1. d/dreal = -1/B        d/dfake = 1/B"""
    _paired(real, fake)
    return np.mean(fake - real)


def wasserstein_critic_grad_real(real, fake):
    return np.full_like(real, -1 / len(real))


def wasserstein_critic_grad_fake(real, fake):
    return np.full_like(fake, 1 / len(fake))


def wasserstein_generator(fake):
    """-E_q fake, of the hinge too: samples shall score high.

    d/dfake = -1/B.  fake: (B,).
    """
    return -np.mean(fake)


def wasserstein_generator_grad_fake(fake):
    return np.full_like(fake, -1 / len(fake))


# Relativistic (Jolicoeur-Martineau 2018): is this row of data more real than this sample? -----------------------------


def relativistic_discriminator(real, fake):
    """-E ln s(real - fake) over pairs. d/dreal = -s(fake - real)/B        d/dfake = s(fake - real)/B"""
    _paired(real, fake)
    return np.mean(softplus(fake - real))


def relativistic_discriminator_grad_real(real, fake):
    return -sigmoid(fake - real) / len(real)


def relativistic_discriminator_grad_fake(real, fake):
    return sigmoid(fake - real) / len(fake)


def relativistic_generator(real, fake):
    """-E ln s(fake - real): the roles exchanged. d/dreal = s(real - fake)/B        d/dfake = -s(real - fake)/B"""
    _paired(real, fake)
    return np.mean(softplus(real - fake))


def relativistic_generator_grad_real(real, fake):
    return sigmoid(real - fake) / len(real)


def relativistic_generator_grad_fake(real, fake):
    return -sigmoid(real - fake) / len(fake)


# Each loss, joined with its gradients --------------------------------------------------------------------------------


def _joined(f, *gradients):
    """The loss as a primitive; the gradients have the order of its first arguments, the labels after them have none."""
    rules = [lambda g, y, *args, gradient=gradient, **labels: g * gradient(*args, **labels) for gradient in gradients]
    names = ("real", "fake") if len(gradients) == 2 else ("fake",)
    return byhand.with_rules(f, *rules, example=lambda rng: {name: 2 * rng.normal(size=B) for name in names})


logistic_discriminator = _joined(
    logistic_discriminator, logistic_discriminator_grad_real, logistic_discriminator_grad_fake
)
saturating_generator = _joined(saturating_generator, saturating_generator_grad_fake)
non_saturating_generator = _joined(non_saturating_generator, non_saturating_generator_grad_fake)
least_squares_discriminator = _joined(
    least_squares_discriminator, least_squares_discriminator_grad_real, least_squares_discriminator_grad_fake
)
least_squares_generator = _joined(least_squares_generator, least_squares_generator_grad_fake)
hinge_discriminator = _joined(hinge_discriminator, hinge_discriminator_grad_real, hinge_discriminator_grad_fake)
wasserstein_critic = _joined(wasserstein_critic, wasserstein_critic_grad_real, wasserstein_critic_grad_fake)
wasserstein_generator = _joined(wasserstein_generator, wasserstein_generator_grad_fake)
relativistic_discriminator = _joined(
    relativistic_discriminator, relativistic_discriminator_grad_real, relativistic_discriminator_grad_fake
)
relativistic_generator = _joined(
    relativistic_generator, relativistic_generator_grad_real, relativistic_generator_grad_fake
)


class Loss(NamedTuple):
    """What the two players minimise: `discriminator(real, fake)`, and `generator(fake)` or, if `paired`,
    `generator(real, fake)`."""

    discriminator: Callable
    generator: Callable
    paired: bool = False

    def of_generator(self, real, fake):
        """The generator's loss, of the logits of data too (which most of them do not look at)."""
        return self.generator(real, fake) if self.paired else self.generator(fake)


LOSSES = {
    "non_saturating": Loss(logistic_discriminator, non_saturating_generator),
    "saturating": Loss(logistic_discriminator, saturating_generator),
    "least_squares": Loss(least_squares_discriminator, least_squares_generator),
    "hinge": Loss(hinge_discriminator, wasserstein_generator),
    "wasserstein": Loss(wasserstein_critic, wasserstein_generator),
    "relativistic": Loss(relativistic_discriminator, relativistic_generator, paired=True),
}
