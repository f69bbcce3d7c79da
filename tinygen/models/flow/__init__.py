"""Normalizing flows: layers as plain functions, the whole flow on one page, the estimator above. Loaded when used."""

import importlib

_WHERE = {
    "Flow": "estimator",
    "Coupling": "one_page",
    "Permutation": "one_page",
    "Scale": "one_page",
    "Spline": "layers",
    "Autoregressive": "layers",
    "Diagonal": "layers",
    "LU": "layers",
    "Planar": "layers",
    "Radial": "layers",
    "Continuous": "continuous",
}
__all__ = sorted(_WHERE)


def __getattr__(name):
    """The public names."""
    if name not in _WHERE:
        raise AttributeError(f"module 'tinygen.models.flow' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"tinygen.models.flow.{_WHERE[name]}"), name)
    return value
