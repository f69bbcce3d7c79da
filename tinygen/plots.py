"""The pictures that lessons and users share: each takes arrays, draws on `ax` or a new figure, returns the figure.

In all of them: ax: Matplotlib's Axes to draw on; None: those of a new figure. title: above the axes. xlabel, ylabel:
beside them.
"""

import numpy as np


def _axes(ax, size=(5.6, 3.2)):
    """The axes to draw on, and their figure."""
    import matplotlib.pyplot as plt

    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax, ax.figure


def images(x, *, columns=10, shape=None, ax=None, title=None, rows=None, low=None, high=None):
    """Images side by side on one grid, dark ink on white.

    x: (n, D) or (n, height, width); NaN is no ink. shape: (height, width); by default D is a square. columns: in a row.
    rows: a name for each row of the grid. low, high: the values drawn white and black (default: of all of x).
    Returns the figure. Raises ValueError if D is no square and no shape is given.
    """
    x = np.asarray(x)
    if x.ndim == 2:
        side = round(x.shape[1] ** 0.5)
        if shape is None and side * side != x.shape[1]:
            raise ValueError(f"images: {x.shape[1]} is not a square number of pixels: give shape=(height, width)")
        x = x.reshape(len(x), *(shape or (side, side)))
    elif x.ndim != 3:
        raise ValueError(f"images: expected (n, D) or (n, height, width), got shape {x.shape}")
    n, height, width = x.shape
    columns = min(columns, n)
    lines = -(-n // columns)
    low, high = np.nanmin(x) if low is None else low, np.nanmax(x) if high is None else high
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


def reconstructions(x, again, *, columns=10, names=("image", "again"), **options):
    """Each image with what a model makes of it below it, as pairs of rows.

    x, again: (n, D) or (n, height, width). The options are those of `images`. Returns the figure. columns: pairs in a
    row of the grid. names: of the two rows of a pair. Raises ValueError if the shapes differ.
    """
    x, again = np.asarray(x), np.asarray(again)
    if x.shape != again.shape:
        raise ValueError(f"reconstructions: expected two arrays of one shape, got {x.shape} and {again.shape}")
    columns = min(columns, len(x))
    starts = range(0, len(x), columns)
    pairs = [half[start:start + columns] for start in starts for half in (x, again)]
    short = columns - len(pairs[-1])
    if short:  # so that the last image of the lower row is not moved up into the rest of the upper one
        blank = np.full((short, *x.shape[1:]), np.nan)
        pairs = [*pairs[:-2], *(np.concatenate([half, blank]) for half in pairs[-2:])]
    return images(np.concatenate(pairs), columns=columns, rows=list(names) * len(starts), **options)


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

    z: (n, 2). labels: (n,) integers or text. Returns the figure. Raises ValueError for another shape. names: of the two
    axes.
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


def rate_distortion(rate, distortion, *, curve=None, labels=None, name="models", ax=None, title=None):
    """Models in the plane of rate and distortion, and the curve below which no model can be.

    rate: (n,) nats, E KL(q(z|x) || p(z)). distortion: (n,), in any unit that the curve has too. curve: (rates,
    distortions) of the rate-distortion function, as linear_gaussian.rate_distortion gives them, or None. labels: a text
    for each model, such as its beta. name: of these models in the legend; call again with the same `ax` for others.
    Returns the figure. Raises ValueError for arrays that do not pair.
    """
    rate, distortion = np.asarray(rate, float), np.asarray(distortion, float)
    texts = [""] * rate.size if labels is None else [str(label) for label in labels]
    if rate.ndim != 1 or rate.shape != distortion.shape or len(texts) != len(rate):
        raise ValueError(
            f"rate_distortion: expected rate, distortion and labels of one length, got {rate.shape}, "
            f"{distortion.shape} and {len(texts)} labels"
        )
    ax, figure = _axes(ax)
    if curve is not None:
        rates, distortions = np.asarray(curve, float)
        ax.plot(distortions, rates, color="black", linewidth=1.2, label="least possible rate", zorder=1)
    (dots,) = ax.plot(distortion, rate, "o", markersize=5, label=name, zorder=2)
    for x, y, text in zip(distortion, rate, texts):
        ax.annotate(text, (x, y), (5, 4), textcoords="offset points", fontsize=9, color=dots.get_color())
    ax.set(xlabel="distortion", ylabel="rate (nats)", title=title)
    ax.legend()
    return figure


def latent_kl(kl, *, expected=None, ax=None, title=None):
    """Bars of the KL that each latent pays, the largest first, each with its number: those near 0 are not in use.

    kl: (k,) nats, as Diagnosis.latent_kl has them. expected: (m,) what theory says, in any order, drawn as a mark on
    the bars in falling order; or None. Returns the figure. Raises ValueError unless kl has one axis.
    """
    ax, figure = _axes(ax)
    kl = np.asarray(kl, float)
    if kl.ndim != 1:
        raise ValueError(f"latent_kl: expected one KL for each latent, (k,), got {kl.shape}")
    order = np.argsort(-kl, kind="stable")
    ax.bar(np.arange(len(kl)), kl[order], color="C0", width=0.7, label="this model")
    if expected is not None:
        expected = np.sort(np.asarray(expected, float))[::-1][: len(kl)]
        ax.plot(np.arange(len(expected)), expected, "_", color="C1", markersize=15, markeredgewidth=2.5, label="theory")
        ax.legend()
    ax.set_xticks(np.arange(len(kl)), order, fontsize=min(10, 240 / len(kl)))
    ax.tick_params(axis="x", length=0)
    ax.set(xlabel="latent, the largest first", ylabel="KL (nats)", title=title, xlim=(-0.6, len(kl) - 0.4))
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


def dots(ax, points, *, size=3.0, color="C0"):
    """Points (n, 2) on `ax` as one path: a frame of a player stays small and quick to draw however many they are.

    size: the diameter in points. The axes' limits are not changed. color: any colour of Matplotlib's.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    path = Path(np.repeat(points, 2, axis=0), np.tile([Path.MOVETO, Path.LINETO], len(points)))
    path.should_simplify = False  # lines of no length, whose round ends are the dots
    ax.add_patch(PathPatch(path, fill=False, edgecolor=color, linewidth=size, capstyle="round"))


def vector_field(points, arrows, *, density=None, ax=None, title=None, scale=None):
    """A field of arrows over the plane, such as a score, with a log density behind it.

    points, arrows: (side * side, 2), a square grid row by row. density: (side * side,) log density there, or None.
    scale: Matplotlib's quiver scale. Returns the figure. Raises ValueError unless the points fill a square and each has
    an arrow.
    """
    ax, figure = _axes(ax, (4.6, 4.4))
    points, arrows = np.asarray(points), np.asarray(arrows)
    side = round(len(points) ** 0.5)
    if side * side != len(points) or points.shape != arrows.shape or points.shape[1] != 2:
        raise ValueError(f"vector_field: expected (side * side, 2) twice, got {points.shape} and {arrows.shape}")
    if density is not None:
        x, y = points.reshape(side, side, 2).transpose(2, 0, 1)
        p = np.exp(density - np.max(density)).reshape(side, side)
        # One colour, ever less transparent: so it stands on a light page and on a dark one.
        levels = np.linspace(0.02, 1, 13)
        ax.contourf(x, y, p, levels=levels, colors=[("C0", alpha) for alpha in np.linspace(0.05, 0.75, 12)])
    ax.quiver(*points.T, *arrows.T, scale=scale, width=0.004, color="black")
    ax.set(xlabel="$z_1$", ylabel="$z_2$", title=title)
    ax.set_aspect("equal")
    return figure


def history(found, *, ax=None, title=None, smooth=0.98):
    """The loss of training at each step, smoothed, and the loss on held-out rows with the place of its best value.

    found: the `history_` of a model, or what nn.train.fit returned. smooth: share of the running mean that each step
    keeps. Returns the figure.
    """
    ax, figure = _axes(ax)
    mean, total, line = 0.0, 0.0, []
    for value in found["loss"]:
        mean, total = smooth * mean + (1 - smooth) * value, smooth * total + (1 - smooth)
        line.append(mean / total)
    ax.plot(np.arange(1, len(line) + 1), line, color="C0", label="training (running mean)")
    if "validation" in found:
        steps, values = found["validation_step"], found["validation"]
        best = int(np.nanargmin(values))
        ax.plot(steps, values, color="C1", label="held out")
        ax.plot(steps[best], values[best], "o", color="C1", label=f"best: {values[best]:.4g}, step {int(steps[best])}")
    ax.set(xlabel="step", ylabel="loss", title=title)
    ax.legend(frameon=False)
    return figure
