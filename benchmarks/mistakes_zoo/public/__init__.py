"""Mistakes that people made in public (issues, questions, courses), retold: never part of the home field's figures.

Each was written anew from its description. Data are globals, as in most code that people bring, unless the mistake is
about them. A slip's first pattern is what the first sentence has to say, its second what would be false.
"""

from . import econometrics, elsewhere, latent, matrices, normalisation, physics, softmaxes, unseen

__all__ = ["econometrics", "elsewhere", "latent", "matrices", "normalisation", "physics", "softmaxes", "unseen"]
