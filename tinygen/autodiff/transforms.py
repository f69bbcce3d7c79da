"""Derivatives of whole functions: vjp records a function once and walks its tape back; the others are made of it.

In all of them: f: a function of arrays (or trees of arrays) in plain NumPy. argnums: the number of the argument by
which f is differentiated, or a tuple of such numbers. has_aux: f returns `(value, aux)`, and aux is handed on
undifferentiated.
"""

import contextlib
import functools
import gc
import warnings
from typing import Any, NamedTuple

import numpy as np

from tinygen.autodiff import tree
from tinygen.autodiff.arraylike import explained, float_array, matching
from tinygen.autodiff.tape import Tape, Var


def vjp(f, argnums=0, has_aux=False):
    """Vector-Jacobian product: `vjp(f)(*args) -> (value, pull)`, where `pull(g)` is the cotangent of the arguments.

    pull(g) = J' g, with J the Jacobian of `f` by the arguments `argnums` (an int, or a tuple for several). Arguments
    and value may be trees; `pull` may be called again. With `has_aux`, `f` returns `(value, aux)` and aux comes third.
    Raises TypeError for arguments that are not of a floating dtype and cotangents that do not fit the value.

    >>> value, pull = vjp(lambda x: x * np.array([1.0, 10.0]))(np.array([2.0, 3.0]))
    >>> pull(np.array([1.0, 1.0]))
    array([ 1., 10.])
    """
    return _vjp(f, argnums, has_aux, held_whole=True)


class _Place(NamedTuple):
    """A leaf of an argument of f. str() says it in words, which costs more than a small derivative."""

    f: Any
    n: int
    given: Any
    leaf: int

    def __str__(self):
        return f"argument {self.n}{tree.paths(self.given)[self.leaf]} of {_name(self.f)}"


def _vjp(f, argnums, has_aux, held_whole=False, idle=None):
    """`vjp`; by default for callers that pull before anybody else could change the arguments.

    `idle(n)` is called for an argument on which the pulled value does not depend.
    """
    _callable(f, "vjp")

    def hold(tape, values, whose):
        pairs = [(a, who) for a, who in zip(values, whose) if type(a) is np.ndarray]
        if held_whole:
            for a, who in pairs:
                tape.held.hold(a, who)
        elif pairs:
            tape.held.hold_parts(*zip(*pairs))

    def run(*args, **kw):
        tape = Tape()
        tape.held.brief = not held_whole
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        variables, args = {}, list(args)
        for n in numbers:
            if not -len(args) <= n < len(args):
                raise TypeError(f"argnums={argnums}, but {_name(f)} was called with {len(args)} positional arguments.")
            if n % len(args) in {m % len(args) for m in variables}:
                raise TypeError(f"argnums={argnums} names an argument twice.")
            given, structure = tree.flatten(args[n])
            places = [_Place(f, n, args[n], k) for k in range(len(given))]
            given = [float_array(leaf, place) for leaf, place in zip(given, places)]
            hold(tape, given, places)
            variables[n] = [tape.input(leaf) for leaf in given], structure
            args[n] = tree.unflatten(structure, variables[n][0])
        try:
            tape.held.protect_parts()
            with gc_paused(), explained(_name(f)):
                out = f(*args, **kw)
        except ValueError as error:
            tape.held.refuse_writing(_name(f), error)
            raise
        finally:
            tape.held.release()
        tape.close()
        if has_aux and (type(out) is not tuple or len(out) != 2):
            raise TypeError(f"with has_aux=True, {_name(f)} must return (value, aux), got {type(out).__name__}.")
        out, aux = out if has_aux else (out, None)
        leaves, structure = tree.flatten(out)
        for leaf in leaves:
            if not isinstance(leaf, (Var, np.ndarray, np.generic, float, int)):
                raise TypeError(f"{_name(f)} returned {type(leaf).__name__}, expected an array or a tree of arrays.")
            if _own(leaf, tape) and leaf.dtype.kind == "c":
                raise TypeError(f"{_name(f)} returned complex numbers: return np.real(z) and np.imag(z), or np.abs(z).")
        hold(tape, [_value(leaf, tape) for leaf in leaves if _own(leaf, tape)], [f"value of {_name(f)}"] * len(leaves))
        value = tree.unflatten(structure, [_value(leaf, tape) for leaf in leaves])

        def pull(g):
            tape.held.check(_name(f))
            seeds = tree.flatten(tree.map(lambda _, part: part, value, g))[0]
            pairs = [(v.slot, matching(part, v, _name(f))) for v, part in zip(leaves, seeds) if _own(v, tape)]
            cotangents = tape.backward(pairs)
            for n in numbers if idle else ():
                if all(cotangents[v.slot] is None for v in variables[n][0]):
                    idle(n)
            taken = {id(part) for part in seeds}
            out = []
            for stand_ins, structure in map(variables.get, numbers):
                out.append(tree.unflatten(structure, [_fresh(cotangents[v.slot], v, taken) for v in stand_ins]))
            return out[0] if isinstance(argnums, int) else tuple(out)

        if has_aux:
            return value, pull, tree.map(lambda leaf: _value(leaf, tape), aux)
        return value, pull

    return run


