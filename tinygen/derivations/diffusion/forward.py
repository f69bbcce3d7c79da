"""Diffusion, forwards: the kernel, its closed form, and what is and is not Gaussian.

beta[t-1] is the notes' beta_t; alpha_t = prod_{s<=t} (1 - beta_s), the alpha-bar of the DDPM paper; alpha_0 = 1.
"""

import numpy as np

from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, kl_normal, log_normal, normal, register
from tinygen.measure.rounding import integrate

SOURCE = "notes, chapter 18: the diffusion kernel"
DDPM = np.linspace(1e-4, 0.02, 1000)  # Ho, Jain and Abbeel 2020


def alphas(beta):
    """alpha_0 .. alpha_T, of shape (T+1,)."""
    return np.concatenate([np.ones(1), np.cumprod(1 - beta)])


def schedule(rng, T=3):
    """Random betas for T steps."""
    return rng.uniform(0.05, 0.6, size=T)


# One step after another -------------------------------------------------------------------------------------------


def two_steps(z, x, beta):
    """int q(z_2=z|z_1) q(z_1|x) dz_1."""
    inner = lambda z1: normal(z1, np.sqrt(1 - beta[0]) * x, beta[0]) * normal(z, np.sqrt(1 - beta[1]) * z1, beta[1])
    a, b = 1 - beta[0], 1 - beta[1]  # the integrand is a normal in z_1, times what does not depend on it
    var = 1 / (1 / beta[0] + b / beta[1])
    return integrate(inner, var * (np.sqrt(a) * x / beta[0] + np.sqrt(b) * z / beta[1]), np.sqrt(var))


TWO_STEPS = Derivation(
    "diffusion/two-steps",
    Line(r"\int q(z_2\mid z_1)\,q(z_1\mid x)\,dz_1", two_steps),
    Line(
        r"\mathcal N\left(z_2;\sqrt{(1-\beta_2)(1-\beta_1)}\,x,\ (1-\beta_2)\beta_1+\beta_2\right)",
        lambda z, x, beta: normal(
            z, np.sqrt((1 - beta[1]) * (1 - beta[0])) * x, (1 - beta[1]) * beta[0] + beta[1]
        ),
        note="Means are scaled; variances are scaled by the square, and add.",
    ),
    Line(
        r"\mathcal N\left(z_2;\sqrt{\alpha_2}\,x,\ 1-\alpha_2\right)",
        lambda z, x, beta: normal(z, np.sqrt(alphas(beta)[2]) * x, 1 - alphas(beta)[2]),
    ),
    Line(
        r"\mathcal N\left(z_2;\sqrt{\textstyle\prod_i(1-\beta_i)}\,x,\ 1-\textstyle\prod_i(1-\beta_i)\right)",
        lambda z, x, beta: normal(z, np.sqrt(np.prod(1 - beta)) * x, 1 - np.prod(1 - beta)),
        wrong="the product needs its upper limit: it runs to t, not to T",
    ),
    points=[dict(z=0.3, x=1.0, beta=np.array([0.3, 0.2, 0.4])), dict(z=2.0, x=-1.0, beta=np.array([1e-4, 0.02, 0.5]))],
    draw=lambda rng: dict(z=rng.normal(), x=rng.normal(), beta=schedule(rng)),
    source=SOURCE,
    title="Two steps of the kernel are one of the closed form",
)


def moments(x, beta):
    """Mean and variance of z_T given x, step by step: z_t = sqrt(1-beta_t) z_{t-1} + sqrt(beta_t) eps."""
    mean, var = x, 0.0 * x
    for i in range(len(beta)):
        mean, var = np.sqrt(1 - beta[i]) * mean, (1 - beta[i]) * var + beta[i]
    return np.stack([mean, var])


ALL_STEPS = Derivation(
    "diffusion/closed-form",
    Line(r"\left(\mathbb E[z_T\mid x],\ \mathrm{Var}[z_T\mid x]\right)\ \text{step by step}", moments),
    Line(
        r"\left(\sqrt{\alpha_T}\,x,\ 1-\alpha_T\right)",
        lambda x, beta: np.stack([np.sqrt(alphas(beta)[-1]) * x, 1 - alphas(beta)[-1]]),
        note="No condition on z_0 is needed.",
    ),
    points=[dict(x=1.0, beta=np.array([0.3, 0.2, 0.4])), dict(x=1e3, beta=np.full(100, 0.0151))],
    draw=lambda rng: dict(x=rng.normal(), beta=schedule(rng, 7)),
    source=SOURCE,
    title="Any number of steps",
)

