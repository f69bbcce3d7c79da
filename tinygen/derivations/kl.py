"""The KL divergence: both ways of writing it, the Gaussian closed forms from their integrals, and what it obeys."""

import numpy as np

from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, kl_normal, log_normal, normal, register, slopes
from tinygen.measure.rounding import integrate

SOURCE = "notes, Preliminary: KL divergence"


# Both ways of writing it -----------------------------------------------------------------------------------------


def log_ratio(x, m0, v0, m1, v1):
    """log P(x)/Q(x) of two Gaussians."""
    return log_normal(x, m0, v0) - log_normal(x, m1, v1)


TWO_FORMS = Derivation(
    "kl/two-forms",
    Line(
        r"\int P(x)\log\frac{P(x)}{Q(x)}\,dx",
        lambda m0, v0, m1, v1: expectation(lambda x: log_ratio(x, m0, v0, m1, v1), m0, v0),
    ),
    Line(
        r"-\int P(x)\log\frac{Q(x)}{P(x)}\,dx",
        lambda m0, v0, m1, v1: -expectation(lambda x: log_ratio(x, m1, v1, m0, v0), m0, v0),
    ),
    Line(
        r"\int Q(x)\log\frac{Q(x)}{P(x)}\,dx",
        lambda m0, v0, m1, v1: expectation(lambda x: log_ratio(x, m1, v1, m0, v0), m1, v1),
        wrong='"from Q to P" read as an expectation under Q; D(P||Q), of P relative to Q, is one under P',
    ),
    Line(
        "0",
        lambda m0: 0.0 * m0,
        ">=",
        gap=kl_normal,
        gap_latex=r"\tfrac12[\ln(v_1/v_0)+(v_0+(m_0-m_1)^2)/v_1-1]",
        note="Gibbs' inequality: a KL divergence is never negative.",
    ),
    points=[
        dict(m0=0.0, v0=1.0, m1=0.0, v1=4.0),
        dict(m0=0.0, v0=4.0, m1=0.0, v1=1.0),
        dict(m0=2.0, v0=3.0, m1=2.0, v1=3.0),
    ],
    draw=lambda rng: two_normals(rng),
    source=SOURCE,
    title="Both ways of writing KL are one number, and it is not symmetric",
)


def two_normals(rng):
    """Means and variances of P and Q."""
    return dict(m0=rng.normal(), v0=np.exp(rng.normal()), m1=rng.normal(), v1=np.exp(rng.normal()))


def masses(p, f):
    """sum p f over the outcomes with p > 0."""
    return np.sum(np.where(p > 0, p * f(np.where(p > 0, p, 1.0)), 0.0))


DISCRETE = Derivation(
    "kl/discrete",
    Line(r"\sum_i p_i\log\frac{p_i}{q_i}", lambda p, q: masses(p, lambda p: np.log(p) - np.log(q))),
    Line(r"-\sum_i p_i\log\frac{q_i}{p_i}", lambda p, q: -masses(p, lambda p: np.log(q) - np.log(p))),
    Line(
        r"-\sum_i p_i\log q_i-\left(-\sum_i p_i\log p_i\right)",
        lambda p, q: -masses(p, lambda p: np.log(q) + 0 * p) - -masses(p, np.log),
        note="Cross-entropy minus entropy.",
    ),
    points=[
        dict(p=np.array([0.5, 0.3, 0.2]), q=np.array([0.2, 0.2, 0.6])),
        dict(p=np.array([0.5, 0.5, 0.0]), q=np.array([0.25, 0.25, 0.5])),
        dict(p=np.array([0.5, 0.0, 0.5]), q=np.array([0.5, 0.5, 0.0])),  # not P << Q: infinite
    ],
    draw=lambda rng: dict(p=rng.dirichlet(np.ones(5)), q=rng.dirichlet(np.ones(5))),
    source=SOURCE,
    title="The same for sums, with outcomes that have no mass",
)

# Two Gaussians ---------------------------------------------------------------------------------------------------

