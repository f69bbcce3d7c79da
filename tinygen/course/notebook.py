"""A lesson as a notebook: its kernel named, and a cell that installs the package where it is missing."""

INSTALL = """# This installs the course where it is missing (on a fresh server, say). Then it does nothing.
import importlib.util

if importlib.util.find_spec("tinygen") is None:
    get_ipython().run_line_magic("pip", "install --quiet '{source}'")"""


def notebook(text, *, source="tinygen[course]", colab=""):
    """The percent-format `text` of a lesson as the text of an .ipynb file; the same bytes each time.

    source: what pip installs the package from. colab: "owner/repository/blob/main/folder/name.ipynb", where the
    notebook will lie, for a link that opens it in Colab; "" for none.
    """
    import jupytext
    from nbformat.v4 import new_code_cell, new_markdown_cell

    book = jupytext.reads(text, fmt="py:percent")
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for i, cell in enumerate(book.cells):
        cell["id"] = f"cell-{i}"
    install = new_code_cell(INSTALL.format(source=source), id="install", metadata={"tags": ["install"]})
    book.cells.insert(1, install)  # below the title
    if colab:
        link = f"[Open in Colab](https://colab.research.google.com/github/{colab})"
        book.cells.insert(0, new_markdown_cell(link, id="colab"))
    return jupytext.writes(book, fmt="ipynb")
