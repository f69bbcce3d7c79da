"""Is this derivation right, and if not, what is the mistake?"""

import importlib

_WHERE = {
    "check_grad": "gradient",
    "assert_grad": "gradient",
    "check_hvp": "second_order",
    "check_adjoint": "second_order",
    "check_unbiased": "stochastic",
    "Derivation": "derivation",
    "Line": "derivation",
    "integrate": "bars",
    "approximate": "bars",
    "gradient_of": "userfile",
    "derivative": "numeric",
    "directional": "numeric",
    "Report": "report",
}
__all__ = sorted(_WHERE)


def __getattr__(name):
    """The public names, each loaded when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module 'tinygen.check' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"tinygen.check.{_WHERE[name]}"), name)
    return value
