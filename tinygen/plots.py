"""The pictures that lessons and users share: each takes arrays, draws on `ax` or a new figure, returns the figure."""

import numpy as np


def _axes(ax, size=(5.6, 3.2)):
    """The axes to draw on, and their figure."""
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax, ax.figure


def images(x, *, columns=10, shape=None, ax=None, title=None, rows=None, low=None, high=None):
    """Images side by side on one grid, dark ink on white.

    x: (n, D) or (n, height, width). shape: (height, width); by default D is a square. columns: images in a row.
    rows: a name for each row of the grid. low, high: the values drawn white and black (default: of all of x).
    Returns the figure. Raises ValueError if D is no square and no shape is given.
    """
    x = np.asarray(x)
    if x.ndim == 2:
        side = round(x.shape[1] ** 0.5)
        if shape is None and side * side != x.shape[1]:
            raise ValueError(f"images: {x.shape[1]} pixels are no square; give shape=(height, width)")
        x = x.reshape(len(x), *(shape or (side, side)))
    elif x.ndim != 3:
        raise ValueError(f"images: expected (n, D) or (n, height, width), got shape {x.shape}")
    n, height, width = x.shape
    columns = min(columns, n)
    lines = -(-n // columns)
    low, high = x.min() if low is None else low, x.max() if high is None else high
    grid = np.full((lines * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for i, image in enumerate(x):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        grid[top:top + height, left:left + width] = image
    ax, figure = _axes(ax, (5.6, 5.6 * grid.shape[0] / grid.shape[1] + (0.3 if title else 0)))
    ax.imshow(grid, cmap="gray_r", vmin=low, vmax=high, interpolation="none")
    ax.set_xticks([])
    ax.set_yticks([])
    if rows:
        ax.set_yticks([i * (height + 1) + height / 2 - 0.5 for i in range(lines)], rows)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if title:
        ax.set_title(title)
    return figure


def curves(x, ys, *, ax=None, xlabel="", ylabel="", title=None, smooth=1, levels=None):
    """Several curves over one axis, each named at its end by the legend.

    x: (n,). ys: {name: (n,)}; values that are not finite leave a gap. smooth: mean over that many neighbours, the raw
    curve pale behind it. levels: {name: value} of horizontal lines. Returns the figure.
    """
    ax, figure = _axes(ax)
    x = np.asarray(x)
    for name, y in ys.items():
        y = np.asarray(y, dtype=float)
        if smooth > 1 and len(y) >= smooth:
            (line,) = ax.plot(x, y, alpha=0.3, linewidth=0.8)
            kernel = np.ones(smooth) / smooth
            inside = slice(smooth // 2, smooth // 2 + len(y) - smooth + 1)
            ax.plot(x[inside], np.convolve(y, kernel, "valid"), color=line.get_color(), label=name)
        else:
            ax.plot(x, y, label=name)
    for k, (name, value) in enumerate((levels or {}).items()):
        ax.axhline(value, color=f"C{len(ys) + k}", linestyle="--", linewidth=1.2, label=name)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if len(ys) + len(levels or {}) > 1:
        ax.legend()
    return figure


def error_curve(steps, errors, *, ax=None, xlabel="step h", ylabel="error", title=None):
    """Errors against steps on doubly logarithmic axes: the V of a difference quotient, the order of a solver.

    steps: (n,), above 0. errors: {name: (n,)}; an error of exactly 0 has no place on such an axis and leaves a gap.
    Returns the figure.
    """
    ax, figure = _axes(ax)
    for name, error in errors.items():
        error = np.asarray(error, dtype=float)
        ax.loglog(steps, np.where(error > 0, error, np.nan), label=name, linewidth=1.3)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.grid(True)
    if len(errors) > 1:
        ax.legend()
    return figure


def latent_plane(z, labels, *, ax=None, title=None, names=("latent 1", "latent 2")):
    """Points of a latent plane, coloured by their label, with each label written at the middle of its points.

    z: (n, 2). labels: (n,) integers or text. Returns the figure. Raises ValueError for another shape.
    """
    z, labels = np.asarray(z), np.asarray(labels)
    if z.ndim != 2 or z.shape[1] != 2 or labels.shape != (len(z),):
        raise ValueError(f"latent_plane: expected z (n, 2) and labels (n,), got {z.shape} and {labels.shape}")
    ax, figure = _axes(ax, (5.6, 5.0))
    for k, label in enumerate(np.unique(labels)):
        here = z[labels == label]
        ax.scatter(*here.T, s=9, linewidths=0, alpha=0.65, color=f"C{k % 10}")
        ax.text(*np.median(here, axis=0), str(label), ha="center", va="center", fontsize=13, weight="bold",
                bbox={"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": f"C{k % 10}", "alpha": 0.9})
    ax.set(xlabel=names[0], ylabel=names[1], title=title)
    ax.set_aspect("equal", adjustable="datalim")
    return figure


def histograms(samples, *, ax=None, bins=60, range=None, xlabel="", title=None, marks=None):
    """Histograms of several samples over the same bins, as densities.

    samples: {name: (n,)}. range: (low, high); by default from the 0.5 to the 99.5 per cent point of all of them.
    marks: {name: value} of vertical lines. Returns the figure.
    """
    ax, figure = _axes(ax)
    everything = np.concatenate([np.ravel(s) for s in samples.values()])
    edges = np.linspace(*(range or np.percentile(everything, [0.5, 99.5])), bins + 1)
    for name, sample in samples.items():
        ax.hist(np.ravel(sample), bins=edges, density=True, histtype="stepfilled", alpha=0.45, label=name)
    for k, (name, value) in enumerate((marks or {}).items()):
        ax.axvline(value, color=f"C{len(samples) + k}", linewidth=1.5, label=name)
    ax.set(xlabel=xlabel, ylabel="density", title=title)
    ax.legend()
    return figure
