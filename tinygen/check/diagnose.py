"""Which mistake is it? The ranked explanations of a gradient that disagrees with the numbers."""

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from tinygen.check.additions import along_axis_guesses, softmax_axis_guesses, term_guesses
from tinygen.check.alterations import altered_guesses
from tinygen.check.arrangement import arrangement_guesses, precision_mistake, value_guesses
from tinygen.check.constants import numbers_of
from tinygen.check.evidence import Case, explains, residual
from tinygen.check.factors import factor_guesses, field_guesses
from tinygen.check.parameters import parameterisation_guesses
from tinygen.check.paths import Search
from tinygen.check.points import other_argument_guesses, path_guesses
from tinygen.check.recording import Recording
from tinygen.check.regions import region_guesses, two_guesses
from tinygen.check.shapes import shape_moves, structure_sentence
from tinygen.check.terms import named_term_guesses
from tinygen.check.variants import variant_mistakes

BEHIND = 12.0  # bits by which an explanation may be less simple than the best and still be shown


@dataclass(frozen=True)
class Mistake:
    """One explanation of a wrong gradient that fits the numbers within their error bars.

    kind: short slug such as ``"sign"`` or ``"factor"``. sentence: what a student reads. residual: what is left after
    correcting it, relative to the size of the gradient. formula: the corrected formula, or None. where: the argument
    (and the loss term, the row, ...) it was found in.
    """

    kind: str
    sentence: str
    residual: float = float("nan")
    formula: str | None = None
    where: str = ""

    def __str__(self):
        return self.sentence


def diagnose(f, args, argnum, got, expected, bar, *, name=None, names=None, gradient=None, limit=3):
    """The mistakes that explain `got`, best first; an empty list if none does.

    f: the function, returning a number or a dict of named terms whose sum is the loss. args: all its arguments, leaves
    of trees as arguments of their own. argnum: the argument that `got` is the gradient of (or claims to be: `got` may
    have a wrong shape). expected, bar: the numeric gradient and its error bar, in the argument's shape; NaN in
    `expected` marks entries that were not computed. names: the names of all arguments. gradient: called without
    arguments, it gives `got` anew (to see noise that is drawn again).

    >>> x = np.array([0.5, -1.0, 2.0])
    >>> diagnose(lambda x: np.sum(x**2), (x,), 0, x, 2 * x, 1e-9 + 0 * x, name="x")[0].formula
    'dL/dx = (yours) / (1/2)'
    """
    names = tuple(names) if names is not None else tuple(f"args[{i}]" for i in range(len(args)))
    name = names[argnum] if name is None else name
    names = (*names[:argnum], name, *names[argnum + 1 :])
    drawn = _redrawn(f, args, gradient, name)
    if drawn:
        return drawn
    told = structure_sentence(got, args[argnum], name)
    if told:
        return [Mistake(*told, where=name)]
    expected, bar = np.asarray(expected, dtype=np.float64), np.asarray(bar, dtype=np.float64)
    got = np.asarray(got, dtype=np.float64)
    if got.shape != expected.shape:
        return _shape_mistakes(f, args, argnum, got, expected, bar, name, names, limit)
    case = Case(f, tuple(args), argnum, got, expected, bar, name, names)
    if not case.wrong.any():
        return []
    if case.automatic:  # fill in what was not measured
        whole, _ = case.gradient()
        unknown, widest = ~case.known, np.max(bar[case.known], initial=0)
        case = replace(case, expected=np.where(unknown, whole, expected), bar=np.where(unknown, widest, bar))
    found = _ranked(case, limit)
    if not found and (said := precision_mistake(case)):
        return [Mistake("precision", said[0], said[1], where=name)]
    return found


def _ranked(case, limit):
    numbers = numbers_of(case)
    fitting = []
    for rules, enough in ((_simple, 5), (_structured, 5), (_searched, 20), (_far, 0)):
        with np.errstate(all="ignore"):
            fitting += [guess for guess in rules(case, numbers) if explains(case, guess)]
        fitting.sort(key=lambda guess: guess.cost)
        if fitting and fitting[0].cost <= enough:
            break
    best = []
    for guess in fitting:
        if guess.cost <= fitting[0].cost + BEHIND and not any(_same(case, guess, other) for other in best):
            best.append(guess)
    return [Mistake(g.kind, g.sentence, residual(case, g), g.formula, g.where or case.name) for g in best[:limit]]


def _same(case, one, two):
    """Whether two guesses say the same: one kind, one prediction."""
    return one.kind == two.kind and bool(
        np.all(abs(one.predicted - two.predicted)[case.known] <= case.tolerance[case.known])
    )


def _simple(case, numbers):
    yield from factor_guesses(case, numbers)
    yield from parameterisation_guesses(case)
    yield from field_guesses(case, numbers)
    yield from arrangement_guesses(case, numbers)


