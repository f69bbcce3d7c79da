"""What an operation costs beside its arithmetic: `python -m benchmarks.overhead` on chains over arrays of 16 floats.

Each chain applies one operation again and again. All contenders run it in each round, in an order that moves on, so
that whatever else the machine does hits them alike; ratios are taken round by round. One thread, as 16 floats need.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when NumPy and PyTorch are first imported

import numpy as np
from tqdm import tqdm

import tinygen as tg

LENGTH = 100  # operations in a chain

# name: (operations in one application, application); `xp` is the contender's NumPy, y the value, w a constant: (4, 4)
OPERATIONS = {
    "y + w": (1, lambda xp, y, w: y + w),
    "y * w": (1, lambda xp, y, w: y * w),
    "y / w": (1, lambda xp, y, w: y / w),
    "y ** 0.5": (1, lambda xp, y, w: y**0.5),
    "tanh(y)": (1, lambda xp, y, w: xp.tanh(y)),
    "exp(-y)": (2, lambda xp, y, w: xp.exp(-y)),
    "log(1 + y)": (2, lambda xp, y, w: xp.log(1 + y)),
    "maximum(y, w)": (1, lambda xp, y, w: xp.maximum(y, w)),
    "where(y > w, y, w)": (2, lambda xp, y, w: xp.where(y > w, y, w)),
    "y / sum(y)": (2, lambda xp, y, w: y / xp.sum(y)),
    "y + mean(y, 0)": (2, lambda xp, y, w: y + xp.mean(y, 0)),
    "y @ w": (1, lambda xp, y, w: y @ w),
    "reshape": (2, lambda xp, y, w: xp.reshape(xp.reshape(y, (16,)), (4, 4))),
    "y.T": (1, lambda xp, y, w: y.T),
    "concatenate(y[2:], y[:2])": (3, lambda xp, y, w: xp.concatenate([y[2:], y[:2]])),
}


class NumPy:
    """The function alone, without a derivative: what the arithmetic and the calls cost."""

    def __init__(self):
        self.xp, self.array = np, np.array

    def forward(self, f, x):
        return f(x), None


class Tinygen(NumPy):
    def forward(self, f, x):
        return tg.vjp(f)(x)

    def backward(self, pull, value):
        return pull(np.float64(1.0))


class Autograd(NumPy):
    def __init__(self):
        import autograd
        import autograd.numpy

        self.xp, self.array, self._make_vjp = autograd.numpy, np.array, autograd.make_vjp

    def forward(self, f, x):
        pull, value = self._make_vjp(f)(x)
        return value, pull

    def backward(self, pull, value):
        return pull(1.0)


class PyTorch:
    def __init__(self):
        import torch

        torch.set_num_threads(1)
        self.xp, self._grad = torch, torch.autograd.grad
        self.array = lambda values: torch.tensor(values)

    def forward(self, f, x):
        x = x.detach().requires_grad_()
        return f(x), x

    def backward(self, x, value):
        return self._grad(value, x)[0]


def chain(contender, name, length):
    """The function that applies an operation `length` times and sums, and an argument for it; the same for all."""
    count, apply = OPERATIONS[name]
    rng = np.random.default_rng(0)
    w = rng.uniform(0.9, 1.1, (4, 4)) if name != "y @ w" else np.linalg.qr(rng.normal(size=(4, 4)))[0]
    xp, w = contender.xp, contender.array(w)

    def f(y):
        for _ in range(length // count):
            y = apply(xp, y, w)
        return xp.sum(y)

    return f, contender.array(rng.uniform(0.5, 1.5, (4, 4)))


def seconds(contender, f, x, repeats):
    """Seconds of forward and of backward, means over the repeats."""
    ahead = back = 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        value, trace = contender.forward(f, x)
        middle = time.perf_counter()
        ahead += middle - start
        if trace is not None:
            contender.backward(trace, value)
            back += time.perf_counter() - middle
    return np.array([ahead, back]) / repeats


def check(contenders):
    """All contenders compute the same value and gradient, else their times say nothing."""
    for name in OPERATIONS:
        known = None
        for label, contender in contenders.items():
            f, x = chain(contender, name, LENGTH)
            value, trace = contender.forward(f, x)
            if trace is not None:
                got = np.append(np.asarray(contender.backward(trace, value)), float(value))
                known = got if known is None else known
                if not np.allclose(got, known, rtol=1e-9, atol=1e-12):
                    raise AssertionError(f"{label} differs from tinygen on {name}: {got} against {known}")


def measure(contenders, rounds, repeats):
    """{contender: (rounds, operations, 2)}: microseconds per operation, forward and backward."""
    chains = {label: [chain(contender, name, LENGTH) for name in OPERATIONS] for label, contender in contenders.items()}
    times = {label: np.zeros((rounds, len(OPERATIONS), 2)) for label in contenders}
    labels = list(contenders)
    for r in tqdm(range(-1, rounds), unit="round"):  # round -1 only warms up
        for i, (count, _) in enumerate(OPERATIONS.values()):
            for k in range(len(labels)):
                label = labels[(k + r) % len(labels)]
                taken = seconds(contenders[label], *chains[label][i], repeats)
                if r >= 0:
                    times[label][r, i] = taken * 1e6 / (LENGTH // count * count)
    return times


def quartiles(values):
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:6.3f} ({low:.3f} .. {high:.3f})"


def report(times):
    peers = [label for label in times if label not in ("tinygen", "NumPy")]
    width = max(map(len, OPERATIONS))
    print(f"\nmicroseconds per operation, median of {len(times['tinygen'])} rounds: forward + backward")
    print(" " * width, *(f"{label:>15}" for label in times))
    for i, name in enumerate(OPERATIONS):
        cells = [np.median(t[:, i], axis=0) for t in times.values()]
        texts = [f"{ahead:.2f}" if not back else f"{ahead:.2f} + {back:.2f}" for ahead, back in cells]
        print(f"{name:{width}}", *(f"{text:>15}" for text in texts))
    print("\ntinygen / peer, forward and backward together, round by round: median (quartiles)")
    total = {label: t.sum(-1) for label, t in times.items()}  # (rounds, operations)
    for peer in peers:
        print(f"  {peer}")
        for i, name in enumerate(OPERATIONS):
            print(f"    {name:{width}} {quartiles(total['tinygen'][:, i] / total[peer][:, i])}")
        mean = np.exp(np.log(total["tinygen"] / total[peer]).mean(1))
        print(f"    {'geometric mean':{width}} {quartiles(mean)}")
    ratio = np.exp(np.log(times["tinygen"][:, :, 0] / times["NumPy"][:, :, 0]).mean(1))
    print(f"  tinygen's forward, recording included, / bare NumPy: geometric mean {quartiles(ratio)}")


def growth(rounds, short=1_000, long=100_000):
    """Time per operation in a long chain over that in short ones, forward and backward together."""
    contender, ratios, costs = Tinygen(), [], []
    name = "y * w"
    few, many = chain(contender, name, short), chain(contender, name, long)
    for _ in tqdm(range(rounds), unit="round"):
        brief = seconds(contender, *few, 30).sum() / short
        lasting = seconds(contender, *many, 1).sum() / long
        ratios.append(lasting / brief)
        costs.append((brief * 1e6, lasting * 1e6))
    brief, lasting = np.median(costs, axis=0)
    print(f"\na chain of {long:,} operations against {short:,}: {lasting:.2f} against {brief:.2f} us per operation, "
          f"ratio {quartiles(ratios)}")  # fmt: skip


def main():
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--repeats", type=int, default=10, help="runs of a chain in a round")
    arguments = arguments.parse_args()
    contenders = {"tinygen": Tinygen(), "NumPy": NumPy()}
    for label, kind in {"autograd": Autograd, "PyTorch": PyTorch}.items():
        try:
            contenders[label] = kind()
        except ImportError:
            print(f"{label} is not installed: left out (pip install 'tinygen[bench]')")
    check(contenders)
    report(measure(contenders, arguments.rounds, arguments.repeats))
    growth(max(3, arguments.rounds // 3))


if __name__ == "__main__":
    main()
