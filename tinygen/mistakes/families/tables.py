"""A table that is read in a loop, with an index that is off by one: beta[t - 1] for beta[t]."""

import re
from collections import defaultdict

import numpy as np

from tinygen.autodiff import grad
from tinygen.mistakes.case import Guess
from tinygen.mistakes.family import family
from tinygen.mistakes.spoiling import ODD
from tinygen.mistakes.words import say

TURNS = 3  # a loop of so many turns has a table
_READ = re.compile(r"(\w+)\[([^\[\]:,]*[a-zA-Z_][^\[\]:,]*)\]")


@family("searched")
def another_turn(case):
    """got = the gradient with what a turn of a loop reads from a table replaced by what the turn before (after) reads.

    In the derivative alone, where f was computed with the right ones, or in f itself.
    """
    recording = case.recording
    if not recording:
        return
    x = recording.values[recording.input]
    slack = case.tolerance + 1e-13 * np.max(abs(case.expected[case.known]))
    tables = list(_tables(recording).items())[: max(1, recording.affordable // 8)]
    cost = 4 + np.log2(1 + len(tables))
    ways = (recording.backward_with, lambda values: _of_f(recording, values, x))
    for name, reads in tables:
        place = recording.places[reads[0][0][0]]
        for shift, turn, end in ((1, "before", 0), (1, "before", 1), (-1, "after", 0), (-1, "after", 1)):
            values = {}
            for turns in reads:
                operands = [recording.all[step][2][j] for step, j in turns]
                for k, place_of in enumerate(turns):
                    other = k - shift
                    other = other % len(turns) if end == 0 or 0 <= other < len(turns) else k
                    values[place_of] = operands[other]
            said = say("turn", d=f"dL/d{case.name}", name=name, turn=turn, place=place)
            for more, find in enumerate(ways):
                try:
                    found = find(values)
                except ODD:
                    continue
                key = f"{name} {turn}"
                yield Guess("shift", cost + more, found, said, where=place.where, slack=slack, key=key)


def _of_f(recording, values, x):
    """The gradient of f computed with the other values throughout."""

    def change(step, args, env):
        return [values.get((step, j), v) for j, v in enumerate(args)]

    return grad(recording.replay(change))(x)


def _tables(recording):
    """{what is read: [[(step, operand) of each turn], ...]} of operands that differ from turn to turn by themselves."""
    groups, tables = defaultdict(list), defaultdict(list)
    for step in range(len(recording.all)):
        groups[recording.group(step)].append(step)
    for steps in groups.values():
        if len(steps) < TURNS:
            continue
        for j, operand in enumerate(recording.all[steps[0]][2]):
            values = [recording.all[step][2][j] for step in steps]
            own = any(dict(recording.all[step][5]).get(j) in recording.depends for step in steps)
            number = all(isinstance(v, (np.ndarray, np.generic, float)) for v in values)
            if own or not number or any(np.shape(v) != np.shape(operand) for v in values):
                continue
            if not any(np.array_equal(v, operand) for v in values[1:]):
                text = recording.operand(steps[0], j)
                read = _READ.search(text)
                tables[read.group() if read else text].append([(step, j) for step in steps])
    return tables
