"""Neural networks: layers as plain functions, optimisers on one flat vector, a training loop, checkpoints."""

from tinygen.nn import checkpoint, layers, optim, train

__all__ = ["checkpoint", "layers", "optim", "train"]
