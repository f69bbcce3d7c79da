"""Mistakes of calculus in every entry: a factor, a chain-rule factor that depends on the arguments, a term too many or too few."""

import re

import numpy as np

from tinygen.autodiff import softmax
from tinygen.check.evidence import MOST_BITS, Guess, scaled
from tinygen.check.fields import Field, fitted_schedule_fields, other_fields, own_fields, schedule_fields
from tinygen.check.parameters import role_of


def factor_guesses(case, numbers):
    """got = c * expected."""
    got, expected = case.got, case.expected
    if not np.any(got[case.known]):
        yield Guess("zero", 0.5, np.zeros(got.shape), f"dL/d{case.name} is zero everywhere: is {case.name} treated as a "
                    "constant, or the gradient never written?")  # fmt: skip
        return
    with np.errstate(all="ignore"):
        ratio = abs(got / expected)[case.known & (abs(expected) > case.tolerance)]
    slack = case.tolerance * max(1.0, float(np.median(ratio)) if ratio.size else 1.0)
    c = scaled(case, np.zeros(got.shape), expected, numbers, slack=slack)
    if c is None:
        return
    kind = "sign" if c.value == -1 else "factor"
    yield Guess(kind, c.cost + 0.5, c.value * expected, f"dL/d{case.name} {times(c)}", undo(case.name, c), slack=slack)


def times(c):
    """What a wrong factor `c` is called."""
    sign, size = ("has the wrong sign and ", abs(c.value)) if c.value < 0 else ("", c.value)
    words = c.words.lstrip("-")
    if c.value == -1:
        return "has the wrong sign."
    if size == 2:
        return f"{sign}is twice what it should be: a 1/2 lost, or the 2 of a square kept?"
    if size == 0.5:
        return f"{sign}is half what it should be: a factor 2 is missing, of a square or a symmetric term?"
    hint = ""
    if "axis" in words or "entries" in words:
        hint = ": is a mean taken for a sum?" if size > 1 else ": is a sum taken for a mean?"
    if words == "1/ln 2":
        hint = ": bits where nats are meant?"
    return f"{sign}is {words} times what it should be{hint or '.'}"


def undo(name, c):
    """The corrected formula for a factor."""
    if c.value == -1:
        return f"dL/d{name} = -(yours)"
    words = re.sub(r" \(.*\)$", "", c.words)
    return f"dL/d{name} = (yours) / ({words})" if c.value else None


def field_guesses(case, numbers):
    """got = c * expected * field: a factor of the chain rule is missing, or is there once too often."""
    fields = own_fields(case.x, case.name) + other_fields(case)
    simple = [n for n in numbers if n.cost <= 4]
    yield from _multiplied(case, fields, simple, "chain-factor", 1 + np.log2(1 + len(fields)))
    schedule = schedule_fields(case)
    yield from _multiplied(case, schedule, [n for n in simple if n.cost <= 3], "schedule", 1 + np.log2(1 + len(schedule)))
    for field, cost in fitted_schedule_fields(case):
        yield from _multiplied(case, [field], [n for n in simple if n.cost <= 3], "schedule", 4 + cost)


def _multiplied(case, fields, numbers, kind, cost):
    for field in fields:
        with np.errstate(all="ignore"):
            direction = case.expected * field.array
            slack = case.tolerance * np.maximum(1, abs(field.array))
        c = scaled(case, np.zeros(case.got.shape), direction, numbers, slack=slack, free=False)
        if c is None or c.value == 0:
            continue
        extra = c.cost if c.value != 1 else -0.5
        front = "" if c.value == 1 else f"{c.words} x "
        this = "parameterisation" if _by_logarithm(case, field, c) else _kind(field, kind)
        yield Guess(this, cost + extra, c.value * direction,
                    f"dL/d{case.name} is {front}{field.words} times what it should be{_hint(case, field, c)}",
                    f"dL/d{case.name} = (yours) / ({front}{field.words})", slack=slack)  # fmt: skip


def _by_logarithm(case, field, c):
    return field.of == "own" and c.value == 1 and (field.words == case.name or field.words == f"exp(-{case.name})")


def _kind(field, kind):
    scheduled = re.search(r"(?i)beta|alpha|abar|\[t\]", field.words) and field.of not in ("own", "matrix")
    return "schedule" if scheduled else kind


def _hint(case, field, c):
    """What a factor of this form usually comes from."""
    words = field.words
    if field.of == "own" and words == case.name and np.all(case.x > 0):
        return f": the derivative by log {case.name} instead of {case.name}?"
    if field.of == "own" and words == f"exp(-{case.name})":
        return f": the derivative by exp({case.name}) instead of {case.name}?"
    one_step = r"sqrt\(\S*beta\S*\) / sqrt\(1 - \S*(alpha|abar)\S*\)|sqrt\(1 - \S*(alpha|abar)\S*\) / sqrt\(\S*beta\S*\)"
    if re.fullmatch(one_step, words):
        return ": one-step noise where total noise is meant (eps_step is sqrt(beta / (1 - alpha_bar)) eps_total on average)?"
    if "at t - 1" in words:
        return ": t is off by one?"
    if "tanh" in words and "^2" in words:
        return ": the derivative of tanh is 1 - tanh^2, taken of its output."
    if words.startswith("1/"):
        return f": a factor {words[2:]} is missing, or stands there once too often below the line."
    if " / " in words:
        return ": the schedule enters in another way."
    return f": a factor {words} too many, or missing below the line."


