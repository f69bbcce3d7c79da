"""What a fitted VAE makes of latents: samples, means, and the way from one row to another."""

import functools

import numpy as np

from tinygen.models import options
from tinygen.models.vae import one_page, priors


class Sampling:
    """The part of `VAE` that decodes."""

    # ---- samples ----

    def sample(self, n=None, y=None, *, noise=None, observation_noise=None, random_state=None):
        """n draws of x from the model, (n, D): z from the prior, then x from p(x|z).

        noise: standard normal numbers (n, latents) of which z is made, instead of drawing them.
        observation_noise: whether x is drawn from p(x|z), or is its mean E[x|z]; None: drawn, but for grey images under
        the Bernoulli decoder, which would come out black and white. y: None, this model knows no labels.
        Without a random_state it is the model's own, and two calls give the same draws. Raises ValueError for labels.
        """
        self._check_fitted()
        if y is not None:
            raise ValueError(f"this model knows no labels, got y={y!r}: use a ConditionalVAE, or leave y out")
        return self._sample(count(n, noise), None, self._sampling(random_state), noise, observation_noise)

    def _sample(self, n, c, rng, noise, drawn):
        prior = priors.prior(self.params_["prior"], c)
        if noise is None:
            z = priors.sample(prior, (n, self.latents), rng, self.dtype)
        else:
            z = priors.sample(prior, (n, self.latents), rng, self.dtype, eps=self._check_latents(noise))
        return self._draw(z, c, rng, drawn)

    def _draw(self, z, c, rng, drawn):
        """x from p(x|z), or its mean, in the data's units; see `sample`."""
        nets = {"decoder": self.decoder_, "activation": self.activation}
        if drawn if drawn is not None else not self.grey_:
            return self._from_net(one_page.sample(self.params_, z, rng, c, **nets))
        return self._from_net(one_page.expected_x(self.params_, z, c, **nets))

    # ---- latents of one's own ----

    def inverse_transform(self, Z):
        """E[x|z] for each row of latents, (n, D): what the decoder makes of them, before noise.

        Z: (n, k).
        """
        return self._decode(self._check_latents(Z), None)

    decode = inverse_transform

    def _decode(self, Z, c):
        return self._from_net(self._by_rows(functools.partial(_expected_x, nets=self._nets()), Z, c))

    def interpolate(self, x0, x1, n=8):
        """E[x|z] along the straight line between the codes of two rows x0, x1 (D,), ends included, (n, D)."""
        Z = self._encode(self._check_rows(np.stack([np.asarray(x0), np.asarray(x1)])), None)
        share = np.linspace(0, 1, options.whole(least=2)("n", n))[:, None]
        return self.inverse_transform((1 - share) * Z[0] + share * Z[1])


def count(n, noise):
    """How many draws: n, or as many as rows of noise.

    n: a whole number or None. noise: (n, k) or None. Raises ValueError if they do not agree.
    """
    if noise is None:
        return options.whole()("n", 1 if n is None else n)
    if n is not None and len(noise) != n:
        raise ValueError(f"noise must have one row for each of the n = {n} draws, got {len(noise)}")
    return len(noise)


def _expected_x(params, z, eps, c, *, nets):
    return one_page.expected_x(params, z, c, decoder=nets["decoder"], activation=nets["activation"])
