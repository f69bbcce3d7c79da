"""The autoencoder's view of the bound: the weight beta, a bottleneck, noise without a price, collapse; more samples."""

import functools

import numpy as np

from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, kl_normal, log_normal, normal, register
from tinygen.derivations.elbo import (
    NASTY,
    SHOWN,
    elbo,
    gap,
    log_evidence,
    log_joint,
    model_and_q,
    posterior,
    reconstruction,
)
from tinygen.measure.rounding import integrate

SOURCE = "notes, chapter 17, Regularization"

# The weight beta -------------------------------------------------------------------------------------------------


def weighted(w, s2, x, m, s, beta):
    """E_q log Pr(x|z) - beta KL(q || prior)."""
    return reconstruction(w, s2, x, m, s) - beta * kl_normal(m, s * s, 0.0, 1.0)


def best_q(w, s2, x, beta):
    """Mean and standard deviation of the q that makes `weighted` largest."""
    mean, var = posterior(w, beta * s2, x)
    return mean, np.sqrt(var)


def quarter(w, s2, x):
    """The bound with a quarter of its KL, at its own optimum."""
    return weighted(w, s2, x, *best_q(w, s2, x, 0.25), 0.25)


BETA = Derivation(
    "beta/bound",
    Line(r"\log\Pr(x)", log_evidence),
    Line(
        r"\mathbb E_q\log\Pr(x\mid z)-\tfrac14 D_{KL}\left[q\parallel\Pr(z)\right]",
        quarter,
        ">=",
        wrong="beta < 1 is no bound; 'hence we can add beta' does not follow from the chain",
    ),
    Line(r"\mathbb E_q\log\Pr(x\mid z)-D_{KL}\left[q\parallel\Pr(z)\right]", elbo, ">=", gap=gap),
    Line(
        r"\mathbb E_q\log\Pr(x\mid z)-\beta D_{KL}\left[q\parallel\Pr(z)\right],\quad\beta>1",
        weighted,
        ">=",
        gap=lambda m, s, beta: (beta - 1) * kl_normal(m, s * s, 0.0, 1.0),
        gap_latex=r"(\beta-1)D_{KL}[q\parallel\Pr(z)]",
        note="A looser bound.",
    ),
    points=[SHOWN | dict(beta=4.0)],
    draw=lambda rng: model_and_q(rng) | dict(beta=1 + rng.exponential()),
    source=f"{SOURCE}: 'Hence, we can add hyperparameter beta'",
    title="What a weight on the KL term does to the bound",
)

BETA_DECODER = Derivation(
    "beta/decoder-variance",
    Line(r"\mathbb E_q\log\mathcal N(x;wz,s_2)-\beta D_{KL}\left[q\parallel\Pr(z)\right]", weighted),
    Line(
        r"\beta\left(\mathbb E_q\log\mathcal N(x;wz,\beta s_2)-D_{KL}[q\parallel\Pr(z)]\right)+\mathrm{const}",
        lambda w, s2, x, m, s, beta: (
            beta * elbo(w, beta * s2, x, m, s)
            + 0.5 * beta * np.log(2 * np.pi * beta * s2)
            - 0.5 * np.log(2 * np.pi * s2)
        ),
        note="With a Gaussian decoder beta only rescales its variance: the same maximisers.",
    ),
    points=[SHOWN | dict(beta=0.25)],
    draw=lambda rng: model_and_q(rng) | dict(beta=np.exp(rng.normal())),
    source=f"{SOURCE}: 'Hence, we can add hyperparameter beta'",
    title="With a Gaussian decoder, beta is a decoder variance",
)

# An autoencoder without a price -----------------------------------------------------------------------------------

