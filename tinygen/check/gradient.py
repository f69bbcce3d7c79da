"""Is this gradient right? Every entry against a numeric derivative with its error bar: PASS, FAIL or UNDECIDED."""

import contextlib
import warnings
from dataclasses import dataclass, field

import numpy as np

from tinygen.check.report import FAIL, PASS, UNDECIDED, Entry, Report
from tinygen.check.symbolic import is_symbolic, plain_functions
from tinygen.check.vector import check_several, several
from tinygen.check.verdict.arguments import Arguments, indices_of
from tinygen.check.verdict.causes import find_causes, smallest_example
from tinygen.check.verdict.claimed import Claimed
from tinygen.check.verdict.cost import Cost, usual_calls
from tinygen.check.verdict.curves import plot
from tinygen.check.verdict.findings import file_kink, file_leaf, file_notes, remedy
from tinygen.check.verdict.foreign import plain
from tinygen.check.verdict.given import Given
from tinygen.check.verdict.judge import Judge
from tinygen.check.verdict.kinks import astray
from tinygen.check.verdict.survey import Survey
from tinygen.measure.noise import NotFinite, OutOfTime, measure_noise, scales
from tinygen.measure.numeric import Meter
from tinygen.measure.projections import LOOKS, bisect, project, sample, visible
from tinygen.mistakes.diagnose import Mistake

ENTRIES = 4096  # inputs of up to so many numbers are measured one by one
FEW_CALLS = 320  # of f that measuring one by one may take before random directions are tried
TRIED = 8  # entries that are measured before all the others, where random directions have decided nothing
PATIENCE = 30.0  # seconds that measuring one by one may take
SAMPLED = 256  # entries of a leaf that are measured if it is too large to measure all


@dataclass
class GradientReport(Report):
    """The Report of check_grad; `arrays` holds for each leaf (got, expected, bar), nan where nothing was measured."""

    arrays: dict = field(default_factory=dict, repr=False)
    judge: Judge = field(default=None, repr=False)

    def plot(self):
        """The V-shaped error of difference quotients, and the orders of Taylor's remainder: a Matplotlib Figure."""
        return super().plot() if self.judge is None else plot(self)


def check_grad(f, gradient=None, *args, names=None, entries=ENTRIES, rtol=0.0, budget=None, rng=0, **keywords):
    """Compare a gradient with numeric derivatives of `f` at `args`: a Report.

    f: plain Python on arrays, need not be differentiable by tinygen; returns one number, or a dict of named loss terms
        whose sum is the loss, or a pair (value, bar): how far an inner solver or a mean of samples may be off.
        Of an array, `gradient` is the Jacobian (shape of f, then that of the argument), or, with one argument more, the
        vector-Jacobian product gradient(*args, w).
    gradient: None (tinygen's own) | one callable returning the gradient of the first argument, or a tuple for all | a
        list of callables, one per argument, each called with all args | a tree of arrays. None for an argument in the
        tuple or the list: not checked.
    args: arrays, numbers, trees; integers are never differentiated. names: of the arguments, else those of f.
        pandas objects and tensors are checked as arrays. keywords: handed on to f, and to a gradient that takes them.
    entries: inputs of up to so many numbers are measured one by one (unless that takes more than half a minute),
        larger ones by random projections. rtol: a relative error that counts as right.
    f and gradient may be SymPy expressions, or LaTeX that SymPy's parser reads (needs `pip install tinygen[symbolic]`):
        gradient is then {symbol: derivative}, or a sequence in the order of `names` (else of the sorted symbols), args
        are in that order or keywords; without any, a random point is taken.
    budget: seconds, after which the report says what is known by then. rng: Generator or seed.

    An entry FAILs outside the error bars of the numeric derivative and of the gradient's own rounding (at a kink:
    outside the one-sided derivatives). It is UNDECIDED if the bars could hide an error of 1e-6 of it (1e-3 in float32;
    entries below 1e-4 of the largest count as that). A gradient of wrong shape, tree or dtype, or that raises, FAILs.
    float32 arguments are promoted to float64 where f follows; the gradient keeps to its own precision.

    Raises TypeError if there is no float argument or f returns no real number, and what f raises at `args`.

    >>> check_grad(lambda x: np.sum(x**2), lambda x: 2 * x, np.array([1.0, -3.0])).verdict
    'PASS'
    >>> check_grad(lambda x: np.sum(x**2), lambda x: x, np.array([1.0, -3.0])).mistakes[0].kind
    'factor'
    """
    if isinstance(f, str) or is_symbolic(f):
        f, gradient, args, names, notes = plain_functions(f, gradient, args, keywords, names, rng)
    else:
        f, gradient, args, notes = plain(f, gradient, args, keywords)
    if not isinstance(gradient, list) and (value := several(f, args)) is not None:
        options = dict(names=names, entries=entries, rtol=rtol, budget=budget, rng=rng)
        return check_several(check_grad, f, gradient, args, value, **options)
    cost = Cost(budget)
    try:
        return _checked(f, gradient, args, notes, names, entries, rtol, rng, cost)
    finally:
        cost.close()


