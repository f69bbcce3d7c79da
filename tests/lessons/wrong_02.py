"""Wrong answers to lesson 2: each is rejected, and the report holds these words."""

import numpy as np


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
        ("is there a `return`?", lambda out: None),
    ],
    "dual_divide": [
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
