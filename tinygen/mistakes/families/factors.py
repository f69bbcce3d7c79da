"""Every entry has a factor too many: a number, or a function of the arguments."""

import re

import numpy as np

from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.family import family
from tinygen.mistakes.fields import fitted_schedule_fields, other_fields, own_fields, schedule_fields
from tinygen.mistakes.words import say, times

_ONE_STEP = (
    r"sqrt\(\S*beta\S*\) / sqrt\(1 - \S*(alpha|abar)\S*\)",
    r"sqrt\(1 - \S*(alpha|abar)\S*\) / sqrt\(\S*beta\S*\)",
)


@family("simple", inside=True)
def factors(case, numbers=None):
    """got = c * expected."""
    numbers = case.numbers if numbers is None else numbers
    got, expected, d = case.got, case.expected, f"dL/d{case.name}"
    if np.all(abs(got)[case.known] <= case.tolerance[case.known]):
        yield Guess("zero", 0.5, np.zeros(got.shape), say("zero", d=d, name=case.name))
        return
    with np.errstate(all="ignore"):
        ratio = abs(got / expected)[case.known & (abs(expected) > case.tolerance)]
    slack = case.tolerance * max(1.0, float(np.median(ratio)) if ratio.size else 1.0)
    c = scaled(case, np.zeros(got.shape), expected, numbers, slack=slack)
    if c is not None:
        kind, sentence = "sign" if c.value == -1 else "factor", say("times", what=d, times=times(c))
        yield Guess(kind, c.cost + 0.5, c.value * expected, sentence, undone(d, c.words), slack=slack, number=c.fixed)


@family("structured", inside=True)
def powers_of_it(case):
    """got = expected^2 and the like: the gradient itself was squared, rooted, inverted."""
    d, size = f"dL/d{case.name}", case.expected
    for what, function, slope in (
        ("the square", np.square, lambda e: 2 * abs(e)),
        ("minus the square", lambda e: -(e**2), lambda e: 2 * abs(e)),
        ("the inverse", lambda e: 1 / e, lambda e: 1 / e**2),
        ("the square root", lambda e: np.sqrt(abs(e)) * np.sign(e), lambda e: 0.5 / np.sqrt(abs(e))),
    ):
        with np.errstate(all="ignore"):
            slack = case.tolerance * np.maximum(1, slope(size))
            yield Guess("power", 5, function(size), say("power", d=d, what=what), slack=slack)


def undone(d, words):
    """The formula that undoes a factor.

    >>> undone("dL/dx", "1/2"), undone("dL/dx", "-1/5 x 1/x")
    ('dL/dx = (yours) * 2', 'dL/dx = -(yours) / (1/5 x 1/x)')
    """
    sign, words = ("-", words[1:]) if words.startswith("-") else ("", words)
    if words in ("", "1"):
        return f"{d} = {sign}(yours)"
    if words.startswith("1/") and " / " not in words and " x " not in words:
        return f"{d} = {sign}(yours) * {words[2:]}"
    return f"{d} = {sign}(yours) / {words if re.fullmatch(r'[^ /]+', words) else f'({words})'}"


@family("simple", inside=True)
def multiples(case):
    """got = c * expected * field: a factor of the chain rule is missing, or is there once too often."""
    fields = own_fields(case.x, case.name) + other_fields(case)
    numbers = case.numbers
    simple = [n for n in numbers if n.cost <= 4]
    yield from _multiplied(case, fields, simple, "chain-factor", 1 + np.log2(1 + len(fields)))
    fields, simple = schedule_fields(case), [n for n in numbers if n.cost <= 3]
    yield from _multiplied(case, fields, simple, "schedule", 1 + np.log2(1 + len(fields)))
    for field, cost in fitted_schedule_fields(case):
        yield from _multiplied(case, [field], simple, "schedule", 4 + cost)


def _multiplied(case, fields, numbers, kind, cost):
    base, d = np.zeros(case.got.shape), f"dL/d{case.name}"
    for field in fields:
        with np.errstate(all="ignore"):
            direction = case.expected * field.array
            slack = case.tolerance * np.maximum(1, abs(field.array))
        c = scaled(case, base, direction, numbers, slack=slack, free=False)
        if c is None or c.value == 0:
            continue
        words = field.words if c.value == 1 else f"{c.words} x {field.words}"
        sentence = _other_label(case, field, c) or say("field", d=d, words=words, hint=_hint(case, field, c))
        this = kind
        if field.of == "own" and c.value == 1 and field.words in (case.name, f"exp(-{case.name})"):
            this = "parameterisation"
        elif field.of not in ("own", "matrix") and re.search(r"(?i)beta|alpha|abar|\[t\]", field.words):
            this = "schedule"
        cost_of_number = c.cost if c.value != 1 else -0.5
        yield Guess(this, cost + cost_of_number, c.value * direction, sentence, undone(d, words), slack=slack)


def _other_label(case, field, c):
    """The sentence for -exp(x) times a multiple of sigmoid(-x): the loss of the other label; else ""."""
    forms = {f"exp({case.name})": -1, f"exp(-{case.name})": 1}
    if c.value != -1 or field.of != "own" or field.words not in forms:
        return ""
    sign = forms[field.words]
    with np.errstate(all="ignore"):
        ratio = (case.expected * (1 + np.exp(-sign * case.x)))[case.known]
    if ratio.size < 2 or np.ptp(ratio) > 1e-6 * np.max(abs(ratio)):
        return ""
    own, other = (f"sigmoid({case.name})", f"-sigmoid(-{case.name})")[::sign]
    return say("other label", d=f"dL/d{case.name}", got=other, expected=own)


def _hint(case, field, c):
    """What a factor of this form usually comes from."""
    words = field.words
    if c.value != 1:
        return "."
    if field.of == "own" and words == case.name and np.all(case.x > 0):
        return f": the derivative with respect to log {case.name} instead of {case.name}?"
    if field.of == "own" and words == f"exp(-{case.name})":
        return f": the derivative with respect to exp({case.name}) instead of {case.name}?"
    if any(re.fullmatch(form, words) for form in _ONE_STEP):
        return ": one-step noise for total noise (on average eps_step is sqrt(beta / (1 - alpha_bar)) eps_total)?"
    if "at t - 1" in words:
        return ": t is off by one?"
    if "tanh" in words and "^2" in words:
        return ": the derivative of tanh is 1 - tanh^2, taken of its output."
    if " / " in words and (field.of == "schedule" or re.search(r"(?i)beta|alpha|abar|snr", words)):
        return ": the schedule enters in another way."
    if words.startswith("1/"):
        return f": a factor {words[2:]} is missing, or divided by once too often."
    return f": a factor {words} too many, or missing in a denominator."
