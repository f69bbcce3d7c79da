"""Is this derivation right, and if not, what is the mistake?"""

import importlib

_WHERE = {
    "check_grad": "check.gradient",
    "assert_grad": "check.gradient",
    "check_hvp": "check.second_order",
    "check_hessian": "check.vector",
    "check_adjoint": "check.second_order",
    "check_intermediates": "check.intermediates",
    "check_unbiased": "check.unbiased",
    "Derivation": "check.derivation",
    "Line": "check.derivation",
    "integrate": "measure.rounding",
    "approximate": "measure.rounding",
    "gradient_of": "check.gradient",
    "derivative": "measure.numeric",
    "directional": "measure.numeric",
    "Report": "check.report",
}
__all__ = sorted(_WHERE)


def __getattr__(name):
    """The public names, each loaded when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module 'tinygen.check' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"tinygen.{_WHERE[name]}"), name)
    return value
