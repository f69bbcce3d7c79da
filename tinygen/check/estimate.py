"""A random estimate beside its true mean: both as one vector with named places, the report of a test, the mistake."""

import numpy as np

from tinygen.autodiff import tree
from tinygen.check.report import FAIL, PASS, UNDECIDED, Entry, Report
from tinygen.mistakes.diagnose import Mistake
from tinygen.mistakes.numbers import Number, named_number, numbers_for
from tinygen.mistakes.words import say, times


class Estimate:
    """A number, array or tree as one float64 vector: `flat`, the `shapes` of its leaves and the names of `places`."""

    def __init__(self, value, name):
        value = np.asarray(value) if _is_row(value) else value
        leaves = [np.asarray(leaf) for leaf in tree.flatten(value)[0]]
        if not leaves or any(leaf.dtype.kind not in "fiu" for leaf in leaves):
            raise TypeError(f"{name} must be a number, an array or a tree of arrays, got {type(value).__name__}")
        self.shapes = [leaf.shape for leaf in leaves]
        self.flat = np.concatenate([leaf.ravel().astype(np.float64) for leaf in leaves])
        self.places, self.slices, start = [], [], 0
        for path, shape in zip(tree.paths(value), self.shapes):
            indices = [", ".join(map(str, index)) for index in np.ndindex(shape)]
            self.places += [f"{path}[{index}]" if index else path or "the estimate" for index in indices]
            self.slices.append((path, slice(start, start + len(indices))))
            start += len(indices)

    def rows(self, value):
        """What draw returned, as rows shaped like this estimate: (n, size)."""
        leaves = [np.asarray(leaf, dtype=np.float64) for leaf in tree.flatten(value)[0]]
        shapes = [leaf.shape for leaf in leaves]
        if shapes == self.shapes:
            return np.concatenate([leaf.ravel() for leaf in leaves])[None]
        n = shapes[0][:1]
        if n > (0,) and shapes == [n + shape for shape in self.shapes]:
            return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
        raise ValueError(
            f"draw(rng) returned shape {_said(shapes)}, expected that of truth, {_said(self.shapes)}, "
            "or a stack of those with one more axis in front"
        )


def _is_row(value):
    """A plain list of numbers stands for an array, not for a tree of scalars."""
    return isinstance(value, list) and all(isinstance(v, int | float | np.number) for v in value)


def _said(shapes):
    return ", ".join(map(str, shapes))


def name_of(draw):
    """What an estimate is called in its report: its function's name."""
    return getattr(draw, "__name__", type(draw).__name__).replace("<lambda>", "the estimate")


def report_of(draw, test, target, places, goal, resolution, false_alarm, power):
    """Entries, worst first, and what the test could have found."""
    tally, found = test.tally, test.found
    error = np.where(tally.still, test.bar, tally.std / np.sqrt(tally.n))
    report = Report(name_of(draw))
    used = np.divide(abs(tally.mean), error, out=np.zeros(len(target)), where=error > 0)
    for i in np.argsort(-used, kind="stable"):
        verdict = FAIL if test.wrong[i] else PASS if found[i] <= goal[i] else UNDECIDED
        note = f"{used[i]:.1f} standard errors off" if verdict == FAIL and not tally.still[i] else ""
        if verdict == UNDECIDED:
            more = (found[i] / goal[i]) ** 2 * tally.n
            need = f"about {more:,.0f} draws would decide" if np.isfinite(more) else "it is too skewed to say how many"
            note = f"a bias of {goal[i]:.2g} could be missed after {tally.n:,} draws: {need} (draws=)"
        limit = found[i] if verdict == UNDECIDED else max(test.bar[i], 3 * error[i])
        report.entries.append(
            Entry(places[i], verdict, float(target[i] + tally.mean[i]), float(target[i]), float(limit), note)
        )
    report.notes.append(f"{tally.n:,} draws; a right estimate would fail with a chance of {false_alarm:g}")
    if report.verdict == PASS:
        part = float(np.max(found / goal)) * resolution
        report.notes.append(
            f"a bias of {part:.2g} of the largest entry would have been found with a chance of {power:g}; "
            "a smaller one may be there (resolution= sets what is looked for)"
        )
    if np.all(tally.still):
        report.notes.append("every draw is the same: is the noise fresh each time?")
    report.details = {"draws": int(tally.n), "false_alarm": false_alarm, "power": power, "found": found}
    return report


def diagnose(report, test, target, expected, has_variance):
    """Which simple mistake explains the means that are off, leaf by leaf."""
    size, tally = expected.flat.size, test.tally
    error = np.maximum(tally.std / np.sqrt(tally.n), test.bar)
    mean = target + tally.mean
    for path, part in expected.slices:
        if not test.wrong[part].any():
            continue
        where = f"the mean of the estimate{path}"
        if not np.any(target[part]):
            continue
        norm = np.sum(target[part] ** 2)
        c = float(mean[part] @ target[part] / norm)
        half = 5 * float(np.linalg.norm(error[part] * target[part]) / norm)
        left = mean[part] - c * target[part]
        told = np.linalg.norm(left) <= 0.3 * abs(c - 1) * np.sqrt(norm)  # most of what is off
        if told and np.all(abs(left) <= 5 * error[part] * max(1, abs(c))):
            kind, sentence = _named(where, c, half, target[part])
            report.mistakes.append(Mistake(kind, sentence, float(np.linalg.norm(left) / np.sqrt(norm)), None, path))
    if has_variance and test.wrong[size:].any() and not test.wrong[:size].any():
        worst = int(np.argmax(np.where(test.wrong[size:], abs(tally.mean[size:]), -1))) + size
        ratio = mean[worst] / target[worst] if target[worst] else np.inf
        sentence = say("variance", ratio=ratio)
        report.mistakes.append(Mistake("variance", sentence, where=report.entries[0].where))


def _named(where, c, half, target):
    """(kind, sentence) of a mean that is c +- half times what it should be."""
    plain = {-1: "-1", 0: "0", 2: "2", 0.5: "1/2"}
    near = next((value for value in plain if abs(c - value) <= half), None)
    if near == 0:
        return "zero", say("estimate zero", where=where)
    if near is not None and half < 0.4 * abs(near):
        told = times(Number(near, 0, plain[near]))
        return "sign" if near == -1 else "factor", say("estimate", where=where, times=told)
    numbers = numbers_for({"the estimate": target})
    number = named_number(c - half, c + half, numbers, free=False)
    if number is not None and number.value != 1:
        return "factor", say("estimate", where=where, times=times(number))
    if abs(c - 1) < 0.01:
        return "factor", say("estimate slight", where=where, way="large" if c > 1 else "small", off=abs(c - 1))
    inside = [n for n in numbers if abs(n.value - c) <= half and n.cost <= 6]
    guess = f", which may be {min(inside, key=lambda n: n.cost)}" if inside and half < 0.05 * abs(c) else ""
    return "factor", say("estimate about", where=where, c=c, digits=2 if half > 0.01 * abs(c) else 3, guess=guess)
