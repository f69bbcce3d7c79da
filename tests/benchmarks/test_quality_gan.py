"""The quality of GANs, short: every section runs and prints its lines."""

import pytest

from benchmarks import quality, quality_gan


@pytest.mark.slow
def test_the_quick_version_runs(capsys):
    sections = {name: run for name, run in quality_gan.SECTIONS.items() if name != "speed"}
    assert quality.main(["--quick"], sections, quality_gan.__doc__) == 0
    printed = capsys.readouterr().out
    for line in ("of 8 modes, histogram KL", "forest tells real", "non_saturating, no penalty", "of 25 modes"):
        assert line in printed
    assert "MISSED" not in printed
