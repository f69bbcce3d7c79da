r"""Diffusion in the latent space of a VAE: the notes' "shuffle GAN/VAE/Normalizing" taken at its word.

$\log p(x) \ge E_{q(z|x)} [\log p(x|z) + \log p_\text{diffusion}(z) - \log q(z|x)]$

The VAE is trained first; then a diffusion learns the law of its codes z ~ q(z|x), and takes the place of the prior.
Source: Vahdat, Kreis, Kautz 2021; Rombach et al. 2022.
"""

import numpy as np

from tinygen.models import base
from tinygen.models.diffusion.estimator import Diffusion
from tinygen.models.vae import bounds, posteriors
from tinygen.models.vae.estimator import VAE
from tinygen.models.vae.nets import decode, encode
from tinygen.nn import checkpoint

CODES, SCORE, SAMPLE = range(10, 13)


class LatentDiffusion(base.Estimator):
    """A VAE, and a Diffusion as the prior of its codes. `fit` trains copies of the two that are given.

    vae: a VAE, not yet fitted, with any decoder. diffusion: a Diffusion without `levels`, not yet fitted.
    score_draws: draws of z for each row in `score_samples`. random_state: None, an integer or a Generator.

    Fitted: `vae_`, `diffusion_`, `bound_` ("elbo"), `seed_`, `n_features_in_`.

    >>> X = np.random.default_rng(0).random((200, 5)).round()
    >>> small = Diffusion(width=16, blocks=1, epochs=3, progress=False)
    >>> model = LatentDiffusion(VAE(2, hidden=(16,), epochs=3, progress=False), small, random_state=0).fit(X)
    >>> model.sample(3).shape, model.transform(X).shape
    ((3, 5), (200, 2))
    """

    def __init__(self, vae=None, diffusion=None, *, score_draws=8, random_state=None):
        self.vae = vae
        self.diffusion = diffusion
        self.score_draws = score_draws
        self.random_state = random_state

    def fit(self, X, y=None):
        """Train the VAE on the rows of X, shape (n, D), then the diffusion on one draw of z for each; y: not looked
        at."""
        vae, diffusion = self.vae or VAE(), self.diffusion or Diffusion()
        if not isinstance(vae, VAE) or not isinstance(diffusion, Diffusion) or diffusion.levels:
            raise ValueError(
                f"LatentDiffusion: got {vae!r} and {diffusion!r}; expected a VAE and a Diffusion without levels "
                "(codes are real numbers)"
            )
        base.whole("score_draws", self.score_draws)
        seed = base.seed(self.random_state)
        self.vae_ = type(vae)(**{**vae.get_params(), "random_state": seed}).fit(X)
        rows = self.vae_._check_rows(X)
        self.seed_, self.n_features_in_, self.bound_ = seed, rows.shape[1], "elbo"
        family, q = self._encoded(rows)
        rng = np.random.default_rng([seed, CODES])
        z = family.sample(q, rng.standard_normal((len(rows), self.vae_.latents)).astype(rows.dtype))
        self.diffusion_ = type(diffusion)(**{**diffusion.get_params(), "random_state": seed}).fit(z)
        return self

    def score_samples(self, X):
        """A lower bound on log p(x) of each row in nats, (n,): the mean over `score_draws` draws of z.

        The prior's log density is the diffusion's own, exact: so this is comparable with the VAE's `score_samples`.
        """
        X = self.vae_._check_rows(self._check_rows(X))
        nets, total = self.vae_._nets(), np.zeros(len(X))
        family, q = self._encoded(X)
        for noise in self.vae_._noise_of(X, self.score_draws):
            # With weight log p(x|z) + log N(z) - log q(z|x) in hand, the prior is exchanged.
            z = family.sample(q, noise)
            with_standard = bounds.log_weights(self.vae_.params_, X, noise[None], None, **nets)[0]
            standard = -0.5 * np.sum(z**2 + np.log(2 * np.pi), axis=1)
            total += with_standard - standard + self.diffusion_.score_samples(z)
        return total / self.score_draws

    def transform(self, X):
        """The mean of q(z|x) for each row, (n, latents)."""
        self._check_fitted()
        return self.vae_.transform(X)

    def inverse_transform(self, Z):
        """E[x|z] for each row of latents, (n, D)."""
        self._check_fitted()
        return self.vae_.inverse_transform(Z)

    def sample(self, n=1, y=None, *, random_state=None):
        """n draws of x, (n, D): z by the diffusion, x from p(x|z), noise included. y: None; there are no labels."""
        self._check_fitted()
        if y is not None:
            raise ValueError("LatentDiffusion knows no labels: fit a Diffusion with labels, or leave y out")
        seed = self.seed_ if random_state is None else base.seed(random_state)
        z = self.diffusion_.sample(base.whole("n", n), random_state=seed)
        out = self.vae_._nets()["decoder"]
        logits = decode(self.vae_.params_, z, None, activation=self.vae_.activation)
        return out.sample(self.vae_.params_["likelihood"], logits, np.random.default_rng([seed, SAMPLE]))

    def save(self, path):
        """Write the fitted model to three files, `path` and beside it `path`.vae and `path`.diffusion."""
        self._check_fitted()
        self.vae_.save(f"{path}.vae")
        self.diffusion_.save(f"{path}.diffusion")
        own = {"score_draws": self.score_draws, "seed_": self.seed_, "n_features_in_": self.n_features_in_}
        checkpoint.save(path, own, meta={"model": type(self).__name__})

    @classmethod
    def load(cls, path):
        """The model that `save` wrote. Raises checkpoint.CheckpointError if a file is something else."""
        own = cls._read(path)
        vae, diffusion = VAE.load(f"{path}.vae"), Diffusion.load(f"{path}.diffusion")
        model = cls(vae, diffusion, score_draws=own.pop("score_draws"), random_state=own["seed_"])
        vars(model).update(own, vae_=vae, diffusion_=diffusion, bound_="elbo")
        return model

    def _encoded(self, X):
        family = posteriors.posterior(self.vae_.posterior)
        return family, encode(self.vae_.params_, X, None, posterior=family, activation=self.vae_.activation)
