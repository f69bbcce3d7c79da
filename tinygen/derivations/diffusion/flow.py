"""The probability-flow ODE: its paths carry the density of the noised data, and with it the likelihood.

In y = z/sqrt(alpha_t) and s = sqrt(1 - alpha_t)/sqrt(alpha_t), the standard deviation of the noise in y, it is
dy/ds = E[eps|y]. Data here: N(m, lam) and N(-m, lam) in equal parts, one dimension; of the gain N(m, lam) alone.
"""

import numpy as np

import tinygen as tg
from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import log_normal, normal, register, slopes
from tinygen.derivations.diffusion.exact import over_x

SOURCE = "Song et al. 2021, section 4.3"


def density(y, s, m, lam):
    """The density of y = x + s eps."""
    return 0.5 * (normal(y, m, lam + s**2) + normal(y, -m, lam + s**2))


def flow(y, s, m, lam):
    """E[eps|y] by the responsibilities of the two normals."""
    centres, c = np.array([m, -m]), lam + s**2
    odds = tg.softmax(log_normal(y, centres, c))
    return s * np.sum(odds * (y - centres)) / c


def slope(f, at, sign=1.0):
    """sign df/dx at one number, with its bar."""
    value, bar = slopes(f, at)
    return sign * value[0], bar[0]


def draw(rng):
    """A point: y = z/sqrt(alpha_bar) at the noise level s, and the data's mean and variance."""
    return dict(y=rng.normal(), s=rng.uniform(0.2, 2.0), m=rng.normal(), lam=rng.uniform(0.2, 2.0))


FLOW = Derivation(
    "diffusion/flow",
    Line(
        r"\frac{\partial}{\partial s}\,p_s(y)",
        lambda y, s, m, lam: slope(lambda s: density(y, s, m, lam), s),
        note="How the density of the noised data changes with the noise.",
    ),
    Line(
        r"s\,\frac{\partial^2}{\partial y^2}\,p_s(y)",
        lambda y, s, m, lam: s * sum(
            0.5 * normal(y, centre, lam + s**2) * (((y - centre) / (lam + s**2)) ** 2 - 1 / (lam + s**2))
            for centre in (m, -m)
        ),
        note="Each normal spreads: the heat equation.",
    ),
    Line(
        r"-\frac{\partial}{\partial y}\big[p_s(y)\,\mathbb E[\epsilon\mid y]\big],\quad"
        r"\mathbb E[\epsilon\mid y]=-s\,\frac{\partial}{\partial y}\log p_s(y)",
        lambda y, s, m, lam: slope(lambda y: density(y, s, m, lam) * flow(y, s, m, lam), y, -1.0),
        note="Points that move with dy/ds = E[eps|y] keep the density of the noised data.",
    ),
    Line(
        r"-\frac{\partial}{\partial y}\big[p_s(y)\;2\,\mathbb E[\epsilon\mid y]\big]",
        lambda y, s, m, lam: slope(lambda y: density(y, s, m, lam) * flow(y, s, m, lam), y, -2.0),
        wrong="twice as fast is the drift of the noisy walk back, which needs its noise to make up for it",
    ),
    points=[dict(y=0.4, s=0.8, m=1.0, lam=0.3)],
    draw=draw,
    source=SOURCE,
    title="The flow carries the density",
)

GAIN = Derivation(
    "diffusion/flow-gain",
    Line(
        r"\frac{\mathbb E[\epsilon\mid y]}{y-m}",
        lambda y, s, m, lam: guess_of_noise(y, s, m, lam) / (y - m),
        note="The slope of the flow for each unit of distance, by quadrature over x.",
    ),
    Line(r"\frac{s}{\lambda+s^2}", lambda s, lam: s / (lam + s**2)),
    Line(
        r"\frac{d}{ds}\log(\lambda+s^2)",
        lambda s, lam: slope(lambda s: np.log(lam + s**2), s),
        wrong="so the variance grows; a distance grows by the root",
    ),
    Line(
        r"\frac{d}{ds}\log\sqrt{\lambda+s^2}",
        lambda s, lam: slope(lambda s: 0.5 * np.log(lam + s**2), s),
        note="y - m grows like the root of lam + s^2 = c/alpha; z is y times sqrt(alpha), so it grows like sqrt(c).",
    ),
    points=[dict(y=0.4, s=0.8, m=1.0, lam=0.3)],
    draw=lambda rng: draw(rng) | dict(y=rng.normal() + 5.0),
    source=SOURCE,
    title="The flow of normal data",
)


def guess_of_noise(y, s, m, lam):
    """E[eps|z], by the integral over x."""
    alpha = 1 / (1 + s**2)
    return over_x(np.sqrt(alpha) * y, alpha, m, lam, lambda x: (y - x) / s)


LIKELIHOOD = Derivation(
    "diffusion/flow-likelihood",
    Line(
        r"\frac{d}{ds}\log p_s(y_s)\quad\text{along}\quad\frac{dy_s}{ds}=v(y_s,s)=\mathbb E[\epsilon\mid y_s]",
        lambda y, s, m, lam: slope(lambda h: np.log(density(y + h * flow(y, s, m, lam), s + h, m, lam)), 0.0),
    ),
    Line(
        r"+\frac{\partial v}{\partial y}",
        lambda y, s, m, lam: slope(lambda y: flow(y, s, m, lam), y),
        wrong="where the flow spreads, the density falls",
    ),
    Line(
        r"-\frac{\partial v}{\partial y}",
        lambda y, s, m, lam: slope(lambda y: flow(y, s, m, lam), y, -1.0),
        note="In several dimensions: minus the divergence, the sum over all coordinates.",
    ),
    points=[dict(y=0.4, s=0.8, m=1.0, lam=0.3)],
    draw=draw,
    source=SOURCE,
    title="A log density along the flow",
)

register(FLOW, GAIN, LIKELIHOOD)
