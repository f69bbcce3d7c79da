"""The gradient of an expectation by the parameters of what it is an expectation under: two ways, and their noise."""

import numpy as np

from tinygen.check.derivation import Derivation, Line
from tinygen.derivations.densities import expectation, log_normal, normal, register, slopes
from tinygen.derivations.elbo import SHOWN, model_and_q, posterior

SOURCE = "notes, chapter 17: 'fix a unit normal source of randomness'"


def likelihood_slope(z, w, s2, x):
    """d/dz log Pr(x|z) = w (x - w z) / s2."""
    return w * (x - w * z) / s2


def score_form(w, s2, x, m, s):
    """E_q [log Pr(x|z) d log q / d(m, s)]."""
    h = lambda z: log_normal(x, w * z, s2)
    by_m = expectation(lambda z: h(z) * (z - m) / s**2, m, s * s)
    by_s = expectation(lambda z: h(z) * ((z - m) ** 2 / s**2 - 1) / s, m, s * s)
    return np.stack([by_m, by_s])


def path_form(w, s2, x, m, s):
    """E_eps [d log Pr(x|z)/dz (1, eps)] at z = m + s eps."""
    h = lambda e: likelihood_slope(m + s * e, w, s2, x)
    unit = 1.0 + 0 * m
    return np.stack([expectation(h, 0 * m, unit), expectation(lambda e: e * h(e), 0 * m, unit)])


PATH = Derivation(
    "reparameterization/gradient",
    Line(
        r"\nabla_{m,\sigma}\int q(z)\log\Pr(x\mid z)\,dz",
        lambda w, s2, x, m, s: slopes(
            lambda m, s: expectation(lambda z: log_normal(x, w * z, s2), m, s * s), float(m), float(s)
        ),
        note="By finite differences of the integral.",
    ),
    Line(r"\mathbb E_q\left[\log\Pr(x\mid z)\,\nabla_{m,\sigma}\log q(z)\right]", score_form, note="The score form."),
    Line(
        r"\nabla_{m,\sigma}\log\Pr(x\mid z)\ \text{with a fixed sample}\ z",
        lambda m: np.stack([0.0 * m, 0.0 * m]),
        wrong="a z that is held fixed does not move with m and sigma: the encoder gets no gradient",
    ),
    Line(
        r"\mathbb E_{\epsilon}\left[\frac{d\log\Pr(x\mid z)}{dz}\,(1,\epsilon)\right],\quad z=m+\sigma\epsilon",
        path_form,
        note="eps is drawn afresh at each step, and z stays a function of m and sigma.",
    ),
    Line(
        r"\left(\frac{w(x-wm)}{s_2},\ -\frac{w^2\sigma}{s_2}\right)",
        lambda w, s2, x, m, s: np.stack([w * (x - w * m) / s2, -w * w * s / s2]),
    ),
    points=[SHOWN],
    draw=model_and_q,
    source=SOURCE,
    title="Three ways to one gradient, and one way to none",
)

DENSITY = Derivation(
    "reparameterization/density",
    Line(r"q(z)=\mathcal N(z;m,\sigma^2)", lambda z, m, s: normal(z, m, s * s)),
    Line(
        r"p(\epsilon)\left|\frac{d\epsilon}{dz}\right|,\quad\epsilon=\frac{z-m}{\sigma}",
        lambda z, m, s: normal((z - m) / s, 0.0, 1.0) / s,
    ),
    Line(
        r"p(\epsilon),\quad\epsilon=\frac{z-m}{\sigma^2}",
        lambda z, m, s: normal((z - m) / s**2, 0.0, 1.0) / s**2,
        wrong="the noise is scaled by the standard deviation, not by the variance",
    ),
    points=[dict(z=1.0, m=0.2, s=0.7)],
    draw=lambda rng: dict(z=rng.normal(), m=rng.normal(), s=np.exp(rng.normal())),
    source=SOURCE,
    title="z = m + sigma eps has the density q",
)

# The noise of the two estimators, for f(x) = (x - k)^2 under N(m, s^2), d = m - k ---------------------------------


def per_sample(estimate, m, s):
    """Variances over eps of the two entries of `estimate(eps)`, by quadrature."""
    unit = 1.0 + 0 * m
    values = []
    for i in range(2):
        mean = expectation(lambda e: estimate(e)[i], 0 * m, unit)  # noqa: B023
        values.append(expectation(lambda e: (estimate(e)[i] - mean) ** 2, 0 * m, unit))  # noqa: B023
    return np.stack(values)