NOISE = Derivation(
    "autoencoder/noise",
    Line(r"\log\Pr(x\mid z=m)\quad(\sigma=0)", lambda w, s2, x, m: log_normal(x, w * m, s2)),
    Line(
        r"\mathbb E_{\mathcal N(m,\sigma^2)}\log\Pr(x\mid z)",
        lambda w, s2, x, m, s: expectation(lambda z: log_normal(x, w * z, s2), m, s * s),
        "<=",
        wrong="noise alone regularises nothing: without the KL term it only costs, and training takes it to 0",
    ),
    Line(
        r"\mathbb E_{\mathcal N(m,\sigma^2)}\log\Pr(x\mid z)",
        reconstruction,
        ">=",
        gap=lambda w, s2, s: w * w * s * s / (2 * s2),
        gap_latex=r"\frac{w^2\sigma^2}{2s_2}",
    ),
    points=[SHOWN, NASTY[1]],
    draw=model_and_q,
    source=f"{SOURCE}: 'The trained sigma adds noise to our sample'",
    title="Without the KL term the best noise is none",
)


def through_bottleneck(X):
    """Mean squared distance from X (n, 2) to what the best linear autoencoder with one latent gives back."""
    centred = X - np.mean(X, axis=0)
    u = np.linalg.eigh(centred.T @ centred / len(X))[1][:, 1:]  # (2, 1)
    return np.mean(np.sum((centred - centred @ u @ u.T) ** 2, axis=1))


def smaller_eigenvalue(X):
    """Of the 1/n covariance of X (n, 2), by the quadratic formula."""
    centred = X - np.mean(X, axis=0)
    C = centred.T @ centred / len(X)
    half = 0.5 * (C[0, 0] + C[1, 1])
    return half - np.sqrt(0.25 * (C[0, 0] - C[1, 1]) ** 2 + C[0, 1] ** 2)


BOTTLENECK = Derivation(
    "autoencoder/bottleneck",
    Line(r"\frac1n\sum_i|x_i-x_i^*|^2\quad(k=1<D=2)", through_bottleneck),
    Line("0", lambda X: 0.0 * np.sum(X), wrong="it gives back what went in only without a bottleneck"),
    Line(r"\lambda_2", smaller_eigenvalue, note="The variance that the latent has no room for."),
    points=[dict(X=np.array([[0.0, 0.0], [2.0, 1.0], [1.0, 2.0], [3.0, 4.0]]))],
    draw=lambda rng: dict(X=rng.normal(size=(7, 2)) @ rng.normal(size=(2, 2))),
    source=f"{SOURCE}: 'it would just spit out what we gave in'",
    title="An autoencoder with a bottleneck loses what does not fit",
)

# Unit noise on digits ---------------------------------------------------------------------------------------------


@functools.cache
def digit_eigenvalues():
    """The eigenvalues of the 1/n covariance of all 1797 digits, as pixels from 0 to 1, in falling order."""
    from tinygen.data import digits

    X = digits.load()[0] / 16
    return np.linalg.eigvalsh(np.cov(X, rowvar=False, bias=True))[::-1]


def mean_log_evidence(s2, length2):
    """Mean over the digits of log N(x; mean, W W' + s2 I), where W is the first eigenvector, of squared length length2.

    -1/2 [D ln 2 pi + ln|C| + tr(C^-1 S)] with C diagonal in the basis of the eigenvectors of S.
    """
    spectrum = digit_eigenvalues()
    C = s2 + length2 * (np.arange(len(spectrum)) == 0)
    return -0.5 * np.sum(np.log(2 * np.pi * C) + spectrum / C)


