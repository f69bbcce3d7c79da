"""MyGrad: NumPy with tensors; gradients gathered into one vector for the hand-written Adam. No second derivatives."""

from types import SimpleNamespace

import mygrad as mg
import numpy as np

from benchmarks.speed.byhand import FlatAdam, flat
from benchmarks.speed.works import pendulum, sampler_step
from tinygen.autodiff import tree

mg.turn_memory_guarding_off()  # as its manual says for speed


def bernoulli(x, logits):
    size = mg.abs(logits)
    return mg.sum(x * logits - 0.5 * (logits + size) - mg.log(1 + mg.exp(-size)))


DIALECT = SimpleNamespace(
    linear=lambda W, b, x: mg.matmul(x, W) + b,
    tanh=mg.tanh,
    silu=lambda x: x / (1 + mg.exp(-x)),
    mean_square=lambda error: mg.sum(error * error) * (1 / error.size),
    gaussian_sample=lambda mean, logvar, eps: mean + mg.exp(0.5 * logvar) * eps,
    kl=lambda mean, logvar: 0.5 * mg.sum(mg.exp(logvar) - 1 - logvar + mean * mean),
    bernoulli=bernoulli,
    beside=lambda z, features: np.concatenate([z, np.broadcast_to(features, (len(z), len(features)))], axis=1),
)


class MyGrad:
    def version(self):
        return f"MyGrad {mg.__version__}"

    def train(self, work):
        theta, gradient, params, places = flat(work.params())
        data, adam = work.data(), FlatAdam(theta, gradient)
        arrays, structure = tree.flatten(params)
        targets = tree.flatten(places)[0]

        def step():
            tensors = [mg.tensor(array, copy=False) for array in arrays]
            loss = work.loss(DIALECT, tree.unflatten(structure, tensors), *data)
            loss.backward()
            for place, tensor in zip(targets, tensors):
                place[...] = tensor.grad
            adam.step()
            return loss.item()

        return step

    def sample(self, work):
        params = work.params()
        start, features, coefficients, noise = work.data()

        def step():
            z = start
            with mg.no_autodiff:
                for row, c, eps in zip(features, coefficients, noise):
                    z = sampler_step(DIALECT, params, z, row, c, eps).data
            return z

        return step

    def scalars(self, work):
        (start,) = work.data()

        def step():
            q = mg.tensor(start)
            value = pendulum(mg.sin, q, work.steps)
            value.backward()
            return value.item(), q.grad

        return step
