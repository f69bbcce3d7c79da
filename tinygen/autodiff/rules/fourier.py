"""Rules for complex numbers on the way from real arguments to a real value: Fourier transforms, parts, absolute values.

The cotangent of z = x + i y is dL/dx - i dL/dy. With this sign a function with a complex derivative f' has the rule of
the real one, g f'(z), and a matrix F (a Fourier transform) has F' g: no conjugates. Where a real argument meets complex
numbers, the tape keeps the real part. Only rows that are marked `complex` may meet complex numbers.
"""

import numpy as np

from tinygen.autodiff.rules.elementwise import constant, define, stands_for
from tinygen.autodiff.rules.indexing import getitem
from tinygen.autodiff.rules.shaping import moves
from tinygen.autodiff.table import MAKES

# ---- parts ----

moves(np.real, lambda g, y, val: g, copies=True, latex="")
define(np.imag, lambda g, y, val: g * -1j if np.iscomplexobj(val) else 0 * g, complex=True)
define(np.conjugate, lambda g, y, x: np.conjugate(g), complex=True)
stands_for(np.angle, lambda z, deg=False: _angle(z, 180 / np.pi if deg else 1.0))
stands_for(np.real_if_close, lambda a, tol=100: a if not np.iscomplexobj(a) else _unsure())
constant(np.iscomplex, np.isreal)


def _unsure():
    raise TypeError("real_if_close looks at values to tell whether they are real: write np.real(z).")


def _angle(z, unit):
    angle = np.arctan2(np.imag(z), np.real(z))
    return angle if unit == 1 else angle * unit


# ---- transforms along one axis ----


def _cut(g, n, axis):
    """As many numbers of `g` along the axis as there were in the argument; the transform was padded with zeros."""
    m = np.shape(g)[axis]
    if m < n:
        shape = [*np.shape(g)]
        shape[axis] = n - m
        return np.concatenate([g, np.zeros(shape, g.dtype)], axis)
    return getitem(g, (slice(None),) * (axis % np.ndim(g)) + (slice(n),)) if m > n else g


def _symmetric(function):
    """The transform's matrix is its own transpose, whatever the norm."""

    def rule(g, y, a, n=None, axis=-1, norm=None):
        return _cut(function(g, None, axis, norm), a.shape[axis], axis)

    return rule


def _rfft(g, y, a, n=None, axis=-1, norm=None):
    """The first half of the rows of fft's matrix."""
    n = a.shape[axis] if n is None else n
    return np.real(_cut(np.fft.fft(g, n, axis, norm), a.shape[axis], axis))


_INVERSE = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def _irfft(g, y, a, n=None, axis=-1, norm=None):
    """Each number but the first (and of an even n the last) stands for two: itself and its conjugate."""
    half = np.conjugate(np.fft.rfft(g, None, axis, _INVERSE[norm]))
    n, m = g.shape[axis], half.shape[axis]
    twice = np.full(m, 2, g.dtype)
    twice[0] = twice[m - 1 if n % 2 == 0 else 0] = 1
    return _cut(half * np.reshape(twice, (-1,) + (1,) * (g.ndim - 1 - axis % g.ndim)), a.shape[axis], axis)


_TRANSFORMS = {np.fft.fft: _symmetric(np.fft.fft), np.fft.ifft: _symmetric(np.fft.ifft)}
for _function, _rule in (_TRANSFORMS | {np.fft.rfft: _rfft, np.fft.irfft: _irfft}).items():
    define(_function, _rule, complex=MAKES)

# ---- along several axes: one after the other, in NumPy's order ----


def _axes(a, s, axes):
    if axes is None:
        axes = range(np.ndim(a)) if s is None else range(-len(s), 0)
    axes = [*axes]
    s = [None] * len(axes) if s is None else [np.shape(a)[axis] if n == -1 else n for n, axis in zip(s, axes)]
    return s, axes


def _several(function, last=None):
    """`function` along each axis from the last to the first; `last` along the last one, if that is another."""

    def through(a, s=None, axes=None, norm=None):
        s, axes = _axes(a, s, axes)
        for k in reversed(range(len(axes))):
            a = (last if last and k == len(axes) - 1 else function)(a, s[k], axes[k], norm)
        return a

    return through


def _irfftn(a, s=None, axes=None, norm=None):
    s, axes = _axes(a, s, axes)
    for k in range(len(axes) - 1):
        a = np.fft.ifft(a, s[k], axes[k], norm)
    return np.fft.irfft(a, s[-1], axes[-1], norm)


def _of_a_plane(through):
    return lambda a, s=None, axes=(-2, -1), norm=None: through(a, s, axes, norm)


for _function, _through in (
    (np.fft.fftn, _several(np.fft.fft)),
    (np.fft.ifftn, _several(np.fft.ifft)),
    (np.fft.rfftn, _several(np.fft.fft, np.fft.rfft)),
    (np.fft.irfftn, _irfftn),
):
    stands_for(_function, _through)
    stands_for(getattr(np.fft, _function.__name__[:-1] + "2"), _of_a_plane(_through))
