"""JAX: the whole step, Adam included, in one jit with donated buffers; the sampler as one scan."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp

from benchmarks.speed.works import RATE, pendulum, sampler_step

DIALECT = SimpleNamespace(
    linear=lambda W, b, x: x @ W + b,
    tanh=jnp.tanh,
    silu=jax.nn.silu,
    mean_square=lambda error: jnp.mean(error * error),
    gaussian_sample=lambda mean, logvar, eps: mean + jnp.exp(0.5 * logvar) * eps,
    kl=lambda mean, logvar: 0.5 * jnp.sum(jnp.exp(logvar) - 1 - logvar + mean * mean),
    bernoulli=lambda x, logits: jnp.sum(x * logits - jax.nn.softplus(logits)),
    beside=lambda z, features: jnp.concatenate([z, jnp.broadcast_to(features, (len(z), len(features)))], 1),
)


def arrays(tree):
    return jax.tree.map(jnp.array, tree)


class Jit:
    def version(self):
        return f"JAX {jax.__version__}"

    def wait(self, result):
        jax.block_until_ready(result)

    def train(self, work):
        params, data = arrays(work.params()), arrays(work.data())
        zeros = lambda: jax.tree.map(jnp.zeros_like, params)
        state = [params, zeros(), zeros(), jnp.zeros((), jnp.float32)]

        def advance(params, m, v, t, x, noise):
            loss, g = jax.value_and_grad(lambda params: work.loss(DIALECT, params, x, noise))(params)
            t = t + 1
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
            to_m, to_v = RATE / (1 - 0.9**t), 1 / (1 - 0.999**t)
            params = jax.tree.map(lambda p, m, v: p - to_m * m / (jnp.sqrt(v * to_v) + 1e-8), params, m, v)
            return loss, params, m, v, t

        advance = jax.jit(advance, donate_argnums=(0, 1, 2, 3))

        def step():
            loss, *state[:] = advance(*state, *data)
            return loss

        return step

    def sample(self, work):
        params, (start, *rows) = arrays(work.params()), arrays(work.data())

        @jax.jit
        def run(params, start, rows):
            return jax.lax.scan(lambda z, row: (sampler_step(DIALECT, params, z, *row), None), start, rows)[0]

        return lambda: run(params, start, rows)

    def scalars(self, work):
        (q,) = arrays(work.data())
        both = jax.jit(jax.value_and_grad(lambda q: pendulum(jnp.sin, q, work.steps)))
        return lambda: both(q)

    def hvp(self, work):
        params, v, data = arrays(work.params()), arrays(work.direction()), arrays(work.data())
        order = list(work.params())  # JAX gives a dict back sorted

        @jax.jit
        def product(params, v, *data):
            return jax.jvp(jax.grad(lambda params: work.loss(DIALECT, params, *data)), (params,), (v,))[1]

        def step():
            result = product(params, v, *data)
            return {key: result[key] for key in order}

        return step
