"""Normalizing flows: layers as plain functions, the whole flow on one page, the estimator above. Loaded when used."""

from tinygen import lazy

__getattr__, __dir__, __all__ = lazy.names(__name__, {
    "Flow": "models.flow.estimator",
    "Coupling": "models.flow.one_page",
    "Permutation": "models.flow.one_page",
    "Scale": "models.flow.one_page",
    "Spline": "models.flow.layers",
    "Autoregressive": "models.flow.layers",
    "Diagonal": "models.flow.layers",
    "LU": "models.flow.layers",
    "Planar": "models.flow.layers",
    "Radial": "models.flow.layers",
    "Continuous": "models.flow.continuous",
})
