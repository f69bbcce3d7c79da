"""The systems that judge the VAEs, claimed to be right: each against a computation that shares nothing with it."""

import itertools

import numpy as np

import tinygen as tg
from tinygen.check.registry import claim
from tinygen.check.report import Report
from tinygen.derivations.densities import entry, kl_normal, log_normal
from tinygen.measure.numeric import derivative, directional
from tinygen.measure.rounding import integrate
from tinygen.oracles import categorical, linear_gaussian, quadratic, quadrature
from tinygen.oracles.discrete import DiscreteLatent, score_function_moments
from tinygen.oracles.linear_gaussian import LinearGaussian

PPCA = "Tipping and Bishop 1999; tinygen/oracles/linear_gaussian.py"
DIGITS = "tinygen/oracles/categorical.py"
S2 = 0.3


def linear(rng, D=3, k=2):
    """A linear-Gaussian model and some rows."""
    model = LinearGaussian(rng.normal(size=(D, k)), rng.normal(size=D), rng.uniform(0.2, 0.9))
    return model, model.sample(5, rng)[0]


def gaussian_q(rng, n, k):
    """Mean (n, k) and factor (n, k, k) of any Gaussian q."""
    return rng.normal(size=(n, k)), 0.5 * rng.normal(size=(n, k, k)) + np.eye(k)


def log_joint(model, x, z):
    """log Pr(x, z) of one row x at each of the latents z (S, k), entry by entry from the normal density."""
    return log_normal(x, z @ model.W.T + model.b, model.s2).sum(-1) + log_normal(z, 0.0, 1.0).sum(-1)


def spread(rng, n=60, scales=(2.0, 1.2, 0.5, 0.3)):
    """Rows whose covariance has eigenvalues about scales^2, in no special direction."""
    Q = np.linalg.qr(rng.normal(size=(len(scales),) * 2))[0]
    return rng.normal(size=(n, len(scales))) * scales @ Q.T + rng.normal(size=len(scales))


@claim("vae/oracles/evidence", kind="identity", source=PPCA)
def evidence(rng):
    """log p(x) in closed form, against the normal density along the eigenvectors of W W' + s2 I, and quadrature."""
    model, x = linear(rng)
    var, U = np.linalg.eigh(model.W @ model.W.T + model.s2 * np.eye(3))
    likelihood = lambda z: np.stack([log_normal(row, z @ model.W.T + model.b, model.s2).sum(-1) for row in x])
    grid = quadrature.evidence(likelihood, 2, points=321)
    found = model.log_evidence(x)
    return Report(
        "vae/oracles/evidence",
        [
            entry("eigenvectors", found, log_normal((x - model.b) @ U, 0.0, var).sum(-1), 1e-11),
            entry("quadrature", found, grid.log_evidence, 1e-10),
        ],
    )


@claim("vae/oracles/posterior", kind="identity", source=PPCA)
def posterior(rng):
    """p(z|x) against the joint Gaussian, conditioned; log p(x, z) - log p(z|x) is log p(x) wherever z is."""
    model, x = linear(rng)
    mean, cov = model.posterior(x)
    gain = model.W.T @ np.linalg.inv(model.W @ model.W.T + model.s2 * np.eye(3))
    z = rng.normal(size=(7, 2))
    var, U = np.linalg.eigh(cov)
    bayes = np.stack([log_joint(model, row, z) - log_normal((z - m) @ U, 0.0, var).sum(-1) for row, m in zip(x, mean)])
    return Report(
        "vae/oracles/posterior",
        [
            entry("mean", mean, (x - model.b) @ gain.T, 1e-11),
            entry("covariance", cov, np.eye(2) - gain @ model.W, 1e-11),
            entry("Bayes' rule at random z", bayes, model.log_evidence(x)[:, None], 1e-10),
        ],
    )


@claim("vae/oracles/elbo", kind="identity", source=PPCA)
def elbo(rng):
    """The bound for any Gaussian q, against its expectation by Gauss-Hermite (exact), and log p(x) - KL(q||p(z|x))."""
    model, x = linear(rng)
    mean, L = gaussian_q(rng, 5, 2)
    cov = L @ np.swapaxes(L, 1, 2)
    eps, weights = quadrature.gauss_hermite(2, 3)
    log_q = log_normal(eps, 0.0, 1.0).sum(-1) - np.log(np.abs(np.linalg.det(L)))[:, None]  # (n, S)
    z = mean[:, None] + eps @ np.swapaxes(L, 1, 2)  # (n, S, k)
    log_w = np.stack([log_joint(model, row, draws) for row, draws in zip(x, z)]) - log_q
    center, precision = model.posterior(x)[0], model.precision()
    off = mean - center
    kl = 0.5 * (
        np.trace(precision @ cov, axis1=1, axis2=2) + np.einsum("ni,ij,nj->n", off, precision, off) - 2
        - np.log(np.linalg.det(precision @ cov))
    )  # fmt: skip
    found = model.elbo(x, mean, cov)
    return Report(
        "vae/oracles/elbo",
        [
            entry("expectation", found, log_w @ weights, 1e-10),
            entry("evidence - KL(q || posterior)", found, model.log_evidence(x) - kl, 1e-10),
        ],
    )


