"""Simple functions of the arguments, as arrays of the checked argument's shape: what a slip leaves behind."""

import re
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np


@dataclass(frozen=True)
class Field:
    """An array with its words: `words` as formula, `of` where it comes from, `integral` whose gradient it is."""

    words: str
    array: np.ndarray
    of: str
    integral: str = ""


OWN = {  # words -> function of the argument, and the term that has it as gradient
    "{0}": (lambda x: x, "{0}^2 / 2"),
    "{0}^2": (lambda x: x**2, "{0}^3 / 3"),
    "1/{0}": (lambda x: 1 / x, "ln {0}"),
    "1/{0}^2": (lambda x: 1 / x**2, "-1/{0}"),
    "1/{0}^3": (lambda x: 1 / x**3, "-1/(2 {0}^2)"),
    "{0}^3": (lambda x: x**3, "{0}^4 / 4"),
    "sqrt({0})": (lambda x: np.sqrt(x), ""),
    "1/sqrt({0})": (lambda x: 1 / np.sqrt(x), "2 sqrt({0})"),
    "exp({0})": (lambda x: np.exp(x), "exp({0})"),
    "exp(-{0})": (lambda x: np.exp(-x), "-exp(-{0})"),
    "exp({0} / 2)": (lambda x: np.exp(x / 2), "2 exp({0} / 2)"),
    "exp(-{0} / 2)": (lambda x: np.exp(-x / 2), "-2 exp(-{0} / 2)"),
    "exp(2 {0})": (lambda x: np.exp(2 * x), "exp(2 {0}) / 2"),
    "exp(-2 {0})": (lambda x: np.exp(-2 * x), "-exp(-2 {0}) / 2"),
    "ln {0}": (lambda x: np.log(x), ""),
    "1/ln {0}": (lambda x: 1 / np.log(x), ""),
    "(1 - {0})": (lambda x: 1 - x, ""),
    "1/(1 - {0})": (lambda x: 1 / (1 - x), "-ln(1 - {0})"),
    "sqrt(1 - {0})": (lambda x: np.sqrt(1 - x), ""),
    "1/sqrt(1 - {0})": (lambda x: 1 / np.sqrt(1 - x), "-2 sqrt(1 - {0})"),
    "(1 + {0})": (lambda x: 1 + x, ""),
    "1/(1 + {0})": (lambda x: 1 / (1 + x), "ln(1 + {0})"),
    "(1 - {0}^2)": (lambda x: 1 - x**2, ""),
    "1/(1 - {0}^2)": (lambda x: 1 / (1 - x**2), ""),
    "{0} (1 - {0})": (lambda x: x * (1 - x), ""),
    "1/({0} (1 - {0}))": (lambda x: 1 / (x * (1 - x)), ""),
    "tanh({0})": (lambda x: np.tanh(x), ""),
    "(1 - tanh({0})^2)": (lambda x: 1 - np.tanh(x) ** 2, "tanh({0})"),
    "1/(1 - tanh({0})^2)": (lambda x: 1 / (1 - np.tanh(x) ** 2), ""),
    "(1 - {0}^2)/(1 - tanh({0})^2)": (lambda x: (1 - x**2) / (1 - np.tanh(x) ** 2), ""),
    "sigmoid({0})": (lambda x: _sigmoid(x), "softplus({0})"),
    "1/sigmoid({0})": (lambda x: 1 / _sigmoid(x), ""),
    "sigmoid'({0})": (lambda x: _sigmoid(x) * _sigmoid(-x), "sigmoid({0})"),
    "1/sigmoid'({0})": (lambda x: 1 / (_sigmoid(x) * _sigmoid(-x)), ""),
    "sigmoid(-{0})": (lambda x: _sigmoid(-x), ""),
    "1/sigmoid(-{0})": (lambda x: 1 / _sigmoid(-x), ""),
    "cos({0})": (lambda x: np.cos(x), "sin({0})"),
    "1/cos({0})": (lambda x: 1 / np.cos(x), ""),
    "sin({0})": (lambda x: np.sin(x), "-cos({0})"),
    "tan({0})": (lambda x: np.tan(x), ""),
    "sign({0})": (lambda x: np.sign(x), "|{0}|"),
    "|{0}|": (lambda x: abs(x), ""),
}
_OTHER = [
    "{0}",
    "1/{0}",
    "{0}^2",
    "1/{0}^2",
    "sqrt({0})",
    "1/sqrt({0})",
    "exp({0})",
    "exp(-{0})",
    "exp({0} / 2)",
    "exp(-{0} / 2)",
    "exp(2 {0})",
    "exp(-2 {0})",
    "(1 - {0})",
    "1/(1 - {0})",
    "(1 + {0})",
    "1/(1 + {0})",
    "sign({0})",
    "sqrt(1 - {0})",
    "1/sqrt(1 - {0})",
]