RESPACED = Derivation(
    "diffusion/respaced",
    Line(
        r"\left(\mathbb E[z_t\mid z_s],\ \mathrm{Var}[z_t\mid z_s]\right)\ \text{step by step from}\ s\ \text{to}\ t",
        lambda z, beta, s: moments(z, beta[s:]),
    ),
    Line(
        r"\left(\sqrt{1-\beta_t}\,z_s,\ \beta_t\right)",
        lambda z, beta: np.stack([np.sqrt(1 - beta[-1]) * z, beta[-1] + 0 * z]),
        wrong="the beta of the visited step does not do what the steps between did",
    ),
    Line(
        r"\left(\sqrt{1-\beta}\,z_s,\ \beta\right),\quad\beta=1-\frac{\alpha_t}{\alpha_s}",
        lambda z, beta, s: np.stack(
            [np.sqrt(alphas(beta)[-1] / alphas(beta)[s]) * z, 1 - alphas(beta)[-1] / alphas(beta)[s]]
        ),
    ),
    points=[dict(z=1.0, beta=np.array([0.3, 0.2, 0.4, 0.1, 0.25]), s=2)],
    draw=lambda rng: dict(z=rng.normal(), beta=schedule(rng, 7), s=3),
    source=SOURCE + "; when steps are left out",
    title="A step that does the work of several",
)


def run(x, beta, eps):
    """z_T from x with the noises eps_1 .. eps_T."""
    z = x
    for i in range(len(beta)):
        z = np.sqrt(1 - beta[i]) * z + np.sqrt(beta[i]) * eps[i]
    return z


def total_noise(beta, eps):
    """The one noise that all of them make: sum_s sqrt(beta_s alpha_T/alpha_s) eps_s / sqrt(1 - alpha_T)."""
    a = alphas(beta)
    return np.sum(np.sqrt(beta * a[-1] / a[1:]) * eps) / np.sqrt(1 - a[-1])


ONE_NOISE = Derivation(
    "diffusion/one-noise",
    Line(r"z_T\ \text{step by step, with}\ \epsilon_1,\dots,\epsilon_T", run),
    Line(
        r"\sqrt{\alpha_T}\,x+\sqrt{1-\alpha_T}\,\epsilon,\quad"
        r"\epsilon=\frac{1}{\sqrt{1-\alpha_T}}\sum_s\sqrt{\beta_s\alpha_T/\alpha_s}\,\epsilon_s",
        lambda x, beta, eps: np.sqrt(alphas(beta)[-1]) * x + np.sqrt(1 - alphas(beta)[-1]) * total_noise(beta, eps),
    ),
    Line(
        r"\sqrt{\alpha_T}\,x+\sqrt{1-\alpha_T}\,\epsilon_T",
        lambda x, beta, eps: np.sqrt(alphas(beta)[-1]) * x + np.sqrt(1 - alphas(beta)[-1]) * eps[-1],
        wrong="the eps of the closed form is the total noise, not that of the last step",
    ),
    points=[dict(x=1.0, beta=np.array([0.3, 0.2, 0.4]), eps=np.array([0.5, -1.0, 2.0]))],
    draw=lambda rng: dict(x=rng.normal(), beta=schedule(rng, 5), eps=rng.normal(size=5)),
    source=SOURCE,
    title="The noise of the closed form is made of all the noises",
)

WEIGHTS = Derivation(
    "diffusion/sum-of-squares",
    Line(
        r"\sum_s\beta_s\,\frac{\alpha_T}{\alpha_s}",
        lambda beta: np.sum(beta * alphas(beta)[-1] / alphas(beta)[1:]),
        note="The squares of the noises' weights: so the total noise is again unit normal.",
    ),
    Line(
        r"\sum_s\left(\frac{\alpha_T}{\alpha_s}-\frac{\alpha_T}{\alpha_{s-1}}\right)",
        lambda beta: np.sum(alphas(beta)[-1] / alphas(beta)[1:] - alphas(beta)[-1] / alphas(beta)[:-1]),
    ),
    Line(r"1-\alpha_T", lambda beta: 1 - alphas(beta)[-1]),
    points=[dict(beta=np.array([0.3, 0.2, 0.4])), dict(beta=DDPM)],
    draw=lambda rng: dict(beta=schedule(rng, 7)),
    source=SOURCE + ", 'by sum-of-squares'",
    title="The weights of the noises, by sum of squares",
)

