"""In each row the error is one number times a field: a mean, a normaliser or a norm is wrong."""

import numpy as np

from tinygen.autodiff import softmax
from tinygen.mistakes.case import Guess
from tinygen.mistakes.family import family
from tinygen.mistakes.numbers import MOST_BITS
from tinygen.mistakes.words import say


@family("structured")
def along_an_axis(case):
    """In each row (along an axis) the error is one number times a field: a mean, a normaliser or a norm is wrong."""
    for axis in range(case.got.ndim):
        length = case.got.shape[axis]
        if case.known.all() and length >= (3 if case.got.ndim > 1 else 5):
            yield from _along(case, axis)


def _along(case, axis):
    error, name = case.got - case.expected, case.name
    free = error.size // error.shape[axis] * MOST_BITS + 10
    where = f"along axis {axis} of dL/d{name}" if error.ndim > 1 else f"in all of dL/d{name}"
    slack = 2 * case.tolerance + case.tolerance.max(axis, keepdims=True)
    if not np.all(abs(error - _part(error, case.expected, axis)) <= slack):  # else a factor says it all
        yield from _mean_terms(case, axis, error, free, where, slack)
    if error.ndim > 1:
        with np.errstate(all="ignore"):
            ratio = np.sum(case.got * case.expected, axis, keepdims=True) / np.sum(
                case.expected**2, axis, keepdims=True
            )
        sentence = say("slices", where=where)
        yield Guess("factor", free + 2, case.expected * ratio, sentence, slack=slack * np.maximum(1, abs(ratio)))


def _mean_terms(case, axis, error, free, where, slack):
    name = case.name
    mean, centred = (
        _part(error, field, axis) for field in (np.ones(error.shape), case.x - case.x.mean(axis, keepdims=True))
    )
    told = [("centred", centred, free), ("norm", _part(error, case.x, axis), free)]
    told.append(("softmax", _part(error, softmax(case.x, axis), axis), free))
    if error.ndim > 1:
        told = [("mean", mean, free), *told]
        if error.shape[axis] > 3:  # of three numbers, two free ones explain little
            told.append(("mean and centred", mean + centred, 2 * free))
    for key, part, cost in told:
        sentence = say(key, where=where, name=name)
        yield Guess("mean-term", cost, case.expected + part, sentence, slack=2 * slack)


def _part(error, field, axis):
    """The multiple of `field` that is closest to `error` in each slice along `axis`."""
    size = np.sum(field * field, axis, keepdims=True)
    return field * np.sum(error * field, axis, keepdims=True) / np.maximum(size, 1e-300)


@family("structured", inside=True)
def softmax_over_another_axis(case):
    """The softmax of the argument over the wrong axis, as in the gradient of a cross-entropy: softmax - onehot."""
    if case.got.ndim != 2:
        return
    over = [softmax(case.x, axis) for axis in (0, 1)]
    for wrong, right in ((0, 1), (1, 0)):
        for n in {1, *case.got.shape, case.got.size}:
            words = f"softmax({case.name}){f' / {n}' if n > 1 else ''}"
            sentence = say("softmax axis", d=f"dL/d{case.name}", words=words, wrong=wrong, right=right)
            yield Guess("order", 8, case.expected + (over[wrong] - over[right]) / n, sentence)
