"""Interleaved rounds: every contender does a turn of each work in each round, in its own process, one at a time.

The machine's speed drifts by tens of percent within seconds, so figures are compared round by round: the ratio of two
contenders is formed within each round, and then its median and quartiles over the rounds are taken.
"""

import contextlib
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.speed.worker import CONTENDERS, environment

ROOT = Path(__file__).resolve().parents[2]
AGREE = 1e-4  # how far results may be apart, relatively: float32 and twenty steps of Adam


class Process:
    """A worker process, and how to ask it."""

    def __init__(self, name, threads):
        self.name = name
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        variables = os.environ | environment(threads) | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.speed.worker", name]
        self.said = tempfile.TemporaryFile("w+")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.said}
        self.process = subprocess.Popen(command, env=variables, cwd=ROOT, text=True, **pipes)

    def ask(self, do, **request):
        try:
            print(json.dumps({"do": do} | request), file=self.process.stdin, flush=True)
            return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            self.said.seek(0)
            return {"failed": "its process ended: " + self.said.read().strip()[-300:]}

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.said.close()


def missing(name):
    """The package that this contender lacks, or None."""
    package = CONTENDERS[name][2]
    return package if package and importlib.util.find_spec(package) is None else None


def run(works, contenders, *, threads, rounds, seconds, quick, clock, say=print):
    """Time the works for these contenders; yield (work, {contender: {"seconds": [...], "first", "numbers", "agrees"}}).

    works, contenders : names. threads : 1, or 0 for all. rounds : turns of each. seconds : of a turn.
    clock : "wall" or "cpu". All contenders build a work before its rounds begin; one process works at any time.
    """
    processes = {}
    try:
        for name in contenders:
            if missing(name):
                say(f"{name}: skipped, {missing(name)} is not installed")
                continue
            processes[name] = Process(name, threads)
        for work in works:
            built = {name: process.ask("build", work=work, quick=quick) for name, process in processes.items()}
            for name, answer in built.items():
                for reason in answer.keys() & {"skipped", "failed"}:
                    say(f"({work}) {name}: {reason}, {answer[reason]}")
            taking = {name: processes[name] for name, answer in built.items() if "first" in answer}
            times = {name: [] for name in taking}
            for k in range(rounds):
                order = list(taking) if k % 2 == 0 else list(taking)[::-1]
                for name in order:
                    turn = taking[name].ask("turn", seconds=seconds, clock=clock)
                    times[name].append(turn["seconds"] if "seconds" in turn else _lost(work, name, turn))
            for process in taking.values():
                process.ask("drop")
            yield (
                work,
                {
                    name: {"seconds": times[name], "first": built[name]["first"], "numbers": built[name]["numbers"]}
                    | {"agrees": agree(built[name]["numbers"], built.get("by hand", built[name]).get("numbers", []))}
                    for name in taking
                },
            )
    finally:
        for process in processes.values():
            process.end()


def _lost(work, name, turn):
    raise RuntimeError(f"({work}) {name} failed while it was timed: {turn['failed']}")


def agree(numbers, reference):
    """Whether two results are the same numbers up to float32's rounding; None where there is nothing to compare."""
    if not numbers or not reference:
        return None
    largest = max(map(abs, reference))
    return len(numbers) == len(reference) and all(abs(a - b) <= AGREE * largest for a, b in zip(numbers, reference))


def spread(values):
    """Lower quartile, median, upper quartile."""
    values = sorted(values)
    if len(values) == 1:
        return values * 3
    return statistics.quantiles(values, n=4, method="inclusive")


def ratios(result, ours, theirs):
    """Quartiles of the ratio ours / theirs, formed round by round; None if one of them is missing."""
    if ours not in result or theirs not in result:
        return None
    return spread([a / b for a, b in zip(result[ours]["seconds"], result[theirs]["seconds"])])


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))
