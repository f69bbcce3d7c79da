"""Mistakes that can be planted in any gradient, of sizes from 1e-6 to 1; the trials made of them and of the slips."""

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

import tinygen as tg

from .base import ZOO

SIZES = (1e-6, 1e-4, 1e-2, 1.0)


@dataclass(frozen=True)
class Trial:
    """One gradient to be judged: a dict of arrays by `backward(*args)`; `kinds` and `says` what a right diagnosis is.

    A right gradient has no kinds.
    """

    label: str
    subject: object
    args: tuple
    backward: object
    kinds: frozenset = frozenset()
    says: str = ""
    argument: str = ""  # the spoiled argument, where only one is
    never: str = ""  # a pattern of what would be false

    @property
    def held_out(self):
        """Whether the diagnosis was written without a look at this trial."""
        return self.subject.held_out


def _one_entry(g, size, rng):
    flat = g.ravel().copy()
    loud = np.flatnonzero(abs(flat) >= 0.05 * np.max(abs(flat)))
    flat[rng.choice(loud)] *= 1 + size
    return flat.reshape(g.shape)


def _one_row(g, factor, rng):
    out = g.copy()
    row = rng.choice(np.flatnonzero(np.any(g.reshape(len(g), -1) != 0, axis=1)))
    out[row] *= factor
    return out


def _shuffled(g, _, rng):
    return rng.permutation(g.ravel()).reshape(g.shape)


def _clipped(g, part, _):
    limit = np.quantile(abs(g), part)
    return np.clip(g, -limit, limit)


def _two(g, factor, rng):
    return _one_entry(factor * g, 0.3, rng)


# name -> (spoil(g, size, rng), sizes, kinds, pattern, which gradients it can be planted in)
_big = lambda g: g.size >= 6
_rows = lambda g: g.ndim > 1 and len(g) > 2
_square = lambda g: g.ndim == 2 and g.shape[0] == g.shape[1] and not np.allclose(g, g.T)
_line = lambda g: g.ndim >= 1 and len(g) > 3
PLANTS = {
    "one entry": (_one_entry, SIZES, "entries", "", _big),
    "all scaled": (lambda g, s, r: (1 + s) * g, SIZES[:3], "factor", "", _big),
    "sign": (lambda g, s, r: -g, (1,), "sign", "", lambda g: True),
    "twice": (lambda g, s, r: 2 * g, (1,), "factor parameterisation", "twice", lambda g: True),
    "half": (lambda g, s, r: g / 2, (1,), "factor parameterisation", "half", lambda g: True),
    "ln 2": (lambda g, s, r: g * np.log(2), (1,), "factor", "ln 2", lambda g: True),
    "2 pi": (lambda g, s, r: g / (2 * np.pi), (1,), "factor", "pi", lambda g: True),
    "offset": (lambda g, s, r: g + s * np.max(abs(g)), SIZES, "offset term mean-term", "", _big),
    "one row": (lambda g, s, r: _one_row(g, 1 + s, r), (1e-6, 1e-3, 1), "entries", "row|column", _rows),
    "row's sign": (lambda g, s, r: _one_row(g, -1, r), (1,), "entries sign", "row|column", _rows),
    "row lost": (lambda g, s, r: _one_row(g, 0, r), (1,), "entries zero", "row|column", _rows),
    "zeros": (lambda g, s, r: 0 * g, (1,), "zero", "", lambda g: True),
    "transposed": (lambda g, s, r: g.T.copy(), (1,), "transpose", "transpos", _square),
    "reversed": (lambda g, s, r: g[::-1].copy(), (1,), "order", "", _line),
    "shifted": (lambda g, s, r: np.roll(g, 1, 0), (1,), "shift", "", _line),
    "shuffled": (_shuffled, (1,), "order", "order", _big),
    "clipped": (_clipped, (0.6, 0.2), "clipped", "", _big),
    "absolute": (lambda g, s, r: abs(g), (1,), "sign entries", "", lambda g: _big(g) and g.min() < 0 < g.max()),
    "cut at 0": (
        lambda g, s, r: np.maximum(g, 0),
        (1,),
        "clipped entries",
        "",
        lambda g: _big(g) and g.min() < 0 < g.max(),
    ),
    "float32": (lambda g, s, r: g.astype(np.float32).astype(float), (1,), "precision", "", _big),
    "unsummed": (lambda g, s, r: np.stack([w * g for w in r.dirichlet(np.ones(4))]), (1,), "batch", "sum", _big),
    "squeezed": (lambda g, s, r: g[..., None], (1,), "shape", "", _big),
    "averaged": (
        lambda g, s, r: np.broadcast_to(g.mean(0), g.shape).copy(),
        (1,),
        "batch",
        "",
        lambda g: _rows(g) and np.all(g.mean(0) > 1e-9),
    ),
    "two: sign, entry": (_two, (-1,), "two", "", lambda g: g.size >= 8),
    "two: twice, entry": (_two, (2,), "two", "", lambda g: g.size >= 8),
}


