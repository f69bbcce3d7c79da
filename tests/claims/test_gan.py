"""The claims about GANs hold at several seeds, and fail when what they judge is broken."""

import pytest

from tinygen.claims import claims
from tinygen.models.gan import penalties
from tinygen.oracles import discriminator, f_divergences, gan_dynamics, linear_gan, perfect_sampler, wasserstein
from tinygen.oracles.discriminator import Pair

SLIGHT = 1 + 1e-3


@pytest.mark.parametrize("found", claims("gan"), ids=lambda found: found.name)
@pytest.mark.parametrize("seed", range(2))
def test_claim(found, seed):
    outcome = found.run(seed)
    assert outcome.report.ok, str(outcome.report)


def scaled(f):
    return lambda *args, **options: SLIGHT * f(*args, **options)


def first_scaled(f):
    def wrong(*args, **options):
        found = f(*args, **options)
        values = (SLIGHT * found[0], *found[1:])
        return type(found)(*values) if hasattr(found, "_fields") else values

    return wrong


BROKEN = [
    ("oracles/value", Pair, "value", scaled),
    ("oracles/value", Pair, "regret", scaled),
    ("models/steps", Pair, "jsd", scaled),
    ("oracles/duals", f_divergences, "divergence", scaled),
    ("oracles/wasserstein", wasserstein, "w1_gaussian", scaled),
    ("oracles/wasserstein", wasserstein, "w2_squared_gaussian", scaled),
    ("oracles/dynamics", gan_dynamics, "dirac_matrix", scaled),
    ("oracles/linear", linear_gan.LinearGAN, "optimum", first_scaled),
    ("oracles/linear", linear_gan.LinearGAN, "critic", first_scaled),
    ("oracles/sampler", perfect_sampler, "histogram_kl", scaled),
    ("oracles/sampler", perfect_sampler, "all_modes_seen", scaled),
    ("oracles/sampler", perfect_sampler, "rice_mean", scaled),
    ("models/penalties", penalties, "r1", scaled),
    ("oracles/duals", f_divergences, "donsker_varadhan", scaled),
    ("oracles/densities", discriminator, "gaussian_log_ratio", first_scaled),
    ("oracles/densities", discriminator, "poisson_log_ratio", scaled),
    ("oracles/densities", f_divergences, "pearson_gaussian", scaled),
    ("oracles/densities", f_divergences, "least_squares_terms", first_scaled),
    ("oracles/wasserstein", wasserstein, "w1_rows", scaled),
    ("oracles/wasserstein", wasserstein, "linear_critic", first_scaled),
    ("oracles/wasserstein", wasserstein, "lipschitz_bound", lambda f: lambda net: 0.01 * f(net)),
    ("oracles/continuous", gan_dynamics, "instance_noise_eigenvalues", first_scaled),
    ("oracles/continuous", gan_dynamics, "quadratic_velocity", first_scaled),
    ("oracles/continuous", gan_dynamics, "quadratic_turning_point", scaled),
    ("oracles/continuous", gan_dynamics, "non_saturating_radius", lambda f: lambda t, r0: 1.02 * f(t, r0)),
    ("oracles/sampler", perfect_sampler, "missing_modes", first_scaled),
]


@pytest.mark.parametrize("name, where, what, wrong", BROKEN, ids=[f"{b[0]}-{b[2]}" for b in BROKEN])
def test_what_is_broken_fails_its_claim(name, where, what, wrong, monkeypatch):
    monkeypatch.setattr(where, what, wrong(getattr(where, what)))
    (found,) = claims(f"gan/{name}")
    assert found.run().report.verdict == "FAIL"
