"""The gradients that were derived on paper: by hand, automatic and numeric are one, for each of them.

The models train with the gradients by hand of gaussian.py, the decoders, the flow layers and the priors. Here each is
held against numeric derivatives with error bars (check_grad), and against what the engine makes of the bare formula.
"""

import functools
import inspect

import numpy as np

import tinygen as tg
from tinygen import gaussian
from tinygen.check.gradient import check_grad
from tinygen.check.registry import claim
from tinygen.check.report import FAIL, PASS, Entry
from tinygen.models.vae import flows as flow_layers
from tinygen.models.vae import likelihoods, priors
from tinygen.nn import layers

ROWS, D, K, LEVELS = 3, 5, 2, 7  # rows, dimensions of a diagonal and of a full covariance, grey values
ROUNDINGS = 256  # by how many roundings of the largest entry the automatic gradient may differ from that by hand


def normals(f, rng):
    """Random arguments of `f` by their names: matrices have a diagonal away from 0, factors L are lower triangular."""
    names = list(inspect.signature(f).parameters)
    full, made = any(name[0].isupper() for name in names), {}
    for name in names:
        made[name] = rng.normal(size=(ROWS, 1 if name == "b" else K if full else D))
        if name[0].isupper():
            diagonal = np.exp(0.3 * rng.normal(size=(ROWS, K, 1))) * np.eye(K)
            below = np.tril(rng.normal(size=(ROWS, K, K)), -1)
            made[name] = diagonal + (below if name[0] == "L" else below - np.matrix_transpose(below))
    return made


def bend(f, rng):
    """Arguments of a planar layer that is invertible."""
    made = normals(f, rng)
    return {**made, "u": flow_layers.invertible_u(made["u"], made["w"])}


def mixture(rng):
    """A mixture of as many Gaussians a row as `LEVELS`."""
    z, (mean, logvar) = rng.normal(size=(ROWS, D)), rng.normal(size=(2, ROWS, LEVELS, D))
    return dict(z=z, mean=mean, logvar=logvar, log_share=rng.normal(size=(ROWS, LEVELS)))


def grey(rng):
    """Pixels on the grid of LEVELS values, the two ends among them."""
    return rng.permutation(np.arange(ROWS * D) % LEVELS).reshape(ROWS, D) / (LEVELS - 1)


def check(f, bare, args, given, rng):
    """Hold the gradients of `f` by hand against numeric ones of the `bare` formula, and against its automatic ones.

    args: by name. given: the names of those that have no gradient.
    """
    weights = rng.uniform(0.5, 1.5, np.shape(f(*args.values()))) * rng.choice([-1, 1], np.shape(f(*args.values())))
    formula = lambda *values: np.sum(weights * bare(*values))  # so that no entry of the cotangent is like another
    joined = lambda *values: np.sum(weights * f(*values))
    by_hand = [None if name in given else tg.grad(joined, i) for i, name in enumerate(args)]
    values = list(args.values())
    report = check_grad(formula, by_hand, *values, names=list(args), rng=rng)
    for i, name in enumerate(args):
        if name not in given:
            hand, auto = by_hand[i](*values), tg.grad(formula, i)(*values)
            worst = np.unravel_index(np.argmax(abs(hand - auto)), hand.shape)
            bar = ROUNDINGS * np.finfo(float).eps * float(np.max(abs(auto), initial=0))
            verdict = PASS if abs(hand - auto)[worst] <= bar else FAIL
            report.entries.append(Entry(f"{name}, automatic", verdict, float(hand[worst]), float(auto[worst]), bar))
    return report


def register(room, f, make, given=(), **options):
    """Claim that the gradients by hand of `f` are right at the arguments make(rng)."""

    @claim(f"gradient/{f.__name__}", kind="gradient", source=f"tinygen/{room}")
    def run(rng):
        bound = [functools.partial(each, **options) for each in (f, f.__wrapped__)] if options else [f, f.__wrapped__]
        return check(*bound, make(rng), given, rng)


for _f in (
    gaussian.log_density,
    gaussian.entropy,
    gaussian.kl_standard,
    gaussian.kl,
    gaussian.sample,
    gaussian.log_density_cholesky,
    gaussian.entropy_cholesky,
    gaussian.kl_standard_cholesky,
    gaussian.kl_cholesky,
    gaussian.sample_cholesky,
):
    register("gaussian.py", _f, functools.partial(normals, _f))

register(
    "models/vae/likelihoods.py",
    likelihoods.bernoulli_log_prob,
    functools.partial(normals, likelihoods.bernoulli_log_prob),
)
register(
    "models/vae/likelihoods.py",
    likelihoods.categorical_log_prob,
    lambda rng: dict(x=grey(rng), logits=rng.normal(size=(ROWS, D, LEVELS))),
    given=["x"],
)
register(
    "models/vae/likelihoods.py",
    likelihoods.logistic_log_prob,
    lambda rng: dict(x=grey(rng), mean=rng.uniform(size=(ROWS, D)), logscale=0.5 * rng.normal(size=(ROWS, D))),
    given=["x"],
    levels=LEVELS,
)
for _f in (flow_layers.affine, flow_layers.affine_inverse, flow_layers.affine_log_det, flow_layers.invertible_u):
    register("models/vae/flows.py", _f, functools.partial(normals, _f))
for _f in (flow_layers.planar, flow_layers.planar_log_det):
    register("models/vae/flows.py", _f, functools.partial(bend, _f))
register("models/vae/priors.py", priors.mixture_log_density, mixture)
for _f in (layers.sigmoid, layers.softplus):
    register("nn/layers.py", _f, lambda rng: dict(x=3 * rng.normal(size=(ROWS, D))))
