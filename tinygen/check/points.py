"""The right gradient of another question: by another argument, of f at other arguments, or of a part of the batch."""

import re

import numpy as np

from tinygen.check.evidence import Guess, scaled
from tinygen.check.parameters import ROLES, role_of

MOST = 40  # gradients at altered arguments in one diagnosis


def other_argument_guesses(case, numbers):
    """got = c * the gradient by another argument of the same shape."""
    simple = [n for n in numbers if n.cost <= 2]
    for i, name, array in case.others():
        if array.dtype.kind == "f" and array.shape == case.got.shape and (found := case.gradient(argnum=i)):
            gradient, bar = found
            c = scaled(case, np.zeros(case.got.shape), gradient, simple, slack=bar + case.tolerance, free=False)
            if c is not None and c.value:
                also = "" if c.value == 1 else f" ({c.words} times it)"
                yield Guess("other-argument", 4 + 4 * c.cost, c.value * gradient, f"What is given as dL/d{case.name} is the "
                            f"gradient by {name}{also}: the gradients are in the wrong order, or {name} was meant?",
                            f"dL/d{case.name} is another: yours is dL/d{name}", slack=bar)  # fmt: skip


def path_guesses(case, numbers):
    """The path through the noise, z = mean + std * eps: dL/dz = (dL/deps) / std is known from the function itself."""
    simple = [n for n in numbers if n.cost <= 3 and n.value]
    for i, name, noise in case.others():
        if not re.match(r"(?i)(eps|epsilon|noise|xi)", name) or noise.dtype.kind != "f" or noise.shape != case.got.shape:
            continue
        found = case.gradient(argnum=i)
        std = _std_beside(case)
        if found is None or std is None:
            continue
        gradient, bar = found
        role = role_of(case.name)
        with np.errstate(all="ignore"):
            sigma = ROLES[role].sigma(case.x) if role else std
            weight = noise * ROLES[role].slope(sigma) ** -1 / 2 if role and False else _path_weight(role, noise, sigma)
        if not np.all(np.isfinite(weight)):
            continue
        slack = case.tolerance + 4 * bar * abs(weight)
        c = scaled(case, case.expected, gradient * weight, simple, slack=slack)
        if c is not None:
            what = {-1: "is missing", 1: "counts twice", -2: "has the wrong sign", -0.5: "counts half"}.get(
                c.value, f"counts {1 + c.value:.6g} times")  # fmt: skip
            yield Guess("path", 3 + c.cost, case.expected + c.value * gradient * weight, f"In dL/d{case.name} the path through "
                        f"the sample z = mean + std * {name} {what}: z depends on {case.name} too (reparameterisation).",
                        f"dL/d{case.name} = (yours) - ({c.value:.6g}) * dL/dz * dz/d{case.name}", slack=slack)  # fmt: skip


def _path_weight(role, noise, sigma):
    """dz/d(argument) divided by dz/deps = sigma: z = mean + sigma * eps."""
    by_argument = {"logvar": 0.5 * noise, "logstd": noise, "std": noise / sigma, "var": 0.5 * noise / sigma**2}
    return by_argument.get(role, 1 / sigma)


def _std_beside(case):
    """Sigma from whichever argument of the same shape has it, or None."""
    for name, value in zip(case.names, case.args):
        role = role_of(name)
        if role and np.shape(value) == case.got.shape:
            with np.errstate(all="ignore"):
                return ROLES[role].sigma(np.asarray(value, dtype=np.float64))
    return None


def altered_guesses(case, numbers):
    """got = c * the gradient of f at altered arguments: exchanged, off by one, another sign, a part of the batch."""
    simple = [n for n in numbers if n.cost <= 3 and n.value]
    fixed = [n for n in simple if n.value == 1]
    alterations = list(_alterations(case))
    cost = 3 + np.log2(1 + len(alterations))
    for kind, discount, sentence, args, back, any_factor in alterations[:MOST]:
        found = case.gradient(args=tuple(args))
        if found is None or (found := _undone(back, found, case.got.shape)) is None:
            continue
        gradient, bar = found
        slack = np.maximum(case.tolerance, bar)
        c = scaled(case, np.zeros(case.got.shape), gradient, simple if any_factor else fixed, slack=slack, free=False)
        if c is not None:
            also = "" if c.value == 1 else f" (times {c.words})"
            yield Guess(kind, cost - discount + c.cost, c.value * gradient, sentence.format(f"dL/d{case.name}") + also + ".",
                        slack=slack)  # fmt: skip


