"""Second derivatives where the first is a convention: the right value where algebra gives a limit, nan where not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

import tinygen as tg

norm, eigvalsh, svdvals = np.linalg.norm, np.linalg.eigvalsh, np.linalg.svdvals
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])
I3, AT_0 = np.eye(3), np.zeros(3)
CENTRED = np.eye(3) - 1 / 3
SQUARES = {
    "norm": (lambda x: norm(x) ** 2, AT_0, 2 * I3),
    "norm by itself": (lambda x: norm(x) ** 2 + norm(x) ** 3 - np.cos(norm(x)), AT_0, 3 * I3),
    "np.square": (lambda x: np.square(norm(x)), AT_0, 2 * I3),
    "twice the same": (lambda x: (lambda y: y * y)(norm(x)), AT_0, 2 * I3),
    "with a factor": (lambda x: norm(x) ** 2 * np.sum(np.exp(x)), AT_0, 6 * I3),
    "vector_norm": (lambda x: np.linalg.vector_norm(x) ** 2, AT_0, 2 * I3),
    "rows": (lambda x: np.sum(norm(x[:, None] * [1.0, 1.0], axis=1) ** 2), AT_0, 4 * I3),
    "hypot": (lambda x: np.hypot(x[0], x[1]) ** 2 + x[2] ** 2, AT_0, 2 * I3),
    "std": (lambda x: np.std(x) ** 2, np.full(3, 0.1), 2 / 3 * CENTRED),
    "std, ddof": (lambda x: np.std(x, ddof=1, keepdims=True)[0] ** 2, np.full(3, 0.5), CENTRED),
    "std, where": (lambda x: np.std(x, where=np.array([True, True, True])) ** 2, np.full(3, 0.1), 2 / 3 * CENTRED),
    "nanstd": (lambda x: np.nanstd(x) ** 2, np.full(3, 0.1), 2 / 3 * CENTRED),
    "absolute": (lambda x: np.sum(abs(x) ** 2), AT_0, 2 * I3),
}


@each_dtype
@pytest.mark.parametrize("name", SQUARES)
def test_squares_are_smooth_at_the_tip(name, dtype):
    f, x, expected = SQUARES[name]
    hessian = tg.hessian(f)(x.astype(dtype))
    rtol = 1e-5 if dtype == np.float32 else 1e-12
    assert hessian.dtype == dtype and np.allclose(hessian, expected, rtol=rtol)
    assert np.array_equal(tg.grad(f)(x.astype(dtype)), np.zeros(3))
    forward = np.stack([tg.jvp(tg.grad(f))(x.astype(dtype), v)[1] for v in np.eye(3, dtype=dtype)], axis=-1)
    assert np.allclose(forward, expected, rtol=rtol)


@pytest.mark.parametrize(
    "f",
    [norm, np.std, lambda x: np.hypot(x[0], x[1]), lambda x: norm(x) ** 1.5, lambda x: norm(x, 3),
     lambda x: norm(x) * norm(x[::-1]), lambda x: norm(x) * np.sum(x), lambda x: np.sum(norm(x[:, None], axis=1)) ** 2,
     lambda x: np.exp(norm(x)), np.nanstd, lambda x: np.std(x) * (x[0] - x[1]), lambda x: norm(x, 3) ** 2,
     lambda x: norm(x, 1) ** 2, lambda x: norm(x, np.inf) ** 2, lambda x: norm(np.diag(x) + I3, 2),
     lambda x: norm(x[None], 1) ** 2, lambda x: np.sum(special.xlogy(x, x**2)),
     lambda x: np.linalg.eigh(I3 + np.outer(x, [1, 2, 3]))[1][0, 0]],
)  # fmt: skip
def test_a_kink_has_no_second_derivative(f):
    with np.errstate(all="ignore"):
        assert np.isnan(tg.hessian(f)(AT_0)).any()
        assert np.isnan(tg.jvp(tg.grad(f))(AT_0, np.array([1.0, -2.0, 4.0]))[1]).any()


def test_an_entry_0_hides_no_slope():
    """a log(1 + b) at a = 0, and a norm by itself where its slope is the same all around."""
    assert np.allclose(tg.hessian(lambda x: np.sum(special.xlog1py(x, x)))(AT_0), 2 * I3)
    mixed = tg.jacobian(tg.grad(lambda a, b: special.xlogy(a, b), 1))(np.float64(0), np.float64(4))
    assert mixed == 0.25
    assert np.array_equal(tg.hessian(lambda x: np.sum(x**2) + norm(x, 1))(AT_0), 2 * I3)
    assert np.allclose(tg.grad(lambda x: special.gammainc(1.0, x))(0.0), 1)
    assert np.allclose(tg.hessian(lambda x: special.gammainc(1.0, x))(0.0), -1)
    assert np.allclose(tg.hessian(lambda A: np.sum(np.linalg.eigh(A)[0] ** 2))(I3[:2, :2])[1, 0], [[0, 0], [4, 0]])


def test_the_kink_of_one_row_leaves_the_others_as_they_are():
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    hessian = tg.hessian(lambda x: np.sum(norm(x, axis=1)))(x)
    assert np.allclose(hessian[0, :, 0], [[0.128, -0.096], [-0.096, 0.072]])
    assert np.isnan(hessian[1, :, 1]).any() and np.array_equal(hessian[0, :, 1], np.zeros((2, 2)))


@each_dtype
@given(seed=st.integers(0, 2**32 - 1))
def test_functions_of_equal_eigenvalues(dtype, seed):
    rng = np.random.default_rng(seed)
    V = rng.standard_normal((3, 3)).astype(dtype)
    S, eye = (V + V.T).astype(dtype), I3.astype(dtype)
    close = dict(rtol=1e-4, atol=1e-4) if dtype == np.float32 else dict(rtol=1e-10, atol=1e-10)
    lower = lambda M: np.tril(M) + np.tril(M, -1)
    assert np.allclose(tg.hvp(lambda A: np.sum(eigvalsh(A) ** 2))(eye, S), lower(2 * S), **close)
    assert np.allclose(tg.hvp(lambda A: np.sum(np.exp(eigvalsh(A))))(eye, S), lower(np.e * S), **close)
    assert np.allclose(tg.hvp(lambda A: np.sum(svdvals(A) ** 2))(eye, V), 2 * V, **close)
    assert np.allclose(tg.hvp(lambda A: norm(A, "nuc"))(eye, V), 0.5 * (V - V.T), **close)
    batch = tg.hvp(lambda A: np.sum(eigvalsh(A) ** 2))(np.stack([eye, 2 * eye]), np.stack([S, V]))
    assert np.allclose(batch, lower(np.stack([2 * S, np.tril(2 * V) + np.tril(2 * V, -1).T])), **close)
    some = np.diag([2, 2, 5]).astype(dtype)
    assert np.allclose(tg.hvp(lambda A: np.sum(eigvalsh(A) ** 3))(some, S), lower(3 * (some @ S + S @ some)), **close)


def test_what_tells_equal_eigenvalues_apart_has_no_derivative():
    V = np.arange(9.0).reshape(3, 3)
    assert np.isnan(tg.hvp(lambda A: eigvalsh(A)[-1])(I3, V + V.T)).any()
    assert np.isnan(tg.hvp(lambda A: svdvals(A)[0])(I3, V)).any()
    matrix_exp = lambda A: (lambda w, v: (v * np.exp(w)) @ v.T)(*np.linalg.eigh(A))
    assert np.isnan(tg.grad(lambda A: np.sum(V * matrix_exp(A)))(I3)).any()


def test_the_gradient_is_by_the_triangle_that_numpy_reads(rng):
    V, H = rng.standard_normal((2, 4, 4))
    A, h = V @ V.T + 4 * np.eye(4), 1e-6
    for f, there in [
        (lambda A: np.sum(np.linalg.cholesky(A) ** 3), np.tril),
        (lambda A: np.sum(np.linalg.eigh(A)[0] ** 3), np.tril),
        (lambda A: np.sum(np.linalg.eigh(A, "U")[0] ** 3), np.triu),
        (lambda A: np.sum(eigvalsh(A) ** 3), np.tril),
        (lambda A: np.sum(eigvalsh(A, "U") ** 3), np.triu),
    ]:
        G = tg.grad(f)(A)
        assert np.array_equal(G, there(G))
        assert np.isclose(np.sum(G * H), (f(A + h * H) - f(A - h * H)) / (2 * h), rtol=1e-6)
        assert tg.check_grad(f, None, A).verdict == "PASS"
        through = tg.grad(lambda B: f(B @ B.T + 4 * np.eye(4)))(V)  # noqa: B023
        assert np.allclose(through, (G + G.T) @ V)


@each_dtype
def test_the_determinant_of_a_singular_matrix_has_its_cofactors_as_gradient(dtype, rng):
    A = rng.integers(-3, 4, (2, 4, 4)).astype(dtype)
    A[0, 3] = A[0, 0] - A[0, 1]
    A[1] = np.outer(np.arange(4), np.arange(4))
    gradient = tg.grad(lambda A: np.sum(np.linalg.det(A)))(A)
    assert gradient.dtype == dtype
    for k in range(2):
        for i in range(4):
            for j in range(4):
                minor = np.delete(np.delete(A[k], i, 0), j, 1).astype(float)
                assert np.isclose(gradient[k, i, j], (-1) ** (i + j) * np.linalg.det(minor), atol=1e-4)
    assert np.array_equal(tg.grad(np.linalg.det)(np.zeros((1, 1), dtype)), [[1]])
    assert np.array_equal(tg.hessian(np.linalg.det)(np.zeros((2, 2), dtype))[0, 0], [[0, 0], [0, 1]])
