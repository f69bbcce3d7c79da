"""The evidence lower bound: the chain of the notes line by line, its gap, and when it is tight.

One latent: z ~ N(0, 1), x | z ~ N(f(z), s2), q(z|x) = N(m, s^2). With f(z) = w z everything is known in closed form;
a bent f shows that nothing hangs on that, and a mixture that an integral may be a sum.
"""

import numpy as np

import tinygen as tg
from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, kl_normal, log_normal, normal, register
from tinygen.measure.rounding import integrate

CHAIN = "notes, chapter 17, the chain from log Pr(x) to the two terms"


def posterior(w, s2, x):
    """Mean and variance of Pr(z|x) where x | z ~ N(w z, s2): by completing the square."""
    return w * x / (w * w + s2), s2 / (w * w + s2)


def log_evidence(w, s2, x):
    """log Pr(x) = log N(x; 0, w^2 + s2)."""
    return log_normal(x, 0.0, w * w + s2)


def reconstruction(w, s2, x, m, s):
    """E_q log Pr(x|z) = -1/2 ln 2 pi s2 - [(x - w m)^2 + w^2 s^2] / (2 s2)."""
    return -0.5 * np.log(2 * np.pi * s2) - ((x - w * m) ** 2 + w * w * s * s) / (2 * s2)


def elbo(w, s2, x, m, s):
    """E_q log Pr(x|z) - KL(q || N(0, 1))."""
    return reconstruction(w, s2, x, m, s) - kl_normal(m, s * s, 0.0, 1.0)


def gap(w, s2, x, m, s):
    """KL(q || posterior)."""
    return kl_normal(m, s * s, *posterior(w, s2, x))


def model_and_q(rng):
    """A point: the linear model w, s2, a number x, and q = N(m, s)."""
    return dict(w=rng.normal(), s2=np.exp(rng.normal()), x=rng.normal(), m=rng.normal(), s=np.exp(0.5 * rng.normal()))


SHOWN = dict(w=1.3, s2=0.4, x=1.0, m=0.2, s=0.7)
NASTY = [
    dict(w=0.0, s2=0.4, x=1.0, m=0.0, s=1.0),  # the decoder ignores z
    dict(w=2.0, s2=1e-4, x=1.0, m=0.5, s=0.005),  # hardly any noise
    dict(w=1.0, s2=0.5, x=30.0, m=20.0, s=0.5),  # an x that the model hardly ever makes
]


def over_q(f):
    """The line int q(z) f(z) dz."""
    return lambda w, s2, x, m, s: expectation(lambda z: f(z, w, s2, x, m, s), m, s * s)


def log_joint(z, w, s2, x):
    """log p(z) + log p(x|z) of the linear model."""
    return log_normal(z, 0.0, 1.0) + log_normal(x, w * z, s2)


def over_posterior(f):
    """The line log int exp f(z) dz, on a grid that sits where the posterior does."""

    def line(w, s2, x, m, s):
        mean, var = posterior(w, s2, x)
        return np.log(integrate(lambda z: np.exp(f(z, w, s2, x, m, s)), mean, np.sqrt(var)))

    return line


LINEAR = Derivation(
    "elbo/chain",
    Line(r"\log\Pr(x\mid\phi)", log_evidence, note="In closed form: x is a sum of two normals."),
    Line(
        r"\log\Pr(f=x)",
        lambda w, s2, x: log_normal(x, 0.0, w * w),
        wrong="f is only the mean of x; the evidence is the density of x, with the decoder's noise",
    ),
    Line(
        r"\log\int\Pr(x,z\mid\phi)\,dz",
        over_posterior(lambda z, w, s2, x, m, s: log_joint(z, w, s2, x)),
    ),
    Line(
        r"\log\int q(z\mid x,\theta)\frac{\Pr(x,z\mid\phi)}{q(z\mid x,\theta)}\,dz",
        over_posterior(
            lambda z, w, s2, x, m, s: (
                log_normal(z, m, s * s) + (log_joint(z, w, s2, x) - log_normal(z, m, s * s))
            )
        ),
    ),
    Line(
        r"\int q(z\mid x,\theta)\log\frac{\Pr(z)\Pr(x\mid z,\phi)}{q(z\mid x,\theta)}\,dz",
        over_q(lambda z, w, s2, x, m, s: log_joint(z, w, s2, x) - log_normal(z, m, s * s)),
        ">=",
        gap=gap,
        gap_latex=r"D_{KL}(q(z\mid x)\parallel\Pr(z\mid x))",
        note="Jensen: the log of a mean is at least the mean of the log. The prior has no parameters.",
    ),
    Line(
        r"\int q\log\Pr(x\mid z,\phi)\,dz+\int q\log\frac{\Pr(z)}{q(z\mid x,\theta)}\,dz",
        lambda w, s2, x, m, s: (
            over_q(lambda z, w, s2, x, m, s: log_normal(x, w * z, s2))(w, s2, x, m, s)
            + over_q(lambda z, w, s2, x, m, s: log_normal(z, 0.0, 1.0) - log_normal(z, m, s * s))(w, s2, x, m, s)
        ),
    ),
    Line(r"\mathbb E_q\log\Pr(x\mid z)-D_{KL}\left[q(z\mid x,\theta)\parallel\Pr(z)\right]", elbo),
    points=[SHOWN, NASTY[1], NASTY[2]],
    draw=model_and_q,
    source=CHAIN,
    title="From the log evidence through Jensen to the two terms",
)

