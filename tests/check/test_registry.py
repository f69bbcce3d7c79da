"""The registry: names, patterns, order, and checks that break."""

import sys

import pytest

from tinygen.check.registry import Claim, claim, claims
from tinygen.check.report import FAIL, PASS, Entry, Report


@pytest.fixture
def empty(monkeypatch):
    """A registry with three claims of its own."""

    monkeypatch.setattr(sys.modules["tinygen.check.registry"], "_registry", {})
    made = {}
    for name, kind in (("elbo/jensen", "derivation"), ("elbo", "identity"), ("elbow/gap", "derivation")):

        def check(rng, name=name):
            return Report(name, [Entry(name, PASS, 1.0, 1.0, float(rng.random()))])

        check.__qualname__ = name
        made[name] = claim(name, kind=kind, source="here")(check)
    return made


def names(found):
    return [one.name for one in found]


def test_patterns_are_names_paths_kinds_and_globs_in_the_order_of_registration(empty):
    assert names(claims()) == ["elbo/jensen", "elbo", "elbow/gap"]
    assert names(claims("elbo")) == ["elbo/jensen", "elbo"]
    assert names(claims("elbow")) == ["elbow/gap"]
    assert names(claims("derivation")) == ["elbo/jensen", "elbow/gap"]
    assert names(claims("*/ga*", "elbo/jensen")) == ["elbo/jensen", "elbow/gap"]
    with pytest.raises(LookupError, match="near it are elbo/jensen"):
        claims("elbo", "elbo/jenson")


def test_a_name_is_given_once_and_a_reloaded_module_may_give_it_again(empty):
    again = empty["elbo"]
    assert claim("elbo", kind="identity", source="here")(again) is again
    with pytest.raises(ValueError, match="already made"):
        claim("elbo", kind="identity", source="there")(lambda rng: Report("elbo"))
    with pytest.raises(ValueError, match="kind must be one of"):
        claim("other", kind="theorem", source="here")


def test_random_numbers_depend_on_name_and_seed_alone(empty):
    one, other = claims("elbo/jensen")[0], claims("elbow")[0]
    bars = [found.run(seed).report.entries[0].bar for found, seed in ((one, 0), (other, 0), (one, 1), (one, 0))]
    assert bars[0] == bars[3] and len(set(bars)) == 3


def test_a_check_that_raises_fails_and_says_where():
    def check(rng):
        return 1 / 0

    outcome = Claim("broken", "identity", "here", check).run()
    assert outcome.report.verdict == FAIL
    assert outcome.report.entries[0].where.startswith("test_registry.py, line")
    assert "ZeroDivision" in str(outcome.report)
    with pytest.raises(TypeError, match="expected a Report"):
        Claim("number", "identity", "here", lambda rng: 3).run()


def test_the_worst_entry_is_the_one_that_decided():
    entries = [Entry("far", PASS, 1.5, 1.0, 1.0), Entry("near", PASS, 1.1, 1.0, 0.11), Entry("shown", PASS)]
    claimed = Claim("x", "identity", "here", lambda rng: Report("x", list(entries)))
    assert claimed.run().worst.where == "near"
    entries.append(Entry("wrong", FAIL, 3.0, 1.0, 1.9))
    assert claimed.run().worst.where == "wrong"
    assert claimed.run().to_dict()["verdict"] == FAIL
