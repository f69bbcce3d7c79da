"""What a decoder's outputs mean: for each likelihood, how many outputs it needs, which data it allows, how to draw.

`own` are the likelihood's own parameters, beside those of the net: a dict, often empty.

`decoder`, `describe` and `rebuild` go between names, instances and plain values. choice: a name of DECODERS, or an
instance. description: as of `describe`.
"""

from dataclasses import dataclass, field

import numpy as np

from tinygen import gaussian
from tinygen.autodiff import softmax
from tinygen.models import options
from tinygen.models.vae.likelihoods import bernoulli_log_prob, categorical_log_prob, logistic_log_prob
from tinygen.nn.layers import sigmoid


class Decoder:
    """What every likelihood knows. own: its own parameters, a dict. out: the net's outputs, (..., outputs)."""

    def check(self, X):
        """Raise ValueError if the data X (n, D) cannot come from it; by default all can."""

    def init(self, D, dtype=np.float32):
        """How many outputs the decoder's net needs for D pixels, and the likelihood's own parameters, of this dtype."""
        raise NotImplementedError

    def log_prob(self, own, x, out):
        """log p(x|z), (...,), of x (..., D), in nats."""
        raise NotImplementedError

    def mean(self, own, out):
        """E[x|z], (..., D)."""
        raise NotImplementedError

    def sample(self, own, out, rng):
        """A draw of x, (..., D). rng: numpy.random.Generator."""
        raise NotImplementedError


@dataclass(frozen=True)
class Bernoulli(Decoder):
    """Pixels that are 0 or 1, independent given z. Data between 0 and 1 is taken as the probability of a 1.

    For such grey x the log likelihood is the expected one of the image b that is drawn from it pixel by pixel:
    E_b log p(b|z) = sum x l - ln(1 + e^l), since log p is linear in b. So a bound that is computed with x bounds
    E_b log p(b) from below: it is a number of nats for a *binarised* image and must be compared with such. Source: the
    expected likelihood of grey pixels is derived here.
    """

    discrete = True

    def check(self, X):
        if X.min() < 0 or X.max() > 1:
            raise ValueError(
                f"the Bernoulli decoder needs data between 0 and 1, got {X.min():g} to {X.max():g}: divide it by its "
                "largest possible value (16 for the digits, 255 for MNIST), or use decoder='gaussian'"
            )

    def init(self, D, dtype=np.float32):
        return D, {}

    def log_prob(self, own, x, out):
        return bernoulli_log_prob(x, out)

    def mean(self, own, out):
        return sigmoid(out)

    def sample(self, own, out, rng):
        return (rng.random(out.shape) < sigmoid(out)).astype(out.dtype)


@dataclass(frozen=True)
class Gaussian(Decoder):
    """Real-valued pixels: x = f(z) + noise of variance `var`, which is fixed to a number, or learned: "learned" (one
    number), "pixel" (one for each pixel) or "latent" (for each pixel a function of z, which the net puts out beside
    f(z), as a factor on one number for each pixel). The outputs are the mean, or mean and log factor. Raises ValueError
    for another var.

    floor: () or (D,), what is added to a learned variance, so that it cannot fall below. On values that stand in the
    data many times, as rounded ones do, a density could else be made as large as one likes. A VAE sets it when it is
    fitted: to h^2/12, the variance within the half step h/2 to either side that rounding has hidden, for each column
    with ties, h being the least difference of its values; whitened columns have their share of it.
    """

    var: float | str = "learned"
    floor: tuple = field(default=(), repr=False)

    discrete = False

    def __post_init__(self):
        number = isinstance(self.var, (int, float)) and not isinstance(self.var, bool) and 0 < self.var < np.inf
        if not number and self.var not in ("learned", "pixel", "latent"):
            raise ValueError(f"var must be a number above 0, 'learned', 'pixel' or 'latent', got {self.var!r}")

    def init(self, D, dtype=np.float32):
        outputs = 2 * D if self.var == "latent" else D
        sizes = {"learned": 1, "pixel": D, "latent": D}
        return outputs, {"logvar": np.zeros(sizes[self.var], dtype)} if self.var in sizes else {}

    def log_prob(self, own, x, out):
        return gaussian.log_density(x, *self._moments(own, out))

    def mean(self, own, out):
        return self._moments(own, out)[0]

    def sample(self, own, out, rng):
        mean, logvar = self._moments(own, out)
        return gaussian.sample(mean, logvar, rng.standard_normal(mean.shape, np.float64).astype(out.dtype))

    def _moments(self, own, out):
        """Mean and logvar of p(x|z)."""
        if self.var != "latent":
            return out, self._above(own["logvar"]) if own else float(np.log(self.var))
        D = out.shape[-1] // 2
        return out[..., :D], self._above(own["logvar"] + out[..., D:])

    def _above(self, logvar):
        """ln(e^logvar + floor)."""
        if not self.floor:
            return logvar
        least = np.maximum(np.array(self.floor), np.finfo(logvar.dtype).tiny).astype(logvar.dtype)
        return np.logaddexp(logvar, np.log(least))


