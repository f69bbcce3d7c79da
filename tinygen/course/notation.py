"""The notation table, which the docstring of the package's Schedule holds, as notebooks and pages show it."""


def notation():
    """The letters of the notes, of the book, of the DDPM paper and of this package, side by side."""
    from tinygen.models.diffusion import schedule

    return Notation("\n".join(line for line in schedule.__doc__.splitlines() if line.startswith("|")))


class Notation(str):
    """A table in Markdown, ready to be shown."""

    def _repr_html_(self):
        from tinygen.course.render import Prose

        return Prose()(self)
