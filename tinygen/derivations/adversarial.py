"""Two players: the best discriminator and its worth, the generator's step, and how steps against each other move.

p = N(m, v) are the data, q = N(0, 1) the samples; l = log p/q is the logit of the best discriminator.
"""

import numpy as np

from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, kl_normal, log_normal, normal, register, slope
from tinygen.measure.rounding import integrate

SOURCE = "Goodfellow et al. 2014"


def log_sigmoid(l):
    """log s(l) = -log(1 + e^-l); log(1 - s(l)) is the same of -l."""
    return -np.logaddexp(0.0, -l)


def log_ratio(x, m, v):
    """l(x) = log N(x; m, v) - log N(x; 0, 1)."""
    return log_normal(x, m, v) - log_normal(x, 0.0, 1.0)


def over_both(f, g, m, v):
    """E_p f + E_q g."""
    return expectation(f, m, v, points=193) + expectation(g, 0.0, 1.0, points=193)


# The best discriminator -------------------------------------------------------------------------------------------

OPTIMUM = Derivation(
    "gan/optimum",
    Line(
        r"\frac{d}{dl}\left[p\ln\sigma(l)+q\ln(1-\sigma(l))\right]",
        lambda p, q, l: slope(lambda l: p * log_sigmoid(l) + q * log_sigmoid(-l), l),
        note="At one x, by finite differences; p and q are the densities there.",
    ),
    Line(r"p\,(1-\sigma(l))-q\,\sigma(l)", lambda p, q, l: (p * np.exp(-l) - q) / (1 + np.exp(-l))),
    Line(
        r"(p+q)\left(\frac{p}{p+q}-\sigma(l)\right)",
        lambda p, q, l: (p + q) * (p / (p + q) - 1 / (1 + np.exp(-l))),
        note="Above 0 as long as D is below p/(p+q), and below 0 beyond: there is one maximum.",
    ),
    Line(
        r"(p+q)\left(\frac{p}{q}-\sigma(l)\right)",
        lambda p, q, l: (p + q) * (p / q - 1 / (1 + np.exp(-l))),
        wrong="the ratio p/q is D/(1-D), not D",
    ),
    points=[dict(p=0.3, q=0.1, l=0.4), dict(p=0.2, q=0.2, l=0.0), dict(p=1e-3, q=0.4, l=-2.0)],
    draw=lambda rng: dict(p=rng.uniform(0.05, 1), q=rng.uniform(0.05, 1), l=rng.normal()),
    source=SOURCE,
    title="The best discriminator is p/(p+q), point by point",
)


def jsd(m, v):
    """[KL(p || (p+q)/2) + KL(q || (p+q)/2)]/2; log(p/((p+q)/2)) = log 2 + log s(l)."""
    log_two = np.log(2.0)
    at_p = lambda x: log_two + log_sigmoid(log_ratio(x, m, v))
    at_q = lambda x: log_two + log_sigmoid(-log_ratio(x, m, v))
    return 0.5 * over_both(at_p, at_q, m, v)


def value_of(m, v, a, b):
    """V of the discriminator with the logit a + b x."""
    return over_both(lambda x: log_sigmoid(a + b * x), lambda x: log_sigmoid(-a - b * x), m, v)


def regret(m, v, a, b):
    """2 E_m KL(Bernoulli D* || Bernoulli D), m = (p + q)/2."""

    def one(x):
        l, other = log_ratio(x, m, v), a + b * x
        best = 1 / (1 + np.exp(-l))
        return best * (log_sigmoid(l) - log_sigmoid(other)) + (1 - best) * (log_sigmoid(-l) - log_sigmoid(-other))

    return over_both(one, one, m, v)


VALUE = Derivation(
    "gan/value",
    Line(
        r"\max_D\ \mathbb E_p\ln D+\mathbb E_q\ln(1-D)",
        lambda m, v: over_both(
            lambda x: log_normal(x, m, v) - np.logaddexp(log_normal(x, m, v), log_normal(x, 0.0, 1.0)),
            lambda x: log_normal(x, 0.0, 1.0) - np.logaddexp(log_normal(x, m, v), log_normal(x, 0.0, 1.0)),
            m, v,
        ),
        note="At D = p/(p+q).",
    ),
    Line(r"-2\ln 2+2\,\mathrm{JSD}(p,q)", lambda m, v: -2 * np.log(2.0) + 2 * jsd(m, v)),
    Line(
        r"-\ln 2+2\,\mathrm{JSD}(p,q)",
        lambda m, v: -np.log(2.0) + 2 * jsd(m, v),
        wrong="at chance each of the two cross-entropies is ln 2: their sum is 2 ln 2",
    ),
    Line(
        r"\mathbb E_p\ln D+\mathbb E_q\ln(1-D),\quad D=\sigma(a+bx)",
        value_of,
        ">=",
        gap=regret,
        gap_latex=r"2\,\mathbb E_{(p+q)/2}D_{KL}[D^*\parallel D]",
        note="Any other D; the divergence is of two coins, one at each x.",
    ),
    points=[dict(m=1.0, v=1.0, a=0.0, b=1.0), dict(m=0.5, v=0.64, a=0.2, b=-0.3), dict(m=0.0, v=1.0, a=0.0, b=0.0)],
    draw=lambda rng: dict(m=rng.normal(), v=rng.uniform(0.4, 1.5), a=0.5 * rng.normal(), b=0.5 * rng.normal()),
    source=SOURCE,
    title="What the best discriminator is worth, and what any other loses",
)


# The generator's step: samples x = t + e, e ~ N(0, 1), against data N(m, 1); t = 0 -----------------------------------

