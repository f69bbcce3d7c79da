"""Mistakes of public flows, planted into ours: a test sees each, and check_grad names those that are of gradients.

The prior of the labels left out of a mixture over them is seen by test_estimator.py (test_labels); a probe that is
drawn anew within a solve by the variance in test_layers.py (test_hutchinsons_variance). What the claims about flows see
is planted in tests/claims/test_flow.py: log dets overwritten or summed over the batch, knots of one axis for those of
the other, tails forgotten, 16 values for 17, ln(1 - 2 alpha) lost, noise on half a bin.
"""

import numpy as np
import pytest

import tinygen as tg
from tinygen import gaussian
from tinygen.check import check_grad
from tinygen.models.flow import affine, dequantise, layers, one_page, planar, spline
from tinygen.models.flow.continuous import solve
from tinygen.models.vae import posteriors

RNG = np.random.default_rng(0)
S, T = np.array([0.4, -0.3, 0.7, 0.1, -0.6]), np.array([0.2, -1.0, 0.3, 0.5, 0.9])
X = RNG.standard_normal((7, 5))


def loss(s, s2, x=X):
    """The loss of two diagonal layers, by term: what every gradient of this file is a gradient of."""
    z = affine.scale(affine.scale(x, s, T), s2, -T)
    return {
        "noise": -np.sum(gaussian.log_density(z, 0.0, 0.0)) / len(x),
        "log det of the first layer": -np.sum(s),
        "log det of the second layer": -np.sum(s2),
    }


def told(*wrong, of=loss, at=(S, S - 0.2)):
    """check_grad's report on the gradient of a wrong loss."""
    total = lambda terms: sum(terms.values())
    report = check_grad(of, tg.grad(lambda *a: total(wrong[0](*a)), argnums=tuple(range(len(at)))), *at)
    assert report.verdict == "FAIL" and report.mistakes
    return report.mistakes[0].sentence


def spoilt(name, factor):
    return lambda *a: {term: value * (factor if name in term else 1) for term, value in loss(*a).items()}


def test_log_det_of_the_inverse_not_negated(monkeypatch):
    wrong = lambda self, numbers, z, c=None: (affine.scale_inverse(z, numbers["s"], numbers["t"]), np.sum(numbers["s"]))
    stack, params = [layers.Diagonal()], [{"s": S, "t": T}]
    z, log_det = one_page.forward(stack, params, X)
    assert np.allclose(one_page.inverse(stack, params, z)[1], -log_det)
    monkeypatch.setattr(layers.Diagonal, "inverse", wrong)
    assert not np.allclose(one_page.inverse(stack, params, z)[1], -log_det)
    assert "log det" in told(spoilt("log det", -1))


def test_log_dets_overwritten():
    sentence = told(spoilt("first layer", 0))
    assert "log det of the first layer" in sentence


def test_log_dets_summed_over_the_batch():
    stack, params = [layers.LU()], one_page.init([layers.LU()], RNG, 5, dtype=np.float64)
    assert one_page.forward(stack, params, X)[1].shape == (7,)  # sum() would give ()
    batch = lambda *a: {name: value * (7 if "log det" in name else 1) for name, value in loss(*a).items()}
    assert "log det" in told(batch)
    single = [one_page.log_density(stack, params, row[None]) for row in X]
    np.testing.assert_allclose(np.concatenate(single), one_page.log_density(stack, params, X))
    assert one_page.log_density(stack, params, X[0]).shape == ()  # (D,) is one row, not D of them


