"""Every lesson as a notebook with its solutions runs from top to bottom in a real kernel."""

import nbformat
import pytest

from tinygen.course import lesson
from tinygen.course.notebook import notebook

PATHS = lesson.catalogue()


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_the_notebook_of_a_lesson_runs(path, tmp_path):
    from nbclient import NotebookClient

    book = nbformat.reads(notebook(path.read_text(encoding="utf-8")), as_version=4)
    client = NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()  # raises for a cell that raises, or that takes longer
    printed = "".join(o.get("text", "") for c in book.cells if c.cell_type == "code" for o in c.outputs)
    assert printed.count("PASS") >= 3 and "FAIL" not in printed
