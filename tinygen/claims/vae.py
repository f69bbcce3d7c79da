"""The VAE's functions, claimed to be right: bounds, gradient estimates, likelihoods, diagnosis, each by an oracle."""

import itertools

import numpy as np

import tinygen as tg
from tinygen.autodiff import tree
from tinygen.check.registry import claim
from tinygen.check.report import Report
from tinygen.derivations.densities import entry, log_normal
from tinygen.measure.numeric import derivative
from tinygen.models.vae import bounds, decoders, one_page, posteriors, priors
from tinygen.models.vae.diagnose import diagnose
from tinygen.oracles.linear_gaussian import LinearGaussian
from tinygen.oracles.quadrature import gauss_hermite

CHAIN = "notes, chapter 17, the last line of the chain"
S2 = 0.4
NETS = dict(decoder=decoders.Gaussian(S2))


def linear_vae(rng, family="diagonal", n=3, D=3, k=2):
    """An oracle, and a VAE without hidden layers that has its decoder and any linear encoder."""
    model = LinearGaussian(rng.normal(size=(D, k)), rng.normal(size=D), S2)
    params = one_page.init(rng, D, k, hidden=(), posterior=family, dtype=np.float64, **NETS)
    layer = params["encoder"][0]
    layer["W"], layer["b"] = 0.3 * layer["W"], 0.3 * rng.normal(size=layer["b"].shape)
    params["decoder"][0] = {"W": model.W.T.copy(), "b": model.b.copy()}
    return model, params, model.sample(n, rng)[0]


def landed(model, params):
    """The same VAE with the exact posterior as its (Cholesky) q."""
    _, cov = model.posterior(np.zeros((1, len(model.b))))
    L, gain = np.linalg.cholesky(cov), cov @ model.W.T / model.s2
    shape = np.concatenate([2 * np.log(np.diag(L)), L[np.tril_indices(len(L), -1)]])
    W = np.hstack([gain.T, np.zeros((len(model.b), len(shape)))])
    return {**params, "encoder": [{"W": W, "b": np.concatenate([-gain @ model.b, shape])}]}


def landed_by_a_flow(model, params):
    """The same, with an affine layer that moves N(0, I)."""
    mean, cov = model.posterior(np.zeros((1, len(model.b))))
    gain, k = cov @ model.W.T / model.s2, len(cov)
    W = np.hstack([np.zeros((len(model.b), 2 * k)), gain.T, np.zeros((len(model.b), k * k))])
    own = (np.linalg.cholesky(cov) - np.eye(k)).ravel()
    return {**params, "encoder": [{"W": W, "b": np.concatenate([np.zeros(2 * k), mean[0], own])}]}


def noise(n, k, points):
    """Noise (S, n, k), the same for all rows, and weights (S,): a weighted sum over S is the expectation."""
    eps, weights = gauss_hermite(k, points)
    return np.broadcast_to(eps[:, None], (len(eps), n, k)), weights


@claim("vae/models/bound", kind="identity", source=CHAIN)
def bound(rng):
    """The bound of each Gaussian family of q, exact KL or estimated at the draw, is the linear model's."""
    entries, diagonal = [], posteriors.Diagonal(exact_kl=False)
    for name, family in {**posteriors.POSTERIORS, "diagonal, by draws": diagonal}.items():
        if isinstance(family, posteriors.Moved):  # no Gaussian
            continue
        model, params, x = linear_vae(rng, family)
        q = one_page.encode(params, x, posterior=family)
        mean = family.sample(q, np.zeros((3, 2)))
        L = np.stack([family.sample(q, np.broadcast_to(e, (3, 2))) - mean for e in np.eye(2)], -1)
        reconstruction, kl = model.elbo_terms(x, mean, L @ np.swapaxes(L, 1, 2))
        eps, weights = noise(3, 2, 3)
        terms = one_page.elbo_terms(params, x, eps, posterior=family, **NETS)
        found = terms["kl"] if terms["kl"].ndim == 1 else weights @ terms["kl"]
        entries.append(entry(f"{name}, reconstruction", weights @ terms["reconstruction"], reconstruction, 1e-10))
        entries.append(entry(f"{name}, KL", found, kl, 1e-10))
    return Report("vae/models/bound", entries)


