"""A normalizing flow on one page: a density made of a standard normal and maps that can be inverted.

Layer by layer the data becomes noise, x -> z = f(x), and the change of variables gives its density exactly:

log p(x) = log N(f(x); 0, I) + ln |det df/dx|,    ln |det df/dx| = sum over the layers of ln |det|

Training minimises -log p(x), sampling draws z and runs the layers backwards, x = f^-1(z). (Where a book begins with
x = f(z), its f is our f^-1.) A layer is a small object that knows sizes and no numbers; its numbers are in a tree of
arrays. More layers are in layers.py, the gradients by hand of the maps that they are made of in affine.py and
spline.py. Throughout, layers: a list of `Layer`s, the data's first. params: their numbers, a list, as of `init`.
c: (B, classes), one-hot labels, or None. keep: factors on hidden units, for dropout: one (B, hidden) for each layer.

>>> layers = [Coupling(), Coupling(flip=True)]
>>> params = init(layers, np.random.default_rng(0), 2)
>>> z, log_det = forward(layers, params, np.ones((3, 2), np.float32))
>>> z.shape, log_det.shape, log_density(layers, params, np.zeros((1, 2), np.float32)).round(6)
((3, 2), (3,), array([-1.837877], dtype=float32))
"""

from dataclasses import dataclass

import numpy as np

from tinygen import gaussian
from tinygen.models.flow import affine
from tinygen.nn.layers import mlp, mlp_init

# The whole flow -----------------------------------------------------------------------------------------------------


def init(layers, rng, D, classes=0, dtype=np.float32):
    """The numbers of all layers, of this dtype, for rows of D columns and `classes` labels. rng: a Generator."""
    return [layer.init(rng, D, classes, dtype) for layer in layers]


def forward(layers, params, x, c=None, keep=None):
    """From data to noise: z = f(x) (B, D) and ln |det df/dx| (B,). keep: dropout, one (B, hidden) for each layer."""
    log_det = np.zeros(x.shape[:-1], x.dtype)
    for i, (layer, numbers) in enumerate(zip(layers, params)):
        x, more = layer.forward(numbers, x, c) if keep is None else layer.forward(numbers, x, c, keep[i])
        log_det = log_det + more
    return x, log_det


def inverse(layers, params, z, c=None):
    """From noise to data: x = f^-1(z) (B, D) and ln |det dx/dz| (B,), minus that of `forward` at x."""
    log_det = np.zeros(z.shape[:-1], z.dtype)
    for layer, numbers in zip(reversed(layers), reversed(params)):
        z, more = layer.inverse(numbers, z, c)
        log_det = log_det + more
    return z, log_det


def log_density(layers, params, x, c=None, keep=None):
    """log p(x) = log N(f(x); 0, I) + ln |det df/dx| of each row, (B,), nats; exact."""
    z, log_det = forward(layers, params, x, c, keep)
    return gaussian.log_density(z, 0.0, 0.0) + log_det


def loss(layers, params, x, c=None, keep=None):
    """What training minimises: the mean of -log p(x), and its two terms."""
    z, log_det = forward(layers, params, x, c, keep)
    noise, volume = np.mean(gaussian.log_density(z, 0.0, 0.0)), np.mean(log_det)
    return -(noise + volume), {"noise": -noise, "volume": -volume}


def sample(layers, params, z, c=None):
    """x = f^-1(z): draws from p, if the rows of z are draws from N(0, I)."""
    return inverse(layers, params, z, c)[0]


# One layer ----------------------------------------------------------------------------------------------------------


class Layer:
    """What every layer knows.

    D: how many columns a row has. classes: how many labels there are. dtype: of the numbers. numbers: the layer's own,
    a tree of arrays, as `init` returns them. c: (B, classes), one-hot labels, or None. keep: factors on hidden units.
    """

    def init(self, rng, D, classes=0, dtype=np.float32):
        """The numbers to begin with. rng: numpy.random.Generator. Raises ValueError for a D that it is not made for."""
        raise NotImplementedError

    def forward(self, numbers, x, c=None, keep=None):
        """From x (B, D) to z (B, D), and ln |det dz/dx|: (B,), or one number where it is the same for all rows."""
        raise NotImplementedError

    def inverse(self, numbers, z, c=None):
        """From z (B, D) back to x (B, D), and ln |det dx/dz|: minus that of `forward` at x."""
        raise NotImplementedError


