"""The notation table on a page: every row of the schedule's own, typeset."""

from tinygen.course import notation
from tinygen.models.diffusion import schedule


def test_the_table_is_the_schedules_whole():
    rows = notation().splitlines()
    assert len(rows) > 8 and "\n".join(rows) in schedule.__doc__
    shown = notation()._repr_html_()
    assert shown.count("<tr>") == len(rows) - 1  # all but the rule below the head
    assert "<code>alpha_bar[t]</code>" in shown and "$" not in shown and "<mi>α</mi>" in shown
