"""A label in encoder, decoder and prior; and more draws for one bound: what its gap is, and how fast it closes.

z | c ~ N(a, v),  x | z, c ~ N(w z + b, s2): a, v and b depend on the label c. One label at a time, so they are numbers.
"""

import numpy as np

import tinygen as tg
from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, kl_normal, log_normal, normal, register
from tinygen.derivations.elbo import model_and_q, posterior
from tinygen.derivations.regularization import importance
from tinygen.measure.rounding import integrate

# The bound, given the label ---------------------------------------------------------------------------------------


def given_label(w, s2, x, a, v, b):
    """Mean and variance of Pr(z|x, c): the deviation z - a has the prior N(0, v)."""
    mean, var = posterior(w * np.sqrt(v), s2, x - b - w * a)  # of (z - a) / sqrt(v)
    return a + np.sqrt(v) * mean, v * var


def log_joint(z, w, s2, x, a, v, b):
    """log p(z|y) + log p(x|z) for the prior N(a, v) and the decoder N(w z + b, s2)."""
    return log_normal(z, a, v) + log_normal(x, w * z + b, s2)


CHAIN = Derivation(
    "conditional/chain",
    Line(r"\log\Pr(x\mid c)", lambda w, s2, x, a, v, b: log_normal(x, w * a + b, w * w * v + s2)),
    Line(
        r"\log\int q(z\mid x,c)\frac{\Pr(x\mid z,c)\Pr(z\mid c)}{q(z\mid x,c)}\,dz",
        lambda w, s2, x, a, v, b: np.log(
            integrate(
                lambda z: np.exp(log_joint(z, w, s2, x, a, v, b)),
                given_label(w, s2, x, a, v, b)[0], np.sqrt(given_label(w, s2, x, a, v, b)[1]),
            )
        ),
    ),
    Line(
        r"\int q(z\mid x,c)\log\frac{\Pr(x\mid z,c)\Pr(z\mid c)}{q(z\mid x,c)}\,dz",
        lambda w, s2, x, a, v, b, m, s: expectation(
            lambda z: log_joint(z, w, s2, x, a, v, b) - log_normal(z, m, s * s), m, s * s
        ),
        ">=",
        gap=lambda w, s2, x, a, v, b, m, s: kl_normal(m, s * s, *given_label(w, s2, x, a, v, b)),
        gap_latex=r"D_{KL}[q(z\mid x,c)\parallel\Pr(z\mid x,c)]",
    ),
    Line(
        r"\mathbb E_q\log\Pr(x\mid z,c)-D_{KL}\left[q(z\mid x,c)\parallel\Pr(z\mid c)\right]",
        lambda w, s2, x, a, v, b, m, s: (
            log_normal(x, w * m + b, s2) - w * w * s * s / (2 * s2) - kl_normal(m, s * s, a, v)
        ),
        note="The divergence is the one between two normals, if the prior has a label.",
    ),
    points=[dict(w=1.3, s2=0.4, x=1.0, a=-0.5, v=0.5, b=0.8, m=0.2, s=0.7)],
    draw=lambda rng: model_and_q(rng) | dict(a=rng.normal(), v=np.exp(rng.normal()), b=rng.normal()),
    source="notes, chapter 18, Conditional: 'Same as VAEs, add a label c'",
    title="The chain with a label: every density is given c",
)


def blind(w, s2, x, shifts, shares):
    """The best q that does not see the label: mean and variance, if only the decoder's shift depends on it."""
    means = np.array([posterior(w, s2, x - b)[0] for b in shifts])
    return np.sum(shares * means), posterior(w, s2, x)[1], means


def mean_gap(w, s2, x, shifts, shares, m, v):
    """Mean over the labels of KL(N(m, v) || posterior given the label)."""
    own = [posterior(w, s2, x - b) for b in shifts]
    return sum(share * kl_normal(m, v, *one) for share, one in zip(shares, own))


BLIND = Derivation(
    "conditional/blind-encoder",
    Line(
        r"\sum_c\Pr(c\mid x)\,D_{KL}\left[q(z)\parallel\Pr(z\mid x,c)\right]",
        lambda w, s2, x, shifts, shares, m, s: mean_gap(w, s2, x, shifts, shares, m, s * s),
        note="Any q that sees x but not c.",
    ),
    Line(
        r"\min_q\sum_c\Pr(c\mid x)\,D_{KL}\left[q(z)\parallel\Pr(z\mid x,c)\right]",
        lambda w, s2, x, shifts, shares: mean_gap(w, s2, x, shifts, shares, *blind(w, s2, x, shifts, shares)[:2]),
        ">=",
        gap=lambda w, s2, x, shifts, shares, m, s: kl_normal(m, s * s, *blind(w, s2, x, shifts, shares)[:2]),
        gap_latex=r"D_{KL}[q\parallel q^*]",
    ),
    Line(
        r"\frac{\mathrm{Var}_c\,\mathbb E[z\mid x,c]}{2\,\mathrm{Var}[z\mid x,c]}",
        lambda w, s2, x, shifts, shares: (
            np.sum(shares * (blind(w, s2, x, shifts, shares)[2] - blind(w, s2, x, shifts, shares)[0]) ** 2)
            / (2 * blind(w, s2, x, shifts, shares)[1])
        ),
        note="What an encoder without the label loses, however large it is.",
    ),
    points=[dict(w=1.3, s2=0.4, x=1.0, shifts=np.array([1.0, -1.0]), shares=np.array([0.5, 0.5]), m=0.2, s=0.7)],
    draw=lambda rng: model_and_q(rng) | dict(shifts=rng.normal(size=3), shares=rng.dirichlet(np.ones(3))),
    source="notes, chapter 18, Conditional: 'Same as VAEs, add a label c'",
    title="An encoder that is not told the label",
)

