"""Diffusion, where all is known: the exact reverse kernel, the bound that is log Pr(x), and what q(z_{t-1}|z_t) is not.

Data N(m, lam) in one dimension; c_t = alpha_t lam + 1 - alpha_t is the variance of z_t. `beta` and `before` are beta_t
and alpha_{t-1} in the derivations of one step; in those of the bound `beta` is the array beta_1 .. beta_T.
"""

import numpy as np

import tinygen as tg
from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, kl_normal, log_normal, normal, register
from tinygen.derivations.diffusion.forward import alphas
from tinygen.derivations.diffusion.posterior import mean_var
from tinygen.measure.rounding import integrate

KERNEL = "notes, chapter 18: f_t, 'the mean of the conditional distribution q(z_{t-1}|z_t)'"
CHAIN = "notes, chapter 18, the last line of the chain"


def marginal(alpha, m, lam):
    """Mean and variance of z_t."""
    return np.sqrt(alpha) * m, alpha * lam + 1 - alpha


def exact_kernel(z, beta, before, m, lam):
    """Mean and variance of q(z_{t-1}|z_t): (z + beta score)/sqrt(1-beta),  beta/(1-beta) (1 - beta/c)."""
    mean, c = marginal((1 - beta) * before, m, lam)
    return (z - beta * (z - mean) / c) / np.sqrt(1 - beta), beta / (1 - beta) * (1 - beta / c)


def gaussian_data(rng):
    """A point: mean m and variance lam of the data."""
    return dict(m=rng.normal(), lam=rng.exponential() + 0.05)


def gaussian_step(rng):
    """A point with one step of noise: beta, and alpha_bar before it."""
    beta, before = rng.uniform(0.02, 0.6), rng.uniform(0.1, 0.95)
    return gaussian_data(rng) | dict(u=rng.normal(), z=rng.normal(), beta=beta, before=before)


REVERSE = Derivation(
    "diffusion/reverse-kernel",
    Line(
        r"\frac{q(z_t\mid z_{t-1})\,q(z_{t-1})}{q(z_t)}",
        lambda u, z, beta, before, m, lam: np.exp(
            log_normal(z, np.sqrt(1 - beta) * u, beta)
            + log_normal(u, *marginal(before, m, lam))
            - log_normal(z, *marginal((1 - beta) * before, m, lam))
        ),
        note="Bayes, x averaged out; for Gaussian data each factor is normal.",
    ),
    Line(
        r"\int q(z_{t-1}\mid z_t,x)\,q(x\mid z_t)\,dx",
        lambda u, z, beta, before, m, lam: over_x(
            z, (1 - beta) * before, m, lam, lambda x: normal(u, *mean_var(z, x, beta, before))
        ),
    ),
    Line(
        r"\mathcal N\left(z_{t-1};\ \frac{z_t+\beta_t\,\mathrm{score}}{\sqrt{1-\beta_t}},"
        r"\ \frac{\beta_t}{1-\beta_t}\left(1-\frac{\beta_t}{c}\right)\right)",
        lambda u, z, beta, before, m, lam: normal(u, *exact_kernel(z, beta, before, m, lam)),
    ),
    points=[dict(u=0.3, z=0.9, beta=0.3, before=0.6, m=0.5, lam=2.0)],
    draw=gaussian_step,
    source=KERNEL,
    title="One step back when x is not known, for Gaussian data",
)


def over_x(z, alpha, m, lam, g):
    """E[g(x)|z_t] by quadrature over the posterior of x."""
    mean, c = marginal(alpha, m, lam)
    center, var = m + np.sqrt(alpha) * lam * (z - mean) / c, lam * (1 - alpha) / c
    log_given = lambda x: log_normal(x, m, lam) + log_normal(z, np.sqrt(alpha) * x, 1 - alpha) - log_normal(z, mean, c)
    return integrate(lambda x: np.exp(log_given(x)) * g(x), center, np.sqrt(var), points=193)


