"""What an example of a rule is: a plain NumPy function, and arguments of any size drawn at random.

Shapes are written in letters: real("nm") draws an array of shape (n, m), and the sizes of the letters come from whoever
runs the example. The draws stay away from the places where a function has no derivative.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import tinygen as tg

PRIMES = dict(n=3, m=5, k=2, l=7)
SQUARE = dict(n=3, m=3, k=3, l=3)


class Example(NamedTuple):
    """`f(*arguments(rng, sizes))` uses the row of `function`; `number` tells the examples of one row apart."""

    function: Callable
    number: int
    f: Callable
    draws: tuple

    @property
    def name(self):
        """The function's name and the number of the example."""
        return f"{label(self.function)}-{self.number}"

    def arguments(self, rng, sizes=PRIMES, dtype=np.float64):
        """One draw of the arguments: float arrays of `dtype`, integers and masks as they are."""
        drawn = [np.asarray(draw(rng, sizes)) for draw in self.draws]
        return [a.astype(dtype) if a.dtype.kind == "f" else a for a in drawn]


def names(function):
    """All names under which one writes the function, its own first: ["np.absolute", "np.abs"]."""
    from scipy import special

    own = getattr(function, "__name__", "").lstrip("_")
    homes = (("np", np), ("np.linalg", np.linalg), ("np.fft", np.fft), ("scipy.special", special), ("tg", tg))
    found = [f"{prefix}.{name}" for prefix, home in homes for name, value in vars(home).items() if value is function]
    found.sort(key=lambda name: name.rpartition(".")[2] != own)
    return found or [f"scipy.special.{own}"]  # a ufunc behind one of SciPy's Python functions


def label(function):
    """The function as one writes it: np.sum, np.linalg.inv, scipy.special.expit, tg.softmax."""
    return names(function)[0]


# ---- what may be drawn ----


def drawn(f):
    """A kind of argument: `f(rng, shape)`, with the shape in letters."""
    return lambda letters="": lambda rng, sizes: f(rng, tuple(sizes[letter] for letter in letters))


def between(low, high):
    """Uniform arrays between `low` and `high`, as `drawn` makes them."""
    return drawn(lambda rng, shape: rng.uniform(low, high, shape))


def _apart(rng, shape):
    size = int(np.prod(shape))
    return (rng.permutation(size) - size // 2 + 0.25 + rng.uniform(-0.1, 0.1, size)).reshape(shape)


def _regular(rng, shape):
    return 0.3 * rng.standard_normal(shape) + 2 * np.eye(*shape[-2:])


def _symmetric(rng, shape):
    a = 0.2 * rng.standard_normal(shape)
    return a + np.swapaxes(a, -1, -2) + np.diag(2.0 + np.arange(shape[-1]))


def _spread(rng, shape):
    u, s, vt = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    return (u * (1.0 + np.arange(s.shape[-1]))) @ vt


real = drawn(lambda rng, shape: rng.standard_normal(shape))
positive = between(0.5, 2.0)
unit = between(-0.8, 0.8)
chance = between(0.1, 0.9)
apart = drawn(_apart)  # no two nearer than .8, none nearer than .15 to a multiple of 1/2
regular = drawn(_regular)  # square matrices that are far from singular
symmetric = drawn(_symmetric)  # positive definite, eigenvalues apart
spread = drawn(_spread)  # matrices with singular values 1, 2, 3, ...
mask = drawn(lambda rng, shape: rng.random(shape) < 0.6)


def index(letters, below, lowest=0):
    """Integers from lowest * (the size of the letter `below`) to that size."""
    return lambda rng, sizes: rng.integers(
        lowest * sizes[below], sizes[below] or 1, tuple(sizes[letter] for letter in letters)
    )


class Examples:
    """A list of examples to which `add(function, f, *draws)` appends; `f` None: the function itself."""

    def __init__(self):
        self.all = []

    def add(self, function, f, *draws):
        """Enter an example of `function`: `f` of arrays drawn by `draws`; None: the function itself."""
        number = sum(example.function is function for example in self.all)
        self.all.append(Example(function, number, f or function, draws))

    def each(self, functions, *draws):
        """Enter an example of each of these functions, with the same `draws`."""
        for function in functions:
            self.add(function, None, *draws)
