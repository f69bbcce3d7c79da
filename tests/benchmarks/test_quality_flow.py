"""The quality of flows, short: every section runs and prints its lines, the choice of settings among them."""

import pytest

from benchmarks import quality, quality_flow


@pytest.mark.slow
def test_the_quick_version_runs(capsys):
    assert quality.main(["--quick"], quality_flow.SECTIONS, quality_flow.__doc__) == 0
    printed = capsys.readouterr().out
    for line in ("moons, noise .1: validation of", "chosen:", "seed 0: KL", "one draw's bound", "its floor is 0.4768"):
        assert line in printed
    assert printed.count("ln |det| is the Jacobian's") == 2 and "MISSED" not in printed


def test_rows_of_the_parts_are_others():
    drawn = [quality_flow._rows("checkerboard", 0, part, True) for part in quality_flow.ROWS]
    seen = {tuple(row) for rows in drawn for row in rows}
    assert len(seen) == sum(map(len, drawn))