SCORE = Derivation(
    "diffusion/score",
    Line(
        r"-\frac{1}{\sqrt{1-\alpha_t}}\,\mathbb E[\epsilon\mid z_t]",
        lambda z, alpha, m, lam: -over_x(
            z, alpha, m, lam, lambda x: (z - np.sqrt(alpha) * x) / np.sqrt(1 - alpha)
        ) / np.sqrt(1 - alpha),
    ),
    Line(
        r"\frac{d}{dz}\log q_t(z)=-\frac{z-\sqrt{\alpha_t}\,m}{c}",
        lambda z, alpha, m, lam: -(z - np.sqrt(alpha) * m) / (alpha * lam + 1 - alpha),
        note="The network that predicts the noise knows the score.",
    ),
    Line(
        r"-\mathbb E[\epsilon\mid z_t]",
        lambda z, alpha, m, lam: -over_x(z, alpha, m, lam, lambda x: (z - np.sqrt(alpha) * x) / np.sqrt(1 - alpha)),
        wrong="it has to be divided by the noise's standard deviation",
    ),
    points=[dict(z=0.9, alpha=0.4, m=0.5, lam=2.0)],
    draw=lambda rng: gaussian_data(rng) | dict(z=rng.normal(), alpha=rng.uniform(0.1, 0.95)),
    source="Vincent 2011; Prince, chapter 18",
    title="Noise and score",
)

# The bound that is log Pr(x) ---------------------------------------------------------------------------------------


def bound(x, beta, m, lam, prior_mean, prior_var):
    """E log Pr(x|z_1) - KL(q(z_T|x) || prior) - sum_t E KL(...), with the exact reverse kernels, t = 1 included."""
    alpha = alphas(beta)
    over = lambda t, g: expectation(g, np.sqrt(alpha[t]) * x, 1 - alpha[t])
    total = over(1, lambda z: log_normal(x, *exact_kernel(z, beta[0], 1.0, m, lam)))
    T = len(beta)
    total = total - kl_normal(np.sqrt(alpha[T]) * x, 1 - alpha[T], prior_mean, prior_var)
    for t in range(2, T + 1):
        step = (beta[t - 1], alpha[t - 1])
        kl = lambda z: kl_normal(*mean_var(z, x, *step), *exact_kernel(z, *step, m, lam))  # noqa: B023
        total = total - over(t, kl)
    return total


FIVE = np.array([0.1, 0.2, 0.3, 0.2, 0.4])

EXACT = Derivation(
    "diffusion/bound-exact",
    Line(r"\log\Pr(x)=\log\mathcal N(x;m,\lambda)", lambda x, m, lam: log_normal(x, m, lam)),
    Line(
        r"\text{the bound, exact kernels, prior}\ \mathcal N(0,1)",
        lambda x, beta, m, lam: bound(x, beta, m, lam, 0.0, 1.0),
        wrong="z_T is not unit normal after finitely many steps",
    ),
    Line(
        r"\text{the bound, exact kernels, prior}\ q(z_T)",
        lambda x, beta, m, lam: bound(x, beta, m, lam, *marginal(alphas(beta)[-1], m, lam)),
        note="Point by point, not only on average: one test of the prior term, the T-1 KLs and the decoder term.",
    ),
    points=[dict(x=1.0, beta=FIVE, m=0.5, lam=2.0), dict(x=-4.0, beta=FIVE, m=0.0, lam=0.1)],
    draw=lambda rng: gaussian_data(rng) | dict(x=rng.normal(), beta=rng.uniform(0.05, 0.6, size=5)),
    source=CHAIN,
    title="With the exact reverse kernels the bound is log Pr(x)",
)


