"""Rules for SciPy's special functions; loaded when the first of them meets a Var."""

import math

import numpy as np
from scipy import special

from tinygen.autodiff.rules.elementwise import constant, define, refused
from tinygen.autodiff.rules.kinks import again, no_limit


def _erfcx(g, y, x):
    """2 x erfcx(x) - 2 / sqrt(pi); where x is large that cancels, and its series in 1 / x^2 does not."""
    large = x > (25 if x.dtype.itemsize == 8 else 8)
    w = 1 / np.where(large, x, 25) ** 2
    series = 1 - 5.5 * w
    for half in (4.5, 3.5, 2.5, 1.5):
        series = 1 - half * w * series
    return g * np.where(large, -w * series / math.sqrt(math.pi), 2 * x * y - 2 / math.sqrt(math.pi))


define(special.expit, lambda g, y, x: g * y * special.expit(-x))
define(special.log_expit, lambda g, y, x: g * special.expit(-x))
define(special.logit, lambda g, y, x: g / (x * (1 - x)))
define(special.erf, lambda g, y, x: g * (2 / math.sqrt(math.pi)) * np.exp(-x * x))
define(special.erfc, lambda g, y, x: g * (-2 / math.sqrt(math.pi)) * np.exp(-x * x))
define(special.erfcx, _erfcx)
define(special.erfinv, lambda g, y, x: g * (math.sqrt(math.pi) / 2) * np.exp(y * y))
define(special.ndtr, lambda g, y, x: g * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))
define(special.ndtri, lambda g, y, x: g * math.sqrt(2 * math.pi) * np.exp(0.5 * y * y))
# log_ndtr: the density divided by ndtr, where both may underflow
define(special.log_ndtr, lambda g, y, x: g * math.sqrt(2 / math.pi) / special.erfcx(-x / math.sqrt(2)))
define(special.gammaln, lambda g, y, x: g * special.digamma(x))
define(special.gamma, lambda g, y, x: g * y * special.digamma(x))
define(special.rgamma, lambda g, y, x: -g * y * special.digamma(x))  # nan at the poles of gamma: 0 times inf
constant(special.gammasgn)
define(
    special.betaln,
    lambda g, y, a, b: g * (special.digamma(a) - special.digamma(a + b)),
    lambda g, y, a, b: g * (special.digamma(b) - special.digamma(a + b)),
)


def _trigamma(x):
    """zeta(2, x), by the reflection pi^2 / sin^2(pi x) - zeta(2, 1 - x) where x < 0."""
    negative = x < 0
    value = special.zeta(2, np.where(negative, 1 - x, x))
    safe = np.where(negative, x, 0.5)
    return np.where(negative, (math.pi / np.sin(math.pi * safe)) ** 2 - value, value)


define(special.digamma, lambda g, y, x: g * _trigamma(x))

_zeta = special._ufuncs._zeta  # special.zeta is a Python function around it
_by_q = lambda g, y, s, q: -g * s * special.zeta(s + 1, q)
_no_s = refused("scipy.special.zeta(s, q) can be differentiated with respect to q, not to s.", _by_q)
define(_zeta, _no_s, _by_q, name="zeta")


def _by_log(g, a, b):
    """g a / b, the cotangent of b in a log b: 0 at 0 / 0, where it has no derivative unless a stays 0."""
    both = (a == 0) & (b == 0)
    out = g * np.where(both, 0, a / np.where(both, 1, b))
    return no_limit(out, a, both) if again(a) else out


define(special.xlogy, lambda g, y, a, b: g * np.log(b), lambda g, y, a, b: _by_log(g, a, b))
define(special.xlog1py, lambda g, y, a, b: g * np.log1p(b), lambda g, y, a, b: _by_log(g, a, 1 + b))
define(special.entr, lambda g, y, x: -g * (np.log(x) + 1))
define(special.rel_entr, lambda g, y, a, b: g * (np.log(a / b) + 1), lambda g, y, a, b: -g * a / b)
define(special.kl_div, lambda g, y, a, b: g * np.log(a / b), lambda g, y, a, b: g * (1 - a / b))


# ---- gamma, beta and their incomplete integrals ----

