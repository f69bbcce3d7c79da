"""Chapter 1, the engine: differentiate plain NumPy."""

from tinygen.autodiff import rules as _rules  # noqa: F401  (fills the table)
from tinygen.autodiff.rules.reductions import log_softmax, logsumexp, softmax
from tinygen.autodiff.tape import primitive
from tinygen.autodiff.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = [
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "log_softmax",
    "logsumexp",
    "primitive",
    "softmax",
    "value_and_grad",
    "vjp",
]
