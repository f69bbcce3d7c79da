"""More layers of a flow, beside the coupling and the permutation of one_page.py, where it is said what a layer is.

Sources: Kingma and Dhariwal 2018 (LU); Rezende and Mohamed 2015 (planar, radial); the rest stands with each class.
"""

from dataclasses import dataclass

import numpy as np

from tinygen.models.flow import affine, planar, radial, spline
from tinygen.models.flow.one_page import Coupling, Layer, Permutation, Scale, conditioner
from tinygen.nn.layers import mlp_init, softplus

__all__ = ["LU", "Autoregressive", "Coupling", "Diagonal", "Permutation", "Planar", "Radial", "Scale", "Spline"]


@dataclass(frozen=True)
class Spline:
    """What a coupling may do to an entry: a rising spline on [-limit, limit], the identity beyond (spline.py)."""

    bins: int = 8
    limit: float = 4.0

    @property
    def outputs(self):
        """Numbers of the net for an entry."""
        return 3 * self.bins - 1

    def forward(self, raw, b):
        """raw (..., d, outputs), b (..., d) -> b', ln db'/db, both (..., d)."""
        return spline.curve(b, spline.knots(raw, self.limit))

    def inverse(self, raw, b):
        """raw (..., d, outputs), b' (..., d) -> b, ln db/db', both (..., d)."""
        return spline.curve_inverse(b, spline.knots(raw, self.limit))


@dataclass(frozen=True)
class Autoregressive(Layer):
    """Each column is moved by what a net makes of the columns before it: z_i = curve(x_i; net(x_1, ..., x_i-1)).

    One net with masked weights gives all columns at once (Germain et al. 2015; Papamakarios et al. 2017), so that
    `forward` is one pass and `inverse`, where x_i needs x_1 to x_i-1, is D passes. `swap` exchanges the two: quick
    samples, slow densities (Kingma et al. 2016). hidden: sizes of the hidden layers, each at least D - 1
    (with labels D).
    """

    hidden: tuple = (64, 64)
    curve: object = Scale()
    swap: bool = False

    def init(self, rng, D, classes=0, dtype=np.float32):
        least = D - self._lowest(D, classes)
        if min(self.hidden, default=D) < least:
            raise ValueError(f"Autoregressive: hidden layers {self.hidden} for {D} columns; each needs {least} or more "
                             "units, so that every column can depend on every one before it.")
        *net, last = mlp_init(rng, [D + classes, *self.hidden, D * self.curve.outputs], dtype)
        return [*net, {"W": np.zeros_like(last["W"]), "b": last["b"]}]

    def forward(self, numbers, x, c=None, keep=None):
        if self.swap:
            return self._columns(self.curve.forward, numbers, x, c)
        return self._at_once(self.curve.forward, numbers, x, c, keep)

    def inverse(self, numbers, z, c=None):
        if self.swap:
            return self._at_once(self.curve.inverse, numbers, z, c)
        return self._columns(self.curve.inverse, numbers, z, c)

    def _at_once(self, curve, numbers, x, c, keep=None):
        moved, log_slopes = curve(self._raw(numbers, x, c, keep), x)
        return moved, np.sum(log_slopes, axis=-1)

    def _columns(self, curve, numbers, x, c):
        """Column by column: what is found so far gives the map of the next one."""
        known, log_det = [], 0
        for i in range(x.shape[-1]):
            so_far = np.concatenate([*known, np.zeros_like(x[..., i:])], axis=-1)
            column, log_slope = curve(self._raw(numbers, so_far, c)[..., i : i + 1, :], x[..., i : i + 1])
            known.append(column)
            log_det = log_det + log_slope[..., 0]
        return np.concatenate(known, axis=-1), log_det

    def _raw(self, numbers, x, c, keep=None):
        D = x.shape[-1]
        masks = self.masks(D, numbers[0]["W"].shape[-2] - D)
        net = [{"W": layer["W"] * mask.astype(x.dtype), "b": layer["b"]} for layer, mask in zip(numbers, masks)]
        return conditioner(net, x, c, keep).reshape(*x.shape, self.curve.outputs)

    def masks(self, D, classes=0):
        """Which weights are there, for each layer (inputs, outputs): column j reaches what moves column i iff j < i.

        A unit of degree m may know the columns 0 to m - 1; labels have degree 0, and units of degree 0 know only them.
        classes: how many labels.
        """
        degree = np.concatenate([np.arange(1, D + 1), np.zeros(classes, int)])
        lowest = self._lowest(D, classes)
        found = []
        for width in self.hidden:
            units = lowest + np.arange(width) % (D - lowest)
            found.append(degree[:, None] <= units)
            degree = units
        return [*found, degree[:, None] <= np.repeat(np.arange(D), self.curve.outputs)]

    @staticmethod
    def _lowest(D, classes):
        return 0 if classes or D == 1 else 1


