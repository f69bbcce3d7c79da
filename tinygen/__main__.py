"""`python -m tinygen` is `tinygen`."""

from tinygen.commands import main

if __name__ == "__main__":
    raise SystemExit(main())
