"""How fast tinygen is, against NumPy written by hand and against its named peers: `python -m benchmarks --help`."""

import argparse
import json
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from benchmarks.speed import growth, pictures, report, rounds
from benchmarks.speed.worker import CONTENDERS
from benchmarks.speed.works import WORKS, quick


def main(arguments=None):
    options = parser().parse_args(arguments)
    works = "".join(name for name in WORKS if name in options.works)
    contenders = _chosen(options.contenders)
    options.rounds = options.rounds or (5 if options.quick else 7)
    options.seconds = options.seconds or (0.06 if options.quick else 0.15)
    pace = {"rounds": options.rounds, "seconds": options.seconds, "clock": options.clock}
    outcome = {"machine": machine(contenders), "settings": vars(options) | {"works": works}}
    outcome |= {"threads": {}, "growth": {}}
    for label in {"one": ["one"], "all": ["all"], "both": ["one", "all"]}[options.threads]:
        threads = 1 if label == "one" else 0
        print(f"\n=== {label} thread{'s' if label == 'all' else ''} ===", flush=True)
        results = outcome["threads"][label] = {}
        for name, result in rounds.run(works, contenders, threads=threads, quick=options.quick, **pace):
            results[name] = result
            print(f"\n{report.table(name, title(name, options), result)}", flush=True)
        if label == "one" and report.aims(results):
            outcome["aims"] = report.aims(results)
            print(f"\n{report.aims_text(outcome['aims'])}")
        for axis in options.growth:
            rows = growth.run(axis, threads=threads, quick=options.quick, **pace)
            outcome["growth"].setdefault(label, {})[axis] = rows
            print(f"\n{growth.table(axis, rows)}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(outcome, indent=1, default=str) + "\n", encoding="utf-8")
    first = next(iter(outcome["threads"]))
    if options.picture and outcome["threads"][first]:
        titles = {name: title(name, options).split(",")[0] for name in works}
        pictures.save_ratios(outcome["threads"][first], titles, options.picture)
    if options.growth_picture and outcome["growth"]:
        pictures.save_growth(outcome["growth"][first], options.growth_picture)
    runs = outcome["threads"].values()
    differing = [name for results in runs for name, result in results.items() if _differs(result)]
    return f"results differ from the hand-written ones on ({'), ('.join(differing)})" if differing else 0


def parser():
    shape = argparse.RawDescriptionHelpFormatter
    p = argparse.ArgumentParser("python -m benchmarks", description=__doc__, epilog=_works(), formatter_class=shape)
    p.add_argument("--works", default="".join(WORKS), help="letters of the works to run, such as abce; '' for none")
    p.add_argument("--contenders", help=f"names, separated by commas, of: {', '.join(CONTENDERS)}")
    p.add_argument("--threads", choices=["one", "all", "both"], default="one")
    p.add_argument("--rounds", type=int, help="interleaved rounds (default 7)")
    p.add_argument("--seconds", type=float, help="of a contender's turn in a round (default .15)")
    p.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu: the processor's time in the contender's process; for one thread on a busy machine",
    )
    p.add_argument("--quick", action="store_true", help="5 rounds, turns of .06 s, 100 sampling steps, fewer sizes")
    p.add_argument(
        "--growth",
        nargs="*",
        choices=list(growth.AXES),
        default=[],
        metavar="AXIS",
        help="how cost grows with batch, width, depth, operations (name one or more; all the way: half an hour)",
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="write all figures, round by round")
    p.add_argument("--picture", type=Path, metavar="FILE", help="draw the ratios: .svg or .png")
    p.add_argument("--growth-picture", type=Path, metavar="FILE", help="draw the growth: .svg or .png")
    return p


def _works():
    return "\n".join(["works:", *(f"  {name}  {work.title}" for name, work in WORKS.items())])


def _chosen(names):
    chosen = [name.strip() for name in names.split(",")] if names else list(CONTENDERS)
    unknown = [name for name in chosen if name not in CONTENDERS]
    if unknown:
        sys.exit(f"--contenders: got {', '.join(unknown)}; expected names of: {', '.join(CONTENDERS)}.")
    return chosen


def title(name, options):
    return (quick(WORKS[name]) if options.quick else WORKS[name]).title


def _differs(result):
    return any(figures["agrees"] is False for figures in result.values())


def machine(contenders):
    """What the figures were measured on."""
    packages = {package for name, (_, _, package) in CONTENDERS.items() if package and name in contenders}
    versions = {name: metadata.version(name) for name in ("numpy", "scipy", *sorted(packages)) if _installed(name)}
    models = [line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")]
    processor = (models or [platform.processor()])[0]
    python = platform.python_version()
    return {"processor": processor, "cores": os.cpu_count(), "python": python, "versions": versions}


def _installed(name):
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def _cpuinfo():
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


if __name__ == "__main__":
    sys.exit(main())
