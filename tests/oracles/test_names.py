"""What `from tinygen.oracles import ...` offers: everything public of the room, loaded when it is first used."""

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

from tinygen import oracles

MODULES = [found.name for found in pkgutil.iter_modules(oracles.__path__)]
HELPERS = {"one_of", "one_hot"}  # of categorical.py, used by its classes


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_offered_and_is_the_modules(module):
    module = importlib.import_module(f"tinygen.oracles.{module}")
    for name, value in vars(module).items():
        own = inspect.isclass(value) or inspect.isfunction(value)
        own = own and not hasattr(value, "_fields")  # a named tuple is what one of the functions returns
        if own and value.__module__ == module.__name__ and not name.startswith("_") and name not in HELPERS:
            assert getattr(oracles, name) is value and name in dir(oracles)


def test_names_are_loaded_when_they_are_used():
    code = "import sys; from tinygen import oracles; print(*[name for name in sys.modules if 'oracles' in name])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
                            check=True).stdout  # fmt: skip
    assert loaded.split() == ["tinygen.oracles"]


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'Perfect'"):
        oracles.Perfect  # noqa: B018
