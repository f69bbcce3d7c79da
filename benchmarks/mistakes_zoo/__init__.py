"""Derivations a student writes, right and with planted mistakes."""

from . import diffusion, gaussians, generative, layers, regression
from .base import HELD_OUT, ZOO, Slip, Subject

__all__ = ["HELD_OUT", "ZOO", "Slip", "Subject", "diffusion", "gaussians", "generative", "layers", "regression"]
