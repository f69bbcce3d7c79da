"""Plain arrays that a differentiation has read: the rules read them again on the way back, so they must not change."""

import functools
import sys

import numpy as np

from tinygen.autodiff.arraylike import source

SMALL = 2**16  # bytes: float arrays up to this size, and all others, are compared byte by byte
_ROW = 1024


def fingerprint(a):
    """Bytes that differ if `a` does: its own, or of a large float array weighted sums of its rows of 1,024 numbers.

    A change that is lost in the rounding of such a sum is not seen.
    """
    if a.nbytes <= SMALL or a.dtype not in (np.float32, np.float64):
        return a.tobytes()
    flat = a.ravel(order="K")
    whole = flat.size // _ROW * _ROW
    sums = flat[:whole].reshape(-1, _ROW) @ _weights(a.dtype)
    return sums.tobytes() + flat[whole:].tobytes() if np.isfinite(sums).all() else flat.tobytes()


@functools.cache  # made at its first use: NumPy's generators take longer to load than all of this package
def _weights(dtype):
    return np.random.default_rng(0).uniform(0.5, 1, _ROW).astype(dtype)


class Held(dict):
    """The arrays that a tape's entries share with the user: {id: (array, fingerprint, whose)}."""

    def hold(self, a, whose=None):
        """Remember what `a` holds now; `whose`: what an error calls it, else the place in the source that reads it."""
        if whose is None:
            frame = sys._getframe(2)
            while frame.f_back and frame.f_globals.get("__name__", "").startswith("tinygen.autodiff"):
                frame = frame.f_back
            whose = (frame.f_code, frame.f_lasti)
        self[id(a)] = (a, fingerprint(a), whose)

    def hold_a_part(self, a, whose):
        """As `hold`, for an array that only the function itself could change meanwhile: about 128 entries of it."""
        self.hold(a.ravel(order="K")[:: a.size // 128 + 1], whose)

    def check(self, name):
        """TypeError if an array has changed since it was noted in the differentiation of the function `name`."""
        for a, before, whose in self.values():
            if fingerprint(a) != before:
                if type(whose) is tuple:
                    file, line, _, text = source(*whose)
                    whose = f"read in `{text}` ({file}:{line})" if text else f"read in {file}:{line}"
                raise TypeError(
                    f"an array was changed after {name} used it: the {a.dtype} {a.shape} {whose}. Its derivative is "
                    "made of the values that were there. Let the function see a copy (B.copy()), or make a new array "
                    "in place of writing into this one (B = 5 * B, not B *= 5)."
                )
