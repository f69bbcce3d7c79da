"""Diffusion, what is trained: the weights between noise, x and v, a few examples and a few layers, and the score."""

import itertools

import numpy as np

from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, normal, register
from tinygen.derivations.diffusion.exact import marginal
from tinygen.derivations.diffusion.posterior import mean_var
from tinygen.measure.rounding import integrate

SOURCE = "notes, chapter 18, Implementation"


def of_eps(noise, z, alpha):
    """The x that a guess of the total noise means."""
    return (z - np.sqrt(1 - alpha) * noise) / np.sqrt(alpha)


def mean_error(z, guess, noise, beta, before):
    """|dmu|^2 / (2 btilde): the KL between two q(z_{t-1}|z_t,x), for the x of a guessed and of the true noise."""
    alpha = (1 - beta) * before
    (guessed, var), (true, _) = (mean_var(z, of_eps(each, z, alpha), beta, before) for each in (guess, noise))
    return (guessed - true) ** 2 / (2 * var)


def snr(alpha):
    """alpha/(1 - alpha), signal over noise."""
    return alpha / (1 - alpha)


def guess_and_truth(rng):
    """A point: z_t, the noise in it, and a net's guess of that noise."""
    beta, before = rng.uniform(0.02, 0.6), rng.uniform(0.1, 0.95)
    return dict(z=rng.normal(), guess=rng.normal(), noise=rng.normal(), beta=beta, before=before)


WEIGHTS = Derivation(
    "diffusion/weights",
    Line(r"\frac{|\Delta\mu|^2}{2\tilde\beta_t}", mean_error, note="One KL of the bound, t >= 2, variances equal."),
    Line(
        r"\frac{\beta_t^2}{2\tilde\beta_t(1-\beta_t)(1-\alpha_t)}|\Delta\epsilon|^2",
        lambda guess, noise, beta, before: (
            beta**2 * (guess - noise) ** 2
            / (2 * mean_var(0.0, 0.0, beta, before)[1] * (1 - beta) * (1 - (1 - beta) * before))
        ),
    ),
    Line(
        r"\tfrac12|\Delta\epsilon|^2",
        lambda guess, noise: 0.5 * (guess - noise) ** 2,
        wrong="the simple loss, with equal weights, is another objective than the bound",
    ),
    Line(
        r"\tfrac12\left(\mathrm{SNR}_{t-1}-\mathrm{SNR}_t\right)|\Delta x|^2",
        lambda z, guess, noise, beta, before: (
            0.5 * (snr(before) - snr((1 - beta) * before))
            * (of_eps(guess, z, (1 - beta) * before) - of_eps(noise, z, (1 - beta) * before)) ** 2
        ),
    ),
    points=[dict(z=0.9, guess=0.5, noise=-0.2, beta=0.3, before=0.6)],
    draw=guess_and_truth,
    source=SOURCE,
    title="One KL of the bound in terms of the mean, the noise and x",
)

VELOCITY = Derivation(
    "diffusion/velocity",
    Line(
        r"|\Delta v|^2,\quad v=\sqrt{\alpha_t}\,\epsilon-\sqrt{1-\alpha_t}\,x",
        lambda z, guess, noise, alpha: (
            np.sqrt(alpha) * (guess - noise) - np.sqrt(1 - alpha) * (of_eps(guess, z, alpha) - of_eps(noise, z, alpha))
        ) ** 2,
    ),
    Line(r"|\Delta\epsilon|^2/\alpha_t", lambda guess, noise, alpha: (guess - noise) ** 2 / alpha),
    Line(
        r"(1+\mathrm{SNR}_t)\,|\Delta x|^2",
        lambda z, guess, noise, alpha: (
            (1 + snr(alpha)) * (of_eps(guess, z, alpha) - of_eps(noise, z, alpha)) ** 2
        ),
    ),
    points=[dict(z=0.9, guess=0.5, noise=-0.2, alpha=0.4)],
    draw=lambda rng: dict(z=rng.normal(), guess=rng.normal(), noise=rng.normal(), alpha=rng.uniform(0.05, 0.95)),
    source="Salimans and Ho 2022",
    title="Errors of v, of the noise and of x",
)

