"""Record a function once, then replay the list of its operations in buffers that were allocated once."""

import threading
from collections import OrderedDict
from time import perf_counter

import numpy as np

from tinygen.autodiff import tree
from tinygen.autodiff.tape import Var
from tinygen.program.link import link
from tinygen.program.program import add_in_place, record

PLANS_KEPT = 8  # for each compiled function: the least recently used is dropped


class compile:
    """`compile(f)(*args)` computes `f(*args)`; from the second call on it replays what `f` did, without running `f`.

    One recording serves one set of shapes, dtypes and memory layouts (the last 8 sets are kept); derivatives inside `f`
    are recorded with it. Arrays and floats are inputs; int, str, bool and None are constants, and another value records
    again. The replay has the bits of the eager call, except for the kernels that `explain()` marks.

    The arrays that come back are buffers that the next call overwrites: `.copy()` what you keep. With `out`, a tree
    like f's result with None for what stays in buffers, results are written into your arrays.

    Errors: TypeError if `f` looks at a value while it is recorded (`if v > 0`, masks) or an argument is no array,
    number, str, bool or None (a random generator: draw outside and pass the noise); RuntimeError if a second eager call
    gives other numbers than the recording (`f` reads something that is not an argument), or if two threads share it.

    >>> from tinygen import grad
    >>> step = compile(grad(lambda x: np.sum(x**3)))
    >>> step(np.array([1.0, 2.0]))
    array([ 3., 12.])
    """

    def __init__(self, f, *, out=None):
        if not callable(f):
            got = type(f).__name__
            raise TypeError(f"compile(f) needs a function, got {got}: write compile(f)(x), not compile(f(x)).")
        self.f, self.out = f, out
        self.plans, self.last = OrderedDict(), (None, None)
        self.lock = threading.Lock()
        self.__name__, self.__doc__ = getattr(f, "__name__", "f"), f.__doc__

    def __call__(self, *args):
        leaves, key = [], []
        _scan(args, leaves, key)
        known, plan = self.last
        if key != known and Var in key:
            return self.f(*args)  # inside another differentiation: be a part of it
        if not self.lock.acquire(blocking=False):
            raise RuntimeError(
                f"two threads call the compiled {self.__name__} at once, and its buffers are shared: "
                "compile it once for each thread."
            )
        try:
            if key != known:
                plan = self._plan(tuple(key), args, leaves)
                self.last = key, plan
            with np.errstate(all="ignore"):  # as in C: the eager call warns, the replay does not
                return plan.run(leaves)
        finally:
            self.lock.release()

    def _plan(self, key, args, leaves):
        plan = self.plans.pop(key, None)
        if plan is None:
            plan = Plan(self.f, args, leaves, self.out)
        self.plans[key] = plan
        while len(self.plans) > PLANS_KEPT:
            self.plans.popitem(last=False)
        return plan

    def explain(self):
        """The plan of the last call as text: each step with shapes, bytes and microseconds; memory; frozen arrays."""
        if self.last[1] is None:
            raise RuntimeError(f"call the compiled {self.__name__} once before explain(): there is no plan yet.")
        return self.last[1].explain()


