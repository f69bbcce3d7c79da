"""Diffusion, the bound: from log Pr(x) to a sum of KL divergences, with the term that the notes drop, and when it is
log Pr(x) itself.

Three steps in one dimension, so that the integral over z_1, z_2, z_3 can be done. The model's kernels are
Pr(z_{t-1}|z_t) = N(f_t(z_t), v_t) with f_t(z) = c_t z + d_t sin z, its prior Pr(z_T) = N(0, 1). Arrays beta, c, d, v
hold t = 1, 2, 3.
"""

import numpy as np

from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, kl_normal, log_normal, register
from tinygen.derivations.diffusion.forward import DDPM, alphas
from tinygen.derivations.diffusion.posterior import mean_var
from tinygen.measure.rounding import integrate

CHAIN = "notes, chapter 18, the chain from log Pr(x = z_0) to the sum of KL divergences"
POINTS, WIDTH = 49, 8.5  # of each of the three axes, in units of the noises


def f(t, z, c, d):
    """The model's mean of z_{t-1}."""
    return c[t - 1] * z + d[t - 1] * np.sin(z)


def log_reverse(t, to, z, c, d, v):
    """log Pr(z_{t-1}=to | z_t=z)."""
    return log_normal(to, f(t, z, c, d), v[t - 1])


def log_forward(t, z, before, beta):
    """log q(z_t=z | z_{t-1}=before)."""
    return log_normal(z, np.sqrt(1 - beta[t - 1]) * before, beta[t - 1])


def log_back(t, to, z, x, beta):
    """log q(z_{t-1}=to | z_t=z, x)."""
    return log_normal(to, *mean_var(z, x, beta[t - 1], alphas(beta)[t - 1]))


def log_joint(x, z, c, d, v):
    """log Pr(x, z_1, z_2, z_3)."""
    z1, z2, z3 = z
    steps = log_reverse(1, x, z1, c, d, v) + log_reverse(2, z1, z2, c, d, v) + log_reverse(3, z2, z3, c, d, v)
    return steps + log_normal(z3, 0.0, 1.0)


def log_q(x, z, beta):
    """log q(z_1, z_2, z_3 | x)."""
    z1, z2, z3 = z
    return log_forward(1, z1, x, beta) + log_forward(2, z2, z1, beta) + log_forward(3, z3, z2, beta)


def over_noise(make, g):
    """E g(z) for z = make(e1, e2, e3), unit normal noises: every integral over z_1, z_2, z_3 is written like this."""

    def integrand(*e):
        density = sum(log_normal(each, 0.0, 1.0) for each in e)
        return np.exp(density) * g(make(*e))

    return integrate(integrand, [0.0] * 3, points=POINTS, width=WIDTH)


def forwards(x, beta):
    """Noises to z_1, z_2, z_3 of the diffusion process: their density is q(z_1, z_2, z_3|x)."""

    def make(e1, e2, e3):
        z, path = x, []
        for b, e in zip([beta[0], beta[1], beta[2]], (e1, e2, e3)):
            z = np.sqrt(1 - b) * z + np.sqrt(b) * e
            path.append(z)
        return path

    return make


def backwards(c, d, v):
    """Noises to z_1, z_2, z_3 of the model: their density is Pr(z_1, z_2, z_3)."""

    def make(e1, e2, e3):
        z2 = f(3, e3, c, d) + np.sqrt(v[2]) * e2
        return f(2, z2, c, d) + np.sqrt(v[1]) * e1, z2, e3

    return make


def log_evidence(x, c, d, v):
    """log p(x), integrated over z_1 to z_T along the reverse process."""
    return np.log(over_noise(backwards(c, d, v), lambda z: np.exp(log_reverse(1, x, z[0], c, d, v))))


def importance(x, beta, c, d, v):
    """log E_q p(x, z)/q(z|x), which is log p(x) again."""
    weight = lambda z: np.exp(log_joint(x, z, c, d, v) - log_q(x, z, beta))
    return np.log(over_noise(forwards(x, beta), weight))


def jensen(x, beta, c, d, v):
    """E_q log p(x, z)/q(z|x), the bound."""
    return over_noise(forwards(x, beta), lambda z: log_joint(x, z, c, d, v) - log_q(x, z, beta))


def sum_of_logs(z, x, beta, c, d, v):
    """log Pr(x|z_1) + sum_{t=2}^T log Pr(z_{t-1}|z_t)/q(z_{t-1}|z_t,x)."""
    z1, z2, z3 = z
    second = log_reverse(2, z1, z2, c, d, v) - log_back(2, z1, z2, x, beta)
    third = log_reverse(3, z2, z3, c, d, v) - log_back(3, z2, z3, x, beta)
    return log_reverse(1, x, z1, c, d, v) + second + third


