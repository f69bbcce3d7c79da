"""Flows, claimed to be right: layers and the estimator, there and back, ln |det| against the Jacobian's own
determinant, densities against their integrals; and what is said of the best that a flow can be."""

import numpy as np
from scipy.special import logsumexp, ndtr

import tinygen as tg
from tinygen import byhand
from tinygen.autodiff import tree
from tinygen.check.registry import claim
from tinygen.check.report import Report
from tinygen.derivations.densities import entry, kl_normal, log_normal
from tinygen.measure.numeric import directional
from tinygen.measure.rounding import integrate
from tinygen.models import Flow
from tinygen.models.flow import affine, continuous, layers, one_page, planar, radial, spline
from tinygen.oracles import flow_optimum

LAYERS = {  # name: (map, inverse, ln |det|), each a function of z and the layer's own arguments
    "diagonal": (affine.scale, affine.scale_inverse, lambda z, s, t: np.sum(s, axis=-1)),
    "affine": (affine.affine, affine.affine_inverse, lambda z, A, c: affine.affine_log_det(A)),
    "lu": (affine.lu, affine.lu_inverse, lambda z, L, U, c: affine.lu_log_det(U)),
    "planar": (planar.planar, planar.planar_inverse, planar.planar_log_det),
    "radial": (radial.radial, radial.radial_inverse, radial.radial_log_det),
}


def example_of(layer):
    """The function that draws arguments of a layer, z first, as it was given where the layer was made."""
    return next(made.example for made in byhand.MADE.values() if made.function is layer)


def _claim_layer(name, layer, inverse, log_det):
    @claim(f"flow/layers/{name}", kind="identity", source="tinygen/models/flow")
    def run(rng):
        z, *own = example_of(layer)(rng).values()
        found = []
        for i, at in enumerate(z):
            row = [a[i] for a in own]
            found.append(np.linalg.slogdet(tg.jacobian(lambda z, row=row: layer(z, *row))(at))[1])
        return Report(
            f"flow/layers/{name}",
            [
                entry("there and back", inverse(layer(z, *own), *own), z, 1e-10),
                entry("ln |det| of the Jacobian", log_det(z, *own), np.array(found), 1e-11),
            ],
        )


for _name, _functions in LAYERS.items():
    _claim_layer(_name, *_functions)


@claim("flow/layers/spline", kind="identity", source="tinygen/models/flow/spline.py; Durkan et al. 2019")
def whole_curve(rng):
    """A curve of random knots: back again, ln of its numeric slope, and the identity outside."""
    made = spline.knots(2 * rng.normal(size=(3, 5, 23)), 3.0)
    x = np.concatenate([rng.uniform(-3, 3, size=(2, 5)), rng.choice([-4.0, 5.0], size=(1, 5))])
    y, log_slope = spline.curve(x, made)
    back, back_slope = spline.curve_inverse(y, made)
    slope = tg.grad(lambda x: np.sum(spline.curve(x, made)[0]))(x)
    return Report(
        "flow/layers/spline",
        [
            entry("there and back", back, x, 1e-10),
            entry("logarithm of the slope", log_slope, np.log(slope), 1e-10),
            entry("the inverse's", back_slope, -log_slope, 1e-9),
            entry("outside", y[-1], x[-1], 0),
        ],
    )


def central(f, x, h):
    """df/dx by differences of fourth order, and what another step changes, as a bar. f takes many rows x at once."""
    at = [f(x + step * h) for step in (-1, -0.5, 0.5, 1)]
    fine, coarse = (at[2] - at[1]) / h, (at[3] - at[0]) / (2 * h)
    better = (4 * fine - coarse) / 3
    return better, np.abs(better - fine)


NETS = {
    "coupling": layers.Coupling((7,)),
    "spline-coupling": layers.Coupling((7,), layers.Spline(5), flip=True),
    "autoregressive": layers.Autoregressive((7,)),
    "inverse-autoregressive": layers.Autoregressive((7,), swap=True),
    "continuous": continuous.Continuous((5,), steps=12),
}


