"""Join a function and the gradients that were derived on paper for it to one primitive, to train models with.

The functions are those of gaussian.py, the decoders and the flow layers: they work on rows (the last axis), the axes
before it broadcast, and an argument whose name begins with a capital is a matrix with two axes, (..., k, k): L a lower
triangular factor, A any.
"""

import functools
import inspect

import numpy as np

from tinygen.autodiff.tape import primitive


def of_row(f, *gradients):
    """Join a function with one value a row, and the gradients of that value by each argument, to a primitive.

    f(*args) -> (...,). gradients[i](*args) -> d f / d args[i], of the argument's broadcast shape; None: no derivative.
    """
    names = inspect.signature(f).parameters
    return of_parts(f, *(g and _row_vjp(g, 2 if name[0].isupper() else 1) for name, g in zip(names, gradients)))


def of_parts(f, *vjps):
    """Join a function and its vjps, `vjps[i](g, *args) -> cotangent of args[i]`, to a primitive that checks shapes."""
    core = primitive(f, *(vjp and _rule(vjp) for vjp in vjps))
    signature = inspect.signature(f)

    @functools.wraps(f)
    def joined(*args, **kwargs):
        arguments = _as_arrays(signature.bind(*args, **kwargs).arguments)
        _check_shapes(f.__name__, {name: a.shape for name, a in arguments.items()})
        return core(*arguments.values())

    return joined


def _rule(vjp):
    return lambda g, y, *args: vjp(g, *args)


def _row_vjp(gradient, axes):
    def vjp(g, *args):
        out = g[(...,) + (None,) * axes] * gradient(*args)
        # A gradient in which only broadcast arguments occur still counts once for every column of the row.
        shape = g.shape + np.broadcast_shapes(*(a.shape[-1:] for a in args)) * axes
        return out if out.shape == shape else np.broadcast_to(out, shape)

    return vjp


def _as_arrays(arguments):
    """Numbers take the dtype of the arrays beside them, so that a `logvar=0.5` leaves float32 as it is."""
    dtypes = [a.dtype for a in arguments.values() if getattr(a, "dtype", None) is not None and a.dtype.kind == "f"]
    dtype = np.result_type(*dtypes) if dtypes else np.float64
    return {
        name: np.asarray(a, dtype) if isinstance(a, (int, float)) else a if hasattr(a, "shape") else np.asarray(a)
        for name, a in arguments.items()
    }


def _check_shapes(name, shapes):
    got = ", ".join(f"{argument} {shape}" for argument, shape in shapes.items())
    matrices = [argument for argument in shapes if argument[0].isupper()]
    for matrix in matrices:
        if len(shapes[matrix]) < 2 or shapes[matrix][-1] != shapes[matrix][-2]:
            what = "Cholesky factor" if matrix.startswith("L") else "square matrix"
            raise ValueError(f"{name}: {matrix} is a {what} and must have shape (..., k, k), got {got}")
    rows = {argument: shape[:-1] if argument in matrices else shape for argument, shape in shapes.items()}
    try:
        row = np.broadcast_shapes(*rows.values())
    except ValueError:
        raise ValueError(f"{name}: shapes that do not fit together, got {got}; the last axis is the dimension of the "
                         "Gaussian, the axes before it must broadcast") from None
    if not row:
        raise ValueError(f"{name}: needs at least one argument with an axis (the last one is summed or is the "
                         f"Gaussian's dimension), got {got}; for one number x write np.array([x])")
    whole = list(rows) if matrices else ["x"]  # the arguments of which the last axis may not be left to broadcasting
    for argument in whole:
        if argument in rows and rows[argument][-1:] != row[-1:]:
            raise ValueError(f"{name}: {argument} must have {row[-1]} columns like the rest, got {got}")
    if "eps" in rows and rows["eps"] != row:
        raise ValueError(f"{name}: eps must have the shape of the result, {row}, so that no two rows share their "
                         f"noise, got {got}")
