"""Record a function once, then replay what it did, as straight-line NumPy in arrays that were allocated once."""

import contextvars
import functools
import textwrap
import threading
import warnings
from collections import OrderedDict
from time import perf_counter

import numpy as np

from tinygen.autodiff import tree
from tinygen.autodiff.tape import Var
from tinygen.program import passes
from tinygen.program.arguments import MISS, caller, place_like, scan
from tinygen.program.link import link
from tinygen.program.names import Locals, input_names, names_of
from tinygen.program.outside import Outside
from tinygen.program.program import layout_of, record

PLANS_KEPT = 8  # for each compiled function: the least recently used is dropped
WARNED = 3  # recordings that a variable has cost, after which there is a warning


class compile:
    """`compile(f)(*args, **kw)` computes `f(*args, **kw)`; from the second call on it replays what `f` did.

    One recording serves one set of shapes, dtypes and memory layouts (the last 8 sets are kept); derivatives inside `f`
    are recorded with it. Arrays and floats are inputs; int, str, bool and None are constants, and another value records
    again. The replay has the bits of the eager call, except for the kernels that `explain()` marks. `source` is the
    replay as a NumPy program that runs by itself.

    The arrays that come back are buffers that the next call overwrites: `.copy()` what you keep. They may be the next
    call's arguments. With `out`, a tree like f's result with None for what stays in buffers, results are written into
    your arrays.

    Where a second derivative is a limit of its values nearby (a norm at 0, equal eigenvalues: see `tinygen.hessian`) a
    replay can't find it: `source` says NotImplemented there, and the compiled function calls `f` itself.

    What `f` reads that is not an argument is frozen by a recording: globals, variables of enclosing functions,
    attributes, lists and dicts, the contents of arrays. They are looked at before each call, and where one has changed,
    `f` is recorded again. Not seen are changes in things that `f` reaches only through other people's libraries (the
    clock, os.environ) or by `getattr`, in lists of more than 100 items, and of a few entries in an array of more than
    1,024, of which some 64 are looked at.

    Errors: TypeError if `f` looks at a value while it is recorded (`if v > 0`, masks) or an argument is no array,
    number, str, bool or None (a random generator: draw outside and pass the noise); RuntimeError if `f` draws from a
    random generator, if it gives other numbers when it runs again (three more runs are compared, one of them with other
    arguments), or if two threads share a compiled function.

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
        self.plans, self.plan, self.outside, self.recorded_again = OrderedDict(), None, None, 0
        self.call = lambda args, kw: MISS  # that of the last plan, in a context where NumPy's errors are ignored
        self.lock = threading.Lock()
        self.__name__, self.__doc__ = getattr(f, "__name__", "f"), f.__doc__

    def __call__(self, *args, **kw):
        if _comparing.on:
            return self.f(*args, **kw)
        if not self.lock.acquire(False):
            raise RuntimeError(
                f"two threads call the compiled {self.__name__} at once, and its buffers are shared: "
                "compile it once for each thread."
            )
        try:
            result = self.call(args, kw)
            return result if result is not MISS else self._call(args, kw)
        finally:
            self.lock.release()

    def __reduce__(self):
        """A copy has a plan and buffers of its own."""
        return _copied, (self.f, self.out)

    def _call(self, args, kw):
        """Find or make the plan for these arguments."""
        leaves, key = [], []
        scan(args, leaves, key)
        if kw:
            scan(kw, leaves, key)
        if Var in key:
            return self.f(*args, **kw)  # inside another differentiation: be a part of it
        arrays = [id(leaf) for leaf in leaves if isinstance(leaf, np.ndarray)]
        if len(set(arrays)) < len(arrays):
            key.append(tuple(map(arrays.index, arrays)))  # which of them are one array
        changed = self.outside and self.outside.changed()
        if changed:
            self.plans.clear()
            self._say_that_it_changed(changed)
        plan = self.plans.pop(tuple(key), None)
        if plan is None:
            plan = Plan(self.f, args, kw, leaves, self.out)
            self.outside = plan.outside  # recording may itself have changed something, such as a list of what it did
        self.plans[tuple(key)] = self.plan = plan
        while len(self.plans) > PLANS_KEPT:
            self.plans.popitem(last=False)
        self.call = plan.fit(args, kw, leaves, self.outside)
        result = self.call(args, kw)
        return plan.eager(args, kw) if result is MISS else result

    def _say_that_it_changed(self, name):
        self.recorded_again += 1
        if self.recorded_again == WARNED:
            warnings.warn(
                f"the compiled {self.__name__} was recorded again for the {WARNED}rd time because {name}, which it "
                "reads, had changed. Each recording costs several calls: pass what changes as an argument.",
                RuntimeWarning,
                stacklevel=4,
            )

    @property
    def source(self):
        """The replay of the last call as a NumPy program: `bind(arrays)` gives `step`, which does the work.

        >>> step = compile(lambda x, W: np.tanh(x @ W))
        >>> y = step(np.ones((2, 3)), np.ones((3, 5)))
        >>> print(step.source[step.source.index("    def step"):])
            def step():
                dot(x, W, b0)  # v1 = x @ W  (2, 5) float64
                tanh(b0, b0)   # v2 = tanh(v1)  (2, 5) float64
                return b0
        <BLANKLINE>
            return step
        <BLANKLINE>
        """
        return self._last("source").source

    def explain(self):
        """The plan of the last call as text: each line with bytes and microseconds; memory; frozen arrays."""
        return self._last("explain()").explain()

    def _last(self, what):
        if self.plan is None:
            raise RuntimeError(f"call the compiled {self.__name__} once before {what}: there is no plan yet.")
        return self.plan


def _copied(f, out):
    return compile(f, out=out)


class Plan:
    """One program bound to arrays. `fit(args, kw, leaves)` gives the function that replays it."""

    def __init__(self, f, args, kw, leaves, out):
        self.name = getattr(f, "__name__", "f")
        self.outside = Outside(f, [leaf for leaf in leaves if isinstance(leaf, np.ndarray)])
        with Locals() as local:
            program, values = record(f, args, kw)
        self._check_draws(local.drew)
        program = passes.added_in_place(program)
        sources = passes.sources(program, values)
        apart = passes.apart(program, values)
        names, _ = names_of(program, input_names(f, args, kw), local.found)
        self.f, self.program, self.targets = f, program, _targets(program, out, leaves)

        def linked(exact):
            return link(program, sources, apart, (names, self.outside.names), self.targets, exact=exact)

        self.held = [leaf if isinstance(leaf, np.ndarray) else None for leaf in leaves]  # read in place while the same
        self.own = [None] * len(leaves)
        self.lines, self.nbytes, self.pairs = linked(exact=False)
        self.bind = self._binder(self.lines)
        _compare(f, args, kw, leaves, self._binder(linked(exact=True)[0]) if self.lines.fast else self.bind)
        self.outside.remember()
        self.step = self._bound(self.bind)

    @functools.cached_property
    def source(self):
        """The replay as a NumPy program, with what each line computes."""
        kinds = ", ".join(f"{name}: {layout}" for name, (_, layout) in zip(self.lines.given, self.program.inputs))
        title = textwrap.fill(f"{self.name}, as it was recorded for {kinds or 'numbers'}.", 100)
        return self.lines.text(title, commented=True)

    def _binder(self, lines, timed=False):
        """The source as a function of the inputs' arrays; other arrays are the same at each call."""
        space = {}
        exec(lines.text(self.name, timed=timed), space)
        others = [value for value in lines.given.values() if value is not None]
        return lambda arrays, *more: space["bind"](*arrays, *others, *more)

    def _bound(self, bind, *more):
        arrays = [held if own is None else own for held, own in zip(self.held, self.own)]
        return bind([array for array in arrays if array is not None], *more)

    def fit(self, args, kw, leaves, outside):
        """A function of (args, kw) for arguments like these: it brings the inputs where they are read, and replays.

        An array is read in place as long as it is the same object; the first other one gets a place of its own.
        """
        moved = [i for i, held in enumerate(self.held) if held is not None and leaves[i] is not held]
        places = {}  # an array that is given twice is read in one place
        for i in moved:
            self.own[i], self.held[i] = places.setdefault(id(leaves[i]), place_like(leaves[i])), None
        if moved:
            self.step = self._bound(self.bind)
        context = contextvars.copy_context()
        context.run(np.seterr, all="ignore")  # as in C: the eager call warns, the replay does not
        return functools.partial(context.run, caller(args, kw, self.own, self.pairs, self.step, outside))

    def eager(self, args, kw):
        """What the replay says NotImplemented to: f as it stands, with arrays of its own or the caller's."""
        with np.errstate(all="ignore"):
            leaves, structure = tree.flatten(self.f(*args, **kw))
        leaves = [leaf.copy() if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]
        for k, array in self.targets.items():
            array[...] = leaves[k]
            leaves[k] = array
        return tree.unflatten(structure, leaves)

    def _check_draws(self, unseeded):
        drawn = [*self.outside.drawn(), *["a generator without a seed"] * unseeded]
        if drawn:
            raise RuntimeError(
                f"{self.name} draws from {drawn[0]}, which is not an argument: a replay would freeze the random draw. "
                "Draw outside and pass the noise as an argument."
            )

    def explain(self):
        """Each line with bytes and microseconds (median of 20 replays); the memory; what is frozen."""
        step = self._bound(self._binder(self.lines, timed=True), perf_counter)
        numbers = [layout.kind(1) for _, layout in self.program.inputs if not layout.is_array]
        with np.errstate(all="ignore"):
            took = np.median([np.diff(step(*numbers)) for _ in range(20)], axis=0) * 1e6
        lines = [f"{'us':>8}  {'bytes':>10}  line"]
        width = min(max((len(line.text) for line in self.lines.lines), default=0), 60)
        for us, line in zip(took, self.lines.lines):
            comment = f"  # {line.comment()}" if line.comment() else ""
            lines.append(f"{us:8.2f}  {line.nbytes:10d}  {line.text:{width}}{comment}")
        lines.append(f"{took.sum():8.2f}  {self.nbytes:10d}  in all: {len(self.lines.lines)} lines, bytes of buffers")
        for a in self.program.frozen():
            name = self.outside.names.get(id(a))
            lines.append(f"frozen: {name or 'an array'} of shape {a.shape}, {a.dtype}, that is not an argument")
        return "\n".join(lines)


