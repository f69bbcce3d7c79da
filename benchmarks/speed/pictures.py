"""Two pictures, SVG or PNG, readable on light and dark pages: ratios for the README, and growth as log-log lines."""

import numpy as np

from benchmarks.speed import growth
from benchmarks.speed.report import COMPILED
from benchmarks.speed.rounds import ratios, spread

GREY = "#80868f"  # for text and axes: contrast above 3.5 on white and on black
LOOK = {  # contender -> colour, marker
    "floor": ("#9aa0a8", "|"),
    "by hand": ("#e3a008", "D"),
    "JAX jit": ("#2da44e", "s"),
    "torch.compile": ("#c2410c", "v"),
    "PyTorch": ("#ee6c4d", "^"),
    "tinygen": ("#4f8ff7", "o"),
    "autograd": ("#a371f7", "P"),
    "MyGrad": ("#d6599b", "X"),
}
STYLE = {
    "svg.hashsalt": "tinygen",
    "text.color": GREY,
    "axes.labelcolor": GREY,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def save_ratios(results, titles, path):
    """For each work, the time of each peer in units of tinygen compiled's: a point at 2 takes twice as long."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, NullLocator

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8.6, 0.62 * len(results) + 1.5), layout="constrained")
        axes.axvline(1, color="#4f8ff7", linewidth=2, label=COMPILED)
        for row, result in enumerate(results.values()):
            axes.axhline(row, color=GREY, linewidth=0.5, alpha=0.4, zorder=0)
            for name, (colour, marker) in LOOK.items():
                quartiles = ratios(result, name, COMPILED)
                if quartiles:
                    low, middle, high = quartiles
                    axes.plot([low, high], [row, row], color=colour, linewidth=2, solid_capstyle="round")
                    axes.plot(middle, row, marker, color=colour, **_size(marker))
        for name, (colour, marker) in LOOK.items():
            if any(name in result for result in results.values()):
                axes.plot([], [], marker, color=colour, label=name, **_size(marker))
        axes.set(xscale="log", ylim=(len(results) - 0.5, -0.7))
        axes.set_yticks(range(len(results)), [f"{titles[name]}  ({name})" for name in results])
        axes.tick_params("y", length=0)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
        axes.xaxis.set_minor_locator(NullLocator())
        low, high = axes.get_xlim()
        axes.set_xticks([t for t in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000) if low <= t <= high])
        axes.set_xlabel("time of a step in units of tinygen compiled (right of the line: slower)")
        shown = len(axes.get_legend_handles_labels()[0])
        columns = shown if shown <= 6 else (shown + 1) // 2
        figure.legend(ncols=columns, loc="outside upper center", frameon=False, handletextpad=0.2, columnspacing=1.2)
        _save(figure, path)


def _size(marker):
    return {"markersize": 8, "markeredgewidth": 2 if marker == "|" else 0}


GROWING = {COMPILED: LOOK["tinygen"], growth.HAND: LOOK["by hand"], "tinygen": (GREY, "s")}
GROWTH = [  # what is drawn of a contender, in units of, and the words on the axis
    ("seconds", 1e3, "time of a step, ms"),
    ("running", 1e-6, "memory at most, MB"),
    ("first", 1, "first result after, s"),
]


def save_growth(grown, path):
    """Time and memory of a step, and the time up to the first result, against batch, width, depth and operations."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator

    with plt.rc_context(STYLE | {"font.size": 9}):
        size = (3.2 * len(GROWTH), 2.4 * len(grown) + 0.2)
        figure, axes = plt.subplots(len(grown), len(GROWTH), figsize=size, layout="constrained", squeeze=False)
        for panels, (axis, rows) in zip(axes, grown.items()):
            n = [row["n"] for row in rows]
            for panel, (what, unit, text) in zip(panels, GROWTH):
                for name in growth.contenders(axis):
                    colour, marker = GROWING[name]
                    values = [spread(row[name][what])[1] if what == "seconds" else row[name][what] for row in rows]
                    label = f"{name}, slope {growth.slope(rows, name, what):.2f}"
                    panel.loglog(n, np.array(values) * unit, marker + "-", color=colour, markersize=4, label=label)
                panel.set(xlabel=axis, ylabel=text)
                panel.yaxis.set_major_locator(LogLocator(numticks=6))
                panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
                panel.set_xticks(n, [f"{value:g}" if value < 10_000 else f"{value // 1000}k" for value in n])
                panel.minorticks_off()
                panel.legend(frameon=False, fontsize=7, loc="upper left")
                panel.margins(y=0.3)
                panel.grid(color=GREY, alpha=0.25, linewidth=0.5)
        _save(figure, path)


def _save(figure, path):
    import matplotlib.pyplot as plt

    metadata = {"Date": None} if str(path).endswith("svg") else None
    figure.savefig(path, transparent=True, dpi=160, metadata=metadata)
    plt.close(figure)
