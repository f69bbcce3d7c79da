"""The layers that bend a Gaussian q(z|x), affine and planar: the map, its inverse if it has one, and ln |det dz'/dz|.

Each is a function of arrays with its gradient by hand, as in gaussian.py: `<name>_vjp_<argument>` for what returns a
row (g times the gradient), `<name>_grad_<argument>` for what returns one number a row; `<name>.__wrapped__` is the bare
function. Arguments are (..., k), a matrix A (..., k, k), a shift b (..., 1); the axes before broadcast. A density moves
with a layer as log q'(z') = log q(z) - ln |det dz'/dz|.
"""

import numpy as np

from tinygen import byhand
from tinygen.nn.layers import sigmoid, softplus

# Affine, z' = A z + c ----------------------------------------------------------------------------------------------


def affine(z, A, c):
    """An affine layer.

    z' = A z + c; for a cotangent g of z':  z: A^T g        A: g z^T        c: g

    z, c: (..., k). A: (..., k, k). Returns (..., k).

    >>> affine(np.array([1.0, 0.0]), np.array([[2.0, 0.0], [1.0, 1.0]]), np.array([0.0, 5.0]))
    array([2., 6.])
    """
    return np.matmul(A, z[..., None])[..., 0] + c


def affine_vjp_z(g, z, A, c):
    return np.matmul(np.matrix_transpose(A), g[..., None])[..., 0]


def affine_vjp_A(g, z, A, c):
    return g[..., :, None] * z[..., None, :]


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
    return _solve(np.matrix_transpose(A), g)


def affine_inverse_vjp_A(g, z, A, c):
    h, z0 = _solve(np.matrix_transpose(A), g), _solve(A, z - c)
    return -h[..., :, None] * z0[..., None, :]


def affine_inverse_vjp_c(g, z, A, c):
    return -_solve(np.matrix_transpose(A), g)


def affine_log_det(A):
    """ln |det A|, by how much an affine layer spreads volume.

    d/dA = A^-T  (an entry A_ij enters det A with its cofactor, which is (A^-1)_ji det A)

    A: (..., k, k), invertible. Returns (...,), nats.

    >>> float(affine_log_det(np.array([[2.0, 0.0], [1.0, -1.0]])).round(6))
    0.693147
    """
    return np.linalg.slogdet(A)[1]


def affine_log_det_grad_A(A):
    return np.matrix_transpose(np.linalg.inv(A))


def _solve(A, y):
    return np.linalg.solve(A, y[..., None])[..., 0]


# Planar, z' = z + u tanh(w.z + b) -----------------------------------------------------------------------------------


def invertible_u(u, w):
    """u moved along w to where a planar layer is invertible, u'.w > -1 (Rezende and Mohamed 2015, appendix A.1).

    u' = u + c w / s,  c = ln(1 + e^a) - 1 - a,  a = u.w,  s = |w|^2 + 1e-6, so that u'.w = -1 + ln(1 + e^a) but for the
    1e-6, with which w = 0 is a layer that shifts z. For a cotangent g of u', with r = g.w / s and
    c' = sigmoid(a) - 1 = -sigmoid(-a):

    u: g + c' r w        w: c' r u + c (g - 2 r w) / s

    u, w: (..., k). Returns (..., k).

    >>> invertible_u(np.array([-9.0]), np.array([1.0])) > -1
    array([ True])
    """
    a, s = _dot(u, w), _dot(w, w) + 1e-6
    return u + (softplus(a) - 1 - a) * w / s


def invertible_u_vjp_u(g, u, w):
    r = _dot(g, w) / (_dot(w, w) + 1e-6)
    return g - sigmoid(-_dot(u, w)) * r * w


def invertible_u_vjp_w(g, u, w):
    a, s = _dot(u, w), _dot(w, w) + 1e-6
    r = _dot(g, w) / s
    return (softplus(a) - 1 - a) * (g - 2 * r * w) / s - sigmoid(-a) * r * u


