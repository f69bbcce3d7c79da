"""The quality of diffusion, short: every section runs and prints its lines; a missed aim is the exit status."""

import pytest

from benchmarks import quality, quality_diffusion


def test_the_quick_version_holds_its_aims(capsys):
    assert quality.main(["--quick"], quality_diffusion.SECTIONS, quality_diffusion.__doc__) == 0
    printed = capsys.readouterr().out
    for line in ("two moons, noise .1, seed 0: KL", "ring of eight, r 4, sd .5, seed 0: KL", "better by", "64 samples"):
        assert line in printed
    assert printed.count("holds:") == 3 and "MISSED" not in printed


@pytest.mark.parametrize("ok, status", [(True, 0), (False, 1), (None, 0)])
def test_a_missed_aim_is_the_exit_status(ok, status, capsys):
    def section(quick):
        """About it."""
        yield "a line", "an aim", ok

    assert quality.main([], {"section": section}) == status
    assert ("MISSED: a line" in capsys.readouterr().out) == (status == 1)
