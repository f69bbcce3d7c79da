"""Everything that the package says is right, in one list: rules, gradients by hand, models, oracles, derivations, and
the answers of the exercises.

The registry (check/registry.py) stores what is claimed; importing this room fills it.
"""

import tinygen.course.claims  # noqa: F401  (the exercises)
from tinygen import derivations
from tinygen.check import registry
from tinygen.claims import diffusion, estimators, flow, gan, gradients, oracles, rules, vae

__all__ = ["claims", "derivations", "diffusion", "estimators", "flow", "gan", "gradients", "oracles", "rules", "vae"]


def claims(*patterns):
    """The claims that match any of the patterns (see registry.claims), by kind and name: the same list whatever was
    imported before."""
    return sorted(registry.claims(*patterns), key=lambda found: (registry.KINDS.index(found.kind), found.name))