GAUSSIAN = Derivation(
    "kl/gaussian",
    Line(
        r"\int\mathcal N(x;m_0,v_0)\log\frac{\mathcal N(x;m_0,v_0)}{\mathcal N(x;m_1,v_1)}\,dx",
        lambda m0, v0, m1, v1: expectation(lambda x: log_ratio(x, m0, v0, m1, v1), m0, v0),
    ),
    Line(
        r"\mathbb E_P\log P-\mathbb E_P\log Q",
        lambda m0, v0, m1, v1: (
            expectation(lambda x: log_normal(x, m0, v0), m0, v0) - expectation(lambda x: log_normal(x, m1, v1), m0, v0)
        ),
    ),
    Line(
        r"-\tfrac12\ln(2\pi e\,v_0)+\tfrac12\ln(2\pi v_1)+\frac{\mathbb E_P(x-m_1)^2}{2v_1}",
        lambda m0, v0, m1, v1: (
            -0.5 * np.log(2 * np.pi * np.e * v0)
            + 0.5 * np.log(2 * np.pi * v1)
            + expectation(lambda x: (x - m1) ** 2, m0, v0) / (2 * v1)
        ),
        note="The entropy of P is one half ln(2 pi e v0).",
    ),
    Line(r"\tfrac12\left[\ln\frac{v_1}{v_0}+\frac{v_0+(m_0-m_1)^2}{v_1}-1\right]", kl_normal),
    points=[
        dict(m0=0.2, v0=0.5, m1=-1.0, v1=2.0),
        dict(m0=1.0, v0=2.0, m1=1.0, v1=2.0),  # equal: 0
        dict(m0=1e3, v0=1.0, m1=-1e3, v1=1.0),  # far apart
        dict(m0=0.0, v0=1e-8, m1=0.0, v1=1.0),  # a narrow density against a wide one, and the reverse
        dict(m0=0.0, v0=1.0, m1=0.0, v1=1e-8),
    ],
    draw=two_normals,
    source=f"{SOURCE}; chapter 17, 'both are known Gaussians'",
    title="The KL of two Gaussians, from its integral",
)

STANDARD = Derivation(
    "kl/standard",
    Line(
        r"\int q(z)\log\frac{q(z)}{\mathcal N(z;0,1)}\,dz",
        lambda m, l: expectation(lambda z: log_ratio(z, m, np.exp(l), 0.0, 1.0), m, np.exp(l)),
    ),
    Line(r"\tfrac12\left(e^{l}+m^2-1-l\right)", lambda m, l: 0.5 * (np.exp(l) + m**2 - 1 - l)),
    Line(
        r"\tfrac12\left(e^{l/2}+m^2-1-l\right)",
        lambda m, l: 0.5 * (np.exp(0.5 * l) + m**2 - 1 - l),
        wrong="the standard deviation stands where the variance e^l belongs",
    ),
    Line(
        r"\tfrac12\left(\sigma^2+m^2-1\right)-\ln\sigma",
        lambda m, l: 0.5 * (np.exp(0.5 * l) ** 2 + m**2 - 1) - np.log(np.exp(0.5 * l)),
    ),
    points=[dict(m=0.2, l=2 * np.log(0.7)), dict(m=0.0, l=0.0), dict(m=3.0, l=-12.0), dict(m=-3.0, l=12.0)],
    draw=lambda rng: dict(m=rng.normal(), l=rng.normal()),
    source="notes, chapter 17, last line of the chain",
    title="The second term of the ELBO: the KL of q relative to the unit normal, with l = ln sigma^2",
)


def kl_standard_integral(m, l):
    """KL(N(m, e^l) || N(0, 1)) by an integral."""
    return expectation(lambda z: log_ratio(z, m, np.exp(l), 0.0, 1.0), m, np.exp(l))


def weighted_by_score(m, l):
    """int dq/dm log(q/N) dz and int dq/dl log(q/N) dz: the derivative taken under the integral, where q only counts."""
    v = np.exp(l)
    log = lambda z: log_ratio(z, m, v, 0.0, 1.0)
    by_m = expectation(lambda z: (z - m) / v * log(z), m, v)
    by_l = expectation(lambda z: 0.5 * ((z - m) ** 2 / v - 1) * log(z), m, v)
    return np.stack([by_m, by_l])


