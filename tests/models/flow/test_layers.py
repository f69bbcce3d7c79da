"""The layers of a flow: their numbers in closed form, the log det of their Jacobians, and the way back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

import tinygen as tg
from tinygen.autodiff import tree
from tinygen.models.flow import affine, layers, one_page, planar, radial, spline
from tinygen.models.flow.continuous import Continuous, rk4, slope_and_divergence, solve

Z = np.array([0.3, -0.7, 1.1])
KINDS = {
    "affine coupling": layers.Coupling((8,)),
    "spline coupling": layers.Coupling((8,), layers.Spline(5)),
    "flipped": layers.Coupling((8,), layers.Spline(5), flip=True),
    "autoregressive": layers.Autoregressive((8, 9)),
    "autoregressive spline": layers.Autoregressive((11,), layers.Spline(3)),
    "inverse autoregressive": layers.Autoregressive((8, 9), swap=True),
    "diagonal": layers.Diagonal(),
    "lu": layers.LU(),
    "planar": layers.Planar(),
    "radial": layers.Radial(),
    "continuous": Continuous((8,), steps=12),
}
WITH_LABELS = [name for name in KINDS if name not in ("diagonal", "lu", "planar", "radial")]


def some(kind, D, classes=0, dtype=np.float64, seed=0, size=0.4):
    """Layers of one kind, with random numbers; a permutation between two of them."""
    rng = np.random.default_rng(seed)
    stack = [KINDS[kind], layers.Permutation(tuple(rng.permutation(D).tolist())), KINDS[kind]]
    vector, back = tree.ravel(one_page.init(stack, rng, D, classes, dtype))
    return stack, back((vector + size * rng.standard_normal(vector.shape)).astype(dtype))


def labels(n, classes, dtype=np.float64):
    return np.eye(classes, dtype=dtype)[np.arange(n) % classes] if classes else None


def jacobian(stack, params, row, c=None):
    """dz/dx at one row."""
    return tg.jacobian(lambda row: one_page.forward(stack, params, row[None], c)[0][0])(row)


# ---- any numbers ----


def close_to_the_jacobians(stack, params, D, classes, seed, atol, back_atol):
    x, c = np.random.default_rng(seed).standard_normal((3, D)), labels(3, classes)
    z, log_det = one_page.forward(stack, params, x, c)
    assert z.shape == (3, D) and log_det.shape == (3,)
    found = [np.linalg.slogdet(jacobian(stack, params, x[i], c if c is None else c[i : i + 1]))[1] for i in range(3)]
    np.testing.assert_allclose(log_det, found, atol=atol * (1 + np.abs(found).max()))
    back, back_log_det = one_page.inverse(stack, params, z, c)
    np.testing.assert_allclose(back, x, atol=back_atol)
    np.testing.assert_allclose(back_log_det, -log_det, atol=10 * back_atol)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "continuous"])
@given(D=st.sampled_from([1, 2, 3, 5, 7]), classes=st.sampled_from([0, 3]), seed=st.integers(0, 999))
def test_log_det_is_the_jacobians_and_the_way_back_undoes_it(kind, D, classes, seed):
    classes = classes if kind in WITH_LABELS else 0
    stack, params = some(kind, D, classes, seed=seed, size=0.3)
    close_to_the_jacobians(stack, params, D, classes, seed, 1e-8, 1e-7)  # a product of steep slopes


@settings(max_examples=3)
@given(D=st.sampled_from([1, 2]), classes=st.sampled_from([0, 3]), seed=st.integers(0, 999))
def test_log_det_of_a_continuous_layer_is_the_jacobians(D, classes, seed):
    """Up to the solver's error, which falls as steps^-4: at 36 steps it is 1/81 of that at 12."""
    stack, params = some("continuous", D, classes, seed=seed, size=0.3)
    stack = [replace(layer, steps=36) if isinstance(layer, Continuous) else layer for layer in stack]
    close_to_the_jacobians(stack, params, D, classes, seed, 1e-7, 1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_seven_rows_are_seven_calls_of_one_row(kind):
    stack, params = some(kind, 5)
    x = np.random.default_rng(1).standard_normal((7, 5))
    together = one_page.log_density(stack, params, x)
    assert together.shape == (7,)
    alone = [one_page.log_density(stack, params, row[None])[0] for row in x]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32_and_begins_near_the_identity(kind):
    stack = [KINDS[kind]]
    params = one_page.init(stack, np.random.default_rng(0), 5)
    x = np.random.default_rng(1).standard_normal((7, 5)).astype(np.float32)
    for way in (one_page.forward, one_page.inverse):
        z, log_det = way(stack, params, x)
        assert z.dtype == log_det.dtype == np.float32 and np.isfinite(z).all()
        if kind != "planar":
            np.testing.assert_allclose(z, x, atol=1e-5)
            np.testing.assert_allclose(log_det, 0, atol=1e-5)
    gradient = tg.grad(lambda p: one_page.loss(stack, p, x)[0])(params)
    assert all(leaf.dtype == np.float32 for leaf in tree.flatten(gradient)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_compiled_step_is_the_eager_one(kind):
    stack, params = some(kind, 3, dtype=np.float32)
    x = np.random.default_rng(2).standard_normal((5, 3)).astype(np.float32)
    step = tg.value_and_grad(lambda p, x: one_page.loss(stack, p, x)[0])
    value, gradient = step(params, x)
    replayed, replayed_gradient = tg.compile(step)(params, x)
    np.testing.assert_allclose(replayed, value, rtol=1e-5)
    for got, expected in zip(tree.flatten(replayed_gradient)[0], tree.flatten(gradient)[0]):
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["affine coupling", "spline coupling", "autoregressive spline", "radial"])
def test_every_density_integrates_to_one(kind):
    stack, params = some(kind, 2, seed=3, size=0.2)
    line = np.linspace(-10, 10, 401)
    x = np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)
    total = np.exp(one_page.log_density(stack, params, x)).sum() * (line[1] - line[0]) ** 2
    assert abs(total - 1) < 2e-3


