"""Rules for functions that act element by element. Broadcasting is undone by the tape, not here.

In a rule, `g` is the cotangent of the value `y`; then come the arguments. Rules keep the dtype of their data: a Python
number adapts to it, np.float64(2) or an integer array would not.
"""

import functools
import math
import operator

import numpy as np

from tinygen.autodiff.arraylike import bare
from tinygen.autodiff.rules.kinks import tip
from tinygen.autodiff.table import TABLE, Row
from tinygen.autodiff.tape import Var, apply, operator_of


def define(function, *rules, **what):
    """A row of the table: the function, one rule for each argument, and what the operation is (see Row)."""
    TABLE[function] = Row(function, *rules, **what)


def full(function, rule, **what):
    """The row for calls of `function` with keywords that are seldom used; the value is NumPy's own."""
    row = Row(lambda *args, **kw: function(*args, **kw), rule, name=function.__name__, **what)
    TABLE[function].full = row


def spelled(command):
    """How LaTeX writes a function that has a command of its own: \\sin x."""
    return f"\\{command} {{0:POWER}}", "OPEN"


def stands_for(function, through):
    """A row without rules of its own: `through` computes the same bits by functions that have rows."""
    TABLE[function] = Row(function, through=through)


def constant(*functions, keywords=""):
    """Functions whose derivative is zero wherever there is one: noted, so that a recording does not freeze them."""
    for function in functions:
        define(function, keywords=keywords)


def static(*functions):
    """Functions of shape and dtype alone: they see the array, and are not noted."""
    for function in functions:

        def only_shape(*args, _f=function, **kw):
            return _f(*map(bare, args), **{key: bare(value) for key, value in kw.items()})

        stands_for(function, only_shape)


def refused(reason, like):
    """In place of a rule that is not written down, an error (None would mean 0); `like` is another rule of the row."""

    @functools.wraps(like)
    def rule(*args, **kw):
        raise TypeError(reason)

    rule.reason = reason
    return rule


# ---- arithmetic ----

define(np.positive, lambda g, y, x: g, linear=True, copies=True)
define(np.negative, lambda g, y, x: -g, linear=True, symbol="-", latex=("-{0:OPEN}", "NEGATIVE"))
define(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g, linear=True, symbol="+")
define(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g, linear=True, symbol="-")
define(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a, symbol="*", complex=True)
define(
    np.divide,
    lambda g, y, a, b: g / b,
    lambda g, y, a, b: -g * y / b,
    symbol="/",
    latex=(r"\frac{{{0}}}{{{1}}}", "FRACTION"),
    complex=True,
)
define(np.remainder, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.floor_divide(a, b), symbol="%")
define(np.fmod, lambda g, y, a, b: g, lambda g, y, a, b: -g * np.trunc(a / b))
define(np.divmod, lambda g, y, a, b: g[1], lambda g, y, a, b: -g[1] * y[0])
define(np.reciprocal, lambda g, y, x: -g * y * y, latex=(r"\frac{{1}}{{{0}}}", "FRACTION"), complex=True)
define(np.square, lambda g, y, x: 2 * g * x, latex=("{0:ATOM}^{{2}}", "POWER"), complex=True)
define(np.sqrt, lambda g, y, x: 0.5 * g / y, latex=(r"\sqrt{{{0}}}", "ATOM"), complex=True)
define(np.cbrt, lambda g, y, x: g / (3 * y * y))


def power_base(g, y, x, n):
    """n x^(n-1); 0 where n is 0, also at x = 0. Both ways give the same bits: a replay takes the second."""
    if isinstance(n, (int, float)):
        return (g * n) * (x if n == 2 else x ** (n - 1 if n != 0 else n))  # 0 x^0 is 0 everywhere
    return (g * n) * np.where((n == 0) & (x == 0), 1, x) ** (n - 1)


def power_exponent(g, y, x, n):
    """x^n log x; 0 where x is 0."""
    if isinstance(x, (int, float)):
        return (g * y) * float(np.log(x)) if x > 0 else 0 * g if x == 0 else g * math.nan  # float: adapts to g's dtype
    zero = x == 0
    return np.where(zero, 0, (g * y) * np.log(np.where(zero, 1, x)))


define(np.power, power_base, power_exponent, complex=True, symbol="**", latex=("{0:ATOM}^{{{1}}}", "POWER"))
define(np.float_power, power_base, power_exponent)

# ---- exponentials, logarithms ----

define(np.exp, lambda g, y, x: g * y, latex=("e^{{{0}}}", "POWER"), complex=True)
define(np.exp2, lambda g, y, x: g * y * math.log(2))
define(np.expm1, lambda g, y, x: g * np.exp(x))
define(np.log, lambda g, y, x: g / x, latex=spelled("log"), complex=True)
define(np.log2, lambda g, y, x: g / (x * math.log(2)))
define(np.log10, lambda g, y, x: g / (x * math.log(10)))
define(np.log1p, lambda g, y, x: g / (1 + x))


