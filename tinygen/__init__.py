"""Generative models from the ground up in plain NumPy, with every derivation checked."""
