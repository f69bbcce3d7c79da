"""A function of trees of arguments, as a function of one vector: what is moved is the float leaves, the rest stays."""

import inspect
from dataclasses import dataclass

import numpy as np

from tinygen.autodiff import tree
from tinygen.check.verdict.cost import Cost
from tinygen.measure.noise import scalar


@dataclass(frozen=True)
class Leaf:
    """One array (or number) among the arguments: `name` as you would write it, `argnum`, its slice of the vector."""

    name: str
    argnum: int
    start: int
    stop: int
    shape: tuple
    dtype: np.dtype
    kind: type  # of the leaf: float for a Python number, np.ndarray, or a NumPy scalar type

    def index(self, flat):
        """The place of entry `flat` of the vector, such as "W[2, 3]"."""
        if not self.shape:
            return self.name
        return f"{self.name}[{', '.join(str(i) for i in np.unravel_index(flat - self.start, self.shape))}]"


class Arguments:
    """The arguments `args` of `f`: `vector` holds all entries of float leaves, `leaves` says where.

    names: one for each argument; else those of f's signature. `promoted` makes `call` hand all floats of whatever
    precision to f in the precision of the vector it gets, in place of their own. cost: a Cost that counts calls.

    Raises ValueError for a wrong number of names.
    """

    def __init__(self, f, args, names=None, cost=None):
        self.f, self.args, self.promoted, self.bar, self.cost = f, args, False, 0.0, cost or Cost()
        self.names = names_of(f, args, names)
        self._flat = [tree.flatten(arg) for arg in args]
        self.leaves, pieces, self._where = [], [], {}
        start = 0
        for argnum, (arg, (values, _)) in enumerate(zip(args, self._flat)):
            for position, (path, value) in enumerate(zip(tree.paths(arg), values)):
                if not _is_float(value):
                    continue
                array = np.asarray(value)
                stop = start + array.size
                self._where[argnum, position] = len(self.leaves)
                leaf = Leaf(self.names[argnum] + path, argnum, start, stop, array.shape, array.dtype, type(value))
                self.leaves.append(leaf)
                pieces.append(array.ravel())
                start = stop
        self.vector = np.concatenate([np.zeros(0), *pieces])  # (n,), float64 or wider

    @property
    def eps(self):
        """The spacing of the coarsest numbers among the float leaves, or of those that f is given instead."""
        return max([float(np.finfo(leaf.dtype).eps) for leaf in self.leaves if not self.promoted], default=0.0)

    def index(self, flat):
        """The place of entry `flat` of the vector."""
        return next(leaf for leaf in self.leaves if leaf.start <= flat < leaf.stop).index(flat)

    def leaf(self, argnum, position):
        """The Leaf at this position among the leaves of an argument; None if it is no float."""
        number = self._where.get((argnum, position))
        return None if number is None else self.leaves[number]

    def at(self, vector):
        """Fresh copies of the arguments with the entries of `vector` in place."""
        wide = self.promoted or vector.dtype != self.vector.dtype
        args = []
        for argnum, (values, structure) in enumerate(self._flat):
            new = []
            for position, value in enumerate(values):
                leaf = self.leaf(argnum, position)
                if leaf is None:
                    new.append(value.copy() if isinstance(value, np.ndarray) else value)
                    continue
                piece = vector[leaf.start : leaf.stop].reshape(leaf.shape)
                piece = piece.copy() if wide else piece.astype(leaf.dtype)
                if leaf.kind is not np.ndarray:
                    piece = float(piece) if leaf.kind is float and piece.dtype == np.float64 else piece[()]
                new.append(piece)
            args.append(tree.unflatten(structure, new))
        return args

    def total(self, vector):
        """f at `vector`, its named terms summed: one number, complex if the vector is. `bar` keeps its largest."""
        self.cost.call()
        value, bar = apart(self.f(*self.at(vector)))
        if not bar >= 0:
            raise ValueError(f"f returned a pair, read as (value, bar), but its bar is {bar:.3g}: expected >= 0")
        self.bar = max(self.bar, bar)
        if isinstance(value, dict) and not value:
            raise ValueError("f returned an empty dict, expected named loss terms")
        terms = list(value.values()) if isinstance(value, dict) else [value]
        return sum(terms[1:], terms[0]) if vector.dtype.kind == "c" else sum(map(scalar, terms[1:]), scalar(terms[0]))

    def flat(self):
        """The leaves of all arguments as arguments of their own: (f of them, values, names, {Leaf: position})."""
        values, names, places, argnums = [], [], {}, []
        for argnum, arg in enumerate(self.at(self.vector)):
            leaves, structure = tree.flatten(arg)
            argnums.append((structure, len(leaves)))
            for position, (path, value) in enumerate(zip(tree.paths(self.args[argnum]), leaves)):
                leaf = self.leaf(argnum, position)
                if leaf is not None:
                    places[leaf] = len(values)
                values.append(value)
                names.append(self.names[argnum] + path)

        def f(*values):
            values = iter(values)
            return apart(self.f(*(tree.unflatten(s, [next(values) for _ in range(count)]) for s, count in argnums)))[0]

        simple = all(structure == tree.LEAF for _, structure in self._flat) and not self.bar
        return (self.f if simple else f), values, names, places


def apart(value):
    """What f returned as (value, how far it may be off), 0.0 if it did not say."""
    pair = isinstance(value, tuple) and len(value) == 2 and all(np.ndim(part) == 0 for part in value)
    return (value[0], float(np.real(value[1]))) if pair else (value, 0.0)


def indices_of(leaves):
    """The places of all entries of some leaves in the vector, (n,)."""
    return np.concatenate([np.arange(0), *(np.arange(leaf.start, leaf.stop) for leaf in leaves)])


def _is_float(value):
    return isinstance(value, float) or (isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f")


def names_of(f, args, names):
    """The names of the arguments `args`: the given `names`, else those of the parameters of `f`. ValueError if they are
    not as many.
    """
    if names is not None:
        names = [names] if isinstance(names, str) else list(names)
        if len(names) != len(args):
            raise ValueError(f"names has {len(names)} names, expected one for each of the {len(args)} arguments")
        return names
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    found = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [found[i] if i < len(found) else f"args[{i}]" for i in range(len(args))]