def _share(a, b, y):
    """exp(a - y), the part of exp(a) in exp(y) = exp(a) + exp(b): exact also where both are infinite."""
    infinite = np.isinf(y) & (a == y)
    part = np.exp(np.where(infinite, 0, a - np.where(infinite, 0, y)))
    return np.where(infinite & (a == b), 0.5 * part, part)


define(np.logaddexp, lambda g, y, a, b: g * _share(a, b, y), lambda g, y, a, b: g * _share(b, a, y))
define(
    np.logaddexp2,
    lambda g, y, a, b: g * _share(a * math.log(2), b * math.log(2), y * math.log(2)),
    lambda g, y, a, b: g * _share(b * math.log(2), a * math.log(2), y * math.log(2)),
)

# ---- trigonometric and hyperbolic functions ----

define(np.sin, lambda g, y, x: g * np.cos(x), latex=spelled("sin"), complex=True)
define(np.cos, lambda g, y, x: -g * np.sin(x), latex=spelled("cos"), complex=True)
define(np.tan, lambda g, y, x: g * (1 + y * y), latex=spelled("tan"), complex=True)
define(np.arcsin, lambda g, y, x: g / np.sqrt((1 - x) * (1 + x)), latex=spelled("arcsin"))
define(np.arccos, lambda g, y, x: -g / np.sqrt((1 - x) * (1 + x)), latex=spelled("arccos"))
define(np.arctan, lambda g, y, x: g / (1 + x * x), latex=spelled("arctan"))
define(
    np.arctan2,
    lambda g, y, a, b: g * (b / np.hypot(a, b)) / np.hypot(a, b),
    lambda g, y, a, b: -g * (a / np.hypot(a, b)) / np.hypot(a, b),
)
define(np.sinh, lambda g, y, x: g * np.cosh(x), latex=spelled("sinh"), complex=True)
define(np.cosh, lambda g, y, x: g * np.sinh(x), latex=spelled("cosh"), complex=True)
define(np.tanh, lambda g, y, x: g * (1 - y * y), latex=spelled("tanh"), complex=True)
define(np.arcsinh, lambda g, y, x: g / np.hypot(x, 1))
define(np.arccosh, lambda g, y, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)))
define(np.arctanh, lambda g, y, x: g / ((1 - x) * (1 + x)))
for _degrees in (np.degrees, np.rad2deg):
    define(_degrees, lambda g, y, x: g * (180 / math.pi))
for _radians in (np.radians, np.deg2rad):
    define(_radians, lambda g, y, x: g * (math.pi / 180))


def _sinc(g, y, x):
    """(cos(pi x) - sinc x) / x; near 0, where that would be 0/0, its series."""
    small, u = np.abs(x) < 0.01, math.pi * math.pi * x * x
    series = x * (-math.pi * math.pi / 3) * (1 - u / 10 * (1 - u / 28))
    return g * np.where(small, series, (np.cos(math.pi * x) - y) / np.where(small, 1, x))


define(np.sinc, _sinc)

# ---- corners: ties share equally, and the derivative of |x| at 0 is 0 ----


def _larger(g, a, b):
    """The cotangent of `a` in max(a, b)."""
    return np.where(a > b, g, np.where(a == b, 0.5 * g, 0))


def _instead(g, b, otherwise):
    """All of `g` where b is nan, which fmax and fmin pass over."""
    return np.where(np.isnan(b), g, otherwise)


define(
    np.maximum,
    lambda g, y, a, b: _larger(g, a, b),
    lambda g, y, a, b: _larger(g, b, a),
    chooses=True,
    latex=(r"\max\left({0}, {1}\right)", "ATOM"),
)
define(
    np.minimum,
    lambda g, y, a, b: _larger(g, b, a),
    lambda g, y, a, b: _larger(g, a, b),
    chooses=True,
    latex=(r"\min\left({0}, {1}\right)", "ATOM"),
)
define(
    np.fmax,
    lambda g, y, a, b: _instead(g, b, _larger(g, a, b)),
    lambda g, y, a, b: _instead(g, a, _larger(g, b, a)),
    chooses=True,
)
define(
    np.fmin,
    lambda g, y, a, b: _instead(g, b, _larger(g, b, a)),
    lambda g, y, a, b: _instead(g, a, _larger(g, a, b)),
    chooses=True,
)


def _absolute(g, y, x):
    if x.dtype.kind == "c":  # (dL/dx - i dL/dy) of |x + i y|
        return np.conjugate(tip(g * (x / np.where(y == 0, 1, y)), g, y, x))
    return tip(g * np.sign(x), g, y, x, unknown=0.0)


for _abs in (np.absolute, np.fabs):
    define(_abs, _absolute, complex=True, latex=(r"\left|{0}\right|", "ATOM"))


