"""Something is added to the right gradient: a term of the loss is missing or wrong, or a mean."""

import numpy as np

from tinygen.autodiff import softmax
from tinygen.mistakes.case import MOST_BITS, Guess, scaled
from tinygen.mistakes.fields import Field, other_fields, own_fields
from tinygen.mistakes.scales import role_of


def term_guesses(case, numbers):
    """got = expected + c * field: a term of the loss is missing, has the wrong sign, or does not belong there."""
    simple = [n for n in numbers if n.cost <= 6 and n.value]
    yield from _offset(case, simple)
    d, others = f"dL/d{case.name}", other_fields(case)
    products = [Field(f"{case.name} x {f.words}", case.x * f.array, f.of) for f in others if f.words == f.of]
    fields = own_fields(case.x, case.name) + [f for f in others if not f.words.startswith("exp")] + products
    cost = 2 + np.log2(1 + len(fields))
    for field in fields:
        c = scaled(case, case.expected, field.array, simple, free=False)
        if c is None:
            continue
        sign, undo = ("-", "+") if c.value < 0 else ("+", "-")
        words = field.words if abs(c.value) == 1 else f"{c.words.lstrip('-')} x {field.words}"
        of = f" (the gradient of {field.integral})" if field.integral else ""
        sentence = f"{d} is right but for {sign} {words}{of}: a term is missing, or has the wrong sign or factor."
        predicted = case.expected + c.value * field.array
        yield Guess("term", cost + c.cost, predicted, sentence, f"{d} = (yours) {undo} {words}")


def _offset(case, numbers):
    """The same number is added to every entry: the gradient of a term that is linear in the argument."""
    c = scaled(case, case.expected, np.ones(case.got.shape), numbers)
    if c is None or case.known.sum() < 2:
        return
    d, size = f"dL/d{case.name}", f"{abs(c.value):.6g}"
    formula, predicted = f"{d} = (yours) {'-' if c.value > 0 else '+'} {size}", case.expected + c.value
    if role_of(case.name) in ("logvar", "logstd") and c.cost < 8:
        told = f"lacks {c.words.lstrip('-')}" if c.value < 0 else f"has {c.words} too much"
        sentence = f"Every entry of {d} {told}: the term {case.name} of an entropy or a log-determinant?"
        yield Guess("term", 3 + c.cost, predicted, sentence, formula)
    else:
        sentence = (
            f"Every entry of {d} is {size} too {'large' if c.value > 0 else 'small'}: a term linear in {case.name}?"
        )
        yield Guess("offset", 6 + c.cost, predicted, sentence, formula)


def along_axis_guesses(case):
    """In each row (along an axis) the error is one number times a field: a mean, a normaliser or a norm is wrong."""
    for axis in range(case.got.ndim):
        length = case.got.shape[axis]
        if case.known.all() and length >= (3 if case.got.ndim > 1 else 5):
            yield from _along(case, axis)


def _along(case, axis):
    error, name = case.got - case.expected, case.name
    free = error.size // error.shape[axis] * MOST_BITS + 10
    where = f"along axis {axis} of dL/d{name}" if error.ndim > 1 else f"in all of dL/d{name}"
    slack = 2 * case.tolerance + case.tolerance.max(axis, keepdims=True)
    if not np.all(abs(error - _part(error, case.expected, axis)) <= slack):  # else a factor says it all
        yield from _mean_terms(case, axis, error, free, where, slack)
    if error.ndim > 1:
        with np.errstate(all="ignore"):
            ratio = np.sum(case.got * case.expected, axis, keepdims=True) / np.sum(
                case.expected**2, axis, keepdims=True
            )
        sentence = f"Each slice {where} has a factor of its own: a weight, a normaliser or a mask is wrong."
        yield Guess("factor", free + 2, case.expected * ratio, sentence, slack=slack * np.maximum(1, abs(ratio)))


def _mean_terms(case, axis, error, free, where, slack):
    name = case.name
    mean, centred = (
        _part(error, field, axis) for field in (np.ones(error.shape), case.x - case.x.mean(axis, keepdims=True))
    )
    if error.ndim > 1:
        sentence = (
            f"The error is one and the same number {where}: the mean over this axis (or a normaliser's derivative) is "
            "missing, or was subtracted once too often."
        )
        yield Guess("mean-term", free, case.expected + mean, sentence, slack=slack)
    sentence = (
        f"The error {where} is a multiple of {name} minus its mean: the standard deviation's derivative is missing."
    )
    yield Guess("mean-term", free, case.expected + centred, sentence, slack=slack)
    sentence = f"The error {where} is a multiple of {name}: the derivative of a norm is missing."
    yield Guess("mean-term", free, case.expected + _part(error, case.x, axis), sentence, slack=slack)
    sentence = (
        f"The error {where} is a multiple of softmax({name}): the softmax's Jacobian lacks its second part, "
        "the weighted mean that is subtracted."
    )
    yield Guess("mean-term", free, case.expected + _part(error, softmax(case.x, axis), axis), sentence, slack=slack)
    if error.ndim > 1:
        sentence = (
            f"The error {where} is a number plus a multiple of {name}: mean and standard deviation taken for constants?"
        )
        yield Guess("mean-term", 2 * free, case.expected + mean + centred, sentence, slack=2 * slack)


def _part(error, field, axis):
    """The multiple of `field` that is closest to `error` in each slice along `axis`."""
    size = np.sum(field * field, axis, keepdims=True)
    return field * np.sum(error * field, axis, keepdims=True) / np.maximum(size, 1e-300)


def softmax_axis_guesses(case):
    """The softmax of the argument over the wrong axis, as in the gradient of a cross-entropy: softmax - onehot."""
    if case.got.ndim != 2:
        return
    over = [softmax(case.x, axis) for axis in (0, 1)]
    for wrong, right in ((0, 1), (1, 0)):
        for n in {1, *case.got.shape, case.got.size}:
            words = f"softmax({case.name}){f' / {n}' if n > 1 else ''}"
            sentence = f"In dL/d{case.name} {words} is taken over axis {wrong} instead of axis {right}."
            yield Guess("order", 8, case.expected + (over[wrong] - over[right]) / n, sentence)
