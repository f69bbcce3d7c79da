"""The course's own derivations, line by line, each line a number; importing this enters them all into the registry."""

from tinygen.derivations import (
    adversarial,
    collapse,
    conditional,
    diffusion,
    elbo,
    flows,
    kl,
    regularization,
    reparameterization,
)

__all__ = [
    "adversarial",
    "collapse",
    "conditional",
    "diffusion",
    "elbo",
    "flows",
    "kl",
    "regularization",
    "reparameterization",
]
