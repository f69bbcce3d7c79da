"""HIPS autograd: its NumPy wrapper, gradients gathered into one vector for the hand-written Adam."""

from types import SimpleNamespace

import autograd
import autograd.numpy as np
import numpy

from benchmarks.speed.byhand import FlatAdam, flat
from benchmarks.speed.works import pendulum, sampler_step
from tinygen.autodiff import tree


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def bernoulli(x, logits):
    """With |l| twice in place of a maximum, whose derivative would leak float64; log is far faster than log1p."""
    size = np.abs(logits)
    return np.sum(x * logits - 0.5 * (logits + size) - np.log(1 + np.exp(-size)))


DIALECT = SimpleNamespace(
    linear=lambda W, b, x: np.dot(x, W) + b,
    tanh=np.tanh,
    silu=lambda x: x * sigmoid(x),
    mean_square=lambda error: np.sum(error * error) * (1 / error.size),
    gaussian_sample=lambda mean, logvar, eps: mean + np.exp(0.5 * logvar) * eps,
    kl=lambda mean, logvar: 0.5 * np.sum(np.exp(logvar) - 1 - logvar + mean * mean),
    bernoulli=bernoulli,
    beside=lambda z, features: numpy.concatenate([z, numpy.broadcast_to(features, (len(z), len(features)))], axis=1),
)


class Autograd:
    def version(self):
        from importlib.metadata import version

        return f"autograd {version('autograd')}"

    def train(self, work):
        theta, gradient, params, places = flat(work.params())
        data, adam, targets = work.data(), FlatAdam(theta, gradient), tree.flatten(places)[0]
        both = autograd.value_and_grad(lambda params: work.loss(DIALECT, params, *data))

        def step():
            value, parts = both(params)
            for place, part in zip(targets, tree.flatten(parts)[0]):
                place[...] = part
            adam.step()
            return value

        return step

    def sample(self, work):
        params = work.params()
        start, features, coefficients, noise = work.data()

        def step():
            z = start
            for row, c, eps in zip(features, coefficients, noise):
                z = sampler_step(DIALECT, params, z, row, c, eps)
            return z

        return step

    def scalars(self, work):
        (q,) = work.data()
        both = autograd.value_and_grad(lambda q: pendulum(np.sin, q, work.steps))
        return lambda: both(q)

    def hvp(self, work):
        data, params, v = work.data(), work.params(), work.direction()
        gradient = autograd.grad(lambda params: work.loss(DIALECT, params, *data))
        product = autograd.make_vjp(gradient)

        def step():
            pull, _ = product(params)
            return numpy.concatenate([part.reshape(-1) for part in tree.flatten(pull(v))[0]])

        return step
