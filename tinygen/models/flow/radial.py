"""Radial layers, which pull z towards a centre or push it away: the map, its inverse, and ln |det dz'/dz|.

z' = z + beta h y,  y = z - center,  r = |y|,  h = 1/(alpha + r),  alpha > 0; invertible iff beta >= -alpha. Arguments
and the names of the gradients are as in affine.py; alpha and beta are (..., 1), n = y/r (0 at the centre) is the
direction away from the centre. Source: Rezende and Mohamed 2015, section 4.1 and appendix A.2.
"""

import numpy as np

from tinygen import byhand
from tinygen.models.flow.planar import _dot


def radial(z, center, alpha, beta):
    """A radial layer.

    dh = -h^2 (dalpha + n.dz), so for a cotangent g of z':

    z: g + m        center: -m        alpha: -beta h^2 g.y        beta: h g.y,   m = beta h g - beta h^2 (g.y) n

    z, center: (..., k). alpha, beta: (..., 1). Returns (..., k).

    >>> radial(np.array([3.0, 4.0]), np.zeros(2), np.array([5.0]), np.array([-5.0]))
    array([1.5, 2. ])
    """
    y, _, h = _around(z, center, alpha)
    return z + beta * h * y


def radial_vjp_z(g, z, center, alpha, beta):
    return g - radial_vjp_center(g, z, center, alpha, beta)


def radial_vjp_center(g, z, center, alpha, beta):
    y, r, h = _around(z, center, alpha)
    return beta * h**2 * _dot(g, y) * _direction(y, r) - beta * h * g


def radial_vjp_alpha(g, z, center, alpha, beta):
    y, _, h = _around(z, center, alpha)
    return -beta * h**2 * _dot(g, y)


def radial_vjp_beta(g, z, center, alpha, beta):
    y, _, h = _around(z, center, alpha)
    return h * _dot(g, y)


def radial_inverse(z, center, alpha, beta):
    """Where a radial layer sends back its result z.

    The distance to the centre becomes R = r + beta r/(alpha + r), a quadratic equation for r: with
    B = alpha + beta - R,  r = (sqrt(B^2 + 4 alpha R) - B)/2; the direction stays, z0 = center + (z - center) r/R.
    The layer's Jacobian has the eigenvalue 1 + beta alpha h^2 along n and 1 + beta h across it. For a cotangent g of
    z0, with k = J^-1 g (J is symmetric) and y, h at z0:

    z: k        center: g - k        alpha: beta h^2 y.k        beta: -h y.k

    z, center: (..., k). alpha, beta: (..., 1), beta > -alpha. Returns (..., k).

    >>> radial_inverse(np.array([1.5, 2.0]), np.zeros(2), np.array([5.0]), np.array([-5.0]))
    array([3., 4.])
    """
    y = z - center
    R = _norm(y)
    B = alpha + beta - R
    root = np.sqrt(B**2 + 4 * alpha * R)
    # r/R without a difference of numbers that are nearly equal: for B > 0 the other form of the root.
    up = B > 0
    share = np.where(up, 2 * alpha / np.where(up, root + B, 1), (root - B) / (2 * np.where(up, 1, R)))
    return center + y * share


def radial_inverse_vjp_z(g, z, center, alpha, beta):
    y, r, h = _around(radial_inverse.__wrapped__(z, center, alpha, beta), center, alpha)
    n = _direction(y, r)
    along, across = 1 + beta * alpha * h**2, 1 + beta * h
    return g / across + (1 / along - 1 / across) * _dot(g, n) * n


def radial_inverse_vjp_center(g, z, center, alpha, beta):
    return g - radial_inverse_vjp_z(g, z, center, alpha, beta)


def radial_inverse_vjp_alpha(g, z, center, alpha, beta):
    y, _, h = _around(radial_inverse.__wrapped__(z, center, alpha, beta), center, alpha)
    return beta * h**2 * _dot(y, radial_inverse_vjp_z(g, z, center, alpha, beta))


