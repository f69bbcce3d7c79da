"""Examples for rules that meet complex numbers, between real arguments and a real value."""

import numpy as np

from tinygen.claims.examples import apart, positive, real


def parts(z):
    """A complex array as its two parts, which may be differentiated."""
    return [np.real(z), np.imag(z)]


def complex_numbers(table):
    """Examples of Fourier transforms and of the parts of complex numbers."""
    add = table.add
    add(np.real, None, real("nm"))
    add(np.real, lambda a, b: np.real((a + 1j * b) * (2 - 3j)), real("nm"), real("m"))
    add(np.power, lambda a, b: np.real(np.power(a + 1j * b, 2)), real("nm"), real("m"))
    add(np.imag, lambda a: a * np.imag(a), real("nm"))
    add(np.imag, lambda a, b: np.imag(np.exp(1j * a) * b), real("nm"), real("m"))
    add(np.conjugate, lambda a, b: parts(np.conjugate(a + 1j * b)), real("nm"), real("nm"))
    add(np.angle, lambda a, b: np.angle(a + 1j * b, deg=True), positive("nm"), real("nm"))
    add(np.angle, lambda a: a + np.angle(a), apart("nm"))
    add(np.absolute, lambda a, b: np.abs(a + 1j * b), real("nm"), apart("nm"))
    add(np.real_if_close, None, real("nm"))
    for function in (np.iscomplex, np.isreal):
        add(function, lambda a, f=function: f(a) * a, real("nm"))
    one = (np.fft.fft, np.fft.ifft, np.fft.rfft)
    for n, norm in ((None, None), (3, "ortho"), (4, "forward"), (6, "backward")):
        for function in one:
            add(function, lambda a, f=function, n=n, norm=norm: parts(f(a, n, 0, norm)), real("mk"))
        add(np.fft.ifft, lambda a, b, n=n, norm=norm: parts(np.fft.ifft(a + 1j * b, n, -1, norm)), real("m"), real("m"))
        add(np.fft.irfft, lambda a, b, n=n, norm=norm: np.fft.irfft(a + 1j * b, n, 0, norm), real("mk"), real("mk"))
    for name in ("fft", "ifft", "rfft"):
        for function in (getattr(np.fft, f"{name}2"), getattr(np.fft, f"{name}n")):
            add(function, lambda a, f=function: parts(f(a)), real("nm"))
            add(function, lambda a, f=function: parts(f(a, (2, 7), axes=(0, -1), norm="ortho")), real("nkm"))
    for function in (np.fft.irfft2, np.fft.irfftn):
        add(function, lambda a, b, f=function: f(a + 1j * b), real("nm"), real("nm"))
        add(function, lambda a, b, f=function: f(a + 1j * b, (3, -1), axes=(1, 0)), real("nm"), real("nm"))
