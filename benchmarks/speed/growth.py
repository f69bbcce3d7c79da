"""How time and memory of a training step grow with batch, width and depth: compiled beside hand-written."""

import math
import statistics

from benchmarks.speed.rounds import Process, ratios, spread

BATCHES = (16, 64, 256, 1024, 4096, 16384)
WIDTHS = (16, 32, 64, 128, 256, 512, 1024)
DEPTHS = (2, 4, 8, 16, 32, 64, 128, 256)
PAIR = ("tinygen compiled", "by hand")


def points(axis, quick):
    """(n, what to change in work (a)) along an axis; the others stay at batch 256, width 128, three hidden layers."""
    values = {"batch": BATCHES, "width": WIDTHS, "depth": DEPTHS}[axis]
    for n in values[: -2 if quick else None]:
        width, depth = n if axis == "width" else 128, n if axis == "depth" else 3
        yield n, {"sizes": (34, *(width,) * depth, 2), "batch": n if axis == "batch" else 256}


def run(axis, *, threads, rounds, seconds, clock, quick):
    """Measure along one axis: a list of {"n", contender: {"seconds": [...], "building": bytes, "running": bytes}}."""
    rows = []
    for n, change in points(axis, quick):
        processes = {name: Process(name, threads) for name in PAIR}  # fresh ones: nothing is left from the size before
        try:
            row = {"n": n}
            for name, process in processes.items():
                row[name] = process.ask("memory", work="a", change=change) | {"seconds": []}
                process.ask("build", work="a", change=change)
            for _ in range(rounds):
                for name, process in processes.items():
                    row[name]["seconds"].append(process.ask("turn", seconds=seconds, clock=clock)["seconds"])
        finally:
            for process in processes.values():
                process.end()
        rows.append(row)
    return rows


def slope(rows, name, what):
    """The exponent p of cost ~ n^p over the larger half of the sizes: least squares of the logarithms."""
    rows = rows[len(rows) // 2 :]
    x = [math.log(row["n"]) for row in rows]
    y = [math.log(spread(row[name]["seconds"])[1] if what == "seconds" else row[name][what]) for row in rows]
    return statistics.linear_regression(x, y).slope


def table(axis, rows):
    heading = f"{axis:>8}  {'compiled':>10} {'by hand':>10}  ratio of times     "
    lines = [heading + "peak memory, MB: compiled (recording)  by hand"]
    for row in rows:
        ours, theirs = (row[name] for name in PAIR)
        low, middle, high = ratios(row, *PAIR)
        lines.append(
            f"{row['n']:8}  {spread(ours['seconds'])[1] * 1e3:8.3f}ms {spread(theirs['seconds'])[1] * 1e3:8.3f}ms  "
            f"{middle:5.2f} [{low:.2f}, {high:.2f}]  {ours['running'] / 1e6:21.2f} {ours['building'] / 1e6:12.2f} "
            f"{theirs['running'] / 1e6:8.2f}"
        )
    slopes = [f"{name} {slope(rows, name, 'seconds'):.2f}, memory {slope(rows, name, 'running'):.2f}" for name in PAIR]
    return "\n".join([*lines, f"slope over the larger half: time of {'; of '.join(slopes)}"])