def _undone(back, found, shape):
    """Gradient and bar in the argument's own shape, times the inner derivative; None if it does not come out."""
    pair = tuple(np.asarray(back(part)) for part in found)
    return (pair[0], abs(pair[1])) if all(part.shape == shape and np.all(np.isfinite(part)) for part in pair) else None


def _alterations(case):
    """(kind, discount, sentence, altered arguments, what brings the gradient back, whether a factor may come on top)."""
    args, k, names = list(case.args), case.argnum, case.names
    same = lambda g: g

    def put(**changed):
        return [changed.get(f"_{i}", value) for i, value in enumerate(args)]

    others = [(i, name, array) for i, name, array in case.others()]
    yield from _exchanges(case, args, same)
    for i, name, array in others:
        if array.dtype.kind in "iu":
            for step in (-1, 1):
                moved = array + np.array(step, array.dtype) if array.ndim or not isinstance(args[i], int) else int(array) + step
                if array.size and np.min(moved) >= 0:
                    yield ("other-point", 4, f"{{}} is right for {name} {'-' if step < 0 else '+'} 1 in place of {name}: "
                           f"{name} is off by one", put(**{f"_{i}": moved}), same, False)  # fmt: skip
            continue
        if array.dtype.kind != "f":
            continue
        ones = array * 0 + 1
        give = lambda value, i=i: put(**{f"_{i}": value.astype(array.dtype) if array.ndim else float(value)})  # noqa: B023
        if not np.all(array == 1):
            yield "chain-factor", 1, f"{{}} is right if {name} were 1 everywhere: the factor {name} is left out", give(ones), same, False
        yield "path", 0, f"{{}} is right if {name} were 0: the part that comes through {name} is left out", give(0 * ones), same, False
        yield "other-point", 1, f"{{}} is right for -{name} in place of {name}: the sign of {name}", give(-array), same, False
        if array.ndim and array.shape[0] > 1:
            mean = np.broadcast_to(array.mean(0, keepdims=True), array.shape).copy()
            yield ("broadcast", 2, f"{{}} is right if every {name} were their mean: (B, 1) against (B,) was blown up to (B, B)?",
                   give(mean), same, True)  # fmt: skip
            yield ("order", 1, f"{{}} is right for {name} reversed: {name} is flipped, or should have been",
                   give(array[::-1].copy()), same, False)  # fmt: skip
        if array.ndim == 2 and array.shape[0] == array.shape[1]:
            yield "transpose", 2, f"{{}} is right for {name}.T in place of {name}: a transpose is missing", give(array.T.copy()), same, False
        if array.ndim == 1:
            yield ("broadcast", 1, f"{{}} is right for {name} of shape (B, 1): in f itself, (B,) and (B, 1) are blown up to (B, B)",
                   give(array[:, None]), same, False)  # fmt: skip
        if array.ndim == 2 and array.shape[1] == 1:
            yield ("broadcast", 1, f"{{}} is right for {name} of shape (B,): in f itself, (B,) and (B, 1) are blown up to (B, B)",
                   give(array[:, 0]), same, False)  # fmt: skip
        if array.ndim == 0 or role_of(name):
            for words, value in (("{}**2", array**2), ("sqrt({})", np.sqrt(abs(array))), ("{} - 1", array - 1), ("{} + 1", array + 1),
                                 ("2 * {}", 2 * array), ("{} / 2", array / 2)):  # fmt: skip
                yield "other-point", 0, f"{{}} is right for {words.format(name)} in place of {name}", give(np.asarray(value)), same, False
    yield from _own_alterations(case, args, put)
    yield from _batch_parts(case, args, same)
    del k, names