def test_columns_split_by_strides_and_joined_by_concatenation():
    stack = [layers.Coupling((4,)), layers.Coupling((4,), flip=True)]
    params = one_page.init(stack, RNG, 5, dtype=np.float64)
    for net in params:
        net[-1]["W"] = RNG.standard_normal(net[-1]["W"].shape)

    def wrong(x, net, way):
        a, b = x[:, ::2], x[:, 1::2]
        raw = one_page.conditioner(net, a).reshape(*a.shape[:1], -1, 2)[:, : b.shape[1]]
        return np.concatenate([a, getattr(one_page.Scale(), way)(raw, b)[0]], axis=1)

    net = one_page.init([layers.Coupling((4,))], RNG, 5, dtype=np.float64)[0]
    net[0] = {"W": RNG.standard_normal((3, 4)), "b": np.zeros(4)}
    net[-1]["W"] = RNG.standard_normal(net[-1]["W"].shape)
    assert not np.allclose(wrong(wrong(X, net, "forward"), net, "inverse"), X)
    z, _ = one_page.forward(stack, params, X)
    np.testing.assert_allclose(one_page.inverse(stack, params, z)[0], X, atol=1e-9)


def test_prior_at_z0():
    """With a flow posterior: the term of the loss has another derivative, and "log p(x)" differs from draw to draw."""
    eps = RNG.standard_normal((7, 5))

    def bound(s, t, prior_at_start=False):
        z = affine.scale(eps, s, t)
        prior = gaussian.log_density(eps if prior_at_start else z, 0.0, 0.0)
        return {"prior": -np.sum(prior) / 7, "entropy": -np.sum(s), "data": 0.5 * np.sum((X - z) ** 2) / 7}

    sentence = told(lambda s, t: bound(s, t, True), of=lambda s, t: bound(s, t), at=(S, T))
    assert "prior" in sentence


def test_closed_form_kl_of_the_start():
    """KL(q0 || N(0, I)) in place of the KL of what the layers make of q0: 0 for q0 = N(0, I), whatever they do."""
    family = posteriors.posterior("radial")
    out = np.concatenate([np.zeros(4), RNG.standard_normal(family.outputs(2) - 4)])[None]
    q, line = family.split(out), np.linspace(-8, 8, 321)
    z = np.stack(np.meshgrid(line, line), -1).reshape(-1, 1, 2)
    log_q = family.log_density(q, z)
    kl = np.sum(np.exp(log_q) * (log_q - gaussian.log_density(z, 0.0, 0.0))) * (line[1] - line[0]) ** 2
    assert gaussian.kl_standard(q[0], q[1])[0] == 0 and kl > 0.01
    assert not family.exact_kl  # so that the bound takes log q - log p at the draw


def test_planar_with_the_norm_for_its_square():
    u, w = np.array([0.5, -0.2, 0.8]), np.array([1.2, 0.4, -0.6])
    wrong = lambda u, w: u + (np.log1p(np.exp(u @ w)) - 1 - u @ w) * w / np.sqrt(w @ w)
    right = np.log1p(np.exp(u @ w)) - 1
    assert np.isclose(planar.invertible_u(u, w) @ w, right) and not np.isclose(wrong(u, w) @ w, right, atol=0.05)
    assert np.isclose(wrong(u, w) @ w, -0.4173139659)


def test_the_gradient_of_a_planar_layer_with_the_norm_for_its_square():
    u, w, g = np.array([0.5, -0.2, 0.8]), np.array([1.3, 0.45, -0.6]), np.array([1.0, -2.0, 0.5])

    def moved(u, w):
        a = u @ w
        c = np.log1p(np.exp(a)) - 1 - a
        s = w @ w
        return np.sum(g * (u + c * w / s))

    def by_hand(s):
        a, r = u @ w, g @ w / s
        c, slope = np.log1p(np.exp(a)) - 1 - a, -1 / (1 + np.exp(a))
        return g + slope * r * w, slope * r * u + c * (g - 2 * r * w) / s

    assert np.isclose(moved(u, w), g @ planar.invertible_u(u, w))
    assert check_grad(moved, by_hand(w @ w), u, w).verdict == "PASS"
    report = check_grad(moved, by_hand(np.sqrt(w @ w)), u, w)
    assert report.verdict == "FAIL" and "c * w / s" in report.mistakes[0].sentence
    assert "sqrt" in report.mistakes[0].sentence