def value_and_grad(f, argnums=0, has_aux=False, allow_zero=False):
    """`value_and_grad(f)(*args) -> (value, gradient)`; with `has_aux`, `f` and the first part are `(value, aux)`.

    See `grad` for what `f` may be, and for `allow_zero`. argnums: an int, or a tuple for several.

    >>> value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    _callable(f, "grad")

    def warn(n):
        warnings.warn(
            f"{_name(f)} does not depend on argument {n}, or only through functions whose derivative is 0 (argmax, "
            "comparisons, rounding): its gradient is 0 everywhere. If that is meant: allow_zero=True.",
            stacklevel=5,
        )

    def run(*args, **kw):
        value, pull, *aux = _vjp(f, argnums, has_aux, idle=None if allow_zero else warn)(*args, **kw)
        if tree.entries(value) is not None or np.ndim(value) != 0:
            got = f"shape {np.shape(value)}" if tree.entries(value) is None else f"a {type(value).__name__}"
            raise TypeError(
                f"grad needs a scalar, but {_name(f)} returned {got}. Sum it to one number, or use vjp or jacobian; "
                "extra results go out with has_aux=True."
            )
        one = value.dtype.type(1) if hasattr(value, "dtype") else 1.0
        return ((value, *aux) if has_aux else value), pull(one)

    return _named(run, f, "value and gradient")


def grad(f, argnums=0, has_aux=False, allow_zero=False):
    """The gradient of a scalar function: `grad(f)(*args)` has the tree, shapes and dtypes of argument `argnums`.

    While `f` runs, its arguments are stand-ins (Var) that NumPy takes for arrays, but `isinstance(x, np.ndarray)` and
    `isinstance(t, float)` are False for them: an `f` that asks takes another branch than it does with arrays. Ask for
    what you need instead: `np.ndim(x) == 0`, `hasattr(x, "shape")`. Arguments and value are real; between them may be
    complex numbers (`np.fft.rfft(x)`, `np.exp(1j * x)`, `np.abs(z) ** 2`). Plain arrays that `f` uses must not change
    before the gradient is there: TypeError that says which did (one of more than a megabyte is read-only meanwhile).
    Where `f` does not depend on an argument at all, its gradient is zeros with a warning, since that is nearly always a
    mistake; `allow_zero` silences it. TypeError if `f` does not return a scalar. argnums: an int, or a tuple for
    several gradients. has_aux: f returns `(value, aux)`, and grad(f) `(gradient, aux)`.

    >>> grad(lambda x: np.sum(np.sin(x)))(np.zeros(2))
    array([1., 1.])
    >>> grad(grad(lambda x: x**3))(2.0)
    np.float64(12.0)
    """
    both = value_and_grad(f, argnums, has_aux, allow_zero)

    def run(*args, **kw):
        value, gradient = both(*args, **kw)
        return (gradient, value[1]) if has_aux else gradient

    return _named(run, f, "gradient")


def jvp(f, argnums=0):
    """Jacobian-vector product: `jvp(f)(*args, v) -> (value, tangent)`, with tangent = J v.

    It is the vjp of the vjp: pull is linear, pull(u) = J' u, so pulling `v` back through it gives J v. argnums: an int;
    v has the tree and shapes of that argument. Raises TypeError as `vjp` does.

    >>> jvp(lambda x: x**2)(np.array([3.0]), np.array([1.0]))
    (array([9.]), array([6.]))
    """

    def run(*args, **kw):
        *args, v = args
        value, pull = _vjp(f, argnums, False)(*args, **kw)
        u = tree.map(lambda leaf: np.zeros(np.shape(leaf), leaf.dtype), value)
        return value, _vjp(pull, 0, False)(u)[1](v)

    return run


def hvp(f, argnums=0):
    """Hessian-vector product of a scalar function: `hvp(f)(*args, v)` = H v (symmetric, so a vjp).

    argnums: an int; v and H v have the tree and shapes of that argument.

    >>> hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.0]))
    array([6., 0.])
    """

    def run(*args, **kw):
        *args, v = args
        return _vjp(grad(f, argnums), argnums, False)(*args, **kw)[1](v)

    return run


def jacobian(f, argnums=0):
    """The Jacobian of `f`, row by row: out.shape + in.shape; for trees, the output's tree holding the input's trees.

    argnums: the argument by which `f` is differentiated, an int or a tuple for several. It takes one walk back for each
    entry of the output.

    >>> jacobian(lambda x: x**2)(np.array([1.0, 3.0]))
    array([[2., 0.],
           [0., 6.]])
    """

    def run(*args, **kw):
        value, pull = _vjp(f, argnums, False)(*args, **kw)
        outputs, structure = tree.flatten(value)
        zeros = [np.zeros(np.shape(leaf), leaf.dtype) for leaf in outputs]
        blocks = []
        for k, leaf in enumerate(zeros):
            rows = []
            for index in range(leaf.size):
                one = np.zeros(leaf.size, leaf.dtype)
                one[index] = 1
                rows.append(pull(tree.unflatten(structure, [*zeros[:k], one.reshape(leaf.shape), *zeros[k + 1 :]])))
            if rows:
                blocks.append(tree.map(lambda *parts: np.stack(parts).reshape(leaf.shape + parts[0].shape), *rows))  # noqa: B023
            else:
                blocks.append(tree.map(lambda g: np.zeros(leaf.shape + g.shape, g.dtype), pull(value)))  # noqa: B023
        return tree.unflatten(structure, blocks)

    return run


def hessian(f, argnums=0):
    """The matrix of second derivatives of a scalar function `f`: the Jacobian of its gradient, in.shape + in.shape.

    argnums: the argument by which `f` is differentiated twice, an int. Where the gradient is a convention (a norm,
    hypot or std at 0, equal eigenvalues) it is the limit of its values nearby, nan where there is none or none is
    known; where it is the choice of a piece, or the mean of several (max, clip, abs at a corner, sort at a tie), it is
    the derivative of that choice.

    >>> hessian(lambda x: x[0] * x[1] ** 2)(np.array([1.0, 2.0]))
    array([[0., 4.],
           [4., 2.]])
    """
    return jacobian(grad(f, argnums), argnums)


# ---- what may go in, and what comes out ----


def _own(leaf, tape):
    return type(leaf) is Var and leaf.tape is tape


def _value(leaf, tape):
    return leaf.value if _own(leaf, tape) else leaf


def _fresh(g, v, taken):
    """The gradient as an array of its own, which the caller may write to: not a view, not shared, zeros if unused."""
    if g is None:
        return np.zeros(v.shape, v.dtype) if v.ndim else v.dtype.type(0)
    if isinstance(g, np.ndarray) and (id(g) in taken or g.base is not None or not g.flags.writeable):
        return g.copy()
    taken.add(id(g))
    return g


@functools.cache
def _keep_what_is_freed():
    """What one differentiation frees, the next one needs: let the process keep it.

    glibc's malloc hands it back to the system, and getting it anew, page by page, takes as long as all the arithmetic
    of a small net. A process that has once freed a block of this size keeps up to twice as much. (No page of it is
    touched.)
    """
    np.empty(1 << 24, np.uint8)


@contextlib.contextmanager
def gc_paused():
    """No garbage collection while recording: a tape only grows, and looking for garbage in it doubles its cost."""
    _keep_what_is_freed()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _callable(f, name):
    if not callable(f):
        raise TypeError(f"{name}(f) needs a function, got {type(f).__name__}: write {name}(f)(x), not {name}(f(x)).")


def _name(f):
    return getattr(f, "__name__", type(f).__name__)


def _named(run, f, what):
    with contextlib.suppress(AttributeError, TypeError):
        functools.update_wrapper(run, f, assigned=("__module__",), updated=())
    run.__name__, run.__doc__ = f"{what.replace(' ', '_')}_of_{_name(f)}", f"The {what} of {_name(f)}."
    return run