STEP = Derivation(
    "gan/step",
    Line(
        r"\frac{d}{dt}\,2\,\mathrm{JSD}\left(\mathcal N(m,1),\mathcal N(t,1)\right)",
        lambda m: slope(lambda t: float(2 * jsd(m - t, 1.0)), 0.0),
        note="With the best discriminator of each t, by finite differences at t = 0.",
    ),
    Line(
        r"-\mathbb E_q\left[D^*(x)\,l'(x)\right]",
        lambda m: -m * expectation(lambda x: 1 / (1 + np.exp(0.5 * m * m - m * x)), 0.0, 1.0, points=193),
        note="Of the saturating loss E ln(1-D), the discriminator held still: at the maximum its move costs nothing.",
    ),
    Line(
        r"-\mathbb E_q\left[(1-D^*(x))\,l'(x)\right]",
        lambda m: -m * expectation(lambda x: 1 / (1 + np.exp(m * x - 0.5 * m * m)), 0.0, 1.0, points=193),
        wrong="that is the step of -ln D: it follows D_KL(q||p) - 2 JSD, another divergence",
    ),
    Line(
        r"-m+\mathbb E_q\left[(1-D^*(x))\,l'(x)\right]",
        lambda m: -m + m * expectation(lambda x: 1 / (1 + np.exp(m * x - 0.5 * m * m)), 0.0, 1.0, points=193),
        note="The two steps add up to -m, the slope of D_KL(q||p).",
    ),
    points=[dict(m=1.0), dict(m=3.0), dict(m=-0.5)],
    draw=lambda rng: dict(m=rng.normal()),
    source=SOURCE,
    title="Which divergence the generator's step follows",
)

# Steps against each other -----------------------------------------------------------------------------------------


def together(theta, psi, h):
    """One round in which both move at once, logistic loss: the new theta and psi."""
    f = 1 / (1 + np.exp(theta * psi))
    return theta - h * f * psi, psi + h * f * theta


DIRAC = Derivation(
    "gan/dirac",
    Line(
        r"\theta_1^2+\psi_1^2,\quad\theta_1=\theta-hf'\psi,\ \psi_1=\psi+hf'\theta",
        lambda theta, psi, h: together(theta, psi, h)[0] ** 2 + together(theta, psi, h)[1] ** 2,
    ),
    Line(
        r"\left(1+h^2f'^2\right)\left(\theta^2+\psi^2\right)",
        lambda theta, psi, h: (1 + (h / (1 + np.exp(theta * psi))) ** 2) * (theta**2 + psi**2),
        note="The mixed terms cancel: the round is a right angle. It spirals out at every step size.",
    ),
    Line(
        r"\theta^2+\psi^2",
        lambda theta, psi: theta**2 + psi**2,
        wrong="that is conserved if the steps are infinitely small; with h > 0 it grows",
    ),
    points=[dict(theta=1.0, psi=1.0, h=0.1), dict(theta=-0.5, psi=2.0, h=0.5)],
    draw=lambda rng: dict(theta=rng.normal(), psi=rng.normal(), h=rng.uniform(0.05, 0.5)),
    source="Mescheder, Geiger and Nowozin 2018",
    title="The Dirac-GAN: two players who step at once leave the equilibrium",
)

# The encoder of a VAE as a discriminator: z ~ N(0, 1), x | z ~ N(w z, s2) --------------------------------------------


def pair_logit(x, z, w, s2):
    """log q(z|x) - log p(z), q the posterior."""
    total = w * w + s2
    return log_normal(z, w * x / total, s2 / total) - log_normal(z, 0.0, 1.0)


def mean_pair_logit(w, s2):
    """Its mean over x ~ p(x), z ~ q(z|x), over the plane: x of the model, then z of the posterior."""
    total = w * w + s2

    def integrand(u, e):
        x = np.sqrt(total) * u
        z = w * x / total + np.sqrt(s2 / total) * e
        return normal(u, 0.0, 1.0) * normal(e, 0.0, 1.0) * pair_logit(x, z, w, s2)

    return integrate(integrand, [0.0, 0.0], points=65)


PAIRS = Derivation(
    "gan/pairs",
    Line(
        r"\mathbb E_{p(x)q(z\mid x)}\log\frac{q(z\mid x)}{\Pr(z)}",
        mean_pair_logit,
        note="The mean logit of the best discriminator of pairs from p(x)q(z|x) against pairs from p(x)Pr(z).",
    ),
    Line(
        r"\mathbb E_{p(x)}D_{KL}\left[q(z\mid x)\parallel\Pr(z)\right]",
        lambda w, s2: expectation(
            lambda x: kl_normal(w * x / (w * w + s2), s2 / (w * w + s2), 0.0, 1.0), 0.0, w * w + s2
        ),
        note="The rate of the VAE.",
    ),
    Line(r"\tfrac12\ln\frac{w^2+s_2}{s_2}", lambda w, s2: 0.5 * np.log((w * w + s2) / s2)),
    Line(
        "0",
        lambda w: 0.0 * w,
        wrong="0 is the logit of the GAN's discriminator at the perfect model, which judges x and not pairs",
    ),
    points=[dict(w=1.3, s2=0.4), dict(w=0.3, s2=2.0)],
    draw=lambda rng: dict(w=1 + rng.uniform(), s2=rng.uniform(0.2, 1)),
    source="notes, chapter 17: 'not an inverse/discriminator in the conventional sense'",
    title="What the encoder of a VAE tells apart",
)

register(OPTIMUM, VALUE, STEP, DIRAC, PAIRS)
