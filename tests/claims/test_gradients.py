"""The claims about gradients by hand and about estimates: they pass, and would not if what they check were wrong."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygen
from tinygen import byhand, commands, gaussian
from tinygen.check import registry
from tinygen.claims import claims
from tinygen.claims.gradients import check, made, name_of


@pytest.mark.parametrize("name", [found.name for found in claims("gradient", "estimator")])
def test_the_claim_passes(name):
    outcome = claims(name)[0].run(seed=5)
    assert outcome.report.ok, str(outcome.report)


@pytest.mark.parametrize("name", ["log_density", "kl", "kl_standard_cholesky"])
def test_a_gradient_by_hand_that_is_off_is_seen_both_ways(name):
    """The bare formula is altered by 1e-6 instead of its gradients."""
    f, rng = getattr(gaussian, name), np.random.default_rng(1)
    report = check(f, lambda *args: f.__wrapped__(*args) * (1 + 1e-6), byhand.normal_arguments(f, rng), (), rng)
    failed = [entry.where for entry in report.entries if entry.verdict == "FAIL"]
    assert any("automatic" in where for where in failed) and any("automatic" not in where for where in failed)


SPOILT = [(each, i) for each in made() for i, rule in enumerate(each.row.rules) if rule is not None]


@pytest.mark.slow
@pytest.mark.parametrize("each, i", SPOILT, ids=lambda v: name_of(v) if isinstance(v, byhand.Made) else str(v))
def test_each_derivative_by_hand_is_claimed(each, i, monkeypatch):
    """One rule after the other is made 1 % too large: the claim of that function fails, in the argument's entries."""
    rules = list(each.row.rules)
    rules[i] = lambda *args, right=rules[i], **options: 1.01 * right(*args, **options)
    monkeypatch.setattr(each.row, "rules", tuple(rules))
    monkeypatch.setattr("tinygen.check.verdict.causes.diagnose", lambda *args, **options: [])  # names take long
    outcome = claims(name_of(each))[0].run()
    assert outcome.report.verdict == "FAIL"
    spoilt = list(each.example(np.random.default_rng(0)))[i]
    assert all(entry.where.startswith(spoilt) for entry in outcome.report.entries if entry.verdict == "FAIL")


def test_verify_names_the_function_with_the_wrong_derivative(monkeypatch, capsys):
    """Seen once: SiLU's derivative off by 1 %, and every claim passed."""
    row = byhand.MADE["tinygen.nn.layers.silu"].row
    right = row.rules[0]
    monkeypatch.setattr(row, "rules", (lambda *args: 1.01 * right(*args), *row.rules[1:]))
    assert commands.main(["verify", "gradient/layers"]) == 1
    out = capsys.readouterr().out
    assert "gradient/layers/silu" in out.split("FAIL")[0].splitlines()[-1] and "2 of 3 claims pass" in out


ELSEWHERE = {  # the engine's own primitives are rows of its table; these are the identity, with a note
    "measure/rounding.py": "a value, and the bar that goes with it",
    "mistakes/recordable.py": "a copy that is written into, while a diagnosis records",
}


def test_no_derivative_by_hand_is_made_anywhere_else():
    """`primitive` itself is for the engine and for users: the package's own derivatives go through byhand.py."""
    home = Path(tinygen.__file__).parent
    for path in home.rglob("*.py"):
        place = path.relative_to(home).as_posix()
        if place.startswith("autodiff/") or place == "byhand.py" or place in ELSEWHERE:
            continue
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        called = {getattr(call.func, "attr", getattr(call.func, "id", "")) for call in calls}
        assert "primitive" not in called, f"{place}: use byhand.with_gradients, with_vjps or with_rules"


def test_every_kind_has_claims():
    assert {found.kind for found in claims()} == set(registry.KINDS)


def test_the_list_is_the_same_whatever_was_imported_before():
    code = "import tinygen.claims as c; print(*(found.name for found in c.claims()))"
    first = "import tinygen.models.diffusion.latent, tinygen.nn.layers, tinygen.derivations.kl; "
    one, two = python(code).split(), python(first + code).split()
    assert one == two and len(set(one)) == len(one) > 300


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True).stdout
