"""The command `tinygen`: a subcommand is a module with `add_arguments(parser)` and `run(arguments) -> exit status`."""

import argparse
import importlib
import sys

COMMANDS = {
    "learn": "tinygen.commands.learn",
    "verify": "tinygen.commands.verify",
    "check": "tinygen.commands.check",
    "rules": "tinygen.commands.rules",
    "teach": "tinygen.commands.teach",
}


def parser(names):
    """The argument parser for these subcommands."""
    top = argparse.ArgumentParser(
        prog="tinygen", description="Generative models from the ground up in plain NumPy, every derivation checked."
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name in names:
        module = importlib.import_module(COMMANDS[name])
        sub = commands.add_parser(name, help=module.__doc__.splitlines()[0], description=module.__doc__)
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return top


def main(argv=None):
    """Run the command line `argv`; return its exit status (2: unusable arguments)."""
    argv = sys.argv[1:] if argv is None else argv
    chosen = [name for name in argv[:1] if name in COMMANDS]  # the others need not be imported
    arguments = parser(chosen or COMMANDS).parse_args(argv)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `tinygen rules | head`
        sys.stderr.close()
        return 141