class _Comparing(threading.local):
    """Whether this thread compares a replay with f: compiled functions inside of f give arrays of their own then."""

    on = False


_comparing = _Comparing()


def _compare(f, args, kw, leaves, bind):
    """The recording must be all that `f` does: further eager calls have to give the same bits, here and elsewhere."""
    leaves_of, structure = tree.flatten((args, kw))
    rng = np.random.default_rng(0)
    moved = [_perturbed(leaf, rng) for leaf in leaves_of]
    for again, given in enumerate((leaves_of, leaves_of, moved)):
        arrays = [leaf for leaf in given if isinstance(leaf, np.ndarray)]
        numbers = [leaf for leaf in given if isinstance(leaf, (float, np.generic))]
        args, kw = tree.unflatten(structure, given)
        with np.errstate(all="ignore"):
            _comparing.on = True
            try:
                eager = tree.flatten(f(*args, **kw))[0]
            except Exception:
                if given is not moved:
                    raise
                return  # `f` is not defined there
            finally:
                _comparing.on = False
            replayed = bind(arrays)(*numbers)
        replayed = eager if replayed is MISS else tree.flatten(replayed)[0]
        for k, (a, b) in enumerate(zip(replayed, eager)):
            if np.shape(a) != np.shape(b) or not np.array_equal(a, b, equal_nan=np.asarray(b).dtype.kind == "f"):
                when = "at other arguments than its recording" if given is moved else "when it ran again"
                raise RuntimeError(
                    f"{getattr(f, '__name__', 'f')} gave other numbers {when} (output {k}, run {again + 2}): it reads "
                    "something that is not an argument, such as a random draw, a global or an array that changes. A "
                    "replay would freeze it: pass it as an argument (noise too)."
                )