def _checked(f, gradient, args, notes, names, entries, rtol, rng, cost):
    """check_grad of plain functions."""
    report, arguments, given = _compare(f, gradient, args, names, entries, rtol, rng, cost)
    with warnings.catch_warnings():  # f has given its warnings at the user's point; now it is tried at points of ours
        warnings.simplefilter("ignore")
        find_causes(report, arguments, given)
        if report.verdict == FAIL and given.callable and not cost.spent:
            report.example = smallest_example(f, gradient, args, arguments.names, report, cost)
    report.notes = notes + report.notes + ([cost.note()] if cost.note() else [])
    report.details |= dict(seconds=cost.seconds, calls=cost.calls)
    return report


def assert_grad(f, gradient=None, *args, **options):
    """check_grad for tests: raises AssertionError with the report on FAIL and on UNDECIDED; returns the Report.

    f, gradient, args, options: as in `check_grad`.

    >>> assert_grad(lambda x: np.sum(x**2), lambda x: 2 * x, np.array([1.0, -3.0])).ok
    True
    """
    report = check_grad(f, gradient, *args, **options)
    if not report.ok:
        raise AssertionError(str(report))
    return report


def _compare(f, gradient, args, names, entries, rtol, rng, cost):
    """check_grad without the search for causes: the report, the Arguments, and what was Given."""
    rng = np.random.default_rng(rng)
    arguments = Arguments(f, args, names, cost)
    cost.expect(60 + 14 * min(arguments.vector.size, 22))
    if not arguments.leaves:
        kinds = [f"{name}: {_kind(arg)}" for name, arg in zip(arguments.names, args)]
        raise TypeError(f"no float among the arguments ({', '.join(kinds)}): integers have no derivative, write 2.0")
    report = GradientReport(getattr(f, "__name__", "f").replace("<lambda>", "f"))
    given = Given(gradient, arguments)
    if given.skipped:
        report.notes.append(f"Not checked, since None is given for it: {', '.join('dL/d' + n for n in given.skipped)}.")
    for fault in given.faults:
        report.entries.append(Entry(fault.name, FAIL, note=fault.sentence))
        report.mistakes.append(Mistake(fault.kind, fault.sentence, where=fault.name))
    for leaf in [*given.arrays, *given.misshapen]:
        lost = np.flatnonzero(~np.isfinite(arguments.vector[leaf.start : leaf.stop])) + leaf.start
        if len(lost):
            note = f"It is {arguments.vector[lost[0]]}, where f has no slope. Choose a point with finite numbers."
            report.entries.append(Entry(leaf.index(lost[0]), UNDECIDED, note=note))
            return report, arguments, given
    first = ""
    try:
        first = _first_look(arguments, given) if cost.budget is not None else ""
        _judge(report, arguments, given, entries, rtol, rng)
    except NotFinite as error:
        report.entries.append(Entry("f", UNDECIDED, note=f"{error}. Choose a point where f is finite."))
    except OutOfTime:
        remedy = f"{cost.calls} calls of f took {cost.seconds:.1f} s; a larger budget= would decide."
        report.entries.append(Entry("the gradient", UNDECIDED, note=f"There was no time to measure it. {remedy}"))
    if cost.spent and first and report.verdict != FAIL:
        report.notes.append(first)
    return report, arguments, given


