"""The plain autoencoder, for contrast: a VAE without sampling and without a KL term."""

from dataclasses import dataclass

from tinygen.models.vae.estimator import VAE
from tinygen.models.vae.posteriors import Family


@dataclass(frozen=True)
class Point(Family):
    """All of q(z|x) at one point, the encoder's output. It has no density, so its "KL" here is 0 and bounds nothing."""

    def outputs(self, k):
        return k

    def split(self, out):
        return out

    def mean(self, q):
        return q

    def sample(self, q, eps):
        return q + 0 * eps

    def draw(self, q, eps):
        """Raises TypeError whatever q and eps: there is no density to draw from."""
        raise TypeError("a plain autoencoder has no q(z|x) to draw from and to weigh: use a VAE")

    def kl(self, q, prior=None):
        """0 nats for each row, (n,), whatever q and prior."""
        return 0 * q.sum(-1)

    exact_kl, log_density = True, None


class Autoencoder(VAE):
    """A net that is trained to give back what it was given, through a code of `latents` numbers: -log p(x|z = g(x)).

    >>> import numpy as np
    >>> X = np.random.default_rng(0).random((200, 5)).round()
    >>> Autoencoder(latents=2, hidden=(16,), max_steps=50, random_state=0).fit(X).transform(X).shape
    (200, 2)

    The arguments are those of VAE; real-valued columns come to mean 0 and variance 1. Nothing makes the codes fill a
    known density, so there is nothing to sample from, and `score_samples` is log p(x | z = g(x)) in nats, a measure of
    reconstruction and no bound on log p(x).
    """

    posterior, prior, objective, bound, bound_ = Point(), "normal", "elbo", "elbo", "none"
    beta, warmup, free_bits, draws, score_draws, weight_decay = 1.0, 0, 0.0, 1, 1, 0.0
    REAL_SCALING = "columns"  # whitened columns would all be worth the same, the noise among them too

    def __init__(self, latents=8, *, hidden=(200,), activation="tanh", decoder="auto", scaling="auto", max_steps=5000,
                 epochs=None, validation_fraction=0.1, patience=20, batch_size=100, learning_rate=2e-3,
                 cosine_decay=False, ema=0.99, dtype="float32", random_state=None, progress=True, verbose=0,
                 callback=None, checkpoint=None, compile=True):  # fmt: skip
        self._store(locals())

    def sample(self, n=1, y=None, **options):
        """Raises TypeError: the density of the codes is not known.

        n, y, options: as in `VAE.sample`, and not looked at.
        """
        raise TypeError("a plain autoencoder has no known density of z to sample from: use a VAE, or inverse_transform")

    def diagnose(self, X):
        """Raises TypeError: there is no bound."""
        raise TypeError("a plain autoencoder has no bound to diagnose: use a VAE")

    def report(self, X, *, draws=1000):
        """Raises TypeError: there is no bound.

        draws: not looked at.
        """
        raise TypeError("a plain autoencoder has no bound on log p(x) to report: use a VAE, or score_samples")
