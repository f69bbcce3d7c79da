"""Public names of a folder that are loaded when they are first used, so that importing it stays cheap."""

import importlib
import sys


def names(folder, where):
    """`__getattr__`, `__dir__` and `__all__` of the package `folder`, its `__name__`.

    where: {name: the module that has it}, as a path below tinygen.

    >>> __getattr__, __dir__, __all__ = names("tinygen.check", {"Report": "check.report"})
    >>> __all__, __getattr__("Report").__module__
    (['Report'], 'tinygen.check.report')
    """

    def __getattr__(name):
        if name not in where:
            raise AttributeError(f"module {folder!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"tinygen.{where[name]}"), name)
        setattr(sys.modules[folder], name, value)  # next time it is found at once
        return value

    def __dir__():
        return sorted({*vars(sys.modules[folder]), *where})

    return __getattr__, __dir__, sorted(where)
