"""Every entry has a factor too many: a number, or a function of the arguments."""

import re

import numpy as np

from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.fields import fitted_schedule_fields, other_fields, own_fields, schedule_fields

_ONE_STEP = (
    r"sqrt\(\S*beta\S*\) / sqrt\(1 - \S*(alpha|abar)\S*\)",
    r"sqrt\(1 - \S*(alpha|abar)\S*\) / sqrt\(\S*beta\S*\)",
)


def factor_guesses(case, numbers):
    """got = c * expected."""
    got, expected, d = case.got, case.expected, f"dL/d{case.name}"
    if np.all(abs(got)[case.known] <= case.tolerance[case.known]):
        sentence = f"{d} is zero everywhere: is {case.name} treated as a constant, or the gradient never written?"
        yield Guess("zero", 0.5, np.zeros(got.shape), sentence)
        return
    with np.errstate(all="ignore"):
        ratio = abs(got / expected)[case.known & (abs(expected) > case.tolerance)]
    slack = case.tolerance * max(1.0, float(np.median(ratio)) if ratio.size else 1.0)
    c = scaled(case, np.zeros(got.shape), expected, numbers, slack=slack)
    if c is not None:
        kind = "sign" if c.value == -1 else "factor"
        yield Guess(kind, c.cost + 0.5, c.value * expected, f"{d} {_told(c)}", _undone(d, c.words), slack=slack)


def _told(c):
    """What a wrong factor `c` is called."""
    if c.value == -1:
        return "has the wrong sign."
    sign, size, words = "has the wrong sign and " if c.value < 0 else "", abs(c.value), c.words.lstrip("-")
    if size == 2:
        return f"{sign}is twice what it should be: a 1/2 lost, or the 2 of a square kept?"
    if size == 0.5:
        return f"{sign}is half what it should be: a factor 2 is missing, of a square or a symmetric term?"
    hint = "."
    if "axis" in words or "entries" in words:
        hint = ": is a mean taken for a sum?" if size > 1 else ": is a sum taken for a mean?"
    if words == "1/ln 2":
        hint = ": bits where nats are meant?"
    if "pi/180" in words:
        hint = ": degrees where radians are meant?"
    return f"{sign}is {words} times what it should be{hint}"


def _undone(d, words):
    """The formula that undoes a factor.

    >>> _undone("dL/dx", "1/2"), _undone("dL/dx", "-1/5 x 1/x")
    ('dL/dx = (yours) * 2', 'dL/dx = -(yours) / (1/5 x 1/x)')
    """
    words = re.sub(r" \(\d+ is [^)]*\)", "", words)
    sign, words = ("-", words[1:]) if words.startswith("-") else ("", words)
    if words in ("", "1"):
        return f"{d} = {sign}(yours)"
    if words.startswith("1/") and " / " not in words and " x " not in words:
        return f"{d} = {sign}(yours) * {words[2:]}"
    return f"{d} = {sign}(yours) / {words if re.fullmatch(r'[^ /]+', words) else f'({words})'}"


def field_guesses(case, numbers):
    """got = c * expected * field: a factor of the chain rule is missing, or is there once too often."""
    fields = own_fields(case.x, case.name) + other_fields(case)
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
        sentence = f"{d} is {words} times what it should be{_hint(case, field)}"
        this = kind
        if field.of == "own" and c.value == 1 and field.words in (case.name, f"exp(-{case.name})"):
            this = "parameterisation"
        elif field.of not in ("own", "matrix") and re.search(r"(?i)beta|alpha|abar|\[t\]", field.words):
            this = "schedule"
        cost_of_number = c.cost if c.value != 1 else -0.5
        yield Guess(this, cost + cost_of_number, c.value * direction, sentence, _undone(d, words), slack=slack)


def _hint(case, field):
    """What a factor of this form usually comes from."""
    words = field.words
    if field.of == "own" and words == case.name and np.all(case.x > 0):
        return f": the derivative by log {case.name} instead of {case.name}?"
    if field.of == "own" and words == f"exp(-{case.name})":
        return f": the derivative by exp({case.name}) instead of {case.name}?"
    if any(re.fullmatch(form, words) for form in _ONE_STEP):
        return ": one-step noise for total noise (on average eps_step is sqrt(beta / (1 - alpha_bar)) eps_total)?"
    if "at t - 1" in words:
        return ": t is off by one?"
    if "tanh" in words and "^2" in words:
        return ": the derivative of tanh is 1 - tanh^2, taken of its output."
    if " / " in words:
        return ": the schedule enters in another way."
    if words.startswith("1/"):
        return f": a factor {words[2:]} is missing, or stands there once too often below the line."
    return f": a factor {words} too many, or missing below the line."