def reparameterised(m, s, k):
    """eps -> the gradient estimates by m and s along the path x = m + s eps."""
    return lambda e: (2 * (m + s * e - k), 2 * (m + s * e - k) * e)


def scored(m, s, k):
    """eps -> the score-function estimates f(x) d log N/d(m, s)."""
    return lambda e: ((m + s * e - k) ** 2 * e / s, (m + s * e - k) ** 2 * (e * e - 1) / s)


def quadratic(rng):
    """A point: q = N(m, s^2), and the k of the function (z - k)^2."""
    return dict(m=rng.normal(), s=np.exp(0.5 * rng.normal()), k=rng.normal())


MEANS = Derivation(
    "reparameterization/means",
    Line(
        r"\nabla_{m,s}\,\mathbb E(x-k)^2",
        lambda m, s, k: slopes(lambda m, s: expectation(lambda x: (x - k) ** 2, m, s * s), float(m), float(s)),
    ),
    Line(
        r"\mathbb E[\text{reparameterised}]",
        lambda m, s, k: np.stack([expectation(lambda e: reparameterised(m, s, k)(e)[i], 0 * m, 1.0) for i in range(2)]),  # noqa: B023
    ),
    Line(
        r"\mathbb E[\text{score}]",
        lambda m, s, k: np.stack([expectation(lambda e: scored(m, s, k)(e)[i], 0 * m, 1.0) for i in range(2)]),  # noqa: B023
    ),
    Line(r"(2d,\ 2s),\quad d=m-k", lambda m, s, k: np.stack([2 * (m - k), 2 * s])),
    points=[dict(m=0.7, s=1.3, k=2.1)],
    draw=quadratic,
    source=SOURCE,
    title="Both estimators have the same mean",
)

VARIANCES = Derivation(
    "reparameterization/variances",
    Line(
        r"\mathrm{Var}[\text{score}]",
        lambda m, s, k: per_sample(scored(m, s, k), m, s),
    ),
    Line(
        r"\left(\frac{d^4}{s^2}+14d^2+15s^2,\ \frac{2d^4}{s^2}+60d^2+74s^2\right)",
        lambda m, s, k: np.stack(
            [
                (m - k) ** 4 / s**2 + 14 * (m - k) ** 2 + 15 * s**2,
                2 * (m - k) ** 4 / s**2 + 60 * (m - k) ** 2 + 74 * s**2,
            ]
        ),
    ),
    Line(
        r"\mathrm{Var}[\text{reparameterised}]",
        lambda m, s, k: per_sample(reparameterised(m, s, k), m, s),
        ">=",
        gap=lambda m, s, k: np.stack(
            [
                (m - k) ** 4 / s**2 + 14 * (m - k) ** 2 + 11 * s**2,
                2 * (m - k) ** 4 / s**2 + 56 * (m - k) ** 2 + 66 * s**2,
            ]
        ),
    ),
    Line(r"(4s^2,\ 4d^2+8s^2)", lambda m, s, k: np.stack([4 * s**2, 4 * (m - k) ** 2 + 8 * s**2])),
    points=[dict(m=0.7, s=1.3, k=2.1), dict(m=1.0, s=1.0, k=1.0)],
    draw=quadratic,
    source=SOURCE,
    title="The variances of the two estimators, by m and by s, a sample each",
)

# A path that is quiet at the optimum ------------------------------------------------------------------------------

EPS = np.array([-2.3, -0.7, 0.0, 0.4, 1.9])  # five draws, as any


def at_posterior(w, s2, x):
    """Draws from the posterior, its mean and its variance."""
    mean, var = posterior(w, s2, x)
    return mean + np.sqrt(var) * EPS, mean, var


LANDING = Derivation(
    "reparameterization/landing",
    Line(
        r"\frac{\partial}{\partial z}\log\Pr(x,z)\ \text{at each sample}",
        lambda w, s2, x: -at_posterior(w, s2, x)[0] + likelihood_slope(at_posterior(w, s2, x)[0], w, s2, x),
    ),
    Line(
        r"\frac{\partial}{\partial z}\log q(z),\quad q=\Pr(z\mid x)",
        lambda w, s2, x: -(at_posterior(w, s2, x)[0] - at_posterior(w, s2, x)[1]) / at_posterior(w, s2, x)[2],
        note="Their difference is the path's gradient: 0 for every single sample.",
    ),
    points=[dict(w=1.3, s2=0.4, x=1.0)],
    draw=lambda rng: {name: value for name, value in model_and_q(rng).items() if name in ("w", "s2", "x")},
    source="Roeder, Wu and Duvenaud 2017",
    title="At q = posterior the gradient along the path has no noise",
)


