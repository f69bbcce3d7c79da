"""A function inside the function, such as a softmax: its Jacobian is left out, multiplied in twice, or only a diagonal.

Of the whole loss, and of each of its terms alone.
"""

import numpy as np

from tinygen.mistakes.case import Guess
from tinygen.mistakes.family import family
from tinygen.mistakes.words import say

MOST = 24  # pairs of an inner argument and an inner value
COLUMNS = 64  # a Jacobian's diagonal is computed up to this many columns


@family("searched")
def inner_jacobians(case):
    """For values u and v of one shape, v computed from u: what if v's derivative by u were another?"""
    if not case.recording:
        return
    views = [(None, case.recording), *case.recording.terms()]
    pairs = _pairs(case.recording)
    cost = 5 + np.log2(1 + len(pairs) * len(views))
    for edge, view in views:
        inside = "" if edge is None else f", in the term `{case.recording.operand(edge.step, edge.i)}`"
        for early, late in pairs:
            if late in view.cotangents and early in view.cotangents:
                yield from _of_pair(case, view, early, late, inside, cost)


def _pairs(recording):
    """Pairs (u, v) of slots, of one shape, v a function of u in more than one step; the argument as u first."""
    shapes = {slot: np.shape(recording.values[slot]) for slot in recording.cotangents}
    slots = sorted(slot for slot, shape in shapes.items() if shape)
    found = []
    for u in slots[:6]:
        found += [(u, v) for v in slots if v > u and shapes[v] == shapes[u] and v in recording.maker]
    return found[:MOST]


def _of_pair(case, view, early, late, inside, cost):
    cotangent = view.cotangents[late]
    if np.shape(cotangent) != np.shape(view.values[early]):
        return
    through = view.between(early, late, cotangent)
    if not np.any(through):
        return
    d, by = f"dL/d{case.name}", f"`{view.source(early)}`"
    parts = {"d": d, "source": view.source(late), "line": view.line(late), "by": by}
    slack, where = case.tolerance + 1e-13 * np.max(abs(case.expected[case.known])), view.places[view.maker[late]].where

    def guess(key, more, change):
        predicted = case.expected + view.pull(early, change)
        sentence = say(key, **parts, inside=inside)
        return Guess("chain-factor", cost + more, predicted, sentence, where=where, slack=slack)

    factor = _factor(view, early, late)
    if factor:
        parts["by"] = factor
    yield guess("left out inside" if factor else "jacobian left out", 0, cotangent - through)
    parts["by"] = by
    arrived = view.cotangents[early]
    yield guess("jacobian twice", 0, view.between(early, late, arrived) - arrived)
    diagonal = _diagonal(view, early, late)
    if diagonal is not None:
        yield guess("jacobian diagonal", 0, diagonal * cotangent - through)


def _factor(view, early, late):
    """The text of the other factor, where v is u times it; else ""."""
    step = view.maker[late]
    args, parents = view.all[step][2], dict(view.all[step][5])
    mine = [j for j, parent in parents.items() if parent == early]
    product = view.all[step][1].symbol in ("*", "/", "@") and len(mine) == 1 and len(args) == 2
    return f"`{view.operand(step, 1 - mine[0])}`" if product else ""


def _diagonal(view, early, late):
    """The diagonal of v's Jacobian by u; None if that is all of it, or too large."""
    shape = np.shape(view.values[late])
    size = int(np.prod(shape))
    if size > COLUMNS:
        return None
    out, diagonal = np.zeros(size), True
    for j in range(size):
        unit = np.zeros(size)
        unit[j] = 1
        row = np.ravel(view.between(early, late, unit.reshape(shape)))
        out[j] = row[j]
        row = row.copy()
        row[j] = 0
        diagonal &= not np.any(abs(row) > 1e-12)
        if diagonal and j == min(size - 1, 3):
            return None  # element by element, as far as it was looked at
    return out.reshape(shape)
