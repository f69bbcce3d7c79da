"""Random estimates of the course whose mean is known: claims that they are unbiased, by many draws."""

import numpy as np

import tinygen as tg
from tinygen import gaussian
from tinygen.check.registry import claim
from tinygen.check.unbiased import check_unbiased
from tinygen.derivations.densities import log_normal
from tinygen.derivations.elbo import elbo, log_evidence, log_joint
from tinygen.derivations.reparameterization import reparameterised, scored

PATH = "notes, chapter 17: 'fix a unit normal source of randomness'"
FEW = "notes, chapter 18: 'just grab a few evidence and a few layer'"
STACK = 4096  # draws at a time
POINT = dict(m=0.7, s=1.3, k=2.1)  # of E(x - k)^2 under N(m, s^2)
TRUTH = [2 * (POINT["m"] - POINT["k"]), 2 * POINT["s"]]
MODEL = dict(w=1.3, s2=0.4, x=1.0)  # the linear model with one latent
MEAN, STD = 0.2, 0.7  # of its q


@claim("estimator/reparameterised", kind="estimator", source=PATH)
def reparameterised_gradient(rng):
    """The gradient of E(x - k)^2 by (m, s) along the path: mean (2d, 2s), variances 4 s^2 and 4 d^2 + 8 s^2."""
    d, s = POINT["m"] - POINT["k"], POINT["s"]
    draw = lambda rng: np.stack(reparameterised(**POINT)(rng.standard_normal(STACK)), -1)  # (STACK, 2)
    return check_unbiased(draw, TRUTH, variance=[4 * s**2, 4 * d**2 + 8 * s**2], rng=rng, draws=2**18)


@claim("estimator/score", kind="estimator", source=PATH)
def score_gradient(rng):
    """The same gradient by the score of the density: the same mean, at some ten times the variance."""
    draw = lambda rng: np.stack(scored(**POINT)(rng.standard_normal(STACK)), -1)  # (STACK, 2)
    return check_unbiased(draw, TRUTH, rng=rng, draws=2**19)


def one_sample(q, rng):
    """The bound with one draw of z, as a VAE computes it: log Pr(x|z) - KL(q || N(0, I)), q = (mean, logvar)."""
    z = gaussian.sample(q[:1], q[1:], rng.standard_normal(1))
    noise = np.log([MODEL["s2"]])
    return gaussian.log_density(np.array([MODEL["x"]]), MODEL["w"] * z, noise) - gaussian.kl_standard(q[:1], q[1:])


@claim("estimator/elbo-gradient", kind="estimator", source=PATH)
def elbo_gradient(rng):
    """tinygen's gradient of that, against its numeric derivative at the same noise, draw by draw."""
    q = np.array([MEAN, 2 * np.log(STD)])
    return check_unbiased(lambda rng: tg.grad(one_sample)(q, rng), one_sample, at=q, rng=rng)


def draws_of_z(rng):
    """A stack of reparameterised draws from q."""
    return MEAN + STD * rng.standard_normal(STACK)


@claim("estimator/elbo", kind="estimator", source="notes, chapter 17, the first term 'approximated with a sample z'")
def elbo_value(rng):
    """log Pr(x, z)/q(z) with one draw of z has the ELBO as its mean."""
    draw = lambda rng: log_weight(draws_of_z(rng))
    return check_unbiased(draw, elbo(**MODEL, m=MEAN, s=STD), rng=rng)


def log_weight(z):
    """log Pr(x, z)/q(z)."""
    return log_joint(z, **MODEL) - log_normal(z, MEAN, STD**2)


@claim("estimator/importance-weight", kind="estimator", source="Burda, Grosse and Salakhutdinov 2016")
def importance_weight(rng):
    """Pr(x, z)/q(z) with one draw of z has the evidence as its mean: its log has not."""
    return check_unbiased(lambda rng: np.exp(log_weight(draws_of_z(rng))), np.exp(log_evidence(**MODEL)), rng=rng)


@claim("estimator/few-layers", kind="estimator", source=FEW)
def few_layers(rng):
    """(N/2)(T/3) times the losses of 2 examples and 3 layers that are drawn: mean the sum over all."""
    losses = np.array([[1.0, 2.0, 4.0, 0.5], [0.2, 3.0, 1.0, 0.7], [2.5, 0.1, 0.3, 0.9], [1.5, 0.4, 2.0, 0.6]])
    N, T = losses.shape

    def draw(rng):
        rows = np.argsort(rng.random((STACK, N)), axis=1)[:, :2]
        layers = np.argsort(rng.random((STACK, T)), axis=1)[:, :3]
        return N / 2 * T / 3 * losses[rows[:, :, None], layers[:, None, :]].sum((1, 2))

    return check_unbiased(draw, losses.sum(), rng=rng)
