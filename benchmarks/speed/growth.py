"""How time and memory of a step, and the time up to its first result, grow with batch, width, depth and operations.

Along batch, width and depth the step is work (a), compiled beside hand-written. Along operations it is work (f), a
chain of scalar operations and its derivative, compiled, differentiated anew at each step, and hand-written.
"""

import math
import statistics

from benchmarks.speed.rounds import Process, ratios, spread

AXES = {
    "batch": (16, 64, 256, 1024, 4096, 16384),
    "width": (16, 32, 64, 128, 256, 512, 1024),
    "depth": (2, 4, 8, 16, 32, 64, 128, 256),
    "operations": (100, 300, 1000, 3000, 10_000, 30_000, 100_000),
}
COMPILED, HAND = "tinygen compiled", "by hand"


def contenders(axis):
    return (COMPILED, "tinygen", HAND) if axis == "operations" else (COMPILED, HAND)


def points(axis, quick):
    """(n, work, what to change in it) along an axis; the others stay at batch 256, width 128, three hidden layers."""
    for n in AXES[axis][: -2 if quick else None]:
        if axis == "operations":
            yield n, "f", {"steps": n // 5}
        else:
            width, depth = n if axis == "width" else 128, n if axis == "depth" else 3
            yield n, "a", {"sizes": (34, *(width,) * depth, 2), "batch": n if axis == "batch" else 256}


def run(axis, *, threads, rounds, seconds, clock, quick):
    """Measure along one axis: a list of {"n", contender: {"seconds": [...], "first", "building", "running"}}.

    first: seconds up to the first result, recording included. building, running: bytes at most until then, and later:
    what Python and NumPy hold, and along operations by how much the process has grown.
    """
    rows = []
    for n, work, change in points(axis, quick):
        names = contenders(axis)
        processes = {name: Process(name, threads) for name in names}  # fresh ones: nothing is left from the size before
        try:
            row = {"n": n}
            for name, process in processes.items():
                built = process.ask("build", work=work, change=change, clock=clock)
                row[name] = {"seconds": []} | {what: built[what] for what in ("first", "building", "running")}
                if name != COMPILED:
                    row[name]["running"] = built["building"]  # each step is as the first
            for _ in range(rounds):
                for name, process in processes.items():
                    row[name]["seconds"].append(process.ask("turn", seconds=seconds, clock=clock)["seconds"])
            for name, process in processes.items() if axis != "operations" else ():  # it is slow for long functions
                process.ask("drop")
                row[name] |= process.ask("memory", work=work, change=change)
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
    names = contenders(axis)
    others = names[1:]
    heading = [f"{axis:>10}", *(f"{name.removeprefix('tinygen '):>10}" for name in names)]
    heading += [f"compiled / {name}".rjust(22) for name in others]
    lines = [" ".join([*heading, "    first, s", "  peak memory, MB: compiled (recording), then the others"])]
    for row in rows:
        cells = [f"{row['n']:10}", *(f"{spread(row[name]['seconds'])[1] * 1e3:8.3f}ms" for name in names)]
        for name in others:
            low, middle, high = ratios(row, COMPILED, name)
            cells.append(f"{middle:5.2f} [{low:.2f}, {high:.2f}]".rjust(22))
        memory = [row[COMPILED]["running"], row[COMPILED]["building"], *(row[name]["running"] for name in others)]
        cells += [f"{row[COMPILED]['first']:12.2f}", "  ", *(f"{nbytes / 1e6:12.2f}" for nbytes in memory)]
        lines.append(" ".join(cells))
    slopes = [f"{name} {slope(rows, name, 'seconds'):.2f}, memory {slope(rows, name, 'running'):.2f}" for name in names]
    lines.append(f"slope over the larger half: time of {'; of '.join(slopes)}")
    lines.append(f"{'':28}up to the first result, compiled {slope(rows, COMPILED, 'first'):.2f}")
    return "\n".join(lines)