@pytest.mark.parametrize("classes", [0, 2])
@pytest.mark.parametrize("D", [1, 2, 3, 5, 13])
@pytest.mark.parametrize("hidden", [(13,), (17, 13)])
def test_masks_let_every_column_see_exactly_those_before_it(D, classes, hidden):
    layer = layers.Autoregressive(hidden, layers.Spline(2))
    paths = np.eye(D + classes)
    for mask in layer.masks(D, classes):
        paths = paths @ mask
    reached = paths.reshape(D + classes, D, layer.curve.outputs) > 0
    before = np.arange(D)[:, None] < np.arange(D)
    assert (reached[:D] == before[:, :, None]).all() and reached[D:].all()


def test_numbers_of_the_net_reach_every_column():
    """d out_i / d x_j: 0 for j >= i and for no j < i; every label is used."""
    layer = layers.Autoregressive((13,))
    stack, rng = [layer], np.random.default_rng(4)
    vector, back = tree.ravel(one_page.init(stack, rng, 5, 3, np.float64))
    params = back(vector + rng.standard_normal(vector.shape))
    raw = lambda x, c: layer._raw(params[0], x[None], c[None])[0, :, 0]
    x, c = rng.standard_normal(5), np.array([0.0, 1.0, 0.0])
    np.testing.assert_array_equal(tg.jacobian(raw)(x, c) != 0, np.arange(5) < np.arange(5)[:, None])
    assert (tg.jacobian(raw, argnums=1)(x, c) != 0).all()


def test_an_autoregressive_net_that_is_too_narrow_is_refused():
    with pytest.raises(ValueError, match=r"hidden layers \(3,\) for 5 columns; each needs 4 or more"):
        one_page.init([layers.Autoregressive((3,))], np.random.default_rng(0), 5)
    with pytest.raises(ValueError, match=r"order \(0, 0\); expected each of 0 to 1 once"):
        one_page.init([layers.Permutation((0, 0))], np.random.default_rng(0), 2)


# ---- numbers in closed form ----


def test_planar_numbers():
    u, w, b = np.array([0.5, -0.2, 0.8]), np.array([1.2, 0.4, -0.6]), np.array([0.25])
    assert np.isclose(planar.planar(Z, u, w, b)[0], 0.1407396115, atol=1e-10)
    assert np.isclose(planar.planar_log_det(Z, u, w, b), 0.0353109459, atol=1e-10)
    assert np.isclose(planar.invertible_u(u, w) @ w, -0.2866528328, atol=1e-10)
    assert abs(planar.invertible_u(u, w) @ w - -0.4173139659) > 0.1  # divided by |w| instead of |w|^2
    for size in (1e-3, 1.0, 30.0):
        wild = size * np.random.default_rng(0).standard_normal((101, 3))
        assert (np.sum(planar.invertible_u(wild, w) * w, -1) > -1 - 1e-13).all()
    one = lambda x: planar.planar(np.array([x]), np.array([-3.0]), np.ones(1), np.zeros(1))[0]
    assert one(0.5) < one(-0.5) and np.isclose(one(0.5), -0.886, atol=5e-4)  # not made invertible, it folds


