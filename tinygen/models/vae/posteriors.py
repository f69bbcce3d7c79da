"""The family that the encoder's q(z|x) is chosen from: how its net's outputs become a draw, a density and a KL.

`Family` says what each class knows. Where `exact_kl` says that it is to be used, a class also has the closed form
`kl(q, prior)`: else the KL is estimated at the draw. Draws may have leading axes, (S, n, k) from eps of that shape.

`posterior`, `describe` and `rebuild` go between names, instances and plain values. choice: a name of POSTERIORS, or an
instance. description: as of `describe`.
"""

from dataclasses import dataclass

import numpy as np

from tinygen import gaussian
from tinygen.autodiff import tree
from tinygen.models import options
from tinygen.models.flow import affine, layers, one_page, stack


class Family:
    """What every family knows. q: the parameters of q(z|x), a tuple of arrays, one set for each row."""

    def outputs(self, k):
        """How many numbers the encoder puts out for each row, for k latents."""
        raise NotImplementedError

    def split(self, out):
        """The parameters q, made of `out`, the encoder's outputs (n, outputs)."""
        raise NotImplementedError

    def mean(self, q):
        """E[z|x], (n, k); of families in which it has no closed form, the image of the base's mean."""
        raise NotImplementedError

    def sample(self, q, eps):
        """The reparameterised draw z, of the shape of eps: (n, k) or (S, n, k), standard normal."""
        raise NotImplementedError

    def draw(self, q, eps):
        """The pair (z, log q(z|x)) at that draw: eps's shape, and the same without its last axis, in nats."""
        z = self.sample(q, eps)
        return z, self.log_density(q, z)

    def log_density(self, q, z):
        """log q(z|x) at any z (..., n, k): (..., n), in nats."""
        raise NotImplementedError


@dataclass(frozen=True)
class Diagonal(Family):
    """q(z|x) = N(mean, diag(exp(logvar))): q = (mean, logvar), each (n, k).

    exact_kl: the KL in closed form, or False: by Monte Carlo, log q(z|x) - log p(z) at the draw.
    """

    exact_kl: bool = True

    def outputs(self, k):
        return 2 * k

    def split(self, out):
        k = out.shape[-1] // 2
        return out[..., :k], out[..., k:]

    def mean(self, q):
        return q[0]

    def sample(self, q, eps):
        return gaussian.sample(*q, eps)

    def log_density(self, q, z):
        return gaussian.log_density(z, *q)

    def kl(self, q, prior=None):
        """KL(q || prior) in nats, (n,); prior: (mean, logvar), None for N(0, I)."""
        return gaussian.kl_standard(*q) if prior is None else gaussian.kl(*q, *prior)


@dataclass(frozen=True)
class Cholesky(Family):
    """q(z|x) = N(mean, L L') with a full covariance: q = (mean, L), (n, k) and (n, k, k).

    L's diagonal is e^(l/2) of outputs l, which for a diagonal L are its logvar; what is below it is an output as it is.
    exact_kl: as for Diagonal.
    """

    exact_kl: bool = True

    def outputs(self, k):
        return k + k * (k + 1) // 2

    def split(self, out):
        k = int(np.sqrt(2 * out.shape[-1] + 2.25) - 1.5)  # outputs = k + k (k + 1) / 2
        rows, columns = np.tril_indices(k, -1)
        place = np.zeros((len(rows), k, k), out.dtype)
        place[np.arange(len(rows)), rows, columns] = 1
        diagonal = np.exp(0.5 * out[..., k : 2 * k])[..., None] * np.eye(k, dtype=out.dtype)
        return out[..., :k], diagonal + np.tensordot(out[..., 2 * k :], place, axes=1)

    def mean(self, q):
        return q[0]

    def sample(self, q, eps):
        return gaussian.sample_cholesky(*q, eps)

    def log_density(self, q, z):
        return gaussian.log_density_cholesky(z, *q)

    def kl(self, q, prior=None):
        """KL(q || prior) in nats, (n,); prior: (mean, logvar), None for N(0, I)."""
        if prior is None:
            return gaussian.kl_standard_cholesky(*q)
        mean, logvar = prior
        eye = np.eye(mean.shape[-1], dtype=mean.dtype)
        return gaussian.kl_cholesky(*q, mean, np.exp(0.5 * logvar)[..., None] * eye)


@dataclass(frozen=True)
class Affine(Family):
    """A diagonal Gaussian moved by one affine layer a row: z = A z0 + c. A Gaussian again, covariance A diag(s^2) A'.

    q = (mean, logvar, A, c); A = I + B, and B and c are outputs. log q(z) = log q0(z0) - ln |det A|. The change of
    variables: Rezende and Mohamed 2015.
    """

    def outputs(self, k):
        return 3 * k + k * k

    def split(self, out):
        k = int(np.sqrt(out.shape[-1] + 2.25) - 1.5)  # outputs = k^2 + 3 k
        A = out[..., 3 * k :].reshape(*out.shape[:-1], k, k) + np.eye(k, dtype=out.dtype)
        return out[..., :k], out[..., k : 2 * k], A, out[..., 2 * k : 3 * k]

    def mean(self, q):
        mean, _, A, c = q
        return affine.affine(mean, A, c)

    def sample(self, q, eps):
        return self.draw(q, eps)[0]

    def draw(self, q, eps):
        mean, logvar, A, c = q
        z0 = gaussian.sample(mean, logvar, eps)
        return affine.affine(z0, A, c), gaussian.log_density(z0, mean, logvar) - affine.affine_log_det(A)

    def log_density(self, q, z):
        mean, logvar, A, c = q
        z0 = affine.affine_inverse(z, A, c)
        return gaussian.log_density(z0, mean, logvar) - affine.affine_log_det(A)

    exact_kl = False