def _claim_net(name, layer):
    @claim(f"flow/layers/{name}", kind="identity", source="tinygen/models/flow")
    def run(rng):
        """Two layers with a permutation between, any numbers, three columns, labels."""
        stack = [layer, layers.Permutation((2, 0, 1)), layer]
        vector, back = tree.ravel(one_page.init(stack, rng, 3, 2, np.float64))
        params, x, c = back(vector + 0.3 * rng.normal(size=vector.shape)), rng.normal(size=(2, 3)), np.eye(2)
        z, log_det = one_page.forward(stack, params, x, c)
        again, log_det_back = one_page.inverse(stack, params, z, c)
        alone = lambda row, label: one_page.forward(stack, params, row[None], label[None])[0][0]
        found = [np.linalg.slogdet(tg.jacobian(alone)(row, label))[1] for row, label in zip(x, c)]
        bar = 1e-5 if isinstance(layer, continuous.Continuous) else 1e-10  # its solver's error
        return Report(
            f"flow/layers/{name}",
            [
                entry("there and back", again, x, bar),
                entry("ln |det| of the Jacobian", log_det, np.array(found), bar),
                entry("the inverse's", log_det_back, -log_det, 10 * bar),
            ],
        )


for _name, _layer in NETS.items():
    _claim_net(_name, _layer)


# The estimator ------------------------------------------------------------------------------------------------------


def fitted(rng, X, y=None, layers="spline", **options):
    """A small flow after a few steps, far from the identity and from the data."""
    options = dict(hidden=(8,), depth=2, bins=4, max_steps=30, learning_rate=0.01, validation_fraction=0) | options
    return Flow(layers, **options, random_state=int(rng.integers(2**31)), progress=False).fit(X, y)


def columns(rng, n, D):
    """Rows whose columns are correlated, of other scales, and away from 0."""
    return np.array([30.0, 0.02, 1.0])[:D] * (rng.normal(size=(n, D)) @ rng.normal(size=(D, D)) + 2)


@claim("flow/estimator/both-ways", kind="identity", source="tinygen/models/flow/estimator.py")
def both_ways(rng):
    """Data to noise and back; the score is log N(z) and ln |det| of the numeric Jacobian of `transform`."""
    X = columns(rng, 100, 3)
    model, sd = fitted(rng, X, scaling="whiten"), X.std(0)
    Z = model.transform(X)
    along = lambda e: central(lambda t: model.transform((X[7] + t * e)[None])[0], 0.0, 1e-3)
    J, bar = (np.stack(part) for part in zip(*map(along, np.diag(sd))))  # by units of sd
    expected = log_normal(Z[7], 0.0, 1.0).sum() + np.linalg.slogdet(J)[1] - np.sum(np.log(sd))
    off = np.sum(np.abs(np.linalg.inv(J).T) * bar) + 1e-9  # d ln |det J| = tr J^-1 dJ
    return Report(
        "flow/estimator/both-ways",
        [
            entry("back again", model.inverse_transform(Z) / sd, X / sd, 1e-8),
            entry("score", model.score_samples(X[7:8]), expected, off),
        ],
    )


@claim("flow/estimator/density", kind="identity", source="tinygen/models/flow/estimator.py")
def density(rng):
    """exp(score) integrates to 1 in the data's units; with labels, that without them is the mixture."""
    X, y = columns(rng, 120, 2), np.arange(120) % 2
    model = fitted(rng, X, y)
    line = np.linspace(-9, 9, 151)
    grid = X.mean(0) + X.std(0) * np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    each = np.stack([model.score_samples(grid, np.full(len(grid), label)) for label in range(2)])
    mass = np.exp(each).sum(1) * np.prod(X.std(0)) * (line[1] - line[0]) ** 2
    mixture = logsumexp(each[:, :500], axis=0) - np.log(2)
    return Report(
        "flow/estimator/density",
        [
            entry("integral, for each label", mass, 1.0, 1e-3),  # a spline's slope has kinks
            entry("the mixture's", model.score_samples(grid[:500]), mixture, 1e-10),
        ],
    )


