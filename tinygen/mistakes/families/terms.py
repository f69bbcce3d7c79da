"""The loss comes as named terms: which term is dropped, scaled, of the wrong sign, or wrong in itself?"""

from dataclasses import replace

import numpy as np

from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.family import families, family
from tinygen.mistakes.numbers import named_number
from tinygen.mistakes.words import counted, say

ALONE = 1e-6  # singular values below this part of the largest: terms that the entries cannot tell apart


def term_gradients(case):
    """{name: (gradient, bar)} of the terms that depend on the argument; {} if f names none, or one is out of reach."""
    value, found = case.f(*case.args), {}
    for name in value if isinstance(value, dict) and len(value) > 1 else ():
        measured = case.gradient(f=_term(case, name), at_once=True)
        if measured is None:
            return {}
        if np.any(abs(measured[0]) > measured[1]):
            found[name] = measured
    return found


def _term(case, name):
    return lambda *args: case.f(*args)[name]


@family("structured")
def named_terms(case):
    """One coefficient wrong, or more (least squares), or one term wrong in itself."""
    gradients, numbers = term_gradients(case), case.numbers
    slack = case.tolerance + sum(bar for _, bar in gradients.values())
    for name, (gradient, _) in gradients.items():
        rest = case.expected - gradient
        yield from _coefficient(case, name, rest, gradient, slack, numbers)
        if len(gradients) > 1:
            yield from _wrong_in_itself(case, name, rest, gradient, slack, 2.5 + np.log2(len(gradients)))
    if len(gradients) > 1:
        yield from _coefficients(case, gradients, slack, numbers)


def _coefficient(case, name, rest, gradient, slack, numbers):
    c = scaled(case, rest, gradient, numbers, slack=slack)
    if c is not None:
        sign, size, d = "-" if c.value > 1 else "+", abs(c.value - 1), f"dL/d{case.name}"
        sentence = say("named term", term=name, d=d, counted=counted(c))
        formula = f"{d} = (yours) {sign} {'' if size == 1 else f'{size:.6g} * '}d({name})/d{case.name}"
        predicted = rest + c.value * gradient
        yield Guess("term", 1 + c.cost, predicted, sentence, formula, where=name, slack=slack, number=c.fixed)


def _wrong_in_itself(case, name, rest, gradient, slack, cost):
    """The other terms are right, and this one has a mistake of its own."""
    part = replace(case, f=_term(case, name), got=case.got - rest, expected=gradient, bar=slack, known_from={})
    for inside in families(inside=True):
        for guess in inside.guesses(part):
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
    """Least squares over all terms at once: two or more coefficients are wrong, if the entries tell the terms apart."""
    told, weights = case.known, 1 / slack[case.known]
    matrix = np.stack([g[told] * weights for g, _ in gradients.values()], axis=1)  # (entries, terms)
    if matrix.shape[0] <= matrix.shape[1] or not np.all(np.isfinite(matrix)):
        return
    with np.errstate(all="ignore"):
        units = matrix / np.linalg.norm(matrix, axis=0)
    if not np.all(np.isfinite(units)):
        return
    sizes = np.linalg.svd(units, compute_uv=False)
    if sizes[-1] < ALONE * sizes[0]:
        return
    inverse = np.linalg.pinv(matrix)
    solution, spread = inverse @ (case.got[told] * weights), 4 * np.linalg.norm(inverse, axis=1)
    found = [named_number(c - s, c + s, numbers) for c, s in zip(solution, spread)]
    off = [(name, c) for name, c in zip(gradients, found) if c.value != 1]
    if len(off) > 1:
        words = "; ".join(f"{name} {counted(c)}" for name, c in off)
        sentence = say("named terms", d=f"dL/d{case.name}", count=len(off), words=words)
        predicted = sum(c.value * g for c, (g, _) in zip(found, gradients.values()))
        where = ", ".join(name for name, _ in off)
        yield Guess("two", 2 + sum(c.cost + 1 for c in found), predicted, sentence, where=where, slack=slack)
