"""Diffusion models, one file for each step of the notes: schedule, process, parameterization, bound, samplers,
likelihood."""

from tinygen.models.diffusion.estimator import Diffusion
from tinygen.models.diffusion.latent import LatentDiffusion
from tinygen.models.diffusion.schedule import Schedule

__all__ = ["Diffusion", "LatentDiffusion", "Schedule"]
