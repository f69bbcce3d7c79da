"""What exercises are checked against: each answer in parts that have names, and the mistakes that are often made.

A lesson calls them by name only, so that no solution stands in it. The parts let a check say which one is missing or
has the wrong sign; the known mistakes let it say what the reader probably did.
"""

from dataclasses import dataclass, field

import numpy as np

from tinygen.check import check_grad
from tinygen.check.report import FAIL, PASS, Entry, Report

LN_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Answer:
    """The right function, `value`, returning an array or {name of a part: array} whose sum is the answer; and `known`,
    {sentence: a function that makes this mistake}."""

    value: object
    known: dict = field(default_factory=dict)

    def __call__(self, *args):
        return self.value(*args)


# ---- Gaussians (lessons 4, 6, 7, 8) ----------------------------------------------------------------------------------


def kl_standard(mean, logvar):
    """The parts of KL(N(mean, e^logvar) || N(0, I)), each summed over the last axis; nats."""
    return {
        "term 1/2 sigma^2": 0.5 * np.exp(logvar).sum(-1),
        "term 1/2 mean^2": 0.5 * (mean**2).sum(-1),
        "constant -1/2 for each dimension": -0.5 * np.ones_like(logvar).sum(-1),
        "term -1/2 log sigma^2": -0.5 * logvar.sum(-1),
    }


def sample(mean, logvar, eps):
    """The parts of a reparameterised draw from N(mean, e^logvar)."""
    return {"mean": mean + 0 * eps, "noise sigma eps": np.exp(logvar / 2) * eps}


def log_density(x, mean, logvar):
    """The parts of log N(x; mean, e^logvar), each summed over the last axis; nats."""
    zero = np.zeros(np.broadcast_shapes(np.shape(x), np.shape(mean), np.shape(logvar)))
    return {
        "squared error over 2 sigma^2": (-0.5 * (x - mean) ** 2 * np.exp(-logvar) + zero).sum(-1),
        "term -1/2 log sigma^2": (-0.5 * logvar + zero).sum(-1),
        "constant -1/2 ln 2 pi for each dimension": (-0.5 * LN_2PI + zero).sum(-1),
    }


def kl(mean0, logvar0, mean1, logvar1):
    """The parts of KL(N(mean0, e^logvar0) || N(mean1, e^logvar1)), each summed over the last axis; nats."""
    return {
        "ratio of the variances": 0.5 * np.exp(logvar0 - logvar1).sum(-1),
        "square of the means' difference": 0.5 * ((mean0 - mean1) ** 2 * np.exp(-logvar1)).sum(-1),
        "constant -1/2 for each dimension": -0.5 * np.ones_like(mean0).sum(-1),
        "difference of the logvars": -0.5 * (logvar0 - logvar1).sum(-1),
    }


def _kl_full(mean, L):
    """The parts of KL(N(mean, L L^T) || N(0, I)); nats."""
    return {
        "trace, the squares of all entries of L": 0.5 * np.sum(L**2),
        "term 1/2 mean^2": 0.5 * np.sum(mean**2),
        "constant -D/2": -0.5 * len(mean),
        "log-determinant, the logs of the diagonal": -np.sum(np.log(np.diag(L))),
    }


kl_full = Answer(
    _kl_full,
    {
        "all entries of L count in the trace, not only its diagonal": (
            lambda mean, L: sum(_kl_full(mean, np.diag(np.diag(L))).values())
        ),
        "the trace is that of L L^T: square the entries of L": (
            lambda mean, L: sum(_kl_full(mean, L).values()) - 0.5 * np.sum(L**2) + 0.5 * np.trace(L)
        ),
    },
)

kl_discrete = Answer(
    lambda p, q: np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1) / q), 0)),
    {
        "the mean is taken under q: weigh with the first, p": lambda p, q: np.sum(q * np.log(p / q)),
        "this is the divergence in the other direction": lambda p, q: np.sum(q * np.log(q / p)),
        "this is the cross-entropy: the entropy of p is not taken off": lambda p, q: -np.sum(p * np.log(q)),
        "the logarithm has the base 2: these are bits": lambda p, q: np.sum(p * np.log2(p / q)),
    },
)

estimate = Answer(
    lambda r: np.array([r.mean(), r.std(ddof=1) / np.sqrt(len(r))]),
    {
        "the second is the spread of single values: divide by the root of n": (
            lambda r: np.array([r.mean(), r.std(ddof=1)])
        ),
        "divide by n - 1 in the variance: ddof=1": lambda r: np.array([r.mean(), r.std() / np.sqrt(len(r))]),
        "the second is the variance of the mean: take the root": lambda r: np.array([r.mean(), r.var(ddof=1) / len(r)]),
        "divide by the root of n, not by n": lambda r: np.array([r.mean(), r.std(ddof=1) / len(r)]),
    },
)


