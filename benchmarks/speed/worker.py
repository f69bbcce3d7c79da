"""One contender in a process of its own, which builds and times steps when told to: one line of JSON in, one out.

A process for each contender keeps their thread pools apart: threads of one library that spin while another is timed
would take its core. The variables that set the number of threads have to stand before any of the libraries is loaded.
"""

import contextlib
import gc
import importlib
import json
import os
import statistics
import sys
import time
import tracemalloc
from dataclasses import replace

CONTENDERS = {  # name -> module, class, package
    "tinygen": ("contender_tinygen", "Plain", None),
    "tinygen compiled": ("contender_tinygen", "Compiled", None),
    "by hand": ("contender_numpy", "ByHand", None),
    "floor": ("contender_numpy", "Floor", None),
    "autograd": ("contender_autograd", "Autograd", "autograd"),
    "MyGrad": ("contender_mygrad", "MyGrad", "mygrad"),
    "PyTorch": ("contender_torch", "Eager", "torch"),
    "torch.compile": ("contender_torch", "Compiled", "torch"),
    "JAX jit": ("contender_jax", "Jit", "jax"),
}
SKIPPED = {
    ("MyGrad", "hvp"): "has no second derivatives",
    ("Compiled", "scalars"): "takes minutes to compile 1000 scalar operations",
    ("Floor", "scalars"): "has no matrix products",
}
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}  # cpu: of this process, less disturbed by others
CHUNKS = 7  # the figure of a turn is the median of so many parts: a hiccup of the machine spoils one of them


def environment(threads):
    """The variables for a process with `threads` threads (0: all)."""
    if not threads:
        return {}
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {name: str(threads) for name in names} | {"BENCH_CORES": str(threads)}


class Contender:
    """The contender `name`, with the work it has built."""

    def __init__(self, name):
        module, kind, _ = CONTENDERS[name]
        self.contender = getattr(importlib.import_module(f"benchmarks.speed.{module}"), kind)()
        self.wait = getattr(self.contender, "wait", lambda result: None)
        self.step, self.repeat = None, 1

    def version(self):
        return {"version": self.contender.version()}

    def build(self, work, quick=False, change=(), clock="wall"):
        """Build the work, do its first steps.

        Returns {"first": seconds up to the first result, "building" and "running": bytes by which the process has grown
        at most until then, and what stays, "begin" and "numbers": its numbers, and those after 20 steps of training, by
        which contenders are compared}, or {"skipped": why}.
        """
        work = _work(work, quick, change)
        make = getattr(self.contender, work.kind, None)
        if make is None:
            return {"skipped": SKIPPED.get((type(self.contender).__name__, work.kind), f"has no {work.kind}")}
        clock, before = CLOCKS[clock], _resident()
        start = clock()
        self.step = make(work)
        result = self.step()
        self.wait(result)
        first, begin = clock() - start, _numbers(result)
        grown = {"building": _resident("VmHWM") - before, "running": _resident() - before}
        grown = {what: max(nbytes, 4096) for what, nbytes in grown.items()}  # no less than a page is told apart
        for _ in range(19 if work.kind == "train" else 0):
            result = self.step()
        return {"first": first, "begin": begin, "numbers": _numbers(result)} | grown

    def memory(self, work, change):
        """Bytes that Python and NumPy hold at most while the work is built and does its first steps, and afterwards."""
        work = _work(work, False, change)
        tracemalloc.start()
        step = getattr(self.contender, work.kind)(work)
        step()
        _, building = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        step()
        _, running = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return {"building": building, "running": running}

    def turn(self, seconds, clock):
        """Time steps for about so many seconds; the median of the parts, in seconds a step.

        clock: a name of CLOCKS.
        """
        step, wait, clock = self.step, self.wait, CLOCKS[clock]
        wait(step())
        parts, end = [], clock() + seconds
        while len(parts) < CHUNKS or clock() < end:
            start = clock()
            for _ in range(self.repeat):
                result = step()
            wait(result)
            took = (clock() - start) / self.repeat
            parts.append(took)
            if len(parts) == 1:
                self.repeat = max(1, int(seconds / CHUNKS / took))
                if took > seconds:
                    break  # one step is a turn
        return {"seconds": statistics.median(parts)}

    def drop(self):
        self.step, self.repeat = None, 1
        gc.collect()
        return {}


def _resident(what="VmRSS"):
    """Bytes of this process that are in memory; of "VmHWM" the most that ever were. (On Linux; 0 elsewhere.)"""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(what))
    except OSError:
        return 0


def _work(name, quick, change):
    from benchmarks.speed import works

    work = replace(works.WORKS[name], **dict(change))
    return works.quick(work) if quick else work


def _numbers(result):
    """The result of a step as a list of few floats: a long one is projected on fixed random directions."""
    import numpy as np

    from tinygen.autodiff import tree

    leaves = [leaf.detach() if hasattr(leaf, "detach") else leaf for leaf in tree.flatten(result)[0]]
    if not leaves:
        return []
    vector = np.concatenate([np.asarray(leaf, np.float64).reshape(-1) for leaf in leaves])
    if vector.size > 2:
        directions = np.random.default_rng(0).standard_normal((2, vector.size))
        vector = np.array([np.linalg.norm(vector), *(directions @ vector)])
    return vector.tolist()


def main(name):
    """Answer requests {"do": method, ...} until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print does not mix with the answers
    cores = int(os.environ.get("BENCH_CORES", 0))
    if cores and hasattr(os, "sched_setaffinity"):  # holds for thread pools that read no variable, such as XLA's
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    contender = Contender(name)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(contender, request.pop("do"))(**request)
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"[:300]}
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
