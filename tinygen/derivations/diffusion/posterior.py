"""Diffusion, one step back: q(z_{t-1}|z_t,x), its mean in terms of noise, and which noise that is.

Arguments: `beta` is beta_t, `before` is alpha_{t-1}; alpha_t = (1 - beta_t) alpha_{t-1}.
"""

import numpy as np

from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, log_normal, normal, register
from tinygen.derivations.diffusion.forward import DDPM, alphas
from tinygen.measure.rounding import integrate

SOURCE = "notes, chapter 18: q(z_{t-1}|z_t, x)"
NOISE = "notes, chapter 18, Implementation: the noise epsilon"


def mean_var(z, x, beta, before):
    """Mean and variance of q(z_{t-1}|z_t,x).

    (sqrt(alpha_{t-1}) beta_t x + sqrt(1-beta_t) (1-alpha_{t-1}) z_t) / (1-alpha_t),  beta_t (1-alpha_{t-1})/(1-alpha_t)
    """
    left = 1 - (1 - beta) * before
    return (np.sqrt(before) * beta * x + np.sqrt(1 - beta) * (1 - before) * z) / left, beta * (1 - before) / left


def log_product(u, z, x, beta, before):
    """log q(z_t|z_{t-1}=u) q(z_{t-1}=u|x)."""
    return log_normal(z, np.sqrt(1 - beta) * u, beta) + log_normal(u, np.sqrt(before) * x, 1 - before)


def by_bayes(u, z, x, beta, before):
    """q(z_{t-1}|z_t, x) at u, by Bayes' rule, normalised by an integral."""
    mean, var = mean_var(z, x, beta, before)
    total = integrate(lambda u: np.exp(log_product(u, z, x, beta, before)), mean, np.sqrt(var))
    return np.exp(log_product(u, z, x, beta, before)) / total


def step(rng):
    """A step (beta, before), an x, and the z_{t-1} and z_t that two noises made of it."""
    beta, before, x = rng.uniform(0.02, 0.6), rng.uniform(0.1, 0.95), rng.normal()
    u = np.sqrt(before) * x + np.sqrt(1 - before) * rng.normal()
    return dict(x=x, u=u, z=np.sqrt(1 - beta) * u + np.sqrt(beta) * rng.normal(), beta=beta, before=before)


SHOWN = dict(x=1.0, u=0.3, z=0.9, beta=0.3, before=0.6)
NASTY = [dict(x=-2.0, u=-1.9, z=-2.1, beta=1e-4, before=0.999), dict(x=1.0, u=0.5, z=-1.5, beta=0.9, before=0.01)]

POSTERIOR = Derivation(
    "diffusion/posterior",
    Line(
        r"\frac{q(z_t\mid z_{t-1})\,q(z_{t-1}\mid x)}{\int q(z_t\mid z_{t-1})\,q(z_{t-1}\mid x)\,dz_{t-1}}",
        by_bayes,
        note="Bayes, for one x: q(z_t|z_{t-1},x) = q(z_t|z_{t-1}).",
    ),
    Line(
        r"\frac{q(z_t\mid z_{t-1})\,q(z_{t-1}\mid x)}{q(z_t\mid x)}",
        lambda u, z, x, beta, before: np.exp(
            log_product(u, z, x, beta, before)
            - log_normal(z, np.sqrt((1 - beta) * before) * x, 1 - (1 - beta) * before)
        ),
    ),
    Line(
        r"\mathcal N\left(z_{t-1};\ \tfrac{\sqrt{\alpha_{t-1}}\beta_t x+\sqrt{1-\beta_t}(1-\alpha_{t-1})z_t}"
        r"{1-\alpha_t},\ \tilde\beta_t\right),\quad\tilde\beta_t=\beta_t\tfrac{1-\alpha_{t-1}}{1-\alpha_t}",
        lambda u, z, x, beta, before: normal(u, *mean_var(z, x, beta, before)),
    ),
    points=[SHOWN, *NASTY],
    draw=step,
    source=SOURCE,
    title="One step back, if x is known: Bayes' rule by numbers",
)


def total_noise(z, x, beta, before):
    """eps_total = (z_t - sqrt(alpha_t) x) / sqrt(1 - alpha_t)."""
    alpha = (1 - beta) * before
    return (z - np.sqrt(alpha) * x) / np.sqrt(1 - alpha)


