"""Write the reference of all public functions and classes as a folder of pages, which need no network.

Built from the docstrings by pdoc (pip install "tinygen[docs]"). `tinygen learn --all` builds it beside the course.
"""

import sys


def add_arguments(parser):
    """The options of `tinygen reference`."""
    parser.add_argument("out", nargs="?", metavar="DIR", default="tinygen-pages/reference",
                        help="folder for the pages (default: %(default)s)")


def run(arguments):
    """Run the subcommand with the parsed `arguments`; return its exit status (2: it could not be done)."""
    from tinygen.course import reference
    from tinygen.course.lesson import LessonError

    try:
        print(f"The reference is {reference.build(arguments.out).resolve()}")
    except LessonError as error:
        print(f"tinygen reference: {error}", file=sys.stderr)
        return 2
    return 0