# The same for a decoder that bends ---------------------------------------------------------------------------------


def bent(z, a, c):
    """A decoder: its inverse image of x is no normal."""
    return np.sin(a * z) + c * z


def wide(f):
    """int f(z) dz for what is not far from the prior's width, finely."""
    return integrate(f, 0.0, 1.0, points=961)


def bent_joint(z, a, c, s2, x):
    """log p(z) + log p(x|z) of the model with a bent decoder."""
    return log_normal(z, 0.0, 1.0) + log_normal(x, bent(z, a, c), s2)


def bent_evidence(a, c, s2, x):
    """log p(x) of the model with a bent decoder, by an integral."""
    return np.log(wide(lambda z: np.exp(bent_joint(z, a, c, s2, x))))


def bent_gap(a, c, s2, x, m, s):
    """int q log(q / posterior), the posterior normalised by its own integral."""
    total = bent_evidence(a, c, s2, x)
    difference = lambda z: log_normal(z, m, s * s) - (bent_joint(z, a, c, s2, x) - total)
    return expectation(difference, m, s * s, points=385)


BENT = Derivation(
    "elbo/chain-nonlinear",
    Line(r"\log\int\Pr(x,z\mid\phi)\,dz", bent_evidence),
    Line(
        r"\int q(z\mid x)\log\frac{\Pr(z)\Pr(x\mid z,\phi)}{q(z\mid x)}\,dz",
        lambda a, c, s2, x, m, s: expectation(
            lambda z: bent_joint(z, a, c, s2, x) - log_normal(z, m, s * s), m, s * s, points=385
        ),
        ">=",
        gap=bent_gap,
        gap_latex=r"D_{KL}(q(z\mid x)\parallel\Pr(z\mid x))",
    ),
    Line(
        r"\mathbb E_q\log\Pr(x\mid z)-D_{KL}\left[q(z\mid x)\parallel\Pr(z)\right]",
        lambda a, c, s2, x, m, s: (
            expectation(lambda z: log_normal(x, bent(z, a, c), s2), m, s * s, points=385)
            - kl_normal(m, s * s, 0.0, 1.0)
        ),
    ),
    points=[dict(a=2.0, c=0.3, s2=0.4, x=1.0, m=0.5, s=0.5)],
    draw=lambda rng: dict(
        a=rng.uniform(0.5, 3), c=rng.normal(), s2=rng.uniform(0.2, 1), x=rng.normal(),
        m=rng.normal(), s=rng.uniform(0.3, 1),
    ),
    source=CHAIN,
    title="The same chain with a decoder that bends",
)

# The same with a sum in place of the integral ------------------------------------------------------------------------

CLASSES = Derivation(
    "elbo/chain-discrete",
    Line(r"\log\sum_k\Pr(k)\Pr(x\mid k)", lambda prior, mu, x: tg.logsumexp(np.log(prior) + log_normal(x, mu, 1.0))),
    Line(
        r"\log\sum_k q_k\frac{\Pr(k)\Pr(x\mid k)}{q_k}",
        lambda prior, mu, x, q: np.log(np.sum(q * (prior * normal(x, mu, 1.0) / q))),
    ),
    Line(
        r"\sum_k q_k\log\frac{\Pr(k)\Pr(x\mid k)}{q_k}",
        lambda prior, mu, x, q: np.sum(q * (np.log(prior) + log_normal(x, mu, 1.0) - np.log(q))),
        ">=",
        gap=lambda prior, mu, x, q: np.sum(q * (np.log(q) - tg.log_softmax(np.log(prior) + log_normal(x, mu, 1.0)))),
        gap_latex=r"\sum_k q_k\log\frac{q_k}{\Pr(k\mid x)}",
    ),
    Line(
        r"\mathbb E_q\log\Pr(x\mid k)-D_{KL}\left[q\parallel\Pr(k)\right]",
        lambda prior, mu, x, q: np.sum(q * log_normal(x, mu, 1.0)) - np.sum(q * np.log(q / prior)),
    ),
    points=[dict(prior=np.array([0.5, 0.5]), mu=np.array([-1.0, 1.0]), x=0.5, q=np.array([0.9, 0.1]))],
    draw=lambda rng: dict(
        prior=rng.dirichlet(np.ones(3)), mu=2 * rng.normal(size=3), x=rng.normal(), q=rng.dirichlet(np.ones(3))
    ),
    source=CHAIN,
    title="The same chain with a discrete latent, where the integral is a sum",
)