def _exchanges(case, args, same):
    """Two arguments of one shape in each other's place: KL the other way round, prediction and target, q and p."""
    arrays = [(i, n) for i, (n, v) in enumerate(zip(case.names, args)) if isinstance(v, np.ndarray) and v.dtype.kind == "f"]
    pairs = [(i, j) for a, (i, _) in enumerate(arrays) for j, _ in arrays[a + 1 :] if args[i].shape == args[j].shape]
    groups = [((i, j),) for i, j in pairs]
    numbered = tuple((i, j) for i, j in pairs if re.sub(r"\d", "", case.names[i]) == re.sub(r"\d", "", case.names[j]))
    if len(numbered) > 1:
        groups.insert(0, numbered)
    for group in groups[:12]:
        swapped = list(args)
        for i, j in group:
            swapped[i], swapped[j] = args[j], args[i]
        words = " and ".join(f"{case.names[i]} and {case.names[j]}" for i, j in group)
        order = ": a divergence the other way round?" if group == numbered else ""
        yield "other-point", 2, f"{{}} is right for f with {words} exchanged{order}", swapped, same, False
        for i, j in group:
            one = list(args)
            one[j] = args[i]
            if case.argnum not in (i, j) and np.any(args[i] != args[j]):
                yield "other-point", 1, f"{{}} is right with {case.names[i]} in place of {case.names[j]}", one, same, False
                back = list(args)
                back[i] = args[j]
                yield "other-point", 1, f"{{}} is right with {case.names[j]} in place of {case.names[i]}", back, same, False


def _own_alterations(case, args, put):
    """The checked argument itself, altered: twice the log variance, the other axis."""
    x, k, name = np.asarray(args[case.argnum]), case.argnum, case.name
    give = lambda value: put(**{f"_{k}": value})
    for factor, words in ((2, "2 * "), (0.5, "0.5 * ")):
        hint = ": exp(logvar) used as standard deviation?" if role_of(name) == "logvar" and factor == 2 else ""
        hint = ": exp(logvar / 2) used as variance?" if role_of(name) == "logvar" and factor == 0.5 else hint
        for inner in (1, factor):
            yield ("other-point", 1, f"{{}} is right at {words}{name} in place of {name}{hint}", give((factor * x).astype(x.dtype)),
                   lambda g, c=inner: c * g, False)  # fmt: skip
    yield "other-point", 0, f"{{}} is right at -{name} in place of {name}", give(-x), lambda g: g, False
    yield "other-point", 0, f"{{}} is right at -{name} in place of {name}", give(-x), lambda g: -g, False
    if x.ndim == 2:
        turned = [v.T.copy() if isinstance(v, np.ndarray) and v.shape == x.shape else v for v in args]
        yield "order", 2, f"{{}} is right for {name} transposed: the wrong axis (axis 0 for axis 1)", turned, np.transpose, False
    if x.ndim == 1 and x.size > 1:
        yield ("order", 1, f"{{}} is right for {name} reversed", give(x[::-1].copy()), lambda g: g[::-1], False)


def _batch_parts(case, args, same):
    """Only the first or the last example of the batch, the batch being the leading axis that arguments share."""
    arrays = [(i, v) for i, v in enumerate(args) if isinstance(v, np.ndarray) and v.ndim and i != case.argnum]
    for length in sorted({v.shape[0] for _, v in arrays if v.shape[0] > 1}):
        batch = [i for i, v in arrays if v.shape[0] == length]
        if case.got.ndim and case.got.shape[0] == length:
            continue
        for words, part in (("last", slice(-1, None)), ("first", slice(0, 1))):
            cut = [v[part] if i in batch else v for i, v in enumerate(args)]
            yield ("batch", 2, f"{{}} is the gradient of the {words} example alone: not summed over the batch (= in place of +=)",
                   cut, same, True)  # fmt: skip
