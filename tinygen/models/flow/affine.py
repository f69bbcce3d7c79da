"""Affine layers, diagonal, by a full matrix and by its LU factors: the map, its inverse and ln |det dz'/dz|.

Each is a function of arrays with its gradient by hand, as in gaussian.py: `<name>_vjp_<argument>` for what returns a
row (g times the gradient), `<name>_grad_<argument>` for what returns one number a row; `<name>.__wrapped__` is the bare
function. Arguments are (..., k), matrices (..., k, k); the axes before broadcast. A density moves with a layer as
log q'(z') = log q(z) - ln |det dz'/dz|.

Sources: Prince, chapter 16; Dinh et al. 2017 (scale); Kingma and Dhariwal 2018 (LU). The gradients are derived here.
"""

import numpy as np

from tinygen import byhand

# Diagonal, z' = z e^s + t -------------------------------------------------------------------------------------------


def scale(z, s, t):
    """Each entry is scaled and moved: the affine layer with a diagonal matrix, and what an affine coupling does.

    z' = z e^s + t; for a cotangent g of z':  z: g e^s        s: g z e^s        t: g
    ln |det dz'/dz| = sum_i s_i, which needs no formula of its own.

    z, s, t: (..., k). Returns (..., k).

    >>> scale(np.array([1.0, 2.0]), np.log([3.0, 1.0]), np.array([0.0, 5.0]))
    array([3., 7.])
    """
    return z * np.exp(s) + t


def scale_vjp_z(g, z, s, t):
    return g * np.exp(s)


def scale_vjp_s(g, z, s, t):
    return g * (z * np.exp(s))


def scale_vjp_t(g, z, s, t):
    return g


def scale_inverse(z, s, t):
    """Where `scale` sends back its result z.

    z0 = (z - t) e^-s; for a cotangent g of z0:  z: g e^-s        s: -g z0        t: -g e^-s

    z, s, t: (..., k). Returns (..., k).

    >>> scale_inverse(np.array([3.0, 7.0]), np.log([3.0, 1.0]), np.array([0.0, 5.0]))
    array([1., 2.])
    """
    return (z - t) * np.exp(-s)


def scale_inverse_vjp_z(g, z, s, t):
    return g * np.exp(-s)


def scale_inverse_vjp_s(g, z, s, t):
    return -g * ((z - t) * np.exp(-s))


def scale_inverse_vjp_t(g, z, s, t):
    return -(g * np.exp(-s))


# A full matrix, z' = A z + c ----------------------------------------------------------------------------------------


def affine(z, A, c):
    """An affine layer.

    z' = A z + c; for a cotangent g of z':  z: A^T g        A: g z^T        c: g

    z, c: (..., k). A: (..., k, k). Returns (..., k).

    >>> affine(np.array([1.0, 0.0]), np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([0.0, 5.0]))
    array([2., 6.])
    """
    return _times(A, z) + c


def affine_vjp_z(g, z, A, c):
    return _times(_transpose(A), g)


def affine_vjp_A(g, z, A, c):
    return _outer(g, z)


def affine_vjp_c(g, z, A, c):
    return g


def affine_inverse(z, A, c):
    """Where an affine layer sends back its result z.

    z0 = A^-1 (z - c); for a cotangent g of z0, with h = A^-T g:  z: h        A: -h z0^T        c: -h
    (from A z0 + c = z: dA z0 + A dz0 + dc = dz, so dz0 = A^-1 (dz - dc - dA z0))

    z, c: (..., k). A: (..., k, k), invertible. Returns (..., k). Raises LinAlgError for a singular A.

    >>> affine_inverse(np.array([2.0, 6.0]), np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([0.0, 5.0]))
    array([1., 0.])
    """
    return _solve(A, z - c)


def affine_inverse_vjp_z(g, z, A, c):
    return _solve(_transpose(A), g)


def affine_inverse_vjp_A(g, z, A, c):
    h, z0 = _solve(_transpose(A), g), _solve(A, z - c)
    return -_outer(h, z0)


def affine_inverse_vjp_c(g, z, A, c):
    return -_solve(_transpose(A), g)


def affine_log_det(A):
    """ln |det A|, by how much an affine layer spreads volume.

    d/dA = A^-T  (an entry A_ij enters det A with its cofactor, which is (A^-1)_ji det A)

    A: (..., k, k), invertible. Returns (...,), nats.

    >>> float(affine_log_det(np.array([[2.0, 0.0], [1.0, -1.0]])).round(6))
    0.693147
    """
    return np.linalg.slogdet(A)[1]


def affine_log_det_grad_A(A):
    return _transpose(np.linalg.inv(A))


def _solve(A, y):
    return np.linalg.solve(A, y[..., None])[..., 0]


# Its LU factors, z' = L U z + c -------------------------------------------------------------------------------------


