"""Planar layers, z' = z + u tanh(w.z + b): the map, its inverse, ln |det dz'/dz|, and the u that makes it invertible.

Arguments and the names of the gradients are as in affine.py; b is (..., 1). Source: Rezende and Mohamed 2015.
"""

import numpy as np

from tinygen import byhand
from tinygen.nn.layers import sigmoid, softplus

STEPS = 20  # of Newton's method, to invert a layer: some 6 are enough but where the layer is nearly flat


def invertible_u(u, w):
    """u moved along w to where a planar layer is invertible, u'.w > -1 (Rezende and Mohamed 2015, appendix A.1).

    u' = u + c w / s,  c = ln(1 + e^a) - 1 - a,  a = u.w,  s = |w|^2, so that u'.w = -1 + ln(1 + e^a); where w is 0, u
    stays, and the layer only shifts z. For a cotangent g of u', with r = g.w / s and
    c' = sigmoid(a) - 1 = -sigmoid(-a):

    u: g + c' r w        w: c' r u + c (g - 2 r w) / s

    u, w: (..., k). Returns (..., k).

    >>> invertible_u(np.array([-9.0]), np.array([1.0])) > -1
    array([ True])
    """
    a, s = _dot(u, w), _square(w)
    return u + (softplus(a) - 1 - a) * w / s


def invertible_u_vjp_u(g, u, w):
    r = _dot(g, w) / _square(w)
    return g - sigmoid(-_dot(u, w)) * r * w


def invertible_u_vjp_w(g, u, w):
    a, s = _dot(u, w), _square(w)
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


def planar_inverse(z, u, w, b):
    """Where a planar layer sends back its result z.

    Along w the layer is a + u.w tanh(a + b) for a = w.z0, which rises if u.w > -1; Newton's method finds the one a with
    the value w.z, and z0 = z - u h,  h = tanh(a + b).
    With k = J^-T g,  J = I + (1 - h^2) u w^T,  so k = g - (1 - h^2) (u.g) w / (1 + (1 - h^2) u.w):

    z: k        u: -h k        w: r z0        b: r,  r = -(1 - h^2) u.k
    (from z0 + u tanh(w.z0 + b) = z: J dz0 = dz - h du - (1 - h^2) u (dw.z0 + db))

    z, u, w: (..., k), u.w > -1. b: (..., 1). Returns (..., k).

    >>> u, w, b = np.array([1.0, 1.0]), np.array([2.0, 0.0]), np.array([-1.0])
    >>> planar_inverse(planar(np.array([0.3, -4.0]), u, w, b), u, w, b).round(9)
    array([ 0.3, -4. ])
    """
    return z - u * np.tanh(_along(_dot(w, z), _dot(u, w), b) + b)


def planar_inverse_vjp_z(g, z, u, w, b):
    h = _tanh_inverse(z, u, w, b)
    return g - (1 - h**2) * _dot(u, g) / (1 + (1 - h**2) * _dot(u, w)) * w


def planar_inverse_vjp_u(g, z, u, w, b):
    return -_tanh_inverse(z, u, w, b) * planar_inverse_vjp_z(g, z, u, w, b)


def planar_inverse_vjp_w(g, z, u, w, b):
    return planar_inverse_vjp_b(g, z, u, w, b) * (z - u * _tanh_inverse(z, u, w, b))


def planar_inverse_vjp_b(g, z, u, w, b):
    return -(1 - _tanh_inverse(z, u, w, b) ** 2) * _dot(u, planar_inverse_vjp_z(g, z, u, w, b))


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


def _square(w):
    s = _dot(w, w)
    return np.where(s > 0, s, 1)


def _tanh(z, w, b):
    return np.tanh(_dot(z, w) + b)  # (..., 1)


def _tanh_inverse(z, u, w, b):
    return np.tanh(_along(_dot(w, z), _dot(u, w), b) + b)  # (..., 1)


def _along(y, s, b):
    """The a with a + s tanh(a + b) = y, for s > -1; all (..., 1).

    In t = a + b it is t + s tanh t = y + b, odd, and for t > 0 bent one way only: so Newton's steps from the end of
    [|y + b| - s, |y + b|] that lies on the flat side of the root run towards it and never past it. What the first steps
    find counts as a constant; the derivative, up to the third, is that of the last two.
    """
    t = np.abs(y + b)
    start = np.maximum(t - s, 0)
    a = byhand.constant(np.where(y + b < 0, -start, start) - b)
    for step in range(STEPS):
        h = np.tanh(a + b)
        a = a - (a + s * h - y) / (1 + s * (1 - h**2))
        if step == STEPS - 3:
            a = byhand.constant(a)
    return a


# Each function, joined with its gradients ---------------------------------------------------------------------------

def _invertible(rng):
    made = byhand.normal_arguments(planar, rng)
    return {**made, "u": invertible_u(made["u"], made["w"])}


invertible_u = byhand.with_vjps(invertible_u, invertible_u_vjp_u, invertible_u_vjp_w)
planar = byhand.with_vjps(planar, planar_vjp_z, planar_vjp_u, planar_vjp_w, planar_vjp_b, example=_invertible)
planar_inverse = byhand.with_vjps(
    planar_inverse, planar_inverse_vjp_z, planar_inverse_vjp_u, planar_inverse_vjp_w, planar_inverse_vjp_b,
    example=_invertible,
)  # fmt: skip
planar_log_det = byhand.with_vjps(  # not with_gradients: b has one column for a row
    planar_log_det,
    lambda g, *args: g[..., None] * planar_log_det_grad_z(*args),
    lambda g, *args: g[..., None] * planar_log_det_grad_u(*args),
    lambda g, *args: g[..., None] * planar_log_det_grad_w(*args),
    lambda g, *args: g[..., None] * planar_log_det_grad_b(*args),
    example=_invertible,
)