def _clip(g, a, low, high, x, other):
    """The cotangent of `x` in min(max(a, low), high), where `x` is a or low and `other` is low or a; None: no bound."""
    inner = a if low is None else np.maximum(a, low)
    g = g if other is None else _larger(g, x, other)
    return g if high is None else _larger(g, high, inner)


_clip_row = Row(
    np.clip,
    lambda g, y, a, low, high: _clip(g, a, low, high, a, low),
    lambda g, y, a, low, high: _clip(g, a, low, high, low, a),
    lambda g, y, a, low, high: _larger(g, a if low is None else np.maximum(a, low), high),
    name="clip",
    chooses=True,
)


def _clip_through(a, a_min=None, a_max=None, *, min=None, max=None):
    return apply(_clip_row, (a, min if a_min is None else a_min, max if a_max is None else a_max), {})


stands_for(np.clip, _clip_through)
define(
    np.hypot,
    lambda g, y, a, b: tip(g * a / np.where(y == 0, 1, y), g, y, a),
    lambda g, y, a, b: tip(g * b / np.where(y == 0, 1, y), g, y, b),
)
define(np.copysign, lambda g, y, a, b: g * np.copysign(1, a) * np.copysign(1, b), lambda g, y, a, b: 0 * g)
define(
    np.where,
    None,
    lambda g, y, condition, x, z: np.where(condition, g, 0),
    lambda g, y, condition, x, z: np.where(condition, 0, g),
    name="where",
    chooses=True,
    complex=True,
)


def _select(condlist, choicelist, default=0):
    out = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        out = np.where(condition, choice, out)
    return out


stands_for(np.select, _select)
define(np.nan_to_num, lambda g, y, x, *, nan=0.0, posinf=None, neginf=None: np.where(np.isfinite(x), g, 0))

# ---- no derivative, or zero ----

define(np.sign, complex=False)  # of a complex z it is z / |z|
constant(np.floor, np.ceil, np.trunc, np.rint, np.heaviside, np.spacing)
define(np.floor_divide, symbol="//")
constant(np.fix)
constant(np.round, np.around, keywords="decimals")
for _function, _symbol, _sign in [
    (np.equal, "==", "="),
    (np.not_equal, "!=", r"\ne"),
    (np.less, "<", "<"),
    (np.less_equal, "<=", r"\le"),
    (np.greater, ">", ">"),
    (np.greater_equal, ">=", r"\ge"),
]:
    define(_function, symbol=_symbol, latex=(rf"\left[{{0}} {_sign} {{1}}\right]", "ATOM"))
constant(np.logical_and, np.logical_or, np.logical_xor, np.logical_not)
constant(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.invert)
constant(np.isnan, np.isinf, np.isfinite, np.signbit)
constant(np.isclose, np.allclose, keywords="rtol atol equal_nan")
constant(np.array_equal, keywords="equal_nan")
static(np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj)
static(np.zeros_like, np.ones_like, np.empty_like)

# ---- Python's operators: the operator itself on the values: x**2 and np.power(x, 2) may differ in the last bit ----


def _operator(symbol, function, ufunc):
    like = TABLE[ufunc]
    what = {key: getattr(like, key) for key in ("linear", "copies", "complex", "symbol", "latex")}
    row = Row(function, *like.rules, name=ufunc.__name__, **what)
    if ufunc.nin == 1:
        setattr(Var, f"__{symbol}__", lambda a: apply(row, (a,), {}))
        return
    setattr(Var, f"__{symbol}__", operator_of(row))
    if ufunc not in _COMPARISONS:  # Python turns a < b round by itself
        setattr(Var, f"__r{symbol}__", lambda a, b: apply(row, (b, a), {}))


_COMPARISONS = (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
for _symbol, _function, _ufunc in [
    ("add", operator.add, np.add),
    ("sub", operator.sub, np.subtract),
    ("mul", operator.mul, np.multiply),
    ("truediv", operator.truediv, np.divide),
    ("floordiv", operator.floordiv, np.floor_divide),
    ("mod", operator.mod, np.remainder),
    ("divmod", divmod, np.divmod),
    ("pow", operator.pow, np.power),
    ("and", operator.and_, np.bitwise_and),
    ("or", operator.or_, np.bitwise_or),
    ("xor", operator.xor, np.bitwise_xor),
    ("eq", operator.eq, np.equal),
    ("ne", operator.ne, np.not_equal),
    ("lt", operator.lt, np.less),
    ("le", operator.le, np.less_equal),
    ("gt", operator.gt, np.greater),
    ("ge", operator.ge, np.greater_equal),
    ("neg", operator.neg, np.negative),
    ("pos", operator.pos, np.positive),
    ("abs", abs, np.absolute),
    ("invert", operator.invert, np.invert),
]:
    _operator(_symbol, _function, _ufunc)