def _perturbed(leaf, rng):
    """Other data of the same kind: zero weights, for example, would hide what is multiplied by them."""
    if isinstance(leaf, (bool, int, str)) or not isinstance(leaf, (float, np.ndarray, np.generic)):
        return leaf
    x = np.asarray(leaf)
    if x.dtype.kind == "f" and x.size:
        noise = rng.uniform(-0.02, 0.02, x.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            x = np.where(x == 0, noise, x * (1 + noise)).astype(x.dtype)
    elif x.dtype.kind in "iub" and x.ndim:
        x = rng.permutation(x.reshape(-1)).reshape(x.shape)
    if not isinstance(leaf, np.ndarray):
        return type(leaf)(x[()])
    there = place_like(leaf)
    there[...] = x
    return there


def _targets(program, out, leaves):
    """Number of the output -> the caller's array, for those that are written there."""
    inputs = [leaf for leaf in leaves if isinstance(leaf, np.ndarray)]
    layouts = dict(program.inputs)
    for op in program.operations:
        layouts.update(zip(op.outputs, op.layouts))
    found, outputs = {}, iter(enumerate(program.outputs))

    def walk(structure, wanted):
        if structure.kind is None:
            k, (slot, _) = next(outputs)
            if wanted is not None:
                y = layouts.get(slot)
                constant = program.outputs[k][1]
                if y is None and isinstance(constant, (np.ndarray, np.generic, float)):
                    y = layout_of(constant)
                need = "not an array" if y is None else f"{y.dtype} {y.shape}"
                got = f"{wanted.dtype} {wanted.shape}" if isinstance(wanted, np.ndarray) else type(wanted).__name__
                if got != need:
                    raise TypeError(f"out: this result is {need}, but the array given for it is {got}.")
                if any(np.may_share_memory(wanted, x) for x in inputs):
                    raise TypeError("out: an array given for a result is also an input; give it memory of its own.")
                if any(np.shares_memory(wanted, other) for other in found.values()):
                    raise TypeError("out: two results were given the same memory: one would overwrite the other.")
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
