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
    places, times a safety factor; what was computed in float32 is allowed float32's rounding, and that is said. What is
    right is tried once more with other numbers in place of those arguments that are floats, so that none of them stands
    in the function as a number.
    reference: a function returning an array; a tuple of arrays of different shapes; or a dict of named terms whose sum
    is the value, so that a term that is missing, doubled or subtracted is named. names: what the arguments are called;
    one called `logvar`, `std` or `var` is also tried as the other two. parts: what the parts of a pair are called, if
    the function returns one (the reference then returns them stacked, or as a tuple). A reference with known mistakes
    (`answers.Answer`) has them tried first; one with other right forms (`also`) accepts them.
    """
    names = list(names or [f"argument {i + 1}" for i in range(len(args))])
    terms, expected, bar, shapes = _expected(reference, args)
    got = _parted(function(*_copied(args)), shapes)
    report = Report(getattr(function, "__name__", "function"))
    paired = isinstance(got, tuple) and expected.ndim > 0
    called = parts or [f"the {form.part_name(i)}" for i in range(len(shapes or expected))] if paired else []
    got, places, fault = _as_array(got, expected, called, shapes)
    if fault:
        report.entries = [Entry("result", FAIL, note=fault)]
        return report
    if got.shape != expected.shape:
        wanted, shape = (expected.shape[1:], got.shape[1:]) if paired else (expected.shape, got.shape)
        note = f"expected {form.described(expected)}, got {form.described(got)}"
        note = f"expected arrays of shape {wanted}, got {shape}" if paired else note
        axis = form.summed_over(shape, wanted, args, names)
        report.entries = [Entry("result", FAIL, note="\n".join(filter(None, [note, axis])))]
        report.mistakes = _known_mistakes(got, bar, reference, args) or _shape_mistakes(got, expected, bar)
        return report
    wrong, bar, single = _compared(got, expected, bar)
    if single:
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
        rows = dict(zip(called, _slices(shapes) if shapes else range(len(called))))
        found = result_mistakes(
            got, expected, bar, terms, lambda args: _expected(reference, args)[:2], args, names, rows
        )
        report.mistakes = (_known_mistakes(got, bar, reference, args) + found)[:3]
        if not report.mistakes and (near := form.nearly(got, expected, wrong)):
            report.notes.append(near)
    elif fixed := _fixed_numbers(function, reference, args, names, called, shapes):
        report.entries.append(Entry("result", FAIL, note=fixed))
    return report


def _copied(args):
    return [a.copy() if isinstance(a, np.ndarray) else a for a in args]


def _parted(got, shapes):
    """What came back, where parts of different shapes are asked for: a list of them is a tuple."""
    return tuple(got) if shapes and isinstance(got, list) else got


def _compared(got, expected, bar):
    """(which numbers are wrong, the bar that was allowed, whether that is float32's)."""
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(got - expected) <= bar)
        if wrong.any() and np.array_equal(got, np.float32(got)) and not np.array_equal(got, np.round(got)):
            single = bar * (np.finfo(np.float32).eps / EPS)
            if np.all(np.abs(got - expected) <= single):
                return np.zeros_like(wrong), single, True
    return wrong, bar, False


def _fixed_numbers(function, reference, args, names, called, shapes):
    """Which argument a number stands for in `function`, which is right at `args` and wrong where the arguments that
    are single floats are others: a sentence, or "" if it is right there too."""
    single = [i for i, a in enumerate(args) if isinstance(a, float)]
    factors = np.random.default_rng(0).uniform(0.9, 1.1, len(single))
    moved = list(args)
    for i, factor in zip(single, factors):
        moved[i] = type(args[i])(args[i] * factor)
    with np.errstate(all="ignore"):
        _, expected, bar, _ = _expected(reference, moved)
    if not single or not np.all(np.isfinite(expected)):
        return ""
    got, _, fault = _as_array(_parted(function(*_copied(moved)), shapes), expected, called, shapes)
    if not fault and got.shape == expected.shape and not _compared(got, expected, bar)[0].any():
        return ""
    there = ", ".join(f"{names[i]} = {moved[i]:.4g}" for i in single)
    for i in single:
        one = [*moved[:i], args[i], *moved[i + 1:]]
        if not fault and got.shape == expected.shape and _near(got, _expected(reference, one)[1], bar):
            return f"right where {names[i]} is {args[i]:g}, and only there: is that number used in place of {names[i]}?"
    return f"right at these numbers, and wrong at {there}: does a number stand in place of an argument?"