def step_noise(u, z, beta):
    """eps_step = (z_t - sqrt(1 - beta_t) z_{t-1}) / sqrt(beta_t): the notes' epsilon, with its index."""
    return (z - np.sqrt(1 - beta) * u) / np.sqrt(beta)


def by_noise(z, noise, coefficient, beta):
    """The reverse mean, (z_t - coefficient noise)/sqrt(1 - beta)."""
    return (z - coefficient * noise) / np.sqrt(1 - beta)


def expected_step_noise(z, x, beta, before):
    """E[eps_step | z_t, x], by quadrature over z_{t-1}."""
    return expectation(lambda u: step_noise(u, z, beta), *mean_var(z, x, beta, before))


MEAN = Derivation(
    "diffusion/noise-mean",
    Line(
        r"\frac{\sqrt{\alpha_{t-1}}\,\beta_t\,x+\sqrt{1-\beta_t}\,(1-\alpha_{t-1})\,z_t}{1-\alpha_t}",
        lambda z, x, beta, before: mean_var(z, x, beta, before)[0],
    ),
    Line(
        r"\text{with}\ x=\frac{z_t-\sqrt{1-\alpha_t}\,\epsilon}{\sqrt{\alpha_t}}",
        lambda z, x, beta, before: mean_var(
            z,
            (z - np.sqrt(1 - (1 - beta) * before) * total_noise(z, x, beta, before)) / np.sqrt((1 - beta) * before),
            beta,
            before,
        )[0],
    ),
    Line(
        r"\frac{1}{\sqrt{1-\beta_t}}\left(z_t-\frac{\beta_t}{\sqrt{1-\alpha_t}}\,\epsilon\right)",
        lambda z, x, beta, before: by_noise(
            z, total_noise(z, x, beta, before), beta / np.sqrt(1 - (1 - beta) * before), beta
        ),
        note="eps is the total noise, from x to z_t.",
    ),
    Line(
        r"\frac{1}{\sqrt{1-\beta_t}}\left(z_t-\frac{\beta_t}{\sqrt{1-\alpha_t}}\,"
        r"\frac{z_t-z_{t-1}\sqrt{1-\beta_t}}{\sqrt{\beta_t}}\right)",
        lambda u, z, beta, before: by_noise(z, step_noise(u, z, beta), beta / np.sqrt(1 - (1 - beta) * before), beta),
        wrong="the noise of the last step is not the total noise, except at t = 1",
    ),
    Line(
        r"\frac{1}{\sqrt{1-\beta_t}}\left(z_t-\sqrt{\beta_t}\,\mathbb E[\epsilon_{\mathrm{step}}\mid z_t,x]\right)",
        lambda z, x, beta, before: by_noise(z, expected_step_noise(z, x, beta, before), np.sqrt(beta), beta),
        note="With sqrt(beta_t) in place of beta_t/sqrt(1-alpha_t) the expected one-step noise gives the same mean.",
    ),
    points=[SHOWN, *NASTY],
    draw=step,
    source=NOISE,
    title="The mean one step back in terms of noise: one-step and total",
)

STEP_NOISE = Derivation(
    "diffusion/step-noise",
    Line(
        r"\mathbb E[\epsilon_{\mathrm{step}}\mid z_t,x]",
        lambda z, x, beta, before: expected_step_noise(z, x, beta, before),
    ),
    Line(r"\epsilon", total_noise, wrong="one-step noise is not the total noise"),
    Line(
        r"\sqrt{\frac{\beta_t}{1-\alpha_t}}\;\epsilon",
        lambda z, x, beta, before: np.sqrt(beta / (1 - (1 - beta) * before)) * total_noise(z, x, beta, before),
    ),
    points=[SHOWN, *NASTY],
    draw=step,
    source=NOISE,
    title="What the total noise tells of the last step's",
)


def left_over(beta, before):
    """Var[eps_step | z_t, x], by quadrature; it depends neither on z_t nor on x."""
    mean, var = mean_var(0.0, 0.0, beta, before)
    return expectation(lambda u: (step_noise(u, 0.0, beta) - step_noise(mean, 0.0, beta)) ** 2, mean, var)


AT = [2, 500]  # steps of DDPM-1000
FOUND = dict(beta=DDPM[[t - 1 for t in AT]], before=alphas(DDPM)[[t - 1 for t in AT]])

