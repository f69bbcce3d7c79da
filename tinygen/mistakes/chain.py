"""Where in the function went the derivative wrong? Each step of the chain rule is spoiled in turn and compared.

Only where tinygen differentiates the function and agrees with the numeric gradient: then a recording knows the piece of
source of each operation, and the student reads which expression was differentiated wrongly.
"""

from collections import defaultdict
from itertools import permutations

import numpy as np

from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.spoiling import local_changes, value_changes

_ODD = (
    ValueError,
    TypeError,
    ArithmeticError,
    np.linalg.LinAlgError,
)  # what an altered operand may raise where it does not fit
_TOLD = {
    0: "is missing: its derivative was taken for 0",
    -1: "has the wrong sign",
    2: "counts twice",
    0.5: "counts half",
}


class Search:
    """The wrong gradients that one wrong local derivative would give, from the likeliest kind to the least likely."""

    def __init__(self, case, recording, numbers):
        self.case, self.recording = case, recording
        self.numbers = [n for n in numbers if n.cost <= 6 and n.value != 1]
        self.slack = case.tolerance + 1e-13 * np.max(abs(case.expected[case.known]))
        groups = defaultdict(list)
        for edge in recording.edges:
            groups[(*recording.group(edge.step), edge.i)].append(edge)
        self.paths = [(edges, self._sum((e.parent, e.k) for e in edges)) for edges in groups.values()]
        self.paths = [(edges, whole) for edges, whole in self.paths if np.any(whole)]
        self.cost = 3 + np.log2(len(groups) + 1)

    def guesses(self):
        """Guesses: a path is missing or scaled; a local derivative is wrong; a cotangent is spoiled."""
        for edges, whole in self.paths:
            yield from self._scaled(edges, whole)
            if len(edges) > 1:
                yield from self._one_turn(edges, whole)
        yield from self._same_twice()
        for edges, whole in self.paths:
            for change in local_changes(self.recording, edges[0]):
                try:
                    other = self._sum((edge.parent, change.make(edge)) for edge in edges)
                except _ODD:
                    continue
                yield self._guess(edges[0], change, other - whole)
        yield from self._spoiled_values()

    def _sum(self, cotangents):
        """What these (slot, cotangent) pairs do to the gradient together."""
        return np.broadcast_to(sum(self.recording.pull(slot, g) for slot, g in cotangents), self.case.got.shape)

    def _guess(self, edge, change, difference):
        place = self.recording.places[edge.step]
        sentence = f"dL/d{self.case.name} comes out like this if, at {place}, {change.words}."
        predicted, cost = self.case.expected + difference, self.cost + change.cost
        return Guess(change.kind, cost, predicted, sentence, where=place.where, slack=self.slack)

    def _scaled(self, edges, whole):
        """got = expected + (c - 1) * the path's part."""
        case, recording, edge = self.case, self.recording, edges[0]
        rest = case.expected - whole
        c = scaled(case, rest, whole, self.numbers, slack=self.slack)
        if c is None or np.all(abs(rest) <= self.slack):
            return  # all of the gradient comes this way: a factor of the whole
        place, source = recording.places[edge.step], recording.source(edge.parent)
        users = {recording.group(e.step) for e in recording.edges if e.parent == edge.parent}
        sign = recording.row(edge).symbol in ("+", "-") and len(recording.args(edge)) == 2
        term = sign and len(users) == 1
        part = f"`{source}` (line {place.line})" if term else f"`{source}` in {place}"
        number, _, of = c.words.partition(" (")  # 1/3 (3 is the length ...): "1/3 times (3 is the length ...)"
        told = _TOLD.get(c.value, f"counts {number} times{f' ({of}' if of else ''}")
        sentence = f"In dL/d{case.name} what comes through {part} {told}."
        cost, predicted = self.cost + c.cost - 0.5 * term, rest + c.value * whole
        yield Guess("term" if term else "path", cost, predicted, sentence, where=place.where, slack=self.slack)

    def _one_turn(self, edges, whole):
        """Of the turns of a loop, only one counts."""
        place = self.recording.places[edges[0].step]
        for words, kept in (("last", edges[0]), ("first", edges[-1])):
            sentence = f"In dL/d{self.case.name} only the {words} turn of the loop counts at {place}: = in place of +=?"
            predicted = self.case.expected - whole + self.recording.pull(kept.parent, kept.k)
            yield Guess("batch", self.cost + 1, predicted, sentence, where=place.where, slack=self.slack)

    def _same_twice(self):
        """The argument enters twice, and one way in is taken to give what the other does, as in x' A x, A symmetric."""
        case, recording = self.case, self.recording
        ways = [(edges, whole) for edges, whole in self.paths if edges[0].parent == recording.input][:6]
        for (one, kept), (two, lost) in permutations(ways, 2):
            place, other = recording.places[two[0].step], recording.places[one[0].step]
            sentence = (
                f"dL/d{case.name} comes out like this if what comes through `{case.name}` in {place} "
                f"is taken to be the same as in {other}: a matrix taken for symmetric?"
            )
            predicted = case.expected - lost + kept
            yield Guess("path", self.cost + 1, predicted, sentence, where=place.where, slack=self.slack)

    def _spoiled_values(self):
        recording, groups = self.recording, defaultdict(list)
        for slot in recording.cotangents:
            if slot in recording.maker:
                groups[recording.group(recording.maker[slot])].append(slot)
        for slots in groups.values():
            place = recording.places[recording.maker[slots[0]]]
            for change in value_changes(np.shape(recording.values[slots[0]])):
                right = [recording.cotangents[slot] for slot in slots]
                wrong = [change.make(g, recording.values[slot]) for g, slot in zip(right, slots)]
                if not all(np.all(np.isfinite(g)) for g in wrong):
                    continue
                difference = self._sum((slot, w - g) for slot, w, g in zip(slots, wrong, right))
                sentence = f"dL/d{self.case.name} comes out like this if what goes back through {place} {change.words}."
                predicted, cost = self.case.expected + difference, self.cost + change.cost
                yield Guess(change.kind, cost, predicted, sentence, where=place.where, slack=self.slack)
