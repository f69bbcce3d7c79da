"""What only shows something is left out for judging; what an exercise may depend on is not."""

import textwrap

import pytest

from tinygen.course import lesson
from tinygen.teaching.process.thinned import thinned


def left(tmp_path, *cells):
    """What is left of these cells, as lines without the empty ones."""
    path = tmp_path / "01_cells.py"
    path.write_text("".join(f"# %%\n{textwrap.dedent(cell)}\n" for cell in cells), encoding="utf-8")
    read = lesson.read(path)
    result = thinned(read)
    assert [c.source.count("\n") for c in result.cells] == [c.source.count("\n") for c in read.cells]
    return [line for cell in result.cells for line in cell.source.split("\n") if line]


KEPT = "import numpy as np\nx = np.ones(3)"


@pytest.mark.parametrize(("cell", "kept"), [
    ("fig, ax = plt.subplots()\nax.plot(x)\nax.set(title='x')", []),
    ("fig = plots.curves(x)\nfig.axes[0].set_xticks([t for t in x])\nt = 3\nprint(t)", ["t = 3", "print(t)"]),
    ("params = train.fit(x)\nguess = x @ params\nprint(guess)", []),
    # a function, an exercise or a statement that is kept may need them
    ("params = train.fit(x)\ndef f():\n    return params", ["params = train.fit(x)", "def f():", "    return params"]),
    ("params = train.fit(x)\ngood = params > 0\ntest_f = exercise(f, good)",
     ["params = train.fit(x)", "good = params > 0", "test_f = exercise(f, good)"]),
    ("def f(ax):\n    plt.plot(ax)\nfig, ax = plt.subplots()", ["def f(ax):", "    plt.plot(ax)"]),
    ("plt.plot(x); y = 2 * x", ["plt.plot(x); y = 2 * x"]),
    ("from scipy.stats import norm, t\nplt.plot(norm.pdf(x))", []),
    ("from scipy.stats import norm, t\nplt.plot(norm.pdf(x))\nt(3)", ["from scipy.stats import norm, t", "t(3)"]),
    ("for k in x:\n    plt.plot(k)", []),
    ("plt.plot(x", ["plt.plot(x"]),
])  # fmt: skip
def test_statements_that_only_show(tmp_path, cell, kept):
    assert left(tmp_path, KEPT, cell) == KEPT.split("\n") + kept


def test_across_cells(tmp_path):
    cells = ["fig, ax = plt.subplots()", "import numpy as np", "ax.plot(np.ones(3))", "w = model.fit(2)", "y = 2 * w",
             "test_y = exercise(abs, y)"]  # fmt: skip
    assert left(tmp_path, *cells) == ["w = model.fit(2)", "y = 2 * w", "test_y = exercise(abs, y)"]


@pytest.mark.parametrize("path", lesson.catalogue(), ids=lambda p: p.stem)
def test_of_the_packages_lessons_hardly_a_picture_is_left(path):
    cells = [cell for cell in thinned(lesson.read(path)).cells if cell.kind == "code" and lesson.for_exercises(cell)]
    drawing = [line for cell in cells for line in cell.source.split("\n") if line.startswith(("fig", "plt."))]
    assert not drawing