def term_guesses(case, numbers):
    """got = expected + c * field: a term of the loss is missing, has the wrong sign, or does not belong there."""
    difference, ones = case.got - case.expected, np.ones(case.got.shape)
    simple = [n for n in numbers if n.cost <= 6 and n.value]
    c = scaled(case, case.expected, ones, simple)
    if c is not None and case.known.sum() > 1:
        scale = role_of(case.name)
        known = scale in ("logvar", "logstd") and c.cost < 8
        hint = f": the term {case.name} of an entropy or a log-determinant" if known else ": a term linear in it"
        what = "lacks" if known and c.value < 0 else "is off by"
        yield Guess("term" if known else "offset", (3 if known else 6) + c.cost, case.expected + c.value,
                    f"Every entry of dL/d{case.name} {what} {_signed(c, what)}{hint}?",
                    f"dL/d{case.name} = (yours) {'-' if c.value > 0 else '+'} {abs(c.value):.6g}")  # fmt: skip
    fields = own_fields(case.x, case.name) + [f for f in other_fields(case) if not f.words.startswith("exp")]
    fields += [Field(f"{case.name} x {f.words}", case.x * f.array, f.of, "") for f in other_fields(case) if f.words == f.of]
    cost = 2 + np.log2(1 + len(fields))
    for field in fields:
        c = scaled(case, case.expected, field.array, simple, free=False)
        if c is None:
            continue
        sign = "-" if c.value < 0 else "+"
        size = "" if abs(c.value) == 1 else f"{c.words.lstrip('-')} x "
        of = f" (the gradient of {field.integral})" if field.integral else ""
        yield Guess("term", cost + c.cost, case.expected + c.value * field.array,
                    f"dL/d{case.name} is right but for {sign} {size}{field.words}{of}: a term is missing, or has the wrong "
                    "sign or factor.", f"dL/d{case.name} = (yours) {'+' if sign == '-' else '-'} {size}{field.words}")  # fmt: skip
    del difference


def _signed(c, what):
    return c.words.lstrip("-") if what == "lacks" else f"{c.value:+.6g}"


def along_axis_guesses(case):
    """In each row (along an axis) the error is one number times a field: a mean, a normaliser or a norm is wrong."""
    error = case.got - case.expected
    for axis in range(error.ndim):
        length = error.shape[axis]
        if length < 3 or not case.known.all() or (error.ndim == 1 and length < 5):
            continue
        free = error.size // length * MOST_BITS
        words = f"along axis {axis} of dL/d{case.name}" if error.ndim > 1 else f"in all of dL/d{case.name}"
        slack = 2 * case.tolerance + case.tolerance.max(axis, keepdims=True)
        x = case.x - case.x.mean(axis, keepdims=True)
        peak = np.exp(case.x - case.x.max(axis, keepdims=True))
        for field, cause in (
            (np.ones(error.shape), "The error is one and the same number {0}: the mean over this axis (or a normaliser's "
             "derivative) is missing, or was subtracted once too often."),
            (x, "The error {0} is a multiple of {1} minus its mean: the derivative of the standard deviation is missing."),
            (case.x, "The error {0} is a multiple of {1}: the derivative of a norm is missing."),
            (peak / peak.sum(axis, keepdims=True), "The error {0} is a multiple of softmax({1}): the softmax's Jacobian was taken "
             "without its second part, the weighted mean that is subtracted."),
        ):  # fmt: skip
            size = np.sum(field * field, axis, keepdims=True)
            part = field * np.sum(error * field, axis, keepdims=True) / np.maximum(size, 1e-300)
            if error.ndim > 1 or not np.all(field == 1):
                yield Guess("mean-term", free, case.expected + part, cause.format(words, case.name), slack=slack)
        if error.ndim > 1:
            yield from _factor_each(case, axis, words, free, slack)
            mean = error.mean(axis, keepdims=True)
            slope = np.sum(error * x, axis, keepdims=True) / np.maximum(np.sum(x * x, axis, keepdims=True), 1e-300)
            yield Guess("mean-term", 2 * free, case.expected + mean + slope * x, f"The error {words} is a number plus a "
                        f"multiple of {case.name}: mean and standard deviation were treated as constants?",
                        slack=2 * slack)  # fmt: skip


def _factor_each(case, axis, words, free, slack):
    with np.errstate(all="ignore"):
        ratio = np.sum(case.got * case.expected, axis, keepdims=True) / np.sum(case.expected**2, axis, keepdims=True)
    yield Guess("factor", free + 2, case.expected * ratio, f"Each slice {words} has a factor of its own: a weight, a "
                "normaliser or a mask is wrong.", slack=slack * np.maximum(1, abs(ratio)))  # fmt: skip


def softmax_axis_guesses(case):
    """The softmax of the argument taken over the wrong axis, as in the gradient of a cross-entropy: softmax - onehot."""
    if case.got.ndim != 2:
        return
    over = [softmax(case.x, axis) for axis in (0, 1)]
    for wrong, right in ((0, 1), (1, 0)):
        for n, words in ((1, ""), *((1 / k, f" / {k}") for k in {*case.got.shape, case.got.size})):
            yield Guess("order", 8, case.expected + (over[wrong] - over[right]) * n, f"In dL/d{case.name} softmax({case.name}){words} "
                        f"is taken over axis {wrong} instead of axis {right}.")  # fmt: skip