def _judge(report, arguments, given, entries, rtol, rng):
    """Measure and compare: the entries and notes of the report, and its `judge`."""
    args, names, cost = arguments.args, arguments.names, arguments.cost
    coarse = _promote(arguments, rng)
    meter = Meter(arguments.total, arguments.vector, rng, eps=arguments.eps)
    meter.accuracy, meter.stop = arguments.bar, lambda: cost.spent
    with np.errstate(over="ignore"):  # the rounding of huge numbers may count as infinite
        claimed = Claimed(arguments, given, meter, coarse)
    report.notes += claimed.notes
    leaves = [leaf for leaf in arguments.leaves if leaf in given.arrays or leaf in given.misshapen]
    own = lambda f: Given(None, Arguments(f, args, names)).vector()
    judge = Judge(meter, claimed, arguments, own, given.at if given.callable else None, rtol)
    coarsely = coarse is not None and not arguments.promoted
    with contextlib.suppress(OutOfTime), np.errstate(over="ignore"):
        meter.looks  # noqa: B018  (without these nothing can be said)
        report.judge = judge
        _measure(report, judge, leaves, given, entries, coarsely)
    if report.judge is None:
        raise OutOfTime
    if cost.spent:
        judge.leave_open(indices_of(leaves))
    hint = remedy(judge, coarsely, arguments.bar) if judge.undecided.any() else ""
    for leaf in leaves:
        file_leaf(report, leaf, judge, given.misshapen.get(leaf), hint)
    if report.verdict == PASS:
        with np.errstate(all="ignore"):
            if found := astray(judge, indices_of(leaves), arguments.index):
                file_kink(report, found)
    file_notes(report, leaves, judge, arguments.bar, rtol)
    report.details.update(
        value=float(meter.noise.value),
        noise=meter.noise.sigma,
        promoted=bool(arguments.promoted),
        complex_step=meter.complex_refused or "holds",
    )


def _first_look(arguments, given):
    """What two central differences along a random direction say: a sentence, for where time runs out soon."""
    x, got, rng = arguments.vector, given.vector(), np.random.default_rng(0)
    if got is None or not np.isfinite(got).any():
        return ""
    v = np.where(np.isfinite(got), scales(x) * rng.choice([-1, 1], x.shape) * rng.uniform(0.5, 1, x.shape), 0)
    slopes = [(arguments.total(x + h * v) - arguments.total(x - h * v)) / (2 * h) for h in (2e-3, 1e-3)]
    claimed, slope = float(np.nansum(got * v)), float(slopes[1])
    size = max(abs(slope), abs(claimed))
    if abs(claimed - slope) <= 0.05 * size + 4 * abs(slopes[0] - slopes[1]):
        off = max(abs(claimed - slope) / (size or 1.0), 1e-6)
        return f"By the first calls of f the gradient is right to some {off:.0e} along one random direction."
    said = f"By the first calls of f its slope along one random direction is about {slope:.3g}"
    return f"{said}; the gradient says {claimed:.3g}."


def _measure(report, judge, leaves, given, entries, coarsely):
    """Measure what is needed for a verdict: entry by entry, or where that takes long, by random directions first."""
    meter = judge.meter
    usual = usual_calls(judge)
    few = FEW_CALLS // meter.calls_an_entry
    for leaf in leaves if len(indices_of(leaves)) > few else ():
        if leaf in given.misshapen:
            part = np.arange(leaf.start, leaf.stop)
            if not Survey(judge, part, usual).adopt():
                judge.entries(sample(leaf, leaf.start, few))
            leaves = [other for other in leaves if other is not leaf]
    indices = indices_of(leaves)
    one_by_one = len(indices) <= entries and len(indices) * meter.seconds_an_entry <= PATIENCE
    if len(indices) <= few:
        judge.entries(indices)
        return
    survey = Survey(judge, indices, usual)
    each = len(indices) <= entries
    if survey.passes(each):
        return _note_looks(report, survey.relative(), len(indices), survey.looks)
    if survey.against and survey.adopt(each):
        report.notes.append(
            f"{len(indices):,} numbers are compared with tinygen's own derivative of f, which agrees with numeric ones "
            f"in {survey.looks} random directions; the worst entries were measured one by one."
        )
    elif survey.against and survey.hunt():
        return
    elif one_by_one and (survey.against or not _hopeless(judge, indices)):
        judge.entries(indices)
    elif not one_by_one:
        _large(report, judge, leaves, coarsely)


