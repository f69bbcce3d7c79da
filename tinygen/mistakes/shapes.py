"""A gradient of the wrong kind, tree or shape: what is usually behind it."""

import numpy as np

_WHAT = {"b": "booleans", "O": "objects", "U": "strings", "S": "strings"}


def structure_sentence(got, x, name):
    """(kind, sentence) of what is wrong with `got` as a gradient by `x`, its shape apart; None if nothing is."""
    d = f"dL/d{name}"
    if got is None:
        return "tree", f"{d} is None: the gradient function returns nothing for this argument (a return missing?)."
    if isinstance(got, (dict, list, tuple)):
        try:
            shape = np.asarray(got, dtype=np.float64).shape
        except (TypeError, ValueError):
            return "tree", f"{d} is a {type(got).__name__}, expected one array of shape {np.shape(x)}."
        said = f"{d} is a {type(got).__name__} of shape {shape}, expected an array: use np.array or np.stack."
        return "tree", said
    array = np.asarray(got)
    if array.dtype.kind == "c":
        return "dtype", f"{d} is complex: the loss is real, so is its gradient (a .real or a conjugate is missing)."
    if array.dtype.kind in "iu":
        said = f"{d} has integers (dtype {array.dtype}): an integer array was written into, and the fractions are lost?"
        return "dtype", said
    if array.dtype.kind != "f":
        what = _WHAT.get(array.dtype.kind, f"dtype {array.dtype}")
        return "dtype", f"{d} has {what}, expected floats."
    if not np.all(np.isfinite(array)):
        places = np.argwhere(~np.isfinite(array))
        where = ", ".join(f"{name}[{', '.join(map(str, place))}]" if len(place) else name for place in places[:3])
        what = f"{'nan' if np.any(np.isnan(array)) else 'infinite'} at {len(places)} of {array.size} entries ({where})"
        return "not-finite", f"{d} is {what}: 0/0, the log of 0, or an overflow of exp?"
    return None


def shape_moves(got, wanted, lengths):
    """(kind, cost, words, what brings it to the shape, or None) for a gradient of shape `got` instead of `wanted`.

    lengths: {length: where it comes from} of the axes of the other arguments.
    """
    if len(got) == len(wanted) and got == wanted[::-1]:
        yield "transpose", 1, "it is transposed", np.transpose
    if np.prod(got) == np.prod(wanted):
        words = "the right number of entries: reshape it (an axis of length 1 too many or too few?)"
        yield "shape", 2, words, lambda g: g.reshape(wanted)
        words = "its numbers stand column by column: transpose instead of reshaping"
        yield "order", 4, words, lambda g: g.T.reshape(wanted)
    for axis in range(len(got)):
        if _without(got, axis) in (wanted, tuple(n for n in wanted if n != 1)):
            place = "the batch" if axis == 0 else f"axis {axis}"
            words = f"not {{}} over {place} (axis {axis} of the gradient)"
            yield "batch", 2, words.format("summed"), lambda g, a=axis: g.sum(a).reshape(wanted)
            yield "batch", 4, words.format("averaged"), lambda g, a=axis: g.mean(a).reshape(wanted)
    if len(got) == 2 and got[0] == got[1] == max(wanted, default=1):
        words = "(B, 1) against (B,) was broadcast to (B, B)"
        yield "broadcast", 1, words, lambda g: np.diagonal(g).reshape(wanted)
    for length, place in lengths.items():
        if length > 1 and length in got and length not in wanted:
            yield "batch", 5, f"{length} is {place}: summed over the wrong axis?", None


def lost_entries(expected):
    """(kind, words, array) of what is left of a right gradient when several of its entries became one number."""
    if expected.size > 1:
        for verb, step in (("summed", np.sum), ("averaged", np.mean)):
            yield "batch", f"it was {verb} over all entries, and each entry has its own", step(expected)
            for axis in range(expected.ndim) if expected.ndim > 1 else ():
                words = f"it was {verb} over axis {axis}, where each entry has its own gradient"
                yield "batch", words, step(expected, axis)
    if expected.ndim == 2 and expected.shape[0] == expected.shape[1]:
        words = "it is the diagonal of the right gradient alone: an element-wise product in place of the outer product"
        yield "shape", words, np.diagonal(expected)


def _without(shape, axis):
    return tuple(n for a, n in enumerate(shape) if a != axis)
