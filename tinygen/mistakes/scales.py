"""Derivative by the wrong parameter: sigma, sigma^2, log sigma and log sigma^2 are four gradients of one loss."""

import re
from dataclasses import dataclass

import numpy as np

from tinygen.mistakes.case import Guess


@dataclass(frozen=True)
class Role:
    """A parameter v of a scale: its words, the names it goes by, sigma as a function and as code.

    d log sigma^2 / dv = size * sigma**power, so that gradients by two of them differ by a power of sigma.
    """

    words: str
    names: str
    sigma: object
    code: str
    size: float
    power: int


_SQUARED = r"(var|variance|sigma_?(2|sq|squared)|s2)"
ROLES = {
    "logvar": Role("log sigma^2", rf"log_?{_SQUARED}|lv", lambda v: np.exp(v / 2), "exp({} / 2)", 1, 0),
    "logstd": Role("log sigma", r"log_?(std|sd|sigma|scale|s)|ls", np.exp, "exp({})", 2, 0),
    "std": Role("sigma", r"std|stddev|sd|sigma|scale|s", lambda v: v, "{}", 2, -1),
    "var": Role("sigma^2", rf"{_SQUARED}|v", np.sqrt, "sqrt({})", 1, -2),
    "precision": Role("1/sigma^2", r"precision|tau|lam|lambda_?", lambda v: v**-0.5, "{}**-0.5", -1, 2),
}


def role_of(name):
    """The key in ROLES of an argument called `name`, or None. What numbers it, and the tree it is in, is left aside.

    >>> role_of("logvar"), role_of("params['enc'].log_std_q"), role_of("sigma2"), role_of("W")
    ('logvar', 'logstd', 'var', None)
    """
    words = re.findall(r"[A-Za-z_]+2?", name)
    last = words[-1].lower().strip("_") if words else ""
    for candidate in (last, re.sub(r"_?(x|z|q|p|hat|post|prior)?_?2?$", "", last)):
        for key, role in ROLES.items():
            if re.fullmatch(role.names, candidate):
                return key
    return None


def parameterisation_guesses(case):
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
        sentence = f"{d} is {told} what it should be: derivative by {given.words} instead of {true.words}?"
        formula = f"{d} = (yours) * {_product(1 / size, -power, true.code.format(case.name))}"
        cost, slack = (3 if key == "precision" else 1.5), case.tolerance * np.maximum(1, abs(ratio))
        yield Guess("parameterisation", cost, case.expected * ratio, sentence, formula, slack=slack)


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
