"""Everything that the package says is right, in one list: rules, gradients by hand, models, oracles, derivations.

The registry (check/registry.py) stores what is claimed; importing this room fills it.
"""

from tinygen import derivations
from tinygen.check import registry
from tinygen.claims import diffusion, estimators, gradients, oracles, rules, vae

__all__ = ["claims", "derivations", "diffusion", "estimators", "gradients", "oracles", "rules", "vae"]


def claims(*patterns):
    """All claims that match any of the patterns (see registry.claims), whatever was imported before."""
    return registry.claims(*patterns)
