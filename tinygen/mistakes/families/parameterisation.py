"""Derivative by the wrong parameter, and f with a parameter taken for another: sigma, sigma^2, log sigma, degrees."""

import numpy as np

from tinygen.mistakes.case import Guess
from tinygen.mistakes.family import family
from tinygen.mistakes.scales import ANY, ROLES, readings, role_of
from tinygen.mistakes.words import say

MOST = 40  # gradients at other readings


@family("simple", inside=True)
def by_another_parameter(case):
    """The given gradient is the right one by another parameter of the same scale."""
    if (own := role_of(case.name)) is None:
        return
    true = ROLES[own]
    with np.errstate(all="ignore"):
        sigma = true.sigma(case.x)
    if not np.all(np.isfinite(sigma) & (sigma > 0)):
        return
    for key, given in ROLES.items():
        if key == own:
            continue
        size, power = given.size / true.size, given.power - true.power
        ratio = size * sigma**power
        told = {2.0: "twice", 0.5: "half"}.get(size, f"{size:g} times") if power == 0 else "not"
        d = f"dL/d{case.name}"
        sentence = say("by another", d=d, told=told, given=given.words, true=true.words)
        formula = f"{d} = (yours) * {_product(1 / size, -power, true.code.format(case.name))}"
        cost, slack = (3 if key == "precision" else 1.5), case.tolerance * np.maximum(1, abs(ratio))
        yield Guess("parameterisation", cost, case.expected * ratio, sentence, formula, slack=slack)


@family("searched")
def another_reading(case):
    """got = the gradient of f with x taken for something else: of f(T(x)), with or without the derivative of T."""
    d, k = f"dL/d{case.name}", case.argnum
    floats = [(i, name, array) for i, name, array in case.others() if array.dtype.kind == "f"]
    own = [(k, case.name, case.x)]
    angles = case.recording and {row.name for _, row, *_ in case.recording.all} & {"sin", "cos", "tan"}
    likely = lambda words: angles or not ("degrees" in words or "radians" in words)
    trials = [((words,), {k: value}) for words, value in readings(case.name, case.x) if likely(words)]
    alike = [(i, name, array) for i, name, array in floats if role_of(name) and role_of(name) == role_of(case.name)]
    together = [readings(name, array, any_number=False) for _, name, array in own + alike]
    for group in zip(*together) if alike else ():  # all of one kind are taken for the same
        values = {i: value for (i, _, _), (_, value) in zip(own + alike, group)}
        trials.append((tuple(words for words, _ in group), values))
    for i, name, array in floats:
        told = readings(name, array, any_number=array.ndim == 0)
        trials += [((words,), {i: value}) for words, value in told if likely(words)]
    cost = 4 + np.log2(1 + len(trials))
    for words, values in trials[:MOST]:
        yield from _read(case, d, " and ".join(words), values, cost)


def _read(case, d, words, values, cost):
    k, args = case.argnum, list(case.args)
    for i, value in values.items():
        if not np.all(np.isfinite(value)):
            return
        args[i] = value.astype(np.asarray(args[i]).dtype) if isinstance(args[i], np.ndarray) else float(value)
    found = case.gradient(args=tuple(args))
    if found is None or not np.all(np.isfinite(found[0])):
        return
    gradient, bar = found
    unlikely = 6 if k in values and not role_of(case.name) else 0
    said = say("not chained" if k in values else "reading", d=d, name=case.name, words=words)
    yield Guess("reading", cost + unlikely, gradient, said, slack=bar + case.tolerance)
    if k in values:
        with np.errstate(all="ignore"):
            slope = _slope(case.x, values[k], case.name, words)
        chained, slack = gradient * slope, bar * abs(slope) + case.tolerance
        yield Guess("reading", cost - 1, chained, say("reading", d=d, name=case.name, words=words), slack=slack)


def _slope(x, value, name, words):
    """The derivative of a reading, by its own function moved a little in the complex plane."""
    step = x + 1e-30j
    own = role_of(name)
    if own is None:
        function = next(function for form, function in ANY.items() if form.format(name) in words)
    else:
        given = next((r for r in ROLES.values() if f"{name} was taken for {r.words}:" in words), None)
        function = (lambda v: v / 2) if given is None else lambda v: ROLES[own].inverse(given.sigma(v))
    return np.imag(function(step)) / 1e-30


def _product(size, power, sigma):
    """size * sigma**power as code.

    >>> _product(0.5, 1, "exp(logvar / 2)")
    '0.5 * sigma, sigma = exp(logvar / 2)'
    """
    if power == 0:
        return f"{size:g}"
    root = "sigma" if abs(power) == 1 else f"sigma**{abs(power)}"
    code = f"{size:g} / {root}" if power < 0 else root if size == 1 else f"{size:g} * {root}"
    return code if sigma == "sigma" else f"{code}, sigma = {sigma}"