def radial_inverse_vjp_beta(g, z, center, alpha, beta):
    y, _, h = _around(radial_inverse.__wrapped__(z, center, alpha, beta), center, alpha)
    return -h * _dot(y, radial_inverse_vjp_z(g, z, center, alpha, beta))


def radial_log_det(z, center, alpha, beta):
    """ln |det dz'/dz| of a radial layer: k - 1 directions across n and one along it,

    (k - 1) ln(1 + beta h) + ln(1 + beta alpha h^2)

    With p = 1/(1 + beta h), q = 1/(1 + beta alpha h^2) and e = (k - 1) beta p + 2 beta alpha h q, the derivative by h:

    d/dz = -e h^2 n     d/dcenter = e h^2 n     d/dalpha = -e h^2 + beta h^2 q     d/dbeta = (k - 1) h p + alpha h^2 q

    z, center: (..., k). alpha, beta: (..., 1), beta > -alpha. Returns (...,), nats.

    >>> float(radial_log_det(np.ones(2), np.ones(2), np.ones(1), np.ones(1)).round(6))  # at the centre, h = 1: 2 ln 2
    1.386294
    """
    _, _, h = _around(z, center, alpha)
    return ((z.shape[-1] - 1) * np.log1p(beta * h) + np.log1p(beta * alpha * h**2))[..., 0]


def _log_det_parts(z, center, alpha, beta):
    y, r, h = _around(z, center, alpha)
    p, q, across = 1 / (1 + beta * h), 1 / (1 + beta * alpha * h**2), z.shape[-1] - 1
    return _direction(y, r), h, p, q, across * beta * p + 2 * beta * alpha * h * q


def radial_log_det_grad_z(z, center, alpha, beta):
    return -radial_log_det_grad_center(z, center, alpha, beta)


def radial_log_det_grad_center(z, center, alpha, beta):
    n, h, _, _, e = _log_det_parts(z, center, alpha, beta)
    return e * h**2 * n


def radial_log_det_grad_alpha(z, center, alpha, beta):
    _, h, _, q, e = _log_det_parts(z, center, alpha, beta)
    return h**2 * (beta * q - e)


def radial_log_det_grad_beta(z, center, alpha, beta):
    _, h, p, q, _ = _log_det_parts(z, center, alpha, beta)
    return (z.shape[-1] - 1) * h * p + alpha * h**2 * q


def _around(z, center, alpha):
    y = z - center
    r = _norm(y)
    return y, r, 1 / (alpha + r)


def _norm(y):
    return np.linalg.norm(y, axis=-1, keepdims=True)  # (..., 1)


def _direction(y, r):
    return y / np.where(r > 0, r, 1)


# Each function, joined with its gradients ---------------------------------------------------------------------------


def _invertible(rng):
    z, center = rng.normal(size=(2, 3, 5))
    alpha = rng.uniform(0.5, 2.0, size=(3, 1))
    return dict(z=z, center=center, alpha=alpha, beta=rng.uniform(0.2, 2.0, size=(3, 1)) - alpha)


radial = byhand.with_vjps(
    radial, radial_vjp_z, radial_vjp_center, radial_vjp_alpha, radial_vjp_beta, example=_invertible
)
radial_inverse = byhand.with_vjps(
    radial_inverse, radial_inverse_vjp_z, radial_inverse_vjp_center, radial_inverse_vjp_alpha, radial_inverse_vjp_beta,
    example=_invertible,
)  # fmt: skip
radial_log_det = byhand.with_vjps(  # not with_gradients: alpha and beta have one column for a row
    radial_log_det,
    lambda g, *args: g[..., None] * radial_log_det_grad_z(*args),
    lambda g, *args: g[..., None] * radial_log_det_grad_center(*args),
    lambda g, *args: g[..., None] * radial_log_det_grad_alpha(*args),
    lambda g, *args: g[..., None] * radial_log_det_grad_beta(*args),
    example=_invertible,
)
