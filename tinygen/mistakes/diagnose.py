"""Which mistake is it? The ranked explanations of a gradient that disagrees with the numbers."""

import re
import warnings
from dataclasses import dataclass, replace

import numpy as np

from tinygen.mistakes.case import Case, explains, residual
from tinygen.mistakes.families.arrangement import triangle
from tinygen.mistakes.families.values import precision_mistake
from tinygen.mistakes.family import TIERS, families
from tinygen.mistakes.held_out import held_out
from tinygen.mistakes.shapes import lost_entries, shape_moves, structure_sentence
from tinygen.mistakes.words import joined, say

BEHIND = 12.0  # bits by which an explanation may be less simple than the best and still be shown
EQUAL = 0.4  # bits within which two explanations are alternatives
TRIED = 12  # explanations that are held against other points


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
    `expected` marks entries that were not computed. names: the names of all arguments. gradient: called with a tuple of
    all arguments, it gives `got` there (to see noise that is drawn anew, and whether an explanation holds elsewhere).

    >>> x = np.array([0.5, -1.0, 2.0])
    >>> diagnose(lambda x: np.sum(x**2), (x,), 0, x, 2 * x, 1e-9 + 0 * x, name="x")[0].formula
    'dL/dx = (yours) * 2'
    """
    with warnings.catch_warnings():  # f is tried at points of our own choice, and in altered forms
        warnings.simplefilter("ignore")
        return _diagnosed(f, args, argnum, got, expected, bar, name, names, gradient, limit)


def _diagnosed(f, args, argnum, got, expected, bar, name, names, gradient, limit):
    names = tuple(names) if names is not None else tuple(f"args[{i}]" for i in range(len(args)))
    name = names[argnum] if name is None else name
    names = (*names[:argnum], name, *names[argnum + 1 :])
    whole = _whole_numbers(f, args)
    if whole:
        return whole
    drawn = _redrawn(f, args, gradient, name, expected)
    if drawn:
        return drawn
    told = structure_sentence(got, args[argnum], name)
    if told:
        return [Mistake(*told, where=name)]
    expected, bar = np.asarray(expected, dtype=np.float64), np.asarray(bar, dtype=np.float64)
    case = Case(f, tuple(args), argnum, np.asarray(got, dtype=np.float64), expected, bar, name, names, gradient)
    if case.got.shape == expected.shape and not case.wrong.any():
        return []
    if case.automatic:  # fill in what was not measured
        whole, _ = case.gradient()
        unknown, widest = ~case.known, np.max(bar[case.known], initial=0)
        case = case.alike(expected=np.where(unknown, whole, expected), bar=np.where(unknown, widest, bar))
    if case.got.shape != expected.shape:
        return _shape_mistakes(case, limit)
    found = _ranked(case, limit) or _of_symmetric(case, limit)
    if not found and (said := precision_mistake(case)):
        return [Mistake("precision", said[0], said[1], where=name)]
    return found


def _of_symmetric(case, limit):
    """The mistakes in a symmetric gradient by a symmetric matrix of which f reads one triangle alone."""
    x, got, whole, k = case.x, case.got, case.expected, case.argnum
    square = x.ndim == 2 and x.shape[0] == x.shape[1] and case.known.all()
    if not square or not np.array_equal(x, x.T) or not np.allclose(got, got.T) or not triangle(whole):
        return []
    f = lambda *args: case.total(*args[:k], (args[k] + args[k].T) / 2, *args[k + 1 :])
    mean = lambda a: (a + a.T) / 2
    other = Case(f, case.args, k, got, mean(whole), mean(case.bar), case.name, case.names, case.again)
    said = lambda mistake: say("of the symmetric form", told=mistake.sentence, name=case.name)
    return [replace(mistake, sentence=said(mistake)) for mistake in _ranked(other, limit)]


def _ranked(case, limit):
    fitting, others = [], None
    for tier, enough in TIERS.items():
        with np.errstate(all="ignore"):
            for asked in families(tier):
                fitting += [(guess, asked) for guess in asked.guesses(case) if explains(case, guess)]
        fitting.sort(key=lambda pair: pair[0].cost)
        if fitting and others is None:
            others = held_out(case)
        kept = _holding(case, fitting, others)
        if kept and kept[0].cost <= enough:
            break
    best = []
    for guess in kept:
        if guess.cost <= kept[0].cost + BEHIND and not any(_same(case, guess, other) for other in best):
            best.append(guess)
    return _told(case, best)[:limit]


def _told(case, guesses):
    """Mistakes, best first; those that are equally plain are one sentence, joined by "or"."""
    groups = []
    for guess in guesses:
        if groups and guess.cost <= groups[-1][0].cost + EQUAL and len(groups) == 1 and len(groups[0]) < 2:
            groups[-1].append(guess)
        else:
            groups.append([guess])
    mistakes = []
    for group in groups:
        g, sentence = group[0], joined([g.sentence for g in group]) if len(group) > 1 else group[0].sentence
        formula = g.formula if len(group) == 1 else None
        mistakes.append(Mistake(g.kind, sentence, residual(case, g), formula, g.where or case.name))
    return mistakes


def _holding(case, fitting, others):
    """The guesses among (guess, family) pairs that hold at the `others`, Cases at other points, in their order."""
    kept = []
    for guess, asked in fitting[:TRIED] if others else fitting:
        found = [] if guess.certain else [_again(other, guess, asked) for other in others]
        if None in found:
            continue
        numbers = [other.number for other in found if None not in (other.number, guess.number)]
        moved = [c for c in numbers if not np.isclose(c, guess.number, rtol=1e-4)]
        if not moved:
            kept.append(guess)
        elif guess.kind == "factor" and case.x.size > 1:  # a factor, but no number: it depends on the arguments
            sentence = say("varies", d=f"dL/d{case.name}", here=guess.number, there=moved[0])
            kept.append(replace(guess, sentence=sentence, formula=None))
    return kept


def _again(case, guess, asked):
    """The same explanation, as the family finds it at another point; None if it does not."""
    with np.errstate(all="ignore"):
        for found in case.asked(asked):
            if found.same == guess.same and explains(case, found):
                return found
    return None


def _same(case, one, two):
    """Whether two guesses say the same: one kind, one prediction, and one of them is plainer."""
    difference = abs(one.predicted - two.predicted)[case.known]
    if {one.kind, two.kind} <= {"term", "path"} and one.where == two.where and one.number == two.number is not None:
        return True  # a term and what comes through it
    if one.formula and one.formula == two.formula:
        return True
    equal = one.kind == two.kind and bool(np.all(difference <= case.tolerance[case.known]))
    if not equal or one.kind != "other-point" or abs(one.cost - two.cost) > EQUAL:
        return equal
    texts = [(re.findall(r"`([^`]*)`", guess.sentence) or [""])[0] for guess in (one, two)]
    return texts[0] in texts[1] or texts[1] in texts[0]  # one expression, and what it is part of


def _whole_numbers(f, args):
    """f that returns integers has no derivative to compare with."""
    with np.errstate(all="ignore"):
        kinds = {np.asarray(part).dtype for part in _terms(f(*args))}
    whole = next((kind for kind in kinds if kind.kind in "iub"), None)
    said = f"f returns {whole}, which cuts small changes off: return a float, without int() or round()."
    return [] if whole is None else [Mistake("dtype", said, where="f")]


def unsteady(one, two, expected, name):
    """The Mistake of a gradient that is `one`, and `two` when called again; `expected` is the numeric one.

    All of one shape. name: the argument.
    """
    known = np.isfinite(expected)
    size = np.max(abs(expected[known]), initial=0)
    alike = size > 0 and np.shape(one) == np.shape(two) == expected.shape
    grows = alike and np.all(abs(two - one - expected)[known] <= 1e-4 * size)
    return Mistake("noise", say("grows" if grows else "own noise", d=f"dL/d{name}", name=name), where=name)


def _redrawn(f, args, gradient, name, expected):
    """Noise drawn anew at each call makes f, or its gradient, a different function each time."""
    with np.errstate(all="ignore"):
        value, again = ([float(part) for part in _terms(f(*args))] for _ in range(2))
    if not np.array_equal(value, again, equal_nan=True):
        said = (
            f"f gives {sum(value):.9g} and then {sum(again):.9g} for the same arguments: noise is drawn anew at each "
            "evaluation. Draw it once and pass it as an argument."
        )
        return [Mistake("noise", said, where="f")]
    one = None if gradient is None else gradient(args)
    one = one.copy() if isinstance(one, np.ndarray) else None  # it may be the array that the next call writes to
    two = None if one is None else gradient(args)
    if one is not None and not np.array_equal(one, two, equal_nan=True):
        return [unsteady(one, two, np.asarray(expected, np.float64), name)]
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
        moved = None if move is None else case.alike(got=move(case.got), again=None)
        if moved is not None and not moved.wrong.any():
            right.append(
                (cost, Mistake(kind, f"{start}: {words}. With that, the numbers are right.", 0.0, where=case.name))
            )
        elif moved is not None and not right:
            nearly += [
                (cost, replace(mistake, sentence=f"{start}: {words}. Then: {mistake.sentence}", kind=kind))
                for mistake in _ranked(moved, 1)
            ]
    for kind, words, array in lost_entries(case.expected) if case.known.all() and not right else ():
        left = 1e-9 * np.max(abs(case.expected)) + case.expected.size * np.max(case.tolerance)
        if np.shape(array) == case.got.shape and np.all(abs(array - case.got) <= left):
            right.append((0, Mistake(kind, f"{start}: {words}.", where=case.name)))
    ranked = sorted(right or nearly or shown, key=lambda pair: pair[0])
    general = Mistake("shape", f"{start}: a gradient has its argument's shape.", where=case.name)
    return [mistake for _, mistake in ranked][:limit] or [general]