class Plan:
    """One program bound to buffers. `run(leaves)` replays it."""

    def __init__(self, f, args, leaves, out):
        self.f, self.program = f, add_in_place(record(f, args))
        self.targets = _targets(self.program, out)
        self.held = [leaf if isinstance(leaf, np.ndarray) else None for leaf in leaves]  # read in place while the same
        self.own = [None] * len(leaves)
        self._compare(leaves, args)
        self._link(leaves)
        self.program.forget()

    def _link(self, leaves, exact=False):
        arrays = [held if own is None else own for held, own in zip(self.held, self.own)]
        self.linked = link(self.program, arrays, self.targets, exact=exact)
        self.steps = self.linked.steps
        self.places = [scalar if own is None else own for scalar, own in zip(self.linked.scalars, self.own)]

    def run(self, leaves):
        """Bring the inputs where the steps read them, do the steps, and hand out the results.

        An array is read in place as long as it is the same object; the first other one gets a place of its own.
        """
        elsewhere = [i for i, leaf in enumerate(leaves) if leaf is not self.held[i]]
        moved = [i for i in elsewhere if self.places[i] is None]
        for i in moved:
            self.own[i], self.held[i] = np.empty_like(leaves[i], subok=False), None
        if moved:
            self._link(leaves)
        for i in elsewhere:
            np.copyto(self.places[i], leaves[i])
        for step in self.steps:
            step()
        return self.linked.result()

    def _compare(self, leaves, args):
        """The recording must be all that `f` does: a second eager call has to give the same bits."""
        self._link(leaves, exact=True)
        with np.errstate(all="ignore"):
            replayed = tree.flatten(self.run(leaves))[0]
            again = tree.flatten(self.f(*args))[0]
        for k, (a, b) in enumerate(zip(replayed, again)):
            if np.shape(a) != np.shape(b) or not np.array_equal(a, b, equal_nan=np.asarray(b).dtype.kind == "f"):
                raise RuntimeError(
                    f"{getattr(self.f, '__name__', 'f')} gave other numbers when it ran again with the same arguments "
                    f"(output {k}): it reads something that is not an argument, such as a random draw, a global or an "
                    "array that changes. A replay would freeze it: pass it as an argument (noise too)."
                )

    def explain(self):
        """Each step with shapes, bytes and microseconds (median of 20 replays); the memory; what is frozen."""
        table, times = self.linked.table, []
        with np.errstate(all="ignore"):
            for _ in range(20):
                clock = [perf_counter()]
                for _, steps, _ in table:
                    for step in steps:
                        step()
                    clock.append(perf_counter())
                times.append(np.diff(clock))
        took = np.median(times, axis=0) * 1e6
        lines = [f"{'us':>8}  {'bytes':>10}  step"]
        lines += [f"{us:8.2f}  {sum(a.nbytes for a in out):10d}  {label}" for us, (label, _, out) in zip(took, table)]
        lines.append(f"{took.sum():8.2f}  {self.linked.nbytes:10d}  in all: {len(self.steps)} calls, bytes of buffers")
        for a in self.program.frozen():
            lines.append(f"frozen: an array of shape {a.shape}, {a.dtype}, that is not an argument")
        return "\n".join(lines)


def _scan(x, leaves, key):
    """Collect the inputs in `x`, and all that a plan depends on."""
    kind = type(x)
    if kind is np.ndarray:
        leaves.append(x)
        key.append(x.shape)
        key.append(x.dtype)
        if not x.flags.c_contiguous:
            key.append(x.strides)
    elif kind is float:
        leaves.append(x)
        key.append(...)  # not float, nor "float": np.dtype(np.float64) equals both
    elif kind is tuple or kind is list:
        key.append(len(x))
        key.append(kind)
        for part in x:
            _scan(part, leaves, key)
    elif kind is dict:
        key.append(tuple(x))
        for part in x.values():
            _scan(part, leaves, key)
    elif kind is Var:
        key.append(Var)
    elif x is None or kind in (int, str, bool):
        key.append((kind, x))
    elif isinstance(x, np.ndarray):
        raise TypeError(f"a compiled function takes plain arrays, got a {kind.__name__}: use np.asarray.")
    elif isinstance(x, np.generic):
        leaves.append(x)
        key.append(x.dtype)
    elif tree.entries(x) is not None:
        pairs = tree.entries(x)
        key.append((kind, *(k for k, _ in pairs)))
        for _, part in pairs:
            _scan(part, leaves, key)
    else:
        remedy = ": draw outside and pass the noise as an array." if isinstance(x, np.random.Generator) else "."
        raise TypeError(f"a compiled function takes arrays, numbers, str, bool and None, got a {kind.__name__}{remedy}")


def _targets(program, out):
    """Number of the output -> the caller's array, for those that are written there."""
    values = dict(program.inputs)
    for op in program.operations:
        values.update(zip(op.outputs, op.values()))
    found, outputs = {}, iter(enumerate(program.outputs))

    def walk(structure, wanted):
        if structure.kind is None:
            k, (slot, _) = next(outputs)
            if wanted is not None:
                y = values.get(slot)
                need = "a constant, which has no place" if y is None else f"{y.dtype} {np.shape(y)}"
                got = f"{wanted.dtype} {wanted.shape}" if isinstance(wanted, np.ndarray) else type(wanted).__name__
                if got != need:
                    raise TypeError(f"out: this result is {need}, but the array given for it is {got}.")
                if any(np.may_share_memory(wanted, x) for _, x in program.inputs):
                    raise TypeError("out: an array given for a result is also an input; give it memory of its own.")
                found[k] = wanted
            return
        children = [None] * len(structure.children)
        if wanted is not None:
            there = dict(tree.entries(wanted) or ())
            if set(there) != set(structure.keys):
                kind, keys = structure.kind.__name__, list(structure.keys)
                raise TypeError(f"out: expected a {kind} with keys {keys}, got {list(there)}.")
            children = [there[key] for key in structure.keys]
        for child, part in zip(structure.children, children):
            walk(child, part)

    walk(program.structure, out)
    return found
