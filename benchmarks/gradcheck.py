"""check_grad beside PyTorch's gradcheck (slow mode), on the same NumPy function and the same gradient by hand.

`python -m benchmarks.gradcheck`: f(x) = sum(x sin x) of 10, 1,000 and 10,000 parameters, its gradient right and with
one sign wrong, for tinygen also with f opaque (it ends in float()). All contenders run in each round, in an order that
moves on; shown are medians in milliseconds, and the median of the rounds' ratios to PyTorch. One thread. PyTorch is in
the extra `bench`.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when NumPy and PyTorch are first imported

import numpy as np

from benchmarks.mistakes_zoo.peers import torch_peer
from tinygen.check import check_grad


class Case:
    """One function with a gradient by hand, in the form that the peers of benchmarks/mistakes_zoo take."""

    names = ("x",)

    def __init__(self, n, wrong):
        self.args = (np.random.default_rng(n).normal(size=n),)
        self.wrong = wrong
        self.subject = self

    def f(self, x):
        return np.sum(x * np.sin(x))

    def gradient(self, x):
        found = np.sin(x) + x * np.cos(x)
        if self.wrong:
            found[len(x) // 2] *= -1
        return found

    def backward(self, x):
        return {"x": self.gradient(x)}


def contenders():
    """{name: function of a case that returns whether the gradient is accepted}."""
    return {
        "PyTorch gradcheck": torch_peer(),
        "tinygen": lambda case: check_grad(case.f, case.gradient, *case.args).ok,
        "tinygen, f opaque": lambda case: check_grad(lambda x: float(case.f(x)), case.gradient, *case.args).ok,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    runs = contenders()
    print(f"{'parameters':>10} {'gradient':8} " + " ".join(f"{name:>26}" for name in runs))
    for n in arguments.sizes:
        for wrong in (False, True):
            case, seconds = Case(n, wrong), {name: [] for name in runs}
            for turn in range(arguments.rounds):
                order = list(runs)[turn % len(runs) :] + list(runs)[: turn % len(runs)]
                for name in order:
                    start = time.perf_counter()
                    accepted = runs[name](case)
                    seconds[name].append(time.perf_counter() - start)
                    assert accepted != wrong, f"{name}: {'a wrong' if wrong else 'the right'} gradient of {n} numbers"
            base = np.array(seconds["PyTorch gradcheck"])
            cells = [
                f"{1e3 * np.median(taken):14,.0f} ms  x {np.median(taken / base):6.2f}" for taken in seconds.values()
            ]
            print(f"{n:10,} {'wrong' if wrong else 'right':8} " + " ".join(f"{cell:>26}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