STEP_VARIANCE = Derivation(
    "diffusion/step-noise-variance",
    Line(
        r"\mathrm{Var}[\epsilon_{\mathrm{step}}\mid z_t,x]",
        lambda beta, before: np.stack([left_over(beta[i], before[i]) for i in range(len(AT))]),
        note="The error that is left even if x is known; DDPM-1000 at t = 2 and 500.",
    ),
    Line("0", lambda beta: 0 * beta, wrong="the total noise has no error left once x is known; the one-step noise has"),
    Line(r"1-\frac{\beta_t}{1-\alpha_t}", lambda beta, before: 1 - beta / (1 - (1 - beta) * before)),
    points=[FOUND],
    draw=lambda rng: dict(beta=rng.uniform(0.01, 0.5, size=2), before=rng.uniform(0.1, 0.9, size=2)),
    source=NOISE,
    title="The one-step target is far noisier",
)


def best_error(target, beta, before, lam):
    """Least squared error of predicting `target(x, eps, eps_step)`, linear in three noises, from z_t; data N(0, lam).

    x = sqrt(lam) e0,  z_{t-1} = sqrt(before) x + sqrt(1-before) e1,  z_t = sqrt(1-beta) z_{t-1} + sqrt(beta) e2

    All are linear in unit normals, so the error is what is left of the target's coefficients beside those of z_t.
    """
    alpha = (1 - beta) * before
    z = np.stack([np.sqrt(alpha * lam), np.sqrt((1 - beta) * (1 - before)), np.sqrt(beta)])
    zero = 0 * beta
    eps = np.stack([zero, z[1], z[2]]) / np.sqrt(1 - alpha)
    y = {"step": np.stack([zero, zero, 1 + zero]), "total": eps, "x": np.stack([np.sqrt(lam) + zero, zero, zero])}
    y["v"] = np.sqrt(alpha) * eps - np.sqrt(1 - alpha) * y["x"]
    y = y[target]
    return np.sum(y * y) - np.sum(y * z) ** 2 / np.sum(z * z)


TARGETS = ["step", "total", "x", "v"]

LEAST_ERRORS = Derivation(
    "diffusion/least-errors",
    Line(
        r"\min_f\mathbb E|y-f(z_t)|^2,\quad y=\epsilon_{\mathrm{step}},\ \epsilon,\ x,\ v",
        lambda beta, before, lam: np.stack([best_error(y, beta, before, lam) for y in TARGETS]),
        note="What the best network can reach on data N(0, lambda), by projection on z_t.",
    ),
    Line(
        r"\tfrac1c\left(c-\beta_t,\ \alpha_t\lambda,\ \lambda(1-\alpha_t),\ \lambda\right),"
        r"\quad c=\alpha_t\lambda+1-\alpha_t",
        lambda beta, before, lam: _least(beta, (1 - beta) * before, lam),
    ),
    points=[dict(beta=float(DDPM[499]), before=float(alphas(DDPM)[499]), lam=1.0)],
    draw=lambda rng: dict(beta=rng.uniform(0.01, 0.5), before=rng.uniform(0.1, 0.9), lam=rng.exponential()),
    source=NOISE,
    title="What a network can reach for each target: noise of a step, all noise, x and v",
)


def _least(beta, alpha, lam):
    c = alpha * lam + 1 - alpha
    return np.stack([1 - beta / c, alpha * lam / c, lam * (1 - alpha) / c, lam / c])


X_FORM = Derivation(
    "diffusion/x-from-noise",
    Line("x", lambda x: x),
    Line(
        r"\frac{z_t-\sqrt{1-\alpha_t}\,\epsilon}{\sqrt{\alpha_t}}",
        lambda z, x, beta, before: (
            z - np.sqrt(1 - (1 - beta) * before) * total_noise(z, x, beta, before)
        ) / np.sqrt((1 - beta) * before),
    ),
    Line(
        r"\frac{z_t-\sqrt{1-\alpha_t}\,\epsilon_{\mathrm{step}}}{\sqrt{\alpha_t}}",
        lambda u, z, beta, before: (
            z - np.sqrt(1 - (1 - beta) * before) * step_noise(u, z, beta)
        ) / np.sqrt((1 - beta) * before),
        wrong="put into the formula for x, the one-step noise gives another x",
    ),
    points=[SHOWN, *NASTY],
    draw=step,
    source=NOISE,
    title="x from its noisy version and the noise",
)

register(POSTERIOR, MEAN, STEP_NOISE, STEP_VARIANCE, LEAST_ERRORS, X_FORM)
