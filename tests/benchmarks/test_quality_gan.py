"""The quality of GANs, short: every section runs and prints its lines."""

from benchmarks import quality, quality_gan


def test_the_quick_version_runs(capsys):
    sections = {name: run for name, run in quality_gan.SECTIONS.items() if name != "speed"}
    assert quality.main(["--quick"], sections, quality_gan.__doc__) == 0
    printed = capsys.readouterr().out
    assert all(f"== {name}: " in printed for name in sections)
    for line in ("of 8 modes, histogram KL", "forest tells real", "non_saturating, no penalty", "of 25 modes"):
        assert line in printed
    assert "MISSED" not in printed