@claim("vae/models/tight", kind="identity", source="notes, chapter 17: the bound is tight at the posterior")
def tight(rng):
    """With the posterior as q every importance weight is p(x), and the path's gradient by q is 0 for each draw."""
    model, params, x = linear_vae(rng, "cholesky")
    params, eps = landed(model, params), rng.normal(size=(5, 3, 2))
    log_w = bounds.log_weights(params, x, eps, posterior="cholesky", **NETS)
    by_flow = bounds.log_weights(landed_by_a_flow(model, params), x, eps, posterior="affine", **NETS)
    entries = [
        entry("log weights", log_w, model.log_evidence(x), 1e-10),
        entry("log weights, by an affine flow", by_flow, model.log_evidence(x), 1e-10),
        entry("L_5", bounds.iwae(log_w), model.log_evidence(x), 1e-10),
    ]
    for name in ("stl", "dreg"):
        f = lambda p, name=name: bounds.iwae_loss(p, x, eps, gradient=name, posterior="cholesky", **NETS)[0]
        entries.append(entry(f"gradient, {name}", tree.ravel(tg.grad(f)(params)["encoder"])[0], 0.0, 1e-10))
    return Report("vae/models/tight", entries)


ESTIMATES = {
    "reparameterised": lambda p, x, e: one_page.loss(p, x, e, **NETS)[0],
    "KL at the draw": lambda p, x, e: bounds.iwae_loss(p, x, e[None], **NETS)[0],
    "sticking the landing": lambda p, x, e: bounds.iwae_loss(p, x, e[None], gradient="stl", **NETS)[0],
    "doubly reparameterised": lambda p, x, e: bounds.iwae_loss(p, x, e[None], gradient="dreg", **NETS)[0],
    "score function": lambda p, x, e: bounds.score_function_loss(p, x, e, **NETS)[0],
    "score with baseline": lambda p, x, e: bounds.score_function_loss(p, x, e, baseline=-5.0, **NETS)[0],
}


@claim("vae/models/gradients", kind="estimator", source="notes, chapter 17: 'fix a unit normal source of randomness'")
def gradients(rng):
    """The mean of each gradient estimate over its noise is the numeric derivative of the bound in closed form."""
    _, params, x = linear_vae(rng, n=1, D=2, k=1)
    vector, rebuild = tree.ravel(params)

    def closed_form(v):
        p = rebuild(v)
        moved = LinearGaussian(p["decoder"][0]["W"].T, p["decoder"][0]["b"], S2)
        mean, logvar = np.hsplit(x @ p["encoder"][0]["W"] + p["encoder"][0]["b"], 2)
        return -moved.elbo_diagonal(x, mean, logvar).mean()

    expected, bar = derivative(closed_form, vector)
    eps, weights = noise(1, 1, 4)
    entries = []
    for name, surrogate in ESTIMATES.items():
        draws = [tree.ravel(tg.grad(lambda p, e=e, f=surrogate: f(p, x, e))(params))[0] for e in eps]
        entries.append(entry(name, weights @ np.array(draws), expected, float(bar.max()) + 1e-10))
    return Report("vae/models/gradients", entries)


@claim("vae/models/importance", kind="identity", source="Burda, Grosse and Salakhutdinov 2016")
def importance(rng):
    """E w = p(x), and the mean of L_2 over its two draws grows from L_1 towards it as the same integral says."""
    model, params, x = linear_vae(rng, n=1, D=1, k=1)
    precision = model.precision()
    gain = (model.W[:, 0] / S2 / precision[0, 0])[:, None]
    spread_q = np.log(1.3 / precision[0, 0])  # wider than the posterior: the weights are bounded
    params["encoder"] = [{"W": np.hstack([gain, 0 * gain]), "b": np.concatenate([-gain[0] * model.b, [spread_q]])}]
    node = np.linspace(-9, 9, 401)
    weight = np.exp(log_normal(node, 0.0, 1.0)) * (node[1] - node[0])
    log_w = bounds.log_weights(params, x, node[:, None, None], **NETS)[:, 0]
    pairs = np.stack(np.broadcast_arrays(log_w[:, None], log_w[None, :])).reshape(2, -1)
    first, second = weight @ log_w, weight @ bounds.iwae(pairs).reshape(401, 401) @ weight
    mean, logvar = one_page.encode(params, x)
    by_hand = np.logaddexp(log_w[:, None], log_w) - np.log(2)
    entries = [
        entry("E w", np.log(weight @ np.exp(log_w)), model.log_evidence(x), 1e-9),
        entry("L_1", first, model.elbo_diagonal(x, mean, logvar), 1e-9),
        entry("L_2", second, weight @ by_hand @ weight, 1e-9),
        entry("L_1 < L_2 < log p(x)", first < second < model.log_evidence(x)[0], 1, 0),
    ]
    return Report("vae/models/importance", entries)


