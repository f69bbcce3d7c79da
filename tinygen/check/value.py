"""Is a number right, and if not, which mistake is it? For exercises that ask for a value instead of a gradient."""

import functools

import numpy as np

from tinygen.check import form
from tinygen.check.report import FAIL, PASS, Entry, Report
from tinygen.mistakes.diagnose import Mistake
from tinygen.mistakes.results import result_mistakes

EPS = np.finfo(float).eps


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
        report.entries.append(
            Entry(
                places(index),
                FAIL if wrong[index] else PASS,
                float(got[index]),
                float(expected[index]),
                float(bar[index]),
            )
        )
    if not np.all(np.isfinite(got)):
        report.notes.append(_not_finite(got))
    elif wrong.any():
        found = result_mistakes(got, expected, bar, terms, lambda args: _expected(reference, args)[:2], args, names)
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
        moved = [
            a * (1 + 4 * EPS * rng.choice([-1.0, 1.0], np.shape(a))) if np.asarray(a).dtype.kind == "f" else a
            for a in args
        ]
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
    add("shape", f"the numbers are right; only the shape is not: it should be {expected.shape}", same)
    add("not-summed", "the numbers are right, but not yet summed over the last axis", deeper and near(got.sum(-1)))
    add(
        "broadcast",
        f"an array of shape {(expected.size, 1)} was combined with one of shape {expected.shape}, and they broadcast "
        f"to {got.shape}: give both the same number of axes",
        deeper and got.shape[:2] == 2 * expected.shape[:1],
    )
    single = got.ndim == 0 and expected.ndim > 0
    add(
        "summed",
        "this is the sum over the whole batch; one number for each row was asked for",
        single and abs(got - expected.sum()) <= bar.sum(),
    )
    add(
        "averaged",
        "this is the mean over the batch; one number for each row was asked for",
        single and abs(got - expected.mean()) <= bar.sum(),
    )
    return found


def _near(got, expected, bar):
    return got.shape == expected.shape and bool(np.all(np.abs(got - expected) <= 4 * bar))


def _not_finite(got):
    """What nan and the infinities usually come from."""
    if np.any(np.isnan(got)):
        return "some of the numbers are not finite: nan is 0/0, inf - inf, or the log or root of a negative number"
    if np.any(got == -np.inf):
        return (
            "some of the numbers are not finite: -inf is the log of 0, which exp also gives where it underflows, "
            "far below 0"
        )
    return "some of the numbers are not finite: exp overflows above 709, or something is divided by 0"
