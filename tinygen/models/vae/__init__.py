"""Variational autoencoders: nets, decoders, posteriors, priors and bounds as plain functions, the estimators above."""

from tinygen.models.vae.conditional import ConditionalVAE
from tinygen.models.vae.estimator import VAE
from tinygen.models.vae.plain_autoencoder import Autoencoder

__all__ = ["VAE", "Autoencoder", "ConditionalVAE"]
