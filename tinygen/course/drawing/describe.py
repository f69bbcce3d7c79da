"""A figure in words, from what is drawn in it: for those who hear a page."""

import re

import numpy as np

from tinygen.course.drawing.layout import plain

MOST = 6  # curves that are described one by one


def describe(figure):
    """What a Matplotlib figure shows: of each panel its title, its axes with their ranges, its curves, bars, points and
    images.

    >>> from matplotlib.figure import Figure
    >>> axes = Figure().subplots()
    >>> _ = axes.plot([0, 1, 2], [1, 0.5, 0.25], label="loss"), axes.set(xlabel="step", ylabel="nats")
    >>> describe(axes.figure)
    'Figure: nats (0.25 to 1) by step (0 to 2); the curve loss falls from 1 to 0.25.'
    """
    title = plain(figure.get_suptitle() if hasattr(figure, "get_suptitle") else "")
    panels = [words for axes in figure.axes for words in [_panel(axes)] if words]
    if len(panels) > 1:
        panels = [f"Panel {i}: {words}" for i, words in enumerate(panels, 1)]
    return "Figure: " + ". ".join(filter(None, [title, *panels])).rstrip(".") + "."


def _panel(axes):
    title = plain(axes.get_title() or axes.get_title("left"))
    if getattr(axes, "_colorbar", None) is not None:
        return f"colour scale {plain(axes.get_ylabel())}".strip()
    parts = [_axis(axes), *_curves(axes), *_rest(axes)]
    return ": ".join(filter(None, [title, "; ".join(filter(None, parts))]))


def _axis(axes):
    """The names of the axes with the ranges that the data have."""
    if not axes.get_xlabel() and not axes.get_ylabel():
        return ""
    names = []
    for name, low, high in ((axes.get_ylabel(), *axes.dataLim.intervaly), (axes.get_xlabel(), *axes.dataLim.intervalx)):
        if name:
            known = np.isfinite([low, high]).all() and low < high
            names.append(plain(name) + (f" ({low:.3g} to {high:.3g})" if known else ""))
    return " by ".join(names)


def _curves(axes):
    """Each curve with a name: from where it goes to where, and its extreme if that is elsewhere."""
    named, found = [line for line in axes.lines if not line.get_label().startswith("_")], []
    lines = named or [line for line in axes.lines if len(line.get_xdata()) > 2]
    for line in lines[:MOST]:
        y = np.asarray(line.get_ydata(), float)
        y = y[np.isfinite(y)]
        name = f"the curve {plain(line.get_label())}" if line in named else "a curve"
        if line.get_linestyle() == "None":
            found.append(f"{len(y)} points{f' {plain(line.get_label())}' if line in named else ''}")
        elif len(y) and np.ptp(y) == 0:
            found.append(f"{name} is level at {y[0]:.3g}")
        elif len(y):
            way = "falls" if y[-1] < y[0] else "rises" if y[-1] > y[0] else "goes"
            low, high, ends = y.min(), y.max(), sorted((y[0], y[-1]))
            turn = [f"by way of {v:.3g}" for v, out in ((low, low < ends[0]), (high, high > ends[1])) if out]
            found.append(f"{name} {way} from {y[0]:.3g} to {y[-1]:.3g}{' ' + ' and '.join(turn) if turn else ''}")
    return found + [f"{len(lines) - MOST} more curves"] * (len(lines) > MOST)


def _rest(axes):
    """Bars, clouds of points, images and areas, by their number."""
    found = []
    bars = [bar for group in axes.containers for bar in group if hasattr(bar, "get_height")]
    if bars:
        tall = [bar.get_height() for bar in bars]
        found.append(f"{len(bars)} bars from {min(tall):.3g} to {max(tall):.3g}")
    points = sum(len(c.get_offsets()) for c in axes.collections if type(c).__name__ == "PathCollection")
    if points:
        found.append(f"{points} points")
    if any(type(c).__name__ == "Quiver" for c in axes.collections):
        found.append("a field of arrows")
    if any(type(c).__name__ in ("QuadContourSet", "ContourSet") for c in axes.collections):
        found.append("contours of a density")
    for image in axes.images:
        rows, columns = image.get_array().shape[:2]
        found.append(f"an image of {rows} by {columns} pixels")
    words = [re.sub(r"\s+", " ", plain(text.get_text())) for text in axes.texts if text.get_text().strip()]
    if words:
        found.append("marked: " + ", ".join(words[:12]))
    return found