def _numbers(out):
    """(the value of a reference as one array, the shapes of its parts if they are not all the same)."""
    if isinstance(out, tuple):
        arrays = [np.asarray(part, dtype=float) for part in out]
        shapes = [array.shape for array in arrays]
        if len(set(shapes)) > 1:
            return np.concatenate([array.ravel() for array in arrays]), shapes
    return np.asarray(sum(out.values()) if isinstance(out, dict) else out, dtype=float), None


def _slices(shapes):
    """Where parts of these shapes stand, one behind the other."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    return [slice(int(end) - int(np.prod(shape)), int(end)) for shape, end in zip(shapes, ends)]


def _as_array(got, expected, called, shapes):
    """(what came back as one array, what an index into it is called, why that cannot be)."""

    def places(index):
        return "result" + (f"[{', '.join(map(str, index))}]" if index else "")

    def in_parts(index):
        if not shapes:
            return called[index[0]] + (f"[{', '.join(map(str, index[1:]))}]" if index[1:] else "")
        i = next(i for i, where in enumerate(slices) if index[0] < where.stop)
        inner = np.unravel_index(index[0] - slices[i].start, shapes[i])
        return called[i] + (f"[{', '.join(str(int(k)) for k in inner)}]" if inner else "")

    slices = _slices(shapes) if shapes else None
    if got is None:
        return None, places, "nothing came back: is there a `return`?"
    if shapes and not isinstance(got, tuple):
        return None, places, f"expected {form.described(tuple(map(np.zeros, shapes)))}, got {form.described(got)}"
    if isinstance(got, tuple) and expected.ndim and len(got) == len(shapes or expected):
        wanted = shapes or [expected.shape[1:]] * len(got)
        ragged = shapes or len({np.shape(part) for part in got}) > 1
        for part, name, shape in zip(got, called, wanted):
            if part is None or (ragged and np.shape(part) != shape):
                return None, places, f"{name}: expected {form.described(np.zeros(shape))}, got {form.described(part)}"
        places = in_parts
    try:
        if what := next(filter(None, map(form.no_numbers, got if isinstance(got, tuple | list) else [got])), ""):
            return None, places, f"expected numbers, got {what}"
        if shapes:
            return np.concatenate([np.ravel(np.asarray(part, dtype=float)) for part in got]), places, ""
        return np.asarray(got, dtype=float), places, ""
    except (TypeError, ValueError):
        what = form.described(got) if isinstance(got, tuple | list | dict) else f"{type(got).__name__}: {str(got)[:60]}"
        return None, places, f"expected numbers, got {what}"


def _other_form(got, bar, reference, args):
    """The name of another right form of the reference that gives what came back, or ""."""
    for name, same in getattr(reference, "also", {}).items():
        with np.errstate(all="ignore"):
            value = _numbers(same(*args))[0]
        if _near(got, value, bar):
            return name
    return ""


def _expected(reference, args):
    """(terms, their sum, how far rounding may take it, the shapes of parts) of the reference at `args`."""
    out = reference(*args)
    terms, (expected, shapes) = out if isinstance(out, dict) else {}, _numbers(out)
    rng, bar = np.random.default_rng(0), 0
    largest = sum(np.abs(np.asarray(t, dtype=float)) for t in terms.values()) if terms else np.abs(expected)
    for _ in range(8):
        moved = [
            a * (1 + 4 * EPS * rng.choice([-1.0, 1.0], np.shape(a))) if np.asarray(a).dtype.kind == "f" else a
            for a in args
        ]
        bar = np.maximum(bar, np.abs(_numbers(reference(*moved))[0] - expected))
    return terms, expected, 16 * bar + 256 * EPS * (largest + np.finfo(float).tiny), shapes


def _known_mistakes(got, bar, reference, args):
    """The reference's known mistakes that give just what came back."""
    found = []
    for sentence, wrong in getattr(reference, "known", {}).items():
        with np.errstate(all="ignore"):
            value = _numbers(wrong(*args))[0]
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
    add("shape", f"the numbers are right; only the shape is not: {form.described(expected)} is asked for", same)
    for axis in range(got.ndim) if deeper else ():
        over = "" if got.ndim == 1 else " over the last axis" if axis == expected.ndim else f" over axis {axis}"
        add("not-summed", f"the numbers are right, but not yet summed{over}", near(got.sum(axis)))
        add("not-averaged", f"the numbers are right, but their mean{over} is not yet taken", near(got.mean(axis)))
    add(
        "broadcast",
        f"an array of shape {(expected.size, 1)} was combined with one of shape {expected.shape}, and they broadcast "
        f"to {got.shape}: give both the same number of axes",
        deeper and expected.ndim > 0 and got.shape[:2] == 2 * expected.shape[:1],
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
