"""The one table of readings: sigma, sigma^2, log sigma, log sigma^2; logarithms, squares, roots, degrees.

A parameter taken for another (its reading), a derivative by another parameter, a result that is the square or the
logarithm of what was asked for: every check asks here what that is called.
"""

import re
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Role:
    """A parameter v of a scale: its words, the names it goes by, sigma as a function, its inverse, and as code.

    d log sigma^2 / dv = size * sigma**power, so that gradients by two of them differ by a power of sigma.
    """

    words: str
    names: str
    sigma: object
    inverse: object
    code: str
    size: float
    power: int


_SQUARED = r"(var|variance|sigma_?(2|sq|squared)|s2)"
ROLES = {
    "logvar": Role(
        "log sigma^2", rf"log_?{_SQUARED}|lv", lambda v: np.exp(v / 2), lambda s: 2 * np.log(s), "exp({} / 2)", 1, 0
    ),
    "logstd": Role("log sigma", r"log_?(std|sd|sigma|scale|s)|ls", np.exp, np.log, "exp({})", 2, 0),
    "std": Role("sigma", r"std|stddev|sd|sigma|scale|s", lambda v: v, lambda s: s, "{}", 2, -1),
    "var": Role("sigma^2", rf"{_SQUARED}|v", np.sqrt, np.square, "sqrt({})", 1, -2),
    "precision": Role(
        "1/sigma^2", r"precision|tau|lam|lambda_?", lambda v: v**-0.5, lambda s: s**-2.0, "{}**-0.5", -1, 2
    ),
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


ANY = {  # what any number may be taken for: words -> function
    "{} was taken for degrees: it is in radians": lambda v: v * np.pi / 180,
    "{} was taken for radians: it is in degrees": lambda v: v * 180 / np.pi,
    "{0} was taken for its logarithm: exp({0}) stands for {0}": np.exp,
    "the logarithm of {0} stands for {0}": np.log,
    "{} was squared": np.square,
    "the square root of {0} stands for {0}": np.sqrt,
}
RESULTS = {  # what a result may be instead of what was asked for: kind -> (words, function)
    "the logarithm is missing: this is exp of what was asked for": np.exp,
    "a logarithm too many: this is the log of what was asked for": np.log,
    "this is the square of what was asked for: a root is missing": np.square,
    "this is the square root of what was asked for": np.sqrt,
    "this is one over what was asked for": np.reciprocal,
}


def readings(name, value, *, any_number=True):
    """[(words, value)]: what an argument called `name` may have been taken for, and the value that it then stands for.

    >>> [words for words, value in readings("logvar", np.array(0.3), any_number=False)][:2]
    ['logvar was taken for log sigma: it is log sigma^2', 'logvar was taken for sigma: it is log sigma^2']
    """
    value, found = np.asarray(value, dtype=np.float64), []
    own = role_of(name)
    with np.errstate(all="ignore"):
        for key, given in ROLES.items() if own else ():
            if key not in (own, "precision"):
                words = f"{name} was taken for {given.words}: it is {ROLES[own].words}"
                found.append((words, ROLES[own].inverse(given.sigma(value))))
        if own == "logvar":
            found.append((f"sigma = exp({name}/2) stands where sigma^2 = exp({name}) belongs", value / 2))
        for words, function in ANY.items() if any_number and not own else ():
            found.append((words.format(name), function(value)))
    return found
