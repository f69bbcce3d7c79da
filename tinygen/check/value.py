"""Is a number right, and if not, which mistake is it? For exercises that ask for a value instead of a gradient."""

import functools

import numpy as np

from tinygen.check import form
from tinygen.check.report import FAIL, PASS, Entry, Report
from tinygen.mistakes.diagnose import Mistake

EPS = np.finfo(float).eps
FACTORS = (
    (-1.0, "the sign is wrong everywhere"),
    (2.0, "twice too large"),
    (0.5, "half as large as it should be: a factor 2 is missing"),
    (-2.0, "twice too large, and the sign is wrong"),
    (-0.5, "half as large as it should be, and the sign is wrong"),
    (np.log(2), "too small by ln 2: check the unit, bits or nats"),
    (1 / np.log(2), "too large by 1/ln 2: these are bits, nats were asked for"),
)


def check_value(function, reference, *args, names=None, parts=None):
    """Is ``function(*args)`` the value of ``reference(*args)``, number by number? -> Report.

    The allowed difference is what rounding makes of the reference: its change when each argument moves by a few last
    places, times a safety factor; what was computed in float32 is allowed float32's rounding, and that is said.
    reference: a function returning an array, or a dict of named terms whose sum is the value, so that a term that is
    missing, doubled or subtracted is named. names: what the arguments are called; one called `logvar`, `std` or `var`
    is also tried as the other two. parts: what the parts of a pair are called, if the function returns one (the
    reference then returns them stacked). A reference with known mistakes (`answers.Answer`) has them tried first; one
    with other right forms (`also`) accepts them.
    """
    names = list(names or [f"argument {i + 1}" for i in range(len(args))])
    terms, expected, bar = _expected(reference, args)
    got = function(*[a.copy() if isinstance(a, np.ndarray) else a for a in args])
    report = Report(getattr(function, "__name__", "function"))
    paired = isinstance(got, tuple) and expected.ndim > 0
    got, places, fault = _as_array(got, expected, parts)
    if fault:
        report.entries = [Entry("result", FAIL, note=fault)]
        return report
    if got.shape != expected.shape:
        wanted, shape = (expected.shape[1:], got.shape[1:]) if paired else (expected.shape, got.shape)
        note = f"expected {'arrays' if paired else 'an array'} of shape {wanted}, got {shape}"
        axis = form.summed_over(shape, wanted, args, names)
        report.entries = [Entry("result", FAIL, note="\n".join(filter(None, [note, axis])))]
        report.mistakes = _known_mistakes(got, bar, reference, args) or _shape_mistakes(got, expected, bar)
        return report
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(got - expected) <= bar)
    if wrong.any() and np.array_equal(got, np.float32(got)) and not np.array_equal(got, np.round(got)):
        single = bar * (np.finfo(np.float32).eps / EPS)
        if np.all(np.abs(got - expected) <= single):
            bar, wrong = single, np.zeros_like(wrong)
            report.notes.append("judged to the precision of float32, in which it was computed")
    if wrong.any() and (name := _other_form(got, bar, reference, args)):
        return Report(report.name, [Entry("result", PASS)], notes=[name])
    for index in np.ndindex(expected.shape):
        report.entries.append(Entry(places(index), FAIL if wrong[index] else PASS, float(got[index]),
                                    float(expected[index]), float(bar[index])))
    if not np.all(np.isfinite(got)):
        report.notes.append("some of the numbers are not finite: look for a logarithm or a division that meets 0")
    elif wrong.any():
        found = _value_mistakes(got, expected, bar, terms, reference, args, names)
        report.mistakes = (_known_mistakes(got, bar, reference, args) + found)[:3]
        if not report.mistakes and (near := form.nearly(got, expected, wrong)):
            report.notes.append(near)
    return report