def _hopeless(judge, indices):
    """Whether a sample of the entries is undecided: then the others are so too, and no call is spent on them."""
    tried = indices[:: max(1, len(indices) // TRIED)][:TRIED]
    if len(indices) < 4 * TRIED:
        return False
    judge.entries(tried)
    if not judge.undecided[tried].all():
        return False
    judge.undecided[indices] |= ~judge.wrong[indices]
    return True


def _kind(arg):
    return str(arg.dtype) if hasattr(arg, "dtype") else type(arg).__name__


def _promote(arguments, rng):
    """Let f compute in float64 if it follows; returns the Noise of f in the arguments' own precision, or None."""
    if arguments.eps <= np.finfo(np.float64).eps:
        return None
    own = measure_noise(arguments.total, arguments.vector, rng, eps=arguments.eps)
    arguments.promoted = True
    try:
        wide = arguments.total(arguments.vector)
        arguments.promoted = np.asarray(wide).dtype.itemsize >= 8 and abs(wide - own.value) <= 50 * own.sigma
    except Exception:  # f is anybody's code; that it insists on float32 is no fault
        arguments.promoted = False
    return own


def _large(report, judge, leaves, coarsely):
    """Random projections of the whole; where they are wrong, bisection to entries and a sample of each leaf."""
    most = int(np.clip(0.1 * PATIENCE / judge.meter.seconds_an_entry, 16, SAMPLED))
    whole, meter = indices_of(leaves), judge.meter
    size = float(np.linalg.norm((judge.got * meter.scale)[whole]))
    look = lambda part: project(meter, judge.got, judge.slack, part)
    looks = [look(whole) for _ in range(LOOKS)]
    if not visible(looks) <= judge.resolution * size and meter.wider():
        meter = meter.wider()
        looks = [look(whole) for _ in range(LOOKS)]
    if any(p.outside for p in looks) and meter is judge.meter and judge.inaccurate(whole):
        looks = [look(whole) for _ in range(LOOKS)]
    if any(p.outside for p in looks):
        for leaf in leaves:
            part = np.arange(leaf.start, leaf.stop)
            if any(look(part).outside for _ in range(2)):
                wrong = bisect(meter, judge.got, judge.slack, part)
                around = int(wrong[0]) if len(wrong) else leaf.start
                judge.entries(np.union1d(wrong, sample(leaf, around, most)).astype(int))
        if judge.wrong.any():
            return
        if all(look(whole).outside for _ in range(2)):
            note = "wrong in every random direction that was tried, though no single entry is by more than its bar"
            report.entries.append(Entry("the gradient as a whole", FAIL, note=note))
            return
    error = visible(looks) / size if size else np.inf
    if not error <= judge.resolution:
        note = f"random directions would miss an error of {error:.0e} of the gradient. {remedy(judge, coarsely)}"
        report.entries.append(Entry("the gradient as a whole", UNDECIDED, note=note))
    kink = (
        " There is a kink: the gradient lies between the one-sided derivatives." if any(p.kink for p in looks) else ""
    )
    _note_looks(report, error, len(whole), LOOKS, kink)


def _note_looks(report, error, n, looks, kink=""):
    """What random directions would have seen: `error` is relative to the gradient's norm."""
    report.notes.append(
        f"{n:,} numbers in {looks} random directions: an error of {error:.0e} of the gradient's norm, that is "
        f"of {error * n**0.5:.0e} in one typical entry, is missed with a chance of 1e-6.{kink}"
    )


def gradient_of(f):
    """Mark a function as the gradient of `f`, for `tinygen check`, where its name does not say so: a decorator.

    Raises TypeError if f is no function.

    >>> def loss(x=3.0):
    ...     return x**2
    >>> @gradient_of(loss)
    ... def slope(x):
    ...     return 2 * x
    >>> slope.gradient_of is loss
    True
    """
    if not callable(f):
        raise TypeError(f"gradient_of(f) needs the function that is differentiated, got {type(f).__name__}")

    def mark(gradient):
        gradient.gradient_of = f
        return gradient

    return mark