class Moved(Family):
    """A diagonal Gaussian moved by layers of a flow, `layers`, whose numbers are outputs too: each row has its own.

    z <- layer(z),  log q <- log q - ln |det| of the layer; models/flow says what a layer is. q = (mean, logvar,
    numbers): (n, k), (n, k), and for each layer the tree of its numbers, vectors (n, 1, size) and matrices
    (n, in, out), outputs / sqrt(in), so that they meet rows (n, 1, k). At outputs 0 every layer is the identity.
    """

    exact_kl = False

    def outputs(self, k):
        return 2 * k + sum(leaf.size for leaf in tree.flatten(_numbers(self.layers, k))[0])

    def split(self, out):
        k, lead, start = _latents(self, out.shape[-1]), out.shape[:-1], 0
        leaves, structure = tree.flatten(_numbers(self.layers, k))
        parts = []
        for leaf in leaves:
            size = float(np.sqrt(leaf.shape[0])) if leaf.ndim == 2 else 1.0  # a net's weights as a dense layer begins
            part = out[..., 2 * k + start : 2 * k + start + leaf.size] / size
            parts.append(part.reshape(*lead, *(leaf.shape if leaf.ndim == 2 else (1, leaf.size))))
            start += leaf.size
        return out[..., :k], out[..., k : 2 * k], tree.unflatten(structure, parts)

    def mean(self, q):
        """The layers at the base's mean: the image of the mean, not the mean of the image."""
        return self._through(one_page.forward, q, q[0])[0]

    def sample(self, q, eps):
        return self.draw(q, eps)[0]

    def draw(self, q, eps):
        z0 = gaussian.sample(q[0], q[1], eps)
        z, log_det = self._through(one_page.forward, q, z0)
        return z, gaussian.log_density(z0, q[0], q[1]) - log_det

    def log_density(self, q, z):
        z0, log_det = self._through(one_page.inverse, q, z)
        return gaussian.log_density(z0, q[0], q[1]) + log_det

    def _through(self, way, q, z):
        """z (..., n, k) one way or the other, and ln |det| (..., n)."""
        z = np.broadcast_to(z, np.broadcast_shapes(z.shape, q[0].shape))  # each row of z meets each row's layers
        moved, log_det = way(self.layers, q[2], z[..., None, :])
        return moved[..., 0, :], log_det[..., 0]


def _numbers(layers, k):
    """Numbers of the layers for k latents, of which only the shapes are used."""
    return one_page.init(layers, np.random.default_rng(0), k)


def _latents(family, outputs):
    """For how many latents a family has that many outputs."""
    for k in range(1, outputs // 2 + 1):
        try:
            if family.outputs(k) == outputs:
                return k
        except ValueError:  # layers that are not made for k columns
            continue
    raise ValueError(f"{family}: got {outputs} outputs of an encoder, which no number of latents has")


@dataclass(frozen=True)
class Flow(Moved):
    """A diagonal Gaussian moved by layers of your own, in the order in which z meets them, each with its own numbers
    for each row: `Flow([Radial(), Coupling((8,)), Coupling((8,), flip=True)])`, classes of tinygen.models.flow.

    Autoregressive(swap=True) is the inverse autoregressive posterior (Kingma et al. 2016), with all its numbers by the
    encoder. Raises ValueError for LU, whose matrix for each row is `Affine()`.
    """

    layers: tuple

    def __post_init__(self):
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers or not all(isinstance(layer, one_page.Layer) for layer in self.layers):
            raise ValueError(f"a posterior by a flow: got layers {self.layers}; expected such as [Radial(), Planar()]")
        if any(isinstance(layer, layers.LU) for layer in self.layers):
            raise ValueError("a posterior by a flow: got LU(); a matrix for each row is posterior='affine'")


@dataclass(frozen=True)
class Planar(Moved):
    """A diagonal Gaussian bent by `steps` planar layers (Rezende and Mohamed 2015), whose parameters are outputs too.

    z <- z + u' tanh(w.z + b),  log q <- log q - ln |1 + u'.w (1 - tanh^2)|,  with u' made of the output u so that
    u'.w > -1, which keeps the layer invertible: models/flow/planar.py has the formulas.
    """

    steps: int = 2

    @property
    def layers(self):
        """That many planar layers."""
        return (layers.Planar(),) * self.steps


POSTERIORS = {
    "diagonal": Diagonal(),
    "cholesky": Cholesky(),
    "affine": Affine(),
    "planar": Planar(),
    "radial": Flow((layers.Radial(), layers.Radial())),
    "coupling": Flow((layers.Coupling((8,)), layers.Coupling((8,), flip=True))),
}


def posterior(choice):
    """The family of that name; an instance is returned as it is.

    >>> posterior("planar")
    Planar(steps=2)
    """
    return options.chosen("posterior", choice, POSTERIORS, "draw")


def describe(choice):
    """A family in plain values, for a file; `rebuild` makes it again."""
    if isinstance(choice, Flow):
        return {"name": "flow", "layers": stack.describe(choice.layers)}
    return options.describe(choice, POSTERIORS)


def rebuild(description):
    """The family that `describe` has described."""
    if isinstance(description, dict) and description["name"] == "flow":
        return Flow(stack.rebuild(description["layers"]))
    return options.rebuild(description, POSTERIORS)