@claim("vae/models/likelihoods", kind="identity", source="tinygen/models/vae/likelihoods.py")
def likelihoods(rng):
    """Each discrete likelihood sums to 1 over all images, its end bins included; its mean is the sum's."""
    entries = []
    for decoder in (decoders.Bernoulli(), decoders.Categorical(5), decoders.Logistic(5)):
        grid = np.linspace(0, 1, getattr(decoder, "levels", 2))
        images = np.array(list(itertools.product(grid, repeat=3)))
        out = 2 * rng.normal(size=decoder.init(3)[0])
        p = np.exp(decoder.log_prob({}, images, np.broadcast_to(out, (len(images), len(out)))))
        name = type(decoder).__name__
        entries.append(entry(f"{name}, sum", p.sum(), 1.0, 1e-12))
        entries.append(entry(f"{name}, mean", decoder.mean({}, out), p @ images, 1e-12))
    own = {"logvar": rng.normal(size=3)}
    x, out = rng.normal(size=(2, 4, 3))
    said = decoders.Gaussian("pixel").log_prob(own, x, out)
    entries.append(entry("Gaussian", said, log_normal(x, out, np.exp(own["logvar"])).sum(-1), 1e-12))
    return Report("vae/models/likelihoods", entries)


@claim("vae/models/posteriors", kind="identity", source="tinygen/models/vae/posteriors.py; Rezende and Mohamed 2015")
def families(rng):
    """The density of a draw is that of its noise over the Jacobian of the path, for each family of q."""
    entries = []
    for name, family in posteriors.POSTERIORS.items():
        out, eps = rng.normal(size=(1, family.outputs(3))), rng.normal(size=(1, 3))
        z, log_q = family.draw(family.split(out), eps)
        J = tg.jacobian(lambda e, family=family, out=out: family.sample(family.split(out[0]), e))(eps[0])
        expected = log_normal(eps, 0.0, 1.0).sum(-1) - np.log(abs(np.linalg.det(J)))
        entries.append(entry(name, log_q, expected, 1e-10))
        if family.log_density:
            entries.append(entry(f"{name}, at that point", family.log_density(family.split(out), z), log_q, 1e-9))
    return Report("vae/models/posteriors", entries)


@claim("vae/models/priors", kind="identity", source="tinygen/models/vae/priors.py; Sohn et al. 2015")
def learned_priors(rng):
    """A learned p(z|c), one Gaussian or a mixture: its density is the sum over its parts, and integrates to 1."""
    entries, c = [], np.eye(2)[[1]]
    z = np.linspace(-40, 40, 8001)[:, None, None]
    for components in (1, 3):
        own = {name: a + rng.normal(size=a.shape) for name, a in priors.init(rng, 2, 1, components, np.float64).items()}
        found = np.exp(priors.log_density(priors.prior(own, c), z))[:, 0]
        share = np.exp(own["share"][1]) if components > 1 else np.ones(1)
        parts = np.exp(log_normal(z[:, 0], own["mean"][1], np.exp(own["logvar"][1])))  # (m, components)
        entries.append(entry(f"{components}, density", found, parts @ (share / share.sum()), 1e-12))
        entries.append(entry(f"{components}, integral", found.sum() * 0.01, 1.0, 1e-9))
    return Report("vae/models/priors", entries)


@claim("vae/models/diagnosis", kind="identity", source="Cremer, Li and Duvenaud 2018; tinygen/models/vae/diagnose.py")
def diagnosis(rng):
    """What diagnose finds on a linear VAE: rate, and both parts of the gap, are the closed forms."""
    model, params, x = linear_vae(rng, n=7, D=3, k=1)
    found = diagnose(params, x, decoder=NETS["decoder"], posterior=posteriors.Diagonal(), gap_rows=7)
    mean, logvar = one_page.encode(params, x)
    best, reached = model.log_evidence(x) - model.diagonal_gap(), model.elbo_diagonal(x, mean, logvar)
    kl = model.elbo_terms(x, mean, np.exp(logvar)[..., None])[1].mean()
    entries = [
        entry("rate", found.rate, kl, 1e-11),
        entry("KL of each latent", found.latent_kl.sum(), kl, 1e-11),
        entry("approximation gap", found.approximation_gap[0], model.diagonal_gap(), 1e-5),
        entry("amortisation gap", found.amortisation_gap[0], np.mean(best - reached), 1e-5),
    ]
    return Report("vae/models/diagnosis", entries)
