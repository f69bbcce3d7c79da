"""The course's own derivations, line by line, each line a number; importing this enters them all into the registry."""

from tinygen.derivations import collapse, conditional, diffusion, elbo, kl, regularization, reparameterization

__all__ = ["collapse", "conditional", "diffusion", "elbo", "kl", "regularization", "reparameterization"]
