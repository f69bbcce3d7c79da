"""Invertible maps: the density of what comes out, the determinant of a coupling, and the flow as the end of a VAE.

Here x is the data and z = f(x) the noise, as in models/flow.
"""

import numpy as np

import tinygen as tg
from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, kl_normal, log_normal, normal, register, slope
from tinygen.derivations.elbo import log_evidence, posterior

SOURCE = "Rezende and Mohamed 2015; Dinh et al. 2017"

# One dimension: z = a arcsinh(x) + b ---------------------------------------------------------------------------------


def to_noise(x, a, b):
    """The map from data to noise, arsinh x stretched by a and moved by b."""
    return a * np.log(x + np.sqrt(1 + x * x)) + b


def normal_cdf(z):
    """P(N(0, 1) <= z)."""
    from scipy.special import erf

    return 0.5 * (1 + erf(z / np.sqrt(2.0)))


CHANGE = Derivation(
    "flow/change-of-variables",
    Line(
        r"\frac{d}{dx}\Pr(X\le x)=\frac{d}{dx}\,\Phi(f(x))",
        lambda x, a, b: slope(lambda x: float(normal_cdf(to_noise(x, a, b))), x),
        note="f rises, so that X is below x just when Z is below f(x). By finite differences.",
    ),
    Line(
        r"\mathcal N(f(x);0,1)\,|f'(x)|",
        lambda x, a, b: normal(to_noise(x, a, b), 0.0, 1.0) * a / np.sqrt(1 + x * x),
    ),
    Line(
        r"\mathcal N(f(x);0,1)\,/\,|f'(x)|",
        lambda x, a, b: normal(to_noise(x, a, b), 0.0, 1.0) * np.sqrt(1 + x * x) / a,
        wrong="the slope of the way back, from z to x, would stand below the line",
    ),
    Line(
        r"\exp\left(\log\mathcal N(f(x);0,1)+\log|f'(x)|\right)",
        lambda x, a, b: np.exp(log_normal(to_noise(x, a, b), 0.0, 1.0) + np.log(a) - 0.5 * np.log(1 + x * x)),
    ),
    points=[dict(x=0.7, a=1.5, b=-0.2), dict(x=-2.0, a=0.4, b=0.0), dict(x=0.0, a=3.0, b=1.0)],
    draw=lambda rng: dict(x=rng.normal(), a=rng.uniform(0.4, 2), b=rng.normal()),
    source=SOURCE,
    title="The density of what an invertible map makes of a normal",
)

# A coupling: a stays, b -> b exp(s(a)) + t(a) ------------------------------------------------------------------------


def scale_of(a, c):
    """What the coupling's net says of the scale, from the part that stays."""
    return np.tanh(c * a + 0.5)


def shift_of(a):
    return a * a


def coupling(x, c):
    """(a, b) -> (a, b e^s(a) + t(a)), for one row (2,)."""
    return np.stack([x[0], x[1] * np.exp(scale_of(x[0], c)) + shift_of(x[0])])


def determinant(a, b, c):
    """log |det| of the coupling's Jacobian at (a, b)."""
    J = tg.jacobian(lambda x: coupling(x, c))(np.array([a, b]))
    return np.log(np.abs(J[0, 0] * J[1, 1] - J[0, 1] * J[1, 0]))


COUPLING = Derivation(
    "flow/coupling",
    Line(
        r"\ln\left|\det\frac{\partial(a,\ be^{s(a)}+t(a))}{\partial(a,b)}\right|",
        lambda a, b, c: (determinant(a, b, c), 1e-13),
        note="The whole Jacobian, automatically.",
    ),
    Line(
        r"s(a)",
        lambda a, c: scale_of(a, c),
        note="It is triangular: what a does to b stands in the corner that the determinant does not see.",
    ),
    Line(
        r"s(a)+\ln|t'(a)|",
        lambda a, c: scale_of(a, c) + np.log(np.abs(2 * a)),
        wrong="the nets' own slopes stand beside the diagonal and do not count",
    ),
    points=[dict(a=0.3, b=-0.7, c=1.0), dict(a=-1.2, b=2.0, c=-0.5)],
    draw=lambda rng: dict(a=rng.normal(), b=rng.normal(), c=rng.normal()),
    source=SOURCE,
    title="The determinant of a coupling",
)