def planar(z, u, w, b):
    """A planar layer: z moves along u, by how far depends on which side of the plane w.z + b = 0 it lies.

    z' = z + u h,  h = tanh(w.z + b); for a cotangent g of z', with r = g.u (1 - h^2), the cotangent of w.z + b:

    z: g + r w        u: g h        w: r z        b: r

    z, u, w: (..., k). b: (..., 1). Returns (..., k).

    >>> planar(np.array([0.5, 1.0]), np.array([1.0, 1.0]), np.array([2.0, 0.0]), np.array([-1.0]))  # on the plane
    array([0.5, 1. ])
    """
    return z + u * _tanh(z, w, b)


def planar_vjp_z(g, z, u, w, b):
    return g + planar_vjp_b(g, z, u, w, b) * w


def planar_vjp_u(g, z, u, w, b):
    return g * _tanh(z, w, b)


def planar_vjp_w(g, z, u, w, b):
    return planar_vjp_b(g, z, u, w, b) * z


def planar_vjp_b(g, z, u, w, b):
    return _dot(g, u) * (1 - _tanh(z, w, b) ** 2)


def planar_log_det(z, u, w, b):
    """ln |det dz'/dz| of a planar layer.

    dz'/dz = I + (1 - h^2) u w^T, a matrix of rank one beside I, so det = J = 1 + (1 - h^2) u.w,  h = tanh(w.z + b).
    With p = (1 - h^2)/J and q = -2 h (u.w) p, the derivative by w.z + b, since d(1 - h^2) = -2 h (1 - h^2) d(w.z + b):

    d/dz = q w        d/du = p w        d/dw = p u + q z        d/db = q

    z, u, w: (..., k). b: (..., 1). Returns (...,), nats.

    >>> float(planar_log_det(np.zeros(2), np.array([1.0, 0.0]), np.array([1.0, 1.0]), np.zeros(1)).round(6))  # ln 2
    0.693147
    """
    h, uw = _tanh(z, w, b), _dot(u, w)
    return np.log(np.abs(1 + uw * (1 - h**2)))[..., 0]


def planar_log_det_grad_z(z, u, w, b):
    return planar_log_det_grad_b(z, u, w, b) * w


def planar_log_det_grad_u(z, u, w, b):
    h, uw = _tanh(z, w, b), _dot(u, w)
    return (1 - h**2) / (1 + uw * (1 - h**2)) * w


def planar_log_det_grad_w(z, u, w, b):
    h, uw = _tanh(z, w, b), _dot(u, w)
    return (1 - h**2) / (1 + uw * (1 - h**2)) * (u - 2 * h * uw * z)


def planar_log_det_grad_b(z, u, w, b):
    h, uw = _tanh(z, w, b), _dot(u, w)
    return -2 * h * uw * (1 - h**2) / (1 + uw * (1 - h**2))


def _dot(a, b):
    return np.sum(a * b, axis=-1, keepdims=True)  # (..., 1)


def _tanh(z, w, b):
    return np.tanh(_dot(z, w) + b)  # (..., 1)


# Each function, joined with its gradients ---------------------------------------------------------------------------

affine = byhand.with_vjps(affine, affine_vjp_z, affine_vjp_A, affine_vjp_c)
affine_inverse = byhand.with_vjps(affine_inverse, affine_inverse_vjp_z, affine_inverse_vjp_A, affine_inverse_vjp_c)
affine_log_det = byhand.with_gradients(affine_log_det, affine_log_det_grad_A)
invertible_u = byhand.with_vjps(invertible_u, invertible_u_vjp_u, invertible_u_vjp_w)


def _invertible(rng):
    made = byhand.normal_arguments(planar, rng)
    return {**made, "u": invertible_u(made["u"], made["w"])}


planar = byhand.with_vjps(planar, planar_vjp_z, planar_vjp_u, planar_vjp_w, planar_vjp_b, example=_invertible)
planar_log_det = byhand.with_vjps(  # not with_gradients: b has one column for a row
    planar_log_det,
    lambda g, *args: g[..., None] * planar_log_det_grad_z(*args),
    lambda g, *args: g[..., None] * planar_log_det_grad_u(*args),
    lambda g, *args: g[..., None] * planar_log_det_grad_w(*args),
    lambda g, *args: g[..., None] * planar_log_det_grad_b(*args),
    example=_invertible,
)