def _spoiled(subject, name, spoil, size, seed, *args):
    gradients = dict(subject.backward(*args))
    gradients[name] = spoil(gradients[name], size, np.random.default_rng(seed))
    return gradients


def _term_scaled(subject, name, term, size, *args):
    k = subject.names.index(name)
    part = tg.grad(lambda x: subject.f(*args[:k], x, *args[k + 1 :])[term])(args[k])
    gradients = dict(subject.backward(*args))
    gradients[name] = gradients[name] + size * part
    return gradients


def _exchanged(subject, one, two, *args):
    gradients = dict(subject.backward(*args))
    gradients[one], gradients[two] = gradients[two], gradients[one]
    return gradients


def slips(seed, zoo=ZOO):
    """A trial for each slip of each derivation."""
    for subject in zoo:
        args = subject.example(np.random.default_rng(seed))
        for slip in subject.slips:
            backward = partial(subject.backward, slip=slip.name)
            label = f"{subject.name}: {slip.name}"
            yield Trial(label, subject, args, backward, slip.kinds, slip.says, never=slip.never)


def plants(seed, each):
    """Up to `each` trials for each plant and size, over all derivations in turn."""
    rng = np.random.default_rng(seed)
    for name, (spoil, sizes, kinds, says, fits) in PLANTS.items():
        for size in sizes:
            places = [(s, n) for s in ZOO for n, g in s.backward(*s.example(np.random.default_rng(seed))).items()
                      if fits(np.asarray(g)) and np.any(g)]  # fmt: skip
            for k in rng.permutation(len(places))[:each]:
                subject, argument = places[k]
                args = subject.example(np.random.default_rng(rng.integers(2**31)))
                backward = partial(_spoiled, subject, argument, spoil, size, int(rng.integers(2**31)))
                yield Trial(f"{subject.name}.{argument}: {name} {size:g}", subject, args, backward,
                            frozenset(kinds.split()), says, argument)  # fmt: skip
    yield from _term_plants(seed, rng)


def _term_plants(seed, rng):
    """Gradients by two arguments exchanged, and one term of a loss scaled."""
    for subject in ZOO:
        args = subject.example(np.random.default_rng(seed))
        right, terms = subject.backward(*args), subject.f(*args)
        for one, two in pairwise(right):
            if np.shape(right[one]) == np.shape(right[two]):
                backward, kinds = partial(_exchanged, subject, one, two), frozenset({"other-argument"})
                yield Trial(f"{subject.name}: {one} and {two} exchanged", subject, args, backward, kinds)
        for name in right if isinstance(terms, dict) else ():
            k = subject.names.index(name)
            parts = {t: _term_gradient(subject, args, k, t) for t in terms}
            live = [t for t, part in parts.items() if part is not None and np.any(part)]
            for size in (1e-4, -0.3) if len(live) > 1 else ():
                term = live[int(rng.integers(len(live)))]
                backward, label = (
                    partial(_term_scaled, subject, name, term, size),
                    f"{subject.name}.{name}: {term} scaled",
                )
                yield Trial(f"{label} {size:g}", subject, args, backward, frozenset({"term"}), term, name)


def _term_gradient(subject, args, k, term):
    try:
        return tg.grad(lambda x: subject.f(*args[:k], x, *args[k + 1 :])[term])(args[k])
    except TypeError:
        return None  # not for tinygen (SciPy's softmax), or the term does not depend on it


def rights(seed, count):
    """`count` right gradients: as they are, in float32, badly scaled, and at kinks."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        subject = ZOO[k % len(ZOO)]
        args, backward, form = subject.example(rng), subject.backward, k // len(ZOO) % 4
        if form == 1:
            yield Trial(
                f"{subject.name}: float32", subject, tuple(_single(a) for a in args), partial(_own_precision, subject)
            )
        elif form == 2:
            scale = float(10.0 ** rng.uniform(-6, 6))
            yield Trial(
                f"{subject.name}: times {scale:.1e}", _Scaled(subject, scale), args, _Scaled(subject, scale).backward
            )
        elif form == 3 and subject.name == "huber":
            yield Trial(
                "huber: at its kink",
                subject,
                (args[1] + np.round(rng.uniform(-1, 1, 13)) * args[2], *args[1:]),
                backward,
            )
        else:
            yield Trial(f"{subject.name}: as it is", subject, args, backward)


def _own_precision(subject, *args):
    """The gradients in the precision of their arguments (1 / np.sqrt(3) makes float64 of anything)."""
    return {name: g.astype(args[subject.names.index(name)].dtype) for name, g in subject.backward(*args).items()}


def _single(value):
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


class _Scaled:
    """A subject with its loss, and so its gradient, times a number."""

    def __init__(self, subject, scale):
        self.subject, self.scale = subject, scale
        self.name, self.names, self.held_out = subject.name, subject.names, subject.held_out

    def f(self, *args):
        value = self.subject.f(*args)
        return {k: self.scale * v for k, v in value.items()} if isinstance(value, dict) else self.scale * value

    def backward(self, *args):
        return {name: self.scale * g for name, g in self.subject.backward(*args).items()}
