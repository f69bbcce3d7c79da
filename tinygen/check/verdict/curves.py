"""Two pictures of a gradient check: the V-shaped error of difference quotients, the orders of Taylor's remainder."""

import numpy as np

STEPS = 10.0 ** np.arange(-13, 0.01, 0.25)  # relative to the scale of x


def error_curves(meter, v, slope):
    """Errors of the forward and the central difference quotient along `v` for steps STEPS, against `slope` (a number).

    Rounding makes them fall as 1/h with h, truncation rise as h (forward) and h**2 (central): a V each.
    """
    values = _values(meter, v)
    with np.errstate(all="ignore"):
        forward = (values[1] - values[0]) / STEPS - slope
        central = (values[1] - values[2]) / (2 * STEPS) - slope
    return abs(forward), abs(central)


def remainders(meter, v, slope):
    """Taylor's remainders |f(x + hv) - f(x)| and |f(x + hv) - f(x) - h slope| for steps STEPS.

    The first is of order 1 in h; the second of order 2 if `slope` is the derivative along v, and of order 1 if not.
    """
    values = _values(meter, v)
    change = values[1] - values[0]
    return abs(change), abs(change - STEPS * slope)


def order(sizes, noise):
    """The power of h with which `sizes` (at STEPS) grow, where they are above the rounding `noise`; nan if nowhere."""
    good = np.isfinite(sizes) & (sizes > 30 * noise) & (STEPS < 0.03)
    if np.count_nonzero(good) < 3:
        return float("nan")
    return float(np.median(np.diff(np.log(sizes[good])) / np.diff(np.log(STEPS[good]))))


def plot(report):
    """The two pictures for a GradientReport, side by side: a Matplotlib Figure."""
    from matplotlib.figure import Figure

    judge = report.judge
    meter, given = judge.meter, np.isfinite(judge.got)
    v = meter.looks[0][0]
    v = np.where(given, v, 0) if given.any() else v
    found = meter.along(v)
    slope, claimed = float(found.value), float(judge.got[given] @ v[given])
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)

    forward, central = error_curves(meter, v, slope)
    left.loglog(STEPS, forward, ".-", label="forward difference")
    left.loglog(STEPS, central, ".-", label="central difference")
    left.axhline(found.bar, color="gray", ls=":", label="error bar of the check")
    if abs(claimed - slope) > found.bar:
        left.axhline(abs(claimed - slope), color="C3", label="error of the given gradient")
    left.set(xlabel="step h, relative to x", ylabel="error", title="difference quotients along a random direction")
    left.legend(fontsize=8)

    zeroth, first = remainders(meter, v, claimed)
    noise = meter.noise.sigma
    for sizes, label, colour in ((zeroth, "|f(x+hv) - f(x)|", "C0"), (first, "... - h g·v|", "C3")):
        right.loglog(
            STEPS, np.maximum(sizes, 1e-300), ".-", color=colour, label=f"{label}: order {order(sizes, noise):.2f}"
        )
    right.axhline(noise, color="gray", ls=":", label="rounding of f")
    right.set_ylim(max(noise, 1e-300) * 1e-2, None)
    expected = "at a kink: 1 for any gradient" if found.kink else "2 for a right gradient, else 1"
    right.set(xlabel="step h, relative to x", ylabel="remainder", title=f"Taylor's remainder {expected}")
    right.legend(fontsize=8)
    figure.suptitle(f"{report.name}: {report.verdict}")
    return figure


def _values(meter, v):
    """f at x, x + h v and x - h v: (3, steps), nan where it cannot be evaluated."""
    phi = meter.line(v)
    with np.errstate(all="ignore"):
        return np.array(
            [[float(meter.noise.value)] * len(STEPS), [float(phi(h)) for h in STEPS], [float(phi(-h)) for h in STEPS]]
        )