@dataclass(frozen=True)
class Diagonal(Layer):
    """z = x e^s + t with numbers of its own for each column."""

    def init(self, rng, D, classes=0, dtype=np.float32):
        return {"s": np.zeros(D, dtype), "t": np.zeros(D, dtype)}

    def forward(self, numbers, x, c=None, keep=None):
        return affine.scale(x, numbers["s"], numbers["t"]), np.sum(numbers["s"], axis=-1)

    def inverse(self, numbers, z, c=None):
        return affine.scale_inverse(z, numbers["s"], numbers["t"]), -np.sum(numbers["s"], axis=-1)


@dataclass(frozen=True)
class LU(Layer):
    """z = L U x + c: any affine map whose matrix has such factors. It begins as the identity."""

    def init(self, rng, D, classes=0, dtype=np.float32):
        return {"L": np.eye(D, dtype=dtype), "U": np.eye(D, dtype=dtype), "c": np.zeros(D, dtype)}

    def forward(self, numbers, x, c=None, keep=None):
        return affine.lu(x, numbers["L"], numbers["U"], numbers["c"]), affine.lu_log_det(numbers["U"])

    def inverse(self, numbers, z, c=None):
        return affine.lu_inverse(z, numbers["L"], numbers["U"], numbers["c"]), -affine.lu_log_det(numbers["U"])


@dataclass(frozen=True)
class Planar(Layer):
    """x + u' tanh(w.x + b), invertible whatever the numbers (planar.py)."""

    def init(self, rng, D, classes=0, dtype=np.float32):
        u, w = 0.1 * rng.standard_normal(D), rng.standard_normal(D) / np.sqrt(D)
        return {"u": u.astype(dtype), "w": w.astype(dtype), "b": np.zeros(1, dtype)}

    def forward(self, numbers, x, c=None, keep=None):
        own = self._own(numbers)
        return planar.planar(x, *own), planar.planar_log_det(x, *own)

    def inverse(self, numbers, z, c=None):
        own = self._own(numbers)
        x = planar.planar_inverse(z, *own)
        return x, -planar.planar_log_det(x, *own)

    def _own(self, numbers):
        return planar.invertible_u(numbers["u"], numbers["w"]), numbers["w"], numbers["b"]


@dataclass(frozen=True)
class Radial(Layer):
    """Towards a centre or away from it, invertible whatever the numbers (radial.py): alpha = softplus(a),
    beta = softplus(b) - alpha. It begins as the identity."""

    def init(self, rng, D, classes=0, dtype=np.float32):
        center = rng.standard_normal(D).astype(dtype)
        return {"center": center, "a": np.ones(1, dtype), "b": np.ones(1, dtype)}

    def forward(self, numbers, x, c=None, keep=None):
        own = self._own(numbers)
        return radial.radial(x, *own), radial.radial_log_det(x, *own)

    def inverse(self, numbers, z, c=None):
        own = self._own(numbers)
        x = radial.radial_inverse(z, *own)
        return x, -radial.radial_log_det(x, *own)

    def _own(self, numbers):
        alpha = softplus(numbers["a"])
        return numbers["center"], alpha, softplus(numbers["b"]) - alpha
