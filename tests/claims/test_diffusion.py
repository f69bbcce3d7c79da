"""The diffusion package's claims hold, at several seeds, and fail when the thing they judge is broken."""

import pytest

from tinygen.claims import claims
from tinygen.models.diffusion import bound, one_page, process

PATTERNS = ("diffusion/models", "diffusion/oracles", "gradient/process/mix", "gradient/flow_matching/between")


@pytest.mark.parametrize("found", claims(*PATTERNS), ids=lambda found: found.name)
@pytest.mark.parametrize("seed", range(2))
def test_claim(found, seed):
    outcome = found.run(seed)
    assert outcome.report.ok, str(outcome.report)


def test_a_bound_without_its_prior_term_fails_its_claim(monkeypatch):
    monkeypatch.setattr(bound, "prior_term", lambda s, x, *prior: 0 * x[:, 0])
    (found,) = claims("diffusion/models/bound")
    assert found.run().report.verdict == "FAIL"


def test_a_posterior_with_the_wrong_index_fails_the_claim(monkeypatch):
    right = process.posterior_weights
    monkeypatch.setattr(one_page, "posterior_weights", lambda s: tuple(w[[0, *range(s.T)]] for w in right(s)))
    (found,) = claims("diffusion/models/samplers")
    assert found.run().report.verdict == "FAIL"
