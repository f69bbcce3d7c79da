"""The numbers that get lost in derivations: 2, 1/2, pi, ln 2, and the lengths and constants of the case at hand."""

from itertools import product

import numpy as np

from tinygen.mistakes.case import Number

_CONSTANTS = {
    "ln 2": np.log(2),
    "ln 10": np.log(10),
    "e": np.e,
    "pi": np.pi,
    "(pi/180)": np.pi / 180,
    "(2 pi)": 2 * np.pi,
    "sqrt 2": np.sqrt(2),
    "sqrt(pi)": np.sqrt(np.pi),
    "sqrt(2 pi)": np.sqrt(2 * np.pi),
}
_POWERS = {1: "{}", -1: "1/{}", 2: "{}^2", -2: "1/{}^2", 0.5: "sqrt({})", -0.5: "1/sqrt({})"}


def numbers_of(case):
    """All Numbers worth trying, each with its cost in bits: the more of a kind there are, the more each costs."""
    table = {1.0: (0, "1"), 2.0: (2, "2"), 0.5: (2, "1/2")}

    def add(value, cost, words):
        if np.isfinite(value) and value not in (0.0, 1.0) and (value not in table or table[value][0] > cost):
            table[float(value)] = (cost, words)

    for words, value in _CONSTANTS.items():
        add(value, 6, words.strip("()") if words == "(2 pi)" else words)
        add(1 / value, 6, f"1/{words}")
    for top, bottom in product(range(1, 11), range(1, 11)):
        simple = top == 1 or bottom == 1
        add(top / bottom, 4 if simple else 6, f"{top}" if bottom == 1 else f"{top}/{bottom}")
    for length, place in _lengths(case):
        for power, words in _POWERS.items():
            add(length**power, 3 if abs(power) == 1 else 6, f"{words.format(length)} ({length} is {place})")
        if length > 2:
            less = length - 1
            for value, words in (
                (less, less),
                (1 / less, f"1/{less}"),
                (length / less, f"{length}/{less}"),
                (less / length, f"{less}/{length}"),
            ):
                add(value, 5, f"{words} ({length} is {place})")
    for _, name, array in case.others():
        if array.ndim == 0:
            with np.errstate(all="ignore"):
                for power, words in _POWERS.items():
                    add(
                        float(array) ** power if array > 0 or (power == int(power) and array) else np.nan,
                        4,
                        words.format(name),
                    )
                    add((1 - float(array)) ** power if array < 1 else np.nan, 6, words.format(f"(1 - {name})"))
    norm = float(np.linalg.norm(case.expected[case.known]))
    if norm > 0 and case.known.sum() > 1:
        add(1 / norm, 7, "one over the gradient's own length")
    plain = [Number(value, cost, words) for value, (cost, words) in table.items()]
    double = [
        Number(n.value * k, n.cost + 3, f"{words} x {n.words}")
        for n, (k, words) in product(plain, ((2.0, "2"), (0.5, "1/2")))
        if n.value * k not in table and n.value not in (1.0, 2.0, 0.5)
    ]
    signed = [Number(-n.value, n.cost + 1, f"-{n.words}") for n in (*plain, *double)]
    return [Number(0.0, 0.5, "0"), *plain, *double, *signed]


def _lengths(case):
    """(length, words for it): the axes of the checked argument first, then those of the others, then sizes."""
    seen = {}
    arrays = [(name, value) for name, value in zip(case.names, case.args) if isinstance(value, np.ndarray)]
    arrays.sort(key=lambda pair: pair[0] != case.name)
    for name, value in arrays:
        for axis, length in enumerate(value.shape):
            seen.setdefault(length, f"the length of axis {axis} of {name}")
    for name, value in arrays:
        seen.setdefault(value.size, f"the number of entries of {name}")
    return [(length, words) for length, words in seen.items() if length > 1]