GRADIENT = Derivation(
    "kl/gradient",
    Line(
        r"\nabla_{m,l}\int q(z)\log\frac{q(z)}{\mathcal N(z;0,1)}\,dz",
        lambda m, l: slopes(kl_standard_integral, m, l),
        note="By finite differences of the integral.",
    ),
    Line(
        r"\int\nabla_{m,l}\,q(z)\,\log\frac{q(z)}{\mathcal N(z;0,1)}\,dz",
        weighted_by_score,
        note="The other part, int q grad log q, is the derivative of 1.",
    ),
    Line(r"\left(m,\ \tfrac12(e^l-1)\right)", lambda m, l: np.stack([m, 0.5 * np.expm1(l)])),
    Line(
        r"\left(m,\ e^l-1\right)",
        lambda m, l: np.stack([m, np.expm1(l)]),
        wrong="that is the derivative by ln sigma; by l = ln sigma^2 it is half of it",
    ),
    points=[dict(m=0.2, l=2 * np.log(0.7)), dict(m=0.0, l=0.0), dict(m=2.0, l=-3.0)],
    draw=lambda rng: dict(m=rng.normal(), l=rng.normal()),
    source="notes, chapter 17, 'the second term can be explicitly computed'",
    title="The gradient that trains the encoder, by mean and log variance",
)

# Full covariances: x = m + L u -----------------------------------------------------------------------------------


def log_normal_2d(x, y, mean, S):
    """log N((x, y); mean, S) with a 2x2 covariance, entry by entry, by the inverse that one learns first."""
    a, b, c, d = S[0, 0], S[0, 1], S[1, 0], S[1, 1]
    determinant = a * d - b * c
    u, v = x - mean[0], y - mean[1]
    square = (d * u**2 - (b + c) * u * v + a * v**2) / determinant
    return -0.5 * (2 * np.log(2 * np.pi) + np.log(determinant) + square)


def kl_plane(m0, L0, m1, L1):
    """KL of two Gaussians in the plane by quadrature over u, x = m0 + L0 u."""

    def integrand(u, v):
        x, y = m0[0] + L0[0, 0] * u, m0[1] + L0[1, 0] * u + L0[1, 1] * v
        ratio = log_normal_2d(x, y, m0, L0 @ L0.T) - log_normal_2d(x, y, m1, L1 @ L1.T)
        return normal(u, 0.0, 1.0) * normal(v, 0.0, 1.0) * ratio

    return integrate(integrand, [0.0, 0.0], points=65)


def kl_full(m0, L0, m1, L1):
    """KL of two Gaussians with full covariances, S = L L'."""
    S0, S1, d = L0 @ L0.T, L1 @ L1.T, m1 - m0
    logdets = np.linalg.slogdet(S1)[1] - np.linalg.slogdet(S0)[1]
    return 0.5 * (np.trace(np.linalg.solve(S1, S0)) + d @ np.linalg.solve(S1, d) - len(m0) + logdets)


def factor(rng, k=2):
    """A random lower triangular factor with a positive diagonal."""
    return np.tril(rng.normal(size=(k, k)), -1) + np.diag(np.exp(0.5 * rng.normal(size=k)))


FULL = Derivation(
    "kl/full-covariance",
    Line(r"\iint P(x)\log\frac{P(x)}{Q(x)}\,dx", kl_plane),
    Line(
        r"\tfrac12\left[\mathrm{tr}(S_1^{-1}S_0)+(m_1-m_0)^\top S_1^{-1}(m_1-m_0)-k+\ln\frac{|S_1|}{|S_0|}\right]",
        kl_full,
    ),
    points=[dict(m0=np.zeros(2), L0=np.eye(2), m1=np.array([1.0, -2.0]), L1=np.array([[1.0, 0.0], [3.0, 0.5]]))],
    draw=lambda rng: dict(m0=rng.normal(size=2), L0=factor(rng), m1=rng.normal(size=2), L1=factor(rng)),
    source=f"{SOURCE}; for the covariance of chapter 17",
    title="KL of two Gaussians with full covariances, from the integral over the plane",
)

