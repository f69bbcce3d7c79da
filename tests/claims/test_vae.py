"""The claims about VAEs and their oracles hold at several seeds, and fail when what they judge is broken."""

import numpy as np
import pytest

from tinygen import gaussian
from tinygen.claims import claims
from tinygen.models.vae import bounds, decoders, diagnose, posteriors, priors
from tinygen.oracles import categorical, linear_gaussian, quadratic, quadrature
from tinygen.oracles.discrete import DiscreteLatent
from tinygen.oracles.linear_gaussian import LinearGaussian


@pytest.mark.parametrize("found", claims("vae"), ids=lambda found: found.name)
@pytest.mark.parametrize("seed", range(2))
def test_claim(found, seed):
    outcome = found.run(seed)
    assert outcome.report.ok, str(outcome.report)


def scaled(factor):
    """What makes a function return `factor` times its result."""
    return lambda f: lambda *args, **options: factor * f(*args, **options)


def changed(i, change):
    """What makes a function return its tuple with part `i` changed."""

    def wrap(f):
        def wrong(*args, **options):
            parts = list(f(*args, **options))
            parts[i] = change(parts[i])
            return tuple(parts)

        return wrong

    return wrap


def part(name):
    """What makes a function return its Moments with one of them slightly off."""
    return lambda f: lambda *args, **options: f(*args, **options)._replace(
        **{name: getattr(f(*args, **options), name) * SLIGHT}
    )


SLIGHT = 1 + 1e-6
BROKEN = [  # claim, where, what, how
    ("oracles/evidence", LinearGaussian, "log_evidence", scaled(SLIGHT)),
    ("oracles/posterior", LinearGaussian, "posterior", changed(0, lambda mean: mean * SLIGHT)),
    ("oracles/posterior", LinearGaussian, "posterior", changed(1, lambda cov: cov * SLIGHT)),
    ("oracles/elbo", LinearGaussian, "elbo_terms", changed(1, lambda kl: kl * SLIGHT)),
    ("oracles/best-diagonal", LinearGaussian, "best_diagonal", changed(1, lambda logvar: logvar + 1e-3)),
    ("oracles/optimum", linear_gaussian, "principal", changed(0, lambda lam: lam * SLIGHT)),
    ("oracles/active-units", linear_gaussian, "latent_kl", scaled(SLIGHT)),
    ("oracles/active-units", linear_gaussian, "latent_variance", scaled(SLIGHT)),
    ("oracles/active-units", linear_gaussian, "active", lambda f: lambda lam, s2, beta: f(lam, s2 / 3, beta=beta)),
    ("oracles/rate-distortion", linear_gaussian, "rate_distortion", changed(0, lambda rate: rate * SLIGHT)),
    ("oracles/rate-distortion", linear_gaussian, "rate_distortion", changed(1, lambda distortion: distortion * SLIGHT)),
    ("oracles/quadrature", quadrature, "LN_2PI", lambda value: value * SLIGHT),
    ("oracles/discrete", DiscreteLatent, "elbo_grad_logits", scaled(SLIGHT)),
    ("oracles/discrete", DiscreteLatent, "log_evidence", scaled(SLIGHT)),
    ("oracles/gradients", quadratic, "sticking_the_landing", part("var")),
    ("oracles/gradients", quadratic, "score_function", part("mean")),
    ("oracles/baselines", categorical, "uniform", scaled(SLIGHT)),
    ("oracles/baselines", categorical.ChowLiu, "log_prob", scaled(SLIGHT)),
    ("models/bound", gaussian, "kl_standard", scaled(SLIGHT)),
    ("models/tight", bounds, "iwae", scaled(SLIGHT)),
    ("models/tight", bounds, "log_weights", lambda f: lambda *a, density=None, **nets: f(*a, **nets)),
    ("models/gradients", gaussian, "kl_standard", scaled(SLIGHT)),
    ("models/gradients", bounds, "score_function_loss", changed(0, lambda loss: loss * SLIGHT)),
    ("models/importance", bounds, "iwae", lambda f: lambda log_w: f(log_w) + 1e-6),
    ("models/likelihoods", decoders.Logistic, "mean", scaled(SLIGHT)),
    ("models/likelihoods", decoders, "categorical_log_prob", scaled(SLIGHT)),
    ("models/posteriors", posteriors.Planar, "draw", changed(1, lambda log_q: log_q * SLIGHT)),
    ("models/posteriors", posteriors.Affine, "log_density", scaled(SLIGHT)),
    ("models/priors", priors, "log_density", scaled(SLIGHT)),
    ("models/diagnosis", diagnose.quadrature, "gauss_hermite", changed(1, lambda weights: weights * (1 + 1e-3))),
]


@pytest.mark.parametrize("name, where, what, wrong", BROKEN,
                         ids=[f"{b[0]}-{b[2]}" for b in BROKEN])  # fmt: skip
def test_what_is_broken_fails_its_claim(name, where, what, wrong, monkeypatch):
    monkeypatch.setattr(where, what, wrong(getattr(where, what)))
    (found,) = claims(f"vae/{name}")
    report = found.run().report
    assert report.verdict == "FAIL" and not np.isnan(report.entries[0].got), str(report)
