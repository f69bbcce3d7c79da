"""Something is added to the right gradient: a term of the loss is missing or wrong."""

import numpy as np

from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.family import family
from tinygen.mistakes.fields import Field, other_fields, own_fields
from tinygen.mistakes.scales import role_of
from tinygen.mistakes.words import say


@family("structured", inside=True)
def added_terms(case):
    """got = expected + c * field: a term of the loss is missing, has the wrong sign, or does not belong there."""
    simple = [n for n in case.numbers if n.cost <= 6 and n.value]
    yield from _offset(case, simple)
    d, others = f"dL/d{case.name}", other_fields(case)
    products = [Field(f"{case.name} x {f.words}", case.x * f.array, f.of) for f in others if f.words == f.of]
    fields = own_fields(case.x, case.name) + [f for f in others if not f.words.startswith("exp")] + products
    cost = 2 + np.log2(16 + len(fields))
    for field in fields:
        c = scaled(case, case.expected, field.array, simple, free=False)
        if c is None:
            continue
        sign, undo = ("-", "+") if c.value < 0 else ("+", "-")
        words = field.words if abs(c.value) == 1 else f"{c.words.lstrip('-')} x {field.words}"
        of = f" (the gradient of {field.integral})" if field.integral else ""
        sentence = say("added", d=d, sign=sign, words=words, of=of)
        predicted = case.expected + c.value * field.array
        odd = 0 if field.integral or field.of != "own" else 6  # of no term that anybody has
        yield Guess("term", cost + odd + c.cost, predicted, sentence, f"{d} = (yours) {undo} {words}")


def _offset(case, numbers):
    """The same number is added to every entry: the gradient of a term that is linear in the argument."""
    c = scaled(case, case.expected, np.ones(case.got.shape), numbers)
    if c is None or case.known.sum() < 2:
        return
    d, size = f"dL/d{case.name}", f"{abs(c.value):.6g}"
    formula, predicted = f"{d} = (yours) {'-' if c.value > 0 else '+'} {size}", case.expected + c.value
    if role_of(case.name) in ("logvar", "logstd") and c.cost < 8:
        told = f"lacks {str(c).lstrip('-')}" if c.value < 0 else f"has {c} too much"
        yield Guess("term", 3 + c.cost, predicted, say("entropy", d=d, told=told, name=case.name), formula)
    else:
        sentence = say("offset", d=d, size=size, way="large" if c.value > 0 else "small", name=case.name)
        yield Guess("offset", 6 + c.cost, predicted, sentence, formula, key="offset")
