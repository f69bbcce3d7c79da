"""Diffusion with labels: the score given a label by Bayes' rule, guidance at one t, and what it does not sample.

Two classes, equally frequent, N(+1, lam) and N(-1, lam), in one dimension; the label that is asked for is the first.
"""

import numpy as np

from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import log_normal, normal, register, slopes
from tinygen.measure.rounding import integrate

SOURCE = "notes, chapter 18, Conditional"


def log_label(z, alpha, lam):
    """log Pr(c|z_t) of the first class: the log of a sigmoid, since the classes differ in their means only."""
    return -np.logaddexp(0.0, -2 * np.sqrt(alpha) * z / (alpha * lam + 1 - alpha))


def log_marginal(z, alpha, lam):
    """log q(z_t) of both classes together, equally frequent."""
    var = alpha * lam + 1 - alpha
    first, second = (log_normal(z, m, var) for m in (np.sqrt(alpha), -np.sqrt(alpha)))
    return np.logaddexp(first, second) - np.log(2)


def label_slope(z, alpha, lam):
    """d log Pr(c|z)/dz, from values alone: a pair (value, bar)."""
    value, bar = slopes(lambda z: log_label(z, alpha, lam), z)
    return value[0], bar[0]


def score_of_class(z, alpha, lam):
    """-(z - sqrt(alpha)) / s^2, s^2 the variance of z_t within a class."""
    return -(z - np.sqrt(alpha)) / (alpha * lam + 1 - alpha)


def score(z, alpha, lam):
    """The mean of both classes' scores, weighted by Pr(c|z)."""
    p = np.exp(log_label(z, alpha, lam))
    var = alpha * lam + 1 - alpha
    return p * score_of_class(z, alpha, lam) - (1 - p) * (z + np.sqrt(alpha)) / var


def at_a_time(rng):
    """A point: z at one noise level, and the variance of each class."""
    return dict(z=rng.normal(), alpha=rng.uniform(0.1, 0.9), lam=rng.uniform(0.2, 1.0))


SHOWN = dict(z=0.2, alpha=0.4, lam=0.49)

LABEL_SCORE = Derivation(
    "diffusion/label-score",
    Line(
        r"\nabla\log\Pr(c\mid z_t)",
        label_slope,
        note="What a classifier of noisy data says; from its values alone.",
    ),
    Line(
        r"\nabla\log q(z_t\mid c)",
        score_of_class,
        wrong="by Bayes the score without a label has to be taken off",
    ),
    Line(
        r"\nabla\log q(z_t\mid c)-\nabla\log q(z_t)",
        lambda z, alpha, lam: score_of_class(z, alpha, lam) - score(z, alpha, lam),
        note="Bayes: log Pr(c|z) = log q(z|c) + log Pr(c) - log q(z), and log Pr(c) has no z.",
    ),
    Line(
        r"\frac{2\sqrt{\alpha_t}}{s_t^2}\left(1-\Pr(c\mid z_t)\right),\quad s_t^2=\alpha_t\lambda+1-\alpha_t",
        lambda z, alpha, lam: (
            2 * np.sqrt(alpha) / (alpha * lam + 1 - alpha) * (1 - np.exp(log_label(z, alpha, lam)))
        ),
        note="For these two classes.",
    ),
    points=[SHOWN, dict(z=-3.0, alpha=0.9, lam=0.49)],
    draw=at_a_time,
    source=SOURCE + "; Dhariwal and Nichol 2021",
    title="The score of a label, by Bayes' rule",
)

def by_classifier(of_all, times, slope, bar):
    """The unguided score plus `times` the classifier's slope, with its bar."""
    return of_all + times * slope, times * bar


GUIDED = Derivation(
    "diffusion/guided-score",
    Line(
        r"\nabla\log q(z_t)+(1+w)\,\nabla\log\Pr(c\mid z_t)",
        lambda z, alpha, lam, w: by_classifier(score(z, alpha, lam), 1 + w, *label_slope(z, alpha, lam)),
        note="Guidance by a classifier.",
    ),
    Line(
        r"w\,\nabla\log q(z_t\mid c)+(1-w)\,\nabla\log q(z_t)",
        lambda z, alpha, lam, w: w * score_of_class(z, alpha, lam) + (1 - w) * score(z, alpha, lam),
        wrong="this w counts from another zero: it is 1 + w here",
    ),
    Line(
        r"(1+w)\,\nabla\log q(z_t\mid c)-w\,\nabla\log q(z_t)",
        lambda z, alpha, lam, w: (1 + w) * score_of_class(z, alpha, lam) - w * score(z, alpha, lam),
        note="Without a classifier.",
    ),
    points=[SHOWN | dict(w=3.0)],
    draw=lambda rng: at_a_time(rng) | dict(w=rng.uniform(0.2, 3)),
    source="Ho and Salimans 2022, eq. 6",
    title="Guidance with and without a classifier",
)


def tilted(z, alpha, lam, w):
    """q_t(z) Pr(c|z)^(1+w), not normalised."""
    return np.exp(log_marginal(z, alpha, lam) + (1 + w) * log_label(z, alpha, lam))


def mean_of(density):
    """The mean of a density that need not be normalised, by quadrature."""
    grid = dict(center=0.5, scale=0.6, points=385)
    return integrate(lambda z: z * density(z), **grid) / integrate(density, **grid)


def of_both(alpha, lam, w, g):
    """E g(z) over z_t made of an x from the density that is tilted at t = 0, by quadrature over x and the noise."""

    def integrand(x, e):
        return tilted(x, 1.0, lam, w) * normal(e, 0.0, 1.0) * g(np.sqrt(alpha) * x + np.sqrt(1 - alpha) * e)

    mass = integrate(lambda x: tilted(x, 1.0, lam, w), 0.5, 0.6, points=385)
    return integrate(integrand, [0.5, 0.0], [0.6, 1.0], points=193) / mass


NOT_TILTED = Derivation(
    "diffusion/guidance-not-tilted",
    Line(
        r"\mathbb E[z_t],\quad x\sim\tfrac1Z\,q_0(x)\Pr(c\mid x)^{1+w}",
        lambda alpha, lam, w: of_both(alpha, lam, w, lambda z: z),
        note="Tilt, then add noise: what a sampler of the tilted density would have to follow.",
    ),
    Line(
        r"\text{mean of}\ \tfrac1{Z_t}\,q_t(z)\Pr(c\mid z)^{1+w}",
        lambda alpha, lam, w: mean_of(lambda z: tilted(z, alpha, lam, w)),
        wrong="add noise, then tilt: guidance takes its scores from these, and the two do not commute",
    ),
    Line(
        r"\sqrt{\alpha_t}\,\mathbb E[x]",
        lambda alpha, lam, w: np.sqrt(alpha) * mean_of(lambda x: tilted(x, 1.0, lam, w)),
    ),
    points=[dict(alpha=0.4, lam=0.49, w=3.0), dict(alpha=0.4, lam=0.49, w=1.0)],
    draw=lambda rng: dict(alpha=rng.uniform(0.1, 0.8), lam=rng.uniform(0.3, 1.0), w=rng.uniform(0.5, 3)),
    draws=2,
    source=SOURCE + "; what guidance leaves out",
    title="Guidance does not follow the tilted density",
)

register(LABEL_SCORE, GUIDED, NOT_TILTED)
