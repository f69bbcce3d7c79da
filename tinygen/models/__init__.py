"""Generative models as estimators, each loaded when it is first used."""

from tinygen import lazy

__getattr__, __dir__, __all__ = lazy.names(__name__, {
    "VAE": "models.vae.estimator",
    "ConditionalVAE": "models.vae.conditional",
    "Autoencoder": "models.vae.plain_autoencoder",
    "Diffusion": "models.diffusion.estimator",
    "GAN": "models.gan.estimator",
    "ConditionalGAN": "models.gan.estimator",
    "LatentDiffusion": "models.diffusion.latent",
    "Flow": "models.flow.estimator",
})
