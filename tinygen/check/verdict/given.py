"""The gradient that was given, in whatever form, as one array for each leaf; and what is wrong with its form."""

import traceback
from dataclasses import dataclass

import numpy as np

from tinygen.autodiff import tree, vjp
from tinygen.check.verdict.arguments import apart
from tinygen.mistakes.shapes import structure_sentence


@dataclass(frozen=True)
class Fault:
    """The gradient of a leaf (or of a whole argument, by its `name`) cannot be compared, or has a wrong dtype."""

    name: str
    kind: str
    sentence: str


class Given:
    """The gradient of each leaf: `arrays` {Leaf: array}, `misshapen` {Leaf: array of a wrong shape}, `faults` of form.

    gradient: None (tinygen's own) | one callable returning the gradient of the first argument, or a tuple for all | a
    list of callables, one per argument, each called with all args (None: not checked) | a tree of arrays.
    """

    def __init__(self, gradient, arguments, vector=None):
        self.gradient, self.arguments = gradient, arguments
        self.arrays, self.misshapen, self.faults, self.skipped = {}, {}, [], []
        self.callable = gradient is None or callable(gradient) or _callables(gradient)
        self._floats = sorted({leaf.argnum for leaf in arguments.leaves})
        self._leaves = {(leaf.argnum, leaf.name): leaf for leaf in arguments.leaves}
        for argnum, result in self._results(arguments.vector if vector is None else vector).items():
            if isinstance(result, Fault):
                self.faults.append(result)
            else:
                self._match(argnum, arguments.args[argnum], result, arguments.names[argnum])

    def at(self, vector):
        """The gradient at another vector, in its precision, nan where it was not given; None if it can't be had."""
        fresh = Given(self.gradient, self.arguments, vector) if self.callable else None
        return None if fresh is None or not set(self.arrays) <= set(fresh.arrays) else fresh.vector(self.arrays)

    def vector(self, leaves=None):
        """The gradient as one vector, nan where it was not given; None if nothing was. leaves: only of these."""
        out = np.full(self.arguments.vector.size, np.nan)
        for leaf in self.arrays if leaves is None else leaves:
            out[leaf.start : leaf.stop] = self.arrays[leaf].ravel()
        return out if self.arrays else None

    def again(self, leaf, vector):
        """What the gradient function returns for this leaf when called anew, at `vector`; None if there is none."""
        if not self.callable:
            return None
        fresh = Given(self.gradient, self.arguments, vector)
        return fresh.arrays.get(leaf, fresh.misshapen.get(leaf))

    def _results(self, vector):
        """{argument number: its gradient as it was returned, or a Fault}."""
        args, gradient = self.arguments.args, self.gradient
        call = lambda g, name: _called(g, self.arguments.at(vector), name)
        if gradient is None:
            return _own(self.arguments, self._floats, vector)
        if callable(gradient):
            return self._spread(call(gradient, "the gradient"))
        if _callables(gradient):
            if len(gradient) != len(args):
                expected = f"one (or None) for each of the {len(args)} arguments"
                raise ValueError(f"gradient has {len(gradient)} functions, expected {expected}")
            wanted = [i for i in self._floats if gradient[i] is not None]
            return {i: call(gradient[i], f"dL/d{self.arguments.names[i]}") for i in wanted}
        return self._spread(gradient)

    def _spread(self, result):
        """Whether a result is the gradient of the first argument or a tuple for all."""
        if not self._floats:
            return {}
        first, args = self._floats[0], self.arguments.args
        scalars = all(leaf.shape == () for leaf in self.arguments.leaves) and len(self.arguments.leaves) > 1
        if isinstance(result, np.ndarray) and scalars and result.shape == (len(self._floats),):
            result = tuple(result)  # one array for several numbers, as SciPy has it
        plain = isinstance(result, tuple | list) and not hasattr(result, "_fields")
        if isinstance(result, Fault) or not plain or _looks_like(result, args[first]):
            return {first: result}
        if len(result) in (len(args), len(self._floats)):
            results = {i: result[i] for i in self._floats} if len(result) == len(args) else zip(self._floats, result)
            return self._wanted(dict(results))
        if tree.entries(args[first]) is not None:
            return {first: result}
        name = self.arguments.names[first]
        got = f"The gradient is a {type(result).__name__} of {len(result)}"
        expected = f"one array (the gradient with respect to {name}) or a tuple of {len(args)}, one for each argument"
        return {first: Fault(name, "tree", f"{got}, expected {expected} (None for those that are not to be checked).")}

    def _wanted(self, results):
        """Without the arguments whose gradient is None, unless all are."""
        nothing = [i for i, result in results.items() if result is None and tree.flatten(self.arguments.args[i])[0]]
        if len(nothing) == len(results):
            return results
        self.skipped = [self.arguments.names[i] for i in nothing]
        return {i: result for i, result in results.items() if i not in nothing}

    def _match(self, argnum, arg, result, name):
        """Compare the trees of an argument and of its gradient, and file the leaves."""
        pairs = tree.entries(arg)
        if pairs is None:
            if (argnum, name) in self._leaves:
                self._take(self._leaves[argnum, name], result)
            return
        if isinstance(arg, list | tuple) and isinstance(result, np.ndarray) and result.shape[:1] == (len(pairs),):
            result = tree.rebuild(type(arg), tuple(key for key, _ in pairs), list(result))  # a list stands for an array
        if type(result) is not type(arg):
            got = "None" if result is None else f"of type {type(result).__name__}"
            what = f"{type(arg).__name__} with keys {[key for key, _ in pairs]}" if pairs else repr(arg)
            if pairs or result is not None:
                self.faults.append(Fault(name, "tree", f"dL/d{name} is {got}, expected a {what}, like {name}."))
            return
        theirs = dict(tree.entries(result))
        for (key, child), path in zip(pairs, _steps(arg, pairs)):
            if key in theirs:
                self._match(argnum, child, theirs.pop(key), name + path)
            elif any((argnum, name + path + rest) in self._leaves for rest in tree.paths(child)):
                said = f"dL/d{name}{path} is missing: the gradient of {name} has no entry {key!r}."
                self.faults.append(Fault(name + path, "tree", said))
        for key in theirs:
            self.faults.append(Fault(name, "tree", f"The gradient of {name} has an entry {key!r} that {name} has not."))

    def _take(self, leaf, got):
        """File the gradient of one leaf."""
        number = isinstance(got, float | int) and not isinstance(got, bool)
        got = np.asarray(got, dtype=np.float64) if number else _array_of(got, leaf)
        told = structure_sentence(got, np.zeros(leaf.shape), leaf.name)
        if told and told[0] != "not-finite":
            self.faults.append(Fault(leaf.name, *told))
            if told[0] == "tree" or np.asarray(got).dtype.kind not in "iub":
                return
        array = np.asarray(got)
        if array.shape != leaf.shape:
            self.misshapen[leaf] = array
            return
        if array.dtype != leaf.dtype and array.dtype.kind == "f" and not number and leaf.kind is not float:
            wider = array.itemsize > leaf.dtype.itemsize
            cause = "a float64 constant array, or np.zeros without dtype" if wider else "an astype too many"
            said = f"dL/d{leaf.name} has dtype {array.dtype}, expected {leaf.dtype}, that of {leaf.name}: {cause}?"
            self.faults.append(Fault(leaf.name, "dtype", said))
        self.arrays[leaf] = array