def _as_array(got, expected, parts):
    """(what came back as one array, what an index into it is called, why that cannot be)."""

    def places(index):
        return "result" + (f"[{', '.join(map(str, index))}]" if index else "")

    if got is None:
        return None, places, "nothing came back: is there a `return`?"
    if isinstance(got, tuple) and expected.ndim and len(got) == len(expected):
        called = parts or [f"the {form.part_name(i)}" for i in range(len(got))]
        ragged = len({np.shape(part) for part in got}) > 1
        for part, name in zip(got, called):
            if part is None or (ragged and np.shape(part) != expected.shape[1:]):
                return None, places, f"{name}: expected {form.described(expected[0])}, got {form.described(part)}"
        places = lambda index: called[index[0]] + (f"[{', '.join(map(str, index[1:]))}]" if index[1:] else "")
    try:
        return np.asarray(got, dtype=float), places, ""
    except (TypeError, ValueError):
        what = form.described(got) if isinstance(got, tuple | list | dict) else f"{type(got).__name__}: {str(got)[:60]}"
        return None, places, f"expected numbers, got {what}"


def _other_form(got, bar, reference, args):
    """The name of another right form of the reference that gives what came back, or ""."""
    for name, same in getattr(reference, "also", {}).items():
        with np.errstate(all="ignore"):
            value = np.asarray(same(*args), dtype=float)
        if _near(got, value, bar):
            return name
    return ""


def _expected(reference, args):
    """(terms, their sum, how far rounding may take it) of the reference at `args`."""

    def total(values):
        out = reference(*values)
        terms = out if isinstance(out, dict) else {}
        return terms, np.asarray(sum(terms.values()) if terms else out, dtype=float)

    terms, expected = total(args)
    rng, bar = np.random.default_rng(0), 0
    largest = sum(np.abs(np.asarray(t, dtype=float)) for t in terms.values()) if terms else np.abs(expected)
    for _ in range(8):
        moved = [a * (1 + 4 * EPS * rng.choice([-1.0, 1.0], np.shape(a)))
                 if np.asarray(a).dtype.kind == "f" else a for a in args]
        bar = np.maximum(bar, np.abs(total(moved)[1] - expected))
    return terms, expected, 16 * bar + 256 * EPS * (largest + np.finfo(float).tiny)


def _known_mistakes(got, bar, reference, args):
    """The reference's known mistakes that give just what came back."""
    found = []
    for sentence, wrong in getattr(reference, "known", {}).items():
        with np.errstate(all="ignore"):
            value = np.asarray(wrong(*args), dtype=float)
        if value.shape == got.shape and np.all(np.isfinite(value)):
            if np.all(np.abs(got - value) <= 8 * np.max(bar) + 256 * EPS * np.abs(value)):
                found.append(Mistake("known", sentence, 0.0))
    return found


def _shape_mistakes(got, expected, bar):
    """What a result of the wrong shape would be after the step that is missing from it."""
    near = functools.partial(_near, expected=expected, bar=bar)
    found = []

    def add(kind, sentence, applies):
        if applies:
            found.append(Mistake(kind, sentence, 0.0))

    same = got.size == expected.size and near(got.reshape(expected.shape))
    deeper = got.ndim == expected.ndim + 1 and not same
    add("shape", f"the numbers are right; only the shape is not: it should be {expected.shape}",
        same)
    add("not-summed", "the numbers are right, but not yet summed over the last axis", deeper and near(got.sum(-1)))
    add("broadcast", f"an array of shape {(expected.size, 1)} met one of shape {expected.shape}, and together they are "
        f"{got.shape}: give both the same number of axes", deeper and got.shape[:2] == 2 * expected.shape[:1])
    single = got.ndim == 0 and expected.ndim > 0
    add("summed", "this is the sum over the whole batch; one number for each row was asked for",
        single and abs(got - expected.sum()) <= bar.sum())
    add("averaged", "this is the mean over the batch; one number for each row was asked for",
        single and abs(got - expected.mean()) <= bar.sum())
    return found


def _near(got, expected, bar):
    return got.shape == expected.shape and bool(np.all(np.abs(got - expected) <= 4 * bar))