def averaged_gap(beta, m, lam):
    """The mean over the data of log Pr(x) minus the bound with prior N(0, 1): both are quadratics in x."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(3)  # exact for them
    x = m + np.sqrt(lam) * nodes
    gaps = [log_normal(x[i], m, lam) - bound(x[i], beta, m, lam, 0.0, 1.0) for i in range(3)]
    return sum(w * gap for w, gap in zip(weights / np.sum(weights), gaps))


AVERAGED = Derivation(
    "diffusion/prior-mismatch",
    Line(r"\mathbb E_x\left[\log\Pr(x)-\mathrm{bound}\right],\ \text{prior}\ \mathcal N(0,1)", averaged_gap),
    Line(
        r"D_{KL}\left(q(z_T)\parallel\mathcal N(0,1)\right)",
        lambda beta, m, lam: kl_normal(*marginal(alphas(beta)[-1], m, lam), 0.0, 1.0),
        note="On average the bound loses what z_T lacks to a unit normal, and nothing else.",
    ),
    points=[dict(beta=FIVE, m=0.5, lam=2.0)],
    draw=lambda rng: gaussian_data(rng) | dict(beta=rng.uniform(0.05, 0.6, size=5)),
    draws=2,
    source=CHAIN,
    title="What the unit normal prior costs",
)

# What it is not ---------------------------------------------------------------------------------------------------


def back_moment(k, z, beta, before):
    """E[(z_{t-1} - mean)^k | z_t] for data at +1 and -1, by quadrature."""
    parts = [mean_var(z, x, beta, before) for x in (1.0, -1.0)]
    alpha = (1 - beta) * before
    odds = tg.softmax(np.stack([log_normal(z, np.sqrt(alpha) * x, 1 - alpha) for x in (1.0, -1.0)]))
    mean = odds[0] * parts[0][0] + odds[1] * parts[1][0]
    density = lambda u: odds[0] * normal(u, *parts[0]) + odds[1] * normal(u, *parts[1])
    return integrate(lambda u: density(u) * (u - mean) ** k, mean, np.sqrt(parts[0][1]), points=385, width=24.0)


NOT_NORMAL = Derivation(
    "diffusion/reverse-not-normal",
    Line(
        r"\text{excess kurtosis of}\ q(z_{t-1}\mid z_t=0),\quad x=\pm1",
        lambda beta, before: back_moment(4, 0.0, beta, before) / back_moment(2, 0.0, beta, before) ** 2 - 3,
    ),
    Line(
        "0",
        lambda beta: 0 * beta,
        wrong="q(z_{t-1}|z_t) is not normal; the model Pr(z_{t-1}|z_t) is, by choice, and f_t is its mean",
    ),
    Line(
        r"-\frac{2r^2}{(1+r)^2},\quad r=\frac{\alpha_{t-1}\beta_t}{(1-\alpha_{t-1})(1-\alpha_t)}",
        lambda beta, before: _kurtosis(before * beta / ((1 - before) * (1 - (1 - beta) * before))),
        note="Nearly normal only where beta_t is small beside the curvature of log q_{t-1}.",
    ),
    points=[dict(beta=0.5, before=0.6), dict(beta=0.02, before=0.6), dict(beta=0.02, before=0.98)],
    draw=lambda rng: dict(beta=rng.uniform(0.02, 0.5), before=rng.uniform(0.3, 0.95)),
    source=KERNEL,
    title="One step back when x is not known: no normal",
)


def _kurtosis(r):
    return -2 * r**2 / (1 + r) ** 2


def class_means(z, alpha):
    """E[x|z_t, class] for classes N(+1, .7^2) and N(-1, .7^2), and the probability of the first."""
    lam = 0.49
    c = alpha * lam + 1 - alpha
    centres = np.array([1.0, -1.0])
    means = centres + np.sqrt(alpha) * lam * (z - np.sqrt(alpha) * centres) / c
    return means, tg.softmax(log_normal(z, np.sqrt(alpha) * centres, c))


LABEL = Derivation(
    "diffusion/label",
    Line(r"\sum_c\Pr(c\mid z_t)\,\mathbb E[x\mid z_t,c]", lambda z, alpha: _mixed(*class_means(z, alpha))),
    Line(
        r"\mathbb E[x\mid z_t,c=1]",
        lambda z, alpha: class_means(z, alpha)[0][0],
        wrong="'input into every q = f_t': into f_t, which is another for each label; the forward q has none",
    ),
    Line(
        r"\mathbb E[x\mid z_t]",
        lambda z, alpha: mixture_mean(z, alpha),
        note="Without the label the best f_t is the average over the classes.",
    ),
    points=[dict(z=0.2, alpha=0.4)],
    draw=lambda rng: dict(z=rng.normal(), alpha=rng.uniform(0.1, 0.9)),
    source="notes, chapter 18, Conditional",
    title="What a label tells",
)


def _mixed(means, odds):
    return np.sum(means * odds)


def mixture_mean(z, alpha):
    """E[x|z_t] by quadrature over x, for the two classes in equal parts."""
    prior = lambda x: 0.5 * (normal(x, 1.0, 0.49) + normal(x, -1.0, 0.49))
    weight = lambda x: prior(x) * normal(z, np.sqrt(alpha) * x, 1 - alpha)
    grid = dict(center=0 * z, scale=0.5, points=385)
    return integrate(lambda x: x * weight(x), **grid) / integrate(weight, **grid)


register(REVERSE, SCORE, EXACT, AVERAGED, NOT_NORMAL, LABEL)
