"""What is the matter with a VAE? Which latents it uses, what they carry, and where the bound loses its nats.

rate = E KL(q(z|x) || p(z)) = I(x; z) + KL(q(z) || p(z)),  q(z) the mean of q(z|x) over the rows
log p(x) - ELBO = [log p(x) - max_q ELBO] + [max_q ELBO - ELBO]: approximation gap (the family of q is too small) and
amortisation gap (the encoder is not the best member for this row); the first needs log p(x), so at most two latents
"""

from dataclasses import dataclass

import numpy as np

from tinygen import gaussian
from tinygen.autodiff import value_and_grad
from tinygen.models.vae import decoders, one_page, priors
from tinygen.models.vae.one_page import decode, encode
from tinygen.models.vae.posteriors import Diagonal
from tinygen.nn.layers import mlp
from tinygen.oracles import linear_gaussian, quadrature

ACTIVE = 0.01  # a latent is in use if its posterior mean varies by more than this over the rows (Burda et al. 2016)


@dataclass(frozen=True)
class Diagnosis:
    """All numbers in nats, means over the rows. Fields that cannot be had for the model are None.

    latent_kl: KL of each latent, (k,). active: which latents are in use, (k,). rate: KL(q || p). distortion:
    -E_q log p(x|z). squared_error: E_q |x - E[x|z]|^2 of a row. mutual_information, marginal_kl: the two parts of the
    rate. approximation_gap, amortisation_gap: (mean, standard error) over the first rows. warnings: sentences.
    """

    latent_kl: np.ndarray | None
    active: np.ndarray
    rate: float
    distortion: float
    squared_error: float
    mutual_information: float | None
    marginal_kl: float | None
    approximation_gap: tuple | None
    amortisation_gap: tuple | None
    warnings: tuple

    def __str__(self):
        elbo = -self.rate - self.distortion
        lines = [f"ELBO {elbo:.3f} nats = -distortion {self.distortion:.3f} - rate {self.rate:.3f}"]
        if self.mutual_information is not None:
            parts = f"mutual information {self.mutual_information:.3f} + marginal KL {self.marginal_kl:.3f}"
            lines.append(f"rate {self.rate:.3f} = {parts}")
        lines.append(f"{self.active.sum()} of {len(self.active)} latents are in use")
        if self.latent_kl is not None:
            lines.append(f"KL of each latent: {' '.join(f'{kl:.2f}' for kl in self.latent_kl)}")
        for name in ("approximation_gap", "amortisation_gap"):
            if getattr(self, name):
                value, error = getattr(self, name)
                lines.append(f"{name.replace('_', ' ')}: {value:.3f} +- {error:.3f}")
        return "\n".join([*lines, *(f"warning: {sentence}" for sentence in self.warnings)])


def diagnose(params, x, c=None, *, decoder, posterior, activation="tanh", beta=1.0, rng=0, draws=16, gap_rows=30):
    """Diagnose the model `params` on the rows x (n, D), with one-hot labels c if it is conditional: a Diagnosis.

    draws: of z for each row. gap_rows: how many rows (the first ones) the two gaps are computed for, 0 for none.
    beta: the weight that the KL term had in training. decoder, posterior, activation: as in one_page.elbo_terms. rng:
    Generator or seed.
    """
    nets = dict(decoder=decoder, posterior=posterior, activation=activation)
    rng = np.random.default_rng(rng)
    q, p = encode(params, x, c, posterior=posterior, activation=activation), priors.prior(params.get("prior"), c)
    mean = posterior.mean(q)  # (n, k)
    n, k = mean.shape
    eps = rng.standard_normal((draws, n, k)).astype(x.dtype)
    terms = one_page.elbo_terms(params, x, eps, c, **nets)
    rate, distortion = float(terms["kl"].mean()), -float(terms["reconstruction"].mean())
    z = posterior.sample(q, eps)
    image = one_page.expected_x(params, z, c, decoder=decoder, activation=activation)
    squared_error = float(np.mean(np.sum((x - image) ** 2, -1)))
    diagonal = isinstance(posterior, Diagonal) and priors.is_gaussian(p)
    active = mean.var(0) > ACTIVE
    marginal_kl = _marginal_kl(posterior, q, z) if p is None else None
    information = None if marginal_kl is None else rate - marginal_kl
    approximation = amortisation = None
    if k <= 2 and p is None and gap_rows:
        some = slice(gap_rows)
        approximation, amortisation = _gaps(params, x[some], None if c is None else c[some], nets)
    warnings = _warnings(x, active, beta, rate, marginal_kl, information, amortisation, decoder, params)
    return Diagnosis(
        one_page.latent_kl(params, x, c, activation=activation).mean(0) if diagonal else None,
        active, rate, distortion, squared_error, information, marginal_kl, approximation, amortisation, tuple(warnings),
    )  # fmt: skip


