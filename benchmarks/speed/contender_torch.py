"""PyTorch on the CPU, eager and through torch.compile, with fused Adam."""

from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.speed.works import RATE, pendulum, sampler_step
from tinygen.autodiff import tree

DIALECT = SimpleNamespace(
    linear=lambda W, b, x: torch.addmm(b, x, W),
    tanh=torch.tanh,
    silu=F.silu,
    mean_square=lambda error: torch.mean(error * error),
    gaussian_sample=lambda mean, logvar, eps: mean + torch.exp(0.5 * logvar) * eps,
    kl=lambda mean, logvar: 0.5 * torch.sum(torch.exp(logvar) - 1 - logvar + mean * mean),
    bernoulli=lambda x, logits: -F.binary_cross_entropy_with_logits(logits, x, reduction="sum"),
    beside=lambda z, features: torch.cat([z, features.expand(len(z), -1)], 1),
)


def tensors(arrays):
    return tree.map(lambda a: torch.from_numpy(np.array(a)), arrays)


class Eager:
    def wrap(self, f):
        return f

    def version(self):
        return f"PyTorch {torch.__version__}"

    def train(self, work):
        params, data = tensors(work.params()), tensors(work.data())
        leaves = [leaf.requires_grad_() for leaf in tree.flatten(params)[0]]
        adam = torch.optim.Adam(leaves, lr=RATE, fused=True)
        loss_of = self.wrap(lambda params, x, noise: work.loss(DIALECT, params, x, noise))

        def step():
            adam.zero_grad(set_to_none=True)
            loss = loss_of(params, *data)
            loss.backward()
            adam.step()
            return loss

        return step

    def sample(self, work):
        params = tensors(work.params())
        start, features, coefficients, noise = tensors(work.data())
        advance = self.wrap(lambda *args: sampler_step(DIALECT, *args))

        def step():
            z = start
            with torch.no_grad():
                for row, c, eps in zip(features, coefficients, noise):
                    z = advance(params, z, row, c, eps)
            return z

        return step

    def scalars(self, work):
        start = torch.tensor(work.data()[0])
        f = self.wrap(lambda q: pendulum(torch.sin, q, work.steps))

        def step():
            q = start.clone().requires_grad_()
            value = f(q)
            value.backward()
            return value, q.grad

        return step

    def hvp(self, work):
        params, v, data = tensors(work.params()), tensors(work.direction()), tensors(work.data())
        leaves = [leaf.requires_grad_() for leaf in tree.flatten(params)[0]]
        directions = tree.flatten(v)[0]

        def step():
            gradient = torch.autograd.grad(work.loss(DIALECT, params, *data), leaves, create_graph=True)
            return torch.autograd.grad(gradient, leaves, directions)

        return step


class Compiled(Eager):
    def wrap(self, f):
        return torch.compile(f, dynamic=False)

    scalars = None  # 1,000 scalar operations take torch.compile minutes

    def hvp(self, work):
        params, v, data = tensors(work.params()), tensors(work.direction()), tensors(work.data())

        def loss(params):
            return work.loss(DIALECT, params, *data)

        product = self.wrap(lambda params, v: torch.func.jvp(torch.func.grad(loss), (params,), (v,))[1])
        return lambda: product(params, v)
