"""Do the error bars of numeric derivatives hold? Random functions with known gradients."""

import argparse
import collections
import contextlib
import time

import numpy as np
from scipy import special
from tqdm import tqdm

import tinygen as tg
from tinygen.check.gradient import check_grad
from tinygen.measure.numeric import Meter


def normal(rng, *shape):
    return rng.standard_normal(shape)


def scaled(rng, *shape):
    """Positive numbers over sixteen decades."""
    return 10.0 ** rng.uniform(-8, 8, shape)


def size(rng):
    return int(rng.choice([1, 2, 3, 5, 7, 11, 13]))


SMOOTH, KINKED, HARD = {}, {}, {}


def family(table):
    """Register draw(rng) -> (f, x) under its name: f is smooth at x, has kinks near or at it, or is computed badly."""

    def register(draw):
        table[draw.__name__] = draw
        return draw

    return register


@family(SMOOTH)
def quadratic(rng):
    n = size(rng)
    A, b = normal(rng, n, n), normal(rng, n) * scaled(rng)
    return lambda x: x @ A @ x + b @ x, normal(rng, n) * scaled(rng)


@family(SMOOTH)
def log_density(rng):
    n, s = size(rng), scaled(rng)
    mean, x = normal(rng, n) * s, normal(rng, n) * s
    return lambda std: np.sum(-np.log(std) - 0.5 * ((x - mean) / std) ** 2), s * rng.uniform(0.3, 3, n)


@family(SMOOTH)
def mixed_scales(rng):
    n = size(rng)
    s, a = scaled(rng, n), normal(rng, n)
    return lambda x: np.sum(np.sin(a * x / s) + np.log(x / s)), s * rng.uniform(0.5, 2, n)


@family(SMOOTH)
def log_sum_exp(rng):
    n, t = size(rng), scaled(rng) ** 0.2
    return lambda x: tg.logsumexp(x * t), normal(rng, n) * rng.choice([1e-3, 1, 10])


@family(SMOOTH)
def cross_entropy(rng):
    n, d = size(rng), 1 + size(rng)
    onehot = np.eye(d)[rng.integers(d, size=n)]
    return lambda x: -np.mean(np.sum(onehot * tg.log_softmax(x), axis=-1)), normal(rng, n, d) * rng.choice([1, 5, 30])


@family(SMOOTH)
def tanh_net(rng):
    n, d, k = size(rng), size(rng), size(rng)
    X, W2 = normal(rng, n, d), normal(rng, k)
    return lambda W: np.mean((np.tanh(X @ W) @ W2 - 1.0) ** 2), normal(rng, d, k)


@family(SMOOTH)
def layer_norm(rng):
    n, d = size(rng), 2 + size(rng)
    w, s = normal(rng, n, d), scaled(rng) ** 0.5

    def f(x):
        return np.sum(w * (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5 * s**2))

    return f, normal(rng, n, d) * s


@family(SMOOTH)
def norm(rng):
    return lambda x: np.linalg.norm(x), normal(rng, size(rng)) * scaled(rng)


@family(SMOOTH)
def gamma(rng):
    return lambda x: np.sum(special.gammaln(x)), np.exp(normal(rng, size(rng)) * 2)


@family(SMOOTH)
def product(rng):
    return lambda x: np.prod(x), normal(rng, size(rng)) * rng.choice([0.1, 1, 10])


@family(SMOOTH)
def log_determinant(rng):
    n = size(rng)
    A = normal(rng, n, n)
    return lambda x: np.linalg.slogdet(x @ x.T + A @ A.T + np.eye(n))[1], normal(rng, n, n)


@family(SMOOTH)
def gaussian_kl(rng):
    n, m0, l0 = size(rng), normal(rng), normal(rng) * 3
    return lambda l: 0.5 * np.sum(l - l0 - 1 + np.exp(l0 - l) + m0**2 * np.exp(-l)), normal(rng, n) * rng.choice(
        [0.01, 1, 8]
    )


@family(SMOOTH)
def bump(rng):
    n, width = size(rng), scaled(rng) ** 0.4
    return lambda x: np.sum(1 / (x**2 + width**2)) * width, normal(rng, n) * width * 10 ** rng.uniform(-2, 2)


@family(SMOOTH)
def wave(rng):
    n, omega = size(rng), scaled(rng) ** 0.5
    return lambda x: np.sum(np.sin(omega * x)) + np.sum(x**2), normal(rng, n)


@family(SMOOTH)
def saturated(rng):
    return lambda x: np.sum(special.expit(x)) + np.sum(np.tanh(x / 2)), normal(rng, size(rng)) * rng.choice([1, 20, 60])


@family(SMOOTH)
def small_log1p(rng):
    return lambda x: np.sum(np.log1p(x)), scaled(rng, size(rng))


@family(SMOOTH)
def sparse(rng):
    n = size(rng) + 3
    x = normal(rng, n) * (rng.uniform(size=n) < 0.5)
    return lambda x: np.sum(np.exp(x) - x) + x[0] * np.sum(x), x


