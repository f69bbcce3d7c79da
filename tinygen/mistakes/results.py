"""Which mistake explains a wrong result? For whatever gives numbers instead of a gradient."""

import numpy as np

from tinygen.mistakes.diagnose import Mistake
from tinygen.mistakes.numbers import OFFSETS, named_number, numbers_for, scale_range
from tinygen.mistakes.scales import RESULTS, readings, role_of
from tinygen.mistakes.words import counted, say, times

EPS = np.finfo(float).eps
PARTS = 6  # a result of up to so many rows may be several answers in one
_CONSTANTS = {f"{over}{words}" for words in ("ln 2", "ln 10", "pi", "2 pi", "(pi/180)", "e") for over in ("", "1/")}
_CONSTANTS |= {"180/pi", "sqrt(2 pi)", "1/sqrt(2 pi)", "1/(2 pi)"}


class _Search:
    """The explanations under which `got` would be right, simplest first."""

    def __init__(self, got, expected, bar, args, names):
        self.got, self.expected, self.bar, self.found = got, expected, bar, []
        arrays = {name: value for name, value in zip(names, args) if np.ndim(value)}
        scalars = {name: float(value) for name, value in zip(names, args) if isinstance(value, float)}
        self.numbers = [n for n in numbers_for(arrays, scalars) if n.cost < 6 or n.words.strip("-") in _CONSTANTS]

    def add(self, kind, sentence, value):
        """File an explanation if it gives what came back."""
        value = np.asarray(value, dtype=float)
        there = np.isfinite(value)  # a reading may make sense for some entries only: no logarithm of a negative number
        if value.shape == self.got.shape and 4 * there.sum() >= there.size:
            off = np.abs(self.got - value)[there]
            if np.all(off <= (8 * self.bar + 64 * EPS * np.abs(value))[there]):
                size = np.abs(self.expected).max() or 1.0
                self.found.append(Mistake(kind, sentence, float(off.max() / size)))

    def factor(self, target, direction, *, free=False):
        """The Number c with target = c * direction, or None."""
        slack = 8 * self.bar + 64 * EPS * np.abs(self.got)
        interval = scale_range(target, direction, np.broadcast_to(slack, np.shape(direction)))
        c = interval and named_number(*interval, self.numbers, free=free and np.size(direction) > 2)
        return None if c is None or c.value == 1 else c


def result_mistakes(got, expected, bar, terms, evaluate, args, names, parts=None):
    """The Mistakes that explain a result `got` in place of `expected` +- `bar`, the simplest first.

    terms: {name: value} of the terms whose sum is expected, if any. evaluate: of other arguments, (terms, value).
    parts: {what a part of a pair is called: where in `got` it stands}.
    """
    search = _Search(got, expected, bar, args, names)
    c = search.factor(got, expected)
    if c is not None and c.value:
        sentence = say("times", what="the result", times=times(c))
        search.add("sign" if c.value == -1 else "factor", sentence, c.value * expected)
    for name, term in terms.items():
        term = np.broadcast_to(np.asarray(term, dtype=float), expected.shape)
        c = search.factor(got - (expected - term), term)
        if c is not None:
            kind = {0: "missing-term", -1: "term-sign"}.get(c.value, "term-scaled")
            search.add(kind, say("counted", term=name, counted=counted(c)), expected - term + c.value * term)
    for words, values in _read(args, names):
        changed = [values.get(i, arg) for i, arg in enumerate(args)]
        with np.errstate(all="ignore"):
            other, value = evaluate(changed)
        search.add("reading", words, value)
        for term in terms:
            where = f"in the {term.rstrip(',')}, "
            search.add("reading", say("misread", where=where, reading=words), expected - terms[term] + other[term])
    numeric = [i for i, a in enumerate(args) if np.asarray(a).dtype.kind == "f"]
    for i in numeric:
        for j in numeric:
            if j < i and np.shape(args[i]) == np.shape(args[j]):
                swapped = list(args)
                swapped[i], swapped[j] = args[j], args[i]
                with np.errstate(all="ignore"):
                    value = evaluate(swapped)[1]
                search.add("swapped", say("swapped", one=names[j], two=names[i]), value)
    for words, function in RESULTS.items():
        with np.errstate(all="ignore"):
            search.add("reading", words, function(expected))
    _parts(search, parts)
    if not search.found and expected.size > 1:
        offset = got - expected
        if np.ptp(offset) <= 8 * bar.max():
            size = float(offset.flat[0])
            sentence = say("constant", size=f"{size:.6g}{_offset_name(abs(size), 8 * bar.max())}")
            search.found.append(Mistake("constant", sentence, 0.0))
    return search.found or _scaled_terms(search, terms)


