"""The loss comes as named terms: which term is dropped, scaled, of the wrong sign, or wrong in itself?"""

from dataclasses import replace

import numpy as np

from tinygen.check.constants import numbers_of
from tinygen.check.evidence import Guess, named_number, scale_range

_TOLD = {0: "is missing (dropped, or detached)", -1: "has the wrong sign", 2: "counts twice", 0.5: "counts half"}


def term_gradients(case):
    """{name: (gradient, bar)} of the terms of a loss that names them; {} if it does not, or if one cannot be measured."""
    value = case.f(*case.args)
    if not isinstance(value, dict) or len(value) < 2:
        return {}
    found = {}
    for name in value:
        measured = case.gradient(f=lambda *args, name=name: case.f(*args)[name])
        if measured is None:
            return {}
        found[name] = measured
    return {name: pair for name, pair in found.items() if np.any(abs(pair[0]) > pair[1])}


def named_term_guesses(case, numbers, inside):
    """One coefficient for each term (least squares), then each term by itself through all other rules (`inside`)."""
    gradients = term_gradients(case)
    if not gradients or case.total(*case.args) is None:
        return
    slack = case.tolerance + sum(bar for _, bar in gradients.values())
    for name, (gradient, bar) in gradients.items():
        yield from _one_term(case, name, gradient, slack, numbers)
        if len(gradients) > 1:
            rest = sum(g for other, (g, _) in gradients.items() if other != name)
            part = replace(
                case,
                f=lambda *args, name=name: case.f(*args)[name],
                got=case.got - rest,
                expected=gradient,
                bar=slack,
                gradients={},
            )
            for guess in inside(part, numbers_of(part)):
                if guess.kind not in ("zero", "sign", "factor", "entries"):  # said above, as a coefficient
                    yield replace(
                        guess,
                        cost=guess.cost + 2.5 + np.log2(len(gradients)),
                        predicted=guess.predicted + rest,
                        sentence=f"{name}: {guess.sentence}",
                        where=name,
                        slack=slack if guess.slack is None else np.maximum(guess.slack, slack),
                        formula=guess.formula and f"{guess.formula}, for the term {name} alone",
                    )
    if len(gradients) > 1:
        yield from _all_terms(case, gradients, slack, numbers)


def _one_term(case, name, gradient, slack, numbers):
    told = case.known
    found = scale_range((case.got - case.expected)[told], gradient[told], slack[told])
    if found is None:
        return
    c = named_number(found[0] + 1, found[1] + 1, numbers)
    what = _TOLD.get(c.value, f"has the coefficient {c.words}")
    yield Guess(
        "term",
        1 + c.cost,
        case.expected + (c.value - 1) * gradient,
        f"{name}: in dL/d{case.name} this term {what}.",
        f"dL/d{case.name} = (yours) {'-' if c.value > 1 else '+'} {abs(c.value - 1):.6g} * d({name})/d{case.name}",
        where=name,
        slack=slack,
    )


def _all_terms(case, gradients, slack, numbers):
    """Least squares over all terms at once: two or more coefficients are wrong."""
    told = case.known
    matrix = np.stack([g[told] for g, _ in gradients.values()], axis=1)  # (entries, terms)
    if matrix.shape[0] <= matrix.shape[1]:
        return
    weights = 1 / slack[told]
    solution, _, rank, _ = np.linalg.lstsq(matrix * weights[:, None], case.got[told] * weights, rcond=None)
    if rank < matrix.shape[1]:
        return
    spread = np.sqrt(np.diag(np.linalg.inv((matrix * weights[:, None]).T @ (matrix * weights[:, None])))) * 4
    found = [named_number(c - s, c + s, numbers) for c, s in zip(solution, spread)]
    off = [(name, c) for name, c in zip(gradients, found) if c.value != 1]
    if len(off) > 1:
        predicted = sum(c.value * g for c, (g, _) in zip(found, gradients.values()))
        words = "; ".join(f"{name} {_TOLD.get(c.value, f'has the coefficient {c.words}')}" for name, c in off)
        yield Guess(
            "two",
            2 + sum(c.cost + 1 for c in found),
            predicted,
            f"In dL/d{case.name} {len(off)} terms are wrong: {words}.",
            where=", ".join(name for name, _ in off),
            slack=slack,
        )
