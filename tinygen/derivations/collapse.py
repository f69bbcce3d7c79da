"""What a latent of the linear VAE costs and buys, axis by axis: when it stays alive, its KL, what it leaves; the rate.

One principal axis: data x_i of variance lam along it, x | z ~ N(w z, t), z ~ N(0, 1). t is the decoder's variance, or
beta times it (the derivation beta/decoder-variance).
"""

import numpy as np

from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, kl_normal, log_normal, normal, register
from tinygen.derivations.elbo import posterior
from tinygen.measure.rounding import integrate

SOURCE = "notes, chapter 17, Regularization: 'the latent variable has been compressed'"

# Alive or not --------------------------------------------------------------------------------------------------------


def mean_log_evidence(lam, model_var):
    """1/n sum_i log N(x_i; 0, model_var), where the x_i have the mean square lam."""
    return -0.5 * (np.log(2 * np.pi * model_var) + lam / model_var)


ALIVE = Derivation(
    "collapse/alive",
    Line(
        r"\max_w\tfrac1n\sum_i\log\mathcal N(x_i;0,w^2+t)",
        lambda lam, t: mean_log_evidence(lam, np.maximum(lam, t)),
        note="At w^2 + t = lam if lam > t; else at w = 0, and the latent is dead.",
    ),
    Line(
        r"\tfrac1n\sum_i\log\mathcal N(x_i;0,w^2+t)",
        lambda lam, t, w: mean_log_evidence(lam, w * w + t),
        ">=",
        gap=lambda lam, t, w: (
            kl_normal(0.0, lam, 0.0, w * w + t) - kl_normal(0.0, lam, 0.0, np.maximum(lam, t))
        ),
        gap_latex=r"D_{KL}[\mathcal N(0,\lambda)\parallel\mathcal N(0,w^2+t)]-\mathrm{least}",
        note="No other w does better.",
    ),
    points=[dict(lam=0.6, t=0.1, w=0.5), dict(lam=0.1, t=0.6, w=0.5)],
    draw=lambda rng: dict(lam=rng.exponential(), t=rng.exponential(), w=rng.normal()),
    source=SOURCE,
    title="An axis of the data keeps its latent if its variance is above the noise",
)


def best(x, t):
    """Weight w, and mean and variance of the posterior of each x, at the best linear model; the mean square is > t."""
    w = np.sqrt(np.mean(x**2) - t)
    mean, var = posterior(w, t, x)
    return w, mean, var


def above_the_noise(rng):
    """A point at which the data's mean square is above the decoder's variance."""
    x = rng.normal(size=5)
    return dict(x=x, t=rng.uniform(0.1, 0.9) * np.mean(x**2))


SHOWN = dict(x=np.array([1.0, -0.5, 0.2, -0.7]), t=0.1)

PRICE = Derivation(
    "collapse/price",
    Line(
        r"\tfrac1n\sum_i D_{KL}\left[\Pr(z\mid x_i)\parallel\mathcal N(0,1)\right],\quad w^2=\lambda-t",
        lambda x, t: np.mean(kl_normal(best(x, t)[1], best(x, t)[2], 0.0, 1.0)),
    ),
    Line(
        r"\tfrac12\left[\tfrac t\lambda+\left(1-\tfrac t\lambda\right)-1-\ln\tfrac t\lambda\right]",
        lambda x, t: 0.5 * (t / np.mean(x**2) + (1 - t / np.mean(x**2)) - 1 - np.log(t / np.mean(x**2))),
        note="The posterior's variance, the mean square of its means, and the rest of the divergence.",
    ),
    Line(r"\tfrac12\ln\frac\lambda t", lambda x, t: 0.5 * np.log(np.mean(x**2) / t)),
    points=[SHOWN],
    draw=above_the_noise,
    source=SOURCE,
    title="What a latent pays, on average over the data",
)

LEFT = Derivation(
    "collapse/distortion",
    Line(
        r"\tfrac1n\sum_i\mathbb E_{\Pr(z\mid x_i)}(x_i-wz)^2,\quad w^2=\lambda-t",
        lambda x, t: sum(
            expectation(lambda z, a=a: (a - best(x, t)[0] * z) ** 2, posterior(best(x, t)[0], t, a)[0], best(x, t)[2])
            for a in x
        ) / len(x),
    ),
    Line(
        r"\tfrac1n\sum_i\left[(x_i-wm_i)^2+w^2v\right]",
        lambda x, t: np.mean((x - best(x, t)[0] * best(x, t)[1]) ** 2 + best(x, t)[0] ** 2 * best(x, t)[2]),
    ),
    Line("t", lambda t: t, note="Every axis that is alive is left with the same error: the water level."),
    points=[SHOWN],
    draw=above_the_noise,
    source=SOURCE,
    title="What a latent leaves of its axis",
)

# What should resemble the prior --------------------------------------------------------------------------------------


def over_codes(f, m, s):
    """1/n sum_i int q(z|x_i) f(z, i) dz, where q(z|x_i) = N(m_i, s_i^2)."""
    return sum(
        integrate(lambda z, i=i: normal(z, m[i], s[i] ** 2) * f(z, i), m[i], s[i], points=193) for i in range(len(m))
    ) / len(m)


def log_marginal(z, m, s):
    """log q(z), the mean of all q(z|x_i)."""
    return np.log(sum(normal(z, m[j], s[j] ** 2) for j in range(len(m))) / len(m))


RATE = Derivation(
    "collapse/rate",
    Line(
        r"\tfrac1n\sum_i D_{KL}\left[q(z\mid x_i)\parallel\Pr(z)\right]",
        lambda m, s: np.mean(kl_normal(m, s * s, 0.0, 1.0)),
    ),
    Line(
        r"\tfrac1n\sum_i\int q(z\mid x_i)\ln\frac{q(z\mid x_i)}{q(z)}\,dz+\int q(z)\ln\frac{q(z)}{\Pr(z)}\,dz",
        lambda m, s: (
            over_codes(lambda z, i: log_normal(z, m[i], s[i] ** 2) - log_marginal(z, m, s), m, s)
            + over_codes(lambda z, i: log_marginal(z, m, s) - log_normal(z, 0.0, 1.0), m, s)
        ),
        note="What the code tells of x, and how far all codes together are from the prior.",
    ),
    Line(
        r"\tfrac1n\sum_i\int q(z\mid x_i)\ln\frac{q(z\mid x_i)}{q(z)}\,dz",
        lambda m, s: over_codes(lambda z, i: log_normal(z, m[i], s[i] ** 2) - log_marginal(z, m, s), m, s),
        ">=",
        gap=lambda m, s: over_codes(lambda z, i: log_marginal(z, m, s) - log_normal(z, 0.0, 1.0), m, s),
        gap_latex=r"D_{KL}[q(z)\parallel\Pr(z)]",
        note="The code tells no more of x than the rate.",
    ),
    points=[dict(m=np.array([-0.8, 0.1, 1.1]), s=np.array([0.4, 0.6, 0.5]))],
    draw=lambda rng: dict(m=rng.normal(size=3), s=rng.uniform(0.4, 1, size=3)),
    source="notes, chapter 17, Regularization: 'if q truly resembles Pr(z)'",
    title="The rate in two parts: only one of them asks q to resemble the prior",
)

register(ALIVE, PRICE, LEFT, RATE)