CHOLESKY = Derivation(
    "kl/cholesky",
    Line(
        r"\tfrac12\left[\mathrm{tr}\,S+|m|^2-k-\ln|S|\right]",
        lambda m, L: 0.5 * (np.trace(L @ L.T) + m @ m - len(m) - np.linalg.slogdet(L @ L.T)[1]),
    ),
    Line(
        r"\tfrac12\left(|L|_F^2+|m|^2-k\right)-\sum_i\ln L_{ii}",
        lambda m, L: 0.5 * (np.sum(L**2) + m @ m - len(m)) - np.sum(np.log(np.diagonal(L))),
    ),
    points=[dict(m=np.array([0.2]), L=np.array([[0.7]]))],
    draw=lambda rng: dict(m=rng.normal(size=5), L=factor(rng, 5)),
    source="notes, chapter 17, 'mean and covariance'; S = L L'",
    title="KL to N(0, I) by the Cholesky factor",
)

# What KL obeys ---------------------------------------------------------------------------------------------------

AFFINE = Derivation(
    "kl/affine",
    Line(r"D_{KL}\left(P(x)\parallel Q(x)\right)", lambda m0, L0, m1, L1: kl_plane(m0, L0, m1, L1)),
    Line(
        r"D_{KL}\left(P(Ax+b)\parallel Q(Ax+b)\right)",
        lambda m0, L0, m1, L1, A, b: kl_full(A @ m0 + b, A @ L0, A @ m1 + b, A @ L1),
        note="No invertible change of units changes a KL divergence.",
    ),
    draw=lambda rng: FULL.draw(rng) | dict(A=factor(rng).T @ factor(rng), b=rng.normal(size=2)),
    source="used where the notes change from z to noise",
    title="KL does not depend on the units",
)


def joint(x, y, m, v, a, b, w):
    """log of P(x) P(y|x) with P(x) = N(m, v) and P(y|x) = N(a x + b, w)."""
    return log_normal(x, m, v) + log_normal(y, a * x + b, w)


def _chain_left(m0, v0, a0, b0, w0, m1, v1, a1, b1, w1):
    def integrand(u, e):
        x = m0 + np.sqrt(v0) * u
        y = a0 * x + b0 + np.sqrt(w0) * e
        ratio = joint(x, y, m0, v0, a0, b0, w0) - joint(x, y, m1, v1, a1, b1, w1)
        return normal(u, 0.0, 1.0) * normal(e, 0.0, 1.0) * ratio

    return integrate(integrand, [0.0, 0.0], points=65)


def _chain_right(m0, v0, a0, b0, w0, m1, v1, a1, b1, w1):
    inner = expectation(lambda x: kl_normal(a0 * x + b0, w0, a1 * x + b1, w1), m0, v0)
    return kl_normal(m0, v0, m1, v1) + inner


def two_joints(rng):
    """A point: two Gaussian pairs (x, y), each by the law of x and of y given x."""
    names = ("m0", "a0", "b0", "m1", "a1", "b1")
    return {n: rng.normal() for n in names} | {n: np.exp(rng.normal()) for n in ("v0", "w0", "v1", "w1")}


CHAIN_RULE = Derivation(
    "kl/chain-rule",
    Line(r"\iint P(x,y)\log\frac{P(x,y)}{Q(x,y)}\,dx\,dy", _chain_left),
    Line(
        r"D_{KL}\left(P(x)\parallel Q(x)\right)+\mathbb E_{P(x)}D_{KL}\left(P(y\mid x)\parallel Q(y\mid x)\right)",
        _chain_right,
        note="The diffusion bound is this, T times.",
    ),
    draw=two_joints,
    source="notes, chapter 18, the step to the sum of KL divergences",
    title="The chain rule of KL",
)

register(TWO_FORMS, DISCRETE, GAUSSIAN, STANDARD, GRADIENT, FULL, CHOLESKY, AFFINE, CHAIN_RULE)
