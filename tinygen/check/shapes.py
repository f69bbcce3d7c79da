"""A gradient of the wrong kind, tree or shape: what is usually behind it."""

import numpy as np

_WHAT = {"f": "floats", "i": "integers", "u": "integers", "b": "booleans", "c": "complex numbers", "O": "objects"}


def structure_sentence(got, x, name):
    """(kind, sentence) of what is wrong with `got` as a gradient by the array `x`, its shape apart; None if nothing is."""
    d = f"dL/d{name}"
    if got is None:
        return "tree", f"{d} is None: the gradient function returns nothing for this argument (a return missing?)."
    if isinstance(got, (dict, list, tuple)):
        try:
            whole = np.asarray(got, dtype=np.float64)
        except (TypeError, ValueError):
            return "tree", f"{d} is a {type(got).__name__}, expected one array of shape {np.shape(x)}."
        return (
            "tree",
            f"{d} is a {type(got).__name__} of shape {whole.shape}, expected an array: use np.array or np.stack.",
        )
    array = np.asarray(got)
    if array.dtype.kind == "c":
        return "dtype", f"{d} is complex: the loss is real, so is its gradient (a .real or a conjugate is missing)."
    if array.dtype.kind not in "f":
        what = _WHAT.get(array.dtype.kind, str(array.dtype))
        remedy = (
            "the fractions are lost: an integer array was written into?"
            if array.dtype.kind in "iu"
            else "expected floats."
        )
        return "dtype", f"{d} has {what} (dtype {array.dtype}): {remedy}"
    if not np.all(np.isfinite(array)):
        places = np.argwhere(~np.isfinite(array))
        where = ", ".join(f"{name}[{', '.join(map(str, place))}]" if len(place) else name for place in places[:3])
        kind = "nan" if np.any(np.isnan(array)) else "infinite"
        return "not-finite", (
            f"{d} is {kind} at {len(places)} of {array.size} entries ({where}): 0/0, the log of 0, or an "
            "overflow of exp?"
        )
    return None


def shape_moves(got_shape, shape):
    """(kind, cost, sentence, what brings `got` to the shape) for a gradient of shape `got_shape` instead of `shape`."""
    extra = len(got_shape) - len(shape)
    if extra == 0 and got_shape == shape[::-1]:
        yield "transpose", 1, "{0} is transposed: shape {1}, expected {2}.", np.transpose
    if np.prod(got_shape) == np.prod(shape):
        yield (
            "shape",
            2,
            "{0} has the right numbers in shape {1}, expected {2}: reshape it (an axis of length 1 too many or "
            "too few?).",
            lambda g: g.reshape(shape),
        )
        yield (
            "order",
            4,
            "{0} has shape {1}, expected {2}, and its numbers column by column: transpose instead of reshaping.",
            lambda g: g.T.reshape(shape),
        )
    summed = [axis for axis in range(len(got_shape)) if _without(got_shape, axis) in (shape, _trim(shape))]
    for axis in summed:
        place = "the batch" if axis == 0 else f"axis {axis}"
        yield (
            "batch",
            2,
            f"{{0}} has shape {{1}}, expected {{2}}: not summed over {place} (axis {axis} of the gradient).",
            lambda g, a=axis: g.sum(a).reshape(shape),
        )
        yield (
            "batch",
            4,
            f"{{0}} has shape {{1}}, expected {{2}}: not averaged over {place} (axis {axis} of the gradient).",
            lambda g, a=axis: g.mean(a).reshape(shape),
        )
    if len(got_shape) == 2 and got_shape[0] == got_shape[1] and max(shape, default=1) == got_shape[0]:
        yield (
            "broadcast",
            1,
            "{0} has shape {1}, expected {2}: (B, 1) against (B,) was blown up to (B, B).",
            lambda g: np.diagonal(g).reshape(shape),
        )
    if np.prod(got_shape) == 1 and np.prod(shape) > 1:
        yield (
            "batch",
            3,
            "{0} is one number, expected shape {2}: it was summed over all entries, and each entry has its own.",
            None,
        )
    if len(got_shape) < len(shape):
        lost = [axis for axis in range(len(shape)) if _without(shape, axis) == got_shape]
        for axis in lost:
            yield (
                "batch",
                3,
                f"{{0}} has shape {{1}}, expected {{2}}: summed over axis {axis}, where each entry has its own "
                "gradient.",
                None,
            )


def _without(shape, axis):
    return tuple(n for a, n in enumerate(shape) if a != axis)


def _trim(shape):
    return tuple(n for n in shape if n != 1)
