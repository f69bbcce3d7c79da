"""How a step of the chain rule goes wrong: a wrong local derivative, a wrong operand, a spoiled cotangent."""

from dataclasses import dataclass

import numpy as np

from tinygen.mistakes.fields import OWN

_DERIVATIVES = {  # wrong local derivatives of an operation y = op(x)
    "x": lambda x, y: x,
    "y": lambda x, y: y,
    "x^2": lambda x, y: x**2,
    "y^2": lambda x, y: y**2,
    "1/x": lambda x, y: 1 / x,
    "1/y": lambda x, y: 1 / y,
    "-1/x": lambda x, y: -1 / x,
    "1/x^2": lambda x, y: 1 / x**2,
    "1 - x": lambda x, y: 1 - x,
    "1 - y": lambda x, y: 1 - y,
    "1 + y": lambda x, y: 1 + y,
    "1 - x^2": lambda x, y: 1 - x**2,
    "1 - y^2": lambda x, y: 1 - y**2,
    "x (1 - x)": lambda x, y: x * (1 - x),
    "y (1 - y)": lambda x, y: y * (1 - y),
    "x y": lambda x, y: x * y,
    "2 x": lambda x, y: 2 * x,
    "2 y": lambda x, y: 2 * y,
    "sqrt(x)": lambda x, y: np.sqrt(x),
    "exp(x)": lambda x, y: np.exp(x),
    "-y": lambda x, y: -y,
    "cos(x)": lambda x, y: np.cos(x),
    "-cos(x)": lambda x, y: -np.cos(x),
    "sin(x)": lambda x, y: np.sin(x),
    "1 where x > 0": lambda x, y: 1.0 * (x > 0),
}
_OPERANDS = {  # wrong forms in which the other operand v of an operation is used on the way back
    "v^2": np.square,
    "sqrt(v)": np.sqrt,
    "1/v": np.reciprocal,
    "exp(v)": np.exp,
    "exp(v / 2)": lambda v: np.exp(v / 2),
    "log(v)": np.log,
    "tanh(v)": np.tanh,
    "arctanh(v), the value before the tanh": np.arctanh,
    "max(v, 0)": lambda v: np.maximum(v, 0),
    "1 - v": lambda v: 1 - v,
    "v minus its mean": lambda v: v - v.mean(0),
}
_OTHER_END = {np.max: np.min, np.min: np.max}


ODD = (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError)  # raised by an altered operand that does not fit


@dataclass(frozen=True)
class Change:
    """One way to go wrong: its kind, its cost in bits, its words, and `make`, which gives the wrong cotangent.

    key: the sentence that it is told by; `words` is what stands in it.
    """

    kind: str
    cost: float
    words: str
    make: object
    key: str = "local"

    @property
    def parts(self):
        """What the sentence needs."""
        return {"factor" if self.key == "left out" else "words": self.words}


def local_changes(recording, edge):
    """Wrong local derivatives of an operation; `make(edge)` gives what it would hand back."""
    args, y, row = recording.args(edge), recording.y(edge), recording.row(edge)
    if type(y) is tuple:
        return
    shape = np.shape(args[edge.i])
    floats = [j for j, v in enumerate(args) if _floating(v)]
    if row.chooses:
        yield Change(
            "path", 1, "the kink is left out: this branch is taken everywhere", lambda e: _summed(e.g[0], shape)
        )
        yield Change("path", 1, "the kink is left out: this branch is taken nowhere", lambda e: 0 * e.k)
    elif not row.linear and _broadcasts(shape, np.shape(y)):
        factor = _left_out(recording, edge, floats)
        key = "left out" if factor else "not derived"
        yield Change("chain-factor", 1, factor, lambda e: _summed(e.g[0], shape), key)
    if row.symbol == "**" and edge.i == 0 and np.ndim(args[1]) == 0:
        for words, more in (("n x^n", 1), ("n x^(n-2)", -1)):
            said = f"the power x^n is differentiated to {words} in place of n x^(n-1)"
            yield Change("chain-factor", 2, said, lambda e, m=more: e.k * recording.args(e)[0] ** m)
    if row.symbol == "**" and edge.i == 1:
        words = "the derivative of the power by its exponent lacks the logarithm of the base"
        yield Change("chain-factor", 2, words, lambda e: _summed(e.g[0] * recording.y(e), shape))
    if row.function in _OTHER_END:
        words = "the gradient goes to the wrong end: to the minimum for the maximum, or the reverse"
        yield Change("path", 1, words, lambda e: _at_the_other_end(recording, e))
    scaling = row.symbol in ("*", "/")
    if np.shape(y) == shape and not row.linear and len(floats) == 1 and not scaling:
        yield from _wrong_formulas(recording, edge)
    for j in floats:
        if j != edge.i:
            yield from _operands(recording, edge, j, np.asarray(args[j]))


