"""The right gradient by another argument."""

import numpy as np

from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.family import family
from tinygen.mistakes.words import say


@family("structured")
def other_argument(case):
    """got = c * the gradient by another argument of the same shape."""
    simple = [n for n in case.numbers if n.cost <= 2]
    for i, name, array in case.others():
        if array.dtype.kind == "f" and array.shape == case.got.shape and (found := case.gradient(argnum=i)):
            gradient, bar = found
            c = scaled(case, np.zeros(case.got.shape), gradient, simple, slack=bar + case.tolerance, free=False)
            if c is not None and c.value:
                times = "" if c.value == 1 else f"{c} times "
                whose = f"{times}the gradient with respect to {name}"
                sentence = say("other argument", name=case.name, whose=whose)
                yield Guess("other-argument", 4 + 4 * c.cost, c.value * gradient, sentence, slack=bar)