# The gap -------------------------------------------------------------------------------------------------------------

GAP = Derivation(
    "elbo/gap",
    Line(
        r"\log\Pr(x)-\int q(z)\log\frac{\Pr(x,z)}{q(z)}\,dz",
        lambda w, s2, x, m, s: (
            log_evidence(w, s2, x)
            - over_q(lambda z, w, s2, x, m, s: log_joint(z, w, s2, x) - log_normal(z, m, s * s))(w, s2, x, m, s)
        ),
    ),
    Line(
        r"\int q(z)\log\frac{q(z)\Pr(x)}{\Pr(x,z)}\,dz",
        over_q(
            lambda z, w, s2, x, m, s: log_normal(z, m, s * s) + log_evidence(w, s2, x) - log_joint(z, w, s2, x)
        ),
        note="log Pr(x) does not depend on z, so it may go under the integral.",
    ),
    Line(
        r"\int q(z)\log\frac{q(z)}{\Pr(z\mid x)}\,dz",
        over_q(lambda z, w, s2, x, m, s: log_normal(z, m, s * s) - log_normal(z, *posterior(w, s2, x))),
        note="Bayes.",
    ),
    Line(r"D_{KL}\left(q(z)\parallel\Pr(z\mid x)\right)", gap),
    Line(
        r"0\quad\text{(the bound is the likelihood)}",
        lambda x: 0.0 * x,
        wrong="q only approximates the posterior, so what is computed is a bound on the negative log likelihood",
    ),
    Line("0", lambda x: 0.0 * x, ">=", gap=gap, gap_latex=r"D_{KL}(q\parallel\Pr(z\mid x))"),
    points=[SHOWN, *NASTY],
    draw=model_and_q,
    source="notes, chapter 17: 'a compromise mechanism for computing the true negative log likelihood'",
    title="What Jensen gives away: the KL of q relative to the posterior",
)

TIGHT = Derivation(
    "elbo/tight",
    Line(r"\log\Pr(x)", log_evidence),
    Line(
        r"\mathrm{ELBO}(q=\Pr(z\mid x))",
        lambda w, s2, x: elbo(w, s2, x, posterior(w, s2, x)[0], np.sqrt(posterior(w, s2, x)[1])),
        note="The bound is tight if q is the posterior, and only then.",
    ),
    Line(
        r"\mathbb E_{\Pr(z)}\log\Pr(x\mid z)\quad(q=\Pr(z))",
        lambda w, s2, x: expectation(lambda z: log_normal(x, w * z, s2), 0.0, 1.0 + 0 * x),
        wrong="with q = prior the first term is not what we wanted: a mean of logs; and q = prior is collapse",
    ),
    Line(
        r"\mathbb E_{\Pr(z)}\log\Pr(x\mid z)",
        lambda w, s2, x: reconstruction(w, s2, x, 0.0, 1.0),
        ">=",
        gap=lambda w, s2, x: gap(w, s2, x, 0.0, 1.0),
        gap_latex=r"D_{KL}(\Pr(z)\parallel\Pr(z\mid x))",
    ),
    points=[dict(w=2.0, s2=0.1, x=1.0), dict(w=0.0, s2=0.4, x=1.0)],
    draw=lambda rng: {name: value for name, value in model_and_q(rng).items() if name in ("w", "s2", "x")},
    source="notes, chapter 17, Regularization: 'if q truly resembles Pr(z) then the first term is what we wanted'",
    title="When the bound is tight",
)

LOSS = Derivation(
    "elbo/loss",
    Line(r"-\log\Pr(x)", lambda w, s2, x: -log_evidence(w, s2, x)),
    Line(
        r"\mathrm{ELBO}",
        elbo,
        "<=",
        wrong="the loss is minus the bound; the bound itself is to be maximised",
    ),
    Line(
        r"-\mathrm{ELBO}=D_{KL}\left[q\parallel\Pr(z)\right]-\mathbb E_q\log\Pr(x\mid z)",
        lambda w, s2, x, m, s: kl_normal(m, s * s, 0.0, 1.0) - reconstruction(w, s2, x, m, s),
        "<=",
        gap=gap,
        gap_latex=r"D_{KL}(q\parallel\Pr(z\mid x))",
        note="For one x; training sums it over the data.",
    ),
    points=[SHOWN, *NASTY],
    draw=model_and_q,
    source="notes, chapter 17: L(x, phi)",
    title="The loss is minus the bound, and lies above the negative log likelihood",
)

register(LINEAR, BENT, CLASSES, GAP, TIGHT, LOSS)
