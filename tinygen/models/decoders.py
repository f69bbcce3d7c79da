"""What a decoder's outputs mean: the likelihoods p(x|z), each with its gradient by hand.

First the log densities as functions of arrays, in nats, one value a row; below them, one small class for each, which
knows how many outputs a pixel needs, which data it allows, and how to draw.
"""

from dataclasses import asdict, dataclass

import numpy as np

from tinygen import byhand, gaussian
from tinygen.nn.layers import sigmoid, softplus


def bernoulli_log_prob(x, logits):
    """Log probability of black and white pixels, p = sigmoid(l) that a pixel is 1.

    log p(x) = sum_d [x_d l_d - ln(1 + e^(l_d))]        d/dx = l        d/dlogits = x - sigmoid(l)

    x: (..., D), values 0 and 1, or between them (see `Bernoulli`). logits: (..., D). Returns (...,), nats.

    >>> float(bernoulli_log_prob(np.array([1.0, 0.0]), np.array([0.0, 0.0])).round(6))  # two fair coins
    -1.386294
    """
    return np.sum(x * logits - softplus(logits), axis=-1)


def bernoulli_log_prob_grad_x(x, logits):
    return logits


def bernoulli_log_prob_grad_logits(x, logits):
    return x - sigmoid(logits)


bernoulli_log_prob = byhand.of_row(bernoulli_log_prob, bernoulli_log_prob_grad_x, bernoulli_log_prob_grad_logits)


@dataclass(frozen=True)
class Bernoulli:
    """Pixels that are 0 or 1, independent given z. Data between 0 and 1 is taken as the probability of a 1.

    For such grey x the log likelihood is the expected one of the image b that is drawn from it pixel by pixel:
    E_b log p(b|z) = sum x l - ln(1 + e^l), since log p is linear in b. So a bound that is computed with x bounds
    E_b log p(b) from below: it is a number of nats for a *binarised* image and must be compared with such.
    """

    discrete = True

    def check(self, X):
        if X.min() < 0 or X.max() > 1:
            raise ValueError(
                f"the Bernoulli decoder needs data between 0 and 1, got {X.min():g} to {X.max():g}: divide it by its "
                "largest possible value (16 for the digits, 255 for MNIST), or use decoder='gaussian'"
            )

    def init(self, D, dtype=np.float32):
        """How many outputs the decoder's net needs for D pixels, and the likelihood's own parameters (none)."""
        return D, {}

    def log_prob(self, own, x, out):
        """log p(x|z), (...,), from the net's outputs (..., D)."""
        return bernoulli_log_prob(x, out)

    def mean(self, own, out):
        """E[x|z], (..., D)."""
        return sigmoid(out)

    def sample(self, own, out, rng):
        """A draw of x, (..., D)."""
        return (rng.random(out.shape) < sigmoid(out)).astype(out.dtype)


@dataclass(frozen=True)
class Gaussian:
    """Real-valued pixels: x = f(z) + noise of variance `var`, which is fixed to a number, or "learned" (one number),
    or "pixel" (learned, one for each pixel)."""

    var: float | str = "learned"

    discrete = False

    def __post_init__(self):
        number = isinstance(self.var, (int, float)) and not isinstance(self.var, bool) and 0 < self.var < np.inf
        if not number and self.var not in ("learned", "pixel"):
            raise ValueError(f"var must be a number above 0, 'learned' or 'pixel', got {self.var!r}")

    def check(self, X):
        pass

    def init(self, D, dtype=np.float32):
        """How many outputs the decoder's net needs for D pixels, and the likelihood's own parameters."""
        sizes = {"learned": 1, "pixel": D}
        return D, {"logvar": np.zeros(sizes[self.var], dtype)} if self.var in sizes else {}

    def log_prob(self, own, x, out):
        """log p(x|z), (...,), from the net's outputs (..., D), which are the mean."""
        return gaussian.log_density(x, out, own["logvar"] if own else float(np.log(self.var)))

    def mean(self, own, out):
        """E[x|z], (..., D)."""
        return out

    def sample(self, own, out, rng):
        """A draw of x, (..., D)."""
        eps = rng.standard_normal(out.shape, np.float64).astype(out.dtype)
        return gaussian.sample(out, own["logvar"] if own else float(np.log(self.var)), eps)


DECODERS = {"bernoulli": Bernoulli(), "gaussian": Gaussian()}


def decoder(choice):
    """The decoder of that name; an instance is returned as it is.

    >>> decoder("gaussian")
    Gaussian(var='learned')
    """
    if isinstance(choice, str) and choice in DECODERS:
        return DECODERS[choice]
    if not hasattr(choice, "log_prob"):
        raise ValueError(f"decoder: got {choice!r}; expected one of {', '.join(DECODERS)}, or an instance of a decoder")
    return choice


def describe(choice):
    """A decoder in plain values, for a file; `rebuild` makes it again.

    >>> describe("bernoulli"), rebuild(describe(Gaussian(var=0.1)))
    ('bernoulli', Gaussian(var=0.1))
    """
    if isinstance(choice, str):
        return choice
    name = next((name for name, kind in DECODERS.items() if type(kind) is type(choice)), None)
    if name is None:
        raise TypeError(f"a model with the decoder {choice!r} cannot be saved: only {', '.join(DECODERS)} can")
    return {"name": name, **asdict(choice)}


def rebuild(description):
    """The decoder that `describe` has described."""
    if isinstance(description, str):
        return description
    options = dict(description)
    return type(DECODERS[options.pop("name")])(**options)