def _sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))


def _usable(array, shape):
    """Whether the field is finite, has the shape, and is not 0, 1 or -1 everywhere."""
    size = abs(np.ravel(array)[0]) if np.size(array) else 0
    same = np.ptp(array) <= 1e-9 * size if np.size(array) else True
    return np.shape(array) == shape and np.all(np.isfinite(array)) and not (same and size in (0, 1))


def own_fields(x, name):
    """Fields of the checked argument itself: element by element, along its axes, and of square matrices."""
    found = []
    with np.errstate(all="ignore"):
        for words, (function, integral) in OWN.items():
            found.append(Field(words.format(name), function(x), "own", integral.format(name)))
        for axis in range(x.ndim) if x.ndim > 1 else (0,) if x.ndim else ():
            along = f" along axis {axis}" if x.ndim > 1 else ""
            centred = x - x.mean(axis, keepdims=True)
            square, shifted = np.sum(centred**2, axis, keepdims=True), np.exp(x - x.max(axis, keepdims=True))
            softmax = shifted / shifted.sum(axis, keepdims=True)
            for words, array in (
                ("the mean of {}", x.mean(axis, keepdims=True)),
                ("{} minus its mean", centred),
                ("std({})", np.sqrt(square / x.shape[axis])),
                ("1/std({})", np.sqrt(x.shape[axis] / square)),
                ("var({})", square / x.shape[axis]),
                ("|{}|", np.linalg.norm(x, axis=axis, keepdims=True)),
                ("1/|{}|", 1 / np.linalg.norm(x, axis=axis, keepdims=True)),
                ("sum of exp({})", np.exp(x).sum(axis, keepdims=True)),
                ("softmax({})", softmax),
                ("1/softmax({})", 1 / softmax),
                ("(1 - softmax({}))", 1 - softmax),
            ):
                whole = np.broadcast_to(array, x.shape)
                found.append(Field(words.format(name) + along, whole, "own"))
        if x.ndim == 2 and x.shape[0] == x.shape[1]:
            found += _matrix_fields(x, name)
    found = [field for field in found if _usable(field.array, x.shape)]
    return [f for k, f in enumerate(found) if not any(np.array_equal(f.array, other.array) for other in found[:k])]


def _matrix_fields(x, name):
    diagonal = np.diag(x)
    yield Field("the identity matrix", np.eye(len(x)), "matrix", f"tr {name}")
    yield Field(f"diag({name})", np.diag(diagonal), "matrix", f"sum of {name}_ii^2 / 2")
    yield Field(f"diag(1/{name}_ii)", np.diag(1 / diagonal), "matrix", f"sum of ln {name}_ii, the log determinant")
    yield Field(f"{name}.T", x.T, "matrix", f"tr({name} {name}) / 2")
    try:
        yield Field(f"inv({name}).T", np.linalg.inv(x).T, "matrix", f"ln |det {name}|")
        yield Field(f"inv({name})", np.linalg.inv(x), "matrix")
    except np.linalg.LinAlgError:
        return


def aligned(array, shape):
    """The ways in which `array` fits `shape`: as NumPy broadcasts it, and by its leading axes (one number a row)."""
    ways = []
    for candidate in (
        array,
        array.reshape(array.shape + (1,) * (len(shape) - array.ndim)) if array.ndim < len(shape) else array,
    ):
        try:
            ways.append(np.broadcast_to(candidate, shape))
        except ValueError:
            continue
    return ways if len(ways) < 2 or not np.array_equal(*ways) else ways[:1]