COLLAPSE = Derivation(
    "autoencoder/unit-noise",
    Line(
        r"\frac1n\sum_i\log\Pr(x_i),\quad W=0,\ \sigma^2=1",
        lambda length2: mean_log_evidence(1.0 + 0 * length2, 0.0),
        note="A decoder that ignores its latents.",
    ),
    Line(
        r"\frac1n\sum_i\log\Pr(x_i),\quad W=\ell u_1,\ \sigma^2=1",
        lambda length2: mean_log_evidence(1.0 + 0 * length2, length2),
        "<=",
        wrong="with noise of unit variance no latent pays: the largest eigenvalue of the digits is below 1",
    ),
    Line(
        r"\frac1n\sum_i\log\Pr(x_i),\quad W=\ell u_1,\ \sigma^2=1",
        lambda length2: mean_log_evidence(1.0 + 0 * length2, length2),
        ">=",
        gap=lambda length2: 0.5 * (np.log1p(length2) - digit_eigenvalues()[0] * length2 / (1 + length2)),
        gap_latex=r"\tfrac12[\ln(1+\ell^2)-\lambda_1\ell^2/(1+\ell^2)]",
    ),
    points=[dict(length2=0.1)],
    draw=lambda rng: dict(length2=rng.exponential()),
    source="notes, chapter 17: 'then add another normal Gaussian for noise'",
    title="With unit noise every latent of a linear VAE of the digits collapses",
)
ACTIVE = Derivation(
    "autoencoder/own-noise",
    Line(
        r"\#\{j:\lambda_j>\sigma^2\}",
        lambda s2: np.array([np.sum(digit_eigenvalues() > v) for v in s2], dtype=float),
        note="How many latents the best linear VAE of the digits uses.",
    ),
    Line(
        r"\#\{j:\max_\ell\ \tfrac1n\sum_i\log\Pr(x_i)\ \text{at}\ \ell>0\}",
        lambda s2: np.array([_pays(v) for v in s2], dtype=float),
        note="A latent pays if a short column of W along its eigenvector raises the likelihood.",
    ),
    points=[dict(s2=np.array([1.0, 0.1, 0.05, 0.01]))],
    source="notes, chapter 17: 'then add another normal Gaussian for noise'",
    title="With its own, smaller noise, latents come alive one by one",
)


def _pays(s2):
    """How many eigenvectors raise the mean log evidence when a column of W of squared length s2/1000 is put there."""
    change = lambda l: -0.5 * (np.log(s2 * 1.001) + l / (s2 * 1.001)) + 0.5 * (np.log(s2) + l / s2)
    return sum(change(l) > 0 for l in digit_eigenvalues())


# More samples a bound ---------------------------------------------------------------------------------------------


def importance(K):
    """L_K = E log (1/K) sum_k Pr(x, z_k)/q(z_k), z_1 .. z_K from q: by quadrature over all K of them."""

    def line(w, s2, x, m, s):
        def integrand(*noise):
            density, total = 0.0, None
            for e in noise:
                z = m + s * e
                log_weight = log_joint(z, w, s2, x) - log_normal(z, m, s * s)
                total = log_weight if total is None else np.logaddexp(total, log_weight)
                density = density + log_normal(e, 0.0, 1.0)
            return np.exp(density) * (total - np.log(K))

        return integrate(integrand, [0.0] * K, points=[0, 193, 129, 49][K], width=9.0)

    return line


def mean_weight(w, s2, x, m, s):
    """E_q Pr(x, z)/q(z), on a grid as wide as the posterior."""
    weight = lambda z: np.exp(log_joint(z, w, s2, x) - log_normal(z, m, s * s))
    mean, var = posterior(w, s2, x)
    return integrate(lambda z: normal(z, m, s * s) * weight(z), mean, np.sqrt(var))


IMPORTANCE = Derivation(
    "iwae/order",
    Line(r"\log\Pr(x)", log_evidence),
    Line(r"\log\mathbb E_q\frac{\Pr(x,z)}{q(z)}", lambda w, s2, x, m, s: np.log(mean_weight(w, s2, x, m, s))),
    Line(r"\mathcal L_3=\mathbb E\log\tfrac13\sum_{k=1}^3\frac{\Pr(x,z_k)}{q(z_k)}", importance(3), ">="),
    Line(r"\mathcal L_2", importance(2), ">="),
    Line(r"\mathcal L_1", importance(1), ">="),
    Line(r"\mathbb E_q\log\Pr(x\mid z)-D_{KL}\left[q\parallel\Pr(z)\right]", elbo, note="One sample: the ELBO."),
    points=[dict(w=1.3, s2=0.4, x=1.0, m=0.2, s=0.7)],
    draw=lambda rng: dict(
        w=rng.normal(), s2=rng.uniform(0.5, 2), x=rng.normal(), m=0.5 * rng.normal(), s=rng.uniform(0.6, 1)
    ),
    draws=2,
    source="Burda, Grosse and Salakhutdinov 2016; follows from the notes' Jensen step",
    title="More samples, a tighter bound",
)

register(BETA, BETA_DECODER, NOISE, BOTTLENECK, COLLAPSE, ACTIVE, IMPORTANCE)
