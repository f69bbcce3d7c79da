"""Plain arrays that a differentiation has read: the rules read them again on the way back, so they must not change."""

import functools
import sys

import numpy as np

from tinygen.autodiff.arraylike import source

SMALL = 2**16  # bytes: arrays up to this size are compared byte by byte
LARGE = 2**20  # bytes: of larger arrays some rows are looked at, spread over all of it, since reading them takes time
_ROW = 1024
_PART = 128  # entries


def fingerprint(a):
    """Bytes that differ if `a` does: its own, or of a larger float array weighted sums of its rows of 1,024 numbers.

    A change that is lost in the rounding of such a sum is not seen, nor, in an array of more than a megabyte, one of
    few entries: of that, at least a thirty-second part is looked at.
    """
    if a.nbytes <= SMALL:
        return a.tobytes()
    flat = a.ravel(order="K") if a.nbytes <= LARGE or a.flags.forc else a[:: len(a) // 32 + 1].ravel(order="K")
    whole = flat.size // _ROW * _ROW
    rows = flat[:whole].reshape(-1, _ROW)
    rows = rows[:: min(32, max(1, 4 * a.nbytes // LARGE))] if a.nbytes > LARGE else rows
    if a.dtype not in (np.float32, np.float64):
        return rows.tobytes() + flat[whole:].tobytes()
    sums = rows @ _weights(a.dtype)
    return (sums if np.isfinite(sums).all() else rows).tobytes() + flat[whole:].tobytes()


@functools.cache  # made at its first use: NumPy's generators take longer to load than all of this package
def _weights(dtype):
    return np.random.default_rng(0).uniform(0.5, 1, _ROW).astype(dtype)


class Held(dict):
    """The arrays that a tape's entries share with the user: {id: (array, fingerprint, whose)}, and parts of others."""

    __slots__ = ("parts",)

    def __init__(self):
        self.parts = []

    def hold(self, a, whose=None):
        """Remember what `a` holds now; `whose`: what an error calls it, else the place in the source that reads it."""
        if whose is None:
            frame = sys._getframe(2)
            while frame.f_back and frame.f_globals.get("__name__", "").startswith("tinygen.autodiff"):
                frame = frame.f_back
            whose = (frame.f_code, frame.f_lasti)
        self[id(a)] = (a, fingerprint(a), whose)

    def hold_parts(self, arrays, whose):
        """As `hold`, for arrays that only the function could change meanwhile: of large ones some 128 entries."""
        parts = [a if a.size <= 1024 else a.ravel(order="K")[:: a.size // 128] for a in arrays]
        self.parts.append((parts, [part.tobytes() for part in parts], arrays, whose))

    def check(self, name):
        """TypeError if an array has changed since it was noted in the differentiation of the function `name`."""
        for a, before, whose in self.values():
            if fingerprint(a) != before:
                self._refuse(name, a, whose)
        for parts, before, arrays, whose in self.parts:
            now = [part.tobytes() for part in parts]
            if now != before:
                k = [x == y for x, y in zip(now, before)].index(False)
                self._refuse(name, arrays[k], whose[k])

    def _refuse(self, name, a, whose):
        if type(whose) is tuple:
            file, line, _, text = source(*whose)
            whose = f"read in `{text}` ({file}:{line})" if text else f"read in {file}:{line}"
        raise TypeError(
            f"an array was changed after {name} used it: the {a.dtype} {a.shape} {whose}. Its derivative is "
            "made of the values that were there. Let the function see a copy (B.copy()), or make a new array "
            "in place of writing into this one (B = 5 * B, not B *= 5)."
        )
