"""Generative models from the ground up in plain NumPy, with every derivation checked.

>>> import numpy as np
>>> import tinygen as tg
>>> tg.grad(lambda x: np.sum(np.tanh(x) ** 2))(np.array([0.0, 1.0]))
array([0.        , 0.63970001])
"""

from tinygen.autodiff import (
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    log_softmax,
    logsumexp,
    primitive,
    softmax,
    value_and_grad,
    vjp,
)
from tinygen.program.plan import compile
from tinygen.program.show import trace

__all__ = [
    "compile",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "log_softmax",
    "logsumexp",
    "primitive",
    "softmax",
    "trace",
    "value_and_grad",
    "vjp",
]

_CHECKS = ("check_grad", "assert_grad", "check_unbiased", "Derivation")  # loaded when they are used


def __getattr__(name):
    if name not in _CHECKS:
        raise AttributeError(f"module 'tinygen' has no attribute {name!r}")
    from tinygen import check

    return getattr(check, name)
