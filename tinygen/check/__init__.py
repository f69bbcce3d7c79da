"""Is this derivation right, and if not, what is the mistake?"""

from tinygen import lazy

__getattr__, __dir__, __all__ = lazy.names(
    __name__,
    {
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
    },
)
