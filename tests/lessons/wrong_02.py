"""Wrong answers to lesson 2: each is rejected, and the report holds these words."""

import numpy as np


def overwriting(out):
    bar = {out: 1.0}
    for number in reversed(out.tape):
        for parent, slope in number.parents:
            if number in bar:
                bar[parent] = bar[number] * slope
    return bar


def forwards(out):
    bar = {out: 1.0}
    for number in out.tape:
        for parent, slope in number.parents:
            if number in bar:
                bar[parent] = bar.get(parent, 0.0) + bar[number] * slope
    return bar


def without_the_chain(out):
    bar = {out: 1.0}
    for number in reversed(out.tape):
        for parent, slope in number.parents:
            if number in bar:
                bar[parent] = bar.get(parent, 0.0) + slope
    return bar


def everything_on_the_tape(out):
    bar = {out: 1.0}
    for number in reversed(out.tape):
        for parent, slope in number.parents:
            bar[parent] = bar.get(parent, 0.0) + bar.get(number, 1.0) * slope
    return bar


def depth_first(out):
    bar, visited = {out: 1.0}, set()

    def visit(number):
        visited.add(number)
        for parent, slope in number.parents:
            bar[parent] = bar.get(parent, 0.0) + bar[number] * slope
            if parent not in visited:
                visit(parent)

    visit(out)
    return bar


def deep(x):
    for _ in range(3000):
        x = x.__class__(np.sin(x.value), [(x, np.cos(x.value))])
    return x


WRONG = {
    "quotient_slopes": [
        ("dL/db is b times", lambda a, b: (1 / b, -a / b)),
        ("dL/db has the wrong sign", lambda a, b: (1 / b, a / b**2)),
        ("b^2", lambda a, b: (b, a)),
        ("wrong order", lambda a, b: (-a / b**2, 1 / b)),
    ],
    "tanh_slope": [
        ("", lambda y: 1 / (y * y)),
        ("", lambda y: 1 + y * y),
        ("y (1 - y)", lambda y: y * (1 - y)),
        ("sign", lambda y: y * y - 1),
    ],
    "backward": [
        ("keeps only what came last", overwriting),
        ("walked from its beginning", forwards),
        ("the slope alone", without_the_chain),
        ("does not depend on", everything_on_the_tape),
        ("before it has collected everything", depth_first),
        ("is there a `return`?", lambda out: None),
    ],
    "dual_divide": [
        ("the product rule, for a quotient", lambda a, da, b, db: da * b + a * db),
        ("between the two parts is a minus", lambda a, da, b, db: da / b + a * db / b**2),
        ("not the derivative of the quotient", lambda a, da, b, db: da / db),
        ("divide by b squared", lambda a, da, b, db: da * b - a * db),
        ("divided by b squared, not by b", lambda a, da, b, db: da / b - a * db / b),
        ("the result has the wrong sign", lambda a, da, b, db: a * db / b**2 - da / b),
    ],
    "counterexample": [
        ("does not show the mistake", lambda x: x),
        ("does not show the mistake", lambda x: x * x + 3 * x),
        ("does not show the mistake", lambda x: 1 / (x + 1) if False else (x + 1) / (x + 2)),
        ("unsupported operand", lambda x: x - 1),
        ("could not be computed", deep),
    ],
}
