"""The derivations about diffusion, from the forward process to guidance."""

from tinygen.derivations.diffusion import bound, exact, flow, forward, guidance, posterior, training

__all__ = ["bound", "exact", "flow", "forward", "guidance", "posterior", "training"]
