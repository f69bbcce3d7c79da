"""The command `tinygen`: a subcommand is a module with `add_arguments(parser)` and `run(arguments) -> exit status`."""

import argparse
import contextlib
import importlib
import sys

COMMANDS = {
    "learn": "tinygen.commands.learn",
    "verify": "tinygen.commands.verify",
    "check": "tinygen.commands.check",
    "rules": "tinygen.commands.rules",
    "reference": "tinygen.commands.reference",
    "teach": "tinygen.commands.teach",
}


def parser(names):
    """The argument parser for these subcommands."""
    top = argparse.ArgumentParser(
        prog="tinygen", description="Generative models from the ground up in plain NumPy, every derivation checked."
    )
    top.add_argument("--version", action="store_true", help="print the version of the package and of NumPy")
    commands = top.add_subparsers(metavar="COMMAND")
    for name in names:
        module = importlib.import_module(COMMANDS[name])
        sub = commands.add_parser(name, help=module.__doc__.splitlines()[0], description=module.__doc__)
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return top


def version():
    """The versions of the package and of what it computes with."""
    import platform
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as of

    try:
        own = of("tinygen")
    except PackageNotFoundError:  # a checkout that was not installed
        own = "(not installed)"
    return f"tinygen {own}, NumPy {of('numpy')}, Python {platform.python_version()}"


def main(argv=None):
    """Run the command line `argv`; return its exit status (2: unusable arguments)."""
    argv = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):  # a terminal that has not all letters shows a ? for those
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")
    chosen = [name for name in argv[:1] if name in COMMANDS]  # the others need not be imported
    top = parser(chosen or COMMANDS)
    arguments = top.parse_args(argv)
    try:
        if arguments.version or not hasattr(arguments, "run"):
            print(version() if arguments.version else top.format_help().rstrip())
            return 0
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `tinygen rules | head`
        sys.stderr.close()
        return 141
