r"""Diffusion in the latent space of a VAE: the notes' "shuffle GAN/VAE/Normalizing" taken at its word.

$\log p(x) \ge E_{q(z|x)} [\log p(x|z) + \log p_\text{diffusion}(z) - \log q(z|x)]$

The VAE is trained first; then a diffusion learns the law of its codes z ~ q(z|x), and takes the place of the prior.
Source: Vahdat, Kreis, Kautz 2021; Rombach et al. 2022.
"""

import numpy as np

from tinygen import gaussian
from tinygen.models import base, options, randomness
from tinygen.models.diffusion.estimator import Diffusion
from tinygen.models.vae import bounds, posteriors
from tinygen.models.vae.estimator import VAE
from tinygen.models.vae.one_page import encode


class LatentDiffusion(base.Estimator):
    """A VAE, and a Diffusion as the prior of its codes. `fit` trains copies of the two that are given.

    >>> X = np.random.default_rng(0).random((200, 5)).round()
    >>> small = Diffusion(width=16, blocks=1, max_steps=50, progress=False)
    >>> model = LatentDiffusion(VAE(2, hidden=(16,), max_steps=50, progress=False), small, random_state=0).fit(X)
    >>> model.sample(3).shape, model.transform(X).shape, model.bound_
    ((3, 5), (200, 2), 'elbo')

    `score_samples` is a lower bound on log p(x) of each row in nats, of what the table of VAE says for its decoder.
    vae: a VAE, not yet fitted, with any decoder; None: VAE(). diffusion: a Diffusion of real values, not yet fitted;
    None: Diffusion(). score_draws: draws of z for each row in `score_samples`. random_state: None, an integer, a
    Generator or a RandomState.

    Fitted: `vae_`, `diffusion_`, `bound_`, `seed_`, `n_features_in_`.
    """

    OPTIONS = {"score_draws": options.whole()}
    LATER = ("score_draws",)
    bound_ = "elbo"

    def __init__(self, vae=None, diffusion=None, *, score_draws=8, random_state=None):
        self.vae = vae
        self.diffusion = diffusion
        self.score_draws = score_draws
        self.random_state = random_state

    def get_params(self, deep=True):
        """As of every estimator; deep: those of the VAE and the Diffusion too, also where they are the default ones."""
        own = super().get_params(deep)
        if deep:
            for name, make in (("vae", VAE), ("diffusion", Diffusion)):
                if own[name] is None:
                    own |= {f"{name}__{option}": value for option, value in make().get_params().items()}
        return own

    def set_params(self, **params):
        """As of every estimator: `vae__epochs=5` sets that of the VAE, of a default one if none was given."""
        for name, make in (("vae", VAE), ("diffusion", Diffusion)):
            asked = any(option.startswith(f"{name}__") for option in params)
            if asked and params.get(name, getattr(self, name)) is None:
                params = {**params, name: make()}
        return super().set_params(**params)

    @property
    def params_(self):
        """Those of the two: {"vae": ..., "diffusion": ...}."""
        return {"vae": self.vae_.params_, "diffusion": self.diffusion_.params_}

    def _check_options(self):
        super()._check_options()
        wrong = self.vae is not None and (not isinstance(self.vae, VAE) or getattr(self.vae, "bound_", "") == "none")
        if wrong or not isinstance(self.diffusion, Diffusion | None) or getattr(self.diffusion, "levels", 0) not in (
            None, 0, "auto"
        ):  # fmt: skip
            raise ValueError(
                f"LatentDiffusion: got {self.vae!r} and {self.diffusion!r}; expected a VAE and a Diffusion without "
                "levels (codes are real numbers)"
            )

    def fit(self, X, y=None, sample_weight=None):
        """Train the VAE on the rows of X, shape (n, D), then the diffusion on one draw of z for each; y: not looked
        at. sample_weight: as in `VAE.fit`, for both."""
        return self._anew(X, None, sample_weight)

    def _fit(self, X, y):
        vae, diffusion = self.vae or VAE(), self.diffusion or Diffusion()
        self.seed_ = randomness.seed(self.random_state)
        self.vae_ = type(vae)(**{**vae.get_params(), "random_state": self.seed_}).fit(X, None, self._weights)
        rows = self.vae_._to_net(X)
        family, q = self._encoded(rows)
        rng = randomness.stream(self.seed_, "codes")
        z = family.sample(q, rng.standard_normal((len(rows), self.vae_.latents)).astype(rows.dtype))
        given = {**diffusion.get_params(), "random_state": self.seed_, "levels": None}
        self.diffusion_ = type(diffusion)(**given).fit(z, None, self._weights)

    def score_samples(self, X, *, return_error=False):
        """A lower bound on log p(x) of each row in nats, (n,), for the model that `sample` draws from.

        E_q [log p(x|z) + log p(z) - log q(z|x)], the mean over `score_draws` draws of z: the VAE's reconstruction, the
        diffusion's log density of the codes (of its probability-flow ODE, exact), and the entropy of q. What it lacks
        of log p(x) is KL(q(z|x) || p(z|x)), with the posterior under the diffusion as prior; it compares with the VAE's
        of bound="elbo". A row's noise depends on `random_state` and the row's values only.
        return_error: also return the standard error of each row's number, from the spread over its draws, (n,). X: (n,
        D).
        """
        X = self._check_rows(X)
        x, latents = self.vae_._to_net(X), self.vae_.latents
        family, q = self._encoded(x)
        key = self.vae_.scaling_.key(X)
        draws = randomness.row_normals(self.seed_, key, (self.score_draws, latents), dtype=x.dtype)
        params = {**self.vae_.params_, "prior": None}  # whatever the VAE had: z as under N(0, I), which is exchanged
        each = []
        for noise in draws.swapaxes(0, 1):
            z = family.sample(q, noise)
            with_standard = bounds.log_weights(params, x, noise[None], None, **self.vae_._nets())[0]
            own = self.diffusion_.score_samples(z)
            each.append(with_standard.astype(np.float64) - gaussian.log_density(z, 0.0, 0.0) + own)
        nats = np.mean(each, axis=0) + self.vae_.scaling_.log_det
        nats[self.vae_.scaling_.impossible(X)] = -np.inf
        if not return_error:
            return nats
        many = self.score_draws
        return nats, np.std(each, axis=0, ddof=1) / np.sqrt(many) if many > 1 else np.full(len(X), np.nan)

    def fit_transform(self, X, y=None, sample_weight=None):
        """`fit(X)`, then `transform(X)`.

        X: (n, D). y: not looked at. sample_weight: (n,), or None.
        """
        return self.fit(X, y, sample_weight).transform(X)

    def transform(self, X):
        """The mean of q(z|x) for each row, (n, latents)."""
        return self._output(self.vae_._encode(self._check_rows(X), None), X)

    def inverse_transform(self, Z):
        """E[x|z] for each row of latents, (n, D).

        Z: (n, k).
        """
        self._check_fitted()
        return self.vae_.inverse_transform(Z)

    decode = inverse_transform

    def sample(self, n=1, y=None, *, observation_noise=None, random_state=None):
        """n draws of x, (n, D): z by the diffusion, x from p(x|z) as in `VAE.sample`. y: None; there are no labels.

        observation_noise: as in `VAE.sample`. Raises ValueError for labels.
        """
        self._check_fitted()
        if y is not None:
            raise ValueError("LatentDiffusion knows no labels: fit a Diffusion with labels, or leave y out")
        seed = self.seed_ if random_state is None else randomness.seed(random_state)
        z = self.diffusion_.sample(options.whole()("n", n), random_state=seed).astype(self.vae_.dtype)
        return self.vae_._draw(z, None, randomness.stream(seed, "codes"), observation_noise)

    def _encoded(self, x):
        family = posteriors.posterior(self.vae_.posterior)
        return family, encode(self.vae_.params_, x, None, posterior=family, activation=self.vae_.activation)

    def _columns_out(self):
        return self.vae_.latents
