"""The command `tinygen`: one line of help and one function for each subcommand."""

import argparse
import sys


def parser():
    """The argument parser: each subcommand's room adds its own options."""
    top = argparse.ArgumentParser(prog="tinygen", description="Generative models from the ground up, every derivation checked.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    from tinygen.check import command_check, command_rules, command_verify
    from tinygen.course import command_learn

    for module in (command_learn, command_verify, command_check, command_rules):
        name = module.__name__.rsplit("_", 1)[1]
        sub = commands.add_parser(name, help=module.__doc__.splitlines()[0], description=module.__doc__)
        module.add_arguments(sub)
        sub.set_defaults(run=module.run)
    return top


def main(argv=None):
    """Run the command line `argv`; return its exit status (2: unusable arguments)."""
    arguments = parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