def _array_of(got, leaf):
    """A list of numbers that has the shape of its leaf as an array; anything else as it is."""
    try:
        array = np.asarray(got) if isinstance(got, list) else None
    except ValueError:  # parts of different lengths
        return got
    return array if array is not None and array.dtype.kind == "f" and array.shape == leaf.shape else got


def _steps(arg, pairs):
    """The step from a container to each child, as `tree.paths` writes it."""
    return tree.paths(tree.rebuild(type(arg), tuple(key for key, _ in pairs), [0.0] * len(pairs)))


def _callables(gradient):
    items = gradient if isinstance(gradient, list) else []
    return any(callable(item) for item in items) and all(item is None or callable(item) for item in items)


def _called(gradient, args, name):
    """gradient(*args), or a Fault that says what it raised and where."""
    try:
        with np.errstate(all="ignore"):
            return gradient(*args)
    except Exception as error:
        inside = traceback.extract_tb(error.__traceback__)[1:]
        where = f" (line {inside[-1].lineno} of {inside[-1].filename})" if inside else ""
        return Fault(name, "raises", f"{name} raised {type(error).__name__}: {error}{where}")


def _own(arguments, wanted, vector):
    """tinygen's gradient by the float leaves, as trees of the arguments."""
    args = arguments.at(vector)
    flat = {i: tree.flatten(args[i]) for i in wanted}
    floats = {i: [k for k in range(len(flat[i][0])) if arguments.leaf(i, k)] for i in wanted}

    def of_leaves(leaves):
        leaves, new = iter(leaves), list(args)
        for i in wanted:
            values = list(flat[i][0])
            for k in floats[i]:
                values[k] = next(leaves)
            new[i] = tree.unflatten(flat[i][1], values)
        value, _ = apart(arguments.f(*new))
        return sum(value.values()) if isinstance(value, dict) else value

    start = [flat[i][0][k] for i in wanted for k in floats[i]]

    def gradient(start):
        value, pull = vjp(of_leaves)(start)
        return _changed(value, of_leaves, start, arguments.names[wanted[0]]) or pull(np.ones_like(value))

    result = _called(gradient, [start], "tinygen's own gradient")
    if isinstance(result, Fault):
        return {wanted[0]: result}
    result, out = iter(result), {}
    for i in wanted:
        values = list(flat[i][0])
        for k in floats[i]:
            values[k] = next(result)
        out[i] = tree.unflatten(flat[i][1], values)
    return out


def _changed(value, f, args, name):
    """A Fault if f, where it was recorded, had another `value` than at arrays; None if not, or if f draws numbers."""
    plain, again = np.asarray(f(args)), np.asarray(f(args))
    same = lambda a, b: a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=0, equal_nan=True)
    if same(value, plain) or not same(again, plain):
        return None
    values = f"it is {plain.ravel()[0]:.6g} here, but {np.ravel(value)[0]:.6g} where its arguments are recorded"
    asks = "Does it ask for their type, by isinstance or type(x)?"
    return Fault(name, "other-value", f"tinygen cannot differentiate this f: {values}. {asks}")


def _looks_like(result, arg):
    """Whether a list or tuple is the gradient of one argument: a tree like it, or numbers of its shape."""
    if tree.entries(arg) is not None:
        return tree.flatten(result)[1] == tree.flatten(arg)[1]
    try:
        return np.shape(result) == np.shape(arg) and np.ndim(arg) > 0 and np.asarray(result).dtype.kind in "fiu"
    except ValueError:
        return False