# The flow as the end of a VAE: x = w z without noise ---------------

LIMIT = Derivation(
    "flow/vae",
    Line(
        r"\mathbb E_q\left[\log\Pr(x\mid z)+\log\Pr(z)-\log q(z\mid x)\right]",
        lambda w, s2, x: expectation(
            lambda z: log_normal(x, w * z, s2) + log_normal(z, 0.0, 1.0) - log_normal(z, *posterior(w, s2, x)),
            *posterior(w, s2, x),
        ),
        note="The bound of the linear VAE at its posterior.",
    ),
    Line(r"\log\mathcal N(x;0,w^2+s_2)", log_evidence),
    Line(
        r"\log\mathcal N\left(\tfrac xw;0,1\right)-\ln|w|+\tfrac12\ln\tfrac{w^2}{w^2+s_2}"
        r"+\tfrac{x^2}{2}\left(\tfrac1{w^2}-\tfrac1{w^2+s_2}\right)",
        lambda w, s2, x: (
            log_normal(x / w, 0.0, 1.0) - np.log(np.abs(w)) + 0.5 * np.log(w * w / (w * w + s2))
            + 0.5 * x * x * (1 / (w * w) - 1 / (w * w + s2))
        ),
        note="The first two terms are the flow x = wz; the others vanish with the decoder's variance.",
    ),
    Line(
        r"\log\mathcal N\left(\tfrac xw;0,1\right)-\ln|w|",
        lambda w, x: log_normal(x / w, 0.0, 1.0) - np.log(np.abs(w)),
        wrong="only at s2 = 0: a VAE with noise is not a flow, though its posterior is exact",
    ),
    points=[dict(w=1.3, s2=0.1, x=1.0), dict(w=1.3, s2=1e-3, x=1.0)],
    draw=lambda rng: dict(w=rng.uniform(0.5, 2), s2=rng.uniform(0.05, 0.5), x=rng.normal()),
    source="notes, chapter 18: 'Now shuffle GAN/VAE/Normalizing'",
    title="A flow is a VAE whose decoder has no noise",
)

# A flow as the prior: all codes together are N(m, v), the new prior is N(n, u) -----------------------------------

PRIOR = Derivation(
    "flow/prior",
    Line(
        r"\mathbb E_{q(z)}\log\frac{p'(z)}{\mathcal N(z;0,1)}",
        lambda m, v, n, u: expectation(lambda z: log_normal(z, n, u) - log_normal(z, 0.0, 1.0), m, v),
        note="By how much the bound rises with the new prior, the encoder as it was.",
    ),
    Line(
        r"D_{KL}\left[q(z)\parallel\mathcal N(0,1)\right]-D_{KL}\left[q(z)\parallel p'\right]",
        lambda m, v, n, u: kl_normal(m, v, 0.0, 1.0) - kl_normal(m, v, n, u),
    ),
    Line(
        r"D_{KL}\left[p'\parallel\mathcal N(0,1)\right]",
        lambda n, u: kl_normal(n, u, 0.0, 1.0),
        wrong="the codes are what counts, not the draws of the new prior",
    ),
    Line(
        r"D_{KL}\left[q(z)\parallel\mathcal N(0,1)\right]",
        lambda m, v: kl_normal(m, v, 0.0, 1.0),
        "<=",
        gap=lambda m, v, n, u: kl_normal(m, v, n, u),
        gap_latex=r"D_{KL}[q(z)\parallel p']",
        note="Reached if the prior is the density of all codes.",
    ),
    points=[dict(m=0.0, v=1.7389711774, n=0.1, u=1.5), dict(m=0.3, v=0.5, n=-0.2, u=0.7)],
    draw=lambda rng: dict(m=rng.normal(), v=rng.uniform(0.4, 2), n=rng.normal(), u=rng.uniform(0.4, 2)),
    source="notes, chapter 18: 'Now shuffle GAN/VAE/Normalizing'",
    title="What a learned prior gains, and the most that it can",
)

register(CHANGE, COUPLING, LIMIT, PRIOR)
