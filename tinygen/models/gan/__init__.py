"""Generative adversarial networks: losses and penalties with gradients by hand, the game on one page, estimators."""
