"""tinygen, plain and compiled, as its users write it: layers, hand-derived densities, parameters in one vector."""

from types import SimpleNamespace

import numpy as np
import scipy.linalg.blas  # noqa: F401  (Adam loads it at its first use; its memory is not a step's)

import tinygen as tg
from benchmarks.speed.works import RATE, pendulum, sampler_step
from tinygen import gaussian
from tinygen.autodiff import tree
from tinygen.models.vae import decoders
from tinygen.nn import layers, optim

DIALECT = SimpleNamespace(
    linear=lambda W, b, x: layers.linear({"W": W, "b": b}, x),
    tanh=layers.tanh,
    silu=layers.silu,
    mean_square=lambda error: np.mean(error**2),
    gaussian_sample=gaussian.sample,
    kl=lambda mean, logvar: np.sum(gaussian.kl_standard(mean, logvar)),
    bernoulli=lambda x, logits: np.sum(decoders.bernoulli_log_prob(x, logits)),
    beside=lambda z, features: np.concatenate([z, np.broadcast_to(features, (len(z), len(features)))], axis=1),
)


def loss_of(work):
    def loss(params, x, noise):
        return work.loss(DIALECT, params, x, noise)

    return loss


class Plain:
    """Differentiated anew at each step."""

    def version(self):
        return f"NumPy {np.__version__}"

    def train(self, work):
        vector, back = tree.ravel(work.params())
        params, gradient = back(vector), np.empty_like(vector)
        both, adam, data = tg.value_and_grad(loss_of(work)), optim.Adam(vector, rate=RATE), work.data()

        def step():
            value, parts = both(params, *data)
            np.concatenate([part.reshape(-1) for part in tree.flatten(parts)[0]], out=gradient)
            adam.step(gradient)
            return value

        return step

    def sample(self, work):
        return sampling(work, lambda *args: sampler_step(DIALECT, *args))

    def scalars(self, work):
        return scalars(work, lambda f: f)

    def hvp(self, work):
        product, params, v, data = tg.hvp(loss_of(work)), work.params(), work.direction(), work.data()
        return lambda: np.concatenate([part.reshape(-1) for part in tree.flatten(product(params, *data, v))[0]])


class Compiled(Plain):
    """Recorded once, replayed; gradients written into views of one vector."""

    def train(self, work):
        return recorded_step(work)[0]

    def sample(self, work):
        return sampling(work, tg.compile(lambda *args: sampler_step(DIALECT, *args)))

    def scalars(self, work):
        return scalars(work, tg.compile)

    def hvp(self, work):
        result, back = tree.ravel(work.params())
        product = tg.compile(tg.hvp(loss_of(work)), out=back(result))
        params, v, data = work.params(), work.direction(), work.data()

        def step():
            product(params, *data, v)
            return result

        return step


def recorded_step(work):
    """The training step, the compiled function in it (for explain() and for counts), and that function's arguments."""
    vector, back = tree.ravel(work.params())
    params, gradient = back(vector), np.zeros_like(vector)
    both = tg.compile(tg.value_and_grad(loss_of(work)), out=(None, back(gradient)))
    adam, data = optim.Adam(vector, rate=RATE), work.data()

    def step():
        value, _ = both(params, *data)
        adam.step(gradient)
        return value

    return step, both, (params, *data)


def sampling(work, advance):
    params = work.params()
    start, features, coefficients, noise = work.data()

    def step():
        z = start
        for row, c, eps in zip(features, coefficients, noise):
            z = advance(params, z, row, c, eps)
        return z

    return step


def scalars(work, wrap):
    both = wrap(tg.value_and_grad(lambda q: pendulum(np.sin, q, work.steps)))
    (q,) = work.data()
    return lambda: both(q)