def lu(z, L, U, c):
    """An affine layer by two triangular factors, whose determinant and inverse cost k and k^2 instead of k^3.

    z' = L U z + c, of L what is below the diagonal is read (1 on it), of U the diagonal and what is above it. For a
    cotangent g of z':

    z: U^T L^T g        L: tril(g (U z)^T, -1)        U: triu(L^T g z^T)        c: g

    z, c: (..., k). L, U: (..., k, k). Returns (..., k).

    >>> lu(np.array([1.0, 2.0]), np.array([[9.0, 9.0], [3.0, 9.0]]), np.array([[2.0, 1.0], [9.0, 5.0]]), np.zeros(2))
    array([ 4., 22.])
    """
    return _times(_unit_lower(L), _times(np.triu(U), z)) + c


def lu_vjp_z(g, z, L, U, c):
    return _times(_transpose(np.triu(U)), _times(_transpose(_unit_lower(L)), g))


def lu_vjp_L(g, z, L, U, c):
    return np.tril(_outer(g, _times(np.triu(U), z)), -1)


def lu_vjp_U(g, z, L, U, c):
    return np.triu(_outer(_times(_transpose(_unit_lower(L)), g), z))


def lu_vjp_c(g, z, L, U, c):
    return g


def lu_inverse(z, L, U, c):
    """Where an LU layer sends back its result z.

    z0 = U^-1 L^-1 (z - c); for a cotangent g of z0, with m = U^-T g and h = L^-T m:

    z: h        L: -tril(h (U z0)^T, -1)        U: -triu(m z0^T)        c: -h

    z, c: (..., k). L, U: (..., k, k). Returns (..., k). Raises LinAlgError for a 0 on U's diagonal.

    >>> L, U = np.array([[1.0, 0.0], [3.0, 1.0]]), np.array([[2.0, 1.0], [0.0, 5.0]])
    >>> lu_inverse(np.array([4.0, 22.0]), L, U, np.zeros(2))
    array([1., 2.])
    """
    return _solve(np.triu(U), _solve(_unit_lower(L), z - c))


def lu_inverse_vjp_z(g, z, L, U, c):
    return _solve(_transpose(_unit_lower(L)), _solve(_transpose(np.triu(U)), g))


def lu_inverse_vjp_L(g, z, L, U, c):
    h = lu_inverse_vjp_z(g, z, L, U, c)
    return -np.tril(_outer(h, _solve(_unit_lower(L), z - c)), -1)


def lu_inverse_vjp_U(g, z, L, U, c):
    z0 = _solve(np.triu(U), _solve(_unit_lower(L), z - c))
    return -np.triu(_outer(_solve(_transpose(np.triu(U)), g), z0))


def lu_inverse_vjp_c(g, z, L, U, c):
    return -lu_inverse_vjp_z(g, z, L, U, c)


def lu_log_det(U):
    """ln |det L U| = sum_i ln |U_ii|: the determinant may be negative, and may be too small for a float.

    d/dU = diag(1 / U_ii)

    U: (..., k, k). Returns (...,), nats.

    >>> float(lu_log_det(np.diag([2.0, -0.5, 1.5])).round(6))
    0.405465
    """
    return np.sum(np.log(np.abs(np.diagonal(U, axis1=-2, axis2=-1))), axis=-1)


def lu_log_det_grad_U(U):
    eye = np.eye(U.shape[-1], dtype=U.dtype)
    return eye / (U * eye + (1 - eye))  # 1/U_ii on the diagonal, 0 beside it, whatever stands there


def _unit_lower(L):
    return np.tril(L, -1) + np.eye(L.shape[-1], dtype=L.dtype)


def _transpose(A):
    return np.matrix_transpose(A)


def _outer(a, b):
    return a[..., :, None] * b[..., None, :]


def _times(A, z):
    return np.matmul(A, z[..., None])[..., 0]


# Each function, joined with its gradients ---------------------------------------------------------------------------

scale = byhand.with_vjps(scale, scale_vjp_z, scale_vjp_s, scale_vjp_t)
scale_inverse = byhand.with_vjps(scale_inverse, scale_inverse_vjp_z, scale_inverse_vjp_s, scale_inverse_vjp_t)
affine = byhand.with_vjps(affine, affine_vjp_z, affine_vjp_A, affine_vjp_c)
affine_inverse = byhand.with_vjps(affine_inverse, affine_inverse_vjp_z, affine_inverse_vjp_A, affine_inverse_vjp_c)
affine_log_det = byhand.with_gradients(affine_log_det, affine_log_det_grad_A)


def _factors(rng):
    """Two factors a row, of which the halves that are not read hold numbers too; U's diagonal has both signs."""
    made = byhand.normal_arguments(lu, rng)
    sign = rng.choice([-1, 1], size=(*made["c"].shape, 1)) * np.eye(made["c"].shape[-1])
    return {**made, "L": made["L"] + np.triu(made["U"]), "U": np.where(sign == 0, made["U"], sign * made["U"])}


lu_log_det = byhand.with_gradients(lu_log_det, lu_log_det_grad_U, example=lambda rng: {"U": _factors(rng)["U"]})
lu_inverse = byhand.with_vjps(
    lu_inverse, lu_inverse_vjp_z, lu_inverse_vjp_L, lu_inverse_vjp_U, lu_inverse_vjp_c, example=_factors
)
lu = byhand.with_vjps(lu, lu_vjp_z, lu_vjp_L, lu_vjp_U, lu_vjp_c, example=_factors)