@family(SMOOTH)
def whole_scale(rng):
    n = 1 + size(rng)
    return lambda x: np.sum(np.sqrt(x) * np.log(x)) + np.prod(np.tanh(x)), scaled(rng, n)


@family(SMOOTH)
def one_number(rng):
    a = float(normal(rng))
    return lambda x: np.exp(a * x) / (1 + x**2), float(normal(rng) * 3)


@family(KINKED)
def relu_net(rng):
    n, d, k = size(rng), size(rng), size(rng)
    X, W2 = normal(rng, n, d), normal(rng, k)
    return lambda W: np.mean((np.maximum(X @ W, 0) @ W2 - 1.0) ** 2), normal(rng, d, k)


@family(KINKED)
def dead_relu(rng):
    n, d, k = 3, 2, size(rng)
    X, W2 = normal(rng, n, d), normal(rng, k)
    return lambda W: np.sum(np.maximum(X @ W, 0) @ W2), normal(rng, d, k) * (rng.uniform(size=(d, k)) < 0.5)


@family(KINKED)
def l1(rng):
    n = size(rng) + 2
    return lambda x: np.sum(abs(x)) + np.sum(x**2), normal(rng, n) * (rng.uniform(size=n) < 0.7) * scaled(rng) ** 0.5


@family(KINKED)
def near_kink(rng):
    n = size(rng)
    return lambda x: np.sum(abs(x - 1) * x), 1 + normal(rng, n) * 10 ** rng.uniform(-12, -1)


@family(KINKED)
def largest(rng):
    x = np.round(normal(rng, size(rng) + 1), 1)
    return lambda x: np.max(x) + np.sum(np.clip(x, -0.5, 0.5)), x


@family(KINKED)
def hinge(rng):
    n, d = size(rng), size(rng)
    X, y = normal(rng, n, d), np.sign(normal(rng, n))
    return lambda w: np.mean(np.maximum(0, 1 - y * (X @ w))) + np.sum(w**2), normal(rng, d)


@family(KINKED)
def huber(rng):
    return lambda x: np.sum(np.where(abs(x) < 1, 0.5 * x**2, abs(x) - 0.5)), normal(rng, size(rng)) * 2


@family(KINKED)
def bend(rng):
    """A derivative of order 2 to 4 jumps at a, or next to it."""
    n, s = size(rng), scaled(rng) ** 0.3
    w, k, both = normal(rng, n), int(rng.integers(2, 5)), rng.uniform() < 0.5
    power = lambda u: (abs(u) if both else np.maximum(u, 0)) ** k * (np.sign(u) if both and k % 2 == 0 else 1)
    x = s * (1 + rng.choice([-1, 1], n) * 10 ** rng.uniform(-16, -1, n) * (rng.uniform(size=n) < 0.7))
    return lambda x: np.sum(w * (power(x / s - 1) + np.sin(x / s))), x


@family(KINKED)
def huber_edge(rng):
    n, delta = size(rng), 10 ** rng.uniform(-2, 2)
    target = normal(rng, n) * rng.choice([0, 1])

    def f(x):
        r = abs(x - target)
        return np.sum(np.where(r <= delta, 0.5 * r**2, delta * (r - delta / 2)))

    return f, target + rng.choice([-1, 1], n) * delta * (1 + rng.choice([0, 1e-15, 1e-9, 1e-6, 1e-3], n))


@family(KINKED)
def spline(rng):
    knots, w = np.arange(-3.0, 4.0), normal(rng, 7)
    return lambda x: np.sum(w * np.maximum(x[:, None] - knots, 0) ** 3) + np.sum(x), rng.choice(knots, size(rng))


@family(KINKED)
def clipped_ratio(rng):
    """PPO's clipped objective, some ratios next to the clip (at it, the usual sharing of ties is no derivative)."""
    n = size(rng)
    advantage = normal(rng, n)
    f = lambda x: np.sum(np.minimum(x * advantage, np.clip(x, 0.8, 1.2) * advantage))
    return f, rng.choice([0.8, 1.0, 1.2], n) * (1 + rng.choice([1e-6, -1e-4, 1e-2], n))


@family(HARD)
def cancelling(rng):
    big = 10.0 ** rng.uniform(2, 12)
    return lambda x: (big + np.sum(np.sin(x))) - big, normal(rng, size(rng))


@family(HARD)
def big_constant(rng):
    big = 10.0 ** rng.uniform(2, 14)
    return lambda x: big + np.sum(x**3), normal(rng, size(rng))


@family(HARD)
def naive_variance(rng):
    offset = 10.0 ** rng.uniform(0, 6)
    return lambda x: np.mean((x + offset) ** 2) - np.mean(x + offset) ** 2, normal(rng, size(rng) + 1)


@family(HARD)
def float32_inside(rng):
    n = size(rng)
    return lambda x: np.sum(np.tanh(x).astype(np.float32)).astype(np.float64), normal(rng, n)


