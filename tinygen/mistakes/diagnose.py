"""Which mistake is it? The ranked explanations of a gradient that disagrees with the numbers."""

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from tinygen.mistakes.added import along_axis_guesses, softmax_axis_guesses, term_guesses
from tinygen.mistakes.case import Case, explains, residual
from tinygen.mistakes.chain import Search
from tinygen.mistakes.factors import factor_guesses, field_guesses
from tinygen.mistakes.numbers import numbers_of
from tinygen.mistakes.order import arrangement_guesses, precision_mistake, value_guesses
from tinygen.mistakes.other_function import variant_mistakes
from tinygen.mistakes.other_point import altered_guesses
from tinygen.mistakes.points import other_argument_guesses, path_guesses
from tinygen.mistakes.recording import Recording
from tinygen.mistakes.regions import region_guesses, two_guesses
from tinygen.mistakes.scales import parameterisation_guesses
from tinygen.mistakes.shapes import shape_moves, structure_sentence
from tinygen.mistakes.terms import named_term_guesses

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
    'dL/dx = (yours) * 2'
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
    case = Case(f, tuple(args), argnum, np.asarray(got, dtype=np.float64), expected, bar, name, names)
    if case.got.shape != expected.shape:
        return _shape_mistakes(case, limit)
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
    difference = abs(one.predicted - two.predicted)[case.known]
    return one.kind == two.kind and bool(np.all(difference <= case.tolerance[case.known]))


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
        yield from islice(variant_mistakes(case, recording), recording.affordable)


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
        value, again = ([float(part) for part in _terms(f(*args))] for _ in range(2))
    if not np.array_equal(value, again, equal_nan=True):
        said = (
            f"f gives {sum(value):.9g} and then {sum(again):.9g} for the same arguments: noise is drawn anew at each "
            "evaluation. Draw it once and pass it as an argument."
        )
        return [Mistake("noise", said, where="f")]
    one, two = (gradient(), gradient()) if gradient is not None else (None, None)
    if isinstance(one, np.ndarray) and not np.array_equal(one, two, equal_nan=True):
        said = (
            f"The gradient by {name} differs from call to call while f does not: it draws its own noise. The same "
            "noise has to go into f and its gradient; pass it as an argument."
        )
        return [Mistake("noise", said, where=name)]
    return []


def _terms(value):
    return value.values() if isinstance(value, dict) else (value,)


def _shape_mistakes(case, limit):
    """Mistakes that explain a wrong shape: what makes the numbers right, else what it looks like by shape alone."""
    start = f"dL/d{case.name} has shape {case.got.shape}, expected {case.expected.shape}"
    others = zip(case.names, case.args)
    lengths = {
        n: f"the length of axis {axis} of {name}"
        for name, value in others if name != case.name for axis, n in enumerate(np.shape(value))
    }  # fmt: skip
    right, nearly, shown = [], [], []
    for kind, cost, words, move in shape_moves(case.got.shape, case.expected.shape, lengths):
        shown.append((cost, Mistake(kind, f"{start}: {words}.", where=case.name)))
        moved = None if move is None else replace(case, got=move(case.got))
        if moved is not None and not moved.wrong.any():
            right.append(
                (cost, Mistake(kind, f"{start}: {words}. With that, the numbers are right.", 0.0, where=case.name))
            )
        elif moved is not None and not right:
            nearly += [
                (cost, replace(mistake, sentence=f"{start}: {words}. Then: {mistake.sentence}", kind=kind))
                for mistake in _ranked(moved, 1)
            ]
    ranked = sorted(right or nearly or shown, key=lambda pair: pair[0])
    general = Mistake("shape", f"{start}: a gradient has its argument's shape.", where=case.name)
    return [mistake for _, mistake in ranked][:limit] or [general]