def _log_ratio(x, mean0, logvar0, mean1, logvar1):
    return sum(log_density(x, mean0, logvar0).values()) - sum(log_density(x, mean1, logvar1).values())


def _draw(mean, logvar, eps):
    return mean + np.exp(logvar / 2) * eps


log_ratios = Answer(
    lambda m0, l0, m1, l1, eps: _log_ratio(_draw(m0, l0, eps), m0, l0, m1, l1),
    {
        "the draws are from the second: the mean is under the first": (
            lambda m0, l0, m1, l1, eps: _log_ratio(_draw(m1, l1, eps), m0, l0, m1, l1)
        ),
        "this is the divergence in the other direction": (
            lambda m0, l0, m1, l1, eps: -_log_ratio(_draw(m1, l1, eps), m0, l0, m1, l1)
        ),
        "the draws have exp(logvar) as standard deviation": (
            lambda m0, l0, m1, l1, eps: _log_ratio(m0 + np.exp(l0) * eps, m0, l0, m1, l1)
        ),
    },
)


def is_infinite(f, *args):
    """Is ``f(*args)`` plus infinity, without nan? -> Report."""
    with np.errstate(all="ignore"):
        got = float(f(*args))
    where = "at " + ", ".join(str(np.round(a, 3).tolist()) for a in args)
    note = "" if got == np.inf else f"{where}: expected inf, got {got:g}"
    return Report("infinite", [Entry(where, PASS if got == np.inf else FAIL, note=note)])


def linear_bound(x, w, s2, mean, logvar, eps):
    """The parts of one draw of the bound of the linear model z ~ N(0, 1), x ~ N(w z, s2), by rows of one latent."""
    z = mean + np.exp(logvar / 2) * eps
    fit = -0.5 * ((x - w * z) ** 2 / s2 + np.log(2 * np.pi * s2)).sum(-1)
    return {"first term, log Pr(x|z)": fit, "divergence": -sum(kl_standard(mean, logvar).values())}


# ---- Derivatives from function values (lesson 1) ---------------------------------------------------------------------

central_difference = Answer(
    lambda f, x, h: {"value on the right": f(x + h) / (2 * h), "value on the left": -f(x - h) / (2 * h)},
    {
        "this is the forward difference: take one value on each side of x": lambda f, x, h: (f(x + h) - f(x)) / h,
        "this is the backward difference: take one value on each side of x": lambda f, x, h: (f(x) - f(x - h)) / h,
        "the two values are 2h apart: divide by 2h, not by h": lambda f, x, h: (f(x + h) - f(x - h)) / h,
        "the values are taken at x + h/2 and x - h/2, but divided by 2h": (
            lambda f, x, h: (f(x + h / 2) - f(x - h / 2)) / (2 * h)
        ),
        "divide by 2h: a / 2 * h means (a / 2) * h": lambda f, x, h: (f(x + h) - f(x - h)) / 2 * h,
    },
)

best_step = Answer(
    lambda size, third, eps: (3 * eps * size / third) ** (1 / 3),
    {
        "this is where the two errors are equal; the sum is smallest where its derivative is 0": (
            lambda size, third, eps: (6 * eps * size / third) ** (1 / 3)
        ),
        "the power is 1/3: h^3 stands alone after multiplying by h^2": (
            lambda size, third, eps: (3 * eps * size / third) ** 0.5
        ),
        "the factor is 3: differentiating h^2/6 gives h/3": lambda size, third, eps: (eps * size / third) ** (1 / 3),
        "this is h cubed: take the cube root": lambda size, third, eps: 3 * eps * size / third,
    },
)


def _gradient(quotient):
    """The gradient made of `quotient(f, x, step, h)` for each entry, where `step` is h there and 0 elsewhere."""

    def of(f, x, h):
        out = np.empty_like(x)
        for index in np.ndindex(x.shape):
            step = np.zeros_like(x)
            step[index] = h
            out[index] = quotient(f, x, step, h)
        return out

    return of


