"""The gradients that were derived on paper: by hand, automatic and numeric are one, for each of them.

The models train with these gradients. Each function that byhand.py has joined is held here against numeric derivatives
with error bars (check_grad), and against what the engine makes of the bare formula.
"""

import functools
import importlib
import pkgutil

import numpy as np

import tinygen as tg
from tinygen import byhand
from tinygen.check.gradient import check_grad
from tinygen.check.registry import claim
from tinygen.check.report import FAIL, PASS, Entry

ROUNDINGS = 256  # by how many roundings of the largest entry the automatic gradient may differ from that by hand
ROOMS = ("tinygen.gaussian", "tinygen.nn", "tinygen.models")  # where functions with derivatives by hand are made


def check(f, bare, args, constant, rng):
    """Hold the gradients of `f` by hand against numeric ones of the `bare` formula, and against its automatic ones.

    args: by name; those that are no arrays are options. constant: the names of those that have no gradient.
    """
    options = {name: value for name, value in args.items() if not isinstance(value, np.ndarray)}
    args = {name: value for name, value in args.items() if name not in options}
    f, bare = (functools.partial(each, **options) for each in (f, bare))
    values = list(args.values())
    weights = rng.uniform(0.5, 1.5, np.shape(f(*values))) * rng.choice([-1, 1], np.shape(f(*values)))
    formula = lambda *values: np.sum(weights * bare(*values))  # so that no entry of the cotangent is like another
    joined = lambda *values: np.sum(weights * f(*values))
    by_hand = [None if name in constant else tg.grad(joined, i) for i, name in enumerate(args)]
    report = check_grad(formula, by_hand, *values, names=list(args), rng=rng)
    for i, name in enumerate(args):
        if name not in constant:
            hand, auto = by_hand[i](*values), tg.grad(formula, i)(*values)
            worst = np.unravel_index(np.argmax(abs(hand - auto)), hand.shape)
            bar = ROUNDINGS * np.finfo(float).eps * float(np.max(abs(auto), initial=0))
            verdict = PASS if abs(hand - auto)[worst] <= bar else FAIL
            report.entries.append(Entry(f"{name}, automatic", verdict, float(hand[worst]), float(auto[worst]), bar))
    return report


def name_of(made):
    """The claim's name: "gradient/gaussian/kl" for `kl` of gaussian.py."""
    return f"gradient/{made.module.rpartition('.')[2]}/{made.name}"


def made():
    """All functions of the package that have derivatives by hand, whatever was imported before."""
    for room in map(importlib.import_module, ROOMS):
        for found in pkgutil.walk_packages(getattr(room, "__path__", ()), f"{room.__name__}."):
            importlib.import_module(found.name)
    return [each for each in byhand.MADE.values() if each.module.startswith(ROOMS)]


def _register():
    for each in made():
        run = lambda rng, each=each: check(each.function, each.bare, each.example(rng), each.constant, rng)
        run.__qualname__ = name_of(each)
        claim(name_of(each), kind="gradient", source=each.module.replace(".", "/") + ".py")(run)


_register()
