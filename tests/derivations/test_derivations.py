"""The derivations: every line right at fresh points, a slip in any of them seen, known numbers as they are known."""

import json

import numpy as np
import pytest

from tinygen.check.derivation import Derivation, Line
from tinygen.claims import claims

DERIVATIONS = {found.name: found.check.__self__ for found in claims("derivation")}
HEAVY = {"diffusion/bound"}


@pytest.mark.parametrize("name", DERIVATIONS)
def test_every_line_holds_at_points_that_verify_does_not_try(name):
    report = DERIVATIONS[name].check(20240)
    assert report.ok, str(report)
    assert max(len(line) for line in str(report).splitlines()) <= 110
    json.dumps(report.to_dict(), allow_nan=False)


def altered(derivation, number, value, **changes):
    """The derivation with another function in one line, tried at one point."""
    lines = list(derivation.lines)
    old = lines[number]
    lines[number] = Line(old.latex, value, old.relation, **({"gap": old.gap, "wrong": old.wrong} | changes))
    points = derivation.points[:1] or [derivation.draw(np.random.default_rng(3))]
    return Derivation(derivation.name, *lines, points=points)


def off(value, arguments):
    """The function, off by 1e-5 of its size."""
    from tinygen.check.derivation import _call

    def line(**point):
        number = _call(value, point)
        size = np.max(abs(number.value), initial=0)
        return number.value + 1e-5 * (size if size > 0 else 1.0), number.bar

    return line


@pytest.mark.parametrize("name", DERIVATIONS)
def test_a_slip_of_one_in_100_000_in_a_line_is_seen(name):
    derivation = DERIVATIONS[name]
    lines = list(enumerate(derivation.lines))[1:]
    right = [i for i, line in lines if not line.wrong and (line.relation == "=" or line.gap)]
    for number in right[-1:] if name in HEAVY else right[:1] + right[-1:]:
        line = derivation.lines[number]
        report = altered(derivation, number, off(line.value, None)).check()
        assert report.entries[number].verdict == "FAIL", f"line {number + 1} off by 1e-5: {report}"


WRONG = [(name, i) for name, derivation in DERIVATIONS.items() for i, line in enumerate(derivation.lines) if line.wrong]


@pytest.mark.parametrize(("name", "number"), [case for case in WRONG if case[0] not in HEAVY])
def test_an_expected_failure_that_is_put_right_fails(name, number):
    derivation = DERIVATIONS[name]
    before = next(line for line in reversed(derivation.lines[:number]) if not line.wrong)
    report = altered(derivation, number, before.value).check()
    assert report.entries[number].verdict == "FAIL"


def shown(name, number):
    """Value at the point that is shown, of line `number` (from 1)."""
    return DERIVATIONS[name].check(0).details["lines"][number - 1]


@pytest.mark.parametrize(("name", "number", "digits"), [
    ("kl/two-forms", 1, 0.31815), ("kl/two-forms", 3, 0.80685),
    ("elbo/tight", 1, -1.746), ("elbo/tight", 3, -24.768),
    ("beta/bound", 1, -1.527), ("beta/bound", 2, -0.891),
    ("diffusion/reverse-not-normal", 1, -0.535),
    ("diffusion/limit", 1, 0.123), ("diffusion/dropped-term", 1, -0.123),
    ("reparameterization/book", 1, 2.7659334442), ("reparameterization/book-gradient", 1, 5.7281641079),
])  # fmt: skip
def test_numbers_that_are_known(name, number, digits):
    decimals = len(str(digits).split(".")[1])
    assert round(shown(name, number)["value"], decimals) == digits


def test_vectors_that_are_known():
    assert np.allclose(shown("reparameterization/gradient", 1)["value"], [2.405, -2.9575], atol=1e-9)
    assert np.round(shown("diffusion/step-noise-variance", 1)["value"], 3).tolist() == [0.455, 0.989]
    assert np.round(shown("diffusion/least-errors", 1)["value"][:2], 3).tolist() == [0.990, 0.079]
    assert shown("autoencoder/own-noise", 1)["value"] == [0, 12, 18, 39]


def test_at_other_points_too():
    """Excess kurtosis of one step back at beta = .02, and the dropped term of DDPM-1000."""
    kurtosis = DERIVATIONS["diffusion/reverse-not-normal"].lines[0].value
    assert round(float(kurtosis(0.02, 0.6)), 3) == -0.009
    assert round(float(kurtosis(0.02, 0.98)), 3) == -1.848
    dropped = DERIVATIONS["diffusion/dropped-term"]
    assert round(-float(dropped.lines[2].value(**dropped.points[1])), 6) == 2e-5


def test_what_the_notes_get_wrong_stands_there_as_expected_failures():
    """At least one derivation for each point of the list of corrections that a number can show."""
    for name in (
        "kl/two-forms", "elbo/chain", "autoencoder/unit-noise", "reparameterization/gradient", "elbo/tight",
        "diffusion/noise-mean", "diffusion/x-from-noise", "diffusion/bound", "diffusion/dropped-term",
        "diffusion/variance", "diffusion/not-normal", "diffusion/limit", "diffusion/telescope", "diffusion/two-steps",
        "elbo/loss", "diffusion/reverse-not-normal", "diffusion/label", "diffusion/few-layers", "elbo/gap",
        "beta/bound", "autoencoder/bottleneck", "autoencoder/noise",
    ):  # fmt: skip
        assert any(line.wrong for line in DERIVATIONS[name].lines), name
