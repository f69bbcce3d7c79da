"""Back through a function line by line: the gradient by each named value, and the first wrong line."""

import numpy as np

from tinygen.check.gradient import check_grad
from tinygen.check.report import FAIL


def check_intermediates(f, gradients, *args, **options):
    """Compare the gradients by named intermediate values with numeric ones, from the loss backwards: a Report.

    f: a function of `args` and `note` that names its intermediate values as it goes, h = note("h", np.tanh(x @ W)),
    and goes on with what note returns. The gradient by h is the change of the loss with h, what is computed from h
    following.
    gradients: a dict {name: array}, or a function of `args` that returns one; names that are left out are not checked.
    options: those of check_grad.

    The report says which gradient is the first wrong one on the way back: what comes after it in f is differentiated
    rightly, so the mistake is in the one line that leads to it.

    Raises ValueError for a name that f does not note, or notes twice, and for a value that is not of floats.

    >>> def f(x, note):
    ...     h = note("h", x**2)
    ...     return np.sum(note("y", np.sin(h)))
    >>> x = np.array([0.5, 1.0])
    >>> report = check_intermediates(f, {"y": np.ones(2), "h": np.cos(x)}, x)
    >>> report.notes[0][:67]
    'The first wrong gradient on the way back is dL/dh; dL/dy is right. '
    """
    values = {}

    def take(name, value):
        if name in values:
            raise ValueError(
                f"f notes {name!r} twice: give each intermediate value a name of its own (h1, h2 in a loop)"
            )
        values[name] = np.array(value)
        if values[name].dtype.kind != "f":
            raise ValueError(f"the intermediate value {name!r} has dtype {values[name].dtype}, expected floats")
        return value

    f(*args, note=take)
    given = gradients(*args) if callable(gradients) else gradients
    unknown = [name for name in given if name not in values]
    if unknown:
        noted = ", ".join(values) or "nothing"
        raise ValueError(f"f notes {noted}, but there is a gradient with respect to {', '.join(unknown)}")
    names = [name for name in reversed(values) if name in given]  # from the loss backwards

    def moved(*new):
        """The loss where each named value is moved to `new`, what is computed from it following."""
        shift = {name: value - values[name] for name, value in zip(names, new)}
        return f(*args, note=lambda name, value: value + shift[name] if name in shift else value)

    report = check_grad(
        moved,
        [lambda *_, name=name: given[name] for name in names],
        *(values[name] for name in names),
        names=names,
        **options,
    )
    report.name = getattr(f, "__name__", "f")
    _tell(report, names)
    return report


def _tell(report, names):
    """Note which gradient is the first wrong one on the way back."""
    wrong = {entry.where.split("[")[0] for entry in report.entries if entry.verdict == FAIL}
    first = next((i for i, name in enumerate(names) if name in wrong), None)
    if first is None:
        return
    d = [f"dL/d{name}" for name in names]
    right = f"; {', '.join(d[:first])} {'is' if first == 1 else 'are'} right" if first else ""
    line = f"that takes {d[first - 1]} to {d[first]}" if first else f"that makes {d[first]} from the loss"
    report.notes.insert(0, f"The first wrong gradient on the way back is {d[first]}{right}. Look at the line {line}.")
    report.mistakes.sort(key=lambda mistake: mistake.where != names[first] and f"{d[first]} " not in mistake.sentence)