def turned(x, eps, alpha):
    """z and v: the point (x, eps), seen along two axes that are turned by the angle of cosine sqrt(alpha)."""
    a, b = np.sqrt(alpha), np.sqrt(1 - alpha)
    return a * x + b * eps, a * eps - b * x


def back(x, eps, alpha):
    """(x, eps) from z and v."""
    (z, v), a, b = turned(x, eps, alpha), np.sqrt(alpha), np.sqrt(1 - alpha)
    return np.stack([a * z - b * v, b * z + a * v])


FROM_V = Derivation(
    "diffusion/x-from-v",
    Line(r"(x,\ \epsilon)", lambda x, eps: np.stack([x, eps])),
    Line(
        r"\left(\sqrt{\alpha_t}\,z_t-\sqrt{1-\alpha_t}\,v,\ \sqrt{1-\alpha_t}\,z_t+\sqrt{\alpha_t}\,v\right)",
        back,
        note="(z, v) is (x, eps) turned; this turns it back, and divides by nothing.",
    ),
    points=[dict(x=0.9, eps=0.5, alpha=0.4), dict(x=-2.0, eps=1.0, alpha=1e-5)],
    draw=lambda rng: dict(x=rng.normal(), eps=rng.normal(), alpha=rng.uniform(0.05, 0.95)),
    source="Salimans and Ho 2022",
    title="x and the noise from v",
)

# A few examples and a few layers -----------------------------------------------------------------------------------


def over_choices(losses, estimate):
    """The mean of estimate(rows, layers) over all choices of 2 rows and 2 layers: an expectation by enumeration."""
    rows, layers = (list(itertools.combinations(range(n), 2)) for n in losses.shape)
    values = [estimate(np.stack([losses[i, t] for i in r for t in l])) for r in rows for l in layers]
    return sum(values) / len(values)


FEW = Derivation(
    "diffusion/few-layers",
    Line(
        r"\sum_{i=1}^N\sum_{t=1}^T\ell_{it}",
        lambda losses: np.sum(losses),
        note="The loss over all evidence and all layers, t = 1 (the decoder's term) included.",
    ),
    Line(
        r"\mathbb E\left[\sum_{i\in\mathrm{batch}}\sum_{t\in\mathrm{drawn}}\ell_{it}\right]",
        lambda losses: over_choices(losses, np.sum),
        wrong="'just grab a few' needs its factors to be unbiased",
    ),
    Line(
        r"\mathbb E\left[\frac{N}{2}\,\frac{T}{2}\sum_{i\in\mathrm{batch}}\sum_{t\in\mathrm{drawn}}\ell_{it}\right]",
        lambda losses: over_choices(losses, lambda drawn: losses.shape[0] / 2 * losses.shape[1] / 2 * np.sum(drawn)),
        note="2 of the N examples and 2 of the T layers, each as likely: by enumeration of all choices.",
    ),
    points=[dict(losses=np.array([[1.0, 2.0, 4.0, 0.5], [0.2, 3.0, 1.0, 0.7], [2.5, 0.1, 0.3, 0.9]]))],
    draw=lambda rng: dict(losses=rng.exponential(size=(3, 5))),
    source=SOURCE + ": 'just grab a few evidence and a few layer'",
    title="A few examples and a few layers, without bias",
)

# Score matching ---------------------------------------------------------------------------------------------------


def over_pair(alpha, m, lam, g):
    """E g(x, z) over data x ~ N(m, lam) and z ~ q(z|x), by quadrature."""

    def integrand(a, e):
        x = m + np.sqrt(lam) * a
        return normal(a, 0.0, 1.0) * normal(e, 0.0, 1.0) * g(x, np.sqrt(alpha) * x + np.sqrt(1 - alpha) * e)

    return integrate(integrand, [0.0, 0.0], points=65)


def model_score(z, k, b):
    """A score that is not the right one."""
    return np.sin(k * z) + b


def marginal_score(z, alpha, m, lam):
    """d/dz log q(z_t) of Gaussian data."""
    mean, c = marginal(alpha, m, lam)
    return -(z - mean) / c