@claim("flow/estimator/whole-values", kind="identity", source="Theis et al. 2016; tinygen/models/flow/dequantise.py")
def whole_values(rng):
    """The bound and the probability of values on a grid, for a flow of which both are integrals over the line: one
    scale and shift a column. P(i) is the normal's mass between the images of the two ends of the bin of i."""
    L, alpha, draws = 5, 0.05, 2048
    X = rng.integers(0, L, size=(60, 2)) / (L - 1)
    model = fitted(rng, X, layers=[layers.Diagonal()], levels=L, alpha=alpha, score_draws=draws)
    own, to = model.params_[0], model.scaling_

    def image(v):
        """z of v in [0, 1], both columns, and ln dz/dv."""
        a = alpha + (1 - 2 * alpha) * v
        slope = np.log(1 - 2 * alpha) - np.log(a) - np.log(1 - a) + own["s"] - np.log(to.scale)
        return (np.log(a / (1 - a)) - to.mean) / to.scale * np.exp(own["s"]) + own["t"], slope

    i = np.round(X[:9] * (L - 1))
    P = np.log(ndtr(image((i + 1) / L)[0]) - ndtr(image(i / L)[0])).sum(1)
    node, weight = np.polynomial.legendre.leggauss(40)
    z, slope = image((i[:, :, None] + 0.5 * (node + 1)).swapaxes(1, 2) / L)  # (9, 40, 2)
    bound = np.sum(0.5 * weight[:, None] * (log_normal(z, 0.0, 1.0) + slope - np.log(L)), axis=(1, 2))
    entries = []
    for name, expected in (("elbo", bound), ("iwae", P)):
        model.bound = name
        score, error = model.score_samples(X[:9], return_error=True)
        entries.append(entry(f"{name}, in standard errors", (score - expected) / (error + error**2), 0.0, 6.0))
    return Report("flow/estimator/whole-values", [*entries, entry("P above the bound", np.min(P - bound) > 0, 1, 0)])


# What a flow can be at best -----------------------------------------------------------------------------------------


@claim("flow/oracles/gaussians", kind="identity", source="Bishop 2006, section 2.3.4; tinygen/oracles/flow_optimum.py")
def gaussians(rng):
    """The affine optimum has no slope; columns regressed one after another are the same Gaussian, in any order."""
    X = rng.normal(size=(20, 3)) @ rng.normal(size=(3, 3)) + 1
    best, S, off = flow_optimum.affine_optimum(X), np.cov(X.T, bias=True), X - X.mean(0)

    def nll(mean, L):
        return -log_normal(np.linalg.solve(L, (X - mean).T), 0.0, 1.0).sum(0).mean() + np.linalg.slogdet(L)[1]

    entries = [entry("NLL", best.nll, nll(best.mean, best.L), 1e-11)]
    for _ in range(3):
        dm, dL = rng.normal(size=3), np.tril(rng.normal(size=(3, 3)))
        f = lambda t, dm=dm, dL=dL: nll(best.mean + t[0] * dm, best.L + t[0] * dL)
        slope, bar = directional(f, np.zeros(1), np.ones(1))
        entries.append(entry("slope", slope, 0.0, float(bar) + 1e-12))
    diagonal = -log_normal(X, X.mean(0), X.var(0)).sum(1).mean()
    entries.append(entry("diagonal", flow_optimum.diagonal_gap(S), diagonal - best.nll, 1e-11))
    order = rng.permutation(3)
    steps, total = flow_optimum.sequential_regression(S, order)
    fit, left, _, _ = np.linalg.lstsq(off[:, order[:2]], off[:, order[2]])
    entries.append(entry("coefficients of the last column", steps[2][0], fit, 1e-9))
    entries.append(entry("what it leaves", steps[2][1], left / 20, 1e-10))
    entries.append(entry("NLL in some order", total, best.nll, 1e-11))
    return Report("flow/oracles/gaussians", entries)