def total_slope(w, s2, x):
    """d/dm of [log Pr(x, z) - log q(z)] at z = m + s eps for each draw, with log q's own m moving too."""
    z, mean, var = at_posterior(w, s2, x)
    path = -z + likelihood_slope(z, w, s2, x) + (z - mean) / var
    return path - (z - mean) / var


PLAIN = Derivation(
    "reparameterization/plain",
    Line(
        r"\frac{d}{dm}\left[\log\Pr(x,z)-\log q_{m}(z)\right]_{z=m+\sigma\epsilon},\ \text{all of it}",
        lambda w, s2, x: total_slope(w, s2, x),
    ),
    Line("0", lambda w: 0.0 * w * EPS, wrong="the score of q has mean 0, but is not 0 for each sample"),
    Line(r"-\epsilon/\sigma", lambda w, s2, x: -EPS / np.sqrt(posterior(w, s2, x)[1])),
    points=[dict(w=1.3, s2=0.4, x=1.0)],
    draw=LANDING.draw,
    source="Roeder, Wu and Duvenaud 2017",
    title="The plain gradient stays noisy where there is nothing left to learn",
)

# The book's own example -------------------------------------------------------------------------------------------


def book(phi):
    """E[x^2 + sin x] for x ~ N(phi^3, e^(2 phi)), by quadrature."""
    return expectation(lambda x: x**2 + np.sin(x), phi**3, np.exp(2 * phi), points=193)


BOOK = Derivation(
    "reparameterization/book",
    Line(r"\mathbb E[x^2+\sin x],\quad x\sim\mathcal N(\phi^3,e^{2\phi})", book),
    Line(
        r"\phi^6+e^{2\phi}+\sin(\phi^3)\,e^{-e^{2\phi}/2}",
        lambda phi: phi**6 + np.exp(2 * phi) + np.sin(phi**3) * np.exp(-0.5 * np.exp(2 * phi)),
    ),
    points=[dict(phi=0.5)],
    draw=lambda rng: dict(phi=rng.uniform(-1, 1)),
    source="Prince's notebook on the reparameterisation trick prints 2.76508 for phi = .5, an estimate",
    title="The expectation of the book's notebook, exactly",
)
BOOK_GRADIENT = Derivation(
    "reparameterization/book-gradient",
    Line(r"\frac{d}{d\phi}\mathbb E[x^2+\sin x]", lambda phi: _scalar(slopes(book, float(phi)))),
    Line(
        r"\mathbb E_{\epsilon}\left[(2x+\cos x)(3\phi^2+e^{\phi}\epsilon)\right],\quad x=\phi^3+e^{\phi}\epsilon",
        lambda phi: expectation(
            lambda e: (2 * (phi**3 + np.exp(phi) * e) + np.cos(phi**3 + np.exp(phi) * e))
            * (3 * phi**2 + np.exp(phi) * e),
            0 * phi,
            1.0,
            points=193,
        ),
    ),
    Line(
        r"6\phi^5+2e^{2\phi}+\left[3\phi^2\cos\phi^3-e^{2\phi}\sin\phi^3\right]e^{-e^{2\phi}/2}",
        lambda phi: (
            6 * phi**5
            + 2 * np.exp(2 * phi)
            + (3 * phi**2 * np.cos(phi**3) - np.exp(2 * phi) * np.sin(phi**3)) * np.exp(-0.5 * np.exp(2 * phi))
        ),
    ),
    points=[dict(phi=0.5)],
    draw=lambda rng: dict(phi=rng.uniform(-1, 1)),
    source="Prince's notebook on the reparameterisation trick prints 5.72634 and 5.72461 for phi = .5",
    title="And its derivative",
)


def _scalar(pair):
    return tuple(part[0] for part in pair)


register(PATH, DENSITY, MEANS, VARIANCES, LANDING, PLAIN, BOOK, BOOK_GRADIENT)