@dataclass(frozen=True)
class Scale:
    """What a coupling does to an entry b: b e^s + t, with s and t from the net; |s| stays below `most`."""

    most: float = 4.0
    outputs = 2  # numbers of the net for an entry

    def forward(self, raw, b):
        """raw (..., d, 2), b (..., d) -> b', ln db'/db, both (..., d)."""
        s = self._s(raw)
        return affine.scale(b, s, raw[..., 1]), s

    def inverse(self, raw, b):
        """raw (..., d, 2), b' (..., d) -> b, ln db/db', both (..., d)."""
        s = self._s(raw)
        return affine.scale_inverse(b, s, raw[..., 1]), -s

    def _s(self, raw):
        return self.most * np.tanh(raw[..., 0] / self.most)


@dataclass(frozen=True)
class Coupling(Layer):
    """Half of the columns stay, a, and say by a net what happens to each of the others: b -> b'(b; net(a)).

    Its Jacobian is triangular, so that ln |det| is the sum of the logarithms of the slopes, db'/db; and since a is
    there on both sides, the net itself is never inverted. (Dinh et al. 2017.)

    curve: the map of an entry, Scale() or layers.Spline(). hidden: sizes of the net's hidden layers, with tanh between.
    flip: the first half is moved, not the second; layers that take turns move all. The net begins at 0 outputs, and so
    the layer as the identity.
    """

    hidden: tuple = (64, 64)
    curve: object = Scale()
    flip: bool = False

    def init(self, rng, D, classes=0, dtype=np.float32):
        moved = D // 2 if self.flip and D > 1 else D - D // 2
        *net, last = mlp_init(rng, [max(D - moved + classes, 1), *self.hidden, moved * self.curve.outputs], dtype)
        return [*net, {"W": np.zeros_like(last["W"]), "b": last["b"]}]

    def forward(self, numbers, x, c=None, keep=None):
        return self._move(self.curve.forward, numbers, x, c, keep)

    def inverse(self, numbers, z, c=None):
        return self._move(self.curve.inverse, numbers, z, c)

    def _move(self, curve, numbers, x, c, keep=None):
        at = x.shape[-1] // 2
        first, second = x[..., :at], x[..., at:]
        a, b = (second, first) if self.flip and at else (first, second)
        raw = conditioner(numbers, a, c, keep).reshape(*b.shape, self.curve.outputs)  # (B, d, outputs)
        b, log_slopes = curve(raw, b)
        parts = (b, a) if self.flip and at else (a, b)
        return np.concatenate(parts, axis=-1), np.sum(log_slopes, axis=-1)


def conditioner(net, a, c=None, keep=None):
    """The net's outputs (B, outputs) for what stays, a (B, d), and the labels c; keep (B, hidden): its dropout."""
    seen = [part for part in (a, c) if part is not None and part.shape[-1]]
    seen = seen or [np.ones((*a.shape[:-1], 1), a.dtype)]  # a single column without labels: nothing is to be seen
    between = np.tanh if keep is None else lambda h: np.tanh(h) * keep
    return mlp(net, np.concatenate(seen, axis=-1) if len(seen) > 1 else seen[0], between)


@dataclass(frozen=True)
class Permutation(Layer):
    """The columns in another order, so that other halves meet; |det| = 1. order: z_i is x_order[i]."""

    order: tuple

    def init(self, rng, D, classes=0, dtype=np.float32):
        if sorted(self.order) != list(range(D)):
            raise ValueError(f"Permutation: got order {self.order}; expected each of 0 to {D - 1} once.")
        return []

    def forward(self, numbers, x, c=None, keep=None):
        return np.take(x, np.array(self.order), axis=-1), 0

    def inverse(self, numbers, z, c=None):
        return np.take(z, np.argsort(self.order), axis=-1), 0