@claim("flow/oracles/floors", kind="identity", source="tinygen/oracles/flow_optimum.py")
def floors(rng):
    """What a flow that keeps volume, and one affine coupling, leave of a density."""
    L = np.tril(rng.normal(size=(2, 2)), -1) + np.diag(rng.uniform(0.6, 1.5, 2))
    S = L @ L.T
    unit = L / np.sqrt(np.linalg.det(L))
    Q = np.linalg.qr(rng.normal(size=(2, 2)))[0]

    def kl(t):
        """KL(N(0, S) || N(0, C)) of a C of determinant 1, some way from S / |S|^(1/2)."""
        C = unit @ Q @ np.diag(np.exp([t[0], -t[0]])) @ Q.T @ unit.T
        return 0.5 * (np.trace(np.linalg.solve(C, S)) - 2 - np.linalg.slogdet(S)[1])

    slope, bar = directional(kl, np.zeros(1), np.ones(1))
    var_b, m = rng.uniform(0.2, 0.5), rng.uniform(0.8, 1.5)  # b|a: two normals beside a, a normal
    log_b = lambda b: np.logaddexp(log_normal(b, -m, var_b), log_normal(b, m, var_b)) - np.log(2)
    entropy = -integrate(lambda b: np.exp(log_b(b)) * log_b(b), 0.0, 0.5, points=257)
    line = np.linspace(-9, 9, 721)
    found = flow_optimum.coupling_floor(lambda a, b: log_normal(a, 1.0, S[0, 0]) + log_b(b - 0.5 * a), line, line)
    left = 0.5 * np.log(2 * np.pi * np.e * (var_b + m**2)) - entropy
    return Report(
        "flow/oracles/floors",
        [
            entry("volume", flow_optimum.volume_preserving_gap(S), kl([0.0]), 1e-11),
            entry("volume, slope", slope, 0.0, float(bar) + 1e-12),
            entry("coupling of a Gaussian", flow_optimum.coupling_gap(S), kl_normal(0.0, S[0, 0], 0.0, 1.0), 1e-12),
            entry("coupling", np.array(found), left, 1e-6),
        ],
    )


@claim("flow/oracles/rising-map", kind="identity", source="tinygen/oracles/flow_optimum.py")
def rising(rng):
    """Mass below x is the normal's below z, and the slope is that of x as a function of z."""
    sd, z = rng.uniform(0.6, 1.0), rng.uniform(-2, 2, 5)
    cdf = lambda x: 0.5 * (ndtr((x + 2) / sd) + ndtr((x - 2) / sd))
    p = lambda x: 0.5 * (np.exp(log_normal(x, -2, sd**2)) + np.exp(log_normal(x, 2, sd**2)))
    x, slope = flow_optimum.rising_map(z, cdf, p, -30.0, 30.0)
    expected, bar = central(lambda z: flow_optimum.rising_map(z, cdf, p, -30.0, 30.0)[0], z, 1e-3)
    compared = [entry("mass", cdf(x), ndtr(z), 1e-12), entry("slope", (slope - expected) / (bar + 1e-9), 0.0, 1.0)]
    return Report("flow/oracles/rising-map", compared)


@claim("flow/oracles/whole-values", kind="identity", source="Theis et al. 2016; tinygen/oracles/flow_optimum.py")
def whole_values_of_a_normal(rng):
    """The mass of a bin, and the bounds on its logarithm by one draw and by two, each by another rule."""
    mean, var, x = rng.normal(), rng.uniform(0.3, 2.0), int(rng.integers(-2, 3))
    u = (np.arange(600) + 0.5) / 600  # midpoints
    log_p = log_normal(x + u, mean, var)
    pairs = np.logaddexp(log_p[:, None], log_p) - np.log(2)
    expected = [np.log(np.exp(log_p).mean()), log_p.mean(), pairs.mean()]
    return Report(
        "flow/oracles/whole-values",
        [entry("exact, bound, two draws", np.array(flow_optimum.dequantised_normal(x, mean, var)), expected, 1e-6)],
    )
