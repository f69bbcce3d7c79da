"""Generative models as estimators, each loaded when it is first used."""

import importlib

_WHERE = {
    "VAE": "vae.estimator",
    "ConditionalVAE": "vae.conditional",
    "Autoencoder": "vae.plain_autoencoder",
    "Diffusion": "diffusion.estimator",
    "GAN": "gan.estimator",
    "ConditionalGAN": "gan.estimator",
    "LatentDiffusion": "diffusion.latent",
    "Flow": "flow.estimator",
}
__all__ = sorted(_WHERE)


def __getattr__(name):
    """The public names."""
    if name not in _WHERE:
        raise AttributeError(f"module 'tinygen.models' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"tinygen.models.{_WHERE[name]}"), name)
    return value
