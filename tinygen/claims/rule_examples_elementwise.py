"""Examples for the rules of functions that act element by element."""

import numpy as np

from tinygen.claims.examples import apart, between, chance, mask, positive, real, unit


def elementwise(table):
    """Examples of smooth functions, entry by entry."""
    add, each = table.add, table.each
    each([np.positive, np.negative, np.square, np.exp, np.exp2, np.expm1, np.sin, np.cos, np.sinh, np.cosh], real("nm"))
    each([np.tanh, np.arctan, np.arcsinh, np.degrees, np.rad2deg, np.radians, np.deg2rad, np.sinc], real("nm"))
    each([np.sqrt, np.cbrt, np.log, np.log2, np.log10, np.log1p, np.reciprocal], positive("nm"))
    each([np.tan, np.arcsin, np.arccos, np.arctanh], unit("nm"))
    add(np.arccosh, None, between(1.5, 3)("nm"))
    for function in (np.add, np.subtract, np.multiply, np.logaddexp, np.logaddexp2):
        add(function, None, real("nm"), real("m"))
    for function in (np.divide, np.arctan2, np.hypot):
        add(function, None, positive("nm"), positive("m"))
    for function in (np.power, np.float_power):
        add(function, None, positive("nm"), real("m"))
        add(function, lambda x, f=function: f(x, 3), real("nm"))
    add(np.power, lambda x: np.power(x, np.arange(-2, x.shape[-1] - 2)), apart("nm"))
    add(np.power, lambda x: np.power(2, x), real("nm"))
    for function in (np.remainder, np.fmod, np.divmod):  # a/b stays away from the integers
        add(function, None, apart("nm"), between(1.99, 2.01)("m"))
        add(function, lambda a, b, f=function: f(a, -b), apart("nm"), between(1.99, 2.01)(""))


def corners(table):
    """Examples of functions with kinks, away from them."""
    add = table.add
    for function in (np.maximum, np.minimum, np.fmax, np.fmin):
        add(function, lambda a, b, f=function: f(a, b + 0.5), apart("nm"), apart("m"))
    for function in (np.absolute, np.fabs):
        add(function, None, apart("nm"))
    add(np.clip, lambda a, b, c: np.clip(a, b - 2.5, c + 3), apart("nm"), apart("m"), apart(""))
    add(np.clip, lambda a: np.clip(a, None, 1), apart("nm"))
    add(np.clip, lambda a: np.clip(a, a_min=-1, a_max=None), apart("nm"))
    add(np.copysign, None, apart("nm"), apart("m"))
    add(np.where, None, mask("nm"), real("m"), real("nm"))
    add(np.where, lambda a: np.where(a > 0, a, 2 * a), apart("nm"))
    add(np.where, lambda a: a[np.where(a > 0)], apart("nm"))
    add(np.select, lambda a, b: np.select([a > 2, a > 0], [a, b * a], b), apart("nm"), real("m"))
    add(np.nan_to_num, None, real("nm"))
    add(np.nan_to_num, lambda a: np.nan_to_num(np.where(a > 0, a, np.inf), posinf=7.0), apart("nm"))


def constants(table):
    """Examples of functions whose derivative is 0."""
    add = table.add
    tests = [np.isnan, np.isinf, np.isfinite, np.signbit]
    for function in (np.sign, np.floor, np.ceil, np.trunc, np.rint, np.fix, *tests):
        add(function, lambda a, f=function: f(a) * np.sum(a), apart("nm"))
    for function in (np.round, np.around):
        add(function, lambda a, f=function: f(0.1 * a, decimals=1) * np.sum(a), apart("nm"))
    for function in (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.isclose):
        add(function, lambda a, b, f=function: f(a, b + 0.5) * np.sum(a * b), apart("nm"), apart("m"))
    for function in (np.floor_divide, np.heaviside):
        add(function, lambda a, b, f=function: f(a, b) * np.sum(a * b), apart("nm"), between(1.99, 2.01)("m"))
    add(np.spacing, lambda a: a + np.spacing(a), positive("nm"))
    for function in (np.logical_and, np.logical_or, np.logical_xor, np.bitwise_and, np.bitwise_or, np.bitwise_xor):
        add(function, lambda a, f=function: f(a > 0, a < 2) * a, apart("nm"))
    for function in (np.logical_not, np.invert):
        add(function, lambda a, f=function: f(a > 0) * a, apart("nm"))
    for function in (np.allclose, np.array_equal):
        add(function, lambda a, f=function: a if f(a, a) else -a, real("nm"))
    add(np.shape, lambda a: np.reshape(a, np.shape(a)[::-1]), real("nm"))
    add(np.ndim, lambda a: a * np.ndim(a), real("nm"))
    add(np.size, lambda a: a / max(np.size(a), 1), real("nm"))
    add(np.result_type, lambda a: a * np.ones(1, np.result_type(a)), real("nm"))
    for function in (np.zeros_like, np.ones_like):
        add(function, lambda a, f=function: np.where(f(a) == 0, 2, 3) * a, real("nm"))
    add(np.empty_like, lambda a: a * np.empty_like(a).ndim, real("nm"))
    add(np.full_like, lambda a: np.full_like(a, 3) * a, real("nm"))
    add(np.full_like, lambda a: np.full_like(a, a[..., :1]) * a, real("nm"))
    for function in (np.iscomplexobj, np.isrealobj):
        add(function, lambda a, f=function: a if f(a) else 2 * a, real("nm"))


def special_functions(table):
    """Examples of SciPy's special functions."""
    from scipy import special

    add, each = table.add, table.each
    each([special.expit, special.log_expit, special.ndtr, special.log_ndtr], real("nm"))
    each([special.erf, special.erfc, special.erfcx], real("nm"))
    each([special.logit, special.ndtri, special.entr], chance("nm"))
    each([special.erfinv], unit("nm"))
    each([special.gammaln, special.digamma, special.gamma], positive("nm"))
    add(special.digamma, lambda x: special.digamma(-x), chance("nm"))
    add(special._ufuncs._zeta, lambda q: special.zeta(3, q), positive("nm"))
    pairs = [special.xlogy, special.xlog1py, special.rel_entr, special.kl_div, special.betaln]
    each(pairs, positive("nm"), positive("m"))
    each([special.beta], positive("nm"), positive("m"))
    each([special.loggamma, special.i0, special.i0e, special.i1, special.i1e, special.exp10], positive("nm"))
    each([special.j0, special.j1, special.i0e, special.i1e], real("nm"))
    each([special.erfcinv], chance("nm"))
    each([special.rgamma, special.y0, special.y1, special.k0, special.k0e, special.k1, special.k1e], positive("nm"))
    add(special.rgamma, lambda x: special.rgamma(-x), chance("nm"))
    add(special.gammasgn, lambda x: special.gammasgn(-x) * x, chance("nm"))
    for function in (special.yn, special.kn):
        add(function, lambda x, f=function: f(2, x), positive("nm"))
    for function in (special.gammainc, special.gammaincc):
        add(function, lambda x, f=function: f(2.5, x), positive("nm"))
    add(special.betainc, lambda x: special.betainc(1.5, 2.5, x), chance("nm"))
    for function in (special.iv, special.ive, special.jv, special.yv, special.kv, special.kve):
        add(function, lambda x, f=function: f(1.5, x), positive("nm"))
    add(special.huber, lambda d, r: special.huber(d, r), positive("m"), apart("nm"))
    add(special.pseudo_huber, None, positive("m"), real("nm"))