@family(HARD)
def rounded_decimals(rng):
    digits = int(rng.integers(4, 14))
    f = tg.primitive(lambda x: np.round(np.sum(np.sin(x)), digits), lambda g, y, x: g * np.cos(x))
    return f, normal(rng, size(rng))


@family(HARD)
def close_wave(rng):
    amplitude, length = 10 ** rng.uniform(-14, -8), 10 ** rng.uniform(-9, -3)
    return lambda x: np.sum(np.sin(x)) + amplitude * np.sum(np.sin(x / length)), normal(rng, size(rng))


@family(HARD)
def iterated(rng):
    def f(x):
        for _ in range(30):
            x = 3.7 * x * (1 - x)
        return np.sum(x)

    return f, rng.uniform(0.1, 0.9, size(rng))


def true_gradient(f, x):
    """The gradient by tinygen (whose rules have tests of their own), and what its rounding may amount to."""
    with contextlib.suppress(TypeError):  # where f can be had in 80 bits
        wide = np.asarray(tg.grad(f)(np.asarray(x, dtype=np.longdouble)))
        if wide.dtype == np.longdouble and np.finfo(np.longdouble).eps < 1e-18:
            return wide.ravel().astype(np.float64), 2e-16 * abs(wide.ravel().astype(np.float64))
    exact = np.asarray(tg.grad(f)(x))
    near = [
        np.asarray(tg.grad(f)(np.asarray(x) * (1 + s * 2.2e-16)) if np.ndim(x) else tg.grad(f)(x * (1 + s * 2.2e-16)))
        for s in (-1, 1)
    ]
    rounding = 1e-15 * abs(exact) + 4 * np.max([abs(n - exact) for n in near], axis=0)
    return exact.ravel(), rounding.ravel()


def bars(seed, runs, table, real):
    """{family: [entries, misses, worst error / bar]} of the numeric derivative; `real`: without complex steps."""
    out = collections.defaultdict(lambda: [0, 0, 0.0])
    for run in range(runs):
        for name, draw in table.items():
            rng = np.random.default_rng([seed, run, len(name), sum(map(ord, name))])
            f, x = draw(rng)
            exact, rounding = true_gradient(f, x)
            meter = Meter(f, np.asarray(x), rng)
            found = meter.real(np.arange(np.size(x))) if real else meter.measure()
            error = np.maximum(np.maximum(found.low - exact, exact - found.high), 0)
            ratio = np.nan_to_num(error / (found.bar + rounding + 1e-300), nan=0.0)
            row = out[name]
            row[0] += np.size(x)
            row[1] += int(np.count_nonzero(ratio > 1))
            row[2] = max(row[2], float(np.max(ratio, initial=0)))
    return out


def verdicts(seed, runs, table, dtype):
    """{family: Counter of verdicts} of check_grad on right gradients (tinygen's own), and the examples that FAIL."""
    out, alarms = collections.defaultdict(collections.Counter), []
    for run in tqdm(range(runs), leave=False):
        for name, draw in table.items():
            rng = np.random.default_rng([seed, run, len(name), sum(map(ord, name))])
            f, x = draw(rng)
            x = np.asarray(x).astype(dtype)
            report = check_grad(f, lambda x, f=f: tg.grad(f)(x), x, rng=rng)
            out[name][report.verdict] += 1
            if report.verdict == "FAIL":
                alarms.append((name, run, report))
    return out, alarms


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="random functions of each family (default 30)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="print the reports of false alarms")
    options = parser.parse_args(argv)
    start = time.perf_counter()
    for real in (False, True):
        way = "Richardson alone" if real else "complex step where it holds, else Richardson"
        print(f"\nerror bars, {way}\n{'family':<18}{'entries':>9}{'outside':>9}{'worst error/bar':>18}")
        total = [0, 0]
        for name, (entries, misses, worst) in bars(options.seed, options.runs, SMOOTH | KINKED | HARD, real).items():
            print(f"{name:<18}{entries:>9,}{misses:>9,}{worst:>18.3f}")
            total = [total[0] + entries, total[1] + misses]
        print(f"{'all':<18}{total[0]:>9,}{total[1]:>9,}")
    for label, table, dtype in (
        ("smooth, float64", SMOOTH, np.float64),
        ("kinks, float64", KINKED, np.float64),
        ("badly computed, float64", HARD, np.float64),
        ("smooth and kinks, float32", SMOOTH | KINKED, np.float32),
    ):
        found, alarms = verdicts(options.seed, options.runs, table, dtype)
        total = sum(found.values(), collections.Counter())
        print(
            f"\ncheck_grad on {total.total():,} right gradients ({label}): "
            + ", ".join(f"{k} {total[k]:,}" for k in ("PASS", "UNDECIDED", "FAIL"))
        )
        for name, counter in found.items():
            if counter["UNDECIDED"] or counter["FAIL"]:
                print(f"    {name:<18}{dict(counter)}")
        if options.show:
            for name, run, report in alarms:
                print(f"--- {name}, run {run}\n{report}")
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
