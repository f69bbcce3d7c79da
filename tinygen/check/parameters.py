"""Derivative by the wrong parameter: sigma, sigma^2, log sigma and log sigma^2 are four gradients of one loss."""

import re
from dataclasses import dataclass

import numpy as np

from tinygen.check.evidence import Guess


@dataclass(frozen=True)
class Role:
    """What a parameter is: its words, sigma as a function of it, and d log sigma^2 / d of it as a function of sigma."""

    words: str
    pattern: str
    sigma: object
    slope: object


ROLES = {
    "logvar": Role(
        "log sigma^2",
        r"log_?(var|variance|sigma_?(2|sq|squared)|s2)|lv",
        lambda v: np.exp(v / 2),
        lambda s: 1.0 + 0 * s,
    ),
    "logstd": Role("log sigma", r"log_?(std|sd|sigma|scale|s)|ls", np.exp, lambda s: 2.0 + 0 * s),
    "std": Role("sigma", r"std|sd|sigma|scale|s|stddev", lambda v: v, lambda s: 2 / s),
    "var": Role("sigma^2", r"var|variance|sigma_?(2|sq|squared)|s2|v", np.sqrt, lambda s: 1 / s**2),
    "precision": Role("1/sigma^2", r"precision|tau|lam|lambda_?", lambda v: 1 / np.sqrt(v), lambda s: -(s**2)),
}


def role_of(name):
    """The key in ROLES of an argument called `name` (numbers and tree paths are ignored: logvar_0, p['logvar']), or None."""
    words = re.findall(r"[A-Za-z_]+2?", name)
    last = re.sub(r"_?(x|z|q|p|hat|post|prior)?_?\d*$", "", words[-1].lower()) if words else ""
    for candidate in (words[-1].lower().rstrip("_") if words else "", last):
        for key, role in ROLES.items():
            if re.fullmatch(role.pattern, candidate):
                return key
    return None


def parameterisation_guesses(case):
    """The given gradient is the right one by another parameter of the same scale."""
    true = role_of(case.name)
    if true is None:
        return
    with np.errstate(all="ignore"):
        sigma = ROLES[true].sigma(case.x)
        if not np.all(np.isfinite(sigma) & (sigma > 0)):
            return
        for key, role in ROLES.items():
            if key == true:
                continue
            ratio = role.slope(sigma) / ROLES[true].slope(sigma)
            yield Guess(
                "parameterisation",
                1.5 if key != "precision" else 3,
                case.expected * ratio,
                f"dL/d{case.name} is {_size(ratio)}what it should be: derivative by {role.words} instead of "
                f"{ROLES[true].words}?",
                f"dL/d{case.name} = (yours) * {_chain(true, key, case.name)}",
                slack=case.tolerance * np.maximum(1, abs(ratio)),
            )


def _size(ratio):
    flat = np.unique(np.round(ratio, 12))
    words = {2.0: "twice ", 0.5: "half "}
    return words.get(float(flat[0]), f"{flat[0]:.6g} times ") if flat.size == 1 else "not "


def _chain(true, given, name):
    """d given / d true as a formula: what the given gradient has to be multiplied with."""
    sigma = {
        "logvar": f"exp({name} / 2)",
        "logstd": f"exp({name})",
        "std": name,
        "var": f"sqrt({name})",
        "precision": f"{name}**-0.5",
    }[true]
    by_logvar = {"logvar": "1", "logstd": "0.5", "std": "sigma / 2", "var": "sigma**2", "precision": "-1 / sigma**2"}[
        given
    ]
    from_true = {"logvar": "1", "logstd": "2", "std": "2 / sigma", "var": "1 / sigma**2", "precision": "-sigma**2"}[
        true
    ]
    chains = {
        ("logvar", "logstd"): "0.5",
        ("logvar", "std"): "sigma / 2",
        ("logvar", "var"): "sigma**2",
        ("logstd", "logvar"): "2",
        ("logstd", "std"): "sigma",
        ("logstd", "var"): "2 * sigma**2",
        ("std", "logvar"): "2 / sigma",
        ("std", "logstd"): "1 / sigma",
        ("std", "var"): "2 * sigma",
        ("var", "logvar"): "1 / sigma**2",
        ("var", "logstd"): "0.5 / sigma**2",
        ("var", "std"): "0.5 / sigma",
    }
    chain = chains.get((true, given), f"({by_logvar}) * ({from_true})")
    return chain if "sigma" not in chain or sigma == "sigma" else f"{chain}, sigma = {sigma}"
