"""The engine's rules are claims, and each of them is held: one that is off by 1 % is seen."""

import numpy as np
import pytest
from scipy import special  # noqa: F401  (its rules are loaded only where SciPy is)

import tinygen as tg
from tinygen.autodiff.table import TABLE, Every, on_missing
from tinygen.check.report import Report
from tinygen.claims import claims
from tinygen.claims.examples import label

for _load in on_missing:
    _load(None)
OWN = {function: function.row for function in (tg.logsumexp, tg.softmax, tg.log_softmax)}
ZERO = {(np.copysign, 1)}  # derivatives that are 0 wherever there are any
SPOILT = [
    (label(function), row, i)
    for function, row in (TABLE | OWN).items()
    if not row.through  # what a function is computed through has rules of its own
    for i, rule in enumerate(row.rules if isinstance(row.rules, tuple) else [row.rules])
    if rule is not None and not hasattr(rule, "reason") and (function, i) not in ZERO
]


def test_every_kind_of_rule_is_there():
    found = claims("rule")
    assert len(found) > 100 and all(one.kind == "rule" for one in found)
    assert isinstance(found[0].run().report, Report) and np.isfinite(found[0].run().seconds)


@pytest.mark.slow
@pytest.mark.parametrize("name, row, i", SPOILT, ids=lambda v: v if isinstance(v, (str, int)) else "")
def test_each_rule_is_claimed(name, row, i, monkeypatch):
    if isinstance(row.rules, Every):
        spoilt = Every(lambda *args, right=row.rules.rule, **options: _larger(right(*args, **options)))
    else:
        rules = list(row.rules)
        rules[i] = lambda *args, right=rules[i], **options: _larger(right(*args, **options))
        spoilt = tuple(rules)
    monkeypatch.setattr(row, "rules", spoilt)
    assert claims(f"rule/{name}")[0].run().report.verdict == "FAIL"


def _larger(cotangent):
    return None if cotangent is None else 1.01 * cotangent