def _read(args, names):
    """(words, {position: value}): an argument taken for something else, and all of one kind taken for the same."""
    alike = {}
    for i, (name, value) in enumerate(zip(names, args)):
        if np.asarray(value).dtype.kind == "f":
            told = readings(name, value, any_number=np.ndim(value) == 0)
            yield from ((words, {i: changed}) for words, changed in told)
            if role_of(name):
                alike.setdefault(role_of(name), []).append([(i, *pair) for pair in told])
    for group in alike.values():
        for together in zip(*group) if len(group) > 1 else ():
            words = " and ".join(words for _, words, _ in together)
            yield words, {i: changed for i, _, changed in together}


def _offset_name(size, slack):
    """", which is 3 times ln 2" of a number that is a small multiple of one that is lost in logarithms; else ""."""
    for words, base in OFFSETS.items():
        count = round(size / base)
        if 1 <= count <= 12 and abs(size - count * base) <= slack + 64 * EPS * size:
            return f", which is {words}" if count == 1 else f", which is {count} times {words}"
    return ""


def _parts(search, parts):
    """Several answers in one array: one part has a wrong sign or factor, or two have changed places."""
    got, expected = search.got, search.expected
    if search.found or got.ndim == 0 or not 2 <= len(parts or got) <= PARTS:
        return
    kind = "row" if got.ndim > 1 else "entry"
    parts = parts or {f"{kind} {i} of the result": i for i in range(len(got))}
    off = {name: bool(np.any(abs(got[i] - expected[i]) > 8 * search.bar[i])) for name, i in parts.items()}
    wrong = [name for name in parts if off[name]]
    told = []
    for name in wrong if len(wrong) < len(parts) or len(parts) > 2 else ():
        i = parts[name]
        alone = _Search(got[i], expected[i], search.bar[i], (), ())
        c = alone.factor(got[i], expected[i])
        if c is not None and c.value and c.cost <= 6:
            told.append(f"{name} {times(c)}")
    if told and len(told) == len(wrong):
        search.found.append(Mistake("part", " ".join(told), 0.0))
    if len(wrong) == 2 and expected[parts[wrong[0]]].shape == expected[parts[wrong[1]]].shape:
        i, j = (parts[name] for name in wrong)
        swapped = expected.copy()
        swapped[i], swapped[j] = expected[j], expected[i]
        search.add("swapped", say("swapped", one=wrong[0], two=wrong[1]), swapped)


def _scaled_terms(search, terms):
    """The factors that the terms have in what came back, if it is a sum of them with other factors than 1.

    Of factors without a name only one is said: terms that are, say, all quadratic fit any other quadratic.
    """
    got, bar = search.got, search.bar
    columns = [np.broadcast_to(np.asarray(term, dtype=float), got.shape).ravel() for term in terms.values()]
    if not 0 < len(columns) < got.size - 1:  # more numbers than factors: a fit that agrees is no accident
        return []
    matrix = np.stack(columns, axis=1)
    factors = np.linalg.lstsq(matrix, got.ravel(), rcond=None)[0]
    left = np.abs(got.ravel() - factors @ columns)
    norms = np.linalg.norm(matrix, axis=0)
    if not np.all(norms > 0) or not np.all(np.isfinite(norms)):
        return []
    sizes = np.linalg.svd(matrix / norms, compute_uv=False)
    if not np.all(left <= 64 * np.max(bar)) or sizes[-1] < 1e-6 * sizes[0]:
        return []
    found = [named_number(c - 1e-9 * abs(c), c + 1e-9 * abs(c), search.numbers) for c in factors]
    off = [(name, c) for name, c in zip(terms, found) if c.value != 1 and abs(c.value - 1) > 1e-9]
    if sum(c.cost > 6 for _, c in off) > 1:
        return []
    return [Mistake("term-scaled", say("counted", term=name, counted=counted(c)), float(left.max())) for name, c in off]
