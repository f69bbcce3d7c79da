"""The part of a gradient that comes through a sample's noise, z = mean + std * eps."""

import re

import numpy as np

from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.family import family
from tinygen.mistakes.scales import ROLES, role_of
from tinygen.mistakes.words import counted, say


@family("structured", inside=True)
def sample_path(case):
    """The path through the noise, z = mean + std * eps: dL/dz = (dL/deps) / std is known from the function itself."""
    simple = [n for n in case.numbers if n.cost <= 3 and n.value != 1]
    role, std = role_of(case.name), _std_beside(case)
    for i, name, noise in case.others():
        drawn = (
            re.match(r"(?i)(eps|epsilon|noise|xi)", name) and noise.dtype.kind == "f" and noise.shape == case.got.shape
        )
        found = case.gradient(argnum=i, at_once=True) if drawn and std is not None else None
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
            sentence = say("sample", d=f"dL/d{case.name}", noise=name, counted=counted(c), name=case.name)
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