define(special.loggamma, lambda g, y, x: g * special.digamma(x))
define(
    special.beta,
    lambda g, y, a, b: g * y * (special.digamma(a) - special.digamma(a + b)),
    lambda g, y, a, b: g * y * (special.digamma(b) - special.digamma(a + b)),
)


def _gamma_density(a, x):
    a = a * np.ones_like(x)  # in the dtype of x
    return np.exp(special.xlogy(a - 1, x) - x - special.gammaln(a))


def _beta_density(a, b, x):
    a, b = a * np.ones_like(x), b * np.ones_like(x)
    return np.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b))


def _no(function, like):
    return refused(f"scipy.special.{function} can be differentiated with respect to its last argument alone.", like)


_gammainc = lambda g, y, a, x: g * _gamma_density(a, x)
_betainc = lambda g, y, a, b, x: g * _beta_density(a, b, x)
define(special.gammainc, _no("gammainc", _gammainc), _gammainc)
define(special.gammaincc, _no("gammaincc", _gammainc), lambda g, y, a, x: -g * _gamma_density(a, x))
define(special.betainc, _no("betainc", _betainc), _no("betainc", _betainc), _betainc)
define(special.erfcinv, lambda g, y, x: g * (-math.sqrt(math.pi) / 2) * np.exp(y * y))
define(special.exp10, lambda g, y, x: g * y * math.log(10))

# ---- Bessel functions ----

_iv = lambda g, y, v, z: g * 0.5 * (special.iv(v - 1, z) + special.iv(v + 1, z))
_ive = lambda g, y, v, z: g * (0.5 * (special.ive(v - 1, z) + special.ive(v + 1, z)) - np.sign(z) * y)
_jv = lambda g, y, v, z: g * 0.5 * (special.jv(v - 1, z) - special.jv(v + 1, z))
define(special.iv, _no("iv", _iv), _iv)
define(special.ive, _no("ive", _ive), _ive)
define(special.jv, _no("jv", _jv), _jv)
_yv = lambda g, y, v, z: g * 0.5 * (special.yv(v - 1, z) - special.yv(v + 1, z))
_kv = lambda g, y, v, z: g * -0.5 * (special.kv(v - 1, z) + special.kv(v + 1, z))
_kve = lambda g, y, v, z: g * (y - 0.5 * (special.kve(v - 1, z) + special.kve(v + 1, z)))
for _function, _by_z in (
    (special.yv, _yv),
    (special.yn, _yv),
    (special.kv, _kv),
    (special.kn, _kv),
    (special.kve, _kve),
):
    define(_function, _no(_function.__name__, _by_z), _by_z)
define(special.i0, lambda g, y, x: g * special.i1(x))
define(special.i0e, lambda g, y, x: g * (special.i1e(x) - np.sign(x) * y))
define(special.i1, lambda g, y, x: g * 0.5 * (special.i0(x) + special.iv(2, x)))
define(special.i1e, lambda g, y, x: g * (0.5 * (special.i0e(x) + special.ive(2, x)) - np.sign(x) * y))
define(special.j0, lambda g, y, x: -g * special.j1(x))
define(special.j1, lambda g, y, x: g * 0.5 * (special.j0(x) - special.jv(2, x)))
define(special.y0, lambda g, y, x: -g * special.y1(x))
define(special.y1, lambda g, y, x: g * 0.5 * (special.y0(x) - special.yv(2, x)))
define(special.k0, lambda g, y, x: -g * special.k1(x))
define(special.k0e, lambda g, y, x: g * (y - special.k1e(x)))
define(special.k1, lambda g, y, x: g * -0.5 * (special.k0(x) + special.kv(2, x)))
define(special.k1e, lambda g, y, x: g * (y - 0.5 * (special.k0e(x) + special.kve(2, x))))

# ---- losses ----

define(
    special.huber,
    lambda g, y, delta, r: g * np.where(abs(r) > delta, abs(r) - delta, 0),
    lambda g, y, delta, r: g * np.clip(r, -delta, delta),
)
define(
    special.pseudo_huber,
    lambda g, y, delta, r: g * (2 * y / delta - r * r / np.hypot(delta, r)),
    lambda g, y, delta, r: g * delta * r / np.hypot(delta, r),
)
