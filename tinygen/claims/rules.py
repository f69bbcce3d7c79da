"""Claims about the engine: each rule of the table agrees with numeric derivatives, at first and at second order."""

from functools import partial

import numpy as np

from tinygen.autodiff import grad, tree, vjp
from tinygen.check.registry import claim
from tinygen.check.report import FAIL, PASS, UNDECIDED, Entry, Report
from tinygen.claims.examples import label
from tinygen.claims.rule_examples import examples
from tinygen.measure.numeric import directional

WIDE = 1e-6  # an error bar wider than this part of the derivative's size decides nothing


def projected(f, args, rng):
    """`f` as a function of one vector, the float arrays among `args`, with one number as value; and that vector.

    The value is sum w y + w' y^2 with random w, w' over all outputs y: nonlinear, so that at second order the cotangent
    of y varies too.
    """
    floats = [i for i, a in enumerate(args) if a.dtype.kind == "f"]
    z, back = tree.ravel([args[i] for i in floats])
    weights = [(_signs(rng, np.shape(y)), _signs(rng, np.shape(y))) for y in tree.flatten(f(*args))[0]]

    def h(z):
        given = list(args)
        for i, part in zip(floats, back(z)):
            given[i] = part
        outputs = tree.flatten(f(*given))[0]
        return sum((np.sum(a * y + b * y * y) for (a, b), y in zip(weights, outputs)), 0.0)

    return h, z


def _signs(rng, shape):
    """Random numbers of either sign, none near 0."""
    return rng.uniform(0.5, 1, shape) * rng.choice([-1.0, 1.0], shape)


def compare(name, f, args, rng):
    """Two Entries: the derivative by the rules along a random direction, and the derivative of that derivative.

    f: function of arrays that returns a tree of arrays. args: its arguments; the float64 arrays are differentiated.
    """
    h, z = projected(f, args, rng)
    u, v = _signs(rng, z.shape), _signs(rng, z.shape)
    first, second = grad(h), lambda z: np.sum(grad(h)(z) * u)
    gradient, product = first(z), vjp(first)(z)[1](u)
    return [
        _entry(f"{name}, order 1", gradient, v, *directional(h, z, v, rng=rng), abs(h(z))),
        _entry(f"{name}, order 2", product, v, *directional(second, z, v, rng=rng), np.sum(abs(gradient))),
    ]


def _entry(where, gradient, v, expected, bar, size):
    got, terms = float(np.sum(gradient * v)), float(np.sum(abs(gradient * v)))
    bar += 64 * np.finfo(np.float64).eps * (terms + float(size))  # rounding within the rule
    wide = bar > WIDE * (terms + float(size))
    verdict = UNDECIDED if wide else PASS if abs(got - expected) <= bar else FAIL
    note = "the numeric derivative is too uncertain here" if wide else ""
    return Entry(where, verdict, got, expected, float(bar), note)


def check_rule(chosen, rng):
    """The Report on some examples of one row."""
    entries = [entry for e in chosen for entry in compare(e.name, e.f, e.arguments(rng), rng)]
    return Report(label(chosen[0].function), entries)


def _register():
    groups = {}
    for example in examples():
        groups.setdefault(label(example.function), []).append(example)
    for name, chosen in groups.items():
        claim(f"rule/{name}", kind="rule", source="tinygen/autodiff/rules")(partial(check_rule, chosen))


_register()
