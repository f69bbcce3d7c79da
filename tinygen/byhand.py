"""Join a function with the derivatives that were derived for it on paper, to train models with.

Whatever is joined here is written down in MADE with an example point, and `tinygen verify` holds each derivative of the
list against numeric ones and against the engine's own: a derivative by hand can't be used and not be checked.

The functions that work on rows (gaussian.py, the likelihoods, the layers of a flow) have the last axis as the
dimension, the axes before it broadcast, and an argument whose name begins with a capital is a matrix with two axes,
(..., k, k): L a lower triangular factor, A any.
"""

import functools
import inspect
from dataclasses import dataclass

import numpy as np

from tinygen.autodiff.tape import primitive

constant = primitive(lambda a: a, None)  # the same numbers, of which nothing is differentiated

MADE = {}  # "module.function" -> Made, in the order in which they were joined
ROWS, D, K = 3, 5, 2  # of the default example: rows, dimensions of a row, of a matrix


@dataclass(frozen=True)
class Made:
    """A function with derivatives by hand: the joined `function`, its row of rules, and `example(rng)`, its arguments
    by name (arrays are differentiated, other values are options)."""

    module: str
    name: str
    function: object
    row: object
    example: object

    @property
    def bare(self):
        """The formula alone, which the engine differentiates by itself."""
        return self.function.__wrapped__

    @property
    def constant(self):
        """The names of the arguments that have no derivative."""
        return [name for name, rule in zip(inspect.signature(self.bare).parameters, self.row.rules) if rule is None]


def with_gradients(f, *gradients, example=None):
    """Join a function with one value a row, and the gradients of that value by each argument, to a primitive.

    f(*args) -> (...,). gradients[i](*args) -> d f / d args[i], of the argument's broadcast shape; None: no derivative.
    example(rng) -> arguments by name, at which the gradients are checked; by default standard normal ones (see
    `normal_arguments`).
    """
    names = inspect.signature(f).parameters
    vjps = [g and _row_vjp(g, 2 if name[0].isupper() else 1) for name, g in zip(names, gradients)]
    return with_vjps(f, *vjps, example=example)


def with_vjps(f, *vjps, example=None):
    """Join a function and its vjps, `vjps[i](g, *args) -> cotangent of args[i]`, to a primitive that checks shapes.

    example: as in `with_gradients`. f: its arguments are arrays of floats, (..., D), or matrices (..., k, k), or
    numbers.
    """
    core = primitive(f, *(vjp and _rule(vjp) for vjp in vjps))
    signature = inspect.signature(f)

    @functools.wraps(f)
    def joined(*args, **kwargs):
        arguments = _as_arrays(signature.bind(*args, **kwargs).arguments)
        _check_shapes(f.__name__, {name: a.shape for name, a in arguments.items()})
        return core(*arguments.values())

    return _made(f, joined, core.row, example)


def with_rules(f, *rules, example=None):
    """Join a function and its rules, `rule(g, y, *args, **options)` as `tg.primitive` takes them; no shape is checked.

    example: as in `with_gradients`. f: any function of arrays and options.
    """
    core = primitive(f, *rules)
    return _made(f, core, core.row, example)


def _made(f, joined, row, example):
    example = example or functools.partial(normal_arguments, f)
    MADE[f"{f.__module__}.{f.__qualname__}"] = Made(f.__module__, f.__name__, joined, row, example)
    return joined


def normal_arguments(f, rng):
    """Standard normal arguments of `f` by their names, ROWS rows of D numbers (`b`: of one).

    A capital is a matrix, (ROWS, K, K), with a diagonal away from 0; L is lower triangular; the rows beside one have K.
    rng: a numpy.random.Generator.
    """
    names = list(inspect.signature(f).parameters)
    full, made = any(name[0].isupper() for name in names), {}
    for name in names:
        made[name] = rng.normal(size=(ROWS, 1 if name == "b" else K if full else D))
        if name[0].isupper():
            diagonal = np.exp(0.3 * rng.normal(size=(ROWS, K, 1))) * np.eye(K)
            below = np.tril(rng.normal(size=(ROWS, K, K)), -1)
            made[name] = diagonal + (below if name[0] == "L" else below - np.matrix_transpose(below))
    return made


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
