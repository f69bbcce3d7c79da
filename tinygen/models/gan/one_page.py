"""A generative adversarial network on one page. It is what `GAN` and `ConditionalGAN` run.

Two players. The generator turns noise z ~ N(0, I) into a sample x = G(z); the law of its samples is q, and nobody can
compute its density. The discriminator looks at a row and puts out a logit D(x): how much more does it look like data,
from p, than like a sample? Its best answer is D* = ln p/q, and by following D's slope the generator learns where p is
larger than q. There is no likelihood, and no loss that falls: what is looked for is an equilibrium, q = p and D = 0.
"""

import math
import time

import numpy as np

from tinygen.autodiff import tree, value_and_grad
from tinygen.models.gan import penalties
from tinygen.models.gan.losses import LOSSES
from tinygen.nn.layers import linear, mlp_init, sigmoid
from tinygen.nn.optim import Adam
from tinygen.nn.train import Record
from tinygen.program.plan import compile as compiled

# ---- 1. The nets -----------------------------------------------------------------------------------------------------


def leaky_relu(x):
    """x above 0, x/5 below: D has a slope everywhere, so that the generator always hears something.

    (As x times its slope, whose derivatives of every order are a product with the same slope.)

    x: floats of any shape.
    """
    return x * (0.6 + 0.4 * np.sign(x))


def init(rng, D, k, *, hidden=(128, 128), classes=0, dtype=np.float32):
    """Parameters of both players, for rows of D numbers, noise of k, one-hot labels of `classes`: lists of layers.

    rng: Generator or seed. hidden: sizes of the hidden layers of both. dtype: of all arrays.
    """
    sizes = {"G": (k + classes, *hidden, D), "D": (D + classes, *hidden, 1)}
    params = {player: mlp_init(rng, sizes[player], dtype) for player in sizes}
    for layer in params["G"][:-1] + params["D"][:-1]:
        layer["W"] *= np.asarray(math.sqrt(2 / (1 + 0.2**2)), dtype)  # what leaky_relu takes away of the variance
    return params


def generate(G, z, c=None, *, bounds=None):
    """Samples x = G(z) or G(z, c), (B, D), from noise z (B, k) and one-hot labels c; bounds: (low, high) of all x."""
    x = _net(G, z, c)
    return x if bounds is None else bounds[0] + (bounds[1] - bounds[0]) * sigmoid(x)


def logits(D, x, c=None, keep=None):
    """D(x) or D(x, c), one logit a row: (B,), not (B, 1). keep: factors (B, width) on the hidden units, for dropout."""
    return _net(D, x, c, keep)[:, 0]


def _net(layers, x, c, keep=None):
    x = x if c is None else np.concatenate([x, c], axis=1)
    for i, layer in enumerate(layers[:-1]):
        x = leaky_relu(linear(layer, x))
        x = x if keep is None else x * keep[i]
    return linear(layers[-1], x)


# ---- 2. What each of them minimises ----------------------------------------------------------------------------------
# Each is differentiated by its first argument alone: so nothing has to be detached, and no gradient has to be cleared.


def discriminator_loss(D, G, batch, noise, left=1.0, *, loss="non_saturating", r1=0.0, r2=0.0, gradient_penalty=0.0,
                       bounds=None):  # fmt: skip
    """The discriminator's loss and its penalties, and how sure it was of data and of samples.

    D, G: parameters of the players. batch: {"x": (B, D), "c": labels}. noise: {"z": (B, k), ...}, all that is drawn.
    left: what is left of r1 and r2 in this round. loss: a name of LOSSES. r1, r2, gradient_penalty: the penalties'
    weights. bounds: the data's range, to which samples are held, or None.
    """
    c, keep = batch.get("c"), noise.get("keep")
    real, fake = batch["x"] + noise["on_real"], generate(G, noise["z"], c, bounds=bounds) + noise["on_fake"]
    at = lambda x: logits(D, x, c, keep)
    on_real, on_fake = at(real), at(fake)
    total = LOSSES[loss].discriminator(on_real, on_fake)
    if r1:
        total = total + left * r1 * penalties.r1(at, real)
    if r2:
        total = total + left * r2 * penalties.r2(at, fake)
    if gradient_penalty:
        total = total + gradient_penalty * penalties.gradient_penalty(at, real, fake, noise["u"])
    return total, {"real": np.mean(sigmoid(on_real)), "fake": np.mean(sigmoid(on_fake))}


