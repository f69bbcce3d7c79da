"""Derivations a student writes, right and with planted mistakes; and mistakes that people made in public."""

from . import diffusion, gaussians, generative, layers, public, regression
from .base import HELD_OUT, PUBLIC, ZOO, Slip, Subject

__all__ = ["HELD_OUT", "PUBLIC", "ZOO", "Slip", "Subject", "diffusion", "gaussians", "generative", "layers", "public",
           "regression"]  # fmt: skip