def looked_up(case):
    """(name, array) of the other arguments, and of schedules looked up at an index argument: beta[t], beta[t - 1]."""
    others = [(name, array) for _, name, array in case.others()]
    yield from ((name, array.astype(np.float64)) for name, array in others if array.dtype.kind == "f")
    indices = [(name, array) for name, array in others if array.dtype.kind in "iu" and array.ndim <= 1]
    for name, schedule in others:
        if schedule.dtype.kind == "f" and schedule.ndim == 1:
            for index_name, index in indices:
                if index.size and index.min() >= 0 and index.max() < len(schedule):
                    yield f"{name}[{index_name}]", schedule[index].astype(np.float64)
                    yield f"{name}[{index_name} - 1]", schedule[index - 1].astype(np.float64)


def other_fields(case):
    """Fields of one other argument."""
    found = []
    with np.errstate(all="ignore"):
        for name, array in looked_up(case):
            for whole in aligned(array, case.x.shape):
                found += [Field(words.format(name), OWN[words][0](whole), name) for words in _OTHER]
    return [field for field in found if _usable(field.array, case.x.shape)]


def schedule_fields(case):
    """Products of two powers of what belongs to a noise schedule: beta, 1 - beta, alpha_bar, 1 - alpha_bar, sigma."""
    found = []
    for (one, a), (two, b) in combinations(_schedule(case), 2):
        for p, q in product((1, -1, 0.5, -0.5), repeat=2):
            words = powers([(one, p), (two, q)])
            found.append(Field(words, a**p * b**q, "schedule"))
    return [field for field in found if field.array.shape == case.x.shape and np.all(np.isfinite(field.array))]


def fitted_schedule_fields(case):
    """The product of powers of the schedule that fits got / expected best, at t, and as a ratio of t - 1 to t.

    The logarithm of the ratio is linear in the exponents: least squares, rounded to halves.
    """
    with np.errstate(all="ignore"):
        live = case.known & (abs(case.expected) > 1e3 * case.tolerance) & (abs(case.got) > 1e3 * case.tolerance)
        target = np.log(abs(case.got / case.expected))[live]
    parts = _schedule(case)
    now = [(words, array) for words, array in parts if " - 1]" not in words]
    logs = {words: np.log(array) for words, array in parts}
    before = {words: logs.get(words.replace("]", " - 1]")) for words, _ in now}
    steps = [(words, before[words] - logs[words]) for words, _ in now if before[words] is not None]
    for rows, form in (
        ([(words, logs[words]) for words, _ in now], "{}"),
        (steps, "({} at t - 1, over the same at t)"),
    ):
        for count in (1, 2, 3):
            for some in combinations(rows, count):
                if len(np.unique(np.round(target, 9))) <= count:
                    continue
                matrix = np.stack([row[live] for _, row in some], 1)
                exponents = np.round(2 * np.linalg.lstsq(matrix, target, rcond=1e-9)[0]) / 2
                close = np.max(abs(matrix @ exponents - target), initial=0) < 1e-2  # the error bars decide later
                if close and np.all(exponents) and max(abs(exponents)) <= 2:
                    words = form.format(powers([(w, p) for (w, _), p in zip(some, exponents)]))
                    yield (
                        Field(words, np.exp(sum(p * row for (_, row), p in zip(some, exponents))), "schedule"),
                        2 * count,
                    )


def _schedule(case):
    parts = []
    for name, array in looked_up(case):
        if re.match(r"(?i).*(beta|alpha|abar|sigma|snr)", name):
            ways = aligned(array, case.x.shape)
            parts += [(name, whole) for whole in ways[:1]]
            parts += [(f"(1 - {name})", 1 - whole) for whole in ways[:1] if np.all(whole < 1)]
    return [(words, array) for words, array in parts if np.all(array > 0)]


def powers(pairs):
    """[(a, 1), (b, -0.5)] as words: a / sqrt(b).

    >>> powers([("a", 1), ("b", -0.5), ("c", 2)])
    'a c^2 / sqrt(b)'
    """
    forms = {1: "{}", 0.5: "sqrt({})", 2: "{}^2", 1.5: "{}^1.5"}

    def write(name, p):
        inner = name[1:-1] if p == 0.5 and name.startswith("(") else name
        return forms[abs(p)].format(inner)

    top = " ".join(write(name, p) for name, p in pairs if p > 0) or "1"
    below = [write(name, -p) for name, p in pairs if p < 0]
    return top if not below else f"{top} / {below[0]}" if len(below) == 1 else f"{top} / ({' '.join(below)})"
