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
        figure.legend(ncols=5, loc="outside upper center", frameon=False, handletextpad=0.2, columnspacing=1.2)
        _save(figure, path)


def _size(marker):
    return {"markersize": 8, "markeredgewidth": 2 if marker == "|" else 0}


def save_growth(grown, path):
    """Time (above) and memory (below) against batch, width and depth."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter

    colours = dict(zip(growth.PAIR, ("#4f8ff7", "#e3a008")))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, len(grown), figsize=(3.2 * len(grown), 5.2), layout="constrained", squeeze=False)
        for column, (axis, rows) in zip(axes.T, grown.items()):
            n = [row["n"] for row in rows]
            for name, marker, size in zip(growth.PAIR, "os", (7, 4)):
                seconds = np.array([spread(row[name]["seconds"]) for row in rows])
                memory = [row[name]["running"] / 1e6 for row in rows]
                shown = [(seconds[:, 1] * 1e3, "seconds", "time of a step, ms")]
                shown.append((memory, "running", "memory at most, MB"))
                for panel, (values, what, text) in zip(column, shown):
                    label = f"{name}, slope {growth.slope(rows, name, what):.2f}"
                    panel.loglog(n, values, marker + "-", color=colours[name], markersize=size, label=label)
                    panel.set(xlabel=axis, ylabel=text)
                    panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
                    panel.set_xticks(n, [f"{value:g}" for value in n], rotation=45)
                    panel.minorticks_off()
            for panel in column:
                panel.legend(frameon=False, fontsize=8)
                panel.grid(color=GREY, alpha=0.25, linewidth=0.5)
        _save(figure, path)


def _save(figure, path):
    import matplotlib.pyplot as plt

    metadata = {"Date": None} if str(path).endswith("svg") else None
    figure.savefig(path, transparent=True, dpi=160, metadata=metadata)
    plt.close(figure)