def test_radial_numbers():
    args = np.array([0.1, 0.2, -0.3]), np.array([0.8]), np.array([-0.5])
    assert np.isclose(radial.radial_log_det(Z, *args), -0.5185325272, atol=1e-10)
    edge = np.array([0.1, 0.2, -0.3]), np.array([0.8]), np.array([-0.8])
    r = np.linspace(0, 5, 1001)[:, None]
    moved = radial.radial(edge[0] + r * np.array([1.0, 0, 0]), *edge)[:, 0]
    assert (np.diff(moved) > 0).all()
    past = edge[0], edge[1], np.array([-1.0])  # beta < -alpha
    assert (np.diff(radial.radial(edge[0] + r * np.array([1.0, 0, 0]), *past)[:, 0]) < 0).any()


def test_lu_numbers():
    rng = np.random.default_rng(0)
    L, U = rng.standard_normal((3, 3)), rng.standard_normal((3, 3))
    U[np.arange(3), np.arange(3)] = [2.0, -0.5, 1.5]
    assert np.isclose(affine.lu_log_det(U), 0.4054651081, atol=1e-10)
    A = (np.tril(L, -1) + np.eye(3)) @ np.triu(U)
    assert np.linalg.det(A) < 0
    np.testing.assert_allclose(affine.lu(Z, L, U, np.zeros(3)), A @ Z, rtol=1e-12)
    assert np.isclose(affine.affine_log_det(A), 0.4054651081, atol=1e-10)
    tiny = 2e-6 * np.eye(512)  # whose determinant is 0 in a float
    assert np.linalg.det(tiny) == 0
    for found in (affine.lu_log_det(tiny), affine.affine_log_det(tiny)):
        assert np.isclose(found, -6718.65, atol=0.005)


def test_coupling_numbers():
    a, b = Z[:1], Z[1:]
    s, t = np.tanh([a[0] + 0.5, 0.3 * a[0] - 0.2]), np.array([a[0] ** 2, 1 - a[0]])
    np.testing.assert_allclose(affine.scale(b, s, t), [-1.2698329024, 1.6858527361], atol=1e-10)
    assert np.isclose(np.sum(s), 0.5544783001, atol=1e-10)
    np.testing.assert_allclose(affine.scale_inverse(affine.scale(b, s, t), s, t), b, rtol=1e-12)


CURVE = np.array([[-3, -1, 0.5, 3], [-3, -2, 1, 3], [1, 0.5, 2, 1]])[:, :, None]  # (3, 4, 1): of any number of entries


