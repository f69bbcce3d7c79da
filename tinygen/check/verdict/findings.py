"""What the judge found, put into words: the entries and notes of the report of check_grad."""

import numpy as np

from tinygen.check.report import FAIL, PASS, UNDECIDED, Entry

SHOWN = 5  # entries of a leaf that are listed


def file_leaf(report, leaf, judge, misshapen, remedy):
    """The entries of one Leaf: the worst ones, or one for all if all pass. `misshapen`: its wrongly shaped gradient."""
    part = np.arange(leaf.start, leaf.stop)
    found, bar = judge.found, judge.found.bar + judge.slack
    report.arrays[leaf.name] = tuple(v[part].reshape(leaf.shape) for v in (judge.got, found.value, bar))
    if misshapen is not None:
        note = f"shape {misshapen.shape}, expected {leaf.shape}, that of {leaf.name}"
        report.entries.append(Entry(leaf.name, FAIL, note=note))
        return
    measured = np.isfinite(found.value[part])
    known = np.count_nonzero(measured)
    judged = np.count_nonzero(measured | judge.wrong[part] | judge.undecided[part])
    count = f"{part.size:,} entries" if judged == part.size else f"{judged:,} measured entries (of {part.size:,})"
    with np.errstate(invalid="ignore", divide="ignore"):
        miss = np.nan_to_num(abs(judge.got - found.value)[part] / bar[part], nan=np.inf)
    entry = lambda i, verdict, note: Entry(
        leaf.index(i), verdict, float(judge.got[i]), float(found.value[i]), float(bar[i]), note
    )
    kinds = (
        (FAIL, judge.wrong[part], "wrong", miss),
        (UNDECIDED, judge.undecided[part] & ~judge.wrong[part], "undecided", bar[part]),
    )
    for verdict, mask, word, badness in kinds:
        worst = np.flatnonzero(mask)
        worst = worst[np.argsort(-badness[worst], kind="stable")][:SHOWN]
        for k, i in enumerate(part[worst]):
            note = f"{mask.sum():,} of {count} are {word}" if k == 0 and part.size > 1 else ""
            if verdict == UNDECIDED and k == 0:
                note = ". ".join(filter(None, [note, remedy]))
            report.entries.append(entry(i, verdict, note))
    if any(mask.any() for _, mask, _, _ in kinds):
        return
    if known:
        i = part[np.argmax(np.where(measured, miss, -1))]
        report.entries.append(entry(i, PASS, f"worst of {count}" if part.size > 1 else ""))
    else:
        report.entries.append(Entry(leaf.name, PASS, note=f"{part.size:,} entries"))


def remedy(judge, coarse, stated=0.0):
    """Why the bars are wide, and what would decide; `coarse`: f cannot be had in double precision."""
    meter, noise = judge.meter, judge.meter.noise
    if meter.stop():
        return "There was no time to measure it: a larger budget= would decide."
    if stated:
        return f"f says that it is off by up to {stated:.1e}: a smaller bar, or rtol=, would decide."
    if np.isinf(meter.accuracy):
        return (
            "f is not smooth here at any scale: it moves in jumps, or a change in the last digit of x "
            "grows to all of it (chaos; 1 - p where p rounds to 1). Fewer steps, another point, or a form that does "
            "not cancel, such as log1p, expm1 or logsumexp, would decide."
        )
    if meter.accuracy:
        return "A tighter tolerance inside f, f returning (value, bar), or rtol= would decide."
    if judge.blur:
        return f"The gradient itself is only accurate to about {judge.blur:.0e} here: a tighter tolerance would decide."
    if not noise.repeatable:
        return "f is not deterministic: pass its noise as an argument, so that two calls agree."
    if noise.value.dtype.kind in "iub":
        return f"f returns {noise.value.dtype}, which cuts small changes off: return a float, without int() or round()."
    if coarse:
        return f"f computes in float32 (rounding {noise.sigma:.0e}): float64 arguments would decide."
    times = noise.sigma / max(0.3 * noise.eps * abs(float(noise.value)), 1e-300)
    if jump := meter.jump():
        return f"f jumps by {jump:.3g} at this very point, where it has no derivative. Another point would decide."
    if times > 30:
        return (
            f"f, {noise.value:.3g}, is only accurate to {noise.sigma:.0e}, {times:.0e} times worse than its size would "
            "allow: large numbers cancel inside. A form without cancellation would decide."
        )
    return (
        f"f = {noise.value:.3g} is rounded to {noise.sigma:.0e}, which hides changes this small, or it is not smooth "
        "close by. A point where the entry counts for more, or f without its constant parts, would decide."
    )


def file_kink(report, astray):
    """An Astray in words: FAIL, or UNDECIDED where it depends on what one calls a gradient."""
    slopes = f"{astray.low:.6g}" if astray.low == astray.high else f"between {astray.low:.6g} and {astray.high:.6g}"
    said = f"along {astray.words} the slope of f is {slopes}, but the gradient says {astray.got:.6g}"
    if astray.clarke:
        note = (
            f"f has a kink here: {said}. Rules such as relu'(0) = 0 give that, since f bends upwards in some "
            "directions and downwards in others; it is not a derivative. A point off the kink would decide."
        )
        report.entries.append(Entry("at the kink", UNDECIDED, note=note))
        return
    middle = 0.5 * (astray.low + astray.high)
    note = (
        f"f has a kink here. Each entry by itself lies between the one-sided derivatives, but {said}: this is no "
        "subgradient (entries that tie share one derivative)"
    )
    report.entries.append(Entry(f"along {astray.words}", FAIL, astray.got, middle, astray.bar, note))


def file_notes(report, leaves, judge, stated=0.0, rtol=0.0):
    """The notes: noise in f, its accuracy as found or `stated`, kinks, and gradients that vanish."""
    noise, found, accuracy = judge.meter.noise, judge.found, judge.meter.accuracy
    if accuracy and not stated and np.isfinite(accuracy):
        report.notes.append(
            f"f itself is only accurate to about {accuracy:.0e} here: close by it is not as smooth as its rounding "
            "allows (an inner solver, a table, or numbers that cancel?). The bars cover that."
        )
    if rtol:
        report.notes.append(f"A relative error of {rtol:g} counts as right (rtol): a smaller one was not looked for.")
    if not noise.repeatable:
        report.notes.append(
            "f gives other values for the same arguments: it draws its own noise. Pass the noise as an argument."
        )
        for entry in report.entries:
            entry.verdict = UNDECIDED if entry.verdict == PASS else entry.verdict
    with np.errstate(invalid="ignore"):
        kinks = np.flatnonzero((found.high > found.low) & ~judge.wrong & np.isfinite(judge.got))
    if len(kinks) and not any("kink" in entry.note for entry in report.entries):
        i = int(kinks[0])
        leaf = next(leaf for leaf in leaves if leaf.start <= i < leaf.stop)
        more = f" and {len(kinks) - 1:,} more" if len(kinks) > 1 else ""
        right = ", which is right" if report.verdict == PASS else ""
        report.notes.append(
            f"f has a kink at {leaf.index(i)}{more}: the derivative is {found.low[i]:.6g} on one side and "
            f"{found.high[i]:.6g} on the other. The gradient, {judge.got[i]:.6g}, lies between{right}."
        )
    for leaf in leaves:
        part = slice(leaf.start, leaf.stop)
        if noise.repeatable and leaf.stop > leaf.start and judge.vanishing[part].all() and not judge.wrong[part].any():
            report.notes.append(
                f"The gradient with respect to {leaf.name} is 0 here, within the bars: a wrong factor or sign cannot "
                "show. Check at another point too."
            )