def test_slope_counted_twice():
    assert "log det of the second layer" in told(spoilt("second layer", 2))


def test_spline_edges():
    knots = np.array([[-3, -1, 0.5, 3], [-3, -2, 1, 3], [1, 0.5, 2, 1]])[:, :, None]
    shifted = spline.curve_inverse(np.array([0.0]), knots[[0, 0, 2]])[0]  # knots of x for those of y
    assert not np.isclose(shifted[0], 0.0760336739)
    with np.errstate(all="ignore"):
        beyond = spline.spline_inverse(5.0, *(float(v) for v in (0.5, 3, 1, 3, 2, 1)))
    assert beyond != 5.0 and spline.curve_inverse(np.array([5.0]), knots)[0][0] == 5.0  # tails forgotten


def test_ln_det_for_ln_abs_det():
    A = np.diag([2.0, -0.5, 1.5])
    with np.errstate(invalid="ignore"):
        assert np.isnan(np.log(np.linalg.det(A)))
    with np.errstate(divide="ignore"):
        assert np.log(np.linalg.det(2e-6 * np.eye(512))) == -np.inf
    assert np.isclose(affine.affine_log_det(A), 0.4054651081)
    assert np.isclose(affine.lu_log_det(2e-6 * np.eye(512)), -6718.65, atol=5e-3)


@pytest.mark.parametrize("D, classes", [(2, 0), (1, 3)])
def test_masks_that_cut_the_conditioner_off(D, classes):
    layer = layers.Autoregressive((4,))
    first, last = layer.masks(D, classes)
    assert (first.astype(int) @ last)[0 if D > 1 else 1 :].any()
    cut = np.arange(1, 5)[None] % D + 1 <= np.zeros((D + classes, 1))  # degrees from 1 on, in both masks strictly
    assert not (cut.astype(int) @ last).any()


def test_a_scale_that_cannot_expand():
    """A scale in (.001, 1.001) can't make 3 of 1; ours reaches e^4."""
    reach = one_page.Scale()
    assert np.exp(reach.forward(np.array([[100.0, 0.0]]), np.ones(1))[1]) > 50
    raw = np.array([[4 * np.arctanh(np.log(3) / 4), 0.0]])
    assert np.isclose(reach.forward(raw, np.ones(1))[0], 3)


def test_constants_of_whole_values():
    v = dequantise.fill(16.0, 0.999, 17)
    assert v < 1 <= dequantise.fill(16.0, 0.999, 16)  # 16 for 17
    _, log_slope = dequantise.logit(np.full(64, 0.2))
    a = 0.05 + 0.9 * 0.2
    lost = np.sum(log_slope) - 64 * -np.log(a * (1 - a))
    assert np.isclose(lost, -6.7430730021)  # ln(1 - 2 alpha) left out
    half = dequantise.fill(0.0, (1 - np.linspace(0, 1, 101)) / 2, 17)
    assert half.max() < 1 / 17 - 0.02  # half a bin is no bin: 64 ln 2 too good
    assert np.isclose(64 * np.log(2), 44.3614195558)


def test_probes_summed_or_redrawn():
    A = np.array([[0.3, -1.2], [0.8, -0.5]])
    probes = np.random.default_rng(1).choice([-1.0, 1.0], (3, 1, 2))
    by = lambda a, total: total(np.stack([e @ (A * a) @ e for e in probes[:, 0]]), axis=0)
    assert np.isclose(solve(lambda z, t: z @ A.T, np.ones((1, 2)), probes=probes)[1][0], by(1.0, np.mean))
    of = lambda a: {"noise": np.sum(a**2), "log det": by(a, np.mean)}
    wrong = lambda a: {"noise": np.sum(a**2), "log det": by(a, np.sum)}
    assert "log det" in told(wrong, of=of, at=(0.7,))