def _structured(case, numbers):
    yield from value_guesses(case)
    yield from term_guesses(case, numbers)
    yield from along_axis_guesses(case)
    yield from softmax_axis_guesses(case)
    yield from region_guesses(case, numbers)
    yield from two_guesses(case, numbers)
    yield from other_argument_guesses(case, numbers)
    yield from path_guesses(case, numbers)
    yield from named_term_guesses(case, numbers, _inside_a_term)


def _searched(case, numbers):
    yield from altered_guesses(case, numbers)
    if recording := _recorded(case):
        yield from islice(Search(case, recording, numbers).guesses(), recording.affordable)


def _far(case, numbers):
    if recording := _recorded(case):
        yield from islice(variant_mistakes(case, recording, numbers), recording.affordable)


def _recorded(case):
    """The function's recording, or None if it cannot be had."""
    try:
        with np.errstate(all="ignore"):
            return Recording(case.total, case.args, case.names, case.argnum) if case.automatic else None
    except Exception:  # f is anybody's code: where it cannot be recorded, nothing is said
        return None


def _inside_a_term(case, numbers):
    yield from factor_guesses(case, [n for n in numbers if n.cost < 7])
    yield from parameterisation_guesses(case)
    yield from field_guesses(case, numbers)
    yield from arrangement_guesses(case, numbers)
    yield from term_guesses(case, numbers)
    yield from path_guesses(case, numbers)


def _redrawn(f, args, gradient, name):
    """Noise drawn anew at each call makes f, or its gradient, a different function each time."""
    with np.errstate(all="ignore"):
        value, again = f(*args), f(*args)
    if isinstance(value, dict):
        value, again = sum(value.values()), sum(again.values())
    if not np.array_equal(value, again, equal_nan=True):
        return [
            Mistake(
                "noise",
                f"f gives {float(value):.9g} and then {float(again):.9g} for the same arguments: noise is drawn "
                "anew at each evaluation. Draw it once and pass it as an argument.",
                where="f",
            )
        ]
    if gradient is not None:
        one, two = gradient(), gradient()
        try:
            same = np.array_equal(np.asarray(one, dtype=np.float64), np.asarray(two, dtype=np.float64), equal_nan=True)
        except (TypeError, ValueError):
            same = True
        if not same:
            return [
                Mistake(
                    "noise",
                    f"The gradient by {name} differs from call to call while f does not: it draws its own noise. "
                    "The same noise has to go into f and its gradient; pass it as an argument.",
                    where=name,
                )
            ]
    return []


def _shape_mistakes(f, args, argnum, got, expected, bar, name, names, limit):
    """Mistakes that explain a wrong shape: first what makes the numbers right, then what it looks like by shape alone."""
    numeric, shown = [], []
    for kind, cost, sentence, move in shape_moves(got.shape, expected.shape):
        said = sentence.format(f"dL/d{name}", got.shape, expected.shape)
        shown.append((cost, Mistake(kind, said, where=name)))
        if move is None:
            continue
        moved = move(got)
        case = Case(f, tuple(args), argnum, moved, expected, bar, name, names)
        if not case.wrong.any():
            numeric.append((cost, Mistake(kind, f"{said} With that, the numbers are right.", 0.0, where=name)))
    if numeric:
        return [mistake for _, mistake in sorted(numeric, key=lambda pair: pair[0])][:limit]
    for kind, cost, sentence, move in shape_moves(got.shape, expected.shape):
        if move is None:
            continue
        case = Case(f, tuple(args), argnum, move(got), expected, bar, name, names)
        for mistake in _ranked(case, 1):
            said = sentence.format(f"dL/d{name}", got.shape, expected.shape)
            numeric.append(
                (cost, Mistake(kind, f"{said} Then: {mistake.sentence}", mistake.residual, mistake.formula, name))
            )
    shown += [(5, mistake) for mistake in _length_of_another(got, expected, args, name, names)]
    ranked = sorted(numeric or shown, key=lambda pair: pair[0])
    if ranked:
        return [mistake for _, mistake in ranked][:limit]
    return [
        Mistake(
            "shape",
            f"dL/d{name} has shape {got.shape}, expected {expected.shape}: a gradient has its argument's shape.",
            where=name,
        )
    ]


def _length_of_another(got, expected, args, name, names):
    """An axis of the gradient has a length that is another argument's: summed over the wrong axis."""
    for other, value in zip(names, args):
        for axis, length in enumerate(np.shape(value)):
            if other != name and length in got.shape and length not in expected.shape and length > 1:
                yield Mistake(
                    "batch",
                    f"dL/d{name} has shape {got.shape}, expected {expected.shape}: {length} is the length of "
                    f"axis {axis} of {other}: summed over the wrong axis?",
                    where=name,
                )
                return
