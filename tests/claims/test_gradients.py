"""The claims about gradients by hand and about estimates: they pass, and would not if what they check were wrong."""

import numpy as np
import pytest

from tinygen import gaussian
from tinygen.claims import claims
from tinygen.claims.gradients import check, normals


@pytest.mark.parametrize("name", [found.name for found in claims("gradient", "estimator")])
def test_the_claim_passes(name):
    outcome = claims(name)[0].run(seed=5)
    assert outcome.report.ok, str(outcome.report)


@pytest.mark.parametrize("name", ["log_density", "kl", "kl_standard_cholesky"])
def test_a_gradient_by_hand_that_is_off_is_seen_both_ways(name):
    """The bare formula is altered by 1e-6 instead of its gradients."""
    f, rng = getattr(gaussian, name), np.random.default_rng(1)
    report = check(f, lambda *args: f.__wrapped__(*args) * (1 + 1e-6), normals(f, rng), (), rng)
    failed = [entry.where for entry in report.entries if entry.verdict == "FAIL"]
    assert any("automatic" in where for where in failed) and any("automatic" not in where for where in failed)


def test_every_gaussian_primitive_has_its_claim():
    joined = {name for name, f in vars(gaussian).items() if callable(f) and hasattr(f, "__wrapped__")}
    assert joined <= {found.name.removeprefix("gradient/") for found in claims("gradient")}