@dataclass(frozen=True)
class Categorical(Decoder):
    """Grey values 0, 1/(levels-1), ..., 1, each with a probability of its own: `levels` outputs a pixel."""

    levels: int = 17

    discrete = True

    def check(self, X):
        _check_grid(X, self.levels)

    def init(self, D, dtype=np.float32):
        return D * self.levels, {}

    def log_prob(self, own, x, out):
        return categorical_log_prob(x, self._logits(out))

    def mean(self, own, out):
        return softmax(self._logits(out)) @ np.linspace(0, 1, self.levels, dtype=out.dtype)

    def sample(self, own, out, rng):
        p = np.cumsum(softmax(self._logits(out)), -1)  # (..., D, levels)
        values = np.sum(p[..., :-1] < rng.random((*p.shape[:-1], 1)), -1)
        return (values / (self.levels - 1)).astype(out.dtype)

    def _logits(self, out):
        return out.reshape(*out.shape[:-1], -1, self.levels)


@dataclass(frozen=True)
class Logistic(Decoder):
    """Grey values 0, 1/(levels-1), ..., 1 with the probabilities of a rounded logistic density: two outputs a pixel,
    its mean and the log of its width."""

    levels: int = 17

    discrete = True

    def check(self, X):
        _check_grid(X, self.levels)

    def init(self, D, dtype=np.float32):
        return 2 * D, {}

    def log_prob(self, own, x, out):
        return logistic_log_prob(x, *self._split(out), levels=self.levels)

    def mean(self, own, out):
        grid = np.linspace(0, 1, self.levels, dtype=out.dtype)
        mean, logscale = (a[..., None, None] for a in self._split(out))  # (..., D, 1, 1): a pixel is a row
        p = np.exp(logistic_log_prob(grid[:, None], mean, logscale, levels=self.levels))  # (..., D, levels)
        return p @ grid

    def sample(self, own, out, rng):
        mean, logscale = self._split(out)
        u = rng.uniform(1e-12, 1 - 1e-12, mean.shape)
        value = mean * (self.levels - 1) + np.exp(logscale) * (np.log(u) - np.log1p(-u))
        return (np.clip(np.rint(value), 0, self.levels - 1) / (self.levels - 1)).astype(out.dtype)

    def _split(self, out):
        D = out.shape[-1] // 2
        return out[..., :D], out[..., D:]


def _check_grid(X, levels):
    steps = X * (levels - 1)
    if X.min() < 0 or X.max() > 1 or np.abs(steps - np.rint(steps)).max() > 1e-3:
        raise ValueError(
            f"a decoder of {levels} grey values needs data 0, 1/{levels - 1}, ..., 1 and nothing between, got "
            f"{X.min():g} to {X.max():g}: divide whole numbers 0..{levels - 1} by {levels - 1}"
        )


DECODERS = {"bernoulli": Bernoulli(), "gaussian": Gaussian(), "categorical": Categorical(), "logistic": Logistic()}


def decoder(choice):
    """The decoder of that name; an instance is returned as it is.

    >>> decoder("gaussian")
    Gaussian(var='learned')
    """
    return options.chosen("decoder", choice, DECODERS, "log_prob")


MOST_CATEGORIES, MOST_LEVELS = 8, 32


def suitable(X):
    """The decoder for the rows X (n, D): Bernoulli for values between 0 and 1, else for whole numbers of which at most
    MOST_CATEGORIES stand in a row from the least to the greatest Categorical, at most MOST_LEVELS Logistic, else
    Gaussian.

    Of many values each has too few examples for a probability of its own: there neighbours help, in Logistic.

    >>> suitable(np.array([[0.0, 1.0]])), suitable(np.array([[0.0, 3.0]])), suitable(np.array([[0.0, 16.0]]))
    (Bernoulli(), Categorical(levels=4), Logistic(levels=17))
    """
    low, high = X.min(), X.max()
    if 0 <= low and high <= 1:
        return Bernoulli()
    if high - low < MOST_LEVELS and np.all(X == np.rint(X)) and low < high:
        levels = int(high - low) + 1
        return Categorical(levels) if levels <= MOST_CATEGORIES else Logistic(levels)
    return Gaussian("latent")


def describe(choice):
    """A decoder in plain values, for a file; `rebuild` makes it again.

    >>> describe("bernoulli"), rebuild(describe(Gaussian(var=0.1)))
    ('bernoulli', Gaussian(var=0.1))
    """
    return options.describe(choice, DECODERS)


def rebuild(description):
    """The decoder that `describe` has described."""
    return options.rebuild(description, DECODERS)
