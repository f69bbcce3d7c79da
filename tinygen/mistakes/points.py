"""The right gradient by another argument, and the part of it that comes through a sample's noise."""

import re

import numpy as np

from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.scales import ROLES, role_of


def other_argument_guesses(case, numbers):
    """got = c * the gradient by another argument of the same shape."""
    simple = [n for n in numbers if n.cost <= 2]
    for i, name, array in case.others():
        if array.dtype.kind == "f" and array.shape == case.got.shape and (found := case.gradient(argnum=i)):
            gradient, bar = found
            c = scaled(case, np.zeros(case.got.shape), gradient, simple, slack=bar + case.tolerance, free=False)
            if c is not None and c.value:
                whose = f"the gradient by {name}" if c.value == 1 else f"{c.words} times the gradient by {name}"
                sentence = f"What is given as dL/d{case.name} is {whose}: are the gradients in the wrong order?"
                yield Guess("other-argument", 4 + 4 * c.cost, c.value * gradient, sentence, slack=bar)


def path_guesses(case, numbers):
    """The path through the noise, z = mean + std * eps: dL/dz = (dL/deps) / std is known from the function itself."""
    simple = [n for n in numbers if n.cost <= 3 and n.value != 1]
    role, std = role_of(case.name), _std_beside(case)
    for i, name, noise in case.others():
        drawn = (
            re.match(r"(?i)(eps|epsilon|noise|xi)", name) and noise.dtype.kind == "f" and noise.shape == case.got.shape
        )
        found = case.gradient(argnum=i) if drawn and std is not None else None
        if found is None:
            continue
        gradient, bar = found
        with np.errstate(all="ignore"):
            weight = _path_weight(role, noise, ROLES[role].sigma(case.x) if role else std)
        part, slack = gradient * weight, case.tolerance + 4 * bar * abs(weight)
        if not np.all(np.isfinite(part)):
            continue
        c = scaled(case, case.expected - part, part, simple, slack=slack)
        if c is not None:
            what = {0: "is missing", 2: "counts twice", -1: "has the wrong sign", 0.5: "counts half"}
            sentence = (
                f"In dL/d{case.name} the path through the sample z = mean + std * {name} "
                f"{what.get(c.value, f'counts {c.words} times')}: z depends on {case.name} too (reparameterisation)."
            )
            yield Guess("path", 3 + c.cost, case.expected + (c.value - 1) * part, sentence, slack=slack)


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
