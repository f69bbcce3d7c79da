"""Data: real 8x8 digits that ship with the package, toy densities with a known entropy, MNIST from the user's files."""

from tinygen.data import digits, mnist, toy

__all__ = ["digits", "mnist", "toy"]
