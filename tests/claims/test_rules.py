"""The engine's rules are claims."""

import numpy as np

from tinygen.check.report import Report
from tinygen.claims import claims


def test_every_kind_of_rule_is_there():
    found = claims("rule")
    assert len(found) > 100 and all(one.kind == "rule" for one in found)
    assert isinstance(found[0].run().report, Report) and np.isfinite(found[0].run().seconds)