def given_score(z, x, alpha):
    """d/dz log q(z|x)."""
    return -(z - np.sqrt(alpha) * x) / (1 - alpha)


DENOISING = Derivation(
    "diffusion/denoising-score",
    Line(
        r"\mathbb E_{x,z}\left|s(z)-\nabla\log q(z\mid x)\right|^2",
        lambda alpha, m, lam, k, b: over_pair(
            alpha, m, lam, lambda x, z: (model_score(z, k, b) - given_score(z, x, alpha)) ** 2
        ),
    ),
    Line(
        r"\mathbb E_{z}\left|s(z)-\nabla\log q(z)\right|^2",
        lambda alpha, m, lam, k, b: expectation(
            lambda z: (model_score(z, k, b) - marginal_score(z, alpha, m, lam)) ** 2,
            *marginal(alpha, m, lam),
            points=193,
        ),
        ">=",
        gap=lambda alpha, m, lam: 1 / (1 - alpha) - 1 / (alpha * lam + 1 - alpha),
        gap_latex=r"\mathbb E|\nabla\log q(z\mid x)|^2-\mathbb E|\nabla\log q(z)|^2",
        note="The difference does not depend on s: training on noise finds the score.",
    ),
    points=[dict(alpha=0.4, m=0.5, lam=2.0, k=1.0, b=0.3)],
    draw=lambda rng: dict(
        alpha=rng.uniform(0.2, 0.9), m=rng.normal(), lam=rng.uniform(0.2, 2), k=rng.normal(), b=rng.normal()
    ),
    source="Vincent 2011",
    title="Denoising finds the score",
)


def loss_of_variance(var, beta, before, m, lam):
    """E KL(q(z_{t-1}|z_t) || N(its mean, var)) up to a constant, for the exact mean: 1/2 [ln var + Var/var]."""
    c = marginal((1 - beta) * before, m, lam)[1]
    return 0.5 * (np.log(var) + beta / (1 - beta) * (1 - beta / c) / var)


def squared_score(beta, before, m, lam):
    """E|score|^2 under q(z_t), by quadrature."""
    alpha = (1 - beta) * before
    return expectation(lambda z: marginal_score(z, alpha, m, lam) ** 2, *marginal(alpha, m, lam))


def best_variance(beta, before, m, lam):
    """The constant variance that is best if the mean is exact (Bao et al. 2022)."""
    return beta / (1 - beta) * (1 - beta * squared_score(beta, before, m, lam))


REVERSE_VARIANCE = Derivation(
    "diffusion/reverse-variance",
    Line(
        r"\text{loss at}\ \beta_t",
        lambda beta, before, m, lam: loss_of_variance(beta, beta, before, m, lam),
    ),
    Line(
        r"\text{loss at}\ \frac{\beta_t}{1-\beta_t}\left(1-\beta_t\,\mathbb E|\mathrm{score}|^2\right)",
        lambda beta, before, m, lam: loss_of_variance(best_variance(beta, before, m, lam), beta, before, m, lam),
        ">=",
        gap=lambda beta, before, m, lam: 0.5 * (_over(beta, before, m, lam) - 1 - np.log(_over(beta, before, m, lam))),
        gap_latex=r"\tfrac12(\rho-1-\ln\rho),\ \rho=\mathrm{Var}/\beta_t",
    ),
    points=[dict(beta=0.3, before=0.6, m=0.5, lam=2.0)],
    draw=lambda rng: dict(
        beta=rng.uniform(0.02, 0.6), before=rng.uniform(0.1, 0.95), m=rng.normal(), lam=rng.exponential()
    ),
    source="Bao et al. 2022; for the variance that the notes leave open",
    title="The best variance of one step back",
)


def _over(beta, before, m, lam):
    """The exact variance of q(z_{t-1}|z_t) over beta_t."""
    return (1 - beta / marginal((1 - beta) * before, m, lam)[1]) / (1 - beta)


register(WEIGHTS, VELOCITY, FROM_V, FEW, DENOISING, REVERSE_VARIANCE)