def _wrong_formulas(recording, edge):
    """Of an operation y = op(x), element by element."""
    chain = lambda cost, words, make: Change("chain-factor", cost, words, make)
    function, kw = recording.all[edge.step][1].function, recording.all[edge.step][3]
    x = recording.args(edge)[edge.i]

    def at(e, value):
        args = [value if j == e.i else v for j, v in enumerate(recording.args(e))]
        return recording.local(e, y=function(*args, **kw), args=args)

    for slot, value in recording.values.items() if len(recording.edges) <= 100 else ():
        if np.shape(value) == np.shape(x) and np.ndim(x) and slot < edge.parent and not np.array_equal(value, x):
            place = f"`{recording.source(slot)}` in place of `{recording.source(edge.parent)}`"
            words = f"the derivative is taken at {place}"
            yield chain(4, words, lambda e, v=value: at(e, v))
    yield chain(3, "the derivative is taken at the output in place of the input", lambda e: at(e, recording.y(e)))
    for words, change in (("the negative", np.negative), ("twice the", lambda v: 2 * v), ("half the", lambda v: v / 2)):
        yield chain(5, f"the derivative is taken at {words} argument", lambda e, c=change: at(e, c(x)))
    yield chain(3, "the derivative is multiplied in twice", lambda e: e.k * e.k / np.where(e.g[0] == 0, 1, e.g[0]))
    mixed = "the derivative is taken of the {}: its formula wants the {}"
    yield chain(3, mixed.format("input", "output"), lambda e: recording.local(e, y=recording.args(e)[e.i]))
    yield chain(3, mixed.format("output", "input"), lambda e: _with(recording, e, e.i, lambda v: recording.y(e)))
    for form, function in _DERIVATIVES.items():
        words = f"the derivative is taken to be {form} (x the input, y the output)"
        yield chain(6.5, words, lambda e, f=function: e.g[0] * f(recording.args(e)[e.i], recording.y(e)))


def _operands(recording, edge, j, other):
    """The other operand goes in wrongly on the way back: transposed, its square, or another value in its place."""
    if other.ndim == 2 and other.shape[0] == other.shape[1]:
        words = "the other factor is not transposed on the way back (or is, and should not be)"
        yield Change("transpose", 1, words, lambda e: _with(recording, e, j, np.transpose))
    for form, function in _OPERANDS.items():
        words = f"the other factor v goes in as {form}"
        yield Change("chain-factor", 7, words, lambda e, f=function: _with(recording, e, j, f))
    slot = dict(recording.all[edge.step][5]).get(j)
    for rival, value in recording.values.items() if len(recording.edges) <= 100 else ():
        if rival != slot and other.ndim and np.shape(value) == other.shape and not np.array_equal(value, other):
            whose = f"`{recording.operand(edge.step, j)}`"
            words = f"`{recording.source(rival)}` is used in place of {whose}"
            yield Change("chain-factor", 4, words, lambda e, v=value: _with(recording, e, j, lambda _: v))


def value_changes(shape, source="v"):
    """What goes back through an intermediate value v is spoiled: `make(cotangent, v)` gives what it would be."""
    if len(shape) == 2 and shape[0] == shape[1]:
        yield Change("transpose", 2, "is transposed", lambda g, v: g.T)
    if shape and shape[0] > 2:
        for step, words in ((1, "late"), (-1, "early")):
            yield Change("shift", 3, f"has its rows one place too {words}", lambda g, v, s=step: np.roll(g, s, 0))
        blown = "(B, 1) against (B,) broadcast to (B, B), or a mask applied after the sum"
        words = f"is summed over the batch for every row: {blown}"
        yield Change("broadcast", 3, words, lambda g, v: np.broadcast_to(g.sum(0), g.shape))
        words = "is averaged over the batch for every row"
        yield Change("broadcast", 4, words, lambda g, v: np.broadcast_to(g.mean(0), g.shape))
        words = "counts once for each entry, however often it is used"
        size = np.log2(np.prod(shape)) / 4  # the narrowest place comes first
        yield Change("entries", 4 + size, words, lambda g, v: np.sign(g) * np.min(abs(g)[g != 0], initial=np.inf))
    for form, (function, _) in OWN.items():
        words = f"has a factor {form.format(source)} too many"
        yield Change("chain-factor", 7.5, words, lambda g, v, f=function: g * f(v))


def _floating(value):
    return isinstance(value, (np.ndarray, np.generic, float)) and np.asarray(value).dtype.kind == "f"


def _left_out(recording, edge, floats):
    """The factor that a derivative of 1 in place of the right one leaves out; "" if it is the derivative itself."""
    others = [j for j in range(len(recording.args(edge))) if j != edge.i]
    if len(others) == 1 and recording.row(edge).symbol in ("*", "/", "@"):
        return f"`{recording.operand(edge.step, others[0])}`"
    return ""


def _at_the_other_end(recording, edge):
    x, *rest = recording.args(edge)
    extreme = _OTHER_END[recording.row(edge).function]
    return recording.local(edge, y=extreme(x, *rest, **recording.all[edge.step][3]))


def _with(recording, edge, j, function):
    """The local derivative with argument `j` replaced by `function` of it."""
    args = list(recording.args(edge))
    args[j] = function(np.asarray(args[j]))
    return recording.local(edge, args=args)


def _broadcasts(small, large):
    """Whether an array of shape `small` is broadcast to shape `large`."""
    return len(small) <= len(large) and all(n in (1, m) for n, m in zip(small[::-1], large[::-1]))


def _summed(g, shape):
    """`g` summed over the axes along which `shape` was broadcast."""
    g = g.sum(tuple(range(g.ndim - len(shape))))
    return g.sum(tuple(a for a, n in enumerate(shape) if n == 1 and g.shape[a] != 1), keepdims=True)