# What is and is not Gaussian --------------------------------------------------------------------------------------


def variance(v0, beta):
    """Var z_T, step by step, from data of variance v0."""
    var = v0
    for i in range(len(beta)):
        var = (1 - beta[i]) * var + beta[i]
    return var


VARIANCE = Derivation(
    "diffusion/variance",
    Line(r"\mathrm{Var}\,z_t\ \text{step by step}", variance),
    Line("1", lambda v0: 1.0 + 0 * v0, wrong="only if Var z_0 = 1; the closed form above needs no such condition"),
    Line(
        r"\alpha_t\,\mathrm{Var}\,z_0+1-\alpha_t",
        lambda v0, beta: alphas(beta)[-1] * v0 + 1 - alphas(beta)[-1],
    ),
    points=[dict(v0=0.25, beta=np.array([0.3, 0.2])), dict(v0=1.0, beta=np.array([0.3, 0.2]))],
    draw=lambda rng: dict(v0=rng.exponential(), beta=schedule(rng)),
    source=SOURCE + ", 'if sigma(z_0) = 1 then sigma(z_t) = 1'",
    title="The variance of z_t",
)


def two_points(z, alpha):
    """The density of z_t for data at +1 and -1 in equal parts: of unit variance."""
    return 0.5 * (normal(z, np.sqrt(alpha), 1 - alpha) + normal(z, -np.sqrt(alpha), 1 - alpha))


def power(k, alpha):
    """E z_t^k for these data."""
    return integrate(lambda z: two_points(z, alpha) * z**k, 0 * alpha, np.sqrt(1 - alpha), points=193, width=16.0)


NORMALITY = Derivation(
    "diffusion/not-normal",
    Line(
        r"\frac{\mathbb E z_t^4}{(\mathbb E z_t^2)^2}-3,\quad x=\pm1",
        lambda alpha: power(4, alpha) / power(2, alpha) ** 2 - 3,
    ),
    Line("0", lambda alpha: 0 * alpha, wrong="unit variance does not make a marginal normal"),
    Line(r"-2\alpha_t^2", lambda alpha: -2 * alpha**2),
    points=[dict(alpha=0.832), dict(alpha=0.5), dict(alpha=0.95)],
    draw=lambda rng: dict(alpha=rng.uniform(0.3, 0.95)),
    source=SOURCE,
    title="Data of unit variance need not become normal",
)

LIMIT = Derivation(
    "diffusion/limit",
    Line(
        r"D_{KL}\left(q(z_T\mid x)\parallel\mathcal N(0,1)\right)",
        lambda x, alpha: expectation(
            lambda z: log_normal(z, np.sqrt(alpha) * x, 1 - alpha) - log_normal(z, 0.0, 1.0),
            np.sqrt(alpha) * x,
            1 - alpha,
        ),
    ),
    Line("0", lambda x: 0 * x, wrong="'eventually unit normal' holds in the limit alpha_T to 0 only"),
    Line(
        r"\tfrac12\left[\alpha_T x^2-\alpha_T-\ln(1-\alpha_T)\right]",
        lambda x, alpha: 0.5 * (alpha * x**2 - alpha - np.log1p(-alpha)),
        note="Nats a dimension; the mismatch belongs into any number that is reported.",
    ),
    Line(
        r"D_{KL}\left(\mathcal N(\sqrt{\alpha_T}\,x,1-\alpha_T)\parallel\mathcal N(0,1)\right)",
        lambda x, alpha: kl_normal(np.sqrt(alpha) * x, 1 - alpha, 0.0, 1.0),
    ),
    points=[dict(x=1.0, alpha=float((1 - 0.0151) ** 100)), dict(x=1.0, alpha=float(np.prod(1 - DDPM)))],
    draw=lambda rng: dict(x=rng.normal(), alpha=rng.uniform(0.01, 0.9)),
    source=SOURCE + ", 'eventually, we get unit normal back'",
    title="How far z_T is from the unit normal",
)

register(TWO_STEPS, ALL_STEPS, RESPACED, ONE_NOISE, WEIGHTS, VARIANCE, NORMALITY, LIMIT)