@claim("vae/oracles/best-diagonal", kind="identity", source=PPCA)
def best_diagonal(rng):
    """The best diagonal q: its bound is stationary, and misses log p(x) by 1/2 [sum ln Lambda_ii - ln det Lambda]."""
    model, x = linear(rng)
    mean, logvar = model.best_diagonal(x)
    best = model.elbo_diagonal(x, mean, logvar)
    precision = model.precision()
    gap = 0.5 * (np.log(np.diag(precision)).sum() - np.log(np.linalg.det(precision)))

    def moved(v):
        return model.elbo_diagonal(x[:1], mean[:1] + v[:2], logvar + v[2:])[0]

    slope, bar = derivative(moved, np.zeros(4))
    return Report(
        "vae/oracles/best-diagonal",
        [entry("gap", model.log_evidence(x) - best, gap, 1e-10), entry("slope", slope, 0.0, float(bar.max()) + 1e-12)],
    )


@claim("vae/oracles/optimum", kind="identity", source=PPCA)
def optimum(rng):
    """The best linear VAE: its likelihood by the eigenvalues alone, and no slope in any direction."""
    X, entries = spread(rng), []
    lam = np.linalg.svd(X - X.mean(0))[1] ** 2 / len(X)
    for name, k, s2 in (("s2 = .4 fixed", 3, 0.4), ("s2 learned", 2, None)):
        model = LinearGaussian.optimum(X, k, s2=s2)
        s2 = lam[k:].mean() if s2 is None else s2
        used = (np.arange(4) < k) & (lam > s2)
        expected = -0.5 * np.sum(np.log(2 * np.pi * np.where(used, lam, s2)) + np.where(used, 1, lam / s2))
        entries.append(entry(f"{name}, likelihood", model.log_evidence(X).mean(), expected, 1e-10))

        for _ in range(3):
            dW, db, ds = rng.normal(size=(4, k)), rng.normal(size=4), rng.normal() * (name == "s2 learned")
            slope, bar = directional(
                lambda t, at=model, dW=dW, db=db, ds=ds: (
                    LinearGaussian(at.W + t[0] * dW, at.b + t[0] * db, at.s2 * np.exp(t[0] * ds)).log_evidence(X).mean()
                ),
                np.zeros(1),
                np.ones(1),
            )
            entries.append(entry(f"{name}, slope", slope, 0.0, float(bar) + 1e-12))
    return Report("vae/oracles/optimum", entries)


def optima(X):
    """For three weights beta: the best linear beta-VAE of four latents at decoder variance S2, and its best q."""
    for beta in (0.3, 1.0, 4.0):
        model = LinearGaussian.optimum(X, 4, s2=S2, beta=beta)
        yield beta, model, *model.best_diagonal(X, beta=beta)


@claim("vae/oracles/active-units", kind="identity", source="tinygen/oracles/linear_gaussian.py; notes, Regularization")
def active_units(rng):
    """Which latents the optimum of a beta-VAE uses, what each pays and how far its mean moves, by the eigenvalues."""
    X, entries = spread(rng), []
    eigenvalues = linear_gaussian.principal(X)[0]
    for beta, _, mean, logvar in optima(X):
        said = [f(eigenvalues, S2, beta=beta) for f in (linear_gaussian.active, linear_gaussian.latent_kl,
                                                        linear_gaussian.latent_variance)]  # fmt: skip
        kl = kl_normal(mean, np.exp(logvar), 0.0, 1.0).mean(0)  # of each latent
        entries += [
            entry(f"beta {beta:g}, in use", said[0], mean.var(0) > 1e-12, 0),
            entry(f"beta {beta:g}, KL", said[1], kl, 1e-11),
            entry(f"beta {beta:g}, Var E[z|x]", said[2], mean.var(0), 1e-11),
        ]
    return Report("vae/oracles/active-units", entries)


@claim("vae/oracles/rate-distortion", kind="identity", source="Cover and Thomas, chapter 10; Alemi et al. 2018")
def rate_distortion(rng):
    """The curve: the optimum at weight beta lies on it, and its slope there is -1/(2 beta s2)."""
    X, entries = spread(rng), []
    eigenvalues = linear_gaussian.principal(X)[0]
    for beta, model, mean, logvar in optima(X):
        residual = np.sum((X - model.b - mean @ model.W.T) ** 2, -1) + np.exp(logvar) @ np.sum(model.W**2, 0)
        rate, distortion = linear_gaussian.rate_distortion(eigenvalues, beta * S2)
        by_level = [derivative(lambda v, i=i: float(linear_gaussian.rate_distortion(eigenvalues, v[0])[i]),
                               np.array([beta * S2])) for i in (0, 1)]  # fmt: skip
        (d_rate, rate_bar), (d_distortion, distortion_bar) = ((v[0], bar[0]) for v, bar in by_level)
        slope = d_rate / d_distortion
        entries += [
            entry(f"beta {beta:g}, rate", rate, kl_normal(mean, np.exp(logvar), 0.0, 1.0).sum(1).mean(), 1e-11),
            entry(f"beta {beta:g}, distortion", distortion, residual.mean(), 1e-11),
            entry(f"beta {beta:g}, slope", slope, -0.5 / (beta * S2),
                  abs(slope) * (abs(rate_bar / d_rate) + abs(distortion_bar / d_distortion)) + 1e-12),
        ]  # fmt: skip
    return Report("vae/oracles/rate-distortion", entries)


