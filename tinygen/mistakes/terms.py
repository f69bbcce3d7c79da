"""The loss comes as named terms: which term is dropped, scaled, of the wrong sign, or wrong in itself?"""

from dataclasses import replace

import numpy as np

from tinygen.mistakes.case import Guess, named_number, scaled
from tinygen.mistakes.numbers import numbers_of

_TOLD = {0: "is missing (dropped, or detached)", -1: "has the wrong sign", 2: "counts twice", 0.5: "counts half"}


def term_gradients(case):
    """{name: (gradient, bar)} of the terms that depend on the argument; {} if f names none, or one is out of reach."""
    value, found = case.f(*case.args), {}
    for name in value if isinstance(value, dict) and len(value) > 1 else ():
        measured = case.gradient(f=_term(case, name))
        if measured is None:
            return {}
        if np.any(abs(measured[0]) > measured[1]):
            found[name] = measured
    return found


def _term(case, name):
    return lambda *args: case.f(*args)[name]


def named_term_guesses(case, numbers, inside):
    """One coefficient wrong, or more (least squares), or one term wrong in itself by the rules `inside`."""
    gradients = term_gradients(case)
    slack = case.tolerance + sum(bar for _, bar in gradients.values())
    for name, (gradient, _) in gradients.items():
        rest = case.expected - gradient
        yield from _coefficient(case, name, rest, gradient, slack, numbers)
        if len(gradients) > 1:
            yield from _wrong_in_itself(case, name, rest, gradient, slack, inside, 2.5 + np.log2(len(gradients)))
    if len(gradients) > 1:
        yield from _coefficients(case, gradients, slack, numbers)


def _coefficient(case, name, rest, gradient, slack, numbers):
    c = scaled(case, rest, gradient, numbers, slack=slack)
    if c is not None:
        sign, size, d = "-" if c.value > 1 else "+", abs(c.value - 1), f"dL/d{case.name}"
        sentence = f"{name}: in {d} this term {_TOLD.get(c.value, f'has the coefficient {c.words}')}."
        formula = f"{d} = (yours) {sign} {'' if size == 1 else f'{size:.6g} * '}d({name})/d{case.name}"
        yield Guess("term", 1 + c.cost, rest + c.value * gradient, sentence, formula, where=name, slack=slack)


def _wrong_in_itself(case, name, rest, gradient, slack, inside, cost):
    """The other terms are right, and this one has a mistake of its own."""
    part = replace(case, f=_term(case, name), got=case.got - rest, expected=gradient, bar=slack, gradients={})
    for guess in inside(part, numbers_of(part)):
        if guess.kind not in ("zero", "sign", "factor", "entries"):  # said as a coefficient
            yield replace(
                guess,
                cost=guess.cost + cost,
                predicted=guess.predicted + rest,
                sentence=f"{name}: {guess.sentence}",
                formula=guess.formula and f"{guess.formula}, for the term {name} alone",
                where=name,
                slack=slack if guess.slack is None else np.maximum(guess.slack, slack),
            )


def _coefficients(case, gradients, slack, numbers):
    """Least squares over all terms at once: two or more coefficients are wrong."""
    told, weights = case.known, 1 / slack[case.known]
    matrix = np.stack([g[told] * weights for g, _ in gradients.values()], axis=1)  # (entries, terms)
    if matrix.shape[0] <= matrix.shape[1] or not np.all(np.isfinite(matrix)):
        return
    inverse = np.linalg.pinv(matrix)  # of terms that cannot be told apart, it takes the smallest coefficients
    solution, spread = inverse @ (case.got[told] * weights), 4 * np.linalg.norm(inverse, axis=1)
    found = [named_number(c - s, c + s, numbers) for c, s in zip(solution, spread)]
    off = [(name, c) for name, c in zip(gradients, found) if c.value != 1]
    if len(off) > 1:
        words = "; ".join(f"{name} {_TOLD.get(c.value, f'has the coefficient {c.words}')}" for name, c in off)
        sentence, where = f"In dL/d{case.name} {len(off)} terms are wrong: {words}.", ", ".join(name for name, _ in off)
        predicted = sum(c.value * g for c, (g, _) in zip(found, gradients.values()))
        yield Guess("two", 2 + sum(c.cost + 1 for c in found), predicted, sentence, where=where, slack=slack)