def generator_loss(G, D, batch, noise, *, loss="non_saturating", bounds=None):
    """The generator's loss: of new samples, G(z), at the discriminator as it is now.

    D, batch, noise, bounds: as in `discriminator_loss`.
    """
    c, keep = batch.get("c"), noise.get("keep")
    fake = generate(G, noise["z"], c, bounds=bounds) + noise["on_fake"]
    return LOSSES[loss].of_generator(logits(D, batch["x"] + noise["on_real"], c, keep), logits(D, fake, c, keep))


# ---- 3. The game -----------------------------------------------------------------------------------------------------


class Game:
    """Rounds of `critic_steps` steps of the discriminator and one of the generator: iterate to play them.

    params: of `init`; not changed. data: {"x": (n, D)} and with labels {"c": (n, classes)} one-hot.
    order: "alternating": the generator answers the discriminator as it is now; "simultaneous": as it was before.
    loss, r1, r2, gradient_penalty, bounds: of `discriminator_loss`. penalty_end: r1 and r2 fall to this part of
    themselves, geometrically: with a flat D the modes are found, with a steep one their shape. clip: hold D's
    parameters in [-clip, clip].
    noise_sd: Gaussian noise on all that D sees. bin_width: uniform noise on the data, for values on a grid. dropout: of
    D's hidden units. rate: of both players' Adam, with beta1 and beta2; it falls to 0 along a cosine in `total` rounds.
    ema: decay of the running mean of the generator's parameters, of which samples are made. rng: Generator, for batches
    and noise. batch_size: rows in a step. compile: record the steps once and replay them. weights: (n,), how often each
    row of data is drawn beside the others; None: all alike.
    """

    def __init__(self, params, data, *, rng, total, loss="non_saturating", r1=0.0, r2=0.0, penalty_end=1.0,
                 gradient_penalty=0.0, clip=None, bounds=None, noise_sd=0.0, bin_width=0.0, dropout=0.0,
                 order="alternating", critic_steps=1, batch_size=256, rate=1e-3, beta1=0.5, beta2=0.99, ema=0.998,
                 compile=True, weights=None):  # fmt: skip
        (self._d, back_d), (self._g, back_g) = tree.ravel(params["D"]), tree.ravel(params["G"])
        self.params, self._back_g = {"D": back_d(self._d), "G": back_g(self._g)}, back_g
        self._mean_g = np.zeros_like(self._g)  # of the generator's parameters, weights not yet summing to 1
        self._by_d, self._by_g = np.empty_like(self._d), np.empty_like(self._g)
        of_d = lambda *args: discriminator_loss(*args, loss=loss, r1=r1, r2=r2, gradient_penalty=gradient_penalty,
                                                bounds=bounds)  # fmt: skip
        of_g = lambda *args: generator_loss(*args, loss=loss, bounds=bounds)
        self._grad_d = _into(back_d(self._by_d), value_and_grad(of_d, has_aux=True), compile)
        self._grad_g = _into(back_g(self._by_g), value_and_grad(of_g), compile)
        self._adam_d, self._adam_g = (Adam(v, rate=rate, beta1=beta1, beta2=beta2) for v in (self._d, self._g))
        self.data, self.rng, self.total = data, np.random.default_rng(rng), total
        self.rate, self.ema, self.clip, self.order, self.penalty_end = rate, ema, clip, order, penalty_end
        self.critic_steps, self.batch_size = critic_steps, min(batch_size, len(data["x"]))
        self.noise_sd, self.bin_width, self.dropout = noise_sd, bin_width, dropout
        self.ends = None if weights is None else np.cumsum(weights) / np.sum(weights)
        self.step, self.seconds, self.history = 0, 0.0, []

    def __iter__(self):
        while self.step < self.total:
            yield self.round()

    def round(self):
        """One round; its Record has the discriminator's loss, and among the terms the generator's.

        Raises FloatingPointError if a loss is no longer finite.
        """
        started = time.perf_counter()
        self._adam_d.rate = self._adam_g.rate = 0.5 * self.rate * (1 + math.cos(math.pi * self.step / self.total))
        left = self._g.dtype.type(self.penalty_end ** (self.step / self.total))
        answer = None
        if self.order == "simultaneous":
            answer = self.generator_gradient()
        for _ in range(self.critic_steps):
            loss, terms = self._grad_d(self.params["D"], self.params["G"], *self.draw(), left)
            self._adam_d.step(self._by_d)
            if self.clip:
                np.clip(self._d, -self.clip, self.clip, out=self._d)  # after the step
            answer_to = {name: float(term) for name, term in terms.items()}
        answer = self.generator_gradient() if answer is None else answer
        self._adam_g.step(self._by_g)
        self._mean_g *= self._g.dtype.type(self.ema)
        self._mean_g += self._g.dtype.type(1 - self.ema) * self._g
        self.step += 1
        self.seconds += time.perf_counter() - started
        if not (math.isfinite(loss) and np.isfinite(self._by_d).all() and np.isfinite(self._by_g).all()):
            raise FloatingPointError(
                f"the game stopped in round {self.step}: the discriminator's loss is {float(loss)}, the generator's "
                f"{answer}, and a gradient is not finite. Take a smaller rate, or penalise the discriminator (r1)."
            )
        record = Record(self.step, self.step * self.batch_size // len(self.data["x"]), float(loss),
                        {"generator": answer, **answer_to}, self.seconds, self.params)  # fmt: skip
        self.history.append((record.loss, *record.terms.values(), record.seconds))
        return record

    def generator_gradient(self):
        """The generator's loss; its gradient is written where its Adam finds it."""
        loss = self._grad_g(self.params["G"], self.params["D"], *self.draw())
        return float(loss)

    def draw(self):
        """Rows of the data, and all that is random in a step."""
        n, rng, dtype = self.batch_size, self.rng, self._g.dtype
        if self.ends is None:
            rows = rng.integers(len(self.data["x"]), size=n)
        else:
            rows = np.searchsorted(self.ends, rng.random(n), side="right")
        batch = {name: array[rows] for name, array in self.data.items()}
        D, k = batch["x"].shape[1], self.params["G"][0]["W"].shape[0] - (batch["c"].shape[1] if "c" in batch else 0)
        noise = {"z": rng.standard_normal((n, k), dtype), "u": rng.random((n, 1), dtype)}
        for name, width in (("on_real", self.bin_width), ("on_fake", 0.0)):
            noise[name] = dtype.type(self.noise_sd) * rng.standard_normal((n, D), dtype)
            noise[name] += dtype.type(width) * rng.random((n, D), dtype)
        if self.dropout:
            keep = [rng.random((n, len(layer["b"])), dtype) >= self.dropout for layer in self.params["D"][:-1]]
            noise["keep"] = [mask.astype(dtype) / dtype.type(1 - self.dropout) for mask in keep]
        return batch, noise

    # ---- 4. What is kept ----

    def average(self):
        """The generator's parameters, averaged over the last rounds: what samples are made with."""
        if not self.step:
            return self._back_g(self._g.copy())
        return self._back_g(self._mean_g / self._g.dtype.type(1 - self.ema**self.step))

    def state(self):
        """Everything that the next round depends on, as a tree for a checkpoint."""
        adams = {"D": self._adam_d.state(), "G": self._adam_g.state()}
        return {"d": self._d, "g": self._g, "mean_g": self._mean_g, "adam": adams, "rng": self.rng.bit_generator.state,
                "step": self.step, "seconds": self.seconds, "history": np.array(self.history)}  # fmt: skip

    def restore(self, state):
        """Go on from what `state` returned, with the same bits as if the game had never stopped."""
        self._d[:], self._g[:], self._mean_g[:] = state["d"], state["g"], state["mean_g"]
        self._adam_d.restore(state["adam"]["D"])
        self._adam_g.restore(state["adam"]["G"])
        self.rng.bit_generator.state = state["rng"]
        self.step, self.seconds = state["step"], state["seconds"]
        self.history = [tuple(row) for row in state["history"].tolist()]


HISTORY = ("discriminator", "generator", "real", "fake", "seconds")  # the columns of Game.history


def _into(views, gradient_of, compile):
    """`gradient_of`, compiled or not, so that the gradient is found in the arrays of the tree `views`."""
    gradient_of = compiled(gradient_of) if compile else gradient_of

    def run(*args):
        value, gradient = gradient_of(*args)
        for view, part in zip(tree.flatten(views)[0], tree.flatten(gradient)[0]):
            view[...] = part
        return value

    return run
