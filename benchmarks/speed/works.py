"""The work that is timed: shapes, initial values, data and the formula of each, the same for all contenders.

A formula is written once in a *dialect*: an object with the few functions in which libraries differ (`linear`, `silu`,
`bernoulli`, ...), so that each contender runs it in its own idiom. All arrays are float32.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from tinygen.autodiff import tree

RATE = 1e-3  # Adam's step, with its usual beta1 = .9, beta2 = .999, eps = 1e-8


@dataclass(frozen=True)
class Work:
    """One piece of work. `kind` says what a step is: "train", "sample", "scalars" or "hvp"."""

    name: str
    title: str
    kind: str
    sizes: tuple = ()  # of the MLP; for a VAE: pixels, hidden, latents
    batch: int = 0
    steps: int = 0  # of the sampler, or of the scalar recurrence

    def params(self):
        """The initial parameters: a tree of fresh arrays."""
        rng = np.random.default_rng(1)
        if self.is_vae:
            D, hidden, k = self.sizes
            return {"encoder": _layers(rng, (D, hidden, 2 * k)), "decoder": _layers(rng, (k, hidden, D))}
        return _layers(rng, self.sizes, gain=2)  # SiLU halves the variance: so deep nets neither vanish nor explode

    @property
    def is_vae(self):
        return self.name in ("b", "c", "g")

    def data(self):
        """The arrays that a step reads beside the parameters."""
        rng = np.random.default_rng(2)
        if self.is_vae:
            D, _, k = self.sizes
            x, eps = rng.random((self.batch, D)) ** 2, rng.standard_normal((self.batch, k))
            return _float32(x, eps)
        if self.kind == "train":
            x = rng.standard_normal((self.batch, self.sizes[0]))
            return _float32(x, rng.standard_normal((self.batch, self.sizes[-1])))
        if self.kind == "sample":
            return self._sampler(rng)
        return (np.float32(0.5),)

    def _sampler(self, rng):
        """Start (B, 2), features (T, 32), coefficients (T, 3) and noise (T, B, 2) of each step, the last time first."""
        T, d = self.steps, self.sizes[-1]
        beta = np.linspace(1e-4, 0.02, T)[::-1]
        alpha_bar = np.cumprod(1 - beta[::-1])[::-1]
        coefficients = np.stack([1 / np.sqrt(1 - beta), beta / np.sqrt((1 - alpha_bar) * (1 - beta)), np.sqrt(beta)], 1)
        angles = np.linspace(0, 1, T)[::-1, None] * np.geomspace(1, 1000, (self.sizes[0] - d) // 2)
        features = np.concatenate([np.sin(angles), np.cos(angles)], 1)
        noise = rng.standard_normal((T, self.batch, d))
        return _float32(rng.standard_normal((self.batch, d)), features, coefficients, noise)

    def direction(self):
        """The vector of a Hessian-vector product: a tree like the parameters."""
        rng = np.random.default_rng(3)
        return tree.map(lambda a: rng.standard_normal(a.shape, np.float32), self.params())

    def loss(self, dialect, params, x, noise):
        """The scalar that a training step makes smaller."""
        if self.is_vae:
            return vae_loss(dialect, params, x, noise)
        activation = dialect.silu if self.name == "a" else dialect.tanh
        return dialect.mean_square(mlp(dialect, params, x, activation) - noise)


def _float32(*arrays):
    return tuple(np.ascontiguousarray(a, np.float32) for a in arrays)


def _layers(rng, sizes, gain=1):
    """Dense layers, W ~ N(0, gain/n_in); small random biases, so that a bias left out would be seen."""
    return [
        {
            "W": (rng.standard_normal((n, m)) * np.sqrt(gain / n)).astype(np.float32),
            "b": (0.1 * rng.standard_normal(m)).astype(np.float32),
        }
        for n, m in pairwise(sizes)
    ]


# ---- the formulas ----


def mlp(dialect, layers, x, activation):
    """Dense layers with the activation between them."""
    *hidden, last = layers
    for layer in hidden:
        x = activation(dialect.linear(layer["W"], layer["b"], x))
    return dialect.linear(last["W"], last["b"], x)


def vae_loss(dialect, params, x, eps):
    """Minus the evidence lower bound, averaged over the batch: Bernoulli pixels, diagonal Gaussian posterior."""
    k = eps.shape[1]
    out = mlp(dialect, params["encoder"], x, dialect.tanh)  # (B, 2 k)
    mean, logvar = out[:, :k], out[:, k:]
    z = dialect.gaussian_sample(mean, logvar, eps)  # (B, k)
    logits = mlp(dialect, params["decoder"], z, dialect.tanh)  # (B, D)
    return (dialect.kl(mean, logvar) - dialect.bernoulli(x, logits)) * (1 / x.shape[0])


def sampler_step(dialect, layers, z, features, coefficients, noise):
    """One step of ancestral sampling: z <- a z - b f(z, t) + c noise."""
    inputs = dialect.beside(z, features)  # (B, 2 + 32)
    return coefficients[0] * z - coefficients[1] * mlp(dialect, layers, inputs, dialect.silu) + coefficients[2] * noise


def pendulum(sin, q, steps):
    """q after `steps` leapfrog steps of a pendulum that starts at rest: five scalar operations a step."""
    p = q * 0
    for _ in range(steps):
        p = p - 0.05 * sin(q)
        q = q + 0.05 * p
    return q


WORKS = {
    work.name: work
    for work in [
        Work("a", "noise prediction, MLP 34-128-128-128-2, SiLU, batch 256", "train", (34, 128, 128, 128, 2), 256),
        Work("b", "VAE 64-128-2x8-128-64, Bernoulli, batch 128", "train", (64, 128, 8), 128),
        Work("c", "VAE 784-400-2x20-400-784, Bernoulli, batch 128", "train", (784, 400, 20), 128),
        Work("d", "sampling from (a), 1000 steps, 512 samples", "sample", (34, 128, 128, 128, 2), 512, 1000),
        Work("e", "MLP 16-16-16-16, tanh, batch 16", "train", (16, 16, 16, 16), 16),
        Work("f", "value and derivative of 1000 scalar operations", "scalars", steps=200),
        Work("g", "Hessian-vector product of (b)", "hvp", (64, 128, 8), 128),
    ]
}


def quick(work):
    """A smaller version of a long piece of work."""
    if work.name == "d":
        return replace(work, steps=100, title=work.title.replace("1000", "100"))
    return work