@claim("vae/oracles/quadrature", kind="identity", source="tinygen/oracles/quadrature.py")
def by_quadrature(rng):
    """Evidence and posterior mean of a decoder that is not linear, against another rule, on another grid."""
    a, x, s2 = rng.normal(size=2), rng.normal(), 0.5
    f = lambda z: np.sin(2 * a[0] * z) + a[1] * z
    found = quadrature.evidence(lambda z: log_normal(x, f(z[:, 0]), s2)[None], 1, points=801)
    joint = lambda z: np.exp(log_normal(x, f(z), s2) + log_normal(z, 0.0, 1.0))
    mass = integrate(joint, 0.1, 1.0, points=257)
    mean = integrate(lambda z: z * joint(z), 0.1, 1.0, points=257) / mass
    compared = [
        entry("log evidence", found.log_evidence, np.log(mass), 1e-10),
        entry("posterior mean", found.mean, mean, 1e-9),
    ]
    return Report("vae/oracles/quadrature", compared)


@claim("vae/oracles/discrete", kind="identity", source="tinygen/oracles/discrete.py")
def discrete(rng):
    """A latent with five values: evidence, the gap that is a KL, gradient by the logits, and the score's moments."""
    model, table, logits = DiscreteLatent(rng.random(5) + 0.1), 2 * rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    joint, q = np.exp(model.log_prior) * np.exp(table), np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    posterior = joint / joint.sum(1, keepdims=True)
    bound = lambda l: np.sum(tg.softmax(l) * (np.log(joint) - tg.log_softmax(l)))
    f = table[0]
    mean, cov = score_function_moments(f, q[0])
    draws = [f[z] * ((np.arange(5) == z) - q[0]) for z in range(5)]
    second = sum(p * np.outer(d, d) for p, d in zip(q[0], draws))
    exact = tg.grad(lambda l: np.sum(tg.softmax(l) * f))(logits[0])
    return Report(
        "vae/oracles/discrete",
        [
            entry("evidence", model.log_evidence(table), np.log(joint.sum(1)), 1e-12),
            entry("posterior", model.posterior(table), posterior, 1e-12),
            entry("gap", model.log_evidence(table) - model.elbo(table, q), (q * np.log(q / posterior)).sum(1), 1e-12),
            entry("gradient", model.elbo_grad_logits(table, q), tg.grad(bound)(logits), 1e-12),
            entry("score, mean", mean, exact, 1e-12),
            entry("score, covariance", cov, second - np.outer(exact, exact), 1e-12),
        ],
    )


@claim("vae/oracles/gradients", kind="identity", source="tinygen/oracles/quadratic.py")
def moments(rng):
    """Means and variances of three gradient estimators, against Gauss-Hermite over their noise (exact)."""
    (m, c), (s, L) = rng.normal(size=2), rng.uniform(0.4, 2.0, 2)
    eps, weights = quadrature.gauss_hermite(1, 9)
    e = eps[:, 0]
    z = m + s * e
    path = -L * (z - c) + e / s
    laws = {
        "reparameterised": (quadratic.reparameterised(m, s, c), (2 * (z - c), 2 * (z - c) * e)),
        "score": (quadratic.score_function(m, s, c), ((z - c) ** 2 * e / s, (z - c) ** 2 * (e**2 - 1) / s)),
        "landing": (quadratic.sticking_the_landing(m, s, c, L), (path, path * e)),
    }
    entries = []
    for name, (said, draws) in laws.items():
        mean = np.stack(draws) @ weights
        var = (np.stack(draws) - mean[:, None]) ** 2 @ weights
        entries += [entry(f"{name}, mean", said.mean, mean, 1e-11 * (1 + np.abs(mean).max())),
                    entry(f"{name}, variance", said.var, var, 1e-11 * (1 + var.max()))]  # fmt: skip
    return Report("vae/oracles/gradients", entries)


@claim("vae/oracles/baselines", kind="identity", source=DIGITS)
def baselines(rng):
    """The densities that the digits are measured by: over all images of 4 pixels in 3 greys each sums to 1."""
    every, X = np.array(list(itertools.product(range(3), repeat=4))), rng.integers(3, size=(40, 4))
    X[:, 1:3] = np.where(rng.random((40, 2)) < 0.7, X[:, :1], X[:, 1:3])
    models = {
        "uniform": categorical.uniform(every, 3),
        "independent pixels": categorical.IndependentPixels(X, 3).log_prob(every),
        "mixture": categorical.Mixture(X, 3, 3, steps=5).log_prob(every),
        "Chow-Liu tree": categorical.ChowLiu(X, 3, prior=2.0).log_prob(every),
    }
    return Report("vae/oracles/baselines", [entry(name, np.exp(p).sum(), 1.0, 1e-12) for name, p in models.items()])