def with_prior(z, x, beta, c, d, v):
    """`sum_of_logs` and log Pr(z_T)/q(z_T|x)."""
    alpha = alphas(beta)[3]
    prior = log_normal(z[2], 0.0, 1.0) - log_normal(z[2], np.sqrt(alpha) * x, 1 - alpha)
    return sum_of_logs(z, x, beta, c, d, v) + prior


def by_q(line):
    """A line of the derivation as its expectation over q(z|x)."""
    return lambda x, beta, c, d, v: over_noise(forwards(x, beta), lambda z: line(z, x, beta, c, d, v))


def notes_terms(x, beta, c, d, v):
    """E_{q(z_1|x)} log Pr(x|z_1) - sum_{t=2}^T E_{q(z_t|x)} KL(q(z_{t-1}|z_t,x) || Pr(z_{t-1}|z_t))."""
    alpha = alphas(beta)
    over = lambda t, g: expectation(g, np.sqrt(alpha[t]) * x, 1 - alpha[t], points=193)
    total = over(1, lambda z: log_reverse(1, x, z, c, d, v))
    for t in (2, 3):
        kl = lambda z: kl_normal(*mean_var(z, x, beta[t - 1], alpha[t - 1]), f(t, z, c, d), v[t - 1])  # noqa: B023
        total = total - over(t, kl)
    return total


def prior_kl(x, beta):
    """KL(q(z_T|x) || N(0, 1)) = 1/2 [alpha_T x^2 - alpha_T - ln(1 - alpha_T)]."""
    alpha = alphas(beta)[-1]
    return 0.5 * (alpha * x * x - alpha - np.log(1 - alpha))


BOUND = Derivation(
    "diffusion/bound",
    Line(r"\log\int\Pr(x,z_{1\dots T}\mid\phi)\,dz_{1\dots T}", log_evidence, note="Over all of z_1 .. z_T."),
    Line(
        r"\log\int q(z_{1\dots T}\mid x)\frac{\Pr(x,z_{1\dots T})}{q(z_{1\dots T}\mid x)}\,dz_{1\dots T}",
        importance,
    ),
    Line(
        r"\int q(z_{1\dots T}\mid x)\log\frac{\Pr(x,z_{1\dots T})}{q(z_{1\dots T}\mid x)}\,dz_{1\dots T}",
        jensen,
        ">=",
        gap=lambda x, beta, c, d, v: over_noise(
            forwards(x, beta),
            lambda z: log_q(x, z, beta) - (log_joint(x, z, c, d, v) - log_evidence(x, c, d, v)),
        ),
        gap_latex=r"D_{KL}(q(z_{1\dots T}\mid x)\parallel\Pr(z_{1\dots T}\mid x))",
    ),
    Line(
        r"\int q\left(\log\Pr(x\mid z_1)+\sum_{t=2}^T\log\frac{\Pr(z_{t-1}\mid z_t)}{q(z_{t-1}\mid z_t,x)}\right)dz",
        by_q(sum_of_logs),
        wrong="log Pr(z_T)/q(z_T|x) is dropped, and so is the step of Bayes that makes it appear",
    ),
    Line(
        r"\int q\left(\log\Pr(x\mid z_1)+\log\frac{\Pr(z_T)}{q(z_T\mid x)}"
        r"+\sum_{t=2}^T\log\frac{\Pr(z_{t-1}\mid z_t)}{q(z_{t-1}\mid z_t,x)}\right)dz",
        by_q(with_prior),
        note="By Bayes, as in diffusion/telescope.",
    ),
    Line(
        r"\mathbb E_{q(z_1\mid x)}\log\Pr(x\mid z_1)"
        r"-\sum_{t=2}^T\mathbb E_{q(z_t\mid x)}D_{KL}\left(q(z_{t-1}\mid z_t,x)\parallel\Pr(z_{t-1}\mid z_t)\right)",
        notes_terms,
        wrong="the same term is missing: -KL(q(z_T|x) || N(0, I))",
    ),
    Line(
        r"\mathbb E_{q(z_1\mid x)}\log\Pr(x\mid z_1)-D_{KL}\left(q(z_T\mid x)\parallel\mathcal N(0,1)\right)"
        r"-\sum_{t=2}^T\mathbb E_{q(z_t\mid x)}D_{KL}\left(q(z_{t-1}\mid z_t,x)\parallel\Pr(z_{t-1}\mid z_t)\right)",
        lambda x, beta, c, d, v: notes_terms(x, beta, c, d, v) - prior_kl(x, beta),
    ),
    points=[
        dict(
            x=1.0,
            beta=np.array([0.3, 0.4, 0.5]),
            c=np.array([0.8, 0.7, 0.6]),
            d=np.array([0.2, 0.1, -0.2]),
            v=np.array([0.5, 0.5, 0.6]),
        )
    ],
    draw=lambda rng: dict(
        x=rng.normal(),
        beta=rng.uniform(0.3, 0.6, size=3),
        c=rng.uniform(0.4, 0.8, size=3),
        d=rng.uniform(-0.2, 0.2, size=3),
        v=rng.uniform(0.4, 0.8, size=3),
    ),
    draws=1,
    source=CHAIN,
    title="From the log evidence to a sum of KL divergences",
)


