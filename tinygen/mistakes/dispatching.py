"""A copy of a function in which SciPy's logsumexp, softmax and log_softmax are tinygen's: it can be recorded."""

import sys
from types import CellType, FunctionType, ModuleType

import numpy as np

from tinygen.autodiff import log_softmax, logsumexp, softmax


def dispatching(f):
    """`f`, or a copy of it with SciPy's functions replaced where it, or a function that it calls, mentions them.

    SciPy's ufuncs (expit, gammaln) reach tinygen; its Python functions turn their argument into an array first, and do
    not. The copy computes the same values; nothing of the original is changed.
    """
    special = sys.modules.get("scipy.special")
    if special is None:
        return f
    ours = {
        special.logsumexp: _plain(logsumexp),
        special.softmax: _over_all(softmax),
        special.log_softmax: _over_all(log_softmax),
    }
    return _copy(f, ours, special, {})


def _plain(function):
    return lambda a, axis=None, keepdims=False: function(a, axis, keepdims)


def _over_all(function):
    """SciPy's default axis is all of them, tinygen's the last."""
    return lambda x, axis=None: np.reshape(function(np.ravel(x)), x.shape) if axis is None else function(x, axis)


def _copy(value, ours, special, done):
    """`value` itself where nothing has to be replaced."""
    if isinstance(value, ModuleType) and value in (special, sys.modules["scipy"]):
        inside = _Module(special, {function.__name__: own for function, own in ours.items()})
        return inside if value is special else _Module(value, {"special": inside})
    if not isinstance(value, FunctionType):
        return value
    if value in ours:
        return ours[value]
    if value in done or value.__module__ is None or value.__module__.startswith(("numpy", "scipy", "tinygen.autodiff")):
        return done.get(value, value)
    done[value] = value  # a function that calls itself is left as it is
    used = {name: value.__globals__[name] for name in value.__code__.co_names if name in value.__globals__}
    names = {name: _copy(item, ours, special, done) for name, item in used.items()}
    cells = value.__closure__ or ()
    inside = [_copy(cell.cell_contents, ours, special, done) for cell in cells]
    if all(names[name] is used[name] for name in used) and all(a is c.cell_contents for a, c in zip(inside, cells)):
        return value
    copy = FunctionType(
        value.__code__,
        {**value.__globals__, **names},
        value.__name__,
        value.__defaults__,
        tuple(CellType(item) for item in inside) or None,
    )
    copy.__kwdefaults__ = value.__kwdefaults__
    done[value] = copy
    return copy


class _Module:
    """A module with some of its names replaced."""

    def __init__(self, module, names):
        self._module, self._names = module, names

    def __getattr__(self, name):
        return self._names.get(name) or getattr(self._module, name)