# More draws -------------------------------------------------------------------------------------------------------


def log_evidence(w, s2, x):
    """log p(x) = log N(x; 0, w^2 + s2)."""
    return log_normal(x, 0.0, w * w + s2)


def ratio(z, w, s2, x, m, s):
    """Pr(x, z) / (q(z) Pr(x)) = Pr(z|x) / q(z): a weight over what it estimates."""
    return np.exp(log_normal(z, *posterior(w, s2, x)) - log_normal(z, m, s * s))


def over_draws(f, K):
    """E f(mean of K ratios), by quadrature over all K draws."""

    def line(w, s2, x, m, s):
        def integrand(*noise):
            density = sum(log_normal(e, 0.0, 1.0) for e in noise)
            return np.exp(density) * f(sum(ratio(m + s * e, w, s2, x, m, s) for e in noise) / K)

        return integrate(integrand, [0.0] * K, points=[0, 193, 129][K], width=9.0)

    return line


def near(rng):
    """A model, and a q that is not too narrow for it."""
    point = dict(w=rng.uniform(0.3, 1.2), s2=rng.uniform(0.5, 2), x=rng.normal())
    mean, var = posterior(point["w"], point["s2"], point["x"])
    return point | dict(m=mean + 0.3 * rng.normal(), s=np.sqrt(var * rng.uniform(0.9, 1.6)))


NEAR = dict(w=1.0, s2=1.0, x=1.0, m=0.3, s=0.8)

GAP = Derivation(
    "iwae/gap",
    Line(r"\log\Pr(x)-\mathcal L_2", lambda w, s2, x, m, s: log_evidence(w, s2, x) - importance(2)(w, s2, x, m, s)),
    Line(
        r"\mathbb E\left[\bar r-1-\log\bar r\right],\quad"
        r"\bar r=\tfrac12\sum_k\frac{\Pr(x,z_k)}{q(z_k)\Pr(x)}",
        over_draws(lambda r: r - 1 - np.log(r), 2),
        note="The mean of r is 1, so r - 1 changes nothing, and what is left is never negative.",
    ),
    Line("0", lambda x: 0.0 * x, ">="),
    points=[NEAR],
    draw=near,
    draws=2,
    source="Burda, Grosse and Salakhutdinov 2016; follows from the notes' Jensen step",
    title="The gap of the bound with K draws, as a mean of what is never negative",
)


def spread_of_ratio(w, s2, x, m, s):
    """Var_q of Pr(z|x)/q(z) in closed form; finite if s^2 > v/2."""
    mean, v = posterior(w, s2, x)
    return s * s / np.sqrt(v * (2 * s * s - v)) * np.exp((m - mean) ** 2 / (2 * s * s - v)) - 1


VARIANCE = Derivation(
    "iwae/variance",
    Line(
        r"\int q(z)\left(\frac{\Pr(z\mid x)}{q(z)}-1\right)^2dz",
        lambda w, s2, x, m, s: expectation(lambda z: (ratio(z, w, s2, x, m, s) - 1) ** 2, m, s * s, points=193),
    ),
    Line(
        r"\int\frac{\Pr(z\mid x)^2}{q(z)}\,dz-1",
        lambda w, s2, x, m, s: (
            integrate(lambda z: normal(z, *posterior(w, s2, x)) * ratio(z, w, s2, x, m, s),
                      posterior(w, s2, x)[0], np.sqrt(posterior(w, s2, x)[1]), points=193, width=16.0) - 1
        ),
    ),
    Line(
        r"\frac{s^2}{\sqrt{v\,(2s^2-v)}}\exp\frac{(m-\mu)^2}{2s^2-v}-1",
        spread_of_ratio,
        note="Two normals, mu and v the posterior's. Finite only if s^2 > v/2: a narrow q has no such rate.",
    ),
    points=[NEAR],
    draw=near,
    source="follows from the notes' Jensen step",
    title="The variance of a weight, on which the rate hangs",
)


def marginal(w, s2, x, shifts, shares):
    """log p(x) of the mixture over labels, each with its shift and its share."""
    return tg.logsumexp(np.log(shares) + log_normal(x, shifts, w * w + s2))


LABELS = Derivation(
    "conditional/without-label",
    Line(r"\log\Pr(x)", lambda w, s2, x, shifts, shares: np.log(np.sum(shares * normal(x, shifts, w * w + s2)))),
    Line(r"\log\sum_c\exp\left[\log\Pr(c)+\log\Pr(x\mid c)\right]", marginal),
    Line(
        r"\sum_c\Pr(c)\log\Pr(x\mid c)",
        lambda w, s2, x, shifts, shares: np.sum(shares * log_normal(x, shifts, w * w + s2)),
        ">=",
        gap=lambda w, s2, x, shifts, shares: np.sum(
            shares * (np.log(shares) - tg.log_softmax(np.log(shares) + log_normal(x, shifts, w * w + s2)))
        ),
        gap_latex=r"D_{KL}[\Pr(c)\parallel\Pr(c\mid x)]",
        note="The mean of the logs is lower: Jensen once more.",
    ),
    points=[dict(w=1.3, s2=0.4, x=1.0, shifts=np.array([1.0, -1.0]), shares=np.array([0.5, 0.5]))],
    draw=lambda rng: dict(
        w=rng.normal(), s2=np.exp(rng.normal()), x=rng.normal(), shifts=2 * rng.normal(size=3),
        shares=rng.dirichlet(np.ones(3)),
    ),
    source="notes, chapter 18, Conditional",
    title="The label summed out again",
)

register(CHAIN, BLIND, GAP, VARIANCE, LABELS)