def _value_mistakes(got, expected, bar, terms, reference, args, names):
    """The explanations under which `got` would be right, simplest first."""
    found = []

    def try_out(kind, sentence, value):
        value = np.asarray(value, dtype=float)
        there = np.isfinite(value)  # a reading may make sense for some entries only: no logarithm of a negative number
        if value.shape == got.shape and 4 * there.sum() >= there.size:
            off = np.abs(got - value)[there]
            if np.all(off <= (8 * bar + 64 * EPS * np.abs(value))[there]):
                found.append(Mistake(kind, sentence, float(off.max() / (np.abs(expected).max() or 1.0))))

    sizes = sorted({int(n) for a in args for n in np.shape(a) if n > 2})
    numeric = [i for i, a in enumerate(args) if np.asarray(a).dtype.kind == "f"]
    factors = list(FACTORS)
    factors += [(1.0 / n, f"too small by a factor of {n}: a mean where a sum was asked for") for n in sizes]
    factors += [(float(n), f"too large by a factor of {n}: a sum where a mean was asked for") for n in sizes]
    for factor, sentence in factors:
        try_out("sign" if factor == -1 else "factor", sentence, factor * expected)
    for name, term in terms.items():
        try_out("missing-term", f"the {name} is missing", expected - term)
        try_out("term-sign", f"the {name} has the wrong sign", expected - 2 * term)
        try_out("term-scaled", f"the {name} is counted twice", expected + term)
        try_out("term-scaled", f"the {name} is only half of what it should be", expected - term / 2)
        for n in sizes:
            try_out("term-scaled", f"the {name} is divided by {n}: a mean where a sum was asked for",
                    expected - term + np.asarray(term) / n)
    for i in numeric:
        for sentence, changed in _readings(names[i], args[i]):
            with np.errstate(all="ignore"):
                other, value, _ = _expected(reference, [*args[:i], changed, *args[i + 1:]])
            try_out("reading", sentence, value)
            for term in terms:
                try_out("reading", f"in the {term}, {sentence}", expected - terms[term] + other[term])
    for i in numeric:
        for j in numeric:
            if j < i and np.shape(args[i]) == np.shape(args[j]):
                swapped = list(args)
                swapped[i], swapped[j] = args[j], args[i]
                with np.errstate(all="ignore"):
                    value = _expected(reference, swapped)[1]
                try_out("swapped", f"{names[j]} and {names[i]} have changed places", value)
    if not found and expected.size > 1:
        offset = got - expected
        if np.ptp(offset) <= 8 * bar.max():
            found.append(Mistake("constant", f"all the numbers are off by the same {float(offset.flat[0]):.6g}", 0.0))
    return found or _scaled_terms(got, bar, terms)


def _scaled_terms(got, bar, terms):
    """The factors that the terms have in what came back, if it is a sum of them with other factors than 1."""
    columns = [np.broadcast_to(np.asarray(term, dtype=float), got.shape).ravel() for term in terms.values()]
    if not 0 < len(columns) < got.size - 1:  # more numbers than factors: a fit that agrees is no accident
        return []
    factors = np.linalg.lstsq(np.stack(columns, axis=1), got.ravel(), rcond=None)[0]
    left = np.abs(got.ravel() - factors @ columns)
    if not np.all(left <= 64 * np.max(bar)):
        return []
    return [Mistake("term-scaled", f"the {name} is {factor:.6g} times what it should be", float(left.max()))
            for name, factor in zip(terms, factors) if abs(factor - 1) > 1e-9]


def _readings(name, value):
    """Other things that a spread could be taken for: (sentence, the value that would make the reference agree)."""
    value = np.asarray(value, dtype=float)
    last = name.rsplit(".", 1)[-1]
    with np.errstate(all="ignore"):
        if "logvar" in last:
            return [(f"{name} was taken for log sigma: it is log sigma^2", 2 * value),
                    (f"{name} was taken for sigma^2: it is its logarithm", np.log(value)),
                    (f"{name} was taken for sigma: it is log sigma^2", 2 * np.log(value)),
                    (f"sigma = exp({name}/2) stands where sigma^2 = exp({name}) belongs", value / 2)]
        if "var" in last:
            return [(f"{name} was taken for sigma: it is sigma^2", value**2),
                    (f"{name} was taken for log sigma^2: it is sigma^2", np.exp(value))]
        if "std" in last or "sigma" in last:
            return [(f"{name} was taken for the variance: it is its square root", np.sqrt(value)),
                    (f"{name} was taken for log sigma^2: it is sigma", np.exp(value / 2))]
    return []