numeric_gradient = Answer(
    lambda f, x, h: {
        "value on the right": _gradient(lambda f, x, step, h: f(x + step) / (2 * h))(f, x, h),
        "value on the left": _gradient(lambda f, x, step, h: -f(x - step) / (2 * h))(f, x, h),
    },
    {
        "these are forward differences": _gradient(lambda f, x, step, h: (f(x + step) - f(x)) / h),
        "divide by 2h, not by h": _gradient(lambda f, x, step, h: (f(x + step) - f(x - step)) / h),
        "all entries move at once: move one at a time": (
            lambda f, x, h: np.full(x.shape, (f(x + h) - f(x - h)) / (2 * h))
        ),
    },
)



def _softmax(scores):
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def classifier_gradient(scores, labels):
    """The gradient of the mean of -log softmax(scores)[label] by the scores, (B, K), in parts."""
    right = np.eye(scores.shape[1])[labels]
    return {"probabilities p": _softmax(scores) / len(labels), "-1 at the right class": -right / len(labels)}


mean_squared_error = Answer(
    lambda w, x, y: np.mean((x @ w - y[:, None]) ** 2),
    {
        "(B, 1) minus (B,) is (B, B): every prediction is compared with every target": (
            lambda w, x, y: np.mean((x @ w - y) ** 2)
        ),
        "this is the sum over the batch, and a mean was asked for": lambda w, x, y: np.sum((x @ w - y[:, None]) ** 2),
    },
)


# ---- Automatic differentiation (lesson 2) ----------------------------------------------------------------------------


def _walk(out):
    bar = {out: 1.0}
    for number in reversed(out.tape):
        for parent, slope in number.parents if number in bar else ():
            bar[parent] = bar.get(parent, 0.0) + bar[number] * slope
    return bar


def _overwriting(out):
    bar = {out: 1.0}
    for number in reversed(out.tape):
        for parent, slope in number.parents if number in bar else ():
            bar[parent] = bar[number] * slope
    return bar


def _forwards(out):
    bar = {out: 1.0}
    for number in out.tape:
        for parent, slope in number.parents if number in bar else ():
            bar[parent] = bar.get(parent, 0.0) + bar[number] * slope
    return bar


def _without_the_chain(out):
    bar = {out: 1.0}
    for number in reversed(out.tape):
        for parent, slope in number.parents if number in bar else ():
            bar[parent] = bar.get(parent, 0.0) + slope
    return bar


def _everything(out):
    bar = {}
    for number in reversed(out.tape):
        for parent, slope in number.parents:
            bar[parent] = bar.get(parent, 0.0) + bar.get(number, 1.0) * slope
    return bar


def _depth_first(out):
    bar, visited = {out: 1.0}, set()

    def visit(number):
        visited.add(number)
        for parent, slope in number.parents:
            bar[parent] = bar.get(parent, 0.0) + bar[number] * slope
            if parent not in visited:
                visit(parent)

    visit(out)
    return bar


def backward(use):
    """The Answer for the walk backwards; `use(walk)` is the function of arrays that it is judged by."""
    known = {
        "a number that is used twice keeps only what came last: add to what is there": _overwriting,
        "the tape is walked from its beginning: nothing has been collected yet": _forwards,
        "what is handed on is the slope alone: multiply by the number's own derivative": _without_the_chain,
        "numbers hand on that the output does not depend on: their derivative is 0, not 1": _everything,
        "a number hands on before it has collected everything: keep to the order of the tape": _depth_first,
    }
    return Answer(use(_walk), {sentence: use(walk) for sentence, walk in known.items()})


def convicts(f, gradient, *args):
    """Does the function `f` show that `gradient` is wrong at `args`? PASS if its check fails there. -> Report."""
    inner = check_grad(f, gradient, *args)
    report = Report("counterexample")
    if inner.verdict == FAIL:
        worst = next(e for e in inner.entries if e.verdict == FAIL)
        report.entries = [Entry(worst.where, PASS, worst.got, worst.expected, worst.bar)]
        report.notes = [f"convicted: it says {worst.got:.6g}, right is {worst.expected:.6g}"]
    else:
        why = "here the gradient is right: this function convicts nobody"
        if inner.verdict != PASS:
            why = "the numeric derivative of this function is too uncertain to convict anybody"
        report.entries = [Entry("gradient", FAIL, note=why)]
    return report


dual_divide = Answer(
    lambda a, da, b, db: da / b - a * db / b**2,
    {
        "the product rule, for a quotient": lambda a, da, b, db: da * b + a * db,
        "the sign between the two parts is a minus": lambda a, da, b, db: da / b + a * db / b**2,
        "the quotient of the derivatives is not the derivative of the quotient": lambda a, da, b, db: da / db,
        "divide by b squared": lambda a, da, b, db: da * b - a * db,
        "the second part is divided by b squared, not by b": lambda a, da, b, db: da / b - a * db / b,
    },
)
