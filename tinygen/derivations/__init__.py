"""The course's own derivations as ledgers of lines with numbers; importing this enters them all into the registry."""

from tinygen.derivations import (
    collapse,
    conditional,
    diffusion_bound,
    diffusion_exact,
    diffusion_forward,
    diffusion_models,
    diffusion_posterior,
    diffusion_training,
    elbo,
    estimators,
    gradients,
    kl,
    regularization,
    reparameterization,
    vae_models,
    vae_oracles,
)

__all__ = [
    "collapse",
    "conditional",
    "diffusion_bound",
    "diffusion_exact",
    "diffusion_forward",
    "diffusion_models",
    "diffusion_posterior",
    "diffusion_training",
    "elbo",
    "estimators",
    "gradients",
    "kl",
    "regularization",
    "reparameterization",
    "vae_models",
    "vae_oracles",
]
