"""The quick version of `python -m benchmarks.quality`: every aim that it looks at holds."""

from benchmarks import quality


def test_the_quick_version_misses_no_aim(capsys):
    assert quality.main(["--quick"]) == 0
    said = capsys.readouterr().out
    assert all(f"== {name}:" in said for name in quality.SECTIONS) and "MISSED" not in said
    assert said.count("holds:") > 12