def test_spline_numbers():
    y, log_slope = spline.curve(np.array([0.0, -2.0, 2.0]), CURVE)
    np.testing.assert_allclose(y, [-0.2, -2.4, 2.3521126761], atol=1e-10)
    np.testing.assert_allclose(np.exp(log_slope), [2.64, 0.4, 0.5276730807], atol=1e-10)
    assert np.isclose(spline.curve_inverse(np.zeros(1), CURVE)[0][0], 0.0760336739, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_spline_at_and_beyond_its_knots(dtype):
    knots = CURVE.astype(dtype)
    xs, ys, slopes = knots[..., 0]
    y, log_slope = spline.curve(xs, knots)
    np.testing.assert_array_equal(y, ys)
    np.testing.assert_allclose(np.exp(log_slope), slopes, rtol=4 * np.finfo(dtype).eps)
    x, log_slope = spline.curve_inverse(ys, knots)
    np.testing.assert_array_equal(x, xs)
    np.testing.assert_allclose(np.exp(-log_slope), slopes, rtol=4 * np.finfo(dtype).eps)
    outside = np.array([-1e6, np.nextafter(-3, -4, dtype=dtype), np.nextafter(3, 4, dtype=dtype), 7], dtype)
    for way in (spline.curve, spline.curve_inverse):
        moved, log_slope = way(outside, knots)
        np.testing.assert_array_equal(moved, outside)
        np.testing.assert_array_equal(log_slope, 0)


def test_steep_and_flat_splines_come_back_in_float32():
    """Where the discriminant of the quadratic equation is a rounding below 0, its root is still a number."""
    rng = np.random.default_rng(0)
    made = spline.knots((6 * rng.standard_normal((20_000, 23))).astype(np.float32), 3.0)
    x = rng.uniform(-3, 3, 20_000).astype(np.float32)
    y, log_slope = spline.curve(x, made)
    back, back_slope = spline.curve_inverse(y, made)
    assert all(np.isfinite(a).all() and a.dtype == np.float32 for a in (y, log_slope, back, back_slope))
    assert (np.abs(y) <= 3).all() and (np.abs(back) <= 3).all()
    # What a rounding of y, of numbers up to 3, moves x by where the slope is small: no inverse can do better.
    slope = np.exp(spline.curve(x.astype(np.float64), made.astype(np.float64))[1])
    assert (np.abs(back - x) <= 24 * 3 * np.finfo(np.float32).eps * (1 + 1 / slope)).all()
    even = np.linspace(-3, 3, 9, dtype=np.float32)[:, None]
    gentle = np.concatenate([0.9 * even + 0.1 * made[:2], np.clip(made[2:], 0.5, 2)])  # slopes .5 to 2.6
    there, _ = spline.curve(x, gentle)
    assert np.abs(spline.curve_inverse(there, gentle)[0] - x).max() < 1e-5


def test_both_sides_of_a_knot():
    """The slope is continuous there; it counts once on each side."""
    for knot, slope in zip(CURVE[0, :, 0], CURVE[2, :, 0]):
        for side in (-1e-7, 1e-7):
            assert np.isclose(np.exp(spline.curve(np.array([knot + side]), CURVE)[1][0]), slope, atol=1e-5)


def test_a_density_of_a_coupling_by_quadrature():
    """b = z_b e^(.3 a) + a^2: 1 in all; without the log det e^.045, with its sign wrong e^.18."""
    line = np.linspace(-40, 160, 8001)
    a, b = np.meshgrid(np.linspace(-8, 8, 321), line, indexing="ij")
    z_b, log_det = affine.scale_inverse(b[..., None], 0.3 * a[..., None], a[..., None] ** 2)[..., 0], -0.3 * a
    step = (line[1] - line[0]) * 16 / 320
    totals = [np.exp(-0.5 * (a**2 + z_b**2) + s * log_det).sum() * step / (2 * np.pi) for s in (1, 0, -1)]
    np.testing.assert_allclose(totals, [1, 1.0460278599, 1.1972173631], atol=1e-9)


# ---- continuous ----

A = np.array([[0.3, -1.2], [0.8, -0.5]])


def test_continuous_numbers():
    field = lambda z, t: z @ A.T
    z, log_det = solve(field, np.array([[1.0, 0.0]]), steps=200)
    np.testing.assert_allclose(z[0], [0.8819680485, 0.6311418580], atol=1e-9)
    np.testing.assert_allclose(z[0], expm(A) @ [1, 0], atol=1e-9)
    np.testing.assert_allclose(log_det, np.trace(A), atol=1e-12)
    assert np.isclose(np.linalg.slogdet(np.eye(2) + A)[1], 0.4762341790)  # one Euler step is another map


def test_the_solver_is_of_fourth_order():
    exact = expm(A) @ [1, 0]
    errors = [np.abs(solve(lambda z, t: z @ A.T, np.array([[1.0, 0.0]]), steps=n)[0][0] - exact).max() for n in (4, 8)]
    assert 13 < errors[0] / errors[1] < 19


@pytest.mark.parametrize("signs, variance", [(True, 0.16), (False, 0.84)])
def test_hutchinsons_variance(signs, variance):
    """A linear field's estimate has one variance, whatever the solver's steps: the probe is one for the whole solve."""
    rng, n = np.random.default_rng(5), 4000
    probes = rng.choice([-1.0, 1.0], (n, 1, 2)) if signs else rng.standard_normal((n, 1, 2))
    field = lambda z, t: slope_and_divergence(lambda z: z @ A.T, z, probes)
    _, gained = rk4(field, np.ones((1, 2)), (0.0, 1.0), 4)  # (n, 1)
    spread = np.sqrt(np.var((gained - gained.mean()) ** 2) / n)
    assert abs(gained.mean() - np.trace(A)) < 5 * np.sqrt(variance / n)  # false alarm: 6e-7
    assert abs(np.var(gained) - variance) < 5 * spread


def test_probes_are_averaged():
    probes = np.random.default_rng(6).choice([-1.0, 1.0], (3, 4, 2))
    _, log_det = solve(lambda z, t: z @ A.T, np.ones((4, 2)), steps=2, probes=probes)
    each = np.einsum("kbi,ij,kbj->kb", probes, A, probes)
    np.testing.assert_allclose(log_det, each.mean(0), rtol=1e-12)
