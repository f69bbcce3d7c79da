"""Plain arrays that a differentiation has read: the rules read them again on the way back, so they must not change."""

import contextlib
import functools
import sys

import numpy as np

from tinygen.autodiff.arraylike import source

SMALL = 2**16  # bytes: arrays up to this size are compared byte by byte
LARGE = 2**20  # bytes: to read larger ones takes longer than what is done with them
_ROW = 1024


def fingerprint(a):
    """Bytes that differ if `a` does: its own, or of a larger float array weighted sums of its rows of 1,024 numbers.

    A change that is lost in the rounding of such a sum is not seen.
    """
    if a.nbytes <= SMALL or a.dtype not in (np.float32, np.float64):
        return a.tobytes()
    return _sums(a.ravel(order="K"), 1)


def part_of_fingerprint(a):
    """As `fingerprint`; of an array of more than a megabyte at least a thirty-second part, spread over all of it."""
    if a.nbytes <= LARGE:
        return fingerprint(a)
    flat = a.ravel(order="K") if a.flags.forc else a[:: len(a) // 32 + 1].ravel(order="K")
    return _sums(flat, min(32, 4 * a.nbytes // LARGE))


def _sums(flat, every):
    """Of every so many of the rows of 1,024 numbers their weighted sums, and what is left over at the end."""
    whole = flat.size // _ROW * _ROW
    rows = flat[:whole].reshape(-1, _ROW)[::every]
    if flat.dtype in (np.float32, np.float64):
        sums = rows @ _weights(flat.dtype)
        rows = sums if np.isfinite(sums).all() else rows
    return rows.tobytes() + flat[whole:].tobytes()


@functools.cache  # made at its first use: NumPy's generators take longer to load than all of this package
def _weights(dtype):
    return np.random.default_rng(0).uniform(0.5, 1, _ROW).astype(dtype)


class Held(dict):
    """The arrays that a tape's entries share with the user: {id: (array, fingerprint, whose)}, and parts of others.

    brief: only the function itself could change them before the walk back. Then large ones are made read-only while it
    runs, until `release`, which costs nothing, and of their content a part is compared.
    """

    __slots__ = ("brief", "parts", "protected")

    def __init__(self):
        self.parts, self.protected, self.brief = [], [], False

    def hold(self, a, whose=None):
        """Remember what `a` holds now; `whose`: what an error calls it, else the place in the source that reads it."""
        if whose is None:
            frame = sys._getframe(2)
            while frame.f_back and frame.f_globals.get("__name__", "").startswith("tinygen.autodiff"):
                frame = frame.f_back
            whose = (frame.f_code, frame.f_lasti)
        self[id(a)] = (a, self._look(a), whose)
        if self.brief:
            self.protect(a, whose)

    def _look(self, a):
        return part_of_fingerprint(a) if self.brief else fingerprint(a)

    def protect(self, a, whose):
        """Make a large array read-only until `release`."""
        if a.nbytes > LARGE and a.flags.writeable:
            a.flags.writeable = False
            self.protected.append((a, whose))

    def protect_parts(self):
        """`protect` the arrays of which parts are held."""
        for _, _, arrays, whose in self.parts:
            for a, place in zip(arrays, whose):
                self.protect(a, place)

    def release(self):
        """The function has ended: what was protected may be written to again."""
        for a, _ in reversed(self.protected):  # an owner before its views
            with contextlib.suppress(ValueError):  # the function itself has made its owner read-only
                a.flags.writeable = True
        self.protected.clear()

    def hold_parts(self, arrays, whose):
        """As `hold`, for arrays that only the function could change meanwhile: some 128 entries of each."""
        parts = [a if a.size <= 1024 else a.ravel(order="K")[:: a.size // 128] for a in arrays]
        self.parts.append((parts, [part.tobytes() for part in parts], arrays, whose))

    def check(self, name):
        """TypeError if an array has changed since it was noted in the differentiation of the function `name`."""
        for a, before, whose in self.values():
            if self._look(a) != before:
                self._refuse(name, a, whose)
        for parts, before, arrays, whose in self.parts:
            now = [part.tobytes() for part in parts]
            if now != before:
                k = [x == y for x, y in zip(now, before)].index(False)
                self._refuse(name, arrays[k], whose[k])

    def refuse_writing(self, name, error):
        """What a ValueError that says "read-only" means where arrays are protected."""
        if self.protected and "read-only" in str(error):
            which = "; ".join(_in_words(a, whose) for a, whose in self.protected[-3:])
            raise TypeError(
                f"{name} writes into an array that it has used ({error}; so far it has used: {which}). Its derivative "
                f"is made of the values that were there. {_REMEDY} If it is a library that asks for an array to write "
                "to: give it a copy."
            ) from error

    def _refuse(self, name, a, whose):
        raise TypeError(
            f"an array was changed after {name} used it: {_in_words(a, whose)}. Its derivative is "
            f"made of the values that were there. {_REMEDY}"
        )


_REMEDY = (
    "Let the function see a copy (B.copy()), or make a new array in place of writing into this one "
    "(B = 5 * B, not B *= 5)."
)


def _in_words(a, whose):
    if type(whose) is tuple:
        file, line, _, text = source(*whose)
        whose = f"read in `{text}` ({file}:{line})" if text else f"read in {file}:{line}"
    return f"the {a.dtype} {a.shape} {whose}"