TELESCOPE = Derivation(
    "diffusion/telescope",
    Line(r"\sum_{t=1}^T\log q(z_t\mid z_{t-1})", lambda x, z, beta: log_q(x, [z[0], z[1], z[2]], beta)),
    Line(
        r"\sum_{t=2}^T\log q(z_{t-1}\mid z_t,x)",
        lambda x, z, beta: log_back(2, z[0], z[1], x, beta) + log_back(3, z[1], z[2], x, beta),
        wrong="Bayes leaves q(z_T|x) in front",
    ),
    Line(
        r"\log q(z_1\mid x)+\sum_{t=2}^T\log\frac{q(z_{t-1}\mid z_t,x)\,q(z_t\mid x)}{q(z_{t-1}\mid x)}",
        lambda x, z, beta: (
            log_marginal(1, z[0], x, beta)
            + log_back(2, z[0], z[1], x, beta) + log_marginal(2, z[1], x, beta) - log_marginal(1, z[0], x, beta)
            + log_back(3, z[1], z[2], x, beta) + log_marginal(3, z[2], x, beta) - log_marginal(2, z[1], x, beta)
        ),
        note="Bayes, at each step, with x as a condition.",
    ),
    Line(
        r"\log q(z_T\mid x)+\sum_{t=2}^T\log q(z_{t-1}\mid z_t,x)",
        lambda x, z, beta: (
            log_marginal(3, z[2], x, beta) + log_back(2, z[0], z[1], x, beta) + log_back(3, z[1], z[2], x, beta)
        ),
        note="The marginals cancel, all but the last.",
    ),
    points=[dict(x=1.0, z=np.array([0.5, 0.3, -0.4]), beta=np.array([0.3, 0.4, 0.5]))],
    draw=lambda rng: dict(x=rng.normal(), z=rng.normal(size=3), beta=rng.uniform(0.05, 0.9, size=3)),
    source=CHAIN + "; the step that is skipped",
    title="The same q, written backwards",
)


def log_marginal(t, z, x, beta):
    """log q(z_t=z | x)."""
    alpha = alphas(beta)[t]
    return log_normal(z, np.sqrt(alpha) * x, 1 - alpha)


DROPPED = Derivation(
    "diffusion/dropped-term",
    Line(
        r"\int q(z_T\mid x)\log\frac{\Pr(z_T)}{q(z_T\mid x)}\,dz_T",
        lambda x, alpha: expectation(
            lambda z: log_normal(z, 0.0, 1.0) - log_normal(z, np.sqrt(alpha) * x, 1 - alpha),
            np.sqrt(alpha) * x,
            1 - alpha,
        ),
    ),
    Line("0", lambda x: 0 * x, wrong="it is constant in the parameters, but part of any number that is reported"),
    Line(
        r"-\tfrac12\left[\alpha_T x^2-\alpha_T-\ln(1-\alpha_T)\right]",
        lambda x, alpha: -0.5 * (alpha * x * x - alpha - np.log1p(-alpha)),
        note="Nats a dimension; to be summed over the dimensions of x.",
    ),
    points=[dict(x=1.0, alpha=float((1 - 0.0151) ** 100)), dict(x=1.0, alpha=float(np.prod(1 - DDPM)))],
    draw=lambda rng: dict(x=rng.normal(), alpha=rng.uniform(0.01, 0.9)),
    source=CHAIN,
    title="The term that is dropped: 0.123 nat a dimension for T = 100, beta = .0151; 2e-5 for DDPM-1000",
)

register(BOUND, TELESCOPE, DROPPED)
