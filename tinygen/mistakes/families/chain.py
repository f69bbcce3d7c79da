"""Where in the function went the derivative wrong? Each step of the chain rule is spoiled in turn and compared.

Only where tinygen differentiates the function and agrees with the numeric gradient: then a recording knows the piece of
source of each operation, and the student reads which expression was differentiated wrongly.
"""

from collections import defaultdict
from dataclasses import replace
from itertools import combinations, islice, permutations

import numpy as np

from tinygen.mistakes.case import Guess, scaled
from tinygen.mistakes.family import family
from tinygen.mistakes.spoiling import ODD, local_changes, value_changes
from tinygen.mistakes.words import counted, say

PAIRS = 120  # pairs of paths that are tried together


@family("searched")
def one_wrong_step(case):
    """A path is missing or scaled; a local derivative is wrong; a cotangent is spoiled."""
    if case.recording:
        yield from islice(Search(case, case.recording).guesses(), case.recording.affordable)


class Search:
    """The wrong gradients that one wrong local derivative would give, from the likeliest kind to the least likely."""

    def __init__(self, case, recording):
        self.case, self.recording, self.d = case, recording, f"dL/d{case.name}"
        self.numbers = [n for n in case.numbers if n.cost <= 6 and n.value != 1]
        self.slack = case.tolerance + 1e-13 * np.max(abs(case.expected[case.known]))
        groups = defaultdict(list)
        for edge in recording.edges:
            groups[(*recording.group(edge.step), edge.i)].append(edge)
        self.paths = [(edges, self._sum((e.parent, e.k) for e in edges)) for edges in groups.values()]
        self.paths = [(edges, whole) for edges, whole in self.paths if np.any(whole)]
        self.cost = 3 + np.log2(len(groups) + 1)

    def guesses(self):
        """Guesses, the likeliest kinds first."""
        for edges, whole in self.paths:
            yield from self._scaled(edges, whole)
            if len(edges) > 1:
                yield from self._one_turn(edges, whole)
        yield from self._held()
        yield from self._same_source()
        yield from self._pairs()
        yield from self._same_twice()
        for edges, whole in self.paths:
            for change in local_changes(self.recording, edges[0]):
                try:
                    other = self._sum((edge.parent, change.make(edge)) for edge in edges)
                except ODD:
                    continue
                yield self._changed(edges[0], change, other - whole)
        yield from self._everywhere()
        yield from self._spoiled_values()

    def _sum(self, cotangents):
        """What these (slot, cotangent) pairs do to the gradient together."""
        return np.broadcast_to(sum(self.recording.pull(slot, g) for slot, g in cotangents), self.case.got.shape)

    def _guess(self, kind, cost, difference, sentence, step, **more):
        where = self.recording.places[step].where
        predicted = self.case.expected + difference
        return Guess(kind, self.cost + cost, predicted, sentence, where=where, slack=self.slack, **more)

    def _changed(self, edge, change, difference):
        sentence = say(change.key, d=self.d, place=self.recording.places[edge.step], **change.parts)
        return self._guess(change.kind, change.cost, difference, sentence, edge.step)

    def _factor(self, whole):
        """The Number c for which got = expected + (c - 1) * the path's part; None if there is none."""
        rest = self.case.expected - whole
        c = scaled(self.case, rest, whole, self.numbers, slack=self.slack)
        whole_gradient = np.all(abs(rest) <= self.slack)  # all of it comes this way: a factor of the whole
        return None if c is None or whole_gradient else c

    def _scaled(self, edges, whole):
        recording, edge = self.recording, edges[0]
        c = self._factor(whole)
        itself = sum(e.step == edge.step and e.parent == edge.parent for e in recording.edges) > 1
        if c is None or (c.value == 0 and itself):  # of x * x, each factor gives half
            return
        place, source = recording.places[edge.step], recording.operand(edge.step, edge.i)
        users = {recording.group(e.step) for e in recording.edges if e.parent == edge.parent}
        term = recording.row(edge).name in ("add", "subtract") and len(users) == 1
        key = "term" if term else "held" if c.value == 0 and edge.parent in recording.maker else "path"
        sentence = say(key, d=self.d, source=source, line=place.at, place=place, counted=counted(c))
        more = {"number": c.fixed}
        yield self._guess("term" if term else "path", c.cost - 0.5 * term, (c.value - 1) * whole, sentence, edge.step,
                          **more)  # fmt: skip

    def _one_turn(self, edges, whole):
        """Of the turns of a loop, only one counts."""
        place = self.recording.places[edges[0].step]
        for words, kept in (("last", edges[0]), ("first", edges[-1])):
            sentence = say("one turn", d=self.d, turn=words, place=place)
            difference = self.recording.pull(kept.parent, kept.k) - whole
            yield self._guess("batch", 1, difference, sentence, edges[0].step)

    def _held(self):
        """A value that is used in several places is held constant in all of them, in each turn of a loop."""
        recording, makers = self.recording, defaultdict(set)
        for slot in {edge.parent for edge in recording.edges} & set(recording.maker):
            makers[recording.group(recording.maker[slot])].add(recording.maker[slot])
        users = defaultdict(set)
        for edge in recording.edges:
            if edge.parent in recording.maker:
                users[recording.group(recording.maker[edge.parent])].add(recording.group(edge.step))
        for group, steps in makers.items():
            if len(users[group]) < 2 and len(steps) < 2:
                continue  # a path
            step = min(steps)
            source, place = recording.source(recording.all[step][0]), recording.places[step]
            sentence = say("held all", d=self.d, source=source, line=place.at)
            left = recording.backward_without({(made, i) for made in steps for i, _ in recording.all[made][5]})
            yield self._guess("path", 1, left - self.case.expected, sentence, step)

    def _same_source(self):
        """An expression that the source has more than once: all its occurrences count wrongly."""
        by_source = defaultdict(list)
        for edges, whole in self.paths:
            slot = edges[0].parent
            if slot in self.recording.maker:
                by_source[self.recording.places[self.recording.maker[slot]].text].append((edges, whole))
        for some in by_source.values():
            whole = sum(whole for _, whole in some)
            if len(some) > 1 and (c := self._factor(whole)) is not None:
                edge = some[0][0][0]
                source, line = self.recording.source(edge.parent), self.recording.line(edge.parent)
                sources = f"`{source}` ({line}), wherever it stands,"
                sentence = say("both", d=self.d, sources=sources, counted=counted(c))
                yield self._guess("path", c.cost, (c.value - 1) * whole, sentence, edge.step, number=c.fixed)

    def _pairs(self):
        """Two paths count wrongly together: mean and variance held constant, or both divided by N - 1."""
        own = [(edges, whole) for edges, whole in self.paths if edges[0].parent != self.recording.input]
        names = {edges[0].parent: self.recording.operand(edges[0].step, edges[0].i) for edges, _ in own}
        pairs = [(a, b) for a, b in combinations(own, 2) if names[a[0][0].parent] != names[b[0][0].parent]]
        for (one, first), (two, second) in pairs[:PAIRS]:
            nested = np.all(abs(first - second) <= self.slack)
            c = None if nested else self._factor(first + second)
            if c is None or not self._apart(one + two, first + second):
                continue
            sources = " and ".join(f"`{names[edges[0].parent]}`" for edges in (one, two))
            key = "held two" if c.value == 0 else "both"
            sentence = say(key, d=self.d, sources=sources, counted=counted(c))
            both = (c.value - 1) * (first + second)
            yield self._guess("path", 3 + c.cost, both, sentence, one[0].step, number=c.fixed)

    def _apart(self, edges, whole):
        """Whether no path leads through two of these edges, so that what comes through them adds up."""
        left = self.recording.backward_without({(edge.step, edge.i) for edge in edges})
        return bool(np.all(abs(self.case.expected - whole - left)[self.case.known] <= self.slack[self.case.known]))

    def _same_twice(self):
        """The argument enters twice, and one way in is taken to give what the other does, as in x' A x, A symmetric."""
        recording = self.recording
        ways = [(edges, whole) for edges, whole in self.paths if edges[0].parent == recording.input][:6]
        for (one, kept), (two, lost) in permutations(ways, 2):
            place, other = recording.places[two[0].step], recording.places[one[0].step]
            sentence = say("same", d=self.d, name=self.case.name, place=place, other=other)
            yield self._guess("path", 1, kept - lost, sentence, two[0].step)

    def _everywhere(self):
        """The same slip at each place where an operation is used: at all differences, at all powers."""
        alike = defaultdict(list)
        for edges, whole in self.paths:
            alike[self.recording.row(edges[0]).name, edges[0].i].append((edges, whole))
        for places in alike.values():
            changes = [list(local_changes(self.recording, edges[0])) for edges, _ in places] if len(places) == 2 else []
            for one, two in zip(*changes) if changes else ():
                if one.words != two.words or one.cost > 3:
                    continue
                try:
                    new = [self._sum((e.parent, c.make(e)) for e in places[k][0]) for k, c in enumerate((one, two))]
                except ODD:
                    continue
                difference = sum(other - whole for other, (_, whole) in zip(new, places))
                told = replace(one, cost=one.cost + 2)
                yield self._changed(places[0][0][0], told, difference)

    def _spoiled_values(self):
        recording, groups = self.recording, defaultdict(list)
        for slot in recording.cotangents:
            if slot in recording.maker:
                shape = np.shape(recording.values[slot])
                groups[recording.group(recording.maker[slot]), shape].append(slot)
        for slots in groups.values():
            step, value = recording.maker[slots[0]], recording.values[slots[0]]
            source, line = recording.source(slots[0]), recording.line(slots[0])
            for change in value_changes(np.shape(value), f"`{source}`"):
                right = [recording.cotangents[slot] for slot in slots]
                wrong = [change.make(g, recording.values[slot]) for g, slot in zip(right, slots)]
                if not all(np.all(np.isfinite(g)) for g in wrong):
                    continue
                difference = self._sum((slot, w - g) for slot, w, g in zip(slots, wrong, right))
                sentence = say("back", d=self.d, source=source, line=line, **change.parts)
                yield self._guess(change.kind, change.cost, difference, sentence, step)