def _marginal_kl(posterior, q, z):
    """KL(q(z) || N(0, I)) by the draws z (S, n, k), with q(z) = 1/n sum_j q(z|x_j)."""
    total = 0.0
    for of_draw in z:  # (n, k)
        table = posterior.log_density(q, of_draw[:, None, :])  # (n, n), ln q(z_i | x_j)
        top = table.max(1)
        log_q = top + np.log(np.mean(np.exp(table - top[:, None]), 1))
        total += float(np.mean(log_q - gaussian.log_density(of_draw, 0.0, 0.0)))
    return total / len(z)


def _gaps(params, x, c, nets):
    """Approximation and amortisation gap, each (mean, standard error) over the rows."""
    from scipy.optimize import minimize

    posterior, n = nets["posterior"], len(x)
    rows = x if c is None else np.concatenate([x, c], 1)
    start = mlp(params["encoder"], rows, nets["activation"]).astype(np.float64)  # (n, outputs)
    k = posterior.mean(posterior.split(start)).shape[1]
    eps, weights = quadrature.gauss_hermite(k, {1: 24, 2: 8}[k])
    eps = np.repeat(eps[:, None], n, 1)  # (S, n, k)

    def log_likelihood(z):
        """log p(x|z), (S, n), at z (S, n, k), or without labels (S, 1, k)."""
        out = decode(params, z, c, activation=nets["activation"])
        return nets["decoder"].log_prob(params["likelihood"], x, out)

    def bound(out):
        """The ELBO of each row with q given by the encoder's outputs, (n,): expectations by quadrature."""
        z, log_q = posterior.draw(posterior.split(out), eps)
        return np.tensordot(weights, log_likelihood(z) + gaussian.log_density(z, 0.0, 0.0) - log_q, axes=1)

    def step(flat):
        value, gradient = value_and_grad(lambda out: -np.sum(bound(out)))(flat.reshape(start.shape))
        return float(value), np.ravel(gradient)

    best = minimize(step, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 100})
    at_start = bound(start)
    reached = np.maximum(bound(best.x.reshape(start.shape)), at_start)
    spread = lambda gap: (float(gap.mean()), float(gap.std() / np.sqrt(n)))
    for points in {1: (501, 4001), 2: (121, 181, 301)}[k]:  # finer only if the posteriors are narrow
        many = lambda z: log_likelihood(z[:, None] if c is None else np.repeat(z[:, None], n, 1)).T  # (n, m)
        found = quadrature.evidence(many, k, points=points, limit=6.0, chunk=512)
        if found.error.max() < 1e-2:
            break
    return spread(found.log_evidence - reached), spread(reached - at_start)


def _warnings(x, active, beta, rate, marginal_kl, information, amortisation, decoder, params):
    k, idle = len(active), int((~active).sum())
    if idle:
        sentence = f"{idle} of {k} latents have collapsed"
        if isinstance(decoder, decoders.Gaussian):
            var = float(np.mean(np.exp(params["likelihood"]["logvar"]))) if params["likelihood"] else decoder.var
            above = int(np.sum(linear_gaussian.principal(x)[0] > beta * var))
            if above <= k - idle:
                sentence += f": their eigenvalues are below beta * sigma^2 = {beta * var:.3g} (only {above} are above)"
            else:
                sentence += f", though {above} eigenvalues are above beta * sigma^2 = {beta * var:.3g}: train longer"
        yield sentence
    if rate < 0.1:
        yield f"the rate is {rate:.3f} nats: q is the prior whatever x is, and the decoder ignores z"
    if information is not None and information > np.log(len(x)) - 1:
        most = f"ln n = {np.log(len(x)):.2f}, all that {len(x)} rows can show"
        yield f"mutual information {information:.2f} is near {most}: it may be larger, and the marginal KL smaller"
    elif marginal_kl is not None and marginal_kl > 2:
        yield f"the codes do not fill the prior (marginal KL {marginal_kl:.2f} nats): samples come from where none are"
    if amortisation is not None and amortisation[0] > 1:
        yield f"the encoder is {amortisation[0]:.2f} nats from the best q of its family: enlarge it, or train longer"
    if beta < 1:
        yield f"beta = {beta:g} < 1: what was trained is not a lower bound on log p(x) (the ELBO reported here is)"
